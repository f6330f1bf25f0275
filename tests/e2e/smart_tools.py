"""What a person does with Label Studio's smart tools: draw, type, look at the suggestions, accept them."""

from __future__ import annotations

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from models.types import Box, ImageSize
from tests.e2e.browser import Page
from tests.e2e.hands import drag_over_image

__all__ = ["SmartTools"]

ACCEPT = "[data-testid=bottombar-accept-suggestions-button]"
INFO = ".lsf-auto-accept__info"


#: Notes what text areas show, and how long after the last Enter: from the key to the sentence in the page.
WATCH = """
window.answers = [];
let enteredAt = performance.now(), shown = "";
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter") enteredAt = performance.now();
}, true);
new MutationObserver(() => {
  const now = [...document.querySelectorAll("[data-testid=textarea-region]")]
    .map((line) => line.textContent).join("\\n");
  if (now !== shown) window.answers.push([shown = now, performance.now() - enteredAt]);
}).observe(document.body, {subtree: true, childList: true, characterData: true});
"""


class SmartTools:
    """The tools of the task that is open in the editor."""

    def __init__(self, window: webdriver.Chrome) -> None:
        self._window = window
        self._page = Page(window)

    def switch_on(self) -> None:
        """The toggle "Auto-Annotation", which shows when an interactive backend is connected."""

        def is_on() -> bool:
            toggle = self._one("[data-testid=bottombar-auto-annotation-toggle]")
            if not toggle.is_selected():
                self._press(toggle)
            return bool(self._page.all(".lsf-tool_smart"))

        self._page.until(is_on)
        self._window.execute_script(WATCH)

    def choose_label(self, label: str) -> None:
        """The first label of that name, as with the mouse."""

        def chosen() -> bool:
            for each in self._page.all(".lsf-label"):
                if (each.get_attribute("textContent") or "").strip().startswith(label):
                    if "lsf-label_selected" in (each.get_attribute("class") or ""):
                        return True
                    self._press(each)
                    return False
            return False

        self._page.until(chosen)

    def draw_rectangle(self, box: Box, size: ImageSize) -> None:
        """With the smart rectangle, by mouse from corner to corner; pixels of an image of that size."""

        def took_it() -> bool:
            # The button itself; the tools behind it show when the mouse is over it.
            tool = self._one(".lsf-tool_smart")
            if "lsf-tool_active" not in (tool.get_attribute("class") or ""):
                tool.click()
                return False
            return True

        self._page.until(took_it)
        drag_over_image(self._window, box, size)

    def type_prompt(self, text: str) -> None:
        """Into the text area of the label config, and Enter."""

        def typed() -> bool:
            self._one("[data-testid=textarea-input]").send_keys(text, Keys.ENTER)
            return True

        self._page.until(typed)

    def delete(self, label: str) -> None:
        """The region with that label, which no other has: chosen in the outliner, and Backspace."""

        def gone() -> bool:
            titles = self._page.all(".lsf-outliner-item__title")
            found = [title for title in titles if title.text.strip() == label]
            if found:
                found[0].click()
                ActionChains(self._window).send_keys(Keys.BACK_SPACE).perform()
            return not found

        self._page.until(gone)

    def texts(self) -> list[str]:
        """The lines that text areas show: what was typed and is not answered yet, and the note."""
        return [line.text for line in self._page.all("[data-testid=textarea-region]")]

    def in_sight(self) -> bool:
        """Whether the last line that text areas show lies within the window, without scrolling."""
        script = "return arguments[0].getBoundingClientRect().bottom < window.innerHeight"
        line = self._page.all("[data-testid=textarea-region]")[-1]
        return bool(self._window.execute_script(script, line))

    def requests(self) -> int:
        """How many requests of smart tools and prompts Label Studio has answered in this window."""
        script = "return performance.getEntriesByType('resource').filter(one => one.name.includes('interactive-annotating')).length"
        return int(self._window.execute_script(script))

    def answered(self, sentence: str) -> float:
        """Seconds from the last Enter until the page showed a sentence that begins so, and nothing else."""

        def look() -> list[list[object]]:
            return list(self._window.execute_script("return window.answers"))

        seen = self._page.seen(
            look, lambda told: any(str(text).startswith(sentence) for text, _ in told)
        )
        told = [after for text, after in seen if str(text).startswith(sentence)]
        assert told, f"expected {sentence!r}, the page showed {[text for text, _ in seen]}"
        return float(str(told[-1])) / 1000

    def suggested(self) -> int:
        """How many suggestions wait, once there are some."""
        self._page.until(lambda: self._page.all(ACCEPT))
        said = self._page.until(lambda: [info.text for info in self._page.all(INFO) if info.text])
        return int(said[0].split()[0])

    def accept(self) -> None:
        """All suggestions."""
        self._page.until(lambda: self._page.clicked(ACCEPT))
        self._page.until(lambda: self._page.all("[data-testid=bottombar-auto-accept-toggle]"))

    def _press(self, element: WebElement) -> None:
        """Click what other elements may lie over, such as the hint that the mouse brings up."""
        self._window.execute_script("arguments[0].click()", element)

    def _one(self, css: str) -> WebElement:
        return self._page.until(lambda: self._page.all(css))[0]
