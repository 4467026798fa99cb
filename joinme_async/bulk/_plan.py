"""What follows from the end of a row: pure rules, as a table."""

from typing import Literal

import attrs

from joinme_async._errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    JoinMeError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
)
from joinme_async._models import OutcomeUnknownError
from joinme_async._retry._decide import maybe_done


@attrs.frozen
class Ending:
    """What a row that was not done comes to.

    Attributes:
        state: `unsent` where nothing is wrong with the row, `failed` where it is surely not done, else `doubt`.
        stops: the run cannot go on: every other row would come to the same.
        is_outage: it may be the service that is at fault; many of these in a row stop the run.
    """

    state: Literal["unsent", "failed", "doubt"]
    stops: bool = False
    is_outage: bool = False


def ending_of(error: JoinMeError) -> Ending:
    """Return what a row that ended with `error` comes to."""
    match error:
        case AuthenticationError() | QuotaExceededError() | ConfigurationError():
            return Ending("unsent", stops=True)
        case OutcomeUnknownError():
            return Ending("doubt", is_outage=True)
        case RateLimitedError() | PermissionDeniedError() | ServerError():
            return Ending("doubt" if maybe_done(error) else "failed", is_outage=True)
        case APIStatusError():
            return Ending("doubt" if maybe_done(error) else "failed")  # the row's own fault: a 400, a 404
        case _:
            return Ending("doubt" if maybe_done(error) else "failed", is_outage=True)
