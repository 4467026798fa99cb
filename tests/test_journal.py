"""The journal on a real disk: what it survives, what it refuses, and that it says so."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from joinme_async import (
    BadRequestError,
    DeadlineExceededError,
    JoinMe,
    JoinMeError,
    JournalError,
    OutcomeUnknownError,
    QuotaExceededError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async.bulk import Change, Journal, Row, schedule_all, update_all
from joinme_async.bulk._journal import Writer, read_error, write_error
from joinme_async.bulk._store import VERSION, Incoming, Store
from joinme_async.bulk._verbs import Schedule
from joinme_async.sandbox import Sandbox
from joinme_async.testing import FakeClock
from tests.conftest import new_meeting
from tests.test_bulk import made, rows, sent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


def query(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def test_any_sqlite_tool_can_read_it(joinme: JoinMe, path: Path) -> None:
    """A view with plain names says of each row what it was, and what became of it."""
    await schedule_all(
        joinme, [Row(new_meeting(), key="boss", line=2), new_meeting(name="Ünï\N{SNOWMAN}")], journal=path
    )
    times = ("2027-06-02T09:00:00Z", "2027-06-02T10:00:00Z")
    names = 'number, key, line, state, name, start, "end", start_with_personal_url, participants, error'
    assert query(path, f"SELECT {names} FROM meetings") == [
        (1, "boss", 2, "scheduled", "Weekly update", *times, 0, '["boss@join.me"]', None),
        (2, None, None, "scheduled", "Ünï\N{SNOWMAN}", *times, 0, '["boss@join.me"]', None),
    ]
    assert sorted(query(path, "SELECT meeting_id FROM meetings")) == [(10001,), (10002,)]
    assert query(path, "PRAGMA user_version") == [(VERSION,)]
    changes = path.with_name("changes")
    await update_all(joinme, [Change(10001, name="New"), Change(7, name="New")], journal=changes)
    assert query(changes, "SELECT state, meeting_id, name FROM meetings") == [
        ("updated", 10001, "New"),
        ("failed", 7, "New"),
    ]


async def test_only_its_owner_can_read_it_and_it_holds_no_token(joinme: JoinMe, sandbox: Sandbox, path: Path) -> None:
    """It holds the addresses of people, and must."""
    old = os.umask(0)
    try:
        writer = await Writer.opened(str(path))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await writer.aclose()
    finally:
        os.umask(old)
    assert {mode for name, mode in modes.items() if "-hold" not in name} == {0o600}
    await schedule_all(joinme, rows(3), journal=path)
    assert all(sandbox.token.encode() not in file.read_bytes() for file in path.parent.iterdir())


async def test_it_is_synced_and_in_a_write_ahead_log(path: Path) -> None:
    """A commit is on disk when it is over."""
    writer = await Writer.opened(str(path))
    assert await writer.write(lambda store: store._connection.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    assert await writer.write(lambda store: store._connection.execute("PRAGMA synchronous").fetchone()) == (2,)
    await writer.aclose()


async def test_many_writers_share_a_commit(path: Path) -> None:
    """What comes while a commit is under way is written by the next one, in order; nobody is told before it is on disk."""
    writer = await Writer.opened(str(path))
    commits: list[int] = []
    order: list[int] = []
    plain = writer._commit
    writer._commit = lambda jobs: (commits.append(len(jobs)), plain(jobs))

    async def write(number: int) -> None:
        assert await writer.write(lambda _: order.append(number) or number) == number
        assert number in order

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(write, number)
    assert sum(commits) == 100
    assert len(commits) <= 3
    assert sorted(order) == list(range(100))
    await writer.aclose()


async def test_one_that_cannot_be_written_takes_no_other_along(path: Path) -> None:
    """It alone is told; those before, beside and after it are on disk."""
    writer = await Writer.opened(str(path))
    await writer.write(lambda store: store.begin("schedule", "s", "now", None, "me"))
    gate, told = threading.Event(), []

    async def write(work) -> None:
        try:
            await writer.write(work)
        except ZeroDivisionError as error:
            told.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(write, lambda _: gate.wait(10))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(write, lambda store: store.set_complete(True))
        group.start_soon(write, lambda _: 1 / 0)
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert len(told) == 1
    assert (await writer.write(Store.info)).complete
    await writer.aclose()


async def test_a_cancelled_writer_has_written(path: Path) -> None:
    """What was begun is on disk, or has failed, when it is over."""
    writer = await Writer.opened(str(path))
    await writer.write(lambda store: store.begin("schedule", "s", "now", None, "me"))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await writer.write(lambda store: store.set_complete(True))
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert (await writer.write(Store.info)).complete
    await writer.aclose()


ERRORS = [
    BadRequestError("no", status=400, code="invalid_request", message="why", retry_after=1.5),
    ServerError("no", status=503),
    QuotaExceededError("used up", status=403, retry_after=5),
    TransportError("gone", request_sent=False),
    TransportTimeoutError("late"),
    UnexpectedResponseError("what", status=200, path_in_body="meetings[3]", excerpt="x"),
    DeadlineExceededError("late", last=TransportError("x")),
    OutcomeUnknownError("unknown", meeting=new_meeting(), last=TransportError("x")),
    JoinMeError("plain"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_read_back_as_what_it_was(error: JoinMeError) -> None:
    """Its class, words and plain facts; what it led back to is not kept, and reads as None."""
    error.method, error.path, error.attempts, error.elapsed = "POST", "/meetings", 2, 1.25
    again = read_error(write_error(error), Row(new_meeting()))
    assert (type(again), str(again)) == (type(error), str(error))
    for name, value in vars(error).items():
        assert getattr(again, name) == (None if name == "last" else value)


def test_an_error_of_a_users_own_is_read_back_as_its_nearest() -> None:
    """A class that this package does not know is not looked for."""

    class ProxyError(TransportError):
        pass

    again = read_error(write_error(ProxyError("no", request_sent=False)), None)
    assert (type(again), again.request_sent) == (TransportError, False)
    assert type(read_error(json.dumps({"kind": "os", "message": "m", "facts": {}}), None)) is JoinMeError


# What it refuses


@pytest.mark.parametrize("name", ["text", "half a journal"])
async def test_what_is_no_journal_is_left_alone(joinme: JoinMe, sandbox: Sandbox, path: Path, name: str) -> None:
    """A file of something else, named by mistake, is not written to, and nothing is sent."""
    if name == "text":
        path.write_bytes(b"name,start,end\n" * 1000)
    else:
        await schedule_all(joinme, rows(300), journal=path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    before, calls = path.read_bytes(), len(sandbox.ledger)
    with pytest.raises(JournalError, match="is damaged, or no journal") as caught:
        await schedule_all(joinme, rows(300), journal=path)
    assert caught.value.journal == str(path)
    assert (path.read_bytes(), len(sandbox.ledger)) == (before, calls)


async def test_a_database_of_something_else_is_left_alone(joinme: JoinMe, path: Path) -> None:
    """It is told apart by the mark that SQLite keeps for that."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE precious (x)")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="a database of something else"):
        await schedule_all(joinme, rows(1), journal=path)
    assert path.read_bytes() == before


async def test_a_journal_of_another_version_is_left_alone(joinme: JoinMe, path: Path) -> None:
    """A version that is not known may mean anything."""
    await schedule_all(joinme, rows(1), journal=path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(JournalError, match="another version"):
        await schedule_all(joinme, rows(1), journal=path)


async def test_an_empty_file_is_a_new_journal(joinme: JoinMe, path: Path) -> None:
    """As a process leaves one that is killed before the first commit, or mktemp."""
    path.touch()
    with pytest.raises(JournalError, match="no run has begun"):
        await Journal(path).report()
    assert (await schedule_all(joinme, rows(1), journal=path)).is_complete


async def test_a_folder_that_is_not_there(joinme: JoinMe, sandbox: Sandbox, tmp_path: Path) -> None:
    """Said in words, before anything is sent."""
    for name in ("no/such/folder.journal", "."):
        with pytest.raises(JournalError, match=r"cannot be opened|is a folder"):
            await schedule_all(joinme, rows(1), journal=tmp_path / name)
    with pytest.raises(JournalError):
        await Journal(tmp_path / "none").report()
    assert not sandbox.ledger


def test_a_torn_write_is_survived_or_said(tmp_path: Path) -> None:
    """Whatever is torn off the end of the log, what is left is an earlier state, in which no row has a hole before it."""
    whole = Store(str(tmp_path / "whole"))
    with whole.transaction():
        whole.begin("schedule", "s", "now", None, "me")
    for number, new in enumerate(rows(30), 1):
        with whole.transaction():
            whole.add(Incoming(0, str(number), Schedule().freeze(Row(new))), there=False)
    main, log = (Path(f"{whole.path}{suffix}").read_bytes() for suffix in ("", "-wal"))
    whole.close()
    counts = []
    for cut in [*range(0, len(log), len(log) // 40), len(log)]:
        torn = tmp_path / f"torn{cut}"
        torn.write_bytes(main)
        Path(f"{torn}-wal").write_bytes(log[:cut] + os.urandom(min(100, len(log) - cut)))
        with closing(Store(str(torn))) as again:
            positions = [position for (position,) in again._connection.execute("SELECT position FROM rows")]
        assert positions == list(range(1, len(positions) + 1))
        counts.append(len(positions))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 30)


@pytest.mark.parametrize("where", [0.3, 0.5, 0.7, 0.9])
async def test_a_damaged_page_is_refused(joinme: JoinMe, sandbox: Sandbox, path: Path, where: float) -> None:
    """Nothing is sent on the strength of a journal that contradicts itself."""
    await schedule_all(joinme, rows(400), journal=path)
    content = bytearray(path.read_bytes())
    page = int(len(content) * where) // 4096 * 4096
    content[page : page + 4096] = os.urandom(4096)
    path.write_bytes(content)
    calls = len(sandbox.ledger)
    with pytest.raises(JournalError):
        await schedule_all(joinme, rows(400), journal=path)
    assert len(sandbox.ledger) == calls


# Who holds it


HOLDER = """
import sys
import anyio
from joinme_async.bulk._journal import Writer

async def main():
    writer = await Writer.opened(sys.argv[1])
    await writer.write(lambda store: store.begin("schedule", "s", "now", None, "the other one"))
    print("held", flush=True)
    sys.stdin.read()

anyio.run(main)
"""


async def test_a_dead_runners_hold_is_gone_by_itself(joinme: JoinMe, path: Path) -> None:
    """While the other process lives its journal is held, and killed it is not, with nothing to tidy up."""
    other = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert await anyio.to_thread.run_sync(other.stdout.readline) == b"held\n"
        assert await Journal(path).holder() == "the other one"
        with pytest.raises(JournalError, match="is in use by the other one: wait for it"):
            await schedule_all(joinme, rows(1), journal=path)
    finally:
        other.kill()
        other.communicate()
    assert await Journal(path).holder() is None
    assert not Path(f"{path}-hold-journal").exists()
    with pytest.raises(JournalError, match=r"is of a run with s"):
        await schedule_all(joinme, rows(1), journal=path)


async def test_a_hold_that_is_no_lock_is_said(joinme: JoinMe, path: Path) -> None:
    """A file in its place that SQLite cannot lock."""
    Path(f"{path}-hold").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="only serves as a lock"):
        await schedule_all(joinme, rows(1), journal=path)


# Disks that fail


class Disk:
    """Makes the n-th statement of a kind fail as a disk would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: str, code: int, *, skip: int, times: int) -> None:
        self.seen = 0
        plain = Store.transaction

        def failing(store: Store):
            self.seen += 1
            if skip < self.seen <= skip + times:
                error = sqlite3.OperationalError(kind)
                error.sqlite_errorcode = code
                with store.told():
                    raise error
            return plain(store)

        monkeypatch.setattr(Store, "transaction", failing)


FAILURES = {"full": ("database or disk is full", sqlite3.SQLITE_FULL), "I/O": ("disk I/O error", sqlite3.SQLITE_IOERR)}


@pytest.mark.parametrize("skip", range(26))
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_disk_that_fails_loses_nothing_and_doubles_nothing(
    sandbox: Sandbox, clock: FakeClock, path: Path, monkeypatch, failure: str, skip: int
) -> None:
    """At every commit: nothing is sent without its intent on disk, and the next run finds out about the rest."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(concurrency=2), clock=clock)
    Disk(monkeypatch, *FAILURES[failure], skip=skip, times=2)
    try:
        report = await schedule_all(joinme, rows(12), journal=path)
    except JournalError as error:
        assert "no space left" in str(error) or "cannot be read or written" in str(error)
    else:
        if report.stopped is None:
            assert report.is_complete
        else:
            assert isinstance(report.stopped, JournalError)
            assert len(report.scheduled) + len(report.in_doubt) + len(report.not_started) == 12
            assert len(report.in_doubt) == sent(sandbox) - len(report.scheduled)
    monkeypatch.undo()
    report = await schedule_all(joinme, rows(12), journal=path)
    assert report.is_complete
    assert set(made(sandbox).values()) == {1}
    assert len(made(sandbox)) == 12


async def test_a_disk_full_before_an_intent_leaves_nothing_in_doubt(sandbox, clock, path: Path, monkeypatch) -> None:
    """Sending stops at once; the rest is not started."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(concurrency=1), clock=clock)
    seen = 0
    plain = Store.intend

    def full(store: Store, *given, **more) -> None:
        nonlocal seen
        seen += 1
        if seen > 5:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        plain(store, *given, **more)

    monkeypatch.setattr(Store, "intend", full)
    report = await schedule_all(joinme, rows(20), journal=path)
    assert isinstance(report.stopped, JournalError)
    assert "no space left" in str(report.stopped)
    assert (len(report.scheduled), report.in_doubt, len(report.not_started), sent(sandbox)) == (5, (), 15, 5)


def test_a_copy_is_a_journal_too(tmp_path: Path, sandbox: Sandbox) -> None:
    """A backup of its files together goes on where it was made."""

    async def main() -> None:
        joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=sandbox.clock)
        await schedule_all(joinme, rows(5), journal=tmp_path / "a")
        await anyio.to_thread.run_sync(shutil.copy, tmp_path / "a", tmp_path / "b")
        assert (await schedule_all(joinme, rows(7), journal=tmp_path / "b")).is_complete
        assert len((await Journal(tmp_path / "a").report()).scheduled) == 5

    anyio.run(main)
    assert sent(sandbox) == 7
