"""httpcore's network for asyncio's own event loop: a read costs no task, no cancel scope and no timer of its own.

With `_lines`, the only files that know httpcore.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
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
    """

    def __init__(self, layers: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.layers = layers
        self.deadline: float | None = None
        self.tried = False
        self.wrote = False
        self._stream: _Stream | None = None

    def begin(self, timeout: float | None) -> AbstractContextManager[object]:
        """Begin an exchange that may take `timeout` seconds; it is cut off from within, where it waits."""
        self.deadline = None if timeout is None else self._loop.time() + timeout
        self.wrote = False
        return _NOTHING

    def left(self) -> float | None:
        """Return the seconds that the exchange may still take."""
        return None if self.deadline is None else max(self.deadline - self._loop.time(), 0.0)

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
            with anyio.fail_after(self.left()):
                _, self._stream = await self._loop.create_connection(
                    partial(_Stream, self), host, port, happy_eyeballs_delay=_HAPPY_EYEBALLS
                )
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return self._stream

    async def until_closed(self) -> None:
        """Return when the connection opened last is closed; a closed one is so at the next turn of the event loop."""
        if self._stream is not None:
            await self._stream.gone.wait()


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
        self.gone = asyncio.Event()

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
        self.gone.set()
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
        if len(self._pending) > _PIECE:
            await self._flush()

    async def _flush(self) -> None:
        if not self._pending:
            return
        pending, self._pending = self._pending, b""
        if self._ended:
            raise httpcore.WriteError("the connection has ended")
        self._net.wrote = self._net.wrote or self._layers >= self._net.layers
        self._transport.write(pending)
        while self._full and not self._ended:
            await self._wait(httpcore.WriteTimeout)

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
        if self._waiter is None or self._waiter.done() or self._net.deadline is None:
            return
        if self._loop.time() < self._net.deadline:
            self._set_alarm()
        else:
            self._waiter.set_exception(TimeoutError())

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Speak TLS from here on."""
        try:
            with anyio.fail_after(self._net.left()):
                transport = await self._loop.start_tls(
                    self._transport, self, ssl_context, server_hostname=server_hostname
                )
        except BaseException as error:
            self._transport.abort()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError | ValueError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        self._transport = cast("asyncio.Transport", transport)
        self._layers += 1
        return self

    async def aclose(self) -> None:
        """Close the connection at the next turn of the event loop: nothing may hold up an answer that has come."""
        # Not close(): over TLS it would wait for an answer to its good-bye, and before it for all that is unwritten.
        self._transport.abort()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  httpcore's own
        """Return what httpcore asks for: whether an idle connection has anything to read, and the TLS in use."""
        if info == "is_readable":
            return self._ended or bool(self._received)
        return self._transport.get_extra_info("ssl_object") if info == "ssl_object" else None
