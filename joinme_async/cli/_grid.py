"""A week in the terminal."""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo

from rich.console import RenderableType
from rich.text import Text

from joinme_async._models import Meeting
from joinme_async.cli._week import days_of, week_from


def grid(meetings: Sequence[Meeting], first: date, zone: tzinfo | None, *, width: int, now: datetime) -> RenderableType:
    """Return the seven days from `first` on, to be printed by rich."""
    week = week_from(first, days_of(meetings, zone))
    lines = [f"{s.meeting.start.astimezone(zone):%H:%M} {s.meeting.name!a}" for d in week.days for s in d.segments]
    return Text("\n".join([f"{now:%H:%M}", *lines])[: width * 40])
