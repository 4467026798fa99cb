"""Draw `kill-and-resume.svg`, a bulk run that is killed and gone on with: `python docs/pictures/kill_and_resume.py`.

It makes a real run of some ten seconds: a served sandbox, real HTTP, a process that is killed with SIGKILL while
requests are in flight, and another one that goes on with its journal. What the service's ledger and the journal say of
it goes into `kill-and-resume.json`; `--draw` draws from that again and makes no run.
"""

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import attrs
from drawing import BLUE, GREEN, INK, LINE, ORANGE, SMALL, Picture, axis_below, scale, width_of

from joinme_async import JoinMe, NewMeeting, RetryPolicy, Timeout
from joinme_async.bulk import BulkReport, Journal, Progress, schedule_all
from joinme_async.sandbox import Entry, Fault, Sandbox
from joinme_async.transports.httpx import HttpxTransport

Facts = dict[str, Any]

HERE: Final = Path(__file__).parent


@attrs.frozen
class Plan:
    """What is done to a run.

    Attributes:
        rows: how many meetings it is to schedule.
        latency: seconds that each answer takes.
        at_once: requests under way at once.
        made: the request whose answer is lost after the meeting was made; 0 for the first.
        lost: the request that is lost together with its answer, and makes nothing.
        kill: the process is killed in the middle of this one.
        pause: seconds until the run is gone on with.
        settle: seconds that the service is given to show what it made.
        attempt: seconds that it is given to answer.
    """

    rows: int = 48
    latency: float = 0.3
    at_once: int = 4
    made: int = 6
    lost: int = 13
    kill: int = 23
    pause: float = 0.5
    settle: float = 0.6
    attempt: float = 1.2


def row(number: int, start: datetime) -> NewMeeting:
    """Return the meeting of a row; the first is row 1."""
    return NewMeeting(f"Meeting {number}", start, start + timedelta(hours=1), [f"person-{number}@example.com"])


async def schedule(told: Facts) -> None:
    """Do what the process does that is killed: schedule the rows, and print when which phase began."""
    phases: list[str] = []

    def note(progress: Progress) -> None:
        if progress.phase not in phases[-1:]:
            phases.append(progress.phase)
            print(json.dumps([time.time(), progress.phase]), flush=True)  # noqa: T201  for the parent

    wanted = [row(number, datetime.fromisoformat(told["start"])) for number in range(1, told["rows"] + 1)]
    async with JoinMe(
        told["token"],
        base_url=told["url"],
        transport=HttpxTransport(concurrency=told["at_once"]),
        retry=RetryPolicy(settle=told["settle"]),
        timeout=Timeout(None, told["attempt"]),
    ) as joinme:
        await schedule_all(joinme, wanted, journal=told["journal"], on_progress=note)


class Watcher:
    """Looks again and again what the journal says of each row, as any SQLite tool could, and notes what has changed.

    Args:
        path: of the journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._states: dict[int, str] = {}
        self.changes: list[tuple[float, int, str]] = []

    def look(self) -> None:
        """Look once, and give others the time until the next."""
        time.sleep(0.002)
        with suppress(sqlite3.OperationalError), closing(self._opened()) as connection:
            now = time.time()
            for number, state in connection.execute("SELECT number, state FROM meetings"):
                if self._states.get(number, "not started") != state:
                    self.changes.append((now, number, state))
                self._states[number] = state

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)


class Process:
    """One that is up, and begins with the run when it is told to.

    Args:
        told: what it is told.
    """

    def __init__(self, told: Facts) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, __file__, "child"]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603  this very file
        self._told = json.dumps(told) + "\n"
        self.said: list[str] = []

    def begin(self) -> None:
        """Let it begin."""
        if self._process.stdout and self._process.stdin and self._process.stdout.readline():
            self._process.stdin.write(self._told)
            self._process.stdin.flush()

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def end(self, *, kill: bool = False) -> float:
        """Wait for its end, or kill it; return when that was."""
        if kill:
            self._process.send_signal(signal.SIGKILL)
        moment = time.time()
        self.said = self._process.communicate()[0].splitlines()
        if self._process.returncode != (-signal.SIGKILL if kill else 0):
            raise SystemExit(f"a process ended with {self._process.returncode}")
        return moment


@attrs.frozen
class Course:
    """How a run went, by the clock of the machine.

    Attributes:
        killed: when the first process was killed.
        resumed: when the second one was told to begin.
        ended: when that had ended.
        said: the phases that they told of.
        in_doubt: the rows that were so when the first process was dead.
        changes: what the journal said of a row, and when it first did.
        report: what it says at the end.
    """

    killed: float
    resumed: float
    ended: float
    said: list[str]
    in_doubt: list[int]
    changes: list[tuple[float, int, str]]
    report: BulkReport[Any]


def run(plan: Plan, sandbox: Sandbox, url: str, journal: Path) -> Course:
    """Begin with the run, kill it, and go on with it."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=30)
    told = attrs.asdict(plan) | {
        "url": url,
        "token": sandbox.token,
        "journal": str(journal),
        "start": start.isoformat(),
    }
    first, second = Process(told), Process(told)
    watcher = Watcher(journal)
    first.begin()
    enough = float("inf")
    while first.runs and time.time() < enough:
        watcher.look()
        if sum(entry.method == "POST" for entry in sandbox.ledger) >= plan.kill:
            enough = min(enough, time.time() + plan.latency / 2)
    killed = first.end(kill=True)
    watcher.look()
    in_doubt = anyio.run(Journal(journal).report).in_doubt
    time.sleep(plan.pause)
    resumed = time.time()
    second.begin()
    while second.runs:
        watcher.look()
    ended = second.end()
    watcher.look()
    return Course(
        killed,
        resumed,
        ended,
        [*first.said, *second.said],
        [int(outcome.key[1:]) for outcome in in_doubt],
        watcher.changes,
        anyio.run(Journal(journal).report),
    )


def measure(plan: Plan) -> Facts:
    """Make a real run, and return what the ledger and the journal say of it; all times are seconds since its begin."""
    sandbox = Sandbox(latency=plan.latency)
    sandbox.plant(Fault.lose(), on="POST", skip=plan.made)
    sandbox.plant(Fault.lose(done=False), on="POST", skip=plan.lost)
    with tempfile.TemporaryDirectory() as folder, sandbox.serve() as url:
        course = run(plan, sandbox, url, Path(folder, "run.journal"))
    zero = sandbox.ledger[0].at.timestamp()

    def since(moment: float) -> float:
        return round(moment - zero, 3)

    made = Counter(meeting.name for meeting in sandbox.meetings)
    lists, reads = (
        [since(e.at.timestamp()) for e in sandbox.ledger if e.method == "GET" and e.path.endswith("s") is is_list]
        for is_list in (True, False)
    )
    return {
        "rows": plan.rows,
        "killed": since(course.killed),
        "resumed": since(course.resumed),
        "ended": since(course.ended),
        "in_doubt": course.in_doubt,
        "requests": [_request(entry, plan.latency, course.killed, since) for entry in sandbox.ledger if entry.body],
        "journal": [[since(moment), number, state] for moment, number, state in course.changes],
        "lists": lists,
        "reads": reads,
        "phases": [[since(moment), phase] for moment, phase in map(json.loads, course.said)],
        "meetings": sum(made.values()),
        "twice": sum(count - 1 for count in made.values()),
        "scheduled": len(course.report.scheduled),
        "adopted": [int(outcome.key[1:]) for outcome in course.report.adopted],
    }


def _request(entry: Entry, latency: float, killed: float, since: Callable[[float], float]) -> list[Any]:
    """Return a request to schedule: its row, from when until when it was under way, how that ended, and what it did."""
    begun, answered = entry.at.timestamp(), entry.at.timestamp() + latency
    how = "cut" if begun < killed < answered else "answered" if entry.status else "lost"
    number = int(entry.body["meetingName"].split()[1])
    return [number, since(begun), since(killed if how == "cut" else answered), how, entry.did]


LEFT, RIGHT, TOP, PITCH = 64, 876, 104, 8.6
DOUBT: Final = "#f6c98f"


def draw(facts: Facts) -> str:
    """Return the picture of a run."""
    rows, killed = facts["rows"], facts["killed"]
    bottom = TOP + rows * PITCH
    begun, ended = facts["phases"][0][0], facts["phases"][-1][0]
    picture = Picture(
        900,
        bottom + 46,
        "A bulk run that is killed and gone on with",
        f"Time from left to right, a line for each of {rows} rows. A process is killed with requests in flight, and "
        f"{len(facts['in_doubt'])} rows are in doubt. The next process waits for the settle time and lists: "
        f"{len(facts['adopted'])} meetings are found and adopted, the others sent again. At the end there are "
        f"{facts['meetings']} meetings, {facts['twice']} of them twice.",
    )
    x = scale(begun, ended, LEFT, RIGHT)
    _draw_processes(picture, facts, x)
    for number in (1, *range(8, rows + 1, 8)):
        picture.text((LEFT - 10, _y(number) + 4), f"{number}", anchor="end", size=SMALL, fill=LINE)
    picture.note((LEFT - 10, TOP - 8), "row", anchor="end")
    _draw_rows(picture, facts, x)
    picture.line([(x(killed), TOP - 44), (x(killed), bottom + 4)], stroke=ORANGE, width=2)
    _explain(picture, facts, x)
    axis_below(picture, x, range(int(ended) + 1), (RIGHT, bottom + 8), "s")
    return picture.svg()


def _y(number: float) -> float:
    """Return the middle of a row's line."""
    return TOP + (number - 0.5) * PITCH


Place = Callable[[float], float]


def _draw_processes(picture: Picture, facts: Facts, x: Place) -> None:
    """Draw what the processes were doing, and when a list was asked for."""
    ends = [moment for moment, _ in facts["phases"][1:]]
    picture.text((x(facts["phases"][0][0]), 24), "schedule_all", bold=True)
    picture.text((x(facts["killed"]), 24), "kill -9", anchor="middle", bold=True, fill=ORANGE)
    picture.text((x(facts["resumed"]) + 10, 24), "schedule_all again, with the same journal", bold=True)
    picture.rect((x(facts["resumed"]), 34), (RIGHT - x(facts["resumed"]), 22), "#f1f4f8")
    for (begun, phase), end in zip(facts["phases"], ends, strict=False):
        if begun < facts["killed"] < end:
            end = facts["killed"]  # noqa: PLW2901  that phase ended there
        picture.rect((x(begun), 34), (x(end) - x(begun), 22), PHASES[phase])
        if x(end) - x(begun) > width_of(phase, SMALL) + 4:
            picture.text(((x(begun) + x(end)) / 2, 49.5), phase, anchor="middle", size=SMALL)
    low = _y(max(facts["in_doubt"])) + PITCH
    for moment in facts["lists"]:
        look = facts["resumed"] < moment < facts["lists"][-1]
        picture.line([(x(moment), 77), (x(moment), low if look else TOP - 12)], dash="2 3", width=1.2)
        picture.note((x(moment), 71), "list", anchor="middle")


PHASES: Final = {"checking": "#dfe5ec", "sending": "#a9cfe8", "settling": "#f6c98f", "verifying": "#dfe5ec"}


def _draw_rows(picture: Picture, facts: Facts, x: Place) -> None:
    """Draw of each row its intent, its requests, its doubts and its end."""
    half = PITCH / 2 - 1.2
    decided = {number: moment for moment, number, state in facts["journal"] if state in {"adopted", "not started"}}
    for number, moment in decided.items():
        begun = max(until for row, _, until, *_ in facts["requests"] if row == number and until < moment)
        picture.rect((x(begun), _y(number) - half), (x(moment) - x(begun), 2 * half), DOUBT)
    for number, begun, until, how, _ in facts["requests"]:
        picture.rect((x(begun), _y(number) - half), (x(until) - x(begun), 2 * half), BLUE)
        if how != "answered":
            picture.cross((x(until), _y(number)), half + 0.6, INK)
    for moment, number, state in facts["journal"]:
        if state == "in doubt":
            picture.line(
                [(x(moment), _y(number) - half - 1), (x(moment), _y(number) + half + 1)], stroke=INK, width=1.6
            )
        elif state != "not started":
            picture.dot((x(moment), _y(number)), half + 0.8, GREEN)


def _explain(picture: Picture, facts: Facts, x: Place) -> None:
    """Write beside the rows what became of them, and at the end how many meetings there are."""
    after, beside = x(facts["killed"]) + 8, x(facts["lists"][-2]) + 8
    fates: dict[str, list[int]] = {}
    for number, _, _, how, did in facts["requests"]:
        if how != "answered":
            fates.setdefault(f"{how} {did}".strip(), []).append(number)
    for fate, words in FATES.items():
        numbers = fates.get(fate, [])
        if not numbers:
            continue
        picture.note((after, _y(min(numbers)) - 8), words)
        found = all(number in facts["adopted"] for number in numbers)
        middle = _y((min(numbers) + max(numbers)) / 2) + 4.5
        if found:
            picture.note((beside, middle), "found in the list: adopted", fill=GREEN)
        else:
            picture.note((beside, middle - 13), "not there, twice: sent again", fill=BLUE)
    left, low = after, _y(31)
    counts = f"{facts['rows']} rows, {facts['meetings']} meetings, {facts['twice']} twice"
    picture.text((left, low), counts, bold=True, size=20)
    doubts = len(facts["in_doubt"])
    picture.note(
        (left, low + 22),
        f"{doubts} in doubt when killed: {len(facts['adopted'])} adopted, {doubts - len(facts['adopted'])} sent again",
    )
    _draw_legend(picture, left, low + 54)


FATES: Final = {
    "lost created": "made, and the answer lost",
    "lost": "lost on its way: nothing was made",
    "cut created": "made, and cut off by the kill",
}


def _draw_legend(picture: Picture, left: float, top: float) -> None:
    """Tell what the signs mean."""
    half = PITCH / 2 - 1.2
    words = ("intent on disk", "request in flight", "outcome on disk", "no answer", "in doubt")
    for place, said in enumerate(words):
        y = top + place * 20
        picture.note((left + 36, y + 4.5), said)
        if said == "intent on disk":
            picture.line([(left + 12, y - half - 2), (left + 12, y + half + 2)], stroke=INK, width=1.6)
        elif said == "outcome on disk":
            picture.dot((left + 12, y), half + 0.8, GREEN)
        elif said == "no answer":
            picture.cross((left + 12, y), half + 0.6, INK)
        else:
            fill = BLUE if said == "request in flight" else DOUBT
            picture.rect((left, y - half), (26, 2 * half), fill)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        print("up", flush=True)  # noqa: T201  how long an interpreter takes to start is no matter of the picture
        anyio.run(schedule, json.loads(sys.stdin.readline()))
    else:
        if "--draw" not in sys.argv:
            told = json.dumps(measure(Plan()))
            HERE.joinpath("kill-and-resume.json").write_text(told.replace("], [", "],\n  [") + "\n", encoding="utf-8")
        facts = json.loads(HERE.joinpath("kill-and-resume.json").read_text(encoding="utf-8"))
        HERE.joinpath("kill-and-resume.svg").write_text(draw(facts), encoding="utf-8")
