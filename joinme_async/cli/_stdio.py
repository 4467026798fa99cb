"""The streams: data goes to stdout, all that is for people to stderr, and questions to whoever is there."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from joinme_async.cli._codes import UnwrittenError
from joinme_async.cli._shown._harmless import harmless


def say(message: str) -> None:
    """Tell the person at the terminal something, in a line; where that cannot be told, what is done goes on."""
    with suppress(OSError):
        print(f"joinme: {harmless(message)}", file=sys.stderr, flush=True)  # noqa: T201


def encoded(data: str | bytes) -> bytes:
    """Return text in UTF-8; half a character, which has no form there, as JSON escapes it."""
    return data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data


def put(data: str | bytes) -> None:
    """Put data on stdout, at once; text in UTF-8, whatever the terminal is set to.

    Raises:
        UnwrittenError: it could not be written.
    """
    if isinstance(data, str) and sys.stdout.isatty():
        data = "\n".join(map(harmless, data.split("\n")))  # or a name would act on the terminal
    with _writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(data))
        sys.stdout.buffer.flush()


def show(document: Mapping[str, Any]) -> None:
    """Put a line of JSON on stdout, at once."""
    put(json.dumps(document, ensure_ascii=False) + "\n")


def show_text(text: str) -> None:
    """Put a line for people on stdout."""
    draw(harmless(text) + "\n")


def draw(text: str) -> None:
    """Put text for people on stdout as it is, with question marks where this terminal has no letters."""
    with _writing():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_stdout()
        raise UnwrittenError(f"stdout cannot be written: {error.strerror}") from None


def drop_stdout() -> None:
    """Let what is still to be written vanish, since nobody reads it; Python would complain of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def draws_bars(*, to_stdout: bool) -> bool:
    """Say whether a bar on stderr can be seen, and does not draw over data on the same terminal."""
    if os.environ.get("TERM") in {"dumb", "unknown"}:
        return False
    return sys.stderr.isatty() and not (to_stdout and sys.stdout.isatty())


def is_somebody_there() -> bool:
    """Say whether somebody sits at the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def may_ask(*, no_input: bool) -> bool:
    """Say whether somebody can and may be asked."""
    return not no_input and is_somebody_there()


def asked(question: str, answers: Mapping[str, str], default: str, *, no_input: bool = False) -> str | None:
    """Return which of `answers` a person chose, None where nobody may be asked.

    Only its letter, or its first word, is an answer: `don't` is none to delete.
    """
    if not may_ask(no_input=no_input):
        return None
    words = {word: letter for letter, what in answers.items() for word in (letter, what.split()[0])}
    choices = ", ".join(f"{letter} to {what}" for letter, what in answers.items())
    while True:
        print(f"joinme: {harmless(question)}\n  {choices} [{default}]: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        line = sys.stdin.readline()
        typed = line.strip().lower() or default
        if not line or typed in words:
            return words[typed] if line else default
        say(f"answer {' or '.join(answers)}")
