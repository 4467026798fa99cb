"""What people call days, weeks, lengths and zones (pure): English, whatever the locale, in a terminal and on a page."""

import zlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from joinme_async._models import Meeting
from joinme_async.cli._shown._harmless import harmless
from joinme_async.cli._shown._week import MIDNIGHT, Reading, Segment, Week

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHORT: Final = 3
_WEEK, _MONTH, _YEAR = 7, 30.4375, 365.25
_SOON: Final = 14  # days that are still counted one by one
_TWO_MONTHS, _TWO_YEARS = 61, 730


def name_of(meeting: Meeting) -> str:
    """Return a meeting's name, fit to be shown."""
    return harmless(meeting.name).strip() or "(no name)"


def hue_of(meeting: Meeting, hues: int) -> int:
    """Return which of so many hues a meeting has: the same for all of one name, in a terminal and on a page."""
    return zlib.crc32(name_of(meeting).encode()) % hues


def weekday(day: date) -> str:
    """Return `Mon`."""
    return DAYS[day.weekday()][:_SHORT]


def short_date(day: date) -> str:
    """Return `31 May`, and `2 Jun` for 2 June."""
    return f"{day.day} {MONTHS[day.month - 1][:_SHORT]}"


def day_month(day: date) -> str:
    """Return `31 May`, and `2 June` for 2 June."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def long_date(day: date) -> str:
    """Return `31 May 2027`."""
    return f"{day_month(day)} {day.year}"


def short_day(day: date) -> str:
    """Return `Wed 2 Jun`."""
    return f"{weekday(day)} {short_date(day)}"


def full_date(day: date) -> str:
    """Return `Wed 2 Jun 2027`."""
    return f"{short_day(day)} {day.year}"


def clock(moment: datetime) -> str:
    """Return `09:00`."""
    return f"{moment:%H:%M}"


def dated(moment: datetime) -> str:
    """Return `Wed 2 Jun 10:00`."""
    return f"{short_day(moment.date())} {clock(moment)}"


def when(segment: Segment, zone: tzinfo | None) -> str:
    """Return when a meeting is on a day: `09:00-10:00`; `22:00…` where it goes on, then `all day`, and `…01:00`."""
    if (segment.begin, segment.end) == (0, MIDNIGHT) and segment.is_long:
        return "all day"
    start, end = (clock(moment.astimezone(zone)) for moment in (segment.meeting.start, segment.meeting.end))
    match segment.from_before, segment.goes_on:
        case True, _:
            return f"…{end}"
        case _, True:
            return f"{start}…"
    return f"{start}-{end}"


def span(meeting: Meeting, zone: tzinfo | None) -> str:
    """Return `Wed 2 Jun 10:00 to Sat 5 Jun 15:00`."""
    return f"{dated(meeting.start.astimezone(zone))} to {dated(meeting.end.astimezone(zone))}"


def from_to(start: datetime, end: datetime, zone: tzinfo) -> str:
    """Return `Wed 2 Jun 2027, 09:00 to 10:00 BST`, with the day of the end and the zone of the start if need be."""
    start, end = start.astimezone(zone), end.astimezone(zone)
    first = clock(start) + ("" if start.utcoffset() == end.utcoffset() else f" {start:%Z}")
    last = "" if start.date() == end.date() else f"{short_day(end.date())} "
    return f"{full_date(start.date())}, {first} to {last}{clock(end)} {end:%Z}"


def relative(day: date, today: date) -> str:
    """Return how far away a day is: today, tomorrow, in 6 days, in 3 weeks, in 7 months."""
    days = (day - today).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(days)
    if near is not None:
        return near
    for least, size, unit in ((_TWO_YEARS, _YEAR, "years"), (_TWO_MONTHS, _MONTH, "months"), (_SOON, _WEEK, "weeks")):
        if abs(days) >= least:
            return _away(round(abs(days) / size), unit, days)
    return _away(abs(days), "days", days)


def _away(number: int, unit: str, days: int) -> str:
    return f"in {number} {unit}" if days > 0 else f"{number} {unit} ago"


def period(first: date, last: date) -> str:
    """Return `31 May to 6 June 2027`."""
    return f"{long_date(first) if first.year != last.year else day_month(first)} to {long_date(last)}"


def title(week: Week) -> str:
    """Return `Week 22: 31 May to 6 June 2027`; seven days that begin on no Monday have no number."""
    number = "" if week.first.weekday() else f"Week {week.number}: "
    return number + period(week.first, week.days[-1].date)


def times_in(zone: str, readings: Sequence[Reading]) -> str:
    """Return which clocks are read, such as `Times in Europe/London (BST, UTC+1)`, and where they are changed."""
    first, *changed = readings
    said = [_reading(first), *(f"from {short_day(r.since)} {_reading(r)}" for r in changed)]
    return f"Times in {zone}" + (f" ({'; '.join(said)})" if said != [zone] else "")


def length(duration: timedelta) -> str:
    """Return `1 d 2 h 30 min`."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    return " ".join(f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n) or "0 min"


def _reading(reading: Reading) -> str:
    """Return `BST, UTC+1`; a zone without letters of its own, or UTC, only as its offset."""
    if reading.name == "UTC":
        return "UTC"
    minutes = int(reading.offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    offset = f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
    return f"{reading.name}, {offset}" if reading.name.isalpha() else offset
