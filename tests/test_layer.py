"""One call through the layer: its order, its deadline, its token, and what is left of it when it is cut off."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio
from anyio.lowlevel import current_token

from joinme_async import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    JoinMe,
    JoinMeError,
    LimiterSnapshot,
    NotFoundError,
    OutcomeUnknownError,
    RateLimit,
    RateLimitedError,
    Request,
    Response,
    RetryPolicy,
    Signals,
    Timeout,
    TransportError,
    TransportTimeoutError,
    Turn,
    UnexpectedResponseError,
)
from joinme_async._clock import running_loop
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock, RecordingTransport, ScriptedTransport
from tests.conftest import new_meeting

MEETING = (
    b'{"meetingId": 7, "meetingName": "x", "meetingStart": "2027-06-02T09:00:00Z",'
    b' "meetingEnd": "2027-06-02T10:00:00Z", "startWithPersonalUrl": false}'
)
GOOD = Response(200, {}, MEETING)
REFUSED = Response(401, {}, b'{"Message": "expired", "ErrorCode": "stale_token"}')
EMPTY = Response(200, {}, b'{"meetings": []}')


class Refresher:
    """A token source that makes a new token when the last one was refused."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.number = 1

    async def __call__(self, *, refused: str | None) -> str:
        self.asked.append(refused)
        self.number += refused == f"tok-{self.number}"
        return f"tok-{self.number}"


def tokens_sent(transport: ScriptedTransport) -> list[str]:
    return [request.headers["Authorization"].removeprefix("Bearer ") for request in transport.requests]


async def test_a_refused_token_is_replaced_and_the_call_sent_once_more(clock: FakeClock) -> None:
    """A 401 is answered with a new token; the caller never notices."""
    source, transport = Refresher(), ScriptedTransport([REFUSED, GOOD])
    meeting = await JoinMe(source, transport=transport, clock=clock).meetings.schedule(new_meeting())
    assert meeting.id == 7
    assert tokens_sent(transport) == ["tok-1", "tok-2"]
    assert source.asked == [None, "tok-1"]


async def test_a_second_refusal_is_the_callers(clock: FakeClock) -> None:
    """Once more, and no more: a service that refuses every token is not asked for ever."""
    transport = ScriptedTransport([REFUSED, REFUSED])
    with pytest.raises(AuthenticationError) as caught:
        await JoinMe(Refresher(), transport=transport, clock=clock).meetings.get(7)
    assert (caught.value.code, caught.value.attempts) == ("stale_token", 2)
    assert tokens_sent(transport) == ["tok-1", "tok-2"]


@pytest.mark.parametrize("kind", ["str", "stubborn source"])
async def test_without_a_different_token_nothing_is_sent_again(kind: str, clock: FakeClock) -> None:
    """The same token would be refused again."""

    async def stubborn(*, refused: str | None) -> str:
        return "tok"

    transport = ScriptedTransport([REFUSED])
    with pytest.raises(AuthenticationError, match="get a new one"):
        await JoinMe("tok" if kind == "str" else stubborn, transport=transport, clock=clock).meetings.get(7)
    assert len(transport.requests) == 1


async def test_a_hundred_calls_that_meet_an_expired_token_cause_one_refresh(sandbox: Sandbox, clock: FakeClock) -> None:
    """All are refused, one refresh serves them all, and the ledger shows each of them twice."""
    source = Refresher()
    sandbox.accept("tok-1")
    sandbox.accept("tok-2")
    sandbox.expire("tok-1")
    joinme = JoinMe(source, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(1000))  # all at once
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(joinme.meetings.list)
    assert [refused for refused in source.asked if refused] == ["tok-1"]
    assert sorted(entry.status for entry in sandbox.ledger) == [200] * 100 + [401] * 100


async def test_what_a_token_source_raises_comes_through_unchanged(clock: FakeClock) -> None:
    """The caller's own error is the caller's to understand."""
    own = LookupError("no refresh token")

    async def source(*, refused: str | None) -> str:
        raise own

    with pytest.raises(LookupError) as caught:
        await JoinMe(source, transport=ScriptedTransport(), clock=clock).meetings.list()
    assert caught.value is own


async def test_an_error_of_another_client_keeps_its_own_facts(clock: FakeClock) -> None:
    """A token source may use a client of its own: what went wrong there is told as it was."""
    other = JoinMe("tok", transport=ScriptedTransport([Response(404)]), clock=clock)

    async def source(*, refused: str | None) -> str:
        await other.request("GET", "/token")
        return "tok"

    with pytest.raises(NotFoundError) as caught:
        await JoinMe(source, transport=ScriptedTransport(), clock=clock).meetings.list()
    assert (caught.value.path, caught.value.attempts) == ("/token", 1)


async def hang(request: Request) -> Response:
    """Never answer, and keep no time: a transport that breaks its promise."""
    await anyio.sleep_forever()
    raise AssertionError


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        pytest.param(lambda joinme: joinme.meetings.list(), DeadlineExceededError, id="GET"),
        pytest.param(lambda joinme: joinme.meetings.delete(7), DeadlineExceededError, id="DELETE"),
        pytest.param(lambda joinme: joinme.meetings.update(7, name="x"), DeadlineExceededError, id="PATCH"),
        pytest.param(lambda joinme: joinme.meetings.schedule(new_meeting()), OutcomeUnknownError, id="POST"),
    ],
)
async def test_no_transport_outlives_the_deadline(
    call: Callable[[JoinMe], Awaitable[object]], kind: type[Exception], clock: FakeClock
) -> None:
    """A transport that keeps no time is cut off at the deadline; of a POST it is then not known what became of it."""
    joinme = JoinMe("tok", transport=ScriptedTransport([hang]), clock=clock, timeout=5.0)
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, 100.0)  # somebody else, so that the clock moves
        with pytest.raises(kind) as caught:
            await call(joinme)
        assert clock.now() == 5.0
        group.cancel_scope.cancel()
    assert caught.value.elapsed == 5.0  # type: ignore[attr-defined]
    if isinstance(caught.value, OutcomeUnknownError):
        assert isinstance(caught.value.last, DeadlineExceededError)


@pytest.mark.parametrize(
    ("timeout", "told"),
    [
        pytest.param(Timeout(total=60, attempt=30), 30.0, id="the attempt's own time"),
        pytest.param(Timeout(total=None, attempt=3), 3.0, id="no deadline"),
        pytest.param(Timeout(total=10, attempt=30), 9.75, id="a little less than the deadline"),
        pytest.param(Timeout(total=1, attempt=30), 0.95, id="five per cent less than a short one"),
        pytest.param(10.0, 9.75, id="a float is the total"),
    ],
)
async def test_a_transport_is_told_its_time(timeout: Timeout | float, told: float, clock: FakeClock) -> None:
    """The attempt's time, or what is left of the deadline less a head start to say what it knows."""
    transport = ScriptedTransport([EMPTY])
    await JoinMe("tok", transport=transport, clock=clock, timeout=timeout).meetings.list()
    assert transport.requests[0].timeout == pytest.approx(told)


async def test_time_spent_on_a_token_is_taken_from_the_attempt(clock: FakeClock) -> None:
    """One deadline covers the waiting before the request as well."""

    async def slow(*, refused: str | None) -> str:
        await clock.sleep(8)
        return "tok"

    transport = ScriptedTransport([EMPTY])
    await JoinMe(slow, transport=transport, clock=clock, timeout=10.0).meetings.list()
    assert transport.requests[0].timeout == pytest.approx(1.9)


@pytest.mark.parametrize("effect", ["GET", "POST"])
async def test_a_late_answer_is_told_by_who_cut_it_off(effect: str, sandbox: Sandbox, clock: FakeClock) -> None:
    """The attempt's time gives TransportTimeoutError, the deadline's DeadlineExceededError; of a POST it is the last."""
    for timeout, kind in ((Timeout(60, 5), TransportTimeoutError), (5.0, DeadlineExceededError)):
        sandbox.plant(Fault.late(50))
        joinme = JoinMe(
            sandbox.token, transport=sandbox.transport(), clock=clock, timeout=timeout, retry=RetryPolicy.never()
        )
        with pytest.raises((kind, OutcomeUnknownError)) as caught:
            await (joinme.meetings.list() if effect == "GET" else joinme.meetings.schedule(new_meeting()))
        error = caught.value.last if isinstance(caught.value, OutcomeUnknownError) else caught.value
        assert type(error) is kind
        assert isinstance(caught.value, OutcomeUnknownError) is (effect == "POST")
    assert len([entry for entry in sandbox.ledger if entry.did == "created"]) == (2 if effect == "POST" else 0)


async def test_time_that_runs_out_before_the_request_leaves_is_no_doubt(clock: FakeClock) -> None:
    """Waiting for a token or a connection past the deadline: nothing was sent, and the error says so."""

    async def never(*, refused: str | None) -> str:
        await clock.sleep(1000)
        return "tok"

    transport = ScriptedTransport()
    with pytest.raises(DeadlineExceededError, match="waited for an access token") as caught:
        await JoinMe(never, transport=transport, clock=clock, timeout=5.0).meetings.schedule(new_meeting())
    assert (caught.value.attempts, caught.value.elapsed) == (0, 5.0)
    assert not transport.requests


async def test_a_connection_that_does_not_come_free_is_no_doubt(clock: FakeClock) -> None:
    """No more calls than the transport can carry; who waits too long for a slot has sent nothing."""
    started = anyio.Event()

    async def slow(request: Request) -> Response:
        started.set()
        await clock.sleep(50)
        return EMPTY

    transport = ScriptedTransport([slow, EMPTY], concurrency=1)
    joinme = JoinMe("tok", transport=transport, clock=clock)
    async with anyio.create_task_group() as group:
        group.start_soon(joinme.meetings.list)
        await started.wait()
        with pytest.raises(DeadlineExceededError, match="waited for a free connection"):
            await joinme.with_options(timeout=5.0).meetings.schedule(new_meeting())
    assert [request.method for request in transport.requests] == ["GET"]
    await joinme.meetings.list()
    assert len(transport.requests) == 2


async def test_a_request_that_never_left_in_time_is_no_doubt(clock: FakeClock) -> None:
    """A connection that could not be made within the deadline is the deadline's error, and no doubt about a POST."""
    late = TransportTimeoutError("connecting", request_sent=False)

    async def connect(request: Request) -> Response:
        await clock.sleep(request.timeout or 0)
        raise late

    for timeout, kind in ((5.0, DeadlineExceededError), (Timeout(60, 5), TransportTimeoutError)):
        transport = ScriptedTransport([connect])
        joinme = JoinMe("tok", transport=transport, clock=clock, timeout=timeout, retry=RetryPolicy.never())
        with pytest.raises(kind) as caught:
            await joinme.meetings.schedule(new_meeting())
        assert (caught.value if kind is TransportTimeoutError else caught.value.last) is late


@pytest.mark.parametrize("error", [OSError("reset"), RuntimeError("bug"), ValueError("bug")])
async def test_a_transport_that_breaks_its_promise_leaves_doubt(error: Exception, clock: FakeClock) -> None:
    """Whatever a transport raises, of a POST it is said that it may have been carried out, and the cause is kept."""
    with pytest.raises(OutcomeUnknownError) as caught:
        await JoinMe("tok", transport=ScriptedTransport([error]), clock=clock).meetings.schedule(new_meeting())
    assert isinstance(caught.value.last, TransportError)
    assert caught.value.last.__cause__ is error


async def test_two_event_loops_at_once_are_refused(clock: FakeClock) -> None:
    """What waits in one loop cannot be woken from another: said at once, and the first goes on."""
    began, over = threading.Event(), threading.Event()

    async def slow(request: Request) -> Response:
        began.set()
        await anyio.to_thread.run_sync(over.wait)
        return EMPTY

    joinme = JoinMe("tok", transport=ScriptedTransport([slow, EMPTY]))

    def elsewhere() -> None:
        began.wait()
        try:
            with pytest.raises(ConfigurationError, match="another event loop"):
                anyio.run(joinme.meetings.list)
        finally:
            over.set()

    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, elsewhere)
        assert await joinme.meetings.list() == []
    await anyio.to_thread.run_sync(anyio.run, joinme.meetings.list)


async def test_errors_say_what_they_are_about(clock: FakeClock) -> None:
    """Method, path without query, attempts and seconds are on every error that a call raises."""

    async def slow(request: Request) -> Response:
        await clock.sleep(2.5)
        return Response(404)

    transport = ScriptedTransport([slow, TransportError("gone")])
    joinme = JoinMe("tok", transport=transport, clock=clock, retry=RetryPolicy.never())
    with pytest.raises(NotFoundError) as caught:
        await joinme.meetings.get(7)
    error = caught.value
    assert (error.method, error.path, error.attempts, error.elapsed) == ("GET", "/meetings/7", 1, 2.5)
    with pytest.raises(TransportError) as lost:
        await joinme.meetings.list(until=new_meeting().end)
    assert (lost.value.path, lost.value.elapsed) == ("/meetings", 0.0)


async def test_cancelling_a_call_passes_straight_through(clock: FakeClock) -> None:
    """A cancelled call frees its slot; cancelled before its start it leaves no trace, after it its start counts."""
    transport = ScriptedTransport([hang, EMPTY], concurrency=1)
    joinme = JoinMe("tok", transport=transport, clock=clock, timeout=Timeout(total=None))
    scopes: list[anyio.CancelScope] = []

    async def call() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await joinme.meetings.list()

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(call)
            await anyio.wait_all_tasks_blocked()
        for number in (1, 0):
            assert "waiting" in repr(joinme)
            scopes[number].cancel()
            await anyio.wait_all_tasks_blocked()
    assert all(scope.cancelled_caught for scope in scopes)
    assert len(transport.requests) == 1
    assert await joinme.meetings.list() == []


@pytest.mark.parametrize("status", [200, 302, 400, 401, 503])
@pytest.mark.parametrize(
    "body",
    [
        b'{"Message": "bad tok-1/x", "ErrorCode": "tok-1/x"}',
        b'{"Message": "bad tok-1\\/x"}',
        b"<h1>tok-1/x</h1>",
        b"z " * 117 + b"tok-1/x",
    ],
    ids=["json", "escaped", "html", "at the cut"],
)
async def test_an_echoed_token_is_concealed(status: int, body: bytes, clock: FakeClock) -> None:
    """A server that repeats the token in its answer does not get it into the error, nor a part of it."""
    joinme = JoinMe("tok-1/x", transport=ScriptedTransport([Response(status, {}, body)]), clock=clock)
    with pytest.raises(JoinMeError) as caught:
        await joinme.meetings.schedule(new_meeting())
    last = getattr(caught.value, "last", None) or caught.value
    assert "tok-" not in f"{caught.value!r} {vars(caught.value)!r} {last!r} {vars(last)!r}"


@pytest.mark.parametrize(
    "seconds", [0, -1, float("nan"), float("inf"), True, "5", 10**400], ids=lambda seconds: f"{seconds!r:.8}"
)
def test_a_timeout_is_a_positive_number(seconds) -> None:
    """Zero, negative, endless and odd timeouts are refused when they are made."""
    with pytest.raises(ConfigurationError, match="positive number of seconds"):
        Timeout(total=seconds)
    with pytest.raises(ConfigurationError):
        Timeout(attempt=seconds)
    with pytest.raises(ConfigurationError):
        JoinMe("tok", timeout=seconds)


class Limiter:
    """Makes every start wait, refuses turns that come too late, and takes notes."""

    def __init__(self, clock: FakeClock, wait: float) -> None:
        self.clock = clock
        self.wait = wait
        self.notes: list[object] = []

    async def acquire(self, timeout: float | None) -> Turn | None:
        self.notes.append(timeout)
        if timeout is not None and timeout < self.wait:
            return Turn(self.wait)
        await self.clock.sleep(self.wait)
        self.notes.append("permit")
        return None

    def observe(self, signals: Signals) -> None:
        self.notes.append((signals.status, signals.code, signals.retry_after))

    def snapshot(self) -> LimiterSnapshot:
        return LimiterSnapshot()


async def test_token_slot_permit_send_in_this_order(clock: FakeClock) -> None:
    """A permit is asked for last, with what is left of the deadline, and nothing comes between it and the request."""
    limiter = Limiter(clock, 2)

    async def source(*, refused: str | None) -> str:
        limiter.notes.append("token")
        await clock.sleep(1)
        return "tok"

    async def answer(request: Request) -> Response:
        limiter.notes.append(f"send after {clock.now():g}")
        return EMPTY

    transport = ScriptedTransport([answer], concurrency=1)
    await JoinMe(source, transport=transport, clock=clock, rate_limit=limiter, timeout=10.0).meetings.list()
    assert limiter.notes == ["token", 9.0, "permit", "send after 3", (200, None, None)]
    assert transport.requests[0].timeout == pytest.approx(6.75)


async def test_a_turn_that_comes_too_late_is_refused_at_once(clock: FakeClock) -> None:
    """Nothing is sent, nobody waits, and the slot is free again."""
    limiter, transport = Limiter(clock, 30), ScriptedTransport([EMPTY], concurrency=1)
    joinme = JoinMe("tok", transport=transport, clock=clock, rate_limit=limiter)
    with pytest.raises(DeadlineExceededError, match="30 s away, and 5 s are left") as caught:
        await joinme.with_options(timeout=5.0).meetings.schedule(new_meeting())
    assert (caught.value.attempts, caught.value.elapsed, clock.now()) == (0, 0.0, 0.0)
    await joinme.with_options(timeout=Timeout(None)).meetings.list()
    assert limiter.notes == [5.0, None, "permit", (200, None, None)]


async def test_time_that_runs_out_in_the_queue_is_no_doubt(clock: FakeClock) -> None:
    """A limiter that keeps a call waiting past its deadline is cut off, and nothing was sent."""

    class Slow(Limiter):
        async def acquire(self, timeout: float | None) -> Turn | None:
            return await super().acquire(None)

    joinme = JoinMe("tok", transport=ScriptedTransport(), clock=clock, rate_limit=Slow(clock, 30), timeout=5.0)
    with pytest.raises(DeadlineExceededError, match="its turn under the rate limit"):
        await joinme.meetings.schedule(new_meeting())


async def test_a_limiter_is_told_of_every_answer_once(clock: FakeClock) -> None:
    """Refusals with their waits, errors and successes, each answer once; a success's stray Retry-After is not."""
    limiter = Limiter(clock, 0)
    refusal = Response(403, {"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS", "Retry-After": "3"})
    stray = Response(200, {"Retry-After": "3"}, EMPTY.content)
    script = [refusal, stray, Response(404), Response(302), TransportError("gone")]
    joinme = JoinMe(
        "tok", transport=ScriptedTransport(script), clock=clock, rate_limit=limiter, retry=RetryPolicy.never()
    )
    with pytest.raises(RateLimitedError, match="try again in 3 s"):
        await joinme.meetings.list()
    await joinme.meetings.list()
    for kind in (NotFoundError, UnexpectedResponseError, TransportError):
        with pytest.raises(kind):
            await joinme.meetings.list()
    assert [note for note in limiter.notes if isinstance(note, tuple)] == [
        (403, "ERR_403_DEVELOPER_OVER_QPS", 3.0),
        (200, None, None),
        (404, None, None),
    ]


class Instant:
    """A transport that answers without giving the event loop a turn."""

    concurrency = 5

    async def send(self, request: Request) -> Response:
        return GOOD

    async def aclose(self) -> None: ...


@pytest.mark.parametrize("limit", [None, RateLimit(3)])
@pytest.mark.parametrize("hook", [None, lambda _: None])
async def test_the_quiet_path_adds_no_suspension(limit: RateLimit | None, hook, clock: FakeClock) -> None:
    """Token at hand, connection and permit free, first attempt good: the only waiting is the transport's own."""

    async def source(*, refused: str | None) -> str:
        return "tok"

    for token in ("tok", source):
        joinme = JoinMe(token, transport=Instant(), clock=clock, rate_limit=limit, on_event=hook)
        for call in (joinme.meetings.get(7), joinme.meetings.schedule(new_meeting())):
            with pytest.raises(StopIteration) as done:
                call.send(None)
            assert done.value.value.id == 7


class Timers(FakeClock):
    """Counts the deadlines that were set."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float | None] = []

    def deadline(self, seconds: float | None):
        self.told.append(seconds)
        return super().deadline(seconds)


class Timekeeper(Instant):
    """One that ends every request in time by itself."""

    keeps_time = True


@pytest.mark.parametrize("total", [60.0, None])
async def test_who_need_not_wait_and_keeps_time_sets_no_timer(total: float | None) -> None:
    """A timer costs more than the rest of the layer: only over a transport that does not keep time is one set."""
    for transport, timers in ((Timekeeper(), []), (RecordingTransport(Timekeeper()), []), (Instant(), [60.0])):
        clock = Timers()
        joinme = JoinMe("tok", transport=transport, clock=clock, timeout=Timeout(total=total))
        await joinme.meetings.get(7)  # what is done once is done
        clock.told.clear()
        await joinme.meetings.get(7)
        assert clock.told == (timers if total else [30.25 for _ in timers])


async def test_a_transport_that_keeps_time_waits_for_all_else_under_the_deadline(clock: FakeClock) -> None:
    """Token, slot, permit and back-off are cut off at the deadline whatever the transport says of itself."""

    async def never(*, refused: str | None) -> str:
        await clock.sleep(1000)
        return "tok"

    class Failing(Timekeeper):
        async def send(self, request: Request) -> Response:
            return Response(503)

    class Late(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds * 1e9)

    late = Late()
    slow = RetryPolicy(base=4, cap=4)
    for joinme, waits_for in (
        (JoinMe(never, transport=Timekeeper(), clock=clock, timeout=5.0), "an access token"),
        (JoinMe("tok", transport=Failing(), clock=late, timeout=5.0, retry=slow), "its back-off to end"),
    ):
        with pytest.raises(DeadlineExceededError, match=f"waited for {waits_for}") as caught:
            await joinme.meetings.get(7)
        assert caught.value.elapsed == 5.0


async def test_a_limiter_that_can_tell_at_once_is_asked_first(clock: FakeClock) -> None:
    """`acquire_nowait` takes a free permit; where none is free, the call waits with `acquire`."""

    class Prompt(Limiter):
        free = 1

        def acquire_nowait(self) -> bool:
            self.free -= 1
            return self.free >= 0

    limiter, transport = Prompt(clock, 2), ScriptedTransport([EMPTY, EMPTY])
    joinme = JoinMe("tok", transport=transport, clock=clock, rate_limit=limiter, timeout=Timeout(None))
    await joinme.meetings.list()
    await joinme.meetings.list()
    assert limiter.notes == [(200, None, None), None, "permit", (200, None, None)]
    assert clock.now() == 2.0


async def test_the_loop_that_runs_is_known_in_a_guest_as_well() -> None:
    """The loop is anyio's own notion of it; a trio that is a guest of asyncio's loop is not that loop."""
    assert running_loop() is current_token().native_token
    seen: list[tuple[object, object]] = []

    async def guest() -> None:
        seen.append((running_loop(), current_token().native_token))

    async def host() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        trio.lowlevel.start_guest_run(
            guest, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=lambda _: done.set()
        )
        await done.wait()
        seen.append((running_loop(), loop))

    def in_a_thread() -> None:
        with pytest.raises(RuntimeError, match="event loop"):
            running_loop()
        asyncio.run(host())

    await anyio.to_thread.run_sync(in_a_thread)
    assert len(seen) == 2
    assert all(ours is theirs for ours, theirs in seen)
