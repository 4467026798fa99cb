"""The body of an answer as it comes in: decoded on the way, and refused as soon as it is too long."""

import zlib
from typing import Final

from joinme_async._http import Secret
from joinme_async.transports._common import refuse_longer

ACCEPTED: Final = b"gzip"
"""The content coding that is asked for, for the header Accept-Encoding."""

_GZIP: Final = zlib.MAX_WBITS | 16
_CODINGS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}  # RFC 9110, section 8.4.1
_HEADER: Final = 2  # bytes: RFC 1950, section 2.2
_FRAMES: Final = 1024  # bytes that a coding may add to a short body; to a long one, it adds less than a hundredth


class _Inflater:
    """Undoes one content coding.

    Raises:
        zlib.error: what comes is not in that coding.
    """

    def __init__(self, coding: str) -> None:
        self._bits = _CODINGS[coding]
        self._decoder = zlib.decompressobj(self._bits)
        self._first = b""  # the first bytes that came, by which zlib knows its frame

    @property
    def is_complete(self) -> bool:
        return not self._first or self._decoder.eof

    def decode(self, piece: bytes, room: int) -> bytes:
        """Return what is in `piece`, and no more than `room` bytes of it, which is too much already."""
        decoded = Secret(bytearray())
        while piece and len(decoded.reveal()) < room:
            if self._decoder.eof:
                self._decoder = zlib.decompressobj(self._bits)  # the next member of several: RFC 1952, section 2.2
            decoded.reveal().extend(self._decompressed(piece, room - len(decoded.reveal())))
            piece = self._decoder.unused_data
        return bytes(decoded.reveal())

    def _decompressed(self, piece: bytes, room: int) -> bytes:
        before = self._first
        if len(before) < _HEADER:
            self._first = before + piece[:_HEADER]
        try:
            return self._decoder.decompress(piece, room)
        except zlib.error:
            if len(before) >= _HEADER or self._bits != zlib.MAX_WBITS:
                raise
        # Some take "deflate" at its word, and leave out the frame of zlib that is meant by it.
        self._bits = -zlib.MAX_WBITS
        self._decoder = zlib.decompressobj(self._bits)
        return self._decoder.decompress(before + piece, room)


class Body:
    """What has come of a body so far; it may hold people's addresses, and shows them in no repr.

    Args:
        status: the status of the answer, for the error.
        codings: its Content-Encoding, None where it has none, or where it is decoded already; what is no coding is
            passed over, as httpx does.
        bound: bytes; a longer body is refused, however small it is before it is decoded.
    """

    def __init__(self, status: int, codings: str | None, bound: int) -> None:
        self._status = status
        self._bound = bound
        self._raw = 0  # bytes that came
        self._whole: Secret[bytearray] = Secret(bytearray())
        names = [name.strip().lower() for name in (codings or "").split(",")]
        self._inflaters = [_Inflater(name) for name in reversed(names) if name in _CODINGS]

    def add(self, piece: bytes) -> None:
        """Take in the next piece.

        Raises:
            UnexpectedResponseError: the body is longer than allowed.
            ValueError: it is not in the coding that it says.
        """
        problem = None
        self._raw += len(piece)
        try:
            for inflater in self._inflaters:
                piece = inflater.decode(piece, self._bound - self._size() + 1)
            self._whole.reveal().extend(piece)
        except zlib.error as error:
            problem = str(error)
        del piece  # tracebacks are shown with local variables
        if problem is not None:
            raise ValueError(f"the body cannot be decoded: {problem}")
        refuse_longer(self._status, self._size(), self._bound)
        if self._inflaters:
            refuse_longer(self._status, self._raw - _FRAMES - self._bound // 100, self._bound)

    def _size(self) -> int:
        return len(self._whole.reveal())

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            ValueError: a coding has not come to its end.
        """
        if not all(inflater.is_complete for inflater in self._inflaters):
            raise ValueError("the body cannot be decoded: it ends too early")
        return bytes(self._whole.reveal())
