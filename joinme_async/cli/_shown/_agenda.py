"""A week as a list of its days, for narrow terminals; and what stands below a week of either kind."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final

from rich.text import Text

from joinme_async.cli._shown._cells import padded, wrapped
from joinme_async.cli._shown._week import Day, Segment, Week, readings_of
from joinme_async.cli._shown._words import name_of, short_day, span, times_in, title, when

_TIMES: Final = 15  # cells
_MOST: Final = 12  # lines of what there was no room for
_FEWEST: Final = 8  # cells for a name
_NAME_LINES: Final = 3


def agenda(week: Week, zone: tzinfo | None, width: int, now: datetime) -> list[Text]:
    """Return a week in lines of `width` cells at the most."""
    lines = [Text(line, "bold") for line in wrapped(title(week), width, 3)]
    for day in week.days:
        lines += _listed(day, zone, width, now)
    return [*lines, *below(week, (), zone, width)]


def below(week: Week, left_out: Sequence[Segment], zone: tzinfo | None, width: int) -> Iterator[Text]:
    """Yield what there was no room for, and whose clocks were read."""
    named = {segment.meeting.id: segment for segment in reversed(left_out)}
    for segment in list(reversed(named.values()))[:_MOST]:
        on = f"{short_day(segment.day)} {when(segment, zone)}"
        said = f"\N{BOX DRAWINGS HEAVY HORIZONTAL} {span(segment.meeting, zone)}" if segment.is_long else f"+ {on}"
        yield line(f"{said} {name_of(segment.meeting)}", width)
    if len(named) > _MOST:
        yield line(f"+ {len(named) - _MOST} more", width)
    if not any(day.segments for day in week.days):
        yield from (Text(part) for part in wrapped("Nothing is scheduled in these days.", width, 3))
    name = "this machine's zone" if zone is None else str(zone)
    yield from (Text(line, "dim") for line in wrapped(times_in(name, readings_of(week, zone)), width, 3))


def line(text: str, width: int, style: str = "") -> Text:
    """Return `text` in a line of `width` cells at the most."""
    return Text(padded(text, width).rstrip(), style)


def _listed(day: Day, zone: tzinfo | None, width: int, now: datetime) -> Iterator[Text]:
    today = ", today" * (day.date == now.date())
    yield line(f"{short_day(day.date)}{today}", width, "bold")
    for segment in day.segments:
        said = f"  {when(segment, zone)}".ljust(_TIMES)
        first, *rest = wrapped(name_of(segment.meeting), max(width - _TIMES, _FEWEST), _NAME_LINES)
        yield line(said + first, width)
        yield from (line(" " * _TIMES + more, width) for more in rest)
    if not day.segments:
        yield line("  nothing", width, "dim")
