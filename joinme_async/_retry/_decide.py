"""What happened, and what follows: pure rules from the outcome of an attempt to the error that tells of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from joinme_async._errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
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
_TOO_MANY: Final = 429
# A 408 can cross the request on the wire, so the work may have been done, as after any 5xx: nobody has verified that
# the gateway's 502, 503 and 504 mean it was not.
_MAYBE_DONE: Final = frozenset({408})
_REDIRECTS: Final = range(300, 400)
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_LAST_ERROR: Final = 599
UNSAID_WAIT: Final = 1.0
"""Seconds to wait after a refusal for too many calls that did not say how long."""

_PLAIN: Final[Mapping[int, tuple[type[APIStatusError], str]]] = {
    400: (BadRequestError, "join.me refused the request as invalid"),
    _UNAUTHORIZED: (AuthenticationError, "join.me refused the access token: get a new one"),
    _FORBIDDEN: (PermissionDeniedError, "join.me does not allow this: check the scopes of the token and the API key"),
    _NOT_FOUND: (NotFoundError, "join.me knows nothing of that id or path, or no longer"),
}


@attrs.frozen
class GiveUp:
    """The call fails with `error`."""

    error: JoinMeError


@attrs.frozen
class NewToken:
    """The token was refused: send again with a different one, or fail with `error` where there is none."""

    error: AuthenticationError


def judge(
    call: Call[Any], happened: Response | JoinMeError, wall: datetime, *, token_renewed: bool
) -> GiveUp | NewToken:
    """Return what follows from an attempt that brought no result.

    Args:
        call: what was sent.
        happened: an answer that is no success, or the error of the transport or of reading a 2xx answer.
        wall: the time of the attempt's end (aware).
        token_renewed: True if this was already the attempt with a new token.
    """
    error = status_error(happened, wall) if isinstance(happened, Response) else happened
    if isinstance(error, AuthenticationError) and not token_renewed:
        return NewToken(error)
    if call.effect is Effect.CREATE and _maybe_done(error):
        return GiveUp(
            OutcomeUnknownError(
                "it is not known whether join.me carried this out, and sending it again could do it twice: look "
                f"{'with meetings.find(error.meeting) ' if call.meeting else ''}before you repeat it ({error})",
                meeting=call.meeting,
                last=error,
            )
        )
    return GiveUp(error)


def _maybe_done(error: JoinMeError) -> bool:
    """Say whether what was asked may have been done in spite of `error`."""
    match error:
        case TransportError():
            return error.request_sent
        case APIStatusError():
            return error.status in _MAYBE_DONE or isinstance(error, ServerError)
        case DeadlineExceededError(last=TransportError() as cut_off):
            return cut_off.request_sent
        case UnexpectedResponseError():
            return error.status is None or error.status not in _REDIRECTS
        case _:
            return False


def status_error(response: Response, wall: datetime) -> APIStatusError | UnexpectedResponseError:
    """Return the error that an answer other than 2xx means; `wall` is when it came."""
    if not _FIRST_ERROR <= response.status <= _LAST_ERROR:
        return _unexpected(response)
    signals = read_signals(response, wall)
    kind, what = _classify(response.status, signals)
    said = " ".join(filter(None, (str(response.status), signals.code)))
    summary = f"{what} ({said}{f': {signals.message}' if signals.message else ''})"
    wait = _wait(kind, signals)
    if wait is not None:
        summary += f"; try again in {wait:g} s"
    error = kind(
        summary, status=response.status, code=signals.code, message=signals.message, retry_after=signals.retry_after
    )
    if isinstance(error, RateLimitedError | QuotaExceededError) and wait is not None:
        error.retry_at = wall + timedelta(seconds=wait)
    return error


def _classify(status: int, signals: Signals) -> tuple[type[APIStatusError], str]:
    if status in {_FORBIDDEN, _TOO_MANY} and signals.over_rate:
        return QuotaExceededError, "the quota of the day is used up; this call was not carried out"
    if status == _TOO_MANY or (status == _FORBIDDEN and signals.over_qps):
        return RateLimitedError, "too many calls just now; this one was not carried out"
    if status == _FORBIDDEN and signals.bad_token:
        return _PLAIN[_UNAUTHORIZED]
    if status >= _FIRST_SERVER_ERROR:
        return ServerError, "join.me or its gateway failed"
    return _PLAIN.get(status, (APIStatusError, "join.me refused the request"))


def _wait(kind: type[APIStatusError], signals: Signals) -> float | None:
    """Return the seconds after which time has healed a refusal, None where that is not known."""
    unsaid = {RateLimitedError: UNSAID_WAIT, QuotaExceededError: None}
    if kind not in unsaid:
        return None
    return unsaid[kind] if signals.retry_after is None else signals.retry_after


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
