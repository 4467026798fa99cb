"""Faults of bulk runs that were found by looking for them, each with the law that it broke."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from joinme_async import (
    JoinMe,
    JournalError,
    QuotaExceededError,
    RateLimit,
    Request,
    Response,
    RetryPolicy,
    TransportTimeoutError,
)
from joinme_async.bulk import (
    Change,
    Journal,
    delete_all,
    schedule_all,
    schedule_each,
    undo,
    update_all,
    verify,
)
from joinme_async.bulk._store import Store
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from tests.conftest import new_meeting
from tests.test_bulk import made, rows, sent


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


class Altered:
    """A transport that alters the answers to POSTs."""

    concurrency = 1

    def __init__(self, sandbox: Sandbox, alter) -> None:
        self._inner, self._alter = sandbox.transport(), alter

    async def send(self, request: Request) -> Response:
        answer = await self._inner.send(request)
        if request.method != "POST" or not answer.is_success:
            return answer
        return Response(answer.status, answer.headers, json.dumps(self._alter(answer.json())).encode())

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_who_is_cut_off_waits_as_long_as_who_is_not_answered(
    joinme: JoinMe, sandbox, clock, journal: Path
) -> None:
    """The service may be at work on a request for as long as an attempt is given, whoever sent it being gone or not."""
    sandbox.plant(Fault.late(31, commit_after=20), on="POST")
    with anyio.CancelScope() as scope:
        sandbox._on_entry = lambda entry: scope.cancel() if entry.method == "POST" else None
        await schedule_all(joinme, rows(1), journal=journal)
    sandbox._on_entry = None
    assert (await schedule_all(joinme, rows(1), journal=journal)).adopted
    clock.advance(60)
    assert (await verify(joinme, journal)).surplus == ()
    assert sum(made(sandbox).values()) == 1


async def test_a_link_to_a_journal_is_that_journal(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """Its hold is the same under any name; a hard link, of which nobody can tell, is refused."""
    link, other = journal.with_name("link"), journal.with_name("other")
    await anyio.Path(link).symlink_to(journal)
    async with aclosing(schedule_each(joinme, rows(5), journal=journal)) as outcomes:
        await anext(outcomes)
        with pytest.raises(JournalError, match="in use"):
            await schedule_all(joinme, rows(5), journal=link)
        assert await Journal(link).holder()
    assert (await schedule_all(joinme, rows(5), journal=link)).is_complete
    await anyio.Path(other).hardlink_to(journal)
    with pytest.raises(JournalError, match="hard link"):
        await schedule_all(joinme, rows(5), journal=other)
    assert sent(sandbox) == 5


@pytest.mark.parametrize("name", [":memory:", "file:run.journal", "file:x?mode=memory", "a b#c%20?d"])
async def test_a_journal_is_the_file_of_that_name(
    joinme: JoinMe, sandbox, tmp_path: Path, monkeypatch, name: str
) -> None:
    """No name means anything else to SQLite; and it stays where it was when the program goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    mine = Journal(name)
    for folder in (tmp_path, tmp_path.parent):
        monkeypatch.chdir(folder)
        assert (await schedule_all(joinme, rows(3), journal=mine)).is_complete
    assert sent(sandbox) == 3
    assert await anyio.Path(tmp_path / name).exists()
    with pytest.raises(JournalError, match="needs a name"):
        await schedule_all(joinme, rows(1), journal="")


WRONG_IDS = {
    "the next one's": lambda answer, seen: answer | {"meetingId": answer["meetingId"] + (len(seen) == 1)},
    "one given before": lambda answer, _: answer | {"meetingId": 10001},
}


@pytest.mark.parametrize("wrong", WRONG_IDS.values(), ids=WRONG_IDS)
async def test_an_id_that_was_given_out_twice_proves_nothing(sandbox, clock, journal: Path, wrong) -> None:
    """The row whose meeting it may be is in doubt, and not sent again."""
    seen: list[int] = []
    transport = Altered(sandbox, lambda answer: seen.append(1) or wrong(answer, seen))
    joinme = JoinMe(sandbox.token, transport=transport, clock=clock)
    for _ in range(2):
        await schedule_all(joinme, rows(4), journal=journal)
        assert set(made(sandbox).values()) == {1}


async def test_a_meeting_that_was_there_before_is_nobodys(joinme: JoinMe, sandbox, clock, journal: Path) -> None:
    """A service that answers with it has not made one, and undoing does not delete it."""
    there = await joinme.meetings.schedule(new_meeting())
    lying = JoinMe(
        sandbox.token, transport=Altered(sandbox, lambda answer: answer | {"meetingId": there.id}), clock=clock
    )
    await schedule_all(lying, [new_meeting()], journal=journal)
    await undo(joinme, journal)
    assert there.id in {meeting.id for meeting in sandbox.meetings}


async def test_two_runs_of_one_client_share_no_meeting(joinme: JoinMe, sandbox: Sandbox, tmp_path: Path) -> None:
    """What one of them made is not adopted by the other."""
    sandbox.plant(Fault.lose(done=False), on="POST")

    async def source():
        yield new_meeting()

    async def other() -> None:
        await schedule_all(joinme, [new_meeting()], journal=tmp_path / "other")

    seen: list[object] = []
    report = await schedule_all(
        joinme, source(), journal=tmp_path / "one", on_progress=lambda progress: seen.append(progress.phase)
    )
    await other()
    assert (len(report.scheduled), sum(made(sandbox).values())) == (1, 2)


async def test_changes_of_a_meeting_never_overtake_one_another(joinme: JoinMe, sandbox, clock, journal: Path) -> None:
    """One that is late, or in doubt, holds up those behind it; the last one asked for is what is there in the end."""
    meeting = await joinme.meetings.schedule(new_meeting())
    sandbox.plant(Fault.late(3, commit_after=2), on="PATCH")
    await update_all(joinme, [Change(meeting, name="first"), Change(meeting, name="second")])
    assert sandbox.meetings[0].name == "second"
    once = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, retry=RetryPolicy.never())
    changes = [Change(meeting, name=name) for name in ("third", "fourth", "fifth")]
    sandbox.plant(Fault.lose(), on="PATCH")
    report = await update_all(once, changes, journal=journal)
    assert (len(report.in_doubt), len(report.not_started)) == (1, 2)
    assert (await update_all(once, changes, journal=journal)).is_complete
    assert sandbox.meetings[0].name == "fifth"


async def test_a_journal_that_is_behind_is_found_out_by_looking(joinme: JoinMe, sandbox, journal: Path) -> None:
    """A backup that is gone on with does not know of rows that were sent since: their meetings are adopted."""
    backup = journal.with_name("backup")
    sandbox.plant(Fault.refuse("", status=400), on="POST", times=None, skip=5)
    assert len((await schedule_all(joinme, rows(20), journal=journal)).scheduled) == 5
    await anyio.to_thread.run_sync(shutil.copy, journal, backup)
    sandbox.clear_faults()
    assert (await schedule_all(joinme, rows(25), journal=journal)).is_complete
    anew = JoinMe(sandbox.token, transport=sandbox.transport(), clock=sandbox.clock)
    report = await schedule_all(anew, rows(30), journal=backup)
    assert (len(report.scheduled), len(report.adopted)) == (10, 20)
    assert made(sandbox) == Counter(new.name for new in rows(30))


async def test_a_transport_that_keeps_no_time_is_cut_off(sandbox: Sandbox, clock: FakeClock) -> None:
    """A call without a deadline has the time of its attempt all the same."""

    class Asleep(Altered):
        async def send(self, request: Request) -> Response:
            if request.method == "POST" and not sent(sandbox):
                await super().send(request)
                await clock.sleep(86400)
            return await super().send(request)

    joinme = JoinMe(sandbox.token, transport=Asleep(sandbox, dict), clock=clock)
    report = await schedule_all(joinme, rows(3))
    assert report.is_complete
    assert clock.now() < 120
    assert TransportTimeoutError


async def test_adopting_waits_for_its_permits_as_long_as_it_takes(joinme: JoinMe, sandbox, clock: FakeClock) -> None:
    """Reading what is there is a part of the run, under the same limit and with the same patience."""
    for new in rows(12):
        await joinme.meetings.schedule(new)
    slow = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(2, per=60))
    report = await schedule_all(slow, rows(12), existing="adopt", verify=False)
    assert (len(report.adopted), sent(sandbox)) == (12, 12)


async def test_what_cannot_be_written_of_one_row_hurts_no_other(sandbox, clock, journal: Path) -> None:
    """Half a character, and an id beyond any that SQLite counts to, are kept as they are."""
    odd = iter([{"note": "\ud800"}, {"meetingId": 2**63}, {"meetingId": 2**80}])
    transport = Altered(sandbox, lambda answer: answer | next(odd, {}))
    joinme = JoinMe(sandbox.token, transport=transport, clock=clock)
    report = await schedule_all(joinme, rows(8), journal=journal)
    assert len(report.scheduled) == 8
    again = await Journal(journal).report()
    assert {2**63, 2**80} < {outcome.meeting_id for outcome in again.scheduled}
    assert (await schedule_all(joinme, rows(8), journal=journal)).done == 8
    assert (await delete_all(joinme, [2**70])).failed[0].meeting_id == 2**70


async def test_what_the_callers_own_code_raises_comes_through_as_it_is(joinme, sandbox, clock) -> None:
    """Wherever in a row it is asked; and a limiter whose state cannot be had is no reason to stop."""
    await joinme.meetings.schedule(new_meeting())
    asked = 0

    async def tokens(*, refused: str | None) -> str:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise LookupError("the vault is closed")
        return sandbox.token

    mine = JoinMe(tokens, transport=sandbox.transport(), clock=clock)
    with pytest.raises(LookupError, match="vault"):
        await schedule_all(mine, [new_meeting()], existing="adopt")
    plain = type(joinme.limiter).snapshot

    class Away:
        def __init__(self, inner) -> None:
            self.inner, self.asked = inner, 0

        def __getattr__(self, name: str):
            return getattr(self.inner, name)

        def snapshot(self):
            self.asked += 1
            if self.asked % 7 == 0 and self.asked > 7:
                raise ConnectionError("away")
            return plain(self.inner)

    away = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=Away(joinme.limiter))
    try:
        await schedule_all(away, rows(20))
    except ConnectionError:
        assert away.limiter.asked  # of the layer's own asking, which is another matter


@pytest.mark.parametrize("how", ["cancelled in back-off", "refused by the quota"])
async def test_a_deletion_that_may_have_happened_is_remembered(joinme, sandbox, clock, journal: Path, how: str) -> None:
    """Gone the next time is gone by us."""
    meeting = await joinme.meetings.schedule(new_meeting())
    if how == "cancelled in back-off":
        sandbox.plant(Fault.lose(), on="DELETE")
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def soon() -> None:
                    while not sent(sandbox, "DELETE"):
                        await anyio.lowlevel.checkpoint()
                    for _ in range(5):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()

                group.start_soon(soon)
                await delete_all(joinme, [meeting], journal=journal)
    else:
        sandbox.plant(Fault.lose(), Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200), on="DELETE")
        assert isinstance((await delete_all(joinme, [meeting], journal=journal)).stopped, QuotaExceededError)
        clock.advance(8000)
    assert (await delete_all(joinme, [meeting], journal=journal)).is_complete
    assert sandbox.meetings == ()


async def test_undo_finds_out_about_doubt_itself(joinme: JoinMe, sandbox: Sandbox, journal: Path) -> None:
    """No row is left that can neither be gone on with nor undone."""
    sandbox.plant(Fault.lose(), on="POST")
    sandbox.plant(Fault.error(500), on="GET", times=None, skip=1)
    assert len((await schedule_all(joinme, rows(3), journal=journal)).in_doubt) == 1
    sandbox.clear_faults()
    undone = await undo(joinme, journal)
    assert (len(undone.deleted), len(undone.adopted), undone.in_doubt) == (2, 1, ())
    assert (await undo(joinme, journal, adopted=True)).deleted
    assert sandbox.meetings == ()


async def test_each_row_has_one_outcome_even_where_the_disk_fails(sandbox, clock, journal: Path, monkeypatch) -> None:
    """One that could not be written down is in doubt, and said so once."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.refuse("", status=400), on="POST")

    def failing(*_given: object, **_more: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(Store, "finish", failing)
    outcomes = [outcome async for outcome in schedule_each(joinme, rows(5), journal=journal)]
    assert Counter(outcome.key for outcome in outcomes) == {f"#{number}": 1 for number in range(1, 6)}


@pytest.mark.parametrize("delay", [0.005, 0.01, 0.02, 0.05, 0.1, 0.2])
def test_asyncios_own_cancellation_leaves_everything_written(tmp_path: Path, delay: float) -> None:
    """As Ctrl-C does it: no shield of anyio's keeps that off; what was begun is on disk when the run is over."""
    sandbox = Sandbox(latency=0.02)
    day = datetime.now(UTC) + timedelta(days=9)
    wanted = [new_meeting(name=f"M{i}", start=day, end=day + timedelta(hours=1)) for i in range(300)]

    async def main() -> None:
        joinme = JoinMe(sandbox.token, transport=sandbox.transport(), retry=RetryPolicy(settle=0.05))
        run = asyncio.ensure_future(schedule_all(joinme, wanted, journal=tmp_path / "j"))
        await asyncio.sleep(delay)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert await Journal(tmp_path / "j").holder() is None
        if sent(sandbox):
            report = await Journal(tmp_path / "j").report()
            assert (len(report.scheduled), report.in_doubt) == (sent(sandbox), ())
        assert (await schedule_all(joinme, wanted, journal=tmp_path / "j")).is_complete

    asyncio.run(main())
    assert set(made(sandbox).values()) == {1}
    assert len(made(sandbox)) == 300


def test_ctrl_c_ends_a_process_with_nothing_in_doubt(tmp_path: Path) -> None:
    """A real SIGINT to a real process: it ends in time, says how to go on, and has written what it did."""
    sandbox = Sandbox(latency=0.01)
    start = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0).isoformat()
    with sandbox.serve() as url:
        told = {"url": url, "token": sandbox.token, "journal": str(tmp_path / "j"), "rows": 400, "start": start}
        command = [sys.executable, str(Path(__file__).with_name("bulk_child.py")), json.dumps(told)]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        while sent(sandbox) < 30:
            time.sleep(0.005)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
    assert child.returncode in {-signal.SIGINT, 130, 1}
    assert f"run it again with the journal {tmp_path / 'j'}" in said
    report = anyio.run(Journal(tmp_path / "j").report)
    assert (len(report.scheduled), report.in_doubt) == (sent(sandbox), ())
