"""A transport that can change nothing."""

from typing import Any

from joinme_async._errors import ConfigurationError
from joinme_async._http import Request, Response, Transport


class ReadOnlyTransport:
    """Carries GET requests over another transport, and refuses all others before anything is done for them.

    Args:
        inner: the transport that carries what may leave; closed with this one.
    """

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    @property
    def concurrency(self) -> int | None:
        """How many calls the other one can carry at once."""
        return self._inner.concurrency

    async def prepare(self) -> None:
        """Do what the other one does once."""
        prepare: Any = getattr(self._inner, "prepare", None)
        if prepare is not None:
            await prepare()

    async def send(self, request: Request) -> Response:
        """Send a GET; raise ConfigurationError for anything else."""
        if request.method != "GET":
            raise ConfigurationError(f"a dry run changes nothing: a {request.method} was refused, and did not leave")
        return await self._inner.send(request)

    async def aclose(self) -> None:
        """Close the other one."""
        await self._inner.aclose()
