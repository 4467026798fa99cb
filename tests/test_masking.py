"""A token that a server echoes is taken out of the answer before anything is made of it."""

import pytest

from joinme_async import Response
from joinme_async._http import Secret
from joinme_async._retry._masking import masked

TOKEN = Secret("Ab/cd+ef=ghijk")


def shown(content: str, token: Secret[str] = TOKEN) -> str:
    return masked(Response(400, {}, content.encode()), token).content.decode()


@pytest.mark.parametrize(
    "spelt",
    [
        "Ab/cd+ef=ghijk",
        r"Ab\/cd+ef=ghijk",
        r"Ab\u002fcd\u002Bef\u003dghijk",
        "Ab%2Fcd%2bef%3Dghijk",
        "Ab&#47;cd&#x2B;ef&#061;ghijk",
    ],
    ids=["plain", "json", "json escapes", "url", "html"],
)
def test_a_token_is_found_however_it_is_spelt(spelt: str) -> None:
    """JSON, URLs and HTML have ways of their own to write a slash."""
    assert shown(f"<{spelt}> and x{spelt}") == "<***> and x***"


def test_a_long_page_is_masked_before_it_is_cut() -> None:
    """The token is gone from the whole body, so no cut can leave a part of it."""
    assert "ghijk" not in shown("x" * 5000 + TOKEN.reveal())


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ("the access token was refused", "the access *** was refused"),
        ('{"ErrorCode": "invalid_token"}', '{"ErrorCode": "invalid_token"}'),
        ("tokens", "tokens"),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_a_short_token_is_looked_for_as_a_word(content: str, left: str) -> None:
    """A made-up token of a test, such as `token`, does not spoil what the service says in other words."""
    assert shown(content, Secret("token")) == left


def test_headers_are_masked_as_well() -> None:
    """Whatever header a server echoes it in."""
    response = masked(Response(400, [("X-Detail", f"no {TOKEN.reveal()}"), ("A", "b")], b"x"), TOKEN)
    assert response.headers.pairs() == (("X-Detail", "no ***"), ("A", "b"))


def test_an_answer_without_it_is_the_same_answer() -> None:
    """Nothing is copied where there is nothing to mask."""
    response = Response(400, {"A": "b"}, b"Ab/cd")
    assert masked(response, TOKEN) is response
    assert masked(response, Secret("-")).content == b"Ab/cd"
