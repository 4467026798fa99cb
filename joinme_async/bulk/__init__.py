"""Meetings by the file.

>>> for row in read_meetings("june.csv"):
...     await joinme.meetings.schedule(row.meeting)
"""

from joinme_async.bulk._files import read_meetings
from joinme_async.bulk._rows import Row

__all__ = ["Row", "read_meetings"]
