"""`joinme bulk`, as a person and as a script meet it: exact streams, exit codes, and what the ledger saw."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import (
    AuthenticationError,
    ConfigurationError,
    JoinMe,
    JournalError,
    QuotaExceededError,
    Request,
    ServerError,
)
from joinme_async.bulk import Journal, Progress, Row, delete_all, schedule_all
from joinme_async.bulk._preview import counted, preview
from joinme_async.bulk._store import Store
from joinme_async.cli import _bulk
from joinme_async.cli._dry import ReadOnlyTransport
from joinme_async.cli._journals import carried_on
from joinme_async.cli._options import Common
from joinme_async.cli._result import Result, what_next
from joinme_async.cli._teller import Teller, duration, line_of
from joinme_async.sandbox import Fault, Sandbox
from tests.commands import Done, methods, wait_for
from tests.conftest import HOUR, START, new_meeting

GO_ON = "joinme bulk resume --journal june.csv.journal"


@pytest.fixture
def bulk(command: Callable[..., Done]) -> Callable[..., Done]:
    """Run `joinme bulk`."""
    return partial(command, "bulk")


def write(number: int, name: str = "june.csv", first: int = 0, **options: str) -> Path:
    file = Path(name)
    head = "name,start,end,participants\n"
    times = [START + i * timedelta(minutes=1) for i in range(first, first + number)]
    rows = [
        f"Meeting {i},{start:%Y-%m-%dT%H:%MZ},{start + HOUR:%Y-%m-%dT%H:%MZ},anna@example.com\n"
        for i, start in enumerate(times, first)
    ]
    file.write_text(head + "".join(rows), encoding="utf-8", **options)
    return file


def made(sandbox: Sandbox) -> Counter[str]:
    return Counter(entry.body["meetingName"] for entry in sandbox.ledger if entry.did == "created")


def each(number: int) -> Counter[str]:
    return Counter(f"Meeting {i}" for i in range(number))


# schedule


def test_a_file_is_scheduled_and_nothing_but_data_is_on_stdout(served: Sandbox, bulk) -> None:
    """Each row once; stderr says where the journal is and how it ended; once more, and nothing is sent."""
    write(3)
    assert bulk("schedule", "june.csv") == Done(
        0, "", "joinme: the journal is june.csv.journal\njoinme: 3 scheduled; the list of join.me agrees\n"
    )
    assert made(served) == each(3)
    assert bulk("schedule", "june.csv", "--rate", "100") == Done(
        0,
        "",
        "joinme: goes on with june.csv.journal, which has 3 rows of an earlier run\n"
        "joinme: 3 scheduled; the list of join.me agrees\n",
    )
    assert made(served) == each(3)


def test_json_is_a_line_for_each_row(served: Sandbox, bulk) -> None:
    """The documented fields and no others, nobody's address among them; rows of earlier runs come first."""
    write(2)
    done = bulk("schedule", "june.csv", "--json", "--journal", "my.journal")
    assert (done.code, done.err) == (
        0,
        "joinme: the journal is my.journal\njoinme: 2 scheduled; the list of join.me agrees\n",
    )
    lines = sorted(map(json.loads, done.out.splitlines()), key=lambda line: line["line"])
    ids = {meeting.name: meeting.id for meeting in served.meetings}
    assert lines == [
        {
            "key": f"#{i + 1}", "line": i + 2, "state": "scheduled", "meeting_id": ids[f"Meeting {i}"],
            "name": f"Meeting {i}", "start": f"2027-06-02T09:0{i}:00Z", "end": f"2027-06-02T10:0{i}:00Z", "error": None,
        }
        for i in range(2)
    ]  # fmt: skip
    assert "example.com" not in done.out
    again = bulk("resume", "--json", "--journal", "my.journal")
    assert sorted(map(json.loads, again.out.splitlines()), key=lambda line: line["line"]) == lines
    assert again.err == "joinme: goes on with my.journal\njoinme: 2 scheduled; the list of join.me agrees\n"


def test_bad_rows_keep_everything_from_being_sent(served: Sandbox, bulk) -> None:
    """Every one is told in a line, without anybody's address; nothing is sent and no journal made."""
    with write(2).open("a") as file:
        file.write("Late,2027-06-02T09:00,2027-06-02T10:00Z,\nNobody,2027-06-02T09:00Z,2027-06-02T10:00Z,bob@bad@x\n")
    done = bulk("schedule", "june.csv")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "joinme: june.csv, line 4, column start: 2027-06-02T09:00 has no zone: add its offset (+02:00), a column timezone "
        "(Europe/London), or a zone for the file",
        "joinme: june.csv, line 5, column participants: participants[0] does not look like a bare e-mail address, such as somebody@example.com",
        "joinme: 2 bad rows, and nothing was sent. Correct them, give the file a zone with --timezone, "
        "or pass over them with --skip-bad",
    ]
    assert (served.ledger, list(Path().glob("*.journal"))) == ((), [])
    done = bulk("schedule", "june.csv", "--skip-bad")
    assert done.code == 0
    assert [line[:29] for line in done.err.splitlines()[:2]] == ["joinme: passed over: june.csv"] * 2
    assert made(served) == each(2)
    left_out = (
        "passed over as bad, and no rows of this run: line 4, 5. Correct them in a file of their own, and send that"
    )
    assert done.err.splitlines()[-1] == f"joinme: {left_out}"
    for verb in ("resume", "verify"):  # whatever became of the file meanwhile
        assert bulk(verb, "june.csv").err.splitlines()[-1] == f"joinme: {left_out}"
    assert bulk("status", "june.csv").out.splitlines()[-1] == left_out


def test_the_file_is_read_as_told(served: Sandbox, bulk) -> None:
    """The zone holds for the file and for the bounds; what lies outside of them is passed over."""
    Path("mine.csv").write_text(
        "name,start,end\nA,2027-06-02T09:00,2027-06-02T10:00\nB,2027-06-03 9:00,2027-06-03 10:00\n"
    )
    zone = ("--timezone", "Europe/Berlin")
    assert bulk("schedule", "mine.csv", *zone, "--since", "2027-06-02T09:30", "--until", "2027-06-03").code == 0
    assert [(meeting.name, meeting.start.hour) for meeting in served.meetings] == [("B", 7)]
    assert bulk("schedule", "june.csv.journal") == Done(2, "", bulk("schedule", "june.csv.journal").err)
    done = bulk("schedule", "mine.csv", "--since", "2027-06-02T09:30")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("joinme: --since 2027-06-02T09:30 has no zone, and none is guessed: add --timezone")
    done = bulk("schedule", "mine.csv", "--until", "2027-06-02T09:00Z")
    assert done.code == 1


# What is there already


def test_a_lost_journal_invites_nobody_twice_unasked(served: Sandbox, bulk) -> None:
    """Without a terminal it refuses, and names both ways on; each of them does what it says."""
    write(3)
    assert bulk("schedule", "june.csv").code == 0
    write(4)
    new = ("schedule", "june.csv", "--journal", "new.journal")
    assert bulk(*new) == Done(
        1,
        "",
        "joinme: 3 of 4 rows look as if they were there already: a meeting has their name, times and flag. "
        "Nothing was sent. Say --existing adopt to take those meetings for their rows, or --existing make to make all "
        "rows all the same, which may invite people twice\n",
    )
    assert not Path("new.journal").exists()
    done = bulk(*new, "--existing", "adopt")
    assert done.err.splitlines()[-1] == "joinme: 1 scheduled, 3 adopted; the list of join.me agrees"
    assert made(served) == each(4)
    assert bulk("schedule", "june.csv", "--journal", "newer.journal", "--existing", "make").code == 0
    assert made(served) == each(4) + each(4)
    done = bulk("schedule", "june.csv", "--journal", "newest.journal", "--yes")
    assert "4 of 4 rows look" in done.err
    assert "they are made all the same" in done.err
    assert made(served) == each(4) + each(4) + each(4)


@pytest.mark.parametrize(
    ("typed", "code", "number"), [("a\n", 0, 3), ("x\nm\n", 0, 6), ("\n", 1, 3), ("", 1, 3), ("s\n", 1, 3)]
)
def test_at_a_terminal_it_asks(served: Sandbox, bulk, terminal, typed: str, code: int, number: int) -> None:
    """Make, adopt or stop; what is no answer is asked again, and no answer at all is a stop."""
    write(3)
    assert bulk("schedule", "june.csv").code == 0
    terminal(typed)
    done = bulk("schedule", "june.csv", "--journal", "new.journal")
    assert done.code == code
    assert "m to make all rows all the same, a to adopt the meetings that are there, s to stop [s]: " in done.err
    assert made(served).total() == number
    if code:
        assert done.err.endswith("joinme: stopped; nothing was sent, and no journal was made\n")


def test_a_run_that_adopts_still_does_so_when_it_is_gone_on_with(served: Sandbox, bulk) -> None:
    """The journal remembers: whoever resumes need not."""
    write(5)
    assert bulk("schedule", "june.csv").code == 0
    served.plant(Fault.stale_token(), on="GET", skip=1, times=None)
    assert bulk("schedule", "june.csv", "--journal", "new.journal", "--existing", "adopt").code == 4
    served.clear_faults()
    assert bulk("resume", "--journal", "new.journal").err.splitlines()[-1].startswith("joinme: 5 adopted")
    assert made(served) == each(5)


# The dry run


def test_a_dry_run_sends_nothing_and_writes_nothing(served: Sandbox, bulk) -> None:
    """The ledger has GETs only, and no file is made; what a run would do is shown."""
    write(4)
    assert bulk("schedule", "june.csv", "--dry-run", "--rate", "2") == Done(
        0,
        "rows           4\nalready there  0\nto be sent     4, at 2 a second in 2 s\n",
        "joinme: this was a dry run: nothing was sent, and no journal was made or changed\n",
    )
    assert methods(served) == {"GET": 1}
    assert [path.name for path in Path().iterdir()] == ["june.csv"]
    assert bulk("schedule", "june.csv").code == 0
    before, sent = Path("june.csv.journal").read_bytes(), len(served.ledger)
    write(6)
    done = bulk("schedule", "june.csv", "--dry-run")
    assert done.out == (
        "rows           6\ndone           4\nin doubt       0\nalready there  0\n"
        "to be sent     2, as fast as join.me allows\n"
    )
    done = bulk("schedule", "june.csv", "--dry-run", "--json", "--journal", "new.journal", "--rate", "4")
    assert json.loads(done.out) == {
        "rows": 6, "bad": 0, "done": 0, "in_doubt": 0, "already_there": 4, "to_send": 6, "seconds": 1.25,
    }  # fmt: skip
    done = bulk("schedule", "june.csv", "--dry-run", "--journal", "new.journal")
    assert "already there  4, by name, times and personal URL; a run would ask what to do\n" in done.out
    write(3)
    assert bulk("schedule", "june.csv", "--dry-run") == Done(
        1, "", "joinme: the input ends 1 rows before the journal: june.csv.journal goes with another input\n"
    )
    write(4, first=9)
    assert "row #1 is not what the journal has there" in bulk("schedule", "june.csv", "--dry-run").err
    assert Path("june.csv.journal").read_bytes() == before
    assert {entry.method for entry in served.ledger[sent:]} == {"GET"}


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "get", ""])
async def test_the_transport_of_a_dry_run_refuses_even_when_asked(sandbox: Sandbox, method: str) -> None:
    """Whatever the code above it does: nothing but a GET reaches the wire."""
    transport = ReadOnlyTransport(sandbox.transport(concurrency=3))
    with pytest.raises(ConfigurationError, match="a dry run changes nothing"):
        await transport.send(Request(method, "https://api.join.me/v1/meetings"))
    assert sandbox.ledger == ()
    joinme = JoinMe(sandbox.token, transport=transport)
    with pytest.raises(ConfigurationError, match="a POST was refused, and did not leave"):
        await joinme.meetings.schedule(new_meeting())
    assert (await joinme.meetings.list(), transport.concurrency) == ([], 3)
    assert methods(sandbox) == {"GET": 1}
    await transport.aclose()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["unsent", "failed", "done", "sent", "doubt"]))),
    st.lists(st.sampled_from("abcd")),
)
def test_what_is_there_is_counted_once(rows: list[tuple[str, str]], listed: list[str]) -> None:
    """No meeting counts for two rows, only open rows count, and every row is in one group."""
    seen = counted([(look.encode(), state) for look, state in rows], [look.encode() for look in listed])
    waiting = Counter(look for look, state in rows if state in {"unsent", "failed"})
    assert seen.there == (waiting & Counter(listed)).total()
    assert (seen.rows, seen.to_send) == (len(rows), waiting.total())
    assert seen.done + seen.in_doubt + seen.to_send == seen.rows


async def test_a_preview_counts_neither_its_own_meetings_nor_twice(joinme: JoinMe, tmp_path: Path) -> None:
    """What the journal's rows have claimed is not there for others."""
    path = tmp_path / "run.journal"
    rows = [Row(new_meeting(name=f"Meeting {i % 2}")) for i in range(4)]
    await schedule_all(joinme, rows[:2], journal=path)
    seen = await preview(joinme, rows, path)
    assert (seen.rows, seen.done, seen.to_send, seen.there) == (4, 2, 2, 0)
    seen = await preview(joinme, rows, None)
    assert (seen.to_send, seen.there) == (4, 2)


# How it ends


def test_rows_that_fail_are_told_of_and_tried_again(served: Sandbox, bulk) -> None:
    """Exit code 3; the others are done; resuming sends what failed."""
    write(4)
    served.plant(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="POST")
    done = bulk("schedule", "june.csv")
    assert (done.code, done.out) == (3, "")
    lines = done.err.splitlines()
    assert re.fullmatch(r"joinme: row #\d, line \d \(Meeting \d\): failed: .*POST /meetings, 1 attempt.*\)", lines[1])
    assert lines[2:] == [
        "joinme: 3 scheduled, 1 failed; the list of join.me agrees",
        f"joinme: to try again what failed: {GO_ON}",
    ]
    shown = bulk("status", "june.csv")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("june.csv.journal: 3 scheduled, 1 failed\nnobody runs with it now\nrow #")
    status = json.loads(bulk("status", "june.csv", "--json").out)
    assert status["counts"] == {
        "scheduled": 3, "adopted": 0, "updated": 0, "deleted": 0, "failed": 1, "in_doubt": 0, "not_started": 0,
    }  # fmt: skip
    assert (status["holder"], status["complete"], status["in_doubt"], status["journal"]) == (
        None,
        True,
        [],
        "june.csv.journal",
    )
    assert [row["state"] for row in status["failed"]] == ["failed"]
    assert bulk("resume", "june.csv").code == 0
    assert made(served) == each(4)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_rows_in_doubt_are_told_of_and_looked_for_again(served: Sandbox, bulk, as_json: list[str]) -> None:
    """Exit code 5, before that for failed rows: the answer is lost, and the list lags behind or cannot be read."""
    write(3)
    served.plant(Fault.lose(), Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="POST")
    served.plant(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="GET", skip=2, times=None)
    done = bulk("schedule", "june.csv", *as_json)
    assert done.code == 5
    assert f"joinme: to look again what became of rows in doubt, and try again what failed: {GO_ON}" in done.err
    assert "it is not known whether join.me scheduled this: the list could not be read" in done.err
    assert len(done.out.splitlines()) == 3 * bool(as_json)
    served.clear_faults()
    done = bulk("resume", "june.csv.journal")
    assert (done.code, done.err.splitlines()[-1]) == (0, "joinme: 2 scheduled, 1 adopted; the list of join.me agrees")
    assert made(served) == each(3)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_used_up_quota_stops_it_and_it_says_when_to_go_on(served: Sandbox, bulk, as_json: list[str]) -> None:
    """Exit code 4, and the moment; what is left is done by resuming."""
    write(30)
    served.plant(Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200), on="POST", skip=5, times=None)
    done = bulk("schedule", "june.csv", *as_json)
    assert done.code == 4
    assert re.search(rf"^joinme: go on after 20\d\d-\d\d-\d\dT[\d:]+Z with: {GO_ON}$", done.err, re.MULTILINE)
    assert "joinme: 5 scheduled, 25 not started\njoinme: stopped: " in done.err
    assert len(done.out.splitlines()) == 30 * bool(as_json)
    served.clear_faults()
    assert bulk("resume", "june.csv").code == 0
    assert made(served) == each(30)


def test_a_token_refused_in_the_middle_stops_it(served: Sandbox, bulk) -> None:
    """Exit code 4, and what to do; refused at the beginning, nothing was begun, and it asks anew the next time."""
    write(20)
    served.plant(Fault.stale_token(), on="GET")
    assert bulk("schedule", "june.csv", "--existing", "make").code == 1
    served.plant(Fault.stale_token(), on="POST", skip=5, times=None)
    done = bulk("schedule", "june.csv")
    assert done.code == 4
    assert done.err.startswith("joinme: the journal is june.csv.journal\n")
    assert done.err.endswith(
        f"joinme: put a new token where the old one is (joinme config shows where), and go on with: {GO_ON}\n"
    )


RESULTS = [
    pytest.param({"scheduled": 3}, {}, 0, None, id="done"),
    pytest.param({"failed": 1}, {}, 3, "to try again what failed", id="failed"),
    pytest.param({"scheduled": 1}, {"missing": ("one",)}, 3, None, id="missing"),
    pytest.param({"scheduled": 1}, {"surplus": ("one",)}, 3, None, id="too many"),
    pytest.param(
        {"failed": 1, "in_doubt": 1}, {}, 5, "to look again what became of rows in doubt, and try", id="doubt"
    ),
    pytest.param({"failed": 1, "in_doubt": 1, "not_started": 1}, {}, 4, "go on with", id="not started"),
    pytest.param(
        {"in_doubt": 1}, {"stopped": ServerError("x", status=503)}, 4, "see that the service is well", id="outage"
    ),
    pytest.param({}, {"stopped": JournalError("x", journal="y")}, 4, "when that is mended", id="disk"),
    pytest.param({}, {"stopped": QuotaExceededError("x", status=403)}, 4, "see that the service is well", id="quota"),
    pytest.param({}, {"stopped": AuthenticationError("x", status=401)}, 4, "put a new token", id="token"),
]


@pytest.mark.parametrize(("counts", "more", "code", "says"), RESULTS)
def test_the_exit_code_tells_what_to_do(counts: dict, more: dict, code: int, says: str | None) -> None:
    """Stopped comes before in doubt, in doubt before failed; each has its words."""
    result = Result(counts, **more)
    assert result.code == code
    assert (what_next(result) or "").startswith(says or "")
    assert (what_next(result) is None) == (says is None)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["schedule", "nowhere.csv"], 2, "nowhere.csv"),
        (["schedule"], 2, "FILE is missing. See joinme bulk schedule --help"),
        (["schedule", "june.csv", "--existing", "perhaps"], 2, "perhaps"),
        (["schedule", "june.csv", "--rate", "0"], 2, "joinme: --rate: rate must be a whole number"),
        (["schedule", "june.csv", "--since", "soon"], 2, "soon"),
        (["frobnicate"], 2, "frobnicate"),
        (["resume"], 2, "joinme: which run? Name its file of meetings, or its journal with --journal"),
        (
            ["resume", "june.csv"],
            1,
            "joinme: there is no journal june.csv.journal: name the one of the run with --journal",
        ),
        (["status", "june.csv"], 1, "joinme: there is no journal june.csv.journal"),
        (["verify", "june.csv"], 1, "joinme: there is no journal june.csv.journal"),
        (["undo", "june.csv", "--yes"], 1, "joinme: there is no journal june.csv.journal"),
        (["schedule", "june.csv", "--timezone", "Nowhere"], 2, "no time zone named 'Nowhere'"),
        (["schedule", "empty.csv"], 1, "joinme: there is no meeting in empty.csv that can be sent"),
        (["schedule", "june.csv", "--journal", "june.csv"], 1, "june.csv is damaged, or no journal"),
        (["schedule", "june.csv", "--journal", "no/such/folder"], 1, "is its folder there,"),
    ],
)
def test_a_wrong_turn_is_met_by_a_message(served: Sandbox, bulk, arguments: list[str], code: int, says: str) -> None:
    """Exit code 2 where the command line was wrong, 1 where something else was; nothing was sent."""
    write(1)
    write(0, "empty.csv")
    done = bulk(*arguments)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert methods(served)["POST"] == 0


def test_without_a_token_nothing_is_begun(served: Sandbox, bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where the token goes."""
    write(1)
    monkeypatch.delenv("JOINME_ACCESS_TOKEN")
    done = bulk("schedule", "june.csv")
    assert done.code == 1
    assert done.err.startswith("joinme: there is no access token: put one into JOINME_ACCESS_TOKEN, or a line token")


def test_a_run_goes_on_without_its_file_where_the_journal_has_all_rows(served: Sandbox, bulk) -> None:
    """And where it has not, it says what to do about the file."""
    write(4)
    served.plant(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="POST")
    assert bulk("schedule", "june.csv").code == 3
    Path("june.csv").rename("moved.csv")
    done = bulk("resume", "june.csv")
    assert (done.code, done.err.splitlines()[0]) == (0, "joinme: goes on with june.csv.journal")
    served.plant(Fault.stale_token(), on="GET")
    new = ("--journal", "new.journal")
    assert bulk("schedule", "moved.csv", "--existing", "make", *new).code == 1
    Path("moved.csv").rename("june.csv")
    done = bulk("resume", *new)
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("or name the place where it is now: joinme bulk schedule FILE --journal new.journal\n")
    assert bulk("schedule", "june.csv", *new, "--existing", "adopt").code == 0
    assert made(served) == each(4)


def test_many_failures_are_told_in_a_few_lines(served: Sandbox, bulk) -> None:
    """Ten of them, and where all are; an outage of twenty in a row stops the run."""
    write(40)
    served.plant(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="POST", times=None)
    done = bulk("schedule", "june.csv")
    assert done.code == 4
    assert len(re.findall(r"^joinme: row #", done.err, re.MULTILINE)) == 10
    assert "joinme: … all of them: joinme bulk status --journal june.csv.journal\n" in done.err
    assert done.err.endswith(f"joinme: see that the service is well, and go on with: {GO_ON}\n")
    assert bulk("status", "june.csv").out.count("\nrow #") >= 20
    for verb in (("resume", "june.csv"), ("resume", "june.csv", "--json")):
        served.clear_faults()
        served.plant(Fault.stale_token(), on="GET", times=None, skip=int("--json" not in verb))
        done = bulk(*verb)
        assert (done.code, done.err.splitlines()[-1]) == (
            0, "joinme: 40 scheduled; the list of join.me could not be read",
        )  # fmt: skip


def test_a_file_that_is_gone_or_changed_in_the_middle_stops_the_run(served: Sandbox, bulk, monkeypatch) -> None:
    """Exit code 4: something was sent, and the journal has it."""
    write(4)

    async def unlucky(*args, on_progress, **options):
        on_progress(Progress("sending"))
        raise FileNotFoundError(2, "No such file or directory", "june.csv")

    monkeypatch.setattr(_bulk, "schedule_all", unlucky)
    done = bulk("schedule", "june.csv")
    assert (done.code, done.err.splitlines()[-1]) == (4, f"joinme: when that is mended, go on with: {GO_ON}")


def test_a_journal_of_another_kind_of_run_is_refused(served: Sandbox, bulk) -> None:
    """Its status is shown all the same."""

    async def cancel() -> None:
        async with JoinMe() as joinme:
            await delete_all(joinme, [1, 2], journal="cancel.journal", missing_ok=True)

    anyio.run(cancel)
    for verb in ("resume", "verify", "undo"):
        done = bulk(verb, "cancel.journal", *["--yes"] * (verb == "undo"))
        assert (done.code, done.out) == (1, "")
        assert "schedule" in done.err
    assert bulk("status", "cancel.journal").out == "cancel.journal: 2 deleted\nnobody runs with it now\n"


# verify and undo


def test_verify_compares_the_list_with_the_rows(served: Sandbox, bulk) -> None:
    """What is missing, and what is there too often: exit code 3; else 0."""
    write(3)
    assert bulk("schedule", "june.csv").code == 0
    assert bulk("verify", "june.csv") == Done(0, "", "joinme: 3 scheduled; the list of join.me agrees\n")
    first, second = served.meetings[:2]

    async def meddle() -> None:
        async with JoinMe() as joinme:
            await joinme.meetings.delete(first.id)
            await joinme.meetings.schedule(
                new_meeting(name=second.name, start=second.start, end=second.end, participants=["anna@example.com"])
            )

    anyio.run(meddle)
    assert bulk("verify", "june.csv") == Done(
        3,
        "",
        "joinme: meeting 10004 (Meeting 1, 2027-06-02T09:01:00Z) equals a row, and no row needs it\n"
        f"joinme: row #1, line 2 (Meeting 0): scheduled, but meeting {first.id} is not in the list of join.me\n"
        "joinme: 3 scheduled, 1 surplus, 1 missing\n",
    )
    shown = json.loads(bulk("verify", "june.csv", "--json").out)
    assert [row["meeting_id"] for row in shown["missing"]] == [first.id]
    assert shown["surplus"] == [
        {"meeting_id": 10004, "name": "Meeting 1", "start": "2027-06-02T09:01:00Z", "end": "2027-06-02T10:01:00Z"}
    ]


def test_undo_asks_and_deletes_what_the_run_made(served: Sandbox, bulk, terminal) -> None:
    """Without a terminal only with --yes; then the run cannot be gone on with."""
    write(3)
    assert bulk("schedule", "june.csv").code == 0
    told = "this deletes 3 meetings, and its run cannot be gone on with."
    assert bulk("undo", "june.csv") == Done(1, "", f"joinme: {told} Nothing was deleted: say --yes\n")
    terminal("\n")
    done = bulk("undo", "june.csv")
    assert done == Done(1, "", f"joinme: {told}\n  d to delete them, s to stop [s]: joinme: nothing was deleted\n")
    assert len(served.meetings) == 3
    done = bulk("undo", "june.csv", "--yes", "--json")
    assert (done.code, done.err) == (0, "joinme: 3 deleted\n")
    assert [json.loads(line)["state"] for line in done.out.splitlines()] == ["deleted"] * 3
    assert served.meetings == ()
    done = bulk("resume", "june.csv")
    assert done.code == 1
    assert "is of a run that was undone: name another journal to do it again" in done.err


def test_what_could_not_be_undone_is_told_of(served: Sandbox, bulk, terminal) -> None:
    """Exit code 3 for those that failed, 4 where it was stopped; run again, it goes on."""
    write(3)
    assert bulk("schedule", "june.csv").code == 0
    served.plant(Fault.refuse("ERR_403_DEVELOPER_INACTIVE"), on="DELETE")
    terminal("d\n")
    done = bulk("undo", "june.csv")
    assert (done.code, done.err.splitlines()[-1]) == (
        3,
        "joinme: go on with: joinme bulk undo --journal june.csv.journal",
    )
    served.plant(Fault.stale_token(), on="DELETE", times=None)
    assert bulk("undo", "june.csv", "--yes").code == 4
    served.clear_faults()
    assert bulk("undo", "june.csv", "--yes").code == 0
    assert served.meetings == ()


# In processes of their own


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-m", "joinme_async", "bulk", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_a_run_that_is_interrupted_ends_what_is_in_flight_and_is_gone_on_with(served: Sandbox, bulk) -> None:
    """Exit code 130, the command to go on, no row in doubt; resumed, every row was made exactly once."""
    write(60)
    served.latency = 0.05
    with process("schedule", "june.csv", "--json", "--rate", "40") as running:
        wait_for(lambda: methods(served)["POST"] >= 20, seconds=30)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert err.splitlines()[-3:] == [
        "",
        "joinme: interrupted; what is in flight has ten seconds to end (Ctrl-C again drops it)",
        f"joinme: interrupted; go on with: {GO_ON}",
    ]
    number = methods(served)["POST"]
    assert 20 <= number < 60
    report = anyio.run(Journal("june.csv.journal").report)
    assert len(report.scheduled) + len(report.in_doubt) == number
    assert all(json.loads(line)["state"] == "scheduled" for line in out.splitlines())
    served.latency = 0.0
    done = bulk("resume", "--journal", "june.csv.journal", "--json")
    assert done.code == 0
    assert Counter(json.loads(line)["name"] for line in done.out.splitlines()) == each(60)
    assert made(served) == each(60)


def test_a_run_that_is_interrupted_before_its_first_row_has_nothing_to_go_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it still reads its file, for instance: no run stands in the journal, and nothing was sent."""
    journal = tmp_path / "june.csv.journal"
    Store(str(journal)).close()

    def work() -> int:
        raise KeyboardInterrupt

    assert carried_on(work, Common(), "resume", journal) == 130
    assert capsys.readouterr().err == "joinme: interrupted; nothing was sent\n"
    journal.write_bytes(b"torn, and nobody knows what stood here")
    assert carried_on(work, Common(), "resume", journal) == 130
    assert capsys.readouterr().err == f"joinme: interrupted; go on with: joinme bulk resume --journal {journal}\n"


def test_a_reader_that_leaves_stops_the_run(served: Sandbox) -> None:
    """As with `| head -1`: no traceback, exit code 4, and the command to go on."""
    write(60)
    served.latency = 0.02
    with process("schedule", "june.csv", "--json", "--rate", "30") as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr is not None
        err = running.stderr.read()
        assert running.wait(20) == 4
    assert err.splitlines()[-1] == f"joinme: nobody reads stdout any more; go on with: {GO_ON}"
    assert "Traceback" not in err


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_on_a_terminal_a_bar_is_drawn_and_the_question_asked(served: Sandbox) -> None:
    """The bar is on stderr, with the counts in it; what is typed is heard."""
    import pty  # noqa: PLC0415  not on Windows

    write(5)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "joinme_async", "bulk"]
    for verb, typed in (("schedule", b""), ("undo", b"d\n")):
        with subprocess.Popen(
            [*command, verb, "june.csv"],
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=follower,
            env={**os.environ, "COLUMNS": "100"},
        ) as running:
            os.write(leader, typed)
            assert running.wait(20) == 0
            assert running.stdout is not None
            assert running.stdout.read() == b""
    os.close(follower)
    seen = os.read(leader, 65536).decode()
    os.close(leader)
    assert "5 of 5 done" in seen
    assert "━" in seen
    assert served.meetings == ()


# Progress


def test_lines_come_now_and_then_and_a_wait_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The first after a second, then every five, later more rarely; a new long wait is told when it begins."""
    time = [0.0]
    with Teller(bar=False, now=lambda: time[0]) as teller:
        for time[0], progress in (
            (0.5, Progress("checking")),
            (0.9, Progress("sending", done=1, total=10)),
            (1.1, Progress("sending", done=2, total=10, rate=2.0, time_left=4.0)),
            (4.0, Progress("sending", done=3, total=10, waiting="rate limit", waits=0.5)),
            (5.0, Progress("sending", done=3, failed=1, total=10, waiting="cool-down", waits=12.2)),
            (5.5, Progress("sending", done=3, failed=1, total=10, waiting="cool-down", waits=11.7)),
            (9.9, Progress("sending", done=4)),
            (10.1, Progress("settling", done=4, in_doubt=2, waiting="settle", waits=2.0)),
            (10.9, Progress("settling", done=4, in_doubt=2, waiting="settle", waits=2.0)),
            (16.0, Progress("sending", done=5, waiting="cool-down", waits=60.0)),
            (21.5, Progress("sending", done=5, waiting="cool-down", waits=60.0)),
            (27.0, Progress("verifying", done=6)),
            (900.0, Progress("sending", done=7)),
            (930.0, Progress("sending", done=8)),
            (946.0, Progress("sending", done=9)),
            (999.0, Progress("finished", done=10)),
        ):
            teller(progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "joinme: 2 of 10 done, 2.0 a second, 4 s left",
        "joinme: 3 of 10 done, 1 failed; join.me asked to wait: 12 s",
        "joinme: 4 done, 2 in doubt; gives join.me time to show what it made: 2 s",
        "joinme: 5 done; join.me asked to wait: 1 min 00 s",
        "joinme: 5 done; join.me asked to wait: 54 s",
        "joinme: 6 done; comparing with the list of join.me",
        "joinme: 7 done",
        "joinme: 9 done",
    ]
    assert teller.has_begun


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (9000, "2 h 30 min")]
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    """Seconds, minutes, hours."""
    assert duration(seconds) == said


def test_a_pause_by_the_pace_is_told_only_where_it_is_long() -> None:
    """Every row waits a little for its turn; nobody asks about that."""
    assert line_of(Progress("sending", done=1, waiting="rate limit", waits=0.2)) == "1 done"
    assert (
        line_of(Progress("sending", done=1, waiting="rate limit", waits=90))
        == "1 done; keeps to the rate limit: 1 min 30 s"
    )
    assert line_of(Progress("sending", done=1, waiting="token")) == "1 done; waits for an access token"
