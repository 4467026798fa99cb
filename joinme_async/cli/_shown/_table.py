"""Meetings as people want to read them: day by day in a table, or one on a card."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Final

import attrs
from rich.table import Table
from rich.text import Text

from joinme_async._models import Meeting
from joinme_async.cli._shown._harmless import harmless
from joinme_async.cli._shown._words import clock, from_to, full_date, length, relative, short_day, weekday

_WEEK: Final = 7  # days
_LONGEST: Final = 160  # characters of a name; a card shows all of it


@attrs.frozen
class Line:
    """A line of the table.

    Attributes:
        meeting: the meeting.
        note: what is said of it at the end of the line.
        style: of its name, such as `strike`.
        note_style: of the note.
    """

    meeting: Meeting
    note: str = ""
    style: str = ""
    note_style: str = ""


def table(lines: Iterable[Line], zone: tzinfo, now: datetime | None) -> Table:
    """Return meetings day by day.

    Args:
        lines: in any order.
        zone: that times are shown in.
        now: what days are told from, such as `tomorrow`; None not to tell.
    """
    ordered = sorted(lines, key=lambda line: (line.meeting.start, line.meeting.id))
    with_people = any(line.meeting.participants is not None for line in ordered)
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    shown.add_column("When", style="cyan", no_wrap=True)
    shown.add_column("Meeting", ratio=1, overflow="fold")
    if with_people:
        shown.add_column("Invited", justify="right")
    shown.add_column("Id", style="dim", no_wrap=True)
    if any(line.note for line in ordered):
        shown.add_column("", no_wrap=True)
    for cells in _rows(ordered, zone, now, with_people=with_people):
        shown.add_row(*cells)
    return shown


def _rows(
    ordered: Sequence[Line], zone: tzinfo, now: datetime | None, *, with_people: bool
) -> Iterator[tuple[Text, ...]]:
    day, told_zone = None, ""
    today = None if now is None else now.astimezone(zone).date()
    for line in ordered:
        meeting = line.meeting
        start = meeting.start.astimezone(zone)
        if start.date() != day:
            # The zone is said once, and again where clocks have changed.
            said, told_zone = "" if f"{start:%Z}" == told_zone else f"{start:%Z}", f"{start:%Z}"
            day = start.date()
            told = [said, "" if today is None else relative(day, today)]
            heading = full_date(day) if today is not None and day.year != today.year else short_day(day)
            yield Text(heading, style="bold"), Text("  ".join(filter(None, told)), "dim")
        invited = "-" if not meeting.participants else str(len(meeting.participants))
        yield (
            Text(f"  {_hours(start, meeting.end.astimezone(zone))}"),
            Text(_cut(harmless(meeting.name)), style=line.style),
            *([Text(invited)] if with_people else []),
            Text(str(meeting.id)),
            *([Text(line.note, style=line.note_style)] if line.note else []),
        )


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def _hours(start: datetime, end: datetime) -> str:
    days = (end.date() - start.date()).days
    last = "" if days == 0 else f"{weekday(end.date())} " if days < _WEEK else f"{short_day(end.date())} "
    return f"{clock(start)}-{last}{clock(end)}"


def card(meeting: Meeting, zone: tzinfo, now: datetime) -> Table:
    """Return all that is known of a meeting."""
    shown = Table.grid(padding=(0, 2, 0, 0))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    away = relative(meeting.start.astimezone(zone).date(), now.astimezone(zone).date())
    shown.add_row("name", Text(harmless(meeting.name), style="bold"))
    shown.add_row("id", Text(str(meeting.id)))
    shown.add_row("when", Text(f"{from_to(meeting.start, meeting.end, zone)} ({away})"))
    shown.add_row("length", Text(length(meeting.end - meeting.start)))
    if meeting.participants is not None:
        shown.add_row("invited", Text("\n".join(map(harmless, meeting.participants)) or "nobody"))
    shown.add_row("starts with", Text("your personal URL" if meeting.start_with_personal_url else "a 9-digit code"))
    if meeting.conference_id:
        shown.add_row("conference", Text(harmless(meeting.conference_id)))
    if meeting.viewer_link:
        shown.add_row("viewers", Text(harmless(meeting.viewer_link)))
    return shown
