"""Meetings from CSV: as spreadsheets write them, every bad row told before anything is sent."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import BadRow, InvalidRowsError
from joinme_async.bulk import Row, read_meetings
from tests.conftest import HOUR, START, new_meeting


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "june.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def bad(path: Path, **options: str) -> list[BadRow]:
    with pytest.raises(InvalidRowsError) as caught:
        read_meetings(path, **options)
    return list(caught.value.rows)


ROW = "Weekly update,2027-06-02T09:00:00Z,2027-06-02T10:00:00Z,boss@join.me"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"name,start,end,participants\n{ROW}\n", id="plain"),
        pytest.param(f"\ufeffname,start,end,participants\r\n{ROW}\r\n", id="BOM and CRLF"),
        pytest.param(f"name,start,end,participants\n\n,,,\n{ROW}", id="blank lines, no end of line"),
        pytest.param(f"name;start;end;participants\n{ROW.replace(',', ';')}\n", id="semicolons"),
        pytest.param("name\tstart\tend\tparticipants\n" + ROW.replace(",", "\t"), id="tabs"),
        pytest.param(f"sep=;\r\nname;start;end;participants\r\n{ROW.replace(',', ';')}\r\n", id="Excel's sep="),
        pytest.param(f'\ufeff"sep=,"\nname,start,end,participants\n{ROW}\n', id="sep= in quotes, with BOM"),
        pytest.param(
            ("name\tstart\tend\tparticipants\r\n" + ROW.replace(",", "\t")).encode("utf-16"), id="Unicode text"
        ),
        pytest.param(
            f"\ufeffname,start,end,participants\n{ROW}\n".encode("utf-16-be"), id="UTF-16, the other way round"
        ),
        pytest.param(f" Name ,START,End,Participants\n{ROW}\n", id="letter case and blanks of names"),
        pytest.param(f"meetingName,meetingStart,meetingEnd,participants\n{ROW}\n", id="the service's own names"),
        pytest.param(f"name,start,end,participants,,\n{ROW}\n".replace(",,", ""), id="no trailing columns"),
        pytest.param(f"name,start,end,participants\n{ROW},,\n", id="trailing blank cells"),
        pytest.param(
            "participants,end,start,name\nboss@join.me,2027-06-02 12:00+02:00,2027-06-02 9:00Z,Weekly update",
            id="order",
        ),
    ],
)
def test_spreadsheets_are_understood(text: str | bytes, write) -> None:
    """Whatever a spreadsheet makes of the file, the row is the same."""
    (row,) = read_meetings(write(text))
    assert row.meeting == new_meeting()


@pytest.mark.parametrize(
    ("cells", "zone", "start"),
    [
        ("2027-06-02T10:00,2027-06-02T11:00,Europe/London", None, START),
        ("2027-06-02T10:00,2027-06-02T11:00,", "Europe/London", START),
        ("2027-06-02T05:00,2027-06-02T06:00,America/New_York", "Europe/London", START),
        ("2027-06-02T09:00Z,2027-06-02T10:00Z,America/New_York", None, START),
        ("2027-06-02 9:00:00,2027-06-02 10:00:00,UTC", None, START),
        ("2027-06-02T18:00:00 +0900,2027-06-02T19:00:00+09:00,", None, START),
    ],
)
def test_times_with_and_without_offset(cells: str, zone: str | None, start: datetime, write) -> None:
    """An offset stands for itself; else the row's zone, else the file's."""
    (row,) = read_meetings(write(f"name,start,end,timezone\nx,{cells}\n"), timezone=zone)
    assert (row.meeting.start, row.meeting.end) == (start, start + HOUR)


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("", ()),
        ("a@b.c", ("a@b.c",)),
        ("a@b.c;d@e.f", ("a@b.c", "d@e.f")),
        ('"a@b.c, d@e.f"', ("a@b.c", "d@e.f")),
        ('"a@b.c d@e.f;\ng@h.i;"', ("a@b.c", "d@e.f", "g@h.i")),
    ],
)
def test_participants_are_separated_in_any_way(cell: str, addresses: tuple[str, ...], write) -> None:
    """Semicolons, commas, blanks and line breaks within the cell."""
    (row,) = read_meetings(write(f"name,start,end,participants\n{ROW.rpartition(',')[0]},{cell}\n"))
    assert row.meeting.participants == addresses


@pytest.mark.parametrize(
    ("cell", "flag"), [("", False), ("no", False), ("0", False), ("YES", True), ("True", True), ("1", True)]
)
def test_the_flag_in_any_letter_case(cell: str, flag: bool, write) -> None:
    """true, false, yes, no, 1, 0 and nothing."""
    (row,) = read_meetings(write(f"name,start,end,startWithPersonalUrl\n{ROW.rpartition(',')[0]},{cell}\n"))
    assert row.meeting.start_with_personal_url is flag


def test_rows_know_their_key_and_line(write) -> None:
    """Lines are counted as an editor counts them, over blank lines and line breaks in cells."""
    text = 'key,name,start,end\n\nk1,"two\nlines",2027-06-02T09:00Z,2027-06-02T10:00Z\n,x,2027-06-02T09:00Z,2027-06-02T10:00Z\n'
    rows = list(read_meetings(write(text)))
    assert rows == [
        Row(new_meeting(name="two\nlines", participants=[]), "k1", 3),
        Row(new_meeting(name="x", participants=[]), None, 5),
    ]


@pytest.mark.parametrize(
    ("cells", "column", "says"),
    [
        (",2027-06-02T09:00Z,2027-06-02T10:00Z,", "name", "not blank"),
        ("x,,2027-06-02T10:00Z,", "start", "'' is no time: write"),
        ("x,tomorrow,2027-06-02T10:00Z,", "start", "'tomorrow' is no time"),
        ("x,2027-06-32T09:00Z,2027-06-02T10:00Z,", "start", "day is out of range"),
        ("x,2027-06-02T09:00+99:00,2027-06-02T10:00Z,", "start", "is no time"),
        ("x,06/02/2027 09:00,2027-06-02T10:00Z,", "start", "is no time"),
        ("x,2027-06-02T09:00,2027-06-02T10:00Z,", "start", "has no zone"),
        ("x,2027-06-02T09:00Z,2027-06-02T08:00Z,", "end", "must precede"),
        ("x,2027-06-02T09:00Z,2027-06-02T10:00Z,boss", "participants", r"participants\[0\] does not look like"),
        ("x,boss@join.me,2027-06-02T10:00Z,", "start", r"'\*\*\*@\*\*\*' is no time"),
        ("x,2027-06-02T09:00Z,2027-06-02T10:00Z,a@b.c,d@e.f", None, "5 cells for 4 columns"),
    ],
)
def test_a_bad_row_says_where_and_what_to_do(cells: str, column: str | None, says: str, write) -> None:
    """File, line and column; and nobody's address in the message."""
    (row,) = bad(write(f"name,start,end,participants\n{ROW}\n{cells}\n"))
    assert (row.file, row.line, row.column) == ("june.csv", 3, column)
    assert re.search(says, row.problem)
    assert "boss@" not in str(row)


@pytest.mark.parametrize(
    ("start", "zone", "says"),
    [
        ("2027-03-28T01:30", "Europe/London", "does not exist"),
        ("2027-10-31T01:30", "Europe/London", "comes twice"),
    ],
)
def test_an_hour_is_never_guessed(start: str, zone: str, says: str, write) -> None:
    """Wall times that clocks skip or show twice are bad rows; the message says how to be exact."""
    (row,) = bad(write(f"name,start,end,timezone\nx,{start},2027-12-01T10:00,{zone}\n"))
    assert row.column == "start"
    assert says in row.problem
    assert "write it with its offset" in row.problem


def test_an_unknown_zone_is_blamed_on_the_zone(write) -> None:
    """Of the row or of the file, whatever the times are."""
    (row,) = bad(write("name,start,end,timezone\nx,2027-06-02T09:00,2027-06-02T10:00,Europe/Lodnon\n"))
    assert (row.column, "no time zone named 'Europe/Lodnon'" in row.problem) == ("timezone", True)
    (row,) = bad(write("name,start,end\nx,2027-06-02T09:00,2027-06-02T10:00\n"), timezone="Mars")
    assert row.column == "timezone"


@pytest.mark.parametrize(("cell", "says"), [("perhaps", "'perhaps' is neither true nor false"), ("2", "neither")])
def test_a_flag_that_is_none(cell: str, says: str, write) -> None:
    """Anything else than the six words is asked about."""
    (row,) = bad(write(f"name,start,end,start_with_personal_url\n{ROW.rpartition(',')[0]},{cell}\n"))
    assert (row.column, says in row.problem) == ("start_with_personal_url", True)


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", None, "name, start, end is missing"),
        ("name,start\n", None, "end is missing"),
        ("name,start,end,participant\n", "participant", "none that is known"),
        ("name,start,end,name\n", "name", "comes twice"),
        ("name,meetingName,start,end\n", "name", "comes twice"),
        ("name,start,end,\n", "(blank)", "none that is known"),
        ("Weekly,2027-06-02T09:00Z,2027-06-02T10:00Z,boss@join.me\n", "Weekly", "none that is known"),
    ],
)
def test_the_first_line_must_name_the_columns(text: str, column: str | None, says: str, write) -> None:
    """A misspelt column would silently invite nobody: it is refused."""
    (row,) = bad(write(text))
    assert (row.line, row.column) == (1, column)
    assert says in row.problem


def test_the_separator_that_is_told_counts(write) -> None:
    """However the first line of cells looks; its own line is counted, and is no header."""
    (row,) = read_meetings(write('sep=;\nname;start;end;participants\n"a,b,c";2027-06-02T09:00Z;2027-06-02T10:00Z;\n'))
    assert (row.line, row.meeting.name) == (3, "a,b,c")
    assert bad(write("sep=;\nname,start,end\n"))[0].line == 2
    assert bad(write("sep=;\n"))[0].problem.endswith("name, start, end is missing")


def test_every_bad_row_is_listed_before_any_is_returned(write) -> None:
    """The whole file is checked first."""
    text = "name,start,end\nx,2027-06-02T09:00Z,2027-06-02T10:00Z\n,,\n,x,\ny,z,\n"
    assert [row.line for row in bad(write(text))] == [4, 5]


@pytest.mark.parametrize("spoilt", ["name,start,end\n,x,\n", "title\n", ""], ids=["a row", "the header", "all"])
def test_a_file_that_changes_after_the_check_loses_no_row_silently(spoilt: str, write) -> None:
    """A row that was good when it was checked and is bad when it is read is an error, not a gap."""
    rows = read_meetings(write("name,start,end\nx,2027-06-02T09:00Z,2027-06-02T10:00Z\n"))
    write(spoilt)
    with pytest.raises(InvalidRowsError):
        list(rows)


def test_what_is_no_text_or_no_csv_is_told_by_line(write) -> None:
    """Another encoding and an open quote name the line where it begins."""
    latin = bad(write(b"name,start,end\n" + "Büro,2027-06-02T09:00Z,2027-06-02T10:00Z\n".encode("latin-1")))
    assert (latin[0].line, "UTF-8" in latin[0].problem) == (2, True)
    unmarked = bad(write("name,start,end\n".encode("utf-16-le")))
    assert (unmarked[0].line, "UTF-16 without its mark" in unmarked[0].problem) == (1, True)
    cut = bad(write("name,start,end\nx,2027-06-02T09:00Z,2027-06-02T10:00Z\n".encode("utf-16") + b"x"))
    assert (cut[0].line, "UTF-8" in cut[0].problem) == (3, True)
    quote = bad(write('name,start,end\nx,2027-06-02T09:00Z,2027-06-02T10:00Z\n"open,2027\n'))
    assert (quote[0].line, "quote" in quote[0].problem) == (3, True)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    """At once, not at the first row."""
    with pytest.raises(FileNotFoundError):
        read_meetings(tmp_path / "none.csv")


def test_the_example_is_a_good_one() -> None:
    """At least forty rows, three zones, a week-end when clocks change, rows with and without participants."""
    path = Path(__file__).parents[1] / "examples" / "meetings.csv"
    rows = list(read_meetings(path))
    text = path.read_text(encoding="utf-8")
    assert len(rows) >= 40
    assert all(zone in text for zone in ("Europe/London", "America/New_York", "Asia/Tokyo"))
    assert any(row.meeting.start < datetime(2027, 3, 28, 1, tzinfo=UTC) < row.meeting.end for row in rows)
    assert {bool(row.meeting.participants) for row in rows} == {True, False}
    assert any("," in row.meeting.name for row in rows)


@given(
    st.binary(max_size=200)
    | st.text(alphabet='name,start,end;"\n\r\x00é2027-06-02T09:00Z@', max_size=200).map(str.encode)
)
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No content makes the reader raise anything but InvalidRowsError."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"name,start,end\n" + content)
    try:
        list(read_meetings(path))
    except InvalidRowsError as error:
        assert error.rows
