"""Which tags of the label config a gesture fills, and their steps narrowed to what was meant. Pure.

A gesture fills every tag for regions of its image that has the label, not only the one it was drawn
with: a smart rectangle also brings the polygon or mask, where the config has a tag for it. Key points
are made of boxes only where no other tag has the label: there they are a tool for pointing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from backend.interactive.gesture import Gesture
from backend.label_config.control_tags import (
    CountTag,
    Label,
    PerRegion,
    RegionTag,
    Shape,
)
from backend.prediction.step import Step
from models.queries import Ground, PerBox, Tiling

__all__ = ["labels_of_tags", "looking_for", "narrowed", "tags_for", "tags_to_search"]


def tags_for(steps: Iterable[Step], gesture: Gesture) -> tuple[Step, ...]:
    """The steps of the tags for regions that a drawn gesture may fill, its own first.

    Tags for printed text go with a tag for printed text alone. None for a label that the plan leaves
    to the annotator.
    """
    steps = _regions(steps, gesture.to_name)
    own = [step for step in steps if gesture.from_name in _names(_tag(step))]
    of_text = any(_tag(step).is_ocr for step in own)
    steps = [step for step in steps if _tag(step).is_ocr == of_text]
    steps.sort(key=lambda step: step not in own)
    labelled = [step for step in steps if _has_any(step, gesture.labels)]
    if labelled or (own and gesture.labels):
        return _no_tools(labelled)
    return _no_tools(steps)


def tags_to_search(steps: Iterable[Step], to_name: str) -> tuple[Step, ...]:
    """The steps of the tags for regions of an image that a typed prompt may fill."""
    return _no_tools([step for step in _regions(steps, to_name) if not _tag(step).is_ocr])


def labels_of_tags(tags: Iterable[Step]) -> tuple[Label, ...]:
    """The labels of all these tags; of those with one value the first."""
    found: dict[str, Label] = {}
    for tag in tags:
        for label in tag.control.labels:
            found.setdefault(label.value, label)
    return tuple(found.values())


def narrowed(
    tags: Iterable[Step], steps: Iterable[Step], label: str, phrase: str
) -> tuple[Step, ...]:
    """The steps of these tags, and of what is per region of them, for one thing with this label.

    `phrase` is that of the thing's detection. No threshold is left: a person said that it is there.
    """
    bases = {
        tag: replace(
            tag,
            control=replace(
                _tag(tag), labels=(replace(found, phrases=(phrase,), score_threshold=0.0),)
            ),
        )
        for tag in tags
        if (found := _labelled(tag, label)) is not None
    }
    return (*bases.values(), *_per_region(steps, bases, label))


def looking_for(
    tags: Iterable[Step], steps: Iterable[Step], label: str, phrase: str
) -> tuple[Step, ...]:
    """The steps of these tags, and of what is per region of them, that look for a phrase.

    Thresholds are those of the label.
    """
    bases = {}
    for tag in tags:
        found = _labelled(tag, label)
        if found is None:
            continue
        control = replace(_tag(tag), labels=(replace(found, phrases=(phrase,)),))
        model = tag.boxes.model
        ground = Ground((phrase,), tiling=Tiling(control.tile_px), model=model)
        query = PerBox(ground, "outline", model=model) if control.shape.is_outline else ground
        bases[tag] = replace(tag, control=control, query=query)
    asked = []
    for step in _per_region(steps, bases, label):
        if isinstance(step.query, PerBox):
            asked.append(replace(step, query=replace(step.query, boxes=step.bases[0].boxes)))
    return (*bases.values(), *asked)


def _regions(steps: Iterable[Step], to_name: str) -> list[Step]:
    return [
        step for step in steps if isinstance(step.control, RegionTag) and step.image.name == to_name
    ]


def _per_region(steps: Iterable[Step], bases: dict[Step, Step], label: str) -> Iterable[Step]:
    """The steps that are about regions of the bases and shown for the label, on the new bases."""
    for step in steps:
        about = _about(step)
        if about is None or (about.labels and label not in about.labels):
            continue
        on = tuple(bases[base] for base in step.bases if base in bases)
        if on:
            yield replace(step, bases=on)


def _about(step: Step) -> PerRegion | None:
    control = step.control
    return None if isinstance(control, RegionTag | CountTag) else control.per_region


def _no_tools(tags: Sequence[Step]) -> tuple[Step, ...]:
    areas = tuple(tag for tag in tags if _tag(tag).shape is not Shape.KEY_POINT)
    return areas or tuple(tags)


def _labelled(tag: Step, value: str) -> Label | None:
    return next((label for label in tag.control.labels if label.value == value), None)


def _has_any(tag: Step, values: Iterable[str]) -> bool:
    return any(_labelled(tag, value) is not None for value in values)


def _names(control: RegionTag) -> tuple[str | None, ...]:
    return control.name, control.shape_name


def _tag(step: Step) -> RegionTag:
    """The control of a step that `_regions` let through."""
    if not isinstance(step.control, RegionTag):
        raise TypeError(f"expected a tag for regions, got {step.control.kind}")
    return step.control
