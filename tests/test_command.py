"""The command as a whole: its help, its reference page, how it starts, and how it completes what is typed."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cyclopts import App
from hypothesis import given
from hypothesis import strategies as st

from joinme_async import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DeadlineExceededError,
    InvalidMeetingError,
    JoinMeError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
    WaitStarted,
)
from joinme_async._events import AttemptStarted, CoolDownClosed, OutcomeUnknown
from joinme_async.cli import _stdio
from joinme_async.cli._app import app
from joinme_async.cli._codes import UsageError, code_at_the_start, code_of
from joinme_async.cli._moments import bounds, moment, zone_of
from joinme_async.cli._shown._words import relative
from joinme_async.cli._waiting import Patience
from tests.commands import Done, joinme

DOCS = Path(__file__).parents[1] / "docs"


def verbs(under: App = app, name: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield each verb, and each group of verbs."""
    for verb in under:
        if not verb.startswith("-"):
            yield (*name, verb)
            inner = under[verb]
            yield from verbs(inner, (*name, verb)) if inner.default_command is None else ()


VERBS = list(verbs())


def test_the_verbs_are_these() -> None:
    """One that comes or goes is a decision."""
    assert {" ".join(verb) for verb in VERBS} == {
        "list", "get", "schedule", "update", "delete", "export", "sandbox", "demo", "config", "completion",
        "bulk", "bulk schedule", "bulk resume", "bulk status", "bulk verify", "bulk undo",
    }  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_each_verb_has_help_with_an_example(verb: tuple[str, ...], command: Callable[..., Done]) -> None:
    """On stdout, with exit code 0, within the width of the terminal, and without the marks of its source."""
    done = command(*verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert re.search(rf"(Example:|Begin with) joinme {' '.join(verb)}\b", done.out)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "`" not in done.out
    assert not re.search(r"^\s*(Parameters|-----)", done.out, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_misspelt_option_is_met_with_the_one_that_was_meant(
    verb: tuple[str, ...], command: Callable[..., Done]
) -> None:
    """One line on stderr, exit code 2, and where help is."""
    done = command(*verb, "--debgu")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert re.search(r"See joinme .*--help$", done.err)


def test_the_reference_is_the_command_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`docs/reference/command.md` is what `docs/write_command.py` writes: no option can drift away from it."""
    monkeypatch.setattr(sys, "argv", sys.argv)  # which the page sets
    written = runpy.run_path(str(DOCS / "write_command.py"))["page"]()
    assert (DOCS / "reference" / "command.md").read_text(encoding="utf-8") == written, (
        "run: python docs/write_command.py"
    )


def imported(*arguments: str) -> set[str]:
    """Return the modules that a verb loads."""
    code = (
        "import sys; from joinme_async.__main__ import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=50, check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    return set(done.stderr.split())


HEAVY = {
    "asyncio", "attrs", "httpx", "cattrs", "anyio", "sqlite3", "uvicorn", "rich.table", "rich.markdown", "rich.progress",
    "jinja2", "icalendar", "tzlocal", "platformdirs", "joinme_async.sandbox", "joinme_async.bulk", "joinme_async._client",
}  # fmt: skip


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (("--version",), {"attrs"}),
        (("--help",), {"attrs", "rich.table"}),
        (("schedule", "--help"), {"attrs", "rich.table"}),
        (("completion", "bash"), {"attrs", "rich.table"}),
        (("get", "x"), {"attrs"}),
        (("list", "--json"), {"attrs", "asyncio", "anyio", "cattrs", "httpx", "platformdirs", "joinme_async._client"}),
        (("list", "--csv"), {"attrs", "asyncio", "anyio", "cattrs", "httpx", "platformdirs", "joinme_async._client"}),
        (("list", "--ics"), {"attrs", "asyncio", "anyio", "cattrs", "httpx", "platformdirs", "joinme_async._client", "icalendar"}),
        (("config",), {"attrs", "anyio", "platformdirs", "joinme_async._client"}),
        (("bulk", "status", "nowhere"), {"attrs", "anyio", "platformdirs", "joinme_async._client", "joinme_async.bulk", "sqlite3", "cattrs"}),
    ],
)  # fmt: skip
def test_no_verb_loads_what_it_does_not_use(arguments: tuple[str, ...], needed: set[str]) -> None:
    """Which is why it starts at once: the libraries that draw, serve, store and speak HTTP wait until they are asked for."""
    assert imported(*arguments) & HEAVY <= needed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_it(shell: str, command: Callable[..., Done], tmp_path: Path) -> None:
    """What is printed is a script of that shell, and knows verbs and options."""
    done = command("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "schedule" in done.out
    assert "participant" in done.out
    if shutil.which(shell):
        script = tmp_path / "joinme"
        script.write_text(done.out)
        subprocess.run([shell, "-n", str(script)], check=True, timeout=20)


def test_bash_completes_verbs_and_options(command: Callable[..., Done], tmp_path: Path) -> None:
    """As somebody who presses the tabulator key sees it."""
    script = tmp_path / "joinme"
    script.write_text(command("completion", "bash").out)
    words = {
        "joinme sc": {"schedule"},
        "joinme bulk un": {"undo"},
        "joinme list --wee": {"--week"},
        "joinme completion z": {"zsh"},
    }
    for line, expected in words.items():
        typed = line.split()
        code = (
            f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(typed) - 1}; COMP_LINE='{line}'; "
            f"COMP_POINT={len(line)}; $(complete -p joinme | sed 's/.*-F \\([^ ]*\\) .*/\\1/') joinme {typed[-1]} "
            f"{typed[-2]}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=20, check=True)
        assert {word.strip() for word in done.stdout.split()} == expected


@pytest.mark.parametrize("columns", ["0", "1", "20"])
def test_no_width_is_too_narrow(columns: str) -> None:
    """Help and tables are drawn, and end."""
    for arguments in (("list", "--help"), ("config",)):
        done = joinme(*arguments, COLUMNS=columns)
        assert done.returncode == 0
        assert done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("list", "--help"), ("config",)])
def test_help_ends_in_a_line_too(arguments: tuple[str, ...]) -> None:
    """Where nothing can be written."""
    with Path("/dev/full").open("w") as full:
        done = joinme(*arguments, stdout=full)
    assert (done.returncode, len(done.stderr.splitlines())) == (74, 1)


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("cyclopts", ("--version",)), ("rich", ("--help",)), ("platformdirs", ("list",)), ("tzlocal", ("list", "--week")),
        ("jinja2", ("export", "--html", "week.html")), ("icalendar", ("list", "--ics")),
    ],
)  # fmt: skip
def test_without_a_library_it_says_what_to_install(library: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Whichever is not there, and whenever that shows."""
    code = f"import sys; sys.modules[{library!r}] = None; from joinme_async.__main__ import main; main()"
    settings = {"JOINME_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path), "TZ": "UTC"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=30, check=False,
        env={**os.environ, **settings},
    )  # fmt: skip
    assert done.returncode in {1, 2}
    assert "pip install 'joinme-async[cli,sandbox]'" in done.stderr
    assert "Traceback" not in done.stderr


# Exit codes


class OddError(JoinMeError):
    """One that nobody has met yet."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidMeetingError("x"), 1),
        (ConfigurationError("x"), 1),
        (OddError("x"), 1),
        (UsageError("x"), 2),
        (BadRequestError("x", status=400), 3),
        (PermissionDeniedError("x", status=403), 3),
        (APIStatusError("x", status=409), 3),
        (UnexpectedResponseError("x"), 3),
        (AuthenticationError("x", status=401), 4),
        (RateLimitedError("x", status=429), 4),
        (QuotaExceededError("x", status=403), 4),
        (ServerError("x", status=503), 4),
        (TransportError("x"), 4),
        (TransportTimeoutError("x"), 4),
        (DeadlineExceededError("x"), 4),
        (OutcomeUnknownError("x"), 5),
        (NotFoundError("x", status=404), 6),
    ],
)
def test_what_a_script_would_do_otherwise_has_a_code_of_its_own(error: JoinMeError, code: int) -> None:
    """1 nothing done, 2 mistyped, 3 refused, 4 later or another token, 5 not known, 6 not there; at the start of a run 1 or 2."""
    assert code_of(error) == code
    assert code_at_the_start(error) == (2 if code == 2 else 1)


# Times


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2027-06-02T10:00+02:00", None, datetime(2027, 6, 2, 8, tzinfo=UTC)),
        ("2027-06-02T10:00Z", "Asia/Tokyo", datetime(2027, 6, 2, 10, tzinfo=UTC)),
        ("2027-06-02T10:00", "Europe/London", datetime(2027, 6, 2, 9, tzinfo=UTC)),
        ("2027-06-02 10:00", "Europe/London", datetime(2027, 6, 2, 9, tzinfo=UTC)),
        (" 2027-06-02T10:00:30 ", "UTC", datetime(2027, 6, 2, 10, 0, 30, tzinfo=UTC)),
        ("2027-10-31T01:30+00:00", "Europe/London", datetime(2027, 10, 31, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_taken_as_it_was_typed(text: str, zone: str | None, instant: datetime) -> None:
    """An offset of its own stands before the zone of the command line."""
    assert moment(text, zone, "--start") == instant


@pytest.mark.parametrize(
    ("text", "zone", "says"),
    [
        ("0001-01-01T00:00+10:00", None, "is outside the years 1 to 9999"),
        ("2027-10-31T01:30", "Europe/London", "write 2027-10-31T01:30+01:00 for the first, or 2027-10-31T01:30+00:00"),
        ("2027-03-28T01:30", "Europe/London", "--start: 2027-03-28T01:30:00 does not exist in Europe/London"),
        ("2027-02-30T10:00", None, "'2027-02-30T10:00' is no date and time"),
        ("", None, "'' is no date and time"),
        ("10:00", "UTC", "'10:00' is no date and time"),
        ("2027-06-02T10:00", "Nowhere", "no time zone named 'Nowhere'"),
    ],
)
def test_no_hour_is_guessed(text: str, zone: str | None, says: str) -> None:
    """What was typed, why it cannot be meant, and what to type instead."""
    with pytest.raises(UsageError) as caught:
        moment(text, zone, "--start")
    assert says in str(caught.value)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["Europe/London", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"]),
)
def test_a_time_is_what_a_clock_shows_there(wall: datetime, zone: str) -> None:
    """Or it is refused: never another time of day."""
    try:
        instant = moment(wall.isoformat(timespec="minutes"), zone, "--start")
    except UsageError as error:
        assert "comes twice" in str(error) or "does not exist" in str(error)
    else:
        assert instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall.replace(second=0, microsecond=0, fold=0)


def test_days_are_bounds_from_midnight_to_midnight() -> None:
    """Of the zone, on days of 23 and 25 hours as well; a day that is none is refused."""
    assert bounds("2027-03-28", "2027-03-28", "Europe/London") == (
        datetime(2027, 3, 28, 0, tzinfo=UTC), datetime(2027, 3, 28, 23, tzinfo=UTC),
    )  # fmt: skip
    assert bounds("2027-10-31", "2027-10-31", "Europe/London") == (
        datetime(2027, 10, 30, 23, tzinfo=UTC), datetime(2027, 11, 1, 0, tzinfo=UTC),
    )  # fmt: skip
    assert bounds(None, None, None) == (None, None)
    for wrong in ("2027-02-30", "tomorrow"):
        with pytest.raises(UsageError, match="is no "):
            bounds(wrong, None, "UTC")


def test_the_zone_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is the one it is set to; one that cannot be read is no reason for a guess."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert str(zone_of(None)) == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "Nowhere/At_All")
    with pytest.raises(UsageError, match="add --timezone"):
        zone_of(None)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (-800, "2 years ago"), (-90, "3 months ago"), (-14, "2 weeks ago"), (-2, "2 days ago"), (-1, "yesterday"),
        (0, "today"), (1, "tomorrow"), (2, "in 2 days"), (13, "in 13 days"), (14, "in 2 weeks"), (60, "in 9 weeks"),
        (61, "in 2 months"), (365, "in 12 months"), (729, "in 24 months"), (730, "in 2 years"),
    ],
)  # fmt: skip
def test_how_far_away_a_day_is(days: int, said: str) -> None:
    """As people say it: counted in days, in weeks from the second on, in months from the second, in years from the second."""
    today = date(2027, 6, 1)
    assert relative(today + timedelta(days), today) == said


# Waiting


def test_what_is_waited_for_is_said_once_and_counted_down() -> None:
    """A new wait at once, the same one every ten seconds; an answer ends it."""
    time = [100.0]
    patience = Patience("asking join.me", bar=False, now=lambda: time[0])
    assert patience.line() == "asking join.me"
    assert patience.line() is None
    time[0] += 9.9
    assert patience.line() is None
    patience(WaitStarted("GET", "/meetings", "cool-down", 12.0))
    assert patience.line() == "asking join.me; join.me asked to wait: 12 s"
    time[0] += 5
    patience.count(3, 7)
    assert patience.line() is None
    time[0] += 5
    assert patience.line() == "asking join.me: 3 of 7; join.me asked to wait: 2 s"
    patience(CoolDownClosed("GET", "/meetings"))
    patience(WaitStarted("GET", "/meetings", "token"))
    assert patience.line() == "asking join.me: 3 of 7; waits for an access token"
    patience(AttemptStarted("GET", "/meetings", 1))
    assert patience.line() is None
    time[0] += 10
    assert patience.line() == "asking join.me: 3 of 7"
    assert not patience.doubt
    patience(OutcomeUnknown("POST", "/meetings"))
    assert patience.doubt


def test_a_quick_call_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves no thread behind, however it ends."""
    with pytest.raises(KeyboardInterrupt), Patience("asking join.me", bar=False) as patience:
        raise KeyboardInterrupt
    assert not patience._thread.is_alive()
    assert capsys.readouterr() == ("", "")


def test_a_long_call_draws_a_bar_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal, on stderr, with what is waited for; nothing on stdout."""
    monkeypatch.setattr("joinme_async.cli._waiting._FIRST", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Patience("asking join.me", bar=True) as patience:
        patience(WaitStarted("GET", "/meetings", "cool-down", 12.0))
        patience.count(3, 7)
        while "12 s" not in (seen := capsys.readouterr().err):
            patience._over.wait(0.01)
    assert "asking join.me: 3 of 7" in seen
    assert "join.me asked to wait: 12 s" in seen


# Streams


def test_data_is_utf_8_whatever_the_terminal_is_set_to() -> None:
    """A pipe under an old locale gets the names as they are, not question marks."""
    code = "from joinme_async.cli._stdio import put, show_text; show_text('one'); put('اجتماع 🎉\\n'); put(b'x\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=20, check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii:replace"},
    )  # fmt: skip
    assert done.stdout.decode() == "one\nاجتماع 🎉\nx\n".replace("\n", os.linesep if os.name == "nt" else "\n")


def test_what_is_said_does_not_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A meeting may be called anything; no name moves the cursor, clears the screen or begins a line."""
    _stdio.say("a\x1b[2Jb\r\nc\u202ed")
    assert capsys.readouterr().err.count("\n") == 1
    _stdio.say("a\x1b[2J")
    assert "\x1b" not in capsys.readouterr().err
