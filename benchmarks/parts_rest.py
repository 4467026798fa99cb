"""The parts of the benchmark without a server, or with more than one contestant in a process."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from benchmarks import bulk
from benchmarks.bench import Bench
from benchmarks.contestants import CODECS, FAST, HTTPX, INJECTED, INSIDE, JOINME, JSON, MODULES, PLAINLY, TUNED
from benchmarks.parts_http import MICRO
from benchmarks.results import Row

BARE: Final = "bare interpreter"
LONG: Final = 10_000


def codec(bench: Bench) -> list[Row]:
    """Reading answers and writing a body alone; and the memory that a meeting of a long list keeps."""
    names = [JSON, *bench.present([name for name in CODECS if name != JSON])]
    seconds = 0.05 if bench.settings.quick else 0.5
    given: dict[str, Any] = {"sizes": [1000, LONG], "seconds": seconds}
    seen = bench.turns(names, bench.settings.fewer(0.6), lambda who: bench.child("codec", who, **given))
    rows = [
        Row("codec", what, who, MICRO, [one[what] * 1e6 for one in seen[who]], JSON)
        for what in ("read 1", "write 1", "read 1,000", f"read {LONG:,}")
        for who in names
        if seen[who]
    ]
    keeps = bench.turns(names, 1, lambda who: bench.child("kept", who, size=LONG))
    return rows + [
        Row("codec", "kept for each meeting", who, "bytes", [one["bytes"] for one in results], JSON)
        for who, results in keeps.items()
    ]


def imports(bench: Bench) -> list[Row]:
    """Importing, and the first answer of a fresh process; the CPU of a process that does nothing is taken off."""
    names = bench.present([name for name in MODULES if name not in {JSON, FAST, INJECTED, TUNED}])
    return [*_imports(bench, names), *_first_answers(bench, names)]


def _imports(bench: Bench, names: Sequence[str]) -> list[Row]:
    code = {BARE: "pass", **{name: f"import {MODULES[name]}" for name in names}}
    environment = bench.environment()

    def piece(who: str) -> dict[str, Any]:
        return spent([sys.executable, "-c", code[who]], environment)

    return _less_bare("import", bench.turns(list(code), bench.settings.rounds, piece))


def _first_answers(bench: Bench, names: Sequence[str]) -> list[Row]:
    environment = bench.environment()

    def piece(who: str) -> dict[str, Any]:
        work = "nothing" if who == BARE else "once"
        given = bench.given(work, who)
        return spent([sys.executable, "-m", "benchmarks.child", given], environment)

    return _less_bare("first answer", bench.turns([BARE, *names], bench.settings.rounds, piece))


def spent(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run a process to its end, and return the CPU that it used and its peak memory."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {"cpu": used.ru_utime + used.ru_stime, "seconds": time.perf_counter() - began}


def _less_bare(what: str, seen: dict[str, list[dict[str, Any]]]) -> list[Row]:
    bare = seen.pop(BARE)
    rows = []
    for who, results in seen.items():
        runs = [(one["cpu"] - none["cpu"]) * 1e3 for one, none in zip(results, bare, strict=False)]
        rows.append(Row("import", what, who, "ms of CPU", runs, HTTPX))
    return rows


def layers(bench: Bench) -> list[Row]:
    """What the layers of this package cost over a transport that answers from memory, next to a plain get."""
    seen = _in_one_process(bench, "layers")
    return [Row("layers", "a call", who, MICRO, runs, HTTPX) for who, runs in seen.items()]


def injected(bench: Bench) -> list[Row]:
    """An `httpx.AsyncClient` inside `JoinMe`, next to the same one used plainly."""
    seen = _in_one_process(bench, "injected")
    return [
        Row("injected", verb, who, MICRO, seen[key], PLAINLY)
        for verb in ("get", "schedule")
        for who, key in ((PLAINLY, f"plain {verb}"), (INSIDE, verb))
        if key in seen
    ]


def _in_one_process(bench: Bench, part: str) -> dict[str, list[float]]:
    """Return the microseconds of CPU of contestants that take turns within one process."""
    settings = bench.settings
    given = {"calls": settings.calls // 5, "warm": settings.warm, "limit": settings.limit}
    seen = bench.child(part, JOINME, turns=settings.rounds * 3, **given) or {}
    return {who: [run * 1e6 for run in runs] for who, runs in seen.items()}


def bulk_runs(bench: Bench) -> list[Row]:
    """A row of a bulk run over real HTTP to a sandbox, with a journal, without one, and of a bare loop."""
    number = bench.settings.rows

    def piece(how: str) -> dict[str, Any]:
        spent = bulk.measure(how, number)["cpu"] - bulk.measure(how, 1)["cpu"]
        return {"cpu": spent / (number - 1)}

    seen = bench.turns(["bare", "without", "with"], bench.settings.fewer(0.6), piece)
    names = {"bare": "a bare loop", "without": "without a journal", "with": "with a journal"}
    return [
        Row("bulk", "a row", names[how], MICRO, [one["cpu"] * 1e6 for one in results], names["without"])
        for how, results in seen.items()
    ]
