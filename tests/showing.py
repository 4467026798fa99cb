"""What logs, crash reports and pickles would show of an error."""

import copy
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import joinme_async
from joinme_async import JoinMeError, NewMeeting

PACKAGE = str(Path(joinme_async.__file__).parent)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it came from or tells of."""
    todo, seen = [error], set()
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo += [
            current.__cause__,
            current.__context__,
            getattr(current, "last", None),
            *getattr(current, "exceptions", ()),
        ]


def safe_repr(value: object) -> str:
    """Return the repr that a crash report would show; an object that is half made has none."""
    try:
        return repr(value)
    except AttributeError:
        return f"<{type(value).__name__}, half made>"


def shown_by(error: BaseException) -> str:
    """Return everything that logs, crash reports and pickles would show of an error."""
    parts = ["".join(traceback.format_exception(error))]
    for current in chain(error):
        if isinstance(current, JoinMeError):
            facts = {name: fact for name, fact in vars(current).items() if not isinstance(fact, NewMeeting)}
            parts += [repr(current), str(current), repr(vars(current)), repr(facts)]
            bare = copy.copy(current)
            vars(bare).pop("meeting", None)  # models may hold addresses, errors around them may not
            vars(bare).pop("last", None)
            parts.append(repr(pickle.dumps(bare)))
        for frame, _ in traceback.walk_tb(current.__traceback__):
            if frame.f_code.co_filename.startswith(PACKAGE) or "joinme_async" in frame.f_code.co_filename:
                parts += [
                    f"{frame.f_code.co_qualname}: {name}={safe_repr(value)}" for name, value in frame.f_locals.items()
                ]
    return "\n".join(parts)
