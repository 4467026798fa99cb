"""A transport over httpx2, for asyncio and trio. The only file that knows httpx2."""

import ssl
from functools import partial
from typing import Final

from joinme_async._errors import ConfigurationError
from joinme_async._http import MAX_BODY
from joinme_async.transports._common import MissingExtraError
from joinme_async.transports._plain import Errors, OverClient, Plain, in_thread, own_client, refuse_settings

try:
    import httpx2
except ImportError as _missing:
    raise MissingExtraError("Httpx2Transport", "httpx2") from _missing

__all__ = ["Httpx2Transport"]

_ERRORS: Final = Errors(httpx2)


class Httpx2Transport(OverClient):
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
        refuse_settings(client, proxy, verify, http2)
        super().__init__(httpx2, _ERRORS, client, self._make, concurrency=concurrency, max_body=max_body)
        self._new_client = partial(
            own_client, httpx2, proxy=proxy, verify=verify, http2=http2, trust_env=trust_env, concurrency=concurrency,
            keepalive=keepalive,
        )  # fmt: skip

    async def _make(self) -> Plain:
        try:
            # Reading the certificates takes a while, and would hold up the event loop.
            return Plain(await in_thread(self._new_client), self._max_body)
        except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
            raise ConfigurationError(f"httpx2 cannot be set up: {error}") from error
