"""Meetings from files of every kind: one door, the same rules, every bad row told, no hour guessed."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import icalendar
import pytest
import python_calamine
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import BadRow, ConfigurationError, InvalidMeetingError, InvalidRowsError, NewMeeting
from joinme_async.bulk import Row, read_meetings
from joinme_async.bulk._files import MeetingsFile
from tests.conftest import HOUR, START, new_meeting

LONDON = "Europe/London"
ADDRESS = "jane.doe@corp.example"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def bad(path: Path, **options: Any) -> list[BadRow]:
    with pytest.raises(InvalidRowsError) as caught:
        read_meetings(path, **options)
    assert ADDRESS not in repr(caught.value.rows) + str(caught.value)
    assert all(row.file == path.name for row in caught.value.rows)
    return list(caught.value.rows)


# One door


GOOD = "key,name,start,end\n" + "".join(f"k{n},x,2027-06-0{n}T09:00Z,2027-06-0{n}T10:00Z\n" for n in (1, 2, 3))


def test_a_file_is_read_as_often_as_wanted(write) -> None:
    """Each iteration begins at the beginning; the length is known before."""
    file = read_meetings(write(GOOD, "june.csv"))
    assert isinstance(file, MeetingsFile)
    assert (len(file), file.skipped, file.path.name) == (3, (), "june.csv")
    first, second = iter(file), iter(file)
    assert next(first) == next(second)
    assert [row.key for row in file] == ["k1", "k2", "k3"]
    assert repr(file) == f"<MeetingsFile '{file.path}': 3 meetings>"


def test_bad_rows_are_passed_over_when_asked_to(write) -> None:
    """They are told all the same, and the good ones keep their lines."""
    file = read_meetings(write(GOOD + "k4,,,\nk5,x,2027-06-05T09:00Z,2027-06-05T10:00Z\n", "june.csv"), skip_bad=True)
    assert [row.line for row in file] == [2, 3, 4, 6]
    assert [(row.line, row.column) for row in file.skipped] == [(5, "start")]
    assert repr(file).endswith("4 meetings, 1 skipped>")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(GOOD + "k1,x,2027-06-05T09:00Z,2027-06-05T10:00Z\n", 5, id="in CSV"),
        pytest.param(GOOD + " k1 ,y,2027-06-05T09:00Z,2027-06-05T10:00Z\n", 5, id="with blanks"),
    ],
)
def test_a_key_comes_once_in_a_file(text: str, line: int, write) -> None:
    """The second is bad, and names the first; rows without a key are never the same."""
    assert bad(write(text, "june.csv")) == [BadRow("june.csv", line, "key", "line 2 has the same key")]
    assert len(read_meetings(write(re.sub(r"(?m)^ *k\d *", "", text), "june.csv"))) == 4


def test_since_and_until_choose_by_the_start(write) -> None:
    """From `since` on, and before `until`; of any kind of file."""
    path = write(GOOD, "june.csv")
    day = datetime(2027, 6, 2, 9, tzinfo=UTC)
    assert [row.key for row in read_meetings(path, since=day)] == ["k2", "k3"]
    assert [row.key for row in read_meetings(path, until=day)] == ["k1"]
    assert len(read_meetings(path, since=day, until=day + timedelta(seconds=1))) == 1
    for options in ({"since": datetime(2027, 6, 2)}, {"until": "2027"}, {"since": day, "until": day}):
        with pytest.raises(InvalidMeetingError) as caught:
            read_meetings(path, **options)  # type: ignore[arg-type]
        assert caught.value.field in {"since", "until"}


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(GOOD.replace("x", "y"), id="other meetings"),
        pytest.param(GOOD + GOOD.splitlines()[1].replace("k1", "k4") + "\n", id="one more"),
        pytest.param(GOOD[: GOOD.rindex("k3")], id="one less"),
        pytest.param(GOOD.replace("k3", "k1"), id="a bad one"),
    ],
)
@pytest.mark.parametrize("hidden", [False, True], ids=["seen at once", "seen at the end"])
def test_a_file_that_is_no_longer_what_was_checked_is_refused(later: str, hidden: bool, write) -> None:
    """At once by its size and date, and where these tell nothing, by its rows."""
    file = read_meetings(write(GOOD, "june.csv"))
    write(later, "june.csv")
    os.utime(file.path, ns=(1, 1))
    if hidden:
        file._stamp = (file.path.stat().st_size, 1)
    rows = iter(file)
    with pytest.raises(InvalidRowsError) as caught:
        for row in rows:
            assert hidden, row
    assert caught.value.rows[0].file == "june.csv"


def test_other_rows_skipped_than_before_is_a_change(write) -> None:
    """With skip_bad as without."""
    text = GOOD + "k4,,,\n"
    file = read_meetings(write(text, "june.csv"), skip_bad=True)
    write(text.replace("k2,x", "k2, ").replace("k4,,,", "k,,,,"), "june.csv")
    file._stamp = (file.path.stat().st_size, file.path.stat().st_mtime_ns)
    with pytest.raises(InvalidRowsError) as caught:
        list(file)
    assert caught.value.rows[0].line == 3


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".ics", ".xlsx"])
def test_what_cannot_be_opened_is_an_os_error(suffix: str, tmp_path: Path) -> None:
    """A file that is not there, and a directory."""
    with pytest.raises(FileNotFoundError):
        read_meetings(tmp_path / f"none{suffix}")
    (tmp_path / f"dir{suffix}").mkdir()
    with pytest.raises(IsADirectoryError):
        read_meetings(tmp_path / f"dir{suffix}")


@pytest.mark.parametrize(
    ("module", "name"), [("icalendar", "x.ics"), ("recurring_ical_events", "x.ics"), ("python_calamine", "x.xlsx")]
)
def test_a_missing_extra_is_named(module: str, name: str, write, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, module, None)
    extra = "ical" if name == "x.ics" else "excel"
    with pytest.raises(ConfigurationError, match=re.escape(f"pip install 'joinme-async[{extra}]'")):
        read_meetings(write("", name))


def test_no_extra_is_loaded_before_it_is_needed() -> None:
    """Importing the room costs nobody a library they may not have."""
    code = "import sys, joinme_async.bulk; print({'icalendar', 'recurring_ical_events', 'python_calamine', 'dateutil'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "set()\n"


# JSON Lines


TIMES = '"start": "2027-06-02T09:00Z", "end": "2027-06-02T10:00Z"'


@pytest.mark.parametrize("suffix", [".jsonl", ".NDJSON"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'{{"name": "Weekly update", {TIMES}, "participants": ["boss@join.me"]}}\n', id="plain"),
        pytest.param(
            f'\ufeff{{"name": "Weekly update", {TIMES}, "participants": " boss@join.me; "}}\r\n', id="BOM, CRLF, text"
        ),
        pytest.param(
            f'\n  \n{{"name": " Weekly update ", {TIMES}, "participants": ["boss@join.me"], "key": null}}',
            id="blank lines, null",
        ),
        pytest.param(
            '{"meetingName": "Weekly update", "meetingStart": "2027-06-02T10:00", "meetingEnd": "2027-06-02 11:00",'
            ' "TimeZone": "Europe/London", "participants": ["boss@join.me"], "startWithPersonalUrl": false}',
            id="the service's own names",
        ),
    ],
)
def test_json_lines_are_understood(text: str, suffix: str, write) -> None:
    """However it is written, the row is the same."""
    (row,) = read_meetings(write(text, "june" + suffix))
    assert (row.meeting, row.key) == (new_meeting(), None)


def test_json_lines_have_keys_flags_and_lines(write) -> None:
    """Keys are texts or integers; flags are JSON's or CSV's."""
    fields = [('"key": "a"', "true"), ('"key": 12', '"YES"'), ('"key": 0', '"0"')]
    text = "\n\n".join(f'{{"name": "x", {TIMES}, {key}, "start_with_personal_url": {flag}}}' for key, flag in fields)
    rows = list(read_meetings(write(text, "june.jsonl")))
    assert [(row.key, row.line, row.meeting.start_with_personal_url) for row in rows] == [
        ("a", 1, True),
        ("12", 3, True),
        ("0", 5, False),
    ]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        pytest.param(f'{{"name": "x", {TIMES}, "participant": ["a@b.c"]}}', "participant", "none that is known", id="unknown field"),
        pytest.param(f'{{"name": "x", {TIMES}, "": 1}}', "(blank)", "none that is known", id="blank field"),
        pytest.param(f'{{"name": "x", {TIMES}, "{ADDRESS}": 1}}', "***@***", "none that is known", id="an address as a field"),
        pytest.param(f'{{"name": "x", {TIMES}, "name": "y"}}', "name", "comes twice", id="a field twice"),
        pytest.param(f'{{"name": "x", {TIMES}, "meetingName": "y"}}', "name", "by two names", id="two names for one"),
        pytest.param("[1]", None, "one object a line", id="an array first"),
        pytest.param("7", None, "no JSON object", id="a number"),
        pytest.param("{", None, "column 2", id="cut off"),
        pytest.param(f'{{"name": "x", {TIMES}}} {ADDRESS}', None, "no JSON object", id="something behind it"),
        pytest.param('{"name": NaN}', None, "NaN is no JSON", id="NaN"),
        pytest.param('{"key": ' + "9" * 5000 + "}", None, "too long", id="a huge number"),
        pytest.param('{"key": ' + "[" * 100_000, None, "nested too deeply", id="nested"),
        pytest.param(f'{{"name": 7, {TIMES}}}', "name", "must be a text", id="a name that is a number"),
        pytest.param(f'{{"name": "x", {TIMES}, "participants": {{}}}}', "participants", "a list of addresses", id="participants"),
        pytest.param(f'{{"name": "x", {TIMES}, "participants": [7]}}', "participants", r"participants\[0\]", id="participants of numbers"),
        pytest.param(f'{{"name": "x", {TIMES}, "participants": ["{ADDRESS} {ADDRESS}"]}}', "participants", r"participants\[0\]", id="two in one"),
        pytest.param(f'{{"name": "x", {TIMES}, "key": 1.5}}', "key", "a text or an integer", id="a key with a fraction"),
        pytest.param(f'{{"name": "x", {TIMES}, "key": true}}', "key", "a text or an integer", id="a key that is a flag"),
        pytest.param(f'{{"name": "x", {TIMES}, "key": "\\ud800"}}', "key", "half a character", id="half a key"),
        pytest.param(f'{{"name": "x", {TIMES}, "start_with_personal_url": 1}}', "start_with_personal_url", "true or false", id="a flag that is a number"),
        pytest.param('{"name": "x", "start": 7}', "start", "must be a text", id="a time that is a number"),
        pytest.param('{"name": "x", "start": "2027-06-02T09:00"}', "start", "has no zone", id="a time without a zone"),
        pytest.param('{"name": "x"}', "start", "is no time", id="no time"),
        pytest.param(b'{"name": "\xff"}', None, "UTF-8", id="not UTF-8"),
        pytest.param('{"name": "x"}'.encode("utf-16"), None, "UTF-8", id="UTF-16"),
    ],
)  # fmt: skip
def test_a_bad_line_of_json_says_what_to_do(text: str | bytes, column: str | None, says: str, write) -> None:
    """Never an exception, and nobody's address."""
    (row, *_) = bad(write(text, "june.jsonl"))
    assert (row.line, row.column) == (1, column)
    assert re.search(says, row.problem)


def test_bad_lines_of_json_do_not_hide_one_another(write) -> None:
    """An array further down is a bad line like any other."""
    assert [row.line for row in bad(write(f'\n{{"name": "x", {TIMES}}}\n[1]\n\n7\n', "june.jsonl"))] == [3, 5]


# There and back


def rows(names: st.SearchStrategy[str]) -> st.SearchStrategy[list[Row]]:
    moments = st.datetimes(datetime(2027, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(
        lambda t: t.replace(microsecond=0)
    )
    addresses = st.from_regex(r"[a-z0-9.+_'-]{1,8}@[a-z0-9-]{1,8}\.example", fullmatch=True)
    meetings = st.builds(
        lambda name, start, length, participants, flag: NewMeeting(name, start, start + length, participants, flag),
        names.map(str.strip).filter(bool),
        moments,
        st.timedeltas(timedelta(seconds=1), timedelta(days=14)).map(
            lambda t: timedelta(seconds=int(t.total_seconds()))
        ),
        st.lists(addresses, max_size=3),
        st.booleans(),
    )
    keys = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5).map(str.strip).map(
        lambda k: k or None
    )
    return st.lists(st.builds(Row, meetings, keys), max_size=5, unique_by=lambda row: row.key or object())


def table(rows: list[Row]) -> list[list[str]]:
    return [["key", "name", "start", "end", "participants", "start_with_personal_url"]] + [
        [row.key or "", m.name, m.start.isoformat(), m.end.isoformat(), ";".join(m.participants), str(m.start_with_personal_url)]
        for row in rows
        for m in [row.meeting]
    ]  # fmt: skip


def same(file: MeetingsFile, rows: list[Row]) -> None:
    assert [(row.meeting, row.key) for row in file] == [(row.meeting, row.key) for row in rows]
    assert len(file) == len(rows)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(
    rows(TEXTS),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_is_written_as_csv_is_read_back(
    tmp_path: Path, rows: list[Row], separator: str, encoding: str, end: str, told: bool
) -> None:
    """Any names and keys, with any separator, encoding and end of line, with `sep=` and without."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table(rows))
    path = tmp_path / "rows.csv"
    path.write_bytes((f"sep={separator}{end}" * told + text.getvalue()).encode(encoding))
    same(read_meetings(path), rows)


@given(rows(TEXTS), st.booleans())
def test_what_is_written_as_json_lines_is_read_back(tmp_path: Path, rows: list[Row], ascii_only: bool) -> None:
    """Any names and keys, escaped or not."""
    path = tmp_path / "rows.jsonl"
    header, *lines = table(rows)
    objects = [
        dict(zip(header, line, strict=True)) | {"participants": row.meeting.participants}
        for row, line in zip(rows, lines, strict=True)
    ]
    path.write_text(
        "".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in objects), encoding="utf-8", newline=""
    )
    same(read_meetings(path), rows)


@given(rows(st.text("abc äöü,;<&>\"'0.", max_size=20)))
def test_what_is_written_as_a_workbook_is_read_back(tmp_path: Path, rows: list[Row]) -> None:
    """Texts stay texts; times may be cells of their own kind, to the second."""
    path = tmp_path / "rows.xlsx"
    rows = [Row(row.meeting, None if row.key is None else "k" + row.key.encode().hex()) for row in rows]
    header, *lines = table(rows)
    cells: list[list[Any]] = [
        [line[0], line[1], row.meeting.start.replace(tzinfo=None), row.meeting.end.replace(tzinfo=None), line[4], row.meeting.start_with_personal_url]
        for row, line in zip(rows, lines, strict=True)
    ]  # fmt: skip
    # A midnight is written as text: as a cell it cannot be told from a day.
    cells = [[f"{c}Z" if isinstance(c, datetime) and c.time() == time.min else c for c in line] for line in cells]
    path.write_bytes(xlsx([list(header), *cells]))
    same(read_meetings(path, timezone="UTC"), rows)


@given(
    st.sampled_from([(".csv", "name,start,end\n"), (".jsonl", '{"name":"x","start":'), (".ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"), (".xlsx", "")]),
    st.binary(max_size=300)
    | st.text('{}[]":,;=/\\ \r\n\0é-+@ZT0123456789EeNnDdaBGINVTRUL', max_size=200).map(str.encode)
    | st.lists(
        st.sampled_from(
            ["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VTIMEZONE", "END:VTIMEZONE", "BEGIN:STANDARD",
             "END:STANDARD", "UID:1", "SUMMARY:x", "DTSTART:20270602T090000Z", "DTSTART:20270602", "DTSTART;TZID=Z:20270602T090000",
             "DTEND:20270602T100000Z", "DTEND:PT1H", "DURATION:PT1H", "DURATION:20270602", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:COUNT=3", "RRULE:x",
             "RRULE:FREQ=DAILY;UNTIL=20270604;BYDAY=9MO", "EXDATE:20270603T090000Z", "EXDATE:x", "RDATE:20270610T090000Z", "RDATE;VALUE=PERIOD:20270602T090000Z/PT1H",
             "RECURRENCE-ID:20270603T090000Z", "ATTENDEE:mailto:a@b.c", "DTSTART;VALUE=TEXT:x", "RRULE;VALUE=DATE:20270602", "ATTENDEE;VALUE=INTEGER:1", "ATTENDEE;CUTYPE=", "TZID:Z", "TZOFFSETTO:+0100", "TZOFFSETFROM:+0100",
             "DTSTART:99991231T235959Z", "DTSTART:00010101T000000", "STATUS:CANCELLED", " folded", ""]
        ),
        max_size=25,
    ).map(lambda lines: "\n".join(["", *lines, "END:VEVENT", "END:VCALENDAR"]).encode()),
)  # fmt: skip
def test_any_file_of_any_kind_is_read_or_refused(tmp_path: Path, kind: tuple[str, str], content: bytes) -> None:
    """No content makes a reader raise anything but InvalidRowsError; what it reads it reads again."""
    path = tmp_path / f"any{kind[0]}"
    path.write_bytes(kind[1].encode() + content)
    for timezone in (None, LONDON):
        try:
            file = read_meetings(path, timezone=timezone)
        except InvalidRowsError as error:
            assert error.rows
        else:
            assert len(list(file)) == len(file)


# Workbooks


def xlsx(rows: list[list[Any]]) -> bytes:
    """Return the smallest workbook with these rows in its first sheet; None is no cell."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"

    def cell(value: Any, at: str) -> str:
        match value:
            case None:
                return ""
            case bool():
                return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
            case datetime():
                return f'<c r="{at}" s="1"><v>{(value - datetime(1899, 12, 30)) / timedelta(days=1)!r}</v></c>'
            case int() | float():
                return f'<c r="{at}"><v>{value!r}</v></c>'
            case _:
                return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'

    lines = [
        f'<row r="{number}">{"".join(cell(value, f"{chr(65 + index)}{number}") for index, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    ]
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{kinds}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kinds}"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{kinds}/worksheet" Target="worksheets/s.xml"/>'
        f'<Relationship Id="b" Type="{kinds}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        "xl/worksheets/s.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def test_a_workbook_is_understood(write) -> None:
    """Cells of their own kind and texts, blank rows and columns around the table, keys that are numbers."""
    wall = datetime(2027, 6, 2, 10)
    path = write(
        xlsx([
            [],
            ["Key", "meetingName", "start", "end", "participants", "start_with_personal_url", "timezone", "", ""],
            [12.0, "Weekly update", wall, wall + HOUR, "boss@join.me", True, LONDON],
            [],
            ["k", 2027, "2027-06-02T10:00+01:00", wall + timedelta(hours=1, seconds=1), None, "no"],
            [1.5, True, wall, wall + HOUR],
        ]),
        "june.XLSX",
    )  # fmt: skip
    one, two, three = read_meetings(path, timezone=LONDON)
    assert one == Row(new_meeting(start_with_personal_url=True), "12", 3)
    assert two == Row(new_meeting(name="2027", end=START + HOUR + timedelta(seconds=1), participants=[]), "k", 5)
    assert (three.key, three.meeting.name, three.line) == ("1.5", "true", 6)


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        pytest.param(["x", datetime(2027, 6, 2), datetime(2027, 6, 3, 1)], "start", "day without an hour", id="a day"),
        pytest.param(["x", 46175.5, "2027-06-02T09:00Z"], "start", "'46175.5' is no time", id="a number"),
        pytest.param(["x", datetime(2027, 3, 28, 1, 30), "2027-06-02T09:00Z"], "start", "does not exist", id="skipped"),
        pytest.param(["x", datetime(2027, 10, 31, 1, 30), "2027-11-02T09:00Z"], "start", "comes twice", id="twice"),
        pytest.param(["x", 0.5, None], "start", "is no time", id="an hour without a day"),
        pytest.param([datetime(2027, 6, 2, 9), "2027-06-02T09:00Z", "2027-06-02T09:30Z"], "name", "must be a text", id="a name that is a time"),
        pytest.param(["x", "2027-06-02T09:00Z", "2027-06-02T10:00Z", datetime(2027, 6, 2, 9)], "participants", "must be a text", id="participants that are a time"),
        pytest.param(["x", "2027-06-02T09:00Z", "2027-06-02T10:00Z", ADDRESS, 7], None, "5 cells for 4 columns", id="one too many"),
        pytest.param(["x", ADDRESS, "2027-06-02T10:00Z"], "start", "is no time", id="an address"),
    ],
)  # fmt: skip
def test_a_bad_row_of_a_workbook_says_what_to_do(row: list[Any], column: str | None, says: str, write) -> None:
    """By the number of the row."""
    (told,) = bad(write(xlsx([["name", "start", "end", "participants"], [], row]), "june.xlsx"), timezone=LONDON)
    assert (told.line, told.column) == (3, column)
    assert says in told.problem


@pytest.mark.parametrize(
    ("content", "column", "says"),
    [
        pytest.param(b"name,start,end", None, "cannot be read as a workbook", id="CSV"),
        pytest.param(b"", None, "cannot be read as a workbook", id="empty"),
        pytest.param(xlsx([]), None, "name, start, end is missing", id="no row"),
        pytest.param(xlsx([["name", None, "start"]]), "(blank)", "none that is known", id="a column without a name"),
        pytest.param(
            xlsx([["name", datetime(2027, 6, 2, 9)]]), "2027-06-02 09", "none that is known", id="a time for a name"
        ),
    ],
)
def test_what_is_no_table_is_told(content: bytes, column: str | None, says: str, write) -> None:
    """A file that is none, and a sheet without columns."""
    (row,) = bad(write(content, "june.xls"))
    assert (row.line, (row.column or "").startswith(column or "")) == (1, True)
    assert says in row.problem


def test_a_workbook_with_a_password_is_told(write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password is not asked for."""

    class Locked:
        @staticmethod
        def from_filelike(_: io.BytesIO) -> None:
            raise python_calamine.PasswordError

    monkeypatch.setattr(python_calamine, "CalamineWorkbook", Locked)
    assert "protected by a password" in bad(write("", "june.xlsx"))[0].problem


# Calendars


def event(*lines: str, uid: str | None = "u1") -> str:
    return "\r\n".join(["BEGIN:VEVENT", *([f"UID:{uid}"] if uid else []), *lines, "END:VEVENT", ""])


def calendar(*parts: str) -> str:
    return "".join(["BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", *parts, "END:VCALENDAR\r\n"])


def zone(name: str, *, summer: str = "+0100", rule: str = "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU") -> str:
    """Return London's clocks under any name."""
    return (
        f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\nX-LIC-LOCATION:x\r\n"
        f"BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0000\r\nTZOFFSETTO:{summer}\r\nDTSTART:19810329T010000\r\n{rule}\r\nEND:DAYLIGHT\r\n"
        f"BEGIN:STANDARD\r\nTZOFFSETFROM:{summer}\r\nTZOFFSETTO:+0000\r\nDTSTART:19961027T020000\r\n"
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )


NAME = "SUMMARY:Weekly update"
UTC_TIMES = ("DTSTART:20270602T090000Z", "DTEND:20270602T100000Z")
LONDON_TIMES = ("DTSTART;TZID=Europe/London:20270602T100000", "DTEND;TZID=Europe/London:20270602T110000")
BOSS = 'ATTENDEE;CN="Boss: the, one";PARTSTAT=ACCEPTED:mailto:boss@join.me'
UNTIL = datetime(2027, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(calendar(event(NAME, *UTC_TIMES, BOSS)), id="UTC"),
        pytest.param(calendar(event(NAME, *LONDON_TIMES, BOSS)), id="an IANA zone"),
        pytest.param(calendar(event(NAME, *LONDON_TIMES, BOSS), zone(LONDON)), id="an IANA zone that is described, later"),
        pytest.param(calendar(zone("My clocks\\, mine"), event(NAME, 'DTSTART;TZID="My clocks, mine":20270602T100000', "DURATION:PT1H", BOSS)), id="a zone of its own"),
        pytest.param(calendar(event(NAME, "DTSTART;TZID=GMT Standard Time:20270602T100000", "DURATION:PT1H", BOSS)), id="Windows' name"),
        pytest.param(calendar(zone("GMT Standard Time"), event(NAME, "DTSTART;TZID=GMT Standard Time:20270602T100000", "DURATION:PT1H", BOSS)), id="Windows' name, described"),
        pytest.param(calendar(event(NAME, LONDON_TIMES[0], "DTEND;TZID=America/New_York:20270602T060000", BOSS)), id="two zones"),
        pytest.param(calendar(event(NAME, "DTSTART:20270602T100000", "DTEND:20270602T110000", BOSS)), id="no zone"),
        pytest.param("\ufeff" + calendar(event("Summary:Weekly\r\n  up\r\n\tdate", "dtstart:20270602T090000Z", "Duration:PT1H", BOSS)).replace("\r\n", "\n").replace("VEVENT", "vevent"), id="folded, lower case, BOM, LF"),
        pytest.param("BEGIN:VCALENDAR\rBEGIN:VEVENT\rUID:u1\rSUMMARY:Weekly update\rDTSTART:20270602T090000Z\rDURATION:PT1H\rATTENDEE:MAILTO:boss%40join.me?x\rEND:VEVENT\rEND:VCALENDAR", id="CR only"),
        pytest.param(calendar("BEGIN:VTODO\r\nUID:t\r\nEND:VTODO\r\n", event(NAME, *UTC_TIMES, BOSS, "DESCRIPTION:x", "BEGIN:VALARM", "SUMMARY:no", "END:VALARM", "X-JUNK", "GEO:x")), id="other parts"),
        pytest.param(calendar(event(NAME, *UTC_TIMES, BOSS, "ORGANIZER:mailto:me@join.me", "ATTENDEE;CUTYPE=ROOM:mailto:room@join.me", "ATTENDEE;CUTYPE=resource:mailto:tv@join.me",
                                    "ATTENDEE;PARTSTAT=DECLINED:mailto:no@join.me", "ATTENDEE:urn:uuid:1")), id="who is invited"),
        pytest.param(calendar(event(NAME, *UTC_TIMES, "ATTENDEE;EMAIL=boss@join.me:urn:uuid:1")), id="an address beside"),
        pytest.param(calendar(event(NAME, *UTC_TIMES, BOSS), event(NAME, *UTC_TIMES, "STATUS:CANCELLED", uid="u2")), id="a cancelled one"),
    ],
)  # fmt: skip
def test_calendars_are_understood(text: str, write) -> None:
    """Whoever wrote it, the row is the same."""
    (row,) = read_meetings(write(text, "june.ics"), timezone=LONDON)
    assert (row.meeting, row.key) == (new_meeting(), "u1")


def test_a_whole_day_lasts_from_midnight_to_midnight(write) -> None:
    """In the zone of the file; with an end, a duration, or neither."""
    ends = ["DTEND;VALUE=DATE:20271102", "DURATION:P2D", ""]
    texts = [event(NAME, "DTSTART;VALUE=DATE:20271031", end, uid=str(n)) for n, end in enumerate(ends)]
    spans = [
        (row.meeting.start, row.meeting.end) for row in read_meetings(write(calendar(*texts), "x.ics"), timezone=LONDON)
    ]
    start, second, third = (datetime(2027, *at, tzinfo=UTC) for at in ((10, 30, 23), (11, 1), (11, 2)))
    assert spans == [(start, third), (start, third), (start, second)]


def starts(text: str, write: Callable[..., Path], **options: Any) -> list[str]:
    return [f"{row.meeting.start:%m-%d %H:%M} {row.key}" for row in read_meetings(write(text, "x.ics"), **options)]


WEEKLY = (NAME, *LONDON_TIMES, "RRULE:FREQ=WEEKLY;COUNT=4")


@pytest.mark.parametrize(
    ("lines", "others", "days"),
    [
        pytest.param(["RRULE:FREQ=WEEKLY;COUNT=2"], [], ["02", "09"], id="COUNT"),
        pytest.param(["RRULE:FREQ=WEEKLY;UNTIL=20270616T090000Z"], [], ["02", "09", "16"], id="UNTIL in UTC, in summer"),
        pytest.param(["RRULE:FREQ=WEEKLY;UNTIL=20270616"], [], ["02", "09", "16"], id="UNTIL a day"),
        pytest.param(["RRULE:FREQ=WEEKLY;UNTIL=20270616T095959"], [], ["02", "09"], id="UNTIL on the wall"),
        pytest.param(["RRULE:FREQ=WEEKLY"], [], ["02", "09", "16", "23", "30"], id="for ever"),
        pytest.param(["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;TZID=Europe/London:20270609T100000"], [], ["02", "16"], id="EXDATE"),
        pytest.param(["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20270609T090000Z,20270616T090000Z"], [], ["02"], id="EXDATE in UTC"),
        pytest.param(["RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;VALUE=DATE:20270609"], [], ["02", "16"], id="EXDATE a day"),
        pytest.param(["RDATE;TZID=America/New_York:20270603T050000"], [], ["02", "03"], id="RDATE elsewhere"),
        pytest.param(["RRULE:FREQ=WEEKLY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2;BYDAY=TH"], [], ["02", "03", "09", "10"], id="two rules"),
        pytest.param(["RRULE:FREQ=WEEKLY;COUNT=2"], [["RECURRENCE-ID:20270609T090000Z", "STATUS:CANCELLED", *UTC_TIMES]], ["02"], id="one cancelled"),
    ],
)  # fmt: skip
def test_recurring_events_become_their_occurrences(
    lines: list[str], others: list[list[str]], days: list[str], write
) -> None:
    """The key is the UID and the time that the rule gives."""
    text = calendar(event(NAME, *LONDON_TIMES, *lines), *(event(NAME, *other) for other in others))
    assert starts(text, write, until=UNTIL) == [f"06-{day} 09:00 u1/202706{day}T090000Z" for day in days]


def test_a_changed_occurrence_keeps_its_key(write) -> None:
    """It is moved, renamed and in another zone; the others stay; it may come before the rule in the file, or without it."""
    change = event(
        "SUMMARY:Moved",
        "RECURRENCE-ID;TZID=Europe/London:20270609T100000",
        "DTSTART;TZID=Asia/Tokyo:20270610T090000",
        "DURATION:PT2H",
    )
    path = write(calendar(change, event(NAME, *LONDON_TIMES, "RRULE:FREQ=WEEKLY;COUNT=3")), "x.ics")
    rows = list(read_meetings(path))
    assert [(row.meeting.name, row.key, row.line) for row in rows] == [
        ("Weekly update", "u1/20270602T090000Z", 10),
        ("Moved", "u1/20270609T090000Z", 3),
        ("Weekly update", "u1/20270616T090000Z", 10),
    ]
    assert (rows[1].meeting.start, rows[1].meeting.end - rows[1].meeting.start) == (
        datetime(2027, 6, 10, tzinfo=UTC),
        2 * HOUR,
    )
    assert starts(calendar(change), write) == ["06-10 00:00 u1/20270609T090000Z"]


def test_recurrences_follow_the_clock_on_the_wall(write) -> None:
    """Over a change of clocks the hour on the wall stays; the length is that of the first, or the duration on the wall."""
    for end, length in (("DTEND;TZID=Europe/London:20271031T220000", 25 * HOUR), ("DURATION:P1D", 24 * HOUR)):
        text = calendar(event(NAME, "DTSTART;TZID=Europe/London:20271030T220000", end, "RRULE:FREQ=DAILY;COUNT=2"))
        first, second = read_meetings(write(text, "x.ics"))
        assert (first.meeting.start.hour, second.meeting.start.hour) == (21, 22)
        assert first.meeting.end - first.meeting.start == 25 * HOUR
        assert second.meeting.end - second.meeting.start == length


def test_an_occurrence_that_clocks_do_not_show_is_bad_alone(write) -> None:
    """The others are good; an hour is never guessed."""
    text = calendar(
        event(NAME, "DTSTART;TZID=Europe/London:20270321T013000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3")
    )
    (row,) = bad(write(text, "x.ics"))
    assert (row.line, row.column, "2027-03-28T01:30:00 does not exist" in row.problem) == (3, "DTSTART", True)
    assert starts(text, write, skip_bad=True) == ["03-21 01:30 u1/20270321T013000Z", "04-04 00:30 u1/20270404T003000Z"]


def test_recurring_events_are_read_within_a_window(write) -> None:
    """By the instant, whatever the zone."""
    text = calendar(event(NAME, *LONDON_TIMES, "RRULE:FREQ=DAILY"))
    window = {"since": datetime(2028, 1, 1, 10, tzinfo=UTC), "until": datetime(2028, 1, 3, 10, 0, 1, tzinfo=UTC)}
    assert [at[:11] for at in starts(text, write, **window)] == ["01-01 10:00", "01-02 10:00", "01-03 10:00"]


def test_events_without_uid_have_no_key(write) -> None:
    """And are never taken for one another."""
    text = calendar(event(NAME, *UTC_TIMES, uid=None), event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;COUNT=2", uid=None))
    assert [row.key for row in read_meetings(write(text, "x.ics"))] == [None, None, None]


def test_a_cancelled_calendar_has_no_meetings(write) -> None:
    """METHOD:CANCEL takes back every event in it."""
    assert len(read_meetings(write(calendar("METHOD:CANCEL\r\n", event(NAME, *UTC_TIMES)), "x.ics"))) == 0


@pytest.mark.parametrize("since", ["1981", "1601"], ids=["RFC", "Outlook"])
def test_a_zone_that_is_described_is_as_good_as_one_that_is_known(since: str, write) -> None:
    """For every half hour around two changes of clocks: the same instant, or bad in both."""
    walls = [datetime(2027, *day, 22) + timedelta(minutes=30 * n) for day in ((3, 27), (10, 30)) for n in range(14)]
    outcomes = []
    for name in ("Ours", LONDON):
        events = [
            event(NAME, f"DTSTART;TZID={name}:{wall:%Y%m%dT%H%M%S}", "DURATION:PT1M", uid=f"{wall}") for wall in walls
        ]
        clocks = zone("Ours").replace("1981", since).replace("1996", since)
        outcomes.append(starts(calendar(clocks, *events), write, skip_bad=True))
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) == len(walls) - 4


def test_one_calendar_does_not_teach_another_its_zones(write) -> None:
    """A zone that one file describes is unknown in the next."""
    named = event(NAME, "DTSTART;TZID=Ours:20270602T100000", "DURATION:PT1H")
    assert starts(calendar(zone("Ours"), named), write) == ["06-02 09:00 u1"]
    assert "no time zone named 'Ours'" in bad(write(calendar(named), "x.ics"))[0].problem


OURS = "DTSTART;TZID=Ours:{}"


@pytest.mark.parametrize(
    ("parts", "column", "says"),
    [
        pytest.param([event(NAME)], "DTSTART", "no DTSTART", id="no start"),
        pytest.param([event(NAME, *UTC_TIMES, UTC_TIMES[0])], "DTSTART", "has 2 of DTSTART", id="two starts"),
        pytest.param([event(NAME, "DTSTART:soon")], "DTSTART", "cannot be read", id="no time"),
        pytest.param([event(NAME, "DTSTART:PT1H")], "DTSTART", "neither a time nor a day", id="a duration"),
        pytest.param([event(NAME, "DTSTART;VALUE=TEXT:soon")], "DTSTART", "cannot be read", id="a text"),
        pytest.param([event(NAME, *UTC_TIMES, "ATTENDEE;VALUE=DATE:20270602", "RRULE;VALUE=TEXT:x")], "RRULE", "no rule", id="other kinds of values"),
        pytest.param([event(NAME, UTC_TIMES[0])], "DTEND", "must precede", id="no end"),
        pytest.param([event(NAME, UTC_TIMES[0], "DURATION:-PT1H")], "DTEND", "must precede", id="backwards"),
        pytest.param([event(NAME, UTC_TIMES[0], "DURATION:20270602")], "DURATION", "no duration", id="a day for a duration"),
        pytest.param([event(NAME, UTC_TIMES[0], "DURATION:P15D")], "DTEND", "14 days", id="too long"),
        pytest.param([event(*UTC_TIMES)], "SUMMARY", "not blank", id="no name"),
        pytest.param([event(NAME, *UTC_TIMES, "ATTENDEE:mailto:nobody")], "ATTENDEE", "e-mail", id="an attendee that is none"),
        pytest.param([event(NAME, *UTC_TIMES, f"ATTENDEE:mailto:{ADDRESS}", f"ATTENDEE:mailto:{ADDRESS} x")], "ATTENDEE", "e-mail", id="an attendee that is not one"),
        pytest.param([event(NAME, "DTSTART:20270602T100000", "DURATION:PT1H")], "DTSTART", "a time of no zone: give the zone", id="floating"),
        pytest.param([event(NAME, "DTSTART;VALUE=DATE:20270602")], "DTSTART", "a day without an hour of no zone", id="a whole day"),
        pytest.param([event(NAME, UTC_TIMES[0], "DTEND;VALUE=DATE:20270603")], "DTEND", "no zone", id="a day for the end"),
        pytest.param([event(NAME, OURS.format("20270602T100000"), "DURATION:PT1H")], "DTSTART", "does not describe it", id="an unknown zone"),
        pytest.param([event(NAME, f"DTSTART;TZID={ADDRESS}:20270602T100000", "DURATION:PT1H")], "DTSTART", "does not describe it", id="an address for a zone"),
        pytest.param([zone(LONDON, summer="+0200"), event(NAME, *LONDON_TIMES)], "DTSTART", "otherwise than", id="a zone in dispute"),
        pytest.param([event(NAME, UTC_TIMES[0], "DURATION:P99999999999D")], "DURATION", "cannot be read", id="an endless duration"),
        pytest.param([event(NAME, "DTSTART;TZID=Asia/Tokyo:20270602T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z")], None, "outside the years", id="a rule to the end of time"),
        pytest.param([zone("Ours", summer="x"), event(NAME, OURS.format("20270602T100000"))], "DTSTART", "does not describe it", id="a zone that cannot be read"),
        pytest.param([zone("Ours", rule="RRULE:FREQ=SECONDLY"), event(NAME, OURS.format("20270602T100000"), "DURATION:PT1H")], "DTSTART", "does not describe it", id="a zone that never rests"),
        pytest.param([zone("Ours"), event(NAME, OURS.format("20270328T013000"), "DURATION:PT1H")], "DTSTART", "does not exist in Ours", id="skipped in a described zone"),
        pytest.param([zone("Ours"), event(NAME, OURS.format("20271031T013000"), "DURATION:PT1H")], "DTSTART", "comes twice in Ours", id="twice in a described zone"),
        pytest.param([event(NAME, "DTSTART;TZID=Europe/London:20270328T013000", "DURATION:PT1H")], "DTSTART", "does not exist in Europe/London", id="skipped"),
        pytest.param([event(NAME, "DTSTART;TZID=Europe/London:20271031T013000", "DURATION:PT1H")], "DTSTART", "comes twice in Europe/London", id="twice"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY")], "RRULE", "for ever: say until when", id="for ever"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;COUNT=5000")], "RRULE", "more than ten years", id="nearly for ever"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=HOURLY;COUNT=2")], "RRULE", "daily or more seldom", id="hourly"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;COUNT=2;BYHOUR=1,2")], "RRULE", "daily or more seldom", id="twice a day"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:COUNT=2")], "RRULE", "daily or more seldom", id="no frequency"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;COUNT=2;BYSETPOS=0")], "RRULE", "cannot be understood", id="no rule"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;COUNT=2;INTERVAL=0")], "RRULE", "contradicts itself", id="no interval"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20270701")], "RRULE", "contradicts itself", id="two ends"),
        pytest.param([event(NAME, *UTC_TIMES, "RRULE:FREQ=DAILY;UNTIL=20270601T090000Z")], "RRULE", "ends before", id="an end before the start"),
        pytest.param([event(NAME, *UTC_TIMES, "RDATE;VALUE=PERIOD:20270603T090000Z/PT1H")], "RDATE", "neither a time nor a day", id="periods"),
        pytest.param([event(NAME, *UTC_TIMES, "RECURRENCE-ID;RANGE=THISANDFUTURE:20270602T090000Z")], "RECURRENCE-ID", "not understood", id="this and future"),
        pytest.param([event(NAME, "DTSTART:99991231T235959Z", "DURATION:PT1H")], "DTSTART", "outside the years", id="the end of time"),
        pytest.param([event(NAME, "DTSTART:99991231T235959Z", "DURATION:P9D")], "DTSTART", "outside the years", id="after the end of time"),
    ],
)  # fmt: skip
def test_a_bad_event_says_what_to_do(parts: list[str], column: str | None, says: str, write) -> None:
    """By the line of its BEGIN and the name of the property."""
    text = calendar(*parts)
    (row,) = bad(write(text, "june.ics"))
    assert text.split("\r\n")[row.line - 1] == "BEGIN:VEVENT"
    assert row.column == column
    assert says in row.problem


def test_a_library_that_gives_up_makes_a_bad_row(write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises."""

    def give_up(_: str) -> None:
        raise LookupError(ADDRESS)

    monkeypatch.setattr(icalendar.Event, "from_ical", give_up)
    (row,) = bad(write(calendar(event(NAME, *UTC_TIMES)), "x.ics"))
    assert "cannot be read" in row.problem


def test_one_bad_part_spoils_its_event(write) -> None:
    """Without a change, the occurrence would be at the wrong time; both parts are told, others are good."""
    change = event(NAME, "RECURRENCE-ID:20270609T090000Z", "DTSTART:soon")
    text = calendar(event(*WEEKLY), change, event(NAME, *UTC_TIMES, uid="u2"))
    whole, part = bad(write(text, "x.ics"))
    assert (whole.line, part.line, part.column) == (3, 10, "DTSTART")
    assert "another part of this event is bad (line 10)" in whole.problem
    assert starts(text, write, skip_bad=True) == ["06-02 09:00 u2"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            ["RECURRENCE-ID:20270609T090000Z", OURS.format("20270609T110000"), "DURATION:PT1H"], id="to a time in it"
        ),
        pytest.param(
            ["RECURRENCE-ID;TZID=Ours:20270609T100000", OURS.format("20270609T110000"), "DURATION:PT1H"],
            id="of a time in it",
        ),
    ],
)
def test_a_change_in_an_unknown_zone_spoils_its_event(lines: list[str], write) -> None:
    """It is not known which occurrence is meant, or when it takes place."""
    whole, part = bad(write(calendar(event(*WEEKLY), event(NAME, *lines)), "x.ics"))
    assert ("line 10" in whole.problem, part.column, "no time zone named 'Ours'" in part.problem) == (
        True,
        "DTSTART",
        True,
    )


def test_a_day_and_a_time_make_no_span(write) -> None:
    """Whatever the zone."""
    (row,) = bad(write(calendar(event(NAME, UTC_TIMES[0], "DTEND;VALUE=DATE:20270603")), "x.ics"), timezone=LONDON)
    assert (row.column, "one of DTSTART and DTEND is a day" in row.problem) == ("DTEND", True)


def test_the_same_uid_twice_is_bad(write) -> None:
    """Whole events and changes of one occurrence alike."""
    first, second = bad(write(calendar(event(NAME, *UTC_TIMES), event(NAME, *UTC_TIMES)), "x.ics"))
    assert (second.line, second.column, "line 3 has the same UID" in second.problem) == (9, "UID", True)
    assert first.line == 3


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        pytest.param("", 1, "must begin with BEGIN:VCALENDAR", id="empty"),
        pytest.param("name,start,end\n", 1, "must begin with BEGIN:VCALENDAR", id="CSV"),
        pytest.param("\n\nBEGIN:VEVENT\nEND:VEVENT\n", 3, "VEVENT stands outside", id="no calendar around it"),
        pytest.param(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", 3, "does not end the VEVENT", id="an end missing"
        ),
        pytest.param("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n", 2, "cut off", id="cut off"),
        pytest.param(b"BEGIN:VCALENDAR\r\nX:\xff\r\nEND:VCALENDAR", 2, "not in UTF-8", id="not UTF-8"),
    ],
)
def test_what_is_no_calendar_is_told_by_line(text: str | bytes, line: int, says: str, write) -> None:
    """One line is enough for a file that cannot be read at all."""
    (row,) = bad(write(text, "june.ics"))
    assert (row.line, row.column, says in row.problem) == (line, None, True)
