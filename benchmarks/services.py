"""Starts what is called: nginx on a core of its own, or a small server of ours; and counts connections."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.bodies import MEETING, SIZES, list_body, list_root
from benchmarks.service import Service

MISSING: Final = "nginx is not installed: apt-get install nginx-light. A small asyncio server stands in for it."
STARTING: Final = 10.0  # seconds that a server may take to listen
CONFIG: Final = """\
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    etag off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    open_file_cache max=100;
    default_type application/json;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /v1/meetings/12345 {{ alias {root}/meeting.json; }}
        location = /v1/meetings {{ return 201 '{meeting}'; }}
        {lists}
        {status}
    }}
}}
"""


def cores() -> tuple[int | None, int | None]:
    """Return a core for the servers and one for the clients; None where there is but one, or no pinning here."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else (None, None)


@contextmanager
def asyncio_service(core: int | None, delay: float = 0.0) -> Iterator[Service]:
    """Run the server of ours in a process of its own."""
    pinned = [] if core is None else ["--core", str(core)]
    command = [sys.executable, "-m", "benchmarks.server", "--delay", str(delay), *pinned]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield Service(int((process.stdout or sys.stdin).readline()), "an asyncio server", counts=True)
        finally:
            (process.stdin or sys.stdout).close()
            process.wait()


@contextmanager
def best_service(core: int | None) -> Iterator[Service]:
    """Run nginx where it is installed, and the server of ours elsewhere."""
    with ExitStack() as stack:
        if (program := find_nginx()) is None:
            print(MISSING, flush=True)
            yield stack.enter_context(asyncio_service(core))
        else:
            root = Path(stack.enter_context(TemporaryDirectory(prefix="benchmark-nginx-")))
            yield stack.enter_context(_nginx(program, root, core))


def find_nginx() -> str | None:
    """Return where nginx is; `sbin` is not on everybody's path."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def _nginx(program: str, root: Path, core: int | None) -> Iterator[Service]:
    about = subprocess.run([program, "-V"], check=True, capture_output=True, text=True).stderr  # noqa: S603
    counts = "http_stub_status_module" in about
    port = _free_port()
    _write_files(root, port, counts=counts)
    pinned = [] if core is None or not shutil.which("taskset") else ["taskset", "-c", str(core)]
    command = [*pinned, program, "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]
    with subprocess.Popen(command) as process:  # noqa: S603
        try:
            _await_listening(port, process)
            yield Service(port, "nginx " + about.split("nginx/")[1].split()[0], counts=counts)
        finally:
            process.terminate()
            process.wait()


def _write_files(root: Path, port: int, *, counts: bool) -> None:
    root.chmod(0o755)  # the worker may be another user
    (root / "meeting.json").write_bytes(MEETING)
    for size in SIZES:
        (root / f"list-{size}.json").write_bytes(list_body(size))
    lists = "\n        ".join(
        f"location = {list_root(size)}/meetings {{ alias {root}/list-{size}.json; }}" for size in SIZES
    )
    status = "location = /status { stub_status; }" if counts else ""
    config = CONFIG.format(root=root, port=port, meeting=MEETING.decode(), lists=lists, status=status)
    (root / "nginx.conf").write_text(config)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    latest = time.monotonic() + STARTING
    while time.monotonic() < latest and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("nginx did not start")
