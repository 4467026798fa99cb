"""A client is made without I/O, refuses what cannot work, shares what it should, and is closed once."""

import asyncio
import gc
import pickle
import subprocess
import sys

import anyio
import httpx
import pytest

from joinme_async import ConfigurationError, JoinMe, Response
from joinme_async.sandbox import Sandbox
from joinme_async.testing import FakeClock, ScriptedTransport
from joinme_async.transports.httpx import HttpxTransport

EMPTY = Response(200, {}, b'{"meetings": []}')


def test_importing_loads_neither_httpx_nor_cattrs() -> None:
    """A program that only imports the package, or makes a client, does not pay for either."""
    code = (
        "import sys, joinme_async, joinme_async.testing, joinme_async.sandbox, joinme_async.pytest_plugin\n"
        "joinme_async.JoinMe('tok')\n"
        "print(sorted({'httpx', 'cattrs', 'uvicorn', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_pytest_plugin_loads_nothing() -> None:
    """Every test run of every user loads the plugin: it must cost next to nothing."""
    code = (
        "import sys, joinme_async.pytest_plugin\n"
        "print(sorted({'httpx', 'cattrs', 'joinme_async.sandbox', 'joinme_async.testing'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("token", [None, "", "a b", "tok\n", 7, b"tok"])
def test_a_client_without_a_usable_token_is_not_made(token) -> None:
    """No token, or one that cannot be sent, is said when the client is made."""
    with pytest.raises(ConfigurationError, match="token"):
        JoinMe(token)


async def test_the_environment_stands_in_for_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """JOINME_ACCESS_TOKEN and JOINME_BASE_URL are used where no argument is given, and an argument wins."""
    monkeypatch.setenv("JOINME_ACCESS_TOKEN", "from-env")
    monkeypatch.setenv("JOINME_BASE_URL", "http://localhost:1/v9")
    transport = ScriptedTransport([EMPTY, EMPTY])
    await JoinMe(transport=transport).meetings.list()
    await JoinMe("given", base_url="https://other.example", transport=transport).meetings.list()
    assert [(r.url, r.headers["Authorization"]) for r in transport.requests] == [
        ("http://localhost:1/v9/meetings", "Bearer from-env"),
        ("https://other.example/meetings", "Bearer given"),
    ]


async def test_the_live_service_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a base URL, or with an empty one in the environment, calls go to join.me; an empty argument is a mistake."""
    monkeypatch.setenv("JOINME_BASE_URL", "")
    transport = ScriptedTransport([EMPTY])
    await JoinMe("tok", transport=transport).meetings.list()
    assert transport.requests[0].url == "https://api.join.me/v1/meetings"
    assert transport.requests[0].headers["User-Agent"].startswith("joinme-async/")
    with pytest.raises(ConfigurationError, match="base URL"):
        JoinMe("tok", base_url="")


def test_a_token_is_never_sent_in_the_clear() -> None:
    """Http to another machine is refused when the client is made, from an argument and from the environment."""
    with pytest.raises(ConfigurationError, match=r"in the clear to api\.join\.me"):
        JoinMe("tok", base_url="http://api.join.me/v1")


async def test_a_given_transport_is_not_closed() -> None:
    """Who brought it closes it."""
    transport = ScriptedTransport([EMPTY])
    async with JoinMe("tok", transport=transport) as joinme:
        await joinme.meetings.list()
    assert not transport.closed


async def test_a_closed_client_says_so() -> None:
    """After aclose every call is a ConfigurationError, of copies as well; closing again does nothing."""
    joinme = JoinMe("tok", transport=ScriptedTransport())
    copy = joinme.with_options(timeout=5.0)
    await joinme.aclose()
    await joinme.aclose()
    for client in (joinme, copy):
        with pytest.raises(ConfigurationError, match="closed"):
            await client.meetings.list()


async def test_a_copy_differs_in_what_was_asked_only() -> None:
    """A copy has its own timeout, shares transport and token, and its aclose does nothing."""
    transport = ScriptedTransport([EMPTY] * 3)
    joinme = JoinMe("tok", transport=transport, clock=FakeClock())
    async with joinme.with_options(timeout=1.0) as copy:
        await copy.meetings.list()
    await joinme.meetings.list()
    await joinme.with_options().meetings.list()
    assert [request.timeout for request in transport.requests] == [0.95, 30.0, 30.0]


def test_a_client_is_not_pickled() -> None:
    """A pickle would hold the token; the message says what to do instead."""
    with pytest.raises(TypeError, match="make the client anew"):
        pickle.dumps(JoinMe("tok", transport=ScriptedTransport()))


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the first loop was ended without closing its connections
def test_a_client_made_at_import_time_works_in_one_loop_after_another() -> None:
    """Made outside any loop, used in two of asyncio and one of trio, over real connections that it keeps alive."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        transport = HttpxTransport()
        joinme = JoinMe(sandbox.token, base_url=url, transport=transport)

        async def use() -> None:
            for _ in range(2):
                assert await joinme.meetings.list() == []

        async def use_and_close() -> None:
            await use()
            await transport.aclose()

        anyio.run(use, backend="trio")
        anyio.run(use_and_close)
        with pytest.raises(ConfigurationError, match="closed"):
            anyio.run(use)
    assert len(sandbox.ledger) == 4
    gc.collect()  # here, where the warning is expected, and not in whichever test the collector comes up next


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # each loop was ended without closing the client
def test_a_second_event_loop_gets_connections_of_its_own() -> None:
    """asyncio.run twice over one client: the connections of the loop that ended are not used again."""
    sandbox = Sandbox()
    with sandbox.serve() as url:
        joinme = JoinMe(sandbox.token, base_url=url)
        for _ in range(2):
            assert asyncio.run(joinme.meetings.list()) == []
    del joinme
    gc.collect()


def test_the_default_transport_is_the_clients_own() -> None:
    """It is made at the first call and closed with the client, and no connection is left open."""
    sandbox = Sandbox()

    async def main(url: str) -> None:
        async with JoinMe(sandbox.token, base_url=url) as joinme:
            assert "not used yet" in repr(joinme)
            await joinme.meetings.list()
            assert "100 free" in repr(joinme)
        with pytest.raises(ConfigurationError, match="closed"):
            await joinme.meetings.list()

    with sandbox.serve() as url:
        anyio.run(main, url)


@pytest.mark.parametrize("wrong", [httpx.Client, httpx.AsyncClient, object])
def test_what_is_no_transport_is_said_at_once(wrong: type) -> None:
    """An httpx client is the likely slip, in place of a transport and inside one."""
    with pytest.raises(ConfigurationError, match="HttpxTransport"):
        JoinMe("tok", transport=wrong())
    if wrong is not httpx.AsyncClient:
        with pytest.raises(ConfigurationError, match=r"httpx\.AsyncClient"):
            HttpxTransport(wrong())
    with pytest.raises(ConfigurationError, match="settings of its own"):
        HttpxTransport(httpx.AsyncClient(), proxy="http://localhost:1")


async def test_a_client_that_was_never_used_closes_without_a_transport() -> None:
    """Nothing is made only to be closed."""
    await JoinMe("tok").aclose()
