"""What every verb of `joinme bulk` does: what was asked for goes to stdout, how it goes and what next to stderr."""

import json
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

import anyio

from joinme_async._client import JoinMe
from joinme_async._errors import InvalidRowsError, JoinMeError, JournalError
from joinme_async._retry._pacing import RateLimit
from joinme_async._times import format_instant
from joinme_async.bulk import Journal
from joinme_async.cli._result import SHOWN, STOPPED, Result, told_of, what_next
from joinme_async.cli._teller import Teller, say

T = TypeVar("T")

NOT_BEGUN, INTERRUPTED = 1, 130
SUFFIX: Final = ".journal"
_SAME: Final = 1.0  # seconds; some wrappers pass one Ctrl-C on twice


def show(document: Mapping[str, Any]) -> None:
    """Put a line of JSON on stdout, at once."""
    print(json.dumps(document, ensure_ascii=False), flush=True)  # noqa: T201


def show_text(text: str) -> None:
    print(text)  # noqa: T201


def journal_of(file: Path | None, journal: Path | None) -> Path:
    """Return which journal is meant: the one that is named, the one beside a file, or the file if it is one itself.

    Raises:
        SystemExit: neither was given.
    """
    if journal is not None:
        return journal
    if file is None:
        say("which run? Name its file of meetings, or its journal with --journal")
        raise SystemExit(2)
    return file if file.name.endswith(SUFFIX) else file.with_name(file.name + SUFFIX)


def existing_journal(journal: Path) -> Journal:
    """Return a journal, or raise JournalError where there is none."""
    if not journal.exists():
        raise JournalError(f"there is no journal {journal}: name the one of the run with --journal", journal=journal)
    return Journal(journal)


def command(verb: str, journal: Path) -> str:
    """Return what to type to go on with a journal."""
    return f"joinme bulk {verb} --journal {shlex.quote(str(journal))}"


def carried_out(work: Callable[[], int], verb: str = "", journal: Path | None = None) -> int:
    """Do the work of a verb and return its exit code, whatever comes of it.

    Args:
        work: returns it.
        verb: what goes on where it is interrupted.
        journal: what it goes on with, once that is there.
    """
    try:
        with _quiet_log():
            return work()
    except InvalidRowsError as error:
        for row in error.rows:
            say(str(row))
        number = f"{len(error.rows)} bad row{'s' * (len(error.rows) != 1)}"
        zone = ", give the file a zone with --timezone" * any("a zone for the file" in r.problem for r in error.rows)
        say(f"{number}, and nothing was sent. Correct them{zone}, or pass over them with --skip-bad")
    except JoinMeError as error:
        say(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain of it at its end
        say("nobody reads stdout any more" + _go_on(verb, journal))
        return STOPPED
    except OSError as error:
        say(f"{error.filename or 'the file'} cannot be read: {error.strerror or error}")
    except KeyboardInterrupt:
        say("interrupted" + _go_on(verb, journal))
        return INTERRUPTED
    return NOT_BEGUN


def _go_on(verb: str, journal: Path | None) -> str:
    return f"; go on with: {command(verb, journal)}" if journal is not None and journal.exists() else ""


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep warnings of doubt, which the end of the run tells of anyway, from stderr, where they were not asked for."""
    logger = logging.getLogger("joinme_async")
    level = logger.level
    if not os.environ.get("JOINME_LOG"):
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _client(rate: int | None) -> JoinMe:
    return JoinMe(rate_limit=None if rate is None else RateLimit(rate))


def run(work: Callable[[JoinMe], Coroutine[Any, Any, T]], rate: int | None) -> T:
    async def main() -> T:
        with _told_at_once():
            async with _client(rate) as joinme:
                return await work(joinme)

    return anyio.run(main)


@contextmanager
def _told_at_once() -> Iterator[None]:
    """Answer Ctrl-C at once, and then let it reach the run, which takes its time to end what is in flight."""
    cancel = signal.getsignal(signal.SIGINT)
    if not callable(cancel):
        yield
        return
    first: list[float] = []

    def heed(number: int, frame: FrameType | None) -> None:
        if first and time.monotonic() < first[0] + _SAME:
            return
        if not first:
            # No print: the signal may have come in the middle of one.
            os.write(2, b"\njoinme: interrupted; what is in flight has ten seconds to end (Ctrl-C again drops it)\n")
            first.append(time.monotonic())
        cancel(number, frame)

    signal.signal(signal.SIGINT, heed)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is heed:
            signal.signal(signal.SIGINT, cancel)


def teller_for(*, to_stdout: bool) -> Teller:
    # Data and a bar on one terminal would draw over each other.
    return Teller(bar=sys.stderr.isatty() and not (to_stdout and sys.stdout.isatty()))


def is_somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def asked(question: str, answers: Mapping[str, str], default: str) -> str | None:
    """Return which of `answers` a person chose, None where there is nobody to ask."""
    if not is_somebody_there():
        return None
    choices = ", ".join(f"{letter} to {what}" for letter, what in answers.items())
    while True:
        print(f"joinme: {question}\n  {choices} [{default}]: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        line = sys.stdin.readline()
        chosen = line.strip().lower()[:1] or default
        if not line or chosen in answers:
            return chosen if line else default


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
    return result.code


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
