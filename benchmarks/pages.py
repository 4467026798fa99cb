"""Puts the figures of a run into the pages, between markers; the words around them are written by people."""

import re
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from benchmarks.contestants import AIOHTTP, HTTPX, JOINME, MODULES, PYREQWEST, TUNED
from benchmarks.goals import GOALS
from benchmarks.report import about, how, judged, value_of, wanted
from benchmarks.results import Results, Row

TITLES: Final = {
    "sequential": "One call after another.",
    "callers": "Many callers, each waiting for its answer before it calls again.",
    "slow": "A server that takes 50 ms, 100 calls in flight: the share of what is possible.",
    "at-once": "10,000 tasks started at once, each a get; memory is what came on top of one call.",
    "lists": "Lists of meetings, from the call to its result; of plain clients and openai that is unchecked dicts.",
    "codec": "Reading answers and writing a body, without HTTP, and what a meeting of a list keeps in memory.",
    "import": "Import, and the first answer of a fresh process, the bare interpreter taken off.",
    "layers": "The layers alone, over a transport that answers from memory.",
    "injected": "An `httpx.AsyncClient` of yours, plainly and inside `JoinMe`.",
    "bulk": "A row of a bulk run, over HTTP to the sandbox.",
}
SHOWN: Final = (
    ("one get after another", "sequential", "get", HTTPX),
    ("one schedule after another", "sequential", "schedule", HTTPX),
    ("50 callers", "callers", "50 callers", HTTPX),
    ("50 callers, httpx keeping all connections", "callers", "50 callers", TUNED),
    ("1,000 callers", "callers", "1,000 callers", HTTPX),
)
_SMALL: Final = 0.1  # below that, two digits behind the point are too few
COLUMNS: Final = (JOINME, AIOHTTP, PYREQWEST)


def rewrite(results: Results, page: Path) -> None:
    """Replace what stands between the markers of a page: all figures, or the few for the README."""
    text = page.read_text(encoding="utf-8")
    for marker, block in (("figures", figures), ("performance", few)):
        pattern = re.compile(rf"(<!-- {marker} -->\n).*?(<!-- /{marker} -->)", re.DOTALL)
        if pattern.search(text):
            body = block(results)
            text = pattern.sub(lambda found, body=body: f"{found[1]}\n{body}\n\n{found[2]}", text)  # type: ignore[misc]
    page.write_text(text, encoding="utf-8")


def figures(results: Results) -> str:
    """Return all that was measured, and the goals, in Markdown."""
    lines = [f"Measured {how(results)}."]
    for part, rows in groupby(results.rows, key=attrgetter("part")):
        lines += ["", f"**{TITLES[part]}** `python -m benchmarks --only {part}`", "", *_grid(results, list(rows))]
    if results.absent:
        lines += ["", "Left out: " + "; ".join(f"{who} ({why})" for who, why in results.absent.items()) + "."]
    lines += ["", "**Goals**", "", "| goal | wanted | measured | |", "|---|---:|---:|---|"]
    lines += [_line(goal.text, wanted(goal), *judged(results, goal)) for goal in GOALS]
    return "\n".join(lines)


def _grid(results: Results, rows: list[Row]) -> list[str]:
    """Return the rows of a part as a table: a line for each contestant, a column for each situation."""
    situations = list(dict.fromkeys(row.what for row in rows))
    contestants = list(dict.fromkeys(row.who for row in rows))
    lines = [_line("", *situations), f"|---|{'---:|' * len(situations)}"]
    for who in contestants:
        found = [results.find(rows[0].part, what, who) for what in situations]
        name = f"`{who}`" if who in MODULES else who
        lines.append(_line(name, *(_cell(results, row) if row else "" for row in found)))
    return lines


def _cell(results: Results, row: Row) -> str:
    """Return the ratio and its quartiles, what 1 stands for, or, without a ratio, what was seen."""
    if not row.runs or not row.base:
        words = [*([value_of(row)] if row.runs else []), about(row)]
        return ", ".join(word for word in words if word)
    if row.who == row.base:
        return f"1 = {value_of(row)}"
    ratio = results.ratio_to(row.part, row.what, row.who, row.base)
    if ratio is None:
        return value_of(row)
    digits = 2 if ratio.low >= _SMALL else 3
    return f"{ratio.median:.{digits}f} ({ratio.low:.{digits}f}-{ratio.high:.{digits}f})"


def few(results: Results) -> str:
    """Return the ratios of the default transport and the two quick ones to httpx, in Markdown."""
    columns = [who for who in COLUMNS if results.find("sequential", "get", who)]
    words = _line("CPU of a call, plain httpx = 1", *(f"`{name}`" for name in columns))
    lines = [words, f"|---|{'---:|' * len(columns)}"]
    for name, part, what, base in SHOWN:
        ratios = [results.ratio_to(part, what, who, base) for who in columns]
        if any(ratios):
            lines.append(_line(name, *(f"{ratio.median:.2f}" if ratio else "" for ratio in ratios)))
    return "\n".join(lines)


def _line(*parts: str) -> str:
    return f"| {' | '.join(part.replace('|', '/') for part in parts)} |"
