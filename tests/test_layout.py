"""The layout is the architecture: imports go one way, each foreign library has one home."""

import ast
import functools
import importlib
import inspect
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import attrs
import pytest

import joinme_async
from tests.public_api import MODULES

ROOT = Path(joinme_async.__file__).parent

# From the top down: a file imports only what stands below its own line. Files of one line do not know one another.
LAYERS = [
    ["__main__"],
    ["cli.__init__"],
    ["cli._app"],
    ["cli._bulk_app", "cli._help", "cli._meetings_app", "cli._process"],
    ["cli._after", "cli._bulk", "cli._config_shown", "cli._demo", "cli._meetings", "cli._sandbox"],
    ["cli._journals", "cli._show"],
    ["cli._ending"],
    ["cli._shell"],
    ["cli._waiting"],
    ["cli._dry", "cli._result", "cli._teller"],
    ["cli._options", "cli._settings", "cli._stdio"],
    ["cli._config", "cli._moments", "cli._waits"],
    ["cli._codes"],
    ["cli._shown._calendar", "cli._shown._grid", "cli._shown._page", "cli._shown._records", "cli._shown._table"],
    ["cli._shown._agenda"],
    ["cli._shown._column"],
    ["cli._shown._words"],
    ["cli._shown._cells", "cli._shown._harmless", "cli._shown._week"],
    ["cli._shown.__init__"],
    ["pytest_plugin"],
    ["__init__"],
    ["bulk.__init__"],
    ["bulk._bulk", "bulk._preview"],
    ["bulk._run"],
    ["bulk._carrier"],
    ["bulk._clearing", "bulk._existing", "bulk._intake"],
    ["bulk._crew", "bulk._lookout", "bulk._marks", "bulk._plan", "bulk._pulse", "bulk._source"],
    ["bulk._journal"],
    ["bulk._hold"],
    ["bulk._store"],
    ["bulk._verbs"],
    ["bulk._values"],
    ["bulk._files"],
    ["bulk._csv", "bulk._excel", "bulk._ical", "bulk._jsonl"],
    ["bulk._ical_text"],
    ["bulk._rows"],
    ["_client"],
    ["_meetings"],
    ["_ensure"],
    ["_reconcile", "_span"],
    ["_retry._layer"],
    ["_retry._run"],
    ["_retry._options"],
    ["_retry._decide", "_retry._limiters"],
    ["_retry._pacing"],
    ["_retry._masking", "_retry._noticing", "_retry._signals", "_retry._stay", "_retry._tokens", "_retry._slots"],
    ["_retry.__init__"],
    ["_wire"],
    ["_conversion"],
    ["transports.aiohttp", "transports.httpx", "transports.httpx2", "transports.pyreqwest"],
    ["transports._lines", "transports._plain"],
    ["transports._asyncio_net", "transports._body"],
    ["transports._common"],
    ["transports.__init__"],
    ["sandbox.__init__"],
    ["sandbox._sandbox"],
    ["sandbox._server"],
    ["sandbox._asgi", "sandbox._page"],
    ["sandbox._guard", "sandbox._service"],
    ["sandbox._faults"],
    ["testing"],
    ["_events"],
    ["_models"],
    ["_times"],
    ["_http"],
    ["_errors"],
    ["_clock", "_json", "_version"],
]  # fmt: skip
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HOMES = {
    "httpx": {"transports.httpx"},
    "httpcore": {"transports.httpx", "transports._lines", "transports._asyncio_net"},
    "aiohttp": {"transports.aiohttp"},
    "httpx2": {"transports.httpx2"},
    "pyreqwest": {"transports.pyreqwest"},
    "yarl": {"transports.aiohttp"},
    "cattrs": {"_conversion"},
    "uvicorn": {"sandbox._server"},
    "icalendar": {"bulk._ical", "cli._shown._calendar"},
    "recurring_ical_events": {"bulk._ical"},
    "python_calamine": {"bulk._excel"},
    "msgspec": {"_json"},
    "jinja2": {"cli._shown._page"},
}


@functools.cache
def modules() -> dict[str, ast.Module]:
    files = sorted(ROOT.rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text()) for path in files}


def imported(tree: ast.Module) -> set[str]:
    """Return the full names of all that a file imports, inside functions and for types only included."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def own(names: set[str]) -> set[str]:
    """Return the modules of this package among `names`."""
    found = set()
    for name in names:
        inner = name.removeprefix("joinme_async").lstrip(".")
        if name.split(".")[0] == "joinme_async":
            found |= {module for module in (inner, f"{inner}.__init__".lstrip(".")) if module in RANK}
    return found


def test_every_file_has_its_layer() -> None:
    """A new file is placed before it is used."""
    assert set(modules()) == set(RANK)


@pytest.mark.parametrize("name", RANK)
def test_imports_go_down(name: str) -> None:
    """No file knows one above it or beside it; so there are no cycles of any kind. Nobody inside imports the facade."""
    above = {other for other in own(imported(modules()[name])) - {name, "__init__"} if RANK[other] <= RANK[name]}
    assert above == set()
    if name not in {"__init__", "pytest_plugin"}:
        assert not {
            n for n in imported(modules()[name]) if n.startswith("joinme_async.") is False and n == "joinme_async"
        }


def test_each_file_is_on_the_map() -> None:
    """Whoever looks for the home of a rule finds it in CONTRIBUTING; what is named there, and in the pages, is there."""
    checkout = Path(__file__).parents[1]
    the_map = (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = {name.replace(".", "/") for name in modules() if not name.endswith("__init__") and name != "_version"}
    rooms = {f"transports/{library}" for library in ("aiohttp", "httpx", "httpx2", "pyreqwest")}  # one line for all
    missing = {name for name in files - rooms if f"{name.rpartition('/')[2]}.py" not in the_map}
    assert missing == set()
    pages = [*checkout.glob("*.md"), *(checkout / "docs").rglob("*.md")]
    named = {path for page in pages for path in re.findall(r"`(tests/\w+\.py)`", page.read_text(encoding="utf-8"))}
    assert len(named) > 10
    assert [path for path in sorted(named) if not (checkout / path).exists()] == []


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    """Swapping one is the work of one file."""
    users = {name for name, tree in modules().items() if any(n.split(".")[0] == library for n in imported(tree))}
    assert users == HOMES[library]


def test_every_library_is_declared() -> None:
    """By the package or by an extra for users; one that tests bring along is not there on other machines."""
    used = {name.split(".")[0] for tree in modules().values() for name in imported(tree)}
    foreign = used - set(sys.stdlib_module_names) - {"joinme_async", "None", "pytest", "yarl"}  # yarl is aiohttp's own
    needs = [need for need in requires("joinme-async") or () if not re.search("extra == '(dev|bench)'", need)]
    declared = {re.split(r"[^A-Za-z0-9_-]", need)[0].replace("-", "_") for need in needs}
    assert foreign - declared == set()


def test_the_sandbox_is_an_independent_judge() -> None:
    """It knows the transport protocol, the clock and the errors, and nothing of what it is to judge."""
    for name, tree in modules().items():
        if name.startswith("sandbox."):
            allowed = {"_http", "_clock", "_errors", *(m for m in RANK if m.startswith("sandbox."))}
            assert own(imported(tree)) - {"__init__"} <= allowed


@pytest.mark.parametrize("name", MODULES)
def test_each_public_name_is_documented(name: str) -> None:
    """Which names there are stands in `tests/api`; each is there, and says what it is."""
    module = importlib.import_module(name)
    for public in module.__all__:
        thing = getattr(module, public)
        if inspect.isclass(thing):
            assert thing.__doc__, public
            assert not thing.__name__.startswith("_")


def test_what_is_loaded_lazily_is_what_the_types_say() -> None:
    """Type checkers read the imports, Python the table beside them: both send a name to the same file."""
    (facade,) = (node for node in modules()["__init__"].body if isinstance(node, ast.If))
    typed = {
        node.module.removeprefix("joinme_async."): tuple(alias.name for alias in node.names)
        for node in facade.body
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert typed == joinme_async._HOMES
    assert set(joinme_async.__all__) <= set(dir(joinme_async))
    with pytest.raises(AttributeError, match="no attribute 'Joinme'"):
        getattr(joinme_async, "Joinme")  # noqa: B009  as it is written


def test_importing_the_package_is_all_but_free() -> None:
    """Nothing but the table is loaded before a name is asked for, and no HTTP library or converter before a call."""
    script = (
        "import sys, joinme_async; heavy = {'anyio', 'asyncio', 'attr', 'cattrs', 'httpx', 'json', 'msgspec'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "from joinme_async import JoinMe; JoinMe('tok');"
        "late = {'asyncio', 'cattrs', 'httpx', 'msgspec'} & set(sys.modules); assert not late, late"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_public_classes_document_every_public_method() -> None:
    """Shapes, units and errors stand where an editor shows them."""
    for name in MODULES:
        module = importlib.import_module(name)
        for public in module.__all__:
            thing = getattr(module, public)
            if inspect.isclass(thing):
                for method, value in vars(thing).items():
                    if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                        assert value.__doc__, f"{public}.{method}"


def test_models_can_be_inspected() -> None:
    """Attrs resolves every annotation of the models at run time."""
    for model in (joinme_async.Meeting, joinme_async.NewMeeting, joinme_async.Request, joinme_async.Response):
        assert attrs.resolve_types(model) is model
