"""Meetings behind a Starlette application: one client for its life, in the state of its lifespan.

Run it against `joinme sandbox`:
JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... uvicorn examples.starlette_app:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from joinme_async import InvalidMeetingError, JoinMe, JoinMeError, NewMeeting


class State(TypedDict):
    """What the application has for as long as it runs."""

    joinme: JoinMe


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    """Keep one client; no call of it takes longer than whoever asks will wait."""
    async with JoinMe(timeout=20) as joinme:
        yield {"joinme": joinme}


async def upcoming(request: Request) -> JSONResponse:
    """List the upcoming meetings."""
    meetings = await request.state.joinme.meetings.list()
    return JSONResponse([{"id": meeting.id, "name": meeting.name} for meeting in meetings])


async def schedule(request: Request) -> JSONResponse:
    """Schedule a meeting unless it is there: the same request may be sent again."""
    try:
        sent = await request.json()
        start, end = (datetime.fromisoformat(sent[edge]) for edge in ("start", "end"))
        new = NewMeeting(sent["name"], start, end, sent.get("participants", ()))
    except (KeyError, TypeError, ValueError) as error:  # an InvalidMeetingError is a ValueError
        return JSONResponse({"detail": f"this is no meeting: {error}"}, 422)
    meeting = await request.state.joinme.meetings.ensure(new)
    return JSONResponse({"id": meeting.id, "name": meeting.name}, 201)


async def cancel(request: Request) -> Response:
    """Cancel a meeting, unless it is gone already."""
    await request.state.joinme.meetings.delete(request.path_params["id"], missing_ok=True)
    return Response(status_code=204)


async def refuse(_: Request, error: Exception) -> JSONResponse:
    """Answer with what went wrong; `fastapi_app.py` tells one error from another."""
    return JSONResponse({"detail": str(error)}, 422 if isinstance(error, InvalidMeetingError) else 502)


app = Starlette(
    routes=[
        Route("/meetings", upcoming),
        Route("/meetings", schedule, methods=["POST"]),
        Route("/meetings/{id:int}", cancel, methods=["DELETE"]),
    ],
    exception_handlers={JoinMeError: refuse},
    lifespan=lifespan,
)
