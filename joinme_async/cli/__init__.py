"""The `joinme` command."""

from joinme_async.cli._app import run
from joinme_async.cli._process import prepare

__all__ = ["prepare", "run"]
