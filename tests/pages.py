"""A page of the documentation, read as its reader would: every block of code in it, in order, in a folder of its own.

The word behind three backticks says what becomes of a block:

- `python` is run, and may await at its top level; later blocks see the names of earlier ones.
- `text` is what the block above it printed, to the letter; three dots stand for what differs from run to run, a line of
  three dots for any number of lines.
- `console` is typed: each command behind a `$`, and below it what it writes, first to stdout, then to stderr.
- `sh` is typed as well; what it writes is not shown, and it has to succeed.
- a second word, as in `csv june.csv`, makes the block a file of that name in the reader's folder; behind `>>`, as in
  `python >> app.py`, it is put at the end of the file, after two empty lines.
- `{literalinclude}` of an example puts that file into the reader's folder; it is run by tests of its own.

What takes minutes or a network (`pip install`, `make`, the benchmarks) is not run: what it names has to be there.
"""

import ast
import asyncio
import importlib
import inspect
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from tests.commands import PLAIN, Done
from tests.raw_server import free_port

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
PAGES.remove("docs/reference/command.md")  # it is written from the command, and held to it by tests of that
_FENCE = re.compile(r"([ \t>]*)(`{3,}|~{3,}|:{3,}) *(.*?) *$")
_NAME = re.compile(r"(?:(?:>> )?[\w./-]+)?")
_DIRECTIVES = {"eval-rst", "include", "toctree"}
_SERVERS = {"joinme sandbox": "8765", "uvicorn": "8000", "litestar run": "8000"}  # with the port they listen on
_NEVER_RUN = ("pip install ", "python3 -m venv ", "git clone ", "make ", "python -m benchmarks", "apt-get ")
_CUT_SHORT = re.compile(r"timeout -s (\w+) ([\d.]+) (.*)")
_UNDER_WAY = 5  # meetings that a run has made when it is cut short
_PATIENCE = 200  # seconds; a bound for what hangs, not for what is slow
_OF_A_SHELL = re.compile(r"[|&;<>$`\\]")


class Block(NamedTuple):
    """A block of code, and where it stands."""

    line: int
    kind: str
    file: str
    code: str


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page of Markdown, without what Sphinx makes of directives.

    Whatever looks like the beginning of a block is one that is understood here, or an error: none is passed over.
    """
    found: list[Block] = []
    begun: tuple[int, str, str] | None = None
    code: list[str] = []
    for number, line in enumerate(page.splitlines(), 1):
        fence = _FENCE.match(line)
        if begun is not None and not (fence and fence.groups() == (begun[1], "```", "")):
            code.append(line)
        elif begun is not None:
            found += _block(begun[0], begun[2], textwrap.dedent("\n".join([*code, ""])))
            begun, code = None, []
        elif fence is not None:
            indent, marks, info = fence.groups()
            plain = marks == "```" and not indent.strip(" ")
            assert plain, f"line {number}: a block begins with three backticks, and in no quotation"
            begun = number + 1, indent, info
    assert begun is None, f"line {begun}: this block does not end"
    return found


def _block(line: int, info: str, code: str) -> list[Block]:
    if (shown := info.removeprefix("{literalinclude} ../../")) != info:
        return [Block(line, "python", Path(shown).name, (ROOT / shown).read_text(encoding="utf-8"))]
    if info.startswith("{"):
        assert info.split("}", maxsplit=1)[0][1:] in _DIRECTIVES, f"line {line}: nobody runs what stands in {info}"
        return []
    kind, _, file = info.partition(" ")
    assert _NAME.fullmatch(file), f"line {line}: {file!r} is no name of a file"
    return [Block(line, kind, file, code)]


def is_like(shown: str, printed: str) -> bool:
    """Tell whether this was printed as it is shown, but for what three dots stand for."""
    lines = [".*" if line.strip() == "..." else re.escape(line.rstrip()) + "\n" for line in shown.splitlines()]
    pattern = "".join(line if line == ".*" else line.replace(r"\.\.\.", "[^\n]*") for line in lines)
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed.splitlines()), re.DOTALL) is not None


class Reader:
    """Somebody who types what a page shows, with a service that takes the token `...`."""

    def __init__(
        self,
        page: str,
        command: Callable[..., Done],
        printed: Callable[[], str],
        made: Callable[[], int],
        environment: Mapping[str, str],
    ) -> None:
        self._page = page
        self._made = made
        self._command = command
        self._printed = printed
        self._environment = {
            **os.environ,
            **PLAIN,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **environment,
        }
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._ports: dict[str, str] = {}
        self._servers: list[subprocess.Popen[str]] = []
        self._loop = asyncio.Runner()  # one for the page, as in `python -m asyncio`, so that clients last

    def read(self, blocks: list[Block]) -> None:
        """Do what each block says; what it prints has to be what is shown."""
        for before, block, after in zip([None, *blocks[:-1]], blocks, [*blocks[1:], None], strict=True):
            if block.file:
                self._write(block)
            elif block.kind == "python":
                self._run(block, after.code if after is not None and after.kind == "text" else None)
            elif block.kind == "console":
                assert block.code.startswith("$ "), f"{self._where(block)}: nothing is typed"
                for typed, shown in re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.code, re.MULTILINE):
                    self._type(block, re.sub(r"\s*\\\n\s*", " ", typed), shown)
            elif block.kind == "sh":
                for typed in re.sub(r"\s*\\\n\s*", " ", block.code).splitlines():
                    self._type(block, typed, None)
            else:
                is_output = block.kind == "text" and before is not None and (before.kind, before.file) == ("python", "")
                assert is_output, f"{self._where(block)}: nothing is done with this block of {block.kind!r}"

    def _where(self, block: Block) -> str:
        return f"{self._page}, line {block.line}"

    def _write(self, block: Block) -> None:
        path = Path(block.file.removeprefix(">> "))
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") + "\n\n" if block.file.startswith(">> ") else ""
        path.write_text(before + self._on_our_ports(block.code), encoding="utf-8")
        if path.suffix == ".py":
            compile(path.read_text(encoding="utf-8"), self._page, "exec")
        if path.name == "config.toml":
            path.chmod(0o600)
            self._environment["JOINME_CONFIG"] = os.environ["JOINME_CONFIG"] = str(path.resolve())

    def _run(self, block: Block, shown: str | None) -> None:
        tree = ast.increment_lineno(ast.parse(self._on_our_ports(block.code)), block.line - 1)
        compiled = compile(tree, self._page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if compiled.co_flags & inspect.CO_COROUTINE:
            self._loop.run(eval(compiled, self._names))
        else:
            exec(compiled, self._names)
        printed = self._as_shown(self._printed())
        if shown is not None:
            assert is_like(shown, printed), f"{self._where(block)} printed:\n{printed}"

    def _type(self, block: Block, typed: str, shown: str | None) -> None:
        typed = re.sub(r"\s+#.*", "", typed).strip()
        bare = typed.replace(".venv/bin/", "")
        if not typed or typed.startswith("#"):
            return
        if set_now := re.fullmatch(r"export((?: \w+=\S*)+)", typed):
            self._environment.update(dict(word.split("=", 1) for word in shlex.split(self._on_our_ports(set_now[1]))))
        elif bare.startswith(_NEVER_RUN):
            check(typed)
        elif server := next((name for name in _SERVERS if bare.startswith(name)), None):
            self._start(block, bare, _SERVERS[server], shown)
        else:
            done = self._done(bare)
            assert shown or done.code == 0, f"{self._where(block)}: {typed}\n{done}"
            printed = self._as_shown(done.out + done.err)
            assert "Traceback (most" not in printed, f"{self._where(block)}: {typed}\n{printed}"
            assert not shown or is_like(shown, printed), f"{self._where(block)}: {typed}\n{printed}"

    def _done(self, typed: str) -> Done:
        if typed.startswith("joinme ") and not _OF_A_SHELL.search(typed):
            return self._command(*shlex.split(typed)[1:])
        if cut := _CUT_SHORT.fullmatch(typed):
            return self._cut_short(signal.Signals[f"SIG{cut[1]}"], float(cut[2]), self._on_our_ports(cut[3]))
        process = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self._on_our_ports(typed)], env=self._environment, timeout=_PATIENCE,
            capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        return Done(process.returncode, process.stdout, process.stderr)

    def _cut_short(self, by: signal.Signals, seconds: float, typed: str) -> Done:
        """Do what `timeout -s` does, and on a machine that is slow to start a program wait until that is under way."""
        before, until = self._made(), time.monotonic() + seconds
        process = subprocess.Popen(
            ["bash", "-c", f"exec {typed}"], env=self._environment, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        while process.poll() is None and (time.monotonic() < until or self._made() < before + _UNDER_WAY):
            assert time.monotonic() < until + _PATIENCE, f"{self._page}: {typed} does not come to anything"
            time.sleep(0.02)
        process.send_signal(by)
        out, err = process.communicate(timeout=_PATIENCE)
        return Done(process.returncode, out, err)

    def _start(self, block: Block, typed: str, port: str, shown: str | None) -> None:
        """Start a server on a port that is free, which stands for the one that is shown from now on."""
        self._ports[port] = str(free_port())
        process = subprocess.Popen(
            [*shlex.split(typed), "--port", self._ports[port]], env=self._environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        self._servers.append(process)
        said = [self._as_shown(process.stdout.readline()).rstrip()]
        while said[-1] and port not in said[-1]:
            said.append(self._as_shown(process.stdout.readline()).rstrip())
        assert said[-1], f"{self._where(block)}: {typed} ended with\n{said}"
        threading.Thread(target=_drain, args=[process.stdout], daemon=True).start()
        assert not shown or shown.splitlines()[0].rstrip() in said, f"{self._where(block)}: {said}"

    def _on_our_ports(self, text: str) -> str:
        for shown, real in self._ports.items():
            text = text.replace(f":{shown}", f":{real}")
        return text

    def _as_shown(self, text: str) -> str:
        for shown, real in self._ports.items():
            text = text.replace(f":{real}", f":{shown}")
        return text

    def stop(self) -> None:
        """End the event loop and the servers."""
        self._loop.close()
        for process in self._servers:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _drain(stream: IO[str]) -> None:
    """Read to the end what nobody wants, or a server would wait one day until somebody does."""
    with stream:
        while stream.read(4096):
            pass


def check(typed: str) -> None:
    """Look whether what a command names is there, without running it."""
    for extras in re.findall(r"\[([\w,]+)\]", typed):
        known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
        assert set(extras.split(",")) <= set(known), typed
    for verb in re.findall(r"\bmake (?:-\w+ )*(\w+)", typed):
        assert re.search(rf"^{verb}:.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), typed
    for module in re.findall(r"python -m (benchmarks[\w.]*)", typed):
        assert (ROOT / (module.replace(".", "/") + ".py")).exists() or (ROOT / module).is_dir(), typed


@contextmanager
def reading(reader: Reader, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Reader]:
    """Read in `folder`, from which Python also imports, and leave nothing behind."""
    for library in ("aiohttp", "httpx2", "pyreqwest"):
        importlib.import_module(f"joinme_async.transports.{library}")  # reading files, which a loop should not wait for
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    try:
        yield reader
    finally:
        reader.stop()
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
