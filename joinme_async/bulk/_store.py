"""The journal on disk: one SQLite file, and all the SQL there is. Blocking: `_journal` calls it off the event loop.

A row's life: unsent -> sent (its intent is on disk, and the request may have left) -> done, failed, or doubt; from
doubt back to unsent where it is proven that nothing was made. Undoing takes it from done to undoing and undone.
"""

import os
import sqlite3
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs

from joinme_async._errors import JournalError
from joinme_async.bulk._verbs import Frozen

APPLICATION: Final = 0x6A6D6A31  # "jmj1": what marks the file as one of ours
VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE run (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  verb TEXT NOT NULL,                       -- schedule, update or delete
  service TEXT NOT NULL,                    -- the base URL
  begun TEXT NOT NULL,                      -- UTC, by the clock of the machine
  baseline INTEGER NOT NULL DEFAULT 0,      -- 1 once the meetings that were there before are written down
  input TEXT,                               -- where the rows came from, as JSON, where that is known
  complete INTEGER NOT NULL DEFAULT 0,      -- 1 once all rows of the input are written down here
  existing TEXT,                            -- make or adopt, where the run was told which
  holder TEXT                               -- who opened it last
);
CREATE TABLE baseline (meeting_id NOT NULL UNIQUE, look BLOB NOT NULL);
CREATE TABLE rows (
  position INTEGER PRIMARY KEY,             -- in the order of the input
  given INTEGER NOT NULL,                   -- 1 where the key is the input's own, else it counts such rows
  key TEXT NOT NULL,
  line INTEGER,
  target,                                   -- the meeting that is changed or deleted
  content TEXT NOT NULL,                    -- what is sent, as JSON
  same BLOB NOT NULL,                       -- a digest that equal rows share
  look BLOB NOT NULL,                       -- a digest of what a list shows of it
  there INTEGER NOT NULL DEFAULT 0,         -- 1 where a meeting that looks like it was there before the run
  state TEXT NOT NULL DEFAULT 'unsent',
  adopted INTEGER NOT NULL DEFAULT 0,       -- 1 where the meeting was found, not answered
  maybe INTEGER NOT NULL DEFAULT 0,         -- 1 where an earlier attempt may have been carried out
  settle REAL NOT NULL DEFAULT 0,           -- seconds that the service needs to show what it made of it
  meeting_id UNIQUE,                        -- claimed: no meeting belongs to two rows
  answer TEXT,                              -- the meeting as the service told of it
  error TEXT,
  ended INTEGER,                            -- counts in the order in which rows were done
  UNIQUE (given, key)
);
CREATE INDEX open_rows ON rows (state, position) WHERE state NOT IN ('done', 'undone');
CREATE VIEW meetings AS SELECT
  position AS number, CASE given WHEN 1 THEN key END AS key, line,
  CASE state
    WHEN 'done' THEN CASE (SELECT verb FROM run)
      WHEN 'schedule' THEN CASE adopted WHEN 1 THEN 'adopted' ELSE 'scheduled' END
      WHEN 'update' THEN 'updated' ELSE 'deleted' END
    WHEN 'undone' THEN 'deleted' WHEN 'undoing' THEN 'being deleted'
    WHEN 'sent' THEN 'in doubt' WHEN 'doubt' THEN 'in doubt' WHEN 'unsent' THEN 'not started' ELSE state
  END AS state,
  coalesce(meeting_id, target) AS meeting_id,
  json_extract(content, '$.meetingName') AS name,
  json_extract(content, '$.meetingStart') AS start,
  json_extract(content, '$.meetingEnd') AS "end",
  json_extract(content, '$.startWithPersonalUrl') AS start_with_personal_url,
  json_extract(content, '$.participants') AS participants,
  json_extract(error, '$.message') AS error
FROM rows ORDER BY position;
"""
_BEYOND: Final = 2**63
_PAGE: Final = 2000  # rows read at a time
_COLUMNS: Final = (
    "position, given, key, line, target, content, same, look, state, adopted, maybe, meeting_id, answer, error"
)


class Record(NamedTuple):
    """A row as it stands in the journal."""

    position: int
    given: int
    key: str
    line: int | None
    target: int | None
    content: str
    same: bytes
    look: bytes
    state: str
    adopted: int
    maybe: int
    meeting_id: int | None
    answer: str | None
    error: str | None

    @property
    def label(self) -> str:
        """How people are told of the row."""
        return label_of(self.given, self.key)

    @property
    def frozen(self) -> Frozen:
        """The row as it was written down."""
        return Frozen(self.key if self.given else None, self.line, self.target, self.content, self.same, self.look)


@attrs.frozen
class RunInfo:
    """What a journal says of its run."""

    verb: str
    service: str
    begun: str
    baseline: bool
    input: str | None
    complete: bool
    holder: str | None
    existing: str | None


def as_sql(number: int | None) -> int | str | None:
    """Return an id as SQLite holds it, whose whole numbers end at 2**63; the service's need not."""
    return number if number is None or number < _BEYOND else str(number)


def from_sql(number: int | str | None) -> int | None:
    """Return an id that SQLite holds."""
    return None if number is None else int(number)


def _record(row: tuple[Any, ...]) -> Record:
    record = Record._make(row)
    return record._replace(target=from_sql(record.target), meeting_id=from_sql(record.meeting_id))


class Incoming(NamedTuple):
    """A row of the input: `given` and `key` tell which row of the journal it is."""

    given: int
    key: str
    frozen: Frozen

    @classmethod
    def of(cls, frozen: Frozen, number: int) -> "Incoming":
        """Return a row that is known by its key, or else by its `number` among those without one."""
        return cls(0, str(number), frozen) if frozen.key is None else cls(1, frozen.key, frozen)

    @property
    def label(self) -> str:
        """How people are told of the row."""
        return label_of(self.given, self.key)


def label_of(given: int, key: str) -> str:
    """Return how people are told of a row: by its key, or else by its number."""
    return key if given else f"#{key}"


class Store:
    """An open journal.

    Args:
        path: the file, made where there is none; empty for a private one that is gone with the run.
        readonly: True to look only; the file must be there.

    Raises:
        JournalError: it cannot be opened, is no journal, of another version, or damaged.
    """

    def __init__(self, path: str, *, readonly: bool = False) -> None:
        self.path = path
        self._is_empty = False  # a file that nothing was written into
        with self.told():
            self._connection = _connected(path, readonly=readonly)
        try:
            with self.told():
                self._check(readonly=readonly)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what SQLite and the system raise into a JournalError that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _told(error, self.path) from error
        except (OverflowError, UnicodeError) as error:  # its words may hold an address
            problem = f"something that cannot be written into {self.path or 'the journal'} ({type(error).__name__})"
        else:
            return
        raise JournalError(problem, journal=self.path)

    def _check(self, *, readonly: bool) -> None:
        sql = self._connection.execute
        (application,), (version,) = sql("PRAGMA application_id").fetchone(), sql("PRAGMA user_version").fetchone()
        if application == 0 and version == 0 and not sql("SELECT 1 FROM sqlite_master").fetchone():
            self._is_empty = readonly
            if not readonly:
                self._tune()
                self._make()
        elif application != APPLICATION:
            raise JournalError(
                f"{self.path} is a database of something else, and was left alone: name another journal",
                journal=self.path,
            )
        elif version != VERSION:
            raise JournalError(
                f"{self.path} was written by another version of joinme-async: go on with that one", journal=self.path
            )
        elif self.path:
            # A torn write shows here, before anything is sent on the strength of what is left.
            (health,) = sql("PRAGMA quick_check(1)").fetchone()
            if health != "ok":
                raise sqlite3.DatabaseError(health)
        if not readonly:
            self._tune()
            sql("CREATE TEMP TABLE met (position INTEGER PRIMARY KEY)")

    def _tune(self) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL") if self.path else ("synchronous = OFF",):
            self._connection.execute(f"PRAGMA {pragma}")

    def _make(self) -> None:
        # One transaction, so that a process killed here leaves an empty file.
        self._connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Put all that is written in the block on disk at once, or nothing of it."""
        sql = self._connection.execute
        with self.told():
            sql("BEGIN IMMEDIATE")
            try:
                yield
                sql("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    sql("ROLLBACK")
                raise

    def info(self) -> RunInfo | None:
        """Return what is written of the run, None before the first."""
        if self._is_empty:
            return None
        row = self._connection.execute(
            "SELECT verb, service, begun, baseline, input, complete, holder, existing FROM run"
        ).fetchone()
        if row is None:
            return None
        verb, service, begun, baseline, origin, complete, holder, existing = row
        return RunInfo(verb, service, begun, bool(baseline), origin, bool(complete), holder, existing)

    def begin(  # noqa: PLR0913, PLR0917  the facts
        self, verb: str, service: str, begun: str, origin: str | None, holder: str, existing: str | None = None
    ) -> None:
        """Write down what kind of run this is, where nothing is, who opened it, and what else it was told."""
        sql = self._connection.execute
        sql("INSERT OR IGNORE INTO run (only, verb, service, begun) VALUES (1, ?, ?, ?)", (verb, service, begun))
        sql(
            "UPDATE run SET holder = ?, input = coalesce(?, input), existing = coalesce(?, existing)",
            (holder, origin, existing),
        )

    def set_complete(self, complete: bool) -> None:  # noqa: FBT001  the value is what is written
        """Write down whether all rows of the input are."""
        self._connection.execute("UPDATE run SET complete = ?", (complete,))

    def recover(self, *, repeatable: bool) -> None:
        """Take up what an earlier run left: what was sent is in doubt, what failed is tried again."""
        sql = self._connection.execute
        sql("UPDATE rows SET state = 'unsent' WHERE state = 'failed'")
        if repeatable:
            sql("UPDATE rows SET state = 'unsent', maybe = 1 WHERE state IN ('sent', 'doubt')")
        else:
            self.doubt_sent()

    def doubt_sent(self) -> None:
        """Put rows in doubt that were sent and of which nothing more is known."""
        self._connection.execute("UPDATE rows SET state = 'doubt' WHERE state = 'sent'")

    def set_baseline(self, meetings: Iterable[tuple[int, bytes]]) -> None:
        """Write down the meetings, and how they look, that were there before the first request."""
        found = ((as_sql(number), look) for number, look in meetings)
        self._connection.executemany("INSERT OR IGNORE INTO baseline VALUES (?, ?)", found)
        self._connection.execute("UPDATE run SET baseline = 1")

    def baseline_left(self) -> list[tuple[int, bytes]]:
        """Return the meetings of the baseline that are nobody's."""
        rows = self._connection.execute(
            "SELECT meeting_id, look FROM baseline WHERE meeting_id NOT IN"
            " (SELECT meeting_id FROM rows WHERE meeting_id IS NOT NULL) ORDER BY meeting_id"
        )
        return [(int(number), look) for number, look in rows]

    def there(self) -> list[tuple[bytes, int]]:
        """Return, for each look, how many rows met a meeting of the baseline that looks like it."""
        return self._connection.execute("SELECT look, count(*) FROM rows WHERE there GROUP BY look").fetchall()

    def counts(self) -> dict[str, int]:
        """Return how many rows are in each state."""
        return dict(self._connection.execute("SELECT state, count(*) FROM rows GROUP BY state"))

    def keys(self) -> tuple[int, int]:
        """Return how many rows have no key of their own, and how many have one."""
        sql = "SELECT count(*) FILTER (WHERE NOT given), count(*) FILTER (WHERE given) FROM rows"
        unkeyed, keyed = self._connection.execute(sql).fetchone()
        return unkeyed, keyed

    def is_undone(self) -> bool:
        """Say whether anything of the run was undone."""
        sql = "SELECT 1 FROM rows WHERE state IN ('undoing', 'undone') LIMIT 1"
        return self._connection.execute(sql).fetchone() is not None

    def last_position(self) -> int:
        """Return the position of the last row, 0 where there is none."""
        position: int = self._connection.execute("SELECT coalesce(max(position), 0) FROM rows").fetchone()[0]
        return position

    def match(self, given: int, key: str) -> tuple[int, bytes] | None:
        """Return position and content of the row with that key."""
        row = self._connection.execute(
            "SELECT position, same FROM rows WHERE given = ? AND key = ?", (given, key)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def meet(self, position: int) -> bool:
        """Note that the input has a row; False where it had it before."""
        return self._connection.execute("INSERT OR IGNORE INTO met VALUES (?)", (position,)).rowcount == 1

    def doubt_looks(self, looks: Collection[bytes]) -> None:
        """Put rows in doubt that are not sent, as far as is known here, and that look like one of these."""
        unsent = self._connection.execute("SELECT position, look FROM rows WHERE state = 'unsent'")
        found = [(position,) for position, look in unsent if look in looks]
        self._connection.executemany("UPDATE rows SET state = 'doubt' WHERE position = ?", found)

    def changed_key(self, last: int, sames: dict[bytes, str]) -> tuple[str, str] | None:
        """Return a new row and the row of the journal that it equals and whose key the input does not have."""
        for key, same in self._connection.execute(
            "SELECT key, same FROM rows WHERE given AND position <= ?"
            " AND position NOT IN (SELECT position FROM met) AND state != 'unsent'",
            (last,),
        ):
            if same in sames:
                return sames[same], key
        return None

    def has_met(self) -> bool:
        """Say whether the input has any row with a key that the journal has."""
        return self._connection.execute("SELECT 1 FROM met LIMIT 1").fetchone() is not None

    def add(self, row: Incoming, *, there: bool, state: str = "unsent") -> int:
        """Write down a new row behind all others, and return its position."""
        frozen = row.frozen
        added = self._connection.execute(
            "INSERT INTO rows (given, key, line, target, content, same, look, there, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.given, row.key, frozen.line, as_sql(frozen.target), frozen.content, frozen.same, frozen.look, there,
                state,
            ),
        )  # fmt: skip
        return added.lastrowid or 0

    def drop_after(self, position: int) -> None:
        """Take back the rows behind `position`, none of which was sent."""
        self._connection.execute("DELETE FROM rows WHERE position > ? AND state = 'unsent'", (position,))

    def _records(self, condition: str, *values: object) -> list[Record]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM rows WHERE {condition}", values)  # noqa: S608  ours
        return [_record(row) for row in rows]

    def unsent(self, after: int, limit: int, *, met: bool) -> list[Record]:
        """Return rows to be sent behind a position; of those with keys, only what the input has where `met`."""
        only = " AND (NOT given OR position IN (SELECT position FROM met))" if met else ""
        return self._records(f"state = 'unsent' AND position > ?{only} ORDER BY position LIMIT ?", after, limit)

    def undoable(self, *, adopted: bool, after: int, limit: int) -> list[Record]:
        """Return rows whose meeting is to be deleted, behind a position."""
        return self._records(
            "state IN ('done', 'undoing') AND adopted <= ? AND position > ? ORDER BY position LIMIT ?",
            int(adopted),
            after,
            limit,
        )

    def has_doubts(self) -> bool:
        """Say whether there are rows in doubt."""
        return self._connection.execute("SELECT 1 FROM rows WHERE state = 'doubt' LIMIT 1").fetchone() is not None

    def longest_settle(self) -> float:
        """Return the seconds that the service needs to show what it made of any row in doubt."""
        sql = "SELECT coalesce(max(settle), 0) FROM rows WHERE state = 'doubt'"
        return float(self._connection.execute(sql).fetchone()[0])

    def doubts(self) -> list[Record]:
        """Return the rows in doubt."""
        return self._records("state = 'doubt' ORDER BY position")

    def page(self, after: int, limit: int) -> list[Record]:
        """Return rows behind a position, whatever their state."""
        return self._records("position > ? ORDER BY position LIMIT ?", after, limit)

    def records(self) -> Iterator[Record]:
        """Yield all rows, read a page at a time."""
        after = 0
        while page := self.page(after, _PAGE):
            yield from page
            after = page[-1].position

    def done_page(self, after: int, limit: int) -> list[Record]:
        """Return rows behind a position that are done."""
        return self._records("state = 'done' AND position > ? ORDER BY position LIMIT ?", after, limit)

    def latest(self, limit: int) -> list[str]:
        """Return the answers for the rows that were done last, the meetings found and those made for themselves."""
        rows: list[str] = []
        for adopted in (0, 1):
            rows += [
                answer
                for (answer,) in self._connection.execute(
                    "SELECT answer FROM rows WHERE state = 'done' AND adopted = ? AND answer IS NOT NULL"
                    " ORDER BY ended DESC LIMIT ?",
                    (adopted, limit),
                )
            ]
        return rows

    def intend(self, position: int, settle: float, *, state: str = "sent") -> None:
        """Write down that a row is about to be sent, and how long a service may be at work on it that is not heard."""
        self._connection.execute(
            "UPDATE rows SET state = ?, settle = ?, error = NULL WHERE position = ?", (state, settle, position)
        )

    def finish(
        self, position: int, state: str, *, error: str | None = None, settle: float = 0.0, maybe: bool = False
    ) -> None:
        """Write down what became of a row that was not done; `maybe` an attempt was carried out all the same."""
        self._connection.execute(
            "UPDATE rows SET state = ?, error = ?, settle = ?, maybe = maybe OR ?"
            " WHERE position = ? AND (state != 'done' OR ? = 'done')",  # what is done stays done
            (state, error, settle, maybe, position, state),
        )

    def undone(self, position: int) -> None:
        """Write down that the meeting of a row was deleted again."""
        self._connection.execute("UPDATE rows SET state = 'undone', error = NULL WHERE position = ?", (position,))

    def claim(self, position: int, meeting_id: int | None, answer: str | None, ended: int, *, adopted: bool) -> bool:
        """Write down that a row is done; False where the meeting is another row's, or was there before the run.

        One that is adopted may have been.
        """
        done = self._connection.execute(
            "UPDATE OR IGNORE rows SET state = 'done', error = NULL, meeting_id = ?, answer = ?, ended = ?, adopted = ?"
            " WHERE position = ? AND (? OR NOT EXISTS (SELECT 1 FROM baseline WHERE baseline.meeting_id IS ?))",
            (as_sql(meeting_id), answer, ended, adopted, position, adopted, as_sql(meeting_id)),
        )
        return done.rowcount == 1

    def ended(self) -> int:
        """Return how many rows were done so far, at least."""
        number: int = self._connection.execute("SELECT coalesce(max(ended), 0) FROM rows").fetchone()[0]
        return number

    def _list(self, ids: Iterable[int]) -> None:
        sql = self._connection
        sql.execute("CREATE TEMP TABLE IF NOT EXISTS listed (id NOT NULL UNIQUE)")
        sql.execute("DELETE FROM listed")
        sql.executemany("INSERT OR IGNORE INTO listed VALUES (?)", ((as_sql(number),) for number in ids))

    def unknown_ids(self, ids: Iterable[int]) -> set[int]:
        """Return those of `ids` that were not there before and are no row's."""
        self._list(ids)
        return {
            int(number)
            for (number,) in self._connection.execute(
                "SELECT id FROM listed WHERE id NOT IN (SELECT meeting_id FROM baseline)"
                " AND id NOT IN (SELECT meeting_id FROM rows WHERE meeting_id IS NOT NULL)"
            )
        }

    def claims(self, ids: Iterable[int]) -> dict[int, bytes]:
        """Return those of `ids` that are rows' own, each with the look of its row."""
        self._list(ids)
        found = self._connection.execute(
            "SELECT meeting_id, look FROM rows WHERE meeting_id IN (SELECT id FROM listed)"
        )
        return {int(number): look for number, look in found}

    def missing(self, ids: Iterable[int], moment: str) -> set[int]:
        """Return the meetings of rows that begin after `moment`, as the service writes it, and are none of `ids`."""
        self._list(ids)
        return {
            int(number)
            for (number,) in self._connection.execute(
                "SELECT meeting_id FROM rows WHERE state = 'done' AND meeting_id NOT IN (SELECT id FROM listed)"
                " AND json_extract(coalesce(answer, content), '$.meetingStart') > ?",
                (moment,),
            )
        }

    def looks_of_rows(self, looks: set[bytes]) -> set[bytes]:
        """Return those of `looks` that rows of the journal have."""
        return {look for (look,) in self._connection.execute("SELECT look FROM rows") if look in looks}

    def open_rows(self, sames: Iterable[bytes]) -> dict[bytes, int]:
        """Return how many rows without a meeting have each of these contents, as far as any row has it."""
        wanted, found = set(sames), dict[bytes, int]()
        for same, without in self._connection.execute("SELECT same, meeting_id IS NULL FROM rows"):
            if same in wanted:
                found[same] = found.get(same, 0) + without
        return found


@contextmanager
def reading(path: str) -> Iterator[Store]:
    """Open a journal to look into it, which changes nothing in it.

    Raises:
        JournalError: there is none, or it cannot be read.
    """
    store = Store(path, readonly=True)
    try:
        with store.told():
            yield store
    finally:
        store.close()


def _connected(path: str, *, readonly: bool) -> sqlite3.Connection:
    if path and readonly:
        if not Path(path).is_file():
            raise FileNotFoundError(2, "there is no such file")
        connection = _uri(path, "rw")
        try:
            # One that may write tidies up behind itself, and reads what a run left that was killed.
            connection.execute("PRAGMA query_only = 1")
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            return _uri(path, "ro")
        except BaseException:
            connection.close()
            raise
        return connection
    if path:
        # It holds people's addresses: nobody else on the machine needs to read it. SQLite gives its other files the
        # same mode.
        file = os.open(path, os.O_CREAT | os.O_RDWR, stat.S_IRUSR | stat.S_IWUSR)
        links = os.fstat(file).st_nlink
        os.close(file)
        if links > 1:
            raise JournalError(
                f"{path} has another name (a hard link), under which somebody else could run with it: copy it, and use "
                "the copy",
                journal=path,
            )
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _uri(path: str, mode: str) -> sqlite3.Connection:
    uri = f"{Path(path).absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _told(error: Exception, path: str) -> JournalError:
    where = path or "the run's temporary file"
    code: Any = getattr(error, "sqlite_errorcode", None)
    code = code & 0xFF if isinstance(code, int) else None
    if isinstance(error, FileNotFoundError):
        what = f"there is no journal at {where}"
    elif code == sqlite3.SQLITE_FULL:
        what = f"there is no space left for {where}: make room, and run it again with the same journal"
    elif code in _DAMAGED or (isinstance(error, sqlite3.DatabaseError) and code is None):
        what = (
            f"{where} is damaged, or no journal ({error}); it was left as it is. A new journal with existing='adopt' "
            "takes over the meetings that are there"
        )
    elif code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        what = f"{where} is in use by another program: close it there, and run it again"
    else:
        what = (
            f"{where} cannot be read or written ({error}): see whether the disk is full or failing, and run it again "
            "with the same journal"
        )
    return JournalError(what, journal=path)
