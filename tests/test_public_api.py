"""The public API is what was written down last, and what a change of it breaks is said by name."""

import pytest

from tests.public_api import MODULES, STUBS, report, stub_of, verdict

OLD = """
class Base: ...

@attrs.frozen
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
    written = {name: (STUBS / f"{name}.pyi").read_text(encoding="utf-8") for name in MODULES}
    changed = {name: verdict(old, new) for name, old in written.items() if old != (new := stub_of(name))}
    assert not changed, report(changed)


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
        pytest.param("wall: datetime", "wall: str", ["zoned(wall): the type was datetime, is str"], id="parameter's type changed"),
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
        pytest.param("(Base, ValueError)", "(ValueError)", ["Thing: the base Base was there, is gone"], id="base removed"),
        pytest.param("def close", "def flush(self) -> None: ...\n    def close", ["Port.flush: those who implement the protocol have none"], id="protocol asks for more"),
        pytest.param("close(self", "close(self, force: bool = False", ["Port.close(force): those who implement the protocol have none"], id="protocol passes more"),
        pytest.param("close(self", "close(self, force: bool", ["Port.close(force): Parameter was added as required"], id="protocol passes more, always"),
        pytest.param("@attrs.frozen", "@attrs.define", ["Thing: the decorator was @attrs.frozen, is @attrs.define"], id="no longer frozen"),
        pytest.param("@attrs.frozen\n", "", ["Thing: the decorator was @attrs.frozen, is none"], id="decorator removed"),
    ],
)  # fmt: skip
def test_what_breaks_is_named(was: str, now: str, said: list[str]) -> None:
    """Each by its own name, and nothing else with it."""
    assert was in OLD
    breaks, adds = verdict(OLD, OLD.replace(was, now))
    assert [told[: len(words)] for told, words in zip(breaks, said, strict=True)] == said
    assert not {each.partition(":")[0] for each in breaks} & {each.partition(":")[0] for each in adds}


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        pytest.param("*, fold", "*, day: int = 1, fold", ["zoned(day): is new"], id="keyword"),
        pytest.param("LIMIT", "MORE: int\nLIMIT", ["MORE: is new"], id="name"),
        pytest.param("RED = 1", "RED = 1\n    BLUE = 2", ["Colour.BLUE: is new"], id="member"),
        pytest.param("class Colour", "class Other:\n    a: int\n\nclass Colour", ["Other: is new"], id="class, with what it has"),
        pytest.param("class Colour", "def far(x: int = 1): ...\n\nclass Colour", ["far: is new"], id="function, with what it takes"),
        pytest.param("class Thing(Base,", "class Thing(Base, OSError,", ["Thing: the base OSError is new"], id="base"),
    ],
)  # fmt: skip
def test_what_only_adds_breaks_nothing(was: str, now: str, said: list[str]) -> None:
    """Names that are new are told, and parameters that may be left out; they owe nobody anything."""
    assert verdict(OLD, OLD.replace(was, now)) == ([], said)


def test_a_report_keeps_what_breaks_and_what_is_new_apart() -> None:
    """Each under its own heading; a change of no known kind is not passed over; the end says what to do."""
    new = OLD.replace("LIMIT: Final = 3", "").replace("*, fold", "*, day: int = 1, fold")
    unknown = verdict(OLD, OLD.replace("(Base, ValueError)", "(ValueError, Base)"))
    lines = report({"one": verdict(OLD, new), "two": unknown}).splitlines()
    assert lines[0] == "The API of one, two is not the one in tests/api."
    assert lines[1].startswith("This BREAKS programs")
    assert lines[2:5] == ["  one.LIMIT: Public object was removed", "New:", "  one.zoned(day): is new"]
    assert lines[5].startswith("two: what changed is not one of the kinds this test knows")
    assert lines[6].startswith("Where that is not meant, undo it. A break wants a new 0.x")
    assert not [line for line in report({"one": verdict(OLD, OLD + "MORE: int")}).splitlines() if "BREAKS" in line]


def test_how_the_package_makes_its_own_objects_is_private() -> None:
    """An `__init__` that takes what users cannot have is left out; one that they may call without it is not."""
    stub = stub_of("joinme_async")
    assert "RetryLayer" not in stub
    assert "def __init__(self, status: int, headers: Headers = Headers()" in stub
    assert "start: datetime | Unset = UNSET" in stub_of("joinme_async.bulk")
