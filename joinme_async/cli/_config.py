"""The file of settings: TOML, with profiles, and private where it holds a token."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._http import Secret

VARIABLES: Final = {
    "token": "JOINME_ACCESS_TOKEN",
    "base_url": "JOINME_BASE_URL",
    "timezone": "JOINME_TIMEZONE",
    "rate": "JOINME_RATE",
    "timeout": "JOINME_TIMEOUT",
}
"""The settings by their names in the file, and what they are called in the environment."""

_OTHERS: Final = 0o077  # what the group and everybody else may do with a file


@attrs.frozen
class ConfigFile:
    """What a file of settings says.

    Attributes:
        path: where it is, or would be.
        default: the profile that is used where none is named.
        shared: settings for all profiles.
        profiles: settings by profile, which stand before those.
    """

    path: Path
    default: str | None = None
    shared: Mapping[str, Any] = attrs.field(factory=dict)
    profiles: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)

    def of(self, profile: str | None) -> dict[str, tuple[Any, str]]:
        """Return what is set for a profile, and where; a token for all is none for a base URL of its own."""
        shared = {name: (value, str(self.path)) for name, value in self.shared.items()}
        if profile is None:
            return shared
        if profile not in self.profiles:
            there = ", ".join(self.profiles) or "none"
            raise ConfigurationError(f"no profile is called {profile!r} in {self.path}: there is {there}")
        own = {name: (value, f"{self.path}, {profile}") for name, value in self.profiles[profile].items()}
        if "base_url" in own:
            shared.pop("token", None)
        return shared | own


def path_of(environment: Mapping[str, str]) -> Path:
    """Return where the file is, or would be: where JOINME_CONFIG says, else where the platform keeps such files.

    Raises:
        ConfigurationError: JOINME_CONFIG names a file that is not there.
    """
    if environment.get("JOINME_CONFIG"):
        named = Path(environment["JOINME_CONFIG"])
        if not named.exists():
            raise ConfigurationError(f"JOINME_CONFIG names {named}, and there is no such file")
        return named
    from platformdirs import user_config_path  # noqa: PLC0415  loaded where it is used

    return user_config_path("joinme", appauthor=False) / "config.toml"


def read_config(path: Path) -> ConfigFile:
    """Read a file of settings; one that is not there says nothing.

    Raises:
        ConfigurationError: it is not TOML, has settings that nobody knows, or holds a token that others can read.
    """
    document, mode = _read(path)
    default, profiles = document.pop("profile", None), document.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(table, dict) for table in profiles.values()):
        raise ConfigurationError(f"{path}: profiles are tables, such as [profiles.work]")
    if default is not None and default not in list(profiles):
        raise ConfigurationError(f"{path}: profile is {default!r}, which none of its profiles is called")
    tables = {"": document} | {f" in [profiles.{name}]": table for name, table in profiles.items()}
    for where, table in tables.items():
        _check_names(table, f"{path}: ", where)
    if any("token" in table for table in tables.values()):
        _check_private(path, mode)
    return ConfigFile(path, default, document, profiles)


def _read(path: Path) -> tuple[dict[str, Any], int]:
    """Return what a file says, with each token out of sight, and its mode."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            return _hidden(tomllib.loads(file.read().decode("utf-8-sig"))), mode  # some editors begin with a mark
    except FileNotFoundError:
        return {}, 0
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"is not TOML: {error}"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise ConfigurationError(f"{path} {problem}")  # here, since the frames of a parser have the whole text


def _hidden(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with each token out of sight."""
    shown = {name: value for name, value in document.items() if name != "token"}
    shown = {name: _hidden(value) if isinstance(value, dict) else value for name, value in shown.items()}
    return shown | ({"token": Secret(document["token"])} if "token" in document else {})


def _check_names(table: Mapping[str, Any], path: str, where: str) -> None:
    for name in table:
        if name not in VARIABLES:
            raise ConfigurationError(f"{path}no setting is called {name}{where}: there are {', '.join(VARIABLES)}")


def _check_private(path: Path, mode: int) -> None:
    if os.name == "posix" and stat.S_IMODE(mode) & _OTHERS:
        raise ConfigurationError(
            f"{path} holds an access token, and others than you may read it, so it is not used: chmod 600 {path}"
        )
