"""How what happens to a row is written down: in a run, and in one that undoes another."""

from joinme_async.bulk._store import Record, Store


class Marks:
    """Those of a run that does something; called off the event loop, inside a transaction."""

    makes = True

    def open_rows(self, store: Store, after: int, limit: int, *, met: bool) -> list[Record]:
        """Return rows to be sent, behind a position."""
        return store.unsent(after, limit, met=met)

    def take_up(self, store: Store, *, repeatable: bool) -> None:
        """Take up what an earlier run left."""
        store.recover(repeatable=repeatable)

    def intend(self, store: Store, position: int, settle: float) -> None:
        """A row is about to be sent."""
        store.intend(position, settle)

    def done(  # noqa: PLR0913  the facts
        self, store: Store, position: int, meeting_id: int | None, answer: str | None, ended: int, *, adopted: bool
    ) -> bool:
        """A row is done; False where its meeting is another row's."""
        return store.claim(position, meeting_id, answer, ended, adopted=adopted)

    def not_done(  # noqa: PLR0913  the facts
        self, store: Store, position: int, state: str, error: str | None, settle: float, *, maybe: bool
    ) -> None:
        """A row was not done; `maybe` an attempt was carried out all the same."""
        store.finish(position, state, error=error, settle=settle, maybe=maybe)


class UndoMarks(Marks):
    """Those of a run that deletes the meetings of another.

    Args:
        adopted: the meetings that were found, and not answered, are deleted as well.
    """

    makes = False

    def __init__(self, *, adopted: bool) -> None:
        self._adopted = adopted

    def open_rows(self, store: Store, after: int, limit: int, *, met: bool) -> list[Record]:  # noqa: ARG002
        """Return rows whose meeting is there, behind a position."""
        return store.undoable(adopted=self._adopted, after=after, limit=limit)

    def take_up(self, store: Store, *, repeatable: bool) -> None:  # noqa: ARG002
        """Rows that were sent are in doubt; the others stay as they are."""
        store.doubt_sent()

    def intend(self, store: Store, position: int, settle: float) -> None:
        """The meeting of a row is about to be deleted."""
        store.intend(position, settle, state="undoing")

    def done(  # noqa: PLR0913
        self,
        store: Store,
        position: int,
        meeting_id: int | None,  # noqa: ARG002
        answer: str | None,  # noqa: ARG002
        ended: int,  # noqa: ARG002
        *,
        adopted: bool,  # noqa: ARG002
    ) -> bool:
        """It is gone."""
        store.undone(position)
        return True

    def not_done(  # noqa: PLR0913
        self,
        store: Store,
        position: int,
        state: str,
        error: str | None,
        settle: float,
        *,
        maybe: bool,  # noqa: ARG002
    ) -> None:
        """It may still be there: the next run deletes it, or finds that it is gone."""
        store.finish(position, "done" if state == "unsent" else "undoing", error=error, settle=settle)
