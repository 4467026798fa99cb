"""The text of a calendar taken apart: logical lines, and the components that they make (RFC 5545, section 3.1)."""

from collections.abc import Iterator, Sequence

import attrs

from joinme_async._errors import excerpt


class CalendarError(ValueError):
    """The file as a whole cannot be read; `line` is where that shows."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


@attrs.frozen
class Block:
    """A component as it is written: the line of its BEGIN, its name, its unfolded lines without those of its parts."""

    line: int
    name: str
    lines: list[str] = attrs.field(factory=list)


def read_blocks(content: bytes) -> tuple[list[Block], bool]:
    """Return the events and time zones of a file, and whether it says that all of it is cancelled."""
    found: list[Block] = []
    stack: list[Block] = []
    cancelled = False
    for line, text in _unfolded(content):
        begun, ended = _marker(text, "BEGIN:"), _marker(text, "END:")
        if begun:
            if not stack and begun != "VCALENDAR":
                raise CalendarError(line, f"this is no calendar: {excerpt(begun)} stands outside of VCALENDAR")
            stack.append(Block(line, begun))
        elif not stack:
            raise CalendarError(line, "this is no calendar: it must begin with BEGIN:VCALENDAR")
        elif ended and ended != stack[-1].name:
            raise CalendarError(line, f"END:{excerpt(ended)} does not end the {excerpt(stack[-1].name)} above it")
        elif ended:
            found.append(stack.pop())
            _keep_zone_parts(found[-1], stack)
        else:
            stack[-1].lines.append(text)
            cancelled = cancelled or (len(stack) == 1 and text.upper() == "METHOD:CANCEL")
    if stack:
        raise CalendarError(stack[-1].line, f"this {excerpt(stack[-1].name)} has no end: the file was cut off")
    if not found:
        raise CalendarError(1, "this is no calendar: it must begin with BEGIN:VCALENDAR")
    return found, cancelled


def _keep_zone_parts(block: Block, stack: Sequence[Block]) -> None:
    """Of all parts of components, only the seasons of a time zone are wanted (and no alarms)."""
    if stack and stack[-1].name == "VTIMEZONE":
        stack[-1].lines.extend([f"BEGIN:{block.name}", *block.lines, f"END:{block.name}"])


def _marker(text: str, marker: str) -> str:
    return text[len(marker) :].strip().upper() if text[: len(marker)].upper() == marker else ""


def _unfolded(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield each logical line that is not blank with the number of the physical line where it begins."""
    try:
        lines = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CalendarError(line, "this line is not in UTF-8: save the file as UTF-8") from None
    start, parts = 1, list[str]()
    for line, text in enumerate(lines, 1):
        if text[:1] in {" ", "\t"} and parts:
            parts.append(text[1:])
            continue
        if "".join(parts).strip():
            yield start, "".join(parts)
        start, parts = line, [text]
    if "".join(parts).strip():
        yield start, "".join(parts)
