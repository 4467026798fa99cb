"""The command in this process: what it is told, what it writes, and how it ends."""

import io
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from joinme_async import RetryPolicy
from joinme_async.cli import _app, _shell, _stdio, _teller, _waiting
from joinme_async.sandbox import Sandbox
from joinme_async.testing import FakeClock

PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "TZ": "UTC", "PYTHONIOENCODING": "utf-8"}
"""What makes a program write the same everywhere."""

TODAY = datetime(2027, 6, 1, 12, tzinfo=UTC)


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox over HTTP, named by the environment, on a day when the meetings are upcoming; an empty folder."""
    sandbox = Sandbox(clock=FakeClock())
    monkeypatch.chdir(tmp_path)
    with sandbox.serve() as url:
        monkeypatch.setenv("JOINME_BASE_URL", url)
        monkeypatch.setenv("JOINME_ACCESS_TOKEN", sandbox.token)
        yield sandbox


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `joinme` in this process at noon of 1 June 2027, with a service that shows what it made at once."""
    real = _shell.JoinMe
    quick = RetryPolicy(settle=0.01, base=0.01)
    monkeypatch.setattr(_shell, "JoinMe", lambda **options: real(retry=quick, **options))
    monkeypatch.setattr(_shell, "SystemClock", lambda: FakeClock(TODAY))
    monkeypatch.setattr(_waiting, "_FIRST", 60.0)  # or a slow machine would say what it waits for
    monkeypatch.setattr(_teller, "_FIRST", 60.0)
    for name, value in (("COLUMNS", "80"), ("NO_COLOR", "1"), ("TZ", "UTC")):
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["joinme", *arguments])
        with pytest.raises(SystemExit) as ended:
            _app.run()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put somebody at the terminal, who types what is given."""

    def somebody(typed: str) -> None:
        monkeypatch.setattr(_stdio, "is_somebody_there", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    return somebody


def joinme(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, eighty columns wide and without colours."""
    return subprocess.run(
        [sys.executable, "-m", "joinme_async", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        timeout=50,
        env={**os.environ, **PLAIN, **environment},
        check=False,
    )


class Screen(NamedTuple):
    code: int
    out: str
    screen: str


def at_a_terminal(*arguments: str, typed: Sequence[tuple[str, str]] = (), **environment: str) -> Screen:
    """Run `joinme` with a real terminal as stdin and stderr, and a pipe as stdout.

    Args:
        arguments: of the command line.
        typed: each what the terminal has to show, and what is then typed.
        environment: more of it.
    """
    import pty  # noqa: PLC0415  not on Windows

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "joinme_async", *arguments], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
        start_new_session=True, env={**os.environ, "COLUMNS": "100", "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(theirs)
    seen, answered, steps = b"", 0, list(typed)
    try:
        while True:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if steps and steps[0][0].encode() in seen[answered:]:
                answered = len(seen)
                os.write(ours, steps.pop(0)[1].encode())
        out = process.communicate(timeout=30)[0]
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    return Screen(process.returncode, out.decode(), seen.decode())


def methods(sandbox: Sandbox) -> Counter[str]:
    """Return how many requests of each method a sandbox has seen."""
    return Counter(entry.method for entry in sandbox.ledger)


def wait_for(condition: Callable[[], object], *, seconds: float = 20) -> None:
    """Wait until something outside of this thread has happened."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)
