"""An async client for join.me's scheduled meetings.

>>> async with JoinMe(access_token="...") as joinme:
...     meetings = await joinme.meetings.list()
"""

from joinme_async._client import JoinMe
from joinme_async._clock import Clock
from joinme_async._errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    BadRow,
    ConfigurationError,
    DeadlineExceededError,
    InvalidMeetingError,
    InvalidRowsError,
    JoinMeError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async._events import (
    AttemptEnded,
    AttemptStarted,
    CoolDownClosed,
    CoolDownOpened,
    Event,
    EventHook,
    OutcomeUnknown,
    Reconciled,
    WaitStarted,
)
from joinme_async._http import Request, Response, Transport
from joinme_async._meetings import MeetingsResource
from joinme_async._models import UNSET, Meeting, NewMeeting, OutcomeUnknownError
from joinme_async._retry._decide import RetryPolicy
from joinme_async._retry._limiters import LimiterSnapshot, RateLimiter, Turn
from joinme_async._retry._options import Timeout
from joinme_async._retry._pacing import RateLimit
from joinme_async._retry._signals import Headroom, Signals
from joinme_async._retry._tokens import TokenSource
from joinme_async._times import zoned
from joinme_async._version import __version__

__all__ = [
    "UNSET",
    "APIStatusError",
    "AttemptEnded",
    "AttemptStarted",
    "AuthenticationError",
    "BadRequestError",
    "BadRow",
    "Clock",
    "ConfigurationError",
    "CoolDownClosed",
    "CoolDownOpened",
    "DeadlineExceededError",
    "Event",
    "EventHook",
    "Headroom",
    "InvalidMeetingError",
    "InvalidRowsError",
    "JoinMe",
    "JoinMeError",
    "JournalError",
    "LimiterSnapshot",
    "Meeting",
    "MeetingsResource",
    "NewMeeting",
    "NotFoundError",
    "OutcomeUnknown",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimit",
    "RateLimitedError",
    "RateLimiter",
    "Reconciled",
    "Request",
    "Response",
    "RetryPolicy",
    "ServerError",
    "Signals",
    "Timeout",
    "TokenSource",
    "Transport",
    "TransportError",
    "TransportTimeoutError",
    "Turn",
    "UnexpectedResponseError",
    "WaitStarted",
    "__version__",
    "zoned",
]
