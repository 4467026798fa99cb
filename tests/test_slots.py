"""Slots are handed out first come, first served, and none is ever lost."""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from joinme_async._retry._slots import Slots
from joinme_async.testing import FakeClock


async def test_a_free_slot_costs_no_suspension() -> None:
    """Taking one that is free goes through without giving the event loop a turn."""
    for slots in (Slots(1), Slots(None)):
        with pytest.raises(StopIteration):
            slots.acquire().send(None)


async def test_waiters_are_served_in_order() -> None:
    """Whoever came first goes first, and a newcomer does not overtake."""
    slots, order = Slots(1), []

    async def call(name: int) -> None:
        await slots.acquire()
        order.append(name)
        await anyio.lowlevel.checkpoint()
        slots.release()

    await slots.acquire()
    async with anyio.create_task_group() as group:
        for name in range(5):
            group.start_soon(call, name)
            await anyio.wait_all_tasks_blocked()
        assert repr(slots) == "<Slots: 0 free, 5 waiting>"
        slots.release()
        group.start_soon(call, 5)
    assert order == [0, 1, 2, 3, 4, 5]
    assert repr(slots) == "<Slots: 1 free, 0 waiting>"


@pytest.mark.parametrize("seed", range(20))
async def test_no_slot_is_lost_under_random_cancellation(seed: int) -> None:
    """Thousands of calls cancelled at any moment: never too many at once, and all slots free in the end."""
    chance, slots, busy = random.Random(seed), Slots(3), 0

    async def call() -> None:
        nonlocal busy
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await slots.acquire()
            try:
                busy += 1
                assert busy <= 3
                for _ in range(chance.randrange(4)):
                    await anyio.lowlevel.checkpoint()
            finally:
                busy -= 1
                slots.release()

    scopes: list[anyio.CancelScope] = []
    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(call)
            if chance.random() < 0.5:
                await anyio.lowlevel.checkpoint()
            if scopes and chance.random() < 0.5:
                chance.choice(scopes).cancel()
    assert repr(slots) == "<Slots: 3 free, 0 waiting>"


async def test_slots_open_one_by_one() -> None:
    """A handful at first; each widening lets the next in line in, up to the total and no further."""
    slots, inside = Slots(3, 1), []

    async def call(name: int) -> None:
        await slots.acquire()
        inside.append(name)

    async with anyio.create_task_group() as group:
        for name in range(4):
            group.start_soon(call, name)
            await anyio.wait_all_tasks_blocked()
        assert inside == [0]
        assert repr(slots) == "<Slots: 2 free, 3 waiting, 1 at once so far>"
        for expected in ([0, 1], [0, 1, 2], [0, 1, 2]):
            slots.widen()
            await anyio.wait_all_tasks_blocked()
            assert inside == expected
        slots.release()
    assert inside == [0, 1, 2, 3]
    assert repr(slots) == "<Slots: 0 free, 0 waiting>"


def test_slots_without_a_total_open_as_well() -> None:
    """A transport that carries any number of calls is not flooded at first either; a small one is not promised more."""
    slots = Slots(None, 8)
    slots.widen()
    assert repr(slots) == "<Slots: any number free, 0 waiting, 9 at once so far>"
    assert repr(Slots(3, 8)) == "<Slots: 3 free, 0 waiting>"


class Counting(FakeClock):
    """Counts the deadlines that are kept at once."""

    kept = most = 0

    @contextmanager
    def deadline(self, seconds: float | None) -> Iterator[anyio.CancelScope]:
        self.kept += 1
        self.most = max(self.most, self.kept)
        try:
            with super().deadline(seconds) as scope:
                yield scope
        finally:
            self.kept -= 1


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_waits_hears_in_time(seed: int) -> None:
    """With a slot before its time is up, or without one exactly then; and one timer keeps the time of all."""
    chance, clock = random.Random(seed), Counting()
    slots, told = Slots(2, None, clock), []

    async def call(patience: float) -> None:
        latest = clock.now() + patience
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            has_slot = await slots.acquire(latest)
            told.append((has_slot, clock.now(), latest))
            if has_slot:
                try:
                    await clock.sleep(chance.uniform(0, 3))
                finally:
                    slots.release()

    scopes: list[anyio.CancelScope] = []
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(call, chance.choice([0.5, 5, 20, math.inf, chance.uniform(0, 30)]))
            await clock.sleep(chance.uniform(0, 0.5))
            if chance.random() < 0.2:
                chance.choice(scopes).cancel()
    assert all(heard <= latest if has_slot else heard == latest for has_slot, heard, latest in told)
    assert {has_slot for has_slot, *_ in told} == {True, False}
    assert clock.most <= 1
    assert repr(slots) == "<Slots: 2 free, 0 waiting>"


async def test_one_with_little_time_is_not_kept_by_one_with_much() -> None:
    """Whoever keeps the time learns of a newcomer that has less."""
    clock = FakeClock()
    slots, told = Slots(1, None, clock), {}

    async def call(patience: float) -> None:
        told[patience] = (await slots.acquire(patience), clock.now())

    await slots.acquire()
    async with anyio.create_task_group() as group:
        for patience in (50, 10, 30):
            group.start_soon(call, patience)
            await anyio.wait_all_tasks_blocked()
        await clock.sleep(60)
    assert told == {10: (False, 10), 30: (False, 30), 50: (False, 50)}
