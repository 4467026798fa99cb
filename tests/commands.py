"""The command in this process: what it is told, what it writes, and how it ends."""

import io
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from joinme_async import RetryPolicy
from joinme_async.cli import _app, _meetings, _shell, _stdio
from joinme_async.sandbox import Sandbox
from joinme_async.testing import FakeClock

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
        for module in (_meetings, _shell, _stdio):
            monkeypatch.setattr(module, "is_somebody_there", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    return somebody
