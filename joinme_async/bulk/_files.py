"""Files of meetings of every kind: checked as a whole, then read again row by row."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Final

from joinme_async._errors import BadRow, InvalidMeetingError, InvalidRowsError
from joinme_async._models import checked_instant
from joinme_async.bulk._csv import read_csv
from joinme_async.bulk._excel import read_excel
from joinme_async.bulk._ical import read_ical
from joinme_async.bulk._jsonl import read_jsonl
from joinme_async.bulk._rows import Options, Row

_READERS: Final[Mapping[str, Callable[[Path, Options], Iterator[Row | BadRow]]]] = {
    ".jsonl": read_jsonl, ".ndjson": read_jsonl,
    ".ics": read_ical,
    ".xlsx": read_excel, ".xls": read_excel, ".xlsb": read_excel, ".ods": read_excel,
}  # fmt: skip


def read_meetings(
    path: str | PathLike[str],
    *,
    timezone: str | None = None,
    skip_bad: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> "MeetingsFile":
    """Check a whole file, then return its meetings, to be read as often as wanted.

    The suffix tells what it is: `.jsonl` and `.ndjson` JSON Lines, `.ics` iCalendar (extra `ical`), `.xlsx`, `.xls`,
    `.xlsb` and `.ods` the first sheet of a workbook (extra `excel`), all others CSV. The columns, or fields, are
    `name`, `start`, `end`, and where wanted `participants` (separated by semicolons, commas or blanks),
    `start_with_personal_url`, `timezone` (IANA) and `key` (a name of your own, once in a file); the service's own
    names are understood as well.

    Of a calendar, events become meetings, and recurring ones one for each occurrence; cancelled ones are passed over.
    Attendees are invited, except those who declined, rooms and resources, and those without an e-mail address; the
    organizer is invited only where they are an attendee too. The key is the event's UID, and of a recurring one that,
    a slash and the UTC time at which the rule has the occurrence.

    Args:
        path: the file.
        timezone: the IANA zone of times that have no offset, in rows without a `timezone` of their own; in a calendar,
            of all-day events and of times without a zone.
        skip_bad: pass over bad rows, which are then in `skipped`, instead of refusing the file.
        since: aware; meetings that begin before it are passed over.
        until: aware; meetings that begin at it or later are passed over. Events that recur for ever need it.

    Raises:
        InvalidRowsError: there are bad rows; its `rows` has every one, with its line, column and what to do.
        InvalidMeetingError: `since` or `until` has no time zone, or they are the wrong way round.
        ConfigurationError: the extra for this kind of file is not installed.
        OSError: the file cannot be read.
    """
    options = Options(timezone, _instant(since, "since"), _instant(until, "until"))
    if options.since and options.until and not options.since < options.until:
        raise InvalidMeetingError("since must precede until", field="until")
    return MeetingsFile(Path(path), options, skip_bad=skip_bad)


def _instant(moment: datetime | None, field: str) -> datetime | None:
    return None if moment is None else checked_instant(moment, field)


def reopened(origin: str) -> "MeetingsFile":
    """Read the file again that a `MeetingsFile.origin` tells of.

    Raises:
        InvalidRowsError, OSError: as `read_meetings`.
    """
    told = json.loads(origin)
    since, until = (told[name] and datetime.fromisoformat(told[name]) for name in ("since", "until"))
    return read_meetings(told["path"], timezone=told["timezone"], skip_bad=told["skip_bad"], since=since, until=until)


def skipped_in(origin: str) -> tuple[int, ...]:
    """Return the lines of the file that were passed over."""
    return tuple(json.loads(origin).get("skipped", ()))


class MeetingsFile:
    """The meetings of a file that was checked; made by `read_meetings`.

    Iterating reads the file from its beginning, each time anew, and keeps no row. It raises InvalidRowsError where the
    file is no longer what was checked: at once where that shows, at the end at the latest. `len` counts the good rows.

    Attributes:
        path: the file.
        skipped: the bad rows that are passed over, in the order of the file.
    """

    def __init__(self, path: Path, options: Options, *, skip_bad: bool) -> None:
        self.path: Path = path
        self._options = options
        self._skip_bad = skip_bad
        self._stamp = _stamp(path)
        bad: list[BadRow] = []
        self._length = self._digest = 0
        for item in self._read():
            self._digest = hash((self._digest, item))
            if isinstance(item, BadRow):
                bad.append(item)
            else:
                self._length += 1
        self.skipped: tuple[BadRow, ...] = tuple(bad)
        if bad and not skip_bad:
            raise InvalidRowsError(bad)
        self._expected = frozenset(bad)

    def __len__(self) -> int:
        return self._length

    @property
    def origin(self) -> str:
        """What `reopened` needs to read the same rows again, and the lines that were passed over, as JSON."""
        since, until = (
            None if moment is None else moment.isoformat() for moment in (self._options.since, self._options.until)
        )
        return json.dumps(
            {
                "path": str(self.path.absolute()),
                "timezone": self._options.timezone,
                "skip_bad": self._skip_bad,
                "since": since,
                "until": until,
                "skipped": [row.line for row in self.skipped],
            }
        )

    def __iter__(self) -> Iterator[Row]:
        if _stamp(self.path) != self._stamp:
            raise self._changed()
        digest = 0
        for item in self._read():
            digest = hash((digest, item))
            if isinstance(item, Row):
                yield item
            elif item not in self._expected:
                raise InvalidRowsError([item])  # it was good a moment ago: the file has been changed since
        if digest != self._digest:
            raise self._changed()

    def __repr__(self) -> str:
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"<MeetingsFile {str(self.path)!r}: {len(self)} meetings{skipped}>"

    def _read(self) -> Iterator[Row | BadRow]:
        reader = _READERS.get(self.path.suffix.lower(), read_csv)
        return _wanted(_distinct(reader(self.path, self._options), self.path.name), self._options)

    def _changed(self) -> InvalidRowsError:
        return InvalidRowsError([BadRow(self.path.name, 1, None, "the file was changed after it was checked")])


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _distinct(items: Iterator[Row | BadRow], file: str) -> Iterator[Row | BadRow]:
    """Turn a row whose key an earlier row has into a bad one; keys are all that is kept."""
    lines: dict[str, int | None] = {}
    for item in items:
        if isinstance(item, Row) and item.key is not None:
            if item.key in lines:
                yield BadRow(file, item.line or 1, "key", f"line {lines[item.key]} has the same key")
                continue
            lines[item.key] = item.line
        yield item


def _wanted(items: Iterator[Row | BadRow], options: Options) -> Iterator[Row | BadRow]:
    for item in items:
        if isinstance(item, Row):
            early = options.since is not None and item.meeting.start < options.since
            if early or (options.until is not None and item.meeting.start >= options.until):
                continue
        yield item
