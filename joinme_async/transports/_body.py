"""The body of an answer as it comes in: decoded on the way, and refused as soon as it is too long."""

import zlib
from typing import Final

from joinme_async._http import Secret
from joinme_async.transports._common import refuse_longer

ACCEPTED: Final = b"gzip, deflate"
"""The content codings that `Body` knows, for the header Accept-Encoding."""

_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})  # RFC 9110, section 8.4.1
_EITHER_HEADER: Final = zlib.MAX_WBITS | 32  # zlib finds out which of gzip and deflate it is


class Body:
    """What has come of a body so far; it may hold people's addresses, and shows them in no repr.

    Args:
        status: the status of the answer, for the error.
        coding: its Content-Encoding, None where it has none.
        bound: bytes; a longer body is refused, however small it is before it is decoded.

    Raises:
        ValueError: the coding is none that was asked for.
    """

    def __init__(self, status: int, coding: str | None, bound: int) -> None:
        self._status = status
        self._bound = bound
        self._whole: Secret[bytearray] = Secret(bytearray())
        self._begun = False
        coding = (coding or "identity").strip().lower()
        if coding != "identity" and coding not in _CODINGS:
            raise ValueError("a content coding that was not asked for")
        self._decoder = zlib.decompressobj(_EITHER_HEADER) if coding in _CODINGS else None

    def add(self, piece: bytes) -> None:
        """Take in the next piece.

        Raises:
            UnexpectedResponseError: the body is longer than allowed.
            ValueError: it is not in the coding that it says.
        """
        problem, self._begun = None, self._begun or bool(piece)
        try:
            self._whole.reveal().extend(
                piece if self._decoder is None else self._decoder.decompress(piece, self._room())
            )
        except zlib.error as error:
            problem = error
        del piece  # tracebacks are shown with local variables
        if problem is not None:
            raise ValueError(f"the body cannot be decoded: {problem}") from problem
        refuse_longer(self._status, self._size(), self._bound)

    def _size(self) -> int:
        return len(self._whole.reveal())

    def _room(self) -> int:
        """Return how much more is worth decoding: one byte more than allowed, so that it shows."""
        return self._bound - self._size() + 1

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            ValueError: its coding has not come to its end.
        """
        if self._decoder is not None and self._begun and not self._decoder.eof:
            raise ValueError("the body cannot be decoded: it ends too early")
        return bytes(self._whole.reveal())
