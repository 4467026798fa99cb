"""Where a server is, and how many connections it has accepted. Imports nothing that costs: children use it."""

import re
import socket
from dataclasses import asdict, dataclass
from typing import Any

_ACCEPTS = re.compile(rb"accepts[^\n]*\n\s*(\d+)\s")


@dataclass(frozen=True)
class Service:
    """A server on this machine.

    Attributes:
        port: where it listens.
        kind: what it is, for people.
        counts: whether it tells how many connections it has accepted.
    """

    port: int
    kind: str
    counts: bool

    @property
    def origin(self) -> str:
        """The URL without a path."""
        return f"http://127.0.0.1:{self.port}"

    def as_dict(self) -> dict[str, Any]:
        """Return it so that it can be handed to a child."""
        return asdict(self)

    def accepted(self) -> int:
        """Return the connections accepted so far, the one that asks included; 0 where nobody counts."""
        if not self.counts:
            return 0
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            got = b""
            while not (found := _ACCEPTS.search(got)):
                if not (more := connection.recv(65536)):
                    raise SystemExit("the server does not count its connections")
                got += more
            return int(found[1])

    def opened_since(self, before: int) -> int | None:
        """Return the connections that others opened since `accepted` said `before`; None where nobody counts."""
        return self.accepted() - before - 1 if self.counts else None
