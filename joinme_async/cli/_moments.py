"""Times of the command line: from what was typed to an instant, and never by guessing."""

import warnings
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from joinme_async._errors import InvalidMeetingError, excerpt
from joinme_async._times import zoned
from joinme_async.cli._codes import UsageError


def moment(text: str, timezone: str | None, option: str) -> datetime:
    """Return the instant that was typed, in the zone of the command line where it has none of its own.

    Args:
        text: such as `2027-06-02T10:00+02:00`, or `2027-06-02 10:00`, as a clock on a wall shows it.
        timezone: the IANA name of the zone of that wall.
        option: what it was typed for, as `--start`.

    Raises:
        UsageError: it is no date and time, has no zone, or clocks show it never or twice.
    """
    try:
        typed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{option} {excerpt(text)!r} is no date and time: write it as 2027-06-02T10:00+02:00, or as "
            "2027-06-02T10:00 with --timezone Europe/Berlin"
        ) from None
    if _is_day(text):
        raise UsageError(f"{option} {text} has no time of day: write {text.strip()}T10:00 for ten in the morning")
    if typed.tzinfo is not None:
        return _within(typed, option)
    if timezone is None:
        raise UsageError(
            f"{option} {text} has no zone, and none is guessed: add --timezone with an IANA name such as "
            f"Europe/Berlin, or write the offset behind it, as {text.strip()}Z for UTC"
        )
    return _within(_on_the_wall(typed, timezone, option), option)


def day(text: str, timezone: str | None, option: str) -> date:
    """Return the day that was typed, or that of the instant that was."""
    return _day(text, option) if _is_day(text) else moment(text, timezone, option).astimezone(zone_of(timezone)).date()


def bounds(since: str | None, until: str | None, timezone: str | None) -> tuple[datetime | None, datetime | None]:
    """Return from when and until when: a day that was typed begins and ends at a midnight of the zone."""
    first = None if since is None else _bound(since, timezone, "--since", days=0)
    return first, None if until is None else _bound(until, timezone, "--until", days=1)


def _bound(text: str, timezone: str | None, option: str, days: int) -> datetime:
    if not _is_day(text):
        return moment(text, timezone, option)
    try:
        return midnight(_day(text, option) + timedelta(days=days), zone_of(timezone))
    except OverflowError:
        raise UsageError(f"{option} {text} is outside the years that can be reckoned with: leave it out") from None


def midnight(of: date, zone: tzinfo) -> datetime:
    """Return when a day begins in `zone`, in UTC; where clocks skip its midnight, that is when they have done so."""
    return datetime.combine(of, time(), zone).astimezone(UTC)


def _is_day(text: str) -> bool:
    return len(text.strip()) <= len("2027-06-02")


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{option} {excerpt(text)!r} is no day: write it as 2027-06-02") from None


def zone_of(name: str | None) -> tzinfo:
    """Return the zone with an IANA name; without one, that of this machine.

    Raises:
        UsageError: nobody knows such a zone.
    """
    if name is None:
        return _zone_here()
    try:
        zoned(datetime(2027, 1, 1), name)  # noqa: DTZ001  only to be told of a zone that is none
    except InvalidMeetingError as error:
        raise UsageError(str(error)) from None
    return ZoneInfo(name)


def _zone_here() -> tzinfo:
    import tzlocal  # noqa: PLC0415  loaded where it is used

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that none is set is no news to who runs a bare container, and UTC is meant
        try:
            return tzlocal.reload_localzone()
        except (LookupError, ValueError, OSError):
            raise UsageError("the time zone of this machine is none with an IANA name: add --timezone") from None


def _within(typed: datetime, option: str) -> datetime:
    try:
        return typed.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{option} {typed.isoformat()} is outside the years 1 to 9999 in UTC") from None


def _on_the_wall(typed: datetime, timezone: str, option: str) -> datetime:
    zone_of(timezone)
    try:
        return zoned(typed, timezone)
    except InvalidMeetingError as error:
        try:
            first, second = (zoned(typed, timezone, fold).isoformat(timespec="minutes") for fold in (0, 1))
        except InvalidMeetingError:
            raise UsageError(f"{option}: {error}. Write a time that there is") from None
    raise UsageError(
        f"{option} {typed.isoformat(timespec='minutes')} comes twice in {timezone}, where clocks are set back: "
        f"write {first} for the first, or {second} for the second"
    )
