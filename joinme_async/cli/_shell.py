"""What every verb does at first: its settings, a token, and one event loop with one client."""

import getpass
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from types import FrameType
from typing import Any, Final, TypeVar

import anyio
import attrs

from joinme_async._client import JoinMe
from joinme_async._clock import SystemClock
from joinme_async._errors import ConfigurationError
from joinme_async._events import EventHook
from joinme_async._http import Secret, Transport
from joinme_async._retry._options import Timeout
from joinme_async._retry._pacing import RateLimit
from joinme_async.cli._config import path_of, read_config
from joinme_async.cli._options import Calls, Connection
from joinme_async.cli._settings import Given, Settings, settings_of
from joinme_async.cli._stdio import draws_bars, may_ask, say
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
        ConfigurationError: there is none, and nobody to ask for it; or it is for another base URL.
    """
    if settings.problem:
        raise ConfigurationError(settings.problem)
    if settings.token is not None:
        return settings
    if not may_ask(no_input=connection.no_input):
        raise ConfigurationError(
            f'there is no access token: put one into JOINME_ACCESS_TOKEN, or a line token = "..." into '
            f"{path_of(os.environ)}, with chmod 600. To try without one: joinme sandbox, which says what to set"
        )
    return attrs.evolve(settings, token=_typed_token(settings.base_url))


def _typed_token(base_url: str) -> Secret[str]:
    with suppress(EOFError):
        prompt = f"joinme: access token for {base_url} (it is not shown, and not kept): "
        typed = Secret(getpass.getpass(prompt).strip())
        if typed.reveal():
            return typed
    raise ConfigurationError("no access token was given")


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
