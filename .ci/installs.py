"""Installs a built wheel as users do, by itself, with each extra and with all: what is missing must say so by name.

python .ci/installs.py dist/joinme_async-*.whl
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.parser import Parser
from pathlib import Path

FOR_DEVELOPERS = {"bench", "dev", "docs"}
# What the plain package brings along, and nothing else does: who adds to it, adds to every user's program.
PLAIN = {"anyio", "attrs", "cattrs", "certifi", "h11", "httpcore", "httpx", "idna", "joinme-async", "typing-extensions"}
# Run inside each environment, away from this folder.
PROBE = """
import importlib, json, subprocess, sys
from importlib.metadata import distributions
from importlib.resources import files

extras = set(json.loads(sys.argv[1]))
assert "site-packages" in importlib.import_module("joinme_async").__file__
assert files("joinme_async").joinpath("py.typed").is_file(), "no py.typed"
for name in ("", ".bulk", ".sandbox", ".testing", ".transports.httpx"):
    module = importlib.import_module(f"joinme_async{name}")
    for public in module.__all__:
        getattr(module, public)
from joinme_async import ConfigurationError
for extra in ("aiohttp", "httpx2", "pyreqwest"):
    try:
        importlib.import_module(f"joinme_async.transports.{extra}")
    except ConfigurationError as error:
        assert extra not in extras and f"'joinme-async[{extra}]'" in str(error), error
    else:
        assert extra in extras, f"{extra} is there though nobody asked for it"
told = subprocess.run([sys.executable, "-m", "joinme_async", "--version"], capture_output=True, text=True)
if "cli" in extras:
    assert (told.returncode, told.stdout.strip()) == (0, importlib.import_module("joinme_async").__version__), told
else:
    assert told.returncode == 2 and "joinme-async[cli,sandbox]" in told.stderr and "Traceback" not in told.stderr, told
print(json.dumps([each.metadata["Name"] for each in distributions()]))
"""


def extras_of(wheel: Path) -> list[str]:
    """Return the extras that are for users."""
    with zipfile.ZipFile(wheel) as inside:
        (path,) = [name for name in inside.namelist() if name.endswith(".dist-info/METADATA")]
        told = Parser().parsestr(inside.read(path).decode())
    return sorted(set(told.get_all("Provides-Extra", [])) - FOR_DEVELOPERS)


def install(wheel: Path, extras: Sequence[str], folder: Path) -> Path:
    """Return the Python of a new environment with the wheel and `extras`; by uv, which takes a second, where it is."""
    what = f"{wheel}[{','.join(extras)}]"
    python = folder / "bin" / "python"
    beside = Path(sys.executable).with_name("uv")
    if uv := str(beside) if beside.exists() else shutil.which("uv"):
        commands = [[uv, "venv", "-q", "-p", sys.executable, folder], [uv, "pip", "install", "-q", "-p", python, what]]
    else:
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", what]
        commands = [[sys.executable, "-m", "venv", folder], pip]
    for command in commands:
        subprocess.run(command, check=True)  # noqa: S603
    return python


def problem_with(wheel: Path, extras: Sequence[str]) -> str | None:
    """Return what is wrong with an install, None where nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        python = install(wheel, extras, Path(folder, "venv"))
        command = [python, "-I", "-c", PROBE, json.dumps(extras)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S603
        if done.returncode:
            return done.stderr or f"it ended with {done.returncode}"
        more = {name.lower().replace("_", "-") for name in json.loads(done.stdout)} - PLAIN - {"pip", "setuptools"}
        return f"it brings along {', '.join(sorted(more))}" if more and not extras else None


def main() -> None:
    """Try every install, and say which is wrong."""
    wheel = Path(sys.argv[1]).absolute()
    users = extras_of(wheel)
    tried = [[], *([extra] for extra in users), users]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda extras: problem_with(wheel, extras), tried))
    for extras, problem in zip(tried, found, strict=True):
        print(f"joinme-async[{','.join(extras)}]: {problem or 'whole'}")
    raise SystemExit(any(found))


if __name__ == "__main__":
    main()
