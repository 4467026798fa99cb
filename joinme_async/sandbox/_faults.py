"""Faults as data: what goes wrong, with which requests, how often."""

import enum
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._http import Request, Response


class Work(enum.Enum):
    """What becomes of the work a request asks for."""

    DONE = "done"
    UNDONE = "undone"
    LATE = "late"


class Delivery(enum.Enum):
    """What becomes of the answer."""

    WHOLE = "whole"
    UNREACHABLE = "unreachable"  # no connection in the first place
    LOST = "lost"  # the connection ends before the first byte of it
    CUT = "cut"  # the connection ends inside it
    HUNG_UP = "hung up"  # the connection ends right behind it, unannounced


_LONGEST: Final = 1e9  # seconds; some thirty years, within which every sum of times is a time

_WORDS: Final[Mapping[str, str]] = {
    "ERR_403_DEVELOPER_OVER_QPS": "Developer Over Qps",
    "ERR_403_SERVICE_OVER_QPS": "Service Over Qps",
    "ERR_403_DEVELOPER_OVER_RATE": "Developer Over Rate",
    "ERR_403_SERVICE_OVER_RATE": "Service Over Rate",
    "ERR_403_DEVELOPER_INACTIVE": "Developer Inactive",
    "ERR_403_NOT_AUTHORIZED": "Not Authorized",
}


def gateway_refusal(code: str, retry_after: float | str | None = None, *, status: int = 403) -> Response:
    """Return the gateway's own refusal with `code`: named in two headers, explained in a page of HTML."""
    words = _WORDS.get(code, " ".join(code.split("_")[2:]).title() or "Forbidden")
    headers = {
        "Content-Type": "text/html",
        "Server": "Mashery Proxy",
        "X-Mashery-Error-Code": code,
        "X-Error-Detail-Header": words,
    }
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(status, headers, f"<html><body><h1>{status} {words}</h1></body></html>".encode())


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that goes wrong; made by the class methods, and planted with `Sandbox.plant`."""

    name: str
    work: Work = Work.UNDONE
    delivery: Delivery = Delivery.WHOLE
    response: Response | None = attrs.field(default=None, repr=False)
    delay: float = 0.0
    commit_after: float = 0.0
    lag: float = 0.0

    @classmethod
    def refuse(
        cls,
        code: str = "ERR_403_DEVELOPER_OVER_QPS",
        *,
        retry_after: float | str | None = 1,
        status: int = 403,
    ) -> "Fault":
        """The gateway refuses before any work, with one of its codes; `retry_after` is sent as it stands."""
        _check_status(status, "a refusal", 400)
        words = f"{code} {retry_after}"
        if not isinstance(code, str) or not words.isascii() or not words.isprintable():
            raise ConfigurationError("a code and a Retry-After are ASCII, on one line")
        return cls(name=f"refuse {code}", response=gateway_refusal(code, retry_after, status=status))

    @classmethod
    def error(cls, status: int = 500, *, done: bool = False) -> "Fault":
        """An answer with a 5xx status, before the work or, with `done`, after it."""
        _check_status(status, "an error", 500)
        name = f"error {status} {'after' if done else 'before'} the work"
        return cls(name=name, work=_work(done=done), response=_failure(status))

    @classmethod
    def unreachable(cls) -> "Fault":
        """No connection. Over HTTP, where one stands already, it ends without an answer and without any work."""
        return cls(name="unreachable", delivery=Delivery.UNREACHABLE)

    @classmethod
    def lose(cls, *, done: bool = True, commit_after: float = 0.0) -> "Fault":
        """The connection ends before the answer; the work is done, undone, or done `commit_after` seconds later."""
        work = _work(done=done, commit_after=_seconds(commit_after, "commit_after"))
        name = f"lose the answer, work {work.value}"
        return cls(name=name, work=work, delivery=Delivery.LOST, commit_after=commit_after)

    @classmethod
    def cut(cls) -> "Fault":
        """The work is done and the connection ends inside the answer."""
        return cls(name="cut the answer", work=Work.DONE, delivery=Delivery.CUT)

    @classmethod
    def hang_up(cls) -> "Fault":
        """The work is done, the answer whole, and the connection ends behind it without a word. HTTP only."""
        return cls(name="hang up", work=Work.DONE, delivery=Delivery.HUNG_UP)

    @classmethod
    def garble(cls, body: bytes | str = b'{"meetingId": 12,') -> "Fault":
        """The work is done, and `body` comes with a 200 in place of the answer."""
        if not isinstance(body, bytes | str):
            raise ConfigurationError("a body is bytes or text")
        content = body.encode() if isinstance(body, str) else body
        response = Response(200, {"Content-Type": "application/json"}, content)
        return cls(name="garble the answer", work=Work.DONE, response=response)

    @classmethod
    def late(cls, seconds: float, *, commit_after: float = 0.0) -> "Fault":
        """The answer comes `seconds` late; the work is done at once, or `commit_after` seconds later."""
        work = _work(done=True, commit_after=_seconds(commit_after, "commit_after"))
        return cls(name=f"{_seconds(seconds, 'late'):g} s late", work=work, delay=seconds, commit_after=commit_after)

    @classmethod
    def lag_behind(cls, seconds: float) -> "Fault":
        """A list does not show yet what was made in the last `seconds`; other requests are answered as ever."""
        return cls(name=f"{_seconds(seconds, 'lag_behind'):g} s behind", work=Work.DONE, lag=seconds)

    @classmethod
    def stale_token(cls, *, status: int = 401) -> "Fault":
        """The token is refused as stale, good as it may be; one old client met this with 403."""
        _check_status(status, "a stale token", 400)
        response = application_error(status, "stale_token", "The access token has expired.")
        return cls(name="stale token", response=response)


_METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
_KINDS: Final = (
    "refuse",
    "error",
    "unreachable",
    "lose",
    "cut",
    "hang_up",
    "garble",
    "late",
    "lag_behind",
    "stale_token",
)


@attrs.frozen
class Planted:
    """A fault, and the requests it is meant for.

    Attributes:
        fault: what goes wrong.
        on: the method it strikes, None for every method.
        times: how many requests it strikes, None for all that come.
        skip: how many of them it lets pass first.
    """

    fault: Fault
    on: str | None = None
    times: int | None = 1
    skip: int = 0

    def __attrs_post_init__(self) -> None:
        numbers = (self.skip, 1 if self.times is None else self.times)
        if not all(isinstance(n, int) for n in numbers) or numbers[0] < 0 or numbers[1] < 1:
            raise ConfigurationError("times is a number from 1, or None for ever, and skip a number from 0")
        if not (self.on is None or (isinstance(self.on, str) and self.on.upper() in _METHODS)):
            raise ConfigurationError(f"on is one of {', '.join(_METHODS)}, or None for all")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Planted":
        """Return what a mapping such as `{"kind": "lose", "on": "POST", "times": 2, "commit_after": 1}` describes.

        Raises:
            ConfigurationError: there is no such kind, or it takes no such argument.
        """
        aim = {name: data[name] for name in ("on", "times", "skip") if name in data}
        details = {name: value for name, value in data.items() if name != "kind" and name not in aim}
        if data.get("kind") not in _KINDS:
            raise ConfigurationError(f"no fault can be made of {dict(data)!r}: its kind is one of {', '.join(_KINDS)}")
        try:
            return cls(getattr(Fault, data["kind"])(**details), **aim)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"no fault can be made of {dict(data)!r}: {error}") from error

    def strikes(self, request: Request) -> bool:
        """Say whether `request` is one that it is meant for."""
        return self.on is None or self.on.upper() == request.method


def _check_status(status: object, what: str, least: int) -> None:
    if not isinstance(status, int) or not least <= status <= 599:  # noqa: PLR2004
        raise ConfigurationError(f"{what} has a status from {least} to 599")


def _seconds(value: object, what: str) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= _LONGEST:
        raise ConfigurationError(f"{what} takes a number of seconds")
    return value


def _work(*, done: bool, commit_after: float = 0.0) -> Work:
    if not done:
        return Work.UNDONE
    return Work.LATE if commit_after > 0 else Work.DONE


def _failure(status: int) -> Response:
    """Return a 5xx answer: of the application for a 500, of the gateway for the others."""
    if status == 500:  # noqa: PLR2004
        return application_error(status, "server_error", "Something went wrong.")
    codes = {502: "ERR_502_BAD_GATEWAY", 503: "ERR_503_SERVICE_UNAVAILABLE", 504: "ERR_504_GATEWAY_TIMEOUT"}
    return gateway_refusal(codes.get(status, f"ERR_{status}_FAILURE"), status=status)


def application_error(status: int, code: str, message: str) -> Response:
    """Return an error answer as the application behind the gateway makes them."""
    body = json.dumps({"Message": message, "ErrorCode": code})
    return Response(status, {"Content-Type": "application/json"}, body.encode())
