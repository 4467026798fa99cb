"""What the service says between the lines: `Retry-After`, error codes, words. Pure, and no answer can make it raise."""

import re
from datetime import UTC, datetime
from typing import Final

import attrs

from joinme_async._errors import UnexpectedResponseError, excerpt
from joinme_async._http import Response

_LONGEST: Final = 1e9  # seconds; some thirty years, so that no date made of it overflows
_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?", re.ASCII)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 9110, section 5.6.7: IMF-fixdate, the RFC 850 form with two digits of a year, and asctime. The name of the day is
# redundant and not compared.
_HTTP_DATES: Final = (
    re.compile(r"[A-Za-z]{3}, (?P<d>\d\d) (?P<b>[A-Za-z]{3}) (?P<y>\d{4}) (?P<t>\d\d:\d\d:\d\d) GMT", re.ASCII),
    re.compile(r"[A-Za-z]{6,9}, (?P<d>\d\d)-(?P<b>[A-Za-z]{3})-(?P<y>\d\d) (?P<t>\d\d:\d\d:\d\d) GMT", re.ASCII),
    re.compile(r"[A-Za-z]{3} (?P<b>[A-Za-z]{3}) (?P<d>[ \d]\d) (?P<t>\d\d:\d\d:\d\d) (?P<y>\d{4})", re.ASCII),
)
_DATE_IN_LIST: Final = re.compile("|".join(re.sub(r"\?P<\w>", "?:", form.pattern) for form in _HTTP_DATES), re.ASCII)

# The gateway's codes, and the words of the <h1> in its HTML, such as <h1>Developer Over Qps</h1>.
_CODE: Final = re.compile(r"\bERR_[0-9]{3}_[A-Z]+(?:_[A-Z]+)*", re.IGNORECASE | re.ASCII)
_HEADING: Final = re.compile(
    r"<h1>\s*(?:403\s+)?((?:Developer|Service)\s+(?:Over\s+(?:Qps|Rate)|Inactive)|Not\s+Authorized)\s*</h1>",
    re.IGNORECASE | re.ASCII,
)
_JSON_BEGINS: Final = frozenset({b"{", b"[", b'"'})
_SCANNED: Final = 16 * 1024  # bytes of a gateway's page that are searched


@attrs.frozen
class Signals:
    """What one answer said besides its status.

    Attributes:
        code: the gateway's `ERR_…` code in capitals, else the application's `ErrorCode` as it stands.
        message: what it said in words, masked and cut to a line.
        retry_after: seconds from the answer on, None where none were asked for.
    """

    code: str | None = None
    message: str = ""
    retry_after: float | None = None

    @property
    def over_qps(self) -> bool:
        """The gateway refused: too many calls this second."""
        return self.code is not None and self.code.startswith("ERR_403_") and self.code.endswith("_OVER_QPS")

    @property
    def over_rate(self) -> bool:
        """The gateway refused: the quota of the day is used up."""
        return self.code is not None and self.code.startswith("ERR_403_") and self.code.endswith("_OVER_RATE")

    @property
    def bad_token(self) -> bool:
        """The application refused the access token; one old client met this with 403 instead of 401."""
        return self.code is not None and self.code.lower() in {"stale_token", "invalid_token"}


def read_signals(response: Response, wall: datetime) -> Signals:
    """Return what an error answer said; `wall` is the time here, for an answer without a `Date`."""
    application, words = _application(response)
    detail = excerpt(response.headers.get("X-Error-Detail-Header", ""))
    return Signals(
        code=_gateway_code(response) or application,
        message=words or detail or excerpt(response.content),
        retry_after=read_retry_after(response, wall),
    )


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
    dates = [_http_date(found, wall) for found in _DATE_IN_LIST.findall(value)]
    numbers = [part.strip(" \t") for part in _DATE_IN_LIST.sub("", value).split(",")]
    sent = _http_date(response.headers.get("Date", "").strip(" \t"), wall) or wall
    return [
        *(min(max((date - sent).total_seconds(), 0.0), _LONGEST) for date in dates if date is not None),
        *(min(float(number), _LONGEST) for number in numbers if _SECONDS.fullmatch(number)),
    ]


def _http_date(text: str, wall: datetime) -> datetime | None:
    for form in _HTTP_DATES:
        match = form.fullmatch(text)
        if match:
            break
    else:
        return None
    year = int(match["y"])
    if len(match["y"]) == 2:  # noqa: PLR2004
        # RFC 9110: a year that seems more than 50 years ahead is one of the century before.
        year += wall.year // 100 * 100
        year -= 100 if year > wall.year + 50 else 0
    try:
        month = _MONTHS.index(match["b"].lower()) + 1
        hour, minute, second = (int(part) for part in match["t"].split(":"))
        # A leap second is the last second that datetime knows.
        return datetime(year, month, int(match["d"]), hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
