"""How the pages are built: `make docs`, or `sphinx-build -W -b html docs site`. Nothing is fetched."""

import builtins
import importlib
import re
import sys
from pathlib import Path
from typing import Any, Final

from docutils.nodes import Element, reference
from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from joinme_async import __version__

project = "joinme_async"
author = "the joinme_async maintainers"
copyright = "the joinme_async maintainers, MIT licence"  # noqa: A001  Sphinx asks for it by this name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"joinme_async {version}"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 4

nitpicky = True
default_role = "py:obj"  # docstrings write names between single backticks
nitpick_ignore_regex = [("py:obj", ".*")]  # and expressions too, which are no names
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_numpy_docstring = False

# The public names with their public modules, which the snapshot of the API has a file for each of.
_ROOMS: Final = sorted(path.stem for path in Path(__file__).parents[1].glob("tests/api/*.pyi"))
_PUBLIC: Final = {name: f"{room}.{name}" for room in _ROOMS for name in importlib.import_module(room).__all__}
_FOREIGN: Final = {*sys.stdlib_module_names, *dir(builtins), "aiohttp", "anyio", "httpx", "httpx2", "pyreqwest"}


def find_public(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: Element) -> Element | reference | None:
    """Lead a private or a bare name to where it is documented; a name that is not public leads nowhere."""
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"]).removesuffix("()")
    first, *rest = target.split(".")
    if first in _FOREIGN:
        return shown
    if first == "joinme_async":
        rest = rest[next((at for at, part in enumerate(rest) if part in _PUBLIC), len(rest)) :]
        if not rest:
            return shown
        first, *rest = rest
    if first not in _PUBLIC:
        return None
    name = ".".join([_PUBLIC[first], *rest])
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, shown)


def name_files(_: Sphinx, __: str, source: list[str]) -> None:
    """Show the name of a file above its block: a second word behind the backticks is one."""
    source[0] = re.sub(
        r"^( *)```(\w+) ([\w./-]+)$", r"\1```{code-block} \2\n\1:caption: \3\n", source[0], flags=re.MULTILINE
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Join the above to Sphinx."""
    app.add_lexer("csv", TextLexer)  # Pygments has none for it
    app.connect("missing-reference", find_public)
    app.connect("source-read", name_files)
    return {"parallel_read_safe": True}
