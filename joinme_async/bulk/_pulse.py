"""How far a run is: counts, rate and time left, told to a hook."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from joinme_async._clock import Clock
from joinme_async._events import Event, WaitStarted
from joinme_async._retry._limiters import LimiterSnapshot, RateLimiter
from joinme_async.bulk._values import Progress, ProgressHook

_logger: Final = logging.getLogger("joinme_async")
_EVERY: Final = 0.1  # seconds between two snapshots at the least, but for those that begin a phase
_TICK: Final = 1.0  # seconds after which one is due where nothing happened
_WINDOW: Final = 10.0  # seconds over which the rate is taken


class Pulse:
    """Counts rows and tells of them.

    Args:
        hook: told now and then, None for nobody.
        clock: reads time and sleeps.
        limiter: bounds what is left.
        in_flight: counts requests under way.
    """

    def __init__(
        self, hook: ProgressHook | None, clock: Clock, limiter: RateLimiter, in_flight: Callable[[], int]
    ) -> None:
        self._hook = hook
        self._clock = clock
        self._limiter = limiter
        self._in_flight = in_flight
        self._ends: deque[float] = deque(maxlen=1000)
        self._phase = "checking"
        self._told = -_TICK
        self._waiting = ""
        self._waits: float | None = None
        self.done = 0
        self.failed = 0
        self.in_doubt = 0
        self.already_there = 0
        self.total: int | None = None

    def phase(self, name: str) -> None:
        """Begin a phase."""
        self._phase = name
        self._waiting, self._waits = "", None
        self.tell(now=True)

    def waits(self, why: str, seconds: float | None, *, now: bool = False) -> None:
        """Note what is waited for, and tell of it; at once where `now`."""
        if self._hook is not None:
            self._waiting, self._waits = why, seconds
            self.tell(now=now)

    def heard(self, event: Event) -> None:
        """Note what a row waits for; a pause for all is the limiter's to tell."""
        if isinstance(event, WaitStarted):
            self.waits(event.why, event.seconds)

    def ended(self) -> None:
        """Note that a row has ended."""
        if self._hook is not None:
            self._ends.append(self._clock.now())
            self._waiting, self._waits = "", None
            self.tell()

    async def beat(self) -> None:
        """Tell now and then, for as long as it is left to run."""
        while True:
            await self._clock.sleep(_TICK)
            self.tell()

    def tell(self, *, now: bool = False) -> None:
        """Tell how far the run is, unless that was told just now."""
        if self._hook is None or (not now and self._clock.now() - self._told < _EVERY):
            return
        self._told = self._clock.now()
        try:
            self._hook(self.snapshot())
        except Exception:
            _logger.exception("on_progress raised; the run goes on")

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return self._hook is not None

    def snapshot(self) -> Progress:
        """Return how far the run is."""
        rate, state = self._rate(), self._limiter.snapshot()
        is_pause = state.cooldown > 0
        return Progress(
            self._phase,
            self.done,
            self.failed,
            self.in_doubt,
            self._in_flight(),
            self.total,
            self.already_there,
            rate,
            self._time_left(rate, state),
            "cool-down" if is_pause else self._waiting,
            state.cooldown if is_pause else self._waits,
        )

    def _rate(self) -> float:
        now = self._clock.now()
        while self._ends and self._ends[0] < now - _WINDOW:
            self._ends.popleft()
        if not self._ends:
            return 0.0
        return len(self._ends) / max(now - self._ends[0], _EVERY)

    def _time_left(self, rate: float, state: LimiterSnapshot) -> float | None:
        """Return the seconds that the rest takes: no faster than of late, nor than the limiter allows."""
        if self.total is None or not rate:
            return None
        left = max(self.total - self.done - self.failed, 0)
        limits = [*state.limits, *([state.learned] if state.learned else [])]
        slowest = min([rate, *(limit.calls / limit.per for limit in limits)])
        return state.cooldown + left / slowest
