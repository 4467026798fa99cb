"""Text cut to the cells of a terminal (pure): a wide letter takes two of them, an accent none."""

from typing import Final
from unicodedata import bidirectional

from rich.cells import cell_len, chop_cells, set_cell_size

_JOINERS: Final = "\u200c\u200d"
_LEFT_TO_RIGHT: Final = "\u200e"  # takes no cell


def padded(text: str, width: int, fill: str = " ") -> str:
    """Return `text` in exactly `width` cells: cut, which `…` shows, or filled up at its end."""
    text = _cut(text, width)
    if any(bidirectional(character) in {"R", "AL"} for character in text):
        text += _LEFT_TO_RIGHT  # or a terminal that turns Arabic round would do so across the columns
    return text + fill * (width - cell_len(text))


def wrapped(text: str, width: int, lines: int) -> list[str]:
    """Return the words of `text` in lines of `width` cells, at most `lines` of them; `…` says that more is left."""
    found: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        *full, line = ([line] if line else []) + chop_cells(word, width)
        found += full
    found += [line] if line else []
    return found if len(found) <= lines else [*found[: lines - 1], _cut(" ".join(found[lines - 1 :]), width)]


def _cut(text: str, width: int) -> str:
    return (
        text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)).rstrip(_JOINERS) + "…" * (width > 0)
    )
