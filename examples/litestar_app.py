"""Meetings behind a Litestar application: one client for its life, handed to whatever asks for it by name.

Run it against `joinme sandbox`:
JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... uvicorn examples.litestar_app:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from litestar import Litestar, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from joinme_async import InvalidMeetingError, JoinMe, JoinMeError, NewMeeting


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """Keep one client; no call of it takes longer than whoever asks will wait."""
    async with JoinMe(timeout=20) as app.state.joinme:
        yield


async def client(state: State) -> JoinMe:
    """Return the client."""
    joinme: JoinMe = state.joinme
    return joinme


Client = NamedDependency[JoinMe]


@dataclass
class Wanted:
    """A meeting to be scheduled."""

    name: str
    start: datetime
    end: datetime
    participants: list[str] = field(default_factory=list)


@dataclass
class Scheduled:
    """A meeting that is."""

    id: int
    name: str


@get("/meetings")
async def upcoming(joinme: Client) -> list[Scheduled]:
    """List the upcoming meetings."""
    return [Scheduled(meeting.id, meeting.name) for meeting in await joinme.meetings.list()]


@post("/meetings")
async def schedule(data: JSONBody[Wanted], joinme: Client) -> Scheduled:
    """Schedule a meeting unless it is there: the same request may be sent again."""
    meeting = await joinme.meetings.ensure(NewMeeting(**asdict(data)))
    return Scheduled(meeting.id, meeting.name)


@delete("/meetings/{meeting_id:int}")
async def cancel(meeting_id: FromPath[int], joinme: Client) -> None:
    """Cancel a meeting, unless it is gone already."""
    await joinme.meetings.delete(meeting_id, missing_ok=True)


def refuse(_: Request[Any, Any, Any], error: Exception) -> Response[dict[str, str]]:
    """Answer with what went wrong; `fastapi_app.py` tells one error from another."""
    return Response({"detail": str(error)}, status_code=422 if isinstance(error, InvalidMeetingError) else 502)


app = Litestar(
    [upcoming, schedule, cancel],
    dependencies={"joinme": Provide(client)},
    exception_handlers={JoinMeError: refuse},
    lifespan=[lifespan],
)
