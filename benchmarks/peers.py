"""The contestants that are other people's: plain HTTP clients, a generated client, and another SDK.

Each is an async context manager that is given a base URL and the number of callers, and yields `Calls`. A library is
imported where it is used, so that a child has the one that it measures and no other. All have patience of `PATIENCE`
seconds instead of the 5 s of most: what waits in a pool is slow here, not lost.
"""

import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from benchmarks.bodies import AUTH, MEETING_ID, NEW, TOKEN

PATIENCE: Final = 120.0  # seconds
MOST_CONNECTIONS: Final = 1000
USUAL_CONNECTIONS: Final = 100


@dataclass(frozen=True)
class Calls:
    """The calls that are measured, each without an argument."""

    get: Callable[[], Awaitable[Any]]
    schedule: Callable[[], Awaitable[Any]]
    list: Callable[[], Awaitable[Any]]


def connections(callers: int) -> int:
    """Return as many connections as there are callers, 100 at least and 1,000 at most."""
    return max(USUAL_CONNECTIONS, min(callers, MOST_CONNECTIONS))


def plain_calls(client: Any, base: str) -> Calls:  # noqa: ANN401  httpx's or httpx2's
    """Return the calls as one writes them with a plain client: send, and read the JSON."""

    async def get() -> object:
        return (await client.get(f"{base}/meetings/{MEETING_ID}")).json()

    async def schedule() -> object:
        return (await client.post(f"{base}/meetings", json=NEW)).json()

    async def listed() -> object:
        return (await client.get(f"{base}/meetings")).json()

    return Calls(get, schedule, listed)


@asynccontextmanager
async def httpx(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use a plain `httpx.AsyncClient` with its default limits: 100 connections, of which it keeps 20."""
    library = importlib.import_module("httpx")
    async with library.AsyncClient(headers=AUTH, timeout=PATIENCE) as client:
        yield plain_calls(client, base)


@asynccontextmanager
async def httpx_tuned(base: str, callers: int) -> AsyncIterator[Calls]:
    """Use the same with as many connections as callers, all of them kept."""
    library = importlib.import_module("httpx")
    number = connections(callers)
    limits = library.Limits(max_connections=number, max_keepalive_connections=number)
    async with library.AsyncClient(headers=AUTH, timeout=PATIENCE, limits=limits) as client:
        yield plain_calls(client, base)


@asynccontextmanager
async def httpx2(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use a plain `httpx2.AsyncClient` with its default limits."""
    library = importlib.import_module("httpx2")
    async with library.AsyncClient(headers=AUTH, timeout=PATIENCE) as client:
        yield plain_calls(client, base)


@asynccontextmanager
async def aiohttp(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use a plain `aiohttp.ClientSession` with its default connector."""
    library = importlib.import_module("aiohttp")
    timeout = library.ClientTimeout(total=PATIENCE)
    async with library.ClientSession(headers=AUTH, timeout=timeout) as session:

        async def get() -> object:
            async with session.get(f"{base}/meetings/{MEETING_ID}") as answer:
                return await answer.json()

        async def schedule() -> object:
            async with session.post(f"{base}/meetings", json=NEW) as answer:
                return await answer.json()

        async def listed() -> object:
            async with session.get(f"{base}/meetings") as answer:
                return await answer.json()

        yield Calls(get, schedule, listed)


@asynccontextmanager
async def pyreqwest(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use a plain `pyreqwest` client with 100 requests in flight at the most, as the others have."""
    library = importlib.import_module("pyreqwest.client")
    builder = library.ClientBuilder().default_headers(AUTH).timeout(timedelta(seconds=PATIENCE))
    async with builder.max_connections(USUAL_CONNECTIONS).build() as client:

        async def get() -> object:
            return await (await client.get(f"{base}/meetings/{MEETING_ID}").build().send()).json()

        async def schedule() -> object:
            return await (await client.post(f"{base}/meetings").body_json(NEW).build().send()).json()

        async def listed() -> object:
            return await (await client.get(f"{base}/meetings").build().send()).json()

        yield Calls(get, schedule, listed)


@asynccontextmanager
async def generated(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use the client that openapi-python-client made of `benchmarks/openapi.yaml`, as it is."""
    library = importlib.import_module("generated_meetings")
    calls = importlib.import_module("generated_meetings.api.meetings")
    names = ("get_meeting", "schedule_meeting", "list_meetings")
    get, schedule, listed = (importlib.import_module(f"{calls.__name__}.{name}").asyncio for name in names)
    new = importlib.import_module("generated_meetings.models").NewMeeting.from_dict(NEW)
    timeout = importlib.import_module("httpx").Timeout(PATIENCE)
    async with library.AuthenticatedClient(base_url=base, token=TOKEN, timeout=timeout) as client:
        yield Calls(
            partial(get, MEETING_ID, client=client),
            partial(schedule, client=client, body=new),
            partial(listed, client=client),
        )


@asynccontextmanager
async def openai(base: str, callers: int) -> AsyncIterator[Calls]:  # noqa: ARG001
    """Use openai's SDK by its generic calls, without its retries: it has to do nothing after an answer."""
    library = importlib.import_module("openai")
    async with library.AsyncOpenAI(api_key=TOKEN, base_url=base, max_retries=0, timeout=PATIENCE) as client:
        kind = dict[str, object]
        yield Calls(
            partial(client.get, f"/meetings/{MEETING_ID}", cast_to=kind),
            partial(client.post, "/meetings", body=NEW, cast_to=kind),
            partial(client.get, "/meetings", cast_to=kind),
        )


@dataclass(frozen=True)
class Codec:
    """Reads answers and writes a body, without any HTTP."""

    one: Callable[[bytes], object]
    many: Callable[[bytes], object]
    write: Callable[[], object]


def json_codec() -> Codec:
    """Use the standard library's `json`: text to dicts and lists, nothing checked."""
    return Codec(json.loads, json.loads, lambda: json.dumps(NEW))


def generated_codec() -> Codec:
    """Use the models that openapi-python-client generates."""
    models = importlib.import_module("generated_meetings.models")
    new = models.NewMeeting.from_dict(NEW)
    return Codec(
        lambda body: models.Meeting.from_dict(json.loads(body)),
        lambda body: models.MeetingList.from_dict(json.loads(body)),
        lambda: json.dumps(new.to_dict()),
    )
