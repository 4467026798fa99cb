"""httpcore's network for asyncio's own event loop: a read costs no task, no cancel scope and no timer of its own."""

import asyncio
import select
import socket
import ssl
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from math import inf
from typing import Any, Final, cast

import anyio
import httpcore

_HIGH_WATER: Final = 256 * 1024  # bytes received and not read yet, above which no more are taken from the socket
_PIECE: Final = 64 * 1024  # bytes to be written that are worth keeping together
_NOTHING: Final = nullcontext()
_HAPPY_EYEBALLS: Final = 0.25  # seconds until the next address is tried as well: RFC 8305, section 5


class AsyncioNet(httpcore.AsyncNetworkBackend):
    """Opens the connections of one line, keeps the time of its exchange, and knows whether a byte of it has left.

    Args:
        layers: how many times TLS is begun before the service itself is spoken to.

    Attributes:
        deadline: when the exchange is over, by the clock of the event loop; None for never.
        tried: a connection was opened, or tried to, so that `wrote` tells all.
        wrote: a byte of the request was written.
        begun: a byte was written, of the request or of what opens the way to the service.
        closed: `aclose` was called; nothing is opened, read or written any more.
    """

    def __init__(self, layers: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.layers = layers
        self.deadline: float | None = None
        self.tried = self.wrote = self.begun = self.closed = False
        self._stream: _Stream | None = None
        self._connecting: anyio.CancelScope | None = None

    def begin(self, timeout: float | None) -> AbstractContextManager[object]:
        """Begin an exchange that may take `timeout` seconds; it is cut off from within, where it waits."""
        self.deadline = None if timeout is None else self._loop.time() + timeout
        self.wrote = self.begun = False
        return _NOTHING

    @property
    def is_late(self) -> bool:
        """Whether the exchange is over its time."""
        return self.deadline is not None and self._loop.time() >= self.deadline

    def _connects(self) -> anyio.CancelScope:
        """Return a scope for what opens a connection: until the deadline, or until `aclose`."""
        deadline = inf if self.deadline is None else self.deadline
        self._connecting = anyio.CancelScope(deadline=deadline)  # both are of the clock of the event loop
        return self._connecting

    def _cut_off(self) -> Exception:
        """Return the error of a connection that was not opened in time, or is not wanted any more."""
        if self.closed:
            return httpcore.ConnectError("the transport was closed")
        return httpcore.ConnectTimeout("no connection in time")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  `deadline` bounds all of an exchange
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection, to whichever address of `host` answers first."""
        self.tried = True
        try:
            with self._connects():
                connected = await _connected_socket(self._loop, host, port)
                _, self._stream = await self._loop.create_connection(partial(_Stream, self), sock=connected)
                return self._stream
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        raise self._cut_off()

    async def start_tls(
        self, stream: "_Stream", transport: asyncio.Transport, context: ssl.SSLContext, name: str | None
    ) -> asyncio.Transport:
        """Speak TLS over `transport` from here on, and return the transport for what is inside."""
        try:
            with self._connects():
                inside = await self._loop.start_tls(transport, stream, context, server_hostname=name)
                return cast("asyncio.Transport", inside)
        except BaseException as error:
            transport.abort()
            if isinstance(error, OSError | ValueError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        transport.abort()
        raise self._cut_off()

    async def aclose(self) -> None:
        """Close what is open at the next turn of the event loop: nothing may hold up an answer that has come."""
        self.closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._stream is not None:
            await self._stream.aclose()


class _Stream(httpcore.AsyncNetworkStream, asyncio.Protocol):
    """A connection. What is written goes out with the next read, so that a small request is one packet."""

    def __init__(self, net: AsyncioNet) -> None:
        self._net = net
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)  # until `connection_made`
        self._pending = b""  # to be written
        self._received = b""
        self._ended = False
        self._failure: Exception | None = None
        self._layers = 0  # of TLS
        self._held = False  # no more is taken from the socket for now
        self._full = False  # no more is taken by the transport for now
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if len(self._received) > _HIGH_WATER:
            self._held = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._failure = True, self._failure or exc
        if self._alarm is not None:
            self._alarm.cancel()
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What httpcore calls: one thing at a time.

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Return what has come, `b""` where the other side has ended the connection."""
        await self._flush()
        while not self._received and not self._ended:
            await self._wait(httpcore.ReadTimeout)
        if self._net.closed:
            raise httpcore.ReadError("the transport was closed")
        if self._net.is_late:  # however much there is to read
            raise httpcore.ReadTimeout("no answer in time")
        received = self._received
        self._received = received[max_bytes:]
        if self._held and not self._received:
            self._held = False
            self._transport.resume_reading()
        if not received and self._failure is not None:
            raise httpcore.ReadError(str(self._failure)) from self._failure
        return received[:max_bytes]

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write `buffer`, with the next read at the latest."""
        self._pending = self._pending + buffer if self._pending else buffer
        del buffer  # tracebacks are shown with local variables
        if len(self._pending) > _PIECE:
            await self._flush()

    async def _flush(self) -> None:
        if not self._pending:
            return
        if self._ended or (self._received and not self._net.begun) or self._net.closed:
            self._give_up()
            raise httpcore.WriteError("the connection has ended")
        self._net.begun = True
        self._net.wrote = self._net.wrote or self._layers >= self._net.layers
        self._transport.write(self._pending)
        self._pending = b""
        while self._full and not self._ended:
            await self._wait(httpcore.WriteTimeout)

    def _give_up(self) -> None:
        """Read nothing any more: what came unasked before a request is no answer to it, though httpcore would go on."""
        self._pending = self._received = b""
        self._ended, self._failure = (
            True,
            self._failure or OSError("the connection had ended, or was spoken on unasked"),
        )
        self._transport.abort()

    async def _wait(self, too_late: type[Exception]) -> None:
        """Wait until something happens, or raise `too_late` at the deadline."""
        self._set_alarm()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except TimeoutError:
            raise too_late("no answer in time") from None
        finally:
            self._waiter = None

    def _set_alarm(self) -> None:
        """See to it that the alarm rings at the deadline or before; one that rings too early is set again."""
        deadline = self._net.deadline
        if self._alarm is not None and (deadline is None or self._alarm.when() > deadline):
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None and deadline is not None:
            self._alarm = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return  # `read` looks at the time itself
        if self._net.is_late:
            self._waiter.set_exception(TimeoutError())
        else:
            self._set_alarm()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Speak TLS from here on."""
        self._transport = await self._net.start_tls(self, self._transport, ssl_context, server_hostname)
        self._layers += 1
        return self

    async def aclose(self) -> None:
        """Close the connection at the next turn of the event loop."""
        # Not close(): over TLS it would wait for an answer to its good-bye, and before it for all that is unwritten.
        self._transport.abort()
        self._ended = True
        self._wake()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  httpcore's own
        """Return what httpcore asks for: whether an idle connection has anything to read, and the TLS in use."""
        if info == "is_readable":
            return self._ended or bool(self._received) or _is_readable(self._transport.get_extra_info("socket"))
        return self._transport.get_extra_info("ssl_object") if info == "ssl_object" else None


def _is_readable(connected: Any) -> bool:  # noqa: ANN401  asyncio's wrapper of a socket
    """Say whether there is anything to read, its end included, that the event loop has not come to yet."""
    if connected is None or connected.fileno() < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


async def _connected_socket(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first address of `host` that answers.

    After RFC 8305: each address gets a short while before the next is tried as well. asyncio's own way loses sockets
    when it is cancelled.
    """
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    won: list[socket.socket] = []
    errors: list[OSError] = []

    async def attempt(address: Any, ended: anyio.Event) -> None:  # noqa: ANN401  what getaddrinfo gives
        family, kind, protocol, _, where = address
        trying = socket.socket(family, kind, protocol)
        try:
            trying.setblocking(False)  # noqa: FBT003  the standard library's own
            await loop.sock_connect(trying, where)
            won.append(trying)
            group.cancel_scope.cancel()
        except OSError as error:
            errors.append(error)
        finally:
            ended.set()
            if trying not in won[:1]:
                trying.close()

    try:
        async with anyio.create_task_group() as group:
            for address in addresses:
                ended = anyio.Event()
                group.start_soon(attempt, address, ended)
                with anyio.move_on_after(_HAPPY_EYEBALLS):
                    await ended.wait()
    except BaseException:
        for each in won:
            each.close()
        raise
    if won:
        return won[0]
    raise errors[0] if len(errors) == 1 else OSError("; ".join(sorted({str(error) for error in errors})))
