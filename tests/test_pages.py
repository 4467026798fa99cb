"""Every page of the documentation does what it says, and its links lead somewhere."""

import ast
import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import joinme_async
from joinme_async.bulk._rows import FIELDS
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from joinme_async.transports.httpx import HttpxTransport
from tests.commands import Done
from tests.conftest import new_meeting
from tests.pages import PAGES, ROOT, Block, Reader, blocks_of, is_like, reading


@pytest.mark.pages
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of((ROOT / page).read_text(encoding="utf-8"))])
def test_every_block_runs_and_prints_what_is_shown(
    page: str,
    command: Callable[..., Done],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """In order, in one namespace and one folder, against a service whose day is before the meetings of the pages."""
    sandbox = Sandbox(clock=FakeClock())
    sandbox.accept("...")
    with sandbox.serve() as url:
        environment = {"JOINME_BASE_URL": url, "JOINME_ACCESS_TOKEN": "..."}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        reader = Reader(page, command, lambda: capsys.readouterr().out, lambda: len(sandbox.meetings), environment)
        with reading(reader, monkeypatch, tmp_path):
            reader.read(blocks_of((ROOT / page).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("~~~python\nx = 1\n~~~\n", id="tildes"),
        pytest.param("````python\nx = 1\n````\n", id="four backticks"),
        pytest.param("> ```python\n> x = 1\n> ```\n", id="in a quotation"),
        pytest.param("```{code-block} python\nx = 1\n```\n", id="a directive that nobody runs"),
        pytest.param(":::{code-block} python\nx = 1\n:::\n", id="colons"),
        pytest.param('```python title="x"\nx = 1\n```\n', id="attributes"),
        pytest.param("```python\nx = 1\n", id="without an end"),
        pytest.param("* a list\n\n  ```python\n  x = 1\n ```\n", id="an end elsewhere"),
    ],
)
def test_a_block_that_would_be_passed_over_is_an_error(page: str) -> None:
    """Sphinx shows it all the same, and nobody would notice what it says."""
    with pytest.raises(AssertionError):
        blocks_of(page)


def test_a_block_is_found_wherever_it_stands() -> None:
    """In a list, behind a directive with blanks at its end, and with a name."""
    page = "```{toctree}\na\n``` \n\n* one\n\n  ```python\n  x = 1\n  ```\n\n```csv june.csv\nname\n```\n"
    assert blocks_of(page) == [Block(8, "python", "", "x = 1\n"), Block(12, "csv", "june.csv", "name\n")]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        pytest.param("a\nb\n", "a\nb\n", True, id="to the letter"),
        pytest.param("a\nb\n", "a\nc\n", False, id="another line"),
        pytest.param("a\n", "a\nb\n", False, id="more than is shown"),
        pytest.param("a\n...\nd\n", "a\nb\nc\nd\n", True, id="a line of dots is any lines"),
        pytest.param("a\n...\nd\n", "a\nd\n", True, id="and none"),
        pytest.param("a\n...\nd\n", "a\nb\n", False, id="but what follows has to come"),
        pytest.param("took ... s\n", "took 0.3 s\n", True, id="dots in a line are anything in it"),
        pytest.param("took ... s\n", "took\n0.3 s\n", False, id="and nothing beyond it"),
        pytest.param("a.c\n", "abc\n", False, id="one dot is a dot"),
    ],
)
def test_three_dots_stand_for_what_differs(shown: str, printed: str, same: bool) -> None:
    """And for nothing else."""
    assert is_like(shown, printed) is same


def test_a_lost_answer_is_found_as_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The block of the README on lost answers does what it says when one is lost."""
    readme = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    (code,) = [block.code for block in readme if "except OutcomeUnknownError" in block.code]
    sandbox = Sandbox(clock=FakeClock())
    sandbox.accept("...")
    sandbox.plant(Fault.lose(), on="POST")
    names = {"JoinMe": joinme_async.JoinMe, "new": new_meeting()}
    with sandbox.serve() as url:
        monkeypatch.setenv("JOINME_BASE_URL", url)
        monkeypatch.setenv("JOINME_ACCESS_TOKEN", sandbox.token)
        asyncio.run(eval(compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names))
    assert capsys.readouterr().out.startswith("not known, because no answer")
    assert [entry.did for entry in sandbox.ledger if entry.did] == ["created"]


def test_every_error_and_setting_is_in_its_table() -> None:
    """A name that comes or goes is noticed here."""
    reference = ROOT / "docs" / "reference"
    errors = {n for n in joinme_async.__all__ if n.endswith("Error")} - {"JoinMeError"}
    table = (reference / "errors.md").read_text(encoding="utf-8").split("## What each asks of you")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == errors
    settings = (reference / "settings.md").read_text(encoding="utf-8").split("## The environment")[0]
    shown = set(re.findall(r"^\| `(?:\w+\()?(\w+)", settings, re.MULTILINE))
    assert shown == {*inspect.signature(joinme_async.JoinMe).parameters, *inspect.signature(HttpxTransport).parameters}


def test_every_column_of_a_file_is_in_its_table() -> None:
    """One that is read and not told, or told and not read, is noticed here."""
    page = (ROOT / "docs" / "how-to" / "files.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page.split("## Columns")[1].split("\n## ")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(FIELDS)


def test_links_within_the_project_are_whole() -> None:
    """Anchors and files that pages point at are there."""
    pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    for page in pages:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target or target.startswith("mailto:"):
                continue
            path, _, fragment = target.partition("#")
            there = page.parent / path if path else page
            assert there.exists(), f"{page.name}: {target}"
            assert not fragment or fragment in anchors(there), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
