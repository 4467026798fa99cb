"""The command, as a person and as a script meet it: exact streams and exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import attrs
import pytest

from joinme_async import JoinMe, RetryPolicy, __version__
from joinme_async.bulk import read_meetings
from joinme_async.cli import _demo
from joinme_async.cli._demo import Fate, Shown, disagreements, example_file
from joinme_async.sandbox import Sandbox
from tests.commands import joinme
from tests.conftest import HOUR, START, new_meeting

HEAD = "name,start,end,participants\n"


def test_the_demo_schedules_the_example_over_http() -> None:
    """Every row, some changed, some cancelled, in the zone asked for; the ledger agrees, and the exit code is 0."""
    done = joinme("demo", "--timezone", "Europe/London")
    assert (done.returncode, done.stderr) == (0, "")
    count = len(list(read_meetings(example_file())))
    assert f"{count} meetings scheduled, 3 changed, 2 cancelled: " in done.stdout
    assert "The sandbox's ledger agrees: each row exactly once, and every meeting as shown." in done.stdout
    assert re.search(r"^Mon 22 Mar +GMT *$", done.stdout, re.MULTILINE)
    assert re.search(r"^Mon 29 Mar +BST *$", done.stdout, re.MULTILINE)
    assert re.search(r"09:00-10:00 +Weekly update with the boss +2 +\d{5} +scheduled", done.stdout)
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80


def test_the_demo_takes_a_file_of_ones_own(tmp_path: Path) -> None:
    """A single meeting will do."""
    file = tmp_path / "mine.csv"
    file.write_text(f"{HEAD}Mine,2031-01-01T09:00Z,2031-01-01T09:05Z,\n")
    done = joinme("demo", str(file))
    assert done.returncode == 0
    assert re.search(r"09:00-09:05 +Mine +- +10001 +scheduled", done.stdout)


def test_names_that_the_terminal_cannot_show_do_not_stop_it() -> None:
    """An old terminal shows question marks where it has no letters."""
    done = joinme("demo", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "?? (Tokyo stand-up)" in done.stdout


def test_a_zone_for_the_file_is_taken_from_the_command_line(tmp_path: Path) -> None:
    """Times without a zone of their own are in the zone that times are shown in."""
    file = tmp_path / "mine.csv"
    file.write_text(f"{HEAD}Mine,2031-07-01T09:00,2031-07-01T09:05,\n")
    done = joinme("demo", str(file), "--timezone", "Europe/London")
    assert done.returncode == 0
    assert re.search(r"09:00-09:05 +Mine", done.stdout)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f"{HEAD}x,2027-06-02T09:00,2027-06-02T10:00Z,\n",
            "mine.csv, line 2, column start: 2027-06-02T09:00 has no zone",
        ),
        ("title\n", "mine.csv, line 1, column title: the first line must name the columns"),
        (HEAD, "there is no meeting in that file"),
    ],
)
def test_a_bad_file_is_told_in_a_line(text: str, says: str, tmp_path: Path) -> None:
    """No traceback: what is wrong, where, and exit code 1; nothing on stdout."""
    file = tmp_path / "mine.csv"
    file.write_text(text)
    done = joinme("demo", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("joinme: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["demo", "nowhere.csv"], 2, "does not exist"),
        (["demo", "--timezone", "Nowhere"], 2, "no time zone named 'Nowhere'"),
        (["sandbox", "--port", "70000"], 2, "65535"),
        (["sandbox", "--host", "192.0.2.1", "--port", "0"], 1, "cannot listen on 192.0.2.1"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_a_wrong_turn_is_met_by_a_message(arguments: list[str], code: int, says: str) -> None:
    """What was wrong stands on stderr: exit code 2 where the command line was, 1 where something else was."""
    done = joinme(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_version_and_help() -> None:
    """Both answer at once, with exit code 0."""
    assert joinme("--version").stdout.strip() == __version__
    shown = joinme("--help")
    assert shown.returncode == 0
    assert "demo" in shown.stdout
    assert "sandbox" in shown.stdout
    for verb in ("demo", "sandbox", "bulk"):
        assert joinme(verb, "--help").returncode == 0


def test_without_the_extra_it_says_what_to_install() -> None:
    """`python -m joinme_async` in an environment without cyclopts."""
    code = "import sys; sys.modules['cyclopts'] = None; from joinme_async.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The joinme command needs its extra: pip install 'joinme-async[cli,sandbox]'\n"


@contextmanager
def running_sandbox(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run `joinme sandbox`, and give it with the settings that it prints for the shell."""
    process = subprocess.Popen(
        [sys.executable, "-m", "joinme_async", "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[0] == "export"
        yield process, dict(word.split("=", 1) for word in words[1:])
    finally:
        process.kill()
        process.communicate()


def test_the_sandbox_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    """Its first line is for the shell; each request is told on stderr, faults from a file included; Ctrl-C ends it."""
    script = tmp_path / "faults.json"
    script.write_text(json.dumps([{"kind": "error", "status": 503, "on": "GET"}]))
    with running_sandbox("--faults", str(script), "--per-second", "50", "--latency", "0.001") as (process, settings):

        async def main() -> None:
            token, url = settings["JOINME_ACCESS_TOKEN"], settings["JOINME_BASE_URL"]
            async with JoinMe(token, base_url=url, retry=RetryPolicy.never()) as client:
                meeting = await client.meetings.schedule(
                    new_meeting(start=START.replace(year=9998), end=(START + HOUR).replace(year=9998))
                )
                with pytest.raises(Exception, match="503"):
                    await client.meetings.get(meeting.id)
                await client.meetings.delete(meeting)

        anyio.run(main)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    lines = told.splitlines()
    assert lines[0].startswith("A make-believe join.me listens on http://127.0.0.1:")
    assert lines[1].startswith("Watch it, and switch faults on and off, at http://127.0.0.1:")
    assert lines[1].endswith("/ (this machine only).")
    assert [line.split(" ", 1)[1] for line in lines[2:]] == [
        "POST   /v1/meetings 201 created 10001",
        "GET    /v1/meetings/10001 503 [error 503 before the work]",
        "DELETE /v1/meetings/10001 204 deleted 10001",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "faults.json is not JSON"),
        ("{}", "must hold a list of faults"),
        ('[{"kind": "explode"}]', "its kind is one of refuse, error"),
    ],
)
def test_a_bad_file_of_faults_is_told_in_a_line(text: str, says: str, tmp_path: Path) -> None:
    """Before anything is served."""
    script = tmp_path / "faults.json"
    script.write_text(text)
    done = joinme("sandbox", "--faults", str(script))
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Shown], list, Sandbox]:
    """A finished demo: what it shows, its rows, and the sandbox it ran on."""
    meetings = [row.meeting for row in read_meetings(example_file())]
    sandbox = Sandbox(clock=_demo.FakeClock(min(new.start for new in meetings) - 24 * HOUR))
    journal = tmp_path_factory.mktemp("demo") / "demo.journal"
    shown = anyio.run(_demo._carry_out, JoinMe(sandbox.token, transport=sandbox.transport()), meetings, journal)
    return shown, meetings, sandbox


def test_what_is_shown_and_the_ledger_agree(demonstrated: tuple[list[Shown], list, Sandbox]) -> None:
    """Nothing to report after a run as it should be, with one meeting of each fate in it at least."""
    shown, meetings, sandbox = demonstrated
    assert list(disagreements(shown, meetings, sandbox)) == []
    assert {line.fate for line in shown} == set(Fate)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(lambda shown, meetings: (shown, meetings[1:]), "for 47 rows", id="a row scheduled twice"),
        pytest.param(
            lambda shown, meetings: (shown, [new_meeting(), *meetings[1:]]), "others than these", id="another row"
        ),
        pytest.param(
            lambda shown, meetings: (shown, [attrs.evolve(meetings[0], participants=[]), *meetings[1:]]),
            "others than these",
            id="a row that invites others",
        ),
        pytest.param(lambda shown, meetings: (shown[1:], meetings), "is there, and not shown so", id="not shown"),
        pytest.param(
            lambda shown, meetings: (
                [attrs.evolve(line, fate=Fate.SCHEDULED) if line.fate is Fate.CANCELLED else line for line in shown],
                meetings,
            ),
            "is not there, and not shown so",
            id="cancelled, shown as scheduled",
        ),
        pytest.param(
            lambda shown, meetings: (
                [attrs.evolve(shown[0], meeting=attrs.evolve(shown[0].meeting, name="other")), *shown[1:]],
                meetings,
            ),
            "is not as shown",
            id="another name",
        ),
    ],
)
def test_a_demo_that_lies_is_found_out(spoil, says: str, demonstrated: tuple[list[Shown], list, Sandbox]) -> None:
    """Whatever is shown otherwise than the ledger has it is reported."""
    shown, meetings, sandbox = demonstrated
    assert any(says in problem for problem in disagreements(*spoil(shown, meetings), sandbox))


def test_the_exit_code_tells_of_a_lie(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A demo that does not do what it shows exits with 1 and says what is wrong on stderr."""

    async def forgetful(joinme: JoinMe, meeting, fate: Fate):
        return await joinme.meetings.get(meeting.id)

    monkeypatch.setattr(_demo, "_meet_fate", forgetful)
    assert _demo.run_demo(None, None) == 1
    assert "joinme: the ledger disagrees: meeting" in capsys.readouterr().err
