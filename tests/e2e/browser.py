"""The few things a person does with Label Studio in a browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from backend.demo.client import LabelStudioClient
from backend.demo.environment import repository
from backend.demo.label_studio import LabelStudio

__all__ = ["Editor", "Page", "keep_screenshot"]

PATIENCE_S = 180
#: How often it is looked at what is waited for.
LOOK_S = 0.1
#: How long the same element must have been there to be taken for the last that is drawn.
SETTLED_S = 3.0
#: What a page that is drawn again does to whoever clicks or reads; nothing was clicked then.
DRAWN_AGAIN = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)

SUBMIT = "[data-testid=bottombar-submit-button]"

T = TypeVar("T")
#: Where a run of the tests keeps what its pages looked like; no commit holds it.
SCREENSHOTS = repository() / "build" / "screenshots"


def keep_screenshot(driver: webdriver.Chrome, name: str) -> Path:
    """Save what the window shows, and give the file; `name` is the test's, and what else tells it apart."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name).strip('-')}.png"
    assert driver.save_screenshot(str(path)), f"expected a screenshot in {path}"
    return path


class Page:
    """What is drawn in a window, and may be drawn again at any moment.

    So whatever looks for an element and does something with it is one step, which `until` takes again
    when the element went away in between.
    """

    def __init__(self, window: webdriver.Chrome) -> None:
        self._window = window

    def all(self, css: str) -> list[WebElement]:
        return self._window.find_elements(By.CSS_SELECTOR, css)

    def until(self, condition: Callable[[], T | None]) -> T:
        """What the condition gives once it gives something true."""
        waiting = WebDriverWait(self._window, PATIENCE_S, LOOK_S, ignored_exceptions=DRAWN_AGAIN)
        found = waiting.until(lambda _: condition())
        assert found is not None
        return found

    def seen(self, look: Callable[[], T], holds: Callable[[T], object]) -> T:
        """What a look sees once it holds; after all patience what it sees then, to be told of."""

        def held() -> list[T]:
            now = look()
            return [now] if holds(now) else []

        try:
            return self.until(held)[0]
        except TimeoutException:
            return look()

    def clicked(self, css: str, number: int = 0) -> bool:
        """Whether it was there to be clicked."""
        found = self.all(css)[number : number + 1]
        for element in found:
            element.click()
        return bool(found)

    def settled(self, css: str) -> None:
        """Wait until what matches first has been the same element for a while, and all data is there.

        The editor is drawn twice as a task opens; what is pressed in between is lost.
        """
        seen: list[WebElement] = []
        since = time.monotonic()

        def is_settled() -> bool:
            nonlocal seen, since
            now = self.all(css)[:1]
            if now != seen or self._window.execute_script("return window.underWay"):
                seen, since = now, time.monotonic()
            return bool(seen) and time.monotonic() - since >= SETTLED_S

        self.until(is_settled)


class Editor:
    """Label Studio in a browser, as a person sees it."""

    def __init__(self, window: webdriver.Chrome, label_studio: LabelStudio) -> None:
        self._window = window
        self._page = Page(window)
        self._at = label_studio

    def sign_in(self) -> None:
        """With a session of its own, as a browser has it that was signed in before."""
        with LabelStudioClient(self._at) as client:
            for cookie in client._http.cookies.jar:
                told = {"name": cookie.name, "value": cookie.value, "url": self._at.url}
                self._window.execute_cdp_cmd("Network.setCookie", told)

    def sign_in_by_hand(self) -> None:
        """At its page, with address and password."""
        self._window.get(f"{self._at.url}/user/login/")
        self._page.until(lambda: self._page.all("[name=email]"))
        self._window.find_element(By.NAME, "email").send_keys(self._at.login.email)
        self._window.find_element(By.NAME, "password").send_keys(self._at.login.password)
        self._window.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        self._page.until(lambda: "/login" not in self._window.current_url)

    def open_task(self, project: int, row: int) -> None:
        """List the project's tasks and click one, by its place in the list, counted from 0."""
        self._window.get(f"{self._at.url}/projects/{project}/data")
        self._page.until(lambda: self._page.clicked("[data-testid=table-row]", row))
        self._page.until(lambda: self._page.all(SUBMIT) or self.errors())

    def settled(self) -> None:
        """Wait until the image is drawn for good: from then on nothing that is pressed is lost."""
        self._page.settled(".konvajs-content canvas")

    def outlined(self, count: int) -> bool:
        """Whether so many regions come to be listed, and no more."""
        listed = self._page.seen(
            lambda: len(self._page.all(".lsf-outliner-item")), lambda listed: listed == count
        )
        return listed == count

    def regions(self, holds: Callable[[list[str]], object]) -> list[str]:
        """The labels in the outliner, as listed, once that holds of them or all patience is over."""

        def look() -> list[str]:
            return [item.text.strip() for item in self._page.all(".lsf-outliner-item__title")]

        return self._page.seen(look, holds)

    def ticked(self, holds: Callable[[list[str]], object]) -> list[str]:
        """As `regions`, the choices that are ticked, without the hotkey behind each: `bricks[6]`."""
        css = ".lsf-choice__checkbox.ant-checkbox-wrapper-checked, .ant-radio-wrapper-checked"

        def look() -> list[str]:
            return [item.text.strip().partition("[")[0] for item in self._page.all(css)]

        return self._page.seen(look, holds)

    def submit(self, saved: Callable[[], object]) -> None:
        """Press Submit and wait until it is saved, by an outside look at the server."""
        self._page.until(lambda: self._page.clicked(SUBMIT))
        self._page.until(saved)

    def errors(self) -> list[str]:
        """Texts of error boxes in the editor: a bad prediction shows one and nothing else."""
        boxes = ".lsf-errors, .lsf-error, .lsf-empty-error"
        return self._page.until(lambda: ([box.text for box in self._page.all(boxes)],))[0]

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._window.save_screenshot(str(path))
