"""The one place that reads time and sleeps."""

import sys
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import anyio
from anyio.lowlevel import current_token


def running_loop() -> object:
    """Return what identifies the event loop that runs now; it can be referenced weakly."""
    try:
        # Whoever is in a task of asyncio's has its loop; the loop of whoever is in none, anyio knows.
        task: Any = sys.modules["asyncio"].current_task()
        if task is not None:
            return task.get_loop()
    except (KeyError, AttributeError, RuntimeError):
        pass  # asyncio is not there, not yet, or runs no loop here
    return current_token().native_token


class Clock(Protocol):
    """What the package asks of time; `joinme_async.testing.FakeClock` is one that a test moves by hand."""

    def now(self) -> float:
        """Return monotonic seconds; only differences mean anything, and no clock step shows in them."""
        ...

    def wall(self) -> datetime:
        """Return the time of day as an aware UTC datetime; used to tell people when, never to measure."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`; zero or less is a checkpoint."""
        ...

    def deadline(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        """Cancel the block after `seconds` and go on behind it; the scope's `cancelled_caught` tells. None: never."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        await anyio.sleep(max(seconds, 0.0))

    def deadline(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        """Cancel the block after `seconds`."""
        return anyio.move_on_after(seconds)
