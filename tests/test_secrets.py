"""A token and an invited person's address show nowhere: not in errors, logs, pickles, nor in the locals of a traceback."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from joinme_async import InvalidMeetingError, JoinMe, JoinMeError, Meeting, NewMeeting, Response, RetryPolicy, Timeout
from joinme_async.bulk import read_meetings
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock, RecordingTransport, ScriptedTransport
from joinme_async.transports.httpx import HttpxTransport
from tests.conftest import HOUR, START, new_meeting
from tests.raw_server import free_port, raw_server
from tests.showing import shown_by
from tests.test_contract import head

TOKEN = "tok-Very/Secret+1"
ADDRESS = "boss@join.me"
ECHO = b'{"Message": "no: Bearer tok-Very/Secret+1 of boss@join.me", "ErrorCode": "tok-Very\\/Secret+1"}'
BROKEN = b'{"meetingId": "x", "participants": ["boss@join.me"], "token": "tok-Very/Secret+1"}'


def assert_silent(error: BaseException) -> None:
    shown = shown_by(error)
    for secret in (TOKEN, "Very", ADDRESS, "boss@"):
        hits = [line for line in shown.splitlines() if secret in line]
        assert not hits, hits[:3]


def late() -> NewMeeting:
    return new_meeting(participants=[ADDRESS, "other@join.me"])


CALLS: dict[str, Callable[[JoinMe], Awaitable[Any]]] = {
    "list": lambda joinme: joinme.meetings.list(),
    "get": lambda joinme: joinme.meetings.get(7),
    "schedule": lambda joinme: joinme.meetings.schedule(late()),
    "find": lambda joinme: joinme.meetings.find(late()),
    "update": lambda joinme: joinme.meetings.update(7, participants=[ADDRESS]),
    "update meeting": lambda joinme: joinme.meetings.update(
        Meeting(7, "x", START, START + HOUR, False, (ADDRESS,)), participants=[ADDRESS, "x@y.z"]
    ),
    "delete": lambda joinme: joinme.meetings.delete(7),
    "request": lambda joinme: joinme.request("POST", "/x", query={"to": ADDRESS}, json={"to": ADDRESS}),
}
ANSWERS = [Response(status, {"X-Error-Detail-Header": TOKEN, "Set-Cookie": TOKEN}, body)
           for status in (200, 302, 400, 401, 403, 404, 429, 500, 503)
           for body in (ECHO, BROKEN, b"<h1>tok-Very/Secret+1 boss@join.me</h1>", b"x " * 115 + TOKEN.encode())]  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
async def test_no_answer_brings_it_to_light(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a server answers, its echo of token and address included, no error shows either."""
    caplog.set_level(logging.DEBUG)
    for answer in ANSWERS:
        joinme = JoinMe(TOKEN, transport=RecordingTransport(ScriptedTransport([answer] * 100)), clock=FakeClock())
        try:
            await CALLS[name](joinme)
        except JoinMeError as error:
            assert_silent(error)
        assert TOKEN not in repr(joinme) + repr(vars(joinme)) + repr(joinme._layer.__dict__)
    assert "Very" not in caplog.text
    assert ADDRESS not in caplog.text


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "reply",
    [b"", head("200 OK", "Content-Length: 900") + ECHO, b"junk\r\n\r\n", head("200 OK", "Content-Length: 9999") + ECHO],
)
async def test_no_broken_connection_brings_it_to_light(name: str, reply: bytes) -> None:
    """The same over real connections, through httpx, with its errors behind ours."""
    with raw_server(lambda connection, _: connection.sendall(reply)) as (url, _):
        transport = HttpxTransport(max_body=5000)
        with pytest.raises(JoinMeError) as caught:
            await CALLS[name](JoinMe(TOKEN, base_url=url, transport=transport, retry=RetryPolicy(base=0)))
        await transport.aclose()
    assert_silent(caught.value)


@pytest.mark.parametrize("name", CALLS)
async def test_no_missing_server_or_deadline_brings_it_to_light(name: str) -> None:
    """Nobody listens; time runs out; the sandbox loses the answer."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.accept(TOKEN)
    sandbox.plant(Fault.lose(), Fault.late(99), Fault.unreachable())
    transport = HttpxTransport()
    clients = [
        JoinMe(TOKEN, base_url=f"http://127.0.0.1:{free_port()}", transport=transport, retry=RetryPolicy(base=0))
    ]
    clients += [
        JoinMe(TOKEN, transport=sandbox.transport(), clock=sandbox.clock, timeout=t, retry=RetryPolicy.never())
        for t in (Timeout(), 5.0, Timeout(None))
    ]
    for joinme in clients:
        with pytest.raises(JoinMeError) as caught:
            await CALLS[name](joinme)
        assert_silent(caught.value)
    await transport.aclose()


@pytest.mark.parametrize("bad", [f"{TOKEN}\n", f"{TOKEN} x", f"ö{TOKEN}"])
async def test_no_bad_token_brings_it_to_light(bad: str) -> None:
    """Not even one that is refused for its form, from an argument or from a source; nor one in front of a bad URL."""

    async def source(*, refused: str | None) -> str:
        return bad

    with pytest.raises(JoinMeError) as caught:
        JoinMe(bad)
    assert_silent(caught.value)
    with pytest.raises(JoinMeError) as caught:
        JoinMe(TOKEN, base_url="http://elsewhere.example")
    assert_silent(caught.value)
    with pytest.raises(JoinMeError) as caught:
        JoinMe(TOKEN, timeout=-1)
    assert_silent(caught.value)
    with pytest.raises(JoinMeError) as caught:
        await JoinMe(source, transport=ScriptedTransport()).meetings.list()
    assert_silent(caught.value)


def test_no_invalid_meeting_brings_it_to_light() -> None:
    """A rule that is broken beside a good address, or by a bad one."""
    for fields in (
        {"name": ""},
        {"end": START},
        {"participants": [ADDRESS, "boss@@join.me"]},
        {"participants": ADDRESS},
    ):
        with pytest.raises(InvalidMeetingError) as caught:
            late_fields = {"name": "x", "start": START, "end": START + HOUR, "participants": [ADDRESS]}
            NewMeeting(**(late_fields | fields))  # type: ignore[arg-type]
        assert_silent(caught.value)


async def test_no_invalid_argument_brings_it_to_light() -> None:
    """The same of updates and of calls of one's own."""
    joinme = JoinMe(TOKEN, transport=ScriptedTransport())
    for token in (TOKEN.encode(), [TOKEN]):
        with pytest.raises(JoinMeError) as caught:
            JoinMe(token)  # type: ignore[arg-type]
        assert_silent(caught.value)
    for call in (
        joinme.meetings.update(7, participants=[ADDRESS], name=""),
        joinme.meetings.update(7, participants=[ADDRESS, "boss@"]),
        joinme.meetings.update(-7, participants=[ADDRESS]),
        joinme.request("POST", "x", json={"to": ADDRESS}),
        joinme.request("POST", "/x", json={"to": ADDRESS, "no": {1}}),
    ):
        with pytest.raises(JoinMeError) as caught:
            await call
        assert_silent(caught.value)


def test_no_bad_row_brings_it_to_light(tmp_path: Path) -> None:
    """Addresses in good rows, in bad rows, in the wrong column and in place of a header."""
    times = "2027-06-02T09:00Z,2027-06-02T10:00Z"
    for text in (
        f"name,start,end,participants\nx,{times},{ADDRESS}\n,{times},{ADDRESS}\n",
        f"name,start,end,participants\nx,{ADDRESS},{times}\n",
        f"name,start,end,timezone\nx,2027-06-02T09:00,2027-06-02T10:00,{ADDRESS}\n",
        f"name,start,end,start_with_personal_url\nx,{times},{ADDRESS}\n",
        f"x,{times},{ADDRESS}\n",
        f"{ADDRESS}\n",
    ):
        path = tmp_path / "rows.csv"
        path.write_text(text)
        with pytest.raises(JoinMeError) as caught:
            read_meetings(path)
        assert_silent(caught.value)
        assert ADDRESS not in repr(caught.value.rows)  # type: ignore[attr-defined]


async def test_cancelling_does_not_bring_it_to_light() -> None:
    """A call that is cut off shows no more than one that fails."""

    async def hang(_: Any) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    joinme = JoinMe(TOKEN, transport=ScriptedTransport([hang]))
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            try:
                group.start_soon(lambda: scope.cancel() or anyio.lowlevel.checkpoint())
                await joinme.meetings.schedule(late())
            except BaseException as error:
                assert_silent(error)
                raise


def test_what_is_kept_of_requests_shows_neither() -> None:
    """A recording, a script and the ledger of the sandbox."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.accept(TOKEN)
    recording = RecordingTransport(sandbox.transport())

    async def main() -> None:
        meeting = await JoinMe(TOKEN, transport=recording, clock=sandbox.clock).meetings.schedule(late())
        assert ADDRESS not in repr(meeting)

    anyio.run(main)
    for kept in (
        recording.exchanges,
        sandbox.ledger,
        sandbox.meetings,
        late(),
        attrs.asdict(recording.exchanges[0])["request"]["headers"],
    ):
        assert TOKEN not in repr(kept)
        assert ADDRESS not in repr(kept)
