"""The body of an answer: whole whichever way it comes, and never longer than allowed."""

import gzip
import itertools
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinme_async import UnexpectedResponseError
from joinme_async.transports._body import Body


def members(content: bytes) -> bytes:
    """RFC 1952, section 2.2: gzip may come in several parts."""
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(content[half:])


def unframed(content: bytes) -> bytes:
    """What some take "deflate" to mean."""
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(content) + squeeze.flush()


CODINGS = {
    None: bytes, "identity": bytes, "utf-8": bytes, "gzip": gzip.compress, "X-GZip": gzip.compress,
    " deflate ": zlib.compress, "deflate": unframed, "gzip, identity": gzip.compress, "GZIP": members,
    "gzip, deflate": lambda content: zlib.compress(gzip.compress(content)),
}  # fmt: skip


def fed(coding: str | None, pieces: list[bytes], bound: int = 10_000) -> bytes:
    body = Body(200, coding, bound)
    for piece in pieces:
        body.add(piece)
    return body.finish()


@example("deflate", b"x", [1])
@given(st.sampled_from(list(CODINGS)), st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=5))
def test_it_is_whole_however_it_is_cut(coding: str | None, content: bytes, cuts: list[int]) -> None:
    """In whatever pieces an encoded body comes, what comes out is what was put in."""
    sent = CODINGS[coding](content)
    edges = [0, *sorted(cuts), len(sent)]
    assert fed(coding, [sent[a:b] for a, b in itertools.pairwise(edges)]) == content


@pytest.mark.parametrize("coding", CODINGS)
def test_the_bound_is_allowed_and_one_byte_more_is_not(coding: str | None) -> None:
    """What counts is the decoded length."""
    assert fed(coding, [CODINGS[coding](b"x" * 100)], bound=100) == b"x" * 100
    with pytest.raises(UnexpectedResponseError, match="longer than 100 bytes") as caught:
        fed(coding, [CODINGS[coding](b"x" * 101)], bound=100)
    assert caught.value.status == 200


def test_a_bomb_is_not_unfolded() -> None:
    """Ten megabytes in ten kilobytes: no more is decoded than shows that it is too long."""
    body = Body(200, "gzip", 1000)
    with pytest.raises(UnexpectedResponseError):
        body.add(gzip.compress(b"\0" * 10_000_000))
    assert body._size() == 1001


def test_what_comes_is_bounded_as_well_as_what_comes_out() -> None:
    """Parts of nothing without end are refused, too."""
    body = Body(200, "gzip", 1000)
    with pytest.raises(UnexpectedResponseError):
        for _ in range(1000):
            body.add(gzip.compress(b""))


@pytest.mark.parametrize(
    ("coding", "pieces", "said"),
    [
        pytest.param("gzip", [b"junk"], "cannot be decoded", id="no gzip"),
        pytest.param("gzip", [gzip.compress(b"x" * 50)[:-9]], "ends too early", id="cut in the data"),
        pytest.param("gzip", [gzip.compress(b"")[:5]], "ends too early", id="cut in the header"),
        pytest.param("gzip", [gzip.compress(b"x"), b"junk"], "cannot be decoded", id="junk behind its end"),
        pytest.param("deflate", [b"\xff" * 9], "cannot be decoded", id="neither kind of deflate"),
        pytest.param(
            "deflate", [zlib.compress(b"x" * 99)[:3], b"junk" * 9], "cannot be decoded", id="junk in the middle"
        ),
    ],
)
def test_what_cannot_be_decoded_is_said(coding: str, pieces: list[bytes], said: str) -> None:
    """It is no answer, whatever it was."""
    with pytest.raises(ValueError, match=said):
        fed(coding, pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_without_a_body_has_no_coding_to_end(coding: str | None) -> None:
    """A 204 may name a coding."""
    assert fed(coding, []) == b""
