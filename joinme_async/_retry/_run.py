"""The state of one call on its way: born with it, and all that is left of it when its time runs out."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Final, Generic, TypeVar, cast

import attrs

from joinme_async._errors import DeadlineExceededError, JoinMeError
from joinme_async._events import Event, WaitStarted
from joinme_async._http import Response, Secret
from joinme_async._retry._noticing import noticing
from joinme_async._retry._options import Options
from joinme_async._wire import Call

T = TypeVar("T")
R = TypeVar("R")

_WAITED_FOR: Final = {
    "token": "an access token",
    "connection": "a free connection",
    "rate limit": "its turn under the rate limit",
    "cool-down": "the end of the pause that the service asked for",
    "back-off": "its back-off to end",
    "answer": "an answer",
}


@attrs.define
class Run(Generic[T]):
    """One call on its way.

    Attributes:
        call: what is asked for.
        options: how long it may take, when it is repeated, who hears of it.
        started: when it began, by the clock of the client.
        attempts: requests that were started.
        repeats: attempts after the first that count against the policy and the budget.
        in_flight: a request may be under way, or its answer not yet dealt with.
        answered: when the last attempt ended.
        answer: the last answer that was no success.
        waiting_for: what it waits for, in the words of `WaitStarted.why`.
        refused: the token that was refused just now.
        token_renewed: a refused token was replaced already.
        reread: an answer could not be read before.
        in_doubt: an earlier attempt may have been carried out.
        last: what the last attempt came to.
    """

    call: Call[T]
    options: Options
    started: float
    attempts: int = 0
    repeats: int = 0
    in_flight: bool = False
    answered: float = 0.0
    answer: Response | None = None
    waiting_for: str = "token"
    refused: Secret[str] | None = None
    token_renewed: bool = False
    reread: bool = False
    in_doubt: bool = False
    last: JoinMeError | None = None

    def left(self, now: float) -> float:
        """Return the seconds until the deadline, infinite where there is none."""
        total = self.options.timeout.total
        return inf if total is None else max(total - (now - self.started), 0.0)

    def tell(self, kind: type[Event], *details: object) -> None:
        """Tell of an event of this call, where anybody listens."""
        if self.options.announcer.hears(kind):
            make = cast("Callable[..., Event]", kind)
            self.options.announcer.tell(make(self.call.method, self.call.path, *details))

    def announced(self, waiting_for: str, work: Awaitable[R]) -> Awaitable[R]:
        """Return `work` so that it is announced where it takes a wait, of which nobody knows the length."""
        self.waiting_for = waiting_for
        heard = self.options.announcer.hears(WaitStarted)
        return noticing(work, lambda: self.tell(WaitStarted, waiting_for)) if heard else work

    def out_of_time(self, last: JoinMeError | None = None) -> DeadlineExceededError:
        """Return the error of a deadline that came while this call waited, after `last`."""
        total: Any = self.options.timeout.total
        waited_for = _WAITED_FOR[self.waiting_for]
        return DeadlineExceededError(
            f"the call's {total:g} s ran out while it waited for {waited_for}: give it longer with timeout=",
            last=last or self.last,
        )
