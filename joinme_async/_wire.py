"""The service's calls as plain values: `Call` -> `Request`, `Response` -> result or error. Nothing here does I/O."""

import enum
import ipaddress
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import attrs

from joinme_async._errors import ConfigurationError, InvalidMeetingError
from joinme_async._http import Headers, Request, Response, Secret
from joinme_async._json import dumps
from joinme_async._models import Changes, Meeting, NewMeeting, is_sendable
from joinme_async._times import format_instant, sent_at

T = TypeVar("T")

DEFAULT_BASE_URL: Final = "https://api.join.me/v1"
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~"
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9/]*", re.ASCII)  # which quoting would leave as it is
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_MAX_PORT: Final = 65535
# Stricter than RFC 3986: what two URL parsers could read in two ways (a backslash, a user part) is no base URL here.
_BASE_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[a-z0-9._~!$&'()*+,;=:@%/-]*)?",
    re.IGNORECASE | re.ASCII,
)


class Effect(enum.Enum):
    """What carrying out a call twice would do."""

    READ = "read"
    """Nothing."""
    REPEAT = "repeat"
    """The same as once."""
    CREATE = "create"
    """A second meeting, and a second round of invitations."""


# RFC 9110, sections 9.2.1 and 9.2.2; whatever is not listed there may create something.
_EFFECTS: Final[Mapping[str, Effect]] = {
    "GET": Effect.READ,
    "HEAD": Effect.READ,
    "OPTIONS": Effect.READ,
    "PUT": Effect.REPEAT,
    "DELETE": Effect.REPEAT,
    "PATCH": Effect.REPEAT,  # the service's PATCH sets fields to values; twice is the same as once
}


_NO_QUERY: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.define  # and not frozen: one is made for each call, and no user gets hold of it
class Call(Generic[T]):
    """One call of the service, before it is decided when and how often to send it.

    Attributes:
        method: the HTTP method.
        path: below the base URL, not yet quoted.
        read: makes the result out of a 2xx answer; raises UnexpectedResponseError where it cannot.
        effect: what a repetition would do.
        query: query parameters, not yet quoted.
        content: the body as JSON, None for no body at all.
        meeting: the meeting that the call schedules, for the error that has to tell of it.
    """

    method: str
    path: str
    read: Callable[[Response], T]
    effect: Effect
    query: Mapping[str, str] = attrs.field(default=_NO_QUERY, repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)
    meeting: NewMeeting | None = None


def build_request(call: Call[Any], base_url: str, headers: Headers, timeout: float | None) -> Request:
    """Return the request of `call`: `headers`, and a body only where the call has one."""
    query = f"?{urlencode(call.query, quote_via=quote)}" if call.query else ""
    path = call.path if _PLAIN_PATH.fullmatch(call.path) else quote(call.path, safe=_PATH_SAFE)
    return Request(call.method, f"{base_url}{path}{query}", headers, call.content, timeout)


def fixed_headers(user_agent: str) -> Headers:
    """Return the headers that every request of a client has."""
    return Headers((("Accept", "application/json"), ("Content-Type", "application/json"), ("User-Agent", user_agent)))


def signed_headers(headers: Headers, token: Secret[str]) -> Headers:
    """Return `headers` and the token.

    The service's FAQ asks for Content-Type and Authorization on every call, GET and DELETE included.
    """
    return Headers((*headers.pairs(), ("Authorization", f"Bearer {token.reveal()}")))


class _Readers(NamedTuple):
    """What makes meetings out of answers."""

    one: Callable[[Response], Meeting]
    many: Callable[[Response], list[Meeting]]


# The conversion brings cattrs along; a program that only imports the package does not pay for it.
@cache
def _readers() -> _Readers:
    from joinme_async._conversion import read_meeting, read_meetings  # noqa: PLC0415

    return _Readers(read_meeting, read_meetings)


def list_call(until: datetime | None) -> Call[list[Meeting]]:
    """GET /meetings: the upcoming meetings, up to `until` where it is given."""
    query = _NO_QUERY if until is None else {"endDate": format_instant(until)}
    return Call("GET", "/meetings", _readers().many, Effect.READ, query=query)


@attrs.frozen
class Listing:
    """The upcoming meetings, and the moment for which that is so, by the clock of the service."""

    meetings: list[Meeting]
    at: datetime


def listing_call(until: datetime | None, wall: Callable[[], datetime]) -> Call[Listing]:
    """GET /meetings with the answer's own `Date`; `wall` tells the time here, for an answer without one."""

    def read(response: Response) -> Listing:
        return Listing(plain.read(response), sent_at(response, wall()) or wall())

    plain = list_call(until)
    return Call(plain.method, plain.path, read, plain.effect, query=plain.query)


def get_call(meeting_id: int) -> Call[Meeting]:
    """GET /meetings/{meetingId}."""
    return Call("GET", f"/meetings/{meeting_id}", _readers().one, Effect.READ)


def schedule_call(new: NewMeeting) -> Call[Meeting]:
    """POST /meetings."""
    from joinme_async._conversion import write_meeting  # noqa: PLC0415

    return Call(
        "POST", "/meetings", _readers().one, Effect.CREATE, content=encode(Secret(write_meeting(new))), meeting=new
    )


def update_call(meeting_id: int, changes: Changes) -> Call[Meeting]:
    """PATCH /meetings/{meetingId} with exactly the fields that `changes` sets."""
    from joinme_async._conversion import write_changes  # noqa: PLC0415

    content = encode(Secret(write_changes(changes)))
    return Call("PATCH", f"/meetings/{meeting_id}", _readers().one, Effect.REPEAT, content=content)


def delete_call(meeting_id: int) -> Call[None]:
    """DELETE /meetings/{meetingId}; the body of its answer is not read."""
    return Call("DELETE", f"/meetings/{meeting_id}", lambda _: None, Effect.REPEAT)


def raw_call(method: str, path: str, query: Secret[Mapping[str, str] | None], body: Secret[Any]) -> Call[Response]:
    """Return a call of any path of the service; its result is the answer itself, and None is no body.

    Raises:
        InvalidMeetingError: the method or path is none, or the body cannot be written as JSON.
    """
    method = method.upper()
    if not _METHOD.fullmatch(method):
        raise InvalidMeetingError("the method is an HTTP method, such as GET", field="method")
    segments = path.split("/")
    if not path.startswith("/") or not {".", ".."}.isdisjoint(segments) or "?" in path or "#" in path:
        raise InvalidMeetingError(
            "the path begins with /, is taken below the base URL and holds no '.' or '..' segment; "
            "what follows a ? goes into query=",
            field="path",
        )
    if not all(map(is_sendable, (path, *map(str, chain(*(query.reveal() or {}).items()))))):
        raise InvalidMeetingError("the path or query holds half a character (a lone surrogate)", field="path")
    content = None if body.reveal() is None else encode(body)
    return Call(
        method, path, lambda response: response, _EFFECTS.get(method, Effect.CREATE), query.reveal() or {}, content
    )


def encode(body: Secret[Any]) -> bytes:
    """Return `body` as JSON.

    Raises:
        InvalidMeetingError: it has no form in JSON.
    """
    try:
        return dumps(body.reveal())
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    raise InvalidMeetingError(f"the body cannot be written as JSON: {problem}", field="json")


def checked_base_url(text: str) -> str:
    """Return `text` without a slash at its end, or raise where it is no URL that a token may be sent to.

    Raises:
        ConfigurationError: it is no URL, or http to a host that is not this machine.
    """
    match = _BASE_URL.fullmatch(text) if isinstance(text, str) else None
    if not match or int(match["port"] or 0) > _MAX_PORT or not _is_host(match["host"]):
        raise ConfigurationError(
            "the base URL must look like https://api.join.me/v1: a scheme, a host in ASCII, an optional port and path, "
            "and no user, query or fragment"
        )
    if match["scheme"].lower() != "https" and not _is_loopback(match["host"]):
        raise ConfigurationError(
            f"the access token would travel in the clear to {match['host']}: use https (http is for this machine only)"
        )
    return text.rstrip("/")


def _is_host(host: str) -> bool:
    """Say whether `host` is an IP address or a name that can be looked up."""
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host.strip("[]")))
    last = host.rpartition(".")[2]
    with suppress(UnicodeError):
        # The codec knows the bounds of labels, and punycode that is none.
        return not host.startswith("[") and not last.isdigit() and bool(host.encode("idna").decode("idna"))
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
