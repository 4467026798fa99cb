"""The stand-ins for tests do what they promise: they are products."""

import random
from datetime import UTC, datetime, timedelta, timezone

import anyio
import pytest

from joinme_async import ConfigurationError, Request, Response, TransportError
from joinme_async._clock import SystemClock
from joinme_async.testing import Exchange, FakeClock, RecordingTransport, ScriptedTransport


async def test_sleepers_wake_in_order_and_no_time_passes_outside() -> None:
    """An hour takes no time; tasks wake by their hour, those of the same hour in the order they came."""
    clock, woken = FakeClock(), []

    async def sleeper(seconds: float, name: str) -> None:
        await clock.sleep(seconds)
        woken.append((clock.now(), name))

    async with anyio.create_task_group() as group:
        for seconds, name in ((3600, "c"), (5, "a"), (60, "b"), (60, "d")):
            group.start_soon(sleeper, seconds, name)
    by_hour = sorted(woken, key=lambda item: item[0])
    assert woken == by_hour
    assert [name for _, name in woken if name in "ac"] == ["a", "c"]
    assert clock.now() == 3600


async def test_a_deadline_cuts_off_whoever_sleeps_longer() -> None:
    """The scope is cancelled at its time and says so; one that is in time leaves no trace."""
    clock = FakeClock()
    with clock.deadline(5) as scope:
        await clock.sleep(10)
    assert (scope.cancelled_caught, clock.now()) == (True, 5)
    with clock.deadline(5) as scope:
        await clock.sleep(4)
    assert (scope.cancelled_caught, clock.now()) == (False, 9)
    with clock.deadline(None) as scope:
        await clock.sleep(100)
    assert (scope.cancelled_caught, clock.now()) == (False, 109)
    with clock.deadline(0) as scope:
        await clock.sleep(1)
    assert (scope.cancelled_caught, clock.now()) == (True, 109)


async def test_an_endless_sleeper_lets_deadlines_pass() -> None:
    """Somebody who sleeps for ever still lets the clock jump to the next deadline, one set later too."""
    clock = FakeClock()
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, float("inf"))
        await anyio.wait_all_tasks_blocked()
        with clock.deadline(7) as scope:
            await anyio.sleep_forever()
        assert (scope.cancelled_caught, clock.now()) == (True, 7)
        group.cancel_scope.cancel()


async def test_a_cancelled_sleeper_does_not_hold_up_the_clock() -> None:
    """The next to wake takes over moving it."""
    clock = FakeClock()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as inner:
                group.start_soon(clock.sleep, 50)
                inner.start_soon(clock.sleep, 5)
                await anyio.lowlevel.checkpoint()
                scope.cancel()
    assert clock.now() == 50


async def test_without_autojump_time_stands_until_it_is_advanced() -> None:
    """`advance` rings what lies on the way in order, each at its own moment."""
    clock, seen = FakeClock(autojump=False), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append(seconds)

    async with anyio.create_task_group() as group:
        for seconds in (3, 1, 2, 9):
            group.start_soon(sleeper, seconds)
        await anyio.wait_all_tasks_blocked()
        assert clock.now() == 0
        clock.advance(2.5)
        await anyio.wait_all_tasks_blocked()
        assert sorted(seen) == [1, 2]
        clock.advance(10)
    assert clock.now() == 12.5


@pytest.mark.parametrize("seed", range(10))
async def test_many_tasks_keep_the_order_of_time(seed: int) -> None:
    """However tasks sleep, are cut off and cancel one another, each wakes at exactly its moment."""
    chance, clock = random.Random(seed), FakeClock()

    async def task() -> None:
        for _ in range(5):
            began, seconds, bound = clock.now(), chance.uniform(0, 10), chance.uniform(0, 10)
            with clock.deadline(bound) as scope:
                await clock.sleep(seconds)
            assert clock.now() - began == pytest.approx(min(seconds, bound))
            assert scope.cancelled_caught is (bound < seconds)

    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(task)
    assert clock.now() <= 50


def test_the_day_can_be_stepped_without_time_passing() -> None:
    """`set_wall` is a clock that jumps: what measures does not notice."""
    clock = FakeClock(datetime(2027, 6, 2, 11, tzinfo=timezone(timedelta(hours=2))))
    assert clock.wall() == datetime(2027, 6, 2, 9, tzinfo=UTC)
    clock.advance(5)
    clock.set_wall(datetime(2020, 1, 1, tzinfo=UTC))
    assert (clock.now(), clock.wall()) == (5, datetime(2020, 1, 1, tzinfo=UTC))
    clock.advance(5)
    assert clock.wall() == datetime(2020, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert repr(clock) == "<FakeClock: 2020-01-01T00:00:05+00:00, 10 s in>"
    with pytest.raises(ConfigurationError, match="aware"):
        FakeClock(datetime(2027, 1, 1))


async def test_the_real_clock_keeps_the_same_contract() -> None:
    """Monotonic, aware, and its deadline cuts off."""
    clock = SystemClock()
    assert clock.now() <= clock.now()
    assert abs(clock.wall() - datetime.now(UTC)) < timedelta(minutes=1)
    await clock.sleep(-1)
    with clock.deadline(0.0) as scope:
        await clock.sleep(60)
    assert scope.cancelled_caught


REQUEST = Request("GET", "https://x/y")


async def test_a_script_is_followed_and_its_end_is_an_error() -> None:
    """Responses are returned, exceptions raised, callables asked; the request past the end is a failed test."""

    async def answer(request: Request) -> Response:
        return Response(200, {}, request.url.encode())

    transport = ScriptedTransport([Response(204), TransportError("gone"), answer], concurrency=3)
    assert (await transport.send(REQUEST)).status == 204
    with pytest.raises(TransportError, match="gone"):
        await transport.send(REQUEST)
    assert (await transport.send(REQUEST)).content == b"https://x/y"
    with pytest.raises(AssertionError, match="no answer to request 4: GET https://x/y"):
        await transport.send(REQUEST)
    transport.script.append(Response(200))
    assert (await transport.send(REQUEST)).status == 200
    assert (transport.requests, transport.concurrency) == ([REQUEST] * 5, 3)
    assert repr(transport) == "<ScriptedTransport: 5 requests met, 0 answers left>"
    await transport.aclose()
    assert transport.closed


async def test_a_recording_keeps_everything() -> None:
    """Answers, errors and cancellations alike."""
    gone = TransportError("gone")

    async def never(request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    inner = ScriptedTransport([Response(204), gone, never], concurrency=2)
    recording = RecordingTransport(inner)
    await recording.send(REQUEST)
    with pytest.raises(TransportError):
        await recording.send(REQUEST)
    with anyio.move_on_after(0.01):
        await recording.send(REQUEST)
    assert recording.exchanges[:2] == [Exchange(REQUEST, Response(204)), Exchange(REQUEST, error=gone)]
    assert isinstance(recording.exchanges[2].error, anyio.get_cancelled_exc_class())
    assert recording.concurrency == 2
    assert "3 exchanges" in repr(recording)
    await recording.aclose()
    assert inner.closed


def test_the_plugins_fixture_is_there_for_users(pytester: pytest.Pytester) -> None:
    """A user's test asks for `joinme_sandbox` without importing or configuring anything."""
    pytester.makepyfile(
        """
        from datetime import timedelta
        import anyio
        from joinme_async import JoinMe, NewMeeting

        def test_mine(joinme_sandbox):
            async def main():
                joinme = JoinMe(
                    joinme_sandbox.token, transport=joinme_sandbox.transport(), clock=joinme_sandbox.clock
                )
                start = joinme_sandbox.clock.wall() + timedelta(days=1)
                await joinme.meetings.schedule(NewMeeting("x", start, start + timedelta(hours=1)))
                assert len(await joinme.meetings.list()) == 1
            anyio.run(main)
            assert [entry.did for entry in joinme_sandbox.ledger] == ["created", ""]
        """
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=1)
