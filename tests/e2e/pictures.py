"""Many tasks with small pictures, and how many predictions each of them has."""

from __future__ import annotations

import base64
import io
from collections import Counter

from PIL import Image

from backend.demo.client import LabelStudioClient

BOXES = """
<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="what" toName="image">
    <Label value="star"/><Label value="circle"/>
  </RectangleLabels>
</View>
"""


def picture(number: int) -> str:
    """A small plain picture as a data: URI."""
    image = Image.new("RGB", (64, 48), (number % 256, 80, number // 256))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def import_pictures(
    client: LabelStudioClient, project: int, tasks: int, *, distinct: int = 12, first: int = 0
) -> list[int]:
    """The ids of new tasks; those that share one of the distinct pictures share its inference.

    Pictures count from `first`: one that an earlier project had is answered from the cache.
    """
    numbers = (first + i % distinct for i in range(tasks))
    return client.import_tasks(project, [{"image": picture(number)} for number in numbers])


def rows_per_task(client: LabelStudioClient, project: int) -> Counter[int]:
    return Counter(int(row["task"]) for row in client.predictions(project))


def rows(client: LabelStudioClient, project: int) -> int:
    """How many predictions there are, as the project's page counts them: cheap to ask again and again."""
    return int(client.project(project)["total_predictions_number"])
