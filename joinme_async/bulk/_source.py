"""The input of a run: any iterable or async iterable of rows, read a chunk at a time while nothing is under way."""

from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any, Final, Generic, TypeVar, cast

import anyio.lowlevel
import anyio.to_thread

from joinme_async._clock import Clock
from joinme_async._errors import InvalidMeetingError
from joinme_async.bulk._files import MeetingsFile
from joinme_async.bulk._store import Incoming
from joinme_async.bulk._verbs import Work

R = TypeVar("R")

_BREATH: Final = 100  # rows of an iterable that are read before others on the event loop have a turn
_PATIENCE: Final = 0.25  # seconds; a slow input is sent as it comes

Rows = Iterable[Any] | AsyncIterable[Any]


class Source(Generic[R]):
    """The rows of a run, in order.

    The caller's iterator is asked in the task of the run and never while a row is under way, so that it may hold
    whatever it likes, cancel scopes included; a file is read in a thread.

    Args:
        rows: the input.
        work: checks each row and writes it down.
        clock: tells how long the input takes.

    Raises:
        InvalidMeetingError: it is nothing to iterate over.
    """

    def __init__(self, rows: Rows, work: Work[R], clock: Clock) -> None:
        if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable | AsyncIterable):
            raise InvalidMeetingError(f"the rows are an iterable or async iterable, not {type(rows).__name__}")
        self._rows = rows
        self.work = work
        self._clock = clock
        self._iterator: Iterator[Any] | AsyncIterator[Any] | None = None
        self._unkeyed = 0
        self.total: int | None = len(rows) if isinstance(rows, Sized) else None
        self.is_over = False

    @property
    def is_rereadable(self) -> bool:
        """Whether it can be read from the beginning again."""
        return isinstance(self._rows, Collection | MeetingsFile)

    @property
    def origin(self) -> str | None:
        """What it takes to read the same rows again, where they come from a file."""
        return self._rows.origin if isinstance(self._rows, MeetingsFile) else None

    def restart(self) -> None:
        """Begin again with the first row, where it can be read again."""
        self._iterator, self._unkeyed, self.is_over = None, 0, False

    async def chunk(self, limit: int) -> list[tuple[R, Incoming]]:
        """Return the next rows: `limit` of them, fewer where they come slowly, none where it is over.

        Raises:
            InvalidMeetingError: one of them is no row.
        """
        if self._iterator is None:
            rows = self._rows
            self._iterator = aiter(rows) if isinstance(rows, AsyncIterable) else iter(rows)
        if isinstance(self._rows, MeetingsFile):
            lines = islice(cast("Iterator[Any]", self._iterator), limit)
            # Not abandoned where the run is cancelled: the file is read by one thread at a time.
            items = await anyio.to_thread.run_sync(list, lines)
            self.is_over = len(items) < limit
        else:
            items = await self._read(limit)
        return [self._incoming(item) for item in items]

    async def _read(self, limit: int) -> list[Any]:
        items: list[Any] = []
        began = self._clock.now()
        while len(items) < limit and self._clock.now() - began < _PATIENCE:
            if len(items) % _BREATH == 0:
                await anyio.lowlevel.checkpoint()
            try:
                if isinstance(self._iterator, AsyncIterator):
                    items.append(await anext(self._iterator))
                else:
                    items.append(next(cast("Iterator[Any]", self._iterator)))
            except (StopIteration, StopAsyncIteration):
                self.is_over = True
                break
        return items

    def _incoming(self, item: object) -> tuple[R, Incoming]:
        row = self.work.checked(item)
        frozen = self.work.freeze(row)
        self._unkeyed += frozen.key is None
        return row, Incoming.of(frozen, self._unkeyed)
