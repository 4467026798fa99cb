"""Bulk runs in process: every row once, whatever happens to answers, lists, tokens, disks and runners."""

import math
from collections import Counter
from contextlib import aclosing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import anyio
import attrs
import pytest

from joinme_async import (
    AuthenticationError,
    BadRequestError,
    DeadlineExceededError,
    InvalidMeetingError,
    JoinMe,
    JournalError,
    NewMeeting,
    NotFoundError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimit,
    RetryPolicy,
    ServerError,
    TransportError,
)
from joinme_async.bulk import (
    BulkReport,
    Change,
    Journal,
    Progress,
    Row,
    RowOutcome,
    delete_all,
    read_meetings,
    schedule_all,
    schedule_each,
    undo,
    update_all,
    verify,
)
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from tests.conftest import HOUR, START, new_meeting

MINUTE = timedelta(minutes=1)


def rows(number: int, first: int = 0) -> list[NewMeeting]:
    return [
        new_meeting(name=f"Meeting {i}", start=START + i * MINUTE, end=START + i * MINUTE + HOUR)
        for i in range(first, first + number)
    ]


def renamed(meetings: list[NewMeeting], index: int, **changes) -> list[NewMeeting]:
    changed = new_meeting(
        **{"name": meetings[index].name, "start": meetings[index].start, "end": meetings[index].end, **changes}
    )
    return [*meetings[:index], changed, *meetings[index + 1 :]]


def made(sandbox: Sandbox) -> Counter[str]:
    """Return how often each name was made, by the ledger."""
    return Counter(entry.body["meetingName"] for entry in sandbox.ledger if entry.did == "created")


def sent(sandbox: Sandbox, method: str = "POST") -> int:
    return sum(entry.method == method for entry in sandbox.ledger)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


# Doing it


async def test_each_row_is_made_once_and_reported(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """As many meetings as rows, each row with the meeting that was made of it."""
    report = await schedule_all(joinme, rows(300), journal=journal)
    assert made(sandbox) == Counter(new.name for new in rows(300))
    assert [outcome.row.meeting for outcome in report.scheduled] == rows(300)
    assert [outcome.meeting.name for outcome in report.scheduled] == [new.name for new in rows(300)]
    assert (report.is_complete, report.verified, report.done, report.stopped) == (True, True, 300, None)
    assert repr(report) == "<BulkReport: 300 scheduled>"


async def test_without_a_journal_it_is_as_careful(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Lost answers are found out about, and nothing is left behind on disk."""
    sandbox.plant(Fault.lose(), Fault.lose(done=False), Fault.error(503, done=True), on="POST")
    report = await schedule_all(joinme, rows(20))
    assert made(sandbox) == Counter(new.name for new in rows(20))
    assert (len(report.scheduled), len(report.adopted)) == (18, 2)


@pytest.mark.parametrize("kind", ["generator", "async generator", "rows with keys", "set"])
async def test_any_iterable_will_do(joinme: JoinMe, sandbox: Sandbox, kind: str) -> None:
    """Whatever can be iterated over, of meetings and of rows."""

    async def slowly():
        for new in rows(30):
            await anyio.lowlevel.checkpoint()
            yield new

    given = {
        "generator": (new for new in rows(30)),
        "async generator": slowly(),
        "rows with keys": [Row(new, key=new.name) for new in rows(30)],
        "set": set(rows(30)),
    }[kind]
    report = await schedule_all(joinme, given)
    assert made(sandbox) == Counter(new.name for new in rows(30))
    assert len(report.scheduled) == 30
    if kind == "rows with keys":
        assert {outcome.key for outcome in report.scheduled} == {new.name for new in rows(30)}


@pytest.mark.parametrize("given", [5, "rows", b"rows", {"a": 1}, new_meeting()], ids=repr)
async def test_what_is_no_iterable_of_rows_is_refused(joinme: JoinMe, sandbox: Sandbox, given: object) -> None:
    """With words that say what is wanted, before any request."""
    with pytest.raises(InvalidMeetingError, match="iterable"):
        await schedule_all(joinme, given)
    assert not sandbox.ledger


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"existing": "ask"}, "existing"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": True}, "deadline"),
        ({"stop_after": 0}, "stop_after"),
        ({"stop_after": True}, "stop_after"),
    ],
)
async def test_settings_are_checked_first(joinme: JoinMe, sandbox: Sandbox, settings: dict, field: str) -> None:
    """A wrong setting is refused before any request."""
    with pytest.raises(InvalidMeetingError) as caught:
        await schedule_all(joinme, rows(1), **settings)
    assert caught.value.field == field
    assert not sandbox.ledger


async def test_something_that_is_no_row_stops_before_it(joinme: JoinMe, journal: Path) -> None:
    """The input is at fault; what was sent before it is in the journal."""
    with pytest.raises(InvalidMeetingError, match="a row is a NewMeeting or a Row, not int"):
        await schedule_all(joinme, [*rows(3), 5], journal=journal)
    for wrong, words in (("", "a key is a text"), (5, "a key is a text"), ("#12", "what rows without keys are called")):
        with pytest.raises(InvalidMeetingError, match=words):
            Row(new_meeting(), key=wrong)


async def test_equal_rows_are_meetings_of_their_own_and_never_under_way_together(sandbox: Sandbox, clock) -> None:
    """Five equal rows are five meetings, one after the other."""
    sandbox.latency = 1.0
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    report = await schedule_all(joinme, [new_meeting()] * 5 + rows(5))
    assert len({outcome.meeting_id for outcome in report.scheduled}) == 10
    equal = [entry.at for entry in sandbox.ledger if entry.did and entry.body["meetingName"] == "Weekly update"]
    assert len(equal) == 5
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(equal))


async def test_a_row_that_fails_does_not_stop_the_others(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """A refused row is reported with its error; another run with the journal tries it again, and only it."""
    sandbox.plant(Fault.refuse("ERR_403_NOT_AUTHORIZED", retry_after=None), on="POST", skip=3)
    report = await schedule_all(joinme, rows(10), journal=journal)
    (failed,) = report.failed
    assert (len(report.scheduled), failed.error.code) == (9, "ERR_403_NOT_AUTHORIZED")
    again = await Journal(journal).report()
    assert str(again.failed[0].error) == str(failed.error)
    assert (type(again.failed[0].error), again.failed[0].error.status) == (type(failed.error), 403)
    report = await schedule_all(joinme, rows(10), journal=journal)
    assert (len(report.scheduled), report.is_complete, sent(sandbox)) == (10, True, 11)


# Lost answers


LOSSES = {
    "lost, done": [Fault.lose()],
    "lost, not done": [Fault.lose(done=False)],
    "lost, done late": [Fault.lose(commit_after=1.5)],
    "cut": [Fault.cut()],
    "garbled": [Fault.garble()],
    "500": [Fault.error(500)],
    "503 after the work": [Fault.error(503, done=True)],
    "late": [Fault.late(31)],
    "late, done later": [Fault.late(31, commit_after=40)],
    "of each": [Fault.lose(), Fault.lose(done=False), Fault.lose(commit_after=1.5), Fault.error(504), Fault.cut()],
}


@pytest.mark.parametrize("faults", LOSSES.values(), ids=LOSSES)
async def test_a_row_whose_answer_is_lost_is_made_once(
    joinme: JoinMe, sandbox: Sandbox, journal: Path, faults: list[Fault]
) -> None:
    """Found where it was made, sent again where two lists prove that it was not; never two, never none."""
    sandbox.plant(*faults, on="POST", times=2, skip=5)
    report = await schedule_all(joinme, [*rows(30), *[new_meeting()] * 3], journal=journal)
    assert made(sandbox) == Counter([*(new.name for new in rows(30)), *["Weekly update"] * 3])
    assert (report.is_complete, report.surplus, report.missing) == (True, (), ())
    assert {outcome.meeting_id for outcome in (*report.scheduled, *report.adopted)} == {m.id for m in sandbox.meetings}


async def test_one_list_serves_all_rows_in_doubt(sandbox: Sandbox, clock: FakeClock) -> None:
    """However many rows are in doubt, it takes one list for the baseline, two to prove them, one to verify."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.lose(done=False), on="POST", times=15)
    report = await schedule_all(joinme, rows(40))
    assert report.is_complete
    assert sum(entry.path == "/v1/meetings" for entry in sandbox.ledger if entry.method == "GET") == 4


async def test_equal_rows_in_doubt_are_counted(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Of four equal rows whose answers are lost two were made: two are adopted, two sent again."""
    sandbox.plant(Fault.lose(), Fault.lose(done=False), Fault.lose(), Fault.lose(done=False), on="POST")
    report = await schedule_all(joinme, [new_meeting()] * 4)
    assert (len(report.adopted), len(report.scheduled), len(sandbox.meetings)) == (2, 2, 4)
    assert len({outcome.meeting_id for outcome in (*report.adopted, *report.scheduled)}) == 4


async def test_a_list_that_fails_leaves_rows_in_doubt(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Nothing is sent again without proof; the next run looks again."""
    await joinme.meetings.list()
    sandbox.plant(Fault.lose(done=False), on="POST", times=2)
    sandbox.plant(Fault.error(500), on="GET", times=None, skip=1)
    report = await schedule_all(joinme, rows(5), journal=journal)
    assert (len(report.scheduled), len(report.in_doubt), report.verified) == (3, 2, False)
    assert all(isinstance(outcome.error, OutcomeUnknownError) for outcome in report.in_doubt)
    assert report.in_doubt[0].error.meeting == report.in_doubt[0].row.meeting
    assert sent(sandbox) == 5
    sandbox.clear_faults()
    report = await schedule_all(joinme, rows(5), journal=journal)
    assert (report.is_complete, sent(sandbox)) == (True, 7)
    assert made(sandbox) == Counter(new.name for new in rows(5))


async def test_a_list_that_lags_behind_proves_nothing(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """A list that does not show what this run made just now does not show what it may have made either."""
    sandbox.plant(Fault.lose(), on="POST", times=2, skip=2)
    sandbox.plant(Fault.lag_behind(3600), on="GET", times=None, skip=1)
    report = await schedule_all(joinme, rows(6), journal=journal, verify=False)
    assert (len(report.scheduled), len(report.in_doubt)) == (4, 2)
    assert "lags behind" in str(report.in_doubt[0].error)
    sandbox.clear_faults()
    report = await schedule_all(joinme, rows(6), journal=journal)
    assert (len(report.scheduled), len(report.adopted)) == (4, 2)
    assert sum(made(sandbox).values()) == 6


async def test_a_near_miss_is_doubt(joinme: JoinMe, sandbox: Sandbox) -> None:
    """A new meeting at that time that equals no row may be ours, renamed by the service."""

    async def source():
        yield new_meeting()
        await joinme.meetings.schedule(new_meeting(name="Weekly update (room 1)"))

    sandbox.plant(Fault.lose(done=False), on="POST", skip=1)
    report = await schedule_all(joinme, source())
    assert len(report.in_doubt) == 1
    assert "renamed or rounded" in str(report.in_doubt[0].error)
    assert sum(made(sandbox).values()) == 1


async def test_a_meeting_that_has_begun_cannot_be_proven_absent(sandbox: Sandbox, clock: FakeClock) -> None:
    """Only upcoming meetings are listed."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.lose(), on="POST")
    soon = new_meeting(start=clock.wall() + timedelta(seconds=1), end=clock.wall() + HOUR)
    report = await schedule_all(joinme, [soon])
    assert "has begun" in str(report.in_doubt[0].error)
    assert sum(made(sandbox).values()) == 1


async def test_a_row_that_never_gets_through_fails_in_the_end(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Three sendings, each proven to have made nothing: it surely failed, with the error of the last."""
    sandbox.plant(Fault.error(500), on="POST", times=3)
    report = await schedule_all(joinme, rows(1), journal=journal)
    assert isinstance(report.failed[0].error, ServerError)
    assert sent(sandbox) == 3
    report = await schedule_all(joinme, rows(1), journal=journal)
    assert report.is_complete


# Going on


async def test_rows_done_are_skipped_and_new_ones_sent(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """The same input again sends nothing; additions at the end are sent."""
    await schedule_all(joinme, rows(10), journal=journal)
    report = await schedule_all(joinme, (new for new in rows(10)), journal=journal)
    assert (len(report.scheduled), sent(sandbox)) == (10, 10)
    report = await schedule_all(joinme, iter(rows(15)), journal=journal)
    assert (len(report.scheduled), sent(sandbox)) == (15, 15)


EDITS = {
    "renamed": lambda: renamed(rows(10), 4, name="Another"),
    "moved": lambda: renamed(rows(10), 4, start=START + HOUR / 2),
    "others invited": lambda: renamed(rows(10), 4, participants=["other@join.me"]),
    "one taken out": lambda: rows(10)[:4] + rows(10)[5:],
    "one put in": lambda: [*rows(2), new_meeting(), *rows(10)[2:]],
    "cut short": lambda: rows(9),
    "empty": list,
    "another": lambda: rows(10, first=100),
}


@pytest.mark.parametrize("once", [False, True], ids=["a list", "an iterator"])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_another_input_is_refused_before_anything_is_sent(
    joinme: JoinMe, sandbox: Sandbox, journal: Path, edit, once
) -> None:
    """The first difference is named, nothing is sent, and the journal goes on with its own input."""
    await schedule_all(joinme, rows(10), journal=journal)
    before = len(sandbox.ledger)
    with pytest.raises(JournalError, match=r"#|rows") as caught:
        await schedule_all(joinme, iter(edit()) if once else edit(), journal=journal)
    assert "goes with another input" in str(caught.value)
    assert len(sandbox.ledger) == before
    assert (await schedule_all(joinme, rows(12), journal=journal)).is_complete
    assert sent(sandbox) == 12


async def test_a_difference_in_what_cannot_be_told_apart_is_none(joinme: JoinMe, journal: Path) -> None:
    """Blanks in names, letter case and order of addresses make no other meeting."""
    await schedule_all(joinme, [new_meeting(participants=["a@b.co", "c@d.co"])], journal=journal)
    same = new_meeting(name="  Weekly   update ", participants=["C@D.co", "a@b.co"])
    assert (await schedule_all(joinme, [same], journal=journal)).is_complete


async def test_rows_with_keys_are_known_by_them(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """They may come in any order, and some be left out; an edited one is refused, and so is a key that comes twice."""
    keyed = [Row(new, key=new.name) for new in rows(6)]
    await schedule_all(joinme, keyed, journal=journal)
    report = await schedule_all(joinme, [Row(new_meeting(), key="new"), *reversed(keyed[:4])], journal=journal)
    assert (len(report.scheduled), sent(sandbox)) == (7, 7)
    edited = [keyed[0], Row(new_meeting(name="Other"), key=keyed[2].key)]
    stripped, rekeyed = rows(6), [keyed[0], *(Row(row.meeting, key=f"new {row.key}") for row in keyed[1:])]
    for wrong in (edited, stripped, rekeyed):
        for given in (wrong, iter(wrong)):
            with pytest.raises(JournalError, match="goes with another input"):
                await schedule_all(joinme, given, journal=journal)
    for twice in ([keyed[0], keyed[0]], [keyed[0], *(Row(new, key="twice") for new in rows(2, first=50))]):
        for given in (twice, iter(twice)):
            with pytest.raises(InvalidMeetingError, match="comes twice in the input"):
                await schedule_all(joinme, given, journal=journal)
    assert sent(sandbox) == 7
    report = await schedule_all(joinme, keyed, journal=journal)
    assert (report.is_complete, sent(sandbox)) == (True, 7)


async def test_a_row_whose_key_left_the_input_is_not_sent(sandbox: Sandbox, clock: FakeClock, journal: Path) -> None:
    """What was taken out of the file before it was sent is not sent any more."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    keyed = [Row(new, key=new.name) for new in rows(3)]
    sandbox.plant(Fault.refuse("", status=400), on="POST", times=3)
    assert len((await schedule_all(joinme, keyed, journal=journal)).failed) == 3
    report = await schedule_all(joinme, keyed[:2], journal=journal)
    assert (len(report.scheduled), [outcome.key for outcome in report.not_started]) == (2, [keyed[2].key])
    assert "Meeting 2" not in made(sandbox)


async def test_a_journal_is_of_one_service_and_one_kind_of_run(sandbox: Sandbox, clock, journal: Path) -> None:
    """What is in doubt at one service is not looked for at another."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    await schedule_all(joinme, rows(1), journal=journal)
    other = JoinMe(sandbox.token, base_url="https://other.example/v1", transport=sandbox.transport(), clock=clock)
    with pytest.raises(JournalError, match=r"is of a run with https://api\.join\.me"):
        await schedule_all(other, rows(1), journal=journal)
    with pytest.raises(JournalError, match="is of a run to schedule meetings"):
        await delete_all(joinme, [1], journal=journal)
    with pytest.raises(JournalError, match="schedules"):
        await delete_all(joinme, [1], journal=journal.with_name("d"))
        await undo(joinme, journal.with_name("d"))


async def test_one_runner_at_a_time(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """A second one is told who has the journal, and sends nothing; the journal can be read meanwhile."""
    async with aclosing(schedule_each(joinme, rows(5), journal=journal)) as outcomes:
        await anext(outcomes)
        before = len(sandbox.ledger)
        with pytest.raises(JournalError, match="in use by another run of this very process: close its") as caught:
            await schedule_all(joinme, rows(5), journal=journal)
        assert caught.value.holder == await Journal(journal).holder()
        assert len((await Journal(journal).report()).scheduled) == 5
        assert len(sandbox.ledger) == before
    assert await Journal(journal).holder() is None
    assert (await schedule_all(joinme, rows(5), journal=journal)).is_complete


async def test_a_complete_journal_goes_on_without_its_input(joinme: JoinMe, sandbox, journal: Path) -> None:
    """One that lacks rows says so, and that the rows are wanted again; without a journal there is nothing to go on with."""
    sandbox.plant(Fault.refuse("", status=400), on="POST", times=2)
    assert len((await schedule_all(joinme, rows(5), journal=journal)).failed) == 2
    assert await Journal(journal).is_complete()
    report = await schedule_all(joinme, None, journal=journal)
    assert (report.done, report.is_complete) == (5, True)
    sandbox.plant(Fault.stale_token(), on="POST", times=None)
    part = journal.with_name("part")
    await schedule_all(joinme, rows(2500), journal=part)
    assert not await Journal(part).is_complete()
    with pytest.raises(JournalError, match="does not have all rows of its run: give the rows again"):
        await schedule_all(joinme, None, journal=part)
    with pytest.raises(JournalError, match="there must be a journal"):
        await schedule_all(joinme, None)
    with pytest.raises(JournalError, match="there is no journal at"):
        await schedule_all(joinme, None, journal=journal.with_name("mistyped"))
    assert {file.name.partition("-")[0] for file in journal.parent.iterdir()} == {"run.journal", "part"}


async def test_a_journal_knows_its_file(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """The same rows are read again, with the same zone and window; rows from elsewhere have no file."""
    file = journal.with_name("june.csv")
    await anyio.Path(file).write_text("name,start,end\nA,2027-06-02T10:00,2027-06-02T11:00\nB,x,y\n")
    given = await anyio.to_thread.run_sync(lambda: read_meetings(file, timezone="Europe/London", skip_bad=True))
    report = await schedule_all(joinme, given, journal=journal)
    assert report.scheduled[0].row.line == 2
    again = await Journal(journal).input()
    assert list(await anyio.to_thread.run_sync(list, again)) == [report.scheduled[0].row]
    assert again.skipped == given.skipped
    await schedule_all(joinme, again, journal=journal)
    assert sent(sandbox) == 1
    await schedule_all(joinme, rows(1), journal=journal.with_name("other"))
    assert await Journal(journal.with_name("other")).input() is None


# A lost journal


async def test_rows_that_are_there_are_told_of_before_the_first_request(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Each counted once, as far as there are meetings for it; by default they are made all the same."""
    await schedule_all(joinme, [*rows(3), new_meeting()])
    seen: list[Progress] = []

    def note(progress: Progress) -> None:
        if progress.phase == "sending":
            seen.append(progress)
            assert progress.already_there or sent(sandbox) > 4

    report = await schedule_all(joinme, [*rows(5), *[new_meeting()] * 2], on_progress=note)
    assert seen[0].already_there == 4
    assert (report.already_there, len(report.scheduled), len(sandbox.meetings)) == (4, 7, 11)


async def test_a_lost_journal_invites_nobody_twice_where_it_is_told_to_adopt(joinme, sandbox, journal: Path) -> None:
    """Rows are given the meetings that are there, by count and down to the participants; the rest is made."""
    await schedule_all(joinme, [*rows(8), *[new_meeting()] * 2])
    given = [*renamed(rows(10), 3, participants=["other@join.me"]), *[new_meeting()] * 3]
    report = await schedule_all(joinme, given, journal=journal, existing="adopt")
    assert (len(report.adopted), len(report.scheduled)) == (9, 4)
    assert len({outcome.meeting_id for outcome in (*report.adopted, *report.scheduled)}) == 13
    assert made(sandbox)["Weekly update"] == 3
    assert made(sandbox)["Meeting 3"] == 2
    assert (await schedule_all(joinme, given, journal=journal, existing="adopt")).is_complete
    assert sent(sandbox) == 14


async def test_a_journal_remembers_whether_it_adopts(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Whoever goes on with a run need not know how it was begun; said anew, it is taken as said."""
    await schedule_all(joinme, rows(20))
    sandbox.plant(Fault.stale_token(), on="GET", skip=1, times=None)  # the list is the last that succeeds
    report = await schedule_all(joinme, rows(20), journal=journal, existing="adopt")
    assert (isinstance(report.stopped, AuthenticationError), len(report.not_started)) == (True, 20)
    sandbox.clear_faults()
    assert len((await schedule_all(joinme, rows(20), journal=journal)).adopted) == 20
    report = await schedule_all(joinme, [*rows(20), *rows(20)], journal=journal, existing="make")
    assert (len(report.adopted), len(report.scheduled), sent(sandbox)) == (20, 20, 40)


# Stopping


async def test_a_used_up_quota_stops_the_run_and_says_when_it_goes_on(clock: FakeClock, journal: Path) -> None:
    """The rest is not started, those waiting included; the next day it goes on."""
    sandbox = Sandbox(clock=clock, per_day=21)
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    report = await schedule_all(joinme, rows(60), journal=journal)
    assert isinstance(report.stopped, QuotaExceededError)
    assert (len(report.scheduled), len(report.not_started), report.in_doubt) == (20, 40, ())
    assert {outcome.error for outcome in report.not_started} == {report.stopped}
    assert report.resume_at == clock.wall().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert len(sandbox.ledger) < 21 + 30
    sandbox = Sandbox(clock=clock)
    clock.advance(86400)


async def test_a_quota_of_ones_own_stops_the_run_as_well(sandbox: Sandbox, clock: FakeClock) -> None:
    """Whoever knows the quota is not refused at all."""
    limits = [RateLimit(5), RateLimit(20, per=86400)]
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=limits)
    report = await schedule_all(joinme, rows(60))
    assert isinstance(report.stopped, QuotaExceededError)
    assert (len(report.scheduled), len(report.not_started), len(sandbox.ledger)) == (19, 41, 20)
    assert report.resume_at > clock.wall()


async def test_a_row_waits_for_its_permit_as_long_as_it_takes(sandbox: Sandbox, clock: FakeClock) -> None:
    """No total deadline: one call in ten minutes, and every row is done."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(1, per=600))
    assert (await schedule_all(joinme, rows(12), verify=False)).is_complete
    assert clock.now() >= 12 * 600


async def test_a_refused_token_stops_the_run(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """No row is to blame, none failed."""
    sandbox.plant(Fault.stale_token(), on="POST", times=None, skip=10)
    report = await schedule_all(joinme, rows(50), journal=journal)
    assert isinstance(report.stopped, AuthenticationError)
    assert (len(report.scheduled), len(report.not_started), report.failed) == (10, 40, ())
    sandbox.clear_faults()
    assert (await schedule_all(joinme, rows(50), journal=journal)).is_complete
    assert made(sandbox) == Counter(new.name for new in rows(50))


async def test_an_outage_stops_the_run(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """So many failures in a row are no matter of the rows: nothing is gained by burning through them all."""
    sandbox.plant(Fault.unreachable(), on="POST", times=None, skip=10)
    report = await schedule_all(joinme, rows(500), journal=journal, stop_after=12)
    assert isinstance(report.stopped, TransportError)
    assert len(report.scheduled) == 10
    assert 12 <= len(report.failed) < 12 + 100
    assert len(report.not_started) == 490 - len(report.failed)
    sandbox.clear_faults()
    assert (await schedule_all(joinme, rows(500), journal=journal)).is_complete
    assert made(sandbox) == Counter(new.name for new in rows(500))


async def test_rows_that_are_at_fault_themselves_are_no_outage(joinme: JoinMe, sandbox: Sandbox) -> None:
    """A hundred refused rows in a row do not keep the next from being sent."""
    sandbox.plant(Fault.refuse("", status=400), on="POST", times=100)
    report = await schedule_all(joinme, rows(110), stop_after=5)
    assert (len(report.failed), len(report.scheduled), report.stopped) == (100, 10, None)
    assert isinstance(report.failed[0].error, BadRequestError)


async def test_a_deadline_ends_the_run_with_nothing_in_doubt(sandbox: Sandbox, clock: FakeClock) -> None:
    """What is in flight is finished, those waiting for their turn are sent away."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(10))
    report = await schedule_all(joinme, rows(200), deadline=5.0)
    assert isinstance(report.stopped, DeadlineExceededError)
    assert 40 <= len(report.scheduled) <= 60
    assert len(report.scheduled) + len(report.not_started) == 200
    assert len(report.scheduled) == sent(sandbox)


async def test_the_rest_of_the_input_is_told_of_as_well(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """A run that stops early accounts for every row, those included that it did not come to write down."""
    sandbox.plant(Fault.stale_token(), on="POST", times=None)
    report = await schedule_all(joinme, (new for new in rows(2500)), journal=journal)
    assert len(report.not_started) == 2500
    assert len({outcome.key for outcome in report.not_started}) == 2500


async def test_what_was_done_before_is_no_part_of_the_rest(joinme: JoinMe, sandbox, journal: Path) -> None:
    """Wherever it stands in an input that was not read to its end."""
    old = [Row(new, key=new.name) for new in rows(10)]
    await schedule_all(joinme, old, journal=journal)
    sandbox.plant(Fault.stale_token(), on="POST", times=None)
    new = [Row(meeting, key=meeting.name) for meeting in rows(2000, first=10)]
    report = await schedule_all(joinme, [*new, *old], journal=journal)
    assert (len(report.scheduled), len(report.not_started)) == (10, 2000)


async def test_what_a_token_source_raises_comes_through(sandbox: Sandbox, clock: FakeClock, journal: Path) -> None:
    """The caller's own error ends the run; what was done is in the journal, and nothing is in doubt."""
    asked = 0

    async def tokens(*, refused: str | None) -> str:
        nonlocal asked
        asked += 1
        if asked > 10:
            raise LookupError("the vault is closed")
        return sandbox.token

    joinme = JoinMe(tokens, transport=sandbox.transport(), clock=clock)
    with pytest.raises(LookupError, match="vault"):
        await schedule_all(joinme, rows(30), journal=journal)
    report = await Journal(journal).report()
    assert (len(report.scheduled), len(report.not_started)) == (9, 21)


async def test_cancelling_finishes_what_is_in_flight(sandbox: Sandbox, clock: FakeClock, journal: Path) -> None:
    """Within a bounded time, and journalled; what was not in flight is not started, and nothing is in doubt."""
    sandbox.latency = 2.0
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    with anyio.CancelScope() as scope:
        sandbox._on_entry = lambda entry: scope.cancel() if entry.number == 5 else None  # in the middle of a handful
        await schedule_all(joinme, rows(100), journal=journal)
    assert scope.cancelled_caught
    report = await Journal(journal).report()
    assert (len(report.in_doubt), len(report.failed)) == (0, 0)
    assert len(report.scheduled) == sent(sandbox)
    assert 1 <= len(report.scheduled) < 100
    sandbox._on_entry = None
    assert (await schedule_all(joinme, rows(100), journal=journal)).is_complete
    assert made(sandbox) == Counter(new.name for new in rows(100))


async def test_what_does_not_end_in_time_is_cut_off(sandbox: Sandbox, clock: FakeClock, journal: Path) -> None:
    """Ten seconds after the cancellation what is still in flight is left in doubt, for the next run to look."""
    sandbox.plant(Fault.late(25), on="POST", times=3)
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    with anyio.CancelScope() as scope:
        sandbox._on_entry = lambda entry: scope.cancel() if entry.number == 4 else None
        await schedule_all(joinme, rows(3), journal=journal)
    assert clock.now() <= 11
    assert len((await Journal(journal).report()).in_doubt) == 3
    sandbox._on_entry = None
    report = await schedule_all(joinme, rows(3), journal=journal)
    assert (len(report.adopted), sent(sandbox)) == (3, 3)


# One by one


async def test_outcomes_one_by_one(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """One for each row; on another run those done before come first, and say so."""
    sandbox.plant(Fault.lose(), Fault.refuse("", status=400), Fault.lose(done=False), on="POST")
    outcomes = [outcome async for outcome in schedule_each(joinme, rows(50), journal=journal)]
    assert Counter(outcome.state for outcome in outcomes) == {"scheduled": 48, "adopted": 1, "failed": 1}
    assert len({outcome.key for outcome in outcomes}) == 50
    again = [outcome async for outcome in schedule_each(joinme, rows(52), journal=journal)]
    assert [outcome.earlier for outcome in again] == [True] * 49 + [False] * 3
    assert len({outcome.meeting_id for outcome in again}) == 52
    assert {type(outcome) for outcome in again} == {RowOutcome}


async def test_outcomes_of_what_is_in_doubt_and_not_started_come_last(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Every row has its outcome, whatever the run comes to."""
    sandbox.plant(Fault.lose(), on="POST", skip=2)
    sandbox.plant(Fault.stale_token(), on="POST", times=None, skip=8)
    sandbox.plant(Fault.error(500), on="GET", times=None, skip=1)
    outcomes = [outcome async for outcome in schedule_each(joinme, iter(rows(40)))]
    states = Counter(outcome.state for outcome in outcomes)
    assert states == {
        "scheduled": 7 + (states["scheduled"] - 7),
        "in_doubt": 1,
        "not_started": 40 - 1 - states["scheduled"],
    }
    assert [outcome.state for outcome in outcomes][-1] == "not_started"
    assert all(isinstance(outcome.error, AuthenticationError) for outcome in outcomes if outcome.state == "not_started")


async def test_it_can_be_left_at_any_moment(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """While an outcome is handed out nothing is under way, so breaking off leaves nothing in doubt."""
    async with aclosing(schedule_each(joinme, rows(100), journal=journal)) as outcomes:
        async for _ in outcomes:
            break
    report = await Journal(journal).report()
    assert report.in_doubt == ()
    assert len(report.scheduled) == sent(sandbox)
    assert (await schedule_all(joinme, rows(100), journal=journal)).is_complete
    assert made(sandbox) == Counter(new.name for new in rows(100))


async def test_an_input_may_wait_for_outcomes(joinme: JoinMe) -> None:
    """The input is read while nothing is under way and nothing is held back, so that it can depend on what came out."""
    done: list[RowOutcome[Row]] = []

    async def source():
        for number, new in enumerate(rows(5)):
            assert len(done) <= number
            yield new
            await joinme.meetings.list()

    async for outcome in schedule_each(joinme, source()):
        done.append(outcome)  # noqa: PERF401
    assert len(done) == 5


async def test_an_input_with_cancel_scopes_of_its_own_will_do(joinme: JoinMe) -> None:
    """It is read in one task, and none of ours is open around it."""

    async def source():
        async with anyio.create_task_group():
            with anyio.CancelScope():
                for new in rows(30):
                    yield new

    outcomes = [outcome async for outcome in schedule_each(joinme, source())]
    assert len(outcomes) == 30


async def test_an_input_that_fails_ends_the_run_ready_to_go_on(joinme: JoinMe, sandbox, journal: Path) -> None:
    """Its error comes through as it is."""

    def source():
        yield from rows(2100)
        raise OSError("the share is gone")

    with pytest.raises(OSError, match="share"):
        await schedule_all(joinme, source(), journal=journal)
    report = await Journal(journal).report()
    assert len(report.scheduled) == sent(sandbox)
    assert (await schedule_all(joinme, rows(2105), journal=journal)).done == 2105


# Progress


async def test_progress_is_told_as_frozen_values(sandbox: Sandbox, clock: FakeClock) -> None:
    """From the first phase to the last, with counts that only grow and the time that the limiter leaves."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(10))
    seen: list[Progress] = []
    sandbox.plant(Fault.lose(), on="POST", skip=98)
    await schedule_all(joinme, rows(100), on_progress=seen.append)
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == ["checking", "sending", "settling", "verifying", "finished"]
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].done == 100
    assert {p.total for p in seen} <= {None, 100}
    assert max(p.in_doubt for p in seen) == 1
    middle = [p for p in seen if p.time_left and 30 < p.done < 80]
    assert middle
    assert all(p.time_left >= (100 - p.done) / 10.01 for p in middle)
    assert any(p.waiting == "rate limit" for p in seen)
    assert any(p.waiting == "settle" and p.waits == pytest.approx(2.0, abs=0.2) for p in seen)
    with pytest.raises(AttributeError):
        seen[0].done = 5


async def test_a_hook_that_raises_stops_nothing(joinme: JoinMe, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged."""

    def hook(progress: Progress) -> None:
        raise ZeroDivisionError

    assert (await schedule_all(joinme, rows(5), on_progress=hook)).is_complete
    assert "on_progress raised" in caplog.text


async def test_a_pause_is_told_of(sandbox: Sandbox, clock: FakeClock) -> None:
    """A bar shows what is waited for, and goes on ticking meanwhile."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    seen: list[Progress] = []
    sandbox.plant(Fault.refuse(retry_after=30), on="POST", skip=3)
    await schedule_all(joinme, rows(10), on_progress=seen.append)
    pauses = [progress for progress in seen if progress.waiting == "cool-down"]
    assert max(progress.waits for progress in pauses) == pytest.approx(30, abs=1)
    assert len(pauses) > 10


# Verifying, changing, undoing


async def test_surplus_and_missing_meetings_are_reported(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """More equal meetings than rows, and rows whose meeting has gone; nothing is deleted or made for that."""
    report = await schedule_all(joinme, rows(5), journal=journal)
    assert (report.surplus, report.missing, report.verified) == ((), (), True)
    extra = await joinme.meetings.schedule(rows(5)[2])
    await joinme.meetings.schedule(
        new_meeting(name="Meeting 3", start=rows(5)[3].start, end=rows(5)[3].end, participants=["x@join.me"])
    )
    await joinme.meetings.delete(report.scheduled[4].meeting_id)
    before = sent(sandbox) + sent(sandbox, "DELETE")
    report = await verify(joinme, journal)
    assert [meeting.id for meeting in report.surplus] == [extra.id]
    assert [outcome.key for outcome in report.missing] == ["#5"]
    assert sent(sandbox) + sent(sandbox, "DELETE") == before


async def test_undo_deletes_exactly_what_was_scheduled(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Adopted ones only where asked for; a meeting that is gone counts; foreign ones stay; twice is once."""
    foreign = await joinme.meetings.schedule(new_meeting())
    sandbox.plant(Fault.lose(), on="POST", skip=3)
    report = await schedule_all(joinme, rows(10), journal=journal)
    await joinme.meetings.delete(report.scheduled[0].meeting_id)
    undone = await undo(joinme, journal)
    assert (len(undone.deleted), len(undone.adopted), undone.failed) == (9, 1, ())
    assert {m.id for m in sandbox.meetings} == {foreign.id, report.adopted[0].meeting_id}
    undone = await undo(joinme, journal, adopted=True)
    assert (len(undone.deleted), undone.adopted) == (10, ())
    assert [m.id for m in sandbox.meetings] == [foreign.id]
    assert sent(sandbox, "DELETE") == 11
    with pytest.raises(JournalError, match="was undone"):
        await schedule_all(joinme, rows(10), journal=journal)


async def test_an_undo_that_fails_is_gone_on_with(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """What could not be deleted is reported, and tried again by the next."""
    await schedule_all(joinme, rows(6), journal=journal)
    sandbox.plant(Fault.refuse("ERR_403_NOT_AUTHORIZED", retry_after=None), on="DELETE", times=2)
    undone = await undo(joinme, journal)
    assert (len(undone.deleted), len(undone.failed)) == (4, 2)
    sandbox.plant(Fault.lose(), on="DELETE", times=1)
    undone = await undo(joinme, journal)
    assert (len(undone.deleted), undone.failed, len(sandbox.meetings)) == (6, (), 0)


async def test_undo_takes_a_journal_that_is_there(joinme: JoinMe, journal: Path) -> None:
    """A name that is mistyped makes no journal."""
    for call in (undo, verify):
        with pytest.raises(JournalError, match="there is no journal at"):
            await call(joinme, journal)
    assert not journal.exists()


async def test_changes_are_carried_out_in_order(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Each once per meeting and place, with exactly its fields; a change that was in doubt is sent again."""
    meetings = [await joinme.meetings.schedule(new) for new in rows(4)]
    changes = [Change(meeting, name=f"Now {meeting.name}") for meeting in meetings]
    changes += [Change(meetings[0].id, participants=[], key="nobody"), Change(meetings[0], name="Last")]
    sandbox.plant(Fault.lose(), on="PATCH", times=None, skip=4)
    report = await update_all(joinme, changes, journal=journal)
    assert len(report.updated) + len(report.in_doubt) + len(report.not_started) == 6
    assert report.in_doubt
    sandbox.clear_faults()
    report = await update_all(joinme, changes, journal=journal)
    assert (len(report.updated), report.is_complete) == (6, True)
    assert sorted(meeting.name for meeting in sandbox.meetings) == [
        "Last",
        "Now Meeting 1",
        "Now Meeting 2",
        "Now Meeting 3",
    ]
    assert next(m for m in sandbox.meetings if m.name == "Last").participants == ()
    assert report.updated[4].key == "nobody"
    assert report.updated[0].row == changes[0]


async def test_a_change_checks_itself(joinme: JoinMe) -> None:
    """Nothing to change, a wrong id, a naive time: refused when it is made."""
    for wrong in (
        lambda: Change(5),
        lambda: Change(True, name="x"),
        lambda: Change(5, start=START.replace(tzinfo=None)),
    ):
        with pytest.raises(InvalidMeetingError):
            wrong()
    with pytest.raises(InvalidMeetingError, match="a row of update_all is a Change"):
        await update_all(joinme, [5])


async def test_deletions_know_of_doubt(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Gone after an answer that was lost is deleted; never there is not found, unless that is all right."""
    meetings = [await joinme.meetings.schedule(new) for new in rows(5)]
    one = sandbox.transport(concurrency=1)  # in order
    never = JoinMe(sandbox.token, transport=one, clock=sandbox.clock, retry=RetryPolicy.never())
    sandbox.plant(Fault.lose(), on="DELETE", times=2)
    report = await delete_all(never, [*meetings, 99], journal=journal)
    assert (len(report.deleted), len(report.in_doubt), len(report.failed)) == (3, 2, 1)
    assert isinstance(report.failed[0].error, NotFoundError)
    report = await delete_all(never, [*meetings, 99], journal=journal)
    assert (len(report.deleted), len(report.in_doubt), len(report.failed)) == (5, 0, 1)
    assert (await delete_all(joinme, [99], missing_ok=True)).is_complete
    assert sandbox.meetings == ()


def test_a_report_says_what_there_is() -> None:
    """In a line, and only what there is."""
    assert BulkReport().summary == "no rows"
    assert BulkReport(already_there=2).summary == "2 already there before"
    assert not BulkReport(stopped=JournalError("full", journal="x")).is_complete
    assert math.isclose(Progress("sending").rate, 0)


# What a look proves


def forget(sandbox: Sandbox) -> None:
    """Let all meetings vanish, as somebody who deletes them elsewhere would."""
    for meeting in sandbox.meetings:
        sandbox._service._replace(meeting.id, None)


def lists(sandbox: Sandbox) -> int:
    return sum(entry.path == "/v1/meetings" and entry.method == "GET" for entry in sandbox.ledger)


async def test_a_candidate_that_is_gone_when_it_is_read_proves_nothing(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Listed, and not there: the list and the rest of the service do not agree, and one of them is behind."""
    sandbox.plant(Fault.lose(), on="POST")

    def vanish(entry) -> None:
        if lists(sandbox) == 2 and entry.path == "/v1/meetings":
            forget(sandbox)

    sandbox._on_entry = vanish
    report = await schedule_all(joinme, rows(1))
    assert sent(sandbox) == 2  # gone from the next two lists as well, which proves it
    assert len(report.scheduled) == 1


async def test_a_candidate_that_cannot_be_read_proves_nothing(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Whatever stands in the way of reading it, the row is in doubt."""
    sandbox.plant(Fault.lose(), on="POST", times=2)
    for look in range(3):
        sandbox.plant(Fault.refuse("ERR_403_NOT_AUTHORIZED", retry_after=None), on="GET", times=2, skip=2 + look)
    report = await schedule_all(joinme, rows(2), journal=journal, verify=False)
    assert (len(report.in_doubt), sent(sandbox)) == (2, 2)
    assert "could not be read" in str(report.in_doubt[0].error)
    sandbox.clear_faults()
    assert len((await schedule_all(joinme, rows(2), journal=journal)).adopted) == 2


@pytest.mark.parametrize("fate", ["deleted", "moved"])
async def test_a_witness_that_is_gone_or_elsewhere_says_nothing(joinme, sandbox, fate: str) -> None:
    """A meeting of the run that somebody deleted, or moved behind the end of the list, is no sign of a list that lags."""
    sandbox.plant(Fault.lose(done=False), on="POST", skip=3)
    done = False

    def meddle(entry) -> None:
        nonlocal done
        if sent(sandbox) == 4 and not done:
            done = True
            stored = next(iter(sandbox._service._meetings.values()))
            far = timedelta(days=90)
            moved = attrs.evolve(stored, start=stored.start + far, end=stored.end + far)
            sandbox._service._replace(stored.id, moved if fate == "moved" else None)

    sandbox._on_entry = meddle
    report = await schedule_all(joinme, rows(4), verify=False)
    assert (report.in_doubt, sent(sandbox)) == ((), 5)


async def test_a_list_that_lags_at_the_end_makes_nothing_missing(joinme: JoinMe, sandbox: Sandbox) -> None:
    """What one list does not show, another one is asked for."""
    sandbox.plant(Fault.lag_behind(60), on="GET", skip=1)
    report = await schedule_all(joinme, rows(3))
    assert (report.missing, report.verified, lists(sandbox)) == ((), True, 3)


async def test_a_meeting_there_before_that_has_gone_is_not_adopted(joinme: JoinMe, sandbox: Sandbox) -> None:
    """It is read before it is taken."""
    await joinme.meetings.schedule(rows(1)[0])

    def vanish(entry) -> None:
        if lists(sandbox) == 1:
            forget(sandbox)
            sandbox._on_entry = None

    sandbox._on_entry = vanish
    report = await schedule_all(joinme, rows(1), existing="adopt")
    assert (len(report.scheduled), report.adopted) == (1, ())
