"""Exit codes of the command; pure."""

from typing import Final

from joinme_async._errors import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    JoinMeError,
    NotFoundError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    TransportError,
    UnexpectedResponseError,
)
from joinme_async._models import OutcomeUnknownError

DONE: Final = 0
NOT_BEGUN: Final = 1
USAGE: Final = 2
FAILED: Final = 3
STOPPED: Final = 4
IN_DOUBT: Final = 5
MISSING: Final = 6
FAULT: Final = 70  # EX_SOFTWARE of sysexits.h
UNWRITTEN: Final = 74  # EX_IOERR
INTERRUPTED: Final = 130


class UsageError(ConfigurationError):
    """What was typed cannot be meant."""


class UnwrittenError(OSError):
    """What was brought could not be written; what was asked for may have been done all the same."""


_CODES: Final[tuple[tuple[type[JoinMeError], int], ...]] = (
    (UsageError, USAGE),
    (OutcomeUnknownError, IN_DOUBT),
    (NotFoundError, MISSING),
    (AuthenticationError, STOPPED),
    (RateLimitedError, STOPPED),
    (QuotaExceededError, STOPPED),
    (ServerError, STOPPED),
    (TransportError, STOPPED),
    (DeadlineExceededError, STOPPED),
    (UnexpectedResponseError, FAILED),
    (APIStatusError, FAILED),
)


def is_of_another_service(error: JoinMeError) -> bool:
    """Say whether not even the list of meetings was there, so that something else answers at the base URL."""
    return isinstance(error, NotFoundError) and error.path == "/meetings"


def code_of(error: JoinMeError) -> int:
    """Return the exit code of a verb that ended with `error`; nothing was done for those that have no line above."""
    if is_of_another_service(error):
        return FAILED
    return next((code for kind, code in _CODES if isinstance(error, kind)), NOT_BEGUN)


def code_at_the_start(error: JoinMeError) -> int:
    """Return the exit code of a run that `error` kept from beginning."""
    return USAGE if isinstance(error, UsageError) else NOT_BEGUN
