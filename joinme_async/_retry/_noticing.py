"""An `await` that tells when it suspends, so that a wait of which nobody knows beforehand is not a silent one."""

from collections.abc import Awaitable, Callable, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


@coroutine
def noticing(work: Awaitable[T], notice: Callable[[], object]) -> Generator[Any, Any, T]:
    """Await `work`, calling `notice` once where that takes a suspension and not at all where it does not.

    PEP 380 says how values and exceptions are passed through.
    """
    steps = work.__await__()
    try:
        step = next(steps)
        notice()
        while True:
            try:
                sent = yield step
            except BaseException as error:  # noqa: BLE001  a cancellation is for `work` to deal with
                step = steps.throw(error)
            else:
                step = steps.send(sent)
    except StopIteration as done:
        result: T = done.value
        return result
