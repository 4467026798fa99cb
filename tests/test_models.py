"""Meetings check themselves: each rule of the service's page that needs no service."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import UNSET, InvalidMeetingError, Meeting
from joinme_async._http import Secret
from joinme_async._models import Changes, checked_id
from tests.conftest import HOUR, START, new_meeting


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"name": ""}, "name", id="empty name"),
        pytest.param({"name": " \t\n"}, "name", id="blank name"),
        pytest.param({"name": None}, "name", id="no name"),
        pytest.param({"name": 3}, "name", id="number for a name"),
        pytest.param({"name": "half \ud83d"}, "name", id="half a surrogate pair"),
        pytest.param({"start": datetime(2027, 6, 2, 9)}, "start", id="naive start"),
        pytest.param({"end": datetime(2027, 6, 2, 10)}, "end", id="naive end"),
        pytest.param({"start": "2027-06-02T09:00:00Z"}, "start", id="text for a start"),
        pytest.param({"start": datetime.max.replace(tzinfo=timezone(-HOUR))}, "start", id="past the year 9999"),
        pytest.param({"end": START}, "end", id="no length"),
        pytest.param({"end": START - HOUR}, "end", id="end before start"),
        pytest.param({"end": START + timedelta(days=14, seconds=1)}, "end", id="longer than 14 days"),
        pytest.param({"participants": "boss@join.me"}, "participants", id="one address, not in a list"),
        pytest.param({"participants": None}, "participants", id="None for a list"),
        pytest.param({"participants": 7}, "participants", id="number for a list"),
        pytest.param({"participants": ["boss"]}, "participants", id="no at sign"),
        pytest.param({"participants": ["a@b@c"]}, "participants", id="two at signs"),
        pytest.param({"participants": ["Boss <boss@join.me>"]}, "participants", id="with a display name"),
        pytest.param({"participants": ["a@b.c, d@e.f"]}, "participants", id="two in one"),
        pytest.param({"participants": [" boss@join.me"]}, "participants", id="blank before it"),
        pytest.param({"participants": [b"boss@join.me"]}, "participants", id="bytes"),
        pytest.param({"participants": ["\ud83d@join.me"]}, "participants", id="half a surrogate pair in it"),
        pytest.param({"start_with_personal_url": 1}, "start_with_personal_url", id="1 for True"),
    ],
)
def test_a_broken_rule_is_refused_and_names_its_field(changes: dict[str, Any], field: str) -> None:
    """A meeting that breaks a rule cannot be made; the error is a ValueError too, and names the Python field."""
    with pytest.raises(InvalidMeetingError) as caught:
        new_meeting(**changes)
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


def test_a_naive_time_is_told_how_to_become_aware() -> None:
    """The message of a naive time shows both ways out."""
    with pytest.raises(InvalidMeetingError, match=r"tzinfo=timezone\.utc.*zoned"):
        new_meeting(start=datetime(2027, 6, 2, 9))


def test_a_meeting_of_exactly_fourteen_days_is_allowed() -> None:
    """The span of "within 14 days" has the fourteenth day in it."""
    assert new_meeting(end=START + timedelta(days=14)).end - START == timedelta(days=14)


def test_what_it_shows_is_what_is_sent() -> None:
    """Times become UTC without fractions; names and addresses stay as they are."""
    east = timezone(timedelta(hours=2))
    new = new_meeting(name=" Ünï ", start=START.astimezone(east).replace(microsecond=999_999), participants=("A@b.c",))
    assert (new.start, new.start.tzinfo) == (START, UTC)
    assert (new.name, new.participants) == (" Ünï ", ("A@b.c",))


class _FineTime(datetime):
    """Like a pandas Timestamp: a datetime with something finer inside."""


def test_a_subclass_of_datetime_becomes_a_plain_one() -> None:
    """Nothing of a subclass slips through into what is sent or compared."""
    new = new_meeting(start=_FineTime(2027, 6, 2, 9, tzinfo=UTC))
    assert type(new.start) is datetime


def datetime_exists(moment: datetime) -> bool:
    """Say whether clocks show it: whether it comes back from UTC as it was (PEP 495)."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) == moment.replace(tzinfo=None)


def test_an_hour_that_clocks_skip_is_refused_with_its_zone_too() -> None:
    """Python makes an instant of any aware datetime; a time that nobody's clock shows is a mistake all the same."""
    london = ZoneInfo("Europe/London")
    with pytest.raises(InvalidMeetingError, match="never show"):
        new_meeting(start=datetime(2027, 3, 28, 1, 30, tzinfo=london), end=datetime(2027, 3, 28, 3, tzinfo=london))
    for fold, hour in ((0, 0), (1, 1)):
        start = datetime(2027, 10, 31, 1, 30, tzinfo=london, fold=fold)
        assert new_meeting(start=start, end=START.replace(month=11, day=1)).start.hour == hour


@given(st.datetimes(timezones=st.timezones()), st.timedeltas(timedelta(seconds=2), timedelta(days=13)))
def test_any_aware_time_is_kept_to_the_second(start: datetime, length: timedelta) -> None:
    """For every zone, the instant kept differs from the one given by less than a second."""
    try:
        end = start.astimezone(UTC) + length
        new = new_meeting(start=start, end=end)
    except OverflowError:
        assert start.year in {1, 9999}
        return
    except InvalidMeetingError as error:
        assert start.year in {1, 9999} or ("never show" in str(error) and not datetime_exists(start))
        return
    assert datetime_exists(start)
    assert timedelta(0) <= start.astimezone(UTC) - new.start < timedelta(seconds=1)


def test_meetings_are_values() -> None:
    """Equal meetings are equal, hash alike, survive pickle and copy, and cannot be changed."""
    one, other = new_meeting(), new_meeting(participants=("boss@join.me",))
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == attrs.evolve(one) == one
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.name = "other"  # type: ignore[misc]


def test_reprs_count_participants_and_show_no_value_of_unknown_fields() -> None:
    """A log of meetings holds nobody's address."""
    meeting = Meeting(7, "x", START, START + HOUR, False, ("a@b.c", "d@e.f"), extra={"organizer": "boss@join.me"})
    for shown in (repr(new_meeting()), repr(meeting), repr(attrs.evolve(meeting, participants=None))):
        assert "@" not in shown
    assert "participants=<2>" in repr(meeting)
    assert "organizer" in repr(meeting)


def test_unknown_fields_do_not_keep_a_meeting_from_being_hashed() -> None:
    """`extra` holds lists and dicts, and stays out of the hash; it is compared all the same."""
    meeting = Meeting(7, "x", START, START + HOUR, False, extra={"list": []})
    assert hash(meeting) == hash(attrs.evolve(meeting, extra={}))
    assert meeting != attrs.evolve(meeting, extra={})


@pytest.mark.parametrize("wrong", [True, "12", 12.0, 0, -1, None, 10**40])
def test_ids_are_positive_ints(wrong: Any) -> None:
    """No bool, text, float, zero or negative number passes for an id."""
    with pytest.raises(InvalidMeetingError, match="positive int"):
        checked_id(wrong)


def test_unset_is_one_enum_member() -> None:
    """UNSET is itself in a copy and after a pickle, and is not None."""
    assert pickle.loads(pickle.dumps(UNSET)) is copy.deepcopy(UNSET) is UNSET
    assert UNSET is not None
    assert repr(UNSET) == "UNSET"


def changes(**fields: Any) -> Changes:
    unset = dict.fromkeys(("name", "start", "end", "start_with_personal_url"), UNSET)
    return Changes(participants=Secret(fields.pop("participants", UNSET)), **{**unset, **fields})


KNOWN = Meeting(7, "x", START, START + HOUR, True, ("a@b.c",))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"name": None}, id="None for a name"),
        pytest.param({"start": None}, id="None for a start"),
        pytest.param({"end": None}, id="None for an end"),
        pytest.param({"participants": None}, id="None for participants"),
        pytest.param({"start_with_personal_url": None}, id="None for the flag"),
        pytest.param({"start": START, "end": START}, id="start not before end"),
    ],
)
@pytest.mark.parametrize("meeting", [7, KNOWN], ids=["id", "meeting"])
def test_an_update_that_cannot_be_is_refused(fields: dict[str, Any], meeting: int | Meeting) -> None:
    """Nothing to change, None for a field and an impossible span are refused before I/O."""
    with pytest.raises(InvalidMeetingError):
        changes(**fields).for_meeting(meeting)


@pytest.mark.parametrize(
    "fields",
    [{"start": START + HOUR}, {"end": START}, {"end": START + timedelta(days=15)}],
    ids=["start", "end", "long"],
)
def test_a_time_given_alone_is_checked_against_the_other_of_the_meeting(fields: dict[str, Any]) -> None:
    """Of a Meeting both times are known, so its span is checked; of an id it cannot be."""
    with pytest.raises(InvalidMeetingError) as caught:
        changes(**fields).for_meeting(KNOWN)
    assert caught.value.field == "end"
    assert changes(**fields).for_meeting(7) == changes(**fields)


def test_other_changes_do_not_judge_the_times_a_meeting_has() -> None:
    """A meeting of the service that is longer than allowed can still be renamed."""
    long = attrs.evolve(KNOWN, end=START + timedelta(days=20))
    assert changes(name="y").for_meeting(long).name == "y"


def test_the_flag_of_a_meeting_goes_along() -> None:
    """The service sets the flag to false where a PATCH leaves it out, so a Meeting's own is sent; of an id nothing is."""
    assert changes(name="y").for_meeting(KNOWN).start_with_personal_url is True
    assert changes(participants=[]).for_meeting(KNOWN) == changes(participants=[], start_with_personal_url=True)
    assert changes(name="y", start_with_personal_url=False).for_meeting(KNOWN).start_with_personal_url is False
    assert changes(name="y").for_meeting(7).start_with_personal_url is UNSET
