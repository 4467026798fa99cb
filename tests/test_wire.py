"""Calls become requests with nothing to guess at, and the token goes nowhere it should not."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import UNSET, ConfigurationError, InvalidMeetingError, Request
from joinme_async._http import Secret
from joinme_async._models import Changes
from joinme_async._wire import (
    Call,
    Effect,
    build_request,
    checked_base_url,
    delete_call,
    encode,
    fixed_headers,
    get_call,
    list_call,
    raw_call,
    schedule_call,
    signed_headers,
    update_call,
)
from tests.conftest import START, new_meeting

BASE = "https://api.join.me/v1"
ROME = timezone(timedelta(hours=2))


def request(call: Call[Any]) -> Request:
    return build_request(call, BASE, signed_headers(fixed_headers("ua/1"), Secret("tok")), 5.0)


@pytest.mark.parametrize(
    ("call", "line", "body", "effect"),
    [
        (list_call(None), "GET /meetings", None, Effect.READ),
        (list_call(START.astimezone(ROME)), "GET /meetings?endDate=2027-06-02T09%3A00%3A00Z", None, Effect.READ),
        (get_call(7), "GET /meetings/7", None, Effect.READ),
        (
            schedule_call(new_meeting(name='Ü "x"')),
            "POST /meetings",
            b'{"meetingName":"\\u00dc \\"x\\"","meetingStart":"2027-06-02T09:00:00Z","meetingEnd":"2027-06-02T10:00:00Z",'
            b'"participants":["boss@join.me"],"startWithPersonalUrl":false}',
            Effect.CREATE,
        ),
        (
            update_call(7, Changes(UNSET, UNSET, UNSET, Secret([]), True)),
            "PATCH /meetings/7",
            b'{"participants":[],"startWithPersonalUrl":true}',
            Effect.REPEAT,
        ),
        (delete_call(7), "DELETE /meetings/7", None, Effect.REPEAT),
        (raw_call("get", "/user", Secret(None), Secret(None)), "GET /user", None, Effect.READ),
        (
            raw_call("POST", "/meetings/7/start", Secret(None), Secret({})),
            "POST /meetings/7/start",
            b"{}",
            Effect.CREATE,
        ),
        (
            raw_call("PUT", "/ü b", Secret({"q": "a&b c"}), Secret([])),
            "PUT /%C3%BC%20b?q=a%26b%20c",
            b"[]",
            Effect.REPEAT,
        ),
        (raw_call("FROB", "/x", Secret(None), Secret(None)), "FROB /x", None, Effect.CREATE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_call_is_one_exact_request(call: Call[Any], line: str, body: bytes | None, effect: Effect) -> None:
    """Method, URL and body are exactly these; a GET or DELETE has no body; each knows what a repetition would do."""
    sent = request(call)
    assert f"{sent.method} {sent.url.removeprefix(BASE)}" == line
    assert sent.content == body
    assert sent.timeout == 5.0
    assert call.effect is effect


@pytest.mark.parametrize("call", [list_call(None), get_call(7), delete_call(7), schedule_call(new_meeting())])
def test_both_required_headers_are_on_every_request(call: Call[Any]) -> None:
    """The FAQ asks for Content-Type and Authorization on every call, GET and DELETE included."""
    assert dict(request(call).headers.pairs()) == {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "ua/1",
        "Authorization": "Bearer tok",
    }


def test_only_schedule_tells_which_meeting_it_makes() -> None:
    """The error of an unknown outcome can name the meeting; a DELETE reads no body."""
    assert schedule_call(new_meeting()).meeting == new_meeting()
    assert get_call(7).meeting is None
    assert delete_call(7).read(None) is None  # type: ignore[func-returns-value, arg-type]


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("GET /", "/x", "method"),
        ("", "/x", "method"),
        ("GET", "x", "path"),
        ("GET", "", "path"),
        ("GET", "https://evil.example/", "path"),
        ("GET", "/a/../b", "path"),
        ("GET", "/./a", "path"),
        ("GET", "/a?b=c", "path"),
        ("GET", "/a#b", "path"),
    ],
)
def test_a_raw_call_stays_below_the_base_url(method: str, path: str, field: str) -> None:
    """No path escapes the base URL, and a query is not smuggled into it."""
    with pytest.raises(InvalidMeetingError) as caught:
        raw_call(method, path, Secret(None), Secret(None))
    assert caught.value.field == field


@given(st.text())
def test_whatever_the_path_the_host_stays(path: str) -> None:
    """No text at all makes a request go to another host or below another base."""
    try:
        url = request(raw_call("GET", "/" + path, Secret({"q": path}), Secret(None))).url
    except InvalidMeetingError:
        return
    assert url.startswith(f"{BASE}/")
    assert url.isascii()
    assert not set(url) & set(' \r\n\\#"<>')


@pytest.mark.parametrize("body", [object(), float("nan"), {1: {2}}, "\ud800" and b"x"])
def test_what_is_no_json_is_refused_before_it_is_sent(body: object) -> None:
    """A body with no form in JSON is our error."""
    with pytest.raises(InvalidMeetingError, match="cannot be written as JSON"):
        encode(Secret(body))


@pytest.mark.parametrize(
    ("given_url", "used"),
    [
        ("https://api.join.me/v1", "https://api.join.me/v1"),
        ("https://api.join.me/v1/", "https://api.join.me/v1"),
        ("HTTPS://Api.Join.Me", "HTTPS://Api.Join.Me"),
        ("https://10.0.0.1:8443/a/b", "https://10.0.0.1:8443/a/b"),
        ("https://[2001:db8::1]/v1", "https://[2001:db8::1]/v1"),
        ("http://localhost:8765/v1", "http://localhost:8765/v1"),
        ("http://127.0.0.1:8765/v1", "http://127.0.0.1:8765/v1"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://[::1]:8765/v1", "http://[::1]:8765/v1"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_urls_that_a_token_may_be_sent_to(given_url: str, used: str) -> None:
    """Https anywhere, http to this machine."""
    assert checked_base_url(given_url) == used


@pytest.mark.parametrize(
    "url",
    [
        "", "api.join.me", "ftp://api.join.me", "https://", "https:///v1", "https://user:pw@api.join.me/v1",
        "https://api.join.me/v1?x=1", "https://api.join.me/v1#x", "https://api.join.me:99999/", "https://api.join.me:x/",
        "https://api.join.me\\@evil.example/", "https://api.join.me/v1\n", " https://api.join.me", "https://jöin.me",
        "https://-x.example", "http://api.join.me/v1", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "http://127.1", "http://0.0.0.0", "http://10.0.0.1", "http://[2001:db8::1]", "http://localhost@evil.example",
        "https://[zz]/", "http://2130706433/", "https://999.1.1.1", "https://[:::]", "https://a..b/v1", "https://xn--a/v1",
        f"https://{'a' * 64}.example", "https://1.2.3", b"https://api.join.me/v1", None,
    ],
)  # fmt: skip
def test_urls_that_no_token_is_sent_to(url: Any) -> None:
    """What is no plain URL, or would carry the token in the clear to another machine, is refused at once."""
    with pytest.raises(ConfigurationError):
        checked_base_url(url)


def test_a_quiet_year_is_written_with_four_digits() -> None:
    """EndDate has four digits of a year whatever the year."""
    assert "endDate=0999-01-01" in request(list_call(datetime(999, 1, 1, tzinfo=UTC))).url


@pytest.mark.parametrize(("path", "query"), [("/m\ud800", None), ("/m", {"q": "\udfff"}), ("/m", {"\ud800": "v"})])
def test_half_a_character_is_refused_wherever_it_stands(path: str, query: dict[str, str] | None) -> None:
    """A lone surrogate has no form in UTF-8, and so none in a URL."""
    with pytest.raises(InvalidMeetingError, match="half a character") as caught:
        raw_call("GET", path, Secret(query), Secret(None))
    assert caught.value.field == "path"
