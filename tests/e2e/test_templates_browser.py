"""Each template in `label_config/` opens in the editor with what was predicted, in a real browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pytest
from PIL import Image

from backend.demo.client import LabelStudioClient
from backend.demo.environment import Running
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Prediction
from tests.e2e.browser import Editor
from tests.e2e.chromium import SharedChromium
from tests.integration.test_label_configs import REAL, TEMPLATES, by_stand_in, predicted
from tests.standin.answers import SIZE


@pytest.fixture(scope="module")
def editor(both: Running, shared_chromium: SharedChromium) -> Iterator[Editor]:
    """Label Studio in Chromium, signed in once for all templates."""
    with shared_chromium.window(both.label_studio.url) as window:
        editor = Editor(window, both.label_studio)
        editor.sign_in()
        yield editor


@pytest.fixture(scope="module")
def api(both: Running) -> Iterator[LabelStudioApi]:
    with LabelStudioApi.from_settings(both.settings) as api:
        yield api


def picture(colour: str) -> str:
    """A plain picture of the size that the stand-in answers for, as a data: URI."""
    buffer = io.BytesIO()
    Image.new("RGB", (SIZE.width, SIZE.height), colour).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def drawn(prediction: Prediction) -> set[str]:
    """The ids of what has a place in the image; what is per region shares its region's."""
    places = {"x", "points", "rle"}
    return {region["id"] for region in prediction.result if places & region["value"].keys()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_opens_with_its_regions_shown(
    name: str, client: LabelStudioClient, api: LabelStudioApi, editor: Editor
) -> None:
    """No error box, every region in the outliner, every whole-image choice ticked."""
    config = TEMPLATES[name]
    options = [{"value": "shirt"}, {"value": "red circle"}]
    data = {"image": picture("grey"), "front": picture("grey"), "back": picture("white")}
    prediction = predicted(config, REAL, by_stand_in)
    project = client.create_project(name[:50], config, show_collab_predictions=True)
    (task,) = client.import_tasks(project, [{**data, "options": options}])
    assert api.import_predictions(project, [{"task": task, **prediction.model_dump()}]) == 1

    editor.open_task(project, 0)

    assert editor.outlined(len(drawn(prediction)))
    assert editor.errors() == []
    choices = {
        choice
        for region in prediction.result
        if region["type"] == "choices" and "x" not in region["value"]
        if not {"points", "rle"} & region["value"].keys()
        for choice in region["value"]["choices"]
    }
    assert choices <= set(editor.ticked(choices.issubset))
