"""Meetings as Python values, and the rules of join.me that need no service to check."""

import enum
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import attrs

from joinme_async._errors import InvalidMeetingError, JoinMeError
from joinme_async._http import Secret


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final[Literal[Unset.UNSET]] = Unset.UNSET
"""Marks a field that an update leaves alone; never None."""

# "The end date must be within 14 days of the start date": the service's page, schedule and update.
LONGEST: Final = timedelta(days=14)
_TOO_LARGE: Final = 10**30  # no service counts that far, and Python refuses to print much larger ones
_ADDRESS = re.compile(r"[^@\s,;:<>()\[\]\"\\]+@[^@\s,;:<>()\[\]\"\\]+")
_SEPARATORS: Final = re.compile(r"[;,\s]+")


def is_sendable(text: str) -> bool:
    """Say whether `text` has a form in UTF-8; half a surrogate pair has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def addresses_in(text: str) -> list[str]:
    """Return the addresses that a text lists, separated by semicolons, commas or blanks."""
    return [address for address in _SEPARATORS.split(text) if address]


def checked_name(name: str) -> str:
    """Return `name`, or raise InvalidMeetingError where it is blank or no text."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidMeetingError("a meeting needs a name that is not blank", field="name")
    if not is_sendable(name):
        raise InvalidMeetingError(
            "the name holds half a character (a lone surrogate), which cannot be sent", field="name"
        )
    return name


def checked_instant(moment: datetime, field: str) -> datetime:
    """Return `moment` in UTC without fractions of a second, or raise InvalidMeetingError where it is naive."""
    if not isinstance(moment, datetime):
        raise InvalidMeetingError(f"{field} must be a datetime, not {type(moment).__name__}", field=field)
    if moment.utcoffset() is None:
        raise InvalidMeetingError(
            f"{field} has no time zone, and an hour is never guessed: make it aware with tzinfo=timezone.utc, "
            'or with zoned(moment, "Europe/London")',
            field=field,
        )
    try:
        utc = moment.astimezone(UTC)
        exists = utc.astimezone(moment.tzinfo).replace(tzinfo=None, fold=0) == moment.replace(tzinfo=None, fold=0)
    except OverflowError:
        raise InvalidMeetingError(f"{field} is outside the years 1 to 9999 in UTC", field=field) from None
    if not exists:
        raise InvalidMeetingError(
            f"{field} is a time that clocks in its zone never show, being set forward past it (or a pytz zone that was "
            "not localized)",
            field=field,
        )
    # Made anew, so that a subclass (pandas, freezegun) with finer parts does not slip through.
    return datetime(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, tzinfo=UTC)


def checked_span(start: datetime, end: datetime) -> None:
    """Raise InvalidMeetingError unless `start` precedes `end` by 14 days at the most."""
    if not start < end:
        raise InvalidMeetingError(
            f"the start ({start.isoformat()}) must precede the end ({end.isoformat()})", field="end"
        )
    if end - start > LONGEST:
        raise InvalidMeetingError("the end must be within 14 days of the start", field="end")


def checked_participants(participants: Secret[Any]) -> tuple[str, ...]:
    """Return the addresses as a tuple, or raise InvalidMeetingError naming the first that does not look like one."""
    if isinstance(participants.reveal(), str | bytes) or not isinstance(participants.reveal(), Iterable):
        raise InvalidMeetingError(
            "participants is a list of e-mail addresses, even of a single one", field="participants"
        )
    addresses = Secret(tuple(participants.reveal()))
    wrong = next((index for index, address in enumerate(addresses.reveal()) if not _is_address(address)), None)
    if wrong is not None:
        # The address itself stays out of the message: messages are logged.
        raise InvalidMeetingError(
            f"participants[{wrong}] does not look like a bare e-mail address, such as somebody@example.com",
            field="participants",
        )
    return addresses.reveal()


def _is_address(text: object) -> bool:
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None and is_sendable(text)


def checked_flag(flag: bool) -> bool:  # noqa: FBT001  the value is what is checked
    """Return `flag`, or raise InvalidMeetingError where it is anything but True or False."""
    if not isinstance(flag, bool):
        raise InvalidMeetingError("start_with_personal_url is True or False", field="start_with_personal_url")
    return flag


def checked_id(meeting_id: int) -> int:
    """Return `meeting_id`, or raise InvalidMeetingError where it is not a positive int."""
    if not isinstance(meeting_id, int) or isinstance(meeting_id, bool) or not 0 < meeting_id < _TOO_LARGE:
        raise InvalidMeetingError(
            f"a meeting id is a positive int, not this {type(meeting_id).__name__}", field="meeting_id"
        )
    return int(meeting_id)


def _count(participants: tuple[str, ...] | None) -> str:
    return "None" if participants is None else f"<{len(participants)}>"


@attrs.frozen(init=False)
class NewMeeting:
    """A meeting to be scheduled; it checks itself when it is made.

    Attributes:
        name: not blank; kept as it is given.
        start: when it begins; turned into UTC, fractions of a second dropped, so that it shows what is sent.
        end: when it ends, likewise; after the start and within 14 days of it.
        participants: the e-mail addresses to invite. The presenter is not among them unless named.
        start_with_personal_url: True to use the presenter's personal URL instead of a 9-digit code.

    Raises:
        InvalidMeetingError: a rule is broken; its `field` names the attribute.
    """

    name: str
    start: datetime
    end: datetime
    participants: tuple[str, ...] = attrs.field(repr=_count)
    start_with_personal_url: bool

    def __init__(
        self,
        name: str,
        start: datetime,
        end: datetime,
        participants: Iterable[str] = (),
        start_with_personal_url: bool = False,  # noqa: FBT001, FBT002  the service's own order and default
    ) -> None:
        invited, participants = Secret(participants), ()
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]  attrs makes it
            checked_name(name),
            checked_instant(start, "start"),
            checked_instant(end, "end"),
            checked_participants(invited),
            checked_flag(start_with_personal_url),
        )
        checked_span(self.start, self.end)


@attrs.frozen
class Meeting:
    """A scheduled meeting, as one answer of the service told of it.

    `None` means "this answer did not say", never "empty": the service leaves participants out of its list, for one.

    Attributes:
        id: the service's id, a positive int.
        name: as the service has it.
        start: aware, UTC.
        end: aware, UTC.
        start_with_personal_url: True if it starts with the presenter's personal URL.
        participants: the invited e-mail addresses.
        conference_id: the nine digits of the teleconference.
        viewer_link: where viewers go; it works once the meeting was started.
        extra: fields of the answer that this version does not know, by the service's names.
    """

    id: int
    name: str
    start: datetime
    end: datetime
    start_with_personal_url: bool
    participants: tuple[str, ...] | None = attrs.field(default=None, repr=_count)
    conference_id: str | None = None
    viewer_link: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict, hash=False, repr=lambda extra: f"<{', '.join(extra)}>")


@attrs.frozen(init=False)
class Changes:
    """What an update sets, checked field by field; a field that is UNSET stays as it is."""

    name: str | Unset
    start: datetime | Unset
    end: datetime | Unset
    participants: tuple[str, ...] | Unset = attrs.field(repr=False)
    start_with_personal_url: bool | Unset

    def __init__(
        self,
        name: str | Unset,
        start: datetime | Unset,
        end: datetime | Unset,
        participants: Secret[Iterable[str] | Unset],
        start_with_personal_url: bool | Unset,  # noqa: FBT001  as in NewMeeting
    ) -> None:
        self.__attrs_init__(  # pyright: ignore[reportAttributeAccessIssue]  attrs makes it
            UNSET if name is UNSET else checked_name(name),
            UNSET if start is UNSET else checked_instant(start, "start"),
            UNSET if end is UNSET else checked_instant(end, "end"),
            UNSET if participants.reveal() is UNSET else checked_participants(participants),
            UNSET if start_with_personal_url is UNSET else checked_flag(start_with_personal_url),
        )

    def for_meeting(self, meeting: int | Meeting) -> "Changes":
        """Return what is to be sent to change `meeting`, or raise InvalidMeetingError.

        Of a `Meeting`, its own `start_with_personal_url` goes along where none is set: the service's page says of an
        update without it that it "defaults to false". And a start or end that is set alone is checked against the other
        one of the meeting: it "must precede the end date ... even if either ... is not provided".
        """
        if self == _NO_CHANGE:
            raise InvalidMeetingError("nothing to update: name at least one field to change")
        known = meeting if isinstance(meeting, Meeting) else None
        start = known.start if self.start is UNSET and known else self.start
        end = known.end if self.end is UNSET and known else self.end
        if (self.start, self.end) != (UNSET, UNSET) and start is not UNSET and end is not UNSET:
            checked_span(start, end)
        if known and self.start_with_personal_url is UNSET:
            return attrs.evolve(
                self,
                participants=Secret(self.participants),
                start_with_personal_url=known.start_with_personal_url,
            )
        return self


_NO_CHANGE: Final = Changes(UNSET, UNSET, UNSET, Secret(UNSET), UNSET)


class OutcomeUnknownError(JoinMeError):
    """A request to make something was sent, and what became of it is not known.

    It may have been carried out and it may not; it is never sent again by itself. `find` shows which.

    Attributes:
        meeting: the meeting that was to be scheduled; None for a request of another kind.
        last: what happened instead of a readable answer.
    """

    def __init__(self, message: str, *, meeting: NewMeeting | None = None, last: JoinMeError | None = None) -> None:
        super().__init__(message)
        self.meeting = meeting
        self.last = last
