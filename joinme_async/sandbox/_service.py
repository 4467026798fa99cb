"""The service as one pure state machine: requests and the time go in, answers come out.

Every rule is of the service's page ("Manage scheduled meetings") unless a comment says otherwise; where the page leaves
a choice, this takes the harsher one for a client, and where a request strays from the page it is refused.
"""

import heapq
import json
import re
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from math import ceil
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._http import Request, Response
from joinme_async.sandbox._faults import Delivery, Fault, Planted, Work, application_error, gateway_refusal

_LONGEST: Final = timedelta(days=14)
_SECOND: Final = timedelta(seconds=1)
_PATH: Final = re.compile(r"/v1/meetings(?:/(?P<id>[^/]*))?")
_ID: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_ADDRESS: Final = re.compile(r"[^@\s,;]+@[^@\s,;]+")
_REQUIRED: Final = frozenset({"meetingName", "meetingStart", "meetingEnd"})
_PROPERTIES: Final = _REQUIRED | {"startWithPersonalUrl", "participants"}
_EXAMPLE_BODY: Final = b"{}"  # what the page's cURL lines send with GET and DELETE


@attrs.frozen
class StoredMeeting:
    """A meeting as the sandbox has it."""

    id: int
    name: str
    start: datetime
    end: datetime
    start_with_personal_url: bool = False
    participants: tuple[str, ...] = attrs.field(default=(), repr=lambda participants: f"<{len(participants)}>")
    conference_id: str = ""


@attrs.frozen
class Entry:
    """One request, as the sandbox saw it, and what it did.

    Attributes:
        number: 1 for the first request.
        at: when it came (aware, UTC).
        method: such as `POST`.
        path: without the query.
        query: the query parameters.
        body: the JSON that was sent, None where there was none.
        status: of the answer, 0 where there was none to send.
        did: `created`, `changed`, `deleted`, or empty where nothing was changed.
        meeting_id: of the meeting that was created, changed, deleted or read.
        committed: when the change takes effect, None where there is none.
        fault: the name of the planted fault that struck, None where none did.
    """

    number: int
    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: Any = attrs.field(repr=False)
    status: int
    did: str = ""
    meeting_id: int | None = None
    committed: datetime | None = None
    fault: str | None = None


@attrs.frozen
class Answer:
    """What is to be done about a request: wait, then deliver a response in one way or another."""

    response: Response
    delivery: Delivery = Delivery.WHOLE
    delay: float = 0.0


@attrs.frozen
class _Change:
    """A change of the stored meetings: what it makes of the one that is there when it takes effect, None for none."""

    did: str
    meeting_id: int
    apply: Callable[[StoredMeeting | None], StoredMeeting | None]


@attrs.frozen
class _Outcome:
    """What the application makes of a request."""

    response: Response
    change: _Change | None = None
    meeting_id: int | None = None


class _RefusedError(Exception):
    """The application refuses a request."""

    def __init__(self, message: str, status: int = 400, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.response = application_error(status, code, message)


class Service:
    """The state: meetings, tokens, planted faults, limits, and the ledger of all that came in.

    Args:
        tokens: the access tokens it takes.
        per_second: calls allowed in any second, None for any number.
        per_day: calls allowed in a day of UTC, None for any number.
        first_id: the id of the first meeting.
    """

    def __init__(
        self, tokens: Iterable[str], *, per_second: int | None = None, per_day: int | None = None, first_id: int = 10001
    ) -> None:
        if (per_second is not None and per_second < 1) or (per_day is not None and per_day < 0):
            raise ConfigurationError("a limit is a number of calls: per_second from 1, per_day from 0")
        self.tokens = set(tokens)
        self.stale: set[str] = set()
        self.planted: dict[int, Planted] = {}  # by a number of their own, in the order of planting
        self.ledger: list[Entry] = []
        self.changes = 0  # of the stored meetings, so far
        self._meetings: dict[int, StoredMeeting] = {}
        self._by_start: list[tuple[datetime, int, StoredMeeting]] = []
        self._per_second = per_second
        self._per_day = per_day
        self._recent: deque[datetime] = deque(maxlen=per_second)
        self._day = (datetime.min.date(), 0)
        self._ids = count(first_id)
        self._numbers = count(1)
        self._due: list[tuple[datetime, int, _Change]] = []

    def meetings(self, now: datetime) -> tuple[StoredMeeting, ...]:
        """Return the meetings there are at `now`, upcoming or not, by start."""
        self._settle(now)
        return tuple(meeting for *_, meeting in self._by_start[:])

    def next_meetings(self, now: datetime, most: int) -> tuple[tuple[StoredMeeting, ...], int]:
        """Return at most so many of the meetings at `now`, and the number of all; it takes no longer with more of them.

        They are the next by start, and where fewer are to come, the latest of those that have begun as well.
        """
        self._settle(now)
        begin = max(0, min(bisect_left(self._by_start, (now,)), len(self._by_start) - most))
        return tuple(meeting for *_, meeting in self._by_start[begin : begin + most]), len(self._by_start)

    def plant(self, planted: Iterable[Planted]) -> None:
        """Let each of `planted` strike from now on, each under a number that no other ever has."""
        self.planted.update((next(self._numbers), one) for one in planted)

    def receive(self, request: Request, now: datetime) -> Answer:
        """Take in a request that comes at `now` (aware) and return what is to be done about it."""
        self._settle(now)
        fault = self._strike(request)
        if fault is not None and fault.work is Work.UNDONE:
            outcome = _Outcome(fault.response or Response(503))
        else:
            outcome = self._outcome(request, now, fault.lag if fault is not None else 0.0)
        change = outcome.change
        committed = None
        if change is not None:
            committed = now + timedelta(seconds=fault.commit_after if fault is not None else 0)
            heapq.heappush(self._due, (committed, len(self.ledger), change))
            self._settle(now)
        answer = _answer(outcome.response, fault, now)
        self.ledger.append(
            Entry(
                number=len(self.ledger) + 1,
                at=now,
                method=request.method,
                path=urlsplit(request.url).path,
                query=dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True)),
                body=_readable(request.content),
                status=answer.response.status if answer.delivery in {Delivery.WHOLE, Delivery.HUNG_UP} else 0,
                did=change.did if change else "",
                meeting_id=change.meeting_id if change else outcome.meeting_id,
                committed=committed,
                fault=fault.name if fault else None,
            )
        )
        return answer

    def _settle(self, now: datetime) -> None:
        """Carry out the changes that are due."""
        while self._due and self._due[0][0] <= now:
            change = heapq.heappop(self._due)[2]
            self._replace(change.meeting_id, change.apply(self._meetings.get(change.meeting_id)))

    def _replace(self, meeting_id: int, meeting: StoredMeeting | None) -> None:
        """Keep `meeting` in place of the one that has the id, if one has; None keeps nothing."""
        self.changes += 1
        before = self._meetings.pop(meeting_id, None)
        if before is not None:
            del self._by_start[bisect_left(self._by_start, (before.start, meeting_id))]
        if meeting is not None:
            self._meetings[meeting_id] = meeting
            insort(self._by_start, (meeting.start, meeting_id, meeting))

    def _strike(self, request: Request) -> Fault | None:
        """Return the first planted fault that is meant for `request`, and count it."""
        for number, planted in tuple(self.planted.items()):
            if not planted.strikes(request):
                continue
            if planted.skip > 0:
                self.planted[number] = attrs.evolve(planted, skip=planted.skip - 1)
                continue
            if planted.times == 1:
                self.planted.pop(number, None)
            elif planted.times is not None:
                self.planted[number] = attrs.evolve(planted, times=planted.times - 1)
            return planted.fault
        return None

    def _outcome(self, request: Request, now: datetime, lag: float) -> _Outcome:
        refusal = self._over_limit(now)
        if refusal is not None:
            return _Outcome(refusal)
        try:
            self._check_headers(request)
            return self._route(request, now, lag)
        except _RefusedError as error:
            return _Outcome(error.response)

    def _over_limit(self, now: datetime) -> Response | None:
        """Count a call that comes at `now`, or return the gateway's refusal; a refused call does not count."""
        day, calls = self._day if self._day[0] == now.date() else (now.date(), 0)
        if self._per_day is not None and calls >= self._per_day:
            midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
            return gateway_refusal("ERR_403_DEVELOPER_OVER_RATE", ceil((midnight - now).total_seconds()))
        if self._per_second is not None:
            full = len(self._recent) == self._per_second
            if full and now - self._recent[0] < _SECOND:
                return gateway_refusal("ERR_403_DEVELOPER_OVER_QPS", 1)
            self._recent.append(now)
        self._day = day, calls + 1
        return None

    def _check_headers(self, request: Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens | self.stale:
            raise _RefusedError("The access token is missing or invalid.", 401, "invalid_token")
        if token in self.stale:
            raise _RefusedError("The access token has expired.", 401, "stale_token")
        # The FAQ asks for it "on every call", GET and DELETE included.
        if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise _RefusedError("Content-Type must be application/json.")
        if request.method in {"GET", "DELETE"} and (request.content or b"") not in {b"", _EXAMPLE_BODY}:
            raise _RefusedError(f"A {request.method} has no body.")

    def _route(self, request: Request, now: datetime, lag: float) -> _Outcome:
        url = urlsplit(request.url)
        match = _PATH.fullmatch(url.path)
        if match is None:
            raise _RefusedError("There is nothing here.", 404, "not_found")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if match["id"] is None:
            if request.method == "GET":
                return self._list(query, now, lag)
            if request.method == "POST":
                return self._create(request, query)
            raise _RefusedError("Meetings are listed and scheduled here.", 405)
        return self._one(request, match["id"], query)

    def _list(self, query: dict[str, str], now: datetime, lag: float) -> _Outcome:
        if query.keys() - {"endDate"}:
            raise _RefusedError("The only parameter is endDate.")
        until = _time(query["endDate"], "endDate") if "endDate" in query else None
        upcoming = [m for m in self.meetings(now) if m.start >= now and (until is None or m.start <= until)]
        if lag:
            since = now - timedelta(seconds=lag)
            made = {e.meeting_id for e in self.ledger if e.did == "created" and e.committed and e.committed > since}
            upcoming = [meeting for meeting in upcoming if meeting.id not in made]
        # The page's example leaves participants and conferenceId out of the list.
        return _Outcome(_json(200, {"meetings": [_document(meeting) for meeting in upcoming]}))

    def _create(self, request: Request, query: dict[str, str]) -> _Outcome:
        sent = _body(request, query)
        missing = sorted(_REQUIRED - sent.keys())
        if missing:
            raise _RefusedError(f"{', '.join(missing)} is required.")
        number = next(self._ids)
        blank = StoredMeeting(number, "", datetime.min, datetime.min, conference_id=f"{100_000_000 + number}")
        meeting = _changed(blank, sent)
        return _Outcome(_json(201, _document(meeting, "participants")), _Change("created", number, lambda _: meeting))

    def _one(self, request: Request, meeting_id: str, query: dict[str, str]) -> _Outcome:
        if not _ID.fullmatch(meeting_id):
            raise _RefusedError("meetingId must be an integer.")
        meeting = self._meetings.get(int(meeting_id))
        if meeting is None:
            raise _RefusedError("There is no such meeting.", 404, "not_found")
        if request.method == "PATCH":
            # "startWithPersonalUrl ... defaults to false", for an update as well.
            sent = {"startWithPersonalUrl": False, **_body(request, query)}
            change = _Change("changed", meeting.id, lambda current: _changed_late(current, sent))
            return _Outcome(_json(201, _document(_changed(meeting, sent), "participants")), change)
        if query:
            raise _RefusedError("There are no parameters here.")
        if request.method == "GET":
            return _Outcome(_json(200, _document(meeting, "participants", "conferenceId")), meeting_id=meeting.id)
        if request.method == "DELETE":
            return _Outcome(Response(204), _Change("deleted", meeting.id, lambda _: None))
        raise _RefusedError("A meeting is read, updated and deleted here.", 405)


def _answer(response: Response, fault: Fault | None, now: datetime) -> Answer:
    if fault is None:
        return Answer(_dated(response, now))
    given = fault.response if fault.response is not None else response
    return Answer(_dated(given, now), fault.delivery, fault.delay)


def _dated(response: Response, now: datetime) -> Response:
    pairs = (*response.headers.pairs(), ("Date", format_datetime(now.astimezone(UTC), usegmt=True)))
    return Response(response.status, pairs, response.content)


def _json(status: int, document: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(document).encode())


def _document(meeting: StoredMeeting, *optional: str) -> dict[str, Any]:
    """Return what the service says of a meeting: what every example has, and those `optional` properties."""
    document = {
        "meetingId": meeting.id,
        "meetingName": meeting.name,
        "meetingStart": meeting.start.replace(tzinfo=None).isoformat() + "Z",
        "meetingEnd": meeting.end.replace(tzinfo=None).isoformat() + "Z",
        "startWithPersonalUrl": meeting.start_with_personal_url,
    }
    more = {"participants": list(meeting.participants), "conferenceId": meeting.conference_id}
    return document | {name: more[name] for name in optional}


def _readable(content: bytes | None) -> Any:  # noqa: ANN401  JSON
    if not content:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace")


def _body(request: Request, query: dict[str, str]) -> dict[str, Any]:
    """Return the properties that were sent, each of the type the page gives it."""
    if query:
        raise _RefusedError("There are no parameters here.")
    body = _readable(request.content)
    if not isinstance(body, dict):
        raise _RefusedError("The body must be a JSON object.")
    for name, value in body.items():
        if name not in _PROPERTIES:
            raise _RefusedError("The body has a property that is not documented.")
        if not _TYPES[name](value):
            raise _RefusedError(f"{name} is not of the documented type.")
    return body


def _is_list_of_addresses(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and _ADDRESS.fullmatch(item) for item in value)


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "meetingName": lambda value: isinstance(value, str) and bool(value.strip()),
    "meetingStart": lambda value: isinstance(value, str),
    "meetingEnd": lambda value: isinstance(value, str),
    "startWithPersonalUrl": lambda value: isinstance(value, bool),
    "participants": _is_list_of_addresses,
}


def _changed(meeting: StoredMeeting, sent: dict[str, Any]) -> StoredMeeting:
    """Return `meeting` with the properties that were sent; the list of participants is replaced as a whole."""
    start = _time(sent["meetingStart"], "meetingStart") if "meetingStart" in sent else meeting.start
    end = _time(sent["meetingEnd"], "meetingEnd") if "meetingEnd" in sent else meeting.end
    # "The start date must precede the end date when updating a meeting, even if either ... is not provided."
    if not start < end:
        raise _RefusedError("The start date must precede the end date.")
    if end - start > _LONGEST:
        raise _RefusedError("The end date must be within 14 days of the start date.")
    return attrs.evolve(
        meeting,
        name=sent.get("meetingName", meeting.name),
        start=start,
        end=end,
        start_with_personal_url=sent.get("startWithPersonalUrl", meeting.start_with_personal_url),
        participants=tuple(sent.get("participants", meeting.participants)),
    )


def _changed_late(meeting: StoredMeeting | None, sent: dict[str, Any]) -> StoredMeeting | None:
    """Return what a change makes of the meeting that is there by then; one that no longer fits changes nothing."""
    try:
        return _changed(meeting, sent) if meeting is not None else None
    except _RefusedError:
        return meeting


def _time(text: str, name: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise _RefusedError(f"{name} must be an ISO 8601 UTC time such as 2015-06-02T09:00:00Z.")
