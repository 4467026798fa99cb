"""What is done to the rows of a run, and how a row is written down, read back and carried out."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from joinme_async._conversion import read_changes, read_new, write_changes, write_meeting
from joinme_async._errors import InvalidMeetingError, NotFoundError
from joinme_async._http import Secret
from joinme_async._meetings import MeetingsResource
from joinme_async._models import Meeting, NewMeeting, checked_id
from joinme_async._reconcile import key_of, look_of
from joinme_async.bulk._rows import Row
from joinme_async.bulk._values import Change, RowState, Verb

R = TypeVar("R")


class Frozen(NamedTuple):
    """A row as a journal holds it.

    Attributes:
        key: what the input calls it, None where it does not.
        line: where it began in its file.
        target: the id of the meeting that is changed or deleted.
        content: what is sent, as JSON in the service's own words.
        same: what rows with equal content have in common.
        look: what the service's list shows of it.
    """

    key: str | None
    line: int | None
    target: int | None
    content: str
    same: bytes
    look: bytes


class Work(Protocol[R]):
    """What a run does to each of its rows."""

    verb: Verb
    done: RowState

    def checked(self, item: object) -> R:
        """Return the row that an item of the input is, or raise InvalidMeetingError."""
        ...

    def freeze(self, row: R) -> Frozen:
        """Return the row as a journal holds it."""
        ...

    def thaw(self, frozen: Frozen) -> R:
        """Return the row that a journal holds."""
        ...

    def lane(self, frozen: Frozen) -> bytes:
        """Return what rows share that must not be under way together."""
        ...

    async def perform(
        self, meetings: MeetingsResource, row: R, meeting_id: int | None, *, again: bool
    ) -> Meeting | None:
        """Carry out a row, whose meeting may be known; `again` where an earlier run may have done it."""
        ...


def digest(*parts: object) -> bytes:
    """Return sixteen bytes that stand for `parts`."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def look_digest(meeting: Meeting | NewMeeting) -> bytes:
    """Return sixteen bytes for what a list shows of a meeting."""
    name, start, end, personal = look_of(meeting)
    return digest(name, start.timestamp(), end.timestamp(), personal)


def same_digest(meeting: Meeting | NewMeeting) -> bytes:
    """Return sixteen bytes that equal meetings share; of a `Meeting`, one whose answer has the participants."""
    name, start, end, personal, invited = key_of(meeting)
    return digest(name, start.timestamp(), end.timestamp(), personal, sorted(invited))


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class Schedule:
    """Each row is a meeting to be made; not to be repeated blindly."""

    verb: Verb = "schedule"
    done: RowState = "scheduled"

    def checked(self, item: object) -> Row:
        """Take a `Row` or a `NewMeeting`."""
        if isinstance(item, NewMeeting):
            return Row(item)
        if isinstance(item, Row):
            return item
        raise InvalidMeetingError(f"a row is a NewMeeting or a Row, not {type(item).__name__}")

    def freeze(self, row: Row) -> Frozen:
        """Return the row as a journal holds it."""
        content = _compact(write_meeting(row.meeting))
        return Frozen(row.key, row.line, None, content, same_digest(row.meeting), look_digest(row.meeting))

    def thaw(self, frozen: Frozen) -> Row:
        """Return the row that a journal holds."""
        return Row(read_new(json.loads(frozen.content)), frozen.key, frozen.line)

    def lane(self, frozen: Frozen) -> bytes:
        """Equal rows are two meetings, and made one after the other."""
        return frozen.same

    async def perform(
        self,
        meetings: MeetingsResource,
        row: Row,
        meeting_id: int | None,  # noqa: ARG002
        *,
        again: bool,  # noqa: ARG002
    ) -> Meeting | None:
        """Schedule it."""
        return await meetings.schedule(row.meeting)


class Undo(Schedule):
    """Each row is a meeting that was made, and is to be deleted again."""

    done: RowState = "deleted"

    async def perform(
        self,
        meetings: MeetingsResource,
        row: Row,  # noqa: ARG002
        meeting_id: int | None,
        *,
        again: bool,  # noqa: ARG002
    ) -> None:
        """Delete it; one that is gone already is what was wanted."""
        await meetings.delete(meeting_id or 0, missing_ok=True)


class Update:
    """Each row is a change of a meeting; twice is the same as once."""

    verb: Verb = "update"
    done: RowState = "updated"

    def checked(self, item: object) -> Change:
        """Take a `Change`."""
        if isinstance(item, Change):
            return item
        raise InvalidMeetingError(f"a row of update_all is a Change, not {type(item).__name__}")

    def freeze(self, row: Change) -> Frozen:
        """Return the row as a journal holds it."""
        content = _compact(write_changes(row.changes))
        return Frozen(row.key, None, row.meeting_id, content, digest(row.meeting_id, content), digest(row.meeting_id))

    def thaw(self, frozen: Frozen) -> Change:
        """Return the row that a journal holds."""
        return Change.of(frozen.target or 0, read_changes(json.loads(frozen.content)), frozen.key)

    def lane(self, frozen: Frozen) -> bytes:
        """The changes of one meeting come in order."""
        return frozen.look

    async def perform(
        self,
        meetings: MeetingsResource,
        row: Change,
        meeting_id: int | None,  # noqa: ARG002
        *,
        again: bool,  # noqa: ARG002
    ) -> Meeting:
        """Send exactly the fields of the change."""
        invited = Secret(row.changes.participants)
        return await meetings.update(
            row.meeting_id,
            name=row.changes.name,
            start=row.changes.start,
            end=row.changes.end,
            participants=invited.reveal(),
            start_with_personal_url=row.changes.start_with_personal_url,
        )


class Delete:
    """Each row is the id of a meeting to be cancelled.

    Args:
        missing_ok: True to take a meeting that is not there for a deleted one.
    """

    verb: Verb = "delete"
    done: RowState = "deleted"

    def __init__(self, *, missing_ok: bool) -> None:
        self._missing_ok = missing_ok

    def checked(self, item: object) -> int:
        """Take an id or a `Meeting`."""
        return checked_id(item.id if isinstance(item, Meeting) else item)  # type: ignore[arg-type]

    def freeze(self, row: int) -> Frozen:
        """Return the row as a journal holds it."""
        return Frozen(None, None, row, "{}", digest(row), digest(row))

    def thaw(self, frozen: Frozen) -> int:
        """Return the id that a journal holds."""
        return frozen.target or 0

    def lane(self, frozen: Frozen) -> bytes:
        """A meeting is deleted once at a time."""
        return frozen.look

    async def perform(
        self,
        meetings: MeetingsResource,
        row: int,
        meeting_id: int | None,  # noqa: ARG002
        *,
        again: bool,
    ) -> None:
        """Delete it; one that is gone where an earlier run may have deleted it counts as deleted."""
        try:
            await meetings.delete(row)
        except NotFoundError:
            if not (again or self._missing_ok):
                raise
