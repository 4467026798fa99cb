"""`joinme list`, `get`, `schedule`, `update`, `delete`, `export`: exact streams, exit codes, and what the ledger saw."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest

from joinme_async import Request
from joinme_async.cli import _meetings, _shell, _show, _waiting
from joinme_async.sandbox import Fault, Sandbox
from tests.commands import Done, at_a_terminal, joinme

WEEKLY = ("Weekly update", "--start", "2027-06-02T09:00Z", "--end", "2027-06-02T10:00Z")
HOURS = ("--start", "2027-06-02T09:00Z", "--end", "2027-06-02T10:00Z")


def lines(text: str) -> list[str]:
    """Return what is to be seen: a table fills its lines with blanks."""
    return [line.rstrip() for line in text.splitlines()]


def methods(sandbox: Sandbox) -> list[str]:
    return [entry.method for entry in sandbox.ledger]


@pytest.fixture
def three(served: Sandbox, command: Callable[..., Done]) -> Sandbox:
    """Three meetings: one tomorrow, one in two days, one in July; the second invites two."""
    command("schedule", *WEEKLY)
    command("schedule", "اجتماع 🎉", "--start", "2027-06-03T09:30+02:00", "--end", "2027-06-03T11:00+02:00",
            "--participant", "anna@example.com", "--participant", "bob@example.com", "--personal-url")  # fmt: skip
    command("schedule", "<script>[bold]\x1b[31m", "--start", "2027-07-30T23:00Z", "--end", "2027-07-31T01:00Z")
    return served


# schedule


def test_a_meeting_is_scheduled_in_a_zone_and_shown_as_json(served: Sandbox, command: Callable[..., Done]) -> None:
    """The example of the help: nothing but one JSON object on stdout, and one request."""
    done = command(
        "schedule", "Weekly update", "--start", "2027-06-02T10:00", "--end", "2027-06-02T11:00",
        "--timezone", "Europe/London", "--participant", "boss@join.me", "--json",
    )  # fmt: skip
    assert done.code == 0
    assert json.loads(done.out) == {
        "id": 10001, "name": "Weekly update", "start": "2027-06-02T09:00:00Z", "end": "2027-06-02T10:00:00Z",
        "start_with_personal_url": False, "participants": ["boss@join.me"], "conference_id": None, "viewer_link": None,
    }  # fmt: skip
    assert done.err == "joinme: meeting 10001 is scheduled\n"
    assert [entry.body for entry in served.ledger] == [
        {"meetingName": "Weekly update", "meetingStart": "2027-06-02T09:00:00Z", "meetingEnd": "2027-06-02T10:00:00Z",
         "startWithPersonalUrl": False, "participants": ["boss@join.me"]}
    ]  # fmt: skip


def test_people_are_shown_a_card(served: Sandbox, command: Callable[..., Done]) -> None:
    """In the zone of the command line, with how far away it is, and who is invited."""
    done = command("schedule", *WEEKLY, "--timezone", "Europe/London", "--participant", "a@example.com; b@example.com")
    assert lines(done.out) == [
        "name         Weekly update",
        "id           10001",
        "when         Wed 2 Jun 2027, 10:00 to 11:00 BST (tomorrow)",
        "length       1 h",
        "invited      a@example.com",
        "             b@example.com",
        "starts with  a 9-digit code",
    ]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        pytest.param(("-5 % sale",), "-5 % sale", id="a dash"),
        pytest.param(("-",), "-", id="only a dash"),
        pytest.param(("--name=--json",), "--json", id="what looks like an option, said to be a name"),
        pytest.param(("--name", "-x"), "-x", id="a dash in two words"),
        pytest.param(("--Weekly--",), "--Weekly--", id="dashes, and no option"),
        pytest.param((" ünï ",), " ünï ", id="as it is"),
    ],
)
def test_a_name_is_taken_as_it_was_meant(
    arguments: tuple[str, ...], name: str, served: Sandbox, command: Callable[..., Done]
) -> None:
    """Dashes at its beginning make no option of it."""
    assert command("schedule", *arguments, *HOURS).code == 0
    assert [meeting.name for meeting in served.meetings] == [name]


def test_a_misspelt_option_is_no_name(served: Sandbox, command: Callable[..., Done]) -> None:
    """Or a meeting called --jsn would be made, and people invited to it."""
    assert command("schedule", "--jsn", *HOURS) == Done(
        2,
        "",
        "joinme: --jsn looks like an option, and there is none here; for that name, say --name=--jsn. "
        "See joinme schedule --help\n",
    )
    assert command("schedule", "x", "--jsn", *HOURS).code == 2
    assert command("update", "10001", "--name", "--personal-url").code == 2  # a name was forgotten
    assert served.ledger == ()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(("x",), 2, "--start is missing. See joinme schedule --help", id="no start"),
        pytest.param(("x", "--start"), 2, "parameter --start requires an argument", id="nothing behind an option"),
        pytest.param(("Weekly", "update", *HOURS), 2, "update is more than this takes; a text with blanks needs quotes around it. See joinme schedule --help", id="no quotes"),
        pytest.param(("x", "--start", "2027-06-02T10:00", "--end", "2027-06-02T11:00Z"), 2, "--start 2027-06-02T10:00 has no zone, and none is guessed: add --timezone", id="no zone"),
        pytest.param(("x", "--start", "2027-06-02", "--end", "2027-06-02T11:00Z"), 2, "--start 2027-06-02 has no time of day: write 2027-06-02T10:00", id="no hour"),
        pytest.param(("x", "--start", "noon", "--end", "2027-06-02T11:00Z"), 2, "--start 'noon' is no date and time: write it as 2027-06-02T10:00+02:00", id="no time"),
        pytest.param(("x", "--start", "2027-10-31T01:30", "--end", "2027-10-31T04:00", "--timezone", "Europe/London"), 2, "--start 2027-10-31T01:30 comes twice in Europe/London, where clocks are set back: write 2027-10-31T01:30+01:00 for the first, or 2027-10-31T01:30+00:00 for the second", id="twice"),
        pytest.param(("x", "--start", "2027-03-28T01:30", "--end", "2027-03-28T04:00", "--timezone", "Europe/London"), 2, "does not exist in Europe/London: clocks were set forward past it", id="never"),
        pytest.param(("x", *HOURS, "--timezone", "Mars"), 2, "no time zone named 'Mars'", id="no such zone"),
        pytest.param(("x", *HOURS, "--json", "--csv"), 2, "Mutually exclusive arguments: {--json, --csv}", id="two forms"),
        pytest.param(("", *HOURS), 1, "a meeting needs a name that is not blank", id="no name"),
        pytest.param(("x", "--start", "2027-06-02T10:00Z", "--end", "2027-06-02T09:00Z"), 1, "must precede the end", id="turned around"),
        pytest.param(("x", *HOURS, "--participant", "bob"), 1, "does not look like a bare e-mail address", id="no address"),
    ],
)  # fmt: skip
def test_a_wrong_turn_is_met_by_a_line(
    arguments: tuple[str, ...], code: int, says: str, served: Sandbox, command: Callable[..., Done]
) -> None:
    """What was wrong, and what to type; nothing on stdout, nothing sent."""
    done = command("schedule", *arguments)
    assert (done.code, done.out, len(done.err.splitlines())) == (code, "", 1)
    assert done.err.startswith("joinme: ")
    assert says in done.err
    assert served.ledger == ()


def test_a_meeting_that_has_begun_is_made_and_said_to_be_out_of_sight(
    served: Sandbox, command: Callable[..., Done]
) -> None:
    """The list of join.me does not show it."""
    done = command("schedule", "x", "--start", "2027-06-01T11:00Z", "--end", "2027-06-01T13:00Z", "--json")
    assert (done.code, json.loads(done.out)["id"]) == (0, 10001)
    assert done.err.splitlines()[1] == (
        "joinme: it has begun already, so joinme list does not show it: join.me lists upcoming meetings only"
    )


def test_an_empty_participant_is_nobody(served: Sandbox, command: Callable[..., Done]) -> None:
    """A script with an empty variable invites nobody, and does not fail."""
    assert command("schedule", *WEEKLY, "--participant", "").code == 0
    assert [meeting.participants for meeting in served.meetings] == [()]


def test_a_lost_answer_is_said_to_be_in_doubt_and_found_with_ensure(
    served: Sandbox, command: Callable[..., Done]
) -> None:
    """Exit code 5 and what to do; done so, there is one meeting, and with --ensure once more still one."""
    served.plant(Fault.lose(), on="POST")
    done = command("schedule", *WEEKLY)
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("joinme: it is not known whether the meeting was made (")
    assert done.err.endswith("the same command with --ensure, half a minute later, looks before it makes one\n")
    for _ in range(2):
        done = command("schedule", *WEEKLY, "--ensure", "--json")
        assert (done.code, json.loads(done.out)["id"]) == (0, 10001)
        assert done.err == "joinme: meeting 10001 is there\n"
    assert [entry.did for entry in served.ledger].count("created") == 1


# list


def test_a_list_for_people(three: Sandbox, command: Callable[..., Done]) -> None:
    """Day by day, in the zone asked for, which is named where it changes; names are text, not markup or commands."""
    assert lines(command("list", "--timezone", "Europe/London").out) == [
        "When           Meeting              Id",
        "Wed 2 Jun      BST  tomorrow",
        "  10:00-11:00  Weekly update        10001",
        "Thu 3 Jun      in 2 days",
        "  08:30-10:00  اجتماع 🎉            10002",
        "Sat 31 Jul     in 9 weeks",
        "  00:00-02:00  <script>[bold]␛[31m  10003",
    ]
    shown = lines(command("list", "--full").out)
    assert shown[0] == "When               Meeting              Invited  Id"
    assert shown[4] == "  07:30-09:00      اجتماع 🎉                  2  10002"
    assert shown[6] == "  23:00-Sat 01:00  <script>[bold]␛[31m        -  10003"


def test_a_list_for_programs(three: Sandbox, command: Callable[..., Done]) -> None:
    """One JSON array; what the list does not say is null, and with --full each is read by itself."""
    done = command("list", "--json")
    assert done.err == ""
    assert [(m["id"], m["name"], m["participants"]) for m in json.loads(done.out)] == [
        (10001, "Weekly update", None), (10002, "اجتماع 🎉", None), (10003, "<script>[bold]\x1b[31m", None),
    ]  # fmt: skip
    full = json.loads(command("list", "--json", "--full").out)
    assert [m["participants"] for m in full] == [[], ["anna@example.com", "bob@example.com"], []]
    assert full[0]["conference_id"] == "100010001"


def test_csv_is_read_again_by_a_bulk_run(three: Sandbox, command: Callable[..., Done]) -> None:
    """Participants and flags included; without --full there is no column of participants, rather than an empty one."""
    command("schedule", 'a "quoted", name\rwith\nbreaks; and all', *HOURS)
    assert command("list", "--csv").out.splitlines()[0] == "id,name,start,end,start_with_personal_url"
    done = command("list", "--csv", "--full")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["participants"] for row in rows] == ["", "", "anna@example.com;bob@example.com", ""]
    Path("again.csv").write_bytes(done.out.encode())
    before = three.meetings
    assert command("bulk", "schedule", "again.csv", "--existing", "make").code == 0
    fields = [(m.name, m.start, m.end, m.participants, m.start_with_personal_url) for m in three.meetings]
    assert sorted(fields) == sorted(
        2 * [(m.name, m.start, m.end, m.participants, m.start_with_personal_url) for m in before]
    )


def test_a_calendar_says_the_hour_in_utc_and_the_same_uid_each_time(
    three: Sandbox, command: Callable[..., Done]
) -> None:
    """What every reader understands: CRLF, lines of 75 bytes, UTC, one UID for a meeting for ever; nobody is invited."""
    done = command("list", "--ics", "--full")
    assert done.out.count("\n") == done.out.count("\r\n")
    assert max(len(line.encode()) for line in done.out.split("\r\n")) <= 75
    assert "TZID" not in done.out
    assert "example.com" not in done.out
    calendar = icalendar.Calendar.from_ical(done.out)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    first, second, third = calendar.events
    assert (first["UID"], first.start, first.end) == (
        "meeting-10001@join.me", datetime(2027, 6, 2, 9, tzinfo=UTC), datetime(2027, 6, 2, 10, tzinfo=UTC),
    )  # fmt: skip
    assert (second["SUMMARY"], second["DTSTAMP"].dt) == ("اجتماع 🎉", datetime(2027, 6, 1, 12, tzinfo=UTC))
    command("update", "10001", "--name", "Moved", "--start", "2027-06-02T08:00Z")
    again = icalendar.Calendar.from_ical(command("list", "--ics").out).events
    assert {event["UID"] for event in again} == {first["UID"], second["UID"], third["UID"]}


@pytest.mark.parametrize(
    ("bounds", "ids"),
    [
        ((), [10001, 10002, 10003]),
        (("--since", "2027-06-03"), [10002, 10003]),
        (("--until", "2027-06-02"), [10001]),
        (("--until", "2027-06-02T09:00Z"), []),
        (("--until", "2027-06-02T09:00:01Z"), [10001]),
        (("--since", "2027-06-02T09:00Z", "--until", "2027-06-03"), [10001, 10002]),
        (("--since", "2027-07-31", "--timezone", "Europe/London"), [10003]),  # 23:00 UTC is midnight there
        (("--since", "2027-07-31"), []),
        (("--until", "2027-06-02T10:00", "--timezone", "Europe/London"), []),
    ],
)
def test_bounds_are_days_or_instants(
    bounds: tuple[str, ...], ids: list[int], three: Sandbox, command: Callable[..., Done]
) -> None:
    """A day counts from midnight to midnight of the zone, and is inside; an instant is inside as a beginning only."""
    assert [meeting["id"] for meeting in json.loads(command("list", "--json", *bounds).out)] == ids


def test_where_there_are_none_it_says_so(served: Sandbox, command: Callable[..., Done]) -> None:
    """Nothing on stdout for people; for programs an empty list, a head, a calendar without events."""
    assert command("list") == Done(0, "", "joinme: there are no such meetings: join.me lists upcoming ones only\n")
    assert command("list", "--json") == Done(0, "[]\n", "")
    assert command("list", "--csv") == Done(0, "id,name,start,end,start_with_personal_url\n", "")
    assert icalendar.Calendar.from_ical(command("list", "--ics").out).events == []


def test_far_away_times_are_told_in_a_line(served: Sandbox, command: Callable[..., Done]) -> None:
    """The ends of the calendar are no fault of joinme's; --json has times in UTC, which all have."""
    for bound in (("--until", "9999-12-31"), ("--since", "0001-01-01", "--timezone", "Asia/Tokyo")):
        done = command("list", *bound)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert command("list", "--since", "2027-06-02", "--until", "2027-06-01").err == (
        "joinme: --since is not before --until: no meeting can begin between them\n"
    )
    command("schedule", "x", "--start", "9999-12-31T22:00Z", "--end", "9999-12-31T23:00Z", "--json")
    tokyo = ("--timezone", "Asia/Tokyo")
    assert len(json.loads(command("list", "--json", *tokyo).out)) == 1
    assert command("list", *tokyo) == Done(
        3, "", "joinme: a time lies outside the years 1 to 9999 in this zone: --json shows times in UTC\n"
    )


def test_what_cannot_be_encoded_is_written_all_the_same(served: Sandbox, command: Callable[..., Done]) -> None:
    """Half a character in a name, which a service may send: JSON escapes it, and nothing fails."""
    body = json.dumps(
        {"meetingName": "a\ud800b", "meetingStart": "2027-06-02T09:00:00Z", "meetingEnd": "2027-06-02T10:00:00Z"}
    )
    headers = {"Authorization": f"Bearer {served.token}", "Content-Type": "application/json"}
    served.receive(Request("POST", "http://127.0.0.1/v1/meetings", headers, body.encode()))
    assert json.loads(command("list", "--json").out)[0]["name"] == "a\ud800b"
    assert command("export", "--json", "m.json", "--csv", "m.csv", "--ics", "m.ics", "--html", "m.html").code == 0
    assert json.loads(Path("m.json").read_text())[0]["name"] == "a\ud800b"
    assert "a\ufffdb" in command("list", "--ics").out


def test_a_week_is_seven_days(three: Sandbox, command: Callable[..., Done]) -> None:
    """From today, or from a day given; where there is none, it says when the next meeting is."""
    week = command("list", "--week")
    assert week.code == 0
    assert "Weekly" in week.out
    assert "10003" not in week.out
    later = command("list", "--week", "--since", "2027-06-10")
    assert (later.code, later.err) == (0, "joinme: the next meeting is on 2027-07-30: see it with --since 2027-07-30\n")
    assert command("list", "--week", "--until", "2027-06-10").code == 2
    assert command("list", "--week", "--json").code == 2
    assert command("list", "--week", "--full").code == 2


def test_a_meeting_that_goes_while_it_is_read_is_left_out(
    three: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes it between the list and the reading: the others are shown."""
    real = _meetings._in_full

    async def meanwhile(joinme, listed, patience):
        await joinme.meetings.delete(10002)
        return await real(joinme, listed, patience)

    monkeypatch.setattr(_meetings, "_in_full", meanwhile)
    assert [m["id"] for m in json.loads(command("list", "--json", "--full").out)] == [10001, 10003]


def test_a_reading_that_fails_is_one_line(three: Sandbox, command: Callable[..., Done]) -> None:
    """Of many at once, the first failure ends them all: nothing on stdout, and the exit code of that error."""
    three.plant(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="GET", skip=1, times=None)
    done = command("list", "--full", "--json")
    assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)


# get


def test_all_that_is_known_of_a_meeting(three: Sandbox, command: Callable[..., Done]) -> None:
    """Its conference and who is invited among it."""
    assert lines(command("get", "10002").out) == [
        "name         اجتماع 🎉",
        "id           10002",
        "when         Thu 3 Jun 2027, 07:30 to 09:00 UTC (in 2 days)",
        "length       1 h 30 min",
        "invited      anna@example.com",
        "             bob@example.com",
        "starts with  your personal URL",
        "conference   100010002",
    ]
    assert lines(command("get", "10003").out)[2] == (
        "when         Fri 30 Jul 2027, 23:00 to Sat 31 Jul 01:00 UTC (in 8 weeks)"
    )
    assert json.loads(command("get", "10002", "--json").out)["id"] == 10002


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        pytest.param(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), 3, "join.me does not allow this", id="not allowed"),
        pytest.param(Fault.garble(), 3, "the body of a 200 answer is not JSON", id="unreadable"),
        pytest.param(Fault.error(503), 4, "join.me or its gateway failed", id="outage"),
        pytest.param(
            Fault.unreachable(), 4, "Is the network up, and the base URL right? joinme config", id="no network"
        ),
        pytest.param(Fault.stale_token(), 4, "Put it where the old one is: joinme config", id="token"),
        pytest.param(Fault.refuse(retry_after=7200), 4, "try again in 7200 s", id="too many calls"),
        pytest.param(
            Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200), 4, "the quota of the day", id="quota"
        ),
    ],
)
def test_each_error_has_its_exit_code(
    fault: Fault, code: int, says: str, served: Sandbox, command: Callable[..., Done]
) -> None:
    """3 where join.me refuses, 4 where a later time or another token may help; one line, and nothing on stdout."""
    served.plant(fault, times=None)
    done = command("get", "10001", "--timeout", "5")
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert says in done.err


def test_another_service_is_not_taken_for_a_missing_meeting(served: Sandbox, command: Callable[..., Done]) -> None:
    """A base URL without its /v1 is the likely slip."""
    url = os.environ["JOINME_BASE_URL"].removesuffix("/v1")
    done = command("list", "--base-url", url)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("joinme: nothing of join.me is at the base URL; does it end in /v1?")


def test_a_meeting_that_is_not_there(served: Sandbox, command: Callable[..., Done]) -> None:
    """Exit code 6, and where ids come from; what is no id is a matter of the command line."""
    assert command("get", "12345") == Done(
        6, "", "joinme: join.me has no such meeting, or no longer (/meetings/12345). joinme list shows those that are there\n"
    )  # fmt: skip
    assert command("get", "abc").err == "joinme: 'abc' is no whole number. See joinme get --help\n"


@pytest.mark.parametrize(
    "wrong", ["10001.6", "10002.0", "0x2712", "1_0002", "1e4", "0", "-5", "10001 ", "٣", "9" * 30, ""]
)
def test_no_other_meeting_is_meant_than_the_one_that_was_typed(
    wrong: str, three: Sandbox, command: Callable[..., Done]
) -> None:
    """An id is digits, and nothing is rounded: 10001.6 must not delete meeting 10002."""
    number = len(three.ledger)
    for verb in (("get", wrong), ("update", wrong, "--name", "x"), ("delete", wrong, "--yes")):
        done = command(*verb)
        assert (done.code, done.out) == (2, "")
    assert len(three.ledger) == number


# update


def test_only_what_was_named_is_changed(three: Sandbox, command: Callable[..., Done]) -> None:
    """The personal-URL flag goes along, since the service takes an update without it to mean false."""
    before = three.meetings[1]
    done = command("update", "10002", "--name", "-Follow up", "--json")
    assert (done.code, done.err) == (0, "joinme: meeting 10002 is updated\n")
    assert json.loads(done.out)["name"] == "-Follow up"
    assert three.ledger[-1].body == {"meetingName": "-Follow up", "startWithPersonalUrl": True}
    after = three.meetings[1]
    assert (after.start, after.end, after.participants) == (before.start, before.end, before.participants)
    assert command("update", "10002", "--no-personal-url").code == 0
    assert three.meetings[1].start_with_personal_url is False
    assert three.meetings[1].participants == before.participants


@pytest.mark.parametrize(
    ("flags", "invited"),
    [
        (("--no-participants",), ()),
        (("--participant", ""), ()),
        (("--participant=",), ()),
        (("--participant", "", "--participant", "c@example.com"), ("c@example.com",)),
        (("--participant", "c@example.com,d@example.com"), ("c@example.com", "d@example.com")),
        (("--name", "x"), ("anna@example.com", "bob@example.com")),
    ],
)
def test_participants_are_replaced_cleared_or_left_alone(
    flags: tuple[str, ...], invited: tuple[str, ...], three: Sandbox, command: Callable[..., Done]
) -> None:
    """A list takes the place of the old one, an empty one clears it, and none leaves it alone."""
    assert command("update", "10002", *flags).code == 0
    assert three.meetings[1].participants == invited


def test_an_update_is_checked_before_it_is_sent(three: Sandbox, command: Callable[..., Done]) -> None:
    """Nothing named, a time without a zone: nothing is asked; an end before the start: nothing is changed."""
    number = len(three.ledger)
    assert command("update", "10001") == Done(
        2, "", "joinme: nothing to change was named: see joinme update --help\n"
    )  # fmt: skip
    assert command("update", "10001", "--start", "2027-06-02T10:00").code == 2
    assert command("update", "10001", "--participant", "x", "--no-participants").code == 2
    assert len(three.ledger) == number
    done = command("update", "10001", "--start", "2027-06-02T11:00", "--timezone", "UTC")
    assert (done.code, done.out) == (1, "")
    assert "must precede the end" in done.err
    assert methods(three)[number:] == ["GET"]
    assert command("update", "99", "--name", "x").code == 6


# delete


def test_a_deletion_asks(three: Sandbox, command: Callable[..., Done], terminal: Callable[[str], None]) -> None:
    """It says what is to go; anything but a yes keeps it."""
    for typed in ("k\n", "keep\n", "\n", "", "x\n\n", "don't!\n\n", "done\n", "deleted?\nk\n"):
        terminal(typed)
        done = command("delete", "10001")
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(
            "joinme: this deletes 10001 (Weekly update, Wed 2 Jun 2027, 09:00 to 10:00 UTC)\n"
            "  d to delete, k to keep [k]: "
        )
        assert done.err.endswith("joinme: nothing was deleted\n")
    assert len(three.meetings) == 3
    terminal("Delete\n")
    done = command("delete", "10001", "10002")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith(": joinme: meeting 10001 is deleted\njoinme: meeting 10002 is deleted\n")
    assert [meeting.id for meeting in three.meetings] == [10003]


def test_where_nobody_can_be_asked_nothing_is_deleted(
    three: Sandbox, command: Callable[..., Done], terminal: Callable[[str], None]
) -> None:
    """Without a terminal, or with --no-input: not even a question to join.me."""
    number = len(three.ledger)
    refused = Done(1, "", "joinme: nothing was deleted, since there is nobody to ask: say --yes\n")
    assert command("delete", "10001") == refused
    terminal("d\n")
    assert command("delete", "10001", "--no-input") == refused
    assert len(three.ledger) == number


def test_deleting_without_asking(three: Sandbox, command: Callable[..., Done]) -> None:
    """One call for each; one that is not there does not keep the others, and is told by exit code 6."""
    number = len(three.ledger)
    assert command("delete", "10001", "99", "10002", "--yes") == Done(
        6,
        "",
        "joinme: meeting 10001 is deleted\njoinme: there is no meeting 99\njoinme: meeting 10002 is deleted\n",
    )
    assert methods(three)[number:] == ["DELETE"] * 3
    assert command("delete", "10003", "10003", "--yes") == Done(0, "", "joinme: meeting 10003 is deleted\n")
    assert command("delete", "10001", "--yes", "--missing-ok") == Done(0, "", "joinme: there is no meeting 10001\n")
    assert command("delete", "--yes").code == 2
    assert command("delete", "x", "--yes").code == 2


# export


def test_meetings_are_written_into_files(three: Sandbox, command: Callable[..., Done]) -> None:
    """Each in its form, over what was there; stdout is left alone, or is the file that is called -."""
    Path("week.html").write_text("old")
    done = command("export", "--html", "week.html", "--ics", "m.ics", "--csv", "m.csv", "--json", "m.json")
    assert done == Done(0, "", "".join(
        f"joinme: 3 meetings written to {name}\n" for name in ("week.html", "m.ics", "m.csv", "m.json")
    ))  # fmt: skip
    page = Path("week.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "اجتماع 🎉" in page
    assert "<script>" not in page
    assert [m["id"] for m in json.loads(Path("m.json").read_text(encoding="utf-8"))] == [10001, 10002, 10003]
    assert len(icalendar.Calendar.from_ical(Path("m.ics").read_bytes()).events) == 3
    assert len(Path("m.csv").read_text(encoding="utf-8").splitlines()) == 4
    assert sorted(path.name for path in Path().iterdir()) == ["m.csv", "m.ics", "m.json", "week.html"]
    done = command("export", "--json", "-", "--until", "2027-06-02")
    assert [m["id"] for m in json.loads(done.out)] == [10001]
    assert done.err == "joinme: 1 meeting written to stdout\n"


def test_a_file_is_whole_or_as_it_was(
    three: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full, or a folder that is not there, costs a line, and nothing that was there before."""
    assert command("export", "--html", "nowhere/week.html") == Done(
        74, "", "joinme: nowhere/week.html cannot be written: No such file or directory\n"
    )
    Path("week.html").write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(self))

    with monkeypatch.context() as disk:
        disk.setattr(Path, "replace", full)
        done = command("export", "--html", "week.html")
    assert done == Done(74, "", "joinme: week.html cannot be written: No space left on device\n")
    assert [(path.name, path.read_text()) for path in Path().iterdir()] == [("week.html", "old")]


@pytest.mark.skipif(os.name != "posix", reason="only there have files such a mode")
def test_a_private_file_stays_private(three: Sandbox, command: Callable[..., Done]) -> None:
    """It may hold addresses; a new one is as the umask has it, and what is beside it is left alone."""
    Path("m.csv").touch(mode=0o600)
    Path("m.csv.part").write_text("mine")
    assert command("export", "--csv", "m.csv", "--json", "m.json", "--full").code == 0
    assert Path("m.csv").stat().st_mode & 0o777 == 0o600
    mask = os.umask(0)
    os.umask(mask)
    assert Path("m.json").stat().st_mode & 0o777 == 0o666 & ~mask
    assert Path("m.csv.part").read_text() == "mine"


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """`--ics /dev/null` must leave /dev/null what it is; a link goes on pointing at its file."""
    _show.write_file(Path(os.devnull), b"x")
    assert not Path(os.devnull).is_file()
    link, target = tmp_path / "link", tmp_path / "target"
    target.write_text("old")
    link.symlink_to(target)
    _show.write_file(link, "new")
    assert (link.is_symlink(), target.read_text()) == (True, "new")


def test_an_export_must_be_told_what_to_write(served: Sandbox, command: Callable[..., Done]) -> None:
    """Before anything is asked."""
    done = command("export")
    assert (done.code, done.out) == (2, "")
    assert "--html week.html, --ics meetings.ics" in done.err
    for twice in (("--csv", "-", "--json", "-"), ("--csv", "m", "--json", "./m")):
        done = command("export", *twice)
        assert (done.code, done.out) == (2, "")
        assert "give each a file of its own" in done.err
    assert command("export", "--html", "--full").err == (
        "joinme: Invalid value for --html: a file is needed; for one that is called --full, say ./--full. "
        "See joinme export --help\n"
    )
    assert served.ledger == ()


# However it ends


def test_a_fault_of_its_own_is_told_in_a_line(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 70 and how to report it; with --debug all of it, and what was sent, but never the token."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(_meetings, "_chosen", broken)
    assert command("list") == Done(70, "", (
        "joinme: this is a fault of joinme itself (ZeroDivisionError): repeat it with --debug, "
        "and report what that shows\n"
    ))  # fmt: skip
    with monkeypatch.context() as environment:
        environment.setenv("JOINME_LOG", "")
        done = command("list", "--debug")
    assert done.code == 70
    assert "Traceback" in done.err
    assert served.token not in done.err


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "to end"])
@pytest.mark.parametrize("arguments", [("schedule", *WEEKLY), ("delete", "10001", "--yes")], ids=["schedule", "delete"])
def test_an_interrupted_verb_says_what_may_have_happened(
    arguments: tuple[str, ...], told: signal.Signals, served: Sandbox
) -> None:
    """What was under way may be carried out: exit code 130, and where to look."""
    served.plant(Fault.late(30))
    process = subprocess.Popen(
        [sys.executable, "-m", "joinme_async", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    try:
        until = time.monotonic() + 30
        while not served.ledger and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(told)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-2:] == [
        "joinme: what was under way may have been carried out: look with joinme list",
        "joinme: interrupted",
    ]


WRITES = [
    pytest.param(("list", "--json"), id="list"),
    pytest.param(("list",), id="table"),
    pytest.param(("schedule", *WEEKLY, "--json"), id="schedule"),
    pytest.param(("schedule", *WEEKLY), id="card"),
    pytest.param(("update", "10001", "--name", "x"), id="update"),
    pytest.param(("completion", "bash"), id="completion"),
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("arguments", WRITES)
def test_a_disk_that_is_full_hides_nothing(arguments: tuple[str, ...], three: Sandbox) -> None:
    """Exit code 74 and a line; and what was done is said before, or it would be done again."""
    with Path("/dev/full").open("w") as full:
        done = joinme(*arguments, stdout=full)
    told = done.stderr.splitlines()
    assert (done.returncode, told[-1]) == (74, "joinme: stdout cannot be written: No space left on device")
    first = {"schedule": "joinme: meeting 10004 is scheduled", "update": "joinme: meeting 10001 is updated"}
    assert told[:-1] == ([first[arguments[0]]] if arguments[0] in first else [])


@pytest.mark.parametrize("arguments", WRITES)
def test_nobody_reads_stdout(arguments: tuple[str, ...], three: Sandbox) -> None:
    """`joinme list | head` ends in a line, not in a traceback of Python's, and not as if nothing had been done."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = joinme(*arguments, stdout=writes)
    finally:
        os.close(writes)
    assert done.returncode == 74
    assert done.stderr.splitlines()[-1] == "joinme: nobody reads stdout any more"
    assert ("is scheduled" in done.stderr) == (arguments[0] == "schedule")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_where_nothing_can_be_told_the_work_is_done(three: Sandbox) -> None:
    """A full disk under stderr hides words, and changes neither the data nor the exit code."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "joinme_async", "delete", "10001", "99", "--yes"], stdout=subprocess.PIPE, stderr=full,
            timeout=50, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (6, b"")
    assert len(three.meetings) == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_as_good_as_nobody(closed: str, three: Sandbox) -> None:
    """Nothing fails for that, and nothing that is for people lands on stdout."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m joinme_async get 10001 --json {closed}; {sys.executable} -m joinme_async get 99 {closed}; echo $?"],
        capture_output=True, text=True, timeout=50, check=True, env={**os.environ, "NO_COLOR": "1", "TZ": "UTC"},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "6"
    assert "joinme: " not in done.stdout
    assert "Traceback" not in done.stderr


# At a real terminal


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such terminals")
def test_a_person_is_asked(three: Sandbox) -> None:
    """The question is on the terminal, stdout is empty; what is no answer is asked again."""
    first = at_a_terminal("delete", "10001", typed=[("[k]: ", "don't!\n"), ("[k]: ", "k\n")], TZ="UTC")
    assert (first.code, first.out) == (1, "")
    assert first.screen.count("this deletes 10001 (Weekly update, Wed 2 Jun 2027, 09:00 to 10:00 UTC)") == 2
    assert len(three.meetings) == 3
    done = at_a_terminal("delete", "10001", "99", "--missing-ok", typed=[("[k]: ", "d\n")])
    assert (done.code, done.out) == (0, "")
    assert [meeting.id for meeting in three.meetings] == [10002, 10003]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such terminals")
def test_a_person_sees_a_bar_and_a_pipe_does_not(served: Sandbox) -> None:
    """Once it takes longer than a second, with what is waited for; it is gone at the end. A dumb terminal gets a line."""
    for terminal, shows in (("xterm", "\x1b["), ("dumb", "joinme: asking join.me; join.me asked to wait")):
        served.plant(Fault.refuse(retry_after=3))
        done = at_a_terminal("list", "--json", TERM=terminal)
        assert (done.code, done.out) == (0, "[]\n")
        assert shows in done.screen
        assert "join.me asked to wait: " in done.screen


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such terminals")
def test_a_token_that_is_typed_is_not_seen(three: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for on the terminal without an echo; the end of input is no token."""
    monkeypatch.delenv("JOINME_ACCESS_TOKEN")
    done = at_a_terminal("list", "--json", typed=[("not kept): ", f"{three.token}\n")])
    assert (done.code, len(json.loads(done.out))) == (0, 3)
    assert three.token not in done.screen
    done = at_a_terminal("list", typed=[("not kept): ", "\x04")])
    assert (done.code, done.out) == (1, "")
    assert "joinme: no access token was given" in done.screen


def test_what_is_waited_for_is_told_after_a_second(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On no terminal, in a line: what goes on, and how long the service asked for."""
    monkeypatch.setattr(_waiting, "_FIRST", 0.5)
    served.plant(Fault.refuse(retry_after=2))
    done = command("list", "--json")
    assert (done.code, done.out) == (0, "[]\n")
    assert done.err.splitlines()[-1] in {f"joinme: asking join.me; join.me asked to wait: {n} s" for n in (1, 2)}


def test_the_time_of_a_call_is_kept(served: Sandbox, command: Callable[..., Done]) -> None:
    """A wait that does not fit is not begun."""
    served.plant(Fault.late(30))
    done = command("list", "--timeout", "0.3")
    assert (done.code, done.out) == (4, "")
    assert "--timeout" in done.err
    assert command("list", "--timeout", "0").code == 2


def test_an_export_in_full_counts(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many calls are counted as they end; all of them are made, at the rate that was said."""
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(_meetings.Patience, "count", lambda _, done, total: seen.append((done, total)))
    start = datetime(2027, 6, 2, tzinfo=UTC)
    Path("m.csv").write_text(
        "name,start,end\n"
        + "".join(f"M{i},{start + timedelta(hours=i):%Y-%m-%dT%H:%MZ},{start + timedelta(hours=i + 1):%Y-%m-%dT%H:%MZ}\n" for i in range(30))
    )  # fmt: skip
    assert command("bulk", "schedule", "m.csv").code == 0
    assert command("export", "--json", "m.json", "--full", "--rate", "1000").code == 0
    assert seen == [(done, 30) for done in range(1, 31)]
    assert len(json.loads(Path("m.json").read_text())) == 30


def test_settings_reach_the_client(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate and the time of the command line are those of the client."""
    made: list[dict[str, object]] = []
    real = _shell.JoinMe

    def keep(**options: object) -> object:
        made.append(options)
        return real(**options)

    monkeypatch.setattr(_shell, "JoinMe", keep)
    assert command("list", "--rate", "7", "--timeout", "9").code == 0
    assert str(made[0]["rate_limit"]) == "RateLimit(calls=7, per=1.0)"
    assert made[0]["timeout"].total == 9
