"""One row of a file: from cells to a meeting, or to what is wrong with them."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, TypeAlias

import attrs

from joinme_async._errors import BadRow, InvalidMeetingError, excerpt
from joinme_async._models import NewMeeting, addresses_in, is_sendable
from joinme_async._times import zoned

# Our names, and the service's own for those who have them in their files already; letter case makes no difference.
_FIELDS: Final[Mapping[str, str]] = {
    "name": "name",
    "start": "start",
    "end": "end",
    "participants": "participants",
    "start_with_personal_url": "start_with_personal_url",
    "timezone": "timezone",
    "key": "key",
    "meetingname": "name",
    "meetingstart": "start",
    "meetingend": "end",
    "startwithpersonalurl": "start_with_personal_url",
    "id": "key",  # of a meeting that `joinme list --csv` wrote
    "meetingid": "key",
}
FIELDS: Final = tuple(dict.fromkeys(_FIELDS.values()))
REQUIRED: Final = ("name", "start", "end")

Cell: TypeAlias = str | date | Sequence[str]
"""What stands in a row: text; for `start` and `end` also a datetime, aware or as clocks show it; for `participants`
also a list of addresses."""

_NUMBER: Final = re.compile(r"#[0-9]+")
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?")
_OFFSET: Final = re.compile(r"\s*(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})")
_FLAGS: Final[Mapping[str, bool]] = {
    "": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True,
}  # fmt: skip


def checked_key(key: object) -> None:
    """Raise InvalidMeetingError where a key is no text, or looks like the number of a row without a key."""
    if key is not None and not (isinstance(key, str) and key and is_sendable(key)):
        raise InvalidMeetingError("a key is a text that is not empty, or None", field="key")
    if isinstance(key, str) and _NUMBER.fullmatch(key):
        raise InvalidMeetingError("a key like #12 is what rows without keys are called: take another", field="key")


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

    def __attrs_post_init__(self) -> None:
        checked_key(self.key)


def meeting_of(row: object) -> NewMeeting | None:
    """Return the meeting that a row is to be, None for a row of another kind."""
    return row.meeting if isinstance(row, Row) else None


@attrs.frozen
class Options:
    """What a reader was told about its file.

    Attributes:
        timezone: the IANA zone of times that have none.
        since: aware; meetings that begin earlier are not wanted.
        until: aware; those that begin then or later are not.
    """

    timezone: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def field_of(name: str) -> str | None:
    """Return the Python name of the field that a file calls `name`, None where nobody knows it."""
    return _FIELDS.get(name.strip().lower())


class HeaderError(ValueError):
    """The first line does not name the columns; `column` is the one at fault."""

    def __init__(self, problem: str, column: str | None = None) -> None:
        super().__init__(problem)
        self.column = column


def columns_of(header: Sequence[str]) -> list[str]:
    """Return the Python field name of each column of a table, or raise HeaderError."""
    columns: list[str] = []
    for cell in header:
        name = field_of(cell)
        if name is None:
            raise HeaderError(
                "the first line must name the columns, and this is none that is known: use "
                f"{', '.join(FIELDS)}, and take others out",
                excerpt(cell) or "(blank)",
            )
        if name in columns:
            raise HeaderError("this column comes twice", name)
        columns.append(name)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise HeaderError(f"the first line must name the columns, and {', '.join(missing)} is missing")
    return columns


def table_row(
    columns: Sequence[str], cells: Sequence[Cell], timezone: str | None, file: str, line: int
) -> Row | BadRow:
    """Return the row of a table whose cells stand in the order of `columns`, or what is wrong with it."""
    if any(cell.strip() if isinstance(cell, str) else cell for cell in cells[len(columns) :]):
        problem = (
            f"there are {len(cells)} cells for {len(columns)} columns: put a cell with the separator in it in quotes"
        )
        return BadRow(file, line, None, problem)
    return row_from(dict(zip(columns, cells, strict=False)), timezone, file, line)


def row_from(cells: Mapping[str, Cell], timezone: str | None, file: str, line: int) -> Row | BadRow:
    """Return the row that `cells`, by Python field name, describe, or what is wrong with it."""
    try:
        return Row(meeting_from(cells, timezone), _key(_text(cells, "key")), line)
    except InvalidMeetingError as error:
        return BadRow(file, line, error.field, str(error))


def meeting_from(cells: Mapping[str, Cell], timezone: str | None) -> NewMeeting:
    """Return the meeting that `cells`, by Python field name, describe.

    Raises:
        InvalidMeetingError: they describe none; `field` names the cell.
    """
    zone = _text(cells, "timezone") or timezone
    if zone is not None:
        _check_zone(zone)
    return NewMeeting(
        name=_text(cells, "name"),
        start=_moment(cells, "start", zone),
        end=_moment(cells, "end", zone),
        participants=_addresses(cells.get("participants", "")),
        start_with_personal_url=_flag(_text(cells, "start_with_personal_url")),
    )


def _text(cells: Mapping[str, Cell], field: str) -> str:
    cell = cells.get(field, "")
    if not isinstance(cell, str):
        raise InvalidMeetingError(f"{field} must be a text", field=field)
    return cell.strip()


def _key(text: str) -> str | None:
    if not is_sendable(text):
        raise InvalidMeetingError("the key holds half a character (a lone surrogate)", field="key")
    return text or None


def _addresses(cell: Cell) -> Sequence[str]:
    """Split a text; a list stands as it is, for the meeting to check."""
    if isinstance(cell, str):
        return addresses_in(cell)
    if isinstance(cell, date):
        raise InvalidMeetingError("participants must be a text", field="participants")
    return cell


def _check_zone(zone: str) -> None:
    try:
        zoned(datetime(2027, 1, 1), zone)  # noqa: DTZ001  an hour that every zone has
    except InvalidMeetingError as error:
        raise InvalidMeetingError(str(error), field="timezone") from None


def _moment(cells: Mapping[str, Cell], field: str, zone: str | None) -> datetime:
    """Read a time with an offset as it stands, one without as clocks in `zone` show it."""
    cell = cells.get(field)
    if isinstance(cell, datetime):
        return cell if cell.tzinfo else _in_zone(cell, zone, field)
    if isinstance(cell, date):
        day = cell.isoformat()
        raise InvalidMeetingError(
            f"{day} is a day without an hour: give the hour, for midnight as text ({day}T00:00)", field=field
        )
    return _written(_text(cells, field), zone, field)


def _written(text: str, zone: str | None, field: str) -> datetime:
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
    return _in_zone(wall, zone, field)


def _in_zone(wall: datetime, zone: str | None, field: str) -> datetime:
    if zone is None:
        raise InvalidMeetingError(
            f"{wall.isoformat(timespec='minutes')} has no zone: add its offset (+02:00), a column timezone "
            "(Europe/London), or a zone for the file",
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
