"""Between meetings and JSON: nothing is lost on the way out, and nothing but our error comes of what comes in."""

import copy
import json
import pickle
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinme_async import UNSET, Meeting, NewMeeting, Response, UnexpectedResponseError, _conversion
from joinme_async._conversion import read_meeting, read_meetings, write_changes, write_meeting
from joinme_async._http import Secret
from joinme_async._models import Changes
from tests.conftest import HOUR, START, new_meeting

BASE: dict[str, Any] = {
    "meetingId": 12345,
    "meetingName": "Weekly update with the boss",
    "meetingStart": "2027-06-02T09:00:00Z",
    "meetingEnd": "2027-06-02T10:00:00Z",
    "startWithPersonalUrl": True,
}


def answer(body: object) -> Response:
    return Response(200, {"Content-Type": "application/json"}, json.dumps(body).encode())


def test_what_can_be_relied_on_is_enough() -> None:
    """The service's examples leave out all but five fields; what an answer did not say is None, never empty."""
    assert read_meeting(answer(BASE)) == Meeting(12345, "Weekly update with the boss", START, START + HOUR, True)


def test_everything_documented_is_read() -> None:
    """All eight properties of the page have their place."""
    more = {"participants": ["a@b.c"], "conferenceId": "123456789", "viewerLink": "https://join.me/x"}
    meeting = read_meeting(answer(BASE | more))
    assert (meeting.participants, meeting.conference_id, meeting.viewer_link) == (
        ("a@b.c",),
        "123456789",
        "https://join.me/x",
    )
    assert meeting.extra == {}


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"meetingId": "12345"}, "id", 12345),
        ({"meetingId": "007"}, "id", 7),
        ({"conferenceId": 123456789}, "conference_id", "123456789"),
        ({"conferenceId": None}, "conference_id", None),
        ({"viewerLink": None}, "viewer_link", None),
        ({"participants": None}, "participants", None),
        ({"participants": []}, "participants", ()),
        ({"meetingStart": "2027-06-02t09:00:00.000z"}, "start", START),
        ({"meetingStart": "2027-06-02T11:00:00+02:00"}, "start", START),
        ({"zeta": 1, "alpha": {"b": [None]}}, "extra", {"alpha": {"b": [None]}, "zeta": 1}),
        ({"extra": "x"}, "extra", {"extra": "x"}),
        ({"id": 3, "name": "y"}, "extra", {"id": 3, "name": "y"}),
    ],
)
def test_answers_are_read_leniently(changes: dict[str, Any], attribute: str, value: object) -> None:
    """String ids, numbers for digits, null for absent, and fields nobody has heard of yet are understood."""
    assert getattr(read_meeting(answer(BASE | changes)), attribute) == value


@pytest.mark.parametrize(
    ("changes", "place", "says"),
    [
        ({"meetingStart": "2015-06-32T10:00:00Z"}, "meetingStart", "day is out of range"),
        ({"meetingStart": None}, "meetingStart", "got null"),
        ({"meetingEnd": 7}, "meetingEnd", "got a number"),
        ({"meetingId": "x"}, "meetingId", "got a string"),
        ({"meetingId": True}, "meetingId", "got true or false"),
        ({"meetingId": 1.5}, "meetingId", "got a number"),
        ({"meetingId": 0}, "meetingId", "positive"),
        ({"meetingId": "٣"}, "meetingId", "got a string"),
        ({"meetingName": None}, "meetingName", "got null"),
        ({"startWithPersonalUrl": "true"}, "startWithPersonalUrl", "got a string"),
        ({"participants": "a@b.c"}, "participants", "expected a list"),
        ({"participants": ["a@b.c", 3]}, "participants", "something else"),
        ({"participants": {"a": 1}}, "participants", "got an object"),
        ({"conferenceId": True}, "conferenceId", "got true or false"),
        ({"viewerLink": 1}, "viewerLink", "got a number"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(changes: dict[str, Any], place: str, says: str) -> None:
    """The error names the place in the body by the service's names, and keeps values out of its message."""
    with pytest.raises(UnexpectedResponseError, match=says) as caught:
        read_meeting(answer(BASE | changes))
    assert caught.value.path_in_body == place
    assert "@b.c" not in str(caught.value) + caught.value.excerpt
    assert caught.value.__context__ is None


@pytest.mark.parametrize("missing", sorted(BASE))
def test_a_missing_field_is_named(missing: str) -> None:
    """Each of the five fields that can be relied on is required."""
    with pytest.raises(UnexpectedResponseError, match="is missing") as caught:
        read_meeting(answer({name: value for name, value in BASE.items() if name != missing}))
    assert caught.value.path_in_body == missing


def test_one_broken_item_of_a_list_names_its_index() -> None:
    """In a list of a thousand, the broken one is found by its index, and further trouble is counted."""
    items = [BASE] * 3 + [BASE | {"meetingStart": "2015-06-32T10:00:00Z"}, BASE, "no meeting"]
    with pytest.raises(UnexpectedResponseError, match=r"\(and 1 more\)") as caught:
        read_meetings(answer({"meetings": items}))
    assert caught.value.path_in_body == "meetings[3].meetingStart"


@pytest.mark.parametrize("body", [[], [BASE], {}, {"meetings": None}, {"meetings": {}}, "x", None, 3])
def test_a_list_answer_is_an_object_with_a_list(body: object) -> None:
    """Anything else than the documented shape is said to be so, at the root."""
    with pytest.raises(UnexpectedResponseError, match='list "meetings"') as caught:
        read_meetings(answer(body))
    assert caught.value.path_in_body is None


def test_an_empty_list_is_a_list() -> None:
    """No upcoming meetings is no error, and an unknown neighbour of the list is passed over."""
    assert read_meetings(answer({"meetings": [], "next": None})) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
field_names = st.sampled_from([*BASE, "participants", "conferenceId", "viewerLink", "other"])


@given(st.dictionaries(field_names, json_values))
def test_no_input_makes_anything_but_our_error(changes: dict[str, Any]) -> None:
    """Any JSON in any field gives a meeting or UnexpectedResponseError, alone and in a list."""
    for read, body in ((read_meeting, BASE | changes), (read_meetings, {"meetings": [BASE, BASE | changes]})):
        try:
            read(answer(body))
        except UnexpectedResponseError as error:
            assert error.path_in_body


@given(json_values)
def test_no_body_makes_anything_but_our_error(body: object) -> None:
    """Any JSON at all gives a result or UnexpectedResponseError."""
    for read in (read_meeting, read_meetings):
        try:
            read(answer(body))
        except UnexpectedResponseError as error:
            assert error.status == 200


def read_in_detail(read: Callable[[Response], Any], response: Response) -> Any:
    """Read without the short way for bodies that are as documented."""

    def refuse(_: object) -> Meeting:
        raise ValueError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conversion, "_read_plainly", refuse)
        return read(response)


def told(read: Callable[[], Any]) -> str:
    """Return what is read, or all that is said of why it cannot be."""
    try:
        return repr(read())
    except UnexpectedResponseError as error:
        return f"{error} at {error.path_in_body}, {error.excerpt}"


moments = st.sampled_from(
    [
        "2027-06-02T09:00:00Z",
        "2027-06-02T09:00:00z",
        "2027-06-02T11:00:00+02",
        "2027-06-32T09:00:00Z",
        "20270602T090000.123Z",
        "2027-W22-3T09:00:00Z",
        "2027-06-02_09:00:00Z",
        "202x-06-02T09:00:00Z",
        "--T::Z",
        "",
    ]
)
likely = {
    "meetingId": st.integers(-1, 3) | st.sampled_from(["7", "x", True, 1.0, 2**70]),
    "meetingName": st.sampled_from(["", "x", None, 1]),
    "meetingStart": moments | st.lists(moments, max_size=2),
    "meetingEnd": moments | st.integers(),
    "startWithPersonalUrl": st.sampled_from([True, False, 0, 1, None]),
    "participants": st.sampled_from([None, [], ["a@b.c"], ["a@b.c", None], "a@b.c", {}]),
    "conferenceId": st.sampled_from([None, "1", 1, True, 1.5]),
    "viewerLink": st.sampled_from([None, "x", 1, []]),
    "other": json_values,
    "another": json_values,
}


@given(st.fixed_dictionaries({}, optional=likely), st.booleans())
@example({}, False)
def test_the_short_way_makes_no_difference(changes: dict[str, Any], whole: bool) -> None:
    """A body that is as documented is read by hand: the same meeting comes of it, and the same words where none does."""
    body = BASE | changes if whole else changes
    for read, document in ((read_meeting, body), (read_meetings, {"meetings": [BASE, body, BASE]})):
        response = answer(document)
        assert told(lambda: read(response)) == told(lambda: read_in_detail(read, response))  # noqa: B023
        if told(lambda: read(response)).startswith(("Meeting", "[Meeting")):  # noqa: B023
            assert read(response) == read_in_detail(read, response)


def test_what_is_read_is_a_meeting_like_any_other() -> None:
    """Frozen, of that very class, equal to one made by hand; it pickles, copies, and shares nothing that could change."""
    one, other = read_meetings(answer({"meetings": [BASE, BASE]}))
    made = Meeting(12345, "Weekly update with the boss", START, START + HOUR, True)
    assert type(one) is Meeting
    assert (one, hash(one), repr(one)) == (made, hash(made), repr(made))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.name = "x"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del one.name
    assert pickle.loads(pickle.dumps(one)) == copy.copy(one) == copy.deepcopy(one) == attrs.evolve(one) == one
    assert one.extra is not other.extra
    assert weakref.ref(one)() is one


addresses = st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)
new_meetings = st.builds(
    lambda name, start, length, participants, flag: NewMeeting(name, start, start + length, participants, flag),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(seconds=2), timedelta(days=14) - timedelta(seconds=2)),
    st.lists(addresses, max_size=4),
    st.booleans(),
)


@given(new_meetings, st.integers(min_value=1))
def test_writing_then_reading_is_the_identity(new: NewMeeting, number: int) -> None:
    """What is scheduled comes back as it was, whatever is in its name and whenever it is."""
    body = json.loads(json.dumps(write_meeting(new)))
    meeting = read_meeting(answer(body | {"meetingId": number}))
    back = NewMeeting(
        meeting.name, meeting.start, meeting.end, meeting.participants or (), meeting.start_with_personal_url
    )
    assert back == new


def test_a_new_meeting_is_written_in_full() -> None:
    """All five properties are sent by the service's names, times with a Z; there is nothing to guess."""
    assert write_meeting(new_meeting()) == {
        "meetingName": "Weekly update",
        "meetingStart": "2027-06-02T09:00:00Z",
        "meetingEnd": "2027-06-02T10:00:00Z",
        "participants": ["boss@join.me"],
        "startWithPersonalUrl": False,
    }


def test_changes_are_written_as_they_are_and_nothing_else() -> None:
    """Exactly the fields given, the empty list included."""
    assert write_changes(Changes(UNSET, START, UNSET, Secret([]), UNSET)) == {
        "meetingStart": "2027-06-02T09:00:00Z",
        "participants": [],
    }
    assert write_changes(Changes("x", UNSET, UNSET, Secret(UNSET), False)) == {
        "meetingName": "x",
        "startWithPersonalUrl": False,
    }
