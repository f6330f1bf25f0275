"""Suggestions for what was typed: everything that the phrase finds, under one label."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import BadRequest
from backend.interactive.gesture import Gesture
from backend.interactive.scene import Scene
from backend.interactive.targets import labels_of_tags, looking_for, tags_to_search
from backend.interactive.typed import Prompt, label_for
from backend.label_studio.bodies import Region
from backend.prediction.regions import ImageAnswers, regions_for_image
from backend.prediction.step import Step
from models.queries import Query
from models.types import Detections

__all__ = ["Hits", "Search", "must_be_prompt", "search_for"]


@dataclass(frozen=True, slots=True)
class Hits:
    """The regions of all that was found, each with the phrase as a note, and the scores of what was too unsure."""

    regions: list[Region]
    hidden: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """A phrase and the label that its hits get; `steps` look for it in every tag that has the label."""

    phrase: str
    label: str
    steps: tuple[Step, ...]

    def hits(self, scene: Scene) -> Hits:
        """What it finds. Raises `NotDone` without an answer in time."""
        queries = self._queries
        answer = scene.ask(queries)
        outputs = dict(zip(queries, answer.outputs, strict=True))
        found = regions_for_image(ImageAnswers(self.steps, outputs, answer.size))
        boxes = outputs[self.steps[0].boxes]
        scores = [box.score or 0.0 for box in boxes.items] if isinstance(boxes, Detections) else []
        return Hits(
            [{**region, "meta": {"text": [self.phrase]}} for region in found],
            tuple(score for score in scores if score < self.threshold),
        )

    @property
    def threshold(self) -> float:
        """The least score of a hit, 0..1, in the first of the tags."""
        step = self.steps[0]
        return step.threshold(step.control.labels[0])

    @property
    def _queries(self) -> tuple[Query, ...]:
        return tuple(dict.fromkeys(query for step in self.steps for query in step.queries))

    def reason_refused(self, scene: Scene) -> str | None:
        """Why no loaded model can look for it; `None` when one can."""
        return next(filter(None, map(scene.refuses, self._queries)), None)


def must_be_prompt(scene: Scene, gesture: Gesture) -> None:
    """Raise `BadRequest` for a text that was typed where nobody asks."""
    if gesture.from_name not in {prompt.name for prompt in scene.config.prompts}:
        raise BadRequest(
            f"expected the text of a tag to ask in, got that of {gesture.from_name!r}, which Firstpass fills "
            'in; set model_task="prompt" on it to ask there'
        )


def search_for(scene: Scene, gesture: Gesture, prompt: Prompt) -> Search:
    """What a typed prompt looks for. Raises `BadRequest` for one that cannot be served."""
    tags = tags_to_search(scene.steps, gesture.to_name)
    labels = labels_of_tags(tags)
    if not labels:
        raise BadRequest(
            f"expected a tag for regions of {gesture.to_name!r} that a prompt could fill, the label "
            "config has none"
        )
    label = label_for(prompt, labels, scene.config.aliases)
    steps = looking_for(tags, scene.steps, label.value, prompt.phrase)
    search = Search(prompt.phrase, label.value, steps)
    reason = search.reason_refused(scene)
    if reason is not None:
        raise BadRequest(f"cannot look for {prompt.phrase[:60]!r}: {reason}")
    return search
