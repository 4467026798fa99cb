"""A transport over httpx2, for asyncio and trio. The only file that knows httpx2."""

import ssl
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import anyio
import anyio.to_thread

from joinme_async._errors import ConfigurationError, TransportError, TransportTimeoutError
from joinme_async._http import MAX_BODY, Request, Response, Secret
from joinme_async.transports._common import (
    MissingExtraError,
    PerLoop,
    host_of,
    read_all,
    refuse_announced,
    words_of,
)

try:
    import httpx2
except ImportError as _missing:
    raise MissingExtraError("Httpx2Transport", "httpx2") from _missing

__all__ = ["Httpx2Transport"]


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
        if concurrency < 1:
            raise ConfigurationError("concurrency is the number of connections, one at least")
        if client is not None and not isinstance(client, httpx2.AsyncClient):
            raise ConfigurationError(f"client is an httpx2.AsyncClient, not {type(client).__name__}")
        if client is not None and (proxy, verify, http2) != (None, True, False):
            raise ConfigurationError("a client of your own has settings of its own: give proxy, verify and http2 to it")
        self._given = client
        self._concurrency = concurrency
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
        self._own: PerLoop[httpx2.AsyncClient] = PerLoop("Httpx2Transport", self._make_client)

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
        sent = _SendWatch(surely_httpcore=self._given is None)
        try:
            with anyio.fail_after(request.timeout):
                return await self._exchange(await self._client(), request, sent)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise TransportTimeoutError(
                f"no answer in time from {host_of(request)}", request_sent=sent.may_have_left(error)
            ) from error
        # OSError: asyncio's TLS errors come through httpcore2 as they are. ValueError: a host IDNA does not know.
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
            raise TransportError(
                f"no answer from {host_of(request)}: {_words(error)}", request_sent=sent.may_have_left(error)
            ) from error

    async def _exchange(self, client: httpx2.AsyncClient, request: Request, sent: "_SendWatch") -> Response:
        outgoing = client.build_request(
            request.method,
            request.url,
            headers=request.headers.pairs(),
            content=request.content,
            extensions={"trace": sent.trace},
        )
        # The answer's repr shows the words of its status line: it is kept out of the local variables of tracebacks.
        answer = Secret(await client.send(outgoing, stream=True, auth=None, follow_redirects=False))
        try:
            refuse_announced(answer.reveal().status_code, answer.reveal().headers.get("Content-Length"), self._max_body)
            body = await read_all(answer.reveal().aiter_bytes(), answer.reveal().status_code, self._max_body)
            return Response(answer.reveal().status_code, answer.reveal().headers.multi_items(), bytes(body.reveal()))
        finally:
            await answer.reveal().aclose()

    async def _client(self) -> httpx2.AsyncClient:
        if self._given is None:
            return await self._own.get()
        if self._given.is_closed:
            raise ConfigurationError("the httpx2.AsyncClient given to Httpx2Transport is closed")
        return self._given

    async def _make_client(self) -> httpx2.AsyncClient:
        # Reading the certificates takes a while, and would hold up the event loop.
        return await anyio.to_thread.run_sync(self._new_client)

    def _new_client(self) -> httpx2.AsyncClient:
        try:
            # The jar keeps no cookie: a call depends on no call before it.
            return self._make(cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])))
        except (ImportError, ValueError, OSError) as error:
            raise ConfigurationError(f"httpx2 cannot be set up: {error}") from error

    async def prepare(self) -> None:
        """Make the client, where none was given: reading the certificates takes a while."""
        await self._client()

    async def aclose(self) -> None:
        """Close the connections; a client that was given stays open."""
        if (client := self._own.close()) is not None:
            await client.aclose()


class _SendWatch:
    """Learns from httpx2's `trace` extension how far a request got.

    Args:
        surely_httpcore: True for a client of our own, which cannot but report what it does. A given client may have any
            transport inside, one that calls everything a ConnectError among them.
    """

    def __init__(self, *, surely_httpcore: bool) -> None:
        # What came up before any event of a connection did: PoolTimeout while waiting for one, the others before that.
        self._never_sent: tuple[type[Exception], ...] = (httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
        self._never_sent += (httpx2.InvalidURL,)
        if surely_httpcore:
            self._never_sent += (TimeoutError, httpx2.ConnectError, httpx2.ConnectTimeout)
        self._reports = False
        self._started = False

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note an event of the connection, such as `http11.send_request_headers.started`."""
        self._reports = True
        if event.endswith("send_request_headers.started"):
            # To a proxy, the CONNECT that opens the tunnel is sent first: it is no byte of ours.
            self._started = self._started or info["request"].method != b"CONNECT"

    def may_have_left(self, error: Exception) -> bool:
        """Say whether the request may have been sent: always, unless httpx2 has shown that it was not."""
        return self._started or not (self._reports or isinstance(error, self._never_sent))


def _words(error: Exception) -> str:
    """Say what an error was; those of a protocol quote what a server sent, which may be an echo of the token."""
    quotes = isinstance(error, (httpx2.ProtocolError, httpx2.DecodingError, httpx2.InvalidURL))
    return type(error).__name__ if quotes else words_of(error)
