"""Fifty callers in a closed loop against a service that allows a number of calls in a sliding second, over real HTTP.

    python -m benchmarks.pacing [--runs 5] [--calls 400] [--limit 20] [--json FILE]

The service is the sandbox in a process of its own, and its ledger is what is judged. Once the client is told the limit
(`RateLimit(20)`), once it is not. Printed for each run: the time over the ideal, calls / limit, and the share that was
refused; of the client that is not told, besides the calls that were under way when the first refusal came. The time
runs from the first call to the last answer, after one warming call.
"""

import argparse
import json
import multiprocessing as mp
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

import anyio

from joinme_async import JoinMe, RateLimit, Timeout
from joinme_async.sandbox import Sandbox

CALLERS = 50
REFUSED = 403


def serve(limit: int, pipe: Connection) -> None:
    """Serve a sandbox, say where, and hand over the statuses in its ledger when asked, but for the warming call's."""
    sandbox = Sandbox(per_second=limit)
    with sandbox.serve() as url:
        pipe.send((url, sandbox.token))
        pipe.recv()
        pipe.send([entry.status for entry in sandbox.ledger[1:]])


async def call(url: str, token: str, calls: int, limit: int | None) -> tuple[float, int]:
    """Make the calls; return the seconds they took and how many were under way when the first refusal came."""
    left, under_way, when_refused = calls, 0, 0

    def note(event: object) -> None:
        nonlocal under_way, when_refused
        kind = type(event).__name__
        under_way += (kind == "AttemptStarted") - (kind == "AttemptEnded")
        if kind == "CoolDownOpened" and not when_refused:
            when_refused = under_way

    rate = None if limit is None else RateLimit(limit)
    async with JoinMe(token, base_url=url, rate_limit=rate, timeout=Timeout(total=120), on_event=note) as joinme:
        await joinme.meetings.list()
        await anyio.sleep(1.5)

        async def caller() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await joinme.meetings.list()

        began = time.perf_counter()
        async with anyio.create_task_group() as group:
            for _ in range(CALLERS):
                group.start_soon(caller)
        return time.perf_counter() - began, when_refused


def measure(calls: int, limit: int, *, told: bool) -> dict[str, object]:
    """Run once, and return what the ledger says of it."""
    ours, theirs = mp.get_context("spawn").Pipe()
    service = mp.get_context("spawn").Process(target=serve, args=(limit, theirs), daemon=True)
    service.start()
    url, token = ours.recv()
    seconds, when_refused = anyio.run(call, url, token, calls, limit if told else None)
    ours.send("over")
    statuses = ours.recv()
    service.join()
    refused = statuses.count(REFUSED)
    if len(statuses) - refused != calls:
        raise SystemExit("a call was lost or made twice")
    counted = refused if told else max(refused - when_refused, 0)
    return {"told": told, "ratio": seconds / (calls / limit), "refused": counted / calls}


def main() -> None:
    """Run, print the table, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    runs = []
    print(f"{'limit':>10} {'time / ideal':>14} {'refused':>9}")
    for told in (True, False):
        for _ in range(given.runs):
            runs.append(measure(given.calls, given.limit, told=told))
            print(
                f"{'told' if told else 'not told':>10} {runs[-1]['ratio']:>14.3f} {runs[-1]['refused']:>9.2%}",
                flush=True,
            )
        ratios = [run["ratio"] for run in runs if run["told"] is told]
        print(f"{'':>10} median {statistics.median(ratios):.3f}, largest {max(ratios):.3f}")
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
