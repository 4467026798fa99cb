"""`joinme sandbox`."""

import json
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from joinme_async._errors import ConfigurationError
from joinme_async.cli._codes import INTERRUPTED
from joinme_async.sandbox import Entry, Sandbox
from joinme_async.sandbox._guard import is_loopback

_STYLES = {2: "green", 3: "yellow", 4: "yellow", 5: "red", 0: "red"}


def run_sandbox(  # noqa: PLR0913  the options of the verb
    host: str, port: int, *, per_second: int | None, per_day: int | None, latency: float, faults: Path | None
) -> int:
    """Serve a sandbox until interrupted, which is how it ends."""
    console = Console(stderr=True, highlight=False)
    sandbox = Sandbox(
        per_second=per_second, per_day=per_day, latency=latency, on_entry=lambda entry: console.print(line(entry))
    )
    if faults is not None:
        sandbox.plant_data(_script(faults))
    with sandbox.serve(host=host, port=port) as url:
        # On stdout, for a shell or a script that reads one line; all else is for people.
        print(f"export JOINME_BASE_URL={url} JOINME_ACCESS_TOKEN={sandbox.token}", flush=True)  # noqa: T201
        console.print(f"A make-believe join.me listens on [bold]{url}[/]. Ctrl-C ends it, and its meetings with it.")
        console.print(page_line(url, host))
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(1)  # in turns, since Windows lets nothing interrupt a longer wait
    return INTERRUPTED


def page_line(url: str, host: str) -> Text:
    """Return where the page of a sandbox at `url` is, and who can reach it where it listens on `host`."""
    text = Text("Watch it, and switch faults on and off, at ").append(url.removesuffix("v1"), style="bold")
    if is_loopback(host):
        return text.append(" (this machine only).")
    warning = "Anybody who reaches this machine over the network can see and change it."
    return text.append(". ").append(f"Warning: {warning}", style="bold yellow")


def line(entry: Entry) -> Text:
    """Return what a person should see of a request."""
    status = str(entry.status) if entry.status else "no answer"
    text = Text(f"{entry.at:%H:%M:%S} {entry.method:6} {entry.path} ")
    text.append(status, style=_STYLES.get(entry.status // 100, ""))
    if entry.did:
        text.append(f" {entry.did} {entry.meeting_id}")
    if entry.fault:
        text.append(f" [{entry.fault}]", style="magenta")
    return text


def _script(path: Path) -> list[dict[str, object]]:
    try:
        script = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{path.name} is not JSON: {error}") from None
    if not isinstance(script, list) or not all(isinstance(item, dict) for item in script):
        raise ConfigurationError(f'{path.name} must hold a list of faults, such as [{{"kind": "lose", "on": "POST"}}]')
    return script
