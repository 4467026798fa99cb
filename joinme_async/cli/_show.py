"""How meetings are shown: to people in tables, to programs as JSON, CSV and iCalendar; on stdout or in files."""

import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from joinme_async._models import Meeting
from joinme_async.cli._codes import UnwrittenError
from joinme_async.cli._moments import zone_of
from joinme_async.cli._options import Kind, Output
from joinme_async.cli._shown._records import csv_of, json_of, record
from joinme_async.cli._stdio import draw, encoded, put
from joinme_async.cli._waiting import working

if TYPE_CHECKING:
    from rich.console import RenderableType


def show_all(meetings: Sequence[Meeting], output: Output, timezone: str | None, now: datetime) -> None:
    """Put meetings on stdout."""
    if output.kind is not None:
        put(content_of(output.kind, meetings, timezone, now))
        return
    from joinme_async.cli._shown._table import Line, table  # noqa: PLC0415  rich is loaded where it draws

    with working("drawing a table"):
        drawn = _drawn(table(map(Line, meetings), zone_of(timezone), now))
    draw(drawn)


def show_one(meeting: Meeting, output: Output, timezone: str | None, now: datetime) -> None:
    """Put one meeting on stdout, with all that is known of it."""
    if output.kind == "json":
        put(json_of(record(meeting)))
    elif output.kind is not None:
        put(content_of(output.kind, [meeting], timezone, now))
    else:
        from joinme_async.cli._shown._table import card  # noqa: PLC0415

        draw(_drawn(card(meeting, zone_of(timezone), now)))


def show_week(meetings: Sequence[Meeting], first: date, timezone: str | None, now: datetime) -> None:
    """Draw seven days from `first` on stdout."""
    from joinme_async.cli._shown._grid import grid  # noqa: PLC0415

    draw(_drawn(lambda width: grid(meetings, first, zone_of(timezone), width=width, now=now)))


def content_of(kind: Kind, meetings: Sequence[Meeting], timezone: str | None, now: datetime) -> str | bytes:
    """Return meetings in one of the forms that are written into files."""
    with working(f"making {kind}"):
        match kind:
            case "json":
                return json_of([record(meeting) for meeting in meetings])
            case "csv":
                return csv_of(meetings)
            case "ics":
                from joinme_async.cli._shown._calendar import calendar_of  # noqa: PLC0415  loaded where it is used

                return calendar_of(meetings, now)
            case "html":
                from joinme_async.cli._shown._page import page  # noqa: PLC0415

                zone = zone_of(timezone)
                return page(meetings, zone=zone, zone_name=str(zone), now=now)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file all at once, over one that is there, and never half of it; `-` is stdout.

    Raises:
        UnwrittenError: it could not be written; what was there before still is.
    """
    if str(path) == "-":
        put(content)
        return
    try:
        _replace(path.resolve(), encoded(content))
    except (OSError, RuntimeError) as error:  # the latter of a link to itself
        raise UnwrittenError(f"{path} cannot be written: {getattr(error, 'strerror', error)}") from None


def _replace(target: Path, data: bytes) -> None:
    if target.exists() and not target.is_file():  # a pipe, or a device
        target.write_bytes(data)
        return
    part = target.with_name(f".{target.name}.{token_hex(4)}")
    try:
        with part.open("xb") as file:
            file.write(data)
        if target.exists():
            shutil.copymode(target, part)  # what was private stays so
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _drawn(what: "RenderableType | Callable[[int], RenderableType]") -> str:
    """Return what rich would write: by itself it ends the program where nobody reads stdout any more.

    Args:
        what: what is drawn, or what returns it for so many columns.
    """
    from rich.console import Console  # noqa: PLC0415

    width = Console().width
    paper = StringIO()
    console = Console(file=paper, force_terminal=sys.stdout.isatty() or None, width=width, highlight=False)
    console.print(what(width) if callable(what) else what)
    return paper.getvalue()
