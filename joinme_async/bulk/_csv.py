"""Meetings from a CSV file, as people and spreadsheets write them."""

import csv
from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Final, TextIO

from joinme_async._errors import BadRow, InvalidMeetingError, InvalidRowsError, excerpt
from joinme_async.bulk._rows import Row, meeting_from

# Our names, and the service's own for those who have them in their files already; letter case makes no difference.
_COLUMNS: Final[Mapping[str, str]] = {
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
}
_REQUIRED: Final = ("name", "start", "end")


def read_meetings(path: str | PathLike[str], *, timezone: str | None = None) -> Iterator[Row]:
    """Check a whole CSV file, then return its meetings one by one.

    The first line names the columns: `name`, `start`, `end`, and where wanted `participants` (separated by semicolons,
    commas or blanks within the cell), `start_with_personal_url`, `timezone` (IANA) and `key`; the service's own names
    are understood as well. Cells may be separated by commas, semicolons or tabs. Blank lines are passed over.

    Args:
        path: the file, in UTF-8.
        timezone: the IANA zone of times that have no offset, in rows without a `timezone` of their own.

    Raises:
        InvalidRowsError: there are bad rows; its `rows` has every one, with its line, column and what to do. Also on
            the way, where the file was changed after the check.
        OSError: the file cannot be read.
    """
    bad = [item for item in _read(path, timezone) if isinstance(item, BadRow)]
    if bad:
        raise InvalidRowsError(bad)
    return _rows(path, timezone)


def _rows(path: str | PathLike[str], timezone: str | None) -> Iterator[Row]:
    for item in _read(path, timezone):
        if isinstance(item, BadRow):
            raise InvalidRowsError([item])  # it was good a moment ago: the file has been changed since
        yield item


def _read(path: str | PathLike[str], timezone: str | None) -> Iterator[Row | BadRow]:
    """Yield every row, the good and the bad; bad ones hold nobody's address."""
    file = Path(path).name or fspath(path)
    with Path(path).open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=_delimiter(text), strict=True)
        line = 1
        try:
            columns = _columns(next(reader, []))
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield _row(columns, cells, file, line, timezone)
                line = reader.line_num + 1
        except _HeaderError as error:
            yield BadRow(file, 1, error.column, str(error))
        except csv.Error as error:
            yield BadRow(file, line, None, f"this cannot be read as CSV ({error}): look for a quote that is not closed")
        except UnicodeDecodeError:
            yield BadRow(
                file, _first_foreign_line(path), None, "this line is not in UTF-8: save the file as 'CSV UTF-8'"
            )


def _first_foreign_line(path: str | PathLike[str]) -> int:
    """Return the first line that is not in UTF-8; the reader decodes ahead, and cannot tell."""
    with Path(path).open("rb") as lines:
        return next((number for number, line in enumerate(lines, 1) if not _is_utf8(line)), 1)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(text: TextIO) -> str:
    """Return what separates the cells: whichever of the three is most frequent in the first line."""
    try:
        first = text.readline()
    except UnicodeDecodeError:
        first = ""
    text.seek(0)
    return max(",;\t", key=first.count)


class _HeaderError(ValueError):
    """The first line does not name the columns."""

    def __init__(self, problem: str, column: str | None = None) -> None:
        super().__init__(problem)
        self.column = column


def _columns(header: list[str]) -> list[str]:
    """Return the Python field name of each column."""
    columns: list[str] = []
    for cell in header:
        name = _COLUMNS.get(cell.strip().lower())
        if name is None:
            raise _HeaderError(
                "the first line must name the columns, and this is none that is known: use "
                f"{', '.join(dict.fromkeys(_COLUMNS.values()))}, and take others out",
                excerpt(cell) or "(blank)",
            )
        if name in columns:
            raise _HeaderError("this column comes twice", name)
        columns.append(name)
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise _HeaderError(f"the first line must name the columns, and {', '.join(missing)} is missing")
    return columns


def _row(columns: list[str], cells: list[str], file: str, line: int, timezone: str | None) -> Row | BadRow:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        problem = (
            f"there are {len(cells)} cells for {len(columns)} columns: put a cell with the separator in it in quotes"
        )
        return BadRow(file, line, None, problem)
    named = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
    try:
        return Row(meeting_from(named, timezone), key=named.get("key") or None, line=line)
    except InvalidMeetingError as error:
        return BadRow(file, line, error.field, str(error))
