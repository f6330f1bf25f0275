"""What a person has to do in the editor with predictions, and without: each click, drag and key is counted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running, repository
from models.boxes import iou
from models.types import Box
from tests.e2e.browser import Editor, keep_screenshot
from tests.e2e.desk import NOTE, SCENE, box_of, region_of
from tests.e2e.hands import Hands
from tests.e2e.smart_tools import ACCEPT, SmartTools
from tests.real_label_studio import NewProject

LABELS = ("star", "circle", "cross", "ring")
#: Each label has the digit of its place as its key.
CONFIG = f"""
<View>
  <TextArea name="prompt" toName="image" smart="true"/>
  {NOTE}
  <Image name="image" value="$image"/>
  <RectangleLabels name="box" toName="image" smart="true">
    {"".join(f'<Label value="{label}"/>' for label in LABELS)}
  </RectangleLabels>
</View>
"""
Things = list[tuple[str, Box]]
THINGS: Things = [(thing.label, thing.box) for thing in SCENE.truth.boxes]
CIRCLE = next(box for label, box in THINGS if label == "circle")
#: Where nothing is.
CORNER = Box(2, 2, 60, 60)


def key_of(label: str) -> str:
    return str(LABELS.index(label) + 1)


def accept(hands: Hands) -> None:
    """Nothing is to be done but to submit."""


def relabel(hands: Hands) -> None:
    hands.click(".lsf-outliner-item__title", "ring")
    hands.press(key_of("circle"))


def add(hands: Hands) -> None:
    hands.press(key_of("circle"))
    hands.draw(CIRCLE, SCENE.truth.size)


def delete(hands: Hands) -> None:
    hands.click(".lsf-outliner-item__title", "cross")
    hands.press(Keys.BACK_SPACE)


def prompt(hands: Hands) -> None:
    hands.click("[data-testid=textarea-input]")
    hands.press("star", Keys.ENTER)
    hands.click(ACCEPT)


def draw_all(hands: Hands) -> None:
    for label, box in THINGS:
        hands.press(key_of(label))
        hands.draw(box, SCENE.truth.size)


@dataclass(frozen=True, slots=True)
class Job:
    """What a page calls it, what is predicted, and what a person does until all five things are boxed."""

    title: str
    predicted: Things
    work: Callable[[Hands], None]
    prompts: bool = False


#: The wrong ones come first: the outliner lists what is predicted as it stands in the result.
OTHERS = [one for one in THINGS if one[1] != CIRCLE]
JOBS = (
    Job("all five boxes are right", THINGS, accept),
    Job("one has a wrong label", [("ring", CIRCLE), *OTHERS], relabel),
    Job("one is missing", OTHERS, add),
    Job("one too many", [("cross", CORNER), *THINGS], delete),
    Job(
        "both stars are missing, type `star`",
        [one for one in THINGS if one[0] != "star"],
        prompt,
        True,
    ),
    Job("nothing is predicted, draw all five", [], draw_all),
)
PAGE = repository() / "docs" / "interactive.md"


def stored(
    client: LabelStudioClient, project: int, task: int, things: Things, *scores: float
) -> None:
    """As the version that the project shows."""
    result = [region_of(box, label, f"p{number}") for number, (label, box) in enumerate(things)]
    for region, score in zip(result, scores, strict=False):
        region["score"] = score
    version = client.project(project)["model_version"]
    client.post("/api/predictions/", {"task": task, "result": result, "model_version": version})


def matched(result: Sequence[dict[str, Any]]) -> list[str]:
    """The labels of the things of the scene that are boxed, and rightly labelled."""
    found = [
        (one["value"]["rectanglelabels"][0], box_of(one)) for one in result if "x" in one["value"]
    ]
    return sorted(
        label
        for label, box in found
        if any(label == known and iou(box, true) > 0.7 for known, true in THINGS)
    )


def test_each_job_takes_as_many_acts_as_the_page_says(
    both: Running,
    client: LabelStudioClient,
    new_project: NewProject,
    window: webdriver.Chrome,
    capsys: pytest.CaptureFixture[str],
):
    """Counted by the page that is worked on; and in the end all five things are boxed and submitted."""
    project = new_project(CONFIG)
    tasks = client.upload(project, {f"{number}.png": SCENE.png for number in range(len(JOBS))})
    for task, job in zip(tasks, JOBS, strict=True):
        stored(client, project, task, job.predicted)
    rows = []
    editor = Editor(window, both.label_studio)
    editor.sign_in()
    for number, (task, job) in enumerate(zip(tasks, JOBS, strict=True)):
        editor.open_task(project, number)
        editor.settled()
        assert editor.outlined(len(job.predicted))
        if job.prompts:
            SmartTools(window).switch_on()
        hands = Hands(window)

        job.work(hands)
        assert editor.outlined(len(THINGS))
        keep_screenshot(window, f"job {job.title}")
        hands.submit(partial(client.annotations, task))

        rows.append(f"| {job.title} | {hands.acts} |")
        (annotation,) = client.annotations(task)
        assert matched(annotation["result"]) == sorted(label for label, _ in THINGS)
        assert len([one for one in annotation["result"] if "x" in one["value"]]) == len(THINGS)

    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(rows) + "\n")
    assert "\n".join(rows) in PAGE.read_text()


def test_the_outliner_lists_the_least_sure_first_once_it_is_told_to(
    both: Running, client: LabelStudioClient, new_project: NewProject, window: webdriver.Chrome
):
    """Before, as they stand in the result; and the browser remembers it for the tasks that come."""
    project = new_project(CONFIG)
    tasks = client.upload(project, {f"{number}.png": SCENE.png for number in range(2)})
    things = [("circle", CIRCLE), *(one for one in THINGS if one[0] in ("cross", "ring"))]
    labels = [label for label, _ in things]
    stored(client, project, tasks[0], things, 0.9, 0.3, 0.6)
    stored(client, project, tasks[1], things, 0.4, 0.8, 0.7)
    first, second = ([labels[place] for place in order] for order in ((1, 2, 0), (0, 2, 1)))
    editor = Editor(window, both.label_studio)
    editor.sign_in()
    editor.open_task(project, 0)
    editor.settled()
    assert editor.regions(lambda shown: shown == labels) == labels

    hands = Hands(window)
    hands.click(".lsf-view-controls__sort button", "By Time")
    hands.click(".lsf-menu__item", "Order by Score")

    assert editor.regions(lambda shown: shown == first) == first
    keep_screenshot(window, "the least sure first")
    editor.open_task(project, 1)
    assert editor.regions(lambda shown: shown == second) == second
