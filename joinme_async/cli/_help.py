"""Help as it is shown: paragraphs that fill the terminal, and commands that stand out; without a parser of Markdown."""

import re
from typing import Any, Final

import attrs

_BREAK: Final = re.compile(r"(?<=\S)\n(?!\s|- )")  # inside a paragraph: neither a blank line nor an item of a list


class FlowingHelp:
    """Shows help as cyclopts does, with the lines of a paragraph joined and what stands in backticks in bold.

    cyclopts can render Markdown, but loading what parses it takes as long as all else that `joinme --help` does.
    """

    def __call__(self, console: Any, options: Any, panel: Any) -> None:  # noqa: ANN401  cyclopts and rich
        """Show a table of commands or options."""
        entries = [attrs.evolve(entry, description=_flowing(entry.description)) for entry in panel.entries]
        _default()(console, options, panel.copy(entries=entries))

    def render_usage(self, console: Any, options: Any, usage: Any) -> None:  # noqa: ANN401
        """Show how a command is called."""
        _default().render_usage(console, options, usage)

    def render_description(self, console: Any, options: Any, description: Any) -> None:  # noqa: ANN401
        """Show what a command is for."""
        _default().render_description(console, options, _flowing(description))


def _default() -> Any:  # noqa: ANN401
    from cyclopts.help import DefaultFormatter  # noqa: PLC0415  loaded with the first help

    return DefaultFormatter()


def _flowing(inline: Any) -> Any:  # noqa: ANN401
    from rich.text import Text  # noqa: PLC0415

    text = getattr(inline, "primary_renderable", None)
    if isinstance(text, Text):
        parts = _BREAK.sub(" ", text.plain).split("`")
        inline.primary_renderable = Text.assemble(
            *(part if index % 2 == 0 else (part, "bold") for index, part in enumerate(parts)), end=text.end
        )
    return inline
