"""What an answer says for a tag that is no region itself: choices, a taxonomy's path, texts. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import InternalError
from backend.label_config.control_tags import ChoicesTag, TaxonomyTag, TextTag
from backend.prediction.choices import chosen_for
from backend.prediction.reading_order import in_reading_order
from backend.prediction.step import Step
from models.types import Classification, Detections, ModelOutput, Texts

__all__ = ["Said", "mean_score", "reaches", "unexpected", "what_is_said"]


@dataclass(frozen=True, slots=True)
class Said:
    """A region's type, its value without geometry, and its score in 0..1."""

    kind: str
    value: dict[str, Any]
    score: float | None


def what_is_said(step: Step, output: ModelOutput) -> Said | None:
    """What goes into the region; `None` where there is nothing to say or it is not sure enough.

    Raises `InternalError` for an output of another kind than the step's query asks for.
    """
    match step.control, output:
        case ((ChoicesTag() | TaxonomyTag() as control), Classification()):
            chosen = chosen_for(step, control, output)
            if not chosen:
                return None
            values = [list(value) if isinstance(value, tuple) else value for value in chosen]
            kind = "taxonomy" if isinstance(control, TaxonomyTag) else "choices"
            return Said(kind, {kind: values}, mean_score(list(chosen.values())))
        case TextTag(), Texts():
            return _written([text.strip() for text in output.texts], output.score, step)
        case TextTag(), Detections():
            pieces = [each for each in output.items if reaches(each.score, step.threshold())]
            scores = [each.score for each in pieces if each.score is not None]
            return _written([in_reading_order(pieces)], mean_score(scores), step)
        case _:
            raise unexpected(step, output)


def reaches(score: float | None, threshold: float) -> bool:
    """Whether a score is enough; what has none passes only at 0."""
    return (score or 0.0) >= threshold


def mean_score(scores: Sequence[float]) -> float | None:
    """The mean, `None` of nothing."""
    return math.fsum(scores) / len(scores) if scores else None


def unexpected(step: Step, output: ModelOutput) -> InternalError:
    """The error for an output that does not fit its step."""
    return InternalError(
        f"control tag {step.control.name!r} ({step.control.kind}) got a {type(output).__name__}"
    )


def _written(texts: list[str], score: float | None, step: Step) -> Said | None:
    kept = [text for text in texts if text]
    if not kept or not reaches(score, step.threshold()):
        return None
    return Said("textarea", {"text": kept}, score)
