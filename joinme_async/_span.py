"""One deadline for a call of the user's that makes several of the service's."""

from math import inf
from typing import TypeVar

from joinme_async._errors import DeadlineExceededError
from joinme_async._retry._layer import RetryLayer
from joinme_async._retry._options import Options
from joinme_async._wire import Call

T = TypeVar("T")


class Span:
    """The time of all that is done for one caller; it begins when this is made.

    Args:
        layer: sends.
        options: of the caller's client; their `Timeout.total` covers everything that is performed here.
    """

    def __init__(self, layer: RetryLayer, options: Options) -> None:
        self._layer = layer
        self._options = options
        self._began = layer.clock.now()

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return self._layer.clock.now() - self._began

    def left(self) -> float:
        """Return the seconds that are left, infinitely many where there is no deadline."""
        total = self._options.timeout.total
        return inf if total is None else max(total - self.elapsed(), 0.0)

    async def perform(self, call: Call[T]) -> T:
        """Carry out one call of the service within the time that is left.

        Raises:
            DeadlineExceededError: none is left; nothing was sent.
        """
        if self.left() <= 0:
            error = DeadlineExceededError("the time of this call ran out: give it longer with timeout=")
            error.method, error.path, error.elapsed = call.method, call.path, self.elapsed()
            raise error
        return await self._layer.perform(call, self._options, self._began)
