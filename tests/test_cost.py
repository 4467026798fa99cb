"""What a call costs, counted and not timed: counts are the same on every machine, so they can be held to a bound.

How the counts become time is measured by `python -m benchmarks`.
"""

import gc
import json
import socket
import sys
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Final, Self

import anyio.lowlevel
import pytest

from joinme_async import JoinMe, Request, Response
from joinme_async._wire import list_call
from joinme_async.testing import FakeClock
from tests.conftest import new_meeting
from tests.raw_server import raw_server

MEETING: Final = {
    "meetingId": 12345,
    "meetingName": "Weekly update",
    "meetingStart": "2027-06-02T09:00:00Z",
    "meetingEnd": "2027-06-02T10:00:00Z",
    "startWithPersonalUrl": True,
    "participants": ["boss@join.me", "worker@join.me"],
}
BODY: Final = json.dumps(MEETING).encode()
HEADERS: Final = (("Content-Type", "application/json"), ("Content-Length", str(len(BODY))))

# Bounds. Each is about a fifth over what it was last measured to be on the Python where that is most.
FUNCTION_CALLS: Final = {"get": 142, "schedule": 164}  # of one warm call over a transport that answers from memory
FUNCTION_CALLS_EACH: Final = 5  # of reading one meeting of a list
SUSPENSIONS_OVER_A_SOCKET: Final = 6  # of one warm get over the default transport
BLOCKS_KEPT: Final = 250  # of memory, after a thousand calls: a leak of one object a call would be a thousand


class FromMemory:
    """A transport that has the answer already."""

    concurrency = 100

    async def send(self, request: Request) -> Response:
        return Response(200, HEADERS, BODY)

    async def aclose(self) -> None: ...


@pytest.fixture
def quiet() -> JoinMe:
    return JoinMe("tok", transport=FromMemory())


def calls_of(joinme: JoinMe) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
    new = new_meeting()
    return {"get": lambda: joinme.meetings.get(12345), "schedule": lambda: joinme.meetings.schedule(new)}


class FunctionCalls:
    """Counts the calls of Python functions within its block; those of C are none of ours to change."""

    def __init__(self) -> None:
        self.number = 0

    def _note(self, frame: types.FrameType, event: str, arg: object) -> None:
        self.number += event == "call"

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(self._before)


@types.coroutine
def counting(coroutine: Coroutine[Any, Any, Any], suspensions: list[object]) -> Generator[Any, Any, Any]:
    """Run a coroutine inside the current task, noting each time that it gives the event loop a turn."""
    resume = partial(coroutine.send, None)
    while True:
        try:
            step = resume()
        except StopIteration as over:
            return over.value
        suspensions.append(step)
        try:
            resume = partial(coroutine.send, (yield step))
        except BaseException as error:  # noqa: BLE001  a cancellation, which is for the coroutine
            resume = partial(coroutine.throw, error)


@pytest.mark.parametrize("name", FUNCTION_CALLS)
async def test_a_quiet_call_makes_few_function_calls(quiet: JoinMe, name: str) -> None:
    """What happens for each call is decided by somebody, not added by accident."""
    call = calls_of(quiet)[name]
    for _ in range(5):
        await call()
    with FunctionCalls() as calls:
        await call()
    assert 10 < calls.number <= FUNCTION_CALLS[name]


def test_reading_a_list_makes_few_function_calls_for_each_meeting() -> None:
    """Ten thousand meetings are read one by one: what is done for each counts ten thousand times."""
    read = list_call(None).read
    body = json.dumps({"meetings": [MEETING] * 100}).encode()
    read(Response(200, (), body))
    with FunctionCalls() as calls:
        meetings = read(Response(200, (), body))
    assert len(meetings) == 100
    assert calls.number <= FUNCTION_CALLS_EACH * 100


@pytest.mark.parametrize("name", FUNCTION_CALLS)
async def test_a_quiet_call_never_suspends(quiet: JoinMe, name: str) -> None:
    """With a token, a slot and a permit at hand, nothing comes between a call and its request but the transport."""
    call = calls_of(quiet)[name]
    await call()
    suspensions: list[object] = []
    assert await counting(call(), suspensions)
    assert suspensions == []


async def test_a_get_over_a_socket_suspends_only_to_send_and_to_receive() -> None:
    """Each suspension is a round of the event loop, which costs as much as all the layers."""
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
    answer = f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + BODY

    def serve(connection: socket.socket, got: bytes) -> None:
        while got:
            connection.sendall(answer)
            got = connection.recv(65536)  # the next request comes in one piece

    with raw_server(serve) as (url, connections):
        async with JoinMe("tok", base_url=url) as joinme:
            for _ in range(3):
                await joinme.meetings.get(12345)
            suspensions: list[object] = []
            meeting = await counting(joinme.meetings.get(12345), suspensions)
        assert meeting.id == 12345
        assert len(connections) == 1
        assert 1 <= len(suspensions) <= SUSPENSIONS_OVER_A_SOCKET


@pytest.mark.parametrize("name", FUNCTION_CALLS)
async def test_calls_leave_nothing_behind(clock: FakeClock, name: str) -> None:
    """A client that lives for years holds no more after a thousand calls than before."""
    call = calls_of(JoinMe("tok", transport=FromMemory(), clock=clock))[name]

    async def blocks_after_a_thousand() -> int:
        for _ in range(1000):
            await call()
        clock.advance(3600)  # the pacer remembers the starts of the last while, and forgets them at the next call
        await call()
        await anyio.lowlevel.checkpoint()
        gc.collect()
        return sys.getallocatedblocks()

    await blocks_after_a_thousand()
    before = await blocks_after_a_thousand()
    assert await blocks_after_a_thousand() - before <= BLOCKS_KEPT
