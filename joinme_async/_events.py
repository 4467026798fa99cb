"""What happens inside a call, as frozen values: told to a hook of the user's, and to `logging`."""

import logging
import os
from collections.abc import Callable
from inspect import iscoroutine, iscoroutinefunction
from typing import ClassVar, Final

import attrs

from joinme_async._errors import ConfigurationError, JoinMeError
from joinme_async._models import Meeting, NewMeeting

_logger: Final = logging.getLogger("joinme_async")
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO}


@attrs.frozen
class Event:
    """The base of all events.

    Attributes:
        method: the HTTP method of the call.
        path: its path below the base URL, without the query.
    """

    level: ClassVar[int] = logging.INFO

    method: str
    path: str

    @property
    def message(self) -> str:
        """What happened, in a line, as it is logged."""
        return f"{self.method} {self.path}: {self._said()}"

    def _said(self) -> str:
        return type(self).__name__


@attrs.frozen
class AttemptStarted(Event):
    """A request leaves.

    Attributes:
        attempt: 1 for the call's first request.
    """

    level: ClassVar[int] = logging.DEBUG

    attempt: int

    def _said(self) -> str:
        return f"attempt {self.attempt} started"


@attrs.frozen
class AttemptEnded(Event):
    """A request was answered, or will not be; not told where the caller was cancelled meanwhile.

    Attributes:
        attempt: 1 for the call's first request.
        elapsed: seconds that it took.
        status: of the answer, None where none came.
        error: what came instead of an answer, None where one came.
    """

    level: ClassVar[int] = logging.DEBUG

    attempt: int
    elapsed: float
    status: int | None = None
    error: JoinMeError | None = None

    def _said(self) -> str:
        what = self.error or self.status
        return f"attempt {self.attempt} ended after {self.elapsed:.3f} s: {what}"


@attrs.frozen
class WaitStarted(Event):
    """A call waits before it goes on.

    Attributes:
        why: `"token"`, `"connection"`, `"rate limit"`, `"cool-down"`, `"back-off"`, `"settle"`, or `"another call"` for
            an `ensure` that another one is at already.
        seconds: for how long, as far as is known now; None where it is not.
    """

    why: str
    seconds: float | None = None

    def _said(self) -> str:
        return f"waits ({self.why}{'' if self.seconds is None else f', {self.seconds:.3g} s'})"


@attrs.frozen
class CoolDownOpened(Event):
    """The service asked for a pause: nobody starts before it is over.

    Attributes:
        seconds: how long it lasts.
        status: of the answer that opened it.
        code: the gateway's code in it, None where it had none.
    """

    seconds: float
    status: int
    code: str | None = None

    def _said(self) -> str:
        return f"the service asked for {self.seconds:.3g} s without calls ({self.code or self.status})"


@attrs.frozen
class CoolDownClosed(Event):
    """The pause is over; told with the first call that starts after it."""

    def _said(self) -> str:
        return "the cool-down is over"


@attrs.frozen
class OutcomeUnknown(Event):
    """A request to make something left, and what became of it is not known.

    Attributes:
        meeting: what was to be scheduled, None for a request of another kind.
        because: what happened instead of a readable answer; None where the caller was cancelled.
    """

    level: ClassVar[int] = logging.WARNING

    meeting: NewMeeting | None = None
    because: JoinMeError | None = None

    def _said(self) -> str:
        return f"it is not known whether this was carried out ({self.because or 'cancelled while it was under way'})"


@attrs.frozen
class Reconciled(Event):
    """A doubt was cleared up by looking at what the service has.

    Attributes:
        wanted: what was to be scheduled.
        found: the meeting that is there; None where it is proven that there is none.
    """

    wanted: NewMeeting
    found: Meeting | None = None

    def _said(self) -> str:
        return "nothing was made of it" if self.found is None else f"it had been carried out: meeting {self.found.id}"


EventHook = Callable[[Event], object]
"""Called with each event, synchronously, in the task of the caller. What it raises is logged and goes no further."""


class Announcer:
    """Tells the events of one client to its hook and to the logger `joinme_async`; costs next to nothing unheard."""

    __slots__ = ("_hook",)

    def __init__(self, hook: EventHook | None = None) -> None:
        if hook is not None and not callable(hook):
            raise ConfigurationError(f"on_event is a function that takes an event, not {type(hook).__name__}")
        if iscoroutinefunction(hook) or iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004
            raise ConfigurationError("on_event is a plain function: it is called in the middle of a call, not awaited")
        self._hook = hook

    def hears(self, kind: type[Event]) -> bool:
        """Say whether anybody listens, so that an event is not even made where nobody does."""
        return self._hook is not None or _logger.isEnabledFor(kind.level)

    def tell(self, event: Event) -> None:
        """Log `event` and call the hook with it."""
        if _logger.isEnabledFor(event.level):
            _logger.log(event.level, "%s", event.message, extra={"joinme_event": event})
        if self._hook is None:
            return
        try:
            answer = self._hook(event)
        except Exception:
            _logger.exception("on_event raised; the call goes on")
        else:
            if iscoroutine(answer):
                answer.close()
                _logger.error("on_event returned a coroutine: it is called in the middle of a call, not awaited")


def heed_environment() -> None:
    """Log to stderr what `JOINME_LOG` asks for, `debug` or `info`, where the program set up nothing itself.

    Raises:
        ConfigurationError: it asks for something else.
    """
    wanted = os.environ.get("JOINME_LOG", "").strip().lower()
    if not wanted:
        return
    if wanted not in _LEVELS:
        raise ConfigurationError("JOINME_LOG is debug or info")
    _logger.setLevel(_LEVELS[wanted])
    if not _logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        _logger.addHandler(handler)
