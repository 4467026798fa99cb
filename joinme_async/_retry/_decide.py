"""What happened, and what follows: pure rules from the outcome of an attempt to the next step of its call."""

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final

import attrs

from joinme_async._errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DeadlineExceededError,
    JoinMeError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    TransportError,
    UnexpectedResponseError,
    excerpt,
)
from joinme_async._http import Response
from joinme_async._models import OutcomeUnknownError
from joinme_async._retry._signals import Signals, read_signals
from joinme_async._wire import Call, Effect

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TIMED_OUT: Final = 408
# A 408 can cross the request on the wire, so the work may have been done, as after any 5xx: nobody has verified that
# the gateway's 502, 503 and 504 mean it was not.
_MAYBE_DONE: Final = frozenset({_TIMED_OUT})
_PASSING: Final = frozenset({_TIMED_OUT, 500, 502, 503, 504})
_REDIRECTS: Final = range(300, 400)
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_LAST_ERROR: Final = 599

_PLAIN: Final[Mapping[int, tuple[type[APIStatusError], str]]] = {
    400: (BadRequestError, "join.me refused the request as invalid"),
    _UNAUTHORIZED: (AuthenticationError, "join.me refused the access token: get a new one"),
    _FORBIDDEN: (PermissionDeniedError, "join.me does not allow this: check the scopes of the token and the API key"),
    _NOT_FOUND: (NotFoundError, "join.me knows nothing of that id or path, or no longer"),
}


def _number(low: float, high: float, what: str) -> Any:  # noqa: ANN401  attrs' validators have no better type
    def check(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
        wanted = int if field.type is int else int | float
        if isinstance(value, bool) or not isinstance(value, wanted) or not low <= value <= high:
            raise ConfigurationError(f"RetryPolicy: {field.name} is {what}")

    return check


def _flag(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"RetryPolicy: {field.name} is True or False")


@attrs.frozen
class RetryPolicy:
    """When a call is sent again by itself; a POST whose outcome is not known never is.

    Attributes:
        attempts: how often a call is tried at the most. Refusals before any work and the repeat with a new token do not
            count: they are bounded by the deadline alone.
        base: seconds; back-off before the n-th repeat is drawn evenly from 0 to `base * 2**(n - 1)` (full jitter). What
            the service asked for is never shortened.
        cap: seconds; the longest back-off that is drawn.
        settle: seconds that the service is given to show what it made of a request whose answer was lost.
        budget: the share of a repeat that each call adds to what its client can afford, so that an outage is not
            multiplied. Client and copies share one budget: that of the policy that the client was made with.
        floor: the repeats that the budget begins with, and the most it saves. A repeat that succeeds is given back.
        refusals: True to send again what was refused before any work, after the wait that the service asked for.
    """

    attempts: int = attrs.field(default=4, validator=_number(1, 1000, "a whole number, from 1 to 1000"))
    base: float = attrs.field(default=0.5, validator=_number(0, 3600, "a number of seconds, from 0 to 3600"))
    cap: float = attrs.field(default=8.0, validator=_number(0, 3600, "a number of seconds, from 0 to 3600"))
    settle: float = attrs.field(default=2.0, validator=_number(0, 86400, "a number of seconds, from 0 to 86400"))
    budget: float = attrs.field(default=0.1, validator=_number(0, 1, "a share, from 0 to 1"))
    floor: int = attrs.field(default=10, validator=_number(0, 10**6, "a whole number, from 0 to 1,000,000"))
    refusals: bool = attrs.field(default=True, validator=_flag)

    @classmethod
    def never(cls) -> "RetryPolicy":
        """Return the policy that sends each request once; only a refused token is still replaced."""
        return cls(attempts=1, refusals=False)


class Budget:
    """The repeats that a client can still afford.

    Every call pays a share in, every repeat takes one out, and one that succeeds is given back. What is saved never
    exceeds the floor, so that a long quiet time does not pay for a storm.
    """

    __slots__ = ("_limit", "_saved", "_share")

    def __init__(self, share: float, floor: int) -> None:
        self._share = share
        self._saved = float(floor)
        self._limit = max(float(floor), 1.0)

    def __repr__(self) -> str:
        return f"<Budget: {self._saved:.1f} repeats>"

    @property
    def has_one(self) -> bool:
        """Whether a repeat can be afforded."""
        return self._saved >= 1

    def pay_in(self) -> None:
        """Take in the share of one call."""
        if self._saved < self._limit:
            self._saved = min(self._saved + self._share, self._limit)

    def spend(self) -> None:
        """Take out one repeat."""
        self._saved -= 1

    def give_back(self) -> None:
        """Return one repeat that was worth it."""
        self._saved = min(self._saved + 1, self._limit)


class Why(enum.Enum):
    """Why a call is sent again."""

    TOKEN = "token"  # noqa: S105  a word
    REFUSED = "refused"
    BACK_OFF = "back-off"


@attrs.frozen
class SendAgain:
    """The call is sent again in `after` seconds at the earliest; `error` is what it ended with if it could not be."""

    after: float
    why: Why
    error: JoinMeError


@attrs.frozen
class GiveUp:
    """The call fails with `error`."""

    error: JoinMeError


@attrs.frozen
class Accept:
    """The answer is what the caller wanted, error status or not."""


@attrs.frozen
class Outcome:
    """What an attempt came to that brought no result: an error, and what the answer said where there was one."""

    error: JoinMeError
    signals: Signals | None = None


def outcome_of(happened: Response | JoinMeError, wall: datetime) -> Outcome:
    """Return what an answer that is no success, or an error of the transport or of reading, comes to at `wall`."""
    if not isinstance(happened, Response):
        return Outcome(happened)
    if not _FIRST_ERROR <= happened.status <= _LAST_ERROR:
        return Outcome(_unexpected(happened))
    signals = read_signals(happened, wall)
    return Outcome(signalled_error(signals, wall), signals)


@attrs.frozen(kw_only=True)
class Situation:
    """What a decision rests on besides the outcome.

    Attributes:
        tried: how many attempts of the call count, this one included.
        left: seconds until the deadline, infinite where there is none.
        patience: seconds that a quota is waited for at the most.
        chance: evenly distributed from 0 to 1.
        affordable: the retry budget holds a repeat.
        token_renewed: this attempt had a new token already.
        reread: an answer of this call could not be read before.
        in_doubt: an earlier attempt may have been carried out.
    """

    tried: int
    left: float
    chance: float
    affordable: bool = True
    token_renewed: bool = False
    reread: bool = False
    in_doubt: bool = False
    patience: float = inf


def decide(call: Call[Any], outcome: Outcome, policy: RetryPolicy, situation: Situation) -> SendAgain | GiveUp | Accept:
    """Return what follows from an attempt: the table of what is retried, line by line.

    A wait that does not fit the deadline is not begun: the call fails at once with the outcome's own error.
    """
    error, signals = outcome.error, outcome.signals
    if isinstance(error, AuthenticationError):
        return GiveUp(error) if situation.token_renewed else SendAgain(0.0, Why.TOKEN, error)
    if isinstance(error, NotFoundError) and call.method == "DELETE" and situation.in_doubt:
        return Accept()  # gone: an attempt before this one did it
    if signals is not None and (signals.over_qps or signals.over_rate):
        left = min(situation.left, situation.patience) if signals.over_rate else situation.left
        return _after_refusal(error, signals.hold, policy, left)
    if call.effect is Effect.CREATE and maybe_done(error):
        return GiveUp(unknown(call, error))
    return _back_off(error, policy, situation) if _is_passing(call, error, situation) else GiveUp(error)


def _after_refusal(error: JoinMeError, wait: float | None, policy: RetryPolicy, left: float) -> SendAgain | GiveUp:
    """Nothing was done, so any call may go again when the service allows it; where it did not say when, none can."""
    if not policy.refusals or wait is None or wait >= left:
        return GiveUp(error)
    return SendAgain(wait, Why.REFUSED, error)


def _back_off(error: JoinMeError, policy: RetryPolicy, situation: Situation) -> SendAgain | GiveUp:
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    drawn = situation.chance * min(policy.cap, policy.base * 2.0 ** min(situation.tried - 1, 100))
    after = max(drawn, asked or 0.0)
    if situation.tried >= policy.attempts or not situation.affordable or after >= situation.left:
        return GiveUp(error)
    return SendAgain(after, Why.BACK_OFF, error)


def _is_passing(call: Call[Any], error: JoinMeError, situation: Situation) -> bool:
    """Say whether `error` is one that a repetition may heal, and the call one that may be repeated after it."""
    match error:
        case TransportError():
            return call.effect is not Effect.CREATE or not error.request_sent
        case APIStatusError():
            return error.status in _PASSING
        case UnexpectedResponseError():
            # Of a GET that could not be read once more, and only once: it may have been cut on its way.
            return call.effect is Effect.READ and _is_success(error.status) and not situation.reread
        case _:
            return False


def _is_success(status: int | None) -> bool:
    return status is not None and status < _REDIRECTS.start


def unknown(call: Call[Any], last: JoinMeError) -> OutcomeUnknownError:
    """Return the error of a create that may have been carried out, after `last`."""
    return OutcomeUnknownError(
        "it is not known whether join.me carried this out, and sending it again could do it twice: "
        f"{'meetings.ensure(error.meeting) looks' if call.meeting else 'look'} before you repeat it ({last})",
        meeting=call.meeting,
        last=last,
    )


def maybe_done_at(status: int) -> bool:
    """Say whether what was asked may have been done in spite of an answer with an error `status`."""
    return status in _MAYBE_DONE or status >= _FIRST_SERVER_ERROR


def maybe_done(error: JoinMeError) -> bool:
    """Say whether what was asked may have been done in spite of `error`."""
    match error:
        case TransportError():
            return error.request_sent
        case APIStatusError():
            return maybe_done_at(error.status)
        case DeadlineExceededError(last=TransportError() as cut_off):
            return cut_off.request_sent
        case UnexpectedResponseError():
            return error.status is None or error.status not in _REDIRECTS
        case _:
            return False


def signalled_error(signals: Signals, wall: datetime, *, sent: bool = True) -> APIStatusError:
    """Return the error of an answer that said `signals` at `wall`; not `sent` is a call that its pause keeps out."""
    kind, what = _classify(signals)
    what = what if sent else "nothing was sent, since join.me asked all calls to pause"
    said = " ".join(filter(None, (str(signals.status), signals.code)))
    summary = f"{what} ({said}{f': {signals.message}' if signals.message else ''})"
    refused = issubclass(kind, RateLimitedError | QuotaExceededError) or not sent
    if refused and signals.hold is not None:
        summary += f"; try again in {signals.hold:.6g} s"
    error = kind(
        summary,
        status=signals.status,
        code=signals.code,
        message=signals.message,
        retry_after=signals.retry_after,
    )
    if isinstance(error, RateLimitedError | QuotaExceededError) and signals.hold is not None:
        error.retry_at = wall + timedelta(seconds=signals.hold)
    return error


def _classify(signals: Signals) -> tuple[type[APIStatusError], str]:
    if signals.over_rate:
        return QuotaExceededError, "the quota of the day is used up; this call was not carried out"
    if signals.over_qps:
        return RateLimitedError, "too many calls just now; this one was not carried out"
    if signals.status == _FORBIDDEN and signals.bad_token:
        return _PLAIN[_UNAUTHORIZED]
    if signals.status >= _FIRST_SERVER_ERROR:
        return ServerError, "join.me or its gateway failed"
    return _PLAIN.get(signals.status, (APIStatusError, "join.me refused the request"))


def _unexpected(response: Response) -> UnexpectedResponseError:
    said = excerpt(response.content)
    what = (
        "a redirect, which is never followed: check the base URL"
        if response.status in _REDIRECTS
        else "no answer of its own"
    )
    return UnexpectedResponseError(
        f"join.me answered {response.status}, {what}{f' ({said})' if said else ''}",
        status=response.status,
        excerpt=said,
    )
