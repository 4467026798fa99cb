"""What may differ from call to call: how long it may take, when it is repeated, who hears of it."""

from contextlib import suppress
from math import inf, isfinite

import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._events import Announcer
from joinme_async._retry._decide import RetryPolicy


def _positive(seconds: float) -> float:
    with suppress(OverflowError):
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and isfinite(seconds) and seconds > 0:
            return float(seconds)
    raise ConfigurationError(f"a timeout is a positive number of seconds, not {type(seconds).__name__} {seconds!r:.20}")


@attrs.frozen
class Timeout:
    """How long a call may take.

    Attributes:
        total: seconds for the whole call, all waiting and every attempt in it; None for no bound.
        attempt: seconds for a single attempt, from the request to the end of its answer.
    """

    total: float | None = attrs.field(default=60.0, converter=attrs.converters.optional(_positive))
    attempt: float = attrs.field(default=30.0, converter=_positive)


@attrs.frozen
class Options:
    """What may differ between the copies of one client.

    Attributes:
        timeout: how long a call may take.
        retry: when it is repeated.
        announcer: who hears of it.
        patience: seconds that a quota is waited for at the most, however far away the deadline is.
    """

    timeout: Timeout = attrs.field(factory=Timeout)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    announcer: Announcer = attrs.field(factory=Announcer)
    patience: float = inf
