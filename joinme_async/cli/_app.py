"""The verbs of the command: each reads its arguments and calls what does the work."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

from joinme_async._errors import JoinMeError
from joinme_async._version import __version__
from joinme_async.cli._bulk_app import bulk

app = App(
    name="joinme",
    help="join.me's scheduled meetings: by the thousand, tried out, or against a sandbox of the service.",
    version=__version__,
)
app.command(bulk)

_ExistingFile = Annotated[Path | None, Parameter(validator=validators.Path(exists=True, dir_okay=False))]


def run() -> None:
    """Run the command line; an error of ours becomes one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that this terminal cannot show is no reason to stop
    try:
        app(sys.argv[1:])
    except JoinMeError as error:
        print(f"joinme: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@app.command
def demo(
    file: _ExistingFile = None,
    *,
    timezone: str | None = None,
) -> None:
    """Schedule a file of meetings on a sandbox over real HTTP, change some, cancel some, and show the result.

    Nothing leaves this machine. The exit code is 1 if the sandbox's ledger disagrees with what is shown.

    Parameters
    ----------
    file
        A CSV file of meetings; without one, the example that comes with the package.
    timezone
        The IANA zone to show times in, such as Europe/London, and of those times in the file that have none of their
        own. Without one, times are shown in this machine's.
    """
    from joinme_async.cli._demo import run_demo  # noqa: PLC0415  each verb loads what it uses

    sys.exit(run_demo(file, timezone))


@app.command
def sandbox(  # noqa: PLR0913  its options
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8765,
    per_second: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    per_day: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    latency: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.0,
    faults: _ExistingFile = None,
) -> None:
    """Serve a make-believe join.me over HTTP until interrupted, and print each request it sees.

    A browser shows a live page of it, with faults to switch on and off, at the address that is printed.

    Parameters
    ----------
    host
        Where to listen; keep it on this machine unless you mean others to see it and to change what it does.
    port
        Where to listen; 0 takes a free one.
    per_second
        How many calls it allows in any second; more are refused as the gateway does.
    per_day
        How many calls it allows in a day of UTC.
    latency
        Seconds that every answer takes.
    faults
        A JSON file with a list of faults, such as [{"kind": "lose", "on": "POST", "times": 2}].
    """
    from joinme_async.cli._sandbox import run_sandbox  # noqa: PLC0415

    run_sandbox(host, port, per_second=per_second, per_day=per_day, latency=latency, faults=faults)
