"""What is sent again and when, judged by the sandbox's ledger: every fault, at every point, for every call."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest

from joinme_async import (
    AttemptEnded,
    AttemptStarted,
    CoolDownClosed,
    CoolDownOpened,
    DeadlineExceededError,
    Event,
    JoinMe,
    JoinMeError,
    NotFoundError,
    OutcomeUnknown,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimit,
    RateLimitedError,
    Request,
    Response,
    RetryPolicy,
    ServerError,
    Timeout,
    TransportError,
    UnexpectedResponseError,
    WaitStarted,
)
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock, ScriptedTransport
from tests.conftest import HOUR, START, new_meeting
from tests.test_layer import EMPTY, GOOD, Refresher

CALLS: dict[str, Callable[[JoinMe, int], Awaitable[Any]]] = {
    "list": lambda joinme, _: joinme.meetings.list(),
    "get": lambda joinme, number: joinme.meetings.get(number),
    "schedule": lambda joinme, _: joinme.meetings.schedule(new_meeting(name="Another")),
    "update": lambda joinme, number: joinme.meetings.update(number, name="Renamed"),
    "delete": lambda joinme, number: joinme.meetings.delete(number),
}
DONE = {"list": "", "get": "", "schedule": "created", "update": "changed", "delete": "deleted"}
# What happened before any work, and says so: any call goes again.
HARMLESS = [
    Fault.unreachable(), Fault.refuse(), Fault.refuse("ERR_403_SERVICE_OVER_QPS", retry_after=None),
    Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7), Fault.refuse("", status=429, retry_after=3),
]  # fmt: skip
# What leaves it open whether the work was done.
DOUBTFUL = [
    Fault.lose(), Fault.lose(done=False), Fault.lose(commit_after=1.0), Fault.cut(), Fault.late(40.0),
    Fault.late(40.0, commit_after=1.0), *(Fault.error(status, done=done) for status in (500, 502, 503, 504) for done in (False, True)),
]  # fmt: skip
# What a repetition would not heal.
FINAL = [
    Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), Fault.refuse("ERR_403_NOT_AUTHORIZED"), Fault.refuse("ERR_403_NEW_ONE"),
    Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=None), Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200),
    Fault.error(501), Fault.stale_token(), Fault.stale_token(status=403),
]  # fmt: skip


async def prepared(sandbox: Sandbox, joinme: JoinMe) -> int:
    return (await joinme.meetings.schedule(new_meeting())).id


def work_done(sandbox: Sandbox, name: str) -> int:
    return sum(entry.did == DONE[name] and (entry.did != "" or entry.status == 200) for entry in sandbox.ledger[1:])


def struck(sandbox: Sandbox) -> list[str]:
    return [entry.fault for entry in sandbox.ledger if entry.fault]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", HARMLESS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("name", CALLS)
async def test_what_was_not_done_is_done_in_the_end(
    name: str, fault: Fault, times: int, sandbox: Sandbox, joinme: JoinMe
) -> None:
    """Refused before any work, or never arrived: every call is repeated, and the work is done exactly once."""
    number = await prepared(sandbox, joinme)
    sandbox.plant(fault, times=times)
    await CALLS[name](joinme, number)
    assert struck(sandbox) == [fault.name] * times
    assert work_done(sandbox, name) == 1
    assert len(sandbox.ledger) == 1 + times + 1


@pytest.mark.parametrize("times", [1, 2, 9])
@pytest.mark.parametrize("fault", DOUBTFUL, ids=lambda fault: f"{fault.name} {fault.commit_after:g}")
@pytest.mark.parametrize("name", CALLS)
async def test_what_may_have_been_done_is_repeated_only_where_that_is_harmless(
    name: str, fault: Fault, times: int, sandbox: Sandbox, joinme: JoinMe, clock: FakeClock
) -> None:
    """A read, a change and a deletion go again, four times at the most; a POST never, and its outcome is unknown."""
    number = await prepared(sandbox, joinme)
    sandbox.plant(fault, times=times)
    joinme = joinme.with_options(timeout=300.0)
    if name == "schedule":
        with pytest.raises(OutcomeUnknownError) as caught:
            await CALLS[name](joinme, number)
        assert (caught.value.meeting, caught.value.attempts) == (new_meeting(name="Another"), 1)
        assert len(sandbox.ledger) == 2
        await clock.sleep(100)
        assert sum(meeting.name == "Another" for meeting in sandbox.meetings) == work_done(sandbox, name) <= 1
    elif times < 4:
        await CALLS[name](joinme, number)
        assert len(sandbox.ledger) == 1 + times + 1 or name == "delete"
        assert work_done(sandbox, name) >= 1
    else:
        with pytest.raises((TransportError, ServerError, NotFoundError)):
            await CALLS[name](joinme, number)
        assert len(sandbox.ledger) == 5
    assert struck(sandbox)


@pytest.mark.parametrize("fault", FINAL, ids=lambda fault: fault.name)
@pytest.mark.parametrize("name", CALLS)
async def test_what_no_repetition_heals_is_the_callers_at_once(
    name: str, fault: Fault, sandbox: Sandbox, joinme: JoinMe, clock: FakeClock
) -> None:
    """One request, no waiting, and the error for it."""
    number = await prepared(sandbox, joinme)
    sandbox.plant(fault, times=None)
    before = clock.now()
    with pytest.raises(JoinMeError) as caught:
        await CALLS[name](joinme, number)
    assert (caught.value.attempts, clock.now()) == (1, before)
    assert len(sandbox.ledger) == 2


async def test_an_unreadable_answer_is_asked_for_once_more(sandbox: Sandbox, joinme: JoinMe) -> None:
    """A GET whose answer was garbled goes out again, once; a change or a schedule does not."""
    number = await prepared(sandbox, joinme)
    sandbox.plant(Fault.garble())
    assert len(await joinme.meetings.list()) == 1
    sandbox.plant(Fault.garble(), times=None)
    for call, attempts in ((joinme.meetings.list(), 2), (joinme.meetings.update(number, name="x"), 1)):
        with pytest.raises(UnexpectedResponseError) as caught:
            await call
        assert caught.value.attempts == attempts
    with pytest.raises(OutcomeUnknownError):
        await joinme.meetings.schedule(new_meeting())


async def test_a_deletion_whose_answer_was_lost_has_succeeded(sandbox: Sandbox, joinme: JoinMe) -> None:
    """The 404 of the repetition says so; without a doubt before it, a 404 is an error."""
    number = await prepared(sandbox, joinme)
    sandbox.plant(Fault.lose())
    await joinme.meetings.delete(number)
    assert [entry.status for entry in sandbox.ledger[1:]] == [0, 404]
    sandbox.plant(Fault.unreachable())
    with pytest.raises(NotFoundError):
        await joinme.meetings.delete(number)
    sandbox.plant(Fault.error(503))
    answer = await joinme.request("DELETE", f"/meetings/{number}")
    assert answer.status == 404


async def test_a_refused_token_of_a_create_is_replaced(sandbox: Sandbox, clock: FakeClock) -> None:
    """A 401 was refused before any work: the POST goes again with the new token, and one meeting is made."""
    source = Refresher()
    sandbox.accept("tok-1")
    sandbox.accept("tok-2")
    sandbox.expire("tok-1")
    sandbox.plant(Fault.error(503), skip=1)
    joinme = JoinMe(source, transport=sandbox.transport(), clock=clock)
    with pytest.raises(OutcomeUnknownError):
        await joinme.meetings.schedule(new_meeting())
    await joinme.meetings.schedule(new_meeting())
    assert [entry.status for entry in sandbox.ledger] == [401, 503, 201]
    assert source.asked == [None, "tok-1", None]


async def test_a_new_token_is_asked_for_before_each_later_attempt(clock: FakeClock) -> None:
    """Once replaced, the source is asked again as ever: it may know that a token has run out."""
    source = Refresher()
    refused = Response(401, {}, b'{"ErrorCode": "stale_token"}')
    transport = ScriptedTransport([refused, Response(503), Response(503), GOOD])
    await JoinMe(source, transport=transport, clock=clock).meetings.get(7)
    assert source.asked == [None, "tok-1", None, None]


async def test_a_wait_that_does_not_fit_is_not_begun(sandbox: Sandbox, clock: FakeClock) -> None:
    """The call fails at once with the refusal's own error, and says when it is worth asking again."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, timeout=10.0)
    sandbox.plant(Fault.refuse(retry_after=12))
    with pytest.raises(RateLimitedError) as caught:
        await joinme.meetings.schedule(new_meeting())
    assert clock.now() == 0.0
    assert caught.value.retry_at == clock.wall() + timedelta(seconds=12)
    # Who cannot wait out the cool-down is told the same without a request; who can, waits.
    await clock.sleep(1.0)
    with pytest.raises(RateLimitedError) as kept_out:
        await joinme.meetings.list()
    assert (kept_out.value.status, kept_out.value.code) == (403, "ERR_403_DEVELOPER_OVER_QPS")
    assert (kept_out.value.attempts, kept_out.value.retry_after) == (0, pytest.approx(11.0))
    assert kept_out.value.retry_at == caught.value.retry_at
    assert len(sandbox.ledger) == 1
    await joinme.with_options(timeout=60.0).meetings.list()
    assert clock.now() == pytest.approx(12.0)


async def test_a_used_up_quota_stops_everybody_until_it_reopens(clock: FakeClock) -> None:
    """QuotaExceededError at once for each call, sent or not, with the time at which it is worth asking again."""
    sandbox = Sandbox(clock=clock, per_day=2)
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    for _ in range(2):
        await joinme.meetings.list()
    for attempts in (1, 0, 0):
        with pytest.raises(QuotaExceededError) as caught:
            await joinme.meetings.list()
        assert caught.value.attempts == attempts
        assert caught.value.retry_at == clock.wall() + timedelta(days=1)
    assert len(sandbox.ledger) == 3
    await joinme.with_options(timeout=Timeout(None)).meetings.list()
    assert clock.now() == pytest.approx(86400)


async def test_a_quota_of_ones_own_is_kept_without_a_request(sandbox: Sandbox, clock: FakeClock) -> None:
    """A RateLimit over a day is a quota: reaching it raises unless the wait fits the deadline."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(2, per=86400))
    for _ in range(2):
        await joinme.meetings.list()
    with pytest.raises(QuotaExceededError, match="quota set for this client") as caught:
        await joinme.meetings.list()
    assert (caught.value.attempts, caught.value.retry_after) == (0, pytest.approx(86400.1))
    assert caught.value.retry_at == clock.wall() + timedelta(seconds=86400.1)
    assert len(sandbox.ledger) == 2


async def test_a_503_that_asks_for_a_pause_holds_everybody(sandbox: Sandbox, clock: FakeClock) -> None:
    """Nobody calls earlier than the service asked, and who cannot wait gets its error with the time left."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, timeout=20.0)
    transport = ScriptedTransport([Response(503, {"Retry-After": "30"})])
    joinme = JoinMe("tok", transport=transport, clock=clock, timeout=20.0)
    with pytest.raises(ServerError):
        await joinme.meetings.list()
    await clock.sleep(5.0)
    with pytest.raises(ServerError) as caught:
        await joinme.meetings.schedule(new_meeting())
    assert (caught.value.status, caught.value.retry_after, caught.value.attempts) == (503, pytest.approx(25.0), 0)
    assert len(transport.requests) == 1


async def test_a_limiter_of_ones_own_cannot_make_a_call_too_early(clock: FakeClock) -> None:
    """The wait that the service asked for is kept even where the limiter takes no notice of it."""

    class Deaf:
        async def acquire(self, timeout: float | None) -> None:
            return None

        def observe(self, signals) -> None: ...

        def snapshot(self):
            from joinme_async import LimiterSnapshot  # noqa: PLC0415

            return LimiterSnapshot()

    transport = ScriptedTransport([Response(429, {"Retry-After": "9"}), EMPTY])
    await JoinMe("tok", transport=transport, clock=clock, rate_limit=Deaf()).meetings.list()
    assert clock.now() == 9.0


async def test_never_means_never(sandbox: Sandbox, clock: FakeClock) -> None:
    """RetryPolicy.never() sends once, waits for nothing, and gives the error as it came."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, retry=RetryPolicy.never())
    for fault, kind in (
        (Fault.refuse(), RateLimitedError), (Fault.error(503), ServerError), (Fault.unreachable(), TransportError),
        (Fault.garble(), UnexpectedResponseError),
    ):  # fmt: skip
        await clock.sleep(2.0)
        sandbox.plant(fault)
        before, now = len(sandbox.ledger), clock.now()
        with pytest.raises(kind):
            await joinme.meetings.list()
        assert (len(sandbox.ledger) - before, clock.now()) == (1, now)


async def test_an_outage_is_not_multiplied(clock: FakeClock) -> None:
    """A minute in which everything fails, a hundred calls in flight: 1.2 times the calls at the most, however it fails."""
    for fault in (Fault.unreachable(), Fault.error(503), Fault.lose(done=False)):
        sandbox = Sandbox(clock=clock)
        joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(10_000))
        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(joinme.meetings.list)
        warm = len(sandbox.ledger)
        sandbox.plant(fault, times=None)
        calls, over = 0, clock.now() + 60

        async def caller(joinme: JoinMe, over: float) -> None:
            nonlocal calls
            while clock.now() < over:
                calls += 1
                with pytest.raises(JoinMeError):
                    await joinme.meetings.list()
                await clock.sleep(3.0)

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(caller, joinme, over)
        assert calls > 1500
        assert calls < len(sandbox.ledger) - warm <= 1.2 * calls


async def test_a_hundred_calls_at_once_that_all_fail_cost_ten_repeats(clock: FakeClock) -> None:
    """The floor of the budget is all that there is for a burst; copies share it."""
    sandbox = Sandbox(clock=clock)
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, rate_limit=RateLimit(10_000))
    copy = joinme.with_options(retry=RetryPolicy(attempts=50), timeout=5000.0)
    sandbox.plant(Fault.error(500), times=None)

    async def call(client: JoinMe) -> None:
        with pytest.raises(ServerError):
            await client.meetings.list()

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(call, joinme)
            group.start_soon(call, copy)
    assert len(sandbox.ledger) == 110


async def test_a_repeat_that_was_worth_it_is_given_back(sandbox: Sandbox, joinme: JoinMe) -> None:
    """A service that fails every other time is survived for as long as you like."""
    for _ in range(50):
        sandbox.plant(Fault.error(503))
        await joinme.meetings.list()
    assert len(sandbox.ledger) == 100


async def test_without_a_limit_a_client_starts_with_a_handful(clock: FakeClock) -> None:
    """Eight calls at first, twice as many with every round of good answers; none more after answers that are not good."""
    under_way, seen = 0, []

    async def answer(request: Request) -> Response:
        nonlocal under_way
        under_way += 1
        seen.append(under_way)
        await clock.sleep(1.0)
        under_way -= 1
        return EMPTY

    joinme = JoinMe("tok", transport=ScriptedTransport([answer] * 200, concurrency=60), clock=clock)
    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(joinme.meetings.list)
    assert (seen[7], max(seen)) == (8, 60)
    assert clock.now() == pytest.approx(6.0)  # 8, 16, 32, 60, 60, 24
    seen.clear()
    told = JoinMe(
        "tok", transport=ScriptedTransport([answer] * 60, concurrency=60), clock=clock, rate_limit=RateLimit(100)
    )
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(told.meetings.list)
    assert max(seen) == 60


async def test_waiting_holds_no_connection(clock: FakeClock) -> None:
    """The slot of a call that backs off is free for others."""
    transport = ScriptedTransport([Response(503), EMPTY, EMPTY], concurrency=1)
    joinme = JoinMe(
        "tok", transport=transport, clock=clock, retry=RetryPolicy(base=100, cap=100), timeout=Timeout(None)
    )
    async with anyio.create_task_group() as group:
        group.start_soon(joinme.meetings.list)
        while not transport.requests:
            await anyio.lowlevel.checkpoint()
        await joinme.meetings.list()
    assert len(transport.requests) == 3


@pytest.mark.parametrize("seed", range(8))
async def test_random_cancellation_loses_nothing(seed: int, clock: FakeClock) -> None:
    """Thousands of calls cancelled at any moment, faults all the while: no slot, permit or meeting is lost or doubled."""
    chance = random.Random(seed)
    sandbox = Sandbox(clock=clock, per_second=40)
    events: list[Event] = []
    joinme = JoinMe(
        sandbox.token, transport=sandbox.transport(concurrency=10), clock=clock, on_event=events.append,
        rate_limit=chance.choice([None, RateLimit(30)]), timeout=chance.choice([8.0, Timeout(None, 2.0)]),
    )  # fmt: skip
    ended: Counter[str] = Counter()
    sandbox.plant(*chance.choices([*HARMLESS[:3], *DOUBTFUL], k=60), times=2, skip=3)

    async def call(number: int) -> None:
        ended[name := f"Meeting {number}"] = 0
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            try:
                await joinme.meetings.schedule(new_meeting(name=name))
                ended[name] = 1
            except OutcomeUnknownError:
                ended[name] = -1
            except JoinMeError:
                ended[name] = -2

    scopes: list[anyio.CancelScope] = []
    async with anyio.create_task_group() as group:
        for number in range(250):
            group.start_soon(call, number)
            if chance.random() < 0.4:
                await clock.sleep(chance.random() / 5)
            if chance.random() < 0.6:
                chance.choice(scopes[-15:] or [anyio.CancelScope()]).cancel()
    await clock.sleep(60)
    made = Counter(entry.body["meetingName"] for entry in sandbox.ledger if entry.did == "created")
    assert max(made.values()) == 1
    assert all(made[name] == 1 for name, how in ended.items() if how == 1)
    assert not any(made[name] for name, how in ended.items() if how == -2)
    in_doubt = {event.meeting.name for event in events if isinstance(event, OutcomeUnknown) and event.meeting}
    assert {name for name, how in ended.items() if how == -1} <= in_doubt
    # A meeting that was made without its caller hearing of it was announced as one in doubt.
    assert {name for name in made if ended[name] != 1} <= in_doubt
    assert "10 free, 0 waiting" in repr(joinme)
    assert joinme.limiter.snapshot().waiting == 0
    sandbox.clear_faults()
    assert isinstance(await joinme.meetings.list(), list)


async def test_a_create_cancelled_in_flight_is_announced(
    sandbox: Sandbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller is gone, so an event and a warning tell of the doubt; cancelled before its start there is none."""
    events: list[Event] = []
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, on_event=events.append)
    sandbox.plant(Fault.late(10.0))
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(joinme.meetings.schedule, new_meeting())
            while not sandbox.ledger:
                await anyio.lowlevel.checkpoint()
            scope.cancel()
    (doubt,) = [event for event in events if isinstance(event, OutcomeUnknown)]
    assert (doubt.meeting, doubt.because, doubt.path) == (new_meeting(), None, "/meetings")
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "cancelled while it was under way" in record.message
    assert "boss@join.me" not in caplog.text

    joinme.limiter.observe(__import__("joinme_async").Signals(429, retry_after=100.0))
    caplog.clear()
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(joinme.with_options(timeout=Timeout(None)).meetings.schedule, new_meeting())
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            scope.cancel()
    assert len(sandbox.ledger) == 1
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def told(events: list[Event]) -> list[str]:
    names = []
    for event in events:
        match event:
            case WaitStarted():
                names.append(f"wait {event.why}")
            case AttemptStarted():
                names.append(f"start {event.attempt}")
            case AttemptEnded():
                names.append(f"end {event.status or type(event.error).__name__}")
            case _:
                names.append(type(event).__name__)
    return names


async def test_no_wait_is_silent(clock: FakeClock) -> None:
    """Every time that passes before an answer is announced before it passes, with its reason and length."""
    events: list[Event] = []
    moments: list[float] = []

    def note(event: Event) -> None:
        events.append(event)
        moments.append(clock.now())

    async def source(*, refused: str | None) -> str:
        if refused or not events:
            await clock.sleep(1.0)
        return "tok-2" if refused or len(events) > 4 else "tok-1"

    refusal = Response(403, {"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS", "Retry-After": "3"})
    script = [Response(401), refusal, Response(503, {"Retry-After": "2"}), TransportError("gone"), EMPTY]
    joinme = JoinMe(source, transport=ScriptedTransport(script), clock=clock, on_event=note, retry=RetryPolicy(base=0))
    assert await joinme.meetings.list() == []
    assert told(events) == [
        "wait token", "start 1", "end 401",
        "wait token", "start 2", "end 403", "CoolDownOpened",
        "wait cool-down", "CoolDownClosed", "start 3", "end 503", "CoolDownOpened",
        "wait back-off", "CoolDownClosed", "start 4", "end TransportError",
        "wait back-off", "start 5", "end 200",
    ]  # fmt: skip
    waits = [event.seconds for event in events if isinstance(event, WaitStarted)]
    assert waits[:4] == [None, None, pytest.approx(3.0), pytest.approx(2.0)]
    passed = {
        event_a: later - now
        for event_a, now, later in zip(told(events), moments, moments[1:], strict=False)
        if later > now
    }
    assert all(name.startswith("wait") for name in passed)
    opened = next(event for event in events if isinstance(event, CoolDownOpened))
    assert (opened.seconds, opened.status, opened.code) == (3.0, 403, "ERR_403_DEVELOPER_OVER_QPS")
    closed = next(event for event in events if isinstance(event, CoolDownClosed))
    assert (closed.method, closed.path) == ("GET", "/meetings")
    assert all(event.message.startswith("GET /meetings: ") for event in events)


async def test_waiting_in_line_is_announced(clock: FakeClock) -> None:
    """For a connection, and for a turn under the limit, with the time until it."""
    events: list[Event] = []

    async def slow(request: Request) -> Response:
        await clock.sleep(1.0)
        return EMPTY

    joinme = JoinMe(
        "tok", transport=ScriptedTransport([slow] * 3, concurrency=1), clock=clock, on_event=events.append,
        rate_limit=RateLimit(1, per=5.0),
    )  # fmt: skip
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(joinme.meetings.list)
    waits = [(event.why, event.seconds) for event in events if isinstance(event, WaitStarted)]
    assert waits == [("connection", None), ("rate limit", pytest.approx(4.05))]


async def test_a_turn_too_late_after_a_failure_is_that_failure(clock: FakeClock) -> None:
    """A wait that does not fit ends the call with what happened last, heard or unheard."""
    for hook in (None, lambda _: None):
        transport = ScriptedTransport([Response(503), EMPTY])
        joinme = JoinMe(
            "tok", transport=transport, clock=clock, rate_limit=RateLimit(1, per=100.0), timeout=30.0, on_event=hook
        )
        with pytest.raises(ServerError):
            await joinme.meetings.list()
        with pytest.raises(DeadlineExceededError, match="under the rate limit"):
            await joinme.meetings.list()
        assert len(transport.requests) == 1


async def test_a_call_in_time_is_not_held_up_by_a_hopeless_one(sandbox: Sandbox, clock: FakeClock) -> None:
    """A 403 without a code is no refusal for speed: it opens no cool-down."""
    joinme = JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
    sandbox.plant(Fault.refuse("ERR_403_NOT_AUTHORIZED", retry_after=50))
    with pytest.raises(PermissionDeniedError):
        await joinme.meetings.list()
    await joinme.meetings.list(until=START + HOUR)
    assert clock.now() == 0.0
