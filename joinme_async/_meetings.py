"""The calls, as a user makes them."""

import builtins
from collections.abc import Iterable
from datetime import datetime

from joinme_async._ensure import Ensurer, Memory, in_full, later
from joinme_async._errors import InvalidMeetingError, NotFoundError, UnexpectedResponseError
from joinme_async._http import Secret
from joinme_async._models import UNSET, Changes, Meeting, NewMeeting, Unset, checked_id, checked_instant
from joinme_async._reconcile import equals, silence_of
from joinme_async._retry._layer import RetryLayer
from joinme_async._retry._options import Options
from joinme_async._span import Span
from joinme_async._wire import delete_call, get_call, list_call, schedule_call, update_call


class MeetingsResource:
    """The scheduled meetings of the token's owner; reached as `joinme.meetings`.

    Every method checks its arguments before any I/O (`InvalidMeetingError`) and raises a `JoinMeError` for whatever
    goes wrong after; cancelling one frees its connection.
    """

    def __init__(self, layer: RetryLayer, options: Options, memory: Memory) -> None:
        self._layer = layer
        self._options = options
        self._memory = memory

    async def list(self, *, until: datetime | None = None) -> builtins.list[Meeting]:
        """Return the upcoming meetings; the service leaves their participants and conference ids out.

        Args:
            until: only those up to this instant (aware).
        """
        bound = None if until is None else checked_instant(until, "until")
        return await self._layer.perform(list_call(bound), self._options)

    async def get(self, meeting_id: int) -> Meeting:
        """Return one meeting with its participants.

        Raises:
            NotFoundError: there is none of that id.
        """
        return await self._layer.perform(get_call(checked_id(meeting_id)), self._options)

    async def schedule(self, new: NewMeeting) -> Meeting:
        """Schedule a meeting, invite its participants and return it with its id.

        The service has no idempotency key, so a request whose answer was lost is never sent again; one that did not
        leave, or was refused before any work, is. `ensure` also finds out what became of a lost one.

        Raises:
            OutcomeUnknownError: the request may have been carried out; `ensure` finds out, this method would send it
                again.
        """
        if not isinstance(new, NewMeeting):
            raise InvalidMeetingError(f"schedule() takes a NewMeeting, not {type(new).__name__}")
        with self._memory.making(new):
            meeting = await self._layer.perform(schedule_call(new), self._options)
        self._memory.made(meeting)
        return meeting

    async def ensure(self, new: NewMeeting) -> Meeting:
        """Schedule a meeting unless an equal one is upcoming already, and return it: safe to repeat.

        One meeting, unless a commit shows later than the settle time. It lists the upcoming meetings and schedules
        only where none equals `new` (see `find`). Where the answer is lost, it waits for the settle time
        (`RetryPolicy.settle`; after a late answer for the attempt's time once more), looks whether the meeting was
        made, looks once more, and only then sends it a second time, and never a third. Equal calls of one client and
        its copies at the same time share one run; a cancelled one hands over to the others. One deadline covers it all.

        An equal meeting that somebody else makes at the same moment cannot be told from this one. After a late answer
        the default timeouts leave no time to look: call it again, or give it `Timeout(total=150)` from the start.

        Raises:
            OutcomeUnknownError: a request was sent, and it cannot be proven what became of it: it shows in no list, a
                list failed or lagged behind, a new meeting at that time looks almost like it, or time ran out. Repeat
                the call later: it looks before it sends.
            InvalidMeetingError: the meeting has begun, so that no list can prove its absence; nothing was sent.
            UnexpectedResponseError: nothing was sent, since the answers did not show whether it is there.
        """
        if not isinstance(new, NewMeeting):
            raise InvalidMeetingError(f"ensure() takes a NewMeeting, not {type(new).__name__}")
        return await Ensurer(self._layer, self._options, self._memory, new).carry_out()

    async def find(self, new: NewMeeting) -> builtins.list[Meeting]:
        """Return the upcoming meetings equal to `new`: name, start, end, personal-URL flag and set of participants.

        Lists once, then reads each candidate, since a list leaves the participants out. A meeting that has begun is not
        upcoming and cannot be found. Blanks in names and letter case in addresses make no difference. One deadline
        covers it all.

        Raises:
            UnexpectedResponseError: an answer left the participants out, so that a candidate can be neither taken nor
                ruled out. An empty list means that none is upcoming; of a meeting that has begun it proves nothing.
        """
        if not isinstance(new, NewMeeting):
            raise InvalidMeetingError(f"find() takes a NewMeeting, not {type(new).__name__}")
        span = Span(self._layer, self._options)
        listed = await span.perform(list_call(later(new.end)))
        seen = (await in_full(listed, new, lambda meeting_id: span.perform(get_call(meeting_id)))).values()
        silent = next((meeting for meeting in seen if equals(meeting, new) is None), None)
        if silent is not None:
            raise UnexpectedResponseError(silence_of(silent), path_in_body="participants")
        return [meeting for meeting in seen if equals(meeting, new)]

    async def update(  # noqa: PLR0913  one for each field
        self,
        meeting: int | Meeting,
        *,
        name: str | Unset = UNSET,
        start: datetime | Unset = UNSET,
        end: datetime | Unset = UNSET,
        participants: Iterable[str] | Unset = UNSET,
        start_with_personal_url: bool | Unset = UNSET,
    ) -> Meeting:
        """Change the given fields of a meeting and return it as it is now.

        Args:
            meeting: a `Meeting`, or the id of one. The service documents that an update which does not say
                `start_with_personal_url` sets it to false: of a `Meeting` its own value is sent along, while with an
                id exactly the given fields are sent, so give it there where it matters.
            name: the new name.
            start: the new start (aware).
            end: the new end (aware), after the start and within 14 days of it.
            participants: the whole new list of addresses; `[]` removes everybody.
            start_with_personal_url: the new value.

        Raises:
            InvalidMeetingError: nothing to change, or a rule is broken; nothing was sent.
            NotFoundError: there is no such meeting.
        """
        invited, participants = Secret(participants), UNSET
        changes = Changes(name, start, end, invited, start_with_personal_url).for_meeting(meeting)
        return await self._layer.perform(update_call(_id_of(meeting), changes), self._options)

    async def delete(self, meeting: int | Meeting, *, missing_ok: bool = False) -> None:
        """Cancel a meeting.

        Args:
            meeting: a `Meeting`, or the id of one.
            missing_ok: True to take a meeting that is not there for a deleted one.

        Raises:
            NotFoundError: there is no such meeting, unless `missing_ok`.
        """
        meeting_id = _id_of(meeting)
        try:
            await self._layer.perform(delete_call(meeting_id), self._options)
        except NotFoundError:
            if not missing_ok:
                raise
        self._memory.gone(meeting_id)


def _id_of(meeting: int | Meeting) -> int:
    return checked_id(meeting.id if isinstance(meeting, Meeting) else meeting)
