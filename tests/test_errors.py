"""Errors carry facts, survive pickle and copy, and show nothing that should not be seen."""

import copy
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import joinme_async
from joinme_async import (
    BadRow,
    DeadlineExceededError,
    InvalidMeetingError,
    InvalidRowsError,
    JoinMeError,
    JournalError,
    OutcomeUnknownError,
    RateLimitedError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
    _errors,
    _models,
)
from joinme_async._errors import excerpt
from tests.conftest import new_meeting


def _refusal() -> RateLimitedError:
    error = RateLimitedError("too many", status=403, code="ERR", message="slow down", retry_after=1.5)
    error.retry_at = datetime(2027, 1, 1, tzinfo=UTC)
    return error


EVERY_KIND = [
    JoinMeError("plain"),
    InvalidMeetingError("bad", field="name"),
    TransportError("gone", request_sent=False),
    TransportTimeoutError("late"),
    DeadlineExceededError("over", last=TransportError("gone")),
    UnexpectedResponseError("what", status=200, path_in_body="meetings[3]", excerpt="<html>"),
    InvalidRowsError([BadRow("f.csv", 3, "start", "no time")]),
    JournalError("held", journal="j", holder="pid 7"),
    OutcomeUnknownError("perhaps", meeting=new_meeting(), last=_refusal()),
    _refusal(),
]


def _facts(error: JoinMeError) -> dict[str, object]:
    return {name: _facts(fact) if isinstance(fact, JoinMeError) else fact for name, fact in vars(error).items()}


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deep"]
)
def test_errors_survive_pickle_and_copy(error: JoinMeError, again) -> None:
    """Class, words and every fact are the same in another process."""
    error.method, error.path, error.attempts, error.elapsed = "POST", "/meetings", 2, 0.25
    twin = again(error)
    assert type(twin) is type(error)
    assert (str(twin), twin.args) == (str(error), error.args)
    assert _facts(twin) == _facts(error)


def test_the_tree_is_the_documented_one() -> None:
    """Every error is a JoinMeError, and those that Python has a word for are that as well."""
    errors = [
        kind
        for name in joinme_async.__all__
        if isinstance(kind := getattr(joinme_async, name), type) and issubclass(kind, Exception)
    ]
    assert all(issubclass(kind, JoinMeError) for kind in errors)
    assert issubclass(DeadlineExceededError, TimeoutError)
    assert issubclass(InvalidMeetingError, ValueError)
    assert issubclass(TransportTimeoutError, TransportError)
    api = {kind.__name__ for kind in errors if issubclass(kind, joinme_async.APIStatusError)}
    assert api == {
        "APIStatusError", "BadRequestError", "AuthenticationError", "PermissionDeniedError", "NotFoundError",
        "RateLimitedError", "QuotaExceededError", "ServerError",
    }  # fmt: skip


def test_an_error_says_to_what_it_happened() -> None:
    """Method, path, attempts and seconds stand behind the message, once they are known."""
    error = JoinMeError("no")
    assert str(error) == "no"
    error.method, error.path = "GET", "/meetings/7"
    assert str(error) == "no (GET /meetings/7)"
    error.attempts, error.elapsed = 1, 0.5
    assert str(error) == "no (GET /meetings/7, 1 attempt in 0.50 s)"
    error.attempts = 3
    assert str(error).endswith("3 attempts in 0.50 s)")
    assert str(JoinMeError.__new__(JoinMeError)) == "JoinMeError"


def test_bad_rows_are_listed_up_to_ten() -> None:
    """The message names rows one by one and stays readable; the attribute has them all."""
    rows = [BadRow("f.csv", line, None, "blank") for line in range(2, 14)]
    error = InvalidRowsError(rows)
    assert str(error).splitlines()[0] == "12 bad rows; nothing was sent"
    assert str(error).endswith("… and 2 more")
    assert error.rows == tuple(rows)
    assert str(InvalidRowsError(rows[:1])) == "1 bad row; nothing was sent\n  f.csv, line 2: blank"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b"two\n\n  lines\tand \x00 control", "two lines and control"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b'{"to":"boss@join.me"}', '{"to":"***@***"}'),
        (b"boss%40join.me&x=1", "***@***"),
        (b"boss&#64;join.me", "***@***"),
        (b'"boss\\u0040join.me"', '"***@***"'),
        (b"mary.o'brien@join.me", "***@***"),
        (b"a=b{c}@join.me", "***@***"),
        (b"boss&commat;join.me", "***@***"),
        (b"R&amp;D of a&b", "R&amp;D of a&b"),
        (b"Authorization: Bearer abc.def-123==", "Authorization: Bearer ***"),
    ],
)
def test_excerpts_are_one_masked_line(content: bytes, shown: str) -> None:
    """What stands in messages and logs is one line, without addresses and bearer tokens."""
    assert excerpt(content) == shown


def test_an_excerpt_is_bounded_and_cuts_no_word() -> None:
    """Nobody's address and no token is left half shown: the run that the end would cut is left out."""
    assert excerpt("x " * 1000).endswith("x…")
    assert excerpt("y" * 5000) == ""
    assert excerpt("word " + "y" * 500) == "word…"
    assert "boss" not in excerpt("z " * 118 + "boss.of.everything@join.me and more")


@given(st.text(), st.integers(0, 300))
@example("\u0085", 0)
def test_no_excerpt_is_long_or_shows_an_address(text: str, before: int) -> None:
    """Whatever surrounds it, an address is not in the excerpt, and the excerpt has no line break."""
    shown = excerpt("x " * before + "boss@join.me" + text)
    assert "boss@join" not in shown
    assert len(shown) <= 241
    assert len(shown.splitlines()) <= 1


def test_every_error_is_public() -> None:
    """One that is raised and cannot be imported could not be caught by its name."""
    kinds = {
        name
        for home in (_errors, _models)
        for name, thing in vars(home).items()
        if isinstance(thing, type) and issubclass(thing, JoinMeError) and not name.startswith("_")
    }
    assert kinds == {name for name in joinme_async.__all__ if name.endswith("Error")}
    assert {name for name in kinds if name not in str(_errors.__doc__)} == set()
