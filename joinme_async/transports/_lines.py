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
from time import monotonic
from typing import Any, Final, NamedTuple, Self, cast

import anyio
import attrs
import httpcore
from anyio.lowlevel import checkpoint

from joinme_async._clock import running_loop
from joinme_async._errors import ConfigurationError
from joinme_async._http import Headers, Request, Response, Secret
from joinme_async.transports._asyncio_net import AsyncioNet
from joinme_async.transports._body import ACCEPTED, Body
from joinme_async.transports._common import Sent, headers_of, refuse_announced

_URL: Final = re.compile(r"([^/?#]*//[^/?#]*)([^#]*)(?:#.*)?")  # where it leads to, and what is asked for there
_BASE: Final = re.compile(r"(https?)://(\[[^\]]+\]|[^:@\[\]]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_PORTS: Final = {"http": 80, "https": 443}
_TURNS: Final = 2  # of the event loop, within which asyncio closes what was aborted
_BROKEN: Final = (httpcore.NetworkError, httpcore.ProtocolError)
_LAST_PORT: Final = 65535
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})  # RFC 9110, section 8.6: they tell the length of no body too


class Origin(NamedTuple):
    """Where a connection leads to.

    Attributes:
        scheme: `http` or `https`.
        host: a name or an IP address, without brackets.
        port: of TCP.
        name: what the Host header says.
    """

    scheme: bytes
    host: bytes
    port: int
    name: bytes


@lru_cache(maxsize=64)
def _origin(base: str) -> Origin:
    match = _BASE.fullmatch(base)
    if match is None or int(match[3] or 0) > _LAST_PORT:
        raise ValueError("not a URL of http or https, or one with a user in it")
    scheme, host, port = (match[1].lower(), match[2].lower(), match[3])
    number = int(port or _PORTS[scheme])
    name = host if number == _PORTS[scheme] else f"{host}:{number}"
    return Origin(scheme.encode(), host.strip("[]").encode("ascii"), number, name.encode("ascii"))


def _split(url: str) -> tuple[Origin, Secret[str]]:
    """Return where `url` leads to, and what is asked for there, as it is; its query may hold addresses.

    Raises:
        ValueError: it is no URL of http, or one with a user in it.
    """
    match = _URL.fullmatch(url)
    base, target = match.groups() if match else (url, "")
    return _origin(base), Secret(target if target.startswith("/") else f"/{target}")


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


class AnyNet(httpcore.AsyncNetworkBackend):
    """What `AsyncioNet` is, for any event loop that anyio knows: trio, and those of asyncio that are not its own."""

    def __init__(self, layers: int) -> None:
        self._backend: Any = httpcore.AnyIOBackend()
        self._stream: _AnyStream | None = None
        self.layers = layers
        self.tried = self.wrote = self.closed = False

    def begin(self, timeout: float | None) -> AbstractContextManager[object]:
        self.wrote = False
        return anyio.fail_after(timeout)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.tried = True
        opened = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return await self.taken(_AnyStream(opened, self))

    async def taken(self, stream: "_AnyStream") -> "_AnyStream":
        """Return the latest stream, to be closed with the line, or raise where the line was closed meanwhile."""
        self._stream = stream
        if self.closed:
            await self.aclose()
            raise httpcore.ConnectError("the transport was closed")
        return stream

    async def aclose(self) -> None:
        """Close what is open; nothing is opened any more."""
        self.closed = True
        if self._stream is not None:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()


class _AnyStream(httpcore.AsyncNetworkStream):
    """A connection that tells when a byte of the request is written."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, net: AnyNet, layers: int = 0) -> None:
        self._stream = stream
        self._net = net
        self._layers = layers  # of TLS

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        hidden: Secret[bytes] = Secret(buffer)
        del buffer  # tracebacks are shown with local variables
        if self._net.closed:
            raise httpcore.WriteError("the transport was closed")
        self._net.wrote = self._net.wrote or self._layers >= self._net.layers
        await self._stream.write(hidden.reveal(), timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            inside = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except anyio.ClosedResourceError as error:
            raise httpcore.ConnectError("the transport was closed") from error
        return await self._net.taken(_AnyStream(inside, self._net, self._layers + 1))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  httpcore's own
        return self._stream.get_extra_info(info)


class _Line:
    """One connection to an origin, opened when it is used first."""

    def __init__(self, origin: Origin, setup: Setup) -> None:
        self.origin = origin
        self.exchanges = 0
        self.spent = False
        proxy = setup.proxy(origin)
        layers = (origin.scheme == b"https") + (proxy is not None and proxy.url.scheme == b"https")
        self.net: AsyncioNet | AnyNet = _net(layers)
        self.connection = _connection(origin, proxy, setup, self.net)

    def has_expired(self) -> bool:
        """Say whether it can carry no more requests: idle for too long, ended by the other side, or spent."""
        return self.spent or any(connection.has_expired() for connection in self._connections())

    def finish(self) -> None:
        """Look, behind an answer, whether another may come over it: not where more has come than the answer."""
        self.spent = not all(
            connection.is_idle() and not _has_leftovers(connection) for connection in self._connections()
        )

    def _connections(self) -> list[httpcore.AsyncConnectionInterface]:
        if isinstance(self.connection, httpcore.AsyncConnectionPool):
            return self.connection.connections
        return [self.connection]


def _has_leftovers(connection: Any) -> bool:  # noqa: ANN401  one connection in another, down to that of HTTP
    """Say whether there is more in a connection than the answer that was read: h11 would take it for the next one's.

    httpcore does not tell. Where a version of it keeps h11 elsewhere, no connection is used twice, and tests go red.
    """
    while connection is not None and not hasattr(connection, "_h11_state"):
        connection = getattr(connection, "_connection", None)
    return connection is None or bool(connection._h11_state.trailing_data[0])  # noqa: SLF001


def _net(layers: int) -> AsyncioNet | AnyNet:
    """Return what `AsyncioNet` is; event loops of others, such as uvloop's, lack some of what it asks for."""
    return AsyncioNet(layers) if isinstance(running_loop(), asyncio.BaseEventLoop) else AnyNet(layers)


def _connection(
    origin: Origin,
    proxy: httpcore.Proxy | None,
    setup: Setup,
    net: Any,  # noqa: ANN401  both kinds are backends
) -> httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool:
    """Return a connection, not opened yet; httpcore has those through a proxy in pools only, here of one."""
    if proxy is None:
        return httpcore.AsyncHTTPConnection(
            httpcore.Origin(origin.scheme, origin.host, origin.port),
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


class _Content:
    """The body of a request, in one piece; not httpcore's own, a generator that a call cut off leaves unfinished."""

    def __init__(self, content: bytes | None) -> None:
        self._content = content

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._content is None:
            raise StopAsyncIteration
        content, self._content = self._content, None
        return content


class _Given:
    """The headers of a request as they go over the wire, made once for all requests that have the same."""

    def __init__(self, headers: Headers) -> None:
        self.headers = headers
        self.pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.pairs()]
        self.names = {name.lower() for name, _ in self.pairs}

    def __repr__(self) -> str:
        return repr(self.headers)

    def for_request(self, request: Request, origin: Origin) -> list[tuple[bytes, bytes]]:
        """Return the headers of `request`, and those that HTTP needs besides where it does not have them."""
        needed = [(b"Host", origin.name), (b"Accept-Encoding", ACCEPTED)]
        if request.content is not None or request.method in _WITH_BODY:
            needed.append((b"Content-Length", b"%d" % len(request.content or b"")))
        return [*(pair for pair in needed if pair[0].lower() not in self.names), *self.pairs]


class Lines:
    """The lines of one event loop: those of the calls under way, and the idle ones, last in first out."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._gate = anyio.Semaphore(setup.total, fast_acquire=True)
        self._idle: list[_Line] = []
        self._busy: set[_Line] = set()
        self._closed = False
        self._given: _Given | None = None

    async def send(self, request: Request, sent: Sent) -> Response:
        """Send `request` over a line and return its answer; `sent` is told how far it got.

        Raises:
            TimeoutError: `request.timeout` has run out.
            ValueError: the URL is none, or the body cannot be decoded.
        """
        (origin, target), timeout = _split(request.url), request.timeout
        try:
            self._gate.acquire_nowait()
        except anyio.WouldBlock:
            timeout = await self._place(timeout)
        try:
            line = self._ready(origin) or await self._opened(origin)
            began = monotonic()
            try:
                return await self._over(line, request, target, timeout, sent)
            except _BROKEN:
                if sent.left or line.exchanges == 1:
                    raise
            # The other side had ended it, unnoticed while the event loop was busy, and nothing was written to it.
            left = None if timeout is None else timeout - (monotonic() - began)
            return await self._over(_Line(origin, self._setup), request, target, left, sent)
        finally:
            self._gate.release()

    async def _over(
        self, line: _Line, request: Request, target: Secret[str], timeout: float | None, sent: Sent
    ) -> Response:
        """Send `request` over `line`, which is closed where that fails, and put back where there is an answer."""
        self._check_open()
        line.exchanges += 1
        self._busy.add(line)
        try:
            with line.net.begin(timeout):
                response = await self._exchange(line, request, target)
        except BaseException:
            await line.net.aclose()
            raise
        finally:
            self._busy.discard(line)
            sent.tried, sent.left = line.net.tried, line.net.wrote
        line.finish()
        self._idle.append(line)
        return response

    async def _place(self, timeout: float | None) -> float | None:
        """Wait for a place, and return the seconds that are left then."""
        began = anyio.current_time()
        with anyio.fail_after(timeout):
            await self._gate.acquire()
        return None if timeout is None else max(timeout - (anyio.current_time() - began), 0.0)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("this transport was closed while a call waited for a connection")

    def _ready(self, origin: Origin) -> _Line | None:
        """Return the line that was used last, where it is of use and nothing has to be closed first."""
        idle = self._idle
        if not idle or idle[-1].origin != origin or any(line.has_expired() for line in {idle[0], idle[-1]}):
            return None
        return idle.pop()

    async def _opened(self, origin: Origin) -> _Line:
        """Return a line to `origin`, an idle one or a new one, and close those that are of no use any more.

        Closing takes a while: it is done here, before anything is sent, since nothing may come between a good answer
        and its caller.
        """
        old = [line for line in self._idle if line.has_expired()]
        self._idle = [line for line in self._idle if line not in old]
        mine = next((line for line in reversed(self._idle) if line.origin == origin), None)
        if mine is not None:
            self._idle.remove(mine)
        elif self._idle and len(self._idle) + len(self._busy) >= self._setup.total:
            old.append(self._idle.pop(0))
        for line in old:
            await line.net.aclose()
        return mine or _Line(origin, self._setup)

    async def _exchange(self, line: _Line, request: Request, target: Secret[str]) -> Response:
        answer = await line.connection.handle_async_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=line.origin.scheme,
                    host=line.origin.host,
                    port=line.origin.port,
                    target=target.reveal(),
                ),
                headers=self._given_by(request).for_request(request, line.origin),
                content=_Content(request.content),
            )
        )
        pieces = aiter(cast("AsyncIterable[bytes]", answer.stream))
        try:
            headers = headers_of(answer.headers)
            refuse_announced(answer.status, headers.get("content-length"), self._setup.max_body)
            body = Body(answer.status, headers.get("content-encoding"), self._setup.max_body)
            async for piece in pieces:
                body.add(piece)
                del piece
            response = Response(answer.status, headers, body.finish())
        except BaseException:
            # The generators of httpcore come to their end by themselves only, here over a connection that was closed.
            await line.net.aclose()
            with anyio.CancelScope(shield=True), suppress(Exception):
                async for piece in pieces:
                    del piece
            raise
        await answer.aclose()
        if line.net.tried and not line.net.wrote:
            raise httpcore.ReadError("an answer to what was not sent")
        return response

    def _given_by(self, request: Request) -> _Given:
        if self._given is None or self._given.headers is not request.headers:
            self._given = _Given(request.headers)
        return self._given

    async def aclose(self) -> None:
        """Close every line; calls under way fail."""
        self._closed = True
        for line in (*self._busy, *self._idle):
            await line.net.aclose()
        for _ in range(_TURNS):
            await checkpoint()
