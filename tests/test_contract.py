"""The contract of a transport, over every one there is, and the five calls through each of them to the same sandbox."""

import asyncio
import gzip
import importlib
import importlib.util
import json
import logging
import pickle
import random
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import attrs
import httpx
import pytest
from anyio.lowlevel import checkpoint

from joinme_async import (
    ConfigurationError,
    JoinMe,
    JoinMeError,
    NotFoundError,
    OutcomeUnknownError,
    Request,
    Response,
    RetryPolicy,
    Transport,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import RecordingTransport
from joinme_async.transports.aiohttp import AiohttpTransport
from joinme_async.transports.httpx import HttpxTransport
from joinme_async.transports.httpx2 import Httpx2Transport
from joinme_async.transports.pyreqwest import PyreqwestTransport
from tests.conftest import HOUR, START, new_meeting
from tests.raw_server import free_port, raw_server, until_closed
from tests.showing import shown_by
from tests.tls_server import tls_server

_example = importlib.util.spec_from_file_location(
    "tiny_transport", Path(__file__).parents[1] / "examples" / "tiny_transport.py"
)
assert _example is not None
assert _example.loader is not None
tiny_transport = importlib.util.module_from_spec(_example)
_example.loader.exec_module(tiny_transport)


BUILT_IN: dict[str, Callable[..., Any]] = {
    "httpx": HttpxTransport, "httpx2": Httpx2Transport, "aiohttp": AiohttpTransport,
    "pyreqwest": PyreqwestTransport,
}  # fmt: skip
ASYNCIO_ONLY = {"aiohttp", "given aiohttp session", "pyreqwest", "tiny example"}


@asynccontextmanager
async def _closing(transport: Transport) -> AsyncIterator[Transport]:
    try:
        if prepare := getattr(transport, "prepare", None):
            await prepare()  # so that the time of a test is not that of reading certificates
        yield transport
    finally:
        await transport.aclose()


@asynccontextmanager
async def _given_httpx() -> AsyncIterator[Transport]:
    async with httpx.AsyncClient(follow_redirects=True, auth=("user", "password"), timeout=None) as client:
        yield HttpxTransport(client)


@asynccontextmanager
async def _given_aiohttp() -> AsyncIterator[Transport]:
    async with aiohttp.ClientSession() as session:
        yield AiohttpTransport(session)


@asynccontextmanager
async def _recording() -> AsyncIterator[Transport]:
    async with _closing(HttpxTransport()) as transport:
        yield RecordingTransport(transport)


HTTP: dict[str, Callable[[], Any]] = {
    **{name: lambda made=made: _closing(made()) for name, made in BUILT_IN.items()},
    "given httpx client": _given_httpx,
    "given aiohttp session": _given_aiohttp,
    "recording": _recording,
    "tiny example": lambda: _closing(tiny_transport.TinyTransport()),
}


def pick(name: str, anyio_backend: str) -> str:
    """Return the name of a transport, where its library runs on this event loop."""
    if name in ASYNCIO_ONLY and anyio_backend == "trio":
        pytest.skip("its library runs on asyncio only")
    return name


@pytest.fixture(params=HTTP)
def over_http(request: pytest.FixtureRequest, anyio_backend: str) -> Callable[[], Any]:
    """Make a transport that opens real connections."""
    return HTTP[pick(request.param, anyio_backend)]


@pytest.fixture(params=BUILT_IN)
def made(request: pytest.FixtureRequest, anyio_backend: str) -> Callable[..., Any]:
    """Make a transport of the package with the settings of a test."""
    transport = BUILT_IN[pick(request.param, anyio_backend)]
    return lambda **settings: _closing(transport(**settings))


@pytest.fixture
def served() -> Iterator[tuple[Sandbox, str]]:
    sandbox = Sandbox()
    with sandbox.serve() as url:
        yield sandbox, url


@pytest.fixture(params=["in process", *HTTP])
def way(request: pytest.FixtureRequest, anyio_backend: str, served: tuple[Sandbox, str]) -> Any:
    """A sandbox and a client of it, in process and over HTTP through every transport."""
    sandbox, url = served
    pick(request.param, anyio_backend)

    @asynccontextmanager
    async def connect(**options: Any) -> AsyncIterator[JoinMe]:
        if request.param == "in process":
            yield JoinMe(sandbox.token, transport=sandbox.transport(), **options)
        else:
            async with HTTP[request.param]() as transport:
                yield JoinMe(sandbox.token, base_url=url, transport=transport, **options)

    return sandbox, connect, request.param


@pytest.mark.parametrize("make", [HttpxTransport, Httpx2Transport, AiohttpTransport])
@pytest.mark.parametrize("verify", ["corporate-ca.pem", Path("corporate-ca.pem"), None, 1], ids=repr)
def test_what_cannot_verify_is_refused_when_it_is_given(make: Callable[..., Transport], verify: object) -> None:
    """Not when a call fails of it, which then looks as if its request had left."""
    with pytest.raises(ConfigurationError, match=r"ssl.create_default_context\(cafile"):
        make(verify=verify)


@pytest.mark.parametrize("make", [HttpxTransport, Httpx2Transport, AiohttpTransport])
def test_a_context_is_known_by_what_it_does(make: Callable[..., Transport], monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries that bring the system's certificates put a class of theirs in the place of Python's."""
    context = ssl.create_default_context()
    monkeypatch.setattr(ssl, "SSLContext", type("Another", (), {}))
    assert make(verify=context).concurrency == 100


async def test_the_five_calls(way: Any) -> None:
    """Scheduled, read, listed, changed, cancelled: the ledger is the same whichever way the calls came."""
    sandbox, connect, _ = way
    async with connect() as joinme:
        # Far ahead, since a served sandbox lives in real time and lists upcoming meetings only.
        far = {"start": START.replace(year=9998), "end": (START + HOUR).replace(year=9998)}
        meeting = await joinme.meetings.schedule(new_meeting(name="Déjeuner ☕", **far))
        full = await joinme.meetings.get(meeting.id)
        assert (full.name, full.participants) == ("Déjeuner ☕", ("boss@join.me",))
        assert [listed.id for listed in await joinme.meetings.list(until=full.end)] == [full.id]
        assert (await joinme.meetings.update(full, participants=[])).participants == ()
        await joinme.meetings.delete(full)
        with pytest.raises(NotFoundError):
            await joinme.meetings.get(full.id)
    assert [(entry.method, entry.status, entry.did) for entry in sandbox.ledger] == [
        ("POST", 201, "created"), ("GET", 200, ""), ("GET", 200, ""), ("PATCH", 201, "changed"), ("DELETE", 204, "deleted"),
        ("GET", 404, ""),
    ]  # fmt: skip
    assert sandbox.ledger[2].query == {"endDate": "9998-06-02T10:00:00Z"}
    assert sandbox.ledger[3].body == {"participants": [], "startWithPersonalUrl": False}
    assert [entry.body for entry in sandbox.ledger if entry.method in {"GET", "DELETE"}] == [None] * 4


@pytest.mark.parametrize(
    ("fault", "sent", "done"),
    [
        pytest.param(Fault.lose(), True, 1, id="lost after the work"),
        pytest.param(Fault.lose(done=False), True, 0, id="lost before the work"),
        pytest.param(Fault.cut(), True, 1, id="cut"),
        pytest.param(Fault.late(30), True, 1, id="late"),
    ],
)
async def test_a_lost_answer_may_have_been_sent(fault: Fault, sent: bool, done: int, way: Any) -> None:
    """However the answer is lost, the transport does not claim that nothing was sent, and the fault was really met."""
    sandbox, connect, _ = way
    sandbox.plant(fault)
    async with connect(timeout=0.5) as joinme:
        with pytest.raises(Exception, match="not known") as caught:
            await joinme.meetings.schedule(new_meeting())
    last = caught.value.last  # type: ignore[attr-defined]
    transport_error = last if isinstance(last, TransportError) else last.last
    assert isinstance(transport_error, TransportError)
    assert transport_error.request_sent is sent
    assert isinstance(transport_error, TransportTimeoutError) is (fault.delay > 0)
    assert ([entry.fault for entry in sandbox.ledger], len(sandbox.meetings)) == ([fault.name], done)


async def test_a_connection_that_ends_behind_an_answer_does_not_harm_the_next_call(way: Any) -> None:
    """A server that hangs up between two calls costs nothing: the dead connection is noticed or the call is new."""
    sandbox, connect, _ = way
    async with connect() as joinme:
        for _ in range(3):
            sandbox.plant(Fault.hang_up())
            await joinme.meetings.list()
            await anyio.sleep(0.05)  # the end of the connection has to cross loopback
    assert [entry.status for entry in sandbox.ledger] == [200] * 3


def get(url: str, timeout: float | None = 5.0) -> Request:
    return Request("GET", url, {}, None, timeout)


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


async def test_a_refused_connection_sent_nothing(over_http: Callable[[], Any]) -> None:
    """Nobody listens: the one case in which a transport can be certain."""
    async with over_http() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(get(f"http://127.0.0.1:{free_port()}/"))
    assert caught.value.request_sent is False


async def test_a_failed_handshake_sent_nothing(over_http: Callable[[], Any]) -> None:
    """TLS with a server that speaks none fails before any byte of the request."""

    def no_tls(connection: Any, _: bytes) -> None:
        connection.sendall(b"what?\r\n")

    with raw_server(no_tls, listen=False) as (url, _):
        async with over_http() as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(get(url.replace("http", "https")))
    # aiohttp reports this as an error of connecting or of the connection, by version: the tiny one may be unsure.
    assert caught.value.request_sent is False or over_http is HTTP["tiny example"]


# On trio, httpx 0.28 leaves its own generators to the garbage collector after a body that cannot be decoded.
@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")
@pytest.mark.parametrize(
    "reply",
    [b"", b"\x00\x01garbage\r\n\r\n", b"HTTP/1.1 200", head("200 OK", "Content-Length: 10") + b"12345",
     head("200 OK", "Transfer-Encoding: chunked") + b"5\r\n12345\r\n",
     head("200 OK", "Content-Length: 4", "Content-Encoding: gzip") + b"junk"],
    ids=["nothing", "garbage", "half a status line", "half a body", "no last chunk", "bad gzip"],
)  # fmt: skip
async def test_a_broken_answer_is_a_transport_error(reply: bytes, over_http: Callable[[], Any]) -> None:
    """Whatever a server makes of HTTP, it is a TransportError, and the request may have been seen."""
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        async with over_http() as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(get(url))
    assert caught.value.request_sent is True


async def test_a_redirect_is_not_followed(over_http: Callable[[], Any]) -> None:
    """The token of one host is not carried to another: a redirect is an answer like any other."""
    reply = head("307 Temporary Redirect", "Location: http://127.0.0.1:9/elsewhere", "Content-Length: 0")
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, connections):
        async with over_http() as transport:
            response = await transport.send(get(url))
        assert len(connections) == 1
    assert (response.status, response.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")


async def test_a_request_goes_out_as_it_is(over_http: Callable[[], Any]) -> None:
    """Method, target, headers and body on the wire are those of the request; no cookie and no other login is added."""
    heads: list[bytes] = []

    def note(connection: Any, seen: bytes) -> None:
        heads.append(seen)
        connection.sendall(head("200 OK", "Content-Length: 0", "Set-Cookie: a=b; Path=/", "Connection: close"))

    with raw_server(note) as (url, _):
        async with over_http() as transport:
            for _ in range(2):
                headers = {"Authorization": "Bearer tok", "Content-Type": "application/json"}
                await transport.send(Request("DELETE", f"{url}/v1/meetings/7?a=%2Fb", headers, None, 5.0))
    for seen in heads:
        first, *lines = seen.decode("latin-1").split("\r\n")
        names = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines if line}
        assert first == "DELETE /v1/meetings/7?a=%2Fb HTTP/1.1"
        assert (names["authorization"], names["content-type"]) == ("Bearer tok", "application/json")
        assert "cookie" not in names or over_http is _given_httpx  # a given client keeps cookies if it likes
        assert names.get("content-length", "0") == "0"
        assert "transfer-encoding" not in names


async def test_a_slow_answer_is_cut_off_as_a_whole(over_http: Callable[[], Any]) -> None:
    """A server that sends a byte now and then is alive, and late all the same."""

    def drip(connection: Any, _: bytes) -> None:
        connection.sendall(head("200 OK", "Content-Length: 1000"))
        while True:
            connection.sendall(b"x")
            connection.settimeout(0.05)
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                pass

    with raw_server(drip) as (url, _):
        async with over_http() as transport:
            with pytest.raises(TransportTimeoutError) as caught:
                await transport.send(get(url, timeout=0.25))
    assert caught.value.request_sent is True


async def test_cancelling_frees_the_connection(over_http: Callable[[], Any]) -> None:
    """A cancelled call raises nothing of its own, and its connection is closed."""
    began = anyio.Event()
    closed: list[bool] = []

    def wait(connection: Any, _: bytes) -> None:
        anyio.from_thread.run_sync(began.set, token=token)
        until_closed(connection)
        closed.append(True)

    token = anyio.lowlevel.current_token()
    with raw_server(wait) as (url, _):
        async with over_http() as transport, anyio.create_task_group() as group:
            group.start_soon(transport.send, get(url, timeout=None))
            await began.wait()
            group.cancel_scope.cancel()
    await checkpoint()
    assert closed == [True]


async def test_a_big_body_comes_whole(over_http: Callable[[], Any]) -> None:
    """Three megabytes in odd pieces arrive as they were sent."""
    body = bytes(range(256)) * 12_000

    def send(connection: Any, _: bytes) -> None:
        connection.sendall(head("200 OK", f"Content-Length: {len(body)}"))
        for begin in range(0, len(body), 70_001):
            connection.sendall(body[begin : begin + 70_001])

    with raw_server(send) as (url, _):
        async with over_http() as transport:
            response = await transport.send(get(url, timeout=30.0))
    assert response.content == body


async def test_closing_twice_does_nothing(over_http: Callable[[], Any]) -> None:
    """Aclose may be called by whoever likes to be certain."""
    async with over_http() as transport:
        await transport.aclose()
        await transport.aclose()


async def test_responses_are_ours(over_http: Callable[[], Any]) -> None:
    """What comes back is a Response with headers in any letter case, several of one name kept apart."""
    reply = head("299 Odd", "X-One: 1", "x-one: 2", "Content-Length: 2") + b"ok"
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        async with over_http() as transport:
            response = await transport.send(get(url))
    assert type(response) is Response
    assert (response.status, response.content, response.is_success) == (299, b"ok", True)
    assert response.headers.get_all("X-ONE") == ("1", "2")
    assert attrs.evolve(response, status=200).headers is response.headers


async def test_a_body_without_a_type_gets_none(over_http: Callable[[], Any]) -> None:
    """What is not in the request is not claimed on its behalf; its length is counted."""
    heads: list[bytes] = []

    def note(connection: Any, seen: bytes) -> None:
        heads.append(seen)
        connection.sendall(head("204 No Content", "Connection: close"))

    with raw_server(note) as (url, _):
        async with over_http() as transport:
            await transport.send(Request("PATCH", url, {"Accept": "a/b", "X-Odd": "1"}, b"{}", 5.0))
    lines = heads[0].decode("latin-1").lower().split("\r\n")
    assert {"accept: a/b", "x-odd: 1", "content-length: 2"} <= set(lines)
    assert not [line for line in lines if line.startswith("content-type")] or over_http is HTTP["tiny example"]


@pytest.mark.parametrize("squeeze", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_squeezed_body_is_read_as_what_it_was(
    announced: bool, squeeze: Callable[[bytes], bytes], over_http: Callable[[], Any]
) -> None:
    """Content codings are undone, however the body is delimited."""
    body = squeeze(b"plain " * 1000)
    coding = f"Content-Encoding: {'gzip' if squeeze is gzip.compress else 'deflate'}"

    def answer(connection: Any, _: bytes) -> None:
        if announced:
            connection.sendall(head("200 OK", coding, f"Content-Length: {len(body)}") + body)
        else:
            chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            connection.sendall(head("200 OK", coding, "Transfer-Encoding: chunked") + chunk)

    with raw_server(answer) as (url, _):
        async with over_http() as transport:
            assert (await transport.send(get(url))).content == b"plain " * 1000


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_nothing_is_sent_twice(method: str, over_http: Callable[[], Any]) -> None:
    """A kept connection that ends under a request, once it was read: one sending, and the doubt is told."""
    heads: list[bytes] = []

    def once(connection: Any, seen: bytes) -> None:
        heads.append(seen)
        connection.sendall(head("200 OK", "Content-Length: 0"))
        if len(heads) == 1:
            heads.append(connection.recv(65536))  # and hang up without a word

    with raw_server(once) as (url, _):
        async with over_http() as transport:
            await transport.send(get(url))
            if over_http is HTTP["tiny example"]:
                return  # it keeps no connection
            with pytest.raises(TransportError) as caught:
                await transport.send(Request(method, f"{url}/again", {}, b"{}" if method == "POST" else None, 5.0))
    assert caught.value.request_sent is True
    assert [seen.split()[0] for seen in heads] == [b"GET", method.encode()]


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_nothing_is_sent_twice_on_a_new_connection(method: str, over_http: Callable[[], Any]) -> None:
    """A server that reads a request and hangs up has read it once: aiohttp by itself would send it again."""
    heads: list[bytes] = []
    with raw_server(lambda _, seen: heads.append(seen)) as (url, _):
        async with over_http() as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(Request(method, url, {}, b"{}" if method == "POST" else None, 5.0))
    assert caught.value.request_sent is True
    assert [seen.split()[0] for seen in heads] == [method.encode()]


async def test_a_login_of_netrc_is_not_used(
    over_http: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A token is the only login there is, whatever a file in the user's home says of the host."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    heads: list[bytes] = []

    def note(connection: Any, seen: bytes) -> None:
        heads.append(seen)
        connection.sendall(head("204 No Content", "Connection: close"))

    with raw_server(note) as (url, _):
        async with over_http() as transport:
            await transport.send(get(url))
            await transport.send(Request("GET", url, {"Authorization": "Bearer tok"}, None, 5.0))
    assert [seen.lower().count(b"authorization") for seen in heads] == [0, 1]


class Counted:
    """Counts the connections that are open at once; a handler for `raw_server` that answers any number of requests.

    Args:
        patience: seconds before each answer; None: none is given, and the connection is held.
    """

    def __init__(self, patience: float | None = 0.0) -> None:
        self.patience = patience
        self.served = self.open = self.most = 0
        self._lock = threading.Lock()

    def _count(self, change: int) -> None:
        with self._lock:
            self.open += change
            self.most = max(self.most, self.open)

    def __call__(self, connection: Any, _: bytes) -> None:
        self._count(1)
        try:
            while True:
                if self.patience is None:
                    return until_closed(connection)
                time.sleep(self.patience)
                self.served += 1
                connection.sendall(head("200 OK", "Content-Length: 2") + b"ok")
                if not connection.recv(65536):
                    return None
        finally:
            self._count(-1)


async def test_an_idle_connection_that_ended_costs_nothing(made: Callable[..., Any]) -> None:
    """A server that closes what is idle, as all do: the next call, a POST even, goes over a new connection."""

    def answer(connection: Any, _: bytes) -> None:
        connection.sendall(head("200 OK", "Content-Length: 0"))

    with raw_server(answer) as (url, connections):
        async with made() as transport:
            for method in ("GET", "POST", "DELETE", "GET"):
                await transport.send(Request(method, url, {}, b"{}" if method == "POST" else None, 5.0))
                await anyio.sleep(0.03)
    assert len(connections) == 4


async def test_a_post_after_a_busy_spell_is_not_written_to_a_dead_connection(made: Callable[..., Any]) -> None:
    """The end of the connection came while the event loop was at something else: it is noticed before the write."""

    def answer(connection: Any, _: bytes) -> None:
        connection.sendall(head("200 OK", "Content-Length: 0"))

    with raw_server(answer) as (url, _):
        async with made() as transport:
            await transport.send(get(url))
            time.sleep(0.05)  # noqa: ASYNC251
            assert (await transport.send(Request("POST", url, {}, b"{}", 5.0))).status == 200


async def test_connections_are_kept_and_never_more_than_allowed(made: Callable[..., Any]) -> None:
    """Thirty calls at once over three connections all end, over the same three."""
    server = Counted(0.002)
    with raw_server(server) as (url, connections):
        async with made(concurrency=3) as transport:
            assert transport.concurrency == 3
            async with anyio.create_task_group() as group:
                for _ in range(30):
                    group.start_soon(transport.send, get(url))
        assert (server.served, server.most, len(connections)) == (30, 3, 3)


async def test_nobody_is_lost_when_others_are_cancelled(made: Callable[..., Any]) -> None:
    """Half of a hundred calls are cancelled in flight, again and again; all others, and all later ones, are answered."""
    server = Counted(0.005)
    answered: list[int] = []

    async def call(transport: Transport, url: str, scope: anyio.CancelScope) -> None:
        with scope:
            answered.append((await transport.send(get(url, 10.0))).status)

    with raw_server(server) as (url, _):
        async with made(concurrency=10) as transport:
            for wait in (0.0, 0.004, 0.012):
                scopes = [anyio.CancelScope() for _ in range(60)]
                async with anyio.create_task_group() as group:
                    for scope in scopes:
                        group.start_soon(call, transport, url, scope)
                    await anyio.sleep(wait)
                    for scope in scopes[::2]:
                        scope.cancel()
                assert len(answered) >= 30
                answered.clear()
            async with anyio.create_task_group() as group:
                for _ in range(60):
                    group.start_soon(call, transport, url, anyio.CancelScope())
            assert len(answered) == 60
        assert server.most <= 2 * 10  # the server hears of the end of a cancelled call only when it comes to answer it


async def test_waiting_for_a_free_connection_sent_nothing(made: Callable[..., Any]) -> None:
    """Who runs out of time while another call has the only connection has sent nothing, and the other is not harmed."""
    server = Counted(None)
    with raw_server(server) as (url, connections):
        async with made(concurrency=1) as transport, anyio.create_task_group() as group:
            group.start_soon(transport.send, get(url, None))
            while not server.open:
                await anyio.sleep(0.005)
            with pytest.raises(TransportTimeoutError) as caught:
                await transport.send(get(url, 0.1))
            group.cancel_scope.cancel()
    assert caught.value.request_sent is False
    assert len(connections) == 1


# httpcore2 leaves the socket of a handshake that is cut off to the garbage collector, which would complain of it; and
# pyreqwest does not tell which of its time-outs were in a handshake.
@pytest.mark.parametrize("made", ["httpx", "aiohttp"], indirect=True)
async def test_time_that_runs_out_while_connecting_sent_nothing(made: Callable[..., Any]) -> None:
    """A handshake that is never answered: no byte of the request left."""
    with raw_server(lambda connection, _: until_closed(connection), listen=False) as (url, _):
        async with made() as transport:
            with pytest.raises(TransportTimeoutError) as caught:
                await transport.send(get(url.replace("http", "https"), 0.2))
    assert caught.value.request_sent is False


async def test_time_that_runs_out_before_the_head_of_an_answer(made: Callable[..., Any]) -> None:
    """The request was read, and no word came back: it may have been carried out."""
    with raw_server(lambda connection, _: until_closed(connection)) as (url, _):
        async with made() as transport:
            with pytest.raises(TransportTimeoutError) as caught:
                await transport.send(Request("POST", url, {}, b"{}", 0.2))
    assert caught.value.request_sent is True


@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")  # as for bad gzip
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("squeezed", [True, False], ids=["gzip", "plain"])
async def test_a_body_over_the_bound_is_refused_not_read(
    announced: bool, squeezed: bool, made: Callable[..., Any]
) -> None:
    """It is refused from its announced length, or as soon as it has grown too long, and its connection is closed."""
    incompressible = random.Random(0).randbytes(200_000)
    hung_up: list[bool] = []

    def flood(connection: Any, _: bytes) -> None:
        piece = gzip.compress(incompressible) if squeezed else incompressible
        coding = ["Content-Encoding: gzip"] if squeezed else []
        try:
            if announced:
                connection.sendall(head("200 OK", f"Content-Length: {10**9}", *coding) + piece)
            else:
                chunk = f"{len(piece):x}\r\n".encode() + piece
                connection.sendall(head("200 OK", "Transfer-Encoding: chunked", *coding) + chunk)
            until_closed(connection)
        finally:
            hung_up.append(True)

    with raw_server(flood) as (url, _):
        async with made(max_body=100_000) as transport:
            with pytest.raises(UnexpectedResponseError, match="longer than 100000 bytes") as caught:
                await transport.send(get(url))
            while not hung_up:
                await anyio.sleep(0.005)
    assert caught.value.status == 200


async def test_a_body_of_exactly_the_bound_is_read(made: Callable[..., Any]) -> None:
    """The bound itself is allowed."""
    reply = head("200 OK", "Content-Length: 5") + b"12345"
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        async with made(max_body=5) as transport:
            assert (await transport.send(get(url))).content == b"12345"


async def test_a_schedule_whose_answer_is_too_long_is_in_doubt(made: Callable[..., Any]) -> None:
    """The meeting was made, whatever the answer looked like."""
    reply = head("201 Created", "Content-Length: 99999") + b"x" * 99999
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        async with made(max_body=1000) as transport:
            with pytest.raises(OutcomeUnknownError) as caught:
                await JoinMe("tok", base_url=url, transport=transport).meetings.schedule(new_meeting())
    assert isinstance(caught.value.last, UnexpectedResponseError)


def _proxy(seen: list[bytes], reply: bytes) -> Any:
    def handle(connection: Any, request: bytes) -> None:
        seen.append(request)
        connection.sendall(reply)

    return raw_server(handle)


@pytest.mark.parametrize("how", ["environment", "argument"])
async def test_no_proxy_ever_sees_plain_http(
    how: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain http goes to this machine only; through a proxy, named or found, the token would travel in the clear."""
    seen: list[bytes] = []
    with _proxy(seen, head("200 OK")) as (proxy, _), _proxy([], head("204 No Content")) as (url, _):
        if how == "environment":
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, proxy)
        async with made(**({"proxy": proxy} if how == "argument" else {})) as transport:
            assert (await transport.send(get(url))).status == 204
    assert seen == []


@pytest.mark.parametrize("how", ["HTTPS_PROXY", "ALL_PROXY", "argument"])
async def test_a_proxy_that_refuses_the_tunnel_sent_nothing(
    how: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CONNECT to a proxy is no byte of the request: its refusal is no doubt about a POST, and shows no token."""
    seen: list[bytes] = []
    with _proxy(seen, head("403 Forbidden", "Content-Length: 0")) as (proxy, _):
        monkeypatch.setenv(
            "HTTPS_PROXY" if how == "argument" else how, "http://127.0.0.1:9" if how == "argument" else proxy
        )
        async with made(**({"proxy": proxy} if how == "argument" else {})) as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(
                    Request("POST", "https://api.join.me/v1/meetings?q=1", {"Authorization": "Bearer tok"}, b"{}", 5.0)
                )
    assert caught.value.request_sent is False
    assert "q=1" not in str(caught.value)
    assert seen[0].startswith(b"CONNECT api.join.me:443 ")
    assert b"tok" not in seen[0]


@pytest.mark.parametrize("spared", ["NO_PROXY", "trust_env"])
async def test_the_environment_may_spare_a_host(
    spared: str, made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host of NO_PROXY is reached directly, and every host where the environment is not trusted."""
    seen: list[bytes] = []
    with _proxy(seen, head("403 Forbidden", "Content-Length: 0")) as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY" if spared == "NO_PROXY" else "UNUSED", "localhost,127.0.0.1")
        async with made(trust_env=spared != "trust_env") as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(get(f"https://127.0.0.1:{free_port()}/"))
    assert (caught.value.request_sent, seen) == (False, [])


def trusting(made: Callable[..., Any], certificate: Path) -> Any:
    """Make a transport that trusts a CA: most take an `ssl.SSLContext`, one has TLS of its own and takes a file."""
    try:
        return made(verify=ssl.create_default_context(cafile=f"{certificate}.crt"), trust_env=False)
    except ConfigurationError as error:
        assert "TLS of its own: verify is the path of a PEM file" in str(error)
        return made(verify=f"{certificate}.crt", trust_env=False)


def _answer(tls: ssl.SSLSocket, _: socket.socket) -> None:
    tls.recv(65536)
    tls.sendall(head("204 No Content", "Connection: close"))
    until_closed(tls)


@pytest.mark.parametrize("trusted", ["CA given", "CA unknown", "checking nothing"])
async def test_a_corporate_ca_can_be_trusted(trusted: str, certificate: Path, made: Callable[..., Any]) -> None:
    """With the CA the call goes through TLS; without it nothing is sent, and that is certain."""
    with tls_server(certificate, _answer) as url:
        if trusted == "CA given":
            making = trusting(made, certificate)
        else:
            making = made(verify=trusted == "CA unknown", trust_env=False)
        async with making as transport:
            if trusted != "CA unknown":
                assert (await transport.send(get(url))).status == 204
            else:
                with pytest.raises(TransportError) as caught:
                    await transport.send(get(url))
                assert caught.value.request_sent is False


async def test_broken_tls_behind_a_request_leaves_it_in_doubt(certificate: Path, made: Callable[..., Any]) -> None:
    """A record that cannot be decrypted after the POST was read: whatever the library raises, it is in doubt."""

    def junk(tls: ssl.SSLSocket, _: socket.socket) -> None:
        tls.recv(65536)
        raw = socket.socket(fileno=tls.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        until_closed(raw)
        raw.close()

    with tls_server(certificate, junk) as url:
        async with trusting(made, certificate) as transport:
            with pytest.raises(OutcomeUnknownError) as caught:
                await JoinMe("tok", base_url=url, transport=transport).meetings.schedule(new_meeting())
    assert isinstance(caught.value.last, TransportError)


CREATED = {
    "meetingId": 7, "meetingName": "x", "meetingStart": "2027-06-02T09:00:00Z", "meetingEnd": "2027-06-02T10:00:00Z",
    "startWithPersonalUrl": False, "participants": ["boss@join.me"],
}  # fmt: skip


async def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture, made: Callable[..., Any]) -> None:
    """With everything logged at DEBUG, the library included, neither token nor address shows; nor does a repr."""
    caplog.set_level(logging.DEBUG)
    body = json.dumps(CREATED).encode()
    reply = head("201 Created", f"Content-Length: {len(body)}") + body
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        async with made() as transport:
            await JoinMe("tok-very-secret", base_url=url, transport=transport).meetings.schedule(new_meeting())
            shown = repr(transport) + repr(vars(transport))
    shown += "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)
    assert "tok-very-secret" not in shown
    assert "boss@join.me" not in shown


@pytest.mark.parametrize(
    "reply",
    [b"Bearer tok-very-secret boss@join.me\r\n\r\n",
     head("200 OK", "X-Echo: Bearer tok-very-secret boss@join.me", "Content-Length: 9") + b"boss@join.me"[:4],
     head("200 OK", "X Bearer tok-very-secret boss@join.me", "") + b"",
     head("200 Bearer tok-very-secret boss@join.me", "Content-Encoding: gzip", "Content-Length: 4") + b"boss",
     head("200 OK", "Transfer-Encoding: chunked") + b"tok-very-secret boss@join.me\r\n",
     head("200 OK", "X-Echo: tok-very-secret boss@join.me", "Content-Length: 999999")],
    ids=["no HTTP", "cut body", "no header", "bad gzip", "bad chunk", "too long"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")  # as for bad gzip
async def test_an_echo_in_a_broken_answer_is_not_repeated(reply: bytes, made: Callable[..., Any]) -> None:
    """Whatever a server puts into what it breaks, neither message nor traceback shows token or address."""
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        async with made(max_body=1000) as transport:
            joinme = JoinMe("tok-very-secret", base_url=url, transport=transport, retry=RetryPolicy.never())
            for call in (joinme.meetings.schedule(new_meeting()), joinme.meetings.get(7)):
                with pytest.raises(JoinMeError) as caught:
                    await call
                shown = shown_by(caught.value)
                assert "very-secret" not in shown
                assert "boss@" not in shown


async def test_used_after_its_end_it_says_so(made: Callable[..., Any]) -> None:
    """A closed transport makes no new connection."""
    async with made() as transport:
        await transport.aclose()
        with pytest.raises(ConfigurationError, match="is closed: make a new one"):
            await transport.send(get(f"http://127.0.0.1:{free_port()}/"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_second_event_loop_gets_connections_of_its_own(name: str) -> None:
    """Those of a loop that has ended are not used again."""
    with raw_server(lambda c, _: c.sendall(head("204 No Content", "Connection: close"))) as (url, connections):
        transport = BUILT_IN[name]()

        async def use(close: bool) -> None:
            assert (await transport.send(get(url))).status == 204
            if close:
                await transport.aclose()

        for close in (False, False, True):
            asyncio.run(use(close))
    assert len(connections) == 3


@pytest.mark.parametrize("name", sorted(ASYNCIO_ONLY & set(BUILT_IN)))
def test_on_trio_it_says_what_to_use(name: str) -> None:
    """A transport whose library knows asyncio alone says so, and names one that runs."""
    transport = BUILT_IN[name]()
    with pytest.raises(ConfigurationError, match=r"runs on asyncio only.*use HttpxTransport"):
        anyio.run(transport.send, get("http://127.0.0.1:9/"), backend="trio")


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "httpx"])
def test_a_missing_library_names_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import says what to install; it is an ImportError as well, so that a fallback works as it always does."""
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"joinme_async.transports.{name}")
    with pytest.raises(ConfigurationError, match=rf"pip install 'joinme-async\[{name}\]'") as caught:
        importlib.import_module(f"joinme_async.transports.{name}")
    assert isinstance(caught.value, ImportError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("name", ["httpx2", "aiohttp", "pyreqwest"])
def test_one_that_keeps_time_says_so(name: str) -> None:
    """Whoever drives it need set no second timer; that time is kept, the tests of slow answers hold."""
    assert BUILT_IN[name].keeps_time is True


@pytest.mark.parametrize("name", BUILT_IN)
def test_without_a_connection_there_is_no_call(name: str) -> None:
    """A transport that could carry nothing would let every call wait out its deadline."""
    with pytest.raises(ConfigurationError, match="one at least"):
        BUILT_IN[name](concurrency=0)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_repr_says_what_it_is(name: str) -> None:
    """Whose client, how many connections."""
    transport = BUILT_IN[name](concurrency=7)
    assert repr(transport).startswith(f"<{type(transport).__name__}: own ")
    assert repr(transport).endswith(", 7 connections>")


async def test_a_given_aiohttp_session_is_used_as_it_is_and_not_closed(anyio_backend: str) -> None:
    """Its headers and middlewares hold, it stays open, and once it is closed that is said."""
    pick("aiohttp", anyio_backend)
    heads: list[bytes] = []

    async def mark(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        request.headers["X-Marked"] = "yes"
        return await handler(request)

    def note(connection: Any, seen: bytes) -> None:
        heads.append(seen)
        connection.sendall(head("204 No Content", "Connection: close"))

    with raw_server(note) as (url, _):
        session = aiohttp.ClientSession(headers={"X-Own": "yes"}, middlewares=[mark])
        transport = AiohttpTransport(session)
        await transport.send(get(url))
        await transport.aclose()
        assert not session.closed
        await session.close()
    with pytest.raises(ConfigurationError, match="is closed"):
        await transport.send(get(url))
    assert b"X-Own: yes" in heads[0]
    assert b"X-Marked: yes" in heads[0]


@pytest.mark.parametrize("settings", [{"proxy": "http://127.0.0.1:9"}, {"verify": False}], ids=["proxy", "verify"])
async def test_a_given_aiohttp_session_has_its_own_settings(settings: dict[str, Any], anyio_backend: str) -> None:
    """A setting that would not be heeded is refused, and so is a session that is none."""
    pick("aiohttp", anyio_backend)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="settings of its own"):
            AiohttpTransport(session, **settings)
    with pytest.raises(ConfigurationError, match="not str"):
        AiohttpTransport("session")  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["HTTPS_PROXY", "argument"])
def test_a_proxy_that_aiohttp_cannot_use_is_refused(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than going round a proxy, the transport is not made; no password of the proxy shows."""
    monkeypatch.setenv("HTTPS_PROXY" if how == "HTTPS_PROXY" else "UNUSED", "socks5://user:secret@127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="socks5:// cannot be used: http, https can") as caught:
        AiohttpTransport(proxy="socks5://user:secret@127.0.0.1:9" if how == "argument" else None)
    assert "secret" not in str(caught.value)
    assert repr(AiohttpTransport(proxy="http://user:secret@127.0.0.1:9")._proxy) == "<Proxy: for https>"
