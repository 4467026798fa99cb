"""Text of others made fit to be shown (pure): nothing in it moves a cursor, turns a line round or hides."""

import re
import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"  # Persian, Indic scripts and emoji are written with them
_LINK: Final = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_DELETE: Final = "\x7f"


def harmless(text: str) -> str:
    """Return `text` in one line that a terminal and a browser only show.

    Control characters become their pictures (ESC is ␛), line breaks and tabs a blank, halves of characters �, and what
    has no look of its own but changes that of others, such as a switch of direction, is left out.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def web_link(url: str | None) -> str | None:
    """Return a URL that leads to a page on the web, None for any other: a `javascript:` would run in a browser."""
    return url if url and _LINK.match(url) and url.isprintable() else None


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    if character < " ":
        return chr(0x2400 + ord(character))
    match unicodedata.category(character):
        case "Cc":
            return "␡" if character == _DELETE else "�"
        case "Cs":
            return "�"
        case "Cf" if character not in _JOINERS:
            return ""
    return character
