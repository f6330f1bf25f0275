"""What to ask of the models for a label config, and of which image for each task. Pure.

    label config -> plan_label_config -> Plan (steps: control tag + query)
    plan + task  -> requests_for_task -> one ModelRequest per image, each with all its queries

Thresholds and label names stay out of the queries, so that changing one asks the models nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, assert_never

from backend.engine import Engine
from backend.errors import LabelConfigError, TaskError
from backend.images.reference import ImageRef
from backend.label_studio.control_tags import (
    ControlKind,
    ControlTag,
    Label,
    LabelConfig,
    ObjectTag,
    UnservedTag,
)
from backend.label_studio.label_config import parse_label_config
from backend.plain import as_plain
from models.types import Classify, Ground, Query, Tiling

__all__ = ["ModelRequest", "Plan", "Step", "plan_label_config", "requests_for_task"]

#: Scores of several-of-many are independent probabilities: more likely than not is ticked.
MULTIPLE_CHOICE_THRESHOLD = 0.5
#: One-of-many always names its best choice; its score says how sure it is.
SINGLE_CHOICE_THRESHOLD = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One query whose answer fills one control tag."""

    control: ControlTag
    image: ObjectTag
    query: Query
    #: Least score of a region where neither the label nor the tag names one.
    default_threshold: float

    def threshold(self, label: Label) -> float:
        """The label's own threshold, else its tag's, else the default: 0..1."""
        for given in (label.score_threshold, self.control.score_threshold):
            if given is not None:
                return given
        return self.default_threshold

    def label_for(self, phrase: str) -> Label | None:
        """The first label that asks this phrase."""
        return next((label for label in self.control.labels if phrase in label.phrases), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps for a label config, and the tags left to the annotator."""

    steps: tuple[Step, ...]
    unserved: tuple[UnservedTag, ...]

    @property
    def images(self) -> tuple[ObjectTag, ...]:
        """The images that any step asks about, in the order of the label config."""
        return tuple(dict.fromkeys(step.image for step in self.steps))

    def queries(self, image: ObjectTag) -> tuple[Query, ...]:
        """The distinct queries for one image: two tags that ask the same share the answer."""
        return tuple(dict.fromkeys(step.query for step in self.steps if step.image == image))

    def digest(self) -> str:
        """12 hex digits that change exactly when the same model outputs would become other regions."""
        named = [[type(step.query).__name__, as_plain(step)] for step in self.steps]
        canonical = json.dumps(named, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One image and everything that is asked of it: the unit of the queue."""

    image: ImageRef
    queries: tuple[Query, ...]


@lru_cache(maxsize=256)
def plan_label_config(xml: str, score_threshold: float, engine: Engine) -> Plan:
    """The steps for a label config that the engine can answer; memoised.

    `score_threshold` (0..1) is the default for boxes. Raises `LabelConfigError` when the XML does
    not parse or no control tag can be served; the message names each tag and its reason.
    """
    config = parse_label_config(xml)
    steps: list[Step] = []
    unserved = list(config.unserved)
    for control in config.controls:
        step = _step(control, config, score_threshold)
        reason = engine.refuses(step.query)
        if reason is None:
            steps.append(step)
        else:
            unserved.append(UnservedTag(control.kind, control.name, reason))
    if not steps:
        reasons = "; ".join(map(str, unserved)) or "it has no control tag"
        raise LabelConfigError(
            'nothing in the label config can be pre-annotated: expected an <Image value="$key"> with '
            f"RectangleLabels, Rectangle + Labels or Choices; {reasons}"
        )
    return Plan(tuple(steps), tuple(unserved))


def requests_for_task(
    plan: Plan,
    data: Mapping[str, Any],
    parse_ref: Callable[[object], ImageRef],
) -> dict[ObjectTag, ModelRequest]:
    """One request per image of the task.

    Raises `TaskError` when `data` lacks an image's key, and what `parse_ref` raises for a reference
    that is refused.
    """
    requests = {}
    for image in plan.images:
        value = data.get(image.data_key)
        if value is None or value == "":
            present = ", ".join(sorted(map(str, data))) or "no keys"
            raise TaskError(
                f"the label config reads the image from {image.data_key!r}, but the task's data has "
                f"{present}"
            )
        requests[image] = ModelRequest(parse_ref(value), plan.queries(image))
    return requests


def _step(control: ControlTag, config: LabelConfig, score_threshold: float) -> Step:
    phrases = tuple(dict.fromkeys(phrase for label in control.labels for phrase in label.phrases))
    image = config.image(control.to_name)
    match control.kind:
        case ControlKind.RECTANGLE_LABELS | ControlKind.RECTANGLE_AND_LABELS:
            # Without a side, tiles are asked only where an answer was cut short.
            query = Ground(phrases, tiling=Tiling(control.tile_px))
            return Step(control, image, query, score_threshold)
        case ControlKind.CHOICES:
            default = MULTIPLE_CHOICE_THRESHOLD if control.multiple else SINGLE_CHOICE_THRESHOLD
            return Step(control, image, Classify(phrases, multi=control.multiple), default)
        case _:
            assert_never(control.kind)
