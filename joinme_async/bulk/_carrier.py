"""Carrying out rows, one by one: intent on disk, request, outcome on disk."""

from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import attrs

from joinme_async._client import Parts
from joinme_async._ensure import settle_time
from joinme_async._errors import JoinMeError, JournalError, QuotaExceededError
from joinme_async._meetings import MeetingsResource
from joinme_async._models import Meeting, OutcomeUnknownError
from joinme_async._retry._options import Options, Timeout
from joinme_async.bulk._clearing import Clearing
from joinme_async.bulk._crew import Crew, StoppedError, Worker
from joinme_async.bulk._existing import ExistingMeetings
from joinme_async.bulk._journal import Entry, Writer, write_answer, write_error
from joinme_async.bulk._lookout import Lookout
from joinme_async.bulk._marks import Marks
from joinme_async.bulk._plan import Ending, ending_of
from joinme_async.bulk._pulse import Pulse
from joinme_async.bulk._rows import meeting_of
from joinme_async.bulk._store import Store
from joinme_async.bulk._values import RowOutcome, RowState
from joinme_async.bulk._verbs import Work

R = TypeVar("R")

PATIENCE: Final = 60.0  # seconds that a used-up quota is waited for; a longer wait stops the run


def patient(options: Options) -> Options:
    """Return options for calls that wait for their permit as long as it takes, each attempt with its own time."""
    return attrs.evolve(options, timeout=Timeout(None, options.timeout.attempt), patience=PATIENCE)


class Carrier(Generic[R]):
    """Carries out rows, writes down what came of each, and says when no more are to be begun.

    Args:
        parts: of the client.
        work: what is done to a row.
        marks: how that is written down.
        writer: the journal.
        lookout: told of meetings made.
        clearing: told of rows in doubt.
        pulse: told of rows that have ended.
        stop_after: outages in a row that stop the run.
        keeps: outcomes are kept until they are taken.

    Attributes:
        crew: does the work; set once it is there.
        existing: meetings that were there before, for rows to adopt; None where they are not to.
        stopped: why no more rows are begun, None while they are.
        crash: what the caller's own code raised inside a row.
        unsaved: outcomes, by the rows' positions, that could not be written down.
        ended: counts rows that are done.
        latency: seconds that an answer took of late.
    """

    crew: Crew[Entry[R]]

    def __init__(  # noqa: PLR0913  the parts it drives
        self,
        parts: Parts,
        work: Work[R],
        marks: Marks,
        writer: Writer,
        lookout: Lookout,
        *,
        clearing: Clearing,
        pulse: Pulse,
        stop_after: int,
        keeps: bool,
    ) -> None:
        self._layer, self._options, self._memory = parts.layer, parts.options, parts.memory
        self._work = work
        self._marks = marks
        self._writer = writer
        self._lookout = lookout
        self._clearing = clearing
        self._pulse = pulse
        self._stop_after = stop_after
        self._keeps = keeps
        self._ready: list[RowOutcome[R]] = []
        self._streak = 0
        self._blocked: set[object] = set()
        self.existing: ExistingMeetings | None = None
        self.stopped: JoinMeError | None = None
        self.crash: Exception | None = None
        self.unsaved: dict[int, RowOutcome[R]] = {}
        self.ended = 0
        self.latency = 0.0

    def make_worker(self) -> Worker:
        """Return one more for the crew: its calls have no deadline, and its events are noted."""
        worker = Worker(self._options.announcer, self._pulse.heard)
        options = attrs.evolve(patient(self._options), announcer=worker)
        worker.meetings = MeetingsResource(self._layer, options, self._memory)
        return worker

    async def handle(self, worker: Worker, entry: Entry[R]) -> None:
        """Carry out one row; what the caller's own code raises in it ends the run."""
        worker.in_doubt = worker.has_answer = False
        if entry.lane in self._blocked:
            return
        try:
            await self._carry_out(worker, entry)
        except StoppedError:
            await self._interrupted(worker, entry)
        except Exception as error:  # noqa: BLE001  of a token source, a transport, a limiter
            self.crash = self.crash or error
            await self._interrupted(worker, entry)
            self.crew.stop()
        except BaseException:
            await self._interrupted(worker, entry)
            raise

    async def _carry_out(self, worker: Worker, entry: Entry[R]) -> None:
        """Put the intent on disk, send the request, put the outcome on disk."""
        try:
            found = await self.existing.of(cast("Any", entry)) if self.existing is not None else None
            if found is not None:
                await self._done(entry, found, adopted=True)
                return
            # Whoever is not heard of any more may leave a request that the service is still at work on.
            settle = settle_time(self._options, None)
            await self._writer.write(lambda store: self._marks.intend(store, entry.position, settle))
        except JournalError as error:
            self.halt(error)  # the row stays as it is
            return
        except JoinMeError as error:
            ending = ending_of(error)
            state = "failed" if ending.state == "doubt" else ending.state
            await self._not_done(worker, entry, attrs.evolve(ending, state=state), error)
            return
        try:
            meeting = await self._work.perform(worker.meetings, entry.row, entry.meeting_id, again=entry.again)
            worker.has_answer = True
        except JoinMeError as error:
            worker.has_answer = True
            await self._not_done(worker, entry, ending_of(error), error)
        else:
            self.latency = worker.latency
            await self._done(entry, meeting, worker=worker)

    async def _interrupted(self, worker: Worker, entry: Entry[R]) -> None:
        """Note a row whose call was cut off: where nothing is in flight, nothing is done that was not before."""
        if not (worker.in_flight or worker.has_answer):
            await self._save(partial(self._mark, entry, "unsent", None, 0.0, maybe=worker.in_doubt))

    def _mark(  # noqa: PLR0913  the facts
        self, entry: Entry[R], state: str, error: str | None, settle: float, store: Store, *, maybe: bool
    ) -> None:
        self._marks.not_done(store, entry.position, state, error, settle, maybe=maybe)

    async def _done(
        self, entry: Entry[R], meeting: Meeting | None, *, worker: Worker | None = None, adopted: bool = False
    ) -> None:
        self._streak = 0
        self.ended += 1
        number, answer = self.ended, write_answer(meeting)
        meeting_id = meeting.id if meeting is not None and self._work.verb == "schedule" else None
        claimed = await self._save(
            lambda store: self._marks.done(store, entry.position, meeting_id, answer, number, adopted=adopted)
        )
        state = "adopted" if adopted else self._work.done
        known = entry.meeting_id if meeting is None else meeting.id
        outcome: RowOutcome[R] = RowOutcome(entry.label, entry.row, state, meeting, known)
        if claimed is None:
            self._not_saved(entry, outcome)
        elif not claimed:
            taken = f"join.me answered with meeting {meeting_id}, which is another row's or was there before"
            ending = Ending("doubt", is_outage=True)
            await self._not_done(worker, entry, ending, OutcomeUnknownError(taken, meeting=meeting_of(entry.row)))
        else:
            if meeting is not None and self._work.verb == "schedule":
                self._lookout.made(meeting)
            self._pulse.done += 1
            self._hand_out(outcome)

    async def _not_done(self, worker: Worker | None, entry: Entry[R], ending: Ending, error: JoinMeError) -> None:
        settle, maybe = 0.0, ending.state == "doubt" or (worker is not None and worker.in_doubt)
        if ending.state == "doubt":
            settle = settle_time(self._options, error.last if isinstance(error, OutcomeUnknownError) else error)
            self._clearing.doubt(entry.position, error, settle)
        saved = await self._save(partial(self._mark, entry, ending.state, write_error(error), settle, maybe=maybe))
        if self._work.verb == "update":
            self._blocked.add(entry.lane)  # later changes of the same meeting must not overtake this one
        if ending.state != "unsent":
            state: RowState = "failed" if ending.state == "failed" else "in_doubt"
            outcome: RowOutcome[R] = RowOutcome(entry.label, entry.row, state, None, entry.meeting_id, error)
            if saved is None:
                self._not_saved(entry, outcome)
            elif state == "failed":
                self._pulse.failed += 1
                self._hand_out(outcome)
            else:
                self._pulse.in_doubt += 1
                if self._work.verb != "schedule":  # nothing can be looked for: the next run does it again
                    self._hand_out(outcome)
        self._streak = self._streak + 1 if ending.is_outage else 0
        if ending.stops or self._streak >= self._stop_after:
            self.halt(error)

    def _not_saved(self, entry: Entry[R], outcome: RowOutcome[R]) -> None:
        """Note what came of a row and is not on disk: for the journal it is in doubt, and the next run has to look."""
        if outcome.meeting_id is not None:
            self._memory.claimed.pop(outcome.meeting_id, None)  # it is to be found
        self.unsaved[entry.position] = attrs.evolve(outcome, state="in_doubt", error=self.stopped)
        self.keep([self.unsaved[entry.position]])

    def _hand_out(self, outcome: RowOutcome[R]) -> None:
        self._pulse.ended()
        self.keep([outcome])

    def keep(self, outcomes: list[RowOutcome[R]]) -> None:
        """Keep outcomes until they are taken, where they are wanted."""
        if self._keeps:
            self._ready += outcomes

    def taken(self) -> list[RowOutcome[R]]:
        """Return the outcomes since the last time, where they are kept."""
        ready, self._ready = self._ready, []
        return ready

    async def _save(self, work: Any) -> Any:  # noqa: ANN401  whatever the work returns, None where it failed
        """Write something down; where that fails the run stops, and the row is in doubt for the next."""
        try:
            result = await self._writer.write(work)
        except JournalError as error:
            self.halt(error)
            return None
        return True if result is None else result

    def halt(self, error: JoinMeError) -> None:
        """Send nothing more; what is in flight goes on to its end."""
        if self.stopped is None:
            self.stopped = error
        if isinstance(error, QuotaExceededError):
            self.crew.end()  # those who wait may be within the quota, and are told where they are not
        else:
            self.crew.stop()
