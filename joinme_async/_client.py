"""`JoinMe`: puts token, retry layer and transport together, and owns their lifetimes."""

import os
from collections.abc import Mapping
from copy import copy
from types import TracebackType
from typing import Any, Self

from joinme_async._clock import Clock, SystemClock
from joinme_async._errors import ConfigurationError
from joinme_async._http import Response, Secret, Transport
from joinme_async._meetings import MeetingsResource
from joinme_async._retry._layer import Options, RetryLayer, Timeout
from joinme_async._retry._limiters import RateLimiter
from joinme_async._retry._tokens import Tokens, TokenSource
from joinme_async._version import __version__
from joinme_async._wire import DEFAULT_BASE_URL, checked_base_url, fixed_headers, raw_call


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
        rate_limit: a `RateLimiter` that says when a call may start; without one, at once.
        timeout: a `Timeout`, or the seconds that a whole call may take.
        clock: what tells the time; a `joinme_async.testing.FakeClock` in tests.

    Raises:
        ConfigurationError: there is no token, or the base URL is none that a token may be sent to.
    """

    meetings: MeetingsResource

    def __init__(  # noqa: PLR0913  what a client is made of
        self,
        access_token: str | TokenSource | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        rate_limit: RateLimiter | None = None,
        timeout: Timeout | float = Timeout(),  # noqa: B008  frozen
        clock: Clock | None = None,
    ) -> None:
        given, access_token = Secret(access_token), None
        if transport is not None and not all(hasattr(transport, name) for name in ("send", "aclose", "concurrency")):
            kind = type(transport).__name__
            raise ConfigurationError(f"a {kind} is no transport: wrap an httpx.AsyncClient in HttpxTransport(client)")
        url = os.environ.get("JOINME_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        self._line = _Line(transport)
        self._layer = RetryLayer(
            self._line.transport,
            Tokens(_token_source(given)),
            clock or SystemClock(),
            rate_limit,
            base_url=checked_base_url(url),
            headers=fixed_headers(f"joinme-async/{__version__}"),
        )
        self._options = Options(_as_timeout(timeout))
        self._owner = True
        self.meetings = MeetingsResource(self._layer, self._options)

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

    def with_options(self, *, timeout: Timeout | float | None = None) -> "JoinMe":
        """Return a client with another timeout that shares everything else with this one.

        Closing the copy does nothing; once this client is closed, the copy is closed as well.
        """
        twin = copy(self)
        twin._owner = False  # noqa: SLF001  it is ours
        if timeout is not None:
            twin._options = Options(_as_timeout(timeout))  # noqa: SLF001
            twin.meetings = MeetingsResource(self._layer, twin._options)  # noqa: SLF001
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
            JoinMeError: the same errors as from the other calls, for an answer that is no 2xx.
        """
        hidden, query, body, json = Secret(query), None, Secret(json), None
        return await self._layer.perform(raw_call(method, path, hidden, body), self._options)


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
