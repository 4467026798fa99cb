"""A real browser without a window: Debian's chromium, driven by selenium. Without one, the tests that look are skipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_DRIVER = shutil.which("chromedriver")
_QUIET = ("background-networking", "component-update", "sync", "gpu", "dev-shm-usage", "extensions")

WIDE, NARROW = (1280, 900), (390, 844)


@contextmanager
def opened() -> Iterator[Chrome]:
    """Open a browser with a profile of its own, which speaks to nobody unasked."""
    if _CHROMIUM is None or _DRIVER is None:
        pytest.skip("there is no chromium with chromedriver on this machine")
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = _CHROMIUM
        for argument in ("headless=new", "no-sandbox", "no-first-run", f"user-data-dir={profile}"):
            options.add_argument(f"--{argument}")
        for feature in _QUIET:
            options.add_argument(f"--disable-{feature}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options=options, service=ChromeService(_DRIVER))
        try:
            yield driver
        finally:
            driver.quit()


def look(driver: Chrome, size: tuple[int, int], *, dark: bool = False) -> None:
    """Be a screen of `size`, in CSS pixels, and like it dark or light."""
    width, height = size
    device = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == NARROW}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def complaints(driver: Chrome) -> list[str]:
    """Return what the page wrote to the console since the last time: errors of scripts, and all that was kept out."""
    return [entry["message"] for entry in driver.get_log("browser")]


def shot(driver: Chrome, path: Path) -> None:
    """Keep what is to be seen, for somebody to look at."""
    driver.save_screenshot(str(path))
