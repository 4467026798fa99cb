"""Meetings that were there before a run, given to the rows that equal them instead of making more."""

from collections import defaultdict
from collections.abc import Iterable

import anyio

from joinme_async._models import Meeting
from joinme_async._reconcile import equals
from joinme_async.bulk._journal import Entry
from joinme_async.bulk._lookout import Lookout
from joinme_async.bulk._rows import Row


class ExistingMeetings:
    """What was there before, and is nobody's yet; each is read once, and given out once.

    Args:
        lookout: reads them.
        left: their ids and looks.
    """

    def __init__(self, lookout: Lookout, left: Iterable[tuple[int, bytes]]) -> None:
        self._lookout = lookout
        self._unread: defaultdict[bytes, list[int]] = defaultdict(list)
        self._read: defaultdict[bytes, list[Meeting]] = defaultdict(list)
        self._one_at_a_time: defaultdict[bytes, anyio.Lock] = defaultdict(anyio.Lock)
        for meeting_id, look in left:
            self._unread[look].append(meeting_id)

    async def of(self, entry: Entry[Row]) -> Meeting | None:
        """Return a meeting equal to a row, which is its own from now on; None where there is none.

        Raises:
            JoinMeError: one that may be it could not be read, or its answer leaves the participants out.
        """
        if entry.look not in self._unread:
            return None
        async with self._one_at_a_time[entry.look]:
            while self._unread[entry.look]:
                meeting = await self._lookout.read(self._unread[entry.look][0])
                del self._unread[entry.look][0]
                if meeting is not None:  # else it has gone since it was listed
                    self._read[entry.look].append(meeting)
            equal = next((m for m in self._read[entry.look] if equals(m, entry.row.meeting)), None)
            if equal is not None:
                self._read[entry.look].remove(equal)
            return equal
