"""Which meetings are equal, and what a look at the service proves."""

from datetime import timedelta

import pytest

from joinme_async import Meeting, NewMeeting
from joinme_async._reconcile import LIST_MARGIN, Look, conclude, equals, key_of, may_equal, share_out
from tests.conftest import HOUR, START, new_meeting

NEW = new_meeting()


def seen(number: int = 7, **changes) -> Meeting:
    fields = {
        "name": "Weekly update", "start": START, "end": START + HOUR, "start_with_personal_url": False,
        "participants": ("boss@join.me",),
    }  # fmt: skip
    return Meeting(number, **{**fields, **changes})


SAME = [
    {}, {"name": "  Weekly\t update "}, {"participants": ("BOSS@JOIN.ME", "boss@join.me")}, {"conference_id": "123456789"},
    {"start": START + timedelta(microseconds=900_000)},
]  # fmt: skip
OTHER = [
    {"name": "weekly update"}, {"start": START + timedelta(seconds=1)}, {"end": START + 2 * HOUR},
    {"end": START + HOUR / 2}, {"start_with_personal_url": True}, {"participants": ()}, {"participants": ("boss@join.me", "x@y.z")},
]  # fmt: skip


@pytest.mark.parametrize("changes", SAME, ids=repr)
def test_what_makes_no_difference(changes: dict) -> None:
    """Blanks in names, letter case and order of addresses, fractions of a second, and what the service adds."""
    assert equals(seen(**changes), NEW) is True
    assert conclude(NEW, [seen(**changes)], known=frozenset()) == Look(seen(**changes))


@pytest.mark.parametrize("changes", OTHER, ids=repr)
def test_what_does(changes: dict) -> None:
    """Name, instants, personal-URL flag and the set of participants."""
    assert equals(seen(**changes), NEW) is False


def test_the_flag_counts_either_way() -> None:
    """A meeting without the personal URL is not the one with it, nor the other way round."""
    assert not may_equal(seen(start_with_personal_url=False), new_meeting(start_with_personal_url=True))
    assert may_equal(seen(start_with_personal_url=True), new_meeting(start_with_personal_url=True))


def test_a_near_miss_hides_behind_no_other_meeting() -> None:
    """Old ones, far ones and our own before it in the list make no difference."""
    before = [seen(3, name="Old"), seen(8, name="Far", start=START - HOUR), seen(9, name="Ours")]
    look = conclude(NEW, [*before, seen(7, name="New")], known={3}, ours=[new_meeting(name="Ours")])
    assert "meeting 7 is new" in look.doubt


def test_a_list_is_asked_for_a_day_more() -> None:
    """Whatever the service compares `endDate` with, a day is enough, and more would be asked for nothing."""
    assert timedelta(days=1) == LIST_MARGIN


def test_names_are_compared_as_they_read() -> None:
    """An accent in one character or in two is the same name."""
    assert may_equal(seen(name="Café"), new_meeting(name="Cafe\u0301"))
    assert key_of(new_meeting(name="Caf\u00e9  A")) == key_of(
        new_meeting(name=" Cafe\u0301 A", participants=["Boss@join.me"])
    )


def test_an_answer_that_does_not_say_who_is_invited_decides_nothing() -> None:
    """It neither matches nor rules out: neither found nor absent."""
    assert equals(seen(participants=None), NEW) is None
    assert equals(seen(participants=None, name="x"), NEW) is False
    look = conclude(NEW, [seen(participants=None)], known={7})
    assert look.found is None
    assert "does not say who is invited to meeting 7" in look.doubt
    assert conclude(NEW, [seen(participants=None), seen(8)], known=()).found == seen(8)


def test_of_several_equal_ones_the_oldest_is_taken() -> None:
    """The lowest id, so that everybody takes the same one."""
    assert conclude(NEW, [seen(9), seen(8), seen(10)], known=None).found == seen(8)


@pytest.mark.parametrize(
    ("meeting", "doubt"),
    [
        pytest.param(seen(name="Weekly Update!"), True, id="renamed"),
        pytest.param(seen(start=START + timedelta(seconds=60)), True, id="a minute later"),
        pytest.param(seen(start=START - timedelta(seconds=60)), True, id="a minute earlier"),
        pytest.param(seen(start=START + timedelta(seconds=61)), False, id="more than a minute later"),
        pytest.param(seen(start=START - timedelta(seconds=61)), False, id="more than a minute earlier"),
        pytest.param(seen(participants=()), True, id="nobody invited"),
        pytest.param(seen(3, name="Other"), False, id="there before"),
        pytest.param(seen(name="Ours"), False, id="another of ours"),
    ],
)
def test_a_near_miss_is_doubt(meeting: Meeting, doubt: bool) -> None:
    """New, not claimed, equal to none of ours and starting within a minute: perhaps ours, rounded or renamed."""
    look = conclude(NEW, [meeting], known={3, 4}, ours=iter([new_meeting(name="Ours")]))
    assert look.found is None
    assert bool(look.doubt) is doubt
    if doubt:
        assert "meeting 7 is new and starts at that time" in look.doubt


def test_without_knowing_what_was_there_before_there_is_no_near_miss() -> None:
    """An old neighbour cannot be told from a new one then."""
    assert conclude(NEW, [seen(name="Other")], known=None) == Look()
    assert conclude(NEW, [], known=frozenset()) == Look()


@pytest.mark.parametrize("changes", [{"name": "Weekly  update"}, {"participants": ["BOSS@join.me"]}], ids=repr)
def test_equal_meetings_have_one_key(changes: dict) -> None:
    """So that two calls for the same meeting share one run."""
    assert key_of(new_meeting(**changes)) == key_of(NEW)


@pytest.mark.parametrize(
    "other",
    [new_meeting(name="x"), new_meeting(start=START - HOUR), new_meeting(end=START + 2 * HOUR),
     new_meeting(start_with_personal_url=True), new_meeting(participants=[])],
    ids=repr,
)  # fmt: skip
def test_other_meetings_have_another(other: NewMeeting) -> None:
    """Each of the five traits counts."""
    assert key_of(other) != key_of(NEW)


def names(looks: list[Look]) -> list[object]:
    return [look.found.id if look.found else "doubt" if look.doubt else None for look in looks]


SHARES = [
    pytest.param(2, [], [None, None], id="none is there"),
    pytest.param(2, [{"id": 7}], [7, None], id="one of two, to the first"),
    pytest.param(2, [{"id": 7}, {"id": 5}, {"id": 9}], [5, 7], id="the oldest first, and no more than rows"),
    pytest.param(2, [{"id": 7}, {"id": 5, "participants": None}], [7, "doubt"], id="a silent one is neither"),
    pytest.param(1, [{"id": 7, "participants": ("x@y.zz",)}], ["doubt"], id="others invited"),
    pytest.param(1, [{"id": 7, "name": "Renamed"}], ["doubt"], id="a near miss"),
    pytest.param(1, [{"id": 7, "name": "Ours"}], [None], id="another row of ours"),
    pytest.param(1, [{"id": 7, "name": "Renamed", "start": START + timedelta(seconds=61)}], [None], id="too far away"),
    pytest.param(1, [{"id": 7, "name": "Renamed", "start": START - timedelta(seconds=60)}], ["doubt"], id="a minute before"),
    pytest.param(1, [{"id": 7, "name": "Renamed", "start": START + timedelta(seconds=60)}], ["doubt"], id="a minute after"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "there", "expected"), SHARES)
def test_meetings_are_shared_out_by_count(wanted: int, there: list[dict], expected: list[object]) -> None:
    """Each is one row's at the most; what may be one of ours and cannot be told is doubt, never absence."""
    fresh = [seen(given.pop("id"), **given) for given in map(dict, there)]
    looks = share_out([new_meeting()] * wanted, fresh, lambda m: m.name in {"Ours", new_meeting().name})
    assert names(looks) == expected


def test_what_is_given_to_one_is_no_near_miss_of_another() -> None:
    """In whatever order they were asked for."""
    one, other = new_meeting(), new_meeting(participants=["x@y.zz"])
    there = seen(7, participants=("x@y.zz",))
    assert share_out([one, other], [there], lambda _: False) == [Look(), Look(there)]
    assert share_out([other, one], [there], lambda _: False) == [Look(there), Look()]
