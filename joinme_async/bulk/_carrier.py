"""Carrying out rows, one by one: intent on disk, request, outcome on disk."""

from typing import Any, Final, Generic, TypeVar, cast

import attrs

from joinme_async._client import Parts
from joinme_async._ensure import settle_time
from joinme_async._errors import JoinMeError, JournalError, QuotaExceededError
from joinme_async._meetings import MeetingsResource
from joinme_async._models import Meeting, OutcomeUnknownError
from joinme_async._retry._options import Timeout
from joinme_async.bulk._clearing import Clearing
from joinme_async.bulk._crew import Crew, Worker
from joinme_async.bulk._existing import ExistingMeetings
from joinme_async.bulk._journal import Entry, Writer, write_answer, write_error
from joinme_async.bulk._lookout import Lookout
from joinme_async.bulk._marks import Marks
from joinme_async.bulk._plan import Ending, ending_of
from joinme_async.bulk._pulse import Pulse
from joinme_async.bulk._values import RowOutcome
from joinme_async.bulk._verbs import Work

R = TypeVar("R")

PATIENCE: Final = 60.0  # seconds that a used-up quota is waited for; a longer wait stops the run


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
        unsaved: outcomes, by the rows' labels, that could not be written down.
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
        self.existing: ExistingMeetings | None = None
        self.stopped: JoinMeError | None = None
        self.crash: Exception | None = None
        self.unsaved: dict[str, RowOutcome[R]] = {}
        self.ended = 0
        self.latency = 0.0

    def make_worker(self) -> Worker:
        """Return one more for the crew: its calls have no deadline, and its events are noted."""
        worker = Worker(self._options.announcer, self._pulse.heard)
        # A row waits for its permit as long as it takes; each attempt has its own time.
        timeout = Timeout(None, self._options.timeout.attempt)
        options = attrs.evolve(self._options, timeout=timeout, announcer=worker, patience=PATIENCE)
        worker.meetings = MeetingsResource(self._layer, options, self._memory)
        return worker

    async def handle(self, worker: Worker, entry: Entry[R]) -> None:
        """Carry out one row: its intent on disk, its request, its outcome on disk."""
        try:
            found = await self.existing.of(cast("Any", entry)) if self.existing is not None else None
            if found is not None:
                await self._done(entry, found, adopted=True)
                return
            await self._writer.write(lambda store: self._marks.intend(store, entry.position))
        except JoinMeError as error:
            await self._not_sent(entry, error)
            return
        try:
            meeting = await self._work.perform(worker.meetings, entry.row, entry.meeting_id, again=entry.again)
        except JoinMeError as error:
            await self._not_done(entry, ending_of(error), error)
        except Exception as error:  # noqa: BLE001  of the caller's own: a token source
            self.crash = error
            await self._interrupted(worker, entry)
            self.crew.stop()
        except BaseException:
            await self._interrupted(worker, entry)
            raise
        else:
            self.latency = worker.latency
            await self._done(entry, meeting)

    async def _not_sent(self, entry: Entry[R], error: JoinMeError) -> None:
        """Note a row whose request was not even begun."""
        if isinstance(error, JournalError):
            self.halt(error)  # the row stays as it is
        else:
            ending = ending_of(error)
            state = "failed" if ending.state == "doubt" else ending.state
            await self._not_done(entry, attrs.evolve(ending, state=state), error)

    async def _interrupted(self, worker: Worker, entry: Entry[R]) -> None:
        """Note a row whose call was cut off: where nothing is in flight, nothing was done."""
        if not worker.in_flight:
            await self._save(lambda store: self._marks.not_done(store, entry.position, "unsent", None, 0.0))

    async def _done(self, entry: Entry[R], meeting: Meeting | None, *, adopted: bool = False) -> None:
        self._streak = 0
        self.ended += 1
        number, answer = self.ended, write_answer(meeting)
        meeting_id = meeting.id if meeting is not None and self._work.verb == "schedule" else None
        claimed = await self._save(
            lambda store: self._marks.done(store, entry.position, meeting_id, answer, number, adopted=adopted)
        )
        outcome: RowOutcome[R] = RowOutcome(
            entry.label,
            entry.row,
            "adopted" if adopted else self._work.done,
            meeting,
            entry.meeting_id if meeting is None else meeting.id,
        )
        if claimed is None:  # it is done, and that is not on disk: the next run has to look
            self.unsaved[entry.label] = attrs.evolve(outcome, state="in_doubt", error=self.stopped)
            self.keep([self.unsaved[entry.label]])
        elif not claimed:
            taken = f"join.me answered with meeting {meeting_id}, which is another row's"
            await self._not_done(entry, Ending("doubt", is_outage=True), OutcomeUnknownError(taken))
        else:
            if meeting is not None and self._work.verb == "schedule":
                self._lookout.made(meeting)
            self._pulse.done += 1
            self._hand_out(outcome)

    async def _not_done(self, entry: Entry[R], ending: Ending, error: JoinMeError) -> None:
        settle = 0.0
        if ending.state == "doubt":
            settle = settle_time(self._options, error.last if isinstance(error, OutcomeUnknownError) else error)
            self._clearing.doubt(entry.position, error, settle)
        await self._save(
            lambda store: self._marks.not_done(store, entry.position, ending.state, write_error(error), settle)
        )
        if ending.state == "failed":
            self._pulse.failed += 1
            self._hand_out(RowOutcome(entry.label, entry.row, "failed", None, entry.meeting_id, error))
        elif ending.state == "doubt":
            self._pulse.in_doubt += 1
            if self._work.verb != "schedule":  # nothing can be looked for: the next run does it again
                self._hand_out(RowOutcome(entry.label, entry.row, "in_doubt", None, entry.meeting_id, error))
        self._streak = self._streak + 1 if ending.is_outage else 0
        if ending.stops or self._streak >= self._stop_after:
            self.halt(error)

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
