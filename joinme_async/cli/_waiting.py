"""What a call or a few of them wait for, told on stderr once that takes longer than a second."""

import threading
import time
from collections.abc import Callable
from typing import Final, Self

from joinme_async._events import AttemptEnded, AttemptStarted, Event, OutcomeUnknown, WaitStarted
from joinme_async.cli._stdio import draws_bars, say
from joinme_async.cli._waits import waiting_words

_FIRST: Final = 1.0  # seconds until anything is said
_EVERY: Final = 10.0  # seconds between two lines that say the same
_FRAME: Final = 0.25  # seconds between two looks


class Patience:
    """Told of events, and tells people what is waited for as long as its block lasts.

    Args:
        doing: what goes on, such as `asking join.me`.
        bar: draw a bar; else lines are printed.
        now: reads the time, in seconds.

    Attributes:
        doubt: whether a request is under way, or was cut off, that may have changed something.
    """

    def __init__(self, doing: str, *, bar: bool, now: Callable[[], float] = time.monotonic) -> None:
        self.doubt = False
        self._doing = doing
        self._bar = bar
        self._now = now
        self._waits: dict[tuple[str, str], tuple[str, float | None]] = {}  # of each call: why, and until when
        self._counts: tuple[int, int] | None = None
        self._said = ("", 0.0)  # why the last line said that it waits, and when
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="joinme-patience", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        call = event.method, event.path
        match event:
            case WaitStarted(why=why, seconds=seconds):
                self._waits[call] = why, None if seconds is None else self._now() + seconds
            case AttemptStarted():
                self._waits.pop(call, None)
                self.doubt |= event.method != "GET"
            case AttemptEnded() if event.method != "GET":
                self.doubt = False
            case OutcomeUnknown():
                self.doubt = True

    def count(self, done: int, total: int) -> None:
        """Take note of how many are done."""
        self._counts = done, total

    @property
    def _longest(self) -> tuple[str, float | None]:
        waits = [wait for wait in tuple(self._waits.values()) if wait[1] is None or wait[1] > self._now()]
        return max(waits, key=lambda wait: wait[1] or 0.0, default=("", None))

    @property
    def waiting(self) -> str:
        """What is waited for, in words; empty where it is an answer."""
        why, until = self._longest
        return waiting_words(why, None if until is None else max(until - self._now(), 0.0))

    @property
    def counts(self) -> str:
        """What goes on, and how far it is."""
        return self._doing if self._counts is None else "{}: {} of {}".format(self._doing, *self._counts)

    def line(self) -> str | None:
        """Return what is to be said now, None for nothing; called again and again, from the first second on."""
        (why, _), now = self._longest, self._now()
        if self._said[1] and why in {"", self._said[0]} and now < self._said[1] + _EVERY:
            return None
        self._said = why, now
        return "; ".join(part for part in (self.counts, self.waiting) if part)

    def _watch(self) -> None:
        if self._over.wait(_FIRST):
            return
        if self._bar:
            self._draw()
            return
        while not self._over.wait(_FRAME):
            if (line := self.line()) is not None:
                say(line)

    def _draw(self) -> None:
        from joinme_async.cli._teller import bars  # noqa: PLC0415  rich is loaded where it draws

        with bars(transient=True) as drawn:
            task = drawn.add_task("", total=None, counts="", waiting="")
            while not self._over.wait(_FRAME):
                done, total = self._counts or (0, None)
                drawn.update(task, completed=done, total=total, counts=self.counts, waiting=self.waiting)


def working(doing: str) -> Patience:
    """Tell of work on this machine, as long as the block lasts, once it takes longer than a second."""
    return Patience(doing, bar=draws_bars(to_stdout=False))
