"""What a user calls: `schedule_all`, `schedule_each`, `update_all`, `delete_all`, `undo`, `verify`."""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from os import PathLike, fspath
from typing import TypeVar

from joinme_async._client import JoinMe, parts_of
from joinme_async._errors import JournalError
from joinme_async._models import Meeting, NewMeeting
from joinme_async.bulk._journal import Journal
from joinme_async.bulk._marks import UndoMarks
from joinme_async.bulk._rows import Row
from joinme_async.bulk._run import Run, Settings, verified_report
from joinme_async.bulk._source import Rows, Source
from joinme_async.bulk._values import BulkReport, Change, Existing, ProgressHook, RowOutcome
from joinme_async.bulk._verbs import Delete, Schedule, Undo, Update, Work

R = TypeVar("R")

NewRows = Iterable[NewMeeting | Row] | AsyncIterable[NewMeeting | Row]
JournalLike = str | PathLike[str] | Journal


async def schedule_all(  # noqa: PLR0913  all that a run can be told
    joinme: JoinMe,
    rows: NewRows | None,
    *,
    journal: JournalLike | None = None,
    existing: Existing | None = None,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    verify: bool = True,
    stop_after: int = 20,
) -> BulkReport[Row]:
    """Schedule a meeting for each row, each once, and say what became of every row.

    With a journal, this survives anything: the intent of a row is on disk before its request leaves, and its outcome
    after. Run it again with the same journal and the same rows after a crash, and rows done are skipped, rows never
    sent and rows that failed are sent, and of rows in doubt it finds out what happened before it sends anything. A row
    whose answer is lost is found by looking: after the settle time (`RetryPolicy.settle`; after a late answer, or a
    run that was killed, `Timeout.attempt`) one list serves all such rows, and each meeting in it that may be one is
    read. Two lists that do not show a meeting prove that it was not made, and only then is it sent again. What cannot
    be proven is `in_doubt`.

    Rows without keys are known by their place: on a later run with the journal the input repeats them in order, new
    ones behind. Rows with keys are known by their key. Another input is refused before anything is sent.

    A row that fails does not stop the others. A used-up quota, a refused token, a full disk, and many outages in a row
    do; what is in flight then goes on to its end, the rest is `not_started`, and the report says since when and until
    when. Cancelling does the same, within ten seconds, and leaves the journal ready to go on with.

    An equal meeting that somebody else makes during the run cannot be told from one of ours.

    Args:
        joinme: the client; rows wait for its limiter as long as it takes, and each attempt has its `Timeout.attempt`.
        rows: `NewMeeting`s, or `Row`s with keys: any iterable or async iterable, of any length; `read_meetings` reads
            them from a file. It is read in the task of the caller, a chunk at a time. None goes on with the rows that
            the journal has, where it has all of them (`Journal.is_complete`).
        journal: the path of the journal. Without one, the run is as careful, and does not survive its process.
        existing: what becomes of a row that an equal meeting was there for before the run: `"make"` another, or
            `"adopt"` it, by count; None for what an earlier run with the journal was told, and else `"make"`.
            `Progress.already_there` tells of such rows before the first request.
        deadline: seconds after which no more rows are sent; what is in flight, and in doubt, is still brought to its
            end.
        on_progress: called with a `Progress` now and then, synchronously.
        verify: compare the service's list with the rows at the end (`report.surplus`, `report.missing`).
        stop_after: this many outages in a row stop the run; a row that is refused for a fault of its own is none.

    Raises:
        JournalError: the journal belongs to another input or service, is in use, damaged, or cannot be written at all.
        InvalidMeetingError: something that is no row; whatever was sent before it is in the journal.
        InvalidRowsError: the file was changed while it was read.
        JoinMeError: the service could not be asked what is there before the first request; nothing was sent.
    """
    settings = Settings(
        _path(journal),
        existing=existing,
        deadline=deadline,
        verify=verify,
        stop_after=stop_after,
        on_progress=on_progress,
    )
    work = Schedule()
    return await Run(joinme, work, _source(joinme, rows, work), settings).report()


async def schedule_each(  # noqa: PLR0913
    joinme: JoinMe,
    rows: NewRows | None,
    *,
    journal: JournalLike | None = None,
    existing: Existing | None = None,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> AsyncGenerator[RowOutcome[Row], None]:
    """Schedule a meeting for each row, and yield what became of each: `schedule_all` as an async iterator.

    It keeps no outcomes, so a million rows take no more memory than a thousand. Outcomes come about once a second, in
    the order in which rows end; those of earlier runs with the journal first (`earlier`), and rows in doubt or not
    started last. While outcomes are handed out nothing is under way, so it can be left at any time; the journal is free
    again once it is closed:

    >>> async with aclosing(schedule_each(joinme, rows, journal="june.journal")) as outcomes:
    ...     async for outcome in outcomes:
    ...         print(outcome.key, outcome.state)

    Rows are read while nothing is under way as well, so an input that comes slowly is sent as it comes.

    Args and errors: as of `schedule_all`, which also verifies the run.
    """
    settings = Settings(
        _path(journal),
        existing=existing,
        deadline=deadline,
        verify=False,
        stop_after=stop_after,
        on_progress=on_progress,
    )
    work = Schedule()
    async with aclosing(Run(joinme, work, _source(joinme, rows, work), settings).outcomes()) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def update_all(  # noqa: PLR0913
    joinme: JoinMe,
    changes: Iterable[Change] | AsyncIterable[Change] | None,
    *,
    journal: JournalLike | None = None,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> BulkReport[Change]:
    """Carry out each change, and say what became of every one.

    An update may be sent twice, so a row in doubt is sent again by the next run with the same journal. Changes of one
    meeting are carried out in order. All else is as of `schedule_all`.
    """
    settings = Settings(_path(journal), deadline=deadline, verify=False, stop_after=stop_after, on_progress=on_progress)
    work = Update()
    return await Run(joinme, work, _source(joinme, changes, work), settings).report()


async def delete_all(  # noqa: PLR0913
    joinme: JoinMe,
    meetings: Iterable[int | Meeting] | AsyncIterable[int | Meeting] | None,
    *,
    journal: JournalLike | None = None,
    missing_ok: bool = False,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> BulkReport[int]:
    """Cancel each meeting, given by itself or by its id, and say what became of every one.

    A meeting that is not there fails with `NotFoundError`, unless `missing_ok`, or unless an earlier run with the same
    journal may have deleted it. All else is as of `update_all`.
    """
    settings = Settings(_path(journal), deadline=deadline, verify=False, stop_after=stop_after, on_progress=on_progress)
    work = Delete(missing_ok=missing_ok)
    return await Run(joinme, work, _source(joinme, meetings, work), settings).report()


async def undo(  # noqa: PLR0913
    joinme: JoinMe,
    journal: JournalLike,
    *,
    adopted: bool = False,
    deadline: float | None = None,
    on_progress: ProgressHook | None = None,
    stop_after: int = 20,
) -> BulkReport[Row]:
    """Delete exactly the meetings that a journal says its run scheduled; one that is gone already counts as deleted.

    What is done is written into the same journal: killed, it can be run again, and the run itself cannot be gone on
    with any more. What became of rows in doubt is found out first; those of which it cannot be are left in doubt.

    Args:
        joinme: the client.
        journal: of a run of `schedule_all` or `schedule_each`.
        adopted: True to delete meetings that were found at the service as well: those of requests whose answers were
            lost, and those that were there before where the run was told to adopt them.
        deadline: as of `schedule_all`.
        on_progress: as of `schedule_all`.
        stop_after: as of `schedule_all`.

    Returns:
        A report with the rows whose meetings are gone in `deleted`, and in `failed` those whose deletion failed.

    Raises:
        JournalError: there is no journal, it is of another kind of run, or in use.
    """
    await _hold_scheduled(journal)
    settings = Settings(_path(journal), deadline=deadline, verify=False, stop_after=stop_after, on_progress=on_progress)
    marks = UndoMarks(adopted=adopted)
    return await Run(joinme, Undo(), None, settings, marks).report()


async def verify(joinme: JoinMe, journal: JournalLike) -> BulkReport[Row]:
    """Compare the service's list with all rows of a journal now, and return its report with what was found.

    Raises:
        JournalError: there is no journal, it is of another kind of run, or in use.
        JoinMeError: the list could not be read.
    """
    await _hold_scheduled(journal)
    return await verified_report(joinme, fspath(journal))


async def _hold_scheduled(journal: JournalLike) -> None:
    if await Journal(journal).verb() != "schedule":
        raise JournalError("this takes the journal of a run that schedules meetings", journal=fspath(journal))


def _source(joinme: JoinMe, rows: Rows | None, work: Work[R]) -> Source[R] | None:
    return None if rows is None else Source(rows, work, parts_of(joinme).layer.clock)


def _path(journal: JournalLike | None) -> str | None:
    return None if journal is None else fspath(Journal(journal))
