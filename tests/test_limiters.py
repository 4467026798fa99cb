"""The limiter of one process: first come, first served, exact under cancellation, and no turn that comes too late."""

import random
from math import inf

import anyio
import pytest

from joinme_async import LimiterSnapshot, RateLimit, Signals, Turn
from joinme_async._retry._limiters import LocalLimiter
from joinme_async.testing import FakeClock

SLOW_DOWN = Signals(429, "ERR_403_DEVELOPER_OVER_QPS", retry_after=5.0)


async def turns() -> None:
    """Let every task run until it waits, and no time pass: trio takes its tasks in no order, and the clock is patient."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


async def test_a_free_permit_costs_no_suspension(clock: FakeClock) -> None:
    """With a limit and without, the permit is there before the event loop gets a turn."""
    for limiter in (LocalLimiter([RateLimit(1)], clock), LocalLimiter([], clock)):
        with pytest.raises(StopIteration) as done:
            limiter.acquire(None).send(None)
        assert done.value.value is None


async def test_first_come_first_served(clock: FakeClock) -> None:
    """Whoever asked first starts first, whatever their deadlines, each in its own time."""
    limiter, order = LocalLimiter([RateLimit(2)], clock), []

    async def call(name: int) -> None:
        assert await limiter.acquire([None, 100.0][name % 2]) is None
        order.append((name, clock.now()))

    async with anyio.create_task_group() as group:
        for name in range(7):
            group.start_soon(call, name)
            await turns()
    assert [name for name, _ in order] == list(range(7))
    assert [at for _, at in order] == pytest.approx([0, 0, 1.1, 1.6, 2.11, 2.61, 3.12])


async def test_a_newcomer_does_not_overtake(clock: FakeClock) -> None:
    """A permit that comes free belongs to the first in the queue, even while it is only waking up."""
    limiter, order = LocalLimiter([RateLimit(1)], clock), []

    async def call(name: str) -> None:
        await limiter.acquire(None)
        order.append(name)

    async with anyio.create_task_group() as group:
        await limiter.acquire(None)
        group.start_soon(call, "waiting")
        await turns()
        clock.advance(10.0)
        await call("newcomer")
    assert order == ["waiting", "newcomer"]


async def test_a_turn_beyond_the_deadline_is_refused_at_once(clock: FakeClock) -> None:
    """It is told how far away it is, takes no place in the queue, and no time passes."""
    limiter = LocalLimiter([RateLimit(2)], clock)
    for _ in range(2):
        await limiter.acquire(None)
    assert await limiter.acquire(1.0) == Turn(pytest.approx(1.1))
    assert await limiter.acquire(0.0) == Turn(pytest.approx(1.1))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(limiter.acquire, None)
        await turns()
        assert limiter.snapshot().waiting == 3
        assert await limiter.acquire(2.5) == Turn(pytest.approx(2.61))
        assert clock.now() == 0.0
    assert await limiter.acquire(inf) is None


async def test_a_cancelled_waiter_leaves_and_those_behind_move_up(clock: FakeClock) -> None:
    """At the head, in the middle and at the end: nobody loses time to somebody who has gone."""
    limiter, started, scopes = LocalLimiter([RateLimit(1)], clock), {}, {}

    async def call(name: int) -> None:
        with anyio.CancelScope() as scopes[name]:
            await limiter.acquire(None)
            started[name] = clock.now()

    await limiter.acquire(None)
    async with anyio.create_task_group() as group:
        for name in range(6):
            group.start_soon(call, name)
            await turns()
        for name in (0, 3, 5):
            scopes[name].cancel()
    assert started == pytest.approx({1: 1.01, 2: 2.02, 4: 3.03})
    assert limiter.snapshot().waiting == 0


async def test_a_cool_down_moves_every_turn_and_sends_away_whom_it_moves_too_far(clock: FakeClock) -> None:
    """Those who can wait start after it, paced; those who cannot are told at once what opened it."""
    limiter, told = LocalLimiter([RateLimit(1)], clock), {}

    async def call(name: str, timeout: float | None) -> None:
        turn = await limiter.acquire(timeout)
        told[name] = (turn, clock.now())

    await limiter.acquire(None)
    async with anyio.create_task_group() as group:
        for name, timeout in (("head", 3.0), ("patient", None), ("hasty", 4.0), ("steady", 60.0)):
            group.start_soon(call, name, timeout)
            await turns()
        await clock.sleep(0.5)
        limiter.observe(SLOW_DOWN)
        assert await limiter.acquire(2.0) == Turn(pytest.approx(5 + 2 * 1.02), refusal=SLOW_DOWN)
    assert told["head"] == (Turn(pytest.approx(5.0), refusal=SLOW_DOWN), 0.5)
    assert told["hasty"] == (Turn(pytest.approx(6.02), refusal=SLOW_DOWN), 0.5)  # behind one who can wait
    assert told["patient"] == (None, pytest.approx(5.5))
    assert told["steady"] == (None, pytest.approx(6.5, abs=0.1))


async def test_a_quota_is_said_to_be_one(clock: FakeClock) -> None:
    """A turn that waits for a day's quota is told apart from one that waits for its place in a second."""
    limiter = LocalLimiter([RateLimit(1), RateLimit(2, per=86400)], clock)
    await limiter.acquire(None)
    assert await limiter.acquire(0.5) == Turn(pytest.approx(1.01))
    await limiter.acquire(None)
    assert await limiter.acquire(50.0) == Turn(pytest.approx(86400.1 - 1.01), over_quota=True)


async def test_its_state_can_be_seen(clock: FakeClock) -> None:
    """A frozen snapshot, and a repr that says the same in words."""
    limiter = LocalLimiter([], clock)
    assert limiter.snapshot() == LimiterSnapshot(guard=0.01)
    assert repr(limiter) == "<RateLimiter: no limit known, 0 waiting>"
    limiter.observe(Signals(200))
    limiter.observe(SLOW_DOWN)
    async with anyio.create_task_group() as group:
        group.start_soon(limiter.acquire, None)
        await turns()
        learned = RateLimit(5, per=1 / 0.95)
        assert limiter.snapshot() == LimiterSnapshot((), learned, 0.02, 1, 5.0, SLOW_DOWN)
        assert repr(limiter) == "<RateLimiter: learnt 4.75 per s, 1 waiting, cool-down for 5 s>"
    assert limiter.snapshot() == LimiterSnapshot((), learned, 0.02)
    told = LocalLimiter([RateLimit(20), RateLimit(5000, per=86400)], clock)
    assert repr(told) == "<RateLimiter: 20 per 1 s, 5000 per 86400 s, 0 waiting>"


@pytest.mark.parametrize("seed", range(12))
async def test_thousands_of_random_cancellations(seed: int, clock: FakeClock) -> None:
    """However calls come, go and are refused: windows hold, cool-downs hold, the queue is empty in the end."""
    chance, limits = random.Random(seed), [RateLimit(5), RateLimit(12, per=4.0)]
    limiter, starts, holds, scopes = LocalLimiter(limits, clock), [], [], []

    async def call() -> None:
        began, timeout = clock.now(), chance.choice([None, 0.3, 2.0, 30.0])
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            turn = await limiter.acquire(timeout)
            if turn is None:
                starts.append(clock.now())
                # Only a cool-down that opened meanwhile may have moved a turn that was promised.
                late = any(began <= opened <= clock.now() for opened, _ in holds)
                assert timeout is None or late or clock.now() - began <= timeout + 1e-6
            else:
                assert timeout is not None
                assert turn.after > 0

    async with anyio.create_task_group() as group:
        for _ in range(300):
            group.start_soon(call)
            if chance.random() < 0.3:
                await clock.sleep(chance.random())
            if chance.random() < 0.5:
                chance.choice(scopes[-20:] or [anyio.CancelScope()]).cancel()
            if chance.random() < 0.05:
                hold = chance.choice([0.0, 0.5, 3.0])
                limiter.observe(Signals(429, retry_after=hold))
                holds.append((clock.now(), clock.now() + hold))
            if chance.random() < 0.05:
                clock.set_wall(clock.wall().replace(year=chance.choice([2020, 2030])))
    for limit in limits:
        for index in range(len(starts) - limit.calls):
            assert starts[index + limit.calls] - starts[index] > limit.per
    assert not any(opened < start < over for start in starts for opened, over in holds)
    assert limiter.snapshot().waiting == 0
    assert len(starts) > 30
