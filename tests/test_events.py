"""Events: told to the hook and to logging, made only where somebody listens, and never able to break a call."""

import logging
import subprocess
import sys

import anyio
import anyio.lowlevel
import attrs
import pytest

from joinme_async import (
    AttemptEnded,
    AttemptStarted,
    ConfigurationError,
    CoolDownClosed,
    CoolDownOpened,
    Event,
    JoinMe,
    Meeting,
    OutcomeUnknown,
    Reconciled,
    Response,
    RetryPolicy,
    ServerError,
    WaitStarted,
)
from joinme_async._events import Announcer
from joinme_async._retry._noticing import noticing
from joinme_async.testing import FakeClock, ScriptedTransport
from tests.conftest import HOUR, START, new_meeting
from tests.test_layer import EMPTY

GET = ("GET", "/meetings")
POST = ("POST", "/meetings")
LOST = ServerError("it failed", status=503)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(*GET), "GET /meetings: Event"),
        (AttemptStarted(*GET, 2), "GET /meetings: attempt 2 started"),
        (AttemptEnded(*GET, 1, 0.25, 200), "GET /meetings: attempt 1 ended after 0.250 s: 200"),
        (AttemptEnded(*GET, 1, 0.25, None, LOST), "GET /meetings: attempt 1 ended after 0.250 s: it failed"),
        (WaitStarted(*GET, "token"), "GET /meetings: waits (token)"),
        (WaitStarted(*GET, "back-off", 0.5), "GET /meetings: waits (back-off, 0.5 s)"),
        (CoolDownOpened(*GET, 12.0, 429), "GET /meetings: the service asked for 12 s without calls (429)"),
        (CoolDownOpened(*GET, 12.0, 403, "ERR_X"), "GET /meetings: the service asked for 12 s without calls (ERR_X)"),
        (CoolDownClosed(*GET), "GET /meetings: the cool-down is over"),
        (OutcomeUnknown(*POST, None, LOST), "POST /meetings: it is not known whether this was carried out (it failed)"),
        (
            OutcomeUnknown(*POST, new_meeting()),
            "POST /meetings: it is not known whether this was carried out (cancelled while it was under way)",
        ),
        (Reconciled(*POST, new_meeting()), "POST /meetings: nothing was made of it"),
        (
            Reconciled(*POST, new_meeting(), Meeting(7, "x", START, START + HOUR, False)),
            "POST /meetings: it had been carried out: meeting 7",
        ),
    ],
)
def test_each_event_is_a_frozen_value_and_a_line(event: Event, message: str) -> None:
    """What is logged says what happened to which call, and holds nobody's address."""
    assert event.message == message
    assert "boss@join.me" not in repr(event)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.path = "/x"  # type: ignore[misc]


@pytest.mark.parametrize("error", [ValueError("mine"), LookupError(), RuntimeError("no")])
async def test_a_hook_that_raises_breaks_nothing(
    error: Exception, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the call goes on through every event to its answer."""

    def hook(event: Event) -> None:
        raise error

    script = [Response(429, {"Retry-After": "1"}), Response(503), EMPTY]
    joinme = JoinMe("tok", transport=ScriptedTransport(script), clock=clock, on_event=hook)
    assert await joinme.meetings.list() == []
    raised = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(raised) >= 6
    assert raised[0].exc_info is not None
    assert raised[0].exc_info[1] is error


async def test_a_hook_is_called_in_the_task_of_the_caller(clock: FakeClock) -> None:
    """So that context variables and task names are the caller's."""
    tasks = []
    joinme = JoinMe(
        "tok", transport=ScriptedTransport([EMPTY]), clock=clock,
        on_event=lambda _: tasks.append(anyio.get_current_task().id),
    )  # fmt: skip
    await joinme.meetings.list()
    assert set(tasks) == {anyio.get_current_task().id}
    assert len(tasks) == 2


async def test_a_copy_has_a_hook_of_its_own(clock: FakeClock) -> None:
    """Kept where none is given, replaced where one is, and taken away with None."""
    ours: list[Event] = []
    theirs: list[Event] = []
    joinme = JoinMe("tok", transport=ScriptedTransport([EMPTY] * 4), clock=clock, on_event=ours.append)
    for client in (joinme, joinme.with_options(timeout=5.0), joinme.with_options(on_event=theirs.append)):
        await client.meetings.list()
    await joinme.with_options(on_event=None).meetings.list()
    assert (len(ours), len(theirs)) == (4, 2)


async def test_nothing_is_computed_when_nobody_listens(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no hook and no logger at that level, no event is even made."""
    logging.getLogger("joinme_async").setLevel(logging.WARNING)
    for kind in (AttemptStarted, AttemptEnded, WaitStarted, CoolDownOpened, CoolDownClosed):
        cannot_be_made = attrs.make_class(kind.__name__, [], class_body={"level": kind.level})
        monkeypatch.setattr(f"joinme_async._retry._layer.{kind.__name__}", cannot_be_made)
    script = [Response(429, {"Retry-After": "1"}), Response(503), EMPTY]
    joinme = JoinMe("tok", transport=ScriptedTransport(script), clock=clock, retry=RetryPolicy(base=0.1))
    try:
        assert await joinme.meetings.list() == []
    finally:
        logging.getLogger("joinme_async").setLevel(logging.NOTSET)


async def test_events_are_logged_at_their_levels(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Attempts at DEBUG, waits and cool-downs at INFO, doubt at WARNING; the event itself goes along."""
    caplog.set_level(logging.DEBUG, logger="joinme_async")
    script = [Response(429, {"Retry-After": "1"}), EMPTY]
    await JoinMe("tok", transport=ScriptedTransport(script), clock=clock).meetings.list()
    assert [(record.levelname, type(record.joinme_event).__name__) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("DEBUG", "AttemptStarted"), ("DEBUG", "AttemptEnded"), ("INFO", "CoolDownOpened"), ("INFO", "WaitStarted"),
        ("INFO", "CoolDownClosed"), ("DEBUG", "AttemptStarted"), ("DEBUG", "AttemptEnded"),
    ]  # fmt: skip
    assert OutcomeUnknown.level == logging.WARNING
    assert caplog.records[0].getMessage() == "GET /meetings: attempt 1 started"


class Awaited:
    """A hook that would have to be awaited, though it is no coroutine function."""

    async def __call__(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    ("hook", "says"), [(7, "not int"), ("print", "not str"), (Awaited(), "plain"), (Awaited().__call__, "plain")]
)
def test_a_hook_is_a_plain_function(hook, says: str) -> None:
    """What cannot be called is refused when the client is made, and so is what would have to be awaited."""
    with pytest.raises(ConfigurationError, match=f"on_event is a .*{says}"):
        JoinMe("tok", on_event=hook)
    assert Announcer(print).hears(AttemptStarted)


async def test_a_hook_that_returns_a_coroutine_is_told_of(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """It would never run: that is logged, and nothing is left unawaited."""
    awaited = Awaited()
    joinme = JoinMe("tok", transport=ScriptedTransport([EMPTY]), clock=clock, on_event=lambda event: awaited(event))  # noqa: PLW0108  it is no coroutine function
    assert await joinme.meetings.list() == []
    assert "on_event returned a coroutine" in caplog.text


@pytest.mark.parametrize(("level", "shown"), [("debug", True), (" INFO ", False)])
def test_the_environment_can_ask_for_a_log(level: str, shown: bool) -> None:
    """JOINME_LOG=debug|info shows on stderr what happens, without a line of code."""
    code = (
        "import anyio, logging\n"
        "from joinme_async import JoinMe\n"
        "from joinme_async.sandbox import Sandbox, Fault\n"
        "sandbox = Sandbox()\n"
        "sandbox.plant(Fault.refuse(retry_after='0.01'))\n"
        "JoinMe(sandbox.token)\n"
        "joinme = JoinMe(sandbox.token, transport=sandbox.transport())\n"
        "anyio.run(joinme.meetings.list)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"JOINME_LOG": level}
    )
    assert done.stderr.count("joinme_async INFO GET /meetings: the service asked for 0.01 s without calls") == 1
    assert ("joinme_async DEBUG GET /meetings: attempt 1 started" in done.stderr) is shown
    assert done.stdout == ""


def test_a_log_that_the_program_set_up_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """JOINME_LOG then only sets the level: the handlers are the program's."""
    logger = logging.getLogger("joinme_async")
    monkeypatch.setenv("JOINME_LOG", "debug")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    JoinMe("tok")  # pytest has handlers of its own at the root
    assert (logger.handlers, logger.level) == ([], logging.DEBUG)
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [])
    for _ in range(2):
        JoinMe("tok")
        assert len(logger.handlers) == 1


def test_a_log_level_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the environment is an error when the client is made."""
    monkeypatch.setenv("JOINME_LOG", "loud")
    with pytest.raises(ConfigurationError, match="JOINME_LOG is debug or info"):
        JoinMe("tok")


async def test_a_wait_is_noticed_only_where_there_is_one() -> None:
    """What is done at once is passed through; what suspends is noticed once, however often it does."""
    noticed = []

    async def work(rounds: int) -> int:
        for _ in range(rounds):
            await anyio.lowlevel.checkpoint()
        return rounds

    for rounds in (0, 1, 5):
        assert await noticing(work(rounds), lambda rounds=rounds: noticed.append(rounds)) == rounds
    assert noticed == [1, 5]


async def test_a_noticed_wait_can_be_cancelled_and_can_fail(clock: FakeClock) -> None:
    """Cancellation and errors pass through it as through a plain await, and it may wait again while it cleans up."""
    ended = []

    async def work() -> None:
        try:
            await clock.sleep(100)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            ended.append("cleaned up")

    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise LookupError("its own")

    with clock.deadline(1.0) as scope:
        await noticing(work(), lambda: None)
    assert scope.cancelled_caught
    assert ended == ["cleaned up"]
    with pytest.raises(LookupError, match="its own"):
        await noticing(fail(), lambda: None)
