"""Meetings behind a FastAPI application: one client for its life, a time limit for each request, errors as answers.

Run it against `joinme sandbox`:
JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... uvicorn examples.fastapi_app:app --workers 2
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import ceil
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel

from joinme_async import (
    BadRequestError,
    DeadlineExceededError,
    InvalidMeetingError,
    JoinMe,
    JoinMeError,
    Meeting,
    NewMeeting,
    NotFoundError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitedError,
    Timeout,
    TransportTimeoutError,
)

ATTEMPT = 5.0  # seconds that join.me is given to answer


class State(TypedDict):
    """What the application has for as long as it runs."""

    joinme: JoinMe


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """Keep one client, whose token and base URL are the environment's."""
    async with JoinMe() as joinme:
        yield {"joinme": joinme}


async def client(request: Request, x_timeout: Annotated[float, Header(gt=0, le=60)] = 20.0) -> JoinMe:
    """Return the client as this request uses it: for so many seconds as its header X-Timeout says."""
    joinme: JoinMe = request.state.joinme
    return joinme.with_options(timeout=Timeout(total=x_timeout, attempt=ATTEMPT))  # shares everything else


Client = Annotated[JoinMe, Depends(client)]


class Wanted(BaseModel):
    """A meeting to be scheduled."""

    name: str
    start: AwareDatetime
    end: AwareDatetime
    participants: list[str] = []


class Scheduled(BaseModel):
    """A meeting that is."""

    id: int
    name: str
    start: datetime
    end: datetime


app = FastAPI(title="Meetings", lifespan=lifespan)


@app.get("/meetings", response_model=list[Scheduled])
async def upcoming(joinme: Client) -> list[Meeting]:
    """List the upcoming meetings."""
    return await joinme.meetings.list()


@app.post("/meetings", response_model=Scheduled, status_code=201)
async def schedule(wanted: Wanted, joinme: Client) -> Meeting:
    """Schedule a meeting unless it is there: the same request may be sent again."""
    return await joinme.meetings.ensure(NewMeeting(**wanted.model_dump()))


@app.delete("/meetings/{meeting_id}", status_code=204)
async def cancel(meeting_id: int, joinme: Client) -> None:
    """Cancel a meeting."""
    await joinme.meetings.delete(meeting_id)


@app.exception_handler(JoinMeError)
async def refuse(_: Request, error: JoinMeError) -> JSONResponse:
    """Answer with what went wrong, in the words of the error: they hold no token and no address."""
    detail, headers = str(error), {}
    match error:
        case InvalidMeetingError() | BadRequestError():
            status = 422
        case NotFoundError():
            status = 404
        case RateLimitedError() | QuotaExceededError():
            status = 503
            if error.retry_at is not None:
                headers["Retry-After"] = str(max(1, ceil((error.retry_at - datetime.now(UTC)).total_seconds())))
        case OutcomeUnknownError():
            status, headers["Retry-After"] = 504, f"{ATTEMPT:.0f}"  # what join.me is still at shows by then
            detail = "It may have been scheduled. Send the same request again after Retry-After: it looks first."
        case DeadlineExceededError() | TransportTimeoutError():
            status, detail = 504, "join.me took longer than this request may take; give it longer with X-Timeout."
        case _:
            status = 502
    return JSONResponse({"detail": detail}, status, headers)
