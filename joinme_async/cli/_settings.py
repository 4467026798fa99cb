"""Settings of the command: an argument, else the environment, else the file; and where each came from."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from joinme_async._errors import ConfigurationError
from joinme_async._http import Secret
from joinme_async._wire import DEFAULT_BASE_URL, checked_base_url
from joinme_async.cli._codes import UsageError
from joinme_async.cli._config import VARIABLES, ConfigFile
from joinme_async.cli._moments import zone_of

_LEAST: Final = 0.001  # seconds


@attrs.frozen(kw_only=True)
class Given:
    """What was typed; None for what was not.

    Attributes:
        profile: which part of the file is meant. Named here, it stands before the environment.
        base_url: where the service is.
        timezone: the IANA name of a zone.
        rate: calls a second.
        timeout: seconds for a call.
    """

    profile: str | None = None
    base_url: str | None = None
    timezone: str | None = None
    rate: str | None = None
    timeout: str | None = None


@attrs.frozen(kw_only=True)
class Settings:
    """What the command goes by.

    Attributes:
        token: None where there is none yet.
        base_url: where the service is.
        timezone: None where none was set.
        rate: calls a second; None to learn the pace.
        timeout: seconds for a call; None for the default of the package.
        profile: the part of the file that was used.
        sources: for each of them that was set, where.
        problem: why the token may not be sent to the base URL; empty where it may.
    """

    token: Secret[str] | None = None
    base_url: str = DEFAULT_BASE_URL
    timezone: str | None = None
    rate: int | None = None
    timeout: float | None = None
    profile: str | None = None
    sources: Mapping[str, str] = attrs.field(factory=dict)
    problem: str = ""


@attrs.frozen
class _Found:
    value: Any
    where: str
    is_of_file: bool = False


def settings_of(given: Given, environment: Mapping[str, str], file: ConfigFile) -> Settings:
    """Return the settings.

    A token of the file goes only to the base URL of its own profile; to the live service, where that names none.

    Raises:
        ConfigurationError: one of them is none, or there is no such profile.
    """
    profile = given.profile or environment.get("JOINME_PROFILE") or file.default
    in_file = {name: _Found(value, where, is_of_file=True) for name, (value, where) in file.of(profile).items()}
    in_environment = _in_environment(environment)
    found = {**in_file, **in_environment} if given.profile is None else {**in_environment, **in_file}
    token = found.get("token")
    if given.profile is not None and token is not None and token.is_of_file and "base_url" not in in_file:
        found.pop("base_url", None)
    found |= {name: _Found(value, f"--{name.replace('_', '-')}") for name, value in _typed(given).items()}
    settings = {name: _checked(name, of.value, of.where) for name, of in found.items()}
    sources = {name: of.where for name, of in found.items()}
    return Settings(**settings, profile=profile, sources=sources, problem=_problem(found, in_file))


def _problem(found: Mapping[str, _Found], in_file: Mapping[str, _Found]) -> str:
    """Return why the token that was found may not be sent to the base URL that was; empty where it may."""
    token, live = found.get("token"), _Found(DEFAULT_BASE_URL, "the default")
    if token is None or not token.is_of_file:
        return ""
    own, named = (which.get("base_url", live) for which in (in_file, found))
    if checked_base_url(own.value) == checked_base_url(named.value):
        return ""
    return (
        f"the access token of {token.where} is for {own.value}, and {named.where} names {named.value}: "
        "put a token for that into JOINME_ACCESS_TOKEN"
    )


def _typed(given: Given) -> dict[str, Any]:
    typed = attrs.asdict(given)
    del typed["profile"]
    return {name: value for name, value in typed.items() if value is not None}


def _in_environment(environment: Mapping[str, str]) -> dict[str, _Found]:
    return {
        name: _Found(Secret(environment[variable]) if name == "token" else environment[variable], variable)
        for name, variable in VARIABLES.items()
        if environment.get(variable)
    }


def _whole(value: Any) -> int:  # noqa: ANN401  what was typed
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)) or int(value) < 1:
        raise ValueError
    return int(value)


def _seconds(value: Any) -> float:  # noqa: ANN401  what was typed
    if isinstance(value, bool) or not _LEAST <= float(value) < float("inf"):
        raise ValueError
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _token(value: Secret[Any]) -> Secret[str]:
    _text(value.reveal())
    return value


_KINDS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "token": (_token, "a text"),
    "base_url": (lambda value: checked_base_url(_text(value)), "a URL"),
    "timezone": (lambda value: str(zone_of(_text(value))), "an IANA zone such as 'Europe/London'"),
    "rate": (_whole, "a whole number of calls a second, from 1"),
    "timeout": (_seconds, "a number of seconds, from 0.001"),
}


def _checked(name: str, value: Any, where: str) -> Any:  # noqa: ANN401  what was typed
    check, what = _KINDS[name]
    try:
        return check(value)
    except ConfigurationError as error:
        problem = str(error)
    except (ValueError, TypeError, OverflowError):
        problem = f"{name} must be {what}"
    kind = UsageError if where.startswith("--") else ConfigurationError
    raise kind(f"{where}: {problem}")
