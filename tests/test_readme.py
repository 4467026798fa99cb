"""Every block of Python in the README runs, in order, against the sandbox; what it prints is what stands there."""

import ast
import asyncio
import inspect
import re
import runpy
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import joinme_async
from joinme_async.cli._config import read_config
from joinme_async.cli._settings import Given, settings_of
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from joinme_async.transports.httpx import HttpxTransport
from tests.commands import Done
from tests.conftest import new_meeting

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks_of(page: str) -> list[tuple[int, str, str | None]]:
    """Return each block of Python with its line, and what stands below it as its output."""
    block = r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?"
    found = re.finditer(block, page, re.DOTALL | re.MULTILINE)
    return [(page[: match.start()].count("\n") + 2, match["code"], match["output"]) for match in found]


BLOCKS = blocks_of(README)


def run(code: str, line: int, names: dict[str, object]) -> None:
    """Run a block, which may await at its top level."""
    tree = ast.increment_lineno(ast.parse(code), line - 1)
    compiled = compile(tree, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(compiled, names))
    else:
        exec(compiled, names)


def test_every_block_runs_and_prints_what_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In order, in one namespace, as a reader would; the token `...` is one that the sandbox takes."""
    assert len(BLOCKS) > 10
    sandbox = Sandbox(clock=FakeClock())  # the meetings of the README stay upcoming
    sandbox.accept("...")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    with sandbox.serve() as url:
        monkeypatch.setenv("JOINME_BASE_URL", url)
        for line, code, output in BLOCKS:
            run(code, line, names)
            printed = capsys.readouterr().out
            if output is not None:
                assert printed == output, f"README.md, line {line}"
    assert {entry.did for entry in sandbox.ledger} == {"created", "changed", "deleted", ""}


def test_the_test_shown_to_users_passes(pytester: pytest.Pytester) -> None:
    """The example test of the README passes in an empty project."""
    (code,) = [code for _, code, _ in BLOCKS if "def test_my_app" in code]
    pytester.makepyfile(code)
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_a_lost_answer_is_found_as_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The block on lost answers does what it says when one is lost."""
    (line, code), *_ = [(line, code) for line, code, _ in BLOCKS if "except OutcomeUnknownError" in code]
    sandbox = Sandbox(clock=FakeClock())
    sandbox.accept("...")
    sandbox.plant(Fault.lose(), on="POST")
    with sandbox.serve() as url:
        monkeypatch.setenv("JOINME_BASE_URL", url)
        run(code, line, {"JoinMe": joinme_async.JoinMe, "new": new_meeting()})
    assert capsys.readouterr().out.startswith("not known, because no answer")
    assert [entry.did for entry in sandbox.ledger if entry.did] == ["created"]


def test_every_error_and_setting_is_in_its_table() -> None:
    """A name that comes or goes is noticed here."""
    errors = {n for n in joinme_async.__all__ if n.endswith("Error")} - {"JoinMeError"}
    table = README.split("## Errors")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == errors
    assert "`JoinMeError`" in table
    settings = README.split("## Settings")[1].split("## ")[0]
    shown = set(re.findall(r"^\| `(?:\w+\()?(\w+)", settings, re.MULTILINE)) - {"setting"}
    real = {*inspect.signature(joinme_async.JoinMe).parameters, *inspect.signature(HttpxTransport).parameters}
    assert shown == real


def test_the_picture_is_the_one_its_script_draws() -> None:
    """What is shown and what draws it do not drift apart."""
    script = ROOT / "docs" / "pictures" / "decision_path.py"
    names = runpy.run_path(str(script))
    assert (script.with_name("decision-path.svg")).read_text(encoding="utf-8") == names["draw"]()


def test_the_tiny_transport_is_tiny() -> None:
    """About twenty statements are all that a transport needs."""
    tree = ast.parse((ROOT / "examples" / "tiny_transport.py").read_text(encoding="utf-8"))
    (transport,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    code = {line for node in ast.walk(transport) if isinstance(node, ast.stmt) for line in (node.lineno,)}
    assert len(code) <= 25


def test_the_commands_print_what_is_shown(served: Sandbox, command: Callable[..., Done]) -> None:
    """One after another, as a reader would type them: what goes to stdout, and then what goes to stderr."""
    section = README.split("## From the command line")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```console\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    steps = re.findall(r"^\$ joinme (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    assert len(steps) > 5
    for typed, shown in steps:
        done = command(*shlex.split(typed))
        assert [line.rstrip() for line in (done.out + done.err).splitlines()] == shown.splitlines(), typed


def test_the_settings_file_is_understood(tmp_path: Path) -> None:
    """The one of the README, with each of its profiles."""
    section = README.split("## From the command line")[1].split("\n## ")[0]
    (toml,) = re.findall(r"^```toml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    path = tmp_path / "config.toml"
    path.write_text(toml)
    path.chmod(0o600)
    work, sandbox = (settings_of(Given(profile=name), {}, read_config(path)) for name in (None, "sandbox"))
    assert (work.profile, work.rate, work.timezone) == ("work", 20, "Europe/London")
    assert (sandbox.base_url, sandbox.timezone) == ("http://127.0.0.1:8765/v1", "Europe/London")
