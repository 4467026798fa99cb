"""Use in one event loop at a time: whoever waits in one must not be woken from another."""

import weakref
from collections.abc import Awaitable, Callable

from joinme_async._clock import cancellation_check, running_loop
from joinme_async._errors import ConfigurationError


class Stay:
    """The use of something in one event loop.

    Attributes:
        under_way: how many are at it; counted by its users.
        checkpoint_if_cancelled: raises where the task that runs in that loop was cancelled, and suspends nowhere else.
    """

    __slots__ = ("_loop", "checkpoint_if_cancelled", "under_way")

    checkpoint_if_cancelled: Callable[[], Awaitable[None]]

    def __init__(self) -> None:
        self._loop: Callable[[], object] = object  # no loop yet: never the one that runs
        self.under_way = 0

    def here(self, what: str) -> "Stay":
        """Return the stay in the event loop that runs now: this one, or a new one where it is another loop.

        Raises:
            ConfigurationError: somebody is still at it in another loop; one that was closed does not count.
        """
        loop = running_loop()
        if self._loop() is loop:
            return self
        if self.under_way and not _is_over(self._loop()):
            raise ConfigurationError(f"this {what} is in use in another event loop: make one for each")
        stay = Stay()
        stay._loop = weakref.ref(loop)
        stay.checkpoint_if_cancelled = cancellation_check()
        return stay


def _is_over(loop: object) -> bool:
    return bool(getattr(loop, "is_closed", lambda: loop is None)())
