"""A bulk run: from rows to outcomes, through a journal."""

import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from math import inf
from typing import Any, Final, Generic, TypeVar

import anyio
import attrs

from joinme_async._client import JoinMe, parts_of
from joinme_async._errors import (
    DeadlineExceededError,
    InvalidMeetingError,
    JoinMeError,
    JournalError,
    QuotaExceededError,
    RateLimitedError,
)
from joinme_async.bulk._carrier import Carrier, patient
from joinme_async.bulk._clearing import Clearing
from joinme_async.bulk._crew import Batch, Crew
from joinme_async.bulk._existing import ExistingMeetings
from joinme_async.bulk._hold import introduce_oneself
from joinme_async.bulk._intake import CHUNK, Intake
from joinme_async.bulk._journal import Entry, Writer, entry_of, outcome_of, report_of
from joinme_async.bulk._lookout import Lookout, Verification
from joinme_async.bulk._marks import Marks
from joinme_async.bulk._pulse import Pulse
from joinme_async.bulk._source import Source
from joinme_async.bulk._store import Store
from joinme_async.bulk._values import BulkReport, Existing, ProgressHook, RowOutcome
from joinme_async.bulk._verbs import Work

R = TypeVar("R")
T = TypeVar("T")

_logger: Final = logging.getLogger("joinme_async")
_LOST: Final = "there is no journal, so it cannot be gone on with, nor undone"
_DOUBTS: Final = 500  # rows in doubt at which a run looks what became of them before it goes on
_WAVE: Final = 1.0  # seconds after which outcomes are handed out, where answers do not take longer
_WAVE_OF_ANSWERS: Final = 10.0  # a wave is as long as so many of them, so that its end costs little


@attrs.frozen
class Settings:
    """How a run goes about its work.

    Attributes:
        journal: its path, None for a private one that is gone with the run.
        existing: what becomes of a row that a meeting was there for before the run; None for what the journal says.
        deadline: seconds after which no more rows are sent, None for no bound.
        verify: compare the service's list with the rows at the end.
        stop_after: outages in a row that stop the run.
        on_progress: told how far it is.
    """

    journal: str | None = None
    existing: Existing | None = None
    deadline: float | None = None
    verify: bool = True
    stop_after: int = 20
    on_progress: ProgressHook | None = None

    def __attrs_post_init__(self) -> None:
        if self.existing not in {None, "make", "adopt"}:
            raise InvalidMeetingError("existing is 'make', 'adopt' or None", field="existing")
        if self.deadline is not None and not (_is_number(self.deadline) and self.deadline > 0):
            raise InvalidMeetingError("deadline is a number of seconds, or None", field="deadline")
        if isinstance(self.stop_after, bool) or not isinstance(self.stop_after, int) or self.stop_after < 1:
            raise InvalidMeetingError("stop_after is a whole number from 1", field="stop_after")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Run(Generic[R]):
    """One run.

    All that is awaited of the caller's, and all handing out, happens while no row is under way and no cancel scope is
    open here, so that an iterator of outcomes can be left, closed or cancelled at any moment.

    Args:
        joinme: the client.
        work: what is done to each row.
        source: the rows, None to go on with those that the journal has.
        settings: how.
        marks: how that is written down.
    """

    def __init__(
        self, joinme: JoinMe, work: Work[R], source: Source[R] | None, settings: Settings, marks: Marks | None = None
    ) -> None:
        self._parts = parts_of(joinme)
        self._clock = self._parts.layer.clock
        self._limiter = joinme.limiter
        self._concurrency = self._parts.layer.concurrency
        self._work = work
        self._marks = marks or Marks()
        self._source = source
        self._settings = settings
        self._pulse = Pulse(settings.on_progress, self._clock, self._limiter, lambda: self._crew.in_flight)
        self._stops = inf if settings.deadline is None else self._clock.now() + settings.deadline
        self._left: deque[Entry[R]] = deque()
        self._cursor = 0  # rows up to here were taken out of the journal
        self._is_complete = False  # the journal has all rows
        self._intake: Intake[R] | None = None
        self._earlier_done = 0
        self._verification: Verification | None = None

    async def outcomes(self) -> AsyncGenerator[RowOutcome[R], None]:
        """Yield one outcome for each row, those that earlier runs had done first."""
        writer = await Writer.opened(self._settings.journal, must_exist=self._source is None)
        try:
            with self._noted():
                await self._begin(writer, keeps=True)
                async with aclosing(self._earlier()) as earlier:
                    async for outcome in earlier:
                        yield outcome
                async with aclosing(self._carry_out()) as outcomes:
                    async for outcome in outcomes:
                        yield outcome
            self._pulse.phase("finished")
        finally:
            await writer.aclose()

    async def report(self) -> BulkReport[R]:
        """Carry it out, and return what the whole journal says then."""
        writer = await Writer.opened(self._settings.journal, must_exist=self._source is None)
        try:
            with self._noted():
                await self._begin(writer, keeps=False)
                unread = [outcome async for outcome in self._carry_out()]
            report: BulkReport[R] = await writer.write(report_of)
            self._pulse.phase("finished")
        finally:
            await writer.aclose()
        return self._completed(report, unread)

    @contextmanager
    def _noted(self) -> Generator[None, None, None]:
        """Say in the log how to go on with a run that is broken off."""
        try:
            yield
        except GeneratorExit:
            raise  # whoever stops asking for outcomes knows
        except BaseException:
            how = f"run it again with the journal {self._settings.journal}" if self._settings.journal else _LOST
            _logger.warning("the bulk run was broken off with %d rows done: %s", self._pulse.done, how)
            raise

    def _completed(self, report: BulkReport[R], unread: list[RowOutcome[R]]) -> BulkReport[R]:
        stopped = self._carrier.stopped
        unsaved = {outcome.key: outcome for outcome in self._carrier.unsaved.values()}
        not_started = (*(attrs.evolve(outcome, error=stopped) for outcome in report.not_started), *unread)
        completed = attrs.evolve(
            report,
            not_started=not_started,
            in_doubt=tuple(unsaved.get(outcome.key, outcome) for outcome in report.in_doubt),
            earlier=self._earlier_done,
            stopped=stopped,
            resume_at=stopped.retry_at if isinstance(stopped, QuotaExceededError | RateLimitedError) else None,
        )
        return completed if self._verification is None else with_verification(completed, self._verification)

    # The beginning

    async def _begin(self, writer: Writer, *, keeps: bool) -> None:
        """Take up the journal, note what is there before the first request, and hold the input against the journal."""
        self._assemble(writer, keeps=keeps)
        self._pulse.phase("checking")
        await writer.write(self._open)
        there: Counter[bytes] = Counter()
        if self._work.verb == "schedule" and self._marks.makes:
            there = await self._beating(self._note_existing)
        await self._lookout.remember()
        self._clearing.doubt_until(await writer.write(Store.longest_settle))
        if self._source is not None:
            self._pulse.total = self._source.total
            self._intake = Intake(self._source, writer, there)
            self._pulse.already_there = await self._intake.check()
        strangers = await self._strangers()
        if self._intake is not None:
            self._intake.strangers = strangers
        await self._count()
        self._earlier_done = self._pulse.done

    def _assemble(self, writer: Writer, *, keeps: bool) -> None:
        """Put the parts together around the journal; it `keeps` outcomes where they are wanted one by one."""
        parts, clock = self._parts, self._clock
        self._writer = writer
        self._keeps = keeps
        self._lookout = Lookout(parts.layer, patient(parts.options), parts.memory, writer)
        self._clearing = Clearing(clock, writer, self._lookout, self._work, parts.options, pulse=self._pulse)
        self._carrier: Carrier[R] = Carrier(
            parts,
            self._work,
            self._marks,
            writer,
            self._lookout,
            clearing=self._clearing,
            pulse=self._pulse,
            stop_after=self._settings.stop_after,
            keeps=keeps,
        )
        carrier = self._carrier
        self._crew: Crew[Entry[R]] = Crew(clock, self._limiter, self._concurrency, carrier.make_worker, carrier.handle)
        carrier.crew = self._crew

    def _open(self, store: Store) -> None:
        """Hold that the journal is one for this run, and take up what an earlier run left; off the event loop."""
        now, verb, service = self._clock.wall(), self._work.verb, self._parts.layer.service
        info = store.info()
        if info is not None and info.verb != verb:
            problem = f"is of a run to {info.verb} meetings: name another journal"
        elif info is not None and info.service != service:
            problem = f"is of a run with {info.service}, and this is {service}: name another journal"
        elif self._marks.makes and store.is_undone():
            problem = "is of a run that was undone: name another journal to do it again"
        elif self._marks.makes and self._source is None and not (info is not None and info.complete):
            problem = "does not have all rows of its run: give the rows again"
        else:
            holder = introduce_oneself(now)
            origin = None if self._source is None else self._source.origin
            store.begin(verb, service, f"{now:%Y-%m-%dT%H:%M:%SZ}", origin, holder, self._settings.existing)
            self._marks.take_up(store, repeatable=verb != "schedule")
            if self._marks.makes:
                store.set_complete(self._source is None)
            self._carrier.ended = store.ended()
            return
        raise JournalError(f"{store.path} {problem}", journal=store.path)

    async def _note_existing(self) -> Counter[bytes]:
        """Return how many meetings of each look were there before the first request, those met by rows taken off."""
        info = await self._writer.write(Store.info)
        if info is not None and not info.baseline:
            baseline = await self._lookout.baseline()
            await self._writer.write(lambda store: store.set_baseline(baseline))
        left, met = await self._writer.write(lambda store: (store.baseline_left(), store.there()))
        adopts = info is not None and info.existing == "adopt"
        if adopts:
            self._carrier.existing = ExistingMeetings(self._lookout, left)
        there = Counter(look for _, look in left)
        there.subtract({} if adopts else dict(met))
        return there

    async def _strangers(self) -> frozenset[bytes]:
        """Return how meetings look that were made since the run began and are no row's, and doubt rows like them.

        A journal that was gone on with from a copy, or lost its end, is behind what was really done.
        """
        counts = await self._writer.write(Store.counts)
        to_send = counts.get("unsent", 0) or (self._intake is not None and self._intake.may_have_more)
        if not (counts and to_send and self._marks.makes and self._work.verb == "schedule"):
            return frozenset()
        strangers = frozenset(await self._beating(self._lookout.looks_of_strangers))
        await self._writer.write(lambda store: store.doubt_looks(strangers))
        return strangers

    async def _count(self) -> None:
        counts = await self._writer.write(Store.counts)
        self._pulse.done = counts.get("done", 0) if self._marks.makes else counts.get("undone", 0)
        self._pulse.failed, self._pulse.in_doubt = counts.get("failed", 0), counts.get("doubt", 0)
        if self._source is None:
            self._pulse.total = sum(counts.values())

    async def _earlier(self) -> AsyncGenerator[RowOutcome[R], None]:
        """Yield what earlier runs with the journal had done."""
        after = 0
        while page := await self._writer.write(partial(Store.done_page, after=after, limit=CHUNK)):
            for record in page:
                yield outcome_of(record, self._work, earlier=True)
            after = page[-1].position

    # The middle

    async def _carry_out(self) -> AsyncGenerator[RowOutcome[R], None]:
        """Send what is to be sent and yield outcomes, where they are wanted, and what was not started in any case."""
        await self._clear_up()
        for outcome in self._carrier.taken():
            yield outcome
        self._pulse.phase("sending")
        while self._carrier.stopped is None:
            batch = await self._next_batch()
            if batch.rows and self._clock.now() >= self._stops:
                self._out_of_time()
                break
            if not batch.rows and not await self._clear_up():
                break
            await self._send(batch)
            if self._pulse.in_doubt >= _DOUBTS:
                await self._clear_up()
            for outcome in self._carrier.taken():
                yield outcome
        if self._carrier.stopped is not None:
            await self._clear_up()
        for outcome in self._carrier.taken():
            yield outcome
        await self._verify()
        async with aclosing(self._undecided()) as undecided:
            async for outcome in undecided:
                yield outcome

    async def _next_batch(self) -> Batch[Entry[R]]:
        """Return the next rows to be sent: what is left of the last batch, else of the journal, else of the input."""
        if not self._left:
            records = await self._writer.write(
                lambda store: self._marks.open_rows(store, self._cursor, CHUNK, met=self._intake is not None)
            )
            self._left.extend(entry_of(record, self._work) for record in records)
        if not self._left and self._intake is not None:
            self._left.extend(await self._intake.next())
        if self._intake is not None and self._intake.is_over and not self._is_complete:
            self._is_complete = True
            await self._writer.write(lambda store: store.set_complete(True))
        if self._left:
            self._cursor = max(self._cursor, self._left[-1].position)
        wave = max(_WAVE, _WAVE_OF_ANSWERS * self._carrier.latency) if self._keeps else inf
        return Batch(self._left, ends=self._clock.now() + wave, stops=self._stops)

    def _out_of_time(self) -> None:
        self._carrier.halt(DeadlineExceededError(f"the {self._settings.deadline:g} s of the run are over"))

    async def _beating(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, and tell how far the run is meanwhile."""
        results: list[T] = []
        failed: list[Exception] = []
        async with anyio.create_task_group() as group:
            if self._pulse.is_heard:
                group.start_soon(self._pulse.beat)
            try:
                results.append(await work())
            except Exception as error:  # noqa: BLE001  raised below, as it is
                failed.append(error)
            group.cancel_scope.cancel()
        if failed:
            raise failed[0]
        return results[0]

    async def _send(self, batch: Batch[Entry[R]]) -> None:
        await self._beating(partial(self._crew.send, batch))
        if self._carrier.crash is not None:
            raise self._carrier.crash
        if self._crew.is_stopped and self._carrier.stopped is None:
            self._out_of_time()

    # The end

    @property
    def _can_look(self) -> bool:
        return self._work.verb == "schedule" and not isinstance(self._carrier.stopped, JournalError)

    async def _clear_up(self) -> bool:
        """Find out what became of rows in doubt; True where there are some to be sent now."""
        if not self._can_look or not await self._writer.write(Store.has_doubts):
            return False
        self._pulse.phase("settling")
        may_send = self._marks.makes and self._carrier.stopped is None and self._clock.now() < self._stops
        clear_up = partial(self._clearing.clear_up, may_send=may_send, ended=self._carrier.ended)
        cleared = await self._beating(clear_up)
        self._carrier.ended += len(cleared.outcomes)
        self._carrier.keep([outcome_of(record, self._work) for record in cleared.outcomes])
        self._cursor = 0 if cleared.to_send else self._cursor
        await self._count()
        self._pulse.phase("sending")
        return cleared.to_send

    async def _verify(self) -> None:
        if not (self._settings.verify and self._marks.makes and not self._keeps and self._can_look):
            return
        self._pulse.phase("verifying")
        with suppress(JoinMeError):  # the report says that it was not verified
            self._verification = await self._beating(self._seen)

    async def _seen(self) -> Verification:
        seen = await self._lookout.verify()
        if seen.missing:  # a list that lags behind is no proof
            await self._clock.sleep(self._parts.options.retry.settle)
            again = await self._lookout.verify()
            seen = Verification(again.surplus, seen.missing & again.missing)
        return seen

    async def _undecided(self) -> AsyncGenerator[RowOutcome[R], None]:
        """Yield what was not started, and what is in doubt; of the rows of the journal only where they are wanted."""
        after = 0
        while self._keeps and (page := await self._writer.write(partial(Store.page, after=after, limit=CHUNK))):
            for record in page:
                outcome = outcome_of(record, self._work)
                if outcome.state == "not_started":
                    yield attrs.evolve(outcome, error=self._carrier.stopped)
                elif (
                    outcome.state == "in_doubt"
                    and self._work.verb == "schedule"
                    and record.position not in self._carrier.unsaved
                ):
                    yield outcome
            after = page[-1].position
        if self._carrier.stopped is not None and self._intake is not None:
            async with aclosing(self._intake.rest()) as rest:
                async for outcome in rest:
                    yield attrs.evolve(outcome, error=self._carrier.stopped)


async def verified_report(joinme: JoinMe, journal: str) -> BulkReport[Any]:
    """Compare the service's list with a journal, and return its report with what was found."""
    parts = parts_of(joinme)
    writer = await Writer.opened(journal, must_exist=True)
    try:
        seen = await Lookout(parts.layer, parts.options, parts.memory, writer).verify()
        report = await writer.write(report_of)
    finally:
        await writer.aclose()
    return with_verification(report, seen)


def with_verification(report: BulkReport[R], seen: Verification) -> BulkReport[R]:
    """Return a report with what a look at the service showed."""
    missing = tuple(o for o in (*report.scheduled, *report.adopted) if o.meeting_id in seen.missing)
    return attrs.evolve(report, surplus=seen.surplus, missing=missing, verified=True)
