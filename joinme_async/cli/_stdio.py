"""The streams: data goes to stdout, all that is for people to stderr, and questions to whoever is there."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from joinme_async.cli._shown._harmless import harmless


def say(message: str) -> None:
    """Tell the person at the terminal something, in a line."""
    print(f"joinme: {harmless(message)}", file=sys.stderr, flush=True)  # noqa: T201


def put(data: str | bytes) -> None:
    """Put data on stdout, at once; text in UTF-8, whatever the terminal is set to."""
    content = data.encode("utf-8", "replace") if isinstance(data, str) else data
    stream: BinaryIO = sys.stdout.buffer
    sys.stdout.flush()
    stream.write(content)
    stream.flush()


def show(document: Mapping[str, Any]) -> None:
    """Put a line of JSON on stdout, at once."""
    put(json.dumps(document, ensure_ascii=False) + "\n")


def show_text(text: str) -> None:
    """Put a line for people on stdout."""
    print(harmless(text))  # noqa: T201


def drop_stdout() -> None:
    """Let what is still to be written vanish, since nobody reads it; Python would complain of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def draws_bars(*, to_stdout: bool) -> bool:
    """Say whether a bar on stderr can be seen, and does not draw over data on the same terminal."""
    return sys.stderr.isatty() and not (to_stdout and sys.stdout.isatty())


def is_somebody_there() -> bool:
    """Say whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def asked(question: str, answers: Mapping[str, str], default: str, *, no_input: bool = False) -> str | None:
    """Return which of `answers` a person chose, None where nobody may be asked."""
    if no_input or not is_somebody_there():
        return None
    choices = ", ".join(f"{letter} to {what}" for letter, what in answers.items())
    while True:
        print(f"joinme: {harmless(question)}\n  {choices} [{default}]: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        line = sys.stdin.readline()
        chosen = line.strip().lower()[:1] or default
        if not line or chosen in answers:
            return chosen if line else default
