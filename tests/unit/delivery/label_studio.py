"""The stand-in Label Studio as the tests of delivery have it: project 4, which asks for boxes."""

from __future__ import annotations

from collections.abc import Sequence

from backend.errors import Failure, TaskUnlisted
from backend.label_studio.project_key import ProjectKey
from tests.standin.label_studio import StandInLabelStudio

KEY = ProjectKey(4, 1795207698)
BOXES = """
<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="cat"/></RectangleLabels></View>
"""
UNLISTED = Failure.of(TaskUnlisted("GET tasks: 500"))
OTHER_BOXES = BOXES.replace("cat", "dog")


def label_studio(tasks: Sequence[int] = (), *, label_config: str = BOXES) -> StandInLabelStudio:
    """With these tasks, each of which has an image."""
    return StandInLabelStudio(tasks, label_config=label_config)
