"""Real processes killed with SIGKILL in the middle of a bulk run, and disks that fail; judged by the service's ledger."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from joinme_async.sandbox import Fault, Sandbox
from tests.bulk_child import rows

CHILD = [sys.executable, str(Path(__file__).with_name("bulk_child.py"))]
START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
LATENCY = 0.03  # seconds in which a request is done and not yet answered
FAULTS = [
    Fault.lose(), Fault.lose(done=False), Fault.lose(commit_after=0.15), Fault.cut(), Fault.garble(), Fault.error(500),
    Fault.error(503, done=True), Fault.late(0.8), Fault.late(0.8, commit_after=0.3), Fault.hang_up(), Fault.unreachable(),
]  # fmt: skip


@attrs.define
class Campaign:
    """One run of one input, however often it is killed.

    Attributes:
        folder: for its journal.
        number: how many rows.
        sandbox: the service.
        url: where that is.
        kills: how often a process was killed.
        in_flight: how many of these had a request under way.
    """

    folder: Path
    number: int
    sandbox: Sandbox
    url: str
    kills: int = 0
    in_flight: int = 0

    def start(self, *prefix: str, **more: object) -> subprocess.Popen[str]:
        told = {"url": self.url, "token": self.sandbox.token, "journal": str(self.folder / "run.journal")}
        told |= {"rows": self.number, "start": START.isoformat(), **more}
        command = [*prefix, *CHILD, json.dumps(told)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[1]
        )

    def posts(self) -> int:
        return sum(entry.method == "POST" for entry in self.sandbox.ledger)

    def kill_after(self, posts: int, delay: float) -> bool:
        """Start a process and kill it after so many of its requests; False where it ended before that."""
        before, child = self.posts(), self.start()
        while child.poll() is None and self.posts() < before + posts:
            time.sleep(0.001)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        moment = datetime.now(UTC)
        child.communicate()
        killed = child.returncode == -signal.SIGKILL
        self.kills += killed
        recent = [entry for entry in self.sandbox.ledger[-50:] if entry.method == "POST"]
        self.in_flight += killed and any(moment - entry.at < timedelta(seconds=LATENCY) for entry in recent)
        return killed

    def finish(self) -> dict:
        """Run to the end, and again while that clears up what is in doubt; return the last report."""
        for _ in range(5):
            child = self.start()
            out, _ = child.communicate(timeout=60)
            report = json.loads(out)
            if child.returncode == 0:
                break
        return report

    def judge(self, report: dict) -> int:
        """Hold the ledger against the rows; return how many are in doubt."""
        time.sleep(0.5)  # whatever is committed late has been committed by then
        made = Counter((meeting.name, meeting.start) for meeting in self.sandbox.meetings)
        wanted = Counter((new.name, new.start) for new in rows(self.number, START))
        doubted = len(report["in_doubt"])
        assert made - wanted == Counter(), "made twice"
        assert sum((wanted - made).values()) <= doubted, "lost"
        assert (report["failed"], report["not_started"], report["surplus"]) == (0, 0, 0), report
        ids = report["ids"]
        assert len(set(ids)) == len(ids) == self.number - doubted
        assert set(ids) <= {meeting.id for meeting in self.sandbox.meetings}
        return doubted


def campaign(folder: Path, seed: int, number: int, kills: int) -> tuple[int, int, int]:
    """Kill one run again and again until it is through; return the kills, those in flight, and the rows in doubt."""
    chance = random.Random(seed)
    sandbox = Sandbox(latency=LATENCY)
    with sandbox.serve() as url:
        run = Campaign(folder, number, sandbox, url)
        while run.kills < kills:
            for fault in chance.sample(FAULTS, 5):
                on = chance.choice(["POST", "POST", "POST", "GET"])
                sandbox.plant(fault, on=on, skip=chance.randrange(30))
            if not run.kill_after(chance.randrange(40), chance.random() * LATENCY):
                break
        sandbox.clear_faults()
        doubted = run.judge(run.finish())
    return run.kills, run.in_flight, doubted


def test_killed_at_any_moment_every_row_is_made_once(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """None lost, none doubled, most kills with requests in flight, under a tenth in doubt; seeds are in the folders."""
    runs, each, number = (26, 8, 300) if pytestconfig.getoption("--campaign") else (2, 3, 200)
    folders = [tmp_path / str(seed) for seed in range(runs)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(campaign, folders, range(runs), [number] * runs, [each] * runs))
    kills, in_flight, doubted = (sum(column) for column in zip(*results, strict=True))
    print(f"{kills} kills, {in_flight} of them in flight, {doubted} of {runs * number} rows in doubt")
    assert kills == runs * each
    assert in_flight > kills / 2
    assert doubted < runs * number / 10


STRACE = shutil.which("strace")
pytestmark = [pytest.mark.kill, pytest.mark.timeout(1800)]
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


def injected(what: str) -> list[str]:
    call = what.partition(":")[0]
    return [STRACE or "strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={what}"]


def points(last: int, few: int, pytestconfig: pytest.Config) -> Iterator[int]:
    """Return all numbers up to `last` in a campaign, else a few of them."""
    return iter(range(1, last) if pytestconfig.getoption("--campaign") else range(1, last, last // few))


@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_killed_at_every_write_and_sync(tmp_path: Path, pytestconfig: pytest.Config, call: str) -> None:
    """The process dies inside the n-th of them; the next one finds each row done once, or finds out."""
    last, few = {"pwrite64": (90, 6), "fdatasync": (24, 4)}[call]

    def one(when: int) -> bool:
        sandbox = Sandbox(latency=0.005)
        folder = tmp_path / str(when)
        folder.mkdir()
        with sandbox.serve() as url:
            run = Campaign(folder, 20, sandbox, url)
            sandbox.plant(Fault.lose(), Fault.lose(commit_after=0.1), Fault.error(503, done=True), on="POST", skip=5)
            child = run.start(*injected(f"{call}:signal=SIGKILL:when={when}"))
            child.communicate()
            run.judge(run.finish())
        return child.returncode != 0

    with ThreadPoolExecutor(4) as pool:
        struck = list(pool.map(one, points(last, few, pytestconfig)))
    assert sum(struck) > len(struck) / 2


@needs_strace
@pytest.mark.parametrize(
    "failure",
    [
        "pwrite64:error=ENOSPC",
        "pwrite64:error=EIO",
        "fdatasync:error=EIO",
        "ftruncate:error=EIO",
        "openat:error=ENOSPC",
    ],
)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_call_of_the_disk_that_fails(
    tmp_path: Path, pytestconfig: pytest.Config, failure: str, *, lasting: bool
) -> None:
    """At every call the journal makes: nothing lost, nothing doubled, and the run after it goes on."""
    few = 20 if pytestconfig.getoption("--campaign") else 1
    first = 200 if failure.startswith("openat") else 0  # the interpreter's own files come before

    def one(when: int) -> None:
        sandbox = Sandbox()
        folder = tmp_path / f"{when}"
        folder.mkdir()
        with sandbox.serve() as url:
            run = Campaign(folder, 20, sandbox, url)
            sandbox.plant(Fault.lose(), on="POST", skip=5)
            child = run.start(*injected(f"{failure}:when={first + when}{'+' * lasting}"))
            child.communicate(timeout=60)
            run.judge(run.finish())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(3, 63, 60 // few)))


def test_writes_that_are_cut_short(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The disk takes a part of a write and no more, at any length: as a full disk does, and a limit of the system."""
    step = 3000 if pytestconfig.getoption("--campaign") else 40_000

    def one(size: int) -> dict:
        sandbox = Sandbox()
        folder = tmp_path / str(size)
        folder.mkdir()
        with sandbox.serve() as url:
            run = Campaign(folder, 60, sandbox, url)
            sandbox.plant(Fault.lose(), on="POST", skip=5)
            child = run.start(filesize=size)
            out, _ = child.communicate(timeout=60)
            run.judge(run.finish())
        return json.loads(out)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(one, range(1000, 240_000, step)))
    assert any("error" in report for report in reports), "none failed at once"
    assert any(report.get("stopped") for report in reports), "none failed on the way"
