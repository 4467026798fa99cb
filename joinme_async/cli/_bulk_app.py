"""The verbs of `joinme bulk`."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Group

from joinme_async.cli._options import BOUNDS, COMMON, CONNECTION, EXISTING, Bounds, Common, Connection, Flag, Json, Zone

MANY = Group("Many meetings", sort_key=2)

bulk = App(
    name="bulk",
    group=MANY,
    help="""Thousands of meetings from a file, each once, whatever happens.

    A run keeps a journal: killed at any moment and run again, it goes on where it was.

    Begin with `joinme bulk schedule june.csv --dry-run`.

    Exit codes, the first that applies of 4, 5 and 3:

    - 0: all rows are done
    - 1: nothing was begun: bad rows, a journal that does not fit, no token, join.me out of reach
    - 2: the command line is wrong
    - 3: some rows failed, or the list of join.me does not agree
    - 4: it was stopped before the end: quota, token, outage, disk, or nobody reads stdout any more
    - 5: some rows are in doubt
    - 130: interrupted
    """,
)


@bulk.command
def schedule(  # noqa: PLR0913  its options
    file: Annotated[Path, EXISTING],
    *,
    journal: Path | None = None,
    timezone: Zone = None,
    skip_bad: Flag = False,
    bounds: Bounds = BOUNDS,
    existing: Literal["make", "adopt"] | None = None,
    dry_run: Flag = False,
    as_json: Json = False,
    yes: Flag = False,
    connection: Connection = CONNECTION,
) -> int:
    """Schedule a meeting for each row of a file; run it again with the same file, and it goes on.

    The whole file is checked before anything is sent.

    Example: `joinme bulk schedule june.csv --timezone Europe/London --rate 20`

    Parameters
    ----------
    file
        Meetings as CSV, JSON Lines (.jsonl), a workbook (.xlsx, .ods) or a calendar (.ics). Columns are name, start and
        end, and where wanted participants, start_with_personal_url, timezone and key.
    journal
        Where to write down what was sent and what came of it; without one, beside the file, with .journal added to
        its name. One that is there is gone on with.
    timezone
        The IANA zone of times in the file that have none, such as Europe/London, and of --since and --until; without
        one, that of your settings.
    skip_bad
        Pass over rows that cannot be sent, instead of sending nothing.
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
    from joinme_async.cli._bulk import Wanted, checked, run_dry, run_schedule  # noqa: PLC0415  each verb loads what it uses
    from joinme_async.cli._journals import carried_on, journal_of  # noqa: PLC0415
    from joinme_async.cli._shell import ready, settings_for  # noqa: PLC0415

    wanted = Wanted(
        journal=journal_of(file, journal), existing=existing, as_json=as_json, yes=yes, no_input=connection.no_input
    )

    def work() -> int:
        settings = settings_for(connection, timezone)
        meetings = checked(file, settings.timezone, bounds, skip_bad=skip_bad)
        return (run_dry if dry_run else run_schedule)(meetings, wanted, ready(settings, connection))

    return carried_on(work, connection, "resume", None if dry_run else wanted.journal)


@bulk.command
def resume(
    file: Path | None = None,
    *,
    journal: Path | None = None,
    as_json: Json = False,
    connection: Connection = CONNECTION,
) -> int:
    """Go on with a run that was interrupted, stopped or killed, or that has rows that failed or are in doubt.

    Example: `joinme bulk resume june.csv`

    Parameters
    ----------
    file
        The file of meetings that the run was begun with, or its journal.
    journal
        Its journal, where that is elsewhere. The file is read again where the journal does not have all its rows.
    as_json
        As of schedule; rows done earlier come first.
    """
    from joinme_async.cli._bulk import Wanted, run_resume  # noqa: PLC0415
    from joinme_async.cli._journals import carried_on, journal_of  # noqa: PLC0415
    from joinme_async.cli._shell import ready, settings_for  # noqa: PLC0415

    wanted = Wanted(journal=journal_of(file, journal), as_json=as_json)
    return carried_on(
        lambda: run_resume(wanted, ready(settings_for(connection), connection)), connection, "resume", wanted.journal
    )


@bulk.command
def status(
    file: Path | None = None, *, journal: Path | None = None, as_json: Json = False, common: Common = COMMON
) -> int:
    """Show how far a run is, who runs it now, and which rows failed or are in doubt; nothing is sent.

    The exit code is 0 where there is such a journal.

    Example: `joinme bulk status june.csv`

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
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._journals import journal_of  # noqa: PLC0415

    return carried_out(lambda: run_status(journal_of(file, journal), as_json=as_json), common)


@bulk.command
def verify(
    file: Path | None = None,
    *,
    journal: Path | None = None,
    as_json: Json = False,
    connection: Connection = CONNECTION,
) -> int:
    """Compare the list of join.me with all rows of a run: what is missing, and what is there too often.

    Example: `joinme bulk verify june.csv --json`

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
    from joinme_async.cli._codes import code_at_the_start  # noqa: PLC0415
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._journals import journal_of  # noqa: PLC0415

    target = journal_of(file, journal)
    return carried_out(lambda: run_verify(target, connection, as_json=as_json), connection, code_at_the_start)


@bulk.command
def undo(  # noqa: PLR0913
    file: Path | None = None,
    *,
    journal: Path | None = None,
    adopted: Flag = False,
    yes: Flag = False,
    as_json: Json = False,
    connection: Connection = CONNECTION,
) -> int:
    """Delete exactly the meetings that a run made. Interrupted, it can be run again.

    Example: `joinme bulk undo june.csv`

    Parameters
    ----------
    file
        The file of meetings that the run was begun with, or its journal.
    journal
        Its journal, where that is elsewhere.
    adopted
        Delete those as well that were found rather than answered: after a lost answer, or there before the run.
    yes
        Do not ask.
    as_json
        A line of JSON on stdout for each row whose meeting was deleted or could not be.
    """
    from joinme_async.cli._after import run_undo  # noqa: PLC0415
    from joinme_async.cli._journals import carried_on, journal_of  # noqa: PLC0415

    target = journal_of(file, journal)
    return carried_on(
        lambda: run_undo(target, connection, adopted=adopted, yes=yes, as_json=as_json), connection, "undo", target
    )
