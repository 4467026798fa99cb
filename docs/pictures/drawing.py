"""What the pictures are drawn with: lines, boxes and words as SVG, nothing but text in and text out."""

from collections.abc import Callable, Iterable, Sequence
from math import fsum
from typing import Final, Literal
from xml.sax.saxutils import escape

INK: Final = "#1d2733"
LINE: Final = "#5b6b7c"
FAINT: Final = "#d5dce4"
# Of Okabe and Ito's colours, which people with any colour vision can tell apart.
BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#00795a"
SKY: Final = "#a9cfe8"
FILL: Final = {"step": "#e8eef5", "good": "#dff1e3", "wait": "#fdf1d6", "bad": "#fbe3e1", "plain": "#ffffff"}

SIZE: Final = 14.5
SMALL: Final = 12.5
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

_HEAD: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title about"
 font-family="system-ui, sans-serif" font-size="{size}" fill="{ink}">
<title id="title">{title}</title>
<desc id="about">{about}</desc>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0,0 L8,4 L0,8 z" fill="{line}"/></marker></defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>
"""


def _number(value: float) -> str:
    """Write a length: with a tenth of a pixel, which is all that shows."""
    return f"{round(value, 1):g}"


class Picture:
    """A picture that is drawn piece by piece.

    Args:
        width: of the picture, in the units of all that is drawn.
        height: of the picture.
        title: its name, for screen readers.
        about: what is to be seen on it, in a sentence or two, for the same.
    """

    def __init__(self, width: float, height: float, title: str, about: str) -> None:
        facts = {"title": escape(title), "about": escape(about), "size": SIZE, "ink": INK, "line": LINE}
        self._parts = [_HEAD.format(width=_number(width), height=_number(height), **facts)]

    def svg(self) -> str:
        """Return the whole picture."""
        return "".join(self._parts) + "</svg>\n"

    def _add(self, tag: str, within: str | None = None, **attributes: object) -> None:
        said = "".join(
            f' {name.replace("_", "-")}="{_number(value) if isinstance(value, int | float) else value}"'
            for name, value in attributes.items()
            if value is not None
        )
        self._parts.append(f"<{tag}{said}/>\n" if within is None else f"<{tag}{said}>{escape(within)}</{tag}>\n")

    def text(  # noqa: PLR0913  what a word on paper has
        self,
        at: Point,
        words: str,
        *,
        anchor: Anchor = "start",
        size: float | None = None,
        bold: bool = False,
        fill: str | None = None,
        halo: bool = False,
    ) -> None:
        """Write a line of words on its base line, with a white halo over other lines or without."""
        weight = "600" if bold else None
        place = None if anchor == "start" else anchor
        around = {"stroke": "#ffffff", "stroke_width": 4, "paint_order": "stroke"} if halo else {}
        self._add(
            "text", words, x=at[0], y=at[1], text_anchor=place, font_size=size, font_weight=weight, fill=fill, **around
        )

    def note(self, at: Point, words: str, *, anchor: Anchor = "start", fill: str = LINE) -> None:
        """Write small lines beside something."""
        for number, row in enumerate(words.split("\n")):
            self.text((at[0], at[1] + number * 16), row, anchor=anchor, size=SMALL, fill=fill, halo=True)

    def rect(self, corner: Point, size: Point, fill: str, *, stroke: str | None = None, round_by: float = 0) -> None:
        """Draw a rectangle."""
        self._add(
            "rect",
            x=corner[0],
            y=corner[1],
            width=size[0],
            height=size[1],
            rx=round_by or None,
            fill=fill,
            stroke=stroke,
        )

    def box(self, corner: Point, size: Point, words: str, kind: str = "step") -> None:
        """Draw a box with lines of words in it; the first one is bold unless it is a mere step."""
        self.rect(corner, size, FILL[kind], stroke=LINE, round_by=7)
        rows = words.split("\n")
        for number, row in enumerate(rows):
            down = corner[1] + size[1] / 2 + SIZE * 0.36 + (number - (len(rows) - 1) / 2) * 18
            bold = number == 0 and kind != "step"
            self.text((corner[0] + size[0] / 2, down), row, anchor="middle", bold=bold)

    def line(
        self,
        points: Iterable[Point],
        *,
        tip: bool = False,
        stroke: str = LINE,
        width: float = 1.4,
        dash: str | None = None,
    ) -> None:
        """Draw a line along the points, with a tip at its end or without."""
        along = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        marker = "url(#tip)" if tip else None
        self._add(
            "polyline",
            points=along,
            fill="none",
            stroke=stroke,
            stroke_width=width,
            stroke_dasharray=dash,
            marker_end=marker,
        )

    def dot(self, at: Point, radius: float, fill: str, *, stroke: str | None = None) -> None:
        """Draw a dot."""
        self._add("circle", cx=at[0], cy=at[1], r=radius, fill=fill, stroke=stroke)

    def dots(self, places: Iterable[Point], radius: float, fill: str) -> None:
        """Draw a great many dots of one kind, in little room."""
        path = "".join(f"M{_number(x)},{_number(y)}h0" for x, y in places)
        self._add("path", d=path, stroke=fill, stroke_width=2 * radius, stroke_linecap="round", fill="none")

    def cross(self, at: Point, arm: float, stroke: str, *, width: float = 1.8) -> None:
        """Draw a cross."""
        (x, y), a = at, arm
        strokes = (((x - a, y - a), (x + a, y + a)), ((x - a, y + a), (x + a, y - a)))
        path = " ".join(f"M{_number(p)},{_number(q)} L{_number(r)},{_number(s)}" for (p, q), (r, s) in strokes)
        self._add("path", d=path, stroke=stroke, stroke_width=width, fill="none")


def scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """Return what puts a value between `low` and `high` in its place between `first` and `last`."""
    return lambda value: first + (value - low) / (high - low) * (last - first)


def axis_below(picture: Picture, x: Callable[[float], float], ticks: Sequence[float], corner: Point, unit: str) -> None:
    """Draw an axis along the lower edge up to its `corner` on the right, its unit at the last number."""
    right, y = corner
    picture.line([(x(ticks[0]), y), (right, y)])
    for tick in ticks:
        picture.line([(x(tick), y), (x(tick), y + 5)])
        said = f"{tick:g} {unit}" if tick == ticks[-1] else f"{tick:g}"
        picture.text((x(tick), y + 20), said, anchor="middle", size=SMALL, fill=LINE)


def axis_left(picture: Picture, y: Callable[[float], float], ticks: Sequence[float], left: float, right: float) -> None:
    """Draw the numbers along the left edge, each with a faint line to the right one."""
    for tick in ticks:
        picture.line([(left, y(tick)), (right, y(tick))], stroke=FAINT, width=1)
        picture.text((left - 8, y(tick) + 4.5), f"{tick:g}", anchor="end", size=SMALL, fill=LINE)


# How wide letters are in DejaVu Sans, the widest of the fonts that this may be shown in, in parts of the size.
_NARROW: Final = frozenset("ijlI.,:;'|!()[]tfr ·")
_WIDE: Final = frozenset("mwMW@%—…✓")


def width_of(words: str, size: float = SIZE, *, bold: bool = False) -> float:
    """Return about how much room words take: rather too much than too little."""
    units = fsum(
        0.37 if letter in _NARROW else 0.98 if letter in _WIDE else 0.72 if letter.isupper() else 0.63
        for letter in words
    )
    return units * size * (1.1 if bold else 1.0)
