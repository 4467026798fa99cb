"""A small asyncio server: answers after a delay, counts connections; also the stand-in where nginx is missing.

    python -m benchmarks.server --core 0 --delay 0.05

It prints its port, and serves until its standard input ends, so that it never outlives the run.
"""

import argparse
import asyncio
import os
import sys
from typing import Final, cast

from benchmarks.bodies import MEETING, SIZES, list_body, list_root

STATUS: Final = b"/status"
BACKLOG: Final = 4096


def answer(code: str, body: bytes) -> bytes:
    """Return a whole answer in bytes."""
    head = f"HTTP/1.1 {code}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answers() -> dict[tuple[bytes, bytes], bytes]:
    """Return the answer to each method and path."""
    known = {
        (b"GET", b"/v1/meetings/12345"): answer("200 OK", MEETING),
        (b"POST", b"/v1/meetings"): answer("201 Created", MEETING),
    }
    for size in SIZES:
        known[b"GET", f"{list_root(size)}/meetings".encode()] = answer("200 OK", list_body(size))
    return known


class Answering(asyncio.Protocol):
    """One connection: requests come in any pieces, one at a time."""

    known: Final = answers()
    lost: Final = answer("404 Not Found", b"{}")
    delay = 0.0
    accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count, and keep the way back."""
        Answering.accepted += 1
        self.transport = cast("asyncio.Transport", transport)
        self.got = b""

    def data_received(self, data: bytes) -> None:
        """Answer a request once its head and body are there."""
        self.got += data
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found or len(body) < length_of(head):
            return
        self.got = b""
        method, path, _ = head.split(b" ", 2)
        if path == STATUS:
            self.write(answer("200 OK", f"accepts\n {Answering.accepted} ".encode()))
        elif self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.write, self.known.get((method, path), self.lost))
        else:
            self.write(self.known.get((method, path), self.lost))

    def write(self, data: bytes) -> None:
        """Send an answer, unless the other side has gone."""
        if not self.transport.is_closing():
            self.transport.write(data)


def length_of(head: bytes) -> int:
    """Return the length of the body that a head announces."""
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def main(core: int | None, delay: float) -> None:
    """Serve until the standard input ends."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    Answering.delay = delay
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)  # nothing is ever written to it: it ends
    server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", type=int)
    parser.add_argument("--delay", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(main(given.core, given.delay))
