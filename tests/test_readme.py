"""Every block of Python in the README runs, in order, against the sandbox; what it prints is what stands there."""

import ast
import asyncio
import inspect
import re
from pathlib import Path

import pytest

import joinme_async
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.transports.httpx import HttpxTransport
from tests.conftest import HOUR, START, new_meeting

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    (README[: match.start()].count("\n") + 2, match["code"], match["output"])
    for match in re.finditer(
        r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", README, re.DOTALL | re.MULTILINE
    )
]


def run(code: str, line: int, names: dict[str, object]) -> None:
    """Run a block, which may await at its top level."""
    tree = ast.increment_lineno(ast.parse(code), line - 1)
    compiled = compile(tree, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(compiled, names))
    else:
        exec(compiled, names)


def test_every_block_runs_and_prints_what_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, in one namespace, as a reader would; the token `...` is one that the sandbox takes."""
    assert len(BLOCKS) > 10
    sandbox = Sandbox()
    sandbox.accept("...")
    monkeypatch.chdir(ROOT)
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
    sandbox = Sandbox()
    sandbox.accept("...")
    sandbox.plant(Fault.lose(), on="POST")
    far = new_meeting(start=START.replace(year=9998), end=(START + HOUR).replace(year=9998))
    with sandbox.serve() as url:
        monkeypatch.setenv("JOINME_BASE_URL", url)
        run(code, line, {"JoinMe": joinme_async.JoinMe, "new": far})
    assert capsys.readouterr().out.startswith("1 equal meetings are there; the answer was lost because no answer")


def test_every_error_and_setting_is_in_its_table() -> None:
    """A name that comes or goes is noticed here."""
    errors = {n for n in joinme_async.__all__ if n.endswith("Error")} - {"JoinMeError", "JournalError"}
    table = README.split("## Errors")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == errors
    assert "`JoinMeError`" in table
    settings = README.split("## Settings")[1].split("## ")[0]
    shown = set(re.findall(r"^\| `(?:\w+\()?(\w+)", settings, re.MULTILINE)) - {"setting"}
    real = {*inspect.signature(joinme_async.JoinMe).parameters, *inspect.signature(HttpxTransport).parameters}
    assert shown == real


def test_links_within_the_project_are_whole() -> None:
    """Anchors and files that pages point at are there."""
    for page in sorted(ROOT.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-")
            for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        }
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("#"):
                assert target[1:] in headings, f"{page.name}: {target}"
            elif "://" not in target and not target.startswith("mailto:"):
                assert (ROOT / target).exists(), f"{page.name}: {target}"


def test_the_tiny_transport_is_tiny() -> None:
    """About twenty statements are all that a transport needs."""
    tree = ast.parse((ROOT / "examples" / "tiny_transport.py").read_text(encoding="utf-8"))
    (transport,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    code = {line for node in ast.walk(transport) if isinstance(node, ast.stmt) for line in (node.lineno,)}
    assert len(code) <= 25
