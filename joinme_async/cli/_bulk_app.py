"""The verbs of `joinme bulk`."""

import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, validators

bulk = App(
    name="bulk",
    help="""Thousands of meetings from a file, each once, whatever happens.

    A run keeps a journal: killed at any moment and run again, it goes on where it was. JOINME_ACCESS_TOKEN in the
    environment is the access token.

    Begin with `joinme bulk schedule june.csv --dry-run`.

    Exit codes: 0 all rows are done; 1 nothing was begun (bad rows, a journal that does not fit, no token); 2 the
    command line is wrong; 3 some rows failed, or the list of join.me does not agree; 4 it was stopped before the end
    (quota, token, outage, disk); 5 some rows are in doubt; 130 interrupted. Where several apply: 4, then 5, then 3.
    """,
)

_ExistingFile = Annotated[Path, Parameter(validator=validators.Path(exists=True, dir_okay=False))]
_Rate = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]
_Json = Annotated[bool, Parameter(name="--json", negative="")]
_Flag = Annotated[bool, Parameter(negative="")]


@bulk.command
def schedule(  # noqa: PLR0913  its options
    file: _ExistingFile,
    *,
    journal: Path | None = None,
    rate: _Rate = None,
    timezone: str | None = None,
    skip_bad: _Flag = False,
    since: datetime | None = None,
    until: datetime | None = None,
    existing: Literal["make", "adopt"] | None = None,
    dry_run: _Flag = False,
    as_json: _Json = False,
    yes: _Flag = False,
) -> None:
    """Schedule a meeting for each row of a file; run it again with the same file, and it goes on.

    The whole file is checked before anything is sent.

    Parameters
    ----------
    file
        Meetings as CSV, JSON Lines (.jsonl), a workbook (.xlsx, .ods) or a calendar (.ics). Columns are name, start and
        end, and where wanted participants, start_with_personal_url, timezone and key.
    journal
        Where to write down what was sent and what came of it; without one, beside the file, with .journal added to
        its name. One that is there is gone on with.
    rate
        How many calls a second your key allows; without one, the pace is learnt.
    timezone
        The IANA zone of times in the file that have none, such as Europe/London; also of --since and --until.
    skip_bad
        Pass over rows that cannot be sent, instead of sending nothing.
    since
        Pass over meetings that begin before this, such as 2027-06-01T00:00Z.
    until
        Pass over meetings that begin at this time or later.
    existing
        What becomes of rows that an equal meeting is there for already: make another, or adopt it. Without this you are
        asked, and where nobody can be asked nothing is sent.
    dry_run
        Show what a run would do, and send and write nothing.
    as_json
        A line of JSON on stdout for each row as it ends: key, line, state, meeting_id, name, start, end, error.
    yes
        Do not ask: rows that are there already are made all the same, unless --existing says otherwise.
    """
    from joinme_async.cli._bulk import checked, moment, run_dry, run_schedule  # noqa: PLC0415  each verb loads what it uses
    from joinme_async.cli._shell import carried_out, journal_of  # noqa: PLC0415

    target = journal_of(file, journal)

    def work() -> int:
        first, last = (moment(given, timezone) for given in (since, until))
        meetings = checked(file, timezone, first, last, skip_bad=skip_bad)
        if dry_run:
            return run_dry(meetings, target, existing=existing, rate=rate, as_json=as_json)
        return run_schedule(meetings, target, existing=existing, rate=rate, as_json=as_json, yes=yes)

    sys.exit(carried_out(work, "resume", None if dry_run else target))


@bulk.command
def resume(
    file: Path | None = None, *, journal: Path | None = None, rate: _Rate = None, as_json: _Json = False
) -> None:
    """Go on with a run that was interrupted, stopped or killed, or that has rows that failed or are in doubt.

    Parameters
    ----------
    file
        The file of meetings that the run was begun with, or its journal.
    journal
        Its journal, where that is elsewhere. The file is read again where the journal does not have all its rows.
    rate
        How many calls a second your key allows; without one, the pace is learnt.
    as_json
        As of schedule; rows done earlier come first.
    """
    from joinme_async.cli._bulk import run_resume  # noqa: PLC0415
    from joinme_async.cli._shell import carried_out, journal_of  # noqa: PLC0415

    target = journal_of(file, journal)
    work = partial(run_resume, target, rate=rate, as_json=as_json)
    sys.exit(carried_out(work, "resume", target))


@bulk.command
def status(file: Path | None = None, *, journal: Path | None = None, as_json: _Json = False) -> None:
    """Show how far a run is, who runs it now, and which rows failed or are in doubt; nothing is sent.

    The exit code is 0 where there is such a journal.

    Parameters
    ----------
    file
        The file of meetings that the run was begun with, or its journal.
    journal
        Its journal, where that is elsewhere.
    as_json
        One JSON object on stdout: journal, holder, counts, already_there, complete, failed, in_doubt.
    """
    from joinme_async.cli._after import run_status  # noqa: PLC0415
    from joinme_async.cli._shell import carried_out, journal_of  # noqa: PLC0415

    target = journal_of(file, journal)
    sys.exit(carried_out(partial(run_status, target, as_json=as_json)))


@bulk.command
def verify(file: Path | None = None, *, journal: Path | None = None, as_json: _Json = False) -> None:
    """Compare the list of join.me with all rows of a run: what is missing, and what is there too often.

    Parameters
    ----------
    file
        The file of meetings that the run was begun with, or its journal.
    journal
        Its journal, where that is elsewhere.
    as_json
        One JSON object on stdout: journal, counts, missing, surplus.
    """
    from joinme_async.cli._after import run_verify  # noqa: PLC0415
    from joinme_async.cli._shell import carried_out, journal_of  # noqa: PLC0415

    target = journal_of(file, journal)
    sys.exit(carried_out(partial(run_verify, target, as_json=as_json)))


@bulk.command
def undo(  # noqa: PLR0913
    file: Path | None = None,
    *,
    journal: Path | None = None,
    adopted: _Flag = False,
    rate: _Rate = None,
    yes: _Flag = False,
    as_json: _Json = False,
) -> None:
    """Delete exactly the meetings that a run made. Interrupted, it can be run again.

    Parameters
    ----------
    file
        The file of meetings that the run was begun with, or its journal.
    journal
        Its journal, where that is elsewhere.
    adopted
        Delete those as well that were found rather than answered: after a lost answer, or there before the run.
    rate
        How many calls a second your key allows; without one, the pace is learnt.
    yes
        Do not ask.
    as_json
        A line of JSON on stdout for each row whose meeting was deleted or could not be.
    """
    from joinme_async.cli._after import run_undo  # noqa: PLC0415
    from joinme_async.cli._shell import carried_out, journal_of  # noqa: PLC0415

    target = journal_of(file, journal)
    work = partial(run_undo, target, adopted=adopted, rate=rate, yes=yes, as_json=as_json)
    sys.exit(carried_out(work, "undo", target))
