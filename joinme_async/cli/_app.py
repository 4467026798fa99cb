"""The `joinme` command: its verbs, and what becomes of a command line that cannot be read."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Parameter, UnusedCliTokensError, validators

from joinme_async._version import __version__
from joinme_async.cli._bulk_app import MANY, bulk
from joinme_async.cli._codes import DONE, UNWRITTEN, USAGE
from joinme_async.cli._help import FlowingHelp
from joinme_async.cli._meetings_app import delete, export, get, list_meetings, schedule, update
from joinme_async.cli._options import COMMON, CONNECTION, EXISTING, Common, Connection, Json, Zone, whole
from joinme_async.cli._stdio import drop_stdout, say

_MEETINGS, _MORE = Group("Meetings", sort_key=1), Group("More", sort_key=3)

app = App(
    name="joinme",
    help="""join.me's scheduled meetings, from the command line.

    To try it without an account, run `joinme sandbox` in another terminal, and paste the line that it prints into this
    one. The access token is read from JOINME_ACCESS_TOKEN or from your file of settings (see `joinme config`), or
    asked for. Data goes to stdout, all else to stderr. Each command has its own help: `joinme schedule --help`.

    Exit codes:

    - 0: done
    - 1: nothing was done: bad input, no token, or you said no
    - 2: the command line is wrong
    - 3: join.me refused it, or some of it failed
    - 4: join.me cannot be used now: unreachable, too busy, the token is refused
    - 5: it is not known whether it was done
    - 6: there is no such meeting
    - 70: a fault of joinme itself
    - 74: it was done, but what came of it could not be written: a full disk, or nobody reads it
    - 130: interrupted
    """,
    version=__version__,
    help_format="plaintext",
    help_formatter=FlowingHelp(),
)
app.command(list_meetings, name="list", group=_MEETINGS, sort_key=1)
app.command(get, group=_MEETINGS, sort_key=2)
app.command(schedule, group=_MEETINGS, sort_key=3)
app.command(update, group=_MEETINGS, sort_key=4)
app.command(delete, group=_MEETINGS, sort_key=5)
app.command(bulk)
app.command(export, group=MANY)

_ExistingFile = Annotated[Path | None, EXISTING]


def run() -> None:
    """Run the command line."""
    try:
        app(sys.argv[1:], print_error=False, exit_on_error=False)
    except CycloptsError as error:
        say(_told(error))
        raise SystemExit(USAGE) from None
    except OSError as error:  # of help
        drop_stdout()
        say(f"stdout cannot be written: {error.strerror}")
        raise SystemExit(UNWRITTEN) from None


def _told(error: CycloptsError) -> str:
    verb = " ".join(("joinme", *(error.command_chain or ())))
    said = " ".join(str(error).split())
    missing = error.argument if isinstance(error, MissingArgumentError) else None
    if missing is not None and not set(missing.names) & set(sys.argv):
        said = f"{missing.name if missing.index is None else missing.name.lstrip('-').upper()} is missing"
    elif isinstance(error, UnusedCliTokensError):
        more = " ".join(error.unused_tokens or ())
        said = f"{more} is more than this takes; a text with blanks needs quotes around it"
    return f"{said}{'' if said.endswith(('.', '?')) else '.'} See {verb} --help"


@app.command(group=_MORE)
def sandbox(  # noqa: PLR0913  its options
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(converter=whole, validator=validators.Number(gte=0, lte=65535))] = 8765,
    per_second: Annotated[int | None, Parameter(converter=whole, validator=validators.Number(gte=1))] = None,
    per_day: Annotated[int | None, Parameter(converter=whole, validator=validators.Number(gte=1))] = None,
    latency: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.0,
    faults: _ExistingFile = None,
    common: Common = COMMON,
) -> int:
    """Serve a make-believe join.me over HTTP until interrupted, with a page to watch it, and print each request.

    Example: `joinme sandbox --per-second 10`

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
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._sandbox import run_sandbox  # noqa: PLC0415  each verb loads what it uses

    return carried_out(
        lambda: run_sandbox(host, port, per_second=per_second, per_day=per_day, latency=latency, faults=faults), common
    )


@app.command(group=_MORE)
def demo(file: _ExistingFile = None, *, timezone: Zone = None, common: Common = COMMON) -> int:
    """Schedule a file of meetings on a sandbox over real HTTP, change some, cancel some, and show the result.

    Nothing leaves this machine. The exit code is 1 if the sandbox's ledger disagrees with what is shown.

    Example: `joinme demo --timezone Europe/London`

    Parameters
    ----------
    file
        A CSV file of meetings; without one, the example that comes with the package.
    timezone
        The IANA zone to show times in, such as Europe/London, and of those times in the file that have none of their
        own. Without one, times are shown in this machine's.
    """
    from joinme_async.cli._demo import run_demo  # noqa: PLC0415
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415

    return carried_out(lambda: run_demo(file, timezone), common)


@app.command(group=_MORE)
def config(*, as_json: Json = False, connection: Connection = CONNECTION) -> int:
    """Show the settings in use and where each comes from; the access token itself is never shown.

    An argument stands before the environment, and that before the file: TOML, in which token, base_url, timezone, rate
    and timeout may stand at the top, and in tables such as [profiles.work], with profile = "work" for the one that is
    used where none is named. A file that holds a token must be for you alone: chmod 600. A token of the file is sent
    only to the base URL of its own profile.

    Example: `joinme config --profile work`

    Parameters
    ----------
    as_json
        One JSON object on stdout: file, profile, settings.
    """
    from joinme_async.cli._config_shown import run_config  # noqa: PLC0415
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415

    return carried_out(lambda: run_config(connection, as_json=as_json), connection)


@app.command(group=_MORE)
def completion(shell: Literal["bash", "zsh", "fish"], /, *, common: Common = COMMON) -> int:
    """Print what makes your shell complete what you type.

    Example: `joinme completion bash > ~/.local/share/bash-completion/completions/joinme`

    Parameters
    ----------
    shell
        For zsh, write it into a folder of your fpath as _joinme; for fish, into ~/.config/fish/completions/joinme.fish.
    """
    from joinme_async.cli._ending import carried_out  # noqa: PLC0415
    from joinme_async.cli._stdio import put  # noqa: PLC0415

    def work() -> int:
        put(app.generate_completion(shell=shell))
        return DONE

    return carried_out(work, common)
