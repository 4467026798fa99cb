"""The JSON of the service: read and written here only, and read faster where `joinme-async[fast]` is installed.

The only file that knows msgspec. Of the fast libraries it is the one that reads a document as the standard library does
or refuses it (orjson makes floats of integers of more than 64 bits), and what it refuses the standard library judges.
Writing stays with the standard library: the others spell letters beyond ASCII differently, and it takes little time.
"""

from collections.abc import Callable
from functools import cache
from json import JSONDecoder, JSONEncoder, detect_encoding
from typing import Any, Final, Never


def _no_such_number(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = JSONDecoder(parse_constant=_no_such_number)
_ENCODER: Final = JSONEncoder(allow_nan=False, separators=(",", ":"))


def loads(body: bytes) -> Any:  # noqa: ANN401  JSON is what the service says it is
    """Return the document in `body`; NaN and the infinities are none.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    fast = _fast()
    if fast is not None:
        try:
            return fast(body)
        except (ValueError, RecursionError):
            pass  # the verdict is the standard library's, which also reads UTF-16 and lone surrogates
    return _DECODER.decode(body.decode(detect_encoding(body), "surrogatepass"))


def dumps(document: Any) -> bytes:  # noqa: ANN401  whatever has a form in JSON
    """Return `document` as compact JSON in ASCII.

    Raises:
        TypeError, ValueError, RecursionError: it has no form in JSON.
    """
    return _ENCODER.encode(document).encode()


@cache
def _fast() -> Callable[[bytes], Any] | None:
    """Return what reads JSON faster than the standard library, None where it is not installed."""
    try:
        from msgspec.json import Decoder  # noqa: PLC0415  loaded with the first answer
    except ImportError:
        return None
    return Decoder().decode
