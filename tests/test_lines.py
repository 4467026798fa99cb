"""The fast way of the default transport: one connection for each call under way, over real sockets and real proxies."""

import asyncio
import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from joinme_async import ConfigurationError, JoinMe, Request, TransportError, TransportTimeoutError
from joinme_async.transports._lines import _Given, _split
from joinme_async.transports.httpx import HttpxTransport
from tests.raw_server import free_port, raw_server, until_closed
from tests.showing import shown_by
from tests.test_contract import get, head

EMPTY = head("200 OK", "Content-Length: 0")


def request_of(connection: socket.socket) -> bytes:
    """Read one request, with its body; empty where the other side has hung up."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        piece = connection.recv(65536)
        if not piece:
            return b""
        seen += piece
    top, _, body = seen.partition(b"\r\n\r\n")
    announced = [line.split(b":")[1] for line in top.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while announced and len(body) < int(announced[0]):
        body += connection.recv(65536)
    return top + b"\r\n\r\n" + body


def keeping(answer: bytes = EMPTY, delay: float = 0.0) -> Callable[[socket.socket, bytes], None]:
    """A handler that answers every request of a connection until the other side hangs up."""

    def handle(connection: socket.socket, _: bytes) -> None:
        while request_of(connection):
            time.sleep(delay)
            connection.sendall(answer)

    return handle


def server(handler: Any) -> Any:
    return raw_server(handler, listen=False)


@contextmanager
def tls_keeping(pem: Path, handler: Any) -> Iterator[tuple[int, list[socket.socket]]]:
    """Serve any number of connections over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def serve(connection: socket.socket, head: bytes) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as tls:
            handler(tls, head)

    with server(serve) as (url, connections):
        yield int(url.rpartition(":")[2]), connections


def trusting(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=f"{pem}.crt")


# Connections


async def test_an_idle_connection_is_not_kept_for_ever() -> None:
    """With no time to be kept, each call opens its own, and the one before is closed."""
    closed: list[bool] = []

    def handle(connection: socket.socket, _: bytes) -> None:
        keeping()(connection, b"")
        closed.append(True)

    with server(handle) as (url, connections):
        transport = HttpxTransport(keepalive=0.0)
        for _ in range(3):
            await transport.send(get(url))
            await anyio.sleep(0.002)
        await transport.aclose()
    assert (len(connections), len(closed)) == (3, 3)


async def test_another_host_takes_the_place_of_an_idle_connection() -> None:
    """The bound is one of all connections, wherever they lead."""
    open_now: list[str] = []

    def noting(name: str) -> Any:
        def handle(connection: socket.socket, _: bytes) -> None:
            open_now.append(name)
            keeping()(connection, b"")
            open_now.remove(name)

        return handle

    with server(noting("a")) as (one, _), server(noting("b")) as (two, _):
        transport = HttpxTransport(concurrency=1)
        for url, name in ((one, "a"), (two, "b")) * 2:
            await transport.send(get(url))
            with anyio.fail_after(5):
                while open_now != [name]:  # until the end of the other connection is noticed over there
                    await anyio.sleep(0.001)
        await transport.aclose()


@pytest.mark.parametrize("body", [b"{}", b"x" * 200_000], ids=["small", "big"])
async def test_a_connection_that_ended_while_nobody_looked_is_no_matter(body: bytes) -> None:
    """Where the event loop was too busy to notice, nothing is written to it, and a new one carries the call."""
    ended = threading.Event()

    def once(connection: socket.socket, _: bytes) -> None:
        connection.sendall(EMPTY if request_of(connection) else b"")
        connection.shutdown(socket.SHUT_RDWR)
        ended.set()

    with server(once) as (url, connections):
        transport = HttpxTransport()
        assert (await transport.send(get(url))).status == 200
        ended.wait(5)  # with the event loop standing still
        assert (await transport.send(Request("POST", url, {}, body, 5.0))).status == 200
        await transport.aclose()
    assert len(connections) == 2


@pytest.mark.parametrize("later", [0.0, 0.02], ids=["in the same packet", "later"])
@pytest.mark.parametrize("busy", [True, False], ids=["event loop busy", "event loop idle"])
@pytest.mark.parametrize(
    "extra", [head("408 Too Slow", "Content-Length: 2") + b"no", b"x" * 3_000_000], ids=["a second answer", "a flood"]
)
async def test_what_comes_unasked_is_no_answer(extra: bytes, busy: bool, later: float) -> None:
    """What a server says behind an answer answers nothing: the next call opens its own connection."""

    def handle(connection: socket.socket, _: bytes) -> None:
        if request_of(connection):
            connection.sendall(EMPTY if later else EMPTY + extra)
            time.sleep(later)
            connection.sendall(extra if later else b"")
            until_closed(connection)

    with server(handle) as (url, connections):
        transport = HttpxTransport()
        for _ in range(3):
            assert (await transport.send(Request("POST", url, {}, b"{}", 5.0))).status == 200
            if busy:
                time.sleep(0.05)  # noqa: ASYNC251  it is what happens
            else:
                await anyio.sleep(0.05)
        await transport.aclose()
    assert len(connections) == 3


async def test_the_body_of_an_answer_without_one_is_no_answer() -> None:
    """A 204 has no body, whatever a server sends."""
    answers = iter([head("204 No Content") + EMPTY, head("201 Created", "Content-Length: 0")])

    def handle(connection: socket.socket, _: bytes) -> None:
        while request_of(connection):
            connection.sendall(next(answers))

    with server(handle) as (url, _):
        transport = HttpxTransport()
        statuses = [(await transport.send(Request("DELETE", url, {}, None, 5.0))).status for _ in range(2)]
        await transport.aclose()
    assert statuses == [204, 201]


async def test_closing_ends_the_calls_under_way() -> None:
    """One in flight may have been sent, one in line was not, and both are told at once."""
    errors: list[Exception] = []
    with server(lambda connection, _: until_closed(connection)) as (url, connections):
        transport = HttpxTransport(concurrency=1)

        async def call() -> None:
            with pytest.raises((TransportError, ConfigurationError)) as caught:
                await transport.send(get(url, None))
            errors.append(caught.value)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            while not connections:
                await anyio.sleep(0.001)
            await anyio.sleep(0.01)  # for the request to be written
            group.start_soon(call)
            await anyio.sleep(0.01)
            await transport.aclose()
    first, second = errors
    assert isinstance(first, TransportError)
    assert first.request_sent is True
    assert "closed" in str(second)


async def test_closing_while_the_certificates_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was about to open the first connection is told, and nothing is left open."""
    closing, make = threading.Event(), httpx.create_ssl_context
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **options: make(**options) if closing.wait(5) else None)
    transport = HttpxTransport()

    async def call() -> None:
        with pytest.raises(ConfigurationError, match="closed"):
            await transport.send(get(f"http://127.0.0.1:{free_port()}/"))

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(transport.aclose)
        await anyio.wait_all_tasks_blocked()
        closing.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_closing_while_a_connection_is_opened(scheme: str, anyio_backend: str) -> None:
    """The call ends, its request does not leave, and its connection is closed."""
    seen: list[bytes] = []
    with server(lambda connection, _: seen.append(connection.recv(65536)) or until_closed(connection)) as (url, _):
        transport = HttpxTransport()
        async with anyio.create_task_group() as group:

            async def call() -> None:
                with pytest.raises((TransportError, ConfigurationError)):
                    await transport.send(Request("POST", url.replace("http", scheme), {}, b"{}", 1.0))

            await transport.prepare()
            group.start_soon(call)
            for _ in range(3 if scheme == "http" else 1):
                await anyio.lowlevel.checkpoint()
            if scheme == "https":
                while not seen:
                    await anyio.sleep(0.005)
            with anyio.fail_after(0.5 if anyio_backend == "asyncio" else 5):
                await transport.aclose()
    assert not [piece for piece in seen if b"POST" in piece]


async def test_leaving_in_a_hurry_closes_as_well() -> None:
    """A client that is left under cancellation, as by a time-out around it, closes its connections."""
    ended = threading.Event()

    def handle(connection: socket.socket, _: bytes) -> None:
        keeping(b"HTTP/1.1 204 No Content\r\n\r\n")(connection, b"")
        ended.set()

    with server(handle) as (url, _):
        with anyio.move_on_after(5) as scope:
            async with JoinMe("tok", base_url=url) as joinme:
                await joinme.meetings.delete(7)
                scope.cancel()
                await anyio.sleep_forever()
        assert await anyio.to_thread.run_sync(ended.wait, 5)


async def test_a_call_cut_off_at_any_moment_closes_what_it_opened(anyio_backend: str) -> None:
    """Cancelled after any number of turns of the event loop, natively or by a scope: no connection stays open."""
    open_now: list[int] = []

    def handle(connection: socket.socket, _: bytes) -> None:
        open_now.append(1)
        until_closed(connection)
        open_now.pop()

    with server(handle) as (url, connections):
        transport = HttpxTransport()
        await transport.prepare()
        for turns in range(30):
            async with anyio.create_task_group() as group:
                group.start_soon(transport.send, get(url))
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            if anyio_backend == "asyncio":
                task = asyncio.ensure_future(transport.send(get(url)))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
        with anyio.fail_after(5):
            while open_now:
                await anyio.sleep(0.005)
        await transport.aclose()
        gc.collect()
    assert connections


async def test_a_proxys_handshake_that_is_cut_off_is_closed() -> None:
    """A SOCKS proxy that says nothing: its connections are closed as those of anybody."""
    closed: list[bool] = []

    def silent(connection: socket.socket, _: bytes) -> None:
        until_closed(connection)
        closed.append(True)

    with server(silent) as (url, connections):
        transport = HttpxTransport(proxy=url.replace("http", "socks5"))
        await transport.prepare()
        for _ in range(3):
            with pytest.raises(TransportTimeoutError) as caught:
                await transport.send(get("https://localhost:1/", 0.05))
            assert caught.value.request_sent is False
        with anyio.fail_after(5):
            while len(closed) < 3:
                await anyio.sleep(0.005)
        await transport.aclose()
    assert len(connections) == 3


async def test_what_is_read_until_the_end_is_not_ended_by_closing() -> None:
    """An answer without a length, cut by `aclose`, is no answer."""

    def endless(connection: socket.socket, _: bytes) -> None:
        if request_of(connection):
            connection.sendall(head("200 OK") + b"[1]")
            until_closed(connection)

    with server(endless) as (url, connections):
        transport = HttpxTransport()
        async with anyio.create_task_group() as group:

            async def call() -> None:
                with pytest.raises(TransportError):
                    await transport.send(get(url))

            group.start_soon(call)
            while not connections:
                await anyio.sleep(0.005)
            await anyio.sleep(0.05)
            await transport.aclose()


# Time


@pytest.mark.parametrize("busy", [False, True])
async def test_time_runs_out_however_much_there_is_to_read(busy: bool) -> None:
    """A flood of what is no answer yet, with an event loop that has other things to do: it ends in time."""

    def flood(connection: socket.socket, _: bytes) -> None:
        while request_of(connection):
            while True:
                connection.sendall(head("103 Early Hints") * 50)

    async def keep_busy() -> None:
        while busy:
            time.sleep(0.002)  # noqa: ASYNC251
            await anyio.lowlevel.checkpoint()

    with server(flood) as (url, _):
        transport = HttpxTransport()
        await transport.prepare()
        async with anyio.create_task_group() as group:
            group.start_soon(keep_busy)
            with pytest.raises(TransportTimeoutError) as caught, anyio.fail_after(5):
                await transport.send(get(url, 0.2))
            group.cancel_scope.cancel()
        await transport.aclose()
    assert caught.value.request_sent is True


async def test_reading_certificates_is_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even that ends in time; it was long before anything was sent."""
    done = threading.Event()
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **_: done.wait(5))
    transport = HttpxTransport()
    with pytest.raises(TransportTimeoutError) as caught:
        await transport.send(get("http://127.0.0.1:9/", 0.05))
    done.set()
    await transport.aclose()
    assert caught.value.request_sent is False


# What must not be seen


async def test_a_body_that_is_cut_off_shows_nobody() -> None:
    """Neither message nor traceback of a request cut off while it was written shows token, query or addresses."""
    with server(lambda *_: time.sleep(0.3)) as (url, _):
        transport = HttpxTransport()
        await transport.prepare()
        request = Request(
            "POST", f"{url}/?who=very-secret", {"Authorization": "Bearer very-secret"}, b"very-secret" * 2_000_000, 0.1
        )
        with pytest.raises(TransportTimeoutError) as caught:
            await transport.send(request)
        await transport.aclose()
    assert "very-secret" not in shown_by(caught.value)


async def test_the_time_of_one_call_is_no_matter_of_the_next() -> None:
    """On one connection, a call with little time is cut off after one with much, and the other way round."""
    delays = iter([0.0, 0.15, 0.0, 5.0])

    def handle(connection: socket.socket, _: bytes) -> None:
        while request_of(connection):
            connection.settimeout(next(delays) or 0.001)
            with suppress(TimeoutError):
                assert connection.recv(1) == b""
                return
            connection.settimeout(None)
            connection.sendall(EMPTY)

    with server(handle) as (url, connections):
        transport = HttpxTransport()
        await transport.prepare()
        await transport.send(get(url, 0.1))  # its alarm would ring during the next
        await transport.send(get(url, 5.0))
        await transport.send(get(url, 60.0))
        with pytest.raises(TransportTimeoutError) as caught:
            await transport.send(get(url, 0.05))
        await transport.aclose()
    assert caught.value.request_sent is True
    assert len(connections) == 1


async def test_a_body_that_nobody_takes_is_cut_off_in_time() -> None:
    """Writing waits for the other side, and no longer than the call may take."""
    with server(lambda *_: time.sleep(0.5)) as (url, _):
        transport = HttpxTransport()
        await transport.prepare()
        with pytest.raises(TransportTimeoutError) as caught:
            await transport.send(Request("POST", url, {}, b"x" * 30_000_000, 0.2))
        await transport.aclose()
    assert caught.value.request_sent is True


# Bodies


async def test_a_big_body_goes_out_whole() -> None:
    """Ten megabytes to a server that takes its time."""
    seen: list[bytes] = []

    def slow(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.05)
        seen.append(request_of(connection).partition(b"\r\n\r\n")[2])
        connection.sendall(EMPTY)

    body = bytes(range(256)) * 40_000
    with server(slow) as (url, _):
        transport = HttpxTransport()
        assert (await transport.send(Request("PUT", url, {}, body, 30.0))).status == 200
        await transport.aclose()
    assert seen == [body]


async def test_an_answer_that_comes_before_the_body_was_read_is_the_answer() -> None:
    """A server may refuse a body unread, and hang up."""

    def refuse(connection: socket.socket, _: bytes) -> None:
        connection.recv(1000)
        connection.sendall(head("413 Content Too Large", "Content-Length: 0", "Connection: close"))
        connection.shutdown(socket.SHUT_WR)
        until_closed(connection)

    with server(refuse) as (url, _):
        transport = HttpxTransport()
        assert (await transport.send(Request("POST", url, {}, b"x" * 1_000_000, 5.0))).status == 413
        await transport.aclose()


async def test_a_small_request_is_one_packet(anyio_backend: str) -> None:
    """Its head and its body leave together, so that a request is never there by half for want of a packet."""
    if anyio_backend == "trio":
        pytest.skip("there httpcore's own network is used, which sends them apart")
    first: list[bytes] = []

    def note(connection: socket.socket, _: bytes) -> None:
        first.append(connection.recv(65536))
        connection.sendall(EMPTY)

    with server(note) as (url, _):
        transport = HttpxTransport()
        await transport.send(Request("POST", url, {}, b'{"a":1}', 5.0))
        await transport.aclose()
    assert first[0].endswith(b'\r\n\r\n{"a":1}')


# What is asked for, and how


@pytest.mark.parametrize(
    ("url", "host", "port", "name", "target"),
    [
        pytest.param(
            "https://api.join.me/v1/meetings", b"api.join.me", 443, b"api.join.me", "/v1/meetings", id="as usual"
        ),
        pytest.param(
            "HTTPS://API.join.me:443/", b"api.join.me", 443, b"api.join.me", "/", id="the usual port, spelt out"
        ),
        pytest.param("http://127.0.0.1:8080?a=/b", b"127.0.0.1", 8080, b"127.0.0.1:8080", "/?a=/b", id="no path"),
        pytest.param("http://localhost", b"localhost", 80, b"localhost", "/", id="nothing but a host"),
        pytest.param("http://[::1]:81/x#y", b"::1", 81, b"[::1]:81", "/x", id="IPv6, and a fragment"),
    ],
)
def test_where_a_url_leads(url: str, host: bytes, port: int, name: bytes, target: str) -> None:
    """Host and port to connect to, name for the Host header, and target as it was given."""
    origin, asked = _split(url)
    assert (origin.host, origin.port, origin.name, asked.reveal()) == (host, port, name, target)


@pytest.mark.parametrize("url", ["ftp://x/", "x", "http://", "http://a:b@c/", "http://a:123456/", "http://ä/"])
async def test_what_is_no_url_is_not_sent(url: str) -> None:
    """It is said, and it is certain that nothing left."""
    transport = HttpxTransport()
    with pytest.raises(TransportError) as caught:
        await transport.send(get(url if "//" in url else f"{url}//y"))
    await transport.aclose()
    assert caught.value.request_sent is False


@pytest.mark.parametrize(
    ("method", "headers", "content", "expected"),
    [
        ("GET", {}, None, [b"Host", b"Accept-Encoding"]),
        ("POST", {}, None, [b"Host", b"Accept-Encoding", b"Content-Length"]),
        ("DELETE", {}, b"x", [b"Host", b"Accept-Encoding", b"Content-Length"]),
        ("GET", {"host": "other", "accept-encoding": "identity"}, None, [b"host", b"accept-encoding"]),
    ],
)
def test_only_what_http_needs_is_added(
    method: str, headers: dict[str, str], content: bytes | None, expected: list[bytes]
) -> None:
    """And not where the request has it already."""
    request = Request(method, "http://h/", headers, content)
    sent = _Given(request.headers).for_request(request, _split(request.url)[0])
    assert [name for name, _ in sent] == expected


async def test_headers_of_one_call_are_not_those_of_the_next() -> None:
    """What is kept of a request's headers is used for the very same headers only."""
    heads: list[bytes] = []

    def note(connection: socket.socket, _: bytes) -> None:
        while seen := request_of(connection):
            heads.append(seen)
            connection.sendall(EMPTY)

    with server(note) as (url, _):
        transport = HttpxTransport()
        for token in ("one", "two"):
            await transport.send(Request("GET", url, {"Authorization": f"Bearer {token}"}, None, 5.0))
        await transport.aclose()
    assert [b"Bearer one" in heads[0], b"Bearer one" in heads[1], b"Bearer two" in heads[1]] == [True, False, True]


# TLS and proxies


async def test_a_connection_is_kept_over_tls(certificate: Path) -> None:
    """Handshakes are dear: calls in a row share one."""
    with tls_keeping(certificate, keeping()) as (port, connections):
        transport = HttpxTransport(verify=trusting(certificate))
        for _ in range(5):
            assert (await transport.send(get(f"https://localhost:{port}/"))).status == 200
        await transport.aclose()
    assert len(connections) == 1


def relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side hangs up."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join(5)
    other.close()


def http_proxy(connection: socket.socket, _: bytes) -> None:
    port = int(request_of(connection).split(b" ")[1].split(b":")[1])
    connection.sendall(head("200 Connection established"))
    relay(connection, socket.create_connection(("127.0.0.1", port)))


def socks_proxy(connection: socket.socket, _: bytes) -> None:
    """RFC 1928, with no authentication."""
    connection.recv(100)
    connection.sendall(b"\x05\x00")
    asked = connection.recv(300)
    connection.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
    relay(connection, socket.create_connection(("127.0.0.1", int.from_bytes(asked[-2:], "big"))))


@pytest.mark.parametrize("proxy", ["http", "socks5"])
async def test_calls_go_through_a_proxy(proxy: str, certificate: Path) -> None:
    """Through its tunnel with TLS to the service itself, and over one connection in a row."""
    with (
        tls_keeping(certificate, keeping()) as (port, connections),
        server(http_proxy if proxy == "http" else socks_proxy) as (url, tunnels),
    ):
        transport = HttpxTransport(verify=trusting(certificate), proxy=url.replace("http", proxy))
        for _ in range(3):
            assert (await transport.send(get(f"https://localhost:{port}/"))).status == 200
        await transport.aclose()
    assert (len(connections), len(tunnels)) == (1, 1)


async def test_a_proxy_may_speak_tls_itself(certificate: Path) -> None:
    """TLS to the proxy, and TLS to the service inside of it: what is sent to the proxy alone is no byte of the request."""

    def dead_end(connection: socket.socket, _: bytes) -> None:
        request_of(connection)
        until_closed(connection)

    with tls_keeping(certificate, dead_end) as (port, _):
        context = trusting(certificate)
        transport = HttpxTransport(verify=context, proxy=httpx.Proxy(f"https://localhost:{port}", ssl_context=context))
        await transport.prepare()
        with pytest.raises(TransportTimeoutError) as caught:
            await transport.send(Request("POST", "https://localhost:1/", {}, b"{}", 0.3))
        await transport.aclose()
    assert caught.value.request_sent is False


@pytest.mark.parametrize("tunnel", [True, False], ids=["in the tunnel", "before it"])
async def test_a_late_answer_through_a_proxy(tunnel: bool, certificate: Path) -> None:
    """Once the tunnel stands the request may have left; before that it has not."""

    def silent(connection: socket.socket, _: bytes) -> None:
        request_of(connection)
        until_closed(connection)

    with tls_keeping(certificate, silent) as (port, _), server(http_proxy if tunnel else silent) as (proxy, _):
        transport = HttpxTransport(verify=trusting(certificate), proxy=proxy)
        await transport.prepare()
        with pytest.raises(TransportTimeoutError) as caught:
            await transport.send(Request("POST", f"https://localhost:{port}/", {}, b"{}", 0.4))
        await transport.aclose()
    assert caught.value.request_sent is tunnel


@pytest.mark.parametrize("proxy", ["http://proxy:notaport", "http://[::1", "ftp://x"])
async def test_what_is_no_proxy_is_said(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a matter of the settings, not of the network."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError):
        await HttpxTransport().send(get("https://localhost/"))


async def test_a_socks_proxy_without_its_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which package is missing, at the first call."""
    monkeypatch.setattr("joinme_async.transports.httpx.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"socksio: pip install 'httpx\[socks\]'"):
        await HttpxTransport(proxy="socks5://127.0.0.1:1").send(get("https://localhost/"))


# Event loops


def test_an_event_loop_that_is_not_asyncios_own() -> None:
    """Under uvloop it works the slower way, with the same promises."""
    uvloop = pytest.importorskip("uvloop")

    async def main(url: str) -> None:
        transport = HttpxTransport()
        assert [(await transport.send(get(url))).status for _ in range(3)] == [200] * 3
        with pytest.raises(TransportError) as caught:
            await transport.send(get(f"http://127.0.0.1:{free_port()}/"))
        assert caught.value.request_sent is False
        await transport.aclose()

    with server(keeping()) as (url, connections):
        uvloop.run(main(url))
    assert len(connections) == 1
