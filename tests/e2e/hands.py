"""A mouse and a keyboard on the editor, and a count of all that they do, kept by the page itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from models.types import Box, ImageSize
from tests.e2e.browser import Page

__all__ = ["Acts", "Hands", "drag_over_image"]

#: What reaches the page from a mouse and a keyboard; what a script does is not trusted, and not counted.
COUNT = """
window.acts = {clicks: 0, drags: 0, keys: 0};
if (!window.counts) {
  let pressed = null;
  addEventListener("mousedown", (event) => {
    if (event.isTrusted) pressed = [event.clientX, event.clientY];
  }, true);
  addEventListener("mouseup", (event) => {
    if (!event.isTrusted || !pressed) return;
    const moved = Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 3;
    window.acts[moved ? "drags" : "clicks"] += 1;
    pressed = null;
  }, true);
  addEventListener("keydown", (event) => {
    if (event.isTrusted && !["Control", "Shift", "Alt", "Meta"].includes(event.key)) window.acts.keys += 1;
  }, true);
  window.counts = true;
}
"""


@dataclass(frozen=True, slots=True)
class Acts:
    """How often a person did something; keys that are held down for another, as in Ctrl+Enter, do not count."""

    clicks: int = 0
    drags: int = 0
    keys: int = 0

    def __str__(self) -> str:
        """In words, as a page tells it."""
        named = ((self.clicks, "click"), (self.drags, "drag"), (self.keys, "key"))
        return ", ".join(f"{many} {what}{'s' * (many != 1)}" for many, what in named if many)


class Hands:
    """Those of the person before the task that is open; they count from here on."""

    def __init__(self, window: webdriver.Chrome) -> None:
        self._window = window
        self._page = Page(window)
        window.execute_script(COUNT)

    @property
    def acts(self) -> Acts:
        return Acts(**self._window.execute_script("return window.acts"))

    def click(self, css: str, text: str = "") -> None:
        """The first that matches, and begins with the text."""

        def found() -> WebElement | None:
            return next((one for one in self._page.all(css) if one.text.startswith(text)), None)

        self._mouse().move_to_element(self._page.until(found)).click().perform()

    def draw(self, box: Box, size: ImageSize) -> None:
        """From corner to corner; pixels of an image of that size."""
        drag_over_image(self._window, box, size)

    def press(self, *keys: str) -> None:
        self._mouse().send_keys(*keys).perform()

    def submit(self, saved: Callable[[], object]) -> None:
        """By key, and wait until an outside look at the server says that it is saved."""
        self._mouse().key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        self._page.until(saved)

    def _mouse(self) -> ActionChains:
        return ActionChains(self._window)


def drag_over_image(window: webdriver.Chrome, box: Box, size: ImageSize) -> None:
    """With the mouse from corner to corner of a box; pixels of an image of that size."""
    page = Page(window)

    def measured() -> tuple[WebElement, float, float, float] | None:
        for canvas in page.all(".konvajs-content canvas"):
            window.execute_script("arguments[0].scrollIntoView()", canvas)
            scale = page.all("img[alt=image]")[0].rect["width"] / size.width
            return canvas, scale, canvas.rect["width"] / 2, canvas.rect["height"] / 2
        return None

    canvas, scale, middle_x, middle_y = page.until(measured)
    x, y = int(box.x_min * scale - middle_x), int(box.y_min * scale - middle_y)
    across = int((box.x_max - box.x_min) * scale / 2)
    down = int((box.y_max - box.y_min) * scale / 2)
    mouse = ActionChains(window).move_to_element_with_offset(canvas, x, y)
    mouse.click_and_hold().move_by_offset(across, down).move_by_offset(across, down)
    mouse.release().perform()
