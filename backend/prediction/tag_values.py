"""All that is particular to a tag that says something: choices, a taxonomy's path, texts. Pure.

For each such tag: what is asked for it, from which score on, what its region says, and what Label
Studio's editor can open of that. Whoever adds a tag adds it here, and tells `label_config` how to read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from backend.errors import InternalError
from backend.label_config.control_tags import (
    ChoicesTag,
    CountTag,
    Label,
    RegionTag,
    TaxonomyTag,
    TextTag,
    ValueTag,
    leaves,
)
from backend.prediction.choices import chosen_for
from backend.prediction.reading_order import in_reading_order
from backend.prediction.step import Step
from backend.prediction.value_checks import Check, is_path, is_text, listed
from models.queries import Caption, CaptionDetail, Classify, Query, ReadText, RegionTask
from models.types import Classification, Detections, ModelOutput, Texts

__all__ = [
    "VALUE_CHECKS",
    "Said",
    "asked",
    "candidates_query",
    "default_threshold",
    "mean_score",
    "question_about_image",
    "question_about_region",
    "reaches",
    "unexpected",
    "what_is_said",
]

#: Scores of several-of-many are independent probabilities: more likely than not is ticked.
MULTIPLE_CHOICE_THRESHOLD = 0.5
#: One-of-many names its best choice where one fits at all, and a caption always says something; the
#: score says how sure it is.
NO_THRESHOLD = 0.0

_CAPTIONS: dict[str, CaptionDetail] = {
    "caption": "short",
    "detailed_caption": "detailed",
    "more_detailed_caption": "more_detailed",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A region's type, its value without geometry, and its score in 0..1."""

    kind: str
    value: dict[str, Any]
    score: float | None


def question_about_image(control: ValueTag) -> Query:
    """Give what is asked of the image, of whichever model."""
    match control:
        case ChoicesTag() | TaxonomyTag():
            return candidates_query(control)
        case TextTag(task="ocr"):
            return ReadText()
        case TextTag(task=task):
            return Caption(_CAPTIONS[task])
        case _:
            assert_never(control)


def question_about_region(control: ValueTag) -> Classify | RegionTask:
    """Give what is asked of each region of another tag."""
    match control:
        case ChoicesTag() | TaxonomyTag():
            return candidates_query(control)
        case TextTag(task=task):
            return "text" if task == "ocr" else "description"
        case _:
            assert_never(control)


def default_threshold(control: ValueTag) -> float | None:
    """Give the least score where the label config names none; `None`: that of boxes."""
    match control:
        case ChoicesTag():
            return MULTIPLE_CHOICE_THRESHOLD if control.multiple else NO_THRESHOLD
        case TaxonomyTag():
            return NO_THRESHOLD
        case TextTag():
            return None if control.task == "ocr" and control.per_region is None else NO_THRESHOLD
        case _:
            assert_never(control)


def what_is_said(step: Step, output: ModelOutput) -> Said | None:
    """Give what goes into the region; `None` where there is nothing to say or it is not sure enough.

    Raises `InternalError` for an output of another kind than the step's query asks for.
    """
    control = step.control
    match control:
        case ChoicesTag() | TaxonomyTag():
            if isinstance(output, Classification):
                return _ticked(step, control, output)
        case TextTag():
            if isinstance(output, Texts):
                return _written([text.strip() for text in output.texts], output.score, step)
            if isinstance(output, Detections):
                pieces = [each for each in output.items if reaches(each.score, step.threshold())]
                scores = [each.score for each in pieces if each.score is not None]
                return _written([in_reading_order(pieces)], mean_score(scores), step)
        case RegionTag() | CountTag():
            pass  # they say nothing
        case _:
            assert_never(control)
    raise unexpected(step, output)


#: What the editor can open, by the type of the region: the tag's name in small letters.
VALUE_CHECKS: Mapping[str, Check] = {
    "choices": listed("choices", lambda each: is_text(each) or is_path(each)),
    "taxonomy": listed("taxonomy", is_path),
    "textarea": listed("text", is_text),
}


def candidates_query(control: ChoicesTag | TaxonomyTag) -> Classify:
    """Give what CLIP is asked for choices: of a tree every node, or only its leaves where any may be ticked."""
    if isinstance(control, TaxonomyTag):
        return Classify(asked(control.labels))
    if control.options_key is not None and not control.labels:
        return Classify((f"${control.options_key}",), multi=control.multiple)
    several_of_tree = control.nested and control.multiple
    labels = leaves(control.labels) if several_of_tree else control.labels
    return Classify(asked(labels), multi=control.multiple)


def asked(labels: tuple[Label, ...]) -> tuple[str, ...]:
    """Give the phrases of labels, each once."""
    return tuple(dict.fromkeys(phrase for label in labels for phrase in label.phrases))


def reaches(score: float | None, threshold: float) -> bool:
    """Tell whether a score is enough; what has none passes only at 0."""
    return (score or 0.0) >= threshold


def mean_score(scores: Sequence[float]) -> float | None:
    """Give the mean, `None` of nothing."""
    return math.fsum(scores) / len(scores) if scores else None


def unexpected(step: Step, output: ModelOutput) -> InternalError:
    """Give the error for an output that does not fit its step."""
    return InternalError(
        f"control tag {step.control.name!r} ({step.control.kind}) got a {type(output).__name__}"
    )


def _ticked(step: Step, control: ChoicesTag | TaxonomyTag, output: Classification) -> Said | None:
    chosen = chosen_for(step, control, output)
    if not chosen:
        return None
    values = [list(value) if isinstance(value, tuple) else value for value in chosen]
    kind = "taxonomy" if isinstance(control, TaxonomyTag) else "choices"
    return Said(kind, {kind: values}, mean_score(list(chosen.values())))


def _written(texts: list[str], score: float | None, step: Step) -> Said | None:
    kept = [text for text in texts if text]
    if not kept or not reaches(score, step.threshold()):
        return None
    return Said("textarea", {"text": kept}, score)
