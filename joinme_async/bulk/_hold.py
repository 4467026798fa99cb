"""One runner at a time on a journal: a lock that its process cannot outlive."""

import os
import socket
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from joinme_async._errors import JournalError
from joinme_async.bulk._store import reading

_SUFFIX: Final = "-hold"
_PATIENCE: Final = 0.3  # seconds; somebody may be looking whether it is held


class Hold:
    """The right to write to a journal, had by one connection of one process at a time.

    It is SQLite's own exclusive lock on a file beside the journal, so that others can still read the journal, and the
    system takes it away from a process that dies.

    Args:
        path: the journal's.

    Raises:
        JournalError: another runner has it; `holder` says which.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        if Path(path).is_dir():
            raise JournalError(f"{path} is a folder: name a file for the journal", journal=path)
        try:
            os.close(os.open(path + _SUFFIX, os.O_CREAT | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR))
            self._connection = sqlite3.connect(path + _SUFFIX, timeout=_PATIENCE, check_same_thread=False)
            self._connection.isolation_level = None
        except (sqlite3.Error, OSError) as error:
            problem = f"{path} cannot be opened ({error}): is its folder there, and may you write to it?"
            raise JournalError(problem, journal=path) from None
        try:
            self._connection.execute("PRAGMA journal_mode = MEMORY")  # nothing is written, and nothing left behind
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            self._connection.close()
            raise self._refusal(error) from None

    def _refusal(self, error: sqlite3.Error) -> JournalError:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return JournalError(
                f"{self._path}{_SUFFIX} cannot be locked ({error}); it only serves as a lock: if nobody runs with this "
                "journal, delete it",
                journal=self._path,
            )
        holder = holder_of(self._path)
        ours = holder.startswith(_ourselves())
        what = (
            "another run of this very process: close its iterator (contextlib.aclosing), or" if ours else f"{holder}:"
        )
        return JournalError(f"{self._path} is in use by {what} wait for it", journal=self._path, holder=holder)

    def release(self) -> None:
        """Let others have it."""
        self._connection.close()


def is_held(path: str) -> bool:
    """Say whether a runner has the journal now."""
    if not Path(path + _SUFFIX).exists():
        return False
    with closing(sqlite3.connect(path + _SUFFIX, timeout=0)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            return True
    return False


def holder_of(path: str) -> str:
    """Return who opened the journal last, in words."""
    with suppress(JournalError):
        with reading(path) as store:
            info = store.info()
        if info is not None and info.holder:
            return info.holder
    return "another process"


def introduce_oneself(now: datetime) -> str:
    """Return how others are told of this process."""
    return f"{_ourselves()}, since {now:%Y-%m-%d %H:%M:%S} UTC"


def _ourselves() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
