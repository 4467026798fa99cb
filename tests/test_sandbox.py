"""The sandbox follows the service's page to the letter, and misbehaves exactly as planted."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from joinme_async import ConfigurationError, JoinMe, Request, Response, TransportError, TransportTimeoutError
from joinme_async.sandbox import Entry, Fault, Sandbox
from joinme_async.testing import FakeClock
from joinme_async.transports.httpx import HttpxTransport
from tests.conftest import new_meeting

NOW = datetime(2027, 1, 1, tzinfo=UTC)
GOOD = {"meetingName": "x", "meetingStart": "2027-06-02T09:00:00Z", "meetingEnd": "2027-06-02T10:00:00Z"}
HEADERS = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"}


def call(
    sandbox: Sandbox, line: str, body: Any = None, headers: dict[str, str] = HEADERS, timeout: float | None = None
) -> Response:
    """Send one request in process, on an event loop of its own."""
    method, _, target = line.partition(" ")
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = Request(method, f"https://api.join.me{target}", headers, content, timeout)
    return anyio.run(sandbox.transport().send, request)


def test_an_example_of_each_call() -> None:
    """Statuses and properties are those of the page's examples: 201 for PATCH, nothing for DELETE, participants not listed."""
    sandbox = Sandbox(clock=FakeClock())
    made = call(sandbox, "POST /v1/meetings", GOOD | {"participants": ["a@b.c"]})
    base = GOOD | {"meetingId": 10001, "startWithPersonalUrl": False}
    assert (made.status, made.json()) == (201, base | {"participants": ["a@b.c"]})
    read = call(sandbox, "GET /v1/meetings/10001")
    assert (read.status, read.json()) == (200, made.json() | {"conferenceId": "100010001"})
    listed = call(sandbox, "GET /v1/meetings")
    assert (listed.status, listed.json()) == (200, {"meetings": [base]})
    patched = call(sandbox, "PATCH /v1/meetings/10001", {"meetingName": "y", "participants": []})
    assert (patched.status, patched.json()) == (201, base | {"meetingName": "y", "participants": []})
    gone = call(sandbox, "DELETE /v1/meetings/10001")
    assert (gone.status, gone.content) == (204, b"")
    assert call(sandbox, "GET /v1/meetings/10001").status == 404
    assert made.headers["Date"] == "Fri, 01 Jan 2027 00:00:00 GMT"


@pytest.mark.parametrize(
    ("line", "body", "status"),
    [
        pytest.param("POST /v1/meetings", {k: v for k, v in GOOD.items() if k != name}, 400, id=f"no {name}")
        for name in GOOD
    ]
    + [
        pytest.param("POST /v1/meetings", GOOD | changes, 400, id=name)
        for name, changes in {
            "blank name": {"meetingName": " "},
            "number for a name": {"meetingName": 3},
            "number for a time": {"meetingStart": 3},
            "time without Z": {"meetingStart": "2027-06-02T09:00:00"},
            "time with offset": {"meetingStart": "2027-06-02T09:00:00+00:00"},
            "time with fraction": {"meetingStart": "2027-06-02T09:00:00.0Z"},
            "impossible day": {"meetingStart": "2027-06-32T09:00:00Z"},
            "end at the start": {"meetingEnd": GOOD["meetingStart"]},
            "more than 14 days": {"meetingEnd": "2027-06-16T09:00:01Z"},
            "text for a flag": {"startWithPersonalUrl": "true"},
            "text for a list": {"participants": "a@b.c"},
            "no address": {"participants": ["a"]},
            "null": {"participants": None},
            "unknown property": {"agenda": "x"},
        }.items()
    ]
    + [
        pytest.param("POST /v1/meetings", b"{", 400, id="no JSON"),
        pytest.param("POST /v1/meetings", b"[" * 100_000, 400, id="deep JSON"),
        pytest.param("POST /v1/meetings", [GOOD], 400, id="no object"),
        pytest.param("POST /v1/meetings", None, 400, id="no body"),
        pytest.param("POST /v1/meetings?x=1", GOOD, 400, id="parameter of POST"),
        pytest.param("GET /v1/meetings?until=x", None, 400, id="unknown parameter"),
        pytest.param("GET /v1/meetings?endDate=tomorrow", None, 400, id="endDate that is none"),
        pytest.param("GET /v1/meetings", {"a": 1}, 400, id="body of GET"),
        pytest.param("GET /v1/meetings", {}, 200, id="the page's own -d {}"),
        pytest.param("DELETE /v1/meetings/7", {"a": 1}, 400, id="body of DELETE"),
        pytest.param("GET /v1/meetings/x", None, 400, id="id that is no integer"),
        pytest.param("GET /v1/meetings/0", None, 400, id="id zero"),
        pytest.param("GET /v1/meetings/7", None, 404, id="no such meeting"),
        pytest.param("PUT /v1/meetings", GOOD, 405, id="PUT"),
        pytest.param("GET /v1/meetings/7?x=1", None, 404, id="parameter of a meeting that is not there"),
        pytest.param("GET /v1/users", None, 404, id="elsewhere"),
        pytest.param("GET /meetings", None, 404, id="not below v1"),
    ],
)
def test_requests_that_stray_from_the_page_are_refused(line: str, body: Any, status: int) -> None:
    """What the page does not allow is a 400 in the service's own form, and changes nothing."""
    sandbox = Sandbox(clock=FakeClock())
    answer = call(sandbox, line, body)
    assert answer.status == status
    assert sandbox.meetings == ()
    if status >= 400:
        assert set(answer.json()) == {"Message", "ErrorCode"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "application/json"}, 401, "invalid_token"),
        (HEADERS | {"Authorization": "Bearer other"}, 401, "invalid_token"),
        (HEADERS | {"Authorization": "sandbox-token"}, 401, "invalid_token"),
        (HEADERS | {"Authorization": "Bearer old"}, 401, "stale_token"),
        ({"Authorization": "Bearer sandbox-token"}, 400, "invalid_request"),
        (HEADERS | {"Content-Type": "text/plain"}, 400, "invalid_request"),
        (HEADERS | {"Content-Type": "Application/JSON; charset=utf-8"}, 200, None),
    ],
)
def test_both_headers_are_required_on_every_call(headers: dict[str, str], status: int, code: str | None) -> None:
    """GET needs Content-Type as well, as the FAQ says; tokens are good, stale or unknown."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.expire("old")
    answer = call(sandbox, "GET /v1/meetings", headers=headers)
    assert (answer.status, answer.json().get("ErrorCode")) == (status, code)


def test_a_meeting_is_read_updated_and_deleted_and_nothing_else() -> None:
    """No parameters, no other verbs."""
    sandbox = Sandbox(clock=FakeClock())
    call(sandbox, "POST /v1/meetings", GOOD)
    assert call(sandbox, "GET /v1/meetings/10001?x=1").status == 400
    assert call(sandbox, "PATCH /v1/meetings/10001?x=1", {"meetingName": "y"}).status == 400
    assert call(sandbox, "PUT /v1/meetings/10001", GOOD).status == 405
    assert sandbox.meetings[0].name == "x"


def test_a_stale_token_can_be_accepted_again() -> None:
    """`expire` without an argument is about the sandbox's own token; `accept` takes any."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.expire()
    assert call(sandbox, "GET /v1/meetings").status == 401
    sandbox.accept(sandbox.token)
    assert call(sandbox, "GET /v1/meetings").status == 200


def test_only_upcoming_meetings_are_listed() -> None:
    """By start, up to endDate, and none that has begun; it can still be read."""
    clock = FakeClock(datetime(2027, 6, 2, 8, 59, 59, tzinfo=UTC))
    sandbox = Sandbox(clock=clock)
    for name, day in (("late", 9), ("early", 2)):
        times = {"meetingStart": f"2027-06-0{day}T09:00:00Z", "meetingEnd": f"2027-06-0{day}T10:00:00Z"}
        call(sandbox, "POST /v1/meetings", GOOD | times | {"meetingName": name})

    def listed(query: str = "") -> list[str]:
        return [m["meetingName"] for m in call(sandbox, f"GET /v1/meetings{query}").json()["meetings"]]

    assert listed() == ["early", "late"]
    assert listed("?endDate=2027-06-02T09:00:00Z") == ["early"]
    assert listed("?endDate=2027-06-02T08:59:59Z") == []
    clock.advance(2)
    assert listed() == ["late"]
    assert call(sandbox, "GET /v1/meetings/10002").status == 200
    assert [stored.name for stored in sandbox.meetings] == ["early", "late"]


@pytest.mark.parametrize(
    ("sent", "status", "flag"),
    [
        ({"meetingName": "y"}, 201, False),
        ({"startWithPersonalUrl": True}, 201, True),
        ({}, 201, False),
        ({"meetingStart": "2027-06-02T10:00:00Z"}, 400, True),
        ({"meetingEnd": "2027-06-02T09:00:00Z"}, 400, True),
        ({"meetingEnd": "2027-07-02T09:00:00Z"}, 400, True),
        ({"participants": [3]}, 400, True),
    ],
)
def test_an_update_follows_the_page(sent: dict[str, Any], status: int, flag: bool) -> None:
    """The flag defaults to false, lists are replaced, and times are checked against those that stay."""
    sandbox = Sandbox(clock=FakeClock())
    call(sandbox, "POST /v1/meetings", GOOD | {"startWithPersonalUrl": True, "participants": ["a@b.c"]})
    assert call(sandbox, "PATCH /v1/meetings/10001", sent).status == status
    assert sandbox.meetings[0].start_with_personal_url is flag
    assert sandbox.meetings[0].participants == ("a@b.c",)


def test_calls_per_second_are_counted_in_a_sliding_second() -> None:
    """The third of three allowed passes, the fourth is refused as the gateway does; refused calls do not count."""
    clock = FakeClock()
    sandbox = Sandbox(clock=clock, per_second=3)
    for at, status in (
        (0.0, 200),
        (0.5, 200),
        (0.9, 200),
        (0.95, 403),
        (0.999, 403),
        (1.0, 200),
        (1.4, 403),
        (1.5, 200),
    ):
        clock.advance(at - clock.now())
        answer = call(sandbox, "GET /v1/meetings")
        assert answer.status == status, at
    refused = [entry for entry in sandbox.ledger if entry.status == 403]
    assert len(refused) == 3
    clock.advance(0)
    answer = call(sandbox, "GET /v1/meetings")
    assert answer.headers["x-mashery-error-code"] == "ERR_403_DEVELOPER_OVER_QPS"
    assert (answer.headers["Retry-After"], answer.headers["Server"]) == ("1", "Mashery Proxy")
    assert b"<h1>403 Developer Over Qps</h1>" in answer.content


def test_the_quota_of_a_day_ends_at_midnight_utc() -> None:
    """Refused with the seconds left of the day; the next day begins anew."""
    clock = FakeClock(NOW + timedelta(hours=23))
    sandbox = Sandbox(clock=clock, per_day=2)
    assert [call(sandbox, "GET /v1/meetings").status for _ in range(3)] == [200, 200, 403]
    answer = call(sandbox, "GET /v1/meetings")
    assert (answer.headers["X-Mashery-Error-Code"], answer.headers["Retry-After"]) == (
        "ERR_403_DEVELOPER_OVER_RATE",
        "3600",
    )
    clock.advance(3600)
    assert call(sandbox, "GET /v1/meetings").status == 200


POST = "POST /v1/meetings"


@pytest.mark.parametrize(
    ("fault", "status", "made"),
    [
        (Fault.refuse(), 403, 0),
        (Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after="Wed, 02 Jun 2027 09:00:00 GMT"), 403, 0),
        (Fault.refuse("ERR_403_NEW_CODE", retry_after=None, status=429), 429, 0),
        (Fault.refuse("odd", retry_after=None), 403, 0),
        (Fault.error(500), 500, 0),
        (Fault.error(500, done=True), 500, 1),
        (Fault.error(502, done=True), 502, 1),
        (Fault.error(599), 599, 0),
        (Fault.garble(), 200, 1),
        (Fault.garble(b"<html>"), 200, 1),
        (Fault.stale_token(), 401, 0),
        (Fault.stale_token(status=403), 403, 0),
        (Fault.hang_up(), 201, 1),
        (Fault.late(3), 201, 1),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_faults_that_answer(fault: Fault, status: int, made: int) -> None:
    """Each fault gives its answer, does its share of the work, and strikes once."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.plant(fault)
    answer = call(sandbox, POST, GOOD)
    assert answer.status == status
    assert len(sandbox.meetings) == made
    assert (sandbox.ledger[0].fault, sandbox.ledger[0].did) == (fault.name, "created" if made else "")
    assert call(sandbox, POST, GOOD).status == 201
    assert sandbox.planted == ()


@pytest.mark.parametrize(
    ("fault", "sent", "made"),
    [
        (Fault.unreachable(), False, 0),
        (Fault.lose(), True, 1),
        (Fault.lose(done=False), True, 0),
        (Fault.cut(), True, 1),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_faults_that_do_not_answer(fault: Fault, sent: bool, made: int) -> None:
    """In process, a connection that fails is told as a transport would tell it, and the ledger notes no status."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.plant(fault)
    with pytest.raises(TransportError) as caught:
        call(sandbox, POST, GOOD)
    assert caught.value.request_sent is sent
    assert (sandbox.ledger[0].status, len(sandbox.meetings)) == (0, made)


def test_a_commit_can_come_later_than_the_lost_answer() -> None:
    """The meeting is not there when the answer is lost, and there after a while, whoever looks and however."""
    clock = FakeClock()
    sandbox = Sandbox(clock=clock)
    sandbox.plant(Fault.lose(commit_after=3))
    with pytest.raises(TransportError):
        call(sandbox, POST, GOOD)
    assert sandbox.meetings == ()
    assert sandbox.ledger[0].committed == NOW + timedelta(seconds=3)
    clock.advance(2.9)
    assert call(sandbox, "GET /v1/meetings").json() == {"meetings": []}
    clock.advance(0.1)
    assert len(call(sandbox, "GET /v1/meetings").json()["meetings"]) == 1


def test_late_changes_and_deletions_come_in_their_order() -> None:
    """A deletion and a change that take effect late do so, and a second deletion of the same is harmless."""
    clock = FakeClock()
    sandbox = Sandbox(clock=clock)
    call(sandbox, POST, GOOD)
    sandbox.plant(Fault.lose(commit_after=2), times=2, on="delete")
    for _ in range(2):
        with pytest.raises(TransportError):
            call(sandbox, "DELETE /v1/meetings/10001")
    assert len(sandbox.meetings) == 1
    clock.advance(2)
    assert sandbox.meetings == ()


def test_a_late_answer_is_cut_off_by_who_waits() -> None:
    """The transport keeps the time it was told, in the sandbox's clock; the work was done all the same."""
    clock = FakeClock()
    sandbox = Sandbox(clock=clock)
    sandbox.plant(Fault.late(60))
    with pytest.raises(TransportTimeoutError):
        call(sandbox, POST, GOOD, timeout=5.0)
    assert (clock.now(), len(sandbox.meetings)) == (5.0, 1)


def test_latency_is_added_to_every_answer() -> None:
    """In virtual time it costs nothing."""
    clock = FakeClock()
    call(Sandbox(clock=clock, latency=0.25), "GET /v1/meetings")
    assert clock.now() == 0.25


def test_faults_strike_where_and_as_often_as_planted() -> None:
    """By method, after some that pass, a number of times, for ever; the one planted first goes first."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.plant(Fault.error(503), on="post", skip=1, times=2)
    sandbox.plant(Fault.error(502), times=None, on="POST")

    def post() -> int:
        return call(sandbox, POST, GOOD).status

    assert call(sandbox, "GET /v1/meetings").status == 200
    assert [post() for _ in range(5)] == [502, 503, 503, 502, 502]
    assert repr(sandbox) == "<Sandbox: 0 meetings, 6 requests, 1 faults planted>"
    sandbox.clear_faults()
    assert post() == 201


@pytest.mark.parametrize("aim", [{"times": 0}, {"times": -1}, {"skip": -1}, {"times": "2"}, {"on": 5}, {"on": "POSTT"}])
def test_a_fault_that_cannot_be_aimed_is_refused(aim: dict[str, Any]) -> None:
    """Never, less than never, and words for numbers."""
    with pytest.raises(ConfigurationError):
        Sandbox().plant(Fault.cut(), **aim)
    with pytest.raises(ConfigurationError):
        Sandbox().plant_data([{"kind": "cut", **aim}])


@pytest.mark.parametrize("limit", [{"per_second": 0}, {"per_second": -1}, {"per_day": -1}])
def test_a_limit_that_is_none_is_refused(limit: dict[str, int]) -> None:
    """A service that allows nothing in a second is no service."""
    with pytest.raises(ConfigurationError, match="number of calls"):
        Sandbox(**limit)  # type: ignore[arg-type]


def test_a_late_change_is_made_to_what_is_there_by_then() -> None:
    """A meeting that was deleted meanwhile does not come back, and a change that no longer fits changes nothing."""
    clock = FakeClock()
    sandbox = Sandbox(clock=clock)
    for name in ("deleted", "moved", "left alone"):
        call(sandbox, POST, GOOD | {"meetingName": name})
    sandbox.plant(Fault.late(0.001, commit_after=3), times=3)
    for number in (10001, 10002, 10003):
        call(sandbox, f"PATCH /v1/meetings/{number}", {"meetingEnd": "2027-06-02T09:30:00Z"})
    call(sandbox, "DELETE /v1/meetings/10001")
    call(sandbox, "PATCH /v1/meetings/10002", {"meetingStart": "2027-06-02T09:45:00Z"})
    clock.advance(5)
    assert [(m.name, m.start.minute, m.end.hour, m.end.minute) for m in sandbox.meetings] == [
        ("left alone", 0, 9, 30),
        ("moved", 45, 10, 0),
    ]


async def test_a_call_cancelled_before_its_start_leaves_no_trace(sandbox: Sandbox, joinme: JoinMe) -> None:
    """In process as over a wire: nothing came, nothing was done."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await joinme.meetings.schedule(new_meeting())
    assert (sandbox.ledger, sandbox.meetings) == ((), ())


def test_faults_as_data() -> None:
    """A list of plain mappings, as a JSON file holds them, plants the same faults."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.plant_data([{"kind": "error", "status": 502, "on": "POST", "times": 2}, {"kind": "stale_token", "skip": 1}])
    assert [call(sandbox, POST, GOOD).status for _ in range(4)] == [502, 502, 201, 401]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "explode"},
        {"kind": "error", "status": "503"},
        {"kind": "error", "status": 200},
        {"kind": "late", "seconds": "3"},
        {"kind": "late", "seconds": float("nan")},
        {"kind": "lag_behind", "seconds": float("inf")},
        {"kind": "lose", "commit_after": 1e300},
        {"kind": "late", "seconds": 1, "commit_after": "1"},
        {"kind": "refuse", "code": 5},
        {"kind": "refuse", "code": "ERR\r\nX: y"},
        {"kind": "refuse", "retry_after": "\N{SNOWMAN}"},
        {"kind": "refuse", "status": 200},
        {"kind": "garble", "body": {}},
        {"kind": "stale_token", "status": 999},
        {"kind": "strikes"},
        {"kind": "lose", "often": 2},
        {"kind": "late"},
        {"kind": ["lose"]},
    ],
)
def test_data_that_describes_no_fault_is_refused(data: dict[str, Any]) -> None:
    """The message names the kinds or the argument, and nothing is planted."""
    sandbox = Sandbox(clock=FakeClock())
    with pytest.raises(
        ConfigurationError, match=r"no fault can be made of|has a status|takes a number|a code and|a body is"
    ):
        sandbox.plant_data([{"kind": "cut"}, data])
    assert sandbox.planted == ()


def test_the_ledger_tells_what_was_seen_and_done() -> None:
    """Numbered from 1, with the body as it came; a listener is told of each entry as it is written."""
    told: list[Entry] = []
    sandbox = Sandbox(clock=FakeClock(), on_entry=told.append)
    call(sandbox, POST, GOOD)
    call(sandbox, "GET /v1/meetings?endDate=2027-06-02T10:00:00Z")
    call(sandbox, POST, b"garbage \xff")
    first, second, third = sandbox.ledger
    assert tuple(told) == sandbox.ledger
    assert (first.number, first.method, first.path, first.body) == (1, "POST", "/v1/meetings", GOOD)
    assert (first.did, first.meeting_id, first.committed, first.at) == ("created", 10001, NOW, NOW)
    assert (second.query, second.body, second.did, second.committed) == (
        {"endDate": "2027-06-02T10:00:00Z"},
        None,
        "",
        None,
    )
    assert third.body == "garbage \ufffd"
    assert "@" not in repr(first)


async def test_the_app_refuses_what_it_cannot_do() -> None:
    """Only http is spoken, and a server that gives no hold of its connections cannot lose an answer."""
    sandbox = Sandbox(clock=FakeClock())
    with pytest.raises(RuntimeError, match="speaks http"):
        await sandbox.app({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "scheme": "http", "path": "/v1/meetings", "query_string": b"", "headers": [],
        "client": None,
    }  # fmt: skip
    sandbox.plant(Fault.lose())
    with pytest.raises(RuntimeError, match=r"Sandbox\.serve"):
        await sandbox.app(scope, receive, None)  # type: ignore[arg-type]


async def test_it_is_served_within_an_event_loop_without_blocking_it() -> None:
    """`async with` starts and stops the server off the loop; afterwards nobody listens, and cancelling stops it too."""
    sandbox = Sandbox()
    transport = HttpxTransport()
    with anyio.CancelScope() as scope:
        async with sandbox.serve() as url:
            assert (
                await JoinMe(sandbox.token, base_url=url, transport=transport).request("GET", "/meetings")
            ).status == 200
            scope.cancel()
    await transport.aclose()
    with pytest.raises(OSError, match="connection"):
        await anyio.connect_tcp("127.0.0.1", int(url.split(":")[2].split("/")[0]))


def test_a_port_that_is_taken_is_said() -> None:
    """A second server on the same port is a ConfigurationError with the port in it."""
    with Sandbox().serve() as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigurationError, match=f"port {port}"), Sandbox().serve(port=port):
            pass


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without uvicorn, serving says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match=r"joinme-async\[sandbox\]"), Sandbox().serve():
        pass


async def test_a_list_can_lag_behind(joinme: JoinMe, sandbox: Sandbox, clock: FakeClock) -> None:
    """It does not show yet what was made within the lag, shows all that was there before, and reads are not affected."""
    old = await joinme.meetings.schedule(new_meeting(name="Old"))
    await clock.sleep(5.0)
    new = await joinme.meetings.schedule(new_meeting(name="New"))
    sandbox.plant(Fault.lag_behind(3.0), times=4)
    assert [meeting.id for meeting in await joinme.meetings.list()] == [old.id]
    assert (await joinme.meetings.get(new.id)).name == "New"
    await clock.sleep(2.9)
    assert [meeting.id for meeting in await joinme.meetings.list()] == [old.id]
    await clock.sleep(0.1)
    assert [meeting.id for meeting in await joinme.meetings.list()] == [old.id, new.id]
    for wrong in (-1, "3"):
        with pytest.raises(ConfigurationError, match="number of seconds"):
            Fault.lag_behind(wrong)  # type: ignore[arg-type]
