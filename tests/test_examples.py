"""Every file in examples/ is run, against the sandbox; what happened is judged by the sandbox's ledger."""

import ast
import asyncio
import importlib.util
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import httpx
import pytest

from joinme_async import ConfigurationError, JoinMe
from joinme_async.sandbox import Fault, Sandbox
from joinme_async.testing import FakeClock
from joinme_async.transports.httpx import HttpxTransport
from tests.commands import methods, wait_for
from tests.raw_server import free_port

ROOT = Path(__file__).parents[1]
SCRIPTS = {"asyncio_app": 5, "trio_app": 8}  # and how many meetings each schedules
APPS = ["fastapi_app", "starlette_app", "litestar_app"]
START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
WANTED = {"name": "Weekly", "start": f"{START:%FT%TZ}", "end": f"{START + timedelta(hours=1):%FT%TZ}"}
BODY = {"meetingName": "Weekly", "meetingStart": WANTED["start"], "meetingEnd": WANTED["end"]}  # as the service has it
HEADERS = {"Authorization": f"Bearer {Sandbox().token}", "Content-Type": "application/json"}

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="a process there is not told to end by a signal")


def test_every_example_is_run_here() -> None:
    """One that comes without a test is noticed: each is named in a test below, or in a table of them."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} <= named


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import an example by its name, anew."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        if name == "litestar_app":  # it would set up the logging of the whole process, with a thread of its own
            monkeypatch.setattr("litestar.logging.config.LoggingConfig.configure", lambda _: logging.getLogger)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.now(UTC))  # examples ask the machine what day it is


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox over HTTP, named by the environment."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        monkeypatch.setenv("JOINME_BASE_URL", url)
        monkeypatch.setenv("JOINME_ACCESS_TOKEN", sandbox.token)
        yield sandbox


def in_process(
    monkeypatch: pytest.MonkeyPatch, example: ModuleType, sandbox: Sandbox, clock: FakeClock
) -> list[JoinMe]:
    """Let an example reach the sandbox in process and in virtual time; return the clients that it makes."""
    made = []

    def make(**settings) -> JoinMe:
        made.append(JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock, **settings))
        return made[-1]

    monkeypatch.setattr(example, "JoinMe", make)
    return made


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not condition():
            await anyio.sleep(0.005)


def created(sandbox: Sandbox) -> int:
    """Return how many meetings were ever made, none of them twice."""
    bodies = [json.dumps(entry.body) for entry in sandbox.ledger if entry.did == "created"]
    assert len(bodies) == len({*bodies})
    return len(bodies)


# Scripts


def start(name: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script as a user would, except that every warning is an error."""
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / f"{name}.py"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


@needs_signals
@pytest.mark.parametrize(("name", "number"), SCRIPTS.items())
def test_a_script_interrupted_and_run_twice_has_scheduled_each_once(
    name: str, number: int, load, served: Sandbox
) -> None:
    """Ctrl-C in the middle of requests ends it with a line, and nothing left open; run again, it goes on, and once more."""
    served.plant(Fault.late(60), on="POST", times=None)
    script = start(name)
    wait_for(lambda: methods(served)["POST"] >= 2)
    script.send_signal(signal.SIGINT)
    out, err = script.communicate(timeout=30)
    told = err.splitlines()
    assert (script.returncode, out, told.pop()) == (1, "", "interrupted: run it again in a minute, and it goes on")
    assert told
    assert all("it is not known whether this was carried out (cancelled" in line for line in told)
    served.clear_faults()
    out, err = (script := start(name)).communicate(timeout=30)
    assert (script.returncode, err) == (0, "")
    assert out.count("meeting 1") == created(served) == number
    assert load(name).main() == 0
    assert created(served) == number


COPED_WITH = [
    pytest.param([Fault.lose()], "POST", "waits (settle", id="an answer is lost"),
    pytest.param([Fault.lose(done=False)], "POST", "waits (settle", id="a request is lost"),
    pytest.param([Fault.error(503, done=True)], "POST", "waits (settle", id="a failure after the work"),
    pytest.param([Fault.refuse(retry_after=5)], "POST", "waits (cool-down, 5 s)", id="a refusal"),
    pytest.param([Fault.refuse(retry_after=5)], "GET", "waits (cool-down, 5 s)", id="a refusal of a list"),
    pytest.param([Fault.unreachable(), Fault.error(502)], "GET", "waits (back-off", id="an outage"),
]


@pytest.mark.parametrize(("name", "number"), SCRIPTS.items())
@pytest.mark.parametrize(("faults", "on", "told"), COPED_WITH)
def test_a_script_copes(
    name: str, number: int, faults: list[Fault], on: str, told: str,
    load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What goes wrong once is told while it is waited for, and in the end each meeting is there once."""
    example = load(name)
    in_process(monkeypatch, example, sandbox, clock)
    sandbox.plant(*faults, on=on, skip=1)
    assert example.main() == 0
    assert sandbox.planted == ()
    assert told in capsys.readouterr().err
    assert created(sandbox) == len(sandbox.meetings) == number


GIVEN_UP = [
    pytest.param(Fault.unreachable(), None, "the connection was refused", id="unreachable"),
    pytest.param(Fault.refuse(retry_after=3600), None, "for now|too many calls", id="refused for an hour"),
    pytest.param(Fault.error(500), "GET", "500", id="failing"),
    pytest.param(Fault.stale_token(), None, "access token", id="a token that is refused"),
    pytest.param(Fault.garble(), "POST", "run this again", id="answers that cannot be read"),
]


@pytest.mark.parametrize(("name", "number"), SCRIPTS.items())
@pytest.mark.parametrize(("fault", "on", "told"), GIVEN_UP)
def test_a_script_gives_up(
    name: str, number: int, fault: Fault, on: str | None, told: str,
    load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What does not pass ends it with 1 and says why; run again when it has passed, each meeting is there once."""
    example = load(name)
    in_process(monkeypatch, example, sandbox, clock)
    sandbox.plant(fault, on=on, skip=1, times=None)
    sandbox.plant(Fault.lag_behind(1e6), on="GET", times=None)
    assert example.main() == 1
    assert re.search(told, capsys.readouterr().err)
    sandbox.clear_faults()
    assert example.main() == 0
    assert created(sandbox) == number


def test_what_takes_too_long_on_trio_is_given_up(
    load, served: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Out of patience, it says how many are missing; run again, it finds those that were made all the same."""
    example = load("trio_app")
    served.plant(Fault.late(60), on="POST", times=None)
    monkeypatch.setattr(example, "PATIENCE", 0.5)
    assert example.main() == 1
    assert "8 not scheduled, or not known to be" in capsys.readouterr().err
    served.clear_faults()
    monkeypatch.setattr(example, "PATIENCE", 30)
    assert example.main() == 0
    assert created(served) == 8


IMPATIENT = """
import sys
from functools import partial

sys.path.insert(0, sys.argv.pop(1))
import bulk_schedule
from joinme_async import JoinMe, RetryPolicy, Timeout

bulk_schedule.JoinMe = partial(JoinMe, timeout=Timeout(attempt=0.5), retry=RetryPolicy(settle=0.2))
sys.exit(bulk_schedule.main(sys.argv[1]))
"""


def test_the_bulk_script_goes_on_after_a_crash(served: Sandbox, tmp_path: Path) -> None:
    """Killed in the middle and run again, every row was made exactly once."""
    file = tmp_path / "june.csv"
    times = [START + timedelta(minutes=row) for row in range(30)]
    rows = [f"Meeting {row},{at:%FT%TZ},{at + timedelta(hours=1):%FT%TZ}" for row, at in enumerate(times)]
    file.write_text("\n".join(["name,start,end", *rows]), encoding="utf-8")
    # As it stands, but for its patience: after a crash it gives the service as long as an attempt is given.
    script = [sys.executable, "-c", IMPATIENT, str(ROOT / "examples"), str(file)]
    with subprocess.Popen(script, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_for(lambda: methods(served)["POST"] >= 15)
        running.kill()
    assert methods(served)["POST"] < 30
    done = subprocess.run(script, capture_output=True, text=True, encoding="utf-8", timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(r"30 of 30 done, 0 failed", done.stderr)
    assert created(served) == len(served.meetings) == 30


def test_the_bulk_script_says_what_became_of_the_rest(served: Sandbox, tmp_path: Path) -> None:
    """A row that was refused, and the quota that ended the run: which, why, and when it is worth going on."""
    times = [START + timedelta(minutes=row) for row in range(8)]
    rows = [f"Meeting {row},{at:%FT%TZ},{at + timedelta(hours=1):%FT%TZ}" for row, at in enumerate(times)]
    (tmp_path / "june.csv").write_text("\n".join(["name,start,end", *rows]), encoding="utf-8")
    served.plant(Fault.refuse("ERR_400", retry_after=None, status=400), on="POST")
    served.plant(Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200), on="POST", skip=3, times=None)
    out, err = (script := start("bulk_schedule", str(tmp_path / "june.csv"))).communicate(timeout=60)
    assert script.returncode == 1
    assert re.fullmatch(r"#\d\tfailed\tMeeting \d\t.*400.*\n", out)
    assert re.search(r"stopped: .*OVER_RATE.*; go on at 20\d\d-", err)


def test_the_bulk_script_says_which_rows_are_bad(served: Sandbox, tmp_path: Path) -> None:
    """Nothing is sent, and it ends with 1."""
    (tmp_path / "june.csv").write_text("name,start,end\nWeekly,soon,later\n", encoding="utf-8")
    _, err = (script := start("bulk_schedule", str(tmp_path / "june.csv"))).communicate(timeout=30)
    assert script.returncode == 1
    assert "line 2, column start" in err
    assert served.ledger == ()


def test_the_tiny_transport_is_tiny() -> None:
    """Twenty statements are all that a transport needs, and what keeps its library from sending twice is among them."""
    tree = ast.parse((ROOT / "examples" / "tiny_transport.py").read_text(encoding="utf-8"))
    transport = [node for node in tree.body if getattr(node, "name", "") in {"TinyTransport", "once"}]
    code = {node.lineno for part in transport for node in ast.walk(part) if isinstance(node, ast.stmt)}
    assert len(transport) == 2
    assert len(code) <= 20, len(code)


def test_the_tiny_transport_lists(load, served: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """The program around it; what a transport owes is held by `test_contract.py`."""
    httpx.post(f"{os.environ['JOINME_BASE_URL']}/meetings", headers=HEADERS, json=BODY).raise_for_status()
    example = load("tiny_transport")
    asyncio.run(example.main())
    assert capsys.readouterr().out == f"{START:%d %b %H:%M} UTC  Weekly\n"
    assert methods(served) == {"POST": 1, "GET": 1}


# Web applications


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run an ASGI application from its start to its end, and give a client of it."""
    state: dict[str, Any] = {}
    said: list[str] = []
    heard, ending = anyio.Event(), anyio.Event()

    async def receive() -> dict[str, str]:
        if heard.is_set():
            await ending.wait()
        return {"type": f"lifespan.{'shutdown' if heard.is_set() else 'startup'}"}

    async def send(message: dict[str, str]) -> None:
        said.append(message["type"])
        heard.set()

    async def with_state(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "state": {**state}}, receive, send)

    async with anyio.create_task_group() as group:
        group.start_soon(app, {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, receive, send)
        await heard.wait()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://app") as http:
            yield http
        ending.set()
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize("name", APPS)
async def test_an_application_lists_schedules_and_cancels(
    name: str, load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One client for its life, closed at its end; the same request twice is one meeting."""
    example = load(name)
    made = in_process(monkeypatch, example, sandbox, clock)
    async with running(example.app) as http:
        for _ in range(2):
            answer = await http.post("/meetings", json=WANTED)
            assert (answer.status_code, answer.json()["name"]) == (201, "Weekly")
        (meeting,) = (await http.get("/meetings")).json()
        assert (meeting["id"], meeting["name"]) == (answer.json()["id"], "Weekly")
        answer = await http.delete(f"/meetings/{meeting['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await http.get("/meetings")).json() == []
        assert (await http.post("/meetings", json=WANTED | {"name": " "})).status_code == 422
    assert [entry.did for entry in sandbox.ledger if entry.did] == ["created", "deleted"]
    (joinme,) = made
    with pytest.raises(ConfigurationError, match="this client is closed"):
        await joinme.meetings.list()


@pytest.mark.parametrize("name", APPS)
async def test_an_application_invites_everybody_or_says_what_is_wrong(
    name: str, load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who is to be invited gets lost on the way; what is no meeting is the sender's fault, and nothing is sent."""
    example = load(name)
    in_process(monkeypatch, example, sandbox, clock)
    async with running(example.app) as http:
        for bad in ({"name": "Nameless hours"}, WANTED | {"start": "tomorrow"}, WANTED | {"participants": 5}, [WANTED]):
            answer = await http.post("/meetings", json=bad)
            assert answer.status_code in {400, 422}, answer.text
        assert (await http.post("/meetings", content=b"{")).status_code in {400, 422}
        assert sandbox.ledger == ()
        assert (await http.post("/meetings", json=WANTED | {"participants": ["ann@example.com"]})).status_code == 201
    assert [meeting.participants for meeting in sandbox.meetings] == [("ann@example.com",)]


@pytest.mark.parametrize("name", ["starlette_app", "litestar_app"])
async def test_a_short_application_says_what_went_wrong(
    name: str, load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of the error; a meeting that is gone already is cancelled."""
    example = load(name)
    in_process(monkeypatch, example, sandbox, clock)
    sandbox.plant(Fault.error(500), on="GET", times=None)
    async with running(example.app) as http:
        answer = await http.get("/meetings")
        assert (await http.delete("/meetings/5")).status_code == 204
    assert answer.status_code == 502
    assert "server_error" in answer.json()["detail"]


AGAIN = "Send the same request again"
ANSWERS = [
    pytest.param(Fault.error(503), "GET", 502, None, "503", id="failing"),
    pytest.param(Fault.unreachable(), "GET", 502, None, "refused", id="unreachable"),
    pytest.param(
        Fault.refuse("ERR_400", retry_after=None, status=400), "POST", 422, None, "refused the request", id="refused"
    ),
    pytest.param(Fault.stale_token(), "GET", 502, None, "token", id="a refused token"),
    pytest.param(Fault.garble(), "GET", 502, None, "not JSON", id="garbled"),
    pytest.param(Fault.refuse(retry_after=100), "GET", 503, 100, "OVER_QPS", id="too many calls"),
    pytest.param(Fault.refuse(retry_after=100), "POST", 503, 100, "OVER_QPS", id="too many calls to schedule"),
    pytest.param(
        Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=7200), "GET", 503, 7200, "OVER_RATE", id="quota"
    ),
    pytest.param(
        Fault.refuse("ERR_403_DEVELOPER_OVER_RATE", retry_after=None), "GET", 503, None, "OVER_RATE", id="quota, unsaid"
    ),
    pytest.param(Fault.late(100), "GET", 504, None, "X-Timeout", id="late"),
    pytest.param(Fault.late(100), "POST", 504, 5, AGAIN, id="a late answer to schedule"),
    pytest.param(Fault.late(100, commit_after=50), "POST", 504, 5, AGAIN, id="scheduled late"),
]


@pytest.mark.parametrize(("fault", "on", "status", "after", "words"), ANSWERS)
async def test_the_fastapi_application_says_what_went_wrong(
    fault: Fault, on: str, status: int, after: float | None, words: str,
    load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Each error has an answer that tells what to do; the same request, sent again, then succeeds, and did so once."""
    example = load("fastapi_app")
    in_process(monkeypatch, example, sandbox, clock)
    sandbox.plant(fault, on=on, times=None)
    async with running(example.app) as http:
        request = http.build_request(on, "/meetings", headers={"X-Timeout": "8"}, json=WANTED if on == "POST" else None)
        answer = await http.send(request)
        assert answer.status_code == status
        assert words in answer.json()["detail"]
        wait = answer.headers.get("Retry-After")
        assert wait is after is None or abs(int(wait) - after) <= 2
        sandbox.clear_faults()
        await clock.sleep(86400)
        assert (await http.send(request)).is_success
        assert created(sandbox) == (on == "POST")


@pytest.mark.parametrize(
    ("method", "path", "sent", "headers", "status"),
    [
        pytest.param("DELETE", "/meetings/5", None, {}, 404, id="no such meeting"),
        pytest.param("DELETE", "/meetings/0", None, {}, 422, id="an id that is none"),
        pytest.param("POST", "/meetings", WANTED | {"name": " "}, {}, 422, id="no name"),
        pytest.param("POST", "/meetings", WANTED | {"start": "2027-06-02T09:00:00"}, {}, 422, id="a naive time"),
        pytest.param("POST", "/meetings", WANTED | {"end": WANTED["start"]}, {}, 422, id="an end that is the start"),
        pytest.param("POST", "/meetings", WANTED | {"participants": ["nobody"]}, {}, 422, id="no address"),
        pytest.param("GET", "/meetings", None, {"X-Timeout": "61"}, 422, id="too long"),
        pytest.param("GET", "/meetings", None, {"X-Timeout": "nan"}, 422, id="not a number"),
    ],
)
async def test_the_fastapi_application_refuses_what_cannot_be(
    method: str, path: str, sent: dict[str, str] | None, headers: dict[str, str], status: int,
    load, sandbox: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What the caller did wrong is a 4xx, and nothing is made."""
    example = load("fastapi_app")
    in_process(monkeypatch, example, sandbox, clock)
    async with running(example.app) as http:
        answer = await http.request(method, path, json=sent, headers=headers)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert created(sandbox) == 0


async def test_a_handler_that_is_cancelled_frees_its_connection(
    load, served: Sandbox, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In mid-call, over the only connection there is: the next call works, and the same meeting is not made twice."""
    example = load("fastapi_app")
    transport = HttpxTransport(concurrency=1)
    monkeypatch.setattr(example, "JoinMe", partial(JoinMe, transport=transport, clock=clock))
    served.plant(Fault.late(60), on="POST")
    async with running(example.app) as http:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(http.post, "/meetings", json=WANTED))
            await until(lambda: methods(served)["POST"])
            group.cancel_scope.cancel()
        assert len((await http.get("/meetings", headers={"X-Timeout": "5"})).json()) == 1
        answer = await http.post("/meetings", json=WANTED)
    await transport.aclose()
    assert answer.status_code == 201
    assert [meeting.id for meeting in served.meetings] == [answer.json()["id"]]
    assert methods(served)["POST"] == 1


LOGGING = {  # each line with the process that wrote it
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(process)d %(message)s"}},
    "handlers": {"plain": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["plain"], "level": "INFO"},
}


@needs_signals
def test_two_workers_end_without_a_warning(served: Sandbox, tmp_path: Path) -> None:
    """Both answer, a client hangs up in mid-call, and SIGTERM comes: nothing is made twice, and nothing left open."""
    (tmp_path / "logging.json").write_text(json.dumps(LOGGING))
    told = tmp_path / "stderr"
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "examples.fastapi_app:app", "--workers", "2", "--port", f"{port}"]
    command += ["--log-config", f"{tmp_path / 'logging.json'}"]
    strict = {**os.environ, "PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"}

    def workers() -> set[str]:
        return {*re.findall(r'^(\d+) .*"GET /meetings HTTP/1.1" 200$', told.read_text(encoding="utf-8"), re.MULTILINE)}

    def ask() -> bool:
        with suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/meetings")
        return len(workers()) == 2

    with (
        told.open("w") as stderr,
        subprocess.Popen(command, cwd=ROOT, stderr=stderr, env=strict, start_new_session=True) as server,
    ):
        try:
            wait_for(ask)
            served.plant(Fault.late(0.3), on="POST")
            with socket.create_connection(("127.0.0.1", port)) as connection:
                content = json.dumps(WANTED).encode()
                head = f"Host: app\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
                connection.sendall(f"POST /meetings HTTP/1.1\r\n{head}\r\n\r\n".encode() + content)
                wait_for(lambda: methods(served)["POST"])
            answer = httpx.post(f"http://127.0.0.1:{port}/meetings", json=WANTED, timeout=20)
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
        finally:
            with suppress(ProcessLookupError):  # its workers too, which outlive it where it did not end as it should
                os.killpg(server.pid, signal.SIGKILL)
    assert (answer.status_code, created(served), methods(served)["POST"]) == (201, 1, 1)
    # The socket that uvicorn listens on is its own, and left to the end of the process.
    log = re.sub(rf".*<socket[^>]* laddr=\('127.0.0.1', {port}\)>.*\n", "", told.read_text(encoding="utf-8"))
    assert log.count("Application shutdown complete.") == 2
    assert not re.search("Warning|Traceback|Task was destroyed|unclosed|Exception|never awaited", log), log
