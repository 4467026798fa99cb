"""Connections of httpcore, one for each call under way: no pool that is searched, and no call waits behind another.

httpcore's own pool looks at every connection for every request, and loses places when calls are cancelled (its issue
1093). Here a call takes the line that was used last, and touches no other.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import anyio
import attrs
import httpcore

from joinme_async._errors import ConfigurationError
from joinme_async._http import Headers, Request, Response
from joinme_async.transports._asyncio_net import AsyncioNet
from joinme_async.transports._body import ACCEPTED, Body
from joinme_async.transports._common import refuse_announced

_URL: Final = re.compile(
    r"(?P<base>(?P<scheme>https?)://(?P<host>\[[^\]]+\]|[^/?#:@\[\]]+)(?::(?P<port>[0-9]+))?)(?P<target>[/?][^#]*)?",
    re.IGNORECASE,
)
_PORTS: Final = {"http": 80, "https": 443}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})  # RFC 9110, section 8.6: they tell the length of no body too


class Origin(NamedTuple):
    """Where a connection leads to.

    Attributes:
        scheme: `http` or `https`.
        host: a name or an IP address, without brackets.
        port: of TCP.
        name: what the Host header says.
    """

    scheme: str
    host: str
    port: int
    name: str


@lru_cache(maxsize=64)
def _origin(scheme: str, host: str, port: str | None) -> Origin:
    scheme, host = scheme.lower(), host.lower()
    number = int(port or _PORTS[scheme])
    name = host if number == _PORTS[scheme] else f"{host}:{number}"
    return Origin(scheme, host.strip("[]"), number, name)


@attrs.frozen
class Setup:
    """What lines are opened with.

    Attributes:
        tls: the settings of TLS.
        proxy: returns the proxy to an origin, None where it is reached directly.
        total: how many calls may be under way at once.
        keepalive: seconds for which an idle connection is kept.
        max_body: bytes; a longer answer is refused.
    """

    tls: ssl.SSLContext
    proxy: Callable[[Origin], httpcore.Proxy | None]
    total: int
    keepalive: float
    max_body: int


class AnyNet(httpcore.AnyIOBackend):
    """What `AsyncioNet` is, for any event loop that anyio knows: trio, and those of asyncio that are not its own."""

    def __init__(self, layers: int) -> None:
        self.layers = layers
        self.tried = False
        self.wrote = False

    def begin(self, timeout: float | None) -> AbstractContextManager[object]:
        self.wrote = False
        return anyio.fail_after(timeout)

    async def until_closed(self) -> None:
        """Do nothing: its connections are closed once `aclose` has returned."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.tried = True
        return _AnyStream(await super().connect_tcp(host, port, timeout, local_address, socket_options), self)


class _AnyStream(httpcore.AsyncNetworkStream):
    """A connection that tells when a byte of the request is written."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, net: AnyNet, layers: int = 0) -> None:
        self._stream = stream
        self._net = net
        self._layers = layers  # of TLS

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._net.wrote = self._net.wrote or self._layers >= self._net.layers
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _AnyStream(stream, self._net, self._layers + 1)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  httpcore's own
        return self._stream.get_extra_info(info)


class Sent:
    """Whether a request may have left; known as far as its exchange has got.

    Attributes:
        tried: a connection was opened or tried to, so that `left` is certain.
        left: a byte of the request was written.
    """

    __slots__ = ("left", "tried")

    def __init__(self) -> None:
        self.tried = self.left = False


class _Line:
    """One connection to an origin, opened when it is used first."""

    def __init__(self, origin: Origin, setup: Setup) -> None:
        self.origin = origin
        proxy = setup.proxy(origin)
        layers = (origin.scheme == "https") + (proxy is not None and proxy.url.scheme == b"https")
        self.net: AsyncioNet | AnyNet = AsyncioNet(layers) if _is_asyncios_own() else AnyNet(layers)
        self.connection = _connection(origin, proxy, setup, self.net)

    def is_idle(self) -> bool:
        """Say whether it can carry another request, now that one was answered."""
        return isinstance(self.connection, httpcore.AsyncConnectionPool) or self.connection.is_idle()

    def has_expired(self) -> bool:
        """Say whether it was idle for too long, or was given up by the other side."""
        if isinstance(self.connection, httpcore.AsyncConnectionPool):
            return all(connection.has_expired() for connection in self.connection.connections)
        return self.connection.has_expired()


def _is_asyncios_own() -> bool:
    """Say whether asyncio's own event loop runs; others, such as uvloop's, lack some of what `AsyncioNet` asks for."""
    try:
        return isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop)
    except RuntimeError:
        return False


def _connection(
    origin: Origin,
    proxy: httpcore.Proxy | None,
    setup: Setup,
    net: Any,  # noqa: ANN401  both kinds are backends
) -> httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool:
    """Return a connection, not opened yet; httpcore has those through a proxy in pools only, here of one."""
    if proxy is None:
        return httpcore.AsyncHTTPConnection(
            httpcore.Origin(origin.scheme.encode(), origin.host.encode("ascii"), origin.port),
            ssl_context=setup.tls,
            keepalive_expiry=setup.keepalive,
            network_backend=net,
        )
    return httpcore.AsyncConnectionPool(
        ssl_context=setup.tls,
        proxy=proxy,
        max_connections=1,
        max_keepalive_connections=1,
        keepalive_expiry=setup.keepalive,
        network_backend=net,
    )


class Lines:
    """The lines of one event loop: those of the calls under way, and the idle ones, last in first out."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._gate = anyio.Semaphore(setup.total, fast_acquire=True)
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._closed = False

    async def send(self, request: Request, sent: Sent) -> Response:
        """Send `request` over a line and return its answer; `sent` is told how far it got.

        Raises:
            TimeoutError: `request.timeout` has run out.
            ValueError: the URL is none, or the body cannot be decoded.
        """
        origin, target = _split(request.url)
        timeout = await self._enter(request.timeout)
        try:
            line = await self._take(origin)
            self._busy.add(line)
            try:
                with line.net.begin(timeout):
                    response = await self._exchange(line, request, target)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await line.connection.aclose()
                raise
            finally:
                self._busy.discard(line)
                sent.tried, sent.left = line.net.tried, line.net.wrote
            if line.is_idle() and not self._closed:
                self._idle.append(line)
            return response
        finally:
            self._gate.release()

    async def _enter(self, timeout: float | None) -> float | None:
        """Wait for a place, where none is free, and return the seconds that are left then."""
        try:
            self._gate.acquire_nowait()
        except anyio.WouldBlock:
            began = anyio.current_time()
            with anyio.fail_after(timeout):
                await self._gate.acquire()
            if self._closed:
                self._gate.release()
                raise ConfigurationError("this transport was closed while a call waited for a connection") from None
            return None if timeout is None else max(timeout - (anyio.current_time() - began), 0.0)
        return timeout

    async def _take(self, origin: Origin) -> _Line:
        """Return the idle line to `origin` that was used last, or a new one; what is of no use is closed on the way.

        Closing takes a while: it is done here, before anything is sent, since nothing may come between a good answer
        and its caller.
        """
        while self._idle and self._idle[0].has_expired():
            await self._idle.pop(0).connection.aclose()
        while (line := self._last_to(origin)) is not None:
            self._idle.remove(line)
            if not line.has_expired():
                break
            await line.connection.aclose()
        if self._idle and len(self._idle) + len(self._busy) >= self._setup.total + (line is not None):
            await self._idle.pop(0).connection.aclose()  # it leads elsewhere
        return line or _Line(origin, self._setup)

    def _last_to(self, origin: Origin) -> _Line | None:
        return next((line for line in reversed(self._idle) if line.origin is origin), None)

    async def _exchange(self, line: _Line, request: Request, target: str) -> Response:
        answer = await line.connection.handle_async_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=line.origin.scheme, host=line.origin.host, port=line.origin.port, target=target),
                headers=_headers(request, line.origin),
                content=request.content,
            )
        )
        pieces = aiter(cast("AsyncIterable[bytes]", answer.stream))
        try:
            headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers)
            refuse_announced(answer.status, headers.get("content-length"), self._setup.max_body)
            body = Body(answer.status, headers.get("content-encoding"), self._setup.max_body)
            async for piece in pieces:
                body.add(piece)
                del piece
            response = Response(answer.status, headers, body.finish())
        except BaseException:
            # The generators of httpcore come to their end by themselves only, here over a connection that was closed.
            with anyio.CancelScope(shield=True), suppress(Exception):
                await line.connection.aclose()
                async for piece in pieces:
                    del piece
            raise
        await answer.aclose()
        return response

    async def aclose(self) -> None:
        """Close every line; calls under way fail."""
        self._closed = True
        lines = [*self._busy, *self._idle]
        self._idle.clear()
        for line in lines:
            await line.connection.aclose()
        for line in lines:
            await line.net.until_closed()


def _split(url: str) -> tuple[Origin, str]:
    """Return where `url` leads to, and what is asked for there, as it is.

    Raises:
        ValueError: it is no absolute URL of http, or one with a user in it.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("not a URL of http or https")
    target = match["target"] or "/"
    return _origin(match["scheme"], match["host"], match["port"]), target if target.startswith("/") else f"/{target}"


def _headers(request: Request, origin: Origin) -> list[tuple[bytes, bytes]]:
    """Return the headers of `request`, and those that HTTP needs besides where it does not have them."""
    pairs = request.headers.pairs()
    names = {name.lower() for name, _ in pairs}
    needed = [("Host", origin.name), ("Accept-Encoding", ACCEPTED)]
    if request.content is not None or request.method in _WITH_BODY:
        needed.append(("Content-Length", str(len(request.content or b""))))
    whole = (*(pair for pair in needed if pair[0].lower() not in names), *pairs)
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in whole]
