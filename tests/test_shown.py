"""Meetings as cards, tables, records and calendars: what is known is shown, and what is not is not made up."""

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import icalendar
import pytest
from rich.console import Console

from joinme_async import Meeting
from joinme_async.cli._shown._calendar import calendar_of
from joinme_async.cli._shown._records import csv_of, json_of, record
from joinme_async.cli._shown._table import Line, card, table

NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


def meeting(number: int = 1, name: str = "Weekly", hours: float = 1, **known: object) -> Meeting:
    start = datetime(2027, 6, 2, 9, tzinfo=UTC)
    return Meeting(number, name, start, start + timedelta(hours=hours), False, **known)


def drawn(what: object) -> list[str]:
    paper = StringIO()
    Console(file=paper, width=80, highlight=False).print(what)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        pytest.param({}, [], id="as the list says it"),
        pytest.param({"participants": ()}, ["invited      nobody"], id="nobody invited"),
        pytest.param(
            {"participants": ("a@example.com",), "conference_id": "123", "viewer_link": "https://join.me/1"},
            ["invited      a@example.com", "conference   123", "viewers      https://join.me/1"],
            id="all of it",
        ),
    ],
)
def test_a_card_has_a_row_for_what_is_known(known: dict[str, object], rows: list[str]) -> None:
    """None means that the answer did not say, and is never shown as nobody."""
    shown = drawn(card(meeting(**known), LONDON, NOW))
    assert shown[:4] == [
        "name         Weekly", "id           1", "when         Wed 2 Jun 2027, 10:00 to 11:00 BST (tomorrow)", "length       1 h",
    ]  # fmt: skip
    assert [row for row in shown[4:] if not row.startswith("starts with")] == rows


@pytest.mark.parametrize(
    ("hours", "said"),
    [(1, "10:00-11:00"), (14, "10:00-Thu 00:00"), (24 * 6, "10:00-Tue 10:00"), (24 * 14, "10:00-Wed 16 Jun 10:00")],
)
def test_the_end_has_its_day_where_that_is_another(hours: int, said: str) -> None:
    """And its date where a day of the week could be taken for the one before."""
    assert drawn(table([Line(meeting(hours=hours))], LONDON, NOW))[2].split("  ")[1] == said


def test_a_table_says_the_year_where_it_is_another_and_cuts_what_has_no_end() -> None:
    """A name of thousands of characters would hide all others; a card and --json show all of it."""
    far = Meeting(2, "x" * 5000, datetime(2028, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, 1, tzinfo=UTC), False)
    shown = drawn(table([Line(far), Line(meeting())], LONDON, NOW))
    assert shown[1].startswith("Wed 2 Jun ")
    assert any(line.startswith("Sat 1 Jan 2028") for line in shown)
    assert sum(line.count("x") for line in shown) == 160
    assert sum(line.count("x") for line in drawn(card(far, LONDON, NOW))) >= 5000


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://join.me/123", True), ("HTTP://join.me/123", True), ("javascript:alert(1)", False), ("https://", False),
        ("https://join.me/\r\nATTENDEE:mailto:x@example.com", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_a_calendar_links_to_the_web_only(link: str | None, shown: bool) -> None:
    """Some readers make whatever stands there a link to be clicked, and a line break would begin a line of its own."""
    odd = meeting(name="a\x1b[2J\x00\r\nb", viewer_link=link, conference_id="12\n3")
    text = calendar_of([odd], NOW).decode()
    (event,) = icalendar.Calendar.from_ical(text).events
    assert event.get("URL") == (link if shown else None)
    assert (event["SUMMARY"], event["DESCRIPTION"]) == ("a␛[2J␀  b", "join.me conference 12 3")
    assert "ATTENDEE" not in text
    assert not any(character in text for character in "\x1b\x00")


def test_a_row_of_csv_is_one_row_whatever_the_name() -> None:
    """And a column of participants is there once any are known, with nobody where they are not."""
    odd = ['a "b", c;', "line\rbreak\nand\r\nmore", " blank ", "=cmd", "اجتماع"]
    text = csv_of([*(meeting(n, name) for n, name in enumerate(odd)), meeting(9, participants=("a@b.de", "c@d.de"))])
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert [row["name"] for row in rows] == [*odd, "Weekly"]
    assert [row["participants"] for row in rows] == [""] * len(odd) + ["a@b.de;c@d.de"]
    assert "participants" not in csv_of([meeting()]).splitlines()[0]


def test_json_says_null_for_what_is_not_known() -> None:
    """And an empty list for nobody."""
    assert json.loads(json_of(record(meeting())))["participants"] is None
    assert json.loads(json_of(record(meeting(participants=()))))["participants"] == []
    assert record(meeting())["start"] == "2027-06-02T09:00:00Z"
