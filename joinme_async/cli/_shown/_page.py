"""Weeks as one page of HTML, which loads nothing and runs nothing; the only file that knows jinja2.

Every text of others passes `harmless` and jinja2's escaping; what stands in a style is a number of ours.
"""

import functools
from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Final, Self

import attrs
import jinja2

from joinme_async._models import Meeting
from joinme_async._times import format_instant
from joinme_async.cli._shown._harmless import harmless, web_link
from joinme_async.cli._shown._week import Day, Segment, Week, days_of, hours_of, readings_of, weeks_of
from joinme_async.cli._shown._words import (
    clock,
    dated,
    day_month,
    hue_of,
    length,
    long_date,
    name_of,
    period,
    short_date,
    times_in,
    title,
    weekday,
)

_HUES: Final = 6
_CROWD: Final = 5  # side by side, or above the hours; more of them are listed instead of placed
_LONG: Final = 12  # hours; in a longer span they are lower
_FRAME, _LINE = 9.0, 17.0  # pixels around the text of a meeting, and of a line of it
_PAPER, _PAPER_ROW = 160.0, 14.0  # millimetres for hours on a page of A4, and for a row of long meetings
_PAPER_SCALE: Final = 0.75  # of letters, against the screen
_MILLIMETRE: Final = 96 / 25.4  # pixels
_SCREEN: Final = 40  # rem of the days on the narrowest screen with seven columns


@attrs.frozen
class _Shown:
    """A part of a meeting, as the template writes it."""

    segment: Segment
    zone: tzinfo | None
    heights: tuple[float, float] | None = None  # of an hour, on a screen and on paper; where it is placed

    @property
    def lines(self) -> tuple[int, int]:
        """How many lines its name may take, on a screen and on paper; 0 where name and time have to share one."""
        hours = (self.segment.end - self.segment.begin) / 60
        times = 2 if self.is_apart else 1
        screen, paper = (max(int((hours * height - _FRAME) / _LINE) - times, 0) for height in self.heights or ())
        return screen, paper

    @property
    def name(self) -> str:
        return name_of(self.segment.meeting)

    @property
    def look(self) -> str:
        """Which classes it has: a hue that is the same for meetings of one name, and which of its ends is open."""
        open_ends = " before" * self.segment.from_before + " after" * self.segment.goes_on
        return f"h{hue_of(self.segment.meeting, _HUES)}{open_ends}"

    @property
    def ends(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """When it starts and ends: for machines, and in words, with the day where that is another."""
        start, end = (self.segment.meeting.start, self.segment.meeting.end)
        return (format_instant(start), self._words(start)), (format_instant(end), self._words(end))

    def _words(self, moment: datetime) -> str:
        return (dated if self.is_apart else clock)(moment.astimezone(self.zone))

    @property
    def is_apart(self) -> bool:
        """It starts and ends on different days."""
        return self.segment.from_before or self.segment.goes_on or self.segment.is_long

    @property
    def facts(self) -> Iterator[tuple[str, str]]:
        """What else is known of it."""
        meeting = self.segment.meeting
        yield "Length", length(meeting.end - meeting.start)
        if meeting.participants is not None:
            yield "Invited", str(len(meeting.participants))
        yield "Starts with", "the personal URL" if meeting.start_with_personal_url else "a 9-digit code"
        if meeting.conference_id is not None:
            yield "Conference", harmless(meeting.conference_id)
        yield "Id", str(meeting.id)

    @property
    def link(self) -> str | None:
        """Where viewers go, if that is on the web."""
        return web_link(self.segment.meeting.viewer_link)


@attrs.frozen
class _ShownDay:
    """A day, as the template writes it."""

    day: Day
    zone: tzinfo | None
    heights: tuple[float, float] | None = None

    @property
    def date(self) -> date:
        return self.day.date

    @property
    def name(self) -> str:
        return weekday(self.date)

    @property
    def words(self) -> str:
        return day_month(self.date)

    @property
    def is_crowded(self) -> bool:
        """Its meetings would not be legible side by side, so that they are listed instead of placed."""
        return max(self.day.lanes, len(self.day.long)) > _CROWD

    @property
    def long(self) -> list[_Shown]:
        return [_Shown(segment, self.zone) for segment in self.day.long]

    @property
    def timed(self) -> list[_Shown]:
        return [_Shown(segment, self.zone, self.heights) for segment in self.day.timed]

    @property
    def segments(self) -> list[_Shown]:
        return self.long + self.timed

    @property
    def width(self) -> tuple[float, float]:
        """How wide it is: no less than so many rem, and its share of what is left."""
        lanes = 2 if self.is_crowded else self.day.lanes
        return max(5.5, 4.25 * lanes), max(1, lanes / 2)


@attrs.frozen
class _ShownWeek:
    """A week, as the template writes it."""

    week: Week
    days: tuple[_ShownDay, ...]
    times: str

    @classmethod
    def of(cls, week: Week, zone: tzinfo | None, zone_name: str) -> Self:
        shown = cls(
            week, tuple(_ShownDay(day, zone) for day in week.days), times_in(zone_name, readings_of(week, zone))
        )
        heights = shown.hour, shown.paper_hour * _MILLIMETRE / _PAPER_SCALE
        return attrs.evolve(shown, days=tuple(_ShownDay(day, zone, heights) for day in week.days))

    @property
    def id(self) -> str:
        return f"week-{self.week.first.isoformat()}"

    @property
    def title(self) -> str:
        return title(self.week)

    @property
    def link(self) -> str:
        return f"{short_date(self.week.first)} {self.week.first.year}"

    @property
    def is_crowded(self) -> bool:
        return any(day.is_crowded for day in self.days)

    @property
    def hours(self) -> tuple[int, int]:
        """The first hour to show, and the one to stop at; none where all is listed."""
        placed = [day.day for day in self.days if not day.is_crowded]
        return (0, 0) if self.is_crowded and not any(day.timed for day in placed) else hours_of(placed)

    @property
    def hour(self) -> int:
        """How high an hour is on a screen, in pixels."""
        return 60 if self.hours[1] - self.hours[0] <= _LONG else 48

    @property
    def paper_hour(self) -> float:
        """How high an hour is on paper, in millimetres."""
        rows = max((len(day.long) for day in self.days if not day.is_crowded), default=0)
        return (_PAPER - _PAPER_ROW * rows) / max(self.hours[1] - self.hours[0], 1)

    @property
    def is_wide(self) -> bool:
        """There are screens with seven columns on which it has to be scrolled."""
        return sum(day.width[0] for day in self.days) > _SCREEN

    @property
    def columns(self) -> str:
        return " ".join("minmax({:g}rem,{:g}fr)".format(*day.width) for day in self.days)

    @property
    def paper_columns(self) -> str:
        return " ".join(f"minmax(0,{day.width[1]:g}fr)" for day in self.days)


def page(meetings: Sequence[Meeting], *, zone: tzinfo | None, zone_name: str, now: datetime) -> str:
    """Return all weeks that have meetings, as a page of HTML.

    Args:
        meetings: in any order; none is left out.
        zone: whose clocks are read; None is this machine's.
        zone_name: what that zone is called.
        now: when the page is made, which it says.
    """
    named = harmless(zone_name)
    weeks = [_ShownWeek.of(week, zone, named) for week in weeks_of(days_of(meetings, zone))]
    now = now.astimezone(zone)
    return _template().render(
        heading=_heading(weeks),
        number=len(meetings),
        weeks=weeks,
        zone=named,
        today=now.date(),
        made=f"{weekday(now.date())} {long_date(now.date())}, {clock(now)}",
    )


def _heading(weeks: Sequence[_ShownWeek]) -> str:
    if not weeks:
        return "No meetings"
    days = [day.date for week in weeks for day in week.days if day.segments]
    first, last = days[0], days[-1]
    return f"Meetings on {long_date(first)}" if first == last else f"Meetings from {period(first, last)}"


@functools.cache
def _template() -> jinja2.Template:
    text = Path(__file__).with_name("week.html").read_text(encoding="utf-8")
    rules = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return rules.from_string(text)
