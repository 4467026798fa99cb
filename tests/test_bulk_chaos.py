"""A bulk run as a state machine: whatever goes wrong in whatever order, no meeting twice and none lost in silence."""

import math
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from joinme_async import JoinMe, JoinMeError, JournalError, NewMeeting, RateLimit, Request, Response, RetryPolicy
from joinme_async.bulk import BulkReport, Row, schedule_all
from joinme_async.bulk._store import Store
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from tests.conftest import HOUR, START, new_meeting

KINDS = 5  # different meetings that rows are drawn from, so that some are equal


def meeting(kind: int) -> NewMeeting:
    start = START + timedelta(minutes=10 * kind)
    return new_meeting(name=f"Meeting {kind}", start=start, end=start + HOUR)


class Clock(FakeClock):
    """The machine's own time of day is off, and steps now and then; the service's is not."""

    def __init__(self, service: FakeClock) -> None:
        super().__init__()
        self.service = service
        self.off = timedelta()

    def now(self):
        return self.service.now()

    def wall(self):
        return self.service.wall() + self.off

    async def sleep(self, seconds):
        await self.service.sleep(seconds)

    def deadline(self, seconds):
        return self.service.deadline(seconds)


class Mortal:
    """A transport, and with it a process, that dies at a certain request: before it leaves, or before its answer."""

    def __init__(self, machine: "BulkRuns", dies_at: int | None, *, after: bool) -> None:
        self._inner = machine.sandbox.transport()
        self._machine = machine
        self._dies_at = dies_at
        self._after = after
        self._seen = 0
        self.dead = anyio.Event()
        self.concurrency = None

    async def send(self, request: Request) -> Response:
        self._seen += 1
        dying = self._seen == self._dies_at
        if (dying and not self._after) or self.dead.is_set():
            self.dead.set()
            await anyio.sleep_forever()
        self._machine.meddle(self._seen)
        answer = await self._inner.send(request)
        if dying or self.dead.is_set():
            self.dead.set()
            await anyio.sleep_forever()
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


FAULTS = [
    Fault.lose(), Fault.lose(done=False), Fault.lose(commit_after=1.5), Fault.error(500), Fault.error(503, done=True),
    Fault.garble(), Fault.cut(), Fault.late(31, commit_after=20), Fault.unreachable(), Fault.refuse(retry_after=2),
    Fault.refuse("", status=429, retry_after=1), Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200),
    Fault.stale_token(),
]  # fmt: skip


class BulkRuns(RuleBasedStateMachine):
    """One input and its journal; runs that are killed, gone on with, and lied to."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.journal = self.folder / "run.journal"
        self.clock = FakeClock()
        self.sandbox = Sandbox(clock=self.clock)
        self.machine_clock = Clock(self.clock)
        self.kinds: list[int] = []
        self.foreign: Counter[str] = Counter()
        self.baseline: Counter[str] | None = None
        self.strangers: dict[int, int] = {}
        self.backend = "asyncio"
        self.report: BulkReport[Row] | None = None

    def teardown(self) -> None:
        try:
            self.finish()
        finally:
            shutil.rmtree(self.folder)

    def meddle(self, seen: int) -> None:
        """Let somebody else make an equal meeting at that request."""
        kind = self.strangers.pop(seen, None)
        if kind is not None:
            self.somebody_else(kind)

    def somebody_else(self, kind: int) -> None:
        new = meeting(kind)
        body = {"meetingName": new.name, "meetingStart": f"{new.start:%Y-%m-%dT%H:%M:%SZ}"}
        body |= {"meetingEnd": f"{new.end:%Y-%m-%dT%H:%M:%SZ}", "participants": list(new.participants)}
        planted, self.sandbox._service.planted = self.sandbox._service.planted, {}
        import json  # noqa: PLC0415

        headers = {"Authorization": f"Bearer {self.sandbox.token}", "Content-Type": "application/json"}
        self.sandbox.receive(Request("POST", "https://x/v1/meetings", headers, json.dumps(body).encode()))
        self.sandbox._service.planted = planted
        self.foreign[new.name] += 1

    @initialize(kinds=st.lists(st.integers(0, KINDS - 1), min_size=4, max_size=20))
    def begin(self, kinds: list[int]) -> None:
        self.kinds += kinds

    @rule(kinds=st.lists(st.integers(0, KINDS - 1), min_size=1, max_size=6))
    def add_rows(self, kinds: list[int]) -> None:
        """The input grows at its end."""
        self.kinds += kinds

    @rule(hours=st.integers(-48, 48))
    def the_machines_clock_steps(self, hours: int) -> None:
        self.machine_clock.off = timedelta(hours=hours)

    @rule(seconds=st.floats(0, 5))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(
        wrong=st.lists(
            st.tuples(
                st.sampled_from(FAULTS), st.sampled_from(["POST"] * 3 + ["GET"]), st.integers(0, 8), st.integers(1, 3)
            ),
            max_size=4,
        ),
        lags=st.none() | st.floats(0, 30),
        strangers=st.dictionaries(st.integers(1, 12), st.integers(0, KINDS - 1), max_size=2),
        dies_at=st.none() | st.integers(1, 20),
        after=st.booleans(),
        throttled=st.booleans(),
        backend=st.sampled_from(["asyncio", "trio"]),
    )
    def run(self, wrong, lags, strangers, dies_at: int | None, *, after: bool, throttled: bool, backend: str) -> None:
        """Run while things go wrong, and be killed on the way or not."""
        for fault, on, skip, times in wrong:
            self.sandbox.plant(fault, on=on, skip=skip, times=times)
        if lags is not None:
            self.sandbox.plant(Fault.lag_behind(lags), on="GET", skip=1)
        self.strangers = dict(strangers)
        anyio.run(self._run, dies_at, after, throttled, backend=backend)

    async def _run(self, dies_at: int | None, after: bool, throttled: bool) -> None:
        mortal = Mortal(self, dies_at, after=after)
        joinme = JoinMe(
            self.sandbox.token,
            transport=mortal,
            clock=self.machine_clock,
            retry=RetryPolicy(attempts=2),
            rate_limit=RateLimit(3) if throttled else None,
        )
        self.report = None
        plain = Store.transaction

        def transaction(store: Store):
            if mortal.dead.is_set():
                with store.told():
                    raise OSError("the process is dead, and writes nothing any more")
            return plain(store)

        Store.transaction = transaction
        try:
            async with anyio.create_task_group() as group:

                async def die() -> None:
                    await mortal.dead.wait()
                    group.cancel_scope.cancel()

                group.start_soon(die)
                try:
                    wanted = [meeting(kind) for kind in self.kinds]
                    self.report = await schedule_all(joinme, wanted, journal=self.journal, stop_after=1000)
                except JoinMeError as error:
                    assert mortal.dead.is_set() or not isinstance(error, JournalError)
                group.cancel_scope.cancel()
        finally:
            Store.transaction = plain

    def finish(self) -> None:
        """With nothing going wrong any more, all rows are done, or it is said of each why it cannot be known."""
        self.sandbox.clear_faults()
        self.strangers.clear()
        self.clock.advance(3600)
        anyio.run(self._run, None, False, False)
        assert self.report is not None
        assert (self.report.stopped, self.report.failed, self.report.not_started) == (None, (), ())
        assert self.report.in_doubt == ()
        there = {stored.id: stored.name for stored in self.sandbox.meetings}
        done = [*self.report.scheduled, *self.report.adopted]
        assert len({outcome.meeting_id for outcome in done}) == len(self.kinds)
        assert all(there[outcome.meeting_id] == outcome.row.meeting.name for outcome in done)

    @invariant()
    def no_meeting_twice(self) -> None:
        """Never more than rows, but for those that somebody else made."""
        self.clock.advance(0)
        made = Counter(stored.name for stored in self.sandbox.meetings)
        wanted = Counter(meeting(kind).name for kind in self.kinds)
        for name, number in made.items():
            assert number <= wanted[name] + self.foreign[name], name

    @invariant()
    def what_is_reported_is_so(self) -> None:
        """Each row done has a meeting of its own that is there; every row is accounted for."""
        if self.report is None:
            return
        done = [*self.report.scheduled, *self.report.adopted]
        ids = [outcome.meeting_id for outcome in done]
        assert len(set(ids)) == len(ids)
        assert set(ids) <= {stored.id for stored in self.sandbox.meetings}
        others = (*self.report.failed, *self.report.in_doubt, *self.report.not_started)
        assert len(done) + len(others) <= len(self.kinds)


BulkRuns.TestCase.settings = settings(max_examples=settings.default.max_examples // 4, stateful_step_count=8)
TestBulkRuns = pytest.mark.timeout(1200)(pytest.mark.campaign(BulkRuns.TestCase))


def test_the_day_is_far_enough_away() -> None:
    """A clock that steps by two days makes none of the meetings one that has begun, for the service."""
    assert START - FakeClock().wall() > timedelta(days=30)
    assert math.inf > 0
