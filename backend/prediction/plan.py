"""What to ask of the models for a label config, and of which image for each task. Pure.

    label config -> plan_label_config -> Plan (steps: control tag + query)
    plan + task  -> requests_for_task -> one ModelRequest per image, each with all its queries

Thresholds and label names stay out of the queries, so that changing one asks the models nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from backend.errors import InternalError, LabelConfigError, TaskError
from backend.images.reference import ImageRef
from backend.label_config.control_tags import ObjectTag, UnservedTag
from backend.label_config.label_config import parse_label_config
from backend.plain import as_plain
from backend.prediction.engine import Engine
from backend.prediction.options import resolved
from backend.prediction.pages import Blank, blank_images, pages_of
from backend.prediction.rules import plan_steps
from backend.prediction.step import Step
from models.queries import Query

__all__ = ["ModelRequest", "Plan", "Step", "plan_label_config", "requests_for_task"]


#: Label configs of more characters than this are remembered in small number.
LARGE_XML_CHARS = 32_768
#: Tags whose reasons an error spells out.
MOST_NAMED = 20


@dataclass(frozen=True)
class Plan:
    """All steps for a label config, and the tags left to the annotator."""

    steps: tuple[Step, ...]
    unserved: tuple[UnservedTag, ...]
    #: (control tag, fingerprint) of tags that name what was learned for them; `learned` puts it to the steps.
    heads: tuple[tuple[str, str], ...] = ()

    @property
    def images(self) -> tuple[ObjectTag, ...]:
        """The images that any step asks about, in the order of the label config."""
        return tuple(dict.fromkeys(step.image for step in self.steps))

    def queries(self, image: ObjectTag) -> tuple[Query, ...]:
        """The distinct queries for one image: two tags that ask the same share the answer."""
        return _queries(tuple(step for step in self.steps if step.image == image))

    def digest(self) -> str:
        """12 hex digits that change exactly when the same model outputs would become other regions."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        """Of the JSON of all steps, made step by step: the text of a whole large plan is never in memory."""
        found = hashlib.sha256(b"[")
        for number, step in enumerate(self.steps):
            named = [type(step.control).__name__, type(step.query).__name__, as_plain(step)]
            found.update(b", " * (number > 0) + json.dumps(named, sort_keys=True).encode())
        found.update(b"]")
        return found.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One image, or none, and everything that is asked of it: the unit of the queue."""

    #: The image; `None` where the queries are about none. A box of it is part of a query.
    subject: ImageRef | None
    queries: tuple[Query, ...]
    #: What the answers are for; it stays with whoever asks and is no part of the work.
    steps: tuple[Step, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for query in self.queries:
            if query.about_image != (self.subject is not None):
                wanted = "an image" if query.about_image else "no image"
                raise ValueError(f"expected {wanted} for {type(query).__name__}")

    @property
    def image(self) -> ImageRef:
        """The image it is about. Raises `InternalError` where it is about none."""
        if self.subject is None:
            raise InternalError("expected a request about an image, got one about texts")
        return self.subject


def plan_label_config(xml: str, score_threshold: float | None, engine: Engine) -> Plan:
    """The steps for a label config that the engine can answer; memoised.

    `score_threshold` (0..1) is the default for boxes; `None`: that of the model asked. Raises `LabelConfigError` when the XML does
    not parse or no control tag can be served; the message names each tag and its reason.
    """
    remembered = _plan_of_large if len(xml) > LARGE_XML_CHARS else _plan_of
    return remembered(xml, score_threshold, engine)


def _planned(xml: str, score_threshold: float | None, engine: Engine) -> Plan:
    config = parse_label_config(xml)
    steps, unserved = plan_steps(config, score_threshold, engine)
    if not steps:
        more = [f"and {len(unserved) - MOST_NAMED} more"] if len(unserved) > MOST_NAMED else []
        named = [str(tag) for tag in unserved[:MOST_NAMED]]
        reasons = "; ".join(named + more) or "it has no control tag"
        raise LabelConfigError(
            'nothing in the label config can be pre-annotated: expected an <Image value="$key"> with '
            f"tags for regions, choices, texts or counts; {reasons}"
        )
    return Plan(steps, unserved, config.heads)


#: Many of usual size are remembered, and few large ones: each may take megabytes.
_plan_of = lru_cache(maxsize=256)(_planned)
_plan_of_large = lru_cache(maxsize=8)(_planned)


def requests_for_task(
    plan: Plan,
    data: Mapping[str, Any],
    parse_ref: Callable[[object], ImageRef],
) -> dict[ObjectTag, ModelRequest]:
    """One request per image of the task, and per page of one that has pages, that is there.

    Raises `TaskError` when none is, or `data` lacks a list of choices, and what `parse_ref` raises for a
    reference that is refused.
    """
    requests = {}
    found = [(image, pages_of(image, data)) for image in plan.images]
    if all(isinstance(page, Blank) for _, pages in found for page in pages):
        raise TaskError("; ".join(blank_images(plan.images, data)))
    for image, pages in found:
        asked = (resolved(step, data) for step in plan.steps if step.image == image)
        steps = tuple(step for step in asked if step is not None)
        for page in pages:
            if isinstance(page, Blank) or not steps:
                continue
            number = page.image.item_index
            on_page = steps if number is None else tuple(step.on_page(number) for step in steps)
            request = ModelRequest(parse_ref(page.value), _queries(steps), on_page)
            requests[page.image] = request
    return requests


def _queries(steps: tuple[Step, ...]) -> tuple[Query, ...]:
    return tuple(dict.fromkeys(query for step in steps for query in step.queries))
