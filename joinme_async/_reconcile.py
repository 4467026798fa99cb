"""Which meetings are equal, and what a look at the service proves. Pure."""

import unicodedata
from collections.abc import Collection, Hashable, Iterable
from datetime import timedelta
from typing import Final

import attrs

from joinme_async._models import Meeting, NewMeeting

# The service's page does not say whether `endDate` is compared with the start or the end of a meeting, nor whether the
# bound is included: a day more costs little and cannot leave out the meeting looked for.
LIST_MARGIN: Final = timedelta(days=1)
# A service that rounds times or rewrites names would show what was asked for as something close to it.
_NEAR: Final = timedelta(minutes=1)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _folded(participants: Iterable[str]) -> frozenset[str]:
    return frozenset(address.casefold() for address in participants)


def key_of(new: NewMeeting) -> Hashable:
    """Return what two equal meetings have in common, and two others do not; it holds addresses, so it is not shown."""
    return _plain(new.name), new.start, new.end, new.start_with_personal_url, _folded(new.participants)


def may_equal(meeting: Meeting, new: NewMeeting) -> bool:
    """Say whether `meeting` equals `new` in all that a list shows: name, start, end and the personal-URL flag.

    Names are compared in NFC, with blanks trimmed and collapsed; instants in whole seconds, as they are sent.
    """
    return (
        meeting.start.replace(microsecond=0) == new.start
        and meeting.end.replace(microsecond=0) == new.end
        and meeting.start_with_personal_url == new.start_with_personal_url
        and _plain(meeting.name) == _plain(new.name)
    )


def equals(meeting: Meeting, new: NewMeeting) -> bool | None:
    """Say whether `meeting` equals `new`, participants included; None where its answer left the participants out.

    Participants are compared as a set, in any letter case.
    """
    if not may_equal(meeting, new):
        return False
    if meeting.participants is None:
        return None
    return _folded(meeting.participants) == _folded(new.participants)


def silence_of(meeting: Meeting) -> str:
    """Return what is to be said of a meeting that may be the one looked for, and may not."""
    return f"join.me does not say who is invited to meeting {meeting.id}: it may be the one looked for"


@attrs.frozen
class Look:
    """What a look at the service showed of a meeting: that it is there, that it is not, or neither.

    Attributes:
        found: the meeting, None where it was not seen.
        doubt: why it may be there all the same; empty where its absence is proven.
    """

    found: Meeting | None = None
    doubt: str = ""


def conclude(
    new: NewMeeting,
    seen: Collection[Meeting],
    *,
    known: Collection[int] | None,
    ours: Iterable[NewMeeting] = (),
) -> Look:
    """Return what is proven by the upcoming meetings that the service has, those that may equal `new` read in full.

    Args:
        new: the meeting looked for.
        seen: the meetings of a listing.
        known: ids that cannot be it: those there before it was sent, and those known to be others. None where nothing
            is known of what was there before: a near miss cannot be told from an old neighbour then, and counts for
            nothing.
        ours: the other meetings that may have been made by us just now.
    """
    verdicts = [(meeting, equals(meeting, new)) for meeting in sorted(seen, key=lambda meeting: meeting.id)]
    for meeting, equal in verdicts:
        if equal:
            return Look(meeting)
    silent = next((meeting for meeting, equal in verdicts if equal is None), None)
    if silent is not None:
        return Look(doubt=silence_of(silent))
    if known is None:
        return Look()
    others = tuple(ours)
    for meeting in seen:
        if meeting.id in known or abs(meeting.start - new.start) > _NEAR:
            continue
        if not any(may_equal(meeting, other) for other in others):
            return Look(
                doubt=f"meeting {meeting.id} is new and starts at that time: it may be the one looked for, renamed or "
                "rounded by the service; if you see that it is not, schedule() makes yours"
            )
    return Look()
