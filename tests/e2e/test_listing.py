"""Listing tasks as Firstpass does it has Label Studio predict none of them."""

from __future__ import annotations

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.demo.images import demo_images
from backend.label_studio.api import LabelStudioApi
from tests.e2e.killing import wait_until

VERSION = "tiny-0123456789"


def test_listing_starts_no_prediction(
    both: Running, client: LabelStudioClient, demo_config: str
) -> None:
    """Not even where the project wants what has none predicted when it is listed."""
    project = client.create_project("Listing", demo_config, evaluate_predictions_automatically=True)
    client.connect(project, both.backend)
    tasks = client.upload(project, {image.name: image.png for image in demo_images(1)})

    with LabelStudioApi.from_settings(both.settings) as api:
        assert [task.id for page in api.pages(project) for task in page] == tasks
        assert api.rows_of(project, VERSION, tasks).lacking == set(tasks)
    assert client.predictions(project) == []

    client.tasks(project)  # as the Data Manager lists
    wait_until(lambda: len(client.predictions(project)) == 1)
