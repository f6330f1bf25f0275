"""`firstpass order` with the real Label Studio, as the page says it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.projects.our_tabs import REVIEW_COLUMN, REVIEW_FIRST, SAMPLE, SAMPLE_COLUMN
from tests import forks
from tests.e2e.forbidding import forbidding
from tests.e2e.killing import PATIENCE_S
from tests.e2e.test_page_commands import at_a_shell, run
from tests.e2e.test_review import images
from tests.page_commands import ORDER, commands_run_by
from tests.real_reviews import reviewed_project
from tests.reviewer import CONFIG, OURS, box


@pytest.fixture
def api(both: Running) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(both.settings) as made:
        yield made


@pytest.fixture
def env(both: Running, fork_server: str, tmp_path: Path) -> dict[str, str]:
    return at_a_shell(both, fork_server, tmp_path)


def open_tasks(client: LabelStudioClient, project: int, scores: Sequence[float]) -> list[int]:
    """Tasks that nobody has annotated, with a car of each score."""
    tasks = client.import_tasks(project, images(len(scores)))
    rows = [
        {"task": task, "model_version": OURS, "score": score, "result": [box(f"a{task}", "car", 10, 10, 20, 20, score)]}
        for task, score in zip(tasks, scores, strict=True)
    ]  # fmt: skip
    client.post(f"/api/projects/{project}/import/predictions", rows)
    return tasks


def firstpass(env: dict[str, str], *arguments: object, expect: int = 0) -> str:
    """What it prints; its one sentence where it refuses."""
    done = forks.run(*arguments, env=env, timeout_s=PATIENCE_S)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout if expect == 0 else " ".join(done.stderr.split())


def served(client: LabelStudioClient, api: LabelStudioApi, project: int, title: str) -> list[int]:
    """The tasks that Label Tasks As Displayed gives for that tab, each submitted before the next."""
    tab = next(view for view in api.views(project) if view.data.title == title)
    asked = {"ordering": tab.data.ordering, "filters": tab.data.filters, "project": str(project)}
    found: list[int] = []
    left = api.count_tasks(project, filters=tab.data.filters) or 0
    for _ in range(left):
        given = client.post(f"/api/dm/actions?id=next_task&tabID={tab.id}&project={project}", asked)
        found.append(given["id"])
        client.post(f"/api/tasks/{given['id']}/annotations/", {"result": [], "lead_time": 5})
    assert api.count_tasks(project, filters=tab.data.filters) == 0
    return found


@pytest.mark.redis
def test_the_page_is_followed_from_order_to_review(
    client: LabelStudioClient, api: LabelStudioApi, env: dict[str, str], tmp_path: Path
) -> None:
    """What was reviewed counts; then a sample is drawn, partly reviewed, and told."""
    number = reviewed_project(client, "In order", 24, images(16)).number
    tasks = open_tasks(client, number, [0.9, 0.2, 0.5, 0.7])
    commands = [one.replace("project 3", f"project {number}") for one in commands_run_by(ORDER)]
    order, draw, told = commands

    printed = run(order, tmp_path, env)

    assert "reviewed regions and tags bear them out" in printed
    assert f"/projects/{number}/data?task={tasks[1]}" in printed
    assert f"tab '{REVIEW_FIRST}' is made: 4 tasks" in printed
    assert [view.data.title for view in api.views(number)] == ["Default", REVIEW_FIRST]

    printed = run(draw, tmp_path, env)

    assert "Drawn: 4 tasks of 4" in printed
    assert "there are no more than 4 tasks" in printed
    rows = {row["task"]: row for row in client.predictions(number)}
    for task, kept in ((tasks[0], True), (tasks[3], False)):
        result = [{**one, "origin": "prediction"} for one in rows[task]["result"]] if kept else []
        body = {"result": result, "lead_time": 8, "parent_prediction": rows[task]["id"]}
        client.post(f"/api/tasks/{task}/annotations/", body)

    report = json.loads(firstpass(env, "review", "--project", number, "--sample", "--json"))
    printed = " ".join(run(told, tmp_path, env).split())

    assert report["sample"]["accepted"] == {
        "count": 1, "of": 2, "share": 0.5, "low": 0.0945, "high": 0.9055,
    }  # fmt: skip
    assert (report["sample"]["drawn"], report["sample"]["reviewed"]) == (4, 2)
    assert report["annotations"] == 2
    assert "2 tasks of the sample are not reviewed yet" in printed
    assert "accepted as predicted" in printed
    assert "nothing was changed" in firstpass(env, *draw.split()[1:], expect=2)
    assert json.loads(firstpass(env, "review", "--project", number, "--json"))["sample"] is None


def test_label_tasks_as_displayed_serves_exactly_this_order(
    client: LabelStudioClient, api: LabelStudioApi, env: dict[str, str]
) -> None:
    """By the column; no other data of any task has changed, and `tidy` leaves it empty."""
    number = client.create_project("By column", CONFIG)
    scores = [score / 20 for score in range(1, 13)]
    random.Random(3).shuffle(scores)
    tasks = open_tasks(client, number, scores)
    client.patch(f"/api/projects/{number}/", {"model_version": OURS})
    before = {task["id"]: task["data"] for task in client.tasks(number)}

    refused = firstpass(env, "order", "--project", number, "--columns", expect=2)
    assert "Remove Duplicated Tasks" in refused
    assert "nothing was written" in refused
    assert {task["id"]: task["data"] for task in client.tasks(number)} == before
    wanted = json.loads(
        firstpass(env, "order", "--project", number, "--columns", "--yes", "--json")
    )

    order = [one["task"] for one in wanted["tasks"]]
    assert order == [task for _, task in sorted(zip(scores, tasks, strict=True))]
    data = {task["id"]: dict(task["data"]) for task in client.tasks(number)}
    assert {task: one.pop(REVIEW_COLUMN) for task, one in data.items()} == {
        task: f"{1 - place / 100:.2f}" for place, task in enumerate(order)
    }
    assert data == before

    assert served(client, api, number, REVIEW_FIRST) == order

    said = firstpass(env, "tidy", "--project", number, "--yes")
    assert f"emptied: column {REVIEW_COLUMN} of 12 tasks; the empty column stays" in said
    data = {task["id"]: task["data"] for task in client.tasks(number)}
    assert data == {task: {**one, REVIEW_COLUMN: ""} for task, one in before.items()}
    assert api.views(number) == []
    assert "Nothing of Firstpass is in the project" in firstpass(env, "tidy", "--project", number)


def test_the_tab_of_the_first_tasks_loses_those_that_are_annotated_or_skipped(
    client: LabelStudioClient, api: LabelStudioApi, env: dict[str, str]
) -> None:
    number = client.create_project("By ids", CONFIG)
    tasks = open_tasks(client, number, [0.5, 0.3, 0.4, 0.2])
    client.patch(f"/api/projects/{number}/", {"model_version": OURS})
    firstpass(env, "order", "--project", number)
    client.post(f"/api/tasks/{tasks[3]}/annotations/", {"result": [], "was_cancelled": True})

    assert served(client, api, number, REVIEW_FIRST) == [tasks[1], tasks[2], tasks[0]]
    assert "no unreviewed task is left" in firstpass(env, "order", "--project", number, expect=2)


def test_another_sample_in_a_column_leaves_none_of_the_one_before(
    client: LabelStudioClient, api: LabelStudioApi, env: dict[str, str]
) -> None:
    number = client.create_project("Two samples", CONFIG)
    open_tasks(client, number, [0.5] * 8)
    client.patch(f"/api/projects/{number}/", {"model_version": OURS})
    drawn = []
    for seed in (1, 2):
        chosen = ("--sample", 3, "--seed", seed, "--columns", "--yes")
        said = firstpass(env, "order", "--project", number, *chosen)
        assert f"--seed {seed} draws them again" in said
        data = {task["id"]: task["data"].get(SAMPLE_COLUMN) for task in client.tasks(number)}
        drawn.append({task for task, value in data.items() if value == "1.00"})
        assert len(drawn[-1]) == 3

    assert drawn[0] != drawn[1]
    assert set(served(client, api, number, SAMPLE)) == drawn[1]


def test_where_tabs_or_columns_may_not_be_made_the_order_is_printed_all_the_same(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, env: dict[str, str]
) -> None:
    number = client.create_project("Forbidden", CONFIG)
    open_tasks(client, number, [0.5, 0.4])
    client.patch(f"/api/projects/{number}/", {"model_version": OURS})

    def no_writes(method: str, path: str) -> bool:
        return method in ("POST", "PATCH") and path.startswith(("/api/dm/", "/api/tasks/"))

    column = ("order", "--project", number, "--columns", "--yes")
    with forbidding(both.label_studio.url, no_writes) as (url, refused):
        there = env | {"FIRSTPASS_LABEL_STUDIO_URL": url}
        done = forks.run("order", "--project", number, env=there, timeout_s=PATIENCE_S)
        said = firstpass(there, *column, expect=2)

    assert done.returncode == 2
    assert "corrections expected" in done.stdout
    assert 'the tab "Firstpass: review first" could not be made' in " ".join(done.stderr.split())
    assert "the user whose token this is lacks the right" in said
    assert len(refused) == 3
    assert api.views(number) == []
    before = {task.id: task.data for page in api.pages(number) for task in page}
    assert not any(REVIEW_COLUMN in data for data in before.values())

    # The hidden action alone is refused: each task's data is written whole.
    with forbidding(both.label_studio.url, lambda _, path: "add_data_field" in path) as (
        url,
        refused,
    ):
        firstpass(env | {"FIRSTPASS_LABEL_STUDIO_URL": url}, *column)

    assert len(refused) == 2  # for each of two values
    after = {task.id: task.data for page in api.pages(number) for task in page}
    assert all(data.pop(REVIEW_COLUMN) in ("1.00", "0.99") for data in after.values())
    assert after == before
