"""How meetings are shown: to people in tables, to programs as JSON, CSV and iCalendar; on stdout or in files."""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path

from joinme_async._models import Meeting
from joinme_async.cli._options import Kind, Output
from joinme_async.cli._shown._records import csv_of, json_of, record
from joinme_async.cli._stdio import put, say


def show_all(meetings: Sequence[Meeting], output: Output, zone: tzinfo, now: datetime) -> None:
    """Put meetings on stdout."""
    if output.kind is not None:
        put(content_of(output.kind, meetings, zone, now))
    elif meetings:
        _show_table(meetings, zone, now)
    else:
        say("there are no such meetings: join.me lists upcoming ones only")


def show_one(meeting: Meeting, output: Output, zone: tzinfo, now: datetime) -> None:
    """Put one meeting on stdout, with all that is known of it."""
    if output.kind == "json":
        put(json_of(record(meeting)))
    elif output.kind is not None:
        put(content_of(output.kind, [meeting], zone, now))
    else:
        _show_card(meeting, zone, now)


def show_week(meetings: Sequence[Meeting], first: date, zone: tzinfo, now: datetime) -> None:
    """Draw seven days from `first` on stdout."""
    from rich.console import Console  # noqa: PLC0415  loaded where it draws

    from joinme_async.cli._shown._grid import grid  # noqa: PLC0415

    console = Console(highlight=False)
    console.print(grid(meetings, first, zone, width=console.width, now=now))


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file all at once, over one that is there, and never half of it; `-` is stdout."""
    if str(path) == "-":
        put(content)
        return
    data, target = content.encode() if isinstance(content, str) else content, path.resolve()
    if target.exists() and not target.is_file():  # a pipe, or a device
        target.write_bytes(data)
        return
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def content_of(kind: Kind, meetings: Sequence[Meeting], zone: tzinfo, now: datetime) -> str | bytes:
    """Return meetings in one of the forms that are written into files."""
    match kind:
        case "json":
            return json_of([record(meeting) for meeting in meetings])
        case "csv":
            return csv_of(meetings)
        case "ics":
            from joinme_async.cli._shown._calendar import calendar_of  # noqa: PLC0415  icalendar is loaded where it is used

            return calendar_of(meetings, now)
        case "html":
            from joinme_async.cli._shown._page import page  # noqa: PLC0415  so is jinja2

            return page(meetings, zone=zone, zone_name=str(zone), now=now)


def _show_table(meetings: Sequence[Meeting], zone: tzinfo, now: datetime) -> None:
    from rich.console import Console  # noqa: PLC0415  loaded where it draws

    from joinme_async.cli._shown._table import Line, table  # noqa: PLC0415

    Console(highlight=False).print(table(map(Line, meetings), zone, now))


def _show_card(meeting: Meeting, zone: tzinfo, now: datetime) -> None:
    from rich.console import Console  # noqa: PLC0415

    from joinme_async.cli._shown._table import card  # noqa: PLC0415

    Console(highlight=False).print(card(meeting, zone, now))
