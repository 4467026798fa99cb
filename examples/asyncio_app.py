"""Schedule next week's stand-ups, all at once, and list what is upcoming. Run it again: each is still there once.

Run it against `joinme sandbox`:  JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... python examples/asyncio_app.py
"""

import asyncio
import sys
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from joinme_async import (
    DeadlineExceededError,
    Event,
    JoinMe,
    JoinMeError,
    NewMeeting,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitedError,
    Reconciled,
    ServerError,
    TransportError,
    WaitStarted,
    zoned,
)

ZONE = "Europe/London"


def stand_ups() -> list[NewMeeting]:
    """Return those of next week, Monday to Friday: at half past nine by the clocks of `ZONE`."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    monday = today + timedelta(days=7 - today.weekday())
    starts = [zoned(datetime.combine(monday + timedelta(days=day), time(9, 30)), ZONE) for day in range(5)]
    return [NewMeeting("Stand-up", start, start + timedelta(minutes=15), ["team@example.com"]) for start in starts]


def tell(event: Event) -> None:
    """Let nobody wait in silence. A doubt is logged as a warning, which Python shows by itself; here is how it ends."""
    if isinstance(event, Reconciled) or (isinstance(event, WaitStarted) and event.seconds):
        print(event.message, file=sys.stderr)


async def ensure(joinme: JoinMe, new: NewMeeting) -> bool:
    """Schedule one meeting unless it is there, and say how that went; what stops one need not stop the others."""
    day = f"{new.name}, {new.start:%A}"
    try:
        meeting = await joinme.meetings.ensure(new)
    except OutcomeUnknownError as error:  # rare: it has looked already, and could not tell
        print(
            f"{day}: may have been scheduled ({error.last}); run this again in a minute: it looks first",
            file=sys.stderr,
        )
    except (RateLimitedError, QuotaExceededError) as error:  # the client has waited for as long as its timeout allows
        print(f"{day}: refused for now; run this again after {error.retry_at or 'today'}", file=sys.stderr)
    except (TransportError, ServerError, DeadlineExceededError) as error:  # repetitions included
        print(f"{day}: {error}; run this again when join.me can be reached", file=sys.stderr)
    else:
        print(f"{day}: meeting {meeting.id}")
        return True
    return False


async def run() -> int:
    """Return the exit code: 0 where all are scheduled."""
    async with JoinMe(on_event=tell) as joinme:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ensure(joinme, new)) for new in stand_ups()]
        for meeting in await joinme.meetings.list():
            print(f"{meeting.id}  {meeting.start.astimezone(ZoneInfo(ZONE)):%a %d %b %H:%M}  {meeting.name}")
    return 0 if all(task.result() for task in tasks) else 1


def main() -> int:
    """Run it; what stops everything, such as a refused token or Ctrl-C, ends it with a line."""
    try:
        return asyncio.run(run())
    except* JoinMeError as stopped:
        print(stopped.exceptions[0], file=sys.stderr)
    except* KeyboardInterrupt:  # join.me may still be at what was under way, and shows it a little later
        print("interrupted: run it again in a minute, and it goes on", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
