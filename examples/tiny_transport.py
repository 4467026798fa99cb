"""A transport of one's own: all that `JoinMe` needs of an HTTP library, here over aiohttp.

Run it against `joinme sandbox`:  JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... python examples/tiny_transport.py
"""

import asyncio

import aiohttp
from yarl import URL

from joinme_async import JoinMe, Request, Response, TransportError, TransportTimeoutError


class TinyTransport:
    """Carries requests over aiohttp. It claims "nothing was sent" only for errors of connecting."""

    concurrency = 100

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """Send `request` and return its answer, read to the end."""
        # On a kept connection that has ended, aiohttp would send a GET or DELETE twice by itself: keep none.
        connector = None if self._session else aiohttp.TCPConnector(force_close=True)
        self._session = session = self._session or aiohttp.ClientSession(connector=connector)
        timeout, url = aiohttp.ClientTimeout(total=request.timeout), URL(request.url, encoded=True)
        headers, body = request.headers.pairs(), request.content
        try:
            async with session.request(
                request.method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            ) as answer:
                return Response(answer.status, answer.headers.items(), await answer.read())
        except aiohttp.ClientConnectorError as error:
            raise TransportError("cannot connect", request_sent=False) from error
        except TimeoutError as error:
            raise TransportTimeoutError("no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"no answer: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


async def main() -> None:
    """List the upcoming meetings over the transport above."""
    transport = TinyTransport()
    try:
        for meeting in await JoinMe(transport=transport).meetings.list():
            print(f"{meeting.start:%d %b %H:%M} UTC  {meeting.name}")
    finally:
        await transport.aclose()


if __name__ == "__main__":
    asyncio.run(main())
