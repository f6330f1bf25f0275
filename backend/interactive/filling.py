"""One thing that a person meant -> what is still to be asked about it, and the answers put together. Pure.

What was said of the same box when the task was predicted is used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backend.errors import InternalError
from backend.prediction.regions import ImageAnswers
from backend.prediction.step import Step
from models.outlines import fitting
from models.queries import Classify, InBox, PerBox, Query
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Detection,
    Detections,
    Hits,
    ImageSize,
    ModelOutput,
    Vectors,
)

__all__ = ["SMALLEST_SIDE_PX", "Filling", "large_enough"]

#: A crop under this many pixels on its longer side shows CLIP nothing (`models.clip.crops` says so too).
SMALLEST_SIDE_PX = 32


def large_enough(box: Box) -> bool:
    """Whether CLIP may be asked about a box."""
    return max(box.x_max - box.x_min, box.y_max - box.y_min) >= SMALLEST_SIDE_PX


@dataclass(frozen=True, slots=True)
class Filling:
    """`steps` are narrowed to the thing; `known` are the outputs of the task's own prediction."""

    steps: tuple[Step, ...]
    detection: Detection
    known: Mapping[Query, ModelOutput]
    #: What the person drew, where it is an outline: it stands in for one that the models do not give.
    drawn: Detections | None = None

    def questions(self) -> tuple[InBox, ...]:
        """What is not known of the box yet, each once."""
        asked = (self._question(step.query) for step in self.steps if self._known(step) is None)
        return tuple(dict.fromkeys(question for question in asked if question is not None))

    def answers(self, told: Mapping[Query, ModelOutput], size: ImageSize) -> ImageAnswers:
        """The steps with their answers; `told` are those to the questions.

        A step that nothing could be asked for is left out.
        """
        outputs: dict[Query, ModelOutput] = {}
        steps = []
        for step in self.steps:
            output = self._output(step, told)
            if output is not None:
                outputs[step.query] = output
                steps.append(step)
        left = set(steps)
        kept = tuple(step for step in steps if all(base in left for base in step.bases))
        return ImageAnswers(kept, outputs, size)

    def _output(self, step: Step, told: Mapping[Query, ModelOutput]) -> ModelOutput | None:
        if not isinstance(step.query, PerBox):
            return Detections((self.detection,))
        output = self._known(step)
        question = self._question(step.query)
        if output is None and question is not None:
            output = told.get(question)
        if step.query.ask == "outline":
            output = self._outline(output)
        match output:
            case None:
                return None
            case BoxOutputs() | Vectors() | Hits():
                raise InternalError(f"expected an answer about one box for {step.control.name!r}")
            case _:
                return BoxOutputs((BoxOutput(self.detection, output),))

    def _outline(self, output: ModelOutput | None) -> Detections | None:
        outline = output if isinstance(output, Detections) else Detections(())
        fitted = fitting(self.detection.box, outline)
        return fitted if fitted.items or self.drawn is None else self.drawn

    def _known(self, step: Step) -> ModelOutput | None:
        output = self.known.get(step.query)
        if not isinstance(output, BoxOutputs):
            return None
        place = (self.detection.box, self.detection.phrase)
        same = (it for it in output.items if (it.detection.box, it.detection.phrase) == place)
        return next((item.output for item in same), None)

    def _question(self, query: Query) -> InBox | None:
        if not isinstance(query, PerBox):
            return None
        if isinstance(query.ask, Classify) and not large_enough(self.detection.box):
            return None
        return query.question(self.detection.box)
