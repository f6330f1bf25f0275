"""Chromium without a window: one that is a test's alone, and one that all tests of a process share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

from tests.conftest import missing_command

__all__ = ["SharedChromium", "chromium"]

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
)

#: Every page counts what it has asked the server for and has no answer to.
COUNTED_FETCH = """
const fetched = window.fetch;
window.underWay = 0;
window.fetch = (...given) => {
  window.underWay += 1;
  return fetched(...given).finally(() => { window.underWay -= 1; });
};
"""


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own; ended on exit."""
    browser, driver = missing_command("chromium"), missing_command("chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser)
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    window = webdriver.Chrome(options=options, service=Service(str(driver)))
    try:
        _count_fetches(window)
        yield window
    finally:
        window.quit()


def _count_fetches(window: webdriver.Chrome) -> None:
    window.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNTED_FETCH})


class SharedChromium:
    """A browser that is started once: all that a page has, no test finds of another, but for files in the cache."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self._stack = ExitStack()
        self._driver: webdriver.Chrome | None = None

    @contextmanager
    def window(self, site: str) -> Iterator[webdriver.Chrome]:
        """A new window, in which nobody is signed in to the site, and what pages of it keep is gone."""
        try:
            driver = self._driver or self._start()
            self._open_alone(driver)
        except WebDriverException:  # what a test left of it opens no more
            self.close()
            driver = self._start()
            self._open_alone(driver)
        driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        kept = {"origin": site, "storageTypes": "all"}
        driver.execute_cdp_cmd("Storage.clearDataForOrigin", kept)
        driver.get_log("browser")  # what is told of earlier windows
        _count_fetches(driver)
        yield driver

    def close(self) -> None:
        """End it; the next window is one of a new browser."""
        self._driver = None
        self._stack.close()

    def _start(self) -> webdriver.Chrome:
        self._driver = self._stack.enter_context(chromium(self._profile))
        return self._driver

    @staticmethod
    def _open_alone(driver: webdriver.Chrome) -> None:
        earlier = driver.window_handles
        driver.switch_to.new_window("tab")
        ours = driver.current_window_handle
        for handle in earlier:
            driver.switch_to.window(handle)
            driver.close()
        driver.switch_to.window(ours)
