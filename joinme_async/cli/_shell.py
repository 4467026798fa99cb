"""What every verb does: settings and a token, one event loop, and each error in a line with what to do next."""

import getpass
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import Any, Final, TypeVar

import anyio
import attrs

from joinme_async._client import JoinMe
from joinme_async._clock import SystemClock
from joinme_async._errors import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    InvalidRowsError,
    JoinMeError,
    NotFoundError,
    TransportError,
)
from joinme_async._events import EventHook
from joinme_async._http import Secret, Transport
from joinme_async._models import OutcomeUnknownError
from joinme_async._retry._options import Timeout
from joinme_async._retry._pacing import RateLimit
from joinme_async.cli._codes import FAULT, INTERRUPTED, NOT_BEGUN, STOPPED, code_of
from joinme_async.cli._config import path_of, read_config
from joinme_async.cli._options import Calls, Common, Connection
from joinme_async.cli._settings import Given, Settings, settings_of
from joinme_async.cli._stdio import draws_bars, drop_stdout, is_somebody_there, say
from joinme_async.cli._waiting import Patience

T = TypeVar("T")

_SAME: Final = 1.0  # seconds; some wrappers pass one Ctrl-C on twice


def now() -> datetime:
    """Return the time of day, aware."""
    return SystemClock().wall()


# Settings


def settings_for(connection: Connection, timezone: str | None = None) -> Settings:
    """Return the settings of a verb, or raise ConfigurationError where one of them is none."""
    given = Given(
        profile=connection.profile,
        base_url=connection.base_url,
        timezone=timezone,
        rate=connection.rate,
        timeout=connection.timeout if isinstance(connection, Calls) else None,
    )
    return settings_of(given, os.environ, read_config(path_of(os.environ)))


def ready(settings: Settings, connection: Connection) -> Settings:
    """Return settings with a token, asked for if need be.

    Raises:
        ConfigurationError: there is none, and nobody to ask for it.
    """
    if settings.token is not None:
        return settings
    if connection.no_input or not is_somebody_there():
        raise ConfigurationError(
            f'there is no access token: put one into JOINME_ACCESS_TOKEN, or a line token = "..." into '
            f"{path_of(os.environ)}, with chmod 600. To try without one: joinme sandbox, which says what to set"
        )
    return attrs.evolve(settings, token=_typed_token(settings.base_url))


def _typed_token(base_url: str) -> Secret[str]:
    typed = Secret(getpass.getpass(f"joinme: access token for {base_url} (it is not shown, and not kept): ").strip())
    if not typed.reveal():
        raise ConfigurationError("no access token was given")
    return typed


def _client(settings: Settings, *, on_event: EventHook | None = None, transport: Transport | None = None) -> JoinMe:
    return JoinMe(
        access_token=None if settings.token is None else settings.token.reveal(),
        base_url=settings.base_url,
        rate_limit=None if settings.rate is None else RateLimit(settings.rate),
        timeout=Timeout() if settings.timeout is None else Timeout(settings.timeout),
        on_event=on_event,
        transport=transport,
    )


# Running


def ask(
    work: Callable[[JoinMe, Patience], Coroutine[Any, Any, T]],
    settings: Settings,
    doing: str,
    *,
    transport: Transport | None = None,
) -> T:
    """Carry out a few calls, and tell what is waited for once that takes longer than a second."""
    patience = Patience(doing, bar=draws_bars(to_stdout=False))

    async def main() -> T:
        async with _client(settings, on_event=patience, transport=transport) as joinme:
            return await work(joinme, patience)

    try:
        with patience:
            return anyio.run(main)
    except KeyboardInterrupt:
        if patience.doubt:
            say("what was under way may have been carried out: look with joinme list")
        raise


def run(work: Callable[[JoinMe], Coroutine[Any, Any, T]], settings: Settings) -> T:
    """Carry out a run, which tells of itself, and takes its time to end when it is interrupted."""

    async def main() -> T:
        with _told_at_once():
            async with _client(settings) as joinme:
                return await work(joinme)

    return anyio.run(main)


@contextmanager
def _told_at_once() -> Iterator[None]:
    """Answer Ctrl-C at once, and then let it reach the run, which takes its time to end what is in flight."""
    cancel = signal.getsignal(signal.SIGINT)
    if not callable(cancel):
        yield
        return
    first: list[float] = []

    def heed(number: int, frame: FrameType | None) -> None:
        if first and time.monotonic() < first[0] + _SAME:
            return
        if not first:
            # No print: the signal may have come in the middle of one.
            os.write(2, b"\njoinme: interrupted; what is in flight has ten seconds to end (Ctrl-C again drops it)\n")
            first.append(time.monotonic())
        cancel(number, frame)

    signal.signal(signal.SIGINT, heed)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is heed:
            signal.signal(signal.SIGINT, cancel)


# The end


def carried_out(work: Callable[[], int], common: Common, code: Callable[[JoinMeError], int] = code_of) -> int:
    """Do the work of a verb and return its exit code, whatever comes of it.

    Args:
        work: returns it.
        common: whether all of an error is to be shown.
        code: returns that of an error.
    """
    try:
        with _log(debug=common.debug):
            return work()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  nobody is to meet a traceback unasked
        if common.debug:
            traceback.print_exc()
        return _told(error, code)


def _told(error: BaseException, code: Callable[[JoinMeError], int]) -> int:
    """Say what ended a verb, and return its exit code."""
    match error:
        case InvalidRowsError():
            _tell_rows(error)
            return NOT_BEGUN
        case JoinMeError():
            say(_words_of(error))
            return code(error)
        case BrokenPipeError():
            drop_stdout()
            say("nobody reads stdout any more")
            return STOPPED
        case OSError():
            say(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}")
            return NOT_BEGUN
        case KeyboardInterrupt():
            say("interrupted")
            return INTERRUPTED
    say(
        f"this is a fault of joinme itself ({type(error).__name__}): repeat it with --debug, and report what that shows"
    )
    return FAULT


def _words_of(error: JoinMeError) -> str:
    """Return what happened, and what to type next."""
    match error:
        case OutcomeUnknownError():
            return (
                f"it is not known whether the meeting was made ({error.last}). joinme list shows whether it is there; "
                "the same command with --ensure looks before it makes one"
            )
        case AuthenticationError():
            return f"{error}. Put it where the old one is: joinme config shows where that was found"
        case NotFoundError():
            return f"join.me has no such meeting, or no longer ({error.path}). joinme list shows those that are there"
        case TransportError():
            return f"{error}. Is the network up, and the base URL right? joinme config shows it"
        case DeadlineExceededError():
            return f"{error}. --timeout gives it longer"
    return str(error)


def _tell_rows(error: InvalidRowsError) -> None:
    for row in error.rows:
        say(str(row))
    number = f"{len(error.rows)} bad row{'s' * (len(error.rows) != 1)}"
    zone = ", give the file a zone with --timezone" * any("a zone for the file" in r.problem for r in error.rows)
    say(f"{number}, and nothing was sent. Correct them{zone}, or pass over them with --skip-bad")


@contextmanager
def _log(*, debug: bool) -> Iterator[None]:
    """Show all that happens with --debug; else keep warnings, which the end tells of anyway, from stderr."""
    logger = logging.getLogger("joinme_async")
    level = logger.level
    if debug:
        os.environ["JOINME_LOG"] = "debug"
    elif not os.environ.get("JOINME_LOG"):
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
