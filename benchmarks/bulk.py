"""What a bulk run costs, over real HTTP to a sandbox in another process.

    python -m benchmarks.bulk pace      # 1,000 rows under RateLimit(50): the time over the ideal, the share refused
    python -m benchmarks.bulk cost      # CPU of a run with a journal, without one, and of a bare loop, for each row
    python -m benchmarks.bulk memory    # peak memory of 1,000 rows and of 100,000 through schedule_each

Each run is a process of its own; of `cost` the contestants take turns, and the ratios are of medians.
"""

import argparse
import json
import multiprocessing as mp
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import anyio

from joinme_async import JoinMe, NewMeeting, RateLimit, Timeout
from joinme_async.bulk import schedule_all, schedule_each
from joinme_async.sandbox import Sandbox

REFUSED = 403
WORKERS = 100


def serve(limit: int | None, pipe: Connection) -> None:
    """Serve a sandbox, say where, and tell what it saw when asked."""
    sandbox = Sandbox(per_second=limit)
    with sandbox.serve() as url:
        pipe.send((url, sandbox.token))
        pipe.recv()
        posts = [entry for entry in sandbox.ledger if entry.method == "POST"]
        refused = sum(entry.status == REFUSED for entry in posts)
        names = {entry.body["meetingName"] for entry in posts if entry.did == "created"}
        span = (posts[-1].at - posts[0].at).total_seconds()
        pipe.send({"posts": len(posts), "refused": refused, "made": len(names), "span": span})


def rows(number: int) -> Iterator[NewMeeting]:
    """Yield so many different meetings."""
    start = datetime.now(UTC) + timedelta(days=30)
    for index in range(number):
        yield NewMeeting(f"Meeting {index}", start, start + timedelta(hours=1), ["a@example.com"])


async def bare(joinme: JoinMe, number: int) -> None:
    """Schedule rows as a script would without all this: workers on one iterator."""
    line = rows(number)

    async def work() -> None:
        for new in line:
            await joinme.meetings.schedule(new)

    async with anyio.create_task_group() as group:
        for _ in range(WORKERS):
            group.start_soon(work)


async def carry_out(how: str, url: str, token: str, number: int, journal: str) -> None:
    """Schedule so many rows in one of the ways."""
    rate = RateLimit(50) if how == "pace" else None
    async with JoinMe(token, base_url=url, rate_limit=rate, timeout=Timeout(total=600)) as joinme:
        match how:
            case "bare":
                await bare(joinme, number)
            case "each":
                async for _ in schedule_each(joinme, rows(number), journal=journal):
                    pass
            case _:
                kept = None if how == "without" else journal
                await schedule_all(joinme, rows(number), journal=kept, verify=how == "pace")


def contestant(given: dict[str, str]) -> None:
    """Be one contestant, in a process of its own: print seconds, CPU and peak memory as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        journal = str(Path(folder) / "run.journal")
        anyio.run(carry_out, given["how"], given["url"], given["token"], int(given["rows"]), journal)
        seconds = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}))


def measure(how: str, number: int, limit: int | None = None) -> dict[str, float]:
    """Run one contestant against a service of its own, and return what it and the ledger say."""
    ours, theirs = mp.get_context("spawn").Pipe()
    service = mp.get_context("spawn").Process(target=serve, args=(limit, theirs), daemon=True)
    service.start()
    url, token = ours.recv()
    given = json.dumps({"how": how, "url": url, "token": token, "rows": str(number)})
    done = subprocess.run(  # noqa: S603  itself
        [sys.executable, "-m", "benchmarks.bulk", "--contestant", given], check=True, capture_output=True, text=True
    )
    ours.send("over")
    seen = ours.recv()
    service.join()
    if seen["made"] != number or seen["posts"] - seen["refused"] != number:
        raise SystemExit("a row was lost or made twice")
    return {**json.loads(done.stdout), **seen}


def pace(runs: int) -> None:
    """1,000 rows against a service that allows 50 in a sliding second; the ideal is 20 s."""
    number, limit = 1000, 50
    ratios = []
    for _ in range(runs):
        seen = measure("pace", number, limit)
        ratios.append(seen["span"] / (number / limit))
        print(f"time / ideal {ratios[-1]:.3f}, refused {seen['refused'] / number:.2%}", flush=True)
    print(f"median of {runs}: {statistics.median(ratios):.3f}")


def cost(runs: int) -> None:
    """CPU for each row, the start of the interpreter taken off."""
    number = 3000
    seen: dict[str, list[float]] = {how: [] for how in ("bare", "without", "with")}
    for _ in range(runs):
        for how, all_of_it in seen.items():
            all_of_it.append((measure(how, number)["cpu"] - measure(how, 1)["cpu"]) / number * 1e6)
    medians = {how: statistics.median(all_of_it) for how, all_of_it in seen.items()}
    for how, spent in medians.items():
        print(f"{how:>8}: {spent:.0f} us of CPU a row, {spent / medians['without']:.2f} of a run without a journal")


def memory(runs: int) -> None:
    """Peak memory of the process, outcomes dropped, with a journal."""
    few = statistics.median(measure("each", 1000)["peak"] for _ in range(runs))
    many = statistics.median(measure("each", 100_000)["peak"] for _ in range(1))
    print(f"1,000 rows: {few:.1f} MiB at the peak; 100,000 rows: {many:.1f} MiB; {many - few:+.1f} MiB")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["pace", "cost", "memory"], nargs="?")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--contestant", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contestant:
        contestant(given.contestant)
    else:
        {"pace": pace, "cost": cost, "memory": memory}[given.what or "pace"](given.runs)


if __name__ == "__main__":
    main()
