"""What the verbs of `joinme bulk` share: which journal is meant, and how a run ends."""

import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio

from joinme_async._errors import JournalError
from joinme_async._times import format_instant
from joinme_async.bulk import Journal
from joinme_async.bulk._preview import rows_in
from joinme_async.cli._codes import INTERRUPTED, STOPPED, USAGE, code_at_the_start
from joinme_async.cli._ending import carried_out
from joinme_async.cli._options import Common
from joinme_async.cli._result import SHOWN, Result, told_of, what_next
from joinme_async.cli._stdio import drop_stdout, say

SUFFIX: Final = ".journal"


def command(verb: str, journal: Path) -> str:
    """Return what to type to go on with a journal."""
    return f"joinme bulk {verb} --journal {shlex.quote(str(journal))}"


def carried_on(work: Callable[[], int], common: Common, verb: str, journal: Path | None) -> int:
    """Do the work of a verb that can be gone on with, and say how where it is cut off.

    Args:
        work: returns its exit code.
        common: whether all of an error is to be shown.
        verb: what goes on.
        journal: what it goes on with, once that is there.
    """

    def told() -> int:
        try:
            return work()
        except KeyboardInterrupt:
            what, code = "interrupted", INTERRUPTED
        except BrokenPipeError:
            drop_stdout()
            what, code = "nobody reads stdout any more", STOPPED
        say(what if journal is None else f"{what}; {_way_on(verb, journal)}")
        return code

    return carried_out(told, common, code_at_the_start)


def _way_on(verb: str, journal: Path) -> str:
    with suppress(JournalError):  # of one that cannot be read, rows may have been sent
        if not rows_in(journal):
            return "nothing was sent"
    return f"go on with: {command(verb, journal)}"


def journal_of(file: Path | None, journal: Path | None) -> Path:
    """Return which journal is meant: the one that is named, the one beside a file, or the file if it is one itself.

    Raises:
        SystemExit: neither was given.
    """
    if journal is not None:
        return journal
    if file is None:
        say("which run? Name its file of meetings, or its journal with --journal")
        raise SystemExit(USAGE)
    return file if file.name.endswith(SUFFIX) else file.with_name(file.name + SUFFIX)


def existing_journal(journal: Path) -> Journal:
    """Return a journal, or raise JournalError where there is none."""
    if not journal.exists():
        raise JournalError(
            f"there is no journal {journal}: name the one of the run with --journal, or begin one with joinme bulk "
            "schedule",
            journal=journal,
        )
    return Journal(journal)


def ended(result: Result, journal: Path) -> int:
    """Say what a run came to and what to do next, and return its exit code."""
    for outcome in result.troubles[:SHOWN]:
        say(told_of(outcome))
    if len(result.troubles) > SHOWN:
        say(f"… all of them: {command('status', journal)}")
    _tell_verified(result)
    say((result.summary or "no rows") + _verdict(result))
    if result.stopped is not None:
        say(f"stopped: {result.stopped}")
    if (what := what_next(result)) is not None:
        say(f"{what}: {command('resume', journal)}")
    if (left_out := not_in(journal)) is not None:
        say(left_out)
    return result.code


def not_in(journal: Path) -> str | None:
    """Return which lines of its file a run has passed over, and what to do about them; None where there are none."""
    lines: tuple[int, ...] = ()
    with suppress(JournalError):  # a run that has ended is told of, whatever became of its journal since
        lines = anyio.run(existing_journal(journal).skipped)
    if not lines:
        return None
    shown = ", ".join(map(str, lines[:SHOWN])) + (", …" if len(lines) > SHOWN else "")
    return (
        f"passed over as bad, and no rows of this run: line {shown}. Correct them in a file of their own, and send that"
    )


def _verdict(result: Result) -> str:
    if result.surplus or result.missing or result.stopped is not None:
        return ""
    return "; the list of join.me agrees" if result.verified else "; the list of join.me could not be read"


def _tell_verified(result: Result) -> None:
    for meeting in result.surplus[:SHOWN]:
        say(f"meeting {meeting.id} ({meeting.name}, {format_instant(meeting.start)}) equals a row, and no row needs it")
    for outcome in result.missing[:SHOWN]:
        say(f"{told_of(outcome)}, but meeting {outcome.meeting_id} is not in the list of join.me")
    if max(len(result.surplus), len(result.missing)) > SHOWN:
        say("… all of them: joinme bulk verify --json")
