"""Fixtures for the tests of programs that use this package; loaded by pytest by itself, and cheap until asked for."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from joinme_async.sandbox import Sandbox


@pytest.fixture(name="joinme_sandbox")
def _joinme_sandbox() -> "Sandbox":
    """Return a fresh sandbox of the service, in virtual time that begins now.

    Use it in process, `JoinMe(joinme_sandbox.token, transport=joinme_sandbox.transport(), clock=joinme_sandbox.clock)`,
    or over HTTP, `with joinme_sandbox.serve() as url`.
    """
    from datetime import UTC, datetime  # noqa: PLC0415  nothing is loaded until the fixture is asked for

    from joinme_async.sandbox import Sandbox  # noqa: PLC0415
    from joinme_async.testing import FakeClock  # noqa: PLC0415

    return Sandbox(clock=FakeClock(datetime.now(UTC)))
