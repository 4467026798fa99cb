"""A server that answers with whatever bytes a test wants, in a thread of its own; no HTTP library is involved."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Handler = Callable[[socket.socket, bytes], None]
"""Is given a connection and the head of a request; the connection is closed when it returns."""


@contextmanager
def raw_server(handler: Handler, *, listen: bool = True) -> Iterator[tuple[str, list[socket.socket]]]:
    """Serve on loopback until the block is left, and give the base URL and every connection so far.

    Without `listen`, the handler is called as soon as there is a connection, whatever comes over it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                head = b""
                while listen and b"\r\n\r\n" not in head:
                    head += connection.recv(65536) or b"\r\n\r\n"
                handler(connection, head)
            except OSError:
                pass  # the other side has gone, which is what some tests are about

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threads.append(threading.Thread(target=serve, args=[connection], daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in threads:
            thread.join(5)


def until_closed(connection: socket.socket) -> None:
    """Wait, without a word, until the other side hangs up."""
    while connection.recv(65536):
        pass


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
