"""Every error of the package, except the one that carries a meeting (`_models.OutcomeUnknownError`).

JoinMeError
├── InvalidMeetingError (ValueError)     a rule of join.me broken locally, before any I/O
├── ConfigurationError                   no token, a bad URL, a missing extra, a closed client
├── TransportError                       no answer
│   └── TransportTimeoutError            no answer in time
├── DeadlineExceededError (TimeoutError) the call's own deadline ran out
├── OutcomeUnknownError                  a schedule may have happened
├── UnexpectedResponseError              an answer that is not what the contract says
├── InvalidRowsError                     bulk input with bad rows in it
├── JournalError                         a bulk journal that cannot be used
└── APIStatusError                       the service answered, and said no
    ├── BadRequestError        400
    ├── AuthenticationError    401, and 403 with a stale or invalid token
    ├── PermissionDeniedError  403
    ├── NotFoundError          404
    ├── RateLimitedError       429, and the gateway's 403 "over queries per second"
    ├── QuotaExceededError     the gateway's 403 "over the day's quota"
    └── ServerError            5xx
"""

import re
from collections.abc import Sequence
from datetime import datetime
from os import PathLike, fspath
from typing import Any, NamedTuple

_EXCERPT = 240  # characters; enough to recognise an answer by, short enough for one log line
_SEEN = 16 * _EXCERPT  # what of a long text is looked at at all
# Whatever an address may be written with; an entity of HTML belongs to the run it stands in.
_RUN = re.compile(r"(?:&#?\w{1,8};|[^\s<>\"(),:;\[\]])+")
_AT = re.compile(r"@|%40|&#0*64\b|&#x0*40\b|&commat\b|\\u0040", re.IGNORECASE)
_BEARER = re.compile(r"(bearer[\s:=\"']+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_CUT_RUN = re.compile(r"[^\s<>\"(),:;\[\]{}]*\Z")


def excerpt(content: bytes | str) -> str:
    """Return the beginning of `content` on one line, fit for a message or a log.

    E-mail addresses and bearer tokens are masked. A run of characters that the end would cut in two is left out whole,
    so that no part of an address is shown that could not be recognised as one.
    """
    text = content[: 4 * _SEEN].decode("utf-8", "replace") if isinstance(content, bytes) else content
    text = text[:_SEEN]
    if len(text) == _SEEN:
        text = _CUT_RUN.sub("", text)
    text = "".join(c if c.isprintable() else " " for c in text)
    text = _RUN.sub(lambda run: "***@***" if _AT.search(run[0]) else run[0], " ".join(text.split()))
    text = _BEARER.sub(r"\1***", text)
    return text if len(text) <= _EXCERPT else _CUT_RUN.sub("", text[:_EXCERPT]).rstrip() + "…"


def _rebuild(cls: type["JoinMeError"], args: tuple[Any, ...], facts: dict[str, Any]) -> "JoinMeError":
    error = cls.__new__(cls, *args)
    error.args = args  # an OSError, such as TimeoutError, leaves that to its __init__
    error.__dict__.update(facts)
    return error


class JoinMeError(Exception):
    """The base of all errors of this package; each survives pickle and copy.

    Attributes:
        method: the HTTP method of the call, where there was one.
        path: its path below the base URL, without the query.
        attempts: how many requests were started for it.
        elapsed: seconds from the start of the call to the error.
    """

    method: str | None = None
    path: str | None = None
    attempts: int | None = None
    elapsed: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        message = str(self.args[0]) if self.args else type(self).__name__
        if self.method is None:
            return message
        where = f"{self.method} {self.path}"
        if self.attempts is not None and self.elapsed is not None:
            times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
            where += f", {times} in {self.elapsed:.2f} s"
        return f"{message} ({where})"


class InvalidMeetingError(JoinMeError, ValueError):
    """A rule of join.me was broken; nothing was sent.

    Attributes:
        field: the Python name of the field or argument at fault, None where no single one is.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ConfigurationError(JoinMeError):
    """The client cannot work as it was set up: no token, a bad URL, a missing extra, already closed."""


class TransportError(JoinMeError):
    """No answer came back.

    Attributes:
        request_sent: False only if it is certain that no byte of the request left this machine; True whenever the
            service may have seen it.
    """

    def __init__(self, message: str, *, request_sent: bool = True) -> None:
        super().__init__(message)
        self.request_sent = request_sent


class TransportTimeoutError(TransportError):
    """No answer came back within the time of the attempt."""


class DeadlineExceededError(JoinMeError, TimeoutError):
    """The call's own deadline (`Timeout.total`) ran out.

    Attributes:
        last: what had gone wrong before, where anything had.
    """

    def __init__(self, message: str, *, last: JoinMeError | None = None) -> None:
        super().__init__(message)
        self.last = last


class UnexpectedResponseError(JoinMeError):
    """The service answered something that its own documentation does not allow.

    Attributes:
        path_in_body: where in the JSON body the trouble is, such as `meetings[3].meetingStart`; None for the whole.
        excerpt: the beginning of the body, with addresses and tokens masked.
        status: the HTTP status of the answer, None where it was not read that far.
    """

    def __init__(
        self, message: str, *, status: int | None = None, path_in_body: str | None = None, excerpt: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.path_in_body = path_in_body
        self.excerpt = excerpt


class BadRow(NamedTuple):
    """One row of bulk input that cannot be sent, and what to do about it."""

    file: str
    line: int
    column: str | None
    problem: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}, line {self.line}{column}: {self.problem}"


class InvalidRowsError(JoinMeError, ValueError):
    """Bulk input has bad rows; nothing was sent.

    Attributes:
        rows: every bad row, in the order of the file.
    """

    _SHOWN = 10

    def __init__(self, rows: Sequence[BadRow]) -> None:
        lines = [f"{len(rows)} bad row{'s' * (len(rows) != 1)}; nothing was sent", *map(str, rows[: self._SHOWN])]
        if len(rows) > self._SHOWN:
            lines.append(f"… and {len(rows) - self._SHOWN} more")
        super().__init__("\n  ".join(lines))
        self.rows: tuple[BadRow, ...] = tuple(rows)


class JournalError(JoinMeError):
    """A bulk journal cannot be used: it belongs to another input, another runner holds it, or it is damaged.

    Attributes:
        journal: the path of the journal.
        holder: who holds it, where another runner does.
    """

    def __init__(self, message: str, *, journal: str | PathLike[str], holder: str | None = None) -> None:
        super().__init__(message)
        self.journal: str = fspath(journal)
        self.holder = holder


class APIStatusError(JoinMeError):
    """The service, or the gateway in front of it, answered with an error status.

    Attributes:
        status: the HTTP status, 400 to 599.
        code: the service's `ErrorCode` or the gateway's `ERR_…` code, None where the answer had neither.
        message: what the answer said in words, masked and cut to a line; empty where it said nothing.
        retry_after: the seconds the answer asked to wait, None where it did not.
    """

    def __init__(
        self, summary: str, *, status: int, code: str | None = None, message: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(summary)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class BadRequestError(APIStatusError):
    """400: the service refused what was asked; asking again will not help."""


class AuthenticationError(APIStatusError):
    """401, or 403 with `stale_token` or `invalid_token`: the access token was refused; get a new one."""


class PermissionDeniedError(APIStatusError):
    """403: the token is good, and its owner or the API key may not do this."""


class NotFoundError(APIStatusError):
    """404: there is no such meeting, or no longer."""


class _WaitError(APIStatusError):
    """A refusal that time heals.

    Attributes:
        retry_at: when it is worth asking again (aware, UTC).
    """

    retry_at: datetime | None = None


class RateLimitedError(_WaitError):
    """429, or 403 with an `OVER_QPS` code: too many calls just now. The call was not carried out."""


class QuotaExceededError(_WaitError):
    """403 with an `OVER_RATE` code: the quota of the day is used up. The call was not carried out."""


class ServerError(APIStatusError):
    """5xx: the service or its gateway failed. What was asked may have been done all the same."""
