"""The verbs for meetings one by one: each a call or a few, and what they bring is shown."""

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import attrs

from joinme_async._client import JoinMe
from joinme_async._errors import JoinMeError, NotFoundError
from joinme_async._models import UNSET, Meeting, NewMeeting, addresses_in
from joinme_async.cli._codes import DONE, MISSING, NOT_BEGUN, UsageError
from joinme_async.cli._moments import bounds, day, midnight, moment, zone_of
from joinme_async.cli._options import Calls, Chosen, Kind, ListOutput, Output
from joinme_async.cli._settings import Settings
from joinme_async.cli._shell import ask, now, ready, settings_for
from joinme_async.cli._show import content_of, show_all, show_one, show_week, write_file
from joinme_async.cli._shown._words import from_to
from joinme_async.cli._stdio import asked, may_ask, say
from joinme_async.cli._waiting import Patience

T = TypeVar("T")

_AT_ONCE = 20  # meetings that are read in full at the same time
_SEVEN_DAYS = timedelta(days=7)


@attrs.frozen(kw_only=True)
class Place:
    """Where a verb speaks to, and in which zone.

    Attributes:
        settings: with a token only once that is needed.
        calls: the options that were typed.
    """

    settings: Settings
    calls: Calls

    @classmethod
    def of(cls, calls: Calls, timezone: str | None) -> "Place":
        """Return it as the command line, the environment and the file say."""
        return cls(settings=settings_for(calls, timezone), calls=calls)

    @property
    def zone(self) -> tzinfo:
        """The zone that times are shown in: the one that was set, or this machine's."""
        return zone_of(self.settings.timezone)

    def moment(self, text: str, option: str) -> datetime:
        """Return an instant that was typed."""
        return moment(text, self.settings.timezone, option)

    @property
    def may_ask(self) -> bool:
        """Whether there is somebody who may be asked."""
        return may_ask(no_input=self.calls.no_input)

    def with_token(self) -> "Place":
        """Return it with a token, asked for if need be."""
        return attrs.evolve(self, settings=ready(self.settings, self.calls))

    def ask(self, work: Callable[[JoinMe, Patience], Coroutine[Any, Any, T]]) -> T:
        """Carry out a few calls, and return what they bring."""
        return ask(work, self.with_token().settings, "asking join.me")


# Reading


def run_list(chosen: Chosen, place: Place, output: ListOutput) -> int:
    """Show the upcoming meetings."""
    if output.week:
        return _run_week(chosen, place)
    meetings = _chosen(chosen, place)
    if meetings or output.kind is not None:
        show_all(meetings, output, place.settings.timezone, now())
    else:
        say("there are no such meetings: join.me lists upcoming ones only")
    return DONE


def _run_week(chosen: Chosen, place: Place) -> int:
    if chosen.until is not None or chosen.full:
        raise UsageError("--week shows seven days, from --since on, as the list has them: leave out --until and --full")
    zone, since = place.zone, chosen.since
    first = now().astimezone(zone).date()
    if since is not None:
        first = day(since, place.settings.timezone, "--since")
    begin, end = (midnight(of, zone) for of in (first, first + _SEVEN_DAYS))
    meetings = _read(place, None, full=False)
    week = [meeting for meeting in meetings if begin < meeting.end and meeting.start < end]
    show_week(week, first, place.settings.timezone, now())
    later = [meeting.start for meeting in meetings if meeting.start >= end]
    if not week and later:
        then = min(later).astimezone(zone).date()
        say(f"the next meeting is on {then}: see it with --since {then}")
    return DONE


def run_get(meeting_id: int, place: Place, output: Output) -> int:
    """Show one meeting."""
    meeting = place.ask(lambda joinme, _: joinme.meetings.get(meeting_id))
    show_one(meeting, output, place.settings.timezone, now())
    return DONE


def run_export(wanted: Mapping[Kind, Path | None], chosen: Chosen, place: Place) -> int:
    """Write the upcoming meetings into files."""
    files: dict[Kind, Path] = {kind: path for kind, path in wanted.items() if path is not None}
    if not files:
        raise UsageError("say what to write: --html week.html, --ics meetings.ics, --csv meetings.csv or --json FILE")
    if len(set(map(os.path.realpath, files.values()))) < len(files):
        raise UsageError("two of these would be written to the same place: give each a file of its own")
    meetings = _chosen(chosen, place)
    for kind, path in files.items():
        write_file(path, content_of(kind, meetings, place.settings.timezone, now()))
        where = "stdout" if str(path) == "-" else path
        say(f"{len(meetings)} meeting{'s' * (len(meetings) != 1)} written to {where}")
    return DONE


def _chosen(chosen: Chosen, place: Place) -> Sequence[Meeting]:
    since, until = bounds(chosen.since, chosen.until, place.settings.timezone)
    if since is not None and until is not None and since >= until:
        raise UsageError("--since is not before --until: no meeting can begin between them")
    return [m for m in _read(place, until, full=chosen.full, since=since) if until is None or m.start < until]


def _read(place: Place, until: datetime | None, *, full: bool, since: datetime | None = None) -> Sequence[Meeting]:
    async def work(joinme: JoinMe, patience: Patience) -> Sequence[Meeting]:
        listed = await joinme.meetings.list(until=until)
        listed = sorted(
            (meeting for meeting in listed if since is None or meeting.start >= since), key=lambda m: (m.start, m.id)
        )
        return await _in_full(joinme, listed, patience) if full else listed

    return place.ask(work)


async def _in_full(joinme: JoinMe, listed: Sequence[Meeting], patience: Patience) -> Sequence[Meeting]:
    """Read each meeting by itself; one that was deleted meanwhile is left out."""
    found: dict[int, Meeting | None] = {}
    failed: list[JoinMeError] = []
    waiting = iter(listed)

    async def read() -> None:
        for meeting in waiting:
            try:
                found[meeting.id] = await joinme.meetings.get(meeting.id)
            except NotFoundError:
                found[meeting.id] = None
            except JoinMeError as error:
                failed.append(error)
                group.cancel_scope.cancel()
                return
            patience.count(len(found), len(listed))

    async with anyio.create_task_group() as group:
        for _ in range(min(_AT_ONCE, len(listed))):
            group.start_soon(read)
    if failed:
        raise failed[0]
    return [meeting for one in listed if (meeting := found[one.id]) is not None]


# Writing


@attrs.frozen(kw_only=True)
class Typed:
    """What was typed of a meeting; None for what was not.

    Attributes:
        name: its name.
        start: when it begins.
        end: when it ends.
        participants: addresses, any of them a list or empty; an empty list invites nobody.
        personal_url: whether it starts with the personal URL.
    """

    name: str | None = None
    start: str | None = None
    end: str | None = None
    participants: Sequence[str] | None = attrs.field(default=None, repr=False)
    personal_url: bool | None = None

    def instants(self, place: Place) -> tuple[datetime | None, datetime | None]:
        """Return its start and end as instants."""
        start = None if self.start is None else place.moment(self.start, "--start")
        return start, None if self.end is None else place.moment(self.end, "--end")


def _addresses(typed: Sequence[str]) -> list[str]:
    return [address for text in typed for address in addresses_in(text)]


def run_schedule(typed: Typed, place: Place, output: Output, *, ensure: bool) -> int:
    """Schedule a meeting; with `ensure`, unless an equal one is there."""
    start, end = typed.instants(place)
    if typed.name is None or start is None or end is None:
        raise UsageError("a meeting needs a name, --start and --end")
    new = NewMeeting(typed.name, start, end, _addresses(typed.participants or ()), bool(typed.personal_url))

    def work(joinme: JoinMe, _: Patience) -> Coroutine[Any, Any, Meeting]:
        return joinme.meetings.ensure(new) if ensure else joinme.meetings.schedule(new)

    meeting = place.ask(work)
    say(f"meeting {meeting.id} is {'there' if ensure else 'scheduled'}")  # first, or a full disk would keep it quiet
    if meeting.start < now():
        say("it has begun already, so joinme list does not show it: join.me lists upcoming meetings only")
    show_one(meeting, output, place.settings.timezone, now())
    return DONE


def run_update(meeting_id: int, typed: Typed, place: Place, output: Output) -> int:
    """Change what was typed of a meeting, and nothing else."""
    if typed == Typed():
        raise UsageError("nothing to change was named: see joinme update --help")
    start, end = typed.instants(place)

    async def work(joinme: JoinMe, _: Patience) -> Meeting:
        # Of a Meeting, its own personal-URL flag goes along: the service takes an update without it to mean false.
        return await joinme.meetings.update(
            await joinme.meetings.get(meeting_id),
            name=UNSET if typed.name is None else typed.name,
            start=UNSET if start is None else start,
            end=UNSET if end is None else end,
            participants=UNSET if typed.participants is None else _addresses(typed.participants),
            start_with_personal_url=UNSET if typed.personal_url is None else typed.personal_url,
        )

    meeting = place.ask(work)
    say(f"meeting {meeting_id} is updated")
    show_one(meeting, output, place.settings.timezone, now())
    return DONE


def run_delete(meeting_ids: Sequence[int], place: Place, *, yes: bool, missing_ok: bool) -> int:
    """Delete meetings, once that was agreed to."""
    if not meeting_ids:
        raise UsageError("which meeting? Name its id, or several: joinme list shows them")
    meeting_ids = tuple(dict.fromkeys(meeting_ids))
    if not yes:
        if not place.may_ask:
            say("nothing was deleted, since there is nobody to ask: say --yes")
            return NOT_BEGUN
        place, zone = place.with_token(), place.zone
        meetings = place.ask(partial(_read_each, meeting_ids=meeting_ids, missing_ok=missing_ok))
        told = "; ".join(f"{m.id} ({m.name}, {from_to(m.start, m.end, zone)})" for m in meetings)
        if meetings and asked(f"this deletes {told}", {"d": "delete", "k": "keep"}, "k") != "d":
            say("nothing was deleted")
            return NOT_BEGUN
    missing = place.ask(partial(_delete_each, meeting_ids=meeting_ids, missing_ok=missing_ok))
    return MISSING if missing else DONE


async def _read_each(joinme: JoinMe, _: Patience, *, meeting_ids: Sequence[int], missing_ok: bool) -> Sequence[Meeting]:
    found = []
    for meeting_id in meeting_ids:
        try:
            found.append(await joinme.meetings.get(meeting_id))
        except NotFoundError:
            if not missing_ok:
                raise
    return found


async def _delete_each(
    joinme: JoinMe, patience: Patience, *, meeting_ids: Sequence[int], missing_ok: bool
) -> Sequence[int]:
    """Delete meetings one after another, and return those that were not there and should have been."""
    missing: list[int] = []
    for done, meeting_id in enumerate(meeting_ids):
        patience.count(done, len(meeting_ids))
        try:
            await joinme.meetings.delete(meeting_id)
        except NotFoundError:
            missing += [] if missing_ok else [meeting_id]
            say(f"there is no meeting {meeting_id}")
        else:
            say(f"meeting {meeting_id} is deleted")
    return missing
