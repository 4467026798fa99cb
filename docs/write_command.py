"""Writes `command.md`, the reference of the `joinme` command, from the command: `python docs/write_command.py`."""

import sys
from pathlib import Path

from joinme_async.cli._app import app

PAGE = Path(__file__).parent / "reference" / "command.md"
HEAD = """<!-- Written by docs/write_command.py from the command itself. -->

"""


def page() -> str:
    """Return the page as it has to be, whatever program this one is a part of."""
    sys.argv = ["joinme"]  # which cyclopts takes for the name of the command
    return HEAD + app.generate_docs(output_format="markdown").rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
