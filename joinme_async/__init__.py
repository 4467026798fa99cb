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
from joinme_async._http import Request, Response, Transport
from joinme_async._meetings import MeetingsResource
from joinme_async._models import UNSET, Meeting, NewMeeting, OutcomeUnknownError
from joinme_async._retry._layer import Timeout
from joinme_async._retry._limiters import RateLimiter
from joinme_async._retry._tokens import TokenSource
from joinme_async._times import zoned
from joinme_async._version import __version__

__all__ = [
    "UNSET",
    "APIStatusError",
    "AuthenticationError",
    "BadRequestError",
    "BadRow",
    "Clock",
    "ConfigurationError",
    "DeadlineExceededError",
    "InvalidMeetingError",
    "InvalidRowsError",
    "JoinMe",
    "JoinMeError",
    "JournalError",
    "Meeting",
    "MeetingsResource",
    "NewMeeting",
    "NotFoundError",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitedError",
    "RateLimiter",
    "Request",
    "Response",
    "ServerError",
    "Timeout",
    "TokenSource",
    "Transport",
    "TransportError",
    "TransportTimeoutError",
    "UnexpectedResponseError",
    "__version__",
    "zoned",
]
