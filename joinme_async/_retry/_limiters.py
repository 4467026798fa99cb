"""The permit to start a call: what a rate limiter is asked and told, and the limiter of one process."""

from collections import OrderedDict
from collections.abc import Sequence
from math import inf
from typing import Protocol

import anyio
import attrs

from joinme_async._clock import Clock
from joinme_async._retry._pacing import NOTICEABLE, Pacer, RateLimit
from joinme_async._retry._signals import Signals
from joinme_async._retry._stay import Stay

# Seconds; no sleep is shorter, so that a clock whose sums are rounded down still gets there.
_SHORTEST_SLEEP = 1e-6


@attrs.frozen
class Turn:
    """The answer to a call that cannot start in time: how far away its turn is, and why.

    Attributes:
        after: seconds until the turn; an upper bound, until a cool-down moves it.
        refusal: what the service said that opened the cool-down in force, None where there is none.
        over_quota: the limit that holds the call back is a quota.
    """

    after: float
    refusal: Signals | None = None
    over_quota: bool = False


@attrs.frozen
class LimiterSnapshot:
    """The state of a limiter at one moment.

    Attributes:
        limits: the limits it was given.
        learned: the limit it learnt from the service's answers, None while there was nothing to learn from.
        guard: the share of a limit's period by which starts are held back longer than the limit asks.
        waiting: calls in the queue.
        cooldown: seconds for which nobody starts, 0 where calls may.
        refusal: what the service said that opened that cool-down.
    """

    limits: tuple[RateLimit, ...] = ()
    learned: RateLimit | None = None
    guard: float = 0.0
    waiting: int = 0
    cooldown: float = 0.0
    refusal: Signals | None = None


class RateLimiter(Protocol):
    """Says when a call may start. One limiter may serve many clients, in many processes: it deals in durations only.

    A call asks for its permit when it has its token and its connection, and starts with nothing in between. Nobody may
    be given a permit before the pause is over that a refusal asked for (`Signals.hold`).

    One that can tell at once may have a method `acquire_nowait() -> bool` as well: it takes a permit that is free, and
    says whether one was. It is asked first, and saves the call a timer.
    """

    async def acquire(self, timeout: float | None) -> Turn | None:
        """Wait for the turn of one start and return None with it.

        Where the turn is further away than `timeout` seconds (None is no bound), do not wait: return at once how far
        it is. The same where a cool-down that opens meanwhile moves it there. Being cancelled leaves the queue and
        takes no permit.
        """
        ...

    def observe(self, signals: Signals) -> None:
        """Take note of an answer, good or bad; each is told once.

        It is no coroutine, since nothing may come between a good answer and its caller: a limiter that has to send
        such notes somewhere keeps them until its next `acquire`.
        """
        ...

    def snapshot(self) -> LimiterSnapshot:
        """Return the state now."""
        ...


class _Waiter:
    """A call in the queue; `latest` is when its turn would come too late."""

    __slots__ = ("latest", "sleep", "too_late", "woken")

    def __init__(self, latest: float) -> None:
        self.latest = latest
        self.too_late: float | None = None  # the turn that came too late
        self.woken = anyio.Event()
        self.sleep: anyio.CancelScope | None = None

    def deny(self, turn: float) -> None:
        self.too_late = turn
        self.woken.set()
        if self.sleep is not None:
            self.sleep.cancel()


class LocalLimiter:
    """The limiter of one process: first come, first served, and only the first in the queue sleeps.

    Args:
        limits: what must not be exceeded; without any, it learns from the service's answers.
        clock: reads time and sleeps.
    """

    def __init__(self, limits: Sequence[RateLimit], clock: Clock) -> None:
        self._pacer = Pacer(limits)
        self._clock = clock
        self._queue: OrderedDict[_Waiter, None] = OrderedDict()
        self._sent_away_until = -inf
        self._stay = Stay()

    def __repr__(self) -> str:
        now = self.snapshot()
        limits = [f"{limit.calls} per {limit.per:g} s" for limit in now.limits]
        if now.learned is not None:
            limits.append(f"learnt {now.learned.calls / now.learned.per:.3g} per s")
        pause = f", cool-down for {now.cooldown:.3g} s" if now.cooldown else ""
        return f"<RateLimiter: {', '.join(limits) or 'no limit known'}, {now.waiting} waiting{pause}>"

    def snapshot(self) -> LimiterSnapshot:
        """Return the state now."""
        cooldown = max(self._pacer.held_until - self._clock.now(), 0.0)
        return LimiterSnapshot(
            limits=self._pacer.limits,
            learned=self._pacer.learned,
            guard=self._pacer.guard,
            waiting=len(self._queue),
            cooldown=cooldown,
            refusal=self._pacer.held_by if cooldown else None,
        )

    def observe(self, signals: Signals) -> None:
        """Take note of an answer, and send away whoever cannot wait out the pause that it asks for."""
        now = self._clock.now()
        self._pacer.observe(signals, now)
        # Each refusal of a herd prolongs the pause a little; the queue is gone through once for all of them.
        held_until = self._pacer.held_until
        if held_until > now and held_until > self._sent_away_until + NOTICEABLE:
            self._sent_away_until = held_until
            self._send_away(now)

    def _send_away(self, now: float) -> None:
        """Tell those whose turn comes too late for them now; the others move up."""
        turns, place, late = self._pacer.turns(now), 0, []
        for waiter in self._queue:
            if turns[place] > waiter.latest:
                late.append((waiter, turns[place]))
            else:
                place += 1
        for waiter, turn in late:
            self._leave(waiter)
            waiter.deny(turn)

    def acquire_nowait(self) -> bool:
        """Take a permit where one is free and nobody waits for it, and say whether one was."""
        now = self._clock.now()
        free = not self._queue and self._pacer.opens() <= now
        if free:
            self._pacer.start(now, waited=False)
        return free

    async def acquire(self, timeout: float | None) -> Turn | None:
        """Wait for the turn of one start, or return how far away it is; no suspension where a permit is free."""
        if self.acquire_nowait():
            return None
        self._stay_here()
        now = self._clock.now()
        latest = inf if timeout is None else now + timeout
        turn = self._pacer.join(now)
        if turn > latest:
            over_quota = self._pacer.quota_opens() > latest
            self._pacer.leave()
            return self._too_late(turn, over_quota=over_quota)
        return await self._wait(_Waiter(latest))

    def _too_late(self, turn: float, *, over_quota: bool = False) -> Turn:
        now = self._clock.now()
        return Turn(
            max(turn - now, 0.0),
            refusal=self._pacer.held_by if self._pacer.held_until > now else None,
            over_quota=over_quota,
        )

    async def _wait(self, waiter: _Waiter) -> Turn | None:
        self._queue[waiter] = None
        try:
            if next(iter(self._queue)) is not waiter:
                await waiter.woken.wait()
            while waiter.too_late is None:
                now = self._clock.now()
                turn = self._pacer.turn()
                if turn <= now:
                    self._pacer.start(now, waited=True)
                    del self._queue[waiter]
                    self._wake_first()
                    return None
                with anyio.CancelScope() as waiter.sleep:
                    await self._clock.sleep(max(turn - now, _SHORTEST_SLEEP))
            return self._too_late(waiter.too_late)
        finally:
            self._leave(waiter)

    def _stay_here(self) -> None:
        """Hold that all who wait do so in one event loop; who waited in one that was closed waits no more."""
        self._stay.under_way = len(self._queue)
        stay = self._stay.here("rate limiter")
        if stay is not self._stay:
            while self._queue:  # nobody is woken: the loop of those is over
                self._queue.popitem()
                self._pacer.leave()
            self._stay = stay

    def _leave(self, waiter: _Waiter) -> None:
        """Take a call out of the queue that has not started, if it is there."""
        if waiter in self._queue:
            del self._queue[waiter]
            self._pacer.leave()
            self._wake_first()

    def _wake_first(self) -> None:
        if self._queue:
            next(iter(self._queue)).woken.set()
