"""One source, asked once however many wait, told what was refused, and what it raises comes through unchanged."""

import traceback

import anyio
import pytest

from joinme_async import ConfigurationError
from joinme_async._http import Secret
from joinme_async._retry._tokens import Tokens


class Source:
    """Numbers its tokens, and waits to be let go before it answers."""

    def __init__(self, *, failing: int = 0) -> None:
        self.asked: list[str | None] = []
        self.gate = anyio.Event()
        self.failing = failing

    async def __call__(self, *, refused: str | None) -> str:
        self.asked.append(refused)
        number = len(self.asked)
        await self.gate.wait()
        if number <= self.failing:
            raise LookupError(f"no token {number}")
        return f"tok-{number}"


async def test_a_plain_token_costs_no_suspension_and_cannot_be_refreshed() -> None:
    """A str is handed out as it is, whatever was refused."""
    tokens = Tokens(Secret("tok"))
    for refused in (None, Secret("tok")):
        with pytest.raises(StopIteration) as done:
            tokens.get(refused).send(None)
        assert done.value.value == Secret("tok")


async def test_the_source_is_asked_before_each_attempt() -> None:
    """Keeping a token is the source's own business."""
    source = Source()
    source.gate.set()
    tokens = Tokens(source)
    assert [(await tokens.get()).reveal() for _ in range(3)] == ["tok-1", "tok-2", "tok-3"]
    assert source.asked == [None] * 3


async def test_all_who_wait_share_one_answer() -> None:
    """A hundred calls that find the source busy wait for it together; it is never asked twice at once."""
    source, got = Source(), []
    tokens = Tokens(source)

    async def call() -> None:
        got.append((await tokens.get()).reveal())

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        assert source.asked == [None]
        source.gate.set()
    assert got == ["tok-1"] * 100


async def test_a_hundred_refusals_cause_one_refresh() -> None:
    """Calls refused with the same token are served by one refresh, those that come later too."""
    source, got = Source(), []
    source.gate.set()
    tokens = Tokens(source)
    old = await tokens.get()
    source.gate = anyio.Event()

    async def call() -> None:
        got.append((await tokens.get(old)).reveal())

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        source.gate.set()
    assert (await tokens.get(old)).reveal() == "tok-2"
    assert got == ["tok-2"] * 100
    assert source.asked == [None, "tok-1"]


async def test_a_refused_call_that_finds_a_plain_question_asks_its_own_after() -> None:
    """An answer to "a token, please" that is the refused one again is no answer to "this one was refused"."""
    asked, got = [], []
    gates = {None: anyio.Event(), "old": anyio.Event()}

    async def source(*, refused: str | None) -> str:
        asked.append(refused)
        await gates[refused].wait()
        return "old" if refused is None else "new"

    tokens = Tokens(source)

    async def call(refused: Secret[str] | None) -> None:
        got.append((await tokens.get(refused)).reveal())

    async with anyio.create_task_group() as group:
        group.start_soon(call, None)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(call, Secret("old"))
        await anyio.wait_all_tasks_blocked()
        assert asked == [None]
        gates[None].set()
        await anyio.wait_all_tasks_blocked()
        assert asked == [None, "old"]
        gates["old"].set()
    assert got == ["old", "new"]


async def test_a_failure_reaches_all_who_asked_the_same_and_nobody_after() -> None:
    """What the source raises comes through unchanged to those who waited for it; the next call asks anew."""
    source, errors = Source(failing=1), []
    tokens = Tokens(source)

    async def call() -> None:
        try:
            await tokens.get()
        except LookupError as error:
            errors.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        source.gate.set()
    assert [str(error) for error in errors] == ["no token 1"] * 3
    assert (await tokens.get()).reveal() == "tok-2"


async def test_a_cancelled_question_is_asked_by_the_next_in_line() -> None:
    """Cancelling the call that asks loses nothing for those who wait."""
    source, got = Source(), []
    tokens = Tokens(source)

    async def call() -> None:
        got.append((await tokens.get()).reveal())

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as leader:
                leader.start_soon(call)
                await anyio.wait_all_tasks_blocked()
                group.start_soon(call)
                group.start_soon(call)
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        await anyio.wait_all_tasks_blocked()
        assert len(source.asked) == 2
        source.gate.set()
    assert got == ["tok-2"] * 2


async def test_a_plain_function_is_no_token_source() -> None:
    """Said in words of ours, and without the token that it returned."""

    def plain(*, refused: str | None) -> str:
        return "tok-secret"

    with pytest.raises(ConfigurationError, match="async callable") as caught:
        await Tokens(plain).get()  # type: ignore[arg-type]
    assert "tok-secret" not in repr([frame.f_locals for frame, _ in traceback.walk_tb(caught.tb.tb_next)])


def test_the_word_bearer_is_no_part_of_a_token() -> None:
    """The most likely slip gets advice of its own."""
    with pytest.raises(ConfigurationError, match="leave that word out"):
        Tokens(Secret("Bearer tok"))


@pytest.mark.parametrize("bad", ["", "tok ", "tok\n", "to k", "tök", "tok\x00", None, b"tok", 7])
async def test_what_cannot_be_a_token_is_refused_without_being_shown(bad) -> None:
    """A token that could not stand in a header is a ConfigurationError that does not show it, from a str or a source."""

    async def source(*, refused: str | None) -> str:
        return bad

    with pytest.raises(ConfigurationError) as caught:
        await Tokens(source).get()
    assert not isinstance(bad, str) or not bad or bad not in str(caught.value)
    with pytest.raises(ConfigurationError):
        Tokens(Secret(bad))
