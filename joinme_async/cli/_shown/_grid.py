"""A week in the terminal: a column for each day, a row for each half hour; in a narrow one, a list of its days.

It is drawn with letters and lines, and colours only add to it: without them nothing is lost. What there is no room for
is counted where it would stand, and named below.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from joinme_async._models import Meeting
from joinme_async.cli._shown._agenda import agenda, below, line
from joinme_async.cli._shown._cells import padded
from joinme_async.cli._shown._column import Column, Scale
from joinme_async.cli._shown._week import Day, days_of, hours_of, week_from
from joinme_async.cli._shown._words import short_date, title, weekday

_NARROW: Final = 66  # cells; in fewer, seven columns hold no words
_GUTTER: Final = 8
_WIDEST: Final = 30  # cells of a day
_LONG: Final = 15  # hours; more of them get a row each, instead of two


def grid(meetings: Sequence[Meeting], first: date, zone: tzinfo | None, *, width: int, now: datetime) -> RenderableType:
    """Return the seven days from `first` on, to be printed by rich.

    Args:
        meetings: those of other days are left out.
        first: the day of the first column.
        zone: whose clocks are read; None is this machine's.
        width: cells; no line is wider.
        now: its day is marked, and its row.
    """
    now = now.astimezone(zone)
    week = week_from(first, days_of(meetings, zone))
    if width < _NARROW:
        return _whole(agenda(week, zone, width, now))
    hours = hours_of(week.days)
    scale = Scale(hours[0] * 60, hours[1] * 60, 60 if hours[1] - hours[0] > _LONG else 30)
    week = week_from(first, days_of(meetings, zone, step=scale.step))
    cells = min((width - _GUTTER - 1) // 7 - 1, _WIDEST)
    columns = [Column.of(day, scale, cells, zone) for day in week.days]
    today = now.hour * 60 + now.minute if any(day.date == now.date() for day in week.days) else None
    lines = [
        line(title(week), width, "bold"),
        *_headings(week.days, cells, now.date()),
        _rule("┌┬┐", cells),
        *_above(columns, cells),
        *(_row(_label(minute, scale, today), [c.line(minute, cells) for c in columns]) for minute in scale.rows),
        _rule("└┴┘", cells),
    ]
    left_out = [segment for column in columns for segment in column.left_out]
    return _whole([*lines, *below(week, left_out, zone, width)])


def _whole(lines: Sequence[Text]) -> Text:
    text = Text("\n").join(lines)
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _headings(days: Sequence[Day], cells: int, today: date) -> Iterator[Text]:
    names = (weekday(day.date) + " today" * (day.date == today) for day in days)
    dates = (short_date(day.date) for day in days)
    for words in (names, dates):
        row = Text(" " * _GUTTER)
        for day, word in zip(days, words, strict=True):
            row.append(" ").append(padded(word, cells), "bold" if day.date == today else "")
        row.rstrip()
        yield row


def _rule(corners: str, cells: int) -> Text:
    left, middle, right = tuple(corners)
    return Text(" " * _GUTTER + left + middle.join(["─" * cells] * 7) + right, "dim")


def _row(label: Text, cells: Sequence[Text]) -> Text:
    row = Text().append_text(label)
    for cell in cells:
        row.append("│", "dim").append_text(cell)
    return row.append("│", "dim")


def _above(columns: Sequence[Column], cells: int) -> Iterator[Text]:
    number = max(len(column.long) for column in columns)
    for n in range(number):
        yield _row(Text("all day " if not n else " " * _GUTTER), [c.bar(n, cells) for c in columns])
    if number:
        yield _rule("├┼┤", cells)


def _label(minute: int, scale: Scale, now: int | None) -> Text:
    """Return the hour, and in the row that it is now, that time."""
    if now is not None and minute <= now < minute + scale.step:
        return Text(f"▸ {now // 60:02}:{now % 60:02} ", "bold")
    said = f"{minute // 60:02}:00 " if minute % 60 == 0 else ""
    return Text(said.rjust(_GUTTER), "dim")
