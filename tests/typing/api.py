"""How users write it; read by type checkers, never run."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_type

from joinme_async import (
    UNSET,
    Clock,
    Event,
    JoinMe,
    LimiterSnapshot,
    Meeting,
    NewMeeting,
    OutcomeUnknown,
    OutcomeUnknownError,
    RateLimit,
    RateLimitedError,
    RateLimiter,
    Request,
    Response,
    RetryPolicy,
    Signals,
    Timeout,
    TokenSource,
    Transport,
    Turn,
    UnexpectedResponseError,
    WaitStarted,
    zoned,
)
from joinme_async.bulk import Row, read_meetings
from joinme_async.sandbox import Entry, Fault, Sandbox
from joinme_async.testing import FakeClock, RecordingTransport, ScriptedTransport
from joinme_async.transports.aiohttp import AiohttpTransport
from joinme_async.transports.httpx import HttpxTransport
from joinme_async.transports.httpx2 import Httpx2Transport
from joinme_async.transports.pyreqwest import PyreqwestTransport


class Refreshing:
    """A token source as a class."""

    async def __call__(self, *, refused: str | None) -> str:
        return "token"


async def function_source(*, refused: str | None) -> str:
    return refused or "token"


class Limiter:
    """A rate limiter that lets everybody go."""

    async def acquire(self, timeout: float | None) -> Turn | None:
        return None

    def observe(self, signals: Signals) -> None: ...

    def snapshot(self) -> LimiterSnapshot:
        return LimiterSnapshot()


class Mine:
    """A transport with a plain attribute for its concurrency."""

    concurrency = 10

    async def send(self, request: Request) -> Response:
        return Response(200, {"A": "b"}, b"")

    async def aclose(self) -> None: ...


def listen(event: Event) -> None:
    match event:
        case WaitStarted():
            assert_type(event.seconds, float | None)
        case OutcomeUnknown():
            assert_type(event.meeting, NewMeeting | None)
        case _:
            assert_type(event.method, str)


def protocols(sandbox: Sandbox) -> None:
    source: TokenSource = Refreshing()
    source = function_source
    transport: Transport = Mine()
    transport = HttpxTransport()
    transport = PyreqwestTransport(verify="ca.pem")
    transport = Httpx2Transport(http2=True)
    transport = AiohttpTransport(concurrency=5, proxy="http://proxy:3128", verify=False)
    transport = RecordingTransport(ScriptedTransport([Response(204), OSError()]))
    transport = sandbox.transport()
    clock: Clock = FakeClock()
    limiter: RateLimiter = Limiter()
    JoinMe("token", rate_limit=limiter)
    JoinMe("token", rate_limit=RateLimit(20), retry=RetryPolicy(attempts=2), on_event=listen)
    JoinMe("token", rate_limit=[RateLimit(20), RateLimit(5000, per=86400)], on_event=print)
    JoinMe(source, transport=transport, clock=clock, timeout=Timeout(total=None))


async def calls(joinme: JoinMe, when: datetime) -> None:
    async with joinme as client:
        assert_type(client, JoinMe)
    new = NewMeeting("x", when, end=zoned(when, "Europe/London", fold=0), participants=["a@b.c"])
    assert_type(new.participants, tuple[str, ...])
    meeting = await joinme.meetings.schedule(new)
    assert_type(meeting, Meeting)
    assert_type(meeting.participants, tuple[str, ...] | None)
    assert_type(meeting.extra, Mapping[str, Any])
    assert_type(await joinme.meetings.list(until=when), list[Meeting])
    assert_type(await joinme.meetings.find(new), list[Meeting])
    assert_type(await joinme.meetings.ensure(new), Meeting)
    assert_type(await joinme.meetings.update(meeting, name="y", participants=(), start=UNSET), Meeting)
    await joinme.meetings.delete(meeting.id, missing_ok=True)
    assert_type(await joinme.request("GET", "/user", query={"a": "b"}), Response)
    assert_type(joinme.with_options(timeout=3, retry=RetryPolicy.never(), on_event=None), JoinMe)
    assert_type(joinme.limiter.snapshot().learned, RateLimit | None)


async def wrong(joinme: JoinMe, when: datetime) -> None:
    NewMeeting("x", "2027-06-02", when)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    NewMeeting("x", when)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await joinme.meetings.get("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await joinme.meetings.update(7, name=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await joinme.meetings.update(7, title="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    JoinMe(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def errors(joinme: JoinMe, new: NewMeeting) -> None:
    try:
        await joinme.meetings.schedule(new)
    except OutcomeUnknownError as error:
        assert_type(error.meeting, NewMeeting | None)
    except RateLimitedError as error:
        assert_type(error.retry_at, datetime | None)
        assert_type(error.retry_after, float | None)
    except UnexpectedResponseError as error:
        assert_type(error.path_in_body, str | None)


def files(sandbox: Sandbox) -> None:
    for row in read_meetings("june.csv", timezone="Europe/London"):
        assert_type(row, Row)
    sandbox.plant(Fault.lose(commit_after=2), on="POST", times=None)
    assert_type(sandbox.ledger, tuple[Entry, ...])
    with sandbox.serve() as url:
        assert_type(url, str)


async def served(sandbox: Sandbox) -> None:
    async with sandbox.serve() as url:
        assert_type(url, str)
