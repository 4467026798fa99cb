"""Draw `layers.svg`, the map of the package by what imports what: `python docs/pictures/layers.py`."""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Final

from drawing import FAINT, FILL, GREEN, LINE, ORANGE, SMALL, Picture, width_of

import joinme_async

ROOT: Final = Path(joinme_async.__file__).parent
EVERYWHERE: Final = {"attrs", "anyio"}  # what every room may know
# What reads a clock, draws by chance, touches files, sockets or threads, or belongs to one event loop.
WORLDLY: Final = {
    *("anyio", "asyncio", "contextvars", "os", "pathlib", "random", "select", "shutil", "signal", "socket", "sqlite3"),
    *("ssl", "subprocess", "sys", "tempfile", "threading", "time", "weakref"),
}
HARMLESS: Final = {"os.PathLike", "os.fspath"}
Graph = Mapping[str, AbstractSet[str]]


@cache
def imported(tree: ast.Module) -> frozenset[str]:
    """Return the full names of all that a file imports, inside functions and for types only included."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


FILES: Final = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.rglob("*.py"))
}


def own(tree: ast.Module) -> set[str]:
    """Return the files of the package that a file imports."""
    inner = {name.removeprefix("joinme_async.") for name in imported(tree) if name.startswith("joinme_async.")}
    named = inner | {name.rpartition(".")[0] for name in inner}
    return {file for name in named for file in (name, f"{name}.__init__") if file in FILES}


def foreign(tree: ast.Module) -> set[str]:
    """Return the libraries that a file knows."""
    first = {name.split(".")[0] for name in imported(tree)}
    return first - set(sys.stdlib_module_names) - {"joinme_async"}


def _suspends(tree: ast.Module) -> bool:
    """Say whether a file awaits anything; a protocol that says what others are to do does not."""
    nodes = list(ast.walk(tree))
    return any(isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) for node in nodes) or any(
        isinstance(node, ast.AsyncFunctionDef) and len(node.body) > 1 and not _is_promise(node.body[-1])
        for node in nodes
    )


def _is_promise(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def pure_files() -> set[str]:
    """Return the files that do nothing but reckon, and know none that does more."""
    pure = {
        name
        for name, tree in FILES.items()
        if not _suspends(tree)
        and "types.coroutine" not in imported(tree)
        and not {n.split(".")[0] for n in imported(tree) - HARMLESS} & WORLDLY
    }
    while spoilt := {name for name in pure if own(FILES[name]) - pure}:
        pure -= spoilt
    return pure


# The rooms from the top down, by what their files begin with; a file is in the first room that it fits.
ROOMS: Final = {
    "cli": ("cli.", "__main__"),
    "pytest plugin": ("pytest_plugin",),
    "bulk": ("bulk.",),
    "client": ("__init__", "_client", "_meetings", "_ensure", "_reconcile", "_span"),
    "retry: rules": ("_retry._decide", "_retry._signals", "_retry._pacing", "_retry._masking"),
    "retry: driver": ("_retry.",),
    "wire": ("_wire", "_conversion"),
    "transports": ("transports.",),
    "sandbox": ("sandbox.",),
    "testing": ("testing",),
    "leaves": ("",),
}


def room_of(name: str) -> str:
    """Return the room of a file."""
    return next(room for room, begins in ROOMS.items() if name.startswith(begins))


def rooms() -> dict[str, set[str]]:
    """Return which rooms each room knows."""
    known: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name, tree in FILES.items():
        known[room_of(name)] |= {room_of(other) for other in own(tree)} - {room_of(name)}
    TopologicalSorter(known).prepare()  # raises for a file that fits none but the leaves, and knows what is above them
    return known


def _below(room: str, known: Graph) -> set[str]:
    return set(known[room]).union(*(_below(other, known) for other in known[room]))


def arrows(known: Graph) -> set[tuple[str, str]]:
    """Return which room knows which, but for what follows from the others: knowing all that those know in turn."""
    return {
        (room, other)
        for room, others in known.items()
        for other in others
        if not any(other in _below(between, known) for between in others - {other})
    }


WORDS: Final = {
    "cli": "the command joinme",
    "pytest plugin": "the fixture",
    "bulk": "thousands of rows, and their journal",
    "client": "what users call, one meeting at a time",
    "retry: driver": "token, connection, permit, request, wait",
    "retry: rules": "what an answer means, what follows, how fast",
    "wire": "calls to requests, answers to meetings",
    "transports": "a library each",
    "sandbox": "make-believe join.me",
    "testing": "clocks, scripts",
    "leaves": "errors, models, events, time, the protocol of transports",
}
MAIN: Final = ("cli", "bulk", "client", "retry: driver", "retry: rules", "wire")  # one above the other
LEFT, MIDDLE, ASIDE, RIGHT = 16, 576, 628, 868
GAP, CHIP = 28, 23


class Room:
    """A room on the map.

    Args:
        name: of the room.
        left: where it begins.
        right: where it ends.
        top: where it begins, from above.
        pure: the files that are tinted.
    """

    def __init__(self, name: str, left: float, right: float, top: float, pure: AbstractSet[str]) -> None:
        self.name, self.left, self.right, self.top = name, left, right, top
        self._pure = pure
        files = [file for file in FILES if room_of(file) == name and not file.endswith(".__init__")]
        libraries = sorted(set().union(*(foreign(FILES[file]) for file in files)) - EVERYWHERE)
        chips = [(file, file.rpartition(".")[2], width_of(file.rpartition(".")[2], SMALL) + 10) for file in files]
        self._chips = list(self._in_rows(chips, 6))
        words = [(library, library, width_of(library, SMALL)) for library in libraries]
        self._libraries = list(self._in_rows(words, 10))
        lines = max((row for row, *_ in self._libraries), default=-1) + 1
        self._middle = top + 32 + (self._chips[-1][0] + 1) * CHIP
        self.bottom = self._middle + lines * 17 + 4

    def _in_rows(
        self, words: Sequence[tuple[str, str, float]], gap: float
    ) -> Iterator[tuple[int, float, float, str, str]]:
        """Return row, place and width of words that are set one after another."""
        row, x = 0, self.left + 10
        for file, word, width in words:
            if x + width > self.right - 8:
                row, x = row + 1, self.left + 10
            yield row, x, width, file, word
            x += width + gap

    @property
    def middle(self) -> float:
        """The height at which arrows leave and enter from the side."""
        return (self.top + self.bottom) / 2

    def draw(self, picture: Picture) -> None:
        """Draw the room and what is in it."""
        picture.rect(
            (self.left, self.top), (self.right - self.left, self.bottom - self.top), ROOM, stroke=LINE, round_by=7
        )
        picture.text((self.left + 10, self.top + 20), self.name, bold=True)
        after = self.left + 20 + width_of(self.name, bold=True)
        picture.text((after, self.top + 20), WORDS[self.name], size=SMALL, fill=LINE)
        for row, x, width, file, word in self._chips:
            y = self.top + 31 + row * CHIP
            fill = FILL["good"] if file in self._pure else "#ffffff"
            picture.rect((x, y), (width, CHIP - 4), fill, stroke=GREEN if file in self._pure else FAINT, round_by=4)
            picture.text((x + width / 2, y + 13.5), word, anchor="middle", size=SMALL)
        for row, x, _, _, word in self._libraries:
            picture.text((x, self._middle + 11 + row * 17), word, size=SMALL, fill=ORANGE)


ROOM: Final = "#f3f6f9"


def draw() -> str:
    """Return the map."""
    pure = pure_files()
    placed: dict[str, Room] = {}
    top: float = 14
    for name in MAIN:
        placed[name] = Room(name, LEFT, MIDDLE, top, pure)
        top = placed[name].bottom + GAP
    placed["pytest plugin"] = Room("pytest plugin", ASIDE, RIGHT, 14, pure)
    placed["testing"] = Room("testing", ASIDE, RIGHT, placed["cli"].bottom + GAP, pure)
    placed["sandbox"] = Room("sandbox", ASIDE, RIGHT, placed["testing"].bottom + 16, pure)
    placed["transports"] = Room("transports", ASIDE, RIGHT, placed["client"].bottom + GAP, pure)
    placed["leaves"] = Room("leaves", LEFT, 890, top, pure)
    height = placed["leaves"].bottom + 56
    picture = Picture(
        900,
        height,
        "The rooms of the package, and which knows which",
        "From the top down: cli, bulk, client, the driver and the rules of the retry layer, wire, leaves. Beside them "
        "the pytest plugin, testing, sandbox and transports, which stand on the leaves alone. Files without clock, "
        "chance, input or output are tinted: all rules of the retry layer are.",
    )
    _draw_arrows(picture, placed)
    for room in placed.values():
        room.draw(picture)
    low = height - 30
    picture.rect((LEFT, low - 13), (30, 18), FILL["good"], stroke=GREEN, round_by=4)
    picture.text((LEFT + 38, low + 1), "pure: no clock, I/O or await, here or below", size=SMALL)
    picture.text((356, low + 1), "httpx", size=SMALL, fill=ORANGE)
    picture.text((398, low + 1), "a library it knows, besides attrs and anyio", size=SMALL)
    picture.line([(704, low - 4), (736, low - 4)], tip=True)
    picture.text((744, low + 1), "knows it, and below", size=SMALL)
    return picture.svg()


def _draw_arrows(picture: Picture, placed: Mapping[str, Room]) -> None:
    """Draw the arrows; the map has room for these, and code that wants another one needs another map."""
    drawn = set()
    for upper, lower in [*pairwise(MAIN), ("wire", "leaves")]:
        drawn.add((upper, lower))
        picture.line([(ARROW, placed[upper].bottom), (ARROW, placed[lower].top - 2)], tip=True)
    trunk, cli, plugin = (MIDDLE + ASIDE) / 2, placed["cli"], placed["pytest plugin"]
    picture.line([(MIDDLE, plugin.middle), (ASIDE, plugin.middle)])  # both know both
    for lower in ("testing", "sandbox"):
        drawn |= {(cli.name, lower), (plugin.name, lower)}
        low = placed[lower].middle
        picture.line([(trunk, plugin.middle), (trunk, low), (ASIDE - 2, low)], tip=True)
    drawn.add(("client", "transports"))
    client, low = placed["client"].middle, placed["transports"].top + 30
    picture.line([(MIDDLE, client), (trunk, client), (trunk, low), (ASIDE - 2, low)], tip=True)
    for upper in ("testing", "sandbox", "transports"):
        drawn.add((upper, "leaves"))
        high = placed[upper].middle
        picture.line([(RIGHT, high), (RIGHT + 14, high), (RIGHT + 14, placed["leaves"].top - 2)], tip=True)
    if drawn != arrows(rooms()):
        raise SystemExit(f"the map is another one: {sorted(drawn ^ arrows(rooms()))}")


ARROW: Final = 296.0

if __name__ == "__main__":
    Path(__file__).with_name("layers.svg").write_text(draw(), encoding="utf-8")
