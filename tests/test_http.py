"""Requests, responses and headers are plain values that keep secrets to themselves."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import Request, Response, UnexpectedResponseError
from joinme_async._http import Headers, Secret


def test_headers_are_found_in_any_letter_case() -> None:
    """Names are looked up in any case and shown as they were spelt; several values are joined, or told apart."""
    headers = Headers([("Retry-After", "1"), ("X-A", "b"), ("retry-after", "2")])
    assert headers["RETRY-AFTER"] == "1, 2"
    assert headers.get_all("Retry-after") == ("1", "2")
    assert "x-a" in headers
    assert 3 not in headers
    assert (len(headers), list(headers)) == (2, ["retry-after", "x-a"])
    assert headers.get("none") is None
    assert headers.pairs()[2] == ("retry-after", "2")


def test_headers_are_values() -> None:
    """Equal whatever the letter case of names, hashed alike; a copy is the same object."""
    one, other = Headers({"A": "b"}), Headers([("a", "b")])
    assert one == other
    assert hash(one) == hash(other)
    assert one != {"a": "b"}
    assert copy.copy(one) is copy.deepcopy(one) is one


@pytest.mark.parametrize("name", ["Authorization", "authorization", "Cookie", "Set-Cookie", "Proxy-Authorization"])
def test_credentials_show_in_no_repr_and_no_pickle(name: str) -> None:
    """The values of headers that carry credentials are masked in a repr and left out of a pickle."""
    request = Request("GET", "https://x", Headers({name: "tok-1", "A": "b"}), b"boss@join.me")
    assert request.headers[name] == "tok-1"
    assert "tok-1" not in repr(request)
    assert b"tok-1" not in pickle.dumps(request)
    assert pickle.loads(pickle.dumps(request)).headers["a"] == "b"
    assert "boss" not in repr(request) + repr(Response(200, content=b"boss@join.me"))


def test_a_secret_is_only_revealed_on_demand() -> None:
    """It compares and hashes like what it hides, shows as stars, and refuses to be pickled."""
    secret = Secret("tok-1")
    assert secret == Secret("tok-1") != Secret("tok-2")
    assert secret != "tok-1"
    assert hash(secret) == hash(Secret("tok-1"))
    assert f"{secret} {secret!r}" == "*** ***"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


@pytest.mark.parametrize(("status", "success"), [(199, False), (200, True), (204, True), (299, True), (300, False)])
def test_any_2xx_is_success(status: int, success: bool) -> None:
    """Success is every 2xx and nothing else."""
    assert Response(status).is_success is success


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b'{"a":', b"NaN", b"[Infinity]", b"[" * 100_000, b"\xff", b"9" * 5000, b'"\xff"'],
    ids=["empty", "html", "cut", "nan", "infinity", "deep", "bytes", "huge", "latin"],
)
def test_a_body_that_is_no_json_is_our_error(content: bytes) -> None:
    """Whatever is wrong with a body, it is UnexpectedResponseError, with a bounded excerpt and no parser's error behind."""
    with pytest.raises(UnexpectedResponseError) as caught:
        Response(200, content=content).json()
    assert caught.value.status == 200
    assert len(caught.value.excerpt) <= 241
    assert caught.value.__context__ is None


def test_a_byte_order_mark_does_no_harm() -> None:
    """Some servers begin JSON with one."""
    assert Response(200, content=b'\xef\xbb\xbf{"a": 1}').json() == {"a": 1}


@given(st.binary())
def test_json_of_any_bytes_is_read_or_our_error(content: bytes) -> None:
    """No body makes the reader raise anything but our error."""
    try:
        Response(200, content=content).json()
    except UnexpectedResponseError as error:
        assert error.status == 200
