"""What was learned of a project, put to a plan, and what it makes of each answer. Pure.

A label config names a head; its card says for each control tag which predicted labels may be changed, left
out or drawn otherwise. A head that cannot be used is left out with a sentence, and so the plan is the one
there is without it: neither its answers nor its version are those of a head that had no say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from backend.label_config.control_tags import ChoicesTag, ControlTag, Label, RegionTag, Shape
from backend.prediction.choices import chosen_for
from backend.prediction.engine import Engine
from backend.prediction.plan import Plan
from backend.prediction.step import LearnedPart, Step
from models.boxes import clip, iou
from models.heads import HeadCard, HeadUnusable
from models.queries import Judge
from models.registry import asked_of, fingerprint
from models.types import Box, Classification, ImageSize, Judgement

__all__ = [
    "MORE_UNWANTED",
    "WithHeads",
    "can_learn",
    "chosen_otherwise",
    "classifier_of",
    "drawn_otherwise",
    "fitted_box",
    "judged_label",
    "place_label",
    "with_heads",
]


#: What looks more like deleted boxes than like others is called as it was predicted: to the head it is nothing.
MORE_UNWANTED = 0.5
#: What stands out in a box and overlaps it less is another thing, or a part of it.
_SAME_IOU = 0.5


@dataclass(frozen=True, slots=True)
class WithHeads:
    """A plan with what was learned, and a sentence for what of it is not used."""

    plan: Plan
    complaints: tuple[str, ...] = ()


@lru_cache(maxsize=16)
def classifier_of(engine: Engine) -> str | None:
    """The fingerprint of the model whose vectors heads judge; `None` where none is loaded."""
    able = (entry for entry in asked_of(engine.entries, None) if Judge in entry.queries)
    entry = next(able, None)
    return None if entry is None else fingerprint([entry])


def can_learn(control: ControlTag) -> str | None:
    """Why nothing is learned for a control tag; `None` where something may be."""
    match control:
        case RegionTag():
            if control.shape is Shape.KEY_POINT:
                return "a point shows nothing by itself"
            return "what it marks is printed text" if control.is_ocr else None
        case ChoicesTag():
            if control.per_region is not None:
                return "its choices are about regions"
            if control.multiple or control.nested or control.options_key is not None:
                return "only one choice of a plain list is learned"
            return None
        case _:
            return "only boxes and choices are learned"


def with_heads(plan: Plan, engine: Engine, read: Callable[[str], HeadCard]) -> WithHeads:
    """The plan with the heads that its label config names, as far as they can be used.

    `read` gives the card of a head or raises `HeadUnusable`. Cheap for a plan and cards that were put together
    before.
    """
    known = {control.name for step in plan.steps if can_learn(control := step.control) is None}
    heads = dict.fromkeys(head for name, head in plan.heads if name in known)
    return _with_cards(plan, engine, tuple((head, _card(head, read)) for head in heads))


def _card(head: str, read: Callable[[str], HeadCard]) -> HeadCard | str:
    """The card of a head, or why there is none."""
    try:
        return read(head)
    except HeadUnusable as error:
        return str(error)


@lru_cache(maxsize=64)
def _with_cards(
    plan: Plan, engine: Engine, found: tuple[tuple[str, HeadCard | str], ...]
) -> WithHeads:
    named = dict(plan.heads)
    complaints: dict[str, None] = {}
    learned: dict[ControlTag, LearnedPart] = {}
    for step in plan.steps:
        control = step.control
        if control.name not in named or control in learned:
            continue
        head = named[control.name]
        try:
            part = _part(head, control, engine, dict(found))
            _check_places(replace(step, learned=part), engine)
        except HeadUnusable as error:
            complaints[
                f"what was learned for {control.kind} {control.name!r} is not used (model_head={head!r:.40}): {error}"
            ] = None
            continue
        learned[control] = part
        known = {label.value for label in control.labels}
        gone = [label for label in part.rules.labels if label not in known]
        if gone:
            complaints[
                f"{control.kind} {control.name!r}: what was learned of {', '.join(map(repr, gone))} is not used, the "
                "label config has no such label any more"
            ] = None
    if not learned:
        return WithHeads(plan, tuple(complaints))
    return WithHeads(_with(plan, learned), tuple(complaints))


def _part(
    head: str, control: ControlTag, engine: Engine, found: Mapping[str, HeadCard | str]
) -> LearnedPart:
    reason = can_learn(control)
    if reason is not None:
        raise HeadUnusable(reason)
    card, classifier = found[head], classifier_of(engine)
    if isinstance(card, str):
        raise HeadUnusable(card)
    if classifier is None:
        raise HeadUnusable("no model is loaded that gives vectors, such as CLIP")
    if card.classifier != classifier:
        raise HeadUnusable(
            f"it is for vectors of another model ({card.classifier}) than the one that is loaded ({classifier})"
        )
    for number, rules in enumerate(card.parts):
        if rules.tag == control.name:
            return LearnedPart(head, number, rules)
    tags = ", ".join(repr(rules.tag) for rules in card.parts)
    raise HeadUnusable(f"it was learned for {tags}, and for no tag of this name")


def _check_places(step: Step, engine: Engine) -> None:
    """Raise `HeadUnusable` where no loaded model finds what the head is to name."""
    reason = None if step.judging_places is None else engine.refuses(step.judging_places)
    if reason is not None:
        raise HeadUnusable(f"it names what is found besides what was asked for, and {reason}")


def _with(plan: Plan, learned: dict[ControlTag, LearnedPart]) -> Plan:
    """The plan whose steps, and the steps that these stand on, are judged."""

    def of(step: Step) -> Step:
        part = learned.get(step.control)
        bases = tuple(of(base) for base in step.bases)
        return replace(step, learned=part, bases=bases) if part or bases != step.bases else step

    return replace(plan, steps=tuple(of(step) for step in plan.steps))


def judged_label(
    step: Step, label: Label, judgement: Judgement | None
) -> tuple[Label | None, float]:
    """What a box is called that was predicted as `label`, and by how much its score counts; `None`: left out."""
    part = step.learned
    if part is None or judgement is None:
        return label, 1.0
    least = dict(part.rules.unwanted).get(label.value)
    if least is not None and judgement.unwanted >= least:
        return None, 0.0
    if label.value not in part.rules.judged:
        return label, 1.0
    labels = {one.value: one for one in step.control.labels}
    logits = {
        name: math.log(max(share, 1e-9)) + part.rules.predicted * (name == label.value)
        for name, share in zip(judgement.labels, judgement.shares, strict=True)
        if name in labels
    }
    best = max(logits, key=lambda name: logits[name], default=label.value)
    if best == label.value or best not in part.rules.given or judgement.unwanted >= MORE_UNWANTED:
        return label, 1.0
    total = math.fsum(math.exp(logit) for logit in logits.values())
    return labels[best], math.exp(logits[best]) / total


def place_label(step: Step, judgement: Judgement | None) -> tuple[Label | None, float]:
    """What is in a place where nothing was predicted, and how sure that is; `None`: nothing is told."""
    part = step.learned
    if part is None or judgement is None:
        return None, 0.0
    labels = {one.value: one for one in step.control.labels}
    shares = dict(zip(judgement.labels, judgement.shares, strict=True))
    best = max(shares, key=lambda name: shares[name], default="")
    sure = shares.get(best, 0.0) * (1 - judgement.unwanted)
    least = dict(part.rules.places).get(best)
    if best not in labels or least is None or sure < least:
        return None, 0.0
    return labels[best], sure


def fitted_box(box: Box, fit: Box | None) -> Box:
    """The box around what stands out in a box, unless that is something else."""
    return box if fit is None or iou(fit, box) < _SAME_IOU else fit


def drawn_otherwise(
    step: Step, label: Label, box: Box, size: ImageSize, fit: Box | None = None
) -> Box:
    """The box as people draw those that are predicted as `label`, within the image.

    `fit`: the box around what stands out in it.
    """
    if step.learned is None or not _is_box(step.control):
        return box
    if label.value in step.learned.rules.fitted:
        box = fitted_box(box, fit)
    shift = dict(step.learned.rules.shifts).get(label.value)
    if shift is None:
        return box
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    x = (box.x_min + box.x_max) / 2 + shift.x * width
    y = (box.y_min + box.y_max) / 2 + shift.y * height
    across, down = width * shift.wider / 2, height * shift.higher / 2
    return clip(Box(x - across, y - down, x + across, y + down), size) or box


def chosen_otherwise(step: Step, output: Classification, judgement: Judgement) -> Classification:
    """The choices as the examples see them, where the likeliest one may be changed.

    What the model leaves open stays open: the examples are of images for which it did choose.
    """
    part, control = step.learned, step.control
    if part is None or not isinstance(control, ChoicesTag):
        return output
    told = next(
        (one for one in control.labels if one.value in chosen_for(step, control, output)), None
    )
    if told is None:
        return output
    best, share = judged_label(step, told, judgement)
    if best is None or best == told:
        return output
    # By label, as they are chosen: a label of many phrases has no larger part for that.
    left = (1 - share) / max(1, len(control.labels) - 1)
    by_phrase = dict.fromkeys(output.candidates, 0.0)
    for label in control.labels:
        by_phrase[label.phrases[0]] = share if label == best else left
    return replace(output, probabilities=tuple(by_phrase.values()))


def _is_box(control: ControlTag) -> bool:
    return isinstance(control, RegionTag) and control.shape is Shape.RECTANGLE
