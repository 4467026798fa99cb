"""What the servers answer, and what is sent: the same bytes for every contestant. Imports nothing that costs."""

import json
from collections.abc import Mapping
from typing import Any, Final

TOKEN: Final = "tok"  # noqa: S105  nobody checks it
AUTH: Final = {"Authorization": f"Bearer {TOKEN}"}
MEETING_ID: Final = 12345
PARTICIPANTS: Final = ["worldsbestboss@join.me", "hardworker@join.me"]
NEW: Final[Mapping[str, Any]] = {
    "meetingName": "Weekly update with the boss",
    "meetingStart": "2027-06-02T09:00:00Z",
    "meetingEnd": "2027-06-02T10:00:00Z",
    "startWithPersonalUrl": True,
    "participants": PARTICIPANTS,
}
SIZES: Final = (1, 1000, 10_000)
"""How many meetings there are in the lists."""


def packed(value: object) -> bytes:
    """Return `value` as JSON without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()


MEETING: Final = packed({"meetingId": MEETING_ID, **NEW, "conferenceId": "123456789"})


def list_body(size: int) -> bytes:
    """Return the answer to a list of so many meetings, all different; the service leaves participants out of it."""
    listed = {key: value for key, value in NEW.items() if key != "participants"}
    return packed(
        {
            "meetings": [
                {**listed, "meetingId": MEETING_ID + index, "meetingName": f"Weekly update {index}"}
                for index in range(size)
            ]
        }
    )


def list_root(size: int) -> str:
    """Return the path below which `/meetings` lists so many meetings."""
    return f"/lists/{size}/v1"
