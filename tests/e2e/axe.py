"""What axe-core finds amiss on a page, in light and dark, and on a small screen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from selenium import webdriver

from backend.demo.environment import repository
from tests.conftest import missing

__all__ = ["SCHEMES", "Scheme", "amiss", "keep", "look", "overflow"]

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

_FILE = repository() / "build" / "axe.min.js"
_RUN = """
const told = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => told(found.violations.map((one) =>
    `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")}`)),
  (error) => told([`axe-core did not run: ${error}`]));
"""


def look(window: webdriver.Chrome, scheme: Scheme, width_px: int, height_px: int = 900) -> None:
    """Show what is open as a reader with this setting and screen sees it."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    screen = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def amiss(window: webdriver.Chrome) -> list[str]:
    """Each rule that is broken, with the first elements that break it."""
    if not _FILE.is_file():
        missing(f"no axe-core at {_FILE}; `make build/axe.min.js` fetches it")
    window.set_script_timeout(120)
    window.execute_script(_FILE.read_text())
    found: list[str] = window.execute_async_script(_RUN)
    return found


def overflow(window: webdriver.Chrome) -> int:
    """By how many pixels the page is wider than the window."""
    wide: int = window.execute_script(
        "const page = document.documentElement; return page.scrollWidth - page.clientWidth;"
    )
    return wide


def keep(window: webdriver.Chrome, folder: Path, name: str) -> None:
    """Leave a picture of the window there."""
    folder.mkdir(parents=True, exist_ok=True)
    window.save_screenshot(str(folder / f"{name}.png"))
