"""Hold office hours in each of the next eight weeks, scheduled at once and in half a minute or not at all, on trio.

Run it against `joinme sandbox`:  JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... python examples/trio_app.py
"""

import sys
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import trio

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
    Timeout,
    TransportError,
    WaitStarted,
    zoned,
)

ZONE = "Europe/London"
PATIENCE = 30  # seconds


def office_hours() -> list[NewMeeting]:
    """Return those of eight weeks, from the next Thursday on: at two by the clocks of `ZONE`, in summer and winter."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    thursday = today + timedelta(days=(2 - today.weekday()) % 7 + 1)
    starts = [zoned(datetime.combine(thursday + timedelta(weeks=week), time(14)), ZONE) for week in range(8)]
    return [NewMeeting("Office hours", start, start + timedelta(hours=1)) for start in starts]


def tell(event: Event) -> None:
    """Let nobody wait in silence. A doubt is logged as a warning, which Python shows by itself; here is how it ends."""
    if isinstance(event, Reconciled) or (isinstance(event, WaitStarted) and event.seconds):
        print(event.message, file=sys.stderr)


async def ensure(joinme: JoinMe, new: NewMeeting, missing: set[NewMeeting]) -> None:
    """Schedule one meeting unless it is there, and take it off what is missing; one that fails stops no other."""
    try:
        meeting = await joinme.meetings.ensure(new)
    except (
        OutcomeUnknownError,
        TransportError,
        ServerError,
        RateLimitedError,
        QuotaExceededError,
        DeadlineExceededError,
    ) as error:
        print(f"{new.name}, {new.start:%d %B}: {error}", file=sys.stderr)
    else:
        missing.remove(new)
        print(f"{new.name}, {new.start:%d %B}: meeting {meeting.id}")


async def run() -> int:
    """Return the exit code: 0 where all are scheduled."""
    missing = set(office_hours())
    async with JoinMe(on_event=tell, timeout=Timeout(total=0.9 * PATIENCE, attempt=0.3 * PATIENCE)) as joinme:
        # What is cancelled in mid-call frees its connection. Whether it was scheduled, a later run finds out.
        with trio.move_on_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                for new in sorted(missing, key=lambda new: new.start):
                    nursery.start_soon(ensure, joinme, new, missing)
    if missing:
        print(f"{len(missing)} not scheduled, or not known to be: run this again in a minute", file=sys.stderr)
    return 1 if missing else 0


def main() -> int:
    """Run it; what stops everything, such as a refused token or Ctrl-C, ends it with a line."""
    try:
        return trio.run(run)
    except* JoinMeError as stopped:
        print(stopped.exceptions[0], file=sys.stderr)
    except* KeyboardInterrupt:  # join.me may still be at what was under way, and shows it a little later
        print("interrupted: run it again in a minute, and it goes on", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
