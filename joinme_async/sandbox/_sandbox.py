"""The sandbox around the state machine: a clock, a `Transport` in process, an ASGI app and a server for real HTTP."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anyio.lowlevel

from joinme_async._clock import Clock, SystemClock
from joinme_async._errors import TransportError, TransportTimeoutError
from joinme_async._http import Request, Response, Transport
from joinme_async.sandbox._asgi import App
from joinme_async.sandbox._faults import Delivery, Fault, Planted
from joinme_async.sandbox._page import Page
from joinme_async.sandbox._server import Server
from joinme_async.sandbox._service import Answer, Entry, Service, StoredMeeting


class Sandbox:
    """A make-believe join.me.

    Args:
        clock: what tells it the time; without one, the machine's clock.
        token: an access token it takes.
        per_second: how many calls it allows in any second; more are refused as the gateway does (403, OVER_QPS).
        per_day: how many calls it allows in a day of UTC (403, OVER_RATE).
        latency: seconds that every answer takes.
        on_entry: called with each ledger entry as it is written.
    """

    def __init__(  # noqa: PLR0913  each is a trait of the service that somebody tests against
        self,
        *,
        clock: Clock | None = None,
        token: str = "sandbox-token",  # noqa: S107  it opens nothing
        per_second: int | None = None,
        per_day: int | None = None,
        latency: float = 0.0,
        on_entry: Callable[[Entry], object] | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.token = token
        self.latency = latency
        self._service = Service([token], per_second=per_second, per_day=per_day)
        self._on_entry = on_entry
        self._run = os.urandom(8).hex()

    def __repr__(self) -> str:
        return (
            f"<Sandbox: {len(self.meetings)} meetings, {len(self.ledger)} requests, {len(self.planted)} faults planted>"
        )

    @property
    def ledger(self) -> tuple[Entry, ...]:
        """Every request so far and what was done about it; what a test should judge by."""
        return tuple(self._service.ledger)

    @property
    def meetings(self) -> tuple[StoredMeeting, ...]:
        """The meetings there are now, upcoming or not, by start."""
        return self._service.meetings(self.clock.wall())

    @property
    def planted(self) -> tuple[Fault, ...]:
        """The faults that have not struck as often as they should yet."""
        return tuple(planted.fault for planted in tuple(self._service.planted.values()))

    def plant(self, *faults: Fault, on: str | None = None, times: int | None = 1, skip: int = 0) -> None:
        """Let each of `faults` strike from now on; of several that match a request, the one planted first does.

        Args:
            faults: what goes wrong.
            on: the method they strike, such as `"POST"`; without one, every method.
            times: how many requests each strikes; None for all that come.
            skip: how many matching requests each lets pass first.
        """
        self._service.plant([Planted(fault, on, times, skip) for fault in faults])

    def plant_data(self, script: Iterable[Mapping[str, Any]]) -> None:
        """Plant faults described as data, such as `{"kind": "lose", "on": "POST", "times": 2}`.

        `kind` is the name of a class method of `Fault`; `on`, `times` and `skip` are those of `plant`; the rest are the
        arguments of the class method.

        Raises:
            ConfigurationError: one of them describes no fault; none was planted.
        """
        self._service.plant([Planted.from_data(data) for data in script])

    def clear_faults(self) -> None:
        """Take all planted faults away."""
        self._service.planted.clear()

    def accept(self, token: str) -> None:
        """Take `token` from now on, besides those it takes already."""
        self._service.tokens.add(token)
        self._service.stale.discard(token)

    def expire(self, token: str | None = None) -> None:
        """Refuse `token` (without one, the sandbox's own) as stale from now on."""
        self._service.stale.add(self.token if token is None else token)

    def receive(self, request: Request) -> Answer:
        """Take in a request now, write it into the ledger, and return what is to be done about it."""
        answer = self._service.receive(request, self.clock.wall())
        if self._on_entry is not None:
            self._on_entry(self._service.ledger[-1])
        return Answer(answer.response, answer.delivery, answer.delay + self.latency)

    def transport(self, *, concurrency: int | None = None) -> Transport:
        """Return a transport that reaches the sandbox in process, without a socket.

        Args:
            concurrency: how many calls it carries at once; None for any number.
        """
        return _SandboxTransport(self, concurrency)

    @property
    def app(self) -> App:
        """The sandbox as an ASGI application, the service below `/v1`, and a live page about it at `/`."""
        return self._app(self.clock)

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Serve the sandbox over HTTP in a thread of its own, as long as a `with` or `async with` block lasts.

        Needs the `sandbox` extra. The block is given the base URL; port 0 takes a free one. The sandbox's clock still
        tells the time of day, but over HTTP answers are late by real seconds. A browser finds a live page at `/`: what
        it holds and saw, and faults to switch on and off. On another `host`, so does everybody who can reach it.

        Raises:
            ConfigurationError: on entering, where the extra is missing or the port taken.
        """
        return Server(self._app(SystemClock(), host), host, port)

    def _app(self, sleeper: Clock, host: str | None = None) -> App:
        page = Page(self._service, self._run, host)
        return App(self.receive, sleeper.sleep, lambda request: page.answer(request, self.clock.wall()))


class _SandboxTransport:
    """The way into a sandbox without a socket; what a fault does to a connection is told as a transport would."""

    def __init__(self, sandbox: Sandbox, concurrency: int | None) -> None:
        self._sandbox = sandbox
        self._concurrency = concurrency

    @property
    def concurrency(self) -> int | None:
        return self._concurrency

    async def send(self, request: Request) -> Response:
        with self._sandbox.clock.deadline(request.timeout) as scope:
            await anyio.lowlevel.checkpoint()  # a call that was cancelled before leaves no trace
            answer = self._sandbox.receive(request)
            await self._sandbox.clock.sleep(answer.delay)
        if scope.cancelled_caught:
            raise TransportTimeoutError("no answer in time")
        return _delivered(answer)

    async def aclose(self) -> None:
        """Nothing is open."""


def _delivered(answer: Answer) -> Response:
    match answer.delivery:
        case Delivery.UNREACHABLE:
            raise TransportError("the connection was refused", request_sent=False)
        case Delivery.LOST:
            raise TransportError("the connection ended without an answer")
        case Delivery.CUT:
            raise TransportError("the connection ended inside the answer")
        case Delivery.WHOLE | Delivery.HUNG_UP:
            return answer.response
