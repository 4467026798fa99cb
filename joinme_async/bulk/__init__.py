"""Thousands of meetings: scheduled, changed or cancelled, each once, whatever happens.

>>> report = await schedule_all(joinme, read_meetings("june.csv"), journal="june.journal")
>>> print(report.summary)
"""

from joinme_async.bulk._bulk import delete_all, schedule_all, schedule_each, undo, update_all, verify
from joinme_async.bulk._files import read_meetings
from joinme_async.bulk._journal import Journal
from joinme_async.bulk._rows import Row
from joinme_async.bulk._values import BulkReport, Change, Progress, RowOutcome

__all__ = [
    "BulkReport",
    "Change",
    "Journal",
    "Progress",
    "Row",
    "RowOutcome",
    "delete_all",
    "read_meetings",
    "schedule_all",
    "schedule_each",
    "undo",
    "update_all",
    "verify",
]
