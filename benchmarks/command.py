"""What the command costs before it does anything: processes side by side, as ratios to `python -c "import asyncio"`.

`python -m benchmarks.command` prints CPU and time of each, the median of some rounds, taken in turns.
"""

import os
import statistics
import sys
from typing import Final

from benchmarks.parts_rest import spent

_ROUNDS: Final = 15
_PYTHON: Final = [sys.executable, "-c", "import asyncio"]
_JOINME: Final = [sys.executable, "-m", "joinme_async"]
_COMMANDS: Final = {
    "import asyncio": _PYTHON,
    "joinme --help": [*_JOINME, "--help"],
    "joinme schedule --help": [*_JOINME, "schedule", "--help"],
    "joinme --version": [*_JOINME, "--version"],
}


def main() -> None:
    """Measure, and print a table."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in _COMMANDS}
    for _ in range(_ROUNDS):
        for name, command in _COMMANDS.items():
            seen[name].append(spent(command, dict(os.environ)))
    medians = {
        name: [statistics.median(run[what] for run in runs) for what in ("cpu", "seconds")]
        for name, runs in seen.items()
    }
    cpu, elapsed = medians["import asyncio"]
    print(f"{'':24}{'CPU':>10}{'ratio':>8}{'time':>10}{'ratio':>8}")
    for name, (used, took) in medians.items():
        print(f"{name:24}{used * 1e3:7.0f} ms{used / cpu:8.2f}{took * 1e3:7.0f} ms{took / elapsed:8.2f}")


if __name__ == "__main__":
    main()
