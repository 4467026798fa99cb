"""Connection slots: as many calls under way as the transport can carry, so that nobody queues inside an HTTP pool."""

from collections import OrderedDict
from math import inf
from typing import Final

import anyio

HANDFUL: Final = 8
"""Calls under way at first, where nobody knows how many a second the service allows."""


class _Waiter:
    """A call in line; `latest` is when a slot is of no more use to it."""

    __slots__ = ("called", "has_slot", "latest")

    def __init__(self, latest: float) -> None:
        self.latest = latest
        self.has_slot = False
        self.called = anyio.Event()


class Slots:
    """A first-come-first-served gate that costs no suspension while a slot is free.

    A caller that is cancelled while it waits leaves the queue; a slot that was just handed to it goes to the next.

    Args:
        total: how many calls may be under way at the most, None for any number.
        first: how many at first, None for all of them; `widen` lets in one more, so that one for each good answer
            doubles them in the time of a call.
    """

    def __init__(self, total: int | None, first: int | None = None) -> None:
        self._total = inf if total is None else total
        self._open = self._total if first is None else min(first, self._total)
        self._busy = 0
        self._queue: OrderedDict[_Waiter, None] = OrderedDict()

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
        """Take a slot, waiting in line where none is free; False where `send_away` said that it would be too late."""
        if self.acquire_nowait():
            return True
        waiter = _Waiter(latest)
        self._queue[waiter] = None
        try:
            await waiter.called.wait()
        except BaseException:
            if waiter.has_slot:
                self.release()
            self._queue.pop(waiter, None)
            raise
        return waiter.has_slot

    def send_away(self, moment: float) -> None:
        """Wake those in line, with no slot, who cannot wait until `moment`."""
        for waiter in [waiter for waiter in self._queue if waiter.latest < moment]:
            del self._queue[waiter]
            waiter.called.set()

    def release(self) -> None:
        """Give a slot back: straight to the first in line, where there is one."""
        self._busy -= 1
        self._hand_out()

    def widen(self) -> None:
        """Let one more call in at once, up to the total."""
        if self._open < self._total:
            self._open += 1
            self._hand_out()

    def _hand_out(self) -> None:
        if self._queue and self._busy < self._open:
            self._busy += 1
            waiter, _ = self._queue.popitem(last=False)
            waiter.has_slot = True
            waiter.called.set()
