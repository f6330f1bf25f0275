"""Labels as people named them -> labels of the label config, and which tags can be measured. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import quoteattr

from backend.errors import BadRequest
from backend.evaluation.labelled import LabelledSet, TrueBox, Truth
from backend.label_config.control_tags import (
    ChoicesTag,
    LabelConfig,
    RegionTag,
    Shape,
    TaxonomyTag,
)
from backend.prediction.plan import Plan
from backend.prediction.step import Step

__all__ = ["LabelNames", "config_for_classes", "left_out", "measured_plan", "used_plan"]

SHOWN = 8
_MARKS = re.compile("[_<>]")
_NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def config_for_classes(
    classes: Sequence[str], *, image: str = "image", data_key: str = "image"
) -> str:
    """The label config of what comes without: a rectangle for each class, asked by its name.

    >>> "model_prompt" in config_for_classes(["traffic_light"]), "model_prompt" in config_for_classes(["car"])
    (True, False)

    A class whose name holds no word, or characters that XML cannot, is left out. Raises `BadRequest` where
    none is left.
    """
    named = [name for name in classes if _words(name) and not _NOT_IN_XML.search(name)]
    if not named:
        raise BadRequest(
            "expected labels of boxes, found none that can be asked for; give the label config as "
            "--config FILE.xml"
        )
    labels = "".join(f"<Label value={quoteattr(name)}{_asked_as(name)}/>" for name in named)
    return (
        f"<View><Image name={quoteattr(image)} value={quoteattr(f'${data_key}')}/>"
        f'<RectangleLabels name="label" toName={quoteattr(image)}>{labels}</RectangleLabels></View>'
    )


def measured_plan(plan: Plan, *, with_tags: bool) -> Plan:
    """The steps whose answers can be compared with what people said.

    `with_tags`: people said more than boxes. Raises `BadRequest` where no step is left.
    """
    steps = tuple(step for step in plan.steps if _is_measured(step, with_tags=with_tags))
    if not steps:
        tags = ", ".join(_tags(plan.steps)) or "none"
        raise BadRequest(
            "expected a tag whose answers can be compared: boxes, polygons, masks, choices or a taxonomy "
            f"of the image; the label config has {tags}"
        )
    return replace(plan, steps=steps)


def used_plan(plan: Plan, used: Collection[str]) -> Plan:
    """The steps of tags that people have used, by name: who left one alone did not say that nothing is there.

    All of them where no tag was used: people then said of every image that nothing is there.
    """
    steps = tuple(step for step in plan.steps if step.control.name in used)
    return replace(plan, steps=steps or plan.steps)


def left_out(plan: Plan, measured: Plan) -> tuple[str, ...]:
    """The tags that are not measured, in words."""
    names = {step.control.name for step in measured.steps}
    others = _tags([step for step in plan.steps if step.control.name not in names])
    notes = [f"not measured: {', '.join(others)}"] if others else []
    return (*notes, *(f"not served: {tag}" for tag in plan.unserved))


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The labels of the measured tags for regions, found by any name that people know them by."""

    config: LabelConfig
    plan: Plan

    @property
    def region_steps(self) -> Iterator[tuple[Step, RegionTag]]:
        """The measured tags for regions."""
        for step in self.plan.steps:
            if isinstance(step.control, RegionTag):
                yield step, step.control

    def resolved(self, truth: Truth, image: str, lacking: Counter[str]) -> Truth:
        """The truth of one image with tags and labels of the label config; the others are counted."""
        boxes: list[TrueBox] = []
        for box in truth.boxes:
            found = list(self._found(box, image))
            boxes += found
            if not found and not self._is_of_other_tag(box):
                lacking[box.label] += 1
        return replace(truth, boxes=tuple(boxes))

    def check(
        self, labelled: LabelledSet, lacking: Mapping[str, int], *, with_tags: bool
    ) -> tuple[str, ...]:
        """A note on labels that the label config lacks.

        Raises `BadRequest` where it has none of them, and no choices are measured either.
        """
        counts = labelled.labels()
        if not lacking:
            return ()
        named = ", ".join(
            f"{label or 'without a name'} ({count:,})" for label, count in _most(lacking)
        )
        known = ", ".join(
            dict.fromkeys(label.value for _, tag in self.region_steps for label in tag.labels)
        )
        if set(counts) <= set(lacking) and not with_tags:
            raise BadRequest(
                f"the label config has none of the labels of {labelled.words}: that has {named}; the label "
                f"config has {known or 'no label for boxes'}. Name them alike, or give another --config"
            )
        return (f"boxes of labels that the label config lacks are left out: {named}",)

    def _found(self, box: TrueBox, image: str) -> Iterator[TrueBox]:
        tags = [tag for _, tag in self.region_steps if tag.to_name == image]
        own = [tag for tag in tags if tag.name == box.control]
        if not own and self._is_of_other_tag(box):
            return
        for tag in own or tags:
            label = self._label(tag, box.label)
            if label is not None:
                yield replace(box, label=label, control=tag.name)

    def _is_of_other_tag(self, box: TrueBox) -> bool:
        """Whether it was drawn with a tag of the label config that is not measured."""
        measured = {tag.name for _, tag in self.region_steps}
        return box.control in self.config.names - measured

    def _label(self, tag: RegionTag, name: str) -> str | None:
        """The value that regions carry: the name itself, or what goes by it, whatever the case."""
        if tag.is_ocr:
            return tag.labels[0].value
        values = {label.value: label.value for label in tag.labels}
        values |= {value: alias for alias, value in self.config.aliases if alias in values} | values
        if name in values:
            return values[name]
        bare = {each.casefold().strip(): value for each, value in values.items()}
        return bare.get(name.casefold().strip())


def _tags(steps: Iterable[Step]) -> list[str]:
    return list(
        dict.fromkeys(f"<{step.control.kind} name={step.control.name!r}>" for step in steps)
    )


def _is_measured(step: Step, *, with_tags: bool) -> bool:
    match step.control:
        case RegionTag(shape=shape):
            return shape is not Shape.KEY_POINT
        case ChoicesTag(per_region=None) | TaxonomyTag(per_region=None):
            return with_tags
        case _:
            return False


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return Counter(counts).most_common(SHOWN)


def _asked_as(name: str) -> str:
    """What to ask for a class whose name is written as one word, or with marks that a model would obey."""
    words = _words(name)
    return "" if words == name else f" model_prompt={quoteattr(words)}"


def _words(name: str) -> str:
    return " ".join(_MARKS.sub(" ", name).split())
