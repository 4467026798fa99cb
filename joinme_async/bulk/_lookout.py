"""Looking at what the service has: before a run, for rows in doubt, and to verify it at the end."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import anyio
import attrs

from joinme_async._ensure import Memory, later, leaves_out
from joinme_async._errors import JoinMeError, NotFoundError, UnexpectedResponseError
from joinme_async._models import Meeting
from joinme_async._reconcile import Look, lag_behind, share_out, silence_of
from joinme_async._retry._layer import RetryLayer
from joinme_async._retry._options import Options
from joinme_async._retry._slots import HANDFUL
from joinme_async._wire import Listing, get_call, listing_call
from joinme_async.bulk._journal import Entry, Writer, read_answer
from joinme_async.bulk._rows import Row
from joinme_async.bulk._verbs import look_digest, same_digest

WITNESSES: Final = 10  # of the meetings made last, which a list must show before it proves that others are not there


@attrs.frozen
class Verification:
    """What a list showed of a run that is over.

    Attributes:
        surplus: meetings that equal a row, and are more than the rows.
        missing: ids of meetings of rows that it does not show.
    """

    surplus: tuple[Meeting, ...] = ()
    missing: frozenset[int] = frozenset()


class Lookout:
    """Reads lists for one run.

    Args:
        layer: sends.
        options: how long each of its calls may take.
        memory: what the client remembers, told of meetings found.
        writer: the journal.
    """

    def __init__(self, layer: RetryLayer, options: Options, memory: Memory, writer: Writer) -> None:
        self._layer = layer
        self._options = options
        self._memory = memory
        self._writer = writer
        self._made: deque[Meeting] = deque(maxlen=WITNESSES)

    async def remember(self) -> None:
        """Take up the meetings that earlier runs with the journal made last."""
        answers = await self._writer.write(lambda store: store.latest(WITNESSES))
        self._made.extend(read_answer(answer) for answer in reversed(answers))

    def made(self, meeting: Meeting) -> None:
        """Note a meeting that the service says it made: no later list may miss it."""
        self._made.append(meeting)

    def found(self, meeting: Meeting) -> None:
        """Note a meeting that was found to be one of this run."""
        self._memory.adopted(meeting)
        self._made.append(meeting)

    async def baseline(self) -> list[tuple[int, bytes]]:
        """Return the meetings there are, and how they look."""
        listing = await self._list()
        return [(meeting.id, look_digest(meeting)) for meeting in listing.meetings]

    async def read(self, meeting_id: int) -> Meeting | None:
        """Return one meeting with its participants, None where it has gone.

        Raises:
            UnexpectedResponseError: its answer leaves them out.
        """
        try:
            meeting = await self._get(meeting_id)
        except NotFoundError:
            return None
        if meeting.participants is None:
            raise UnexpectedResponseError(silence_of(meeting), path_in_body="participants")
        return meeting

    async def look(self, doubts: Sequence[Entry[Row]]) -> list[Look]:
        """Return what one list proves of rows in doubt, whose settle time is over; what goes wrong proves nothing."""
        try:
            return await self._look(doubts)
        except JoinMeError as error:
            return [Look(doubt=f"the list could not be read ({error})")] * len(doubts)

    async def _look(self, doubts: Sequence[Entry[Row]]) -> list[Look]:
        witnesses = tuple(self._made)
        far = max([*(entry.row.meeting.end for entry in doubts), *(witness.end for witness in witnesses)])
        listing = await self._list(until=later(far))
        fresh = await self._fresh(listing)
        wanted = {entry.look for entry in doubts}
        taken = await self._taken(listing, fresh, wanted)
        fresh = [meeting for meeting in fresh if meeting.id not in taken.values()]
        seen, gone = await self._in_full(fresh, lambda look: look in wanted)
        looks_of_ours = await self._looks_of_rows(seen)
        looks = share_out(
            [entry.row.meeting for entry in doubts], seen, lambda meeting: look_digest(meeting) in looks_of_ours
        )
        missed = await self._missed(witnesses, listing)
        return [
            look if look != Look() else self._proven(entry, listing, missed=missed, gone=gone, taken=taken)
            for entry, look in zip(doubts, looks, strict=True)
        ]

    @staticmethod
    def _proven(
        entry: Entry[Row],
        listing: Listing,
        *,
        missed: int | None,
        gone: frozenset[bytes],
        taken: Mapping[bytes, int],
    ) -> Look:
        """Return what it proves of a row that a list does not show it."""
        if entry.row.meeting.start <= listing.at:
            return Look(doubt="the meeting has begun, and only upcoming ones are listed")
        if missed is not None:
            return Look(doubt=lag_behind(missed))
        if entry.look in taken:
            return Look(
                doubt=f"meeting {taken[entry.look]} is like it, and is another row's, or another call's of this client"
            )
        if entry.look in gone:
            return Look(doubt="a meeting like it is listed and cannot be read: the list lags behind, or runs ahead")
        return Look()

    async def verify(self) -> Verification:
        """Compare the list with all rows of the journal."""
        listing = await self._list()
        fresh = await self._fresh(listing)
        ours = await self._looks_of_rows(fresh)
        seen, _ = await self._in_full(fresh, lambda look: look in ours)
        equal = [(same_digest(meeting), meeting) for meeting in seen if meeting.participants is not None]
        open_rows = await self._writer.write(lambda store: Counter(store.open_rows([same for same, _ in equal])))
        surplus: list[Meeting] = []
        for same, meeting in equal:
            if same not in open_rows:
                continue  # no row of ours
            open_rows[same] -= 1
            if open_rows[same] < 0:
                surplus.append(meeting)
        ids = [meeting.id for meeting in listing.meetings]
        missing = await self._writer.write(lambda store: store.missing(ids, f"{listing.at:%Y-%m-%dT%H:%M:%SZ}"))
        return Verification(tuple(surplus), frozenset(missing))

    async def _list(self, *, until: datetime | None = None) -> Listing:
        return await self._layer.perform(listing_call(until, self._layer.clock.wall), self._options)

    async def _fresh(self, listing: Listing) -> list[Meeting]:
        """Return the listed meetings that were not there before the run and are no row's."""
        ids = [meeting.id for meeting in listing.meetings]
        unknown = await self._writer.write(lambda store: store.unknown_ids(ids))
        return sorted((meeting for meeting in listing.meetings if meeting.id in unknown), key=lambda m: m.id)

    async def _taken(self, listing: Listing, fresh: Sequence[Meeting], wanted: Collection[bytes]) -> dict[bytes, int]:
        """Return, for looks of rows in doubt, a listed meeting like that which may be a row's and is taken otherwise.

        An id that was given out twice, or that this client got for another call, proves nothing either way.
        """
        listed = {meeting.id: look for meeting in listing.meetings if (look := look_digest(meeting)) in wanted}
        claims = await self._writer.write(lambda store: store.claims(listed))
        wrong = {listed[number]: number for number, look in claims.items() if look != listed[number]}
        ours = {m.id for m in fresh} & self._memory.claimed.keys() & listed.keys()
        return wrong | {listed[number]: number for number in ours}

    async def looks_of_strangers(self) -> list[bytes]:
        """Return how the meetings look that were made since the run began and are no row's of its journal."""
        return [look_digest(meeting) for meeting in await self._fresh(await self._list())]

    async def _looks_of_rows(self, meetings: Iterable[Meeting]) -> set[bytes]:
        looks = {look_digest(meeting) for meeting in meetings}
        return await self._writer.write(lambda store: store.looks_of_rows(looks)) if looks else set()

    async def _in_full(
        self, listed: Sequence[Meeting], is_wanted: Callable[[bytes], bool]
    ) -> tuple[list[Meeting], frozenset[bytes]]:
        """Return the meetings, those that are wanted read anew, and the looks of those that have gone meanwhile."""
        full: dict[int, Meeting | None] = {meeting.id: meeting for meeting in listed}
        unread = [m for m in listed if m.participants is None and is_wanted(look_digest(m))]

        async def read(meeting: Meeting) -> None:
            try:
                full[meeting.id] = await self._get(meeting.id)
            except NotFoundError:
                full[meeting.id] = None

        await _a_handful_at_a_time(read, unread)
        gone = frozenset(look_digest(meeting) for meeting in unread if full[meeting.id] is None)
        return [meeting for meeting in full.values() if meeting is not None], gone

    async def _missed(self, witnesses: Sequence[Meeting], listing: Listing) -> int | None:
        """Return the id of a meeting of this run that the list should show and does not, None where there is none."""
        ids = {meeting.id for meeting in listing.meetings}
        for witness in witnesses:
            with suppress(NotFoundError):  # deleted since: it says nothing
                if await leaves_out(listing, ids, witness, self._get):
                    return witness.id
        return None

    async def _get(self, meeting_id: int) -> Meeting:
        return await self._layer.perform(get_call(meeting_id), self._options)


async def _a_handful_at_a_time(work: Callable[[Meeting], Awaitable[None]], items: Sequence[Meeting]) -> None:
    """Do `work` for each item, and raise the first error when all that was begun has ended."""
    errors: list[JoinMeError] = []
    line = iter(items)

    async def worker() -> None:
        for item in line:
            if errors:
                return
            try:
                await work(item)
            except JoinMeError as error:
                errors.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(min(HANDFUL, len(items))):
            group.start_soon(worker)
    if errors:
        raise errors[0]
