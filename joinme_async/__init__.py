"""An async client for join.me's scheduled meetings.

>>> async with JoinMe(access_token="...") as joinme:
...     meetings = await joinme.meetings.list()
"""

from typing import TYPE_CHECKING

from joinme_async._version import __version__

if TYPE_CHECKING:
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
else:
    # The same at run time, each loaded when it is first asked for: a program pays for what it uses.
    # `tests/test_layout.py` holds that the two say the same.
    _HOMES = {
        "_client": ("JoinMe",),
        "_clock": ("Clock",),
        "_errors": (
            "APIStatusError",
            "AuthenticationError",
            "BadRequestError",
            "BadRow",
            "ConfigurationError",
            "DeadlineExceededError",
            "InvalidMeetingError",
            "InvalidRowsError",
            "JoinMeError",
            "JournalError",
            "NotFoundError",
            "PermissionDeniedError",
            "QuotaExceededError",
            "RateLimitedError",
            "ServerError",
            "TransportError",
            "TransportTimeoutError",
            "UnexpectedResponseError",
        ),
        "_events": (
            "AttemptEnded",
            "AttemptStarted",
            "CoolDownClosed",
            "CoolDownOpened",
            "Event",
            "EventHook",
            "OutcomeUnknown",
            "Reconciled",
            "WaitStarted",
        ),
        "_http": ("Request", "Response", "Transport"),
        "_meetings": ("MeetingsResource",),
        "_models": ("UNSET", "Meeting", "NewMeeting", "OutcomeUnknownError"),
        "_retry._decide": ("RetryPolicy",),
        "_retry._limiters": ("LimiterSnapshot", "RateLimiter", "Turn"),
        "_retry._options": ("Timeout",),
        "_retry._pacing": ("RateLimit",),
        "_retry._signals": ("Headroom", "Signals"),
        "_retry._tokens": ("TokenSource",),
        "_times": ("zoned",),
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> object:
        """Load a public name from the file that it is defined in."""
        from importlib import import_module  # noqa: PLC0415

        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = thing = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        return thing

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


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
