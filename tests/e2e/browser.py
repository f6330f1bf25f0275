"""Chromium without a window, and the few things a person does with Label Studio in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from backend.demo.label_studio import LabelStudio

__all__ = ["Editor", "chromium"]

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
PATIENCE_S = 60


@contextmanager
def chromium(browser: Path, driver: Path, profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own; ended on exit."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser)
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    window = webdriver.Chrome(options=options, service=Service(str(driver)))
    try:
        yield window
    finally:
        window.quit()


class Editor:
    """Label Studio in a browser, as a person sees it."""

    def __init__(self, window: webdriver.Chrome, label_studio: LabelStudio) -> None:
        self._window = window
        self._at = label_studio

    def sign_in(self) -> None:
        self._window.get(f"{self._at.url}/user/login/")
        self._window.find_element(By.NAME, "email").send_keys(self._at.login.email)
        self._window.find_element(By.NAME, "password").send_keys(self._at.login.password)
        self._window.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        self._until(lambda: "/login" not in self._window.current_url)

    def open_from_data_manager(self, project: int, row: int) -> None:
        """As `open_task`, for a task with regions."""
        self.open_task(project, row)
        self._until(lambda: self._all(".lsf-outliner-item"))

    def open_task(self, project: int, row: int) -> None:
        """List the project's tasks and click one, by its place in the list, counted from 0."""
        self._window.get(f"{self._at.url}/projects/{project}/data")
        self._until(lambda: self._clicked("[data-testid=table-row]", row))
        self._until(lambda: self._all("[data-testid=bottombar-submit-button]") or self.errors())

    def outlined(self, count: int) -> bool:
        """Whether so many regions come to be listed, and no more."""
        if count:
            self._until(lambda: len(self._all(".lsf-outliner-item")) >= count)
        return len(self._all(".lsf-outliner-item")) == count

    def regions(self) -> list[str]:
        """The labels in the outliner, as listed."""
        return [item.text.strip() for item in self._all(".lsf-outliner-item__title")]

    def ticked(self) -> list[str]:
        """The choices that are ticked, without the hotkey behind each: `bricks[6]`."""
        ticked = self._all(
            ".lsf-choice__checkbox.ant-checkbox-wrapper-checked, .ant-radio-wrapper-checked"
        )
        return [item.text.strip().partition("[")[0] for item in ticked]

    def submit(self, saved: Callable[[], object]) -> None:
        """Press Submit and wait until it is saved, by an outside look at the server."""
        self._until(lambda: self._clicked("[data-testid=bottombar-submit-button]", 0))
        self._until(saved)

    def errors(self) -> list[str]:
        """Texts of error boxes in the editor: a bad prediction shows one and nothing else."""
        return [box.text for box in self._all(".lsf-errors, .lsf-error, .lsf-empty-error")]

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._window.save_screenshot(str(path))

    def _all(self, css: str) -> list[WebElement]:
        return self._window.find_elements(By.CSS_SELECTOR, css)

    def _clicked(self, css: str, number: int) -> bool:
        """Whether it was there to be clicked: what is on the page is drawn again as more comes in."""
        found = self._all(css)[number : number + 1]
        for element in found:
            element.click()
        return bool(found)

    def _until(self, condition: Callable[[], object]) -> None:
        waiting = WebDriverWait(
            self._window, PATIENCE_S, ignored_exceptions=[StaleElementReferenceException]
        )
        waiting.until(lambda _: condition())
