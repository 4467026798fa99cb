"""What every test shares: both event loops, no blocking call inside them, and a day that does not move."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import HealthCheck, settings

from joinme_async import JoinMe, NewMeeting
from joinme_async.sandbox import Sandbox
from joinme_async.testing import FakeClock
from tests.tls_server import make_certificate

pytest_plugins = ["pytester", "tests.commands"]

# The fixtures that hypothesis complains of hold no state between examples.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.register_profile("campaign", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile("default")

START = datetime(2027, 6, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run many more random cases, and every kill")
    parser.addoption("--cases", type=int, help="run so many random cases of each property")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--campaign"):
        settings.load_profile("campaign")
    if cases := config.getoption("--cases"):
        settings.register_profile("cases", parent=settings.get_profile("default"), max_examples=cases)
        settings.load_profile("cases")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "driver" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def no_blocking_call() -> Iterator[None]:
    with blockbuster_ctx("joinme_async") as blockbuster:
        blockbuster.functions["os.getcwd"].deactivate()  # it asks no disk, and a path is made absolute when it is given
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (
        *proxies,
        *map(str.lower, proxies),
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        *(name for name in os.environ if name.startswith("JOINME_")),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOINME_CONFIG", os.devnull)  # whoever runs the tests may have a file of settings


def new_meeting(**changes) -> NewMeeting:
    fields = {"name": "Weekly update", "start": START, "end": START + HOUR, "participants": ["boss@join.me"]}
    return NewMeeting(**{**fields, **changes})


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key and certificate of localhost; beside it, with `.crt` behind its name, what trusts it."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def new() -> NewMeeting:
    return new_meeting()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Sandbox:
    return Sandbox(clock=clock)


@pytest.fixture
def joinme(sandbox: Sandbox, clock: FakeClock) -> JoinMe:
    return JoinMe(sandbox.token, transport=sandbox.transport(), clock=clock)
