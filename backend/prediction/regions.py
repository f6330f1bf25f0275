"""Model outputs -> the regions of a Label Studio prediction. Pure.

Only this module and those it calls know Label Studio's field names. What is per region shares the id of
its region and repeats its geometry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend.label_config.control_tags import CountTag, Label, PerRegion, RegionTag
from backend.label_studio.bodies import Prediction, Region
from backend.prediction.geometry import geometry_of
from backend.prediction.learned import chosen_otherwise
from backend.prediction.read_regions import PREDICTED_LABEL, RAW_SCORE
from backend.prediction.region_checks import validate_regions
from backend.prediction.shown_boxes import HeadSays, shown_boxes
from backend.prediction.step import Step
from backend.prediction.tag_values import mean_score, unexpected, what_is_said
from models.queries import Query
from models.types import (
    Box,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
    ImageSize,
    Judgement,
    ModelOutput,
    Texts,
)

__all__ = [
    "Drawn",
    "ImageAnswers",
    "build_prediction",
    "drawn_regions",
    "prediction_of",
    "regions_for_image",
]

SCORE_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class ImageAnswers:
    """What the models said of one image, and the steps to be filled with it."""

    steps: tuple[Step, ...]
    outputs: Mapping[Query, ModelOutput]
    #: Of the upright image.
    size: ImageSize


@dataclass(frozen=True, slots=True)
class Drawn:
    """One region of a tag for regions, to which others may be tied.

    `detection` is as the models found it; box, score, label and geometry as they are shown.
    """

    id: str
    detection: Detection
    label: Label
    geometry: dict[str, Any]
    box: Box
    score: float | None
    #: As the models had it; empty where nothing was predicted.
    predicted: str


def build_prediction(images: Sequence[ImageAnswers], model_version: str) -> Prediction:
    """The prediction for one task from the answers about each of its images, validated.

    Its score is the mean of its regions' scores (of those that share an id the first), `None` where
    there are none. Raises `InvalidPrediction` when a region could not be opened by the editor, and
    `InternalError` for an output of another kind than the step's query asks for.
    """
    return prediction_of(
        [region for answers in images for region in regions_for_image(answers)], model_version
    )


def prediction_of(result: list[Region], model_version: str) -> Prediction:
    """The prediction with these regions, validated and scored as `build_prediction` says."""
    validate_regions(result)
    scores: dict[str, float] = {}
    for region in result:
        if "score" in region:
            scores.setdefault(region["id"], region["score"])
    mean = mean_score(list(scores.values()))
    score = None if mean is None else _rounded(mean)
    return Prediction(result=result, score=score, model_version=model_version)


def regions_for_image(answers: ImageAnswers) -> list[Region]:
    """The regions of all steps; the same answers give the same ids."""
    drawn = {
        step: list(drawn_regions(step, step.control, answers))
        for step in answers.steps
        if isinstance(step.control, RegionTag)
    }
    regions: list[Region] = []
    for step in answers.steps:
        match step.control:
            case RegionTag() as control:
                regions += _regions(step, control, drawn[step], answers.size)
            case CountTag() as control:
                regions.append(_count(step, control, answers))
            case control:
                if control.per_region is None:
                    regions += _of_image(step, answers)
                for base in step.bases:
                    about = control.per_region or PerRegion()
                    regions += _of_regions(step, about, drawn[base], answers)
    return regions


def drawn_regions(step: Step, control: RegionTag, answers: ImageAnswers) -> Iterator[Drawn]:
    """What reaches its label's threshold, is wanted and can be drawn."""
    seen: dict[str, int] = {}
    found = _found(answers.outputs[step.query], step)
    for shown in shown_boxes(step, found, HeadSays.of(step, answers.outputs), answers.size):
        detection = replace(shown.detection, box=shown.box)
        geometry = geometry_of(control.shape, detection, shown.outlines, answers.size)
        if geometry is None:
            continue
        named = _named(step, shown.label.value, geometry)
        key = json.dumps(named, sort_keys=True)
        seen[key] = seen.get(key, 0) + 1
        yield Drawn(
            _region_id(key, seen[key]),
            shown.detection,
            shown.label,
            geometry,
            shown.box,
            shown.score,
            "" if shown.predicted is None else shown.predicted.value,
        )


def _found(output: ModelOutput, step: Step) -> list[tuple[Detection, Detections | None]]:
    """Detections, with their outlines where these were asked for."""
    match output:
        case Detections():
            return [(detection, None) for detection in output.items]
        case BoxOutputs():
            return [
                (item.detection, item.output)
                for item in output.items
                if isinstance(item.output, Detections)
            ]
        case _:
            raise unexpected(step, output)


def _regions(
    step: Step, control: RegionTag, drawn: Iterable[Drawn], size: ImageSize
) -> Iterator[Region]:
    """A region each, or two: the shape, and its label."""
    shape = control.shape.lower()
    for each in drawn:
        raw = each.detection.score
        base = _base(step, size, each.id, each.score)
        meta: dict[str, object] = {}
        if raw is not None and each.score != raw:
            meta[RAW_SCORE] = _rounded(raw)
        if each.predicted != each.label.value:
            meta[PREDICTED_LABEL] = each.predicted
        if meta:
            base["meta"] = meta
        labels = [each.label.value]
        if control.shape_name is None:
            kind = f"{shape}labels"
            yield _region(base, control.name, kind, {**each.geometry, kind: labels})
        else:
            yield _region(base, control.shape_name, shape, each.geometry)
            yield _region(base, control.name, "labels", {**each.geometry, "labels": labels})


def _count(step: Step, control: CountTag, answers: ImageAnswers) -> Region:
    """How many boxes carry the label; the score is the mean of theirs.

    A label of several tags is counted in the first of them: the others draw the same things.
    """
    scores: list[float] = []
    counted: set[str] = set()
    for base in step.bases:
        output = answers.outputs[base.boxes]
        if not isinstance(output, Detections):
            raise unexpected(step, output)
        found = [(detection, None) for detection in output.items]
        said = HeadSays.of(base, answers.outputs)
        for shown in shown_boxes(base, found, said, answers.size, control.score_threshold):
            if shown.label.value not in counted and control.label in (None, shown.label.value):
                scores.append(shown.score or 0.0)
        counted |= {label.value for label in base.control.labels}
    key = json.dumps(_named(step, len(scores)))
    region = _base(step, None, _region_id(key, 1), mean_score(scores))
    return _region(region, control.name, "number", {"number": len(scores)})


def _of_image(step: Step, answers: ImageAnswers) -> Iterator[Region]:
    """The region of a tag about the whole image: none where there is nothing to say."""
    output = answers.outputs[step.query]
    judgement = None if step.judging is None else answers.outputs.get(step.judging)
    if isinstance(output, Classification) and isinstance(judgement, Judgement):
        output = chosen_otherwise(step, output, judgement)
    said = what_is_said(step, output)
    if said is not None:
        key = json.dumps(_named(step, said.value))
        base = _base(step, None, _region_id(key, 1), said.score)
        yield _region(base, step.control.name, said.kind, said.value)


def _of_regions(
    step: Step, about: PerRegion, drawn: Iterable[Drawn], answers: ImageAnswers
) -> Iterator[Region]:
    """What is said of each region, under the region's id and with its geometry."""
    control = step.control
    outputs = _by_box(answers.outputs[step.query], step)
    for each in drawn:
        if about.labels and each.label.value not in about.labels:
            continue
        output = outputs.get((each.detection.box, each.detection.phrase))
        said = what_is_said(step, output) if output is not None else None
        if said is not None:
            base = _base(step, answers.size, each.id, said.score)
            yield _region(base, control.name, said.kind, {**each.geometry, **said.value})


def _by_box(output: ModelOutput, step: Step) -> dict[object, ModelOutput]:
    """What was said of each box, by box and phrase; of text that was read, the text."""
    match output:
        case BoxOutputs():
            return {
                (item.detection.box, item.detection.phrase): item.output for item in output.items
            }
        case Detections():
            return {
                (found.box, found.phrase): Texts((found.phrase,), found.score)
                for found in output.items
            }
        case _:
            raise unexpected(step, output)


def _named(step: Step, *what: object) -> list[object]:
    """What tells a region from all others of its task; the page only where there are pages."""
    page = step.image.item_index
    return [step.control.name, step.control.to_name, *what, *([] if page is None else [page])]


def _item_index(step: Step) -> int | None:
    """Under which page the editor keeps it; of an image without pages, what is per item is under 0."""
    page = step.image.item_index
    return 0 if page is None and step.control.per_item else page


def _base(step: Step, size: ImageSize | None, region_id: str, score: float | None) -> Region:
    """What every region has; `size` of the image for one that is drawn."""
    region: Region = {"id": region_id, "to_name": step.control.to_name}
    page = _item_index(step)
    if page is not None:
        region["item_index"] = page
    if size is not None:
        region |= {
            "original_width": size.width,
            "original_height": size.height,
            "image_rotation": 0,
        }
    if score is not None:
        region["score"] = _rounded(score)
    return region


def _region(base: Region, from_name: str, kind: str, value: dict[str, Any]) -> Region:
    return {**base, "from_name": from_name, "type": kind, "value": value}


def _rounded(score: float) -> float:
    return round(score, SCORE_DECIMALS)


def _region_id(key: str, occurrence: int) -> str:
    return hashlib.sha256(f"{key}#{occurrence}".encode()).hexdigest()[:10]
