"""The default transport, over httpx. The only file that knows httpx; its fast way is in `_lines`."""

import ssl
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Final

import httpcore
import httpx

from joinme_async._errors import ConfigurationError
from joinme_async._http import MAX_BODY
from joinme_async.transports._common import Proxy
from joinme_async.transports._lines import Lines, Origin, Setup
from joinme_async.transports._plain import Errors, OverClient, Plain, in_thread, own_client, refuse_settings

__all__ = ["HttpxTransport"]

_ERRORS: Final = Errors(httpx, httpcore)
_PROXIES: Final = frozenset({"http", "https", "socks5", "socks5h"})


class HttpxTransport(OverClient):
    """Carries requests over the connections of httpx, a connection for each call under way.

    Args:
        client: an `httpx.AsyncClient` of your own, used as it is and not closed: its proxies, certificates, limits,
            timeouts and hooks hold. Its `auth` and its following of redirects do not, and give `concurrency` where its
            `limits` are not the default. Without one, what follows holds.
        concurrency: how many connections there may be, and so how many calls at once.
        proxy: the URL of a proxy, or an `httpx.Proxy`; without one, the environment's. Used for https only: the plain
            http that this machine is reached with would show the token to a proxy.
        verify: an `ssl.SSLContext` for a corporate CA; False checks no certificate at all.
        http2: True to use HTTP/2 where the server does (install `joinme-async[http2]`).
        trust_env: False to leave the environment's proxies and certificates alone.
        keepalive: seconds for which an idle connection is kept.
        max_body: bytes; a longer answer is refused, not read to its end.

    Attributes:
        keeps_time: that every `send` ends within `Request.timeout` by itself.
    """

    def __init__(  # noqa: PLR0913  each is a setting of httpx that somebody needs
        self,
        client: httpx.AsyncClient | None = None,
        *,
        concurrency: int = 100,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: ssl.SSLContext | bool = True,
        http2: bool = False,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = MAX_BODY,
    ) -> None:
        refuse_settings(client, proxy, verify, http2)
        super().__init__(httpx, _ERRORS, client, self._make, concurrency=concurrency, max_body=max_body)
        self._proxy = proxy
        self._verify = verify
        self._http2 = http2
        self._trust_env = trust_env
        self._keepalive = keepalive

    async def _make(self) -> Lines | Plain:
        try:
            # Reading the certificates takes a while, and would hold up the event loop.
            return await in_thread(self._new_client) if self._http2 else Lines(await self._setup())
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            raise ConfigurationError(f"httpx cannot be set up: {error}") from error

    async def _setup(self) -> Setup:
        proxy = _proxies(self._proxy, trust_env=self._trust_env)
        read_certificates = partial(httpx.create_ssl_context, verify=self._verify, trust_env=self._trust_env)
        tls = await in_thread(read_certificates)
        return Setup(tls, proxy, self._concurrency, self._keepalive, self._max_body)

    def _new_client(self) -> Plain:
        client = own_client(
            httpx,
            proxy=self._proxy,
            verify=self._verify,
            http2=True,
            trust_env=self._trust_env,
            concurrency=self._concurrency,
            keepalive=self._keepalive,
        )
        return Plain(client, self._max_body)


def _proxies(
    given: str | httpx.URL | httpx.Proxy | None, *, trust_env: bool
) -> Callable[[Origin], httpcore.Proxy | None]:
    """Return what tells the proxy to an origin; plain http has none, since the proxy would see the token."""
    environment = Proxy(None, trust_env=trust_env and given is None, schemes=_PROXIES)
    chosen = given or environment.url
    if not chosen:
        return lambda _: None
    proxy = chosen if isinstance(chosen, httpx.Proxy) else httpx.Proxy(chosen)
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ImportError("a SOCKS proxy needs the package socksio: pip install 'httpx[socks]'")
    core = httpcore.Proxy(
        httpcore.URL(
            scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
        ),
        auth=proxy.raw_auth,
        headers=proxy.headers.raw,
        ssl_context=proxy.ssl_context,
    )

    def find(origin: Origin) -> httpcore.Proxy | None:
        spared = given is None and environment.spares(origin.name.decode())
        return None if origin.scheme == b"http" or spared else core

    return find
