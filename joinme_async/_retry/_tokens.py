"""Access tokens: one source, asked once however many calls wait."""

import re
from inspect import isawaitable
from types import TracebackType
from typing import Final, Protocol

import anyio

from joinme_async._errors import ConfigurationError
from joinme_async._http import Secret

_TOKEN: Final = re.compile(r"[!-~]+")


class TokenSource(Protocol):
    """Where access tokens come from: an async callable, such as a method of your own OAuth client.

    It is asked before each attempt, so it should keep its token and hand it out again. It is never asked twice at
    once by one client. What it raises reaches the caller unchanged.
    """

    async def __call__(self, *, refused: str | None) -> str:
        """Return a token; `refused` is the one that the service has just refused, to be replaced, or None."""
        ...


def checked_token(token: Secret[str]) -> Secret[str]:
    """Return `token`, or raise ConfigurationError where it cannot stand in a header (RFC 6750: visible ASCII)."""
    if not isinstance(token.reveal(), str) or not token.reveal():
        raise ConfigurationError("the access token is empty, or no text: get one from join.me, by OAuth 2.0")
    if token.reveal().lower().startswith("bearer "):
        raise ConfigurationError("the access token begins with 'Bearer ': leave that word out, it is added here")
    if not _TOKEN.fullmatch(token.reveal()):
        raise ConfigurationError(
            "the access token holds a blank, a line break or another character no token has: strip it"
        )
    return token


class _Ask:
    """One question to the source, and what all who wait for its answer need to know."""

    __slots__ = ("answered", "failure", "refused", "token", "trace")

    def __init__(self, refused: Secret[str] | None) -> None:
        self.refused = refused
        self.answered = anyio.Event()
        self.token: Secret[str] | None = None
        self.failure: Exception | None = None
        self.trace: TracebackType | None = None


class Tokens:
    """Hands out tokens of one source; calls that come while it is being asked wait for the same answer.

    Attributes:
        fixed: the one token that there will ever be, None where a source has to be asked.
    """

    def __init__(self, source: Secret[str] | TokenSource) -> None:
        self.fixed: Secret[str] | None = checked_token(source) if isinstance(source, Secret) else None
        self._source = source
        self._latest: Secret[str] | None = None
        self._ask: _Ask | None = None

    async def get(self, refused: Secret[str] | None = None) -> Secret[str]:
        """Return a token; `refused` is the one this call was refused with, where it was.

        A token that another call has replaced meanwhile is not asked for again. The same token as `refused` comes back
        where the source has no other.
        """
        if isinstance(self._source, Secret):
            return self._source
        while True:
            if refused is not None and self._latest is not None and self._latest != refused:
                return self._latest
            ask = self._ask
            if ask is None:
                return await self._lead(self._source, _Ask(refused))
            await ask.answered.wait()
            same_question = ask.refused == refused
            if ask.token is not None and (refused is None or same_question):
                return ask.token
            if ask.failure is not None and same_question:
                # Each time from where it came up first: it is one error, and its traceback would grow with each caller.
                raise ask.failure.with_traceback(ask.trace)

    async def _lead(self, source: TokenSource, ask: _Ask) -> Secret[str]:
        self._ask = ask
        try:
            ask.token = checked_token(await _asked(source, ask.refused))
            self._latest = ask.token
        except Exception as error:
            ask.failure, ask.trace = error, error.__traceback__
            raise
        finally:
            # A leader that was cancelled leaves neither token nor failure: the next in line asks.
            self._ask = None
            ask.answered.set()
        return ask.token


async def _asked(source: TokenSource, refused: Secret[str] | None) -> Secret[str]:
    answer = Secret(source(refused=None if refused is None else refused.reveal()))
    if not isawaitable(answer.reveal()):
        raise ConfigurationError("a token source is an async callable: this one returned without being awaited")
    return Secret(await answer.reveal())
