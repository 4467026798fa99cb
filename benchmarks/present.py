"""Which contestants can take part here, and which libraries are kept from those that must not have them."""

import importlib
import re
from importlib.metadata import PackageNotFoundError, requires, version

from benchmarks import ours
from benchmarks.contestants import FAST, MODULES


def why_not(name: str) -> str | None:
    """Return why a contestant cannot take part here; None where it can."""
    if name == FAST and not _fast_is_installed():
        return "the extra `fast` is not installed"
    try:
        module = importlib.import_module(MODULES[name])
        if name in ours.TRANSPORTS:
            getattr(module, ours.TRANSPORTS[name][1])()
    except ModuleNotFoundError as error:
        missing = (error.name or "").startswith("joinme_async")
        return "there is no such transport here" if missing else f"{error.name} is not installed"
    except Exception as error:  # noqa: BLE001  whatever keeps it from being made
        return f"{type(error).__name__}: {error}"
    return None


def hidden_from(name: str) -> list[str]:
    """Return the modules that a contestant must not see: those of the extra `fast`, unless it is the one with it."""
    return [] if name == FAST else [package.replace("-", "_") for package in _fast_packages()]


def versions() -> dict[str, str]:
    """Return the versions of the libraries that are measured, as far as they are installed."""
    found = {}
    names = ("joinme-async", "httpx", "httpx2", "aiohttp", "pyreqwest", "openai", "openapi-python-client", "cattrs")
    for name in (*names, *_fast_packages()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _fast_packages() -> list[str]:
    asked = [text for text in requires("joinme-async") or () if re.search(r"extra == ['\"]fast['\"]", text)]
    return [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in asked]


def _fast_is_installed() -> bool:
    packages = _fast_packages()
    try:
        return bool(packages and [version(name) for name in packages])
    except PackageNotFoundError:
        return False
