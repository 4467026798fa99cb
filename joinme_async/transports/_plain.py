"""The plain way of httpx and of httpx2, its successor, which has the same names: through an `AsyncClient`."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import Any, Final, Protocol, TypeVar

import anyio
import anyio.to_thread

from joinme_async._errors import ConfigurationError, TransportError, TransportTimeoutError
from joinme_async._http import Headers, Request, Response, Secret
from joinme_async.transports._body import Body
from joinme_async.transports._common import (
    PerLoop,
    Sent,
    checked_concurrency,
    checked_verify,
    headers_of,
    host_of,
    refuse_announced,
    within,
    words_of,
)

T = TypeVar("T")


class Errors:
    """The errors of a library with httpx's names, and what they say of a request.

    Attributes:
        all: whatever may come instead of an answer; a TimeoutError too, an OSError (asyncio's TLS errors come through
            httpcore as they are) and a ValueError (a URL or a body that is none).

    Args:
        library: httpx or httpx2.
        core: what it stands on, where that is used as well.
    """

    def __init__(self, library: Any, core: ModuleType | None = None) -> None:  # noqa: ANN401  one of two modules
        cores: Any = (core,) if core is not None else ()
        self._late: Final = (TimeoutError, library.TimeoutException, *(each.TimeoutException for each in cores))
        # What quotes the server, or the URL: an echo of the token, perhaps.
        self._quoting: Final = (
            library.ProtocolError,
            library.DecodingError,
            library.InvalidURL,
            *(each.ProtocolError for each in cores),
        )
        self.all: Final[tuple[type[Exception], ...]] = (
            *self._late, *self._quoting, library.HTTPError, library.StreamError, OSError, ValueError,
            *(error for each in cores for error in (each.NetworkError, each.UnsupportedProtocol, each.ProxyError)),
        )  # fmt: skip
        # What comes up before there is word of any connection. A client that was given may have any transport inside,
        # one that calls everything a ConnectError among them: only what the library itself raises counts there.
        self._before_given: Final = (library.PoolTimeout, library.UnsupportedProtocol, library.InvalidURL)
        self._before_own: Final = (
            *self._before_given, library.ConnectError, library.ConnectTimeout, TimeoutError, ValueError,
        )  # fmt: skip

    def told(self, error: Exception, request: Request, sent: Sent, *, given: bool) -> TransportError:
        """Return ours for one of `all`, to be raised behind it.

        The request may have left, unless it is certain that it did not. What it came from is kept, unless it quotes.
        """
        before = self._before_given if given else self._before_own
        left = sent.left or not (sent.tried or isinstance(error, before))
        quotes = isinstance(error, self._quoting)
        words = type(error).__name__ if quotes else words_of(error)
        ours = (
            TransportTimeoutError(f"no answer in time from {host_of(request)}", request_sent=left)
            if isinstance(error, self._late)
            else TransportError(f"no answer from {host_of(request)}: {words}", request_sent=left)
        )
        ours.__cause__ = None if quotes else error
        return ours


class Plain:
    """An `AsyncClient` of httpx or httpx2, to send requests with.

    Args:
        client: the client.
        max_body: bytes; a longer answer is refused, not read to its end.
    """

    def __init__(self, client: Any, max_body: int) -> None:  # noqa: ANN401  of one of two libraries
        self._client = client
        self._max_body = max_body

    async def send(self, request: Request, sent: Sent) -> Response:
        """Send `request` and return its answer; `sent` is told how far it got."""
        return await within(request.timeout, self._exchange(request, sent))

    async def _exchange(self, request: Request, sent: Sent) -> Response:
        outgoing = self._client.build_request(
            request.method, request.url, content=request.content, extensions={"trace": partial(_trace, sent)}
        )
        _put(request.headers, outgoing.headers)
        # The answer's repr shows the words of its status line: it is kept out of the local variables of tracebacks.
        answer = Secret(await self._client.send(outgoing, stream=True, auth=None, follow_redirects=False))
        try:
            status, headers = answer.reveal().status_code, headers_of(answer.reveal().headers.raw)
            refuse_announced(status, headers.get("Content-Length"), self._max_body)
            body = Body(status, None, self._max_body)
            async with aclosing(answer.reveal().aiter_bytes()) as pieces:
                async for piece in pieces:
                    body.add(piece)
                    del piece
            return Response(status, headers, body.finish())
        finally:
            await answer.reveal().aclose()

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


class Carrier(Protocol):
    """What sends the requests of a transport in one event loop."""

    async def send(self, request: Request, sent: Sent) -> Response:
        """Send `request` and return its answer; `sent` is told how far it got."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class OverClient:
    """What the transports over httpx and httpx2 do alike.

    Args:
        library: httpx or httpx2.
        errors: those of the library.
        client: an `AsyncClient` of the user's, None where there is none.
        make: makes what sends requests, where no client was given.
        concurrency: how many connections there may be.
        max_body: bytes; a longer answer is refused.

    Attributes:
        keeps_time: that every `send` ends within `Request.timeout` by itself.
    """

    keeps_time: Final = True

    def __init__(  # noqa: PLR0913  what differs between the two
        self,
        library: ModuleType,
        errors: Errors,
        client: Any,  # noqa: ANN401  of one of two libraries
        make: Callable[[], Awaitable[Carrier]],
        *,
        concurrency: int,
        max_body: int,
    ) -> None:
        if client is not None and not isinstance(client, library.AsyncClient):
            raise ConfigurationError(f"client is an {library.__name__}.AsyncClient, not {type(client).__name__}")
        self._errors = errors
        self._given = client
        self._given_kind = f"{library.__name__}.AsyncClient"
        self._concurrency = checked_concurrency(concurrency)
        self._max_body = max_body
        self._own: PerLoop[Carrier] = PerLoop(type(self).__name__, make)

    def __repr__(self) -> str:
        whose = "given client" if self._given else "own client"
        return f"<{type(self).__name__}: {whose}, {self._concurrency} connections>"

    @property
    def concurrency(self) -> int:
        """How many calls it can carry at once."""
        return self._concurrency

    async def send(self, request: Request) -> Response:
        """Send `request` and return its answer, read to the end.

        Raises:
            TransportError: there was no answer; `request_sent` is False where it is certain that nothing had left.
            UnexpectedResponseError: the answer is longer than `max_body`.
            ConfigurationError: the transport, or the client given to it, is closed.
        """
        sent = Sent()
        try:
            carrier = self._own.here()
            if carrier is None:
                carrier = await within(request.timeout, self._carrier())
            return await carrier.send(request, sent)
        except self._errors.all as error:
            told = self._errors.told(error, request, sent, given=self._given is not None)
        raise told

    async def _carrier(self) -> Carrier:
        if self._given is None:
            return await self._own.get()
        if self._given.is_closed:
            raise ConfigurationError(f"the {self._given_kind} given to {type(self).__name__} is closed")
        return Plain(self._given, self._max_body)

    async def prepare(self) -> None:
        """Read the certificates, where no client was given: that takes a while."""
        await self._carrier()

    async def aclose(self) -> None:
        """Close the connections; a client that was given stays open."""
        await self._own.close(lambda carrier: carrier.aclose())


def refuse_settings(client: object, proxy: object, verify: object, http2: object) -> None:
    """Raise ConfigurationError where they are set besides a client, which has its own, or `verify` is none."""
    checked_verify(verify)
    if client is not None and (proxy, verify, http2) != (None, True, False):
        raise ConfigurationError("a client of your own has settings of its own: give proxy, verify and http2 to it")


def own_client(  # noqa: PLR0913  the settings of the library
    library: Any,  # noqa: ANN401  one of two modules
    *,
    proxy: object,
    verify: object,
    http2: bool,
    trust_env: bool,
    concurrency: int,
    keepalive: float,
) -> Any:  # noqa: ANN401
    """Return an `AsyncClient` that depends on no call before, and leaves time and redirects to us."""
    return library.AsyncClient(
        proxy=proxy,
        verify=verify,
        http2=http2,
        trust_env=trust_env,
        limits=library.Limits(
            max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=keepalive
        ),
        timeout=None,  # `Request.timeout` bounds the whole exchange
        # None is "no proxy": plain http goes to this machine only, and a proxy would see the token in the clear.
        mounts={"http://": None},
        # The jar keeps no cookie: a call depends on no call before it.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` comes to, which would hold up the event loop; a call cut off does not wait for its end."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


def _put(headers: Headers, outgoing: Any) -> None:  # noqa: ANN401  the headers of one of two libraries
    """Set `headers` in those of a request; given to `build_request`, they cost five times as much."""
    for name, value in headers.items():
        outgoing[name] = value


async def _trace(sent: Sent, event: str, info: dict[str, Any]) -> None:
    """Note an event of httpcore's, such as `http11.send_request_headers.started`."""
    sent.tried = True
    # To a proxy, the CONNECT that opens the tunnel is sent first: it is no byte of ours.
    if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
        sent.left = True
        info["request"].extensions.pop("trace", None)  # all that there was to know is known
