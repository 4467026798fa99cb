"""What is built: an sdist that is complete, a wheel out of it, and nothing in either that is not ours to give."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from fnmatch import fnmatch
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from readme_renderer import markdown

import joinme_async

ROOT = Path(__file__).parents[1]
IS_CHECKOUT = (ROOT / ".git").exists()
HAS_SOURCE = (ROOT / "joinme_async").exists()  # CI takes it out of the unpacked sdist, and tests the installed wheel

# All that an sdist may hold; a journal, results, caches and environments are none of it.
SDIST = [
    ".gitignore", "LICENSE", "Makefile", "PKG-INFO", "hatch_build.py", "pyproject.toml",
    "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "RELEASING.md", "SECURITY.md",
    "benchmarks/*.py", "benchmarks/openapi.yaml", "benchmarks/results.json",
    "docs/*.md", "docs/*.py", "docs/pictures/*.svg", "docs/pictures/*.json", "docs/static/pages.css", "examples/*.py", "examples/meetings.csv",
    "joinme_async/*.py", "joinme_async/cli/_shown/week.html", "joinme_async/py.typed", "joinme_async/sandbox/page.html",
    "requirements/lowest.txt", "requirements/test.txt", "tests/*.py", "tests/api/*.pyi",
]  # fmt: skip
WHEEL = [
    *(name for name in SDIST if name.startswith("joinme_async/")), "joinme_async/cli/meetings.csv",
    *(f"joinme_async-*.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")),
]  # fmt: skip


class Built(NamedTuple):
    sdist: set[str]
    wheel: set[str]
    metadata: Message


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of this folder and the wheel of that sdist; where the source is gone, what is installed."""
    if not HAS_SOURCE:
        installed = distribution("joinme-async")
        beside = {"INSTALLER", "REQUESTED", "direct_url.json"}  # the installer's own
        names = {path.as_posix() for path in installed.files or () if path.name not in beside and path.suffix != ".pyc"}
        return Built(
            set(), {name for name in names if not name.startswith("..")}, parsed(installed.read_text("METADATA") or "")
        )
    folder = tmp_path_factory.mktemp("built")
    hatchling("sdist", ROOT, folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    hatchling("wheel", unpacked, folder)
    with zipfile.ZipFile(*folder.glob("*.whl")) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        (metadata,) = (wheel.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    files = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    return Built(files, names, parsed(metadata))


def parsed(metadata: str) -> Message:
    return Parser().parsestr(metadata)


def hatchling(target: str, source: Path, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder], cwd=source, check=True)


def strangers(names: set[str], patterns: list[str]) -> set[str]:
    return {name for name in names if not any(fnmatch(name, pattern) for pattern in patterns)}


@pytest.mark.skipif(not HAS_SOURCE, reason="CI has taken the source away")
def test_the_sdist_holds_what_it_should_and_nothing_else(built: Built) -> None:
    """Every kind of file in it was thought of: a stray one is noticed, with or without git."""
    assert strangers(built.sdist, SDIST) == set()
    assert [name for name in SDIST if not any(fnmatch(there, name) for there in built.sdist)] == []


@pytest.mark.skipif(not IS_CHECKOUT, reason="there is no git to ask")
def test_the_sdist_is_the_checkout(built: Built) -> None:
    """All that is tracked, but for CI, so that whoever has the sdist can run the tests; and nothing that is not."""
    command = [shutil.which("git") or "git", "ls-files", "-z"]
    tracked = set(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")) - {
        ""
    }
    assert built.sdist - {"PKG-INFO"} == {name for name in tracked if not name.startswith(".ci/")}


def test_the_wheel_holds_what_it_should_and_nothing_else(built: Built) -> None:
    """The package, the example of `joinme demo`, and the licence."""
    assert strangers(built.wheel, WHEEL) == set()
    assert [name for name in WHEEL if not any(fnmatch(there, name) for there in built.wheel)] == []
    assert {name for name in built.sdist if name.startswith("joinme_async/")} <= built.wheel


def test_the_metadata_is_what_an_index_shows(built: Built) -> None:
    """Each field that people and tools choose by; a licence by its SPDX name, and no address that is not known to hold."""
    told = built.metadata
    fields = {name: told[name] for name in ("Name", "Version", "Requires-Python", "License-Expression", "License-File")}
    assert fields == {
        "Name": "joinme-async", "Version": joinme_async.__version__, "Requires-Python": ">=3.11",
        "License-Expression": "MIT", "License-File": "LICENSE",
    }  # fmt: skip
    assert told["Summary"]
    assert told["Keywords"]
    assert told["Description-Content-Type"] == "text/markdown"
    assert told.get_all("Project-URL") is None
    assert told["Home-page"] is None
    classifiers = told.get_all("Classifier")
    assert classifiers == sorted(set(classifiers))
    assert {"Typing :: Typed", "Framework :: Pytest", "Framework :: AsyncIO", "Framework :: Trio"} <= set(classifiers)
    assert not [each for each in classifiers if each.startswith("License ::")], "PEP 639: the expression stands for it"
    versions = [each.rpartition(" ")[2] for each in classifiers if re.search(r":: 3\.\d+$", each)]
    assert versions == ["3.11", "3.12", "3.13"]


def test_the_lowest_that_is_tried_is_the_lowest_that_is_declared() -> None:
    """A floor that is lowered without `make requirements` would be a claim that nothing tries."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name != "bench"}
    pinned = (ROOT / "requirements" / "lowest.txt").read_text(encoding="utf-8")
    pins = {name: Version(pin) for name, pin in re.findall(r"^([\w-]+)==([\w.]+)", pinned, re.MULTILINE)}
    floors: dict[str, Version] = {}
    for need in map(Requirement, [*project["dependencies"], *chain.from_iterable(extras.values())]):
        for each in need.specifier:
            if each.operator == ">=":
                floors[need.name] = max(Version(each.version), floors.get(need.name, Version("0")))
    assert len(floors) > 30
    # Where there is no such release, it is the first of its series; others ask for a newer tzdata.
    tried = {name for name, floor in floors.items() if pins[name].release[: len(floor.release)] == floor.release}
    assert floors.keys() - tried <= {"tzdata"}


def test_the_long_description_holds_by_itself(built: Built) -> None:
    """It is rendered as an index does it, its links lead somewhere there, and it says what the README says."""
    text = built.metadata.get_payload()
    assert markdown.render(text)
    assert text.startswith("# joinme_async\n")
    targets = re.findall(r"\]\(([^)\s]*)\)", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    assert targets
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    assert blocks.findall(text) == blocks.findall(readme)
    assert re.findall("^#.*", text, re.MULTILINE) == re.findall("^#.*", readme, re.MULTILINE)
