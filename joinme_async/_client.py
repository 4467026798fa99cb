"""`JoinMe`: puts token, retry layer and transport together, and owns their lifetimes."""

import os
from collections.abc import Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Any, Self

import attrs

from joinme_async._clock import Clock, SystemClock
from joinme_async._ensure import Memory, settle_time
from joinme_async._errors import ConfigurationError, JoinMeError
from joinme_async._events import Announcer, EventHook, heed_environment
from joinme_async._http import Response, Secret, Transport
from joinme_async._meetings import MeetingsResource
from joinme_async._models import UNSET, Unset
from joinme_async._retry._decide import Budget, RetryPolicy
from joinme_async._retry._layer import RetryLayer
from joinme_async._retry._limiters import LocalLimiter, RateLimiter
from joinme_async._retry._options import Options, Timeout
from joinme_async._retry._pacing import RateLimit
from joinme_async._retry._slots import HANDFUL
from joinme_async._retry._tokens import Tokens, TokenSource
from joinme_async._version import __version__
from joinme_async._wire import DEFAULT_BASE_URL, Call, checked_base_url, fixed_headers, raw_call


class _Line:
    """The transport of a client and its copies: made at the first call, closed once."""

    def __init__(self, given: Transport | None) -> None:
        self._transport = given
        self._ours = given is None
        self._closed = False

    def transport(self) -> Transport:
        if self._closed:
            raise ConfigurationError("this client is closed: make a new one, or close it later")
        if self._transport is None:
            from joinme_async.transports.httpx import HttpxTransport  # noqa: PLC0415  httpx is loaded at the first call

            self._transport = HttpxTransport()
        return self._transport

    async def aclose(self) -> None:
        self._closed = True
        if self._ours and self._transport is not None:
            await self._transport.aclose()


@attrs.frozen
class Parts:
    """What a client is made of, for runs that make calls of their own with it."""

    layer: RetryLayer
    options: Options
    memory: Memory


def parts_of(joinme: "JoinMe") -> Parts:
    """Return the parts of a client."""
    return Parts(joinme._layer, joinme._options, joinme._memory)  # noqa: SLF001  it is ours


class JoinMe:
    """A client of join.me's scheduled meetings.

    One client serves any number of tasks of one event loop, and is best kept for the life of the program: an async
    context manager, or closed with `aclose`. Making one does no I/O and needs no event loop.

    Args:
        access_token: an OAuth 2.0 token with the scope `scheduler`, or a `TokenSource` that can refresh it; without
            one, the environment's `JOINME_ACCESS_TOKEN`.
        base_url: where the service is; without one, the environment's `JOINME_BASE_URL`, then the live service. Only
            https, or http to this machine.
        transport: what carries requests; it is not closed by the client. Without one, an
            `joinme_async.transports.httpx.HttpxTransport` of the client's own.
        retry: when a call is sent again by itself; `RetryPolicy.never()` for once only.
        rate_limit: how many calls may start: a `RateLimit`, several of them, or a `RateLimiter`, such as the `limiter`
            of another client with the same API key. Without one, the client starts slowly and learns from refusals.
        timeout: a `Timeout`, or the seconds that a whole call may take.
        on_event: called with each `Event`, synchronously and in the caller's task; what it raises is logged only.
        clock: what tells the time; a `joinme_async.testing.FakeClock` in tests.

    Raises:
        ConfigurationError: there is no token, or the base URL is none that a token may be sent to.
    """

    meetings: MeetingsResource
    limiter: RateLimiter

    def __init__(  # noqa: PLR0913  what a client is made of
        self,
        access_token: str | TokenSource | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008  frozen
        rate_limit: RateLimit | Sequence[RateLimit] | RateLimiter | None = None,
        timeout: Timeout | float = Timeout(),  # noqa: B008  frozen
        on_event: EventHook | None = None,
        clock: Clock | None = None,
    ) -> None:
        given, access_token = Secret(access_token), None
        if transport is not None and not _is_transport(transport):
            kind = transport.__name__ if isinstance(transport, type) else type(transport).__name__
            raise ConfigurationError(f"{kind} is no transport: wrap an httpx.AsyncClient in HttpxTransport(client)")
        url = os.environ.get("JOINME_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        heed_environment()
        self._line = _Line(transport)
        self._clock = clock or SystemClock()
        self._memory = Memory()
        self.limiter = _as_limiter(rate_limit, self._clock)
        self._options = Options(_as_timeout(timeout), _as_policy(retry), Announcer(on_event))
        self._layer = RetryLayer(
            self._line.transport,
            Tokens(_token_source(given)),
            self._clock,
            self.limiter,
            Budget(self._options.retry.budget, self._options.retry.floor),
            base_url=checked_base_url(url),
            headers=fixed_headers(f"joinme-async/{__version__}"),
            first=None if self.limiter.snapshot().limits else HANDFUL,
            on_doubt=self._doubt,
        )
        self._owner = True
        self.meetings = MeetingsResource(self._layer, self._options, self._memory)

    def _doubt(self, call: Call[Any], options: Options, because: JoinMeError | None) -> None:
        if call.meeting is not None:
            self._memory.doubt(call.meeting, self._clock.now() + settle_time(options, because))

    def __repr__(self) -> str:
        return f"<JoinMe of {self._layer}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; a transport that was given stays open. A second time does nothing."""
        if self._owner:
            await self._line.aclose()

    def with_options(
        self,
        *,
        timeout: Timeout | float | None = None,
        retry: RetryPolicy | None = None,
        on_event: EventHook | Unset | None = UNSET,
    ) -> "JoinMe":
        """Return a client with other options that shares everything else with this one, the retry budget included.

        Closing the copy does nothing; once this client is closed, the copy is closed as well.

        Args:
            timeout: in place of this client's, where it is given.
            retry: in place of this client's, where it is given.
            on_event: in place of this client's, where it is given; None for no hook.
        """
        twin = copy(self)
        twin._owner = False  # noqa: SLF001  it is ours
        options = Options(
            self._options.timeout if timeout is None else _as_timeout(timeout),
            self._options.retry if retry is None else _as_policy(retry),
            self._options.announcer if on_event is UNSET else Announcer(on_event),
        )
        twin._options = options  # noqa: SLF001
        twin.meetings = MeetingsResource(self._layer, options, self._memory)
        return twin

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401  anything that json.dumps takes
    ) -> Response:
        """Send any call of the service through the same layers, and return its 2xx answer.

        Args:
            method: such as `GET`. A POST, or a method not known to be safe to repeat, is treated as `schedule` is.
            path: below the base URL, beginning with `/`; it is quoted here.
            query: parameters to put behind it; quoted here as well.
            json: the body; None sends none.

        Raises:
            JoinMeError: the same errors as from the other calls, for an answer that is no 2xx. The 404 of a DELETE
                after an attempt that may have been carried out is returned: it says that it was.
        """
        hidden, query, body, json = Secret(query), None, Secret(json), None
        return await self._layer.perform(raw_call(method, path, hidden, body), self._options)


def _is_transport(given: object) -> bool:
    named = all(hasattr(given, name) for name in ("send", "aclose", "concurrency"))
    return named and not isinstance(given, type)  # the class itself is the likely slip


def _token_source(given: Secret[Any]) -> Secret[str] | TokenSource:
    if given.reveal() is None:
        given = Secret(os.environ.get("JOINME_ACCESS_TOKEN") or None)
    if given.reveal() is None:
        raise ConfigurationError("no access token: give JoinMe one, or set JOINME_ACCESS_TOKEN in the environment")
    if isinstance(given.reveal(), str):
        return given
    if not callable(given.reveal()):
        raise ConfigurationError(f"an access token is a str or an async callable, not {type(given.reveal()).__name__}")
    source: TokenSource = given.reveal()
    return source


def _as_timeout(timeout: Timeout | float) -> Timeout:
    return timeout if isinstance(timeout, Timeout) else Timeout(total=timeout)


def _as_policy(retry: RetryPolicy) -> RetryPolicy:
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError(f"retry is a RetryPolicy, such as RetryPolicy(attempts=2), not {type(retry).__name__}")
    return retry


def _as_limiter(given: Any, clock: Clock) -> RateLimiter:  # noqa: ANN401  it is checked here
    if given is not None and all(hasattr(given, name) for name in ("acquire", "observe", "snapshot")):
        limiter: RateLimiter = given
        return limiter
    if given is None:
        return LocalLimiter((), clock)
    limits = [given] if isinstance(given, RateLimit) else given
    if not isinstance(limits, Sequence) or not limits or not all(isinstance(limit, RateLimit) for limit in limits):
        raise ConfigurationError(
            f"rate_limit is a RateLimit, such as RateLimit(20), several of them, or a RateLimiter, not {given!r:.40}"
        )
    return LocalLimiter(limits, clock)
