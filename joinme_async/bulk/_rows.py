"""One row of a file: from cells to a meeting, or to what is wrong with them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from joinme_async._errors import InvalidMeetingError, excerpt
from joinme_async._models import NewMeeting
from joinme_async._times import zoned

_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")
_OFFSET: Final = re.compile(r"\s*(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})")
_SEPARATORS: Final = re.compile(r"[;,\s]+")
_FLAGS: Final[Mapping[str, bool]] = {
    "": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True,
}  # fmt: skip


@attrs.frozen
class Row:
    """A meeting to be scheduled, and where it came from.

    Attributes:
        meeting: the meeting.
        key: what the input calls it, None where it does not.
        line: the line of its file where it begins, None where there is none.
    """

    meeting: NewMeeting
    key: str | None = None
    line: int | None = None


def meeting_from(cells: Mapping[str, str], timezone: str | None) -> NewMeeting:
    """Return the meeting that `cells`, by Python field name, describe.

    Raises:
        InvalidMeetingError: they describe none; `field` names the cell.
    """
    zone = cells.get("timezone") or timezone
    if zone is not None:
        _check_zone(zone)
    return NewMeeting(
        name=cells.get("name", ""),
        start=_moment(cells.get("start", ""), zone, "start"),
        end=_moment(cells.get("end", ""), zone, "end"),
        participants=[address for address in _SEPARATORS.split(cells.get("participants", "")) if address],
        start_with_personal_url=_flag(cells.get("start_with_personal_url", "")),
    )


def _check_zone(zone: str) -> None:
    try:
        zoned(datetime(2027, 1, 1), zone)  # noqa: DTZ001  an hour that every zone has
    except InvalidMeetingError as error:
        raise InvalidMeetingError(str(error), field="timezone") from None


def _moment(text: str, zone: str | None, field: str) -> datetime:
    """Read a time with an offset as it stands, one without as clocks in `zone` show it."""
    local = _LOCAL.match(text)
    rest = text[local.end() :] if local else text
    if not local or (rest and not _OFFSET.fullmatch(rest)):
        raise InvalidMeetingError(
            f"'{excerpt(text)}' is no time: write 2027-06-02T10:00 or 2027-06-02T10:00+02:00", field=field
        )
    try:
        day, _, clock = local[0].replace("T", " ").partition(" ")
        wall = datetime.fromisoformat(f"{day} {clock if clock[2] == ':' else '0' + clock}")
        if rest:
            return datetime.fromisoformat(wall.isoformat() + rest.strip().upper())
    except ValueError as error:
        raise InvalidMeetingError(f"'{excerpt(text)}' is no time: {error}", field=field) from None
    if zone is None:
        raise InvalidMeetingError(
            f"{text} has no zone: add its offset (+02:00), a column timezone (Europe/London), or a zone for the file",
            field=field,
        )
    try:
        return zoned(wall, zone)
    except InvalidMeetingError as error:
        raise InvalidMeetingError(f"{error}; write it with its offset, such as +01:00", field=field) from None


def _flag(text: str) -> bool:
    try:
        return _FLAGS[text.strip().lower()]
    except KeyError:
        raise InvalidMeetingError(
            f"'{excerpt(text)}' is neither true nor false: write true, false, yes, no, 1 or 0",
            field="start_with_personal_url",
        ) from None
