"""The sandbox as an ASGI application: what it decides is told over a real connection, or ends one."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from joinme_async._http import Headers, Request, Response
from joinme_async.sandbox._faults import Delivery
from joinme_async.sandbox._service import Answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LARGEST: Final = 1024 * 1024  # bytes of a request that are kept; more is no request of this service


class Closable(Protocol):
    """The part of `asyncio.Transport` that ends a connection."""

    def close(self) -> None:
        """End it once what was written has left."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


class App:
    """An ASGI application around a sandbox.

    ASGI cannot end a connection, so a server that should be able to lose and cut answers keeps its connections in
    `connections`, by the peer's address. Under a server that does not, such an answer is a 500.

    Args:
        receive: takes in a request and says what to do about it.
        sleep: suspends for a number of seconds.
        page: answers what is asked of the sandbox's own page, and returns None for all that is of the service.
    """

    def __init__(
        self,
        receive: Callable[[Request], Answer],
        sleep: Callable[[float], Awaitable[None]],
        page: Callable[[Request], Response | None],
    ) -> None:
        self._page = page
        self._receive = receive
        self._sleep = sleep
        self.connections: dict[tuple[str, int], Closable] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks http, not {scope['type']}")
        request = await _request(scope, receive)
        shown = self._page(request)
        if shown is not None:
            await _send(send, shown, shown.content, more=False)
            return
        answer = self._receive(request)
        await self._sleep(answer.delay)
        connection = self.connections.get(scope["client"] and tuple(scope["client"]))
        if answer.delivery in {Delivery.LOST, Delivery.UNREACHABLE}:
            self._end(connection).abort()
            return
        whole = answer.response.content
        body = whole[: len(whole) // 2] if answer.delivery is Delivery.CUT else whole
        await _send(send, answer.response, body, more=answer.delivery is Delivery.CUT)
        if answer.delivery is not Delivery.WHOLE:
            self._end(connection).close()

    @staticmethod
    def _end(connection: Closable | None) -> Closable:
        if connection is None:
            raise RuntimeError("this server does not let the sandbox end connections: use Sandbox.serve")
        return connection


async def _request(scope: Message, receive: Receive) -> Request:
    content, more = b"", True
    while more and len(content) <= _LARGEST:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://sandbox{path}{'?' + query if query else ''}"  # a Host may hold anything
    return Request(scope["method"], url, headers, content or None)


async def _send(send: Send, response: Response, body: bytes, *, more: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.pairs()]
    if response.status != 204:  # noqa: PLR2004  RFC 9110: a 204 has no Content-Length
        headers.append((b"content-length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})
