"""The sandbox's page in a real browser: it shows what happens while it happens, and does what its controls say."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import anyio
import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from joinme_async import JoinMe, NewMeeting, Request, Response, RetryPolicy
from joinme_async.bulk import BulkReport, Row, schedule_all
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from joinme_async.transports.httpx import HttpxTransport
from tests.browser import NARROW, WIDE, complaints, look, opened
from tests.conftest import HOUR, START, new_meeting

HARD_NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "اجتماع الأسبوع",
    "Launch \U0001f680",
    "\u202egnp.exe",
]
HEADERS = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"}
OUTCOMES = {2: "done", 4: "refused", 5: "failed", 0: "unanswered"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with opened() as driver:
        yield driver


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(clock=FakeClock())


@pytest.fixture
def driver(browser: Chrome, sandbox: Sandbox) -> Iterator[Chrome]:
    """The browser, looking at the live page of `sandbox`; at the end nothing was complained of."""
    complaints(browser)
    with sandbox.serve() as url:
        open_page(browser, url)
        yield browser
        assert complaints(browser) == []
        browser.get("about:blank")


def open_page(driver: Chrome, url: str) -> None:
    look(driver, WIDE)
    driver.get(url.removesuffix("v1"))
    until(driver, lambda: pulse(driver) == "Live")


def until(driver: Chrome, holds: Callable[[], object]) -> None:
    WebDriverWait(driver, 30, 0.05).until(lambda _: holds())


def find(driver: Chrome, name: str) -> WebElement:
    return driver.find_element(By.ID, name)


def pulse(driver: Chrome) -> str:
    return find(driver, "pulse").text.split()[-1]


def total(driver: Chrome, name: str) -> int:
    return int(find(driver, f"{name}-total").text.replace(",", ""))


def rows(driver: Chrome, table: str) -> list[str]:
    """Return what stands in each row, in one go."""
    script = "return [...document.querySelectorAll(`#${arguments[0]} > *`)].map((row) => row.innerText)"
    return driver.execute_script(script, table)


def press(driver: Chrome, words: str) -> None:
    button = driver.find_element(By.XPATH, f"//button[normalize-space()='{words}']")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()


def choose(driver: Chrome, **values: str) -> None:
    for name, value in values.items():
        Select(find(driver, name)).select_by_value(value)


def write(driver: Chrome, name: str, text: str) -> None:
    find(driver, name).send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.BACKSPACE, text)


def call(sandbox: Sandbox, method: str = "GET") -> int:
    """Let the sandbox see a request, and return the status of the answer."""
    return sandbox.receive(Request(method, "http://x/v1/meetings", HEADERS, None)).response.status


def hold(sandbox: Sandbox, *new: NewMeeting) -> None:
    async def main() -> None:
        async with JoinMe(sandbox.token, transport=sandbox.transport(), clock=sandbox.clock) as joinme:
            for one in new:
                await joinme.meetings.schedule(one)

    anyio.run(main)


class Gate:
    """A transport that lets some requests out, and the rest once it is opened."""

    concurrency = 8

    def __init__(self, let_out: int) -> None:
        self._inner = HttpxTransport()
        self._let_out = let_out
        self.opened = threading.Event()

    async def send(self, request: Request) -> Response:
        self._let_out -= 1
        while self._let_out < 0 and not self.opened.is_set():
            await anyio.sleep(0.02)
        return await self._inner.send(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def bulk_run(url: str, sandbox: Sandbox, gate: Gate, new: list[NewMeeting]) -> BulkReport[Row]:
    async with JoinMe(sandbox.token, base_url=url, transport=gate, retry=RetryPolicy(settle=0.05)) as joinme:
        try:
            return await schedule_all(joinme, new, existing="make")
        finally:
            await gate.aclose()


def test_a_bulk_run_is_seen_while_it_goes_on(browser: Chrome, sandbox: Sandbox) -> None:
    """Counts grow with it and end at what the ledger says; an answer lost by the page is seen, and found out about."""
    new = [
        new_meeting(name=f"{HARD_NAMES[n % 5]} {n}", start=START + n * HOUR, end=START + (n + 1) * HOUR)
        for n in range(130)
    ]
    gate = Gate(60)
    with sandbox.serve() as url, ThreadPoolExecutor(1) as pool:
        open_page(browser, url)
        running: Future[BulkReport[Row]] = pool.submit(anyio.run, bulk_run, url, sandbox, gate, new)
        try:
            until(browser, lambda: total(browser, "requests") == 60)
            assert not running.done()
            assert total(browser, "meetings") == len(sandbox.meetings) == 60 - sum(not e.did for e in sandbox.ledger)
            choose(browser, kind="lose", on="POST")
            press(browser, "Plant")
            until(browser, lambda: "lose the answer, work done\nPOST, once" in "".join(rows(browser, "faults")))
            assert len(sandbox.planted) == 1
        finally:
            gate.opened.set()
        report = running.result(timeout=40)
        assert (len(report.scheduled), len(report.adopted)) == (129, 1)
        ledger = sandbox.ledger
        until(browser, lambda: total(browser, "requests") == len(ledger))
        for outcome in OUTCOMES.values():
            assert total(browser, outcome) == sum(OUTCOMES[entry.status // 100] == outcome for entry in ledger)
        assert total(browser, "unanswered") == 1
        assert total(browser, "meetings") == 130
        assert (rows(browser, "faults"), sandbox.planted) == ([], ())
        shown = rows(browser, "requests")
        assert len(shown) == 100
        (struck,) = [row for row in shown if "fault: lose the answer, work done" in row]
        assert "no answer" in struck
        created = [row.split("created ")[1].split()[0] for row in shown if "created" in row]
        assert created == [str(entry.meeting_id) for entry in reversed(ledger[-100:]) if entry.did]
        names = [row.split("\t")[0] for row in rows(browser, "meetings")]
        assert names == [meeting.name for meeting in sandbox.meetings]
        assert complaints(browser) == []
        browser.get("about:blank")


def test_faults_are_switched_on_and_off(driver: Chrome, sandbox: Sandbox) -> None:
    """What is planted strikes until it is taken away; a mistake is told in the error's own words; Python shares the list."""
    choose(driver, kind="error", on="GET", often="ever")
    write(driver, "detail-status", "200")
    press(driver, "Plant")
    until(driver, lambda: find(driver, "mistake").text == "an error has a status from 500 to 599")
    assert sandbox.planted == ()
    (noise,) = complaints(driver)  # the browser's own line on every answer of 400
    assert "_page/plant" in noise
    write(driver, "detail-status", "502")
    find(driver, "detail-status").send_keys(Keys.ENTER)
    until(driver, lambda: rows(driver, "faults") == ["error 502 before the work\nGET, until taken away\nTake away"])
    assert not find(driver, "mistake").is_displayed()
    assert [call(sandbox), call(sandbox), call(sandbox, "POST")] == [502, 502, 400]
    sandbox.plant(Fault.late(3), on="POST", times=7, skip=2)
    until(driver, lambda: "3 s late\nPOST, 7 times, after 2 more\nTake away" in rows(driver, "faults"))
    press(driver, "Take away")
    until(driver, lambda: len(rows(driver, "faults")) == 1)
    assert [fault.name for fault in sandbox.planted] == ["3 s late"]
    assert call(sandbox) == 200
    sandbox.plant(Fault.cut())
    until(driver, lambda: len(rows(driver, "faults")) == 2)
    press(driver, "Take all away")
    until(driver, lambda: find(driver, "faults-title").text == "Faults")
    assert (sandbox.planted, rows(driver, "faults")) == ((), [])
    until(driver, lambda: total(driver, "requests") == 4)
    assert ["502 failed" in row for row in rows(driver, "requests")] == [False, False, True, True]


def test_each_kind_can_be_planted_as_it_stands(driver: Chrome, sandbox: Sandbox) -> None:
    """The form's own values make a fault of every kind, by the keyboard alone."""
    kinds = [option.get_attribute("value") for option in Select(find(driver, "kind")).options]
    choose(driver, often="times")
    for number, kind in enumerate(kinds, start=1):
        choose(driver, kind=str(kind))
        find(driver, "times").send_keys(Keys.ENTER)
        until(driver, lambda count=number: len(sandbox.planted) == count)
    until(driver, lambda: len(rows(driver, "faults")) == len(kinds))
    assert all("all requests, 3 times" in row for row in rows(driver, "faults"))
    assert [fault.name.split()[0] for fault in sandbox.planted] == [
        "refuse", "error", "lose", "5", "cut", "garble", "unreachable", "hang", "10", "stale",
    ]  # fmt: skip


def test_a_fault_that_is_used_up_takes_no_other_with_it(driver: Chrome, sandbox: Sandbox) -> None:
    """The button pressed belongs to the fault it stands beside, however old the page is; the focus is not lost."""
    sandbox.plant(Fault.cut(), Fault.hang_up(), times=None)
    until(driver, lambda: len(rows(driver, "faults")) == 2)
    first = driver.find_element(By.CSS_SELECTOR, "#faults button")
    driver.execute_script("arguments[0].focus()", first)
    sandbox.clear_faults()
    sandbox.plant(Fault.late(1))
    first.send_keys(Keys.ENTER)
    until(driver, lambda: [row.split("\n")[0] for row in rows(driver, "faults")] == ["1 s late"])
    assert len(sandbox.planted) == 1
    assert driver.execute_script("return document.activeElement.id") == "faults-title"
    until(driver, lambda: total(driver, "requests") == 0)
    (noise,) = complaints(driver)
    assert "409" in noise


def test_names_are_shown_as_text(driver: Chrome, sandbox: Sandbox) -> None:
    """Markup, right-to-left letters, their overrides and emoji stand there as they were given; nothing of them runs."""
    hold(
        sandbox,
        *(new_meeting(name=name, start=START + n * HOUR, end=START + 20 * HOUR) for n, name in enumerate(HARD_NAMES)),
    )
    until(driver, lambda: total(driver, "meetings") == len(HARD_NAMES))
    cells = driver.find_elements(By.CSS_SELECTOR, "#meetings tr > td:first-child")
    assert [cell.get_property("textContent") for cell in cells] == HARD_NAMES
    assert driver.find_elements(By.CSS_SELECTOR, "main script, main img") == []
    assert driver.find_elements(By.XPATH, "//main//*[contains(text(), '@')]") == []


CONTRAST = """
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = (colour) => parts(colour).slice(0, 3).map((c) => c / 255)
  .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (e) => { const c = parts(getComputedStyle(e).backgroundColor); return c.length > 3 && c[3] === 0 && e.parentElement
  ? ground(e.parentElement) : getComputedStyle(e).backgroundColor; };
const weak = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.matches("input, select");
  if (!own || !e.checkVisibility() || e.matches("script, style, noscript, option, [aria-hidden]")) continue;
  const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(`${e.tagName} ${e.textContent} ${(a + 0.05) / (b + 0.05)}`);
}
return weak;
"""
NAMELESS = """
return [...document.querySelectorAll("input, select, button, section, [role=region], table")].filter((e) => !(
  e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim() && e.matches("button")
  || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent)).map((e) => e.outerHTML);
"""


@pytest.mark.parametrize("count", [0, 3, 300])
def test_it_is_readable_on_every_screen(driver: Chrome, sandbox: Sandbox, count: int) -> None:
    """Dark or light, wide or narrow, empty or full: no sideways scrolling, contrast of 4.5 at least, a name for every control."""
    hold(
        sandbox,
        *(
            new_meeting(name=f"{n} {'long-' * 10 * (n % 4)}", start=START + n * HOUR, end=START + (n + 1) * HOUR)
            for n in range(count)
        ),
    )
    sandbox.plant(Fault.error(), Fault.lose(), Fault.late(1))
    for method in ("GET", "POST", "GET", "POST"):
        call(sandbox, method)
    sandbox.plant(Fault.refuse(retry_after=None), times=None)
    until(driver, lambda: total(driver, "requests") == count + 4 and rows(driver, "faults"))
    assert total(driver, "meetings") == count
    assert len(rows(driver, "meetings")) == min(count, 200)
    assert find(driver, "meetings-none").is_displayed() == (count == 0)
    assert ("200 of 300" in find(driver, "meetings-note").text) == (count == 300)
    for size in (WIDE, NARROW):
        for dark in (False, True):
            look(driver, size, dark=dark)
            width, inner = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
            assert width <= inner == size[0]
            assert driver.execute_script(CONTRAST) == []
    assert driver.execute_script(NAMELESS) == []
    assert driver.execute_script("return [...document.querySelectorAll('th')].every((th) => th.scope === 'col')")


def test_times_are_the_browsers_own_with_utc_beside_them(driver: Chrome, sandbox: Sandbox) -> None:
    """In its zone, which is shown; what is past says so."""
    driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Europe/London"})
    try:
        driver.refresh()
        hold(sandbox, new_meeting(), new_meeting(start=START + 10 * HOUR, end=START + 24 * HOUR, participants=[]))
        until(driver, lambda: rows(driver, "meetings"))
        cells = [row.split("\t") for row in rows(driver, "meetings")]
        assert cells[0][1:] == ["Wed, 2 Jun 2027, 10:00 \u2013 11:00 BST", "1", "10001"]
        assert cells[1][1:] == ["Wed, 2 Jun 2027, 20:00 \u2013 Thu, 3 Jun 2027, 10:00 BST", "0", "10002"]
        assert "times in Europe/London" in find(driver, "meetings-note").text
        time = driver.find_element(By.CSS_SELECTOR, "#meetings time")
        assert time.get_attribute("title") == "2027-06-02T09:00:00Z to 2027-06-02T10:00:00Z (UTC)"
        anyio.run(sandbox.clock.sleep, (START + 11 * HOUR - sandbox.clock.wall()) / timedelta(seconds=1))
        until(driver, lambda: "BST (past)" in rows(driver, "meetings")[0])
        assert "BST (now)" in rows(driver, "meetings")[1]
    finally:
        driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


def test_it_says_when_the_sandbox_is_gone_and_notices_another(browser: Chrome, sandbox: Sandbox) -> None:
    """What was seen last stays until one answers again: the same one goes on, another begins anew and is said to be another."""
    serving: Callable[[Sandbox, int], AbstractContextManager[str]] = lambda one, port: one.serve(port=port)  # noqa: E731
    with serving(sandbox, 0) as url:
        port = int(url.removesuffix("/v1").rpartition(":")[2])
        open_page(browser, url)
        call(sandbox)
        until(browser, lambda: total(browser, "requests") == 1)
    until(browser, lambda: pulse(browser) == "Gone")
    assert "does not answer any more" in find(browser, "gone").text
    assert (browser.title, total(browser, "requests")) == ("Gone - joinme sandbox", 1)
    press(browser, "Plant")
    until(browser, lambda: find(browser, "mistake").text == "the sandbox did not answer")
    call(sandbox)
    with serving(sandbox, port):
        until(browser, lambda: pulse(browser) == "Live")
        until(browser, lambda: len(rows(browser, "requests")) == 2)
        assert not find(browser, "gone").is_displayed()
        assert not find(browser, "anew").is_displayed()
    until(browser, lambda: pulse(browser) == "Gone")
    another = Sandbox(clock=FakeClock())
    with serving(another, port):
        until(browser, lambda: "Another sandbox answers here" in find(browser, "anew").text)
        assert (total(browser, "requests"), rows(browser, "requests")) == (0, [])
        call(another)
        until(browser, lambda: len(rows(browser, "requests")) == 1)
        browser.get("about:blank")


def test_a_hidden_page_asks_nothing(driver: Chrome, sandbox: Sandbox) -> None:
    """It pauses while its tab is hidden, and goes on at once when it is seen again."""
    hidden: Any = "Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true})"
    driver.execute_script(f"{hidden}; document.dispatchEvent(new Event('visibilitychange'))", True)
    until(driver, lambda: pulse(driver) == "Paused")
    driver.execute_script("performance.clearResourceTimings()")
    call(sandbox)
    with pytest.raises(TimeoutException):
        WebDriverWait(driver, 1.2, 0.1).until(lambda _: total(driver, "requests") > 0)
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    driver.execute_script(f"{hidden}; document.dispatchEvent(new Event('visibilitychange'))", False)
    until(driver, lambda: total(driver, "requests") == 1)
    assert pulse(driver) == "Live"


FROM_ELSEWHERE = """
const [url, done] = arguments;
const body = JSON.stringify({kind: "cut"});
const send = (options) => fetch(url + options.path, options).then((a) => a.text(), () => "kept out");
Promise.all([
  send({path: "_page/state"}),
  send({path: "_page/plant", method: "POST", body, headers: {"Content-Type": "application/json"}}),
  send({path: "_page/plant", method: "POST", body, mode: "no-cors"}),
]).then(done);
"""


def test_a_page_from_elsewhere_reads_and_plants_nothing(browser: Chrome, sandbox: Sandbox) -> None:
    """Neither as the page's own script would, nor as a form would; and it leaves nothing in the ledger."""
    with sandbox.serve() as url:
        browser.get("data:text/html,<title>elsewhere</title>")
        said = browser.execute_async_script(FROM_ELSEWHERE, url.removesuffix("v1"))
        assert said == ["kept out"] * 3
        browser.get("about:blank")
    assert (sandbox.planted, sandbox.ledger) == ((), ())
    complaints(browser)
