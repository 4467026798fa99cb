"""A uvicorn server in a thread of its own. The only file that knows uvicorn."""

import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from joinme_async._errors import ConfigurationError
from joinme_async.sandbox._asgi import App

if TYPE_CHECKING:
    import asyncio

    import uvicorn


# Addresses that mean "all of this machine" are listened on, and none to call.
_REACHED_AT: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class Server:
    """A sandbox served over HTTP as long as the block lasts: `with`, or `async with` where an event loop runs.

    Entering it gives the base URL of the service.
    """

    def __init__(self, app: App, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._listener: socket.socket | None = None

    def __enter__(self) -> str:
        server = self._server = _make_server(self._app)
        listener = self._listener = self._listen()
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="joinme-sandbox", daemon=True
        )
        self._thread.start()
        host = _REACHED_AT.get(self._host, self._host)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{listener.getsockname()[1]}/v1"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        if self._listener is not None:
            self._listener.close()  # a server that was stopped before it had started leaves it open

    async def __aenter__(self) -> str:
        return await anyio.to_thread.run_sync(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.__exit__, None, None, None)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            where = f"{self._host} port {self._port}"
            raise ConfigurationError(
                f"the sandbox cannot listen on {where} ({error.strerror}): take another port, or 0 for a free one"
            ) from error


def _make_server(app: App) -> "uvicorn.Server":
    try:
        import uvicorn  # noqa: PLC0415  an extra
        from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("serving the sandbox needs its extra: pip install 'joinme-async[sandbox]'") from None

    class Connection(H11Protocol):
        """A connection that the app can end."""

        def connection_made(self, transport: "asyncio.Transport") -> None:  # type: ignore[override]
            # An answer leaves in two writes; without this the second waits 40 ms for the peer's acknowledgement.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            app.connections[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            app.connections.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,  # the sandbox's own clock writes it
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=0,  # whoever waits for a late answer has gone by then
    )
    return uvicorn.Server(config)
