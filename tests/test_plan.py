"""What follows from the end of a row, as a table; and how a row is written down and read back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DeadlineExceededError,
    JoinMeError,
    NewMeeting,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    TransportError,
    UnexpectedResponseError,
)
from joinme_async.bulk import Change, Row
from joinme_async.bulk._plan import Ending, ending_of
from joinme_async.bulk._verbs import Delete, Schedule, Update, same_digest
from tests.conftest import HOUR, START, new_meeting

TABLE = [
    (AuthenticationError("", status=401), Ending("unsent", stops=True)),
    (QuotaExceededError("", status=403), Ending("unsent", stops=True)),
    (ConfigurationError("closed"), Ending("unsent", stops=True)),
    (OutcomeUnknownError(""), Ending("doubt", is_outage=True)),
    (ServerError("", status=503), Ending("doubt", is_outage=True)),
    (RateLimitedError("", status=429), Ending("failed", is_outage=True)),
    (PermissionDeniedError("", status=403), Ending("failed", is_outage=True)),
    (BadRequestError("", status=400), Ending("failed")),
    (NotFoundError("", status=404), Ending("failed")),
    (APIStatusError("", status=409), Ending("failed")),
    (APIStatusError("", status=408), Ending("doubt")),
    (TransportError("", request_sent=False), Ending("failed", is_outage=True)),
    (TransportError(""), Ending("doubt", is_outage=True)),
    (UnexpectedResponseError("", status=302), Ending("failed", is_outage=True)),
    (UnexpectedResponseError("", status=200), Ending("doubt", is_outage=True)),
    (DeadlineExceededError("", last=TransportError("")), Ending("doubt", is_outage=True)),
    (DeadlineExceededError(""), Ending("failed", is_outage=True)),
    (JoinMeError(""), Ending("failed", is_outage=True)),
]


@pytest.mark.parametrize(("error", "ending"), TABLE, ids=[f"{type(e).__name__} {vars(e)}" for e, _ in TABLE])
def test_what_follows_from_an_error(error: JoinMeError, ending: Ending) -> None:
    """A row is failed only where it is surely not done; what stops the run leaves no row to blame."""
    assert ending_of(error) == ending


text = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)
meetings = st.builds(
    lambda name, start, length, people, personal: NewMeeting(
        name, START + timedelta(seconds=start), START + timedelta(seconds=start + length), people, personal
    ),
    text,
    st.integers(-(10**9), 10**9),
    st.integers(1, 14 * 86400),
    st.lists(st.emails(), max_size=3),
    st.booleans(),
)
rows = st.builds(Row, meetings, st.none() | text, st.none() | st.integers(1, 10**6))


@given(row=rows)
def test_a_row_is_read_back_as_it_was_written(row: Row) -> None:
    """Freezing and thawing is the identity, and a row that was read back is the same in a journal."""
    work = Schedule()
    frozen = work.freeze(row)
    assert work.thaw(frozen) == row
    assert work.freeze(work.thaw(frozen)) == frozen


@given(first=meetings, second=meetings)
def test_equal_rows_are_those_with_equal_digests(first: NewMeeting, second: NewMeeting) -> None:
    """Blanks, order and letter case aside, and nothing else."""
    again = NewMeeting(
        f" {first.name}  ", first.start, first.end, first.participants[::-1], first.start_with_personal_url
    )
    assert same_digest(again) == same_digest(first)
    assert (same_digest(first) == same_digest(second)) == (
        Schedule().freeze(Row(first)).same == Schedule().freeze(Row(second)).same
    )


@pytest.mark.parametrize(
    "changes",
    [{"name": "N"}, {"start": START, "end": START + HOUR}, {"participants": []}, {"participants": ["a@b.co"]}, {"start_with_personal_url": False}],
    ids=str,
)  # fmt: skip
def test_a_change_is_read_back_as_it_was_written(changes: dict) -> None:
    """Exactly its fields."""
    change = Change(5, **changes, key="k")
    assert Update().thaw(Update().freeze(change)) == change


def test_an_id_is_read_back_as_it_was_written() -> None:
    """A deletion is its id, however it was given."""
    work = Delete(missing_ok=False)
    assert work.thaw(work.freeze(work.checked(17))) == 17


def test_a_change_shows_no_address() -> None:
    """Reprs are logged."""
    assert "a@b.co" not in repr(Change(5, participants=["a@b.co"]))
    assert "boss@join.me" not in repr(Row(new_meeting()))
