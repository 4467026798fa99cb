"""The plain way of httpx and of httpx2, its successor, which has the same names: through an `AsyncClient`."""

from contextlib import aclosing
from functools import partial
from types import ModuleType
from typing import Any, Final

from joinme_async._errors import TransportError, TransportTimeoutError
from joinme_async._http import Headers, Request, Response, Secret
from joinme_async.transports._body import Body
from joinme_async.transports._common import (
    Sent,
    headers_of,
    host_of,
    refuse_announced,
    within,
    words_of,
)


class Errors:
    """The errors of a library with httpx's names, and what they say of a request.

    Attributes:
        all: whatever may come instead of an answer; a TimeoutError too, an OSError (asyncio's TLS errors come through
            httpcore as they are) and a ValueError (a URL or a body that is none).

    Args:
        library: httpx or httpx2.
        core: what it stands on, where that is used as well.
    """

    def __init__(self, library: Any, core: ModuleType | None = None) -> None:  # noqa: ANN401  one of two modules
        cores: Any = (core,) if core is not None else ()
        self._late: Final = (TimeoutError, library.TimeoutException, *(each.TimeoutException for each in cores))
        # What quotes the server, or the URL: an echo of the token, perhaps.
        self._quoting: Final = (
            library.ProtocolError,
            library.DecodingError,
            library.InvalidURL,
            *(each.ProtocolError for each in cores),
        )
        self.all: Final[tuple[type[Exception], ...]] = (
            *self._late, *self._quoting, library.HTTPError, library.StreamError, OSError, ValueError,
            *(error for each in cores for error in (each.NetworkError, each.UnsupportedProtocol, each.ProxyError)),
        )  # fmt: skip
        # What comes up before there is word of any connection. A client that was given may have any transport inside,
        # one that calls everything a ConnectError among them: only what the library itself raises counts there.
        self._before_given: Final = (library.PoolTimeout, library.UnsupportedProtocol, library.InvalidURL)
        self._before_own: Final = (
            *self._before_given, library.ConnectError, library.ConnectTimeout, TimeoutError, ValueError,
        )  # fmt: skip

    def told(self, error: Exception, request: Request, sent: Sent, *, given: bool) -> TransportError:
        """Return ours for one of `all`, to be raised behind it.

        The request may have left, unless it is certain that it did not. What it came from is kept, unless it quotes.
        """
        before = self._before_given if given else self._before_own
        left = sent.left or not (sent.tried or isinstance(error, before))
        quotes = isinstance(error, self._quoting)
        words = type(error).__name__ if quotes else words_of(error)
        ours = (
            TransportTimeoutError(f"no answer in time from {host_of(request)}", request_sent=left)
            if isinstance(error, self._late)
            else TransportError(f"no answer from {host_of(request)}: {words}", request_sent=left)
        )
        ours.__cause__ = None if quotes else error
        return ours


class Plain:
    """An `AsyncClient` of httpx or httpx2, to send requests with.

    Args:
        client: the client.
        max_body: bytes; a longer answer is refused, not read to its end.
    """

    def __init__(self, client: Any, max_body: int) -> None:  # noqa: ANN401  of one of two libraries
        self._client = client
        self._max_body = max_body

    async def send(self, request: Request, sent: Sent) -> Response:
        """Send `request` and return its answer; `sent` is told how far it got."""
        return await within(request.timeout, self._exchange(request, sent))

    async def _exchange(self, request: Request, sent: Sent) -> Response:
        outgoing = self._client.build_request(
            request.method, request.url, content=request.content, extensions={"trace": partial(_trace, sent)}
        )
        _put(request.headers, outgoing.headers)
        # The answer's repr shows the words of its status line: it is kept out of the local variables of tracebacks.
        answer = Secret(await self._client.send(outgoing, stream=True, auth=None, follow_redirects=False))
        try:
            status, headers = answer.reveal().status_code, headers_of(answer.reveal().headers.raw)
            refuse_announced(status, headers.get("Content-Length"), self._max_body)
            body = Body(status, None, self._max_body)
            async with aclosing(answer.reveal().aiter_bytes()) as pieces:
                async for piece in pieces:
                    body.add(piece)
                    del piece
            return Response(status, headers, body.finish())
        finally:
            await answer.reveal().aclose()

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


def _put(headers: Headers, outgoing: Any) -> None:  # noqa: ANN401  the headers of one of two libraries
    """Set `headers` in those of a request; given to `build_request`, they cost five times as much."""
    for name, value in headers.items():
        outgoing[name] = value


async def _trace(sent: Sent, event: str, info: dict[str, Any]) -> None:
    """Note an event of httpcore's, such as `http11.send_request_headers.started`."""
    sent.tried = True
    # To a proxy, the CONNECT that opens the tunnel is sent first: it is no byte of ours.
    if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
        sent.left = True
        info["request"].extensions.pop("trace", None)  # all that there was to know is known
