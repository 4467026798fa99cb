"""What every verb does at last: whatever ended it becomes a line with what to do next, and an exit code."""

import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from joinme_async._errors import (
    AuthenticationError,
    InvalidRowsError,
    JoinMeError,
    NotFoundError,
    TransportError,
)
from joinme_async._models import OutcomeUnknownError
from joinme_async.cli._codes import (
    FAILED,
    FAULT,
    INTERRUPTED,
    NOT_BEGUN,
    UNWRITTEN,
    UnwrittenError,
    code_of,
    is_of_another_service,
)
from joinme_async.cli._options import Common
from joinme_async.cli._stdio import drop_stdout, say

_SPELT: Final = {"existing='adopt'": "--existing adopt", "with timeout=": "with --timeout"}
_REPORT: Final = "repeat it with --debug, and report what that shows"


def carried_out(work: Callable[[], int], common: Common, code: Callable[[JoinMeError], int] = code_of) -> int:
    """Do the work of a verb and return its exit code, whatever comes of it.

    Args:
        work: returns it.
        common: whether all of an error is to be shown.
        code: returns that of an error.
    """
    try:
        with _log(debug=common.debug):
            return work()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  nobody is to meet a traceback unasked
        if common.debug:
            traceback.print_exc()
        return _told(error, code)


def _told(error: BaseException, code: Callable[[JoinMeError], int]) -> int:
    """Say what ended a verb, and return its exit code."""
    match error:
        case InvalidRowsError():
            _tell_rows(error)
            return NOT_BEGUN
        case JoinMeError():
            said, ended = _words_of(error), code(error)
        case ModuleNotFoundError():
            said, ended = f"this needs {error.name}: pip install 'joinme-async[cli,sandbox]'", NOT_BEGUN
        case BrokenPipeError():
            drop_stdout()
            said, ended = "nobody reads stdout any more", UNWRITTEN
        case UnwrittenError():
            said, ended = str(error), UNWRITTEN
        case OSError():
            said, ended = f"{error.filename or 'a file'} cannot be used: {error.strerror or error}", NOT_BEGUN
        case OverflowError():
            said, ended = "a time lies outside the years 1 to 9999 in this zone: --json shows times in UTC", FAILED
        case KeyboardInterrupt():
            said, ended = "interrupted", INTERRUPTED
        case _:
            said, ended = f"this is a fault of joinme itself ({type(error).__name__}): {_REPORT}", FAULT
    say(said)
    return ended


def _words_of(error: JoinMeError) -> str:
    """Return what happened, and what to type next."""
    match error:
        case OutcomeUnknownError():
            return (
                f"it is not known whether the meeting was made ({error.last}). joinme list shows whether it is there; "
                "the same command with --ensure, half a minute later, looks before it makes one"
            )
        case AuthenticationError():
            return f"{error}. Put it where the old one is: joinme config shows where that was found"
        case NotFoundError() if is_of_another_service(error):
            return f"nothing of join.me is at the base URL; does it end in /v1? joinme config shows it ({error})"
        case NotFoundError():
            return f"join.me has no such meeting, or no longer ({error.path}). joinme list shows those that are there"
        case TransportError():
            return f"{error}. Is the network up, and the base URL right? joinme config shows it"
    return _spelt(error)


def _spelt(error: JoinMeError) -> str:
    """Return the words of a library, with its arguments as they are typed."""
    said = str(error)
    for argument, option in _SPELT.items():
        said = said.replace(argument, option)
    return said


def _tell_rows(error: InvalidRowsError) -> None:
    for row in error.rows:
        say(str(row))
    number = f"{len(error.rows)} bad row{'s' * (len(error.rows) != 1)}"
    zone = ", give the file a zone with --timezone" * any("a zone for the file" in r.problem for r in error.rows)
    skip = "" if error.rows[0].line == 1 else ", or pass over them with --skip-bad"  # nothing is read without a head
    say(f"{number}, and nothing was sent. Correct {'them' if len(error.rows) > 1 else 'it'}{zone}{skip}")


@contextmanager
def _log(*, debug: bool) -> Iterator[None]:
    """Show all that happens with --debug; else keep warnings, which the end tells of anyway, from stderr."""
    logger = logging.getLogger("joinme_async")
    level = logger.level
    wanted = os.environ.get("JOINME_LOG")
    if debug:
        os.environ["JOINME_LOG"] = "debug"
    elif not wanted:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        if debug:
            os.environ.pop("JOINME_LOG")
            os.environ |= {"JOINME_LOG": wanted} if wanted else {}
