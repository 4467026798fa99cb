"""Meetings from iCalendar (RFC 5545); the only file that knows icalendar.

A calendar's times are taken apart before the library sees them: a wall time stays a wall time, and the zone it belongs
to is applied at the end, by `_Zone`, which never guesses. Recurrences are counted on the clock on the wall.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import attrs

from joinme_async._errors import BadRow, ConfigurationError, InvalidMeetingError, excerpt
from joinme_async._times import zoned
from joinme_async.bulk._ical_text import Block, CalendarError, read_blocks
from joinme_async.bulk._rows import Cell, Options, Row, row_from

_READ: Final = frozenset({
    "ATTENDEE", "DTEND", "DTSTART", "DURATION", "EXDATE", "RDATE", "RECURRENCE-ID", "RRULE", "STATUS", "SUMMARY", "UID",
})  # fmt: skip
_PROPERTY: Final = re.compile(r"([A-Za-z0-9-]+)((?:;(?:\"[^\"]*\"|[^\":])*)?):(.*)", re.DOTALL)
# A zone's name is moved to where the library does not look for it: it knows too many names, and remembers them. And
# what kind of value it is the value shows itself; told otherwise, the library believes it.
_TZID: Final = re.compile(r";TZID=", re.IGNORECASE)
_VALUE: Final = re.compile(r";VALUE=(?:\"[^\"]*\"|[^;\"]*)", re.IGNORECASE)
_COLUMNS: Final = {"name": "SUMMARY", "start": "DTSTART", "end": "DTEND", "participants": "ATTENDEE", "key": "UID"}
_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
# A season of a time zone that begins oftener than the library can count through: there is no such zone.
_WILD_SEASON: Final = re.compile(r"(?i)RRULE[;:](?!.*FREQ=YEARLY)|RRULE[;:].*BY(?:HOUR|MINUTE|SECOND)")
_HORIZON: Final = timedelta(days=3653)  # how far an event that ends by itself is followed where no `until` is given
_DAY: Final = timedelta(days=1)
_LONG_AGO: Final = datetime(1000, 1, 1)  # noqa: DTZ001  a wall time
_LATELY: Final = datetime(2027, 1, 1)  # noqa: DTZ001  a wall time


def read_ical(path: Path, options: Options) -> Iterator[Row | BadRow]:
    """Yield a row for every event, and for every occurrence of one; bad ones hold nobody's address.

    Events come in the order of the file, occurrences in that of time; those before `since` and from `until` on may be
    among them. `line` is that of the event's BEGIN. The calendar is read as a whole, since any part of it may change
    any other.

    Raises:
        ConfigurationError: the extra is not installed.
        OSError: the file cannot be read.
    """
    _library()
    calendar = _Calendar(path.name, options)
    try:
        blocks, cancelled = read_blocks(path.read_bytes())
        entries = [] if cancelled else [calendar.entry(block) for block in calendar.take_zones(blocks)]
    except CalendarError as error:
        yield BadRow(path.name, error.line, None, str(error))
        return
    series: dict[object, list[_Entry | BadRow]] = {}
    for number, (uid, entry) in enumerate(entries):
        series.setdefault(uid or number, []).append(entry)
    for members in series.values():
        yield from calendar.rows(members)


def _library() -> tuple[ModuleType, ModuleType]:
    try:
        import icalendar  # noqa: PLC0415  an extra
        import recurring_ical_events  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError("reading iCalendar needs its extra: pip install 'joinme-async[ical]'") from None
    return icalendar, recurring_ical_events


@attrs.frozen
class _Zone:
    """Whose clocks show a wall time: as the public database has them, as the file describes them, or both.

    All that are there must agree. Without any the zone is unknown.
    """

    name: str
    public: str | None
    described: Sequence[tzinfo] = ()

    def instant(self, wall: datetime) -> datetime:
        """Return when these clocks show `wall`, or raise InvalidMeetingError: unknown, never, twice, or in dispute."""
        found = {zoned(wall, self.public).astimezone(UTC)} if self.public else set[datetime]()
        return self._agreed(found | {_shown_once(wall, zone, self.name) for zone in self.described}, wall)

    def wall(self, moment: datetime) -> datetime:
        """Return what these clocks show at `moment`, or raise InvalidMeetingError: unknown, or in dispute."""
        zones = [*self.described, *([ZoneInfo(self.public)] if self.public else [])]
        return self._agreed({moment.astimezone(zone).replace(tzinfo=None, fold=0) for zone in zones}, moment)

    def _agreed(self, found: set[datetime], asked: datetime) -> datetime:
        if not found:
            raise InvalidMeetingError(
                f"no time zone named '{excerpt(self.name)}': it is no IANA name, and the file does not describe it"
            )
        if len(found) > 1:
            raise InvalidMeetingError(
                f"the file describes the zone '{excerpt(self.name)}' otherwise than the time zone database or itself "
                f"does, so that it is not known what {asked.isoformat()} is there"
            )
        return found.pop()


def _shown_once(wall: datetime, zone: tzinfo, name: str) -> datetime:
    shown = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    shown = {moment for moment in shown if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall}
    if len(shown) != 1:
        often = "comes twice" if shown else "does not exist"
        raise InvalidMeetingError(f"{wall.isoformat()} {often} in {excerpt(name)}, by the file's own description")
    return shown.pop()


_UTC: Final = _Zone("UTC", "UTC")


def _described(block: Block) -> tuple[str, tzinfo | None]:
    """Return the name of a VTIMEZONE and what it describes, None where that cannot be understood."""
    name = next((line[5:] for line in block.lines if line.upper().startswith("TZID:")), "")
    # Under a name that everybody knows, so that the library does not remember the zone for later files.
    lines = ["TZID:UTC" if line.upper().startswith("TZID:") else line for line in block.lines]
    zone = None
    if not any(_WILD_SEASON.match(line) for line in lines):
        try:
            zone = _library()[0].Timezone.from_ical(_text("VTIMEZONE", lines)).to_tz(lookup_tzid=False)
            zone.utcoffset(_LATELY)
        except Exception:  # noqa: BLE001  a library's, and dateutil's, on any text
            zone = None
    return re.sub(r"\\(.)", r"\1", name).strip(), zone


def _public(name: str) -> str | None:
    """Return the IANA name of a zone that has one, or is Windows' name of one."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415  an extra

    public = WINDOWS_TO_OLSON.get(name, name)
    try:
        ZoneInfo(public)
    except (LookupError, ValueError, OSError):
        return None
    return public


def _text(name: str, lines: Iterable[str]) -> str:
    return "\r\n".join([f"BEGIN:{name}", *lines, f"END:{name}", ""])


@attrs.frozen
class _Entry:
    """One VEVENT: an event, the rule of many, or what is different about one occurrence.

    Attributes:
        line: where it begins.
        uid: empty where there is none.
        cancelled: True if it does not take place.
        name: its summary.
        participants: the addresses to invite.
        zone: whose clocks `start` and `occurrence` are read off.
        start: on the wall.
        days: on the clock on the wall, from the start towards the end.
        rest: the time that passes between that and the end.
        occurrence: at which time of the rule this takes the place of an occurrence; None if it is a whole event.
        repeats: RRULE, RDATE and EXDATE, all in wall times of `zone`.
    """

    line: int
    uid: str
    cancelled: bool
    name: str
    participants: Sequence[str] = attrs.field(repr=False)
    zone: _Zone
    start: datetime
    days: int
    rest: timedelta
    occurrence: datetime | None
    repeats: Mapping[str, Any]


class _Calendar:
    """One file: its zones, and how its components become rows."""

    def __init__(self, file: str, options: Options) -> None:
        self._file = file
        self._options = options
        self._zones: dict[str, list[tzinfo]] = {}

    def take_zones(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Learn the zones that the file describes, then yield its events."""
        events = []
        for block in blocks:
            if block.name == "VTIMEZONE":
                name, zone = _described(block)
                self._zones.setdefault(name, []).extend([zone] if zone else [])
            elif block.name == "VEVENT":
                events.append(block)
        yield from sorted(events, key=lambda block: block.line)

    def entry(self, block: Block) -> tuple[str, _Entry | BadRow]:
        """Return the UID of an event, and the event or what is wrong with it."""
        named = [match.groups() for line in block.lines if (match := _PROPERTY.fullmatch(line))]
        lines = [
            f"{name}{_TZID.sub(';X-ZONE=', _VALUE.sub('', params))}:{value}"
            for name, params, value in named
            if name.upper() in _READ
        ]
        uid = next((value.strip() for name, _, value in named if name.upper() == "UID"), "")
        try:
            return uid, self._entry(block.line, _event(lines))
        except InvalidMeetingError as error:
            return uid, BadRow(self._file, block.line, error.field or "DTSTART", str(error))  # most often its zone
        except OverflowError:
            return uid, BadRow(self._file, block.line, None, "this event is outside the years 1 to 9999")

    def _entry(self, line: int, event: Any) -> _Entry:  # noqa: ANN401  the library's types say no more
        start, zone, whole_day = self._moment(event, "DTSTART")
        days, rest = self._span(event, start, zone, whole_day=whole_day)
        return _Entry(
            line=line,
            uid=str(_one(event, "UID") or "").strip(),
            cancelled=str(_one(event, "STATUS") or "").upper() == "CANCELLED",
            name=str(_one(event, "SUMMARY") or ""),
            participants=_invited(_all(event, "ATTENDEE")),
            zone=zone,
            start=start,
            days=days,
            rest=rest,
            occurrence=self._occurrence(event, zone),
            repeats=self._repeats(event, start, zone, whole_day=whole_day),
        )

    def _occurrence(self, event: Any, zone: _Zone) -> datetime | None:  # noqa: ANN401
        value = _one(event, "RECURRENCE-ID")
        if value is None:
            return None
        if "RANGE" in value.params:
            raise InvalidMeetingError("a change from one occurrence on is not understood", field="RECURRENCE-ID")
        return self._as_in(zone, value, value.params, "RECURRENCE-ID")

    def _moment(self, event: Any, field: str) -> tuple[datetime, _Zone, bool]:  # noqa: ANN401
        """Return a property's time on the wall, whose wall that is, and whether it is a day without an hour."""
        value = _one(event, field)
        if value is None:
            raise InvalidMeetingError(f"the event has no {field}", field=field)
        return self._wall(value, value.params, field)

    def _wall(self, value: Any, params: Mapping[str, str], field: str) -> tuple[datetime, _Zone, bool]:  # noqa: ANN401
        moment = value.dt
        if not isinstance(moment, date):
            raise InvalidMeetingError("this is neither a time nor a day", field=field)
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time.min), self._local("a day without an hour", field), True
        if moment.tzinfo:
            return moment.replace(tzinfo=None), _UTC, False
        return moment, self._zone(str(params["X-ZONE"])) if "X-ZONE" in params else self._local("a time", field), False

    def _zone(self, name: str) -> _Zone:
        return _Zone(name, _public(name), self._zones.get(name, ()))

    def _local(self, what: str, field: str) -> _Zone:
        """Return the zone that the reader was given for `what`."""
        if self._options.timezone is None:
            raise InvalidMeetingError(
                f"this is {what} of no zone: give the zone for the file (timezone='Europe/London')", field=field
            )
        return _Zone(self._options.timezone, _public(self._options.timezone))

    def _as_in(self, zone: _Zone, value: Any, params: Mapping[str, str], field: str) -> datetime:  # noqa: ANN401
        """Return what clocks in `zone` show at a time that may be written otherwise."""
        wall, own, _ = self._wall(value, params, field)
        return wall if own == zone else zone.wall(own.instant(wall))

    def _span(self, event: Any, start: datetime, zone: _Zone, *, whole_day: bool) -> tuple[int, timedelta]:  # noqa: ANN401
        """Return the days, on the clock on the wall, and the time beyond them from the start to the end.

        RFC 5545, section 3.8.5.3: the occurrences of an event with DTEND all take the same time, those of one with
        DURATION the same on the clock.
        """
        if _one(event, "DTEND") is not None:
            end, other, end_is_day = self._moment(event, "DTEND")
            if whole_day != end_is_day:
                raise InvalidMeetingError("one of DTSTART and DTEND is a day, the other a time", field="DTEND")
            return ((end - start).days, timedelta()) if whole_day else (0, other.instant(end) - zone.instant(start))
        if _one(event, "DURATION") is None:
            return int(whole_day), timedelta()
        duration = event["DURATION"].dt
        if not isinstance(duration, timedelta):
            raise InvalidMeetingError("this is no duration", field="DURATION")
        return duration.days, duration - timedelta(days=duration.days)

    def _repeats(
        self,
        event: Any,  # noqa: ANN401
        start: datetime,
        zone: _Zone,
        *,
        whole_day: bool,
    ) -> dict[str, list[Any]]:
        """Return the event's RRULE, RDATE and EXDATE, where it has any, in wall times of `zone`."""
        rules = [self._rule(rule, start, zone) for rule in _all(event, "RRULE")]
        times = {
            field: [
                # A day without an hour takes all of its day away from an event that has hours.
                value.dt
                if field == "EXDATE" and not whole_day and type(value.dt) is date
                else self._as_in(zone, value, values.params, field)
                for values in _all(event, field)
                for value in values.dts
            ]
            for field in ("RDATE", "EXDATE")
        }
        return {field: found for field, found in {"RRULE": rules, **times}.items() if found}

    def _rule(self, rule: Any, start: datetime, zone: _Zone) -> Any:  # noqa: ANN401
        often = any(len(rule.get(part, ())) > 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
        if often or rule.get("FREQ", [""])[0] not in _FREQUENCIES:
            raise InvalidMeetingError("this is no rule that recurs daily or more seldom", field="RRULE")
        numbers = [number for part in ("COUNT", "INTERVAL") for number in rule.get(part, ())]
        if ("COUNT" in rule and "UNTIL" in rule) or any(number < 1 for number in numbers):
            raise InvalidMeetingError("this rule contradicts itself (COUNT, UNTIL, INTERVAL)", field="RRULE")
        if self._options.until is None and not ("COUNT" in rule or "UNTIL" in rule):
            raise InvalidMeetingError("this event recurs for ever: say until when to read it (until=)", field="RRULE")
        for index, until in enumerate(rule.get("UNTIL", ())):
            if not isinstance(until, datetime):
                rule["UNTIL"][index] = datetime.combine(until, time(23, 59, 59))
            elif until.tzinfo:
                rule["UNTIL"][index] = zone.wall(until)
        if any(until < start for until in rule.get("UNTIL", ())):
            raise InvalidMeetingError("the rule ends before the event begins", field="RRULE")
        return rule

    def rows(self, members: Sequence[_Entry | BadRow]) -> Iterator[Row | BadRow]:
        """Yield the rows of one event: of its rule, its changed occurrences, or its only occurrence.

        Where any part is bad, none becomes a row: without a change, its occurrence would be at the wrong time.
        """
        entries = [item for item in members if isinstance(item, _Entry)]
        main = next((entry for entry in entries if entry.occurrence is None), entries[0] if entries else None)
        checked = list(self._told_apart(self._aligned(item, main) for item in members))
        wrong = next((item for item in checked if isinstance(item, BadRow)), None)
        if wrong is None:
            yield from self._occurrences([item for item in checked if isinstance(item, _Entry)])
            return
        for item in checked:
            problem = f"another part of this event is bad (line {wrong.line}), so that none of it becomes a meeting"
            yield item if isinstance(item, BadRow) else BadRow(self._file, item.line, None, problem)

    def _aligned(self, item: _Entry | BadRow, main: _Entry | None) -> _Entry | BadRow:
        """Return an entry with its times on the clock of the main one, by which occurrences are counted."""
        if isinstance(item, BadRow) or main is None or item.zone == main.zone:
            return item
        try:
            start = main.zone.wall(item.zone.instant(item.start))
            occurrence = item.occurrence and main.zone.wall(item.zone.instant(item.occurrence))
        except InvalidMeetingError as error:
            return BadRow(self._file, item.line, "DTSTART", str(error))
        return attrs.evolve(item, zone=main.zone, start=start, occurrence=occurrence)

    def _told_apart(self, members: Iterable[_Entry | BadRow]) -> Iterator[_Entry | BadRow]:
        lines: dict[datetime | None, int] = {}
        for item in members:
            if isinstance(item, _Entry) and lines.setdefault(item.occurrence, item.line) != item.line:
                problem = f"line {lines[item.occurrence]} has the same UID: keep the newer one"
                yield BadRow(self._file, item.line, "UID", problem)
            else:
                yield item

    def _occurrences(self, entries: Sequence[_Entry]) -> Iterator[Row | BadRow]:
        main = next((entry for entry in entries if entry.occurrence is None), entries[0])
        if main.occurrence is None and len(entries) == 1 and not main.repeats:
            yield from self._row(main, main.start, None)
            return
        try:
            found = self._expanded(main, entries)
        except Exception:  # noqa: BLE001  a library's, and dateutil's, on any rule
            yield BadRow(self._file, main.line, "RRULE", "the recurrence of this event cannot be understood")
            return
        if found is None:
            problem = "this event goes on for more than ten years: say until when to read it (until=)"
            yield BadRow(self._file, main.line, "RRULE", problem)
            return
        for wall, entry in found:
            planned = wall if entry is main and main.occurrence is None else entry.occurrence
            yield from self._row(entry, wall, planned)

    def _expanded(self, main: _Entry, entries: Sequence[_Entry]) -> list[tuple[datetime, _Entry]] | None:
        """Return the start of each occurrence on the wall, and what describes it, in the order of time.

        None where they go on for too long.
        """
        icalendar, recurring = _library()
        calendar = icalendar.Calendar()
        for index, entry in enumerate(entries):
            calendar.add_component(_skeleton(icalendar.Event(), index, entry))
        query = recurring.of(calendar)
        since, until = self._options.since, self._options.until
        first = since.replace(tzinfo=None) - _DAY if since else _LONG_AGO
        last = until.replace(tzinfo=None) + _DAY if until else max(first, main.start) + _HORIZON
        if until is None and query.between(last, last + _HORIZON):
            return None
        found = [(event["DTSTART"].dt, entries[int(event["X-ENTRY"])]) for event in query.between(first, last)]
        return sorted(found, key=lambda item: item[0])

    def _row(self, entry: _Entry, wall: datetime, planned: datetime | None) -> Iterator[Row | BadRow]:
        """Yield the row of the occurrence of `entry` that begins when its clocks show `wall`, unless it is cancelled.

        `planned` is when the rule has it, None where there is no rule.
        """
        if entry.cancelled:
            return
        try:
            start = entry.zone.instant(wall)
            end = (entry.zone.instant(wall + timedelta(days=entry.days)) if entry.days else start) + entry.rest
            key = entry.uid if planned is None else f"{entry.uid}/{entry.zone.instant(planned):%Y%m%dT%H%M%SZ}"
        except InvalidMeetingError as error:
            yield BadRow(self._file, entry.line, "DTSTART", str(error))
        except OverflowError:
            yield BadRow(self._file, entry.line, "DTSTART", "this event is outside the years 1 to 9999")
        else:
            cells: dict[str, Cell] = {
                "name": entry.name,
                "start": start,
                "end": end,
                "participants": entry.participants,
            }
            row = row_from({**cells, "key": key if entry.uid else ""}, None, self._file, entry.line)
            yield row._replace(column=_COLUMNS.get(row.column or "")) if isinstance(row, BadRow) else row


def _event(lines: Iterable[str]) -> Any:  # noqa: ANN401  the library's types say no more
    """Return the event of these lines, or raise InvalidMeetingError naming the property that cannot be read."""
    try:
        event = _library()[0].Event.from_ical(_text("VEVENT", lines))
    except Exception:  # noqa: BLE001  a library's, on any text
        raise InvalidMeetingError("this event has something in it that cannot be read") from None
    for name, _ in event.errors:
        raise InvalidMeetingError("this event has a property that cannot be read", field=name)
    return event


def _one(event: Any, field: str) -> Any:  # noqa: ANN401  the library's types say no more
    value = event.get(field)
    if isinstance(value, list):
        raise InvalidMeetingError(f"the event has {len(value)} of {field}", field=field)
    return value


def _all(event: Any, field: str) -> list[Any]:  # noqa: ANN401  the library's types say no more
    value = event.get(field, [])
    return value if isinstance(value, list) else [value]


def _invited(attendees: Iterable[Any]) -> list[str]:
    """Return the addresses of those who are to be invited: people and groups that have one and did not decline."""
    addresses = []
    for attendee in attendees:
        kind, answer = (str(attendee.params.get(name, "")).upper() for name in ("CUTYPE", "PARTSTAT"))
        if kind in {"ROOM", "RESOURCE"} or answer == "DECLINED":
            continue
        if attendee[:7].lower() == "mailto:":
            addresses.append(unquote(attendee[7:].partition("?")[0]).strip())
        elif "EMAIL" in attendee.params:  # RFC 7986, section 6.2
            addresses.append(str(attendee.params["EMAIL"]))
    return addresses


def _skeleton(event: Any, index: int, entry: _Entry) -> Any:  # noqa: ANN401
    """Fill in what the library needs to count recurrences, on the clock on the wall; `index` finds the entry again."""
    event.add("UID", "-")
    event.add("X-ENTRY", str(index))
    event.add("DTSTART", entry.start)
    event.add("DTEND", entry.start + timedelta(seconds=1))
    if entry.occurrence:
        event.add("RECURRENCE-ID", entry.occurrence)
        return event
    for field, values in entry.repeats.items():
        for value in values:
            event.add(field, value if field == "RRULE" else [value])
    return event
