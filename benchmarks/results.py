"""What was measured: rows of runs, their medians and quartiles, ratios between rows, and their form in JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self


class Spread(NamedTuple):
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of `values`."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


@dataclass(frozen=True)
class Row:
    """One contestant in one situation.

    Attributes:
        part: of the benchmark, such as `callers`.
        what: the situation, such as `50 callers`.
        who: the contestant.
        unit: of the runs.
        runs: one value for each round, in the order of the rounds.
        base: the contestant that it is compared with in the table, None for none.
        facts: what was seen besides: connections, MiB at the peak.
        note: words beside the numbers.
    """

    part: str
    what: str
    who: str
    unit: str
    runs: list[float]
    base: str | None = None
    facts: dict[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass
class Results:
    """Everything of one run.

    Attributes:
        made: how: versions, rounds, server, date.
        rows: what was measured.
        absent: who could not take part, and why.
    """

    made: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def find(self, part: str, what: str, who: str) -> Row | None:
        """Return a row, None where it was not measured."""
        return next((row for row in self.rows if (row.part, row.what, row.who) == (part, what, who)), None)

    def value(self, part: str, what: str, who: str) -> float | None:
        """Return the median of a row."""
        row = self.find(part, what, who)
        return spread(row.runs).median if row and row.runs else None

    def fact(self, part: str, what: str, who: str, name: str) -> float | None:
        """Return something else that was seen with a row."""
        row = self.find(part, what, who)
        return row.facts.get(name) if row else None

    def ratio(self, row: Row | None, base: Row | None) -> Spread | None:
        """Return one row over another, round by round; None where one of them is missing."""
        if row is None or base is None:
            return None
        pairs = [mine / other for mine, other in zip(row.runs, base.runs, strict=False) if other]
        return spread(pairs) if pairs else None

    def ratio_to(self, part: str, what: str, who: str, base: str) -> Spread | None:
        """Return a contestant over another in the same situation."""
        return self.ratio(self.find(part, what, who), self.find(part, what, base))

    def save(self, path: Path) -> None:
        """Write all of it as JSON, a line for each row."""
        rows = [{**asdict(row), "runs": [float(f"{run:.5g}") for run in row.runs]} for row in self.rows]
        made, absent = (json.dumps(part, ensure_ascii=False) for part in (self.made, self.absent))
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_text(f'{{"made": {made},\n"absent": {absent},\n"rows": [\n{lines}\n]}}\n', encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        whole = json.loads(path.read_text(encoding="utf-8"))
        return cls(whole["made"], [Row(**row) for row in whole["rows"]], whole["absent"])
