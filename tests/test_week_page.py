"""The page of weeks: as HTML that is parsed, and as a real browser shows it."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from joinme_async import Meeting
from joinme_async.cli._shown._page import page
from tests.browser import NARROW, WIDE, complaints, look, opened

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2027, 6, 1, 10, 42, tzinfo=LONDON)
VOID = {"meta", "link", "br", "hr", "img", "input"}
EVIL = "<script>alert(1)</script>\"'></bdi><img src=x onerror=alert(2)>"


def meeting(number: int, name: str, start: str, end: str, **known) -> Meeting:
    begun, ended = (datetime.fromisoformat(text).replace(tzinfo=LONDON).astimezone(UTC) for text in (start, end))
    return Meeting(number, name, begun, ended, known.pop("personal", False), **known)


SOME = [
    meeting(10001, "Weekly update", "2027-05-31T09:00", "2027-05-31T10:00", participants=("boss@join.me", "me@join.me"),
            conference_id="123456789", viewer_link="https://join.me/123456789"),
    meeting(10002, "Design review", "2027-05-31T09:30", "2027-05-31T11:00", participants=(), personal=True),
    meeting(10003, "1:1", "2027-05-31T09:45", "2027-05-31T10:00", viewer_link="javascript:alert(3)"),
    meeting(10004, "اجتماع الفريق", "2027-06-01T13:00", "2027-06-01T14:30"),
    meeting(10005, "🎉 Launch 会議", "2027-06-01T22:00", "2027-06-02T01:30"),
    meeting(10006, "Offsite", "2027-06-02T10:00", "2027-06-08T15:00"),
    meeting(10007, EVIL, "2027-06-04T09:00", "2027-06-04T09:15", viewer_link='https://join.me/"onclick="alert(4)'),
    meeting(10008, "half \ud83d \x1b[31m\x00\u2028\u202egnol", "2027-06-06T16:30", "2027-06-06T18:00", conference_id="<b>1</b>"),
]  # fmt: skip
MANY = [
    meeting(20000 + n, f"Slot {n}", f"2027-06-{1 + n // 60:02}T{8 + n % 10:02}:00", f"2027-06-{1 + n // 60:02}T{9 + n % 10:02}:00")
    for n in range(300)
]  # fmt: skip
DAYS_OF_SOME = {10001: 1, 10002: 1, 10003: 1, 10004: 1, 10005: 2, 10006: 7, 10007: 1, 10008: 1}


def made(meetings: list[Meeting], *, zone=LONDON, zone_name: str = "Europe/London") -> str:
    return page(meetings, zone=zone, zone_name=zone_name, now=NOW)


# Parsed


class Reader(HTMLParser):
    """Reads a page, and holds that its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.names: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "bdi":
            self.names.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["bdi"]:
            self.names[-1] += data
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_page_is_well_made() -> None:
    """A language, a title, landmarks, one first heading, a heading for each week and day, and each id once."""
    read = Reader(made(SOME))
    assert read.all("html") == [{"lang": "en"}]
    assert [len(read.all(tag)) for tag in ("title", "header", "main", "footer", "h1", "h2", "h3")] == [
        1,
        1,
        1,
        1,
        1,
        2,
        14,
    ]
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for _, attrs in read.tags if "aria-labelledby" in attrs} <= set(ids)
    links = [attrs["href"] or "" for attrs in read.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert [link for link in links if not link.startswith("#")] == [
        "https://join.me/123456789",
        'https://join.me/"onclick="alert(4)',
    ]
    assert all(attrs["rel"] == "noreferrer" for attrs in read.all("a") if not (attrs["href"] or "").startswith("#"))


def test_nothing_runs_and_nothing_is_loaded() -> None:
    """The page allows itself styles only, and has no script, picture, frame or address to fetch."""
    text = made(SOME)
    read = Reader(text)
    (policy,) = (attrs["content"] for attrs in read.all("meta") if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert {tag for tag, _ in read.tags} & {"script", "img", "link", "iframe", "object", "form", "base", "svg"} == set()
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on") or name == "src"]
    assert "url(" not in text
    assert "@import" not in text


def test_what_is_known_of_a_meeting_is_told() -> None:
    """Length, who is invited as a number, how it starts, the id; no address; unknown is not zero."""
    text = " ".join(Reader(made([SOME[0]])).text.split())
    assert (
        "Weekly update 09:00–10:00 Length 1 h Invited 2 Starts with a 9-digit code Conference 123456789 Id 10001 Viewer link"
        in text
    )
    assert "@" not in made(SOME).split("</style>")[1]
    assert "Invited 0 Starts with the personal URL Id 10002" in " ".join(Reader(made([SOME[1]])).text.split())
    alone = " ".join(Reader(made([SOME[2]])).text.split())
    assert "Invited" not in alone
    assert "Viewer link" not in alone


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JaVaScRiPt:x",
        "data:text/html,x",
        "//join.me/1",
        "https:",
        "http://",
        "ftp://x",
        "https://join.me/\n1",
        "https://join.me/\u202e1",
        "https://join.me/\ud800",
        "",
    ],
)
def test_only_links_to_the_web_are_links(link: str) -> None:
    """Nothing that a browser would run, or hide where it goes."""
    text = made([meeting(1, "x", "2027-06-01T09:00", "2027-06-01T10:00", viewer_link=link)])
    assert [attrs["href"] for attrs in Reader(text).all("a")] == ["#meetings"]


def test_times_are_in_the_zone_and_machines_read_them_in_utc() -> None:
    """The zone is named in each week, with both its readings in the week of a change."""
    read = Reader(made([meeting(1, "x", "2027-03-26T09:00", "2027-03-26T10:00"), SOME[0]]))
    assert "Times in Europe/London (GMT, UTC+0; from Sun 28 Mar BST, UTC+1)" in read.text
    assert "Times in Europe/London (BST, UTC+1)" in read.text
    assert {"2027-03-26T09:00:00Z", "2027-05-31T08:00:00Z"} <= {attrs["datetime"] for attrs in read.all("time")}


def test_weeks_are_told_and_linked() -> None:
    """Each that has meetings, by its number; from one to the next; a single one needs no links."""
    read = Reader(made(SOME))
    assert "Meetings from 31 May to 8 June 2027" in read.text
    assert "Week 22: 31 May to 6 June 2027" in read.text
    assert len(read.all("nav")) == 3
    assert [attrs["href"] for attrs in read.all("a") if "rel" in attrs and attrs["rel"] != "noreferrer"] == [
        "#week-2027-06-07",
        "#week-2027-05-31",
    ]
    assert Reader(made(SOME[:1])).all("nav") == []
    assert "Meetings on 31 May 2027" in Reader(made(SOME[:1])).text


def test_without_meetings_it_is_still_a_page() -> None:
    """A friendly one."""
    assert "Nothing is scheduled." in Reader(made([])).text


def test_the_same_meetings_make_the_same_page() -> None:
    """In whatever order they come."""
    assert made(SOME) == made(SOME[::-1])


@given(st.lists(st.text(st.characters()), max_size=4), st.text(st.characters(), max_size=20))
def test_names_are_text(names: list[str], zone_name: str) -> None:
    """No letter of a name becomes a tag or an attribute, and the page can be written as UTF-8."""
    meetings = [meeting(n, name, "2027-06-01T09:00", "2027-06-01T10:00") for n, name in enumerate(names, 1)]
    text = made(meetings, zone_name=zone_name)
    text.encode()
    plain = Reader(made([meeting(n, "x", "2027-06-01T09:00", "2027-06-01T10:00") for n in range(1, len(names) + 1)]))
    read = Reader(text)
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", text)


# Seen

SETS = {"none": [], "some": SOME, "many": MANY}


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    with opened() as driver:
        yield driver


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, meetings in SETS.items():
        folder.joinpath(f"{name}.html").write_text(made(meetings), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in SETS}


def show(driver: Chrome, file: Path, size: tuple[int, int] = WIDE, *, dark: bool = False) -> None:
    look(driver, size, dark=dark)
    driver.get(file.as_uri())


BOXES = """
return [...document.querySelectorAll('.meeting')].map(m => {
  const box = m.querySelector('details').getBoundingClientRect(), seen = m.querySelector('summary').getBoundingClientRect();
  return {id: [...m.querySelectorAll('dd')].at(-1).textContent, day: m.closest('.day').querySelector('time').dateTime,
    x: box.x, y: box.y + scrollY, right: box.right, bottom: box.bottom + scrollY,
    shown: seen.width > 8 && seen.height > 8 && m.checkVisibility()};
});"""

CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgb = (colours) => {
  canvas.clearRect(0, 0, 1, 1);
  for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const light = (colour) => {
  const [r, g, b] = colour.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const behind = (element) => {
  const found = [];
  for (let e = element; e; e = e.parentElement) found.unshift(getComputedStyle(e).backgroundColor);
  return found;
};
const worst = {};
for (const what of ['h1', 'h2', 'h3', '.date', '.soft', '.name', '.when', 'dt', 'dd', '.more', 'nav a', '.none', '.made h3', '.gutter span', '.friendly'])
  for (const e of document.querySelectorAll(what)) {
    const back = behind(e), [a, b] = [light(rgb(back)), light(rgb([...back, getComputedStyle(e).color]))];
    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    worst[what] = Math.min(worst[what] ?? 99, contrast);
  }
return worst;"""


def boxes(driver: Chrome) -> list[dict]:
    return driver.execute_script(BOXES)


def overlapping(found: list[dict]) -> list[tuple]:
    """Return which boxes of one day lie on each other, by more than half a pixel."""
    return [
        (one["id"], other["id"], one["day"])
        for n, one in enumerate(found)
        for other in found[:n]
        if one["day"] == other["day"]
        and min(one["right"], other["right"]) - max(one["x"], other["x"]) > 0.5
        and min(one["bottom"], other["bottom"]) - max(one["y"], other["y"]) > 0.5
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW, (800, 700)], ids=["wide", "phone", "tablet"])
@pytest.mark.parametrize("name", SETS)
def test_every_meeting_is_seen_once_on_each_of_its_days(
    driver: Chrome, files: dict[str, Path], name: str, size: tuple[int, int]
) -> None:
    """None lies on another, the page scrolls in one direction only, loads nothing, and has nothing to complain of."""
    show(driver, files[name], size)
    found = boxes(driver)
    assert [box for box in found if not box["shown"]] == []
    assert len({(box["id"], box["day"]) for box in found}) == len(found)
    if name == "some":
        assert {number: sum(box["id"] == str(number) for box in found) for number in DAYS_OF_SOME} == DAYS_OF_SOME
    assert len({box["id"] for box in found}) == len(SETS[name])
    assert overlapping(found) == []
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert complaints(driver) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everything_can_be_read(driver: Chrome, files: dict[str, Path], dark: bool) -> None:
    """Letters stand out by 4.5 to 1 at least (WCAG 2.2, 1.4.3), in both schemes, opened meetings too; and they differ."""
    for name in ("some", "none"):
        show(driver, files[name], dark=dark)
        driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        contrasts = driver.execute_script(CONTRASTS)
        assert len(contrasts) >= (3 if name == "none" else 13)
        assert {what: contrast for what, contrast in contrasts.items() if contrast < 4.5} == {}
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", background)[0]) < 64) == dark


def test_nothing_of_a_name_is_run(driver: Chrome, files: dict[str, Path]) -> None:
    """A script in a name is a name."""
    show(driver, files["some"])
    names = [name.get_attribute("textContent") for name in driver.find_elements(By.CSS_SELECTOR, ".name")]
    assert EVIL in names
    assert driver.execute_script("return document.scripts.length + document.images.length") == 0
    assert complaints(driver) == []  # an alert would have made each of these calls fail


def test_right_to_left_names_read_so(driver: Chrome, files: dict[str, Path]) -> None:
    """Each name has the direction of its first letter, whatever stands beside it."""
    show(driver, files["some"])
    directions = driver.execute_script(
        "return [...document.querySelectorAll('.name')].map(n => [n.textContent, getComputedStyle(n).direction])"
    )
    assert [name for name, direction in directions if direction == "rtl"] == ["اجتماع الفريق"]


def test_the_keyboard_is_enough(driver: Chrome, files: dict[str, Path]) -> None:
    """First to the meetings, then week by week, then from one to the next in their order; Enter opens one."""
    show(driver, files["some"])
    body = driver.find_element(By.TAG_NAME, "body")
    reached = []
    for _ in range(40):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        at = driver.switch_to.active_element
        if at == body:
            break
        reached.append((at.tag_name, " ".join((at.get_attribute("textContent") or "").split())[:20]))
    assert reached[0] == ("a", "Skip to the meetings")
    assert [text for tag, text in reached[1:3]] == ["31 May 2027", "7 Jun 2027"]
    opened = [text for tag, text in reached if tag == "summary"]
    assert [text.split(" 0")[0] for text in opened[:3]] == ["Weekly update", "Design review", "1:1"]
    assert len(opened) == sum(DAYS_OF_SOME.values())
    first = driver.find_element(By.CSS_SELECTOR, "summary")
    first.send_keys(Keys.ENTER)
    link = driver.find_element(By.CSS_SELECTOR, "a.more")
    assert link.is_displayed()
    assert driver.execute_script("return document.elementFromPoint(...arguments)", *_middle(link)) == link


def _middle(element) -> tuple[float, float]:
    box = element.rect
    scrolled = element.parent.execute_script("return scrollY")
    return box["x"] + box["width"] / 2, box["y"] - scrolled + box["height"] / 2


def test_a_phone_shows_a_list(driver: Chrome, files: dict[str, Path]) -> None:
    """Days and meetings one below the other, in order, as wide as the screen, with room for a thumb."""
    show(driver, files["some"], NARROW)
    found = boxes(driver)
    assert [box["y"] for box in found] == sorted(box["y"] for box in found)
    assert {round(box["right"] - box["x"]) for box in found} == {found[0]["right"] - found[0]["x"]}
    assert min(box["bottom"] - box["y"] for box in found) >= 24
    assert found[0]["right"] - found[0]["x"] > 350


@pytest.mark.parametrize(("name", "pages"), [("none", 1), ("some", 2), ("many", 4)])
def test_each_week_is_printed_on_a_page(driver: Chrome, files: dict[str, Path], name: str, pages: int) -> None:
    """A4, across, without backgrounds; a week too full for one is a list on several."""
    show(driver, files[name])
    printed = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    found = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))
    assert found == pages or (name == "many" and abs(found - pages) <= 2)  # how long a list is, fonts decide
    assert b"/MediaBox [0 0 841.9" in printed


def test_on_paper_meetings_have_edges_and_the_controls_are_gone(driver: Chrome, files: dict[str, Path]) -> None:
    """What is drawn does not depend on backgrounds, and no meeting is cut in two."""
    show(driver, files["some"])
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        found = boxes(driver)
        seen = driver.execute_script(
            "return [...document.querySelectorAll('nav, footer, header')].filter(e => e.checkVisibility()).length"
        )
        edges = driver.execute_script(
            "return [...document.querySelectorAll('details')].map(d => getComputedStyle(d).borderTopWidth)"
        )
        breaks = driver.execute_script(
            "return [...document.querySelectorAll('details')].map(d => getComputedStyle(d).breakInside)"
        )
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert overlapping(found) == []
    assert all(box["shown"] for box in found)
    assert seen == 0
    assert set(edges) == {"1px"}
    assert set(breaks) == {"avoid"}


def test_a_meeting_stands_at_its_hour(driver: Chrome, files: dict[str, Path]) -> None:
    """Where its minutes are between the lines of the hours."""
    show(driver, files["some"])
    found = {box["id"]: box for box in boxes(driver)}
    hour = driver.execute_script(
        "return [...document.querySelectorAll('.lines span')].slice(9, 11).map(l => l.getBoundingClientRect().y + scrollY)"
    )
    assert abs(found["10001"]["y"] - hour[0]) < 2
    assert abs(found["10002"]["y"] - (hour[0] + hour[1]) / 2) < 2
    assert abs(found["10001"]["bottom"] - hour[1]) < 3
