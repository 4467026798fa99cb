"""`joinme config`: the settings, and where each comes from."""

import os
from typing import Any

from joinme_async.cli._codes import DONE
from joinme_async.cli._config import VARIABLES, path_of
from joinme_async.cli._options import Connection
from joinme_async.cli._settings import Settings
from joinme_async.cli._shell import settings_for
from joinme_async.cli._shown._records import json_of
from joinme_async.cli._stdio import put, say, show_text


def run_config(connection: Connection, *, as_json: bool) -> int:
    """Show the settings."""
    settings = settings_for(connection)
    path = path_of(os.environ)
    if as_json:
        shown = {name: {"value": _shown(settings, name), "from": settings.sources.get(name)} for name in VARIABLES}
        put(json_of({"file": str(path), "profile": settings.profile, "settings": shown}))
        return DONE
    show_text(f"file      {path}{'' if path.exists() else ' (there is none)'}")
    show_text(f"profile   {settings.profile or 'none'}")
    for name in VARIABLES:
        value = _shown(settings, name)
        source = settings.sources.get(name, "the default" if value is not None else "")
        show_text(f"{name:9} {'not set' if value is None else value}{source and f'  (from {source})'}")
    if settings.problem:
        say(settings.problem)
    return DONE


def _shown(settings: Settings, name: str) -> Any:  # noqa: ANN401  a setting
    if name == "token":
        return None if settings.token is None else "set"
    return getattr(settings, name)
