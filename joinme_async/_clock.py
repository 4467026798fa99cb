"""The one place that reads time and sleeps."""

import sys
import time
from collections.abc import Awaitable, Callable, Generator
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


class Bell(Protocol):
    """Something that happens once, and is awaited until then."""

    def ring(self) -> None:
        """Wake whoever awaits it; a second time does nothing."""
        ...

    def __await__(self) -> Generator[Any, Any, object]: ...


def new_bell() -> Bell:
    """Return one for a task of the event loop that runs now."""
    make_future = getattr(running_loop(), "create_future", None)
    return _EventBell() if make_future is None else _FutureBell(make_future())


class _FutureBell:
    """A bell of asyncio's: thousands are light, while an `anyio.Event` holds a queue for many, a kilobyte each."""

    __slots__ = ("_rung",)

    def __init__(self, future: Any) -> None:  # noqa: ANN401  of asyncio, which may not be loaded
        self._rung = future

    def ring(self) -> None:
        if not self._rung.done():
            self._rung.set_result(None)

    def __await__(self) -> Generator[Any, Any, object]:
        result: Generator[Any, Any, object] = self._rung.__await__()
        return result


class _EventBell:
    __slots__ = ("_rung",)

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        self._rung.set()

    def __await__(self) -> Generator[Any, Any, object]:
        return self._rung.wait().__await__()


def cancellation_check() -> Callable[[], Awaitable[None]]:
    """Return anyio's `checkpoint_if_cancelled` of the event loop that runs now, which anyio looks for at each call."""
    return current_token().backend_class.checkpoint_if_cancelled


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

    def deadline(self, seconds: float | None) -> "AbstractContextManager[anyio.CancelScope]":
        """Cancel the block after `seconds` and go on behind it; the scope's `cancelled_caught` tells. None: never."""
        ...


class SystemClock:
    """The machine's clock."""

    now = staticmethod(time.monotonic)  # itself: no call does without, and most ask several times

    def wall(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Suspend the calling task for `seconds`."""
        await anyio.sleep(max(seconds, 0.0))

    def deadline(self, seconds: float | None) -> "AbstractContextManager[anyio.CancelScope]":
        """Cancel the block after `seconds`."""
        return anyio.move_on_after(seconds)
