"""What the layers of this package cost on the quiet path, in CPU time, next to a plain httpx get in the same run.

    python -m benchmarks.layers [--rounds 15] [--calls 400]

Contestants take turns, and medians are compared. The server is a process of its own that answers any request with one
fixed meeting over loopback HTTP/1.1; what is counted is the CPU time (user and system) of this process.
"""

import argparse
import asyncio
import multiprocessing as mp
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import httpx

from joinme_async import JoinMe, RateLimit, Request, Response
from joinme_async._http import Secret
from joinme_async._wire import raw_call

MEETING = (
    b'{"meetingId":12345,"meetingName":"Weekly update with the boss","meetingStart":"2027-06-02T09:00:00Z",'
    b'"meetingEnd":"2027-06-02T10:00:00Z","startWithPersonalUrl":true,"participants":["worldsbestboss@join.me",'
    b'"hardworker@join.me"],"conferenceId":"123456789"}'
)
HEADERS = (("Content-Type", "application/json"), ("Content-Length", str(len(MEETING))))


class FromMemory:
    """A transport that has the answer already."""

    concurrency = 100
    keeps_time = True

    async def send(self, request: Request) -> Response:  # noqa: ARG002
        """Answer without giving the event loop a turn."""
        return Response(200, HEADERS, MEETING)

    async def aclose(self) -> None:
        """Nothing is open."""


class Fixed(asyncio.Protocol):
    """Answers whatever comes with one fixed meeting."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        """Answer; requests of these contestants come in one piece."""
        head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in HEADERS), "", ""])
        self.transport.write(head.encode() + MEETING)


def serve(pipe: Connection) -> None:
    """Serve until the process is ended."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Fixed, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def measure(call: Callable[[], Awaitable[object]], calls: int) -> float:
    """Return the microseconds of CPU that one call takes."""
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) / calls * 1e6


async def run(port: int, rounds: int, calls: int) -> None:
    """Let the contestants take turns, and print their medians."""
    url = f"http://127.0.0.1:{port}/v1"
    raw = raw_call("GET", "/meetings/12345", Secret(None), Secret(None))
    async with httpx.AsyncClient(headers={"Authorization": "Bearer tok"}) as plain:

        async def bare() -> None:
            (await plain.get(f"{url}/meetings/12345")).json()

        quiet = JoinMe("tok", transport=FromMemory())
        paced = JoinMe("tok", transport=FromMemory(), rate_limit=RateLimit(10**6))
        async with JoinMe("tok", base_url=url) as whole:
            contestants: dict[str, Callable[[], Awaitable[object]]] = {
                "plain httpx, get and json": bare,
                "the layer alone, over memory": lambda: quiet._layer.perform(raw, quiet._options),
                "get over memory, learning": lambda: quiet.meetings.get(12345),
                "get over memory, RateLimit(10**6)": lambda: paced.meetings.get(12345),
                "get over the default transport": lambda: whole.meetings.get(12345),
            }
            taken: dict[str, list[float]] = {name: [] for name in contestants}
            for call in contestants.values():
                await measure(call, 50)
            for _ in range(rounds):
                for name, call in contestants.items():
                    taken[name].append(await measure(call, calls))
    base = statistics.median(taken["plain httpx, get and json"])
    print(f"{'':36} {'ratio':>7} {'spread':>15} {'µs here':>9}")
    for name, times in taken.items():
        ratios = sorted(each / base for each in times)
        spread = f"{ratios[len(ratios) // 4]:.3f}-{ratios[-len(ratios) // 4]:.3f}"
        print(f"{name:36} {statistics.median(ratios):>7.3f} {spread:>15} {statistics.median(times):>9.1f}")


def main() -> None:
    """Start the server and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=400)
    given = parser.parse_args()
    ours, theirs = mp.get_context("spawn").Pipe()
    server = mp.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    asyncio.run(run(ours.recv(), given.rounds, given.calls))
    server.terminate()


if __name__ == "__main__":
    main()
