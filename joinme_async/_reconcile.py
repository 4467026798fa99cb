"""Which meetings are equal. Pure."""

import unicodedata
from datetime import timedelta
from typing import Final

from joinme_async._models import Meeting, NewMeeting

# The service's page does not say whether `endDate` is compared with the start or the end of a meeting, nor whether the
# bound is included: a day more costs little and cannot leave out the meeting looked for.
LIST_MARGIN: Final = timedelta(days=1)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def may_equal(meeting: Meeting, new: NewMeeting) -> bool:
    """Say whether `meeting` equals `new` in all that a list shows: name, start, end and the personal-URL flag.

    Names are compared in NFC, with blanks trimmed and collapsed; instants in whole seconds, as they are sent.
    """
    return (
        _plain(meeting.name) == _plain(new.name)
        and meeting.start.replace(microsecond=0) == new.start
        and meeting.end.replace(microsecond=0) == new.end
        and meeting.start_with_personal_url == new.start_with_personal_url
    )


def equals(meeting: Meeting, new: NewMeeting) -> bool | None:
    """Say whether `meeting` equals `new`, participants included; None where its answer left the participants out.

    Participants are compared as a set, in any letter case.
    """
    if not may_equal(meeting, new):
        return False
    if meeting.participants is None:
        return None
    return {p.casefold() for p in meeting.participants} == {p.casefold() for p in new.participants}
