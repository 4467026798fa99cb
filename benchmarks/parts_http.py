"""The parts of the benchmark that call a server: one at a time, many callers, a slow server, all at once, lists."""

import statistics
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.bodies import SIZES
from benchmarks.contestants import FAST, GENERATED, HTTPX, INJECTED, JOINME, MAKERS, OPENAI
from benchmarks.results import Row

LEVELS: Final = (1, 10, 50, 200, 1000)
DELAY: Final = 0.05  # seconds
IN_FLIGHT: Final = 100
IDEAL: Final = IN_FLIGHT / DELAY  # calls a second
ALL: Final = [name for name in MAKERS if name != FAST]  # which differs from joinme only where much is decoded
MICRO: Final = "µs of CPU"


def callers_of(level: int) -> str:
    """Return what a number of callers is called in the table."""
    return "1 caller" if level == 1 else f"{level:,} callers"


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def facts_of(seen: Sequence[dict[str, Any]], *names: str) -> dict[str, float]:
    """Return the medians of what was seen besides the runs, where it was seen."""
    medians = {name: _median([one.get(name) for one in seen]) for name in names}
    return {name: round(median, 1) for name, median in medians.items() if median is not None}


def _phase_row(part: str, what: str, who: str, phases: Sequence[dict[str, Any]]) -> Row:
    cut = "calls still under way were cut off" if any(phase.get("cut_off") for phase in phases) else ""
    cut = cut or ("" if phases else "no call ended in time")
    runs = [phase["cpu"] * 1e6 for phase in phases]
    return Row(part, what, who, MICRO, runs, HTTPX, facts_of(phases, "connections", "peak"), cut)


def _phases(seen: Sequence[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    return [one["phases"][index] for one in seen if len(one["phases"]) > index]


def sequential(bench: Bench) -> list[Row]:
    """One call after the other: get and schedule."""
    settings, verbs = bench.settings, ("get", "schedule")
    given = {"calls": settings.calls, "warm": settings.warm, "limit": settings.limit, "grace": settings.grace}
    phases = [(verb, 1, "/v1") for verb in verbs]
    seen = bench.turns(
        bench.present(ALL), settings.rounds, lambda who: bench.child("steady", who, phases=phases, **given)
    )
    return [
        _phase_row("sequential", verb, who, _phases(results, index))
        for index, verb in enumerate(verbs)
        for who, results in seen.items()
    ]


def callers(bench: Bench) -> list[Row]:
    """Get with more and more callers, each waiting for its answer before it calls again."""
    settings = bench.settings
    given = {"calls": settings.calls, "warm": settings.warm, "limit": settings.limit / 2, "grace": settings.grace}
    phases = [("get", level, "/v1") for level in LEVELS]
    names = bench.present(ALL)
    seen = bench.turns(names, settings.fewer(0.6), lambda who: bench.child("steady", who, phases=phases, **given))
    return [
        _phase_row("callers", callers_of(level), who, _phases(results, index))
        for index, level in enumerate(LEVELS)
        for who, results in seen.items()
    ]


def slow(bench: Bench) -> list[Row]:
    """A server that takes 50 ms, and 100 calls in flight: the share of the 2,000 calls a second that are possible."""
    settings = bench.settings
    given: dict[str, Any] = {
        "calls": settings.calls * 4,
        "warm": settings.warm * 5,
        "limit": settings.limit * 2,
        "grace": settings.grace * 2,
        "phases": [("get", IN_FLIGHT, "/v1")],
        "service": bench.slow.as_dict(),
    }
    names = bench.present(ALL)
    seen = bench.turns(names, settings.fewer(0.6), lambda who: bench.child("steady", who, **given))
    rows = []
    for who, results in seen.items():
        phases = _phases(results, 0)
        shares = [1 / (phase["seconds"] * IDEAL) for phase in phases]
        facts = facts_of([{**phase, "cpu": phase["cpu"] * 1e6} for phase in phases], "connections", "cpu", "peak")
        rows.append(Row("slow", "50 ms server, 100 in flight", who, "of the ideal 2,000/s", shares, None, facts))
    return rows


def at_once(bench: Bench) -> list[Row]:
    """Ten thousand tasks, started at the same moment."""
    settings = bench.settings
    given = {"number": settings.number, "limit": settings.patience}
    hopeless: dict[str, list[dict[str, Any]]] = {}

    def piece(who: str) -> dict[str, Any] | None:
        seen = bench.child("at_once", who, timeout=settings.patience + 60, **given)
        if seen is not None and (seen["cut_off"] or seen["errors"]):
            hopeless[who] = [seen]
            return None  # it would take as long again
        return seen

    names = bench.present(ALL)
    seen = bench.turns(names, settings.fewer(0.4), piece)
    what = f"{settings.number:,} at once"
    return [_at_once_row(what, who, hopeless.get(who) or results, settings.patience) for who, results in seen.items()]


def _at_once_row(what: str, who: str, results: list[dict[str, Any]], patience: float) -> Row:
    finished = bool(results) and not any(one["cut_off"] or one["errors"] for one in results)
    note = ""
    if results and not finished:
        worst = results[-1]
        failed = f", {worst['errors']:,} failed" if worst["errors"] else ""
        note = f"did not finish in {patience:g} s: {worst['finished']:,} done{failed}"
    runs = [one["seconds"] for one in results] if finished else []
    facts = {**facts_of(results, "finished", "more", "connections"), "all": float(finished)}
    return Row("at-once", what, who, "s", runs, None, facts, note)


def lists(bench: Bench) -> list[Row]:
    """Lists of meetings, from the call to what it returns; of plain clients that is dicts, unchecked."""
    calls = {1: bench.settings.calls // 2, 1000: bench.settings.calls // 10, 10_000: bench.settings.calls // 100}
    sizes = [(size, max(1, calls[size])) for size in SIZES]
    names = bench.present([HTTPX, GENERATED, OPENAI, JOINME, FAST, INJECTED])
    given: dict[str, Any] = {"sizes": sizes, "limit": bench.settings.limit * 3}
    seen = bench.turns(names, bench.settings.fewer(0.6), lambda who: bench.child("lists", who, **given))
    return [
        _list_row(size, who, _phases(results, index))
        for index, size in enumerate(SIZES)
        for who, results in seen.items()
    ]


def _list_row(size: int, who: str, phases: Sequence[dict[str, Any]]) -> Row:
    runs = [phase["cpu"] * 1e3 for phase in phases]
    return Row("lists", f"list of {size:,}", who, "ms of CPU", runs, HTTPX, facts_of(phases, "peak"))
