"""Wall-clock times made unambiguous, and the service's date-times."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from joinme_async._errors import InvalidMeetingError, excerpt

# The service's page: "ISO 8601 format UTC time", always written 2015-06-02T09:00:00Z in its examples.
_WIRE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def format_instant(moment: datetime) -> str:
    """Return an aware `moment` as the service writes it, `2027-06-02T09:00:00Z`; fractions of a second are dropped."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_instant(text: str) -> datetime:
    """Read a date-time of the service; one without an offset is UTC.

    Raises:
        ValueError: it is not one, or there is no such day or hour.
    """
    if not _WIRE.fullmatch(text):
        raise ValueError("not an ISO 8601 date-time")
    moment = datetime.fromisoformat(text.upper())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999") from None


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
