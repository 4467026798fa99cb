"""Meetings in the forms that programs read: JSON and CSV; pure."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from joinme_async._models import Meeting
from joinme_async._times import format_instant


def record(meeting: Meeting) -> dict[str, Any]:
    """Return a meeting with its documented fields; null is what the answer did not say."""
    return {
        "id": meeting.id,
        "name": meeting.name,
        "start": format_instant(meeting.start),
        "end": format_instant(meeting.end),
        "start_with_personal_url": meeting.start_with_personal_url,
        "participants": None if meeting.participants is None else list(meeting.participants),
        "conference_id": meeting.conference_id,
        "viewer_link": meeting.viewer_link,
    }


def json_of(document: object) -> str:
    """Return JSON that people can read as well."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def csv_of(meetings: Sequence[Meeting]) -> str:
    """Return a table that `joinme bulk schedule` reads, with a column of participants where any are known."""
    with_people = any(meeting.participants is not None for meeting in meetings)
    columns = ["id", "name", "start", "end", *(["participants"] if with_people else []), "start_with_personal_url"]
    lines = [",".join(columns)]
    for meeting in meetings:
        fields = record(meeting)
        flag = "true" if meeting.start_with_personal_url else "false"
        people = ";".join(meeting.participants or ())
        fields |= {"participants": people, "start_with_personal_url": flag}
        lines.append(_csv_line([fields[column] for column in columns]))
    return "\n".join(lines) + "\n"


def _csv_line(cells: Sequence[Any]) -> str:
    """Return a line without its end; csv quotes a line break only if its own lines end in such a one."""
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n")
