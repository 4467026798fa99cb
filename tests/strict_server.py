"""A join.me written from its page alone, with the standard library, knowing nothing of this package.

It answers 400 to whatever it would have to guess at. It is judged neither by the sandbox nor by the client: it is a third
reading of the same page.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TYPES = {"meetingStart": str, "meetingEnd": str, "meetingName": str, "startWithPersonalUrl": bool, "participants": list}
ISO_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def moment(text: str) -> datetime:
    """Read ISO 8601 in UTC, as every example on the page has it."""
    if not ISO_UTC.fullmatch(text):
        raise ValueError(f"not ISO 8601 UTC: {text}")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class Handler(BaseHTTPRequestHandler):
    """Answers the five calls of the page."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_: object) -> None: ...

    def answer(self, status: int, document: object = None) -> None:
        body = b"" if status == 204 else json.dumps(document).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_one(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        try:
            status, document = self.dispatch(url.path, parse_qs(url.query, strict_parsing=bool(url.query)), body)
        except KeyError as error:
            status, document = 404, {"Message": str(error), "ErrorCode": "not_found"}
        except ValueError as error:
            self.server.complaints.append(str(error))
            status, document = 400, {"Message": str(error), "ErrorCode": "invalid_request"}
        self.answer(status, document)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def dispatch(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        self.check_headers(body)
        meetings = self.server.meetings
        if path == "/v1/meetings" and self.command == "GET":
            return 200, {"meetings": [self.short(m) for m in meetings.values() if self.until(m, query)]}
        if query:
            raise ValueError("no query parameter is documented here")
        if path == "/v1/meetings" and self.command == "POST":
            sent = self.properties(body, required={"meetingStart", "meetingEnd", "meetingName"})
            number = 12345 + len(self.server.seen)
            meetings[number] = {"startWithPersonalUrl": False, "participants": []} | sent | {"meetingId": number}
            return 201, meetings[number]
        found = re.fullmatch(r"/v1/meetings/([0-9]+)", path)
        if found is None:
            raise ValueError(f"not documented: {self.command} {path}")
        meeting = meetings[int(found[1])]
        if self.command == "GET":
            return 200, meeting | {"conferenceId": "123456789"}
        if self.command == "PATCH":
            sent = self.properties(body, required=set(), known=meeting)
            meeting.update({"startWithPersonalUrl": False} | sent)
            return 201, meeting
        del meetings[int(found[1])]
        return 204, None

    def check_headers(self, body: bytes) -> None:
        if self.headers.get_all("Content-Type") != ["application/json"]:
            raise ValueError("Content-Type: application/json is required on every call")
        if self.headers.get_all("Authorization") != ["Bearer accesstoken"]:
            raise ValueError("Authorization: Bearer {access token} is required on every call")
        if self.command in {"GET", "DELETE"} and (body or "Transfer-Encoding" in self.headers):
            raise ValueError("a body is not documented here")

    def until(self, meeting: dict[str, Any], query: dict[str, list[str]]) -> bool:
        if set(query) - {"endDate"} or len(query.get("endDate", [])) > 1:
            raise ValueError("only endDate is documented")
        return "endDate" not in query or moment(meeting["meetingEnd"]) <= moment(query["endDate"][0])

    def properties(self, body: bytes, required: set[str], known: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = json.loads(body.decode("utf-8"), object_pairs_hook=self.no_twins)
        if not isinstance(sent, dict) or not required <= set(sent) <= set(TYPES):
            raise ValueError(f"properties that are not documented, or missing ones: {sorted(sent)}")
        for name, value in sent.items():
            if type(value) is not TYPES[name]:
                raise ValueError(f"{name} is not of its type")
        both = (known or {}) | sent
        start, end = moment(both["meetingStart"]), moment(both["meetingEnd"])
        if not start < end or end - start > timedelta(days=14):
            raise ValueError("the start must precede the end, by 14 days at the most")
        if not all(isinstance(p, str) and re.fullmatch(r"[^@\s]+@[^@\s]+", p) for p in both.get("participants", [])):
            raise ValueError("participants are e-mail addresses")
        return sent

    @staticmethod
    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a property comes twice")
        return dict(pairs)

    @staticmethod
    def short(meeting: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in meeting.items() if name != "participants"}


class Server(ThreadingHTTPServer):
    """Holds the meetings, all requests, and what it had to complain about."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.meetings: dict[int, dict[str, Any]] = {}
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.complaints: list[str] = []


@contextmanager
def strict_server() -> Iterator[tuple[Server, str]]:
    """Serve on loopback until the block is left."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
