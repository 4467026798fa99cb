"""Draw `decision-path.svg`, the path of a call: `python docs/pictures/decision_path.py`."""

from pathlib import Path
from typing import Final

WIDTH, HEIGHT = 1100, 700
INK, LINE = "#1d2733", "#5b6b7c"
FILL: Final = {"step": "#e8eef5", "good": "#dff1e3", "wait": "#fdf1d6", "bad": "#fbe3e1"}

TEMPLATE: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif"
 font-size="13.5" fill="{ink}">
<title>The path of a call</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0,0 L8,4 L0,8 z" fill="{line}"/></marker></defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>
{parts}
</svg>
"""

parts: list[str] = []


def box(x: float, y: float, width: float, lines: str, kind: str = "step") -> None:
    """Draw a box with one or two lines of text in it."""
    height = 46
    parts.append(
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{FILL[kind]}" stroke="{LINE}"/>'
    )
    rows = lines.split("\n")
    for index, row in enumerate(rows):
        down = y + height / 2 + 5 + (index - (len(rows) - 1) / 2) * 17
        weight = ' font-weight="600"' if index == 0 and kind != "step" else ""
        parts.append(f'<text x="{x + width / 2}" y="{down}" text-anchor="middle"{weight}>{row}</text>')


def line(points: str, *, tip: bool = True) -> None:
    """Draw a line along the points, with a tip at its end."""
    marker = ' marker-end="url(#tip)"' if tip else ""
    parts.append(f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="1.4"{marker}/>')


def note(x: float, y: float, text: str, anchor: str = "start") -> None:
    """Write beside an arrow."""
    parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="12.5" fill="{LINE}">{text}</text>')


def draw() -> str:
    """Return the whole picture."""
    for index, text in enumerate(("token", "connection", "permit\n(rate limit)", "request")):
        box(30 + index * 160, 30, 124, text)
        if index:
            line(f"{30 + index * 160 - 36},53 {30 + index * 160 - 3},53")
    line("634,53 780,53")
    note(706, 46, "answered", "middle")
    box(784, 30, 256, "2xx\nthe result", "good")
    box(30, 150, 400, "Does the wait fit the deadline?\nIf not, it is not begun: the call fails at once.")
    rows = [
        (
            116,
            "refused before any work\n429, 403 OVER_QPS, OVER_RATE",
            "wait for what it asked\nall calls pause",
            "wait",
        ),
        (196, "401, 403 with a stale token", "once more\nwith a new token", "wait"),
        (276, "the request did not leave", "back-off\nwithin attempts and budget", "wait"),
        (356, "lost, cut, late; 408, 5xx\nafter GET, PATCH, DELETE", "back-off\nwithin attempts and budget", "wait"),
        (436, "any other 4xx, 3xx", "its error", "bad"),
        (516, "lost, cut, late; 408, 5xx\nafter POST", "OutcomeUnknownError\nschedule() ends here", "bad"),
    ]
    line("572,76 572,539", tip=False)
    for y, left, right, kind in rows:
        line(f"572,{y + 23} 587,{y + 23}")
        box(590, y, 244, left)
        line(f"834,{y + 23} 851,{y + 23}")
        box(854, y, 206, right, kind)
        if kind == "wait":
            line(f"1060,{y + 23} 1084,{y + 23}", tip=False)
    line("1084,379 1084,12 92,12 92,27")  # back to the start, for all that goes again
    line("957,562 957,600 92,600 92,627")
    note(110, 594, "ensure() goes on, and finds out:")
    steps = (
        "settle, look in the list:\nthere — that is it",
        "not there: settle,\nlook once more",
        "absent, proven twice:\nsend it again, once",
    )
    for index, text in enumerate(steps):
        box(30 + index * 262, 630, 226, text, "good" if index == 0 else "step")
        line(f"{256 + index * 262},653 {256 + index * 262 + 33},653")
    box(816, 630, 244, "cannot be proven:\nOutcomeUnknownError", "bad")
    return TEMPLATE.format(width=WIDTH, height=HEIGHT, ink=INK, line=LINE, parts="\n".join(parts))


if __name__ == "__main__":
    Path(__file__).with_name("decision-path.svg").write_text(draw(), encoding="utf-8")
