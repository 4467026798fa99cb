"""Measure this package next to others, as ratios within one run.

python -m benchmarks                                  # everything, in about twelve minutes
python -m benchmarks --quick                          # a smoke run of less than a minute; its numbers mean little
python -m benchmarks --only sequential,callers
python -m benchmarks --json benchmarks/results.json --plot docs/pictures --docs README.md docs/*/performance.md
python -m benchmarks --from benchmarks/results.json --plot docs/pictures --docs README.md docs/*/performance.md
"""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import pages, parts_http, parts_rest, plots, report
from benchmarks.bench import QUICK, Bench, Settings
from benchmarks.contestants import GENERATED, MAKERS
from benchmarks.generate import generate
from benchmarks.present import versions, why_not
from benchmarks.results import Results, Row
from benchmarks.services import asyncio_service, best_service, cores

PARTS: Final[dict[str, Callable[[Bench], list[Row]]]] = {
    "sequential": parts_http.sequential,
    "callers": parts_http.callers,
    "slow": parts_http.slow,
    "at-once": parts_http.at_once,
    "lists": parts_http.lists,
    "codec": parts_rest.codec,
    "import": parts_rest.imports,
    "layers": parts_rest.layers,
    "injected": parts_rest.injected,
    "bulk": parts_rest.bulk_runs,
}


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Run this process and those that it starts on one core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def roll_call(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return who takes part, and why the others do not."""
    failed = generate(folder)
    sys.path.insert(0, str(folder))
    reasons = {name: (failed if name == GENERATED else None) or why_not(name) for name in MAKERS}
    absent = {name: reason for name, reason in reasons.items() if reason is not None}
    return [name for name in MAKERS if name not in absent], absent


def measure(parts: list[str], settings: Settings) -> Results:
    """Start the servers, let every part run, and return everything."""
    server_core, client_core = cores()
    with (
        TemporaryDirectory(prefix="benchmark-") as folder,
        best_service(server_core) as fast,
        asyncio_service(server_core, parts_http.DELAY) as slow,
    ):
        names, absent = roll_call(Path(folder))
        bench = Bench(settings, fast, slow, names, folder)
        made = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "python": platform.python_version(),
            "server": fast.kind,
            "pinned": client_core is not None,
            "rounds": settings.rounds,
            "quick": settings.quick,
            "versions": versions(),
        }
        results = Results(made, absent=absent)
        for part in parts:
            print(f"{part} ", end="", file=sys.stderr, flush=True)
            began = time.monotonic()
            # A bulk run has its server in a process of its own, which would be on the same core.
            with pinned(None if part == "bulk" else client_core):
                results.rows += PARTS[part](bench)
            print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
        results.absent.update(bench.failed)
        return results


def chosen(text: str) -> list[str]:
    """Return the parts that were named, in the order in which they run."""
    names = text.split(",")
    if unknown := set(names) - PARTS.keys():
        raise argparse.ArgumentTypeError(
            f"no part is called {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}"
        )
    return [part for part in PARTS if part in names]


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    summary, usage = (__doc__ or "").split("\n", 1)
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=summary, epilog=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, help="of the quick parts; the longer ones have fewer (5)")
    parser.add_argument("--calls", type=int, help="of a phase, at the most (1000)")
    parser.add_argument("--patience", type=float, help="seconds in which 10,000 calls started at once may end (15)")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--only", type=chosen, default=list(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="write the results there")
    parser.add_argument("--from", type=Path, dest="saved", help="measure nothing, show these results")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="draw performance-*.svg there")
    parser.add_argument("--docs", type=Path, nargs="+", default=[], metavar="PAGE", help="put the figures into pages")
    return parser.parse_args()


def main() -> None:
    """Measure, or read what was measured; print it, and write what was asked for."""
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # the servers are ended as well
    settings = QUICK if given.quick else Settings()
    asked = {name: getattr(given, name) for name in ("rounds", "calls", "patience") if getattr(given, name)}
    results = Results.load(given.saved) if given.saved else measure(given.only, replace(settings, **asked))
    print(report.table(results), report.goals(results), sep="\n\n", flush=True)
    if given.json:
        results.save(given.json)
    if given.plot:
        plots.draw(results, given.plot)
    for page in given.docs:
        pages.rewrite(results, page)


if __name__ == "__main__":
    main()
