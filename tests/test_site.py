"""The site is built without a warning or a network, documents every public name, and every link in it leads somewhere."""

import importlib
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from sphinx.util.inventory import InventoryFile

from tests.pages import ROOT
from tests.public_api import MODULES

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]


class Found(HTMLParser):
    """What a page of HTML points at, what can be pointed at in it, and what it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        elif "src" in given or (tag == "link" and given.get("rel") != "canonical"):
            self.loaded.add(given.get("src") or given["href"])


class Site(NamedTuple):
    folder: Path
    said: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html", ROOT / "docs", folder],
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return Site(folder, done.stdout + done.stderr)


def test_it_is_built_without_a_warning(site: Site) -> None:
    """A name that nobody documents, a page that no other lists, a broken reference: each is one."""
    assert site.said == ""
    assert (site.folder / "index.html").exists()


def test_every_public_name_is_documented_once(site: Site) -> None:
    """In the inventory that other projects' pages link by."""
    with (site.folder / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda _, path: path)
    documented = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    public = {f"{room}.{name}" for room in MODULES for name in importlib.import_module(room).__all__}
    assert public - documented == {"joinme_async.__version__"}


def test_every_link_leads_somewhere(site: Site) -> None:
    """To a file of the site and to something in it; what a page loads is of the site as well."""
    pages = {path: Found(path.read_text(encoding="utf-8")) for path in site.folder.rglob("*.html")}
    assert len(pages) > 30
    for path, found in pages.items():
        for target in found.links | found.loaded:
            parts = urlsplit(target)
            if parts.scheme:
                assert target not in found.loaded, f"{path.name} loads {target}"
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert there.exists(), f"{path.name}: {target}"
            if parts.fragment and there in pages:
                assert unquote(parts.fragment) in pages[there].anchors, f"{path.name}: {target}"
