"""The results in words: tables in plain text and in Markdown."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from benchmarks.goals import GOALS, Goal
from benchmarks.results import Results, Row, spread

NOISE: Final = (
    "Ratios are medians of rounds within this run, with their quartiles; where those overlap, two rows do not differ."
)
_HUNDREDS, _TENS = 100, 10


def number(value: float) -> str:
    """Return a number with about three digits that mean something."""
    if abs(value) >= _HUNDREDS or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _TENS else f"{value:.3g}"


def about(row: Row) -> str:
    """Return what was seen besides the runs, and the note."""
    facts = row.facts
    words = []
    if "connections" in facts:
        one = facts["connections"] == 1
        words.append("1 connection" if one else f"{facts['connections']:,.0f} connections")
    if "cpu" in facts:
        words.append(f"{facts['cpu']:,.0f} µs of CPU a call")
    if "peak" in facts:
        words.append(f"{facts['peak']:.0f} MiB")
    if "more" in facts:
        words.append(f"{facts['more']:+.1f} MiB over one call")
    return ", ".join([*words, *([row.note] if row.note else [])])


def cells(results: Results, row: Row) -> tuple[str, str, str, str, str]:
    """Return contestant, ratio, quartiles, value, and what else was seen."""
    base = results.find(row.part, row.what, row.base) if row.base else None
    ratio = results.ratio(row, base)
    ratios = (f"{ratio.median:.3f}", f"{ratio.low:.3f}-{ratio.high:.3f}") if ratio else ("", "")
    return (row.who, *ratios, value_of(row) if row.runs else "", about(row))


def value_of(row: Row) -> str:
    """Return the median of a row and its unit."""
    return f"{number(spread(row.runs).median)} {row.unit}"


def groups(results: Results) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows of each situation together, and its name."""
    for (part, what), rows in groupby(results.rows, key=lambda row: (row.part, row.what)):
        yield f"{part}: {what}", list(rows)


def table(results: Results) -> str:
    """Return everything as plain text."""
    lines = [how(results), NOISE]
    for name, rows in groups(results):
        base = rows[0].base
        lines += ["", f"{name}{f', ratio to {base}' if base and base in {row.who for row in rows} else ''}"]
        for row in rows:
            who, ratio, low_high, value, more = cells(results, row)
            lines.append(f"  {who:24} {ratio:>7} {low_high:>13}  {value:>22}  {more}".rstrip())
    if results.absent:
        lines += ["", "left out"]
        lines += [f"  {who:24} {why}" for who, why in results.absent.items()]
    return "\n".join(lines)


def how(results: Results) -> str:
    """Say in one line what was measured on what."""
    made = results.made
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    pinned = "server and clients on a core each" if made["pinned"] else "not pinned to cores"
    rounds = "1 round, a smoke run" if made["quick"] else f"{made['rounds']} rounds"
    return f"{made['date']}, Python {made['python']}, {made['server']}, {pinned}, {rounds}; {versions}"


def goals(results: Results) -> str:
    """Return the goals, what was measured, and whether they are reached, as plain text."""
    lines = ["goals"]
    for goal in GOALS:
        value, verdict = judged(results, goal)
        lines.append(f"  {goal.text:60} {wanted(goal):>24} {value:>12}  {verdict}")
    return "\n".join(lines)


def judged(results: Results, goal: Goal) -> tuple[str, str]:
    """Return what was measured for a goal, and the verdict."""
    value = goal.measured(results)
    return (f"{number(value)}{goal.unit}" if value is not None else "-"), goal.verdict(value)


def wanted(goal: Goal) -> str:
    """Return what a goal asks for."""
    sign = "" if goal.exact else (">= " if goal.at_least else "<= ")
    further = f", then {goal.further:g}" if goal.further is not None else ""
    return f"{sign}{goal.wanted:g}{goal.unit}{further}"
