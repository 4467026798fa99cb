"""`joinme bulk schedule` and `resume`, and the dry run."""

import shlex
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Literal

import anyio
import attrs

from joinme_async._client import JoinMe
from joinme_async._errors import ConfigurationError, JoinMeError, JournalError
from joinme_async.bulk import schedule_all, schedule_each, verify
from joinme_async.bulk._files import MeetingsFile, read_meetings
from joinme_async.bulk._preview import Preview, preview, rows_in
from joinme_async.cli._codes import DONE, NOT_BEGUN, STOPPED
from joinme_async.cli._dry import ReadOnlyTransport
from joinme_async.cli._journals import SUFFIX, command, ended, existing_journal
from joinme_async.cli._moments import bounds
from joinme_async.cli._options import Bounds
from joinme_async.cli._result import Result, Tally, fields_of, result_of
from joinme_async.cli._settings import Settings
from joinme_async.cli._shell import ask, run
from joinme_async.cli._stdio import asked, draws_bars, say, show, show_text
from joinme_async.cli._teller import Teller
from joinme_async.cli._waiting import Patience, working
from joinme_async.cli._waits import duration

Existing = Literal["make", "adopt"]


@attrs.frozen(kw_only=True)
class Wanted:
    """What a run was told.

    Attributes:
        journal: where it writes down what it does.
        existing: what becomes of rows that are there already; None to ask.
        as_json: each row on stdout as it ends.
        yes: such rows are made without asking.
        no_input: nobody may be asked.
    """

    journal: Path
    existing: Existing | None = None
    as_json: bool = False
    yes: bool = False
    no_input: bool = False


def checked(file: Path, timezone: str | None, typed: Bounds, *, skip_bad: bool) -> MeetingsFile:
    """Read a file, and tell of the bad rows that are passed over."""
    if file.suffix == SUFFIX:
        raise ConfigurationError(f"{file} is a journal: go on with it with {command('resume', file)}")
    since, until = bounds(typed.since, typed.until, timezone)
    with working(f"reading {file.name}"):
        meetings = read_meetings(file, timezone=timezone, skip_bad=skip_bad, since=since, until=until)
    for row in meetings.skipped:
        say(f"passed over: {row}")
    return meetings


def run_schedule(meetings: MeetingsFile, wanted: Wanted, settings: Settings) -> int:
    """Schedule the meetings of a file, and return the exit code."""
    if not len(meetings):
        raise ConfigurationError(f"there is no meeting in {meetings.path} that can be sent")
    known = rows_in(wanted.journal)
    if known:
        say(f"goes on with {wanted.journal}, which has {known} rows of an earlier run")
        return _go(meetings, wanted, settings)
    if wanted.existing is None:
        chosen = _settled(_looked(meetings, None, settings), wanted)
        if chosen == "stop":
            say("stopped; nothing was sent, and no journal was made")
            return NOT_BEGUN
        wanted = attrs.evolve(wanted, existing=chosen)
    say(f"the journal is {wanted.journal}")
    return _go(meetings, wanted, settings)


def run_resume(wanted: Wanted, settings: Settings) -> int:
    """Go on with a journal, and return the exit code."""
    journal = wanted.journal
    found = existing_journal(journal)

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
    return _go(meetings, wanted, settings)


def _settled(seen: Preview, wanted: Wanted) -> Literal["make", "adopt", "stop"] | None:
    """Return what is to become of rows that are there already, by asking; None where there are none.

    Raises:
        ConfigurationError: there are some, and nobody to ask.
    """
    if not seen.there:
        return None
    told = (
        f"{seen.there} of {seen.rows} rows look as if they were there already: a meeting has their name, times and flag"
    )
    if wanted.yes:
        say(f"{told}; they are made all the same")
        return "make"
    answers = {"m": "make all rows all the same", "a": "adopt the meetings that are there", "s": "stop"}
    match asked(told, answers, "s", no_input=wanted.no_input):
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


def _go(meetings: MeetingsFile | None, wanted: Wanted, settings: Settings) -> int:
    work = _streamed if wanted.as_json else _reported
    teller = Teller(bar=draws_bars(to_stdout=wanted.as_json))
    try:
        with teller:
            result = run(partial(work, meetings=meetings, wanted=wanted, teller=teller), settings)
    except (JoinMeError, OSError) as error:
        if isinstance(error, BrokenPipeError) or not teller.has_begun:
            raise
        say(f"stopped: {error}")
        say(f"when that is mended, go on with: {command('resume', wanted.journal)}")
        return STOPPED
    return ended(result, wanted.journal)


async def _reported(joinme: JoinMe, *, meetings: MeetingsFile | None, wanted: Wanted, teller: Teller) -> Result:
    return result_of(
        await schedule_all(joinme, meetings, journal=wanted.journal, existing=wanted.existing, on_progress=teller)
    )


async def _streamed(joinme: JoinMe, *, meetings: MeetingsFile | None, wanted: Wanted, teller: Teller) -> Result:
    tally = Tally()
    outcomes = schedule_each(joinme, meetings, journal=wanted.journal, existing=wanted.existing, on_progress=teller)
    async with aclosing(outcomes):
        async for outcome in outcomes:
            tally.add(outcome)
            show(fields_of(outcome))
    result = tally.result
    if result.stopped is not None:
        return result
    try:
        seen = await verify(joinme, wanted.journal)
    except JoinMeError:
        return result
    return attrs.evolve(result, surplus=seen.surplus, missing=seen.missing, verified=True)


# The dry run


def run_dry(meetings: MeetingsFile, wanted: Wanted, settings: Settings) -> int:
    """Show what a run would do, and do nothing: no request but GET can leave, and no journal is made or changed."""
    known = rows_in(wanted.journal)
    seen = _looked(meetings, wanted.journal if known else None, settings)
    rate = settings.rate
    seconds = None if rate is None else max(seen.to_send - 1, 0) / rate
    if wanted.as_json:
        show({"rows": seen.rows, "bad": len(meetings.skipped), "done": seen.done, "in_doubt": seen.in_doubt,
              "already_there": seen.there, "to_send": seen.to_send, "seconds": seconds})  # fmt: skip
        return DONE
    what = "as the run was told" if known else "a run would ask what to do"
    what = {"make": "to be made all the same", "adopt": "to be adopted", None: what}[wanted.existing]
    for line in _previewed(seen, len(meetings.skipped), what, rate, seconds):
        show_text(line)
    say("this was a dry run: nothing was sent, and no journal was made or changed")
    return DONE


def _looked(meetings: MeetingsFile, journal: Path | None, settings: Settings) -> Preview:
    from joinme_async.transports.httpx import HttpxTransport  # noqa: PLC0415  httpx is loaded where it is used

    transport = ReadOnlyTransport(HttpxTransport())

    async def work(joinme: JoinMe, _: Patience) -> Preview:
        try:
            return await preview(joinme, meetings, journal)
        finally:
            await transport.aclose()

    return ask(work, settings, "looking what is there", transport=transport)


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
