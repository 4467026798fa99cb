"""A day of the terminal's week: its meetings as blocks, side by side where they fit, and counted where they do not."""

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final, Self

import attrs
from rich.cells import cell_len
from rich.text import Text

from joinme_async._models import Meeting
from joinme_async.cli._shown._cells import padded, wrapped
from joinme_async.cli._shown._week import MIDNIGHT, Day, Segment
from joinme_async.cli._shown._words import clock, hue_of, name_of, when

_LANE: Final = 7  # cells; meetings are not drawn side by side in fewer
_ROOMY: Final = 13  # cells; in so many, a single row holds a time and some of a name
_TIGHT: Final = 9  # cells; in fewer, there is no room for a start that is not the row's
_SPAN: Final = 11  # cells of 09:00-10:00
_LONG: Final = 3  # rows of long meetings
_HUES: Final = ("cyan", "green", "magenta", "yellow", "blue")


@attrs.frozen
class Scale:
    """Which minutes of a day are shown, and how many of them in a row."""

    first: int
    last: int
    step: int

    @property
    def rows(self) -> range:
        """The minutes at which the rows begin."""
        return range(self.first, self.last, self.step)

    def rows_of(self, segment: Segment) -> list[int]:
        """Return those of the rows that a segment is in."""
        return [minute for minute in self.rows if segment.begin < minute + self.step and minute < segment.end]


@attrs.frozen
class Column:
    """A day, drawn.

    Attributes:
        long: a line for each meeting that stands above the hours.
        rows: for each row, what stands in it, with its place: cells from the left.
        left_out: what there was no room for, or none for its times.
    """

    long: tuple[Text, ...]
    rows: dict[int, list[tuple[int, Text]]]
    left_out: tuple[Segment, ...]

    @classmethod
    def of(cls, day: Day, scale: Scale, width: int, zone: tzinfo | None) -> Self:
        """Draw `day`, `width` cells wide."""
        rows: dict[int, list[tuple[int, Text]]] = {minute: [] for minute in scale.rows}
        marks: Counter[int] = Counter()
        room = _Room.of(day.timed, scale, width)
        left_out = list(day.long[_LONG if width >= _ROOMY else 0 :])
        for segment in day.timed:
            drawn = scale.rows_of(segment)
            if not room.has(segment):
                marks[drawn[0]] += 1
                left_out.append(segment)
                continue
            left, right = room.place(segment)
            if right - left < _TIGHT and _needs_time(segment, drawn, zone):
                left_out.append(segment)
            for minute, line in zip(drawn, _block(segment, drawn, right - left, zone), strict=True):
                rows[minute].append((left, line))
        for minute, number in marks.items():
            mark = f"+{number}"
            rows[minute].append((width - len(mark), Text(mark, "bold")))
        return cls(_bars(day, width, zone), rows, tuple(left_out))

    def line(self, minute: int, width: int) -> Text:
        """Return a row, `width` cells wide."""
        line = Text()
        for left, piece in sorted(self.rows[minute], key=lambda placed: placed[0]):
            line.append(" " * (left - line.cell_len)).append_text(piece)
        return line.append(" " * (width - line.cell_len))

    def bar(self, number: int, width: int) -> Text:
        """Return a line of what stands above the hours, `width` cells wide."""
        return self.long[number] if number < len(self.long) else Text(" " * width)


@attrs.frozen
class _Room:
    """What fits into the width of a day: whole clusters side by side, or the first lanes with a count of the rest."""

    width: int
    reserved: int  # cells for that count

    @classmethod
    def of(cls, segments: Sequence[Segment], scale: Scale, width: int) -> Self:
        starts = Counter(scale.rows_of(s)[0] for s in segments if s.lanes > max(width // _LANE, 1))
        return cls(width, len(f"+{max(starts.values(), default=0)}"))

    def _lanes(self, segment: Segment) -> tuple[int, int]:
        """Return how many lanes of its cluster are shown, and in how many cells."""
        if segment.lanes <= max(self.width // _LANE, 1):
            return segment.lanes, self.width
        width = self.width - self.reserved
        return max(width // _LANE, 1), width

    def has(self, segment: Segment) -> bool:
        return segment.lane < self._lanes(segment)[0]

    def place(self, segment: Segment) -> tuple[int, int]:
        lanes, width = self._lanes(segment)
        return segment.lane * width // lanes, (segment.lane + 1) * width // lanes


def _hue(meeting: Meeting) -> str:
    return _HUES[hue_of(meeting, len(_HUES))]


def _block(segment: Segment, rows: Sequence[int], width: int, zone: tzinfo | None) -> list[Text]:
    """Return a line for each of the rows of a segment."""
    edges = ["┃"] * len(rows)
    if not segment.from_before:
        edges[0] = "┏"
    if not segment.goes_on:
        edges[-1] = "┗" if len(rows) > 1 or segment.from_before else "╺"
    words = _words(segment, rows, width - 1, zone)
    words += [("", "")] * (len(rows) - len(words))
    colour = _hue(segment.meeting)
    return [
        Text.assemble((edge, f"bold {colour}"), (padded(text, width - 1), style))
        for edge, (text, style) in zip(edges, words, strict=True)
    ]


def _words(segment: Segment, rows: Sequence[int], width: int, zone: tzinfo | None) -> list[tuple[str, str]]:
    """Return a name and a time, in as many lines as there are rows; the row itself tells of the time what it can."""
    start = segment.meeting.start.astimezone(zone)
    name = name_of(segment.meeting)
    if len(rows) > 1:
        said = when(segment, zone) if width >= _SPAN or segment.from_before or segment.goes_on else clock(start)
        named = wrapped(name, width, len(rows) - 1)
        return [*((line, "bold") for line in named), (said, "")]
    if segment.from_before:
        return [(f"…{name}", "bold")]
    if width >= _ROOMY:
        return [(f"{clock(start)} {name}", "bold")]
    return [(f"{start:%M}' {name}" if _needs_time(segment, rows, zone) and width + 1 >= _TIGHT else name, "bold")]


def _needs_time(segment: Segment, rows: Sequence[int], zone: tzinfo | None) -> bool:
    """Say whether a part stands in one row, and that row does not tell when it starts."""
    start = segment.meeting.start.astimezone(zone)
    return len(rows) == 1 and not segment.from_before and start.hour * 60 + start.minute != rows[0]


def _bars(day: Day, width: int, zone: tzinfo | None) -> tuple[Text, ...]:
    """Return the lines of the long meetings, each of which goes through from day to day."""
    shown = day.long[:_LONG]
    bars = [_bar(segment, width, zone) for segment in shown]
    rest = len(day.long) - len(shown)
    return (*bars, Text(padded(f"+{rest}", width), "bold")) if rest else tuple(bars)


def _bar(segment: Segment, width: int, zone: tzinfo | None) -> Text:
    roomy = width >= _ROOMY
    said = clock(segment.meeting.start.astimezone(zone)) + " " if roomy and segment.begin else ""
    begin, end = "━" if segment.from_before else "╺", "━" if segment.goes_on else "╸"
    if roomy and segment.end < MIDNIGHT:
        end = f" {when(segment, zone)}{end}"
    name = f"{begin}{said}{name_of(segment.meeting)} "
    return Text(padded(name, width - cell_len(end), "━") + end, _hue(segment.meeting))
