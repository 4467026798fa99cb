"""What a bulk run came to: counts, exit codes and what to do next, as values and words."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from joinme_async._errors import AuthenticationError, JoinMeError, JournalError, QuotaExceededError, RateLimitedError
from joinme_async._models import Meeting
from joinme_async._times import format_instant
from joinme_async.bulk import BulkReport, Row, RowOutcome
from joinme_async.cli._codes import DONE, FAILED, IN_DOUBT, STOPPED

SHOWN: Final = 10  # rows told of on stderr; all of them are in `status`


@attrs.frozen
class Result:
    """What a run came to.

    Attributes:
        counts: rows by what became of them.
        troubles: the first rows that failed or are in doubt.
        stopped: what stopped it.
        surplus: how many meetings are more than the rows.
        missing: rows whose meetings are not listed.
        verified: the list was compared with the rows.
    """

    counts: Mapping[str, int]
    troubles: tuple[RowOutcome[Any], ...] = ()
    stopped: JoinMeError | None = None
    surplus: tuple[Meeting, ...] = ()
    missing: tuple[RowOutcome[Any], ...] = ()
    verified: bool = False

    @property
    def code(self) -> int:
        """The exit code: stopped before in doubt, in doubt before failed."""
        if self.stopped is not None or self.counts.get("not_started"):
            return STOPPED
        if self.counts.get("in_doubt"):
            return IN_DOUBT
        return FAILED if self.counts.get("failed") or self.surplus or self.missing else DONE

    @property
    def summary(self) -> str:
        """The counts in a line."""
        counts = {**self.counts, "surplus": len(self.surplus), "missing": len(self.missing)}
        return ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in counts.items() if number)


_STATES: Final = ("scheduled", "adopted", "updated", "deleted", "failed", "in_doubt", "not_started")


def result_of(report: BulkReport[Any]) -> Result:
    """Return what a report says."""
    counts = {state: len(getattr(report, state)) for state in _STATES}
    troubles = (*report.failed, *report.in_doubt)
    return Result(counts, troubles, report.stopped, report.surplus, report.missing, report.verified)


class Tally:
    """Counts outcomes as they come."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter(dict.fromkeys(_STATES, 0))
        self._troubles: list[RowOutcome[Any]] = []
        self._stopped: JoinMeError | None = None

    def add(self, outcome: RowOutcome[Any]) -> None:
        """Count one."""
        self._counts[outcome.state] += 1
        if outcome.state in {"failed", "in_doubt"} and len(self._troubles) <= SHOWN:
            self._troubles.append(outcome)
        if outcome.state == "not_started" or isinstance(outcome.error, JournalError):
            self._stopped = outcome.error

    @property
    def result(self) -> Result:
        """What they come to."""
        return Result(dict(self._counts), tuple(self._troubles), self._stopped)


def fields_of(outcome: RowOutcome[Any]) -> dict[str, Any]:
    """Return the documented fields of an outcome; of the people invited, nothing."""
    row, meeting = outcome.row, outcome.meeting
    new = row.meeting if isinstance(row, Row) else meeting
    return {
        "key": outcome.key,
        "line": row.line if isinstance(row, Row) else None,
        "state": outcome.state,
        "meeting_id": outcome.meeting_id,
        "name": None if new is None else new.name,
        "start": None if new is None else format_instant(new.start),
        "end": None if new is None else format_instant(new.end),
        "error": None if outcome.error is None else str(outcome.error),
    }


def told_of(outcome: RowOutcome[Any]) -> str:
    """Return an outcome in a line, for people."""
    fields = fields_of(outcome)
    where = f"row {outcome.key}" + ("" if fields["line"] is None else f", line {fields['line']}")
    name = "" if fields["name"] is None else f" ({fields['name']})"
    return f"{where}{name}: {outcome.state.replace('_', ' ')}" + ("" if not fields["error"] else f": {fields['error']}")


def what_next(result: Result) -> str | None:
    """Return when and why to run it again, None where there is no need to."""
    match result.stopped:
        case QuotaExceededError(retry_at=datetime() as moment) | RateLimitedError(retry_at=datetime() as moment):
            return f"go on after {format_instant(moment)} with"
        case AuthenticationError():
            return "put a new token where the old one is (joinme config shows where), and go on with"
        case JournalError():
            return "when that is mended, go on with"
    if result.code == STOPPED:
        return "see that the service is well, and go on with" if result.stopped is not None else "go on with"
    if result.counts.get("in_doubt"):
        return "to look again what became of rows in doubt" + (
            ", and try again what failed" if result.counts.get("failed") else ""
        )
    return "to try again what failed" if result.counts.get("failed") else None
