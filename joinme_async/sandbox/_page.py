"""The sandbox's own page: what it is answered, and what it shows as JSON. No request of it is one of the service."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from joinme_async._errors import ConfigurationError
from joinme_async._http import Request, Response
from joinme_async.sandbox._faults import Planted
from joinme_async.sandbox._guard import is_loopback, why_refused
from joinme_async.sandbox._service import Entry, Service, StoredMeeting

_REQUESTS: Final = 100  # how many of each are shown
_MEETINGS: Final = 200
_FAULTS: Final = 100
_LETTERS: Final = 200  # of a name or a path

_HTML: Final = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def _hashes(tag: str) -> str:
    """Return the CSP sources that allow what stands in the page's own elements of that name, and nothing else."""
    inside = re.findall(f"<{tag}>(.*?)</{tag}>", _HTML, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inside)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hashes('script')}; style-src {_hashes('style')}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE: Final = Response(200, {**_HEADERS, "Content-Type": "text/html; charset=utf-8"}, _HTML.encode())


class Page:
    """Answers the page's requests about `service`.

    Args:
        service: whose state is shown.
        run: tells this sandbox from another that answered at the same address before.
        host: where it listens; None where that is not known.
    """

    def __init__(self, service: Service, run: str, host: str | None = None) -> None:
        self._service = service
        self._run = run
        self._names = frozenset(() if host is None else (host.lower(),))
        self._open = host is not None and not is_loopback(host)
        self._counted = 0
        self._outcomes: Counter[str] = Counter()

    def answer(self, request: Request, now: datetime) -> Response | None:
        """Return what the page is answered at `now`, or None where `request` is not one of the page."""
        url = urlsplit(request.url)
        reads = request.method in {"GET", "HEAD"}
        if not (url.path.startswith("/_page/") or (url.path == "/" and reads)):
            return None
        reason = why_refused(request, self._names, reads_page=url.path == "/")
        if reason is not None:
            return _json({"error": f"refused: {reason}"}, 403)
        match reads, request.method, url.path:
            case True, _, "/":
                return _PAGE
            case True, _, "/_page/state":
                return _json(self._state(parse_qs(url.query), now))
            case False, "POST", "/_page/plant" | "/_page/remove" | "/_page/clear":
                return self._change(url.path, request.content or b"")
        return _json({"error": "the page has nothing here"}, 404)

    def _change(self, path: str, content: bytes) -> Response:
        try:
            sent = json.loads(content)
        except (ValueError, RecursionError):
            sent = None
        if not isinstance(sent, dict):
            return _json({"error": "a JSON object is expected"}, 400)
        if path == "/_page/plant":
            return self._plant(sent)
        if sent.get("run") != self._run:
            return _json({"error": "this was meant for a sandbox that is gone"}, 409)
        if path == "/_page/clear":
            self._service.planted.clear()
        elif self._service.planted.pop(_number(sent.get("number")), None) is None:
            return _json({"error": "it has struck for the last time, or was taken away, meanwhile"}, 409)
        return _json({})

    def _plant(self, sent: dict[str, Any]) -> Response:
        try:
            self._service.plant([Planted.from_data(sent)])
        except ConfigurationError as error:
            return _json({"error": str(error)}, 400)
        return _json({})

    def _state(self, query: Mapping[str, list[str]], now: datetime) -> dict[str, Any]:
        """Return what changed since the page asked last, and all that is small."""
        meetings, how_many = self._service.next_meetings(now, _MEETINGS)
        # What tells the list shown from another: once a minute at least, since meetings come to pass.
        shown = f"{self._service.changes}.{meetings[0].id if meetings else 0}.{now:%H%M}"
        same = _first(query, "run") == self._run
        after = _number(_first(query, "after")) if same else 0
        requests, outcomes = self._count()
        planted = self._service.planted
        return {
            "run": self._run,
            "now": _time(now),
            "open": self._open,
            "totals": {"meetings": how_many, "requests": requests, "faults": len(planted), **outcomes},
            "requests": [_request(e) for e in self._service.ledger[max(after, requests - _REQUESTS) : requests]],
            "shown": shown,
            "meetings": None if same and _first(query, "shown") == shown else [_meeting(m) for m in meetings],
            "faults": [_fault(number, one) for number, one in tuple(planted.items())[:_FAULTS]],
        }

    def _count(self) -> tuple[int, dict[str, int]]:
        """Return the number of requests and how they ended; only those that are new are looked at."""
        ledger = self._service.ledger
        requests = len(ledger)
        self._outcomes.update(_outcome(entry.status) for entry in ledger[self._counted : requests])
        self._counted = requests
        return requests, {name: self._outcomes[name] for name in ("done", "refused", "failed", "unanswered")}


def _outcome(status: int) -> str:
    return {2: "done", 5: "failed", 0: "unanswered"}.get(status // 100, "refused")


def _request(entry: Entry) -> dict[str, Any]:
    later = (entry.committed - entry.at).total_seconds() if entry.committed is not None else 0
    return {
        "number": entry.number,
        "at": _time(entry.at),
        "method": _short(entry.method),
        "path": _short(entry.path),
        "status": entry.status,
        "outcome": _outcome(entry.status),
        "did": entry.did,
        "meeting": entry.meeting_id,
        "later": later,
        "fault": entry.fault and _short(entry.fault),
    }


def _meeting(meeting: StoredMeeting) -> dict[str, Any]:
    return {
        "id": meeting.id,
        "name": _short(meeting.name),
        "start": _time(meeting.start),
        "end": _time(meeting.end),
        "participants": len(meeting.participants),
    }


def _fault(number: int, planted: Planted) -> dict[str, Any]:
    name, on = _short(planted.fault.name), planted.on and planted.on.upper()
    return {"number": number, "name": name, "on": on, "times": planted.times, "skip": planted.skip}


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").replace(".000Z", "Z")


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _first(query: Mapping[str, list[str]], name: str) -> str:
    return query.get(name, [""])[0]


def _number(value: object) -> int:
    """Return the number that `value` is, or 0 for anything else; none is below 0."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0  # noqa: PLR2004


def _json(document: object, status: int = 200) -> Response:
    return Response(status, {**_HEADERS, "Content-Type": "application/json"}, json.dumps(document).encode())
