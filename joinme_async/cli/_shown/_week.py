"""Meetings as days and weeks of a calendar (pure): which days each touches, where in a day, and beside which others."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import attrs

from joinme_async._models import Meeting

MIDNIGHT: Final = 24 * 60
"""The minute at which a day ends."""

_OFFICE: Final = (9, 17)  # hours that a week shows even where nothing happens in them
_ONE_DAY: Final = timedelta(days=1)


@attrs.frozen
class Segment:
    """The part of a meeting that lies in one day, and where it is drawn.

    Attributes:
        meeting: whose part it is.
        day: in the zone that was asked for.
        begin: the minute of the day, as clocks on the wall read, at which it is drawn to begin.
        end: likewise, after `begin`, and 1440 at the most.
        lane: which of the columns beside each other it is in, from 0.
        lanes: how many columns its cluster needs: the meetings that overlap it, those that overlap these, and so on.
        from_before: it began on an earlier day.
        goes_on: it ends on a later day.
        is_long: its meeting lasts a day or longer, or all of one, and stands above the hours instead of filling them.
    """

    meeting: Meeting
    day: date
    begin: int
    end: int
    from_before: bool
    goes_on: bool
    is_long: bool = False
    lane: int = 0
    lanes: int = 1


@attrs.frozen
class Day:
    """A day with its meetings in the order of their starts: the long ones, and the others."""

    date: date
    long: tuple[Segment, ...] = ()
    timed: tuple[Segment, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All that is on this day."""
        return self.long + self.timed

    @property
    def lanes(self) -> int:
        """How many columns its busiest time needs."""
        return max((segment.lanes for segment in self.timed), default=1)


@attrs.frozen
class Week:
    """Seven days, from a Monday."""

    days: tuple[Day, ...]

    @property
    def first(self) -> date:
        """Its Monday."""
        return self.days[0].date

    @property
    def number(self) -> int:
        """Which week of its year it is, as ISO 8601 counts."""
        return self.first.isocalendar().week


@attrs.frozen
class Reading:
    """How clocks read from a day on: what people call that time, and what it is ahead of UTC."""

    since: date
    name: str
    offset: timedelta


def days_of(meetings: Iterable[Meeting], zone: tzinfo | None, *, step: int = 1, shortest: int = 30) -> dict[date, Day]:
    """Return the days that have meetings, in order.

    A meeting is on every day of which it takes some time; one that ends at midnight is not on the day that begins then.
    One that takes no time at all is on the day of its start. Positions are readings of the clock on the wall; where
    clocks are set back during a meeting, it is drawn to the latest reading.

    Args:
        meetings: in any order.
        zone: whose days these are; None is this machine's.
        step: minutes; what is drawn begins and ends at multiples of it, and is never smaller than the meeting.
        shortest: minutes; nothing is drawn shorter.
    """
    found: dict[date, list[Segment]] = {}
    for meeting in sorted(meetings, key=lambda m: (m.start, m.start - m.end, m.id)):
        segments = list(_segments(meeting, zone))
        is_long = meeting.end - meeting.start >= _ONE_DAY or any((s.begin, s.end) == (0, MIDNIGHT) for s in segments)
        for segment in segments:
            drawn = attrs.evolve(segment, is_long=True) if is_long else _drawn(segment, step, shortest)
            found.setdefault(segment.day, []).append(drawn)
    return {day: _day(day, found[day]) for day in sorted(found)}


def weeks_of(days: Mapping[date, Day]) -> list[Week]:
    """Return the weeks that have any of `days`, whole."""
    mondays = sorted({day - _ONE_DAY * day.weekday() for day in days})
    return [week_from(monday, days) for monday in mondays]


def week_from(first: date, days: Mapping[date, Day]) -> Week:
    """Return the seven days from `first` on."""
    dates = [first + _ONE_DAY * n for n in range(7)]
    return Week(tuple(days.get(day, Day(day)) for day in dates))


def hours_of(days: Iterable[Day]) -> tuple[int, int]:
    """Return the first hour to show of `days`, and the one to stop at: office hours, and all that is timed."""
    timed = [segment for day in days for segment in day.timed]
    first, last = _OFFICE
    begin = min((segment.begin // 60 for segment in timed), default=first)
    end = max((-(-segment.end // 60) for segment in timed), default=last)
    return min(first, begin), max(last, end)


def readings_of(week: Week, zone: tzinfo | None) -> list[Reading]:
    """Return how clocks read in a week: once, and again from each day on in which they are changed."""
    readings: list[Reading] = []
    for day in week.days:
        noon = datetime.combine(day.date, time(23, 59), zone).astimezone(zone)
        name, offset = noon.tzname() or "", noon.utcoffset() or timedelta()
        if not readings or (readings[-1].name, readings[-1].offset) != (name, offset):
            readings.append(Reading(day.date, name, offset))
    return readings


def _segments(meeting: Meeting, zone: tzinfo | None) -> Iterator[Segment]:
    start, end = (moment.astimezone(zone) for moment in (meeting.start, max(meeting.start, meeting.end)))
    first, last = start.date(), end.date()
    if first < last and end.time() == time():
        last -= _ONE_DAY
    for ahead in range(max((last - first).days, 0) + 1):
        day, goes_on = first + _ONE_DAY * ahead, first + _ONE_DAY * ahead < last
        since = datetime.combine(day, time(), zone).astimezone(zone) if ahead else start
        begin = _minute(since) if ahead == 0 else 0
        till = MIDNIGHT if end.date() > day else _latest(since, end, zone)
        yield Segment(meeting, day, begin, till, from_before=ahead > 0, goes_on=goes_on)


def _minute(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute


def _latest(since: datetime, until: datetime, zone: tzinfo | None) -> int:
    """Return the minute of a day after the latest reading of the clock between two moments of it."""
    seconds = until.second > 0 or until.microsecond > 0
    before, after = since.utcoffset(), until.utcoffset()
    if before is None or after is None or before <= after:
        return _minute(until) + seconds
    # Clocks were set back on the way; the last moment before that reads latest.
    span = range(int(since.timestamp()), int(until.timestamp()) + 1)
    back = span[
        bisect_left(span, x=True, key=lambda s: datetime.fromtimestamp(s, UTC).astimezone(zone).utcoffset() != before)
    ]
    return max(_minute(datetime.fromtimestamp(back - 1, UTC).astimezone(zone)) + 1, _minute(until) + seconds)


def _drawn(segment: Segment, step: int, shortest: int) -> Segment:
    """Round a part outwards to multiples of `step`, and make it `shortest` at least, within its day."""
    begin = segment.begin // step * step
    end = max(-(-segment.end // step) * step, begin + -(-shortest // step) * step)
    over = max(end - MIDNIGHT, 0)
    return attrs.evolve(segment, begin=max(begin - over, 0), end=end - over)


def _day(day: date, segments: Sequence[Segment]) -> Day:
    long = tuple(segment for segment in segments if segment.is_long)
    timed = sorted((segment for segment in segments if not segment.is_long), key=lambda segment: segment.begin)
    return Day(day, long, tuple(placed for cluster in _clusters(timed) for placed in _placed(cluster)))


def _clusters(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Part segments, in the order of their begins, where nothing is going on."""
    cluster: list[Segment] = []
    free = 0
    for segment in segments:
        if cluster and segment.begin >= free:
            yield cluster
            cluster = []
        cluster.append(segment)
        free = max(free, segment.end)
    if cluster:
        yield cluster


def _placed(cluster: Iterable[Segment]) -> list[Segment]:
    """Put each segment into the first lane that is free; taken by their begins, that needs the fewest."""
    free: list[int] = []
    placed = []
    for segment in cluster:
        lane = next((lane for lane, end in enumerate(free) if end <= segment.begin), len(free))
        free[lane : lane + 1] = [segment.end]
        placed.append(attrs.evolve(segment, lane=lane))
    return [attrs.evolve(segment, lanes=len(free)) for segment in placed]
