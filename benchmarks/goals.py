"""What this package sets out to reach, and whether a run shows that it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.contestants import AIOHTTP, FAST, GENERATED, HTTPX, INSIDE, JOINME, PLAINLY, PYREQWEST, TUNED
from benchmarks.results import Results

Measured = Callable[[Results], float | None]
SLOW: Final = "50 ms server, 100 in flight"
HUNDRED: Final = 100
ONCE: Final = "10,000 at once"


@dataclass(frozen=True)
class Goal:
    """Something to reach.

    Attributes:
        text: what is measured.
        wanted: the value to reach.
        measured: finds the value in the results.
        further: what comes after that, None for nothing.
        at_least: more is better.
        exact: nothing but the value itself will do.
        unit: behind the numbers.
    """

    text: str
    wanted: float
    measured: Measured
    further: float | None = None
    at_least: bool = False
    exact: bool = False
    unit: str = ""

    def verdict(self, value: float | None) -> str:
        """Say in words whether `value` reaches it."""
        if value is None:
            return "not measured"
        if not self._reaches(value, self.wanted):
            return "not reached"
        beyond = self.further is not None and self._reaches(value, self.further)
        return "reached, the further one too" if beyond else "reached"

    def _reaches(self, value: float, bound: float) -> bool:
        if self.exact:
            return value == bound
        return value >= bound if self.at_least else value <= bound


def _ratio(part: str, what: str, who: str, base: str) -> Measured:
    def measured(results: Results) -> float | None:
        found = results.ratio_to(part, what, who, base)
        return found.median if found else None

    return measured


def _growth(results: Results) -> float | None:
    many, one = (results.find("callers", what, JOINME) for what in ("1,000 callers", "1 caller"))
    found = results.ratio(many, one)
    return found.median if found else None


def _value(part: str, what: str, who: str) -> Measured:
    return lambda results: results.value(part, what, who)


def _fact(part: str, what: str, name: str) -> Measured:
    return lambda results: results.fact(part, what, JOINME, name)


def _memory(results: Results) -> float | None:
    """Return what calls started at once need, where all of them got that far."""
    finished = results.fact("at-once", ONCE, JOINME, "all") == 1
    return results.fact("at-once", ONCE, JOINME, "more") if finished else None


GOALS: Final = (
    Goal("one get after another, to plain httpx", 0.62, _ratio("sequential", "get", JOINME, HTTPX), 0.42),
    Goal("the same over aiohttp", 0.32, _ratio("sequential", "get", AIOHTTP, HTTPX), 0.29),
    Goal("the same over pyreqwest", 0.26, _ratio("sequential", "get", PYREQWEST, HTTPX), 0.23),
    Goal(
        "50 callers, to httpx with as many connections kept", 0.13, _ratio("callers", "50 callers", JOINME, TUNED), 0.09
    ),
    Goal("50 callers, to httpx with its default limits", 0.20, _ratio("callers", "50 callers", JOINME, HTTPX), 0.14),
    Goal("50 callers over aiohttp, to httpx tuned", 0.06, _ratio("callers", "50 callers", AIOHTTP, TUNED), 0.05),
    Goal("50 callers over pyreqwest, to httpx tuned", 0.025, _ratio("callers", "50 callers", PYREQWEST, TUNED), 0.021),
    Goal("a call of 1,000 callers, to one of a single caller", 1.0, _growth, 0.9),
    Goal("50 ms server, 100 in flight: share of the ideal", 0.88, _value("slow", SLOW, JOINME), 0.92, at_least=True),
    Goal("the same: connections opened", HUNDRED, _fact("slow", SLOW, "connections"), exact=True),
    Goal("10,000 at once: all finish", 1, _fact("at-once", ONCE, "all"), exact=True),
    Goal("10,000 at once: memory over one call", 30, _memory, 15, unit=" MiB"),
    Goal("a client of yours inside, get, to itself used plainly", 1.05, _ratio("injected", "get", INSIDE, PLAINLY)),
    Goal(
        "a client of yours inside, schedule, to itself used plainly",
        1.10,
        _ratio("injected", "schedule", INSIDE, PLAINLY),
    ),
    Goal("a get over memory, of a plain httpx get", 0.02, _ratio("layers", "a call", "get over memory", HTTPX), 0.012),
    Goal("a list of 10,000, to the generated client", 0.92, _ratio("lists", "list of 10,000", JOINME, GENERATED)),
    Goal("the same with the extra `fast`", 0.60, _ratio("lists", "list of 10,000", FAST, GENERATED)),
    Goal("kept for each meeting of a long list", 650, _value("codec", "kept for each meeting", JOINME), unit=" bytes"),
    Goal("import, to that of httpx", 0.6, _ratio("import", "import", JOINME, HTTPX), 0.45),
)
