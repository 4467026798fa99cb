"""The public API is what was written down last, and what a change of it breaks is said by name."""

import pytest

from tests.public_api import MODULES, STUBS, stub_of, verdict

OLD = """
class Base: ...

class Thing(Base, ValueError):
    name: str
    async def send(self, request: str, *, timeout: float = 1.0) -> int: ...
    @property
    def size(self) -> int: ...

class Port(Protocol):
    def close(self) -> None: ...

class Colour(Enum):
    RED = 1

def zoned(wall: datetime, zone: str = 'UTC', *, fold: int | None = None) -> datetime: ...
LIMIT: Final = 3
"""


def test_the_api_is_what_was_written_down() -> None:
    """A public name, signature or field that changes is a decision: `make api` writes it down."""
    breaks, adds, changed = [], [], []
    for name in MODULES:
        old, new = (STUBS / f"{name}.pyi").read_text(encoding="utf-8"), stub_of(name)
        if old != new:
            said = verdict(old, new)
            changed.append(name)
            breaks += [f"  {name}.{each}" for each in said.breaks]
            adds += [f"  {name}.{each}" for each in said.adds]
    told = [*(["This BREAKS programs; see docs/explanation/versions.md:", *breaks] if breaks else []), *adds]
    assert not changed, "\n".join([f"The API of {', '.join(changed)} is not the one in tests/api.", *told,
        "Where that is meant: a line in the CHANGELOG, and `make api`."])  # fmt: skip


def test_no_stub_is_left_over() -> None:
    """What is written down is what there is."""
    assert {path.stem for path in STUBS.iterdir()} == set(MODULES)


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        pytest.param("wall: datetime, zone", "instant: datetime, zone", ["zoned(instant): Parameter was added as required", "zoned(wall): Parameter was removed"], id="parameter renamed"),
        pytest.param(", *, fold: int | None = None", "", ["zoned(fold): Parameter was removed"], id="parameter removed"),
        pytest.param("zone: str = 'UTC'", "zone: str", ["zoned(zone): Parameter is now required"], id="made required"),
        pytest.param("'UTC'", "'CET'", ["zoned(zone): Parameter default was changed: 'UTC' -> 'CET'"], id="default changed"),
        pytest.param("zone: str = 'UTC', *,", "*, zone: str = 'UTC',", ["zoned(zone): Parameter kind was changed: positional or keyword -> keyword-only"], id="kind changed"),
        pytest.param("*, fold", "*, day: int, fold", ["zoned(day): Parameter was added as required"], id="required one added"),
        pytest.param("wall: datetime, zone: str = 'UTC'", "zone: str = 'UTC', wall: datetime = x", ["zoned(wall): Positional parameter was moved", "zoned(zone): Positional parameter was moved"], id="moved"),
        pytest.param("-> datetime", "-> str", ["zoned: the result was datetime, is str"], id="other result"),
        pytest.param("LIMIT: Final = 3", "", ["LIMIT: Public object was removed"], id="name removed"),
        pytest.param("LIMIT: Final = 3", "LIMIT: Final = 4", ["LIMIT: the value was 3, is 4"], id="value changed"),
        pytest.param("LIMIT: Final = 3", "def LIMIT(): ...", ["LIMIT: Public object points to a different kind of object: attribute -> function"], id="other kind"),
        pytest.param("RED", "BLUE", ["Colour.RED: Public object was removed"], id="member renamed"),
        pytest.param("    name: str\n", "", ["Thing.name: Public object was removed"], id="field removed"),
        pytest.param("name: str\n", "name: bytes\n", ["Thing.name: the type was str, is bytes"], id="field's type changed"),
        pytest.param("size(self) -> int", "size(self) -> float", ["Thing.size: the type was int, is float"], id="property's type changed"),
        pytest.param("async def send", "def send", ["Thing.send: the kind was async, is a plain function"], id="no longer async"),
        pytest.param("(Base, ValueError)", "(ValueError)", ["Thing: Base class was removed", "Thing: the base Base was there, is gone"], id="base removed"),
        pytest.param("def close", "def flush(self) -> None: ...\n    def close", ["Port.flush: those who implement the protocol have none"], id="protocol asks for more"),
    ],
)  # fmt: skip
def test_what_breaks_is_named(was: str, now: str, said: list[str]) -> None:
    """Each by its own name, and nothing else with it."""
    assert was in OLD
    breaks = verdict(OLD, OLD.replace(was, now)).breaks
    assert [told[: len(words)] for told, words in zip(breaks, said, strict=True)] == said


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        pytest.param("*, fold", "*, day: int = 1, fold", [], id="keyword"),
        pytest.param("LIMIT", "MORE: int\nLIMIT", ["MORE: is new"], id="name"),
        pytest.param("RED = 1", "RED = 1\n    BLUE = 2", ["Colour.BLUE: is new"], id="member"),
        pytest.param("class Colour", "class Other:\n    a: int\n\nclass Colour", ["Other: is new"], id="class, with what it has"),
    ],
)  # fmt: skip
def test_what_only_adds_breaks_nothing(was: str, now: str, said: list[str]) -> None:
    """A name that is new is told, and a parameter that may be left out is no matter."""
    assert verdict(OLD, OLD.replace(was, now)) == ([], said)


def test_how_the_package_makes_its_own_objects_is_private() -> None:
    """An `__init__` that takes what users cannot have is left out; one that they may call without it is not."""
    stub = stub_of("joinme_async")
    assert "RetryLayer" not in stub
    assert "def __init__(self, status: int, headers: Headers = Headers()" in stub
    assert "start: datetime | Unset = UNSET" in stub_of("joinme_async.bulk")
