"""The sandbox's page answers for itself: nothing it does is of the service, and no website can have it do anything."""

import base64
import hashlib
import http.client
import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.text import Text

from joinme_async import Request, Response
from joinme_async.cli._sandbox import page_line
from joinme_async.sandbox import Fault, Sandbox, StoredMeeting, _page
from joinme_async.sandbox._faults import _KINDS, Planted
from joinme_async.sandbox._guard import is_loopback
from joinme_async.sandbox._page import Page
from joinme_async.sandbox._service import Entry, Service
from joinme_async.testing import FakeClock

NOW = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = {"Content-Type": "application/json"}
HTML = Path(_page.__file__).with_name("page.html").read_text(encoding="utf-8")


@pytest.fixture
def service() -> Service:
    return Service(["tok"])


@pytest.fixture
def page(service: Service) -> Page:
    return Page(service, "run1")


def ask(page: Page, line: str, body: Any = None, *, now: datetime = NOW, **headers: str) -> Response | None:
    """Ask the page, as its own script would unless `headers` say otherwise."""
    method, _, target = line.partition(" ")
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    sent = {"Host": "127.0.0.1:8765", **(JSON if method == "POST" else {})}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return page.answer(Request(method, f"http://127.0.0.1:8765{target}", sent, content), now)


def answer(page: Page, line: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    given = ask(page, line, body, **headers)
    assert given is not None
    return given.status, given.json()


def state(page: Page, query: str = "", now: datetime = NOW) -> dict[str, Any]:
    given = ask(page, f"GET /_page/state{query}", now=now)
    assert given is not None
    return given.json()


def meeting(number: int, start: datetime, **changes: Any) -> StoredMeeting:
    return attrs.evolve(StoredMeeting(number, f"Meeting {number}", start, start + HOUR), **changes)


def entry(number: int, status: int = 201, **changes: Any) -> Entry:
    return attrs.evolve(Entry(number, NOW, "POST", "/v1/meetings", {}, None, status), **changes)


def over_http(url: str, line: str, body: bytes | None = None, headers: dict[str, str] = JSON) -> tuple[int, bytes]:
    """Ask over a real connection; status 0 is none."""
    method, _, target = line.partition(" ")
    host, _, port = url.removeprefix("http://").removesuffix("/v1").rpartition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=20)) as connection:
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return 0, b""


OF_THE_PAGE = [
    ("GET /", None, 200), ("HEAD /", None, 200), ("GET /?x=1", None, 200), ("GET /_page/state", None, 200),
    ("HEAD /_page/state", None, 200), ("GET /_page/nothing", None, 404), ("DELETE /_page/state", None, 404),
    ("POST /_page/plant", b'{"kind": "x"}', 400), ("POST /_page/remove", b'{"number": 1}', 409),
    ("POST /_page/clear", b"{}", 409),
]  # fmt: skip


def test_requests_of_the_page_are_none_of_the_service() -> None:
    """They need no token, meet no fault, wait for nothing, count against no limit, and leave nothing in the ledger."""
    told: list[Entry] = []
    sandbox = Sandbox(clock=FakeClock(), per_second=1, per_day=1, on_entry=told.append)
    sandbox.plant(Fault.unreachable(), times=None)
    with sandbox.serve() as url:
        assert [(line, over_http(url, line, body)[0]) for line, body, _ in OF_THE_PAGE] == [
            (line, status) for line, _, status in OF_THE_PAGE
        ]
        assert over_http(url, "GET /", headers={})[1] == HTML.encode()
        assert (sandbox.ledger, told, len(sandbox.planted)) == ((), [], 1)
        assert over_http(url, "GET /v1/meetings")[0] == 0
        sandbox.clear_faults()
        token = {**JSON, "Authorization": f"Bearer {sandbox.token}"}
        assert over_http(url, "GET /v1/meetings", headers=token) == (200, b'{"meetings": []}')
        assert over_http(url, "GET /v1/meetings", headers=token)[0] == 403
    assert [e.status for e in sandbox.ledger] == [0, 200, 403]


@pytest.mark.parametrize(
    "line",
    ["GET /v1", "GET /v1/meetings", "POST /", "PATCH /", "GET /_page", "GET /favicon.ico", "GET //", "OPTIONS /v1"],
)
def test_all_else_is_of_the_service(page: Page, line: str) -> None:
    """Whoever has mistaken the URL still finds the request in the ledger."""
    assert ask(page, line, Host="evil.example") is None
    sandbox = Sandbox(clock=FakeClock())
    with sandbox.serve() as url:
        assert over_http(url, line, headers={**JSON, "Authorization": "Bearer sandbox-token"})[0] in {200, 400, 404}
    assert len(sandbox.ledger) == 1


STATE, CLEAR = ("GET /_page/state", None, 200), ("POST /_page/clear", {"run": "run1"}, 200)


@pytest.mark.parametrize(
    ("asked", "headers", "status"),
    [
        pytest.param(STATE, {"Host": "localhost:8765"}, 200, id="localhost"),
        pytest.param(STATE, {"Host": "LocalHost"}, 200, id="localhost in capitals, without a port"),
        pytest.param(STATE, {"Host": "192.168.1.2:80"}, 200, id="an address of this machine in its network"),
        pytest.param(STATE, {"Host": "[::1]:8765"}, 200, id="IPv6"),
        pytest.param(STATE, {"Host": "rebound.example:8765"}, 403, id="a name that leads here"),
        pytest.param(STATE, {"Host": "localhost.example"}, 403, id="a name that begins as ours"),
        pytest.param(STATE, {"Host": "127.0.0.1.example"}, 403, id="a name that begins as an address"),
        pytest.param(STATE, {"Host": "127.0.0.1@rebound.example"}, 403, id="a name behind an address"),
        pytest.param(STATE, {"Host": "[::1].example"}, 403, id="a name behind an IPv6 address"),
        pytest.param(STATE, {"Host": "[rebound.example]"}, 403, id="a name in brackets"),
        pytest.param(STATE, {"Host": "127.0.0.1, 127.0.0.1"}, 403, id="two"),
        pytest.param(STATE, {"Host": ""}, 403, id="none"),
        pytest.param(STATE, {"Sec-Fetch-Site": "same-origin"}, 200, id="its own script reads"),
        pytest.param(STATE, {"Sec-Fetch-Site": "none"}, 200, id="somebody types the address"),
        pytest.param(STATE, {"Sec-Fetch-Site": "cross-site"}, 403, id="a website reads"),
        pytest.param(STATE, {"Sec-Fetch-Site": "same-site"}, 403, id="another port of this machine reads"),
        pytest.param(STATE, {"Origin": "https://evil.example"}, 403, id="a website reads, says Origin"),
        pytest.param(CLEAR, {}, 200, id="curl"),
        pytest.param(
            CLEAR, {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}, 200, id="its own script"
        ),
        pytest.param(CLEAR, {"Origin": "https://127.0.0.1:8765"}, 200, id="its own script behind TLS"),
        pytest.param(CLEAR, {"Content-Type": "application/json; charset=utf-8"}, 200, id="JSON with a charset"),
        pytest.param(CLEAR, {"Content-Type": "text/plain"}, 403, id="a form of a website, as text"),
        pytest.param(CLEAR, {"Content-Type": "application/x-www-form-urlencoded"}, 403, id="a form of a website"),
        pytest.param(CLEAR, {"Content-Type": ""}, 403, id="of no type"),
        pytest.param(CLEAR, {"Origin": "https://evil.example"}, 403, id="a website"),
        pytest.param(CLEAR, {"Origin": "http://127.0.0.1:3000"}, 403, id="another port of this machine"),
        pytest.param(CLEAR, {"Origin": "null"}, 403, id="a frame that hides where it is from"),
        pytest.param(CLEAR, {"Sec-Fetch-Site": "cross-site"}, 403, id="a website, says the browser"),
        pytest.param(
            CLEAR, {"Host": "evil.example", "Origin": "http://evil.example"}, 403, id="a website by its own name"
        ),
        pytest.param(
            ("OPTIONS /_page/clear", None, 200), {"Origin": "https://evil.example"}, 403, id="asking beforehand"
        ),
    ],
)
def test_other_websites_neither_read_nor_change_it(
    page: Page, service: Service, asked: tuple[str, Any, int], headers: dict[str, str], status: int
) -> None:
    """What is refused says so and does nothing; what is of the page itself, or of a person with curl, is answered."""
    service.plant([Planted(Fault.cut())])
    got, said = answer(page, asked[0], asked[1], **headers)
    assert got == status
    assert ("refused" in said.get("error", "")) == (status == 403)
    assert len(service.planted) == (0 if asked is CLEAR and status == 200 else 1)


def test_a_website_may_link_to_it_and_no_more(service: Service) -> None:
    """The page itself opens from a link; it is refused by a name that is not its own, unless it was served by that name."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    mine = Page(service, "run1", "Mine.example")
    for page, host, status in ((mine, "mine.example:8765", 200), (mine, "evil.example", 403), (mine, "127.0.0.1", 200)):
        given = ask(page, "GET /", **link, Host=host)
        assert given is not None
        assert given.status == status
    assert answer(mine, "GET /_page/state", Host="mine.example:8765")[0] == 200


def test_a_browser_lets_it_run_what_it_brings_and_nothing_else(page: Page) -> None:
    """Its own script and style are allowed by their hashes; nothing is loaded, framed, sniffed or kept."""
    given = ask(page, "GET /")
    assert given is not None
    policy = dict(part.strip().split(" ", 1) for part in given.headers["Content-Security-Policy"].split(";"))
    for tag in ("script", "style"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", HTML, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert policy["connect-src"] == "'self'"
    for name in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert policy[name] == "'none'"
    assert (given.headers["X-Content-Type-Options"], given.headers["Cache-Control"]) == ("nosniff", "no-store")
    assert re.findall(r"\b(?:src|href|action|srcset)=\"(?!data:)", HTML) == []
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval\(|@import|url\(|style=|\son\w+=", HTML)
    shown = ask(page, "GET /_page/state")
    assert shown is not None
    assert shown.headers["X-Content-Type-Options"] == "nosniff"


def test_the_state_of_a_busy_sandbox_is_small_and_only_what_is_new_is_looked_at(page: Page, service: Service) -> None:
    """A hundred requests and two hundred meetings at most, of any number; entries once counted are not touched again."""
    for number in range(10_000):
        service._replace(number, meeting(number, NOW + number * HOUR / 100))
    service.ledger.extend(entry(number, (201, 403, 503, 0)[number % 4]) for number in range(1, 20_001))
    whole = state(page)
    counts = {"done": 5000, "refused": 5000, "failed": 5000, "unanswered": 5000}
    assert whole["totals"] == {"meetings": 10_000, "requests": 20_000, "faults": 0} | counts
    assert [shown["number"] for shown in whole["requests"]] == list(range(19_901, 20_001))
    assert [shown["id"] for shown in whole["meetings"]] == list(range(200))
    assert len(json.dumps(whole)) < 60_000
    service.ledger[:19_950] = [None] * 19_950  # type: ignore[list-item]  whoever looks at one of these fails
    service.ledger.append(entry(20_001, 404))
    more = state(page, f"?run=run1&after=20000&shown={whole['shown']}")
    assert [shown["number"] for shown in more["requests"]] == [20_001]
    assert more["totals"]["refused"] == 5001
    assert more["meetings"] is None
    assert len(json.dumps(more)) < 1000


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?run=run1&after=2", [3]),
        ("?run=run1&after=3", []),
        ("?run=run1&after=99", []),
        ("?run=run0&after=3", [1, 2, 3]),
        ("?after=3", [1, 2, 3]),
        ("?run=run1&after=-1", [1, 2, 3]),
        ("?run=run1&after=x", [1, 2, 3]),
        ("?run=run1&after=\u0663", [1, 2, 3]),
        (f"?run=run1&after={'9' * 5000}", [1, 2, 3]),
    ],
)
def test_only_what_is_new_to_the_page_is_sent(page: Page, service: Service, query: str, numbers: list[int]) -> None:
    """A page that looked at another sandbox before, or asks for nonsense, gets all that is shown."""
    service.ledger.extend(entry(number) for number in (1, 2, 3))
    assert [shown["number"] for shown in state(page, query)["requests"]] == numbers


def test_a_request_is_shown_with_what_it_did_and_what_struck_it(page: Page, service: Service) -> None:
    """A late commit says how much later; what is long is cut short."""
    service.ledger += [
        entry(1, 0, did="created", meeting_id=10001, committed=NOW + timedelta(seconds=2.5), fault="lose"),
        entry(2, 404, method="GET", path="/v1/" + "x" * 9999),
    ]
    lost, missing = state(page)["requests"]
    assert lost == {
        "number": 1, "at": "2027-01-01T00:00:00Z", "method": "POST", "path": "/v1/meetings", "status": 0,
        "outcome": "unanswered", "did": "created", "meeting": 10001, "later": 2.5, "fault": "lose",
    }  # fmt: skip
    assert len(missing["path"]) == 200
    assert (missing["outcome"], missing["did"], missing["meeting"], missing["later"]) == ("refused", "", None, 0)


def test_the_next_meetings_are_shown(page: Page, service: Service) -> None:
    """Where fewer than two hundred are to come, the latest that have begun as well; and again as time goes by."""
    for number in range(300):
        service._replace(number, meeting(number, NOW + (number - 50) * HOUR))

    def shown(now: datetime) -> list[int]:
        ids = [one["id"] for one in state(page, now=now)["meetings"]]
        assert ids == list(range(ids[0], ids[-1] + 1))
        return [ids[0], ids[-1]]

    assert shown(NOW) == [50, 249]
    assert shown(NOW + 40 * HOUR) == [90, 289]
    assert shown(NOW + 1000 * HOUR) == [100, 299]
    key = state(page)["shown"]
    assert state(page, f"?run=run1&shown={key}")["meetings"] is None
    assert state(page, f"?run=run1&shown={key}", NOW + HOUR)["meetings"] is not None
    service._replace(299, None)
    assert state(page, f"?run=run1&shown={key}")["totals"]["meetings"] == 299
    assert state(page, f"?run=run1&shown={key}")["meetings"] is not None


def test_no_participants_address_is_shown(page: Page, service: Service) -> None:
    """Their number is."""
    service._replace(1, meeting(1, NOW, name="n" * 300, participants=("a@b.c", "d@e.f")))
    body = {"meetingName": "x", "meetingStart": "2027-06-02T09:00:00Z", "meetingEnd": "2027-06-02T10:00:00Z"}
    headers = {"Authorization": "Bearer tok", **JSON}
    content = json.dumps(body | {"participants": ["a@b.c"]}).encode()
    assert service.receive(Request("POST", "http://x/v1/meetings", headers, content), NOW).response.status == 201
    seen = state(page)
    assert [one["participants"] for one in seen["meetings"]] == [2, 1]
    assert len(seen["meetings"][0]["name"]) == 200
    assert "@" not in json.dumps(seen)
    assert "tok" not in json.dumps(seen).replace('"totals"', "")


def test_page_and_python_plant_into_one_list() -> None:
    """In the order of planting, with what is left of each; a hundred are shown."""
    sandbox = Sandbox(clock=FakeClock())
    page = Page(sandbox._service, "run1")
    sandbox.plant(Fault.late(3), on="get", times=None, skip=1)
    assert answer(page, "POST /_page/plant", {"kind": "error", "status": 502, "on": "POST", "times": 2}) == (200, {})
    faults = [{k: v for k, v in fault.items() if k != "number"} for fault in state(page)["faults"]]
    assert faults == [
        {"name": "3 s late", "on": "GET", "times": None, "skip": 1},
        {"name": "error 502 before the work", "on": "POST", "times": 2, "skip": 0},
    ]
    assert [fault.name for fault in sandbox.planted] == ["3 s late", "error 502 before the work"]
    sandbox.receive(Request("POST", "http://x/v1/meetings", {}, None))
    sandbox.receive(Request("GET", "http://x/v1/meetings", {}, None))
    assert [(fault["times"], fault["skip"]) for fault in state(page)["faults"]] == [(None, 0), (1, 0)]
    sandbox.plant(*[Fault.cut()] * 200)
    assert (len(state(page)["faults"]), state(page)["totals"]["faults"]) == (100, 202)
    assert answer(page, "POST /_page/clear", {"run": "run1"}) == (200, {})
    assert sandbox.planted == ()


def test_the_fault_that_was_meant_is_taken_away() -> None:
    """One used up meanwhile moves no other into its place, and what was meant for a sandbox before this one does nothing."""
    sandbox = Sandbox(clock=FakeClock())
    page = Page(sandbox._service, "run1")
    sandbox.plant(Fault.cut(), Fault.hang_up(), Fault.late(1))
    first, second, _ = (fault["number"] for fault in state(page)["faults"])
    sandbox.receive(Request("GET", "http://x/v1/meetings", {}, None))
    assert answer(page, "POST /_page/remove", {"run": "run1", "number": first})[0] == 409
    assert answer(page, "POST /_page/remove", {"run": "run0", "number": second})[0] == 409
    assert answer(page, "POST /_page/clear", {"run": "run0"})[0] == 409
    assert answer(page, "POST /_page/remove", {"run": "run1", "number": second}) == (200, {})
    assert answer(page, "POST /_page/remove", {"run": "run1", "number": second})[0] == 409
    assert answer(page, "POST /_page/remove", {"run": "run1"})[0] == 409
    assert [fault.name for fault in sandbox.planted] == ["1 s late"]
    sandbox.clear_faults()
    sandbox.plant(Fault.cut())
    assert state(page)["faults"][0]["number"] > second


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "a JSON object"),
        (b"{", "a JSON object"),
        (b"[" * 100_000, "a JSON object"),
        (b"[]", "a JSON object"),
        ({"kind": "error", "status": 200}, "an error has a status from 500 to 599"),
        ({"kind": "explode"}, "its kind is one of"),
        ({"kind": "late", "seconds": 1, "times": 0}, "times is a number from 1"),
        ({"kind": "cut", "on": "PUT"}, "on is one of"),
        ({"kind": "late", "seconds": "\ud800"}, "number of seconds"),
        ({"kind": "garble", "body": "\ud800"}, "no fault can be made of"),
        ({"kind": "garble", "body": 10**12}, "a body is bytes or text"),
    ],
)
def test_a_mistake_is_told_in_the_errors_own_words(page: Page, service: Service, body: Any, says: str) -> None:
    """Nothing is planted by it."""
    status, said = answer(page, "POST /_page/plant", body)
    assert status == 400
    assert says in said["error"]
    assert service.planted == {}


def test_the_page_has_a_control_for_each_kind_of_fault() -> None:
    """A kind that is added to the sandbox is added to its page."""
    table = HTML.split("const KINDS = {")[1].split("\n  };")[0]
    assert sorted(re.findall(r"^    (\w+): \[", table, re.MULTILINE)) == sorted(_KINDS)


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("myhost", False),
        ("", False),
    ],
)
def test_who_can_reach_it_is_said(service: Service, host: str, only_here: bool) -> None:
    """By the command and on the page: this machine only, or anybody on the network."""
    assert is_loopback(host) is only_here
    assert state(Page(service, "run1", host))["open"] is not only_here
    told = page_line("http://127.0.0.1:8765/v1", host)
    assert isinstance(told, Text)
    assert "http://127.0.0.1:8765/" in told.plain
    assert ("this machine only" in told.plain) is only_here
    assert ("Warning: Anybody" in told.plain) is not only_here


def test_the_documentation_shows_what_the_command_says() -> None:
    """Line by line."""
    shown = (Path(__file__).parents[1] / "docs" / "how-to" / "sandbox-over-http.md").read_text(encoding="utf-8")
    assert page_line("http://127.0.0.1:8765/v1", "127.0.0.1").plain in shown.splitlines()


async def test_any_asgi_server_has_the_page() -> None:
    """`Sandbox.app` answers it as `Sandbox.serve` does."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": b"", "headers": headers}
    sandbox = Sandbox(clock=FakeClock(), latency=99)
    await sandbox.app(scope, receive, send)
    assert (sent[0]["status"], sent[1]["body"]) == (200, HTML.encode())
    assert sandbox.ledger == ()
