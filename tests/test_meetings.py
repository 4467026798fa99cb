"""The calls as a user makes them, judged by the sandbox's ledger."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from joinme_async import (
    DeadlineExceededError,
    InvalidMeetingError,
    JoinMe,
    Meeting,
    NotFoundError,
    OutcomeUnknownError,
    Response,
    UnexpectedResponseError,
)
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock, ScriptedTransport
from tests.conftest import HOUR, START, new_meeting


def did(sandbox: Sandbox) -> list[str]:
    return [f"{entry.method} {entry.did}".strip() for entry in sandbox.ledger]


async def test_a_meetings_whole_life(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Scheduled, read, listed, changed and cancelled: five calls, five requests, and the service holds what it should."""
    meeting = await joinme.meetings.schedule(new_meeting())
    assert (meeting.name, meeting.participants, meeting.conference_id) == ("Weekly update", ("boss@join.me",), None)
    full = await joinme.meetings.get(meeting.id)
    assert full == attrs.evolve(meeting, conference_id=full.conference_id)
    assert full.conference_id
    assert await joinme.meetings.list() == [attrs.evolve(meeting, participants=None)]
    changed = await joinme.meetings.update(full, name="Follow up", participants=[])
    assert (changed.name, changed.participants) == ("Follow up", ())
    await joinme.meetings.delete(changed)
    assert did(sandbox) == ["POST created", "GET", "GET", "PATCH changed", "DELETE deleted"]
    assert sandbox.meetings == ()


async def test_until_bounds_the_list(joinme: JoinMe, sandbox: Sandbox) -> None:
    """`until` goes out as endDate in UTC with a Z."""
    await joinme.meetings.schedule(new_meeting())
    await joinme.meetings.schedule(new_meeting(start=START + 48 * HOUR, end=START + 49 * HOUR))
    assert len(await joinme.meetings.list()) == 2
    assert len(await joinme.meetings.list(until=START + HOUR)) == 1
    assert sandbox.ledger[-1].query == {"endDate": "2027-06-02T10:00:00Z"}


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"name": "x"}, {"meetingName": "x"}),
        ({"participants": []}, {"participants": []}),
        ({"participants": ("a@b.c",)}, {"participants": ["a@b.c"]}),
        ({"start": START - HOUR}, {"meetingStart": "2027-06-02T08:00:00Z"}),
        ({"start_with_personal_url": False}, {"startWithPersonalUrl": False}),
    ],
)
async def test_an_update_sends_exactly_what_it_was_given(
    fields: dict[str, Any], sent: dict[str, Any], joinme: JoinMe, sandbox: Sandbox
) -> None:
    """Of an id exactly the given fields go out, in one PATCH; of a Meeting its personal-URL flag goes along."""
    meeting = await joinme.meetings.schedule(new_meeting(start_with_personal_url=True))
    await joinme.meetings.update(meeting, **fields)
    assert sandbox.ledger[-1].body == {"startWithPersonalUrl": True} | sent
    await joinme.meetings.update(meeting.id, **fields)
    assert sandbox.ledger[-1].body == sent
    assert len(sandbox.ledger) == 3


async def test_the_flag_survives_an_update_of_a_meeting_and_not_of_an_id(joinme: JoinMe, sandbox: Sandbox) -> None:
    """The service turns the flag off where a PATCH leaves it out: the reason why a Meeting's own goes along."""
    meeting = await joinme.meetings.schedule(new_meeting(start_with_personal_url=True))
    assert (await joinme.meetings.update(meeting, name="x")).start_with_personal_url is True
    assert (await joinme.meetings.update(meeting.id, name="y")).start_with_personal_url is False


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.list(until=datetime(2027, 6, 2)),
        lambda m: m.list(until="2027-06-02"),
        lambda m: m.get("7"),
        lambda m: m.get(True),
        lambda m: m.get(7.0),
        lambda m: m.get(-7),
        lambda m: m.get(Meeting(7, "x", START, START + HOUR, False)),
        lambda m: m.update(0, name="x"),
        lambda m: m.update(7),
        lambda m: m.update(7, name=None),
        lambda m: m.update(7, start=datetime(2027, 6, 2)),
        lambda m: m.update(7, start=START, end=START),
        lambda m: m.delete("7"),
        lambda m: m.delete(None),
        lambda m: m.schedule({"name": "x"}),
        lambda m: m.find("x"),
    ],
)
async def test_bad_arguments_are_refused_before_any_request(call, joinme: JoinMe, sandbox: Sandbox) -> None:
    """Nothing leaves for a call that cannot be meant."""
    with pytest.raises(InvalidMeetingError):
        await call(joinme.meetings)
    assert sandbox.ledger == ()


async def test_a_meeting_that_is_not_there(joinme: JoinMe, sandbox: Sandbox) -> None:
    """Reading, changing and deleting it is NotFoundError; `missing_ok` is for who only wants it gone."""
    for call in (joinme.meetings.get(7), joinme.meetings.update(7, name="x"), joinme.meetings.delete(7)):
        with pytest.raises(NotFoundError) as caught:
            await call
        assert (caught.value.status, caught.value.code) == (404, "not_found")
    await joinme.meetings.delete(7, missing_ok=True)
    assert [entry.status for entry in sandbox.ledger] == [404] * 4


async def test_the_body_of_a_deletion_is_not_read(clock: FakeClock) -> None:
    """Any 2xx is success for DELETE, whatever it says."""
    for answer in (Response(204), Response(200, {}, b"<html>"), Response(202, {}, b'{"cut')):
        await JoinMe("tok", transport=ScriptedTransport([answer]), clock=clock).meetings.delete(7)


@pytest.mark.parametrize(
    "fault",
    [Fault.lose(), Fault.lose(done=False), Fault.lose(commit_after=9), Fault.cut(), Fault.garble(), Fault.error(500),
     Fault.error(503, done=True), Fault.late(99)],
    ids=lambda fault: fault.name,
)  # fmt: skip
async def test_a_schedule_in_doubt_is_never_sent_again(fault: Fault, joinme: JoinMe, sandbox: Sandbox) -> None:
    """Whether the work was done or not, one POST leaves, and the error carries the meeting to look for."""
    sandbox.plant(fault)
    with pytest.raises(OutcomeUnknownError) as caught:
        await joinme.meetings.schedule(new_meeting())
    assert caught.value.meeting == new_meeting()
    assert caught.value.last is not None
    assert [entry.fault for entry in sandbox.ledger] == [fault.name]


async def test_find_tells_what_became_of_a_schedule_in_doubt(joinme: JoinMe, sandbox: Sandbox) -> None:
    """After a lost answer, `find` shows the meeting that was made, or none."""
    sandbox.plant(Fault.lose(done=False), Fault.lose(), on="POST")
    for count in (0, 1):
        with pytest.raises(OutcomeUnknownError):
            await joinme.meetings.schedule(new_meeting())
        found = await joinme.meetings.find(new_meeting())
        assert [meeting.id for meeting in found] == [stored.id for stored in sandbox.meetings]
        assert len(found) == count


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param({}, True, id="the same"),
        pytest.param({"name": "  Weekly \t update "}, True, id="other blanks"),
        pytest.param({"participants": ["BOSS@join.me", "boss@join.me"]}, True, id="letter case and repetition"),
        pytest.param({"name": "weekly update"}, False, id="letter case of the name"),
        pytest.param({"start": START + timedelta(seconds=1)}, False, id="a second later"),
        pytest.param({"end": START + HOUR * 2}, False, id="longer"),
        pytest.param({"participants": []}, False, id="nobody invited"),
        pytest.param({"participants": ["boss@join.me", "x@join.me"]}, False, id="one more invited"),
        pytest.param({"start_with_personal_url": True}, False, id="other flag"),
    ],
)
async def test_find_knows_equal_from_similar(other: dict[str, Any], same: bool, joinme: JoinMe) -> None:
    """Blanks and letter case of addresses make no difference; everything else does."""
    scheduled = await joinme.meetings.schedule(new_meeting(**other))
    assert [meeting.id for meeting in await joinme.meetings.find(new_meeting())] == ([scheduled.id] if same else [])


async def test_find_reads_candidates_only(joinme: JoinMe, sandbox: Sandbox) -> None:
    """The list tells most meetings apart; only those equal so far are read one by one."""
    for name in ("Weekly update", "Other", "Weekly update"):
        await joinme.meetings.schedule(new_meeting(name=name))
    before = len(sandbox.ledger)
    assert len(await joinme.meetings.find(new_meeting())) == 2
    assert [entry.path for entry in sandbox.ledger[before:]] == [
        "/v1/meetings",
        "/v1/meetings/10001",
        "/v1/meetings/10003",
    ]


LISTED = {
    "meetingId": 7, "meetingName": "Weekly update", "meetingStart": "2027-06-02T09:00:00Z",
    "meetingEnd": "2027-06-02T10:00:00Z", "startWithPersonalUrl": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "read", "found"),
    [
        pytest.param(LISTED | {"participants": ["boss@join.me"]}, None, 1, id="a list that has participants"),
        pytest.param(LISTED, (404, {}), 0, id="gone since it was listed"),
        pytest.param(LISTED, (200, LISTED | {"meetingName": "x"}), 0, id="changed since it was listed"),
        pytest.param(
            LISTED | {"meetingStart": "2027-06-02T09:00:00.4Z"},
            (200, LISTED | {"participants": ["boss@join.me"]}),
            1,
            id="fraction",
        ),
    ],
)
async def test_find_with_odd_answers(listed: dict[str, Any], read: Any, found: int, clock: FakeClock) -> None:
    """Participants are taken from wherever they are; what vanishes meanwhile is not found."""
    script = [Response(200, {}, json.dumps({"meetings": [listed]}).encode())]
    script += [Response(read[0], {}, json.dumps(read[1]).encode())] if read else []
    joinme = JoinMe("tok", transport=ScriptedTransport(script), clock=clock)
    assert len(await joinme.meetings.find(new_meeting())) == found


async def test_find_does_not_take_silence_for_absence(clock: FakeClock) -> None:
    """A candidate whose participants no answer tells may be the meeting: that is an error, not an empty list."""
    script = [Response(200, {}, json.dumps(body).encode()) for body in ({"meetings": [LISTED]}, LISTED)]
    with pytest.raises(UnexpectedResponseError, match="may be the one looked for") as caught:
        await JoinMe("tok", transport=ScriptedTransport(script), clock=clock).meetings.find(new_meeting())
    assert caught.value.path_in_body == "participants"


async def test_find_at_the_end_of_time(joinme: JoinMe) -> None:
    """A meeting on the last day there is can be looked for."""
    last = new_meeting(start=datetime(9999, 12, 31, 22, tzinfo=UTC), end=datetime(9999, 12, 31, 23, tzinfo=UTC))
    await joinme.meetings.schedule(last)
    assert len(await joinme.meetings.find(last)) == 1


async def test_any_other_call_goes_through_the_same_layers(joinme: JoinMe, sandbox: Sandbox) -> None:
    """`request` reaches any path below the base URL, with the same headers and the same errors."""
    scheduled = await joinme.meetings.schedule(new_meeting())
    answer = await joinme.request("get", f"/meetings/{scheduled.id}")
    assert answer.json()["meetingId"] == scheduled.id
    answer = await joinme.request("GET", "/meetings", query={"endDate": "2027-06-02T08:00:00Z"})
    assert answer.json() == {"meetings": []}
    answer = await joinme.request("PATCH", f"/meetings/{scheduled.id}", json={"meetingName": "x"})
    assert (answer.status, sandbox.meetings[0].name) == (201, "x")
    with pytest.raises(NotFoundError):
        await joinme.request("GET", "/user")
    sandbox.plant(Fault.lose())
    with pytest.raises(OutcomeUnknownError) as caught:
        await joinme.request("POST", "/meetings", json={})
    assert caught.value.meeting is None


async def test_find_has_one_deadline_for_all_that_it_reads(joinme: JoinMe, sandbox: Sandbox, clock: FakeClock) -> None:
    """However many candidates there are, and however slowly each is told."""
    for _ in range(3):
        await joinme.meetings.schedule(new_meeting())
    sandbox.plant(Fault.late(4.0), on="GET", times=None)
    with pytest.raises(DeadlineExceededError) as caught:
        await joinme.with_options(timeout=9.0).meetings.find(new_meeting())
    assert clock.now() <= 9.0
    assert (caught.value.path, caught.value.elapsed) == ("/meetings/10002", clock.now())
    assert "the call's 9 s ran out" in str(caught.value)


async def test_find_reads_nothing_more_once_its_time_is_over(
    joinme: JoinMe, sandbox: Sandbox, clock: FakeClock
) -> None:
    """Exactly at the deadline is too late: nothing is sent, and the error says which read that was."""
    await joinme.meetings.schedule(new_meeting())
    sent = len(sandbox.ledger)
    real = clock.now

    def late() -> float:  # the list was on the way for all of the time that there is
        return real() + 9.0 * (len(sandbox.ledger) > sent)

    clock.now = late  # type: ignore[method-assign]
    with pytest.raises(DeadlineExceededError) as caught:
        await joinme.with_options(timeout=9.0).meetings.find(new_meeting())
    assert (caught.value.method, caught.value.path, caught.value.elapsed) == ("GET", "/meetings/10001", 9.0)
    assert len(sandbox.ledger) == sent + 1
