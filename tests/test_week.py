"""Meetings in days and weeks, and a week in the terminal: laws of the layout, and what is drawn."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from joinme_async import Meeting
from joinme_async.cli._shown._cells import padded, wrapped
from joinme_async.cli._shown._grid import grid
from joinme_async.cli._shown._harmless import harmless
from joinme_async.cli._shown._week import Day, Segment, days_of, hours_of, readings_of, week_from, weeks_of
from joinme_async.cli._shown._words import length, times_in, title

LONDON = ZoneInfo("Europe/London")
MONDAY = date(2027, 5, 31)
NOW = datetime(2027, 6, 1, 10, 42, tzinfo=LONDON)
ZONES = [
    UTC,
    LONDON,
    *map(ZoneInfo, ["America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "Africa/Cairo"]),
    None,
]


def meeting(start: str, end: str, name: str = "Stand-up", *, zone=LONDON, number: int = 10001) -> Meeting:
    begun, ended = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in (start, end))
    return Meeting(number, name, begun, ended, False)


def drawn(meetings, *, width: int, first: date = MONDAY, zone=LONDON, now: datetime = NOW, color=None) -> list[str]:
    console = Console(width=width, color_system=color, force_terminal=color is not None, highlight=False)
    with console.capture() as captured:
        console.print(grid(meetings, first, zone, width=width, now=now))
    return captured.get().removesuffix("\n").split("\n")


NAMES = st.just("Stand-up")


@st.composite
def some_meetings(draw, names=NAMES, most: int = 12):
    first = draw(
        st.sampled_from(
            [datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 10, 29, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)]
        )
    )
    found = []
    for number in range(draw(st.integers(0, most))):
        start = first + timedelta(seconds=draw(st.integers(0, 5 * 86400)))
        lasts = draw(
            st.integers(0, 10_000) | st.integers(0, 14 * 86400) | st.sampled_from([60, 900, 1800, 3600, 86400])
        )
        found.append(Meeting(10001 + number, draw(names), start, start + timedelta(seconds=lasts), False))
    return found


def segments_of(days) -> list[Segment]:
    return [segment for day in days.values() for segment in day.segments]


# Which days


@pytest.mark.parametrize(
    ("start", "end", "parts"),
    [
        pytest.param("2027-06-01T09:00", "2027-06-01T10:00", [(1, 540, 600)], id="an hour"),
        pytest.param("2027-06-01T22:00", "2027-06-02T01:30", [(1, 1320, 1440), (2, 0, 90)], id="across midnight"),
        pytest.param(
            "2027-06-01T22:00",
            "2027-06-02T00:00",
            [(1, 1320, 1440)],
            id="until midnight, which is no part of the next day",
        ),
        pytest.param("2027-06-01T00:00", "2027-06-02T00:00", [(1, 0, 1440)], id="a whole day"),
        pytest.param("2027-06-01T09:00", "2027-06-03T10:00", [(1, 540, 1440), (2, 0, 1440), (3, 0, 600)], id="days"),
        pytest.param("2027-06-01T09:00", "2027-06-01T09:05", [(1, 540, 570)], id="short: half an hour high"),
        pytest.param("2027-06-01T09:00", "2027-06-01T09:00", [(1, 540, 570)], id="no time at all"),
        pytest.param("2027-06-01T23:55", "2027-06-02T00:00", [(1, 1410, 1440)], id="short before midnight: moved up"),
        pytest.param("2027-06-01T09:00:01", "2027-06-01T09:59:01", [(1, 540, 600)], id="seconds round outwards"),
        pytest.param(
            "2027-06-01T22:00", "2027-06-02T00:00:30", [(1, 1320, 1440), (2, 0, 30)], id="seconds past midnight count"
        ),
    ],
)
def test_which_days_a_meeting_is_on_and_where(start: str, end: str, parts: list[tuple[int, int, int]]) -> None:
    """It is on each day of which it takes some time, at the clock's readings, and nothing is too small to be seen."""
    found = segments_of(days_of([meeting(start, end)], LONDON))
    assert [(s.day.day, s.begin, s.end) for s in found] == parts
    assert [(s.from_before, s.goes_on) for s in found] == [(n > 0, n < len(parts) - 1) for n in range(len(parts))]


def test_the_zone_decides_the_day() -> None:
    """The same meeting is on another day elsewhere."""
    late = [meeting("2027-06-01T23:30", "2027-06-02T00:30")]
    assert list(days_of(late, UTC)) == [date(2027, 6, 1)]
    assert list(days_of(late, LONDON)) == [date(2027, 6, 1), date(2027, 6, 2)]
    assert list(days_of(late, ZoneInfo("Asia/Tokyo"))) == [date(2027, 6, 2)]


@pytest.mark.parametrize(
    ("start", "end", "at"),
    [  # London sets its clocks back at 02:00 BST, 01:00 UTC, on 31 October 2027, and forward at 01:00 GMT on 28 March
        pytest.param(
            "2027-10-31T00:45",
            "2027-10-31T01:15",
            (105, 135),
            id="ends later by the clock, though it was set back: to 02:00 at least",
        ),
        pytest.param("2027-10-31T00:30", "2027-10-31T01:15", (90, 120), id="ends before its start by the clock"),
        pytest.param("2027-10-30T23:30", "2027-10-31T02:00", (30, 120), id="across the hour that comes twice"),
        pytest.param("2027-10-31T01:15", "2027-10-31T01:45", (75, 105), id="in the second of the two hours"),
        pytest.param("2027-03-28T00:30", "2027-03-28T01:30", (30, 150), id="across the hour that is skipped"),
    ],
)
def test_positions_are_what_clocks_on_the_wall_read(start: str, end: str, at: tuple[int, int]) -> None:
    """On days on which clocks change too; where they are set back, it is drawn to the latest reading."""
    (found,) = segments_of(days_of([meeting(start, end, zone=UTC)], LONDON))
    assert (found.begin, found.end) == at


@given(some_meetings(), st.sampled_from(ZONES), st.sampled_from([1, 15, 30, 60]))
def test_no_meeting_is_lost_and_none_is_drawn_too_small(meetings, zone, step: int) -> None:
    """Each is on some day, once on each; parts keep within their day, hold every reading, and follow one another."""
    days = days_of(meetings, zone, step=step)
    assert list(days) == sorted(days)
    for one in meetings:
        parts = [segment for segment in segments_of(days) if segment.meeting is one]
        assert parts
        assert [part.day for part in parts] == [parts[0].day + timedelta(days=n) for n in range(len(parts))]
        assert [part.goes_on for part in parts] == [True] * (len(parts) - 1) + [False]
        assert [part.from_before for part in parts] == [False] + [True] * (len(parts) - 1)
        for part in parts:
            assert 0 <= part.begin < part.end <= 1440
            assert part.is_long or part.end - part.begin >= 30
            assert part.is_long or part.begin % step == part.end % step == 0
        by_day = {part.day: part for part in parts}
        last = one.end - timedelta(seconds=1) if one.end > one.start else one.start
        for share in (0.0, 0.1, 0.5, 0.9, 1.0):
            at = (one.start + (last - one.start) * share).astimezone(zone)
            part = by_day[at.date()]
            assert at.hour * 60 + at.minute < part.end
            if at.utcoffset() == one.start.astimezone(zone).utcoffset():
                assert part.begin <= at.hour * 60 + at.minute


@given(some_meetings(most=20), st.sampled_from(ZONES))
def test_what_overlaps_is_side_by_side(meetings, zone) -> None:
    """No two of a day that overlap share a lane, and no cluster has more lanes than overlap at one time in it."""
    for day in days_of(meetings, zone).values():
        for one, other in combinations(day.timed, 2):
            if one.begin < other.end and other.begin < one.end:
                assert one.lane != other.lane
                assert one.lanes == other.lanes
        for one in day.timed:
            assert 0 <= one.lane < one.lanes
        assert day.lanes == max((sum(s.begin <= one.begin < s.end for s in day.timed) for one in day.timed), default=1)


@given(some_meetings(), st.randoms())
def test_the_order_given_is_of_no_account(meetings, random) -> None:
    """By start, then the longer, then the id."""
    mixed = random.sample(meetings, len(meetings))
    assert days_of(mixed, LONDON) == days_of(meetings, LONDON)


def test_the_longer_of_two_comes_first() -> None:
    """It is the one that the other is beside."""
    short, long = (
        meeting("2027-06-01T09:00", "2027-06-01T09:30", number=1),
        meeting("2027-06-01T09:00", "2027-06-01T11:00", number=2),
    )
    (day,) = days_of([short, long], LONDON).values()
    assert [(s.meeting.id, s.lane, s.lanes) for s in day.timed] == [(2, 0, 2), (1, 1, 2)]


@pytest.mark.parametrize(
    ("start", "end", "is_long"),
    [
        ("2027-06-01T00:00", "2027-06-02T00:00", True),
        ("2027-06-01T10:00", "2027-06-02T10:00", True),
        ("2027-06-01T10:00", "2027-06-02T09:59", False),
        ("2027-06-01T00:10", "2027-06-01T23:50", False),
        ("2027-03-28T00:00", "2027-03-29T00:00", True),
    ],
)
def test_what_lasts_a_day_stands_above_the_hours(start: str, end: str, is_long: bool) -> None:
    """A day of 23 hours is one too; and it takes no lane from the others."""
    found = segments_of(days_of([meeting(start, end)], LONDON, step=60))
    assert {segment.is_long for segment in found} == {is_long}


def test_weeks_are_those_that_have_meetings() -> None:
    """From Monday to Sunday, numbered as ISO 8601 does, the turn of a year included."""
    days = days_of(
        [meeting("2027-01-01T09:00", "2027-01-01T10:00"), meeting("2027-06-06T09:00", "2027-06-06T10:00")], LONDON
    )
    weeks = weeks_of(days)
    assert [(week.first, week.number) for week in weeks] == [(date(2026, 12, 28), 53), (MONDAY, 22)]
    assert [title(week) for week in weeks] == [
        "Week 53: 28 December 2026 to 3 January 2027",
        "Week 22: 31 May to 6 June 2027",
    ]
    assert [len(day.timed) for day in weeks[1].days] == [0] * 6 + [1]
    assert title(week_from(date(2027, 6, 1), {})) == "1 June to 7 June 2027"


@given(some_meetings(), st.sampled_from(ZONES))
def test_each_day_is_in_one_week(meetings, zone) -> None:
    """Nothing falls between two weeks."""
    days = days_of(meetings, zone)
    assert [day for week in weeks_of(days) for day in week.days if day.segments] == list(days.values())


def test_the_hours_are_office_hours_and_all_that_is_timed() -> None:
    """A long meeting asks for no hour."""
    assert hours_of([Day(MONDAY)]) == (9, 17)
    early = [meeting("2027-06-01T07:45", "2027-06-01T18:01"), meeting("2027-06-01T03:00", "2027-06-04T23:00")]
    assert hours_of(days_of(early, LONDON).values()) == (7, 19)


@pytest.mark.parametrize(
    ("zone", "first", "says"),
    [
        (LONDON, MONDAY, "Times in Europe/London (BST, UTC+1)"),
        (LONDON, date(2027, 3, 22), "Times in Europe/London (GMT, UTC+0; from Sun 28 Mar BST, UTC+1)"),
        (ZoneInfo("America/Sao_Paulo"), MONDAY, "Times in America/Sao_Paulo (UTC-3)"),
        (ZoneInfo("Asia/Kathmandu"), MONDAY, "Times in Asia/Kathmandu (UTC+5:45)"),
        (UTC, MONDAY, "Times in UTC"),
        (timezone(timedelta(hours=-2)), MONDAY, "Times in UTC-02:00 (UTC-2)"),
    ],
    ids=str,
)
def test_the_zone_is_named_and_what_it_is_then(zone, first: date, says: str) -> None:
    """Both readings where clocks change, and the day."""
    assert times_in(str(zone), readings_of(week_from(first, {}), zone)) == says


def test_lengths_in_words() -> None:
    """As people say them."""
    said = [length(timedelta(minutes=minutes)) for minutes in (0, 5, 90, 60, 1440 * 14, 1501)]
    assert said == ["0 min", "5 min", "1 h 30 min", "1 h", "14 d", "1 d 1 h 1 min"]


# Letters


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Weekly update", "Weekly update"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("one\ntwo\r\n\tthree", "one two   three"),
        ("\u202eevil\u2066\u200f", "evil"),
        ("\u2028\x85\x00\x7f\x9b", "  ␀␡�"),
        ("half \ud83d", "half �"),
        ("👩\u200d👧 می\u200cخواهم ❤️", "👩\u200d👧 می\u200cخواهم ❤️"),
    ],
    ids=ascii,
)
def test_names_do_no_harm(name: str, shown: str) -> None:
    """Nothing moves a cursor, turns a line round or breaks it; what scripts and emoji are joined with stays."""
    assert harmless(name) == shown


@given(st.text(st.characters()), st.integers(0, 30))
def test_a_cell_is_exactly_as_wide_as_it_is_to_be(text: str, width: int) -> None:
    """Wide letters, accents and joiners included; and what is harmless stays so."""
    assert cell_len(padded(harmless(text), width)) == width
    for line in wrapped(harmless(text), max(width, 2), 3):
        assert cell_len(line) <= max(width, 2)


# The grid

THREE = [
    meeting("2027-05-31T09:00", "2027-05-31T10:30", "Weekly update with the boss", number=10001),
    meeting("2027-06-01T09:15", "2027-06-01T09:45", "Stand-up", number=10002),
    meeting("2027-06-02T16:00", "2027-06-04T12:00", "Offsite", number=10003),
]
CROWD = [
    meeting(f"2027-05-31T09:{minute:02}", "2027-05-31T10:00", name, number=minute)
    for minute, name in enumerate(["Design", "1:1", "Retro"])
]


def test_a_week_in_eighty_columns() -> None:
    """A block for each meeting, a line through the days of a long one, today by a word, the zone below."""
    assert drawn(THREE, width=80) == WEEK_80.split("\n")


def test_what_there_is_no_room_for_is_counted_and_named() -> None:
    """Nothing disappears."""
    assert drawn(CROWD, width=80, now=NOW + timedelta(days=30)) == CROWD_80.split("\n")


def test_a_narrow_terminal_shows_a_list() -> None:
    """Day by day, the days without meetings too."""
    assert drawn(THREE, width=34) == WEEK_34.split("\n")


WEEK_80 = """\
Week 22: 31 May to 6 June 2027
         Mon       Tue today Wed       Thu       Fri       Sat       Sun
         31 May    1 Jun     2 Jun     3 Jun     4 Jun     5 Jun     6 Jun
        ┌─────────┬─────────┬─────────┬─────────┬─────────┬─────────┬─────────┐
all day │         │         │╺Offsit…━│━Offsit…━│━Offsit…╸│         │         │
        ├─────────┼─────────┼─────────┼─────────┼─────────┼─────────┼─────────┤
  09:00 │┏Weekly  │┏Stand-up│         │         │         │         │         │
        │┃update …│┗09:15   │         │         │         │         │         │
  10:00 │┗09:00   │         │         │         │         │         │         │
▸ 10:42 │         │         │         │         │         │         │         │
  11:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  12:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  13:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  14:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  15:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  16:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
        └─────────┴─────────┴─────────┴─────────┴─────────┴─────────┴─────────┘
━ Wed 2 Jun 16:00 to Fri 4 Jun 12:00 Offsite
Times in Europe/London (BST, UTC+1)"""

CROWD_80 = """\
Week 22: 31 May to 6 June 2027
         Mon       Tue       Wed       Thu       Fri       Sat       Sun
         31 May    1 Jun     2 Jun     3 Jun     4 Jun     5 Jun     6 Jun
        ┌─────────┬─────────┬─────────┬─────────┬─────────┬─────────┬─────────┐
  09:00 │┏Design+2│         │         │         │         │         │         │
        │┗09:00   │         │         │         │         │         │         │
  10:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  11:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  12:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  13:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  14:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  15:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
  16:00 │         │         │         │         │         │         │         │
        │         │         │         │         │         │         │         │
        └─────────┴─────────┴─────────┴─────────┴─────────┴─────────┴─────────┘
+ Mon 31 May 09:01-10:00 1:1
+ Mon 31 May 09:02-10:00 Retro
Times in Europe/London (BST, UTC+1)"""

WEEK_34 = """\
Week 22: 31 May to 6 June 2027
Mon 31 May
  09:00-10:30  Weekly update with
               the boss
Tue 1 Jun, today
  09:15-09:45  Stand-up
Wed 2 Jun
  16:00…       Offsite
Thu 3 Jun
  all day      Offsite
Fri 4 Jun
  …12:00       Offsite
Sat 5 Jun
  nothing
Sun 6 Jun
  nothing
Times in Europe/London (BST,
UTC+1)"""


def test_with_room_overlapping_meetings_are_side_by_side() -> None:
    """And nothing is left for below."""
    lines = drawn(CROWD, width=200)
    (row,) = (line for line in lines if line.startswith("  09:00"))
    assert [name in row for name in ("Design", "1:1", "Retro")] == [True] * 3
    assert not any(line.startswith("+") for line in lines)


def test_across_midnight_a_meeting_goes_on_in_the_next_column() -> None:
    """Open at the bottom on one day, at the top on the other, with the time at which it ends; hours stand in one row."""
    lines = drawn([meeting("2027-06-01T22:00", "2027-06-02T01:30", "Deploy")], width=80)
    rows = {line[2:7]: [cell.strip() for cell in line.split("│")[1:8]] for line in lines if line[4:5] == ":"}
    assert len(rows) == 24
    assert [rows[hour][1] for hour in ("21:00", "22:00", "23:00")] == ["", "┏Deploy", "┃22:00…"]
    assert [rows[hour][2] for hour in ("00:00", "01:00", "02:00")] == ["┃Deploy", "┗…01:30", ""]


@pytest.mark.parametrize(
    ("width", "start", "end", "row", "shows"),
    [
        pytest.param(80, "09:00", "09:30", 0, "╺Stand-up", id="the row tells the start"),
        pytest.param(80, "09:10", "09:30", 0, "╺10' Sta…", id="only its minutes have room"),
        pytest.param(120, "09:10", "09:30", 0, "╺09:10 Stand-…", id="all of it has room"),
        pytest.param(120, "09:00", "10:30", 1, "┃09:00-10:30", id="and the end"),
        pytest.param(80, "09:00", "10:30", 1, "┃09:00", id="no room for the end"),
    ],
)
def test_a_block_says_what_its_rows_do_not(width: int, start: str, end: str, row: int, shows: str) -> None:
    """A name, and the start where the row is not it; more where there is room."""
    lines = drawn([meeting(f"2027-06-03T{start}", f"2027-06-03T{end}")], width=width)
    (first,) = (n for n, line in enumerate(lines) if line.startswith("  09:00"))
    assert lines[first + row].split("│")[4].rstrip() == shows


def test_a_short_rest_of_a_night_has_a_row() -> None:
    """Open at its top, since it began the day before."""
    lines = drawn([meeting("2027-06-01T22:00", "2027-06-02T00:30", "Deploy")], width=80)
    (row,) = (line for line in lines if line.startswith("  00:00"))
    assert row.split("│")[3].rstrip() == "┗…Deploy"


def test_where_a_start_has_no_room_it_is_told_below() -> None:
    """The block keeps the name."""
    lines = drawn(
        [
            meeting("2027-06-03T09:10", "2027-06-03T09:25", "Retro"),
            meeting("2027-06-03T09:00", "2027-06-03T09:30", "Call"),
        ],
        width=120,
    )
    assert any("╺Call  ╺Retro" in line for line in lines)
    assert "+ Thu 3 Jun 09:10-09:25 Retro" in lines


def test_arabic_names_keep_to_their_columns() -> None:
    """A mark after each ends its direction, or a terminal that turns it round would do so across the columns."""
    assert padded("اجتماع", 8) == "اجتماع\u200e  "
    assert padded("اجتماع", 4) == "اجت…\u200e"


def test_a_fourth_long_meeting_is_counted() -> None:
    """Three have a line each; the others are a number, and named below."""
    lines = drawn(
        [meeting("2027-06-01T10:00", "2027-06-03T15:00", f"Offsite {n}", number=n) for n in range(5)], width=130
    )
    (mark,) = (n for n, line in enumerate(lines) if "+2" in line)
    assert lines[mark].split("│")[1:4] == [" " * 16, "+2".ljust(16), "+2".ljust(16)]
    assert lines[mark - 1].split("│")[2:5] == ["╺10:00 Offsite…━", "━Offsite 2 ━━━━━", "━Offsit… …15:00╸"]
    assert [line for line in lines if line.startswith("━")] == [
        f"━ Tue 1 Jun 10:00 to Thu 3 Jun 15:00 Offsite {n}" for n in (3, 4)
    ]


def test_an_empty_week_says_so() -> None:
    """An empty grid alone could be a fault."""
    for width in (30, 80):
        assert "Nothing is scheduled in these days." in " ".join(drawn([], width=width))


def test_both_readings_of_the_clock_are_told_where_it_changes() -> None:
    """In the week of the change."""
    assert (
        drawn([], width=80, first=date(2027, 3, 22))[-1]
        == "Times in Europe/London (GMT, UTC+0; from Sun 28 Mar BST, UTC+1)"
    )


def test_without_a_zone_it_is_this_machines() -> None:
    """And says so."""
    assert drawn([], width=80, zone=None)[-1].startswith("Times in this machine's zone (")


@given(
    some_meetings(
        st.text(st.characters())
        | st.sampled_from(["会議 会議", "اجتماع", "👩‍👩‍👧 fam", "e\u0301" * 9, "[bold]x[/]", "\x1b[31m"])
    ),
    st.integers(20, 210),
)
def test_whatever_the_names_the_columns_stand(meetings, width: int) -> None:
    """No line is wider than the terminal, all rows are equally wide, and nothing but text is written."""
    first = min((one.start.date() for one in meetings), default=MONDAY)
    lines = drawn(meetings, width=width, first=first)
    assert max(map(cell_len, lines)) <= width
    framed = {cell_len(line) for line in lines if line.endswith(("│", "┐", "┤", "┘"))}
    assert len(framed) == (width >= 66)
    assert harmless("".join(lines)).replace("\u200e", "") == "".join(lines).replace("\u200e", "")
    assert len(lines) <= 60 or width < 66


@given(some_meetings(), st.integers(66, 210))
def test_no_meeting_of_a_week_disappears(meetings, width: int) -> None:
    """Its name is in its place, or below."""
    named = [Meeting(m.id, f"m{number:x}", m.start, m.end, False) for number, m in enumerate(meetings)]
    first = min((one.start.date() for one in named), default=MONDAY)
    shown = "\n".join(drawn(named, width=width, first=first, zone=UTC))
    of_week = {s.meeting.name for day in week_from(first, days_of(named, UTC)).days for s in day.segments}
    assert [name for name in of_week if name not in shown] == []


def test_three_hundred_meetings_are_counted() -> None:
    """A dozen of what there is no room for is named, the others are a number."""
    lines = drawn(
        [meeting("2027-05-31T09:00", "2027-05-31T10:00", f"m{number}", number=number) for number in range(300)],
        width=80,
    )
    assert any("+299│" in line for line in lines)
    assert "+ 287 more" in lines
    assert len(lines) < 40


def test_colours_only_add() -> None:
    """The text is the same with them."""
    coloured = "\n".join(drawn(THREE, width=80, color="truecolor"))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split("\n") == drawn(THREE, width=80)
    assert "\x1b[1m▸ 10:42 \x1b[0m\x1b[2m│\x1b[0m" in coloured  # the bold time does not spread over its row
