"""A uvicorn server in a thread of its own. The only file that knows uvicorn."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from joinme_async._errors import ConfigurationError
from joinme_async.sandbox._asgi import App

if TYPE_CHECKING:
    import asyncio


@contextmanager
def running_server(app: App, host: str, port: int) -> Generator[str, None, None]:
    """Serve `app` until the block is left, and give the URL of its root."""
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

    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigurationError(f"the sandbox cannot listen on {host} port {port}: {error.strerror}") from error
    with listener:
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
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="joinme-sandbox", daemon=True)
        thread.start()
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
