"""Workers on a batch of rows: as many as the limiter and the transport sensibly allow, and how they are stopped."""

import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, Protocol, TypeVar

import anyio
import anyio.abc
import attrs

from joinme_async._clock import Clock
from joinme_async._events import Announcer, AttemptEnded, AttemptStarted, Event
from joinme_async._meetings import MeetingsResource
from joinme_async._retry._decide import maybe_done, maybe_done_at
from joinme_async._retry._limiters import RateLimiter
from joinme_async._retry._slots import HANDFUL

_logger: Final = logging.getLogger("joinme_async")

GRACE: Final = 10.0  # seconds that what is in flight is given to end when the run is cancelled
MANY: Final = 100  # workers at the most over a transport that can carry any number of calls


class Lane(Protocol):
    """A row, as far as it matters here."""

    @property
    def lane(self) -> Hashable:
        """Equal for two rows that must not be under way together; they come in order."""
        ...


E = TypeVar("E", bound=Lane)


class StoppedError(Exception):
    """The run was stopped before the request of a row left."""


class Worker(Announcer):
    """One at work: hears the events of its row, passes them on, and knows whether its request is in flight.

    Args:
        listener: hears the events, as if this were the client's own call.
        told: hears what the row waits for, besides.
    """

    __slots__ = ("_listener", "_told", "has_answer", "in_doubt", "in_flight", "latency", "meetings", "scope")

    meetings: MeetingsResource

    def __init__(self, listener: Announcer, told: Callable[[Event], object]) -> None:
        super().__init__()
        self._listener = listener
        self._told = told
        self.in_flight = False
        self.has_answer = False  # what became of the row is known, or that it is not
        self.in_doubt = False  # an attempt of this row may have been carried out
        self.latency = 0.0
        self.scope = anyio.CancelScope()

    def hears(self, kind: type[Event]) -> bool:  # noqa: ARG002  each of them matters here
        """Say that somebody listens."""
        return True

    def tell(self, event: Event) -> None:
        """Take note of an event, and pass it on."""
        if isinstance(event, AttemptStarted):
            if self.scope.cancel_called:
                raise StoppedError  # its turn came in the same moment as the end of the run
            self.in_flight = True
        elif isinstance(event, AttemptEnded):
            self.in_flight, self.latency = False, event.elapsed
            self.in_doubt = self.in_doubt or _may_be_done(event)
        else:
            self._told(event)
        if self._listener.hears(type(event)):
            self._listener.tell(event)


def _may_be_done(event: AttemptEnded) -> bool:
    return maybe_done(event.error) if event.error is not None else maybe_done_at(event.status or 0)


@attrs.define
class Batch(Generic[E]):
    """Rows that wait to be sent, in order.

    Attributes:
        rows: those not begun yet.
        ends: when no more of them is begun, by the clock of the client.
        stops: when the crew is stopped, so that those who wait for their turn are sent away as well.
    """

    rows: deque[E]
    ends: float = math.inf
    stops: float = math.inf


class Crew(Generic[E]):
    """Sends batches of rows.

    It begins with a handful, and grows by one for each row that ends while nobody waits for a permit, up to what the
    transport carries; while more than a handful wait for a permit, it shrinks. So there is no herd, few rows are begun
    that cannot be sent yet, and a slow service is kept as busy as its limit allows.

    Args:
        clock: reads time and sleeps.
        limiter: tells how many wait for a permit.
        most: workers at the most, None for `MANY`.
        make_worker: makes one more.
        handle: carries out one row, and raises nothing but its cancellation.
    """

    def __init__(
        self,
        clock: Clock,
        limiter: RateLimiter,
        most: int | None,
        make_worker: Callable[[], Worker],
        handle: Callable[[Worker, E], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._limiter = limiter
        self._most = MANY if most is None else most
        self._make_worker = make_worker
        self._handle = handle
        self._wanted = min(HANDFUL, self._most)
        self._lanes: dict[Hashable, anyio.Event] = {}
        self._workers: set[Worker] = set()
        self._count = 0
        self._is_stopped = False

    def __repr__(self) -> str:
        return f"<Crew: {len(self._workers)} at work, {self.in_flight} requests under way>"

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return sum(worker.in_flight for worker in self._workers)

    @property
    def is_stopped(self) -> bool:
        """Whether no more rows are begun."""
        return self._is_stopped

    def end(self) -> None:
        """Begin no more rows; those begun go on."""
        self._is_stopped = True

    def stop(self) -> None:
        """Begin no more rows; those whose request is not in flight are cancelled, the others go on to their end."""
        self.end()
        for worker in self._workers:
            if not worker.in_flight:
                worker.scope.cancel()

    async def send(self, batch: Batch[E]) -> None:
        """Send the rows of a batch until its end comes; those not begun stay in it.

        Being cancelled stops the crew as `stop` does, gives what is in flight its time to end (`GRACE` seconds), and
        then cuts it off.
        """
        cancelled = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self._send, batch, cancelled, group.cancel_scope)
            try:
                await anyio.sleep_forever()
            finally:
                cancelled.set()

    async def _send(self, batch: Batch[E], cancelled: anyio.Event, watch: anyio.CancelScope) -> None:
        """Run the workers where no cancellation of the caller's reaches them; `watch` waits for one meanwhile."""
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as group:
                group.start_soon(self._heed, cancelled, group.cancel_scope)
                if batch.stops < math.inf:
                    group.start_soon(self._stop_at, batch.stops)
                async with anyio.create_task_group() as workers:
                    for _ in range(min(self._wanted, len(batch.rows))):
                        self._enlist(batch, workers)
                group.cancel_scope.cancel()
        watch.cancel()

    async def _heed(self, cancelled: anyio.Event, everybody: anyio.CancelScope) -> None:
        await cancelled.wait()
        self.stop()
        await self._clock.sleep(GRACE)
        everybody.cancel()

    async def _stop_at(self, moment: float) -> None:
        await self._clock.sleep(moment - self._clock.now())
        self.stop()

    def _enlist(self, batch: Batch[E], group: anyio.abc.TaskGroup) -> None:
        self._count += 1
        group.start_soon(self._work, batch, group)

    async def _work(self, batch: Batch[E], group: anyio.abc.TaskGroup) -> None:
        worker = self._make_worker()
        self._workers.add(worker)
        try:
            while batch.rows and not self._is_stopped and self._clock.now() < batch.ends:
                await self._one(worker, batch.rows.popleft())
                waiting = self._waiting()
                if waiting > HANDFUL and self._count > HANDFUL:
                    self._wanted = self._count - 1
                    break
                if not waiting and batch.rows and self._count < self._most:
                    self._enlist(batch, group)
                    self._wanted = self._count
        finally:
            self._count -= 1
            self._workers.discard(worker)

    def _waiting(self) -> int:
        """Return how many wait for a permit; a limiter of the caller's that fails here is no reason to stop."""
        try:
            return self._limiter.snapshot().waiting
        except Exception:
            _logger.exception("the rate limiter failed; the run goes on")
            return 0

    async def _one(self, worker: Worker, row: E) -> None:
        """Carry out a row, behind those it must not overtake."""
        before, mine = self._lanes.get(row.lane), anyio.Event()
        self._lanes[row.lane] = mine
        try:
            with anyio.CancelScope() as worker.scope:
                if before is not None:
                    await before.wait()
                worker.in_flight = False
                await self._handle(worker, row)
        finally:
            worker.in_flight = False
            mine.set()
            if self._lanes.get(row.lane) is mine:
                del self._lanes[row.lane]
