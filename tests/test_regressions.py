"""What harsh readers found: each of these went wrong once, and each states the law that it broke."""

import asyncio
import gc
import random
import threading
import traceback
from datetime import timedelta

import anyio
import pytest

from joinme_async import (
    BadRequestError,
    ConfigurationError,
    CoolDownOpened,
    DeadlineExceededError,
    Event,
    Headroom,
    InvalidMeetingError,
    JoinMe,
    JoinMeError,
    LimiterSnapshot,
    OutcomeUnknown,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimit,
    RateLimitedError,
    Request,
    Response,
    RetryPolicy,
    ServerError,
    Signals,
    Timeout,
    TransportTimeoutError,
    Turn,
    UnexpectedResponseError,
    WaitStarted,
)
from joinme_async._ensure import Memory, _Case, _Lead
from joinme_async._retry._limiters import LocalLimiter
from joinme_async._retry._pacing import Pacer
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock, RecordingTransport, ScriptedTransport
from joinme_async.transports.httpx import HttpxTransport
from tests.conftest import HOUR, START, new_meeting
from tests.test_layer import EMPTY, GOOD

LISTED = (
    b'{"meetingId": 7, "meetingName": "Weekly update", "meetingStart": "2027-06-02T09:00:00Z",'
    b' "meetingEnd": "2027-06-02T10:00:00Z", "startWithPersonalUrl": false'
)


def answer(*meetings: bytes) -> Response:
    return Response(200, {}, b'{"meetings": [' + b", ".join(meetings) + b"]}")


def test_a_plan_without_bounds_is_no_limit() -> None:
    """An allotment that nobody could use up is taken for none, whatever its size."""
    for allotted in (10_000, 10**7, 2**31 - 1, 10**12 - 1):
        pacer = Pacer()
        pacer.observe(Signals(200, headroom=Headroom(qps_allotted=allotted)), 0.0)
        assert pacer.learned is None


class Broken:
    """A limiter that cannot take note of anything."""

    async def acquire(self, timeout: float | None) -> Turn | None:
        return None

    def observe(self, signals: Signals) -> None:
        raise RuntimeError("redis is down")

    def snapshot(self) -> LimiterSnapshot:
        return LimiterSnapshot()


async def test_nothing_comes_between_a_good_answer_and_its_caller(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A limiter that fails to take note of an answer is logged, and the meeting that was made is returned."""
    joinme = JoinMe("tok", transport=ScriptedTransport([GOOD]), clock=clock, rate_limit=Broken())
    assert (await joinme.meetings.schedule(new_meeting())).id == 7
    assert "the rate limiter failed" in caplog.text


class Stop(BaseException):
    """What no code should catch."""


@pytest.mark.parametrize("at", ["AttemptStarted", "AttemptEnded"])
async def test_a_hook_that_ends_the_program_leaves_no_secret_doubt(at: str, sandbox: Sandbox, clock: FakeClock) -> None:
    """Whatever tears a POST out of its call once it may have left is announced, and remembered by `ensure`."""
    events: list[Event] = []

    def hook(event: Event) -> None:
        events.append(event)
        if type(event).__name__ == at and event.method == "POST":
            raise Stop

    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, on_event=hook)
    with pytest.raises(Stop):
        await joinme.meetings.schedule(new_meeting())
    assert any(isinstance(event, OutcomeUnknown) for event in events) is (at == "AttemptEnded")
    await joinme.with_options(on_event=None).meetings.ensure(new_meeting())
    assert len(sandbox.meetings) == 1


async def test_a_thousand_doubts_and_more_are_not_forgotten_before_their_time(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    """What is dropped to bound the memory is waited for all the same: no meeting twice, even in an outage."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.lose(commit_after=1.5), on="POST", times=1300)
    meetings = [
        new_meeting(name=f"Meeting {n}", start=START + n * HOUR, end=START + (n + 1) * HOUR) for n in range(1300)
    ]
    for meeting in meetings:
        with pytest.raises(OutcomeUnknownError):
            await joinme.meetings.schedule(meeting)
    async with anyio.create_task_group() as group:
        for meeting in meetings[:20]:
            group.start_soon(joinme.meetings.ensure, meeting)
    assert len(sandbox.meetings) == 1300


async def test_the_time_of_a_list_without_a_date_is_that_of_its_answer(clock: FakeClock) -> None:
    """A meeting that begins while the list is waited for has begun by then, by our clock where there is no other."""
    clock.set_wall(START - timedelta(seconds=10))
    script = [Response(429, {"Retry-After": "20"}), answer()]
    with pytest.raises(InvalidMeetingError, match="has begun"):
        await JoinMe("tok", transport=ScriptedTransport(script), clock=clock).meetings.ensure(new_meeting())


@pytest.mark.parametrize("timeout", [20.0, Timeout(60, 30)])
async def test_a_transport_with_less_patience_is_no_matter_of_the_deadline(
    timeout: Timeout | float, clock: FakeClock
) -> None:
    """Its own time-out is an answer that came late, and is repeated as one."""
    script = [TransportTimeoutError("five seconds of its own"), EMPTY]
    joinme = JoinMe("tok", transport=ScriptedTransport(script), clock=clock, timeout=timeout)
    assert await joinme.meetings.list() == []


@pytest.mark.parametrize("wait", [0, 0.001, "Thu, 01 Jan 2026 00:00:00 GMT"])
@pytest.mark.parametrize("code", ["ERR_403_DEVELOPER_OVER_RATE", "ERR_403_DEVELOPER_OVER_QPS"])
@pytest.mark.parametrize("limit", [None, RateLimit(1000)])
async def test_a_refusal_for_no_time_is_no_invitation_to_hammer(
    wait: float | str, code: str, limit: RateLimit | None, clock: FakeClock
) -> None:
    """A gateway that refuses and asks for no wait is asked again a few times a second at the most."""
    sandbox = Sandbox(clock=clock)
    sandbox.plant(Fault.refuse(code, retry_after=wait), times=None)
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, timeout=10.0, rate_limit=limit)
    with pytest.raises((RateLimitedError, QuotaExceededError)):
        await joinme.meetings.list()
    assert len(sandbox.ledger) <= 100


async def test_who_waits_for_a_connection_hears_of_a_cool_down(clock: FakeClock) -> None:
    """One that is open already, and one that opens meanwhile: told at once, and nothing is sent."""
    quota = Response(403, {"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_RATE", "Retry-After": "3600"})

    async def slowly(request: Request) -> Response:
        await clock.sleep(5.0)
        return quota

    transport = ScriptedTransport([slowly, EMPTY, EMPTY], concurrency=1)
    joinme = JoinMe("tok", transport=transport, clock=clock)
    told: dict[str, float] = {}

    async def call(name: str) -> None:
        with pytest.raises(QuotaExceededError) as caught:
            await joinme.meetings.list()
        assert caught.value.attempts == 0
        told[name] = clock.now()

    async with anyio.create_task_group() as group:
        group.start_soon(joinme.with_options(timeout=Timeout(None)).meetings.list)
        while not transport.requests:
            await anyio.lowlevel.checkpoint()
        group.start_soon(call, "in line when it opened")
        await clock.sleep(10.0)
        await call("came later")
        assert told == {"in line when it opened": 5.0, "came later": 10.0}
    assert clock.now() == pytest.approx(3605.0)


async def test_a_cool_down_sends_away_all_whose_turn_it_moves_too_far(clock: FakeClock) -> None:
    """Not only those whose deadline lies within it: the turns behind it count, and those who can wait move up."""
    limiter, told = LocalLimiter([RateLimit(1)], clock), {}

    async def call(name: int) -> None:
        told[name] = (await limiter.acquire(12.0), clock.now())

    async with anyio.create_task_group() as group:
        for name in range(10):
            group.start_soon(call, name)
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
        limiter.observe(Signals(503, retry_after=6.0))
    went = {name: at for name, (turn, at) in told.items() if turn is None}
    assert max(went.values()) <= 12.0
    assert all(at == 0.0 for turn, at in told.values() if turn is not None)
    assert len(went) == 7


def test_a_pause_of_another_kind_measures_nothing() -> None:
    """What was learnt from a refusal is not raised by answers during a later 503, nor by those that come much later."""
    pacer = Pacer()
    for index in range(20):
        pacer.observe(Signals(200), index / 40)
    pacer.observe(Signals(429), 0.5)
    for _ in range(50):
        pacer.observe(Signals(200), 0.8)
    assert pacer.learned == RateLimit(20, per=1 / 0.95)
    pacer.observe(Signals(503, retry_after=5.0), 3.0)
    for _ in range(100):
        pacer.observe(Signals(200), 3.05)
    assert pacer.learned == RateLimit(20, per=1 / 0.95)


async def test_a_call_in_a_cancelled_scope_leaves_no_trace(sandbox: Sandbox, clock: FakeClock) -> None:
    """Cancelled before it began: no request, no doubt, and the next `ensure` does not wait."""
    events: list[Event] = []
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, on_event=events.append)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await joinme.meetings.schedule(new_meeting())
    assert scope.cancelled_caught
    assert (sandbox.ledger, events) == ((), [])
    await joinme.meetings.ensure(new_meeting())
    assert clock.now() == 0.0


async def test_nothing_is_sent_once_time_is_up(clock: FakeClock) -> None:
    """A permit that comes with the end of the deadline starts nothing, so that a POST is not in doubt."""

    class Late(Broken):
        async def acquire(self, timeout: float | None) -> Turn | None:
            clock.advance(5.0)  # the event loop was busy, say
            return None

    transport = ScriptedTransport()
    joinme = JoinMe("tok", transport=transport, clock=clock, rate_limit=Late(), timeout=5.0)
    with pytest.raises(DeadlineExceededError, match="its turn under the rate limit"):
        await joinme.meetings.schedule(new_meeting())
    assert not transport.requests


async def test_the_list_reaches_as_far_as_what_it_must_show(clock: FakeClock) -> None:
    """`endDate` may be compared with ends: the meeting made last is asked for up to its own."""
    made = LISTED.replace(b"06-02T10", b"06-12T10") + b"}"
    script = [Response(201, {}, made), answer(made), Response(201, {}, LISTED + b"}")]
    transport = ScriptedTransport(script)
    joinme = JoinMe("tok", transport=transport, clock=clock)
    await joinme.meetings.schedule(new_meeting(end=START + timedelta(days=10, hours=1)))
    await joinme.meetings.ensure(new_meeting(name="Another"))
    assert transport.requests[1].url.endswith("endDate=2027-06-13T10%3A00%3A00Z")


async def test_a_meeting_that_was_adopted_is_no_witness_of_later_ones(sandbox: Sandbox, clock: FakeClock) -> None:
    """A list that shows it may still lack what was made after it."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.lose(), on="POST")
    adopted, later = new_meeting(name="Adopted"), new_meeting(name="Later")
    with pytest.raises(OutcomeUnknownError):
        await joinme.meetings.schedule(adopted)
    await clock.sleep(5.0)
    await joinme.meetings.ensure(later)
    await joinme.meetings.ensure(adopted)
    sandbox.plant(Fault.lag_behind(4.0), on="GET")
    await joinme.meetings.ensure(later)
    assert sorted(meeting.name for meeting in sandbox.meetings) == ["Adopted", "Later"]


async def test_what_was_adopted_must_be_shown_as_well(sandbox: Sandbox, clock: FakeClock) -> None:
    """A list that lags and shows nothing is no proof where this client knows of a meeting, however it came to know."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.lose(), on="POST")
    await joinme.meetings.ensure(new_meeting())
    sandbox.plant(Fault.lag_behind(1000), on="GET", times=None)
    with pytest.raises(UnexpectedResponseError, match="lags behind"):
        await joinme.meetings.ensure(new_meeting())
    assert len(sandbox.meetings) == 1


async def test_a_doubt_that_arises_during_a_look_is_settled_like_any_other(sandbox: Sandbox, clock: FakeClock) -> None:
    """A schedule of the same meeting cancelled while the list is read: what the list shows proves nothing any more."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, timeout=Timeout(300, 20))
    sandbox.plant(Fault.late(1.0), on="GET")
    sandbox.plant(Fault.late(9.0, commit_after=10.0), on="POST")
    async with anyio.create_task_group() as group:
        group.start_soon(joinme.meetings.ensure, new_meeting())
        with clock.deadline(0.5):
            await joinme.meetings.schedule(new_meeting())
    assert len(sandbox.meetings) == 1
    assert sum(entry.method == "POST" for entry in sandbox.ledger) == 1


async def test_followers_of_a_leader_that_fails_go_on_one_by_one(clock: FakeClock) -> None:
    """Each in turn, each announced once, those who left meanwhile left out: no herd, and nobody stays in line."""
    events: list[Event] = []

    async def slow(request: Request) -> Response:
        await clock.sleep(1.0)
        return answer()

    transport = ScriptedTransport([slow, Response(400), *[answer(), Response(400)] * 60])
    joinme = JoinMe("tok", transport=transport, clock=clock, on_event=events.append)
    failed, scopes = [], []

    async def call(number: int) -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            try:
                await joinme.meetings.ensure(new_meeting())
            except JoinMeError as error:
                failed.append((number, type(error)))

    async with anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(call, number)
            while len(scopes) <= number:
                await anyio.lowlevel.checkpoint()
        await clock.sleep(0.5)
        for scope in scopes[1::3]:
            scope.cancel()
    assert failed == [(number, BadRequestError) for number in range(60) if number % 3 != 1]
    assert sum(isinstance(event, WaitStarted) and event.why == "another call" for event in events) == 59
    assert "0 meetings" in repr(joinme._memory)


@pytest.mark.parametrize("seed", range(30))
async def test_a_follower_that_is_cancelled_as_it_is_woken_hands_on(seed: int, clock: FakeClock) -> None:
    """Whoever goes at the very moment of its turn, the next goes on: nobody waits for ever."""
    chance, ended, scopes = random.Random(seed), [], []

    async def refuse(request: Request) -> Response:
        for _ in range(chance.randrange(4)):
            await anyio.lowlevel.checkpoint()
        return Response(404)

    joinme = JoinMe("tok", transport=ScriptedTransport([refuse] * 40), clock=clock)

    async def call() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            with pytest.raises(JoinMeError):
                await joinme.meetings.ensure(new_meeting())
        ended.append(scope.cancelled_caught)

    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(call)
        while len(ended) < 30:
            await anyio.lowlevel.checkpoint()
            if chance.random() < 0.3:
                chance.choice(scopes or [anyio.CancelScope()]).cancel()
    assert clock.now() == 0.0
    assert "0 meetings" in repr(joinme._memory)


def test_an_ensure_left_behind_in_a_closed_loop_is_gone_on_with(clock: FakeClock) -> None:
    """What it sent is remembered; that it was at it is not."""
    sandbox = Sandbox()
    joinme = JoinMe(
        sandbox.token, transport=sandbox.transport(), retry=RetryPolicy(settle=0.1), timeout=Timeout(20, 0.2)
    )
    sandbox.plant(Fault.late(0.1), on="GET")
    loop, tasks = asyncio.new_event_loop(), []
    soon = sandbox.clock.wall() + HOUR

    async def begin() -> None:
        meeting = new_meeting(start=soon, end=soon + HOUR)
        tasks.extend(asyncio.create_task(joinme.meetings.ensure(meeting)) for _ in range(3))
        await asyncio.sleep(0.02)

    loop.run_until_complete(begin())
    loop.close()
    made = asyncio.run(joinme.meetings.ensure(new_meeting(start=soon, end=soon + HOUR)))
    for task in tasks:
        task._log_destroy_pending = False
    tasks.clear()
    gc.collect()
    assert [meeting.id for meeting in sandbox.meetings] == [made.id]
    assert "0 meetings" in repr(joinme._memory)


async def test_the_plan_knows_that_those_behind_go_ever_sooner(clock: FakeClock) -> None:
    """After a pause with no pace known, nobody is refused who would have started in time."""
    limiter, told = LocalLimiter([], clock), []
    limiter.observe(Signals(503, retry_after=1.0))

    async def call() -> None:
        told.append(await limiter.acquire(2.0))

    async with anyio.create_task_group() as group:
        for _ in range(500):
            group.start_soon(call)
    assert told == [None] * 500
    assert clock.now() < 1.41


def test_a_herd_of_refusals_makes_no_plan_anew() -> None:
    """Each prolongs the pause by a little; the plan is made anew once it has moved noticeably, and not before."""
    pacer = Pacer([RateLimit(100)])
    pacer.observe(Signals(429, retry_after=5.0), 0.0)
    for _ in range(1000):
        pacer.join(0.0)
    first = pacer.turns(0.0)[0]
    for index in range(90):
        pacer.observe(Signals(429, retry_after=5.0), index / 1000)
    assert pacer.turns(0.1)[0] == first
    pacer.observe(Signals(429, retry_after=5.0), 0.2)
    assert pacer.turns(0.2)[0] == pytest.approx(5.2)
    assert pacer.turn() == pytest.approx(5.2)


def test_the_least_and_the_overtaken_do_not_add_up() -> None:
    """What is counted is what went through, and five at least: not five and what went through."""
    pacer = Pacer()
    pacer.observe(Signals(429), 0.0)
    for taken in range(1, 8):
        pacer.observe(Signals(200), 0.05)
        assert pacer.learned == RateLimit(max(taken, 5), per=1 / 0.95)


def test_catching_up_is_no_burst() -> None:
    """Starts that waited and came together, since the loop was busy, have their usual guard."""
    pacer = Pacer([RateLimit(20)])
    pacer.observe(Signals(503, retry_after=1.0), 0.0)
    for _ in range(21):
        pacer.join(0.0)
    now = 1.0
    for number in range(20):
        now = max(now, pacer.turn()) + (0.3 if number == 5 else 0.0)
        pacer.start(now, waited=True)
    assert pacer.turn() == pytest.approx(2.01)


async def test_a_recording_transport_prepares_the_one_it_records() -> None:
    """What the inner one does once is done before the first permit, recorded or not."""
    prepared = []

    class Preparing(ScriptedTransport):
        async def prepare(self) -> None:
            prepared.append(1)

    for inner in (Preparing([EMPTY]), ScriptedTransport([EMPTY])):
        await JoinMe("tok", transport=RecordingTransport(inner)).meetings.list()
    assert prepared == [1]


async def test_a_pause_that_creeps_is_announced_as_it_grows(clock: FakeClock) -> None:
    """Twenty refusals, each a little later: whoever listens hears of every tenth of a second that is added."""
    events: list[Event] = []

    def refuse(after: float):
        async def refused(request: Request) -> Response:
            await clock.sleep(after)
            return Response(429, {"Retry-After": "3"})

        return refused

    script = [*[refuse(1 + index * 0.06) for index in range(20)], *[EMPTY] * 20]
    joinme = JoinMe(
        "tok", transport=ScriptedTransport(script), clock=clock, on_event=events.append, rate_limit=RateLimit(100)
    )
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(joinme.meetings.list)
    assert sum(isinstance(event, CoolDownOpened) for event in events) == 10


async def test_a_cool_down_that_grows_is_announced_again(clock: FakeClock) -> None:
    """Whoever was told two seconds and waits for an hour hears of it; a herd of like refusals is one event."""
    events: list[Event] = []

    def refuse(after: float, seconds: int):
        async def refused(request: Request) -> Response:
            await clock.sleep(after)
            return Response(429, {"Retry-After": str(seconds)})

        return refused

    script = [refuse(1.0, 2), refuse(1.01, 2), refuse(1.02, 2), refuse(1.5, 3000), *[EMPTY] * 4]
    joinme = JoinMe(
        "tok", transport=ScriptedTransport(script), clock=clock, on_event=events.append, timeout=Timeout(None)
    )
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(joinme.meetings.list)
    assert [event.seconds for event in events if isinstance(event, CoolDownOpened)] == [2.0, 3000.0]


@pytest.mark.parametrize("offset", [0.0, 0.1, 0.3, 1 / 3, 0.7, 1e-9, 12345.678])
async def test_refused_calls_do_not_come_back_as_a_herd(offset: float, clock: FakeClock) -> None:
    """However sums of times are rounded, the wait is in the queue, and the starts after it are spread."""
    await clock.sleep(offset)
    starts: list[float] = []

    async def refuse(request: Request) -> Response:
        await clock.sleep(0.1)
        return Response(429, {"Retry-After": "1.1"})

    async def note(request: Request) -> Response:
        starts.append(clock.now())
        return EMPTY

    joinme = JoinMe(
        "tok", transport=ScriptedTransport([refuse] * 30 + [note] * 30), clock=clock, rate_limit=RateLimit(100)
    )
    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(joinme.meetings.list)
    assert len(set(starts)) == 30


async def test_a_meeting_that_is_listed_and_cannot_be_read_is_no_absence(clock: FakeClock) -> None:
    """A replica that lags may answer 404 for what the list shows: look again, and send nothing on the strength of it."""
    listed = LISTED + b"}"
    script = [answer(listed), Response(404)] * 2
    transport = ScriptedTransport(script)
    with pytest.raises(UnexpectedResponseError, match="is listed and cannot be read"):
        await JoinMe("tok", transport=transport, clock=clock).meetings.ensure(new_meeting())
    gone = ScriptedTransport([answer(listed), Response(404), answer(), GOOD])
    await JoinMe("tok", transport=gone, clock=clock).meetings.ensure(new_meeting())
    assert [request.method for request in gone.requests] == ["GET", "GET", "GET", "POST"]


async def test_one_look_that_failed_is_made_up_for(sandbox: Sandbox, clock: FakeClock) -> None:
    """Absence takes two looks that prove it, each after the settle time."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, retry=RetryPolicy(base=0))
    sandbox.plant(Fault.lose(done=False), on="POST")
    sandbox.plant(Fault.error(503), on="GET", skip=1, times=4)
    await joinme.meetings.ensure(new_meeting())
    assert [entry.status for entry in sandbox.ledger] == [200, 0, 503, 503, 503, 503, 200, 200, 201]
    assert clock.now() == 6.0


async def test_a_follower_sends_no_third_request(sandbox: Sandbox, clock: FakeClock) -> None:
    """Whoever takes a case over takes over what was sent for it."""
    sandbox.plant(Fault.lose(done=False), on="POST", times=None)
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, timeout=Timeout(300))

    async def follow() -> None:
        with pytest.raises(OutcomeUnknownError):
            await joinme.meetings.ensure(new_meeting())

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as leading:
                leading.start_soon(joinme.meetings.ensure, new_meeting())
                await clock.sleep(0.5)
                group.start_soon(follow)
                await clock.sleep(4.5)
                scope.cancel()
    assert sum(entry.method == "POST" for entry in sandbox.ledger) == 2


async def test_the_error_of_an_ensure_has_the_facts_of_all_of_it(sandbox: Sandbox, clock: FakeClock) -> None:
    """What happened instead of an answer, and the seconds since its beginning."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, timeout=5.0, retry=RetryPolicy(settle=3))
    sandbox.plant(Fault.error(502), on="POST")
    with pytest.raises(OutcomeUnknownError) as caught:
        await joinme.meetings.ensure(new_meeting())
    assert isinstance(caught.value.last, ServerError)
    assert caught.value.elapsed == pytest.approx(3.0)
    sandbox.latency = 1.0
    sandbox.plant(Fault.error(501), on="GET", skip=1)
    await joinme.meetings.schedule(new_meeting(name="Other"))
    with pytest.raises(ServerError) as listing:
        await joinme.meetings.ensure(new_meeting(name="Other"))
    assert listing.value.elapsed == pytest.approx(2.0)


async def test_a_schedule_of_ones_own_under_way_is_no_doubt(sandbox: Sandbox, clock: FakeClock) -> None:
    """What this client is making just now at the same time is known not to be it."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.lose(done=False), Fault.late(8.0), on="POST")

    async def schedule() -> None:
        await clock.sleep(0.5)
        await joinme.meetings.schedule(new_meeting(name="Mine"))

    async with anyio.create_task_group() as group:
        group.start_soon(schedule)
        await joinme.meetings.ensure(new_meeting())
    assert len(sandbox.meetings) == 2


@pytest.mark.parametrize("nothing", [0, False, "", [], (), {}, [20], 0.5, 20])
def test_a_rate_limit_that_is_none_is_said(nothing) -> None:
    """An empty list of settings is no wish to go unpaced; None is how one says that nothing is known."""
    with pytest.raises(ConfigurationError, match="rate_limit is a RateLimit"):
        JoinMe("tok", rate_limit=nothing)


@pytest.mark.parametrize("refusals", [None, 0, "no"])
def test_a_switch_is_true_or_false(refusals) -> None:
    """A word that means no is not taken for yes."""
    with pytest.raises(ConfigurationError, match="refusals is True or False"):
        RetryPolicy(refusals=refusals)


def test_a_transport_is_an_object() -> None:
    """The class without its brackets is the likely slip."""
    with pytest.raises(ConfigurationError, match="HttpxTransport is no transport"):
        JoinMe("tok", transport=HttpxTransport)  # type: ignore[arg-type]


async def test_a_client_with_the_limiter_of_another_starts_with_a_handful_too(clock: FakeClock) -> None:
    """What nobody was told is not known the better for being shared."""
    under_way, most = 0, 0

    async def slow(request: Request) -> Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await clock.sleep(1.0)
        under_way -= 1
        return Response(404)

    first = JoinMe("tok", transport=ScriptedTransport(), clock=clock)
    second = JoinMe("tok", transport=ScriptedTransport([slow] * 10), clock=clock, rate_limit=first.limiter)
    async with anyio.create_task_group() as group:
        for _ in range(10):

            async def call() -> None:
                with pytest.raises(JoinMeError):
                    await second.meetings.get(7)

            group.start_soon(call)
    assert most == 8


async def test_a_client_that_was_closed_says_so_to_those_in_line(clock: FakeClock) -> None:
    """By the name of the client, and nothing is counted as sent."""
    joinme = JoinMe("tok", transport=ScriptedTransport([EMPTY]), clock=clock, rate_limit=RateLimit(1))
    await joinme.meetings.list()
    async with anyio.create_task_group() as group:

        async def call() -> None:
            with pytest.raises(ConfigurationError, match="this client is closed"):
                await joinme.meetings.list()

        group.start_soon(call)
        await clock.sleep(0.5)
        await joinme.aclose()


def test_a_limiter_is_used_in_one_event_loop_at_a_time() -> None:
    """Two loops that share one would wait for each other's tasks: that is said at once."""
    first = JoinMe("tok", transport=ScriptedTransport([EMPTY] * 20), rate_limit=RateLimit(1, per=0.5))
    second = JoinMe("tok", transport=ScriptedTransport([EMPTY] * 20), rate_limit=first.limiter)
    waiting, over, seen = threading.Event(), threading.Event(), []

    def note(event: Event) -> None:
        if isinstance(event, WaitStarted):
            waiting.set()
            over.wait(10)

    async def use() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(first.with_options(on_event=note).meetings.list())
            await asyncio.sleep(0)

    def elsewhere() -> None:
        waiting.wait(10)
        # The first loop is held up in its hook, with a call that is about to take its place in the queue.
        over.set()
        while first.limiter.snapshot().waiting == 0 and not seen:
            threading.Event().wait(0.001)
        try:
            asyncio.run(second.meetings.list())
        except ConfigurationError as error:
            seen.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    asyncio.run(use())
    seen.append("over")
    thread.join(10)
    assert "this rate limiter is in use in another event loop" in seen[0]


def test_a_loop_that_was_closed_over_its_calls_is_forgotten() -> None:
    """A notebook or a framework may close a loop with calls under way; the client serves the next loop all the same."""
    joinme = JoinMe("tok", transport=ScriptedTransport([EMPTY] * 9, concurrency=5), rate_limit=RateLimit(1))
    loop = asyncio.new_event_loop()
    tasks = []

    async def begin() -> None:
        await joinme.meetings.list()
        tasks.extend(asyncio.create_task(joinme.meetings.list()) for _ in range(3))
        await asyncio.sleep(0.05)

    loop.run_until_complete(begin())
    assert joinme.limiter.snapshot().waiting == 3
    loop.close()
    copy = joinme.with_options(timeout=Timeout(20))
    assert asyncio.run(copy.meetings.list()) == []
    for task in tasks:
        task._log_destroy_pending = False
    tasks.clear()
    gc.collect()
    assert "5 free" in repr(joinme)
    assert joinme.limiter.snapshot().waiting == 0


async def test_one_error_of_a_token_source_does_not_grow() -> None:
    """It is one error for all who waited for it, and its traceback is as long for the last as for the first."""
    own = LookupError("no refresh token")

    async def source(*, refused: str | None) -> str:
        await anyio.lowlevel.checkpoint()
        raise own

    joinme, lengths = JoinMe(source, transport=ScriptedTransport(), rate_limit=RateLimit(100)), []

    async def call() -> None:
        with pytest.raises(LookupError) as caught:
            await joinme.meetings.list()
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(call)
    assert max(lengths) <= 2 * min(lengths)


def test_who_left_with_its_loop_ends_nobody_elses_turn() -> None:
    """A leader whose loop was closed may be cleaned up later; by then another is at it."""
    memory, first, second = Memory(), _Lead(), _Lead()
    case = memory.case(new_meeting())
    memory.take(case, first, anew=True)
    memory.take(case, second, anew=True)
    memory.leave(case, first)
    assert case.lead is second
    memory.leave(case, second)
    assert (case.lead, "0 meetings" in repr(memory)) == (None, True)


def test_a_task_cancelled_between_its_waking_and_its_turn_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asyncio can cancel a task that was woken and has not run yet: the next in line goes on."""
    tasks: list[asyncio.Task[object]] = []
    cancelled: list[bool] = []
    hand_over = _Case.hand_over

    def and_cancel(self: _Case, *, to_all: bool) -> None:
        hand_over(self, to_all=to_all)
        if not cancelled:
            cancelled.append(tasks[1].cancel())

    monkeypatch.setattr(_Case, "hand_over", and_cancel)

    async def main() -> list[object]:
        async def slow(request: Request) -> Response:
            await asyncio.sleep(0.01)
            return Response(404)

        joinme = JoinMe("tok", transport=ScriptedTransport([slow] * 9), timeout=5.0)
        tasks.extend(asyncio.create_task(joinme.meetings.ensure(new_meeting())) for _ in range(4))
        return await asyncio.gather(*tasks, return_exceptions=True)

    ended = [type(each).__name__ for each in asyncio.run(main())]
    assert ended == ["NotFoundError", "CancelledError", "NotFoundError", "NotFoundError"]
