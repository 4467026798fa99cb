"""The contestants that are ours: `JoinMe` over each transport that can be imported here."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from benchmarks.bodies import AUTH, MEETING, MEETING_ID, NEW, TOKEN
from benchmarks.peers import PATIENCE, Calls, Codec

TRANSPORTS: Final = {
    "joinme / aiohttp": ("joinme_async.transports.aiohttp", "AiohttpTransport"),
    "joinme / pyreqwest": ("joinme_async.transports.pyreqwest", "PyreqwestTransport"),
    "joinme / httpx2": ("joinme_async.transports.httpx2", "Httpx2Transport"),
}


def new_meeting() -> Any:  # noqa: ANN401  the package is imported late
    """Return the meeting to schedule, as a user makes it once."""
    from joinme_async import NewMeeting  # noqa: PLC0415

    start, end = (datetime.fromisoformat(str(NEW[key])) for key in ("meetingStart", "meetingEnd"))
    return NewMeeting(NEW["meetingName"], start, end, NEW["participants"], start_with_personal_url=True)


def from_memory() -> Any:  # noqa: ANN401
    """Return a client over a transport that has the answer already, and does not give the event loop a turn."""
    from joinme_async import JoinMe, Request, Response  # noqa: PLC0415

    headers = (("Content-Type", "application/json"), ("Content-Length", str(len(MEETING))))

    class FromMemory:
        concurrency = 100
        keeps_time = True

        async def send(self, request: Request) -> Response:  # noqa: ARG002
            return Response(200, headers, MEETING)

        async def aclose(self) -> None:
            pass

    return JoinMe(TOKEN, transport=FromMemory())


def calls_of(joinme: Any) -> Calls:  # noqa: ANN401
    """Return the calls of a client of ours."""
    new = new_meeting()
    return Calls(lambda: joinme.meetings.get(MEETING_ID), lambda: joinme.meetings.schedule(new), joinme.meetings.list)


@asynccontextmanager
async def default(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use `JoinMe` with nothing but a token: the default transport, and a pace that is learnt."""
    from joinme_async import JoinMe  # noqa: PLC0415

    async with JoinMe(TOKEN, base_url=base, timeout=PATIENCE) as joinme:
        yield calls_of(joinme)


@asynccontextmanager
async def injected(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use `JoinMe` over an `httpx.AsyncClient` of the user's."""
    library = importlib.import_module("httpx")
    async with library.AsyncClient(headers=AUTH, timeout=PATIENCE) as client, over_client(client, base) as joinme:
        yield calls_of(joinme)


def over_client(client: Any, base: str) -> Any:  # noqa: ANN401
    """Return a client of ours over one of httpx's."""
    from joinme_async import JoinMe  # noqa: PLC0415
    from joinme_async.transports.httpx import HttpxTransport  # noqa: PLC0415

    return JoinMe(TOKEN, base_url=base, timeout=PATIENCE, transport=HttpxTransport(client))


@asynccontextmanager
async def over(name: str, base: str) -> AsyncIterator[Calls]:
    """Use `JoinMe` over one of `TRANSPORTS`."""
    from joinme_async import JoinMe  # noqa: PLC0415

    module, kind = TRANSPORTS[name]
    transport = getattr(importlib.import_module(module), kind)()
    try:
        async with JoinMe(TOKEN, base_url=base, timeout=PATIENCE, transport=transport) as joinme:
            yield calls_of(joinme)
    finally:
        await transport.aclose()


def codec() -> Codec:
    """Use what the calls themselves use, between bytes and checked meetings."""
    from joinme_async import Response  # noqa: PLC0415
    from joinme_async._wire import get_call, list_call, schedule_call  # noqa: PLC0415

    one, many, new = get_call(MEETING_ID), list_call(None), new_meeting()
    headers = (("Content-Type", "application/json"),)
    return Codec(
        lambda body: one.read(Response(200, headers, body)),
        lambda body: many.read(Response(200, headers, body)),
        lambda: schedule_call(new).content,
    )
