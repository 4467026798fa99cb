"""Which meetings are equal, and what a look at the service proves. Pure."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
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


def key_of(meeting: Meeting | NewMeeting) -> tuple[str, datetime, datetime, bool, frozenset[str]]:
    """Return what two equal meetings have in common, and two others do not; it holds addresses, so it is not shown."""
    return *look_of(meeting), _folded(meeting.participants or ())


def look_of(meeting: Meeting | NewMeeting) -> tuple[str, datetime, datetime, bool]:
    """Return what a list shows of a meeting, and two equal ones have in common: name, start, end, personal-URL flag.

    The name in NFC, with blanks trimmed and collapsed; instants in whole seconds, as they are sent.
    """
    start, end = meeting.start.replace(microsecond=0), meeting.end.replace(microsecond=0)
    return _plain(meeting.name), start, end, meeting.start_with_personal_url


def may_equal(meeting: Meeting, new: NewMeeting) -> bool:
    """Say whether `meeting` equals `new` in all that a list shows."""
    return meeting.start.replace(microsecond=0) == new.start and look_of(meeting) == look_of(new)


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


def lag_behind(witness_id: int) -> str:
    """Return what is to be said of a list that does not show a meeting it should."""
    return f"the list does not show meeting {witness_id}, which was made before: it lags behind"


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


def share_out(wanted: Sequence[NewMeeting], fresh: Iterable[Meeting], is_ours: Callable[[Meeting], bool]) -> list[Look]:
    """Return what is proven of each of `wanted`, of which several may be equal: meetings are given out by count.

    Args:
        wanted: the meetings looked for, the one asked for first first.
        fresh: the upcoming meetings that were not there before and are nobody's yet, those that may equal one of
            `wanted` read in full.
        is_ours: says whether a meeting looks like anything that we ever asked for, and so is no near miss.
    """
    near: defaultdict[int, list[Meeting]] = defaultdict(list)
    for meeting in fresh:
        near[_minute(meeting)].append(meeting)
    found: list[Meeting | None] = []
    for new in wanted:
        equal = [meeting for meeting in near.get(_minute(new), ()) if equals(meeting, new)]
        found.append(min(equal, key=lambda meeting: meeting.id, default=None))
        if equal:
            near[_minute(new)].remove(min(equal, key=lambda meeting: meeting.id))
    looks: list[Look] = []
    for new, theirs in zip(wanted, found, strict=True):
        minute = _minute(new)
        # A near miss starts within a minute, and so in the same minute or one beside it.
        around = [other for beside in (minute - 1, minute, minute + 1) for other in near.get(beside, ())]
        left = [other for other in around if may_equal(other, new) or not is_ours(other)]
        looks.append(Look(theirs) if theirs is not None else conclude(new, left, known=()))
    return looks


def _minute(meeting: Meeting | NewMeeting) -> int:
    return int(meeting.start.timestamp() // 60)
