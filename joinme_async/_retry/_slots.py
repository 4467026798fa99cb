"""Connection slots: as many calls under way as the transport can carry, so that nobody queues inside an HTTP pool."""

from collections import OrderedDict
from math import inf
from typing import Final

import anyio

HANDFUL: Final = 8
"""Calls under way at first, where nobody knows how many a second the service allows."""


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
        self._queue: OrderedDict[anyio.Event, None] = OrderedDict()

    def __repr__(self) -> str:
        free = "any number" if self._total == inf else f"{self._total - self._busy:g}"
        opening = "" if self._open == self._total else f", {self._open:g} at once so far"
        return f"<Slots: {free} free, {len(self._queue)} waiting{opening}>"

    async def acquire(self) -> None:
        """Take a slot, waiting in line where none is free."""
        if self._busy < self._open and not self._queue:
            self._busy += 1
            return
        turn = anyio.Event()
        self._queue[turn] = None
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.release()
            else:
                del self._queue[turn]
            raise

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
            self._queue.popitem(last=False)[0].set()
