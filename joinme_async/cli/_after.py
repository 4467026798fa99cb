"""`joinme bulk status`, `verify` and `undo`: what is done with a journal."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio

from joinme_async._times import format_instant
from joinme_async.bulk import BulkReport, undo, verify
from joinme_async.cli._codes import DONE, FAILED, NOT_BEGUN, STOPPED
from joinme_async.cli._journals import command, ended, existing_journal, not_in
from joinme_async.cli._options import Connection
from joinme_async.cli._result import SHOWN, fields_of, result_of, told_of
from joinme_async.cli._shell import ask, ready, run, settings_for
from joinme_async.cli._stdio import asked, draws_bars, say, show, show_text


def run_status(journal: Path, *, as_json: bool) -> int:
    """Show what a journal says."""
    found = existing_journal(journal)

    async def main() -> tuple[BulkReport[Any], str | None, bool]:
        return await found.report(), await found.holder(), await found.is_complete()

    report, holder, complete = anyio.run(main)
    result = result_of(report)
    if as_json:
        counts = {"counts": result.counts, "already_there": report.already_there, "complete": complete}
        rows = {name: [fields_of(o) for o in getattr(report, name)] for name in ("failed", "in_doubt")}
        show({"journal": str(journal), "holder": holder, **counts, **rows})
        return DONE
    show_text(f"{journal}: {report.summary}")
    if not complete:
        show_text("not all rows of its file are in it yet")
    show_text("nobody runs with it now" if holder is None else f"in use by {holder}")
    for outcome in result.troubles:
        show_text(told_of(outcome))
    if (left_out := not_in(journal)) is not None:
        show_text(left_out)
    return DONE


def run_verify(journal: Path, connection: Connection, *, as_json: bool) -> int:
    """Compare a journal with the list of join.me."""
    found = existing_journal(journal)
    report = ask(
        lambda joinme, _: verify(joinme, found), ready(settings_for(connection), connection), "comparing with join.me"
    )
    result = result_of(report)
    if as_json:
        show({"journal": str(journal), "counts": result.counts,
              "missing": [fields_of(outcome) for outcome in report.missing],
              "surplus": [{"meeting_id": m.id, "name": m.name, "start": format_instant(m.start),
                           "end": format_instant(m.end)} for m in report.surplus]})  # fmt: skip
        return result.code
    return ended(result, journal)


def run_undo(journal: Path, connection: Connection, *, adopted: bool, yes: bool, as_json: bool) -> int:
    """Delete the meetings that a run made."""
    before = result_of(anyio.run(existing_journal(journal).report)).counts
    number = before["scheduled"] + (before["adopted"] if adopted else 0)
    left = f" The {before['adopted']} adopted are left alone." if before["adopted"] and not adopted else ""
    doubt = (
        f" {before['in_doubt']} rows are in doubt: resume first, or their meetings stay." if before["in_doubt"] else ""
    )
    told = f"this deletes {number} meetings, and its run cannot be gone on with.{left}{doubt}"
    if not yes:
        answer = asked(told, {"d": "delete them", "s": "stop"}, "s", no_input=connection.no_input)
        if answer != "d":
            say(f"{told} Nothing was deleted: say --yes" if answer is None else "nothing was deleted")
            return NOT_BEGUN
    from joinme_async.cli._teller import Teller  # noqa: PLC0415  it draws

    settings = ready(settings_for(connection), connection)
    with Teller(bar=draws_bars(to_stdout=as_json)) as teller:
        report = run(partial(undo, journal=journal, adopted=adopted, on_progress=teller), settings)
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
