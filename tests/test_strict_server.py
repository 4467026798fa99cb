"""Against a server that follows the page, knows nothing of this package and guesses at nothing, all five calls work."""

from datetime import timedelta, timezone

import pytest

from joinme_async import JoinMe, NewMeeting, NotFoundError
from joinme_async.bulk import Row, read_meetings
from joinme_async.cli._demo import example_file
from tests.conftest import HOUR, START, new_meeting
from tests.strict_server import strict_server


async def test_all_five_calls_and_nothing_to_guess_at() -> None:
    """Each call in its plainest and its fullest form; the server has nothing to complain about."""
    with strict_server() as (server, url):
        async with JoinMe("accesstoken", base_url=url) as joinme:
            plain = await joinme.meetings.schedule(NewMeeting("Plain", START, START + HOUR))
            full = await joinme.meetings.schedule(
                new_meeting(
                    name='Ünï "quoted" \\ and 🎉',
                    start=START.astimezone(timezone(timedelta(hours=-5))).replace(microsecond=5),
                    participants=["a@b.c", "d@e.f"],
                    start_with_personal_url=True,
                )
            )
            assert (await joinme.meetings.get(full.id)).name == 'Ünï "quoted" \\ and 🎉'
            assert {m.id for m in await joinme.meetings.list()} == {plain.id, full.id}
            assert {m.id for m in await joinme.meetings.list(until=START + HOUR)} == {plain.id, full.id}
            assert await joinme.meetings.list(until=START) == []
            assert [m.id for m in await joinme.meetings.find(new_meeting(name="Plain", participants=[]))] == [plain.id]
            renamed = await joinme.meetings.update(full, name="Renamed")
            assert (renamed.name, renamed.start_with_personal_url, renamed.participants) == (
                "Renamed",
                True,
                ("a@b.c", "d@e.f"),
            )
            emptied = await joinme.meetings.update(full.id, participants=[], start=START - HOUR, end=START)
            assert (emptied.participants, emptied.start_with_personal_url) == ((), False)
            await joinme.meetings.delete(full)
            await joinme.meetings.delete(plain.id)
            with pytest.raises(NotFoundError):
                await joinme.meetings.get(full.id)
    assert server.complaints == []
    assert server.meetings == {}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(read_meetings(example_file()))


async def test_the_whole_example_file_is_accepted(rows: list[Row]) -> None:
    """Accents, zones, a week-end when clocks change: every row is scheduled as it stands."""
    with strict_server() as (server, url):
        async with JoinMe("accesstoken", base_url=url) as joinme:
            for row in rows:
                meeting = await joinme.meetings.schedule(row.meeting)
                assert (meeting.name, meeting.start, meeting.end) == (
                    row.meeting.name,
                    row.meeting.start,
                    row.meeting.end,
                )
    assert server.complaints == []
    assert len(server.meetings) == len(rows)
