"""Meetings from the first sheet of a workbook; the only file that knows python-calamine."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from joinme_async._errors import BadRow, ConfigurationError
from joinme_async.bulk._rows import Cell, HeaderError, Options, Row, columns_of, table_row


def read_excel(path: Path, options: Options) -> Iterator[Row | BadRow]:
    """Yield every row of the first sheet, the good and the bad; bad ones hold nobody's address.

    The first row that is not blank names the columns, as in CSV. A cell formatted as date and time is what clocks show
    in the row's zone, to the nearest second; a text is read as in CSV. `line` is the number of the row.

    Raises:
        ConfigurationError: the extra is not installed.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        rows = _rows(file)
    if isinstance(rows, str):
        yield BadRow(path.name, 1, None, rows)
        return
    filled = ((line, cells) for line, cells in enumerate(rows, 1) if any(cells))
    line, header = next(filled, (1, []))
    try:
        columns = columns_of(_header(header))
    except HeaderError as error:
        yield BadRow(path.name, line, error.column, str(error))
        return
    for line, cells in filled:
        yield table_row(columns, cells, options.timezone, path.name, line)


def _rows(file: BinaryIO) -> Iterator[list[Cell]] | str:
    """Return the rows of the first sheet from its top on, or what is wrong with the file."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigurationError("reading Excel needs its extra: pip install 'joinme-async[excel]'") from None
    try:
        sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
    except PasswordError:
        return "the workbook is protected by a password: save it without one"
    except CalamineError:
        return "this cannot be read as a workbook: save it anew, as .xlsx or as CSV UTF-8"
    return ([_cell(value) for value in row] for row in sheet.iter_rows())


def _header(cells: Sequence[Cell]) -> list[str]:
    """Return the names of the columns; a sheet is as wide as its widest row, so blank ones at the end are none."""
    names = [str(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _cell(value: object) -> Cell:
    """Return a cell as CSV would have it; dates, with an hour and without, stay what they are."""
    match value:
        case datetime():
            return (value + timedelta(milliseconds=500)).replace(microsecond=0)
        case date():
            return value
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value).strip()
