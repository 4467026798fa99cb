"""Clearing up: what became of the rows in doubt."""

from collections import Counter
from functools import partial
from typing import Any, Final

import attrs

from joinme_async._clock import Clock
from joinme_async._errors import JoinMeError
from joinme_async._events import Reconciled
from joinme_async._models import Meeting, OutcomeUnknownError
from joinme_async._reconcile import Look
from joinme_async._retry._options import Options
from joinme_async.bulk._journal import Entry, Writer, entry_of, write_answer, write_error
from joinme_async.bulk._lookout import Lookout
from joinme_async.bulk._pulse import Pulse
from joinme_async.bulk._rows import Row
from joinme_async.bulk._store import Record, Store
from joinme_async.bulk._verbs import Work

_LOOKS: Final = 3  # before rows in doubt are left to the next run
_PROOFS: Final = 2  # looks that do not show a row, each after the settle time, before it is sent again
_SENDS: Final = 3  # of one row in one run


@attrs.frozen
class Cleared:
    """What came of it.

    Attributes:
        to_send: some rows are proven not to have been made, and are to be sent now.
        outcomes: rows that are decided: adopted, or failed after having been sent often enough.
    """

    to_send: bool
    outcomes: list[Record]


class Clearing:
    """Looks what became of rows in doubt: one list for all of them, as often as it takes.

    Args:
        clock: reads time and sleeps.
        writer: the journal.
        lookout: reads lists.
        work: reads rows.
        options: the settle time, and who hears of it.
        pulse: told of waits.
    """

    def __init__(  # noqa: PLR0913  the parts it drives
        self,
        clock: Clock,
        writer: Writer,
        lookout: Lookout,
        work: Work[Any],
        options: Options,
        *,
        pulse: Pulse,
    ) -> None:
        self._clock = clock
        self._writer = writer
        self._lookout = lookout
        self._work = work
        self._options = options
        self._pulse = pulse
        self._settled = 0.0
        self._sends: Counter[int] = Counter()
        self._because: dict[int, JoinMeError] = {}

    def doubt(self, position: int, error: JoinMeError, settle: float) -> None:
        """Note a row that fell into doubt just now, and the seconds that the service needs to show what it made."""
        self.doubt_until(settle)
        self._sends[position] += 1
        self._because[position] = getattr(error, "last", None) or error

    def doubt_until(self, settle: float) -> None:
        """Note how long no look proves anything."""
        self._settled = max(self._settled, self._clock.now() + settle)

    async def clear_up(self, *, may_send: bool, ended: int) -> Cleared:
        """Look until every row in doubt is decided, or nothing more can be proven.

        Args:
            may_send: rows that were not made may be sent again in this run.
            ended: how many rows are done, to count on from.
        """
        proofs: Counter[int] = Counter()
        cleared = Cleared(to_send=False, outcomes=[])
        for number in range(_LOOKS):
            records = await self._writer.write(Store.doubts)
            if not records:
                break
            await self._settle(again=number > 0)
            doubts: list[Entry[Row]] = [entry_of(record, self._work) for record in records]
            looks = await self._lookout.look(doubts)
            steps = [self._step(*pair, proofs, may_send=may_send) for pair in zip(doubts, looks, strict=True)]
            decided = [step for step in steps if step is not None]
            first = ended + len(cleared.outcomes)
            states = await self._writer.write(partial(_written, steps=decided, ended=first))
            outcomes = [record for record in states if record.state != "unsent"]
            cleared = Cleared(cleared.to_send or len(outcomes) < len(states), [*cleared.outcomes, *outcomes])
        return attrs.evolve(cleared, to_send=cleared.to_send and may_send)

    async def _settle(self, *, again: bool) -> None:
        """Give the service its time."""
        now = self._clock.now()
        until = now + self._options.retry.settle if again else self._settled
        if until > now:
            self._pulse.waits("settle", until - now, now=True)
            await self._clock.sleep(until - now)

    def _step(self, entry: Entry[Row], look: Look, proofs: Counter[int], *, may_send: bool) -> "_Step | None":
        """Return what a look decides of a row, None where it takes another one."""
        new = entry.row.meeting
        if look.doubt:
            why = f"it is not known whether join.me scheduled this: {look.doubt}"
            error = OutcomeUnknownError(why, meeting=new, last=self._because.get(entry.position))
            return _Step(entry.position, "doubt", error=error)
        if look.found is None:
            proofs[entry.position] += 1
            if proofs[entry.position] < _PROOFS:
                return None
        if self._options.announcer.hears(Reconciled):
            self._options.announcer.tell(Reconciled("POST", "/meetings", new, look.found))
        if look.found is not None:
            self._lookout.found(look.found)
            return _Step(entry.position, "done", meeting=look.found)
        if may_send and self._sends[entry.position] >= _SENDS:
            return _Step(entry.position, "failed", error=self._because[entry.position])
        return _Step(entry.position, "unsent")


@attrs.frozen
class _Step:
    """What is to be written of a row that was in doubt."""

    position: int
    state: str
    meeting: Meeting | None = None
    error: JoinMeError | None = None

    def write(self, store: Store, ended: int) -> None:
        if self.meeting is not None:
            store.claim(self.position, self.meeting.id, write_answer(self.meeting), ended, adopted=True)
        else:
            store.finish(self.position, self.state, error=None if self.error is None else write_error(self.error))


def _written(store: Store, steps: list[_Step], ended: int) -> list[Record]:
    """Write down what was decided, and return the rows that are in doubt no more."""
    for number, step in enumerate(steps, ended + 1):
        step.write(store, number)
    return [record for step in steps if step.state != "doubt" for record in store.page(step.position - 1, 1)]
