"""How far a run is, for the person who waits for it: a bar on a terminal, else a line now and then; on stderr."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Self

import attrs
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from joinme_async.bulk import Progress
from joinme_async.cli._stdio import say
from joinme_async.cli._waits import LONG, duration, waiting_words

_FIRST: Final = 1.0  # seconds to the first line
_EVERY: Final = 5.0  # seconds between two lines at first; later a twentieth of what has gone by
_RARELY: Final = 60.0

_PHASES: Final = {
    "checking": "looking what is there",
    "settling": "finding out about rows in doubt",
    "verifying": "comparing with the list of join.me",
}


def waiting_of(progress: Progress) -> str:
    """Return what a run waits for, in words."""
    return waiting_words(progress.waiting, progress.waits)


def counts_of(progress: Progress) -> str:
    """Return where a run stands, without what it waits for."""
    total = "" if progress.total is None else f" of {progress.total}"
    counts = [f"{progress.done}{total} done"]
    counts += [f"{progress.failed} failed"] if progress.failed else []
    counts += [f"{progress.in_doubt} in doubt"] if progress.in_doubt else []
    counts += [f"{progress.rate:.1f} a second"] if progress.rate else []
    counts += [f"{duration(progress.time_left)} left"] if progress.time_left else []
    return ", ".join(counts)


def line_of(progress: Progress) -> str:
    """Return where a run stands, in a line."""
    said = [counts_of(progress), waiting_of(progress) or _PHASES.get(progress.phase, "")]
    return "; ".join(part for part in said if part)


class Teller:
    """Told of a run's progress, and tells people of it as long as its block lasts.

    Args:
        bar: draw a bar; else lines are printed.
        now: reads the time, in seconds.

    Attributes:
        has_begun: whether anything may have been sent.
    """

    def __init__(self, *, bar: bool, now: Callable[[], float] = time.monotonic) -> None:
        self.has_begun = False
        self._now = now
        self._began = now()
        self._next = self._began + _FIRST
        self._waiting = ""
        self._wait: tuple[tuple[str, float | None], float] = ("", None), 0.0  # what is waited for, and since when
        self._bars = bars() if bar else None
        self._task = None if self._bars is None else self._bars.add_task("", total=None, counts="", waiting="")
        self._shown: AbstractContextManager[object] = self._bars or nullcontext()

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._shown.__exit__(None, None, None)

    def __call__(self, progress: Progress) -> None:
        """Take note, and tell."""
        self.has_begun |= progress.phase == "sending"
        progress = self._counted_down(progress)
        if self._bars is not None and self._task is not None:
            self._draw(self._bars, self._task, progress)
        elif progress.phase != "finished":
            self._print(progress)

    def _counted_down(self, progress: Progress) -> Progress:
        """Take off what has gone by of a wait that was told before."""
        wait, now = (progress.waiting, progress.waits), self._now()
        if wait != self._wait[0]:
            self._wait = wait, now
        gone = now - self._wait[1]
        return progress if progress.waits is None else attrs.evolve(progress, waits=max(progress.waits - gone, 0.0))

    def _print(self, progress: Progress) -> None:
        now = self._now()
        waits = waiting_of(progress) if (progress.waits or 0) >= LONG else ""
        # The same pause is met by many rows, each with another rest of it.
        is_new = bool(waits) and progress.waiting != self._waiting
        self._waiting = progress.waiting if waits else ""
        if now >= self._next or is_new:
            say(line_of(progress))
            self._next = now + min(max(_EVERY, (now - self._began) / 20), _RARELY)

    @staticmethod
    def _draw(bars: Bars, task: TaskID, progress: Progress) -> None:
        waiting = waiting_of(progress) or _PHASES.get(progress.phase, "")
        done = progress.done + progress.failed
        bars.update(task, total=progress.total, completed=done, counts=counts_of(progress), waiting=waiting)


def bars(*, transient: bool = False) -> Bars:
    """Return a bar on stderr, with a place for counts and one for what is waited for."""
    return Bars(
        BarColumn(bar_width=20),
        TextColumn("{task.fields[counts]}"),
        TextColumn("[yellow]{task.fields[waiting]}"),
        console=Console(stderr=True, highlight=False),
        redirect_stdout=False,  # it is for data
        transient=transient,
    )
