"""What the command costs before it does anything: processes side by side, as ratios to `python -c "import asyncio"`.

`python -m benchmarks.command` prints CPU and time of each, the median of some rounds, taken in turns.
"""

import os
import statistics
import subprocess
import sys
import time
from typing import Final

_ROUNDS: Final = 15
_PYTHON: Final = [sys.executable, "-c", "import asyncio"]
_JOINME: Final = [sys.executable, "-m", "joinme_async"]
_COMMANDS: Final = {
    "import asyncio": _PYTHON,
    "joinme --help": [*_JOINME, "--help"],
    "joinme schedule --help": [*_JOINME, "schedule", "--help"],
    "joinme --version": [*_JOINME, "--version"],
}


def _spent(command: list[str]) -> tuple[float, float]:
    """Run a process to its end, and return the CPU that it used and the time that it took, in seconds."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, time.perf_counter() - began


def main() -> None:
    """Measure, and print a table."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in _COMMANDS}
    for _ in range(_ROUNDS):
        for name, command in _COMMANDS.items():
            seen[name].append(_spent(command))
    medians = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in seen.items()}
    cpu, elapsed = medians["import asyncio"]
    print(f"{'':24}{'CPU':>10}{'ratio':>8}{'time':>10}{'ratio':>8}")
    for name, (used, took) in medians.items():
        print(f"{name:24}{used * 1e3:7.0f} ms{used / cpu:8.2f}{took * 1e3:7.0f} ms{took / elapsed:8.2f}")


if __name__ == "__main__":
    main()
