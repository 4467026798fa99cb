"""What a run would find: rows counted against a journal and against one list, and nothing written anywhere."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import anyio.to_thread
import attrs

from joinme_async._client import JoinMe
from joinme_async._errors import JournalError
from joinme_async.bulk._rows import Row
from joinme_async.bulk._store import Incoming, Store, reading
from joinme_async.bulk._verbs import Schedule, look_digest

_OPEN: Final = frozenset({"unsent", "failed"})


@attrs.frozen
class Preview:
    """What a run would find.

    Attributes:
        rows: of the input.
        done: rows that the journal has as done.
        in_doubt: rows of which a run would have to find out first.
        to_send: all others.
        there: of those to be sent, how many look like a meeting that is there and no row's, each counted once.
    """

    rows: int
    done: int
    in_doubt: int
    to_send: int
    there: int


async def preview(joinme: JoinMe, rows: Iterable[Row], journal: Path | None) -> Preview:
    """Return what a run would find: one list is read, and nothing is written.

    Args:
        joinme: the client.
        rows: the input; read in a thread.
        journal: None where there is none yet.

    Raises:
        JournalError: the journal cannot be read, or is of another input.
        JoinMeError: the list could not be read.
    """
    listed = {meeting.id: look_digest(meeting) for meeting in await joinme.meetings.list()}
    return await anyio.to_thread.run_sync(_previewed, rows, journal, listed)


def rows_in(journal: Path) -> int:
    """Return how many rows a journal has: none where it is not there, or was left by a run that did not come far.

    Raises:
        JournalError: it cannot be read.
    """
    if not journal.exists():
        return 0
    with reading(str(journal)) as store:
        return 0 if store.info() is None else sum(store.counts().values())


def _previewed(rows: Iterable[Row], journal: Path | None, listed: dict[int, bytes]) -> Preview:
    if journal is None:
        return counted(((incoming.frozen.look, "unsent") for incoming in _incoming(rows)), listed.values())
    with reading(str(journal)) as store:
        claimed = {record.meeting_id for record in store.records()}
        free = (look for number, look in listed.items() if number not in claimed)
        return counted(_held_against(store, rows), free)


def counted(rows: Iterable[tuple[bytes, str]], listed: Iterable[bytes]) -> Preview:
    """Count rows, each its look and its state in the journal, against the looks of listed meetings that are free."""
    states: Counter[str] = Counter()
    free, there = Counter(listed), 0
    for look, state in rows:
        kind = state if state == "done" else "open" if state in _OPEN else "doubt"
        states[kind] += 1
        if kind == "open" and free[look] > 0:
            free[look] -= 1
            there += 1
    return Preview(states.total(), states["done"], states["doubt"], states["open"], there)


def _held_against(store: Store, rows: Iterable[Row]) -> Iterator[tuple[bytes, str]]:
    """Yield look and state of each row of the input, which must be the one that the journal has."""
    known = {(record.given, record.key): (record.same, record.state) for record in store.records()}
    for incoming in _incoming(rows):
        same, state = known.pop((incoming.given, incoming.key), (incoming.frozen.same, "unsent"))
        if same != incoming.frozen.same:
            raise _differs(f"row {incoming.label} is not what the journal has there", store)
        yield incoming.frozen.look, state
    left = sum(not given for given, _ in known)
    if left:
        raise _differs(f"the input ends {left} rows before the journal", store)


def _differs(problem: str, store: Store) -> JournalError:
    return JournalError(f"{problem}: {store.path} goes with another input", journal=store.path)


def _incoming(rows: Iterable[Row]) -> Iterator[Incoming]:
    work, unkeyed = Schedule(), 0
    for row in rows:
        frozen = work.freeze(row)
        unkeyed += frozen.key is None
        yield Incoming.of(frozen, unkeyed)
