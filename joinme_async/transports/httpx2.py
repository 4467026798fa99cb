"""A transport over httpx2, for asyncio and trio. The only file that knows httpx2."""

import ssl
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import anyio
import anyio.to_thread

from joinme_async._errors import ConfigurationError
from joinme_async._http import MAX_BODY, Request, Response
from joinme_async.transports._common import MissingExtraError, PerLoop, Sent, checked_concurrency, within
from joinme_async.transports._plain import Errors, Plain

try:
    import httpx2
except ImportError as _missing:
    raise MissingExtraError("Httpx2Transport", "httpx2") from _missing

__all__ = ["Httpx2Transport"]

_ERRORS: Final = Errors(httpx2)


class Httpx2Transport:
    """Carries requests over `httpx2.AsyncClient`.

    Args:
        client: an `httpx2.AsyncClient` of your own, used as it is and not closed: its proxies, certificates, limits,
            timeouts and hooks hold. Its `auth` and its following of redirects do not, and give `concurrency` where its
            `limits` are not the default. Without one, a client is made from what follows.
        concurrency: how many connections there may be, and so how many calls at once.
        proxy: the URL of a proxy, or an `httpx2.Proxy`; without one, the environment's. Used for https only: the plain
            http that this machine is reached with would show the token to a proxy.
        verify: an `ssl.SSLContext` for a corporate CA; False checks no certificate at all. By default the system's
            certificates are trusted.
        http2: True to use HTTP/2 where the server does (install `httpx2[http2]`).
        trust_env: False to leave the environment's proxies and certificates alone.
        keepalive: seconds for which an idle connection is kept.
        max_body: bytes; a longer answer is refused, not read to its end.

    Attributes:
        keeps_time: that every `send` ends within `Request.timeout` by itself.
    """

    keeps_time: Final = True

    def __init__(  # noqa: PLR0913  the settings of HttpxTransport
        self,
        client: httpx2.AsyncClient | None = None,
        *,
        concurrency: int = 100,
        proxy: str | httpx2.URL | httpx2.Proxy | None = None,
        verify: ssl.SSLContext | bool = True,
        http2: bool = False,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = MAX_BODY,
    ) -> None:
        if client is not None and not isinstance(client, httpx2.AsyncClient):
            raise ConfigurationError(f"client is an httpx2.AsyncClient, not {type(client).__name__}")
        if client is not None and (proxy, verify, http2) != (None, True, False):
            raise ConfigurationError("a client of your own has settings of its own: give proxy, verify and http2 to it")
        self._given = client
        self._concurrency = checked_concurrency(concurrency)
        self._max_body = max_body
        self._make = partial(
            httpx2.AsyncClient,
            proxy=proxy,
            verify=verify,
            http2=http2,
            trust_env=trust_env,
            limits=httpx2.Limits(
                max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=keepalive
            ),
            timeout=None,  # `Request.timeout` bounds the whole exchange
            # None is "no proxy": plain http goes to this machine only, and a proxy would see the token in the clear.
            mounts={"http://": None},
        )
        self._own: PerLoop[Plain] = PerLoop("Httpx2Transport", self._make_client)

    def __repr__(self) -> str:
        return f"<Httpx2Transport: {'given client' if self._given else 'own client'}, {self._concurrency} connections>"

    @property
    def concurrency(self) -> int:
        """How many calls it can carry at once."""
        return self._concurrency

    async def send(self, request: Request) -> Response:
        """Send `request` and return its answer, read to the end.

        Raises:
            TransportError: there was no answer; `request_sent` is False where httpx2 showed that nothing had left.
            UnexpectedResponseError: the answer is longer than `max_body`.
            ConfigurationError: the transport, or the client given to it, is closed.
        """
        sent = Sent()
        try:
            client = self._own.here()
            if client is None:
                client = await within(request.timeout, self._client())
            return await client.send(request, sent)
        except _ERRORS.all as error:
            told = _ERRORS.told(error, request, sent, given=self._given is not None)
        raise told

    async def _client(self) -> Plain:
        if self._given is None:
            return await self._own.get()
        if self._given.is_closed:
            raise ConfigurationError("the httpx2.AsyncClient given to Httpx2Transport is closed")
        return Plain(self._given, self._max_body)

    async def _make_client(self) -> Plain:
        # Reading the certificates takes a while, and would hold up the event loop.
        return await anyio.to_thread.run_sync(self._new_client, abandon_on_cancel=True)

    def _new_client(self) -> Plain:
        try:
            # The jar keeps no cookie: a call depends on no call before it.
            return Plain(self._make(cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[]))), self._max_body)
        except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
            raise ConfigurationError(f"httpx2 cannot be set up: {error}") from error

    async def prepare(self) -> None:
        """Make the client, where none was given: reading the certificates takes a while."""
        await self._client()

    async def aclose(self) -> None:
        """Close the connections; a client that was given stays open."""
        await self._own.close(Plain.aclose)
