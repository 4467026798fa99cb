"""The `joinme` command."""

from joinme_async.cli._app import run

__all__ = ["run"]
