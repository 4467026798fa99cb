"""The pictures say what the code does: each is what its script draws, from facts that keep the laws the pages claim."""

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from types import ModuleType

import anyio
import pytest

from joinme_async._retry._decide import GiveUp
from joinme_async._wire import DEFAULT_BASE_URL
from joinme_async.sandbox import Sandbox
from joinme_async.testing import FakeClock
from tests.test_layout import HOMES, RANK

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
MEASURED = {"rate", "kill_and_resume"}
SCRIPTS = ["decision_path", "kill_and_resume", "layers", "rate"]
SVG = "{http://www.w3.org/2000/svg}"


def name_of(script: str) -> str:
    return script.replace("_", "-")


def facts_of(script: str) -> dict:
    return json.loads((PICTURES / f"{name_of(script)}.json").read_text(encoding="utf-8"))


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Return what imports a script as `python docs/pictures/….py` finds it: with those beside it."""
    monkeypatch.syspath_prepend(PICTURES)

    def load(name: str) -> ModuleType:
        return __import__(name)

    return load


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_picture_is_the_one_its_script_draws(load, script: str) -> None:
    """What is shown and what draws it do not drift apart."""
    drawn = load(script).draw(*([facts_of(script)] if script in MEASURED else []))
    again = f"python docs/pictures/{script}.py{' --draw' if script in MEASURED else ''}"
    assert (PICTURES / f"{name_of(script)}.svg").read_text(encoding="utf-8") == drawn, f"draw it again: {again}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_picture_can_be_read(load, script: str) -> None:
    """Well-formed, told to screen readers, with numbers for numbers, and no words beyond its edges."""
    drawing = load("drawing")
    text = (PICTURES / f"{name_of(script)}.svg").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    width, height = (float(number) for number in root.attrib["viewBox"].split()[2:])
    assert width <= 900, "at 700 pixels its words are too small"
    assert root.findtext(f"{SVG}title")
    assert len(root.findtext(f"{SVG}desc") or "") > 100
    for value in (value for element in root.iter() for value in element.attrib.values()):
        assert not re.search(r"\b(nan|inf)\b", value)
    for words in root.iter(f"{SVG}text"):
        size = float(words.attrib.get("font-size", drawing.SIZE))
        room = drawing.width_of(words.text or "", size, bold="font-weight" in words.attrib)
        share = {"middle": 0.5, "end": 1.0}.get(words.attrib.get("text-anchor", "start"), 0.0)
        left = float(words.attrib["x"]) - share * room
        assert left >= 0, words.text
        assert left + room <= width, words.text
        assert size <= float(words.attrib["y"]) + 1 <= height, words.text


# The path of a call


@pytest.mark.parametrize(
    ("method", "what", "word"),
    [
        ("POST", "lost", "unknown"), ("POST", "cut", "unknown"), ("POST", "503", "unknown"), ("POST", "501", "unknown"),
        ("GET", "lost", "back-off"), ("GET", "503", "back-off"), ("GET", "501", "error"), ("PATCH", "late", "back-off"),
        ("POST", "not sent", "back-off"), ("DELETE", "403 OVER_QPS", "refused"), ("POST", "429", "refused"),
        ("POST", "401", "token"), ("GET", "403 stale token", "token"), ("POST", "403", "error"), ("GET", "302", "error"),
    ],
)  # fmt: skip
def test_what_follows_is_what_the_rules_say(load, method: str, what: str, word: str) -> None:
    """The picture asks them."""
    assert load("decision_path").follows(method, what) == word


def test_no_picture_is_drawn_of_rules_it_has_no_words_for(load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that never send anything again, say, are not drawn as if they did."""
    script = load("decision_path")
    monkeypatch.setattr(script, "decide", lambda _, outcome, *__: GiveUp(outcome.error))
    with pytest.raises(SystemExit, match="no words"):
        script.draw()


# The rate


def assert_rate(script: ModuleType, facts: dict, limit: int) -> None:
    """Hold what is true of every run under a limit that the client is not told."""
    assert facts["scheduled"] == facts["rows"]
    assert facts["rows"] < len(facts["taken"]) <= facts["rows"] + 3, "the rows, and a list or two"
    assert facts["taken"] == sorted(facts["taken"])
    assert max(script.counts_of(facts["taken"])) == limit, "the service carried more than it allows"
    assert facts["paces"][0][1] == pytest.approx(0.95 * limit)
    first, pause = facts["refused"][0], facts["pauses"][0]
    assert first <= pause
    after = [moment for moment in facts["taken"] + facts["refused"] if moment > pause + 0.1]
    assert min(after) >= first + 1, "somebody called in the pause"
    spaced = [moment for moment in facts["taken"] if pause + 2.5 < moment < pause + 29]
    rate = (len(spaced) - 1) / (spaced[-1] - spaced[0]) if len(spaced) > 1 else 0.95 * limit
    assert 0.9 * limit < rate < limit


def test_the_rate_keeps_its_laws(load) -> None:
    """A burst, one pause, an even pace; a step up for each quiet half-minute, and the one that is refused taken back."""
    script, facts = load("rate"), facts_of("rate")
    assert_rate(script, facts, facts["limit"])
    (learnt, first), (raised, tried), (further, beyond), (back, held) = facts["paces"]
    assert first < tried <= facts["limit"] < beyond
    assert held == tried
    assert 30 <= raised - learnt < 31
    assert 30 <= further - raised < 31
    quiet = [moment for moment in facts["refused"] if moment > 1]
    assert 1 <= len(quiet) <= 3
    assert all(further < moment <= back + 0.1 for moment in quiet)


def test_the_rate_of_a_short_run(load) -> None:
    """The same function, over made-up time."""
    clock = FakeClock()
    sandbox, script = Sandbox(clock=clock, per_second=10, latency=0.05), load("rate")
    facts = anyio.run(lambda: script.run(sandbox, 60, url=DEFAULT_BASE_URL, transport=sandbox.transport()))
    assert {"limit", *facts} == facts_of("rate").keys()
    assert_rate(script, facts, 10)


# The kill


def assert_killed_and_gone_on(facts: dict) -> None:
    """Hold what is true of every run that is killed and gone on with."""
    rows = range(1, facts["rows"] + 1)
    killed, resumed = facts["killed"], facts["resumed"]
    assert Counter(number for number, *_, did in facts["requests"] if did == "created") == dict.fromkeys(rows, 1)
    assert (facts["meetings"], facts["twice"]) == (facts["rows"], 0)
    assert facts["scheduled"] + len(facts["adopted"]) == facts["rows"]
    assert 0 < killed < resumed < facts["ended"]
    begun = [moment for _, moment, *_ in facts["requests"]]
    assert min(begun) < killed < max(begun)
    assert not any(killed < moment < resumed for moment in begun), "a dead process sent something"
    assert set(facts["adopted"]) <= set(facts["in_doubt"])
    made_before = {number for number, moment, _, _, did in facts["requests"] if did and moment < killed}
    done_before = {number for moment, number, state in facts["journal"] if state == "scheduled" and moment < resumed}
    assert made_before - done_before == set(facts["adopted"]), "what was made and not written down is found"
    again = Counter(number for number, *_ in facts["requests"])
    for number in (number for number, times in again.items() if times > 1):
        assert number in facts["in_doubt"]
        assert len([look for look in facts["lists"] if look > resumed]) > 2, "sent again without two looks"


def test_the_killed_run_keeps_its_laws() -> None:
    """Each row is one meeting; rows in doubt are found or proven absent, and only these are sent again."""
    facts = facts_of("kill_and_resume")
    assert_killed_and_gone_on(facts)
    for number, moment, *_ in facts["requests"]:
        seen = [at for at, row, state in facts["journal"] if row == number and state == "in doubt"]
        assert any(-0.2 < at - moment < 0.02 for at in seen), "a request left before its intent was on disk"
    fates = Counter(f"{how} {did}" for *_, how, did in facts["requests"] if how != "answered")
    assert fates["lost created"] == fates["lost "] == 1
    assert fates["cut created"] >= 2
    assert sorted(facts["adopted"]) == sorted(
        number for number, *_, how, did in facts["requests"] if (how, did) in {("lost", "created"), ("cut", "created")}
    )


@pytest.mark.kill
def test_a_small_run_that_is_killed(load) -> None:
    """The same function, with fewer rows and less patience."""
    script = load("kill_and_resume")
    plan = script.Plan(rows=16, latency=0.06, at_once=2, made=1, lost=3, kill=6, pause=0.0, settle=0.1, attempt=1.0)
    facts = script.measure(plan)
    assert facts.keys() == facts_of("kill_and_resume").keys()
    assert_killed_and_gone_on(facts)
    ET.fromstring(script.draw(facts))


# The map


def test_the_map_has_every_file_and_its_arrows_go_down(load) -> None:
    """What the layers of the layout say of files holds of rooms as well."""
    script = load("layers")
    assert set(script.FILES) == set(RANK)
    known = script.rooms()
    for room, others in known.items():
        assert room not in script._below(room, known)
        assert others <= script.ROOMS.keys()


def test_the_map_knows_where_libraries_live(load) -> None:
    """As the layout has it."""
    script = load("layers")
    for library, homes in HOMES.items():
        assert {name for name, tree in script.FILES.items() if library in script.foreign(tree)} == homes


def test_the_rules_are_pure_and_the_drivers_are_not(load) -> None:
    """What is tinted is found, not claimed."""
    pure = load("layers").pure_files()
    assert pure > {"_retry._decide", "_retry._signals", "_retry._pacing", "_retry._masking", "_wire", "_reconcile"}
    assert pure > {"bulk._plan", "sandbox._service", "cli._shown._week"}
    assert not pure & {"_clock", "_client", "_retry._layer", "_retry._noticing", "bulk._store", "transports._lines"}
