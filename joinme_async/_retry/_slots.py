"""Connection slots: as many calls under way as the transport can carry, so that nobody queues inside an HTTP pool."""

from collections import OrderedDict
from math import inf
from typing import Final

from joinme_async._clock import Bell, Clock, SystemClock, new_bell

HANDFUL: Final = 8
"""Calls under way at first, where nobody knows how many a second the service allows."""


class _Waiter:
    """A call in line; `latest` is when a slot is of no more use to it."""

    __slots__ = ("called", "has_slot", "latest")

    def __init__(self, latest: float) -> None:
        self.latest = latest
        self.has_slot = False
        self.called: Bell = new_bell()


class Slots:
    """A first-come-first-served gate that costs no suspension while a slot is free.

    A caller that is cancelled while it waits leaves the queue; a slot that was just handed to it goes to the next. One
    of those in line, the watchman, keeps the time of all of them: a timer for each would cost more than all the rest.

    Args:
        total: how many calls may be under way at the most, None for any number.
        first: how many at first, None for all of them; `widen` lets in one more, so that one for each good answer
            doubles them in the time of a call.
        clock: tells when it is too late for whoever waits.
    """

    def __init__(self, total: int | None, first: int | None = None, clock: Clock | None = None) -> None:
        self._total = inf if total is None else total
        self._open = self._total if first is None else min(first, self._total)
        self._clock = clock or SystemClock()
        self._busy = 0
        self._queue: OrderedDict[_Waiter, None] = OrderedDict()
        self._watchman: _Waiter | None = None
        self._watched_until = inf

    def __repr__(self) -> str:
        free = "any number" if self._total == inf else f"{self._total - self._busy:g}"
        opening = "" if self._open == self._total else f", {self._open:g} at once so far"
        return f"<Slots: {free} free, {len(self._queue)} waiting{opening}>"

    def acquire_nowait(self) -> bool:
        """Take a slot where one is free, and say whether one was."""
        free = self._busy < self._open and not self._queue
        self._busy += free
        return free

    async def acquire(self, latest: float = inf) -> bool:
        """Take a slot, waiting in line where none is free; False where `latest` came first, or would (`send_away`)."""
        if self.acquire_nowait():
            return True
        waiter = _Waiter(latest)
        self._queue[waiter] = None
        if self._watchman is not None and latest < self._watched_until:
            self._watchman.called.ring()
        try:
            while waiter in self._queue:
                self._watchman = self._watchman or waiter
                if self._watchman is waiter:
                    await self._watch(waiter)
                else:
                    await waiter.called
                waiter.called = new_bell()
        except BaseException:
            if waiter.has_slot:
                self.release()
            raise
        finally:
            self._queue.pop(waiter, None)
            if self._watchman is waiter:
                self._relieve()
        return waiter.has_slot

    async def _watch(self, watchman: _Waiter) -> None:
        """Wait until something happens to `watchman`, or the time of somebody in line is up."""
        self._watched_until = min(waiter.latest for waiter in self._queue)
        left = None if self._watched_until == inf else max(self._watched_until - self._clock.now(), 0.0)
        with self._clock.deadline(left) as time_is_up:
            await watchman.called
        if time_is_up.cancelled_caught:
            self._dismiss([waiter for waiter in self._queue if waiter.latest <= self._watched_until])

    def _relieve(self) -> None:
        """Make the last in line the watchman: it has the longest time to stand there."""
        self._watchman = next(reversed(self._queue), None)
        if self._watchman is not None:
            self._watchman.called.ring()

    def send_away(self, moment: float) -> None:
        """Wake those in line, with no slot, who cannot wait until `moment`."""
        self._dismiss([waiter for waiter in self._queue if waiter.latest < moment])

    def _dismiss(self, waiters: list[_Waiter]) -> None:
        for waiter in waiters:
            del self._queue[waiter]
            waiter.called.ring()

    def release(self) -> None:
        """Give a slot back: straight to the first in line, where there is one."""
        self._busy -= 1
        if self._queue:
            self._hand_out()

    def widen(self) -> None:
        """Let one more call in at once, up to the total."""
        if self._open < self._total:
            self._open += 1
            if self._queue:
                self._hand_out()

    def _hand_out(self) -> None:
        self._busy += 1
        waiter, _ = self._queue.popitem(last=False)
        waiter.has_slot = True
        waiter.called.ring()
