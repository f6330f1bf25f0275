"""Which predictions Label Studio's own check takes, for pages and for tags in a `<Repeater>`.

The check is the one that its import of predictions makes, and what it refuses is dropped there.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import missing

PYTHON = Path(__file__).parents[2] / ".venv-label-studio" / "bin" / "python"
SCRIPT = """
import json, sys
from label_studio_sdk.label_interface import LabelInterface
xml, prediction = json.load(sys.stdin)
print(json.dumps(LabelInterface(xml).validate_prediction(prediction, return_errors=True)))
"""
REPEATER = (
    '<View><Repeater on="$pages" indexFlag="{{i}}"><Image name="page_{{i}}" value="$pages[{{i}}].url"/>'
    '<RectangleLabels name="b_{{i}}" toName="page_{{i}}"><Label value="a"/></RectangleLabels>'
    "</Repeater></View>"
)
PAGES = (
    '<View><Image name="page" valueList="$pages"/>'
    '<RectangleLabels name="b" toName="page"><Label value="a"/></RectangleLabels></View>'
)


def errors(xml: str, region: dict[str, Any]) -> list[str]:
    """What Label Studio says to a prediction of one region."""
    if not PYTHON.exists():
        missing("Label Studio is not installed in .venv-label-studio")
    box = {"x": 1, "y": 1, "width": 5, "height": 5, "rotation": 0, "rectanglelabels": ["a"]}
    whole = {"id": "r", "type": "rectanglelabels", "value": box, "score": 0.5, **region}
    given = json.dumps([xml, {"result": [whole], "score": 0.5, "model_version": "v"}])
    ran = subprocess.run(
        [PYTHON, "-c", SCRIPT], input=given, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_names_within_a_repeater_are_refused() -> None:
    """Under the names that its editor gives them: this is why such tags are not served."""
    (error,) = errors(REPEATER, {"from_name": "b_0", "to_name": "page_0"})

    assert "'b_0' not found in configuration" in error


def test_a_region_of_a_page_is_taken() -> None:
    assert errors(PAGES, {"from_name": "b", "to_name": "page", "item_index": 1}) == []
