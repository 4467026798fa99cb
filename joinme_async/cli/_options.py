"""Options that many verbs take, each with its meaning in one place."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import attrs
from cyclopts import Group, Parameter, Token, validators


def whole(_: object, tokens: Sequence[Token]) -> int:
    """Return a whole number as it was typed: cyclopts would round 10001.6, and another meeting would be deleted."""
    value = tokens[0].value
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


_CONNECTION = Group("Connection", sort_key=8)
_OUTPUT = Group("Output", validator=validators.mutually_exclusive, sort_key=7)
_COMMON = Group("Common", sort_key=9)

Kind: TypeAlias = Literal["json", "csv", "ics", "html"]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False)]
When = Annotated[str, Parameter(metavar="WHEN")]
Zone = Annotated[str | None, Parameter(metavar="ZONE")]
ZoneShown = Annotated[
    str | None,
    Parameter(
        metavar="ZONE",
        help="The IANA zone to show times in, such as Europe/London, and of days and times that are typed. Without it, "
        "that of your settings; else this machine's, in which a typed time still needs its offset.",
    ),
]
EXISTING = Parameter(validator=validators.Path(exists=True, dir_okay=False))
_Out = Annotated[bool, Parameter(negative="", group=_OUTPUT, show_default=False)]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Bounds:
    """Between which times meetings begin."""

    since: Annotated[str | None, Parameter(metavar="WHEN")] = None
    """Pass over meetings that begin before this day or time, such as 2027-06-02 or 2027-06-02T10:00+02:00."""

    until: Annotated[str | None, Parameter(metavar="WHEN")] = None
    """Pass over meetings that begin after this day, or at this time or later."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Chosen(Bounds):
    """Which meetings are wanted, and how much of each."""

    full: Flag = False
    """Read each meeting by itself as well, a call each: the list leaves participants and conferences out."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Common:
    """Options of every verb."""

    debug: Annotated[bool, Parameter(negative="", group=_COMMON, show_default=False)] = False
    """Show what is sent and waited for, and all of an error, on stderr."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Connection(Common):
    """Options of every verb that speaks with the service."""

    profile: Annotated[str | None, Parameter(group=_CONNECTION, metavar="NAME")] = None
    """A profile of your file of settings (see `joinme config`); it stands before the environment."""

    base_url: Annotated[str | None, Parameter(group=_CONNECTION, metavar="URL")] = None
    """Where the service is: JOINME_BASE_URL, or the live one."""

    rate: Annotated[str | None, Parameter(group=_CONNECTION, metavar="CALLS")] = None
    """How many calls a second your key allows; without one, the pace is learnt."""

    no_input: Annotated[bool, Parameter(negative="", group=_COMMON, show_default=False)] = False
    """Ask nothing, as if nobody were there to answer."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Calls(Connection):
    """Options of the verbs that make a call or a few."""

    timeout: Annotated[str | None, Parameter(group=_CONNECTION, metavar="SECONDS")] = None
    """Seconds that a call may take, all waiting included; 60 without it."""


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Output:
    """How meetings are shown: for people, or in a form for programs."""

    as_json: Annotated[_Out, Parameter(name="--json")] = False
    """For programs: JSON, with times in UTC."""

    as_csv: Annotated[_Out, Parameter(name="--csv")] = False
    """For spreadsheets: CSV that `joinme bulk schedule` reads again, times in UTC."""

    as_ics: Annotated[_Out, Parameter(name="--ics")] = False
    """For calendars: iCalendar, as Outlook, Google and Apple read it; it invites nobody."""

    @property
    def kind(self) -> Kind | None:
        """The form for programs that was asked for, None for people."""
        given: dict[Kind, bool] = {"json": self.as_json, "csv": self.as_csv, "ics": self.as_ics}
        return next((kind for kind, wanted in given.items() if wanted), None)


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ListOutput(Output):
    """How a list is shown."""

    week: _Out = False
    """A week as a calendar: seven days from today, or from --since."""


BOUNDS, CHOSEN = Bounds(), Chosen()
COMMON, CONNECTION, CALLS, OUTPUT, LIST_OUTPUT = Common(), Connection(), Calls(), Output(), ListOutput()
