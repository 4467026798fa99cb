"""The work of `joinme bulk`: what was asked for goes to stdout, how it goes and what to do next to stderr."""

import json
import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal, TypeVar

import anyio
import attrs

from joinme_async._client import JoinMe
from joinme_async._errors import (
    ConfigurationError,
    InvalidRowsError,
    JoinMeError,
    JournalError,
)
from joinme_async._retry._pacing import RateLimit
from joinme_async._times import format_instant, zoned
from joinme_async.bulk import BulkReport, Journal, schedule_all, schedule_each, undo, verify
from joinme_async.bulk._files import MeetingsFile, read_meetings
from joinme_async.bulk._preview import Preview, preview, rows_in
from joinme_async.cli._dry import ReadOnlyTransport
from joinme_async.cli._result import (
    DONE,
    FAILED,
    SHOWN,
    STOPPED,
    Result,
    Tally,
    fields_of,
    result_of,
    told_of,
    what_next,
)
from joinme_async.cli._teller import Teller, duration, say

Existing = Literal["make", "adopt"]
T = TypeVar("T")

NOT_BEGUN, INTERRUPTED = 1, 130
_SUFFIX: Final = ".journal"
_SAME: Final = 1.0  # seconds; some wrappers pass one Ctrl-C on twice


def show(document: Mapping[str, Any]) -> None:
    """Put a line of JSON on stdout, at once."""
    print(json.dumps(document, ensure_ascii=False), flush=True)  # noqa: T201


def _print(text: str) -> None:
    print(text)  # noqa: T201


# What every verb does


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
    return file if file.name.endswith(_SUFFIX) else file.with_name(file.name + _SUFFIX)


def _there(journal: Path) -> Journal:
    """Return a journal, or raise JournalError where there is none."""
    if not journal.exists():
        raise JournalError(f"there is no journal {journal}: name the one of the run with --journal", journal=journal)
    return Journal(journal)


def command(verb: str, journal: Path) -> str:
    """Return what to type to go on with a journal."""
    return f"joinme bulk {verb} --journal {shlex.quote(str(journal))}"


def carried_out(work: Callable[[], int], again: str = "") -> int:
    """Do the work of a verb and return its exit code, whatever comes of it.

    Args:
        work: returns it.
        again: what to type to go on, where there is something to go on with.
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
        say("nobody reads stdout any more" + (again and f"; go on with: {again}"))
        return STOPPED
    except OSError as error:
        say(f"{error.filename or 'the file'} cannot be read: {error.strerror or error}")
    except KeyboardInterrupt:
        say("interrupted" + (again and f"; go on with: {again}"))
        return INTERRUPTED
    return NOT_BEGUN


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


def _run(work: Callable[[JoinMe], Coroutine[Any, Any, T]], rate: int | None) -> T:
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


def _teller(*, to_stdout: bool) -> Teller:
    # Data and a bar on one terminal would draw over each other.
    return Teller(bar=sys.stderr.isatty() and not (to_stdout and sys.stdout.isatty()))


def _is_somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(question: str, answers: Mapping[str, str], default: str) -> str | None:
    """Return which of `answers` a person chose, None where there is nobody to ask."""
    if not _is_somebody_there():
        return None
    choices = ", ".join(f"{letter} to {what}" for letter, what in answers.items())
    while True:
        print(f"joinme: {question}\n  {choices} [{default}]: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        line = sys.stdin.readline()
        chosen = line.strip().lower()[:1] or default
        if not line or chosen in answers:
            return chosen if line else default


def _ended(result: Result, journal: Path) -> int:
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


# schedule and resume


def moment(given: datetime | None, timezone: str | None) -> datetime | None:
    """Return a time of the command line, in the zone of the file where it has none of its own."""
    if given is None or given.tzinfo is not None:
        return given
    if timezone is None:
        raise ConfigurationError(f"{given.isoformat(timespec='minutes')} has no zone: write Z behind it, or --timezone")
    return zoned(given, timezone)


def checked(
    file: Path, timezone: str | None, since: datetime | None, until: datetime | None, *, skip_bad: bool
) -> MeetingsFile:
    """Read a file, and tell of the bad rows that are passed over."""
    if file.suffix == _SUFFIX:
        raise ConfigurationError(f"{file} is a journal: go on with it with {command('resume', file)}")
    meetings = read_meetings(file, timezone=timezone, skip_bad=skip_bad, since=since, until=until)
    for row in meetings.skipped:
        say(f"passed over: {row}")
    return meetings


def run_schedule(  # noqa: PLR0913  what it was told
    meetings: MeetingsFile, journal: Path, *, existing: Existing | None, rate: int | None, as_json: bool, yes: bool
) -> int:
    """Schedule the meetings of a file, and return the exit code."""
    if not meetings.skipped and not len(meetings):
        raise ConfigurationError(f"there is no meeting in {meetings.path}")
    known = rows_in(journal)
    if known:
        say(f"goes on with {journal}, which has {known} rows of an earlier run")
    else:
        say(f"the journal is {journal}")
        if existing is None:
            chosen = _settled(_run(partial(preview, rows=meetings, journal=None), rate), yes=yes)
            if chosen == "stop":
                say("stopped; nothing was sent, and no journal was made")
                return NOT_BEGUN
            existing = chosen
    return _go(meetings, journal, existing=existing, rate=rate, as_json=as_json)


def run_resume(journal: Path, *, rate: int | None, as_json: bool) -> int:
    """Go on with a journal, and return the exit code."""
    found = _there(journal)

    async def look() -> MeetingsFile | None:
        if await found.verb() != "schedule":
            raise JournalError(f"{journal} is of a run that does not schedule meetings", journal=journal)
        return None if await found.is_complete() else await found.input()

    try:
        meetings = anyio.run(look)
    except OSError as error:
        raise JournalError(
            f"{journal} lacks rows of its file, and that cannot be read ({error}). Put it back, or name the place "
            f"where it is now: joinme bulk schedule FILE --journal {shlex.quote(str(journal))}",
            journal=journal,
        ) from None
    say(f"goes on with {journal}" + ("" if meetings is None else f" and {meetings.path}"))
    return _go(meetings, journal, existing=None, rate=rate, as_json=as_json)


def _settled(seen: Preview, *, yes: bool) -> Literal["make", "adopt", "stop"] | None:
    """Return what is to become of rows that are there already, by asking; None where there are none.

    Raises:
        ConfigurationError: there are some, and nobody to ask.
    """
    if not seen.there:
        return None
    told = (
        f"{seen.there} of {seen.rows} rows look as if they were there already: a meeting has their name, times and flag"
    )
    if yes:
        say(f"{told}; they are made all the same")
        return "make"
    answers = {"m": "make all rows all the same", "a": "adopt the meetings that are there", "s": "stop"}
    match _asked(told, answers, "s"):
        case "m":
            return "make"
        case "a":
            return "adopt"
        case "s":
            return "stop"
    raise ConfigurationError(
        f"{told}. Nothing was sent. Say --existing adopt to take those meetings for their rows, "
        "or --existing make to make all rows all the same, which may invite people twice"
    )


def _go(
    meetings: MeetingsFile | None, journal: Path, *, existing: Existing | None, rate: int | None, as_json: bool
) -> int:
    work = _streamed if as_json else _reported
    teller = _teller(to_stdout=as_json)
    try:
        with teller:
            result = _run(partial(work, meetings=meetings, journal=journal, existing=existing, teller=teller), rate)
    except JoinMeError as error:
        if not teller.has_begun:
            raise
        say(f"stopped: {error}")
        say(f"when that is mended, go on with: {command('resume', journal)}")
        return STOPPED
    return _ended(result, journal)


async def _reported(
    joinme: JoinMe, *, meetings: MeetingsFile | None, journal: Path, existing: Existing | None, teller: Teller
) -> Result:
    return result_of(await schedule_all(joinme, meetings, journal=journal, existing=existing, on_progress=teller))


async def _streamed(
    joinme: JoinMe, *, meetings: MeetingsFile | None, journal: Path, existing: Existing | None, teller: Teller
) -> Result:
    tally = Tally()
    outcomes = schedule_each(joinme, meetings, journal=journal, existing=existing, on_progress=teller)
    async with aclosing(outcomes):
        async for outcome in outcomes:
            tally.add(outcome)
            show(fields_of(outcome))
    result = tally.result
    if result.stopped is not None:
        return result
    try:
        seen = await verify(joinme, journal)
    except JoinMeError:
        return result
    return attrs.evolve(result, surplus=seen.surplus, missing=seen.missing, verified=True)


# The dry run


def run_dry(
    meetings: MeetingsFile, journal: Path, *, existing: Existing | None, rate: int | None, as_json: bool
) -> int:
    """Show what a run would do, and do nothing: no request but GET can leave, and no journal is made or changed."""
    known = rows_in(journal)

    async def main() -> Preview:
        async with _reading_only() as joinme:
            return await preview(joinme, meetings, journal if known else None)

    seen = anyio.run(main)
    seconds = None if rate is None else max(seen.to_send - 1, 0) / rate
    if as_json:
        show({"rows": seen.rows, "bad": len(meetings.skipped), "done": seen.done, "in_doubt": seen.in_doubt,
              "already_there": seen.there, "to_send": seen.to_send, "seconds": seconds})  # fmt: skip
        return DONE
    what = "as the run was told" if known else "a run would ask what to do"
    what = {"make": "to be made all the same", "adopt": "to be adopted", None: what}[existing]
    for line in _previewed(seen, len(meetings.skipped), what, rate, seconds):
        _print(line)
    say("this was a dry run: nothing was sent, and no journal was made or changed")
    return DONE


def _previewed(seen: Preview, skipped: int, what: str, rate: int | None, seconds: float | None) -> Iterator[str]:
    yield f"rows           {seen.rows}"
    if skipped:
        yield f"passed over    {skipped}, which are bad"
    if seen.done or seen.in_doubt:
        yield f"done           {seen.done}"
        yield f"in doubt       {seen.in_doubt}"
    yield f"already there  {seen.there}" + (f", by name, times and personal URL; {what}" if seen.there else "")
    pace = "as fast as join.me allows" if seconds is None else f"at {rate} a second in {duration(seconds)}"
    yield f"to be sent     {seen.to_send}, {pace}"


@asynccontextmanager
async def _reading_only() -> AsyncGenerator[JoinMe, None]:
    from joinme_async.transports.httpx import HttpxTransport  # noqa: PLC0415  httpx is loaded where it is used

    transport = ReadOnlyTransport(HttpxTransport())
    try:
        async with JoinMe(transport=transport) as joinme:
            yield joinme
    finally:
        await transport.aclose()


# status, verify and undo


def run_status(journal: Path, *, as_json: bool) -> int:
    """Show what a journal says."""
    found = _there(journal)

    async def main() -> tuple[BulkReport[Any], str | None, bool]:
        return await found.report(), await found.holder(), await found.is_complete()

    report, holder, complete = anyio.run(main)
    result = result_of(report)
    if as_json:
        counts = {"counts": result.counts, "already_there": report.already_there, "complete": complete}
        rows = {name: [fields_of(o) for o in getattr(report, name)] for name in ("failed", "in_doubt")}
        show({"journal": str(journal), "holder": holder, **counts, **rows})
        return DONE
    _print(f"{journal}: {report.summary}")
    if not complete:
        _print("not all rows of its file are in it yet")
    _print("nobody runs with it now" if holder is None else f"in use by {holder}")
    for outcome in result.troubles:
        _print(told_of(outcome))
    return DONE


def run_verify(journal: Path, *, as_json: bool) -> int:
    """Compare a journal with the list of join.me."""
    report = _run(partial(verify, journal=_there(journal)), None)
    result = result_of(report)
    if as_json:
        show({"journal": str(journal), "counts": result.counts,
              "missing": [fields_of(outcome) for outcome in report.missing],
              "surplus": [{"meeting_id": m.id, "name": m.name, "start": format_instant(m.start),
                           "end": format_instant(m.end)} for m in report.surplus]})  # fmt: skip
        return result.code
    return _ended(result, journal)


def run_undo(journal: Path, *, adopted: bool, rate: int | None, yes: bool, as_json: bool) -> int:
    """Delete the meetings that a run made."""
    before = result_of(anyio.run(_there(journal).report)).counts
    number = before["scheduled"] + (before["adopted"] if adopted else 0)
    left = f" The {before['adopted']} adopted are left alone." if before["adopted"] and not adopted else ""
    doubt = (
        f" {before['in_doubt']} rows are in doubt: resume first, or their meetings stay." if before["in_doubt"] else ""
    )
    told = f"this deletes {number} meetings, and its run cannot be gone on with.{left}{doubt}"
    if not yes and _asked(told, {"d": "delete them", "s": "stop"}, "s") != "d":
        say("nothing was deleted" if _is_somebody_there() else f"{told} Nothing was deleted: say --yes")
        return NOT_BEGUN
    teller = _teller(to_stdout=as_json)
    with teller:
        report = _run(partial(undo, journal=journal, adopted=adopted, on_progress=teller), rate)
    for outcome in (*report.deleted, *report.failed) if as_json else ():
        show(fields_of(outcome))
    return _undone(report, journal)


def _undone(report: BulkReport[Any], journal: Path) -> int:
    for outcome in report.failed[:SHOWN]:
        say(told_of(outcome))
    say(report.summary)
    code = STOPPED if report.stopped is not None else FAILED if report.failed else DONE
    if report.stopped is not None:
        say(f"stopped: {report.stopped}")
    if code != DONE:
        say(f"go on with: {command('undo', journal)}")
    return code
