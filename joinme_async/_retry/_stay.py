"""Use in one event loop at a time: whoever waits in one must not be woken from another."""

import weakref
from collections.abc import Callable

from joinme_async._clock import running_loop
from joinme_async._errors import ConfigurationError


class Stay:
    """The use of something in one event loop.

    Attributes:
        under_way: how many are at it; counted by its users.
    """

    __slots__ = ("_loop", "under_way")

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
        return stay


def _is_over(loop: object) -> bool:
    return bool(getattr(loop, "is_closed", lambda: loop is None)())
