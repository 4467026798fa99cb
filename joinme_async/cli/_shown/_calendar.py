"""Meetings as iCalendar. The only file that writes it."""

from collections.abc import Sequence
from datetime import datetime

from icalendar import Calendar, Event

from joinme_async._models import Meeting
from joinme_async._version import __version__
from joinme_async.cli._shown._harmless import harmless, web_link


def calendar_of(meetings: Sequence[Meeting], stamp: datetime) -> bytes:
    """Return a calendar of `meetings`, told at `stamp` (aware).

    All times are UTC, which every reader shows at the right hour. A meeting has the same UID whenever it is written, so
    that a calendar that has it already takes the later telling (RFC 5545, section 3.8.4.7). Nobody is named as invited,
    since some readers would send invitations of their own.
    """
    calendar = Calendar()
    calendar.add("prodid", f"-//joinme_async//{__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for meeting in meetings:
        calendar.add_component(_event(meeting, stamp))
    return bytes(calendar.to_ical())


def _event(meeting: Meeting, stamp: datetime) -> Event:
    event = Event()
    event.add("uid", f"meeting-{meeting.id}@join.me")
    event.add("dtstamp", stamp.replace(microsecond=0))
    event.add("dtstart", meeting.start)
    event.add("dtend", meeting.end)
    event.add("summary", harmless(meeting.name))
    if link := web_link(meeting.viewer_link):
        event.add("url", link)
    if meeting.conference_id:
        event.add("description", f"join.me conference {harmless(meeting.conference_id)}")
    return event
