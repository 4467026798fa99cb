"""Connection slots: as many calls under way as the transport can carry, so that nobody queues inside an HTTP pool."""

from collections import OrderedDict

import anyio


class Slots:
    """A first-come-first-served gate that costs no suspension while a slot is free.

    A caller that is cancelled while it waits leaves the queue; a slot that was just handed to it goes to the next.
    """

    def __init__(self, total: int | None) -> None:
        self._free = total
        self._queue: OrderedDict[anyio.Event, None] = OrderedDict()

    def __repr__(self) -> str:
        free = "any number" if self._free is None else self._free
        return f"<Slots: {free} free, {len(self._queue)} waiting>"

    async def acquire(self) -> None:
        """Take a slot, waiting in line where none is free."""
        if self._free is None:
            return
        if self._free > 0 and not self._queue:
            self._free -= 1
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
        if self._queue:
            self._queue.popitem(last=False)[0].set()
        elif self._free is not None:
            self._free += 1
