"""The permit to start a call: what a rate limiter is asked and told."""

from typing import Protocol

from joinme_async._retry._signals import Signals


class RateLimiter(Protocol):
    """Says when a call may start. One limiter may serve many clients, in many processes: it is told durations only.

    A call asks for its permit when it has its token and its connection, and starts with nothing in between.
    """

    async def acquire(self, timeout: float | None) -> float | None:
        """Wait for the turn of one start and return None with it.

        Where the turn is further away than `timeout` seconds (None is no bound), do not wait: return at once the
        seconds that it is away. Being cancelled leaves the queue and takes no permit.
        """
        ...

    async def observe(self, signals: Signals) -> None:
        """Take note of an answer that was no success: `signals.over_qps`, `signals.retry_after` and so on."""
        ...
