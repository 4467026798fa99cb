"""A transport over aiohttp, for asyncio. The only file that knows aiohttp."""

import asyncio
import ssl
from typing import Final, cast

from joinme_async._errors import ConfigurationError, TransportError, TransportTimeoutError
from joinme_async._http import MAX_BODY, Request, Response, Secret
from joinme_async.transports._body import Body
from joinme_async.transports._common import (
    MissingExtraError,
    PerLoop,
    Proxy,
    checked_concurrency,
    checked_verify,
    host_of,
    only_asyncio,
    refuse_announced,
    words_of,
)

try:
    import aiohttp
    from yarl import URL
except ImportError as _missing:
    raise MissingExtraError("AiohttpTransport", "aiohttp") from _missing

__all__ = ["AiohttpTransport"]

_PROXIES: Final = frozenset({"http", "https"})
_NO_BOUNDS: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)  # `Request.timeout` bounds the whole exchange


class AiohttpTransport:
    """Carries requests over `aiohttp.ClientSession`, on asyncio.

    aiohttp would send a GET or DELETE a second time, unasked, when a connection breaks under it; here nothing is.

    Args:
        session: an `aiohttp.ClientSession` of your own, used as it is and not closed: its proxies, certificates,
            connector, timeouts, cookies and middlewares hold. Give `concurrency` where its connector's `limit` is not
            100. Without one, a session is made from what follows.
        concurrency: how many connections there may be, and so how many calls at once.
        proxy: the URL of a proxy (http or https); without one, the environment's. Used for https only: the plain http
            that this machine is reached with would show the token to a proxy.
        verify: an `ssl.SSLContext` for a corporate CA; False checks no certificate at all. By default the system's
            certificates are trusted.
        trust_env: False to leave the environment's proxies alone.
        keepalive: seconds for which an idle connection is kept.
        max_body: bytes; a longer answer is refused, not read to its end.

    Attributes:
        keeps_time: that every `send` ends within `Request.timeout` by itself.
    """

    keeps_time: Final = True

    def __init__(  # noqa: PLR0913  the settings of HttpxTransport
        self,
        session: aiohttp.ClientSession | None = None,
        *,
        concurrency: int = 100,
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = MAX_BODY,
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise ConfigurationError(f"session is an aiohttp.ClientSession, not {type(session).__name__}")
        checked_verify(verify)
        if session is not None and (proxy, verify) != (None, True):
            raise ConfigurationError("a session of your own has settings of its own: give proxy and verify to it")
        self._given = session
        self._concurrency = checked_concurrency(concurrency)
        self._verify = verify
        self._keepalive = keepalive
        self._max_body = max_body
        self._proxy = Proxy(proxy, trust_env=trust_env and session is None, schemes=_PROXIES)
        self._own = PerLoop("AiohttpTransport", self._new_session, aiohttp.ClientSession.detach)

    def __repr__(self) -> str:
        whose = "given session" if self._given else "own session"
        return f"<AiohttpTransport: {whose}, {self._concurrency} connections>"

    @property
    def concurrency(self) -> int:
        """How many calls it can carry at once."""
        return self._concurrency

    async def send(self, request: Request) -> Response:
        """Send `request` and return its answer, read to the end.

        Raises:
            TransportError: there was no answer; `request_sent` is False where aiohttp had not begun to write.
            UnexpectedResponseError: the answer is longer than `max_body`.
            ConfigurationError: the event loop is not asyncio's, or the transport is closed.
        """
        session = await self._session()
        once = _Once()
        try:
            async with asyncio.timeout(request.timeout):
                return await self._exchange(session, request, once)
        except TimeoutError as error:
            raise TransportTimeoutError(
                f"no answer in time from {host_of(request)}", request_sent=once.may_have_left()
            ) from error
        except (aiohttp.ClientError, _BrokenError, OSError, ValueError) as error:
            told = TransportError(
                f"no answer from {host_of(request)}: {_words(error)}", request_sent=once.may_have_left()
            )
            told.__cause__ = error if isinstance(error, OSError) else None  # others may quote what a server sent
        raise told

    async def _exchange(self, session: aiohttp.ClientSession, request: Request, once: "_Once") -> Response:
        if request.method != "GET":
            # That a kept connection has ended, aiohttp learns from the event loop. Two turns of it, and nothing that
            # matters is written to one that ended while the loop was busy: nobody could tell what became of it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        # The answer's repr shows its URL and headers: it is kept out of the local variables that tracebacks show.
        answer = Secret(
            await session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers.pairs(),
                data=request.content,
                allow_redirects=False,
                proxy=self._proxy.of(request.url),
                skip_auto_headers=_no_type(request),
                middlewares=(once,) if self._given is None else (*_middlewares(session), once),
            )
        )
        try:
            refuse_announced(answer.reveal().status, answer.reveal().headers.get("Content-Length"), self._max_body)
            body = Body(answer.reveal().status, None, self._max_body)
            while not answer.reveal().content.at_eof():
                body.add(await answer.reveal().content.readany())
            return Response(answer.reveal().status, answer.reveal().headers.items(), body.finish())
        finally:
            answer.reveal().release()  # which closes the connection, where there is more to come

    async def _session(self) -> aiohttp.ClientSession:
        if self._given is None:
            return await self._own.get()
        only_asyncio("AiohttpTransport", "aiohttp")
        if self._given.closed:
            raise ConfigurationError("the aiohttp.ClientSession given to AiohttpTransport is closed")
        return self._given

    async def _new_session(self) -> aiohttp.ClientSession:
        only_asyncio("AiohttpTransport", "aiohttp")
        connector = aiohttp.TCPConnector(limit=self._concurrency, keepalive_timeout=self._keepalive, ssl=self._verify)
        # `trust_env` would read ~/.netrc for each request, and take a login from it. Proxies are found without it.
        return aiohttp.ClientSession(
            connector=connector, timeout=_NO_BOUNDS, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    async def aclose(self) -> None:
        """Close the connections; a session that was given stays open."""
        await self._own.close(aiohttp.ClientSession.close)


class _BrokenError(Exception):
    """A connection broke; none of those errors that aiohttp sends a request again for."""


class _Once:
    """A middleware, the innermost, that sees a request off: it is sent once, and it is known whether it was.

    aiohttp sends what it calls idempotent a second time when a connection breaks under it, be it before the request
    was written or after it was carried out. It would go by the class of the error, which is another behind this.
    """

    __slots__ = ("_request",)

    def __init__(self) -> None:
        self._request: aiohttp.ClientRequest | None = None

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        self._request = request
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise _BrokenError(_words(error)) from error

    def may_have_left(self) -> bool:
        """Say whether anything was written: the request has a response, to be filled, from then on."""
        return self._request is not None and getattr(self._request, "response", self) is not None


def _middlewares(session: aiohttp.ClientSession) -> tuple[aiohttp.ClientMiddlewareType, ...]:
    """Return those of a given session: one for a single request would take their place."""
    return cast("tuple[aiohttp.ClientMiddlewareType, ...]", tuple(getattr(session, "_middlewares", ())))


def _no_type(request: Request) -> tuple[str, ...] | None:
    """Keep aiohttp from naming the type of a body that came without one."""
    return ("Content-Type",) if request.content is not None and "Content-Type" not in request.headers else None


def _words(error: Exception) -> str:
    """Say what an error was; aiohttp puts URLs, and what a server sent, into those that are not about connecting."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}, status {error.status}"
    if isinstance(error, _BrokenError):
        return str(error)
    return words_of(error) if isinstance(error, OSError) else type(error).__name__
