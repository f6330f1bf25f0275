"""What `/predict` leaves open arrives by the courier: each row once, against the real Label Studio."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.plain import Json
from tests.e2e.killing import wait_until, wait_until_idle
from tests.e2e.pictures import BOXES, import_pictures, rows, rows_per_task
from tests.real_label_studio import NewProject


def stored_version(stored: list[Json]) -> set[str]:
    return {str(row["model_version"]) for row in stored}


def test_two_thousand_tasks_in_one_action_are_all_predicted_once(
    both: Running, client: LabelStudioClient, new_project: NewProject
) -> None:
    """The action answers without a wait for them, and the courier writes every row."""
    project = new_project(BOXES)
    tasks = import_pictures(client, project, 2000)

    began = time.monotonic()
    client.retrieve_predictions(project)
    answered_s = time.monotonic() - began
    wait_until(lambda: rows(client, project) >= len(tasks))
    wait_until_idle(both, project)

    assert answered_s < both.settings.wait_many_s
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)
    assert stored_version(client.predictions(project)) == {client.project(project)["model_version"]}


def test_twelve_people_who_open_one_task_get_one_row(
    both: Running, client: LabelStudioClient, new_project: NewProject
) -> None:
    """Label Studio asks for each of them; only one is answered with a row to store."""
    project = new_project(BOXES)
    tasks = import_pictures(client, project, 3)

    with ThreadPoolExecutor(12) as people:
        opened = list(people.map(client.task, tasks * 4))

    assert len(opened) == 12
    wait_until(lambda: rows(client, project) >= len(tasks))
    wait_until_idle(both, project)
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)


def test_opening_tasks_during_an_action_doubles_nothing(
    both: Running, client: LabelStudioClient, new_project: NewProject
) -> None:
    """The action and the openers ask for the same tasks at the same time."""
    project = new_project(BOXES)
    tasks = import_pictures(client, project, 200)

    with ThreadPoolExecutor(13) as people:
        action = people.submit(client.retrieve_predictions, project)
        opened = list(people.map(client.task, [*tasks[:24], *tasks[:24], *tasks[-24:]]))
        action.result()

    assert len(opened) == 72
    wait_until(lambda: rows(client, project) >= len(tasks))
    wait_until_idle(both, project)
    assert rows_per_task(client, project) == dict.fromkeys(tasks, 1)


def test_an_edited_label_config_takes_title_and_shown_version_along(
    both: Running, client: LabelStudioClient, new_project: NewProject
) -> None:
    """The courier hears of it by `/setup`; the old rows stay, and new ones carry the new version."""
    project = new_project(BOXES)
    tasks = import_pictures(client, project, 12)
    client.retrieve_predictions(project)
    wait_until(lambda: rows(client, project) == len(tasks))
    before = client.project(project)["model_version"]

    with LabelStudioApi.from_settings(both.settings) as api:
        api.update_project(project, label_config=BOXES.replace("circle", "square"))
        # Label Studio calls `/setup` whenever somebody looks at the project's model.
        wait_until(lambda: api.backends(project)[0].title != before)
        after = api.backends(project)[0].title
        wait_until(lambda: api.project(project).model_version == after)
    client.retrieve_predictions(project)
    wait_until(lambda: rows(client, project) >= 2 * len(tasks))
    wait_until_idle(both, project)

    assert rows_per_task(client, project) == dict.fromkeys(tasks, 2)
    assert stored_version(client.predictions(project)) == {before, after}
