"""A window that answers at once what an index asks, without any model: the same vector for the same box."""

from __future__ import annotations

from collections.abc import Mapping

from backend.errors import Failure
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, Outcome
from models.queries import InBox, Look, Query
from models.types import Appearance, Box, Detection, Detections, ImageSize, ModelOutput, Vector

SIZE = ImageSize(200, 100)
APPEARANCE = Appearance("ab" * 32, 1, 2, 0.5, 0.2, 90.0, 0.1, "/9j/")


class AnsweringWindow:
    """`sizes` and `failures` by an image's location; everything else has `SIZE`."""

    def __init__(
        self,
        sizes: Mapping[str, ImageSize] | None = None,
        failures: Mapping[str, Failure] | None = None,
    ) -> None:
        self.sizes, self.failures = dict(sizes or {}), dict(failures or {})
        self.asked: list[ModelRequest] = []
        self._waiting: dict[str, ModelRequest] = {}

    def __enter__(self) -> AnsweringWindow:
        return self

    def __exit__(self, *raised: object) -> None: ...

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        self._waiting.update(requests)
        self.asked += requests.values()

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        waiting, self._waiting = self._waiting, {}
        return {job: self._outcome(request) for job, request in waiting.items()}

    def _outcome(self, request: ModelRequest) -> Outcome:
        place = request.image.location
        if place in self.failures:
            return self.failures[place]
        size = self.sizes.get(place, SIZE)
        return Answer(size, tuple(map(_output, request.queries)), f"{abs(hash(place)):064x}"[:64])


def _output(query: Query) -> ModelOutput:
    ask = query.ask if isinstance(query, InBox) else query
    if isinstance(ask, Look):
        return APPEARANCE
    if type(ask).__name__ == "Embed":
        box = query.box if isinstance(query, InBox) else Box(0, 0, 1, 1)
        return Vector((box.x_min + 1, box.y_min, box.x_max, box.y_max))
    return Detections((Detection(Box(20, 10, 120, 60), "car", 0.9),))
