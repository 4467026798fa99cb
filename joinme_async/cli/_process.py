"""What is set right once, before a process does anything: its streams, its width, and how it is told to end."""

import os
import shutil
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any, Final

_NARROWEST: Final = 40  # columns


def prepare() -> None:
    """Make of this process one that the command can run in."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before we began
            setattr(sys, name, Path(os.devnull).open("r+", encoding="utf-8"))  # noqa: SIM115  it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that this terminal cannot show is no reason to stop
    if shutil.get_terminal_size().columns < _NARROWEST or os.environ.get("COLUMNS") == "0":
        os.environ["COLUMNS"] = str(_NARROWEST)  # rich draws for ever where there is no room
    signal.signal(signal.SIGTERM, _end)
    # httpx would load its own command, and rich with it, wherever that can be: a tenth of the time of any verb of ours.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("httpx._main", None)  # so the import system says that it is not there


def _end(_: int, frame: FrameType | None) -> None:
    """End as with Ctrl-C: what is in flight is waited for, and the terminal left as it was."""
    interrupt = signal.getsignal(signal.SIGINT)
    if not callable(interrupt):  # a program in the background of a shell ignores it
        raise KeyboardInterrupt
    interrupt(signal.SIGINT, frame)
