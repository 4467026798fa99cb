"""Wall-clock times made unambiguous, the service's date-times, and those of HTTP and of the gateway."""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from joinme_async._errors import InvalidMeetingError, excerpt
from joinme_async._http import Response

# The service's page: "ISO 8601 format UTC time", always written 2015-06-02T09:00:00Z in its examples.
_WIRE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)

PLAIN_LENGTH: Final = 20
PLAIN_MARKS: Final = "--T::Z"
"""Every third character of 2015-06-02T09:00:00Z, from the fifth on; with that length, only digits are between them."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 9110, section 5.6.7: IMF-fixdate, the RFC 850 form with two digits of a year, and asctime. The name of the day is
# redundant and not compared.
_HTTP_DATES: Final = (
    re.compile(r"[A-Za-z]{3}, (?P<d>\d\d) (?P<b>[A-Za-z]{3}) (?P<y>\d{4}) (?P<t>\d\d:\d\d:\d\d) GMT", re.ASCII),
    re.compile(r"[A-Za-z]{6,9}, (?P<d>\d\d)-(?P<b>[A-Za-z]{3})-(?P<y>\d\d) (?P<t>\d\d:\d\d:\d\d) GMT", re.ASCII),
    re.compile(r"[A-Za-z]{3} (?P<b>[A-Za-z]{3}) (?P<d>[ \d]\d) (?P<t>\d\d:\d\d:\d\d) (?P<y>\d{4})", re.ASCII),
)
HTTP_DATE: Final = re.compile("|".join(re.sub(r"\?P<\w>", "?:", form.pattern) for form in _HTTP_DATES), re.ASCII)
# X-Plan-Quota-Reset: "Monday, February 15, 2016 9:00:00 PM GMT". Twelve hours, so 12 AM is midnight.
_RESET: Final = re.compile(
    r"(?:[A-Za-z]+, )?(?P<b>[A-Za-z]{3,9}) (?P<d>\d{1,2}), (?P<y>\d{4}) "
    r"(?P<h>\d{1,2})(?P<t>:\d\d:\d\d) (?P<half>[AP]M) GMT",
    re.ASCII | re.IGNORECASE,
)
_FULL_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


def format_instant(moment: datetime) -> str:
    """Return an aware `moment` as the service writes it, `2027-06-02T09:00:00Z`; fractions of a second are dropped."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_instant(text: str) -> datetime:
    """Read a date-time of the service; one without an offset is UTC.

    Raises:
        ValueError: it is not one, or there is no such day or hour.
    """
    if len(text) == PLAIN_LENGTH and text[4::3] == PLAIN_MARKS:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # what is wrong with it is told below
    if not _WIRE.fullmatch(text):
        raise ValueError("not an ISO 8601 date-time")
    moment = datetime.fromisoformat(text.upper())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


def parse_http_date(text: str, wall: datetime) -> datetime | None:
    """Read any of HTTP's three dates, None where it is none; `wall`, the time here, tells the century."""
    for form in _HTTP_DATES:
        match = form.fullmatch(text)
        if match:
            break
    else:
        return None
    year = int(match["y"])
    if len(match["y"]) == 2:  # noqa: PLR2004
        # RFC 9110: a year that seems more than 50 years ahead is one of the century before.
        year += wall.year // 100 * 100
        year -= 100 if year > wall.year + 50 else 0
    return _moment(year, _MONTHS, match["b"].lower(), int(match["d"]), match["t"])


def sent_at(response: Response, wall: datetime) -> datetime | None:
    """Return an answer's own `Date`, None where it has none that can be read; `wall` tells the century."""
    return parse_http_date(response.headers.get("Date", "").strip(" \t"), wall)


def parse_reset_date(text: str) -> datetime | None:
    """Read a date of the gateway's, with its twelve hours, None where it is none."""
    match = _RESET.fullmatch(text)
    if match is None or not 1 <= int(match["h"]) <= 12:  # noqa: PLR2004  a clock's face
        return None
    hour = int(match["h"]) % 12 + (12 if match["half"].upper() == "PM" else 0)
    name = match["b"].lower()
    months = _FULL_MONTHS if name in _FULL_MONTHS else _MONTHS
    return _moment(int(match["y"]), months, name, int(match["d"]), f"{hour}{match['t']}")


def _moment(year: int, months: tuple[str, ...], month: str, day: int, clock: str) -> datetime | None:
    try:
        hour, minute, second = (int(part) for part in clock.split(":"))
        # A leap second is the last second that datetime knows.
        return datetime(year, months.index(month) + 1, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None


def zoned(wall: datetime, zone: str, fold: int | None = None) -> datetime:
    """Return the instant at which clocks in `zone` show `wall`, as an aware datetime.

    Args:
        wall: a naive datetime, as read off a clock on a wall.
        zone: an IANA name, such as `Europe/London`.
        fold: for a time that clocks show twice, when they are set back: 0 is the first, 1 the second.

    Raises:
        InvalidMeetingError: the zone is unknown; `wall` is already aware; clocks skip that time; or they show it twice
            and `fold` does not say which is meant. An hour is never guessed.
    """
    if not isinstance(wall, datetime):
        raise InvalidMeetingError(f"zoned() takes a datetime, not {type(wall).__name__}")
    if wall.tzinfo is not None:
        raise InvalidMeetingError(f"{wall.isoformat()} already has a zone: give zoned() a datetime without tzinfo")
    if not isinstance(zone, str):
        raise InvalidMeetingError("zone is the name of an IANA time zone, such as 'Europe/London', and a str")
    if fold not in {None, 0, 1}:
        raise InvalidMeetingError("fold is 0 for the first of two equal wall times, 1 for the second")
    try:
        tz = ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        raise InvalidMeetingError(
            f"no time zone named '{excerpt(str(zone))}': use an IANA name such as 'Europe/London'"
        ) from None
    first, second = wall.replace(tzinfo=tz, fold=0), wall.replace(tzinfo=tz, fold=1)
    try:
        exists = first.astimezone(UTC).astimezone(tz).replace(tzinfo=None) == wall.replace(fold=0)
        twice = exists and first.utcoffset() != second.utcoffset()
    except OverflowError:
        raise InvalidMeetingError(f"{wall.isoformat()} in {zone} is outside the years 1 to 9999") from None
    if not exists:
        raise InvalidMeetingError(f"{wall.isoformat()} does not exist in {zone}: clocks were set forward past it")
    if twice and fold is None:
        raise InvalidMeetingError(
            f"{wall.isoformat()} comes twice in {zone}: fold=0 is {first.isoformat()}, fold=1 is {second.isoformat()}"
        )
    return second if twice and fold else first
