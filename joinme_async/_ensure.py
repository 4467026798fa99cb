"""`ensure`: schedule a meeting unless it is there, and find out what became of it where an answer was lost."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Generator, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from math import inf
from typing import Final, TypeVar

import anyio
import attrs

from joinme_async._errors import (
    DeadlineExceededError,
    InvalidMeetingError,
    JoinMeError,
    NotFoundError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async._events import Reconciled, WaitStarted
from joinme_async._models import Meeting, NewMeeting, OutcomeUnknownError
from joinme_async._reconcile import LIST_MARGIN, Look, conclude, key_of, lag_behind, may_equal
from joinme_async._retry._layer import RetryLayer
from joinme_async._retry._options import Options
from joinme_async._retry._stay import Stay
from joinme_async._span import Span
from joinme_async._wire import Listing, get_call, listing_call, schedule_call

T = TypeVar("T")

_POSTS: Final = 2  # requests of one case whose outcome may be unknown
_REMEMBERED: Final = 1000  # doubts kept for an `ensure` to come
_CLAIMS: Final = 10_000  # ids known to be meetings of our own


@attrs.define
class _Lead:
    """One caller's turn at a case, and what came of it for those who wait."""

    meeting: Meeting | None = None
    failure: str = ""
    last: JoinMeError | None = None


@attrs.define(eq=False)
class _Case:
    """The making of one meeting, however many callers want it and whoever of them is at work.

    Attributes:
        new: the meeting.
        before: the ids that were there before the first request left, None where nobody looked.
        posts: requests whose outcome is not known.
        settled: when the service has had its time to show what it made of the last of them.
        lead: the caller at work, None where there is none.
        line: those who wait for the end of that, first come first.
    """

    new: NewMeeting
    before: frozenset[int] | None = None
    posts: int = 0
    settled: float = 0.0
    lead: _Lead | None = None
    line: "OrderedDict[anyio.Event, None]" = attrs.field(factory=OrderedDict)

    def hand_over(self, *, to_all: bool) -> None:
        """Wake those in line: all of them where the case is closed, else the first, to go on with it."""
        while self.line:
            self.line.popitem(last=False)[0].set()
            if not to_all:
                break


class Memory:
    """What a client and its copies remember: the meetings made last, and what is under way or in doubt."""

    def __init__(self) -> None:
        self.witnesses: dict[str, Meeting] = {}
        self.claimed: OrderedDict[int, None] = OrderedDict()
        self._cases: dict[Hashable, _Case] = {}
        self._idle: OrderedDict[Hashable, None] = OrderedDict()
        self._making: dict[object, NewMeeting] = {}
        self._unsettled = 0.0  # until when something may still come of a doubt that was dropped
        self._stay = Stay()

    def __repr__(self) -> str:
        return f"<Memory: {len(self._cases)} meetings under way or in doubt>"

    def made(self, meeting: Meeting) -> None:
        """Note a meeting that the service says it made: no later list may miss it, and it is nobody else's."""
        self._claim("made", meeting)

    def adopted(self, meeting: Meeting) -> None:
        """Note a meeting that was found to be one of ours: the same, but it need not be the latest of them."""
        self._claim("adopted", meeting)

    def _claim(self, how: str, meeting: Meeting) -> None:
        self.witnesses[how] = meeting
        self.claimed[meeting.id] = None
        if len(self.claimed) > _CLAIMS:
            self.claimed.popitem(last=False)

    def gone(self, meeting_id: int) -> None:
        """Note that a meeting is not there any more."""
        self.witnesses = {how: meeting for how, meeting in self.witnesses.items() if meeting.id != meeting_id}

    def stay_in_one_loop(self) -> None:
        """Hold that cases are worked at in one event loop; whoever was at one in a loop that was closed is gone."""
        self._stay.under_way = sum(case.lead is not None for case in self._cases.values())
        stay = self._stay.here("client")
        if stay is not self._stay:
            self._stay = stay
            for case in [*self._cases.values()]:
                case.lead = None
                case.line.clear()
                self.put_back(case)

    def doubt(self, new: NewMeeting, settled: float) -> None:
        """Note a meeting that may have been made, and when that should show."""
        case = self.case(new)
        case.posts += 1
        case.settled = max(case.settled, settled)
        self.put_back(case)

    def case(self, new: NewMeeting) -> _Case:
        """Return what is under way or in doubt of meetings equal to `new`, begun here where there is nothing."""
        return self._cases.setdefault(key_of(new), _Case(new, settled=self._unsettled))

    def others(self, case: _Case) -> Iterator[NewMeeting]:
        """Yield what else is under way or in doubt."""
        yield from self._making.values()
        yield from (other.new for other in self._cases.values() if other is not case)

    @contextmanager
    def making(self, new: NewMeeting) -> Generator[None, None, None]:
        """Note that a meeting is being made as long as the block lasts."""
        mark = object()
        self._making[mark] = new
        try:
            yield
        finally:
            del self._making[mark]

    def put_back(self, case: _Case) -> None:
        """Keep what is in doubt, and drop what is not; of the doubts that nobody is at, the latest are kept."""
        key = key_of(case.new)
        if case.line:
            return  # somebody was woken to go on with it
        if case.lead is None and not case.posts:
            self._cases.pop(key, None)
            self._idle.pop(key, None)
        elif case.lead is None:
            self._idle[key] = None
            if len(self._idle) > _REMEMBERED:
                dropped = self._cases.pop(self._idle.popitem(last=False)[0])
                self._unsettled = max(self._unsettled, dropped.settled)

    def take(self, case: _Case, lead: _Lead, *, anew: bool) -> None:
        """Give a case to one who is at it from now on; begun `anew`, one more request may leave for it."""
        case.lead = lead
        case.posts = min(case.posts, 1) if anew else case.posts
        self._idle.pop(key_of(case.new), None)

    def leave(self, case: _Case, lead: _Lead) -> None:
        """End the turn of one who was at a case, and tell those who wait; one whose loop was closed had none left."""
        if case.lead is lead:
            case.lead = None
            case.hand_over(to_all=lead.meeting is not None or bool(lead.failure))
            self.put_back(case)


def settle_time(options: Options, because: JoinMeError | None) -> float:
    """Return the seconds after which a request that ended `because` of something should show in a list.

    After a late answer, and after a caller that did not wait for it (None), the service may still be at work for as
    long as an attempt is given.
    """
    late = because is None or isinstance(because, TransportTimeoutError | DeadlineExceededError)
    return max(options.retry.settle, options.timeout.attempt) if late else options.retry.settle


class Ensurer:
    """Carries out one `ensure` of one caller, within that caller's deadline.

    Args:
        layer: sends.
        options: of the caller's client; one deadline covers all that is done here.
        memory: what the client and its copies remember.
        new: the meeting to be made.
    """

    def __init__(self, layer: RetryLayer, options: Options, memory: Memory, new: NewMeeting) -> None:
        self._layer = layer
        self._options = options
        self._memory = memory
        self._new = new
        self._span = Span(layer, options)

    async def carry_out(self) -> Meeting:
        """Return the one meeting equal to the wanted, made here or by whoever is at it already."""
        self._memory.stay_in_one_loop()
        anew = True
        while (case := self._memory.case(self._new)).lead is not None:
            if anew:
                self._announce("another call")
            lead, anew = case.lead, False
            await self._follow(case, lead)
            if lead.meeting is not None:
                return lead.meeting
            if lead.failure:
                raise self._unknown(lead.failure, lead.last)
        lead = _Lead()
        self._memory.take(case, lead, anew=anew)
        try:
            meeting = lead.meeting = await self._make(case, lead)
            case.posts = 0
        finally:
            self._memory.leave(case, lead)
        return meeting

    async def _follow(self, case: _Case, lead: _Lead) -> None:
        """Wait for the end of somebody else's turn; a caller who gives up, or is cancelled, hands over to the next."""
        left, turn = self._span.left(), anyio.Event()
        case.line[turn] = None
        try:
            with self._layer.clock.deadline(None if left == inf else left):
                await turn.wait()
        except BaseException:
            if turn.is_set() and case.lead is None:
                case.hand_over(to_all=False)
                self._memory.put_back(case)
            raise
        finally:
            case.line.pop(turn, None)
        if not turn.is_set():
            if case.posts:
                raise self._unknown("time ran out while another call was finding out what became of it", lead.last)
            raise self._told(
                DeadlineExceededError("time ran out while another call was at the same meeting: give it longer")
            )

    async def _make(self, case: _Case, lead: _Lead) -> Meeting:
        """Look, schedule where it is not there, and look again where the outcome is not known."""
        while True:
            sent = case.posts
            look = await self._search(case, lead)
            if look.found is None and case.posts > sent:
                continue  # a request for the same meeting fell into doubt meanwhile: what was looked at proves nothing
            if look.found is not None:
                if case.posts:
                    self._memory.adopted(look.found)
                return look.found
            if look.doubt or case.posts >= _POSTS:
                # The same for all who wait: they would look at the same list.
                lead.failure = look.doubt or "it does not show in the list, and may still come"
                raise self._unknown(lead.failure, lead.last)
            try:
                meeting = await self._span.perform(schedule_call(case.new))
            except OutcomeUnknownError as error:
                lead.last = error.last
            else:
                self._memory.made(meeting)
                return meeting

    async def _search(self, case: _Case, lead: _Lead) -> Look:
        """Look until the meeting is found or its absence is proven, or say what stands in the way of that.

        One look proves it where nothing was sent; two, each after the settle time, where something was. One that proves
        nothing is made up for by another.
        """
        doubt, proofs, sent = "", 0, case.posts
        needed = 2 if sent else 1
        for number in range(needed + 1):
            if number or sent or case.settled > self._layer.clock.now():
                await self._settle(case, lead, again=number > 0, doubt=doubt)
            look = await self._look(case, lead)
            proofs += look == Look()
            doubt = look.doubt or doubt
            if look.found is not None or proofs == needed:
                break
        else:
            look = Look(doubt=doubt)
        if sent and not look.doubt and self._options.announcer.hears(Reconciled):
            self._options.announcer.tell(Reconciled("POST", "/meetings", case.new, look.found))
        if look.doubt and not case.posts:
            raise self._told(UnexpectedResponseError(f"{look.doubt}; nothing was sent", path_in_body="meetings"))
        return look

    async def _settle(self, case: _Case, lead: _Lead, *, again: bool, doubt: str) -> None:
        """Give the service its time, or raise at once where the deadline does not allow it."""
        now = self._layer.clock.now()
        seconds = max(case.settled, now + self._options.retry.settle if again else now) - now
        if seconds >= self._span.left():
            why = f"there is no time left to look for it again ({seconds:.3g} s)"
            if doubt and not case.posts:
                raise self._told(UnexpectedResponseError(f"{doubt}; {why}, and nothing was sent"))
            raise self._unknown(why, lead.last)
        self._announce("settle", seconds)
        await self._layer.clock.sleep(seconds)

    async def _look(self, case: _Case, lead: _Lead) -> Look:
        """Read the list, and each meeting in it that may be the one; what fails after a request was sent is doubt."""
        try:
            return await self._look_once(case)
        except JoinMeError as error:
            if not case.posts:
                raise
            lead.last = error
            return Look(doubt=f"the list could not be read ({error})")

    async def _look_once(self, case: _Case) -> Look:
        new = case.new
        # What is made while the list is on its way, it may leave out.
        witnesses = tuple(self._memory.witnesses.values())
        far = max([new.end, *(witness.end for witness in witnesses)])
        listing = await self._span.perform(listing_call(later(far), self._layer.clock.wall))
        if new.start <= listing.at:
            began = "the meeting has begun, and only upcoming ones are listed: whether it is there cannot be told"
            if case.posts:
                return Look(doubt=began)
            raise self._told(InvalidMeetingError(f"{began}; use schedule() or a later start", field="start"))
        ids = frozenset(meeting.id for meeting in listing.meetings)
        if not case.posts:
            case.before = ids if case.before is None else case.before | ids
        known = case.before.union(self._memory.claimed) if case.posts and case.before is not None else None
        seen = await in_full(listing.meetings, new, self._again)
        look = conclude(new, seen.values(), known=known, ours=self._memory.others(case))
        gone = ids - seen.keys()
        if look == Look() and gone:
            return Look(doubt=f"meeting {min(gone)} is listed and cannot be read: the list lags behind, or runs ahead")
        for witness in witnesses:
            if look == Look() and await self._is_missed(witness, listing, ids):
                return Look(doubt=lag_behind(witness.id))
        return look

    async def _is_missed(self, witness: Meeting, listing: Listing, ids: frozenset[int]) -> bool:
        """Say whether a list leaves out a meeting that this client made, and that it should show."""
        try:
            return await leaves_out(listing, ids, witness, self._again)
        except NotFoundError:
            self._memory.gone(witness.id)
            return False

    async def _again(self, meeting_id: int) -> Meeting:
        return await self._span.perform(get_call(meeting_id))

    def _announce(self, why: str, seconds: float | None = None) -> None:
        if self._options.announcer.hears(WaitStarted):
            self._options.announcer.tell(WaitStarted("POST", "/meetings", why, seconds))

    def _unknown(self, why: str, last: JoinMeError | None) -> JoinMeError:
        message = f"it is not known whether join.me scheduled this: {why}"
        return self._told(OutcomeUnknownError(message, meeting=self._new, last=last))

    def _told(self, error: JoinMeError) -> JoinMeError:
        error.method, error.path = "POST", "/meetings"
        error.elapsed = self._span.elapsed()
        return error


async def in_full(
    listed: Iterable[Meeting], new: NewMeeting, get: Callable[[int], Awaitable[Meeting]]
) -> dict[int, Meeting]:
    """Return the listed meetings by id, those that may equal `new` read anew, since a list leaves participants out.

    One that has gone since it was listed is left out.
    """
    seen: dict[int, Meeting] = {}
    for meeting in listed:
        with suppress(NotFoundError):
            unread = may_equal(meeting, new) and meeting.participants is None
            seen[meeting.id] = await get(meeting.id) if unread else meeting
    return seen


async def leaves_out(
    listing: Listing, ids: Collection[int], witness: Meeting, get: Callable[[int], Awaitable[Meeting]]
) -> bool:
    """Say whether a list, of meetings with these `ids`, leaves out one that is known to be made and should be in it.

    Raises:
        NotFoundError: the meeting has gone since.
    """
    if witness.id in ids or witness.start <= listing.at:
        return False
    there = await get(witness.id)
    return there.start == witness.start  # one that was moved may be listed elsewhere


def later(end: datetime) -> datetime | None:
    """Return a bound for a list that cannot leave out a meeting with that end, None for no bound."""
    try:
        return end + LIST_MARGIN
    except OverflowError:
        return None
