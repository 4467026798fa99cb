"""What the parts of the benchmark share: settings, servers, and contestants in fresh processes that take turns."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.contestants import INJECTED, OPENAI
from benchmarks.present import hidden_from
from benchmarks.service import Service

PROXIES: Final = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Attributes:
        rounds: of the parts that are quick; the longer ones have fewer.
        calls: of a phase, at the most.
        warm: calls before a phase.
        limit: seconds after which a phase starts no call.
        grace: seconds after which calls of a phase that are still under way are cut off.
        number: calls that are started at once.
        patience: seconds that they are given.
        rows: of a bulk run.
        quick: a smoke run, with few contestants where each takes long.
    """

    rounds: int = 5
    calls: int = 1000
    warm: int = 200
    limit: float = 1.0
    grace: float = 4.0
    number: int = 10_000
    patience: float = 15.0
    rows: int = 1000
    quick: bool = False

    def fewer(self, share: float) -> int:
        """Return a share of the rounds, one at least."""
        return max(1, round(self.rounds * share))


QUICK: Final = Settings(rounds=1, calls=60, warm=20, limit=0.2, grace=0.8, patience=2.0, rows=50, quick=True)
LEFT_OUT_OF_QUICK: Final = {"httpx2", OPENAI, INJECTED}


@dataclass
class Bench:
    """One run of the benchmark.

    Attributes:
        settings: how much is done.
        fast: the server that answers at once.
        slow: the server that takes 50 ms.
        names: who takes part.
        path: where the generated client is.
        failed: what went wrong, by contestant.
    """

    settings: Settings
    fast: Service
    slow: Service
    names: list[str]
    path: str
    failed: dict[str, str] = field(default_factory=dict)

    def present(self, wanted: Sequence[str]) -> list[str]:
        """Return those of `wanted` who take part; a quick run leaves out some that take long."""
        out = LEFT_OUT_OF_QUICK if self.settings.quick else set()
        return [name for name in wanted if name in self.names and name not in out]

    def environment(self) -> dict[str, str]:
        """Return the environment of a child: the generated client is importable, and there is no proxy."""
        mine = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}
        path = os.pathsep.join(filter(None, (self.path, mine.get("PYTHONPATH"))))
        return {**mine, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}

    def given(self, work: str, who: str, **given: object) -> str:
        """Return what a child is given, as JSON."""
        return json.dumps({"work": work, "who": who, "hide": hidden_from(who), "service": self.fast.as_dict(), **given})

    def child(self, work: str, who: str, timeout: float = 120.0, **given: object) -> dict[str, Any] | None:
        """Let a fresh process do some work, and return what it printed; None where it failed, and say so."""
        command = [sys.executable, "-m", "benchmarks.child", self.given(work, who, **given)]
        try:
            done = subprocess.run(  # noqa: S603  itself
                command, capture_output=True, text=True, env=self.environment(), timeout=timeout, check=True
            )
            return dict(json.loads(done.stdout))
        except subprocess.TimeoutExpired:
            self.failed[who] = f"{work}: it did not end in {timeout:g} s"
        except subprocess.CalledProcessError as error:
            self.failed[who] = f"{work}: {error.stderr.strip().splitlines()[-1]}"
        print(f"  {who}: {self.failed[who]}", file=sys.stderr, flush=True)
        return None

    def turns(
        self, names: Sequence[str], rounds: int, piece: Callable[[str], dict[str, Any] | None]
    ) -> dict[str, list[dict[str, Any]]]:
        """Let the contestants take turns, each round beginning with another; one that failed has no more turns."""
        seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        out: set[str] = set()
        for number in range(rounds):
            start = number % len(names) if names else 0
            for name in (*names[start:], *names[:start]):
                result = None if name in out else piece(name)
                if result is None:
                    out.add(name)
                else:
                    seen[name].append(result)
                print(".", end="", file=sys.stderr, flush=True)
        return seen
