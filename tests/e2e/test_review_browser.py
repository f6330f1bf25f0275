"""A person makes each kind of edit once in the real editor, and `firstpass review` counts each of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.plain import Json
from tests.e2e.browser import Editor, Page
from tests.e2e.smart_tools import SmartTools
from tests.e2e.test_page_commands import at_a_shell
from tests.e2e.test_review import annotations_of, boxes_in, review
from tests.reviewer import CONFIG, OURS, box

CAR, PERSON = (10, 10, 20, 20), (60, 60, 20, 20)
UPDATE = "[data-testid=bottombar-update-button]"
SKIP = "[data-testid=bottombar-skip-button]"


class Hand:
    """Mouse and keys in the task that is open."""

    def __init__(self, window: webdriver.Chrome) -> None:
        self._window = window
        self.page, self.tools = Page(window), SmartTools(window)

    def choose(self, label: str) -> None:
        """The region with that label, in the outliner."""

        def chosen() -> bool:
            for title in self.page.all(".lsf-outliner-item__title"):
                if title.text.strip() == label:
                    title.click()
                    return True
            return False

        self.page.until(chosen)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """From one place to another, in percent of the image."""

        def measured() -> tuple[WebElement, list[int]]:
            (canvas, *_), (image, *_) = (
                self.page.all(".konvajs-content canvas"), self.page.all("img[alt=image]")
            )  # fmt: skip
            self._window.execute_script("arguments[0].scrollIntoView()", canvas)
            sides = (image.rect["width"], image.rect["height"])
            middle = (canvas.rect["width"] / 2, canvas.rect["height"] / 2)
            ends = [(place, n) for place in (start, end) for n in (0, 1)]
            return canvas, [int(place[n] * sides[n] / 100 - middle[n]) for place, n in ends]

        canvas, (x, y, to_x, to_y) = self.page.until(measured)
        mouse = ActionChains(self._window).move_to_element_with_offset(canvas, x, y)
        across, down = (to_x - x) // 2, (to_y - y) // 2
        mouse.click_and_hold().move_by_offset(across, down).move_by_offset(across, down)
        mouse.release().perform()

    def tick(self, choice: str) -> None:
        """A choice, by its name."""

        def ticked() -> bool:
            for each in self.page.all(".lsf-choice__checkbox, .ant-radio-wrapper, .lsf-choice"):
                if each.text.strip().startswith(choice):
                    inner = each.find_elements(By.CSS_SELECTOR, "input")
                    self._window.execute_script("arguments[0].click()", inner[0])
                    return True
            return False

        self.page.until(ticked)

    def press(self, css: str) -> None:
        self.page.until(lambda: self.page.clicked(css))


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 400), "grey").save(file, format="PNG")
    return file.getvalue()


def prediction(number: int) -> list[Json]:
    scene = {
        "id": f"d{number}", "from_name": "scene", "to_name": "image", "type": "choices", "score": 0.8,
        "value": {"choices": ["day"]},
    }  # fmt: skip
    return [
        box(f"a{number}", "car", *CAR, 0.9),
        box(f"b{number}", "person", *PERSON, 0.4),
        scene,
    ]


@pytest.mark.redis
def test_each_edit_is_counted_once(
    both: Running,
    client: LabelStudioClient,
    window: webdriver.Chrome,
    fork_server: str,
    tmp_path: Path,
) -> None:
    """Eight by mouse and keys; the bulk action by the request that its dialogue sends."""
    project = client.create_project("Edited by hand", CONFIG)
    tasks = client.upload(project, {f"{n}.png": picture() for n in range(9)})
    rows = [
        {"task": task, "model_version": OURS, "score": 0.6, "result": prediction(n)}
        for n, task in enumerate(tasks)
    ]
    client.post(f"/api/projects/{project}/import/predictions", rows)
    client.patch(f"/api/projects/{project}/", {"model_version": OURS})
    accepted = {"selectedItems": {"all": False, "included": tasks[8:]}, "model_version": OURS}
    client.post(f"/api/dm/actions?id=predictions_to_annotations&project={project}", accepted)
    editor, hand = Editor(window, both.label_studio), Hand(window)
    editor.sign_in()

    def relabel() -> None:
        hand.choose("car")
        hand.tools.choose_label("person")

    def draw() -> None:
        hand.tools.choose_label("car")
        hand.drag((40, 20), (55, 40))

    def move() -> None:
        hand.choose("car")
        hand.drag((20, 20), (32, 20))

    edits: list[tuple[Callable[[], None], int]] = [
        (lambda: None, 2),
        (move, 2),
        (relabel, 2),
        (lambda: hand.tools.delete("car"), 1),
        (draw, 3),
        (lambda: hand.tick("night"), 2),
        (lambda: None, 2),
    ]
    for row, (edit, left) in enumerate(edits):
        editor.open_task(project, row)
        editor.settled()
        assert editor.outlined(2), row
        edit()
        assert editor.outlined(left), row
        editor.submit(saved=lambda task=tasks[row]: client.annotations(task))  # type: ignore[misc]

    window.get(f"{both.label_studio.url}/projects/{project}/data?task={tasks[6]}")
    hand.page.until(lambda: hand.page.all(UPDATE))
    editor.settled()
    hand.tools.delete("person")
    hand.press(UPDATE)
    hand.page.until(lambda: len(client.annotations(tasks[6])[0]["result"]) == 2)
    window.get(f"{both.label_studio.url}/projects/{project}/data?labeling=1")
    hand.page.until(lambda: hand.page.all(SKIP))
    editor.settled()
    hand.press(SKIP)
    # A list of annotations leaves out skipped ones; the export has them.
    hand.page.until(lambda: any(one["was_cancelled"] for one in annotations_of(client, project)))

    report = json.loads(
        review(at_a_shell(both, fork_server, tmp_path), "--project", project, "--json")
    )

    assert boxes_in(report) == {
        ("car", "kept"): 4, ("car", "moved"): 1, ("car", "relabelled"): 1, ("car", "deleted"): 1,
        ("car", "added"): 1, ("person", "kept"): 6, ("person", "deleted"): 1,
    }  # fmt: skip
    assert (report["reviewed"], report["skipped"], report["unseen"]) == (7, 1, 1)
    assert [(one["predicted"], one["now"]) for one in report["confusion"]] == [("car", "person")]
    (scene,) = (one for one in report["tags"] if one["value"] is None)
    assert (scene["kept"]["count"], scene["changed"]) == (6, 1)
    assert report["edits_per_image"] == pytest.approx(6 / 7, abs=1e-3)
    assert report["median_s"] > 0
