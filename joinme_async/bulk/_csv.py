"""Meetings from CSV, as people and spreadsheets write it."""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from joinme_async._errors import BadRow
from joinme_async.bulk._rows import HeaderError, Options, Row, columns_of, table_row

# The first line by which Excel is told what separates the cells.
_SEPARATOR: Final = re.compile(r"\"?sep=([,;\t])\"?\s*", re.IGNORECASE)


def read_csv(path: Path, options: Options) -> Iterator[Row | BadRow]:
    """Yield every row, the good and the bad; bad ones hold nobody's address.

    UTF-8, or UTF-16 with its mark, as spreadsheets save "Unicode text". Cells are separated by commas, semicolons or
    tabs. Blank lines are passed over. Rows have the line where they begin.

    Raises:
        OSError: the file cannot be read.
    """
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as text:
        try:
            yield from _table(text, path.name, options.timezone)
        except UnicodeDecodeError:
            problem = "this line is not in UTF-8: save the file as 'CSV UTF-8'"
            yield BadRow(path.name, _first_foreign_line(path, encoding), None, problem)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8-sig"


def _first_foreign_line(path: Path, encoding: str) -> int:
    """Return the first line that cannot be decoded; the reader decodes ahead, and cannot tell."""
    content = path.read_bytes()
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        content = content[: error.start]
    return content.decode(encoding, "ignore").count("\n") + 1


def _table(text: Iterable[str], file: str, timezone: str | None) -> Iterator[Row | BadRow]:
    lines = iter(text)
    first = next(lines, "")
    told = _SEPARATOR.fullmatch(first)
    before = 1 if told else 0  # lines that the reader does not see
    if told:
        first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=told[1] if told else _delimiter(first), strict=True)
    line = before + 1
    try:
        columns = columns_of(next(reader, []))
        line = before + reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield table_row(columns, cells, timezone, file, line)
            line = before + reader.line_num + 1
    except HeaderError as error:
        problem = "this is UTF-16 without its mark: save the file as 'CSV UTF-8'" if "\0" in first else str(error)
        yield BadRow(file, line, error.column, problem)
    except csv.Error as error:
        yield BadRow(file, line, None, f"this cannot be read as CSV ({error}): look for a quote that is not closed")


def _delimiter(first: str) -> str:
    """Return what separates the cells: whichever of the three is most frequent in the first line."""
    return max(",;\t", key=first.count)
