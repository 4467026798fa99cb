"""Stand-ins for tests: time that a test moves by hand, a transport that answers from a script, one that takes notes."""

import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from math import isfinite
from typing import Final

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._http import Request, Response, Transport

__all__ = ["Exchange", "FakeClock", "RecordingTransport", "ScriptedTransport"]

# A chain of tasks that wake one another takes a round of the event loop for each; this many rounds in which nobody
# asked the clock anything are taken for "everybody sleeps".
_QUIET_ROUNDS: Final = 20
# Real seconds; whoever waits for a worker thread does not sleep, and threads need the interpreter for themselves.
_THREADS_TURN: Final = 0.0005


class _Timer:
    """Something to do at a moment; a sleeper's also wakes the sleeper before that, when it is to move the clock."""

    def __init__(self, at: float, number: int, ring: Callable[[], None] | None) -> None:
        self.order = (at, number)
        self.done = False
        self.nudge = anyio.Event()
        self._ring = ring

    @property
    def at(self) -> float:
        return self.order[0]

    def __lt__(self, other: "_Timer") -> bool:
        return self.order < other.order

    def ring(self) -> None:
        self.done = True
        self.nudge.set()
        if self._ring is not None:
            self._ring()


class FakeClock:
    """A clock for tests: no time passes in it but what is slept or given by `advance`.

    With `autojump`, it jumps to the next timer as soon as every task sleeps on this clock, so that an hour of waiting
    takes no time; it waits for those in anyio's worker threads. That suits tests without real sockets; with them, turn
    it off and call `advance`. Only a task that sleeps moves the clock: a stand-in that never answers should
    `sleep(math.inf)`, or no deadline around it comes.

    Args:
        start: the time of day at first (aware); without one, midnight of 1 January 2027, UTC.
        autojump: False to leave time where it is until `advance`.
    """

    def __init__(self, start: datetime = datetime(2027, 1, 1, tzinfo=UTC), *, autojump: bool = True) -> None:
        if start.utcoffset() is None:
            raise ConfigurationError("a FakeClock starts at an aware datetime")
        self._start = start.astimezone(UTC)
        self._now = 0.0
        self._autojump = autojump
        self._timers: list[_Timer] = []
        self._sleepers: list[_Timer] = []
        self._numbers = count()
        self._asked = 0

    def __repr__(self) -> str:
        return f"<FakeClock: {self.wall().isoformat()}, {self._now:g} s in>"

    def now(self) -> float:
        """Return the seconds that have passed in this clock."""
        self._asked += 1
        return self._now

    def wall(self) -> datetime:
        """Return the time of day in UTC."""
        return self._start + timedelta(seconds=self._now)

    def set_wall(self, moment: datetime) -> None:
        """Step the time of day to `moment`, as an administrator or a time server would; `now` does not notice."""
        self._start = moment.astimezone(UTC) - timedelta(seconds=self._now)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, ringing every timer on the way in its order."""
        self._advance_to(self._now + seconds)

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task until `seconds` have passed in this clock."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        timer = self._add(seconds, None)
        heapq.heappush(self._sleepers, timer)
        try:
            while not timer.done:
                if self._autojump and _first(self._sleepers) is timer and await self._is_quiet(timer):
                    self._jump()
                if not timer.done:
                    await timer.nudge.wait()
                    timer.nudge = anyio.Event()
        finally:
            timer.done = True
            self._nudge_first()

    @contextmanager
    def deadline(self, seconds: float | None) -> Generator[anyio.CancelScope, None, None]:
        """Cancel the block once `seconds` have passed in this clock."""
        with anyio.CancelScope() as scope:
            timer = None if seconds is None else self._add(max(seconds, 0.0), scope.cancel)
            if timer is not None and timer.at <= self._now:
                scope.cancel()
            try:
                yield scope
            finally:
                if timer is not None:
                    timer.done = True

    def _add(self, seconds: float, ring: Callable[[], None] | None) -> _Timer:
        self._asked += 1
        timer = _Timer(self._now + seconds, next(self._numbers), ring)
        heapq.heappush(self._timers, timer)
        self._nudge_first()
        return timer

    async def _is_quiet(self, sleeper: _Timer) -> bool:
        """Wait until nobody asks this clock anything any more; False where `sleeper` is no longer the first to wake."""
        quiet, asked, threads = 0, self._asked, anyio.to_thread.current_default_thread_limiter()
        while quiet < _QUIET_ROUNDS:
            if threads.borrowed_tokens:
                quiet = 0
                await anyio.sleep(_THREADS_TURN)
            else:
                await anyio.lowlevel.checkpoint()
            quiet, asked = (quiet + 1 if self._asked == asked else 0), self._asked
            if _first(self._sleepers) is not sleeper:
                return False
        return True

    def _jump(self) -> None:
        upcoming = _first(self._timers)
        if upcoming is not None and isfinite(upcoming.at):
            self._advance_to(upcoming.at)

    def _advance_to(self, moment: float) -> None:
        while (timer := _first(self._timers)) is not None and timer.at <= moment:
            self._now = max(self._now, timer.at)
            timer.ring()
        self._now = max(self._now, moment)
        self._nudge_first()

    def _nudge_first(self) -> None:
        """Wake the sleeper whose turn it now is to move the clock."""
        first = _first(self._sleepers)
        if first is not None:
            first.nudge.set()


def _first(timers: list[_Timer]) -> _Timer | None:
    while timers and timers[0].done:
        heapq.heappop(timers)
    return timers[0] if timers else None


Answer = Response | Exception | Callable[[Request], Awaitable[Response]]


class ScriptedTransport:
    """A transport that answers from a script and keeps the requests it was sent.

    Args:
        script: for each request in turn a `Response` to return, an exception to raise, or an async callable that gets
            the request and does either.
        concurrency: how many calls it says it can carry.
    """

    def __init__(self, script: Iterable[Answer] = (), *, concurrency: int | None = None) -> None:
        self.requests: list[Request] = []
        self.script: deque[Answer] = deque(script)
        self.closed: bool = False
        self._concurrency = concurrency

    def __repr__(self) -> str:
        return f"<ScriptedTransport: {len(self.requests)} requests met, {len(self.script)} answers left>"

    @property
    def concurrency(self) -> int | None:
        """How many calls it says it can carry."""
        return self._concurrency

    async def send(self, request: Request) -> Response:
        """Return or raise what the script holds next.

        Raises:
            AssertionError: the script is over.
        """
        await anyio.lowlevel.checkpoint()
        self.requests.append(request)
        if not self.script:
            raise AssertionError(
                f"the script has no answer to request {len(self.requests)}: {request.method} {request.url}"
            )
        answer = self.script.popleft()
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, Exception):
            raise answer
        return await answer(request)

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True


@attrs.frozen
class Exchange:
    """What a `RecordingTransport` saw: a request, and the response or the error that came of it."""

    request: Request
    response: Response | None = None
    error: BaseException | None = None


class RecordingTransport:
    """Passes requests on to another transport and keeps what went to and fro in `exchanges`.

    Args:
        inner: the transport that does the work; it is closed together with this one.
    """

    def __init__(self, inner: Transport) -> None:
        self.exchanges: list[Exchange] = []
        self._inner = inner

    def __repr__(self) -> str:
        return f"<RecordingTransport: {len(self.exchanges)} exchanges over {self._inner!r}>"

    @property
    def concurrency(self) -> int | None:
        """As many calls as the other transport can carry."""
        return self._inner.concurrency

    @property
    def keeps_time(self) -> bool:
        """Whether the other transport ends every request in time by itself."""
        return getattr(self._inner, "keeps_time", False) is True

    async def prepare(self) -> None:
        """Let the other transport do what it does once, where it has anything to do."""
        prepare = getattr(self._inner, "prepare", None)
        if prepare is not None:
            await prepare()

    async def send(self, request: Request) -> Response:
        """Send `request` over the other transport; a cancelled one is kept with its cancellation as the error."""
        try:
            response = await self._inner.send(request)
        except BaseException as error:
            self.exchanges.append(Exchange(request, error=error))
            raise
        self.exchanges.append(Exchange(request, response))
        return response

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()
