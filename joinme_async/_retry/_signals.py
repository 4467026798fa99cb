"""What the service says between the lines: `Retry-After`, error codes, words. Pure, and no answer can make it raise."""

import re
from datetime import datetime
from functools import cached_property
from typing import Final

import attrs

from joinme_async._errors import UnexpectedResponseError, excerpt
from joinme_async._http import Response
from joinme_async._times import HTTP_DATE, parse_http_date, parse_reset_date, sent_at

_LONGEST: Final = 1e9  # seconds; some thirty years, so that no date made of it overflows
_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?", re.ASCII)

UNSAID_WAIT: Final = 1.0
"""Seconds to wait after a refusal for too many calls that did not say how long."""
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_FIRST_SERVER_ERROR: Final = 500

_SPELLINGS: Final = ("X-Plan-", "X-Packagekey-", "X-Accesstoken-")
_COUNT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)

# The gateway's codes, and the words of the <h1> in its HTML, such as <h1>Developer Over Qps</h1>.
_CODE: Final = re.compile(r"\bERR_[0-9]{3}_[A-Z]+(?:_[A-Z]+)*", re.IGNORECASE | re.ASCII)
_HEADING: Final = re.compile(
    r"<h1>\s*(?:403\s+)?((?:Developer|Service)\s+(?:Over\s+(?:Qps|Rate)|Inactive)|Not\s+Authorized)\s*</h1>",
    re.IGNORECASE | re.ASCII,
)
_JSON_BEGINS: Final = frozenset({b"{", b"[", b'"'})
_SCANNED: Final = 16 * 1024  # bytes of a gateway's page that are searched


@attrs.frozen
class Headroom:
    """What the gateway allows, and how much of it is used; None for what an answer did not say.

    Attributes:
        qps_allotted: calls allowed in a second.
        qps_current: calls counted in this one.
        quota_allotted: calls allowed in the quota's period, mostly a day.
        quota_current: calls counted in it.
        quota_reset: seconds from the answer until the quota begins anew.
    """

    qps_allotted: int | None = None
    qps_current: int | None = None
    quota_allotted: int | None = None
    quota_current: int | None = None
    quota_reset: float | None = None


@attrs.frozen
class Signals:
    """What one answer said about going on.

    Attributes:
        status: of the answer.
        code: the gateway's `ERR_…` code in capitals, else the application's `ErrorCode` as it stands.
        message: what it said in words, masked and cut to a line.
        retry_after: seconds from the answer on, None where none were asked for.
        headroom: what the gateway allows, None where the answer did not say.
    """

    status: int
    code: str | None = None
    message: str = ""
    retry_after: float | None = None
    headroom: Headroom | None = None

    @cached_property
    def over_rate(self) -> bool:
        """The gateway refused before any work: the quota of the day is used up."""
        return self.status in {_FORBIDDEN, _TOO_MANY} and self._over("_OVER_RATE")

    @cached_property
    def over_qps(self) -> bool:
        """The gateway refused before any work: too many calls just now."""
        if self.status == _TOO_MANY:
            return not self.over_rate
        return self.status == _FORBIDDEN and self._over("_OVER_QPS")

    @cached_property
    def taken(self) -> bool:
        """The gateway let the call through, and the service answered it."""
        return self.status < _FORBIDDEN or not (self.status >= _FIRST_SERVER_ERROR or self.over_qps or self.over_rate)

    @cached_property
    def bad_token(self) -> bool:
        """The application refused the access token; one old client met this with 403 instead of 401."""
        return self.code is not None and self.code.lower() in {"stale_token", "invalid_token"}

    @cached_property
    def hold(self) -> float | None:
        """For how many seconds from the answer on nobody should call; None where it asked for no pause.

        A refusal for speed that did not say, or that said "at once", is taken for a second; a used-up quota opens when
        the headroom says so, and no sooner than in a second.
        A 503 holds everybody only where it has a `Retry-After` (RFC 9110, section 10.2.3).
        """
        if self.status < _FORBIDDEN:
            return None
        if self.over_qps:
            return self.retry_after or UNSAID_WAIT
        if self.over_rate:
            reset = self.headroom.quota_reset if self.headroom else None
            wait = reset if self.retry_after is None else self.retry_after
            return None if wait is None else max(wait, UNSAID_WAIT)
        return self.retry_after if self.status == _UNAVAILABLE else None

    def _over(self, what: str) -> bool:
        return self.code is not None and self.code.startswith("ERR_403_") and self.code.endswith(what)


_QUIET: Final = {status: Signals(status) for status in range(200, 300)}


def quiet_signals(response: Response) -> Signals | None:
    """Return what a good answer said that has no word on headroom, as most; None for one that has to be read."""
    return None if _tells_headroom(response) else _QUIET[response.status]


def read_signals(response: Response, wall: datetime) -> Signals:
    """Return what an answer said; `wall` is the time here, for an answer without a `Date`.

    A good answer can carry a stray `Retry-After`, and its body is a meeting: of it only the headroom is read.
    """
    headroom = read_headroom(response, wall)
    if response.is_success:
        return _QUIET[response.status] if headroom is None else Signals(response.status, headroom=headroom)
    application, words = _application(response)
    detail = excerpt(response.headers.get("X-Error-Detail-Header", ""))
    return Signals(
        status=response.status,
        code=_gateway_code(response) or application,
        message=words or detail or excerpt(response.content),
        retry_after=read_retry_after(response, wall),
        headroom=headroom,
    )


def read_headroom(response: Response, wall: datetime) -> Headroom | None:
    """Return what the gateway's headers allow, None where there are none that can be read.

    They come in three spellings, which may speak of different limits at once: the tightest counts.
    """
    if not _tells_headroom(response):
        return None
    said = [_headroom(response, spelling, wall) for spelling in _SPELLINGS]
    by_speed = [one for one in said if one.qps_allotted]
    by_quota = [one for one in said if one.quota_allotted]
    if not by_speed and not by_quota:
        return None
    speed = min(by_speed, key=lambda one: one.qps_allotted or 0, default=Headroom())
    quota = min(by_quota, key=lambda one: (one.quota_allotted or 0) - (one.quota_current or 0), default=Headroom())
    return Headroom(speed.qps_allotted, speed.qps_current, quota.quota_allotted, quota.quota_current, quota.quota_reset)


def _tells_headroom(response: Response) -> bool:
    for name, _ in response.headers.pairs():  # noqa: SIM110  every answer comes by here, and `any` takes twice as long
        if name[:1] in "Xx" and name[-9:].lower() == "-allotted":
            return True
    return False


def _headroom(response: Response, spelling: str, wall: datetime) -> Headroom:
    def count(name: str) -> int | None:
        return _count(response.headers.get(f"{spelling}{name}", ""))

    opens = response.headers.get(f"{spelling}Quota-Reset", "").strip(" \t")
    moment = parse_reset_date(opens) or parse_http_date(opens, wall)
    return Headroom(
        count("Qps-Allotted"),
        count("Qps-Current"),
        count("Quota-Allotted"),
        count("Quota-Current"),
        None if moment is None else _seconds_until(moment, response, wall),
    )


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text.strip(" \t")) else None


def _application(response: Response) -> tuple[str | None, str]:
    """Read `{"Message": "...", "ErrorCode": "..."}`; what is not of that form says nothing."""
    try:
        body = response.json()
    except UnexpectedResponseError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    code, words = (excerpt(said) if isinstance(said := body.get(key), str) else "" for key in ("ErrorCode", "Message"))
    return code or None, words


def _gateway_code(response: Response) -> str | None:
    """Return the gateway's code: its header first; in a page only a literal code or the gateway's own heading."""
    header = _CODE.search(response.headers.get("X-Mashery-Error-Code", ""))
    if header:
        return header[0].upper()
    if response.content.lstrip()[:1] in _JSON_BEGINS:
        return None  # the application's words, which may quote anybody's
    page = response.content[:_SCANNED].decode("utf-8", "replace")
    literal = _CODE.search(page)
    if literal:
        return literal[0].upper()
    heading = _HEADING.search(page)
    return f"ERR_403_{'_'.join(heading[1].upper().split())}" if heading else None


def read_retry_after(response: Response, wall: datetime) -> float | None:
    """Return the seconds that `Retry-After` asks for: the largest of several values, None where there is no valid one.

    RFC 9110, section 10.2.3: a number of seconds or an HTTP date. A date is measured against the answer's own `Date`,
    so that a clock that is wrong here does no harm.
    """
    asked = [wait for value in response.headers.get_all("Retry-After") for wait in _waits(value, response, wall)]
    return max(asked, default=None)


def _waits(value: str, response: Response, wall: datetime) -> list[float]:
    dates = [parse_http_date(found, wall) for found in HTTP_DATE.findall(value)]
    numbers = [part.strip(" \t") for part in HTTP_DATE.sub("", value).split(",")]
    return [
        *(_seconds_until(date, response, wall) for date in dates if date is not None),
        *(min(float(number), _LONGEST) for number in numbers if _SECONDS.fullmatch(number)),
    ]


def _seconds_until(moment: datetime, response: Response, wall: datetime) -> float:
    sent = sent_at(response, wall) or wall
    return min(max((moment - sent).total_seconds(), 0.0), _LONGEST)
