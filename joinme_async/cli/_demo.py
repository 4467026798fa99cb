"""`joinme demo`: the main job on the sandbox, over real HTTP, judged by the sandbox's ledger."""

import enum
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import attrs
from rich.console import Console

from joinme_async._client import JoinMe
from joinme_async._errors import ConfigurationError, NotFoundError
from joinme_async._models import Meeting, NewMeeting
from joinme_async.bulk import read_meetings, schedule_all
from joinme_async.cli._moments import zone_of
from joinme_async.cli._shown._table import Line, table
from joinme_async.cli._stdio import say
from joinme_async.sandbox import Sandbox, StoredMeeting
from joinme_async.testing import FakeClock

_NEWCOMER = "new.colleague@example.com"


class Fate(enum.Enum):
    """What the demo did to a meeting after it was scheduled."""

    SCHEDULED = "scheduled"
    RENAMED = "renamed"
    MOVED = "moved"
    INVITED = "one added"
    CANCELLED = "cancelled"


_PLAN = (Fate.RENAMED, Fate.CANCELLED, Fate.MOVED, Fate.CANCELLED, Fate.INVITED)
_STYLES = {Fate.SCHEDULED: "green", Fate.CANCELLED: "red strike"}


@attrs.frozen
class Shown:
    """A line of the table: a meeting as the service told of it last, and what became of it."""

    meeting: Meeting
    fate: Fate


def run_demo(file: Path | None, timezone: str | None) -> int:
    """Run the demo and return its exit code."""
    zone = zone_of(timezone)
    meetings = [row.meeting for row in read_meetings(file or example_file(), timezone=timezone)]
    if not meetings:
        raise ConfigurationError("there is no meeting in that file")
    console = Console(highlight=False)
    # The sandbox lists upcoming meetings only, so its day is the one before the first of them.
    sandbox = Sandbox(clock=FakeClock(min(new.start for new in meetings) - timedelta(days=1)))
    with sandbox.serve() as url, TemporaryDirectory() as folder:
        began = time.monotonic()
        shown = anyio.run(_carry_out, JoinMe(sandbox.token, base_url=url), meetings, Path(folder, "demo.journal"))
        took = time.monotonic() - began
    console.print(table(map(_line, shown), zone, now=None))
    cancelled = sum(line.fate is Fate.CANCELLED for line in shown)
    changed = sum(line.fate not in {Fate.SCHEDULED, Fate.CANCELLED} for line in shown)
    console.print(
        f"{len(shown)} meetings scheduled, {changed} changed, {cancelled} cancelled: "
        f"{len(sandbox.ledger)} calls over HTTP in {took:.1f} s."
    )
    wrong = list(disagreements(shown, meetings, sandbox))
    for problem in wrong:
        say(f"the ledger disagrees: {problem}")
    if not wrong:
        console.print("The sandbox's ledger agrees: each row exactly once, and every meeting as shown.")
    return 1 if wrong else 0


def example_file() -> Path:
    """Return the example that comes with the package: beside this file when installed, in examples/ in a checkout."""
    installed = Path(__file__).with_name("meetings.csv")
    return installed if installed.exists() else Path(__file__).parents[2] / "examples" / "meetings.csv"


def _line(shown: Shown) -> Line:
    style = "strike dim" if shown.fate is Fate.CANCELLED else ""
    return Line(shown.meeting, shown.fate.value, style, _STYLES.get(shown.fate, "yellow"))


async def _carry_out(joinme: JoinMe, meetings: Sequence[NewMeeting], journal: Path) -> list[Shown]:
    """Schedule all, list them, change and cancel a few, and read the rest as they are at the end."""
    async with joinme:
        report = await schedule_all(joinme, meetings, journal=journal)
        scheduled = [outcome.meeting for outcome in (*report.scheduled, *report.adopted) if outcome.meeting is not None]
        listed = {meeting.id for meeting in await joinme.meetings.list()}
        by_start = sorted((m for m in scheduled if m.id in listed), key=lambda m: (m.start, m.id))
        fates = dict.fromkeys((m.id for m in by_start), Fate.SCHEDULED)
        step = max(len(by_start) // (len(_PLAN) + 1), 1)
        fates |= {meeting.id: fate for meeting, fate in zip(by_start[step::step], _PLAN, strict=False)}
        return [Shown(await _meet_fate(joinme, meeting, fates[meeting.id]), fates[meeting.id]) for meeting in by_start]


async def _meet_fate(joinme: JoinMe, meeting: Meeting, fate: Fate) -> Meeting:
    """Do to `meeting` what `fate` says, and return it as the service then has it."""
    full = await joinme.meetings.get(meeting.id)
    hour = timedelta(hours=1)
    match fate:
        case Fate.RENAMED:
            await joinme.meetings.update(full, name=f"{full.name} (new agenda)")
        case Fate.MOVED:
            await joinme.meetings.update(full, start=full.start + hour, end=full.end + hour)
        case Fate.INVITED:
            await joinme.meetings.update(full, participants=[*(full.participants or ()), _NEWCOMER])
        case Fate.CANCELLED:
            await joinme.meetings.delete(full)
            try:
                await joinme.meetings.get(full.id)
            except NotFoundError:
                return full
        case Fate.SCHEDULED:
            return full
    return await joinme.meetings.get(full.id)


def disagreements(shown: Sequence[Shown], meetings: Sequence[NewMeeting], sandbox: Sandbox) -> Iterator[str]:
    """Yield what the sandbox saw or holds otherwise than it is shown."""
    created = [_sent(entry.body) for entry in sandbox.ledger if entry.did == "created"]
    if Counter(created) != Counter(map(_row, meetings)):
        yield f"it scheduled {len(created)} meetings for {len(meetings)} rows, or others than these"
    held = {stored.id: stored for stored in sandbox.meetings}
    alive = {line.meeting.id: line.meeting for line in shown if line.fate is not Fate.CANCELLED}
    for meeting_id in sorted(held.keys() ^ alive.keys()):
        yield f"meeting {meeting_id} is {'there' if meeting_id in held else 'not there'}, and not shown so"
    for meeting_id in sorted(held.keys() & alive.keys()):
        if not _same(alive[meeting_id], held[meeting_id]):
            yield f"meeting {meeting_id} is not as shown"


def _row(new: NewMeeting) -> tuple[object, ...]:
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (new.start, new.end))
    return new.name, start, end, new.start_with_personal_url, new.participants


def _sent(body: Mapping[str, Any]) -> tuple[object, ...]:
    names = ("meetingName", "meetingStart", "meetingEnd", "startWithPersonalUrl")
    return *(body.get(name) for name in names), tuple(body.get("participants", ()))


def _same(meeting: Meeting, stored: StoredMeeting) -> bool:
    fields = ("id", "name", "start", "end", "start_with_personal_url", "participants", "conference_id")
    return all(getattr(meeting, field) == getattr(stored, field) for field in fields)
