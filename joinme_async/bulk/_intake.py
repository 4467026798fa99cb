"""What comes into a run: the rows of its input against those of its journal."""

from collections import Counter
from collections.abc import AsyncGenerator
from functools import partial
from typing import Generic, NamedTuple, Never, TypeVar

from joinme_async._errors import InvalidMeetingError, JournalError
from joinme_async.bulk._journal import Entry, Writer
from joinme_async.bulk._source import Source
from joinme_async.bulk._store import Incoming, Store
from joinme_async.bulk._values import RowOutcome

R = TypeVar("R")

CHUNK = 2000  # rows that are read, and held in memory, at a time


class _Met(NamedTuple):
    """What became of a chunk: the rows that are new, and how many there are that look like a meeting that was there."""

    new: list[tuple[int, int]]  # index in the chunk, position in the journal
    there: int


class _DiffersError(Exception):
    """The input is not that of the journal."""


class _TwiceError(Exception):
    """A key comes twice."""


class Intake(Generic[R]):
    """Reads the input of a run, and writes each new row down before anything is sent for it.

    Args:
        source: the input.
        writer: the journal.
        there: how many meetings of each look were there before the run, those met by earlier rows taken off.

    Attributes:
        strangers: looks of meetings made since, which are no row's: a new row like that is in doubt.
    """

    def __init__(self, source: Source[R], writer: Writer, there: Counter[bytes]) -> None:
        self._source = source
        self._writer = writer
        self._there = there
        self.strangers: frozenset[bytes] = frozenset()
        self._new: dict[bytes, str] = {}  # while the input is checked: contents of rows with new keys
        self._is_checking = True
        self._keyed = 0  # rows with keys that the journal had at first
        self._unkeyed = 0  # rows without keys that the journal had at first
        self._first_new = 0  # positions behind this are of this run
        self._met = 0  # rows without keys met in this pass
        self._has_new = False  # rows with no place in the journal were met
        self._is_surveyed = False  # all rows were gone through once

    @property
    def is_over(self) -> bool:
        """Whether all rows are written down."""
        return self._source.is_over

    @property
    def may_have_more(self) -> bool:
        """Whether the input may have rows that the journal has not, once it was checked."""
        return self._has_new or not (self._is_surveyed or self._source.is_over)

    async def check(self) -> int:
        """Hold the input against what earlier runs have of it, and return how many new rows look already there.

        Nothing new is sent before that; rows that can only be read once are read no further than needed.

        Raises:
            JournalError: it is another input; nothing was changed.
        """
        self._first_new, (self._unkeyed, self._keyed) = await self._writer.write(
            lambda store: (store.last_position(), store.keys())
        )
        if self._source.is_rereadable and (self._first_new or self._there):
            return await self._survey()
        seen, there = 0, 0
        while not self._source.is_over and (self._met < self._unkeyed or seen < self._unkeyed + self._keyed):
            chunk = await self._source.chunk(CHUNK)
            there += (await self._take_in(chunk, add=True)).there
            seen += len(chunk)
        await self._hold_whole(seen)
        return there

    async def _survey(self) -> int:
        """Go through all rows once, and back to the beginning."""
        there, seen, counts = 0, 0, self._there.copy()
        while not self._source.is_over:
            chunk = await self._source.chunk(CHUNK)
            there += (await self._take_in(chunk, add=False)).there
            seen += len(chunk)
        await self._hold_whole(seen)
        self._source.restart()
        self._met, self._there, self._is_surveyed = 0, counts, True
        return there

    async def _hold_whole(self, seen: int) -> None:
        """Refuse an input that lacks rows, or whose keys were changed."""
        new, self._new, self._is_checking = self._new, {}, False
        if self._met < self._unkeyed:
            await self._refuse(
                f"the input ends after {self._met} rows, and the journal has {self._unkeyed} of its rows"
            )
        if self._keyed and seen:
            if not await self._writer.write(Store.has_met):
                await self._refuse("the input has none of the keys that the journal has")
            changed = await self._writer.write(lambda store: store.changed_key(self._first_new, new))
            if changed:
                await self._refuse(f"row {changed[0]} is what the journal has under the key {changed[1]}")

    async def next(self) -> list[Entry[R]]:
        """Return the next new rows, written down; none where there are no more.

        Raises:
            JournalError: a row is not what the journal has for its key; it was not written down.
        """
        while not self._source.is_over:
            chunk = await self._source.chunk(CHUNK)
            met = await self._take_in(chunk, add=True)
            if met.new:
                return [self._entry(*chunk[index], position) for index, position in met.new]
        return []

    def _entry(self, row: R, incoming: Incoming, position: int) -> Entry[R]:
        lane = self._source.work.lane(incoming.frozen)
        return Entry(position, incoming.label, row, lane, incoming.frozen.look)

    async def rest(self) -> AsyncGenerator[RowOutcome[R], None]:
        """Yield the rows that are left of the input and not written down, each as not started."""
        while not self._source.is_over:
            chunk = await self._source.chunk(CHUNK)
            known = await self._writer.write(partial(_matches, rows=[incoming for _, incoming in chunk]))
            for (row, incoming), match in zip(chunk, known, strict=True):
                if match is None:
                    yield RowOutcome(incoming.label, row, "not_started")

    async def _take_in(self, chunk: list[tuple[R, Incoming]], *, add: bool) -> _Met:
        rows = [incoming for _, incoming in chunk]
        try:
            return await self._writer.write(lambda store: self._meet(store, rows, add=add))
        except _TwiceError as error:
            problem = str(error)
        except _DiffersError as error:
            await self._refuse(str(error))
        await self._writer.write(lambda store: store.drop_after(self._first_new))
        raise InvalidMeetingError(problem, field="key")

    def _meet(self, store: Store, rows: list[Incoming], *, add: bool) -> _Met:
        """Hold rows against the journal, and write new ones down where `add`; called off the event loop."""
        new: list[tuple[int, int]] = []
        there = 0
        for index, row in enumerate(rows):
            self._met += not row.given
            match = _match(store, row)
            if match is not None:
                self._hold_equal(store, row, *match)
                continue
            self._has_new = True
            look = row.frozen.look
            is_there = self._there[look] > 0
            if is_there:
                self._there[look] -= 1
                there += 1
            if self._keyed and self._is_checking:
                self._new[row.frozen.same] = row.label
            if add:
                is_doubt = look in self.strangers
                position = store.add(row, there=is_there, state="doubt" if is_doubt else "unsent")
                new += [] if is_doubt else [(index, position)]
                if row.given:
                    store.meet(position)
        return _Met(new, there)

    def _hold_equal(self, store: Store, row: Incoming, position: int, same: bytes) -> None:
        where = f"row {row.label}" + ("" if row.frozen.line is None else f" (line {row.frozen.line})")
        is_checked = self._is_surveyed and position <= self._first_new
        if row.given and not is_checked and not store.meet(position):
            raise _TwiceError(f"the key of {where} comes twice in the input: give each row one of its own")
        if same != row.frozen.same:
            raise _DiffersError(f"{where} is not what the journal has there")

    async def _refuse(self, problem: str) -> Never:
        await self._writer.write(lambda store: store.drop_after(self._first_new))
        path = self._writer.path or "the run's temporary file"
        raise JournalError(
            f"{problem}. {path} goes with another input: give it that one, with new rows at the end or under new keys, "
            "or name another journal",
            journal=path,
        )


def _matches(store: Store, rows: list[Incoming]) -> list[tuple[int, bytes] | None]:
    return [_match(store, row) for row in rows]


def _match(store: Store, row: Incoming) -> tuple[int, bytes] | None:
    return store.match(row.given, row.key)
