"""A server that speaks TLS with a certificate of its own, in threads; no HTTP library is involved."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

Handler = Callable[[ssl.SSLSocket, socket.socket], None]
"""Is given a connection after its handshake, and the socket underneath; both are closed when it returns."""


def make_certificate(folder: Path) -> Path:
    """Return a file with a key and its certificate for localhost; that of the CA behind it stands in `<file>.crt`.

    A certificate that signs itself would do for OpenSSL; rustls takes none of a CA for that of a server.
    """
    path, authority, wanted = folder / "localhost.pem", folder / "ca.key", folder / "wanted.csr"
    names = folder / "names.cnf"
    names.write_text("subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:FALSE\n")
    new = ["-newkey", "rsa:2048", "-nodes"]
    for arguments in (
        ["req", "-x509", *new, "-days", "2", "-subj", "/CN=test CA",
         "-addext", "keyUsage=critical,keyCertSign", "-keyout", authority, "-out", f"{path}.crt"],
        ["req", *new, "-subj", "/CN=localhost", "-keyout", path, "-out", wanted],
        ["x509", "-req", "-in", wanted, "-CA", f"{path}.crt", "-CAkey", authority, "-CAcreateserial", "-days", "2",
         "-extfile", names, "-out", folder / "leaf.crt"],
    ):  # fmt: skip
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (folder / "leaf.crt").read_bytes())
    return path


@contextmanager
def tls_server(certificate: Path, handler: Handler, protocols: Sequence[str] = ()) -> Iterator[str]:
    """Serve connections over TLS until the block is left, with those `protocols` of ALPN, and give the URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if protocols:
        context.set_alpn_protocols(protocols)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            handler(tls, connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=[connection], daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
