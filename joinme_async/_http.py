"""What crosses the line between the package and an HTTP library: `Transport`, `Request`, `Response`, `Headers`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Never, Protocol, TypeVar, final

import attrs

from joinme_async._errors import UnexpectedResponseError, excerpt
from joinme_async._json import loads

MAX_BODY = 64 * 1024 * 1024  # bytes; a list of ten thousand meetings has about three million

T = TypeVar("T")

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


class Secret(Generic[T]):
    """Something that shows in no repr, log or traceback, and refuses to be pickled: a token, or people's addresses.

    Tracebacks are shown with the local variables of their frames by many tools, so whatever must not be seen is kept in
    one of these, and revealed inside an expression only.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the thing itself; do not bind it to a name."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> Never:
        raise TypeError("a client and its access token are not pickled: make the client anew in the other process")


@final
class Headers(Mapping[str, str]):
    """HTTP headers: looked up in any letter case, kept in order and as they were spelt.

    A header that came several times looks up as its values joined by `, `; `get_all` has them apart. The repr shows no
    values, and a pickle holds `***` for those that carry credentials.
    """

    __slots__ = ("_index", "_pairs")

    def __init__(self, pairs: "Mapping[str, str] | Iterable[tuple[str, str]]" = ()) -> None:
        given: Any = pairs
        if not isinstance(given, tuple):  # asked first: a Mapping is slow to tell
            given = tuple(given.items() if isinstance(given, Mapping) else given)
        self._pairs: tuple[tuple[str, str], ...] = given
        self._index: dict[str, str] | None = None

    def _lookup(self) -> dict[str, str]:
        if self._index is None:
            self._index = {}
            for name, value in self._pairs:
                key = name.lower()
                self._index[key] = f"{self._index[key]}, {value}" if key in self._index else value
        return self._index

    def __getitem__(self, name: str) -> str:
        return self._lookup()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lookup())

    def __len__(self) -> int:
        return len(self._lookup())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._lookup()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._lookup() == other._lookup()

    def __hash__(self) -> int:
        return hash(frozenset(self._lookup().items()))

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return every header line as (name, value), in order."""
        return self._pairs

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the values of each header line of that name, in order."""
        return tuple(value for key, value in self._pairs if key.lower() == name.lower())

    def __repr__(self) -> str:
        # Names only: a server may echo a token in any header it likes.
        return f"<Headers: {', '.join(name for name, _ in self._pairs)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        masked = ((name, "***" if name.lower() in _SECRET_HEADERS else value) for name, value in self._pairs)
        return Headers, (tuple(masked),)

    def __copy__(self) -> "Headers":
        return self

    def __deepcopy__(self, memo: object) -> "Headers":
        return self


def _as_headers(given: Mapping[str, str] | Iterable[tuple[str, str]]) -> Headers:
    return given if type(given) is Headers else Headers(given)


@attrs.frozen
class Request:
    """One HTTP request, ready to be sent as it is.

    Attributes:
        method: such as `GET`.
        url: absolute, with the query, already quoted.
        headers: all that must be sent; a transport adds only what HTTP itself needs.
        content: the body, or None for no body at all.
        timeout: seconds within which `Transport.send` must return or raise; None for no bound.
    """

    method: str
    url: str = attrs.field(repr=lambda url: repr(url.partition("?")[0]))
    headers: Headers = attrs.field(default=Headers(), converter=_as_headers)
    content: bytes | None = attrs.field(default=None, repr=lambda content: f"<{len(content or b'')} bytes>")
    timeout: float | None = None


@attrs.frozen
class Response:
    """One HTTP answer, with its whole body.

    Attributes:
        status: the HTTP status.
        headers: looked up in any letter case; a mapping or pairs are understood when one is made.
        content: the body, decoded from any transfer or content coding.
    """

    status: int
    headers: Headers = attrs.field(default=Headers(), converter=_as_headers)
    content: bytes = attrs.field(default=b"", repr=lambda content: f"<{len(content)} bytes>")

    @property
    def is_success(self) -> bool:
        """Whether the status is any of the 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004

    def json(self) -> Any:  # noqa: ANN401  JSON is what the service says it is
        """Return the body read as JSON.

        Raises:
            UnexpectedResponseError: it is not JSON.
        """
        try:
            return loads(self.content)
        except (ValueError, RecursionError):
            pass  # raised below: the parser's own error would carry the whole body along
        said = excerpt(self.content)
        raise UnexpectedResponseError(
            f"the body of a {self.status} answer is not JSON ({said or 'it is empty'})",
            status=self.status,
            excerpt=said,
        )


class Transport(Protocol):
    """What the package needs of an HTTP library.

    `send` raises `TransportError(request_sent=False)` only when it *knows* that no byte of the request left (connection
    refused, no such host, failed TLS, no free connection); whatever it is unsure of is `request_sent=True`. It follows
    no redirect, sends no request twice, and keeps `request.timeout` over the whole exchange.

    One that has something to do before its first request, such as reading certificates, may have a coroutine method
    `prepare` as well: it is awaited before the first permit to start is asked for. One that ends every `send` within
    `request.timeout` by itself may say so with `keeps_time = True`: no second timer is then set over it.
    """

    @property
    def concurrency(self) -> int | None:
        """How many calls it can carry at once; None for any number."""
        ...

    async def send(self, request: Request) -> Response:
        """Send `request`, read the whole answer and return it; being cancelled frees the connection."""
        ...

    async def aclose(self) -> None:
        """Close every connection; a second time does nothing."""
        ...
