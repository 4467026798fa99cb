"""Every fault at every request, for every call, over real connections: what the ledger shows is what was promised."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from joinme_async import JoinMe, JoinMeError, Meeting, OutcomeUnknownError, RetryPolicy, Timeout
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from tests.conftest import new_meeting

FAULTS = [
    Fault.unreachable(), Fault.lose(), Fault.lose(done=False), Fault.lose(commit_after=0.02), Fault.cut(), Fault.hang_up(),
    Fault.garble(), Fault.refuse(retry_after="0.01"), Fault.refuse("", status=429, retry_after="0.01"),
    Fault.error(500), Fault.error(503, done=True), Fault.error(504), Fault.late(0.8), Fault.stale_token(),
]  # fmt: skip
CALLS: dict[str, Callable[[JoinMe, Meeting], Awaitable[Any]]] = {
    "list": lambda joinme, _: joinme.meetings.list(),
    "get": lambda joinme, meeting: joinme.meetings.get(meeting.id),
    "update": lambda joinme, meeting: joinme.meetings.update(meeting, name="Renamed"),
    "delete": lambda joinme, meeting: joinme.meetings.delete(meeting),
    "schedule": lambda joinme, _: joinme.meetings.schedule(new_meeting(name="Scheduled")),
    "ensure": lambda joinme, _: joinme.meetings.ensure(new_meeting(name="Ensured")),
}


class Clock(FakeClock):
    """The sandbox's day does not move, and its seconds do: a commit that comes late comes by itself."""

    def wall(self):
        return super().wall().replace(microsecond=0) + (self.real.wall() - self.began)

    def __init__(self) -> None:
        from joinme_async._clock import SystemClock  # noqa: PLC0415

        super().__init__()
        self.real = SystemClock()
        self.began = self.real.wall()


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name} {fault.commit_after:g}")
async def test_the_ledger_shows_what_was_promised(fault: Fault, skip: int) -> None:
    """At most one meeting per schedule, exactly one per ensure unless the error says unknown; each fault really struck."""
    sandbox, struck = Sandbox(clock=Clock()), 0
    retry = RetryPolicy(base=0, settle=0.1)
    timeout = Timeout(20, 0.4 if fault.delay else 5.0)  # impatient with what is late, and not with a busy machine

    async def tokens(*, refused: str | None) -> str:
        return "spare" if refused == sandbox.token else sandbox.token

    sandbox.accept("spare")
    async with sandbox.serve() as url:
        for name, call in CALLS.items():
            async with JoinMe(tokens, base_url=url, retry=retry, timeout=timeout) as joinme:
                meeting = await joinme.with_options(timeout=20).meetings.schedule(new_meeting())
                sandbox.plant(fault, skip=skip)
                if name == "ensure" and skip > 1:
                    sandbox.plant(Fault.lose(done=False), on="POST")
                before = len(sandbox.ledger)
                try:
                    await call(joinme, meeting)
                    error = None
                except JoinMeError as caught:
                    error = caught
            struck += any(entry.fault == fault.name for entry in sandbox.ledger[before:])
            sandbox.clear_faults()
            await anyio.sleep(0.05 * (fault.commit_after > 0))
            made = sum(entry.did == "created" for entry in sandbox.ledger[before:])
            if name == "schedule":
                assert made == 1 if error is None else made <= 1
                assert error is None or isinstance(error, OutcomeUnknownError)
            elif name == "ensure":
                assert error is None
                assert made == 1
            else:
                assert made == 0
                assert error is None or fault.name == "garble the answer"
    assert struck >= (5, 1, 1)[skip]
