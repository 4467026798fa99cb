"""The driver: token, slot, permit, send, decide. Whatever is decided is decided in the pure files beside it."""

import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from math import inf, isfinite
from typing import Any, Final, Generic, TypeVar

import attrs

from joinme_async._clock import Clock, running_loop
from joinme_async._errors import (
    ConfigurationError,
    DeadlineExceededError,
    JoinMeError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from joinme_async._http import Headers, Response, Secret, Transport
from joinme_async._retry._decide import GiveUp, judge
from joinme_async._retry._limiters import RateLimiter
from joinme_async._retry._masking import masked
from joinme_async._retry._signals import read_signals
from joinme_async._retry._slots import Slots
from joinme_async._retry._tokens import Tokens
from joinme_async._wire import Call, build_request

T = TypeVar("T")

# A transport is told a little less than what is left of the deadline: it alone knows whether the request had left when
# time ran out, so it should be the one to say so. The deadline itself cuts off a transport that does not keep time.
_HEAD_START: Final = 0.05
_LONGEST_HEAD_START: Final = 0.25  # seconds


def _positive(seconds: float) -> float:
    with suppress(OverflowError):
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and isfinite(seconds) and seconds > 0:
            return float(seconds)
    raise ConfigurationError(f"a timeout is a positive number of seconds, not {type(seconds).__name__} {seconds!r:.20}")


@attrs.frozen
class Timeout:
    """How long a call may take.

    Attributes:
        total: seconds for the whole call, all waiting and every attempt in it; None for no bound.
        attempt: seconds for a single attempt, from the request to the end of its answer.
    """

    total: float | None = attrs.field(default=60.0, converter=attrs.converters.optional(_positive))
    attempt: float = attrs.field(default=30.0, converter=_positive)


@attrs.frozen
class Options:
    """What may differ between the copies of one client."""

    timeout: Timeout


@attrs.frozen
class _Done(Generic[T]):
    result: T


@attrs.define
class _Progress:
    """How far a call has come: born with it, and all that is left of it when its time runs out."""

    started: float
    attempts: int = 0
    in_flight: bool = False
    waiting_for: str = "an access token"
    last: JoinMeError | None = None


class RetryLayer:
    """Carries out calls; one for a client and all its copies.

    Args:
        transport: returns the transport to use; it may make it at the first call, or raise where the client is closed.
        tokens: hands out access tokens.
        clock: reads time.
        limiter: says when a call may start, None for at once.
        base_url: what the path of a call is put behind.
        headers: what every request has besides its token.
    """

    def __init__(  # noqa: PLR0913  the parts it drives
        self,
        transport: Callable[[], Transport],
        tokens: Tokens,
        clock: Clock,
        limiter: RateLimiter | None,
        *,
        base_url: str,
        headers: Headers,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._clock = clock
        self._limiter = limiter
        self._base_url = base_url
        self._headers = headers
        self._slots: Slots | None = None
        self._under_way = 0
        self._loop: Callable[[], object] = object

    def __repr__(self) -> str:
        return f"{self._base_url}: {self._slots or 'not used yet'}"

    async def perform(self, call: Call[T], options: Options) -> T:
        """Carry out `call` and return its result, or raise the error that tells what became of it.

        Being cancelled passes straight through, frees the connection and leaves no call counted that was not started.
        """
        progress = _Progress(self._clock.now())
        transport = self._transport()
        with self._in_one_loop():
            with self._clock.deadline(options.timeout.total) as scope:
                result = await self._run(call, transport, options.timeout, progress)
            if scope.cancelled_caught:
                raise self._told(self._overdue(call, options.timeout, progress), call, progress)
            return result

    @contextmanager
    def _in_one_loop(self) -> Generator[None, None, None]:
        """Hold that calls of two event loops are not under way at once: what they wait for would wake the wrong one."""
        loop = running_loop()
        if self._under_way and self._loop() is not loop:
            raise ConfigurationError("this client is in use in another event loop: make one client for each")
        self._loop = weakref.ref(loop)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _run(self, call: Call[T], transport: Transport, timeout: Timeout, progress: _Progress) -> T:
        if self._slots is None:
            self._slots = Slots(transport.concurrency)
        refused: Secret[str] | None = None
        while True:
            progress.waiting_for = "an access token"
            token = await self._tokens.get(refused)
            if token == refused and progress.last is not None:
                raise self._told(progress.last, call, progress)
            progress.waiting_for = "a free connection"
            await self._slots.acquire()
            try:
                await self._get_permit(call, timeout, progress)
                happened = await self._attempt(call, token, transport, timeout, progress)
            finally:
                self._slots.release()
            if isinstance(happened, _Done):
                return happened.result
            if self._limiter is not None and isinstance(happened, Response):
                await self._limiter.observe(read_signals(happened, self._clock.wall()))
            verdict = judge(call, happened, self._clock.wall(), token_renewed=refused is not None)
            if isinstance(verdict, GiveUp):
                raise self._told(verdict.error, call, progress)
            refused, progress.last = token, verdict.error

    async def _get_permit(self, call: Call[Any], timeout: Timeout, progress: _Progress) -> None:
        """Wait for the permit to start, or raise at once where its turn comes too late for this call."""
        if self._limiter is None:
            return
        progress.waiting_for = "its turn under the rate limit"
        left = self._left(timeout, progress)
        away = await self._limiter.acquire(None if left == inf else left)
        if away is None:
            return
        late = f"the turn of this call under the rate limit is {away:g} s away, and {left:g} s are left for it"
        raise self._told(
            DeadlineExceededError(f"{late}: give it longer with timeout=", last=progress.last), call, progress
        )

    async def _attempt(
        self, call: Call[T], token: Secret[str], transport: Transport, timeout: Timeout, progress: _Progress
    ) -> _Done[T] | Response | JoinMeError:
        """Send the request once, with no suspension before it, and return what happened."""
        left = self._left(timeout, progress)
        allowed = min(timeout.attempt, left - min(left * _HEAD_START, _LONGEST_HEAD_START))
        request = build_request(call, self._base_url, self._headers, token, allowed)
        progress.attempts += 1
        progress.in_flight = True
        happened: _Done[T] | Response | JoinMeError
        try:
            response = await transport.send(request)
            happened = _read(call, response, token) if response.is_success else masked(response, token)
        except TransportTimeoutError as error:
            happened = _deadline_error(timeout, "an answer", error) if allowed < timeout.attempt else error
        except JoinMeError as error:
            happened = error
        except AssertionError:
            raise  # a script that is over, in somebody's test
        except Exception as error:  # noqa: BLE001  a transport that breaks its promise leaves a request in doubt
            happened = TransportError(f"the transport failed with {type(error).__name__}: {error}")
            happened.__cause__ = error
        progress.in_flight = False
        return happened

    def _left(self, timeout: Timeout, progress: _Progress) -> float:
        return inf if timeout.total is None else max(timeout.total - (self._clock.now() - progress.started), 0.0)

    def _overdue(self, call: Call[Any], timeout: Timeout, progress: _Progress) -> JoinMeError:
        """Return the error of a call that the deadline cut off: in flight, or while it waited for something."""
        if not progress.in_flight:
            return _deadline_error(timeout, progress.waiting_for, progress.last)
        cut_off = _deadline_error(timeout, "an answer", TransportTimeoutError("the transport was cut off"))
        return judge(call, cut_off, self._clock.wall(), token_renewed=True).error

    def _told(self, error: JoinMeError, call: Call[Any], progress: _Progress) -> JoinMeError:
        """Return `error` with the facts of the call that it is the end of."""
        error.method, error.path = call.method, call.path
        error.attempts, error.elapsed = progress.attempts, self._clock.now() - progress.started
        return error


def _read(call: Call[T], response: Response, token: Secret[str]) -> _Done[T] | UnexpectedResponseError:
    with suppress(UnexpectedResponseError):
        return _Done(call.read(response))
    try:
        # Once more, without the token in it, for an error that can be shown.
        return _Done(call.read(masked(response, token)))
    except UnexpectedResponseError as error:
        return error


def _deadline_error(timeout: Timeout, waiting_for: str, last: JoinMeError | None) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"the call's {timeout.total:g} s ran out while it waited for {waiting_for}: give it longer with timeout=",
        last=last,
    )
