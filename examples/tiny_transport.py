"""A transport of one's own: all that `JoinMe` needs of an HTTP library, here over aiohttp.

Run it against `joinme sandbox`:  JOINME_BASE_URL=... JOINME_ACCESS_TOKEN=... python examples/tiny_transport.py
"""

import asyncio

import aiohttp
from yarl import URL

from joinme_async import JoinMe, Request, Response, TransportError, TransportTimeoutError


class TinyTransport:
    """Carries each request over aiohttp on a connection of its own. Only a failure to connect is told as "not sent"."""

    concurrency = 100

    async def send(self, request: Request) -> Response:
        """Send `request` once and return its answer, read to the end."""
        try:
            async with aiohttp.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers.pairs(),
                data=request.content,
                timeout=aiohttp.ClientTimeout(total=request.timeout),
                allow_redirects=False,
                middlewares=[once],
            ) as answer:
                return Response(answer.status, answer.headers.items(), await answer.read())
        except aiohttp.ClientConnectorError as error:
            raise TransportError("cannot connect", request_sent=False) from error
        except TimeoutError as error:
            raise TransportTimeoutError("no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"no answer: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Do nothing: no connection is kept."""


async def once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a GET or DELETE again by itself, as it does after these errors, and no others."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise TransportError(f"no answer: {type(error).__name__}") from error


async def main() -> None:
    """List the upcoming meetings over the transport above."""
    async with JoinMe(transport=TinyTransport()) as joinme:
        for meeting in await joinme.meetings.list():
            print(f"{meeting.start:%d %b %H:%M} UTC  {meeting.name}")


if __name__ == "__main__":
    asyncio.run(main())
