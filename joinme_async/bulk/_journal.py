"""The journal as a run uses it: rows as values, and writing off the event loop, many at a time."""

import json
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable
from copy import copy
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs

from joinme_async._conversion import read_whole, write_whole
from joinme_async._errors import JoinMeError, JournalError
from joinme_async._models import Meeting, OutcomeUnknownError
from joinme_async.bulk._files import MeetingsFile, reopened, skipped_in
from joinme_async.bulk._hold import Hold, holder_of, is_held
from joinme_async.bulk._rows import meeting_of
from joinme_async.bulk._store import Record, RunInfo, Store, reading
from joinme_async.bulk._values import BulkReport, RowOutcome, RowState, Verb
from joinme_async.bulk._verbs import Delete, Schedule, Update, Work

T = TypeVar("T")
R = TypeVar("R")

_PLAIN: Final = str | int | float | bool | None


class Journal:
    """The journal of a bulk run: an SQLite file that says of each row what was asked for and what came of it.

    Any SQLite tool can read it, in its view `meetings`. It holds people's addresses, and is made readable for its
    owner alone. While it is in use, and after a crash, files ending in `-wal` and `-shm` stand beside it and belong to
    it: copy or delete all of them together. The one ending in `-hold` is a lock.

    Args:
        path: where it is, or is to be.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        if not fspath(path):
            raise JournalError("the journal needs a name", journal="")
        self.path: Path = Path(path).absolute()  # wherever the program goes meanwhile

    def __repr__(self) -> str:
        return f"Journal({fspath(self.path)!r})"

    def __fspath__(self) -> str:
        return fspath(self.path)

    async def verb(self) -> Verb:
        """Return what its run does: `"schedule"`, `"update"` or `"delete"`.

        Raises:
            JournalError: there is no journal there, or it cannot be read.
        """
        return await anyio.to_thread.run_sync(_looked_at, self.path, _verb_of)

    async def input(self) -> MeetingsFile | None:
        """Return the file that its rows came from, checked again; None where they came from elsewhere.

        Raises:
            JournalError: there is no journal there, or it cannot be read.
            InvalidRowsError, OSError: the file is not what it was, or not there.
        """
        origin = await self._origin()
        return None if origin is None else await anyio.to_thread.run_sync(reopened, origin)

    async def skipped(self) -> tuple[int, ...]:
        """Return the lines of its file that were passed over as bad; they are no rows of the run, corrected or not.

        Raises:
            JournalError: there is no journal there, or it cannot be read.
        """
        origin = await self._origin()
        return () if origin is None else skipped_in(origin)

    async def _origin(self) -> str | None:
        return await anyio.to_thread.run_sync(_looked_at, self.path, lambda store: info_of(store).input)

    async def is_complete(self) -> bool:
        """Say whether it has all rows of its input, so that it can be gone on with without that.

        Raises:
            JournalError: there is no journal there, or it cannot be read.
        """
        return await anyio.to_thread.run_sync(_looked_at, self.path, lambda store: info_of(store).complete)

    async def holder(self) -> str | None:
        """Return who runs with it now, None where nobody does."""

        def look() -> str | None:
            path = os.path.realpath(self.path)
            return holder_of(path) if is_held(path) else None

        return await anyio.to_thread.run_sync(look)

    async def report(self) -> BulkReport[Any]:
        """Return what it says, while a run is going on as well; nothing is sent and nothing changed.

        Raises:
            JournalError: there is no journal there, or it cannot be read.
        """
        return await anyio.to_thread.run_sync(_looked_at, self.path, report_of)


def _looked_at(path: Path, look: Callable[[Store], T]) -> T:
    with reading(os.path.realpath(path)) as store:
        return look(store)


def info_of(store: Store) -> RunInfo:
    """Return what a journal says of its run, or raise JournalError where none has begun."""
    info = store.info()
    if info is None:
        raise JournalError(f"no run has begun with {store.path}", journal=store.path)
    return info


def _verb_of(store: Store) -> Verb:
    return cast("Verb", info_of(store).verb)


def work_of(verb: Verb) -> Work[Any]:
    """Return what reads the rows of a journal with that verb."""
    works: dict[Verb, Work[Any]] = {"schedule": Schedule(), "update": Update(), "delete": Delete(missing_ok=False)}
    return works[verb]


@attrs.frozen
class Entry(Generic[R]):
    """A row on its way.

    Attributes:
        position: where it stands in the journal.
        label: how people are told of it.
        row: the row.
        lane: what rows share that are never under way together, and come in order.
        look: what a list shows of it.
        again: an earlier attempt may have been carried out.
        meeting_id: of its meeting, where it is known.
    """

    position: int
    label: str
    row: R
    lane: bytes
    look: bytes
    again: bool = False
    meeting_id: int | None = None


def entry_of(record: Record, work: Work[R]) -> Entry[R]:
    """Return the row that stands in a journal."""
    return Entry(
        record.position,
        record.label,
        work.thaw(record.frozen),
        work.lane(record.frozen),
        record.look,
        bool(record.maybe or record.state == "undoing"),
        record.meeting_id,
    )


def report_of(store: Store) -> BulkReport[Any]:
    """Return what a journal says of all its rows."""
    work = work_of(_verb_of(store))
    groups: defaultdict[RowState, list[RowOutcome[Any]]] = defaultdict(list)
    for record in store.records():
        outcome = outcome_of(record, work)
        groups[outcome.state].append(outcome)
    rows: dict[str, Any] = {state: tuple(outcomes) for state, outcomes in groups.items()}
    return BulkReport(**rows, already_there=sum(number for _, number in store.there()))


def outcome_of(record: Record, work: Work[R], *, earlier: bool = False) -> RowOutcome[R]:
    """Return what a journal says of a row."""
    row = work.thaw(record.frozen)
    meeting = None if record.answer is None else read_answer(record.answer)
    error = None if record.error is None else read_error(record.error, row)
    meeting_id = record.meeting_id if work.verb == "schedule" else record.target
    return RowOutcome(record.label, row, _state_of(record, work), meeting, meeting_id, error, earlier)


def _state_of(record: Record, work: Work[Any]) -> RowState:
    match record.state:
        case "done":
            return "adopted" if record.adopted else work.done
        case "undone":
            return "deleted"
        case "undoing" if record.error is not None:
            return "failed"
        case "failed":
            return "failed"
        case "unsent":
            return "not_started"
        case _:
            return "in_doubt"


def write_answer(meeting: Meeting | None) -> str | None:
    """Return a meeting as it is written down."""
    return None if meeting is None else json.dumps(write_whole(meeting), separators=(",", ":"))


def read_answer(answer: str) -> Meeting:
    """Return the meeting that was written down."""
    return read_whole(json.loads(answer))


def write_error(error: JoinMeError) -> str:
    """Return an error as it is written down: its class, its words, and those facts of it that are plain."""
    facts = {name: value for name, value in vars(error).items() if isinstance(value, _PLAIN)}
    kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("joinme_async."))
    return json.dumps({"kind": kind, "message": str(error.args[0]), "facts": facts})


def read_error(text: str, row: object) -> JoinMeError:
    """Return the error that was written down."""
    written = json.loads(text)
    kind = _kinds().get(written["kind"], JoinMeError)
    error = kind.__new__(kind)
    error.args = (written["message"],)
    for name, value in {"last": None, **written["facts"]}.items():
        setattr(error, name, value)
    if isinstance(error, OutcomeUnknownError):
        error.meeting = meeting_of(row)
    return error


def _kinds() -> dict[str, type[JoinMeError]]:
    """Return the errors of the package by name; those of a user's own come back as the one they are derived from."""
    kinds, found = [JoinMeError], dict[str, type[JoinMeError]]()
    while kinds:
        kind = kinds.pop()
        if kind.__module__.startswith("joinme_async."):
            found[kind.__name__] = kind
            kinds += kind.__subclasses__()
    return found


@attrs.define(eq=False)
class _Job:
    """Something to be written, and the one who waits for it; it has failed until it is on disk."""

    work: Callable[[Store], Any]
    turn: anyio.Event = attrs.field(factory=anyio.Event)
    over: bool = False
    result: Any = None
    error: Exception | None = attrs.field(factory=lambda: RuntimeError("nothing was written: no thread could be had"))


async def _uninterrupted(do: Callable[[], Awaitable[None]]) -> None:
    """Wait for the end of `do`, whatever is cancelled meanwhile, and in whatever way.

    A shield keeps off what anyio cancels, and not what asyncio itself does, as on Ctrl-C: that reaches the task that
    waits here, and it goes on waiting.
    """
    failed: list[Exception] = []

    async def shielded() -> None:
        with anyio.CancelScope(shield=True):  # from the group, which a cancellation of asyncio's own cancels
            try:
                await do()
            except Exception as error:  # noqa: BLE001  raised below, as it is
                failed.append(error)

    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as group:
            group.start_soon(shielded)
    if failed:
        raise failed[0]


class Writer:
    """Writes to a journal off the event loop: what many tasks want written at a time is put on disk together.

    One of those who wait does it for all, so that there is no thread and no task to look after. Writing is shielded
    from cancellation: what was begun is on disk, or has failed, when `write` is over.

    Args:
        path: of the journal, None for a private one that is gone with the run.
        must_exist: True to make none.

    Raises:
        JournalError: on opening: another runner has it, or it cannot be used.
    """

    def __init__(self, path: str | None, *, must_exist: bool = False) -> None:
        # A symbolic link names the same journal, and SQLite goes to what it points at.
        self.path = os.path.realpath(path) if path else ""
        if must_exist and not os.path.isfile(self.path):  # noqa: PTH113  called off the event loop
            raise JournalError(
                f"there is no journal at {self.path}" if path else "without rows there must be a journal to go on with",
                journal=self.path,
            )
        self._hold = Hold(self.path) if path else None
        try:
            self.store = Store(self.path)
        except BaseException:
            self._release()
            raise
        self._jobs: list[_Job] = []
        self._is_led = False

    def __repr__(self) -> str:
        return f"<Writer: {self.path or 'in a temporary file'}, {len(self._jobs)} waiting>"

    @classmethod
    async def opened(cls, path: str | None, *, must_exist: bool = False) -> "Writer":
        """Open a journal off the event loop."""
        opened: list[Writer] = []

        async def open_it() -> None:
            opened.append(await anyio.to_thread.run_sync(partial(cls, path, must_exist=must_exist)))

        try:
            await _uninterrupted(open_it)
        except BaseException:
            for writer in opened:
                writer._close()  # noqa: SLF001  its own
            raise
        return opened[0]

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.release()

    async def aclose(self) -> None:
        """Close the journal, and let others have it."""
        await _uninterrupted(partial(anyio.to_thread.run_sync, self._close))

    def _close(self) -> None:
        self.store.close()
        self._release()

    async def write(self, work: Callable[[Store], T]) -> T:
        """Do `work` inside a transaction and return its result once that is on disk.

        Raises:
            JournalError: it is not on disk, nor anything that was to be written with it.
        """
        job = _Job(work)
        self._jobs.append(job)
        if self._is_led:
            with anyio.CancelScope(shield=True):
                await job.turn.wait()
        if not job.over:
            await self._lead()
        if job.error is not None:
            raise copy(job.error)  # others are told of it as well
        return cast("T", job.result)

    async def _lead(self) -> None:
        """Write for all who wait, and appoint the next one where more have come meanwhile."""
        self._is_led = True
        try:
            await _uninterrupted(self._commit_all)
        finally:
            self._is_led = bool(self._jobs)
            if self._jobs:
                self._jobs[0].turn.set()

    async def _commit_all(self) -> None:
        await anyio.lowlevel.checkpoint()  # others that were woken with this one come along
        jobs, self._jobs = self._jobs, []
        try:
            await anyio.to_thread.run_sync(self._commit, jobs)
        finally:
            for job in jobs:
                job.over = True
                job.turn.set()

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self.store.transaction():
                for job in jobs:
                    job.result = job.work(self.store)
            for job in jobs:
                job.error = None
        except Exception as error:  # noqa: BLE001  each of them is told
            for job in jobs:
                job.error = error
            if len(jobs) > 1:  # what cannot be written of one row is no fault of the others
                for job in jobs:
                    self._commit([job])
