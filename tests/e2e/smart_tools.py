"""What a person does with Label Studio's smart tools: draw, type, look at the suggestions, accept them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from models.types import Box, ImageSize
from tests.e2e.browser import PATIENCE_S

__all__ = ["SmartTools"]

SETTLED_S = 1.5

T = TypeVar("T")


class SmartTools:
    """The tools of the task that is open in the editor."""

    def __init__(self, window: webdriver.Chrome) -> None:
        self._window = window

    def switch_on(self) -> None:
        """The toggle "Auto-Annotation", which shows when an interactive backend is connected."""
        self._settled(".konvajs-content canvas")

        def is_on() -> bool:
            toggle = self._one("[data-testid=bottombar-auto-annotation-toggle]")
            if not toggle.is_selected():
                self._press(toggle)
            return bool(self._all(".lsf-tool_smart"))

        self._until(is_on)

    def choose_label(self, label: str) -> None:
        """The first label of that name, as with the mouse."""

        def chosen() -> bool:
            for each in self._all(".lsf-label"):
                if (each.get_attribute("textContent") or "").strip().startswith(label):
                    if "lsf-label_selected" in (each.get_attribute("class") or ""):
                        return True
                    self._press(each)
                    return False
            return False

        self._until(chosen)

    def draw_rectangle(self, box: Box, size: ImageSize) -> None:
        """With the smart rectangle, by mouse from corner to corner; pixels of an image of that size."""

        def took_it() -> bool:
            # The button itself; the tools behind it show when the mouse is over it.
            tool = self._one(".lsf-tool_smart")
            if "lsf-tool_active" not in (tool.get_attribute("class") or ""):
                tool.click()
                return False
            return True

        self._until(took_it)
        canvas = self._one(".konvajs-content canvas")
        self._window.execute_script("arguments[0].scrollIntoView()", canvas)
        scale = self._one("img[alt=image]").rect["width"] / size.width
        middle_x, middle_y = canvas.rect["width"] / 2, canvas.rect["height"] / 2
        x, y = int(box.x_min * scale - middle_x), int(box.y_min * scale - middle_y)
        across = int((box.x_max - box.x_min) * scale / 2)
        down = int((box.y_max - box.y_min) * scale / 2)
        mouse = ActionChains(self._window).move_to_element_with_offset(canvas, x, y)
        mouse.click_and_hold().move_by_offset(across, down).move_by_offset(across, down)
        mouse.release().perform()

    def type_prompt(self, text: str) -> None:
        """Into the text area of the label config, and Enter."""
        self._one("[data-testid=textarea-input]").send_keys(text, Keys.ENTER)

    def suggested(self) -> int:
        """How many suggestions wait, once there are some."""
        self._until(lambda: self._all("[data-testid=bottombar-accept-suggestions-button]"))
        return int(self._one(".lsf-auto-accept__info").text.split()[0])

    def accept(self) -> None:
        """All suggestions."""
        self._one("[data-testid=bottombar-accept-suggestions-button]").click()
        self._until(lambda: self._all("[data-testid=bottombar-auto-accept-toggle]"))

    def _press(self, element: WebElement) -> None:
        """Click what other elements may lie over, such as the hint that the mouse brings up."""
        self._window.execute_script("arguments[0].click()", element)

    def _one(self, css: str) -> WebElement:
        return self._until(lambda: self._all(css))[0]

    def _settled(self, css: str) -> None:
        """Wait until what matches first has been the same element for a while.

        The editor is drawn twice as a task opens; what is pressed in between is lost.
        """
        seen: list[WebElement] = []
        since = time.monotonic()

        def is_settled() -> bool:
            nonlocal seen, since
            now = self._all(css)[:1]
            if now != seen:
                seen, since = now, time.monotonic()
            return bool(seen) and time.monotonic() - since >= SETTLED_S

        self._until(is_settled)

    def _all(self, css: str) -> list[WebElement]:
        return self._window.find_elements(By.CSS_SELECTOR, css)

    def _until(self, condition: Callable[[], T]) -> T:
        waiting = WebDriverWait(
            self._window, PATIENCE_S, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: condition())
