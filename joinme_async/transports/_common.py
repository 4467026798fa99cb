"""What all transports do alike: connections for each event loop, a bound on answers, and words for what went wrong."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio

from joinme_async._clock import running_loop
from joinme_async._errors import ConfigurationError, UnexpectedResponseError
from joinme_async._http import Headers, Request

T = TypeVar("T")

_LONGEST_LENGTH: Final = 20  # digits of a Content-Length that are worth reading


class MissingExtraError(ConfigurationError, ImportError):
    """The library of a transport is not installed; an ImportError too, so that a fallback may be tried as usual."""

    def __init__(self, transport: str, extra: str) -> None:
        super().__init__(f"{transport} needs its extra: pip install 'joinme-async[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return ConfigurationError, self.args


def checked_concurrency(concurrency: int) -> int:
    """Return `concurrency`, or raise ConfigurationError where every call would wait out its deadline."""
    if concurrency < 1:
        raise ConfigurationError("concurrency is the number of connections, one at least")
    return concurrency


def checked_verify(verify: object) -> None:
    """Raise ConfigurationError for what would fail each call, such as the path of a certificate."""
    # By what it does, since truststore puts another class in the place of ssl.SSLContext.
    if not isinstance(verify, bool) and not hasattr(verify, "wrap_bio"):
        raise ConfigurationError(
            "verify is an ssl.SSLContext, such as ssl.create_default_context(cafile=...), or False, not "
            f"{type(verify).__name__}"
        )


class PerLoop(Generic[T]):
    """Something that belongs to the event loop it was made in, such as open connections; made once in each.

    Those of a loop that has ended are of no use, and are forgotten.

    Args:
        owner: the name of the transport, for its error once it is closed.
        make: makes one; however many calls ask at once, it is asked once.
        forget: told of one whose loop has ended; it cannot await anything there any more.
    """

    def __init__(
        self, owner: str, make: Callable[[], Awaitable[T]], forget: Callable[[T], object] = lambda _: None
    ) -> None:
        self._owner = owner
        self._make = make
        self._forget = forget
        self._loop: Callable[[], object] = object  # no loop yet: never the one that runs
        self._thing: T | None = None
        self._making = anyio.Lock()
        self._closed = False

    def here(self) -> T | None:
        """Return the one of the loop that runs now, None where it has to be made first."""
        return self._thing if self._loop() is running_loop() and not self._closed else None

    async def get(self) -> T:
        """Return the one of the loop that runs now.

        Raises:
            ConfigurationError: the transport is closed, or was while this was made.
        """
        self._check_open()
        loop = running_loop()
        if self._loop() is not loop:
            if self._thing is not None:
                self._forget(self._thing)
            self._loop, self._thing, self._making = weakref.ref(loop), None, anyio.Lock()
        if self._thing is None:
            async with self._making:
                if self._thing is None:
                    self._check_open()
                    self._thing = await self._make()
            self._check_open()
        return self._thing

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError(f"this {self._owner} is closed: make a new one")

    async def close(self, close: Callable[[T], Awaitable[object]]) -> None:
        """Let nobody have one from now on, and `close` that of the loop that runs now, even under cancellation."""
        self._closed = True
        if self._loop() is not running_loop():
            return
        with anyio.CancelScope(shield=True):
            async with self._making:  # one that is just being made has to be closed as well
                thing, self._thing = self._thing, None
            if thing is not None:
                await close(thing)


class Sent:
    """Whether a request may have left; known as far as its exchange has got.

    Attributes:
        tried: a connection was opened, or tried to, so that `left` is certain.
        left: a byte of the request was written.
    """

    __slots__ = ("left", "tried")

    def __init__(self) -> None:
        self.tried: bool = False
        self.left: bool = False


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """Return what `work` comes to, or raise TimeoutError where that takes longer than `seconds`; None is no bound."""
    if _is_asyncio():
        async with asyncio.timeout(seconds):  # at less than half the price
            return await work
    with anyio.fail_after(seconds):
        return await work


def _is_asyncio() -> bool:
    return isinstance(running_loop(), asyncio.AbstractEventLoop)


def only_asyncio(transport: str, library: str) -> None:
    """Raise ConfigurationError where the event loop is not asyncio's."""
    if not _is_asyncio():
        raise ConfigurationError(
            f"{transport} runs on asyncio only, since {library} does: on trio, use HttpxTransport or Httpx2Transport"
        )


class Proxy:
    """The proxy that https goes through: the one given, or the environment's, or none.

    Plain http goes to this machine only; a proxy would see the token in the clear, and gets none of it.

    Args:
        given: the URL of a proxy.
        trust_env: whether HTTPS_PROXY, ALL_PROXY and NO_PROXY count where none is given.
        schemes: what proxies the library can use.

    Attributes:
        url: its URL, None for no proxy.
        from_environment: whether it is the environment's, and so NO_PROXY counts.
    """

    def __init__(self, given: str | None, *, trust_env: bool, schemes: frozenset[str]) -> None:
        found = getproxies() if trust_env and given is None else {}
        url = given or found.get("https") or found.get("all")
        self.url: str | None = url if url is None or "://" in url else f"http://{url}"
        self.from_environment: bool = given is None
        if self.url is not None and urlsplit(self.url).scheme not in schemes:
            kind = urlsplit(self.url).scheme
            raise ConfigurationError(f"a proxy of the kind {kind}:// cannot be used: {', '.join(sorted(schemes))} can")

    def __repr__(self) -> str:
        return f"<Proxy: {'none' if self.url is None else 'for https'}>"  # its URL may hold a password

    def of(self, url: str) -> str | None:
        """Return the URL of the proxy that a request to `url` goes through."""
        if self.url is None or not url.startswith("https:"):
            return None
        return None if self.spares(urlsplit(url).netloc) else self.url

    def spares(self, host: str) -> bool:
        """Say whether NO_PROXY counts and names `host`, which may have its port behind it."""
        return self.from_environment and bool(proxy_bypass(host))


def refuse_announced(status: int, announced: str | None, bound: int) -> None:
    """Raise UnexpectedResponseError where an answer's Content-Length is more than `bound` bytes."""
    if announced and announced.isascii() and announced.isdigit():
        refuse_longer(status, int(announced[:_LONGEST_LENGTH]), bound)


def refuse_longer(status: int, size: int, bound: int) -> None:
    """Raise UnexpectedResponseError where an answer of `size` bytes so far is more than `bound`."""
    if size > bound:
        raise UnexpectedResponseError(
            f"the answer is longer than {bound} bytes, and was not read to its end: see max_body", status=status
        )


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of an answer; whatever bytes there are have a form in Latin-1."""
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])


def host_of(request: Request) -> str:
    """Return the host and port that a request goes to."""
    return request.url.split("/", 3)[2]


def words_of(error: BaseException) -> str:
    """Say what an error of a library was, for a message of ours."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
