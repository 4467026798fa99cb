"""What goes into a bulk run and what comes out of it: `Change`, `RowOutcome`, `BulkReport`, `Progress`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, Literal, TypeVar

import attrs

from joinme_async._errors import JoinMeError
from joinme_async._http import Secret
from joinme_async._models import UNSET, Changes, Meeting, Unset, checked_id
from joinme_async.bulk._rows import checked_key

R = TypeVar("R")

Verb = Literal["schedule", "update", "delete"]
Existing = Literal["make", "adopt"]
RowState = Literal["scheduled", "adopted", "updated", "deleted", "failed", "in_doubt", "not_started"]


@attrs.frozen(init=False)
class Change:
    """A change of one meeting, for `update_all`; it checks itself when it is made.

    A field that is left out stays as it is, except that the service documents of an update which does not say
    `start_with_personal_url` that it sets it to false: of a `Meeting` its own value is sent along, of a bare id it is
    not, so give it there where it matters.

    Attributes:
        meeting_id: of the meeting to be changed.
        changes: the fields to be set.
        key: what the input calls it, None where it does not.
    """

    meeting_id: int
    changes: Changes
    key: str | None

    def __init__(  # noqa: PLR0913  one for each field
        self,
        meeting: int | Meeting,
        *,
        name: str | Unset = UNSET,
        start: datetime | Unset = UNSET,
        end: datetime | Unset = UNSET,
        participants: Iterable[str] | Unset = UNSET,
        start_with_personal_url: bool | Unset = UNSET,
        key: str | None = None,
    ) -> None:
        checked_key(key)
        invited, participants = Secret(participants), UNSET
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]  attrs makes it
            checked_id(meeting.id if isinstance(meeting, Meeting) else meeting),
            Changes(name, start, end, invited, start_with_personal_url).for_meeting(meeting),
            key,
        )

    @classmethod
    def of(cls, meeting_id: int, changes: Changes, key: str | None) -> "Change":
        """Return the change that a journal holds."""
        change = cls.__new__(cls)
        change.__attrs_init__(meeting_id, changes, key)  # pyright: ignore[reportAttributeAccessIssue]
        return change


@attrs.frozen
class RowOutcome(Generic[R]):
    """What became of one row.

    Attributes:
        key: what the input calls the row; where it does not, its number, such as `#12`.
        row: the row: a `Row`, a `Change`, or the id of a meeting to be deleted.
        state: `"scheduled"`, `"adopted"` (found at the service: after a doubt, or there before and `existing="adopt"`),
            `"updated"`, `"deleted"`, `"failed"` (surely not done), `"in_doubt"` or `"not_started"`.
        meeting: as the service answered; None where it did not, and for a deletion.
        meeting_id: of the meeting that was made, changed or deleted, None where there is none that is known.
        error: why it failed, is in doubt or was not started.
        earlier: True for a row that an earlier run with the same journal had done.
    """

    key: str
    row: R
    state: RowState
    meeting: Meeting | None = None
    meeting_id: int | None = None
    error: JoinMeError | None = None
    earlier: bool = False


@attrs.frozen
class BulkReport(Generic[R]):
    """What became of all rows of a journal, those done by earlier runs included.

    Attributes:
        scheduled: rows that a meeting was made for.
        adopted: rows whose meeting was found at the service: made by a request whose answer was lost, or there before
            the run where `existing="adopt"` says so.
        updated: rows of `update_all` that are done.
        deleted: rows of `delete_all` or `undo` that are done.
        failed: rows that are surely not done, each with its error; another run with the same journal tries them again.
        in_doubt: rows that may have been done, and may not; another run with the same journal looks again.
        not_started: rows that were not sent: the run was stopped (`stopped`, and each row's `error`), their key is not
            in the input any more, or an earlier change of the same meeting was not carried out.
        already_there: rows that a meeting was there for before the run, as far as a list shows (it leaves participants
            out).
        earlier: rows of those done that were so before this run.
        surplus: upcoming meetings that equal a row, were not there before the run, and are more than the rows; they are
            never deleted unasked. Empty where the run was not verified.
        missing: rows whose meeting no list shows any more, though it is to come.
        verified: True if the service's list was compared with the rows at the end.
        stopped: what stopped the run, None where it came to its end.
        resume_at: when it can go on (aware, UTC), where the service said so.
    """

    scheduled: tuple[RowOutcome[R], ...] = ()
    adopted: tuple[RowOutcome[R], ...] = ()
    updated: tuple[RowOutcome[R], ...] = ()
    deleted: tuple[RowOutcome[R], ...] = ()
    failed: tuple[RowOutcome[R], ...] = ()
    in_doubt: tuple[RowOutcome[R], ...] = ()
    not_started: tuple[RowOutcome[R], ...] = ()
    already_there: int = 0
    earlier: int = 0
    surplus: tuple[Meeting, ...] = ()
    missing: tuple[RowOutcome[R], ...] = ()
    verified: bool = False
    stopped: JoinMeError | None = None
    resume_at: datetime | None = None

    def __repr__(self) -> str:
        return f"<BulkReport: {self.summary}>"

    @property
    def done(self) -> int:
        """How many rows are done."""
        return len(self.scheduled) + len(self.adopted) + len(self.updated) + len(self.deleted)

    @property
    def is_complete(self) -> bool:
        """Whether every row is done."""
        return not (self.failed or self.in_doubt or self.not_started or self.stopped)

    @property
    def summary(self) -> str:
        """The counts in a line, for people."""
        counts = {
            "scheduled": len(self.scheduled),
            "adopted": len(self.adopted),
            "updated": len(self.updated),
            "deleted": len(self.deleted),
            "failed": len(self.failed),
            "in doubt": len(self.in_doubt),
            "not started": len(self.not_started),
            "already there before": self.already_there,
            "surplus": len(self.surplus),
            "missing": len(self.missing),
        }
        said = ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "no rows"
        return f"{said} ({self.earlier} of them by earlier runs)" if self.earlier else said


@attrs.frozen
class Progress:
    """Where a bulk run stands, for a bar, a page or a log line.

    Attributes:
        phase: `"checking"`, `"sending"`, `"settling"` (waiting, then looking what became of rows in doubt),
            `"verifying"` or `"finished"`.
        done: rows done, those of earlier runs included.
        failed: rows that failed in this run.
        in_doubt: rows in doubt now.
        in_flight: requests under way.
        total: rows there are, None where the input does not tell.
        already_there: rows met so far that a meeting was there for before the run.
        rate: rows a second, of late; 0 before the first.
        time_left: seconds that the rest should take at that rate and under the limiter, None where that is not known.
        waiting: what is waited for, in the words of `WaitStarted.why`; empty where nothing is.
        waits: seconds for which, as far as is known.
    """

    phase: str
    done: int = 0
    failed: int = 0
    in_doubt: int = 0
    in_flight: int = 0
    total: int | None = None
    already_there: int = 0
    rate: float = 0.0
    time_left: float | None = None
    waiting: str = ""
    waits: float | None = None


ProgressHook = Callable[[Progress], object]
"""Called with a `Progress` now and then, synchronously. What it raises is logged and goes no further."""
