"""A transport over pyreqwest, for asyncio. The only file that knows pyreqwest."""

import asyncio
import ssl
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import Final
from urllib.request import getproxies

import anyio.to_thread
from anyio.lowlevel import checkpoint_if_cancelled

from joinme_async._errors import ConfigurationError, TransportError, TransportTimeoutError
from joinme_async._http import MAX_BODY, Request, Response
from joinme_async.transports._body import Body
from joinme_async.transports._common import (
    MissingExtraError,
    PerLoop,
    Proxy,
    checked_concurrency,
    host_of,
    only_asyncio,
    refuse_announced,
)

try:
    from pyreqwest.client import Client, ClientBuilder
    from pyreqwest.exceptions import BuilderError, PoolTimeoutError, PyreqwestError, RequestTimeoutError
    from pyreqwest.proxy import ProxyBuilder
    from pyreqwest.request import StreamRequest
    from pyreqwest.response import Response as Answer
except ImportError as _missing:
    raise MissingExtraError("PyreqwestTransport", "pyreqwest") from _missing

__all__ = ["PyreqwestTransport"]

_PROXIES: Final = frozenset({"http", "https"})
_CONNECTING: Final = "client error (Connect)"  # what hyper calls all that happens before there is a connection
_LAST_WORD: Final = 0.01  # seconds


class PyreqwestTransport:
    """Carries requests over pyreqwest, on asyncio: the work is done in Rust, in a thread of its own.

    Await `aclose` before the program ends, as `async with JoinMe(...)` does not for a transport that was given to it:
    pyreqwest 0.15 may abort the interpreter when it exits right behind an answer.

    Args:
        concurrency: how many connections there may be, and so how many calls at once.
        proxy: the URL of a proxy (http or https); without one, the environment's. Used for https only: the plain http
            that this machine is reached with would show the token to a proxy.
        verify: the path of a PEM file with the certificate of a corporate CA, trusted besides the system's; False
            checks no certificate at all. pyreqwest has TLS of its own and cannot use an `ssl.SSLContext`.
        trust_env: False to leave the environment's proxies alone.
        keepalive: seconds for which an idle connection is kept.
        max_body: bytes; a longer answer is refused, not read to its end.

    Attributes:
        keeps_time: that every `send` ends within `Request.timeout` by itself.
    """

    keeps_time: Final = True

    def __init__(  # noqa: PLR0913  the settings of HttpxTransport
        self,
        *,
        concurrency: int = 100,
        proxy: str | None = None,
        verify: str | PathLike[str] | bool = True,
        trust_env: bool = True,
        keepalive: float = 30.0,
        max_body: int = MAX_BODY,
    ) -> None:
        if isinstance(verify, ssl.SSLContext):
            raise ConfigurationError("pyreqwest has TLS of its own: verify is the path of a PEM file, or False")
        self._concurrency = checked_concurrency(concurrency)
        self._proxy = Proxy(proxy, trust_env=trust_env, schemes=_PROXIES)
        self._verify = verify
        self._keepalive = keepalive
        self._max_body = max_body
        self._own = PerLoop("PyreqwestTransport", self._make_client)

    def __repr__(self) -> str:
        return f"<PyreqwestTransport: own client, {self._concurrency} connections>"

    @property
    def concurrency(self) -> int:
        """How many calls it can carry at once."""
        return self._concurrency

    async def send(self, request: Request) -> Response:
        """Send `request` and return its answer, read to the end.

        Raises:
            TransportError: there was no answer; `request_sent` is False where pyreqwest had no connection yet.
            UnexpectedResponseError: the answer is longer than `max_body`.
            ConfigurationError: the event loop is not asyncio's, or the transport is closed.
        """
        client = await self._own.get()
        try:
            async with _outgoing(client, request) as answer:
                refuse_announced(answer.status, answer.get_header("Content-Length"), self._max_body)
                if _is_bounded(answer):
                    return Response(answer.status, answer.headers.items(), (await answer.bytes()).to_bytes())
                body = Body(answer.status, None, self._max_body)
                while (chunk := await answer.body_reader.read_chunk()) is not None:
                    body.add(chunk.to_bytes())
                    del chunk
                return Response(answer.status, answer.headers.items(), body.finish())
        except asyncio.CancelledError:
            # pyreqwest raises one of its own making; a scope of anyio's is left by anyio's, which this raises.
            await checkpoint_if_cancelled()
            raise
        except RequestTimeoutError as error:
            raise TransportTimeoutError(
                f"no answer in time from {host_of(request)}", request_sent=_may_have_left(error)
            ) from error
        except PyreqwestError as error:
            raise TransportError(
                f"no answer from {host_of(request)}: {_words(error)}", request_sent=_may_have_left(error)
            ) from error

    async def _make_client(self) -> Client:
        only_asyncio("PyreqwestTransport", "pyreqwest")
        # Reading the certificates takes a while, and would hold up the event loop.
        return await anyio.to_thread.run_sync(self._new_client)

    def _new_client(self) -> Client:
        builder = (
            ClientBuilder()
            .no_proxy()  # it would send plain http through the environment's
            .follow_redirects(enable=False)
            .referer(enable=False)
            .max_connections(self._concurrency)
            .pool_max_idle_per_host(self._concurrency)
            .pool_idle_timeout(timedelta(seconds=self._keepalive))
        )
        try:
            if self._proxy.url is not None:
                spared = getproxies().get("no") if self._proxy.from_environment else None
                builder = builder.proxy(ProxyBuilder.https(self._proxy.url).no_proxy(spared))
            if self._verify is False:
                builder = builder.danger_accept_invalid_certs(enable=True)
            elif self._verify is not True:
                builder = builder.add_root_certificate_pem(Path(self._verify).read_bytes())
            return builder.build()
        except (PyreqwestError, ValueError, OSError) as error:
            raise ConfigurationError(f"pyreqwest cannot be set up: {type(error).__name__}") from error

    async def prepare(self) -> None:
        """Make the client: reading the certificates takes a while."""
        await self._own.get()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._own.close(_close)


async def _close(client: Client) -> None:
    await client.close()
    # Its thread has a last word with the interpreter, and aborts the program where that is about to exit.
    await asyncio.sleep(_LAST_WORD)


def _outgoing(client: Client, request: Request) -> StreamRequest:
    builder = client.request(request.method, request.url).headers(request.headers.pairs())
    if request.content is not None:
        builder = builder.body_bytes(request.content)
    if request.timeout is not None:
        builder = builder.timeout(timedelta(seconds=request.timeout))  # waiting for a connection is part of it
    return builder.build_streamed()


def _is_bounded(answer: Answer) -> bool:
    """Say whether the announced length is that of the decoded body, so that it may be read in one piece."""
    if answer.get_header("Content-Length") is None:
        return False
    return answer.get_header("Content-Encoding") is None and answer.get_header("Transfer-Encoding") is None


def _causes(error: PyreqwestError) -> list[str]:
    details = getattr(error, "details", None) or {}
    return [cause["message"] for cause in details.get("causes") or ()]


def _may_have_left(error: PyreqwestError) -> bool:
    """Say whether the request may have been sent.

    The class of an error does not tell: pyreqwest calls it a ConnectError, too, when a connection breaks under a
    request, and a ConnectTimeoutError when an answer is late. hyper, underneath, knows where it was.
    """
    return not (isinstance(error, (PoolTimeoutError, BuilderError)) or _CONNECTING in _causes(error))


def _words(error: PyreqwestError) -> str:
    """Say what an error was; those that are not about connecting show URLs."""
    causes = _causes(error)
    return f"{type(error).__name__}: {causes[-1]}" if _CONNECTING in causes else type(error).__name__
