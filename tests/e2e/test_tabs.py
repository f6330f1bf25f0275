"""`firstpass tabs` and the order of the label stream with the real Label Studio."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.label_studio.api import LabelStudioApi
from backend.projects.our_tabs import OURS
from tests.e2e.forbidding import forbidding
from tests.e2e.killing import wait_until
from tests.e2e.review import firstpass, predicted


@pytest.fixture
def api(both: Running) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(both.settings) as made:
        yield made


@pytest.fixture
def project(client: LabelStudioClient, demo_config: str, request: pytest.FixtureRequest) -> int:
    """Six uploaded images, and no backend."""
    made = client.create_project(request.node.name[:50], demo_config)
    client.upload(made, {image.name: image.png for image in demo_images(6)})
    return made


def test_tabs_follow_a_changed_label_config(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, project: int, demo_config: str
) -> None:
    """By the courier, which renews what is there: with the version of before they would list other tasks."""
    client.connect(project, both.backend)
    firstpass(both, "tabs", "--project", str(project))
    before = api.project(project).model_version
    views = [view.id for view in api.views(project)]

    changed = demo_config.replace('name="box"', 'name="box" model_score_threshold="0.99"')
    api.update_project(project, label_config=changed)
    api.backends(project)  # Label Studio announces it to each of them

    wait_until(lambda: before not in str(api.views(project)))
    assert str(api.views(project)).count(api.project(project).model_version) == 2
    assert [view.id for view in api.views(project)] == views


def test_label_all_tasks_gives_the_least_sure_first_when_told_to(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, project: int
) -> None:
    """After those in which nothing was found, for SQLite; and goes as before when told that."""
    client.connect(project, both.backend)
    (nothing,) = predicted(api, project)[OURS[1]]
    named = ("--project", str(project), "--no-tabs", "--trial-s", "0")

    firstpass(both, "connect", *named, "--review-order")

    version = api.project(project).model_version
    scores = {
        task.id: row.score
        for task in api.with_rows(project)
        for row in task.predictions
        if row.model_version == version and row.score is not None
    }
    assert len(scores) >= 3
    assert client.next_task(project)["id"] == nothing
    client.post(f"/api/tasks/{nothing}/annotations/", {"result": []})
    assert client.next_task(project)["id"] == min(scores, key=lambda task: scores[task] or 0)

    firstpass(both, "connect", *named, "--usual-order")

    assert api.project(project).sampling == "Sequential sampling"
    assert api.backends(project)[0].extra_params == {}
    assert api.views(project) == []


def test_in_a_project_without_tasks_there_is_none(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, demo_config: str
) -> None:
    """Until images are imported."""
    project = client.create_project("Without tasks", demo_config)
    client.connect(project, both.backend)

    said = firstpass(both, "tabs", "--project", str(project))

    assert "no tab is made: the project has no task" in said
    assert api.views(project) == []
    client.upload(project, {image.name: image.png for image in demo_images(1)})
    firstpass(both, "tabs", "--project", str(project))
    assert len(api.views(project)) == 5


def test_where_tabs_may_not_be_made_a_sentence_says_so(
    both: Running, client: LabelStudioClient, api: LabelStudioApi, project: int
) -> None:
    """The project is connected all the same."""

    def no_tabs(method: str, path: str) -> bool:
        return method == "POST" and path.startswith("/api/dm/views")

    with forbidding(both.label_studio.url, no_tabs) as (url, refused):
        said = firstpass(both, "connect", "--project", str(project), "--trial-s", "0", url=url)

    assert "tabs for review are not all there" in said
    assert "the user whose token this is lacks the right" in said
    assert refused == ["POST /api/dm/views/"]
    assert api.views(project) == []
    assert api.backends(project)
