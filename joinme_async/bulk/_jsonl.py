"""Meetings from JSON Lines: one object a line."""

import codecs
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from joinme_async._errors import BadRow, InvalidMeetingError, excerpt
from joinme_async.bulk._rows import FIELDS, Cell, Options, Row, field_of, row_from

_WANTED: Final[Mapping[str, str]] = {
    "participants": "a list of addresses, or a text",
    "start_with_personal_url": "true or false",
    "key": "a text or an integer",
}


def read_jsonl(path: Path, options: Options) -> Iterator[Row | BadRow]:
    """Yield every row, the good and the bad; bad ones hold nobody's address.

    Fields are named as the columns of a table are, and null is as good as none. `participants` is a list, or a text as
    in a cell of CSV; `start_with_personal_url` is true, false or one of the words of CSV; `key` a text or an integer;
    all others are texts. Blank lines are passed over.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        begun = False
        for line, content in enumerate(lines, 1):
            text = content.removeprefix(codecs.BOM_UTF8).strip() if line == 1 else content.strip()
            if text.startswith(b"[") and not begun:
                problem = "this is one JSON array: write one object a line (jq -c '.[]' file.json > file.jsonl)"
                yield BadRow(path.name, line, None, problem)
                return
            begun = begun or bool(text)
            if text:
                yield _row(text, path.name, line, options.timezone)


def _row(text: bytes, file: str, line: int, timezone: str | None) -> Row | BadRow:
    try:
        cells = _cells(_parse(text))
    except InvalidMeetingError as error:
        return BadRow(file, line, error.field, str(error))
    return row_from(cells, timezone, file, line)


def _parse(text: bytes) -> Any:  # noqa: ANN401  any JSON
    try:
        return json.loads(text.decode(), object_pairs_hook=_distinct, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise InvalidMeetingError("this line is not in UTF-8: save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidMeetingError(f"this line is no JSON object (column {error.colno}: {error.msg})") from None
    except RecursionError:
        raise InvalidMeetingError("this line is nested too deeply") from None
    except InvalidMeetingError:
        raise
    except ValueError:  # an integer of thousands of digits
        raise InvalidMeetingError("this line holds a number that is too long") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = next((name for name, times in Counter(name for name, _ in pairs).items() if times > 1), None)
    if twice is not None:
        raise InvalidMeetingError("this field comes twice", field=excerpt(twice))
    return dict(pairs)


def _no_constant(text: str) -> None:
    raise InvalidMeetingError(f"{text} is no JSON")


def _cells(parsed: Any) -> dict[str, Cell]:  # noqa: ANN401  any JSON
    """Return what the object says by Python field name, or raise InvalidMeetingError."""
    if not isinstance(parsed, dict):
        raise InvalidMeetingError("this line is no JSON object: write one {...} a line")
    cells: dict[str, Cell] = {}
    for name, value in parsed.items():
        field = field_of(name)
        if field is None:
            raise InvalidMeetingError(
                f"this field is none that is known: use {', '.join(FIELDS)}, and take others out",
                field=excerpt(name) or "(blank)",
            )
        if field in cells:
            raise InvalidMeetingError("this field comes twice, by two names", field=field)
        cells[field] = _cell(field, value)
    return cells


def _cell(field: str, value: Any) -> Cell:  # noqa: ANN401  any JSON
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if field == "participants" and isinstance(value, list):
        return value
    if (field == "start_with_personal_url" and isinstance(value, bool)) or (field == "key" and type(value) is int):
        return str(value)
    raise InvalidMeetingError(f"{field} must be {_WANTED.get(field, 'a text')}", field=field)
