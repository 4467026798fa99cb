"""The pictures: CPU of a get by contestant, and of a call by the number of callers."""

from pathlib import Path
from typing import Any, Final

from benchmarks.contestants import HTTPX
from benchmarks.parts_http import LEVELS, callers_of
from benchmarks.results import Results

OURS, THEIRS, BASE = "#2a7ab0", "#9aa5b1", "#5b6b7c"
PALETTE: Final = ("#2a7ab0", "#c0392b", "#5b6b7c", "#1e8449", "#8e44ad", "#d68910", "#9aa5b1")
LINES: Final = ("joinme", "httpx", "httpx tuned", "aiohttp", "pyreqwest", "joinme / aiohttp", "joinme / pyreqwest")


def draw(results: Results, folder: Path) -> list[Path]:
    """Write the pictures that the results have rows for, and return where; on white, to be read on any page."""
    import matplotlib as mpl  # noqa: PLC0415  only for pictures

    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.hashsalt": "joinme", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    written = []
    for name, picture in (("get", _bars), ("callers", _lines)):
        if (figure := picture(results)) is not None:
            path = folder / f"performance-{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            tidy = "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").splitlines())
            path.write_text(f"{tidy}\n", encoding="utf-8")
            written.append(path)
    return written


def _bars(results: Results) -> Any:  # noqa: ANN401  matplotlib's figure, where there is one
    from matplotlib import pyplot as plt  # noqa: PLC0415

    rows = [row for row in results.rows if (row.part, row.what) == ("sequential", "get")]
    found = [(row.who, results.ratio(row, results.find("sequential", "get", HTTPX))) for row in rows]
    bars = sorted(((who, ratio) for who, ratio in found if ratio), key=lambda bar: -bar[1].median)
    if not bars:
        return None
    figure, ax = plt.subplots(figsize=(8, 0.36 * len(bars) + 1.1), constrained_layout=True)
    names, medians = [who for who, _ in bars], [ratio.median for _, ratio in bars]
    errors = [[r.median - r.low for _, r in bars], [r.high - r.median for _, r in bars]]
    colours = [OURS if who.startswith("joinme") else THEIRS for who in names]
    ax.barh(names, medians, color=colours, xerr=errors, ecolor="#444", capsize=2, height=0.7)
    for index, (_, ratio) in enumerate(bars):
        ax.text(ratio.high + 0.015 * max(medians), index, f"{ratio.median:.2f}", va="center")
    ax.axvline(1, color=BASE, linewidth=1, linestyle="--")
    ax.set_xlabel("CPU of one get after another, plain httpx = 1 (less is better)")
    ax.margins(x=0.08)
    return figure


def _lines(results: Results) -> Any:  # noqa: ANN401
    from matplotlib import pyplot as plt  # noqa: PLC0415

    base = results.value("callers", callers_of(1), HTTPX)
    if base is None:
        return None
    figure, ax = plt.subplots(figsize=(8, 4.2), constrained_layout=True)
    for who, colour in zip(LINES, PALETTE, strict=True):
        costs = [(level, results.value("callers", callers_of(level), who)) for level in LEVELS]
        points = [(level, cost / base) for level, cost in costs if cost is not None]
        if points:
            width = 2.2 if who.startswith("joinme") else 1.3
            style = "-" if who.startswith("joinme") else "--"
            ax.plot(
                *zip(*points, strict=True), style, marker="o", markersize=4, color=colour, linewidth=width, label=who
            )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(LEVELS, [f"{level:,}" for level in LEVELS])
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.minorticks_off()
    ax.grid(visible=True, color="#e3e7eb", linewidth=0.7)
    ax.set_xlabel("callers, each waiting for its answer before it calls again")
    ax.set_ylabel("CPU of a get, a lone caller of httpx = 1")
    ax.legend(loc="upper left", fontsize=8)
    return figure
