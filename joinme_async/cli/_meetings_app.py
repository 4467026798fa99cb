"""The verbs for meetings one by one: what can be typed, and what it means."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token, validators

from joinme_async.cli._options import (
    CALLS,
    CHOSEN,
    LIST_OUTPUT,
    OUTPUT,
    Calls,
    Chosen,
    Flag,
    Kind,
    ListOutput,
    Output,
    When,
    ZoneShown,
    whole,
)

_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?", re.DOTALL)


def _name(_: object, tokens: Sequence[Token]) -> str:
    """Return a name, which may begin with a dash; but what looks like an option was meant as one."""
    value = tokens[0].value
    if _OPTION.fullmatch(value) and f"--name={value}" not in sys.argv:
        raise ValueError(f"{value} looks like an option, and there is none here; for that name, say --name={value}")
    return value


def _file(_: object, tokens: Sequence[Token]) -> Path:
    """Return a path; `-` alone may begin with a dash, or an option would be taken for the file that was forgotten."""
    value = tokens[0].value
    if value.startswith("-") and value != "-":
        raise ValueError(f"a file is needed; for one that is called {value}, say ./{value}")
    return Path(value)


_Id = Annotated[int, Parameter(converter=whole, validator=validators.Number(gte=1))]
_File = Annotated[Path | None, Parameter(allow_leading_hyphen=True, converter=_file, metavar="FILE")]
_Name = Parameter(allow_leading_hyphen=True, converter=_name)
_Participants = Annotated[
    list[str] | None,
    Parameter(name="--participant", negative="--no-participants", negative_iterable=(), metavar="ADDRESS"),
]


def list_meetings(
    *,
    chosen: Chosen = CHOSEN,
    timezone: ZoneShown = None,
    output: ListOutput = LIST_OUTPUT,
    calls: Calls = CALLS,
) -> int:
    """Show the upcoming meetings; join.me lists no others.

    Example: `joinme list --week --since 2027-06-02`
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._meetings import Place, run_list  # noqa: PLC0415  each verb loads what it uses

    return carried_out(lambda: run_list(chosen, Place.of(calls, timezone), output), calls)


def get(meeting_id: _Id, /, *, timezone: ZoneShown = None, output: Output = OUTPUT, calls: Calls = CALLS) -> int:
    """Show a meeting, with all that join.me says of it.

    Example: `joinme get 12345 --json`

    Parameters
    ----------
    meeting_id
        Its id, as `joinme list` shows it.
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._meetings import Place, run_get  # noqa: PLC0415

    return carried_out(lambda: run_get(meeting_id, Place.of(calls, timezone), output), calls)


def schedule(  # noqa: PLR0913  what a meeting is made of
    name: Annotated[str, _Name],
    *,
    start: When,
    end: When,
    participants: _Participants = None,
    personal_url: Flag = False,
    ensure: Flag = False,
    timezone: ZoneShown = None,
    output: Output = OUTPUT,
    calls: Calls = CALLS,
) -> int:
    """Schedule a meeting, and invite people to it.

    Example: `joinme schedule "Weekly update" --start 2027-06-02T10:00 --end 2027-06-02T11:00
    --timezone Europe/London --participant boss@join.me`

    Parameters
    ----------
    name
        What it is called.
    start
        When it begins: 2027-06-02T10:00+02:00, or 2027-06-02T10:00 with --timezone.
    end
        When it ends, within 14 days.
    participants
        The e-mail address of somebody to invite; once for each.
    personal_url
        Start it with your personal URL instead of a 9-digit code.
    ensure
        Schedule it unless an equal one is there: safe to repeat, half a minute after a lost answer.
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._meetings import Place, Typed, run_schedule  # noqa: PLC0415

    typed = Typed(name=name, start=start, end=end, participants=participants, personal_url=personal_url)
    return carried_out(lambda: run_schedule(typed, Place.of(calls, timezone), output, ensure=ensure), calls)


def update(  # noqa: PLR0913
    meeting_id: _Id,
    /,
    *,
    name: Annotated[str | None, _Name] = None,
    start: When | None = None,
    end: When | None = None,
    participants: _Participants = None,
    personal_url: bool | None = None,
    timezone: ZoneShown = None,
    output: Output = OUTPUT,
    calls: Calls = CALLS,
) -> int:
    """Change what you name of a meeting, and leave the rest as it is.

    Example: `joinme update 12345 --name "Follow up"`

    Parameters
    ----------
    meeting_id
        Its id, as `joinme list` shows it.
    name
        What it is called from now on.
    start
        When it begins: 2027-06-02T10:00+02:00, or 2027-06-02T10:00 with --timezone.
    end
        When it ends.
    participants
        The e-mail address of somebody to invite; once for each. They take the place of all who are invited now; an
        empty one, or --no-participants, leaves nobody.
    personal_url
        Start it with your personal URL, or with a 9-digit code.
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._meetings import Place, Typed, run_update  # noqa: PLC0415

    typed = Typed(name=name, start=start, end=end, participants=participants, personal_url=personal_url)
    return carried_out(lambda: run_update(meeting_id, typed, Place.of(calls, timezone), output), calls)


def delete(
    *meeting_ids: _Id,
    yes: Flag = False,
    missing_ok: Flag = False,
    timezone: ZoneShown = None,
    calls: Calls = CALLS,
) -> int:
    """Delete meetings, after asking.

    Example: `joinme delete 12345 --yes`

    Parameters
    ----------
    meeting_ids
        Their ids, as `joinme list` shows them.
    yes
        Do not ask. Where nobody can be asked, nothing is deleted without this.
    missing_ok
        One that is not there is as good as deleted.
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._meetings import Place, run_delete  # noqa: PLC0415

    return carried_out(
        lambda: run_delete(meeting_ids, Place.of(calls, timezone), yes=yes, missing_ok=missing_ok), calls
    )


def export(  # noqa: PLR0913
    *,
    html: _File = None,
    ics: _File = None,
    csv: _File = None,
    json: _File = None,
    chosen: Chosen = CHOSEN,
    timezone: ZoneShown = None,
    calls: Calls = CALLS,
) -> int:
    """Write the upcoming meetings into files: a page to look at, a calendar, a table.

    Example: `joinme export --html week.html --ics meetings.ics --timezone Europe/London`

    Parameters
    ----------
    html
        A page with each week as a calendar; it loads nothing, and can be printed. - is stdout, here as below.
    ics
        A calendar for Outlook, Google and Apple; taken in again, it changes the meetings that are there already. It
        names nobody as invited.
    csv
        A table that `joinme bulk schedule` reads again, with participants if --full.
    json
        A JSON array, as of `joinme list --json`.
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._meetings import Place, run_export  # noqa: PLC0415

    files: dict[Kind, Path | None] = {"html": html, "ics": ics, "csv": csv, "json": json}
    return carried_out(lambda: run_export(files, chosen, Place.of(calls, timezone)), calls)
