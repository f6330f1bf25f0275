"""One element of a label config -> the control tag that it is served as, or why it is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast
from xml.etree.ElementTree import Element

from backend.label_config.attributes import (
    Unserved,
    is_skipped,
    is_true,
    per_region,
    phrases,
    prompt,
    task,
    threshold,
    tile_px,
)
from backend.label_config.control_tags import (
    ChoicesTag,
    ControlTag,
    CountTag,
    Label,
    RegionTag,
    Shape,
    TaxonomyTag,
    TextTag,
    TextTask,
)
from backend.label_config.labels import flat_labels, tree_labels
from backend.label_config.value_expressions import path_of

__all__ = ["control_of"]

_SHAPES = {shape.value: shape for shape in Shape}
_LABELLED_SHAPES = {f"{shape.value}Labels": shape for shape in Shape}
_IMAGE_TEXTS = ("caption", "detailed_caption", "more_detailed_caption", "ocr")
_REGION_TEXTS = ("ocr", "describe")
#: Why tags that people try are not served; every other tag is named as unknown to us.
_REASONS = {
    "Rating": "a rating is a person's judgement, and no loaded model gives one",
    "Ranker": "an order of preference is a person's judgement, and no loaded model gives one",
    "Pairwise": "which of two is better is a person's judgement, and no loaded model gives one",
    "DateTime": "no loaded model reads dates; a TextArea with model_task=ocr reads printed text",
    "Relation": "relations between regions are not predicted",
    "Relations": "relations between regions are not predicted",
    "MagicWand": "it is a tool for drawing; use BrushLabels",
    "VideoRectangle": "only images are served, not video",
}


def control_of(element: Element, root: Element, to_name: str) -> ControlTag | None:
    """What an element is served as for one image; `None` for a shape whose `<Labels>` stands for it.

    Raises `Unserved` with the reason.
    """
    tag = element.tag
    if tag in _LABELLED_SHAPES:
        return _regions(element, to_name, _LABELLED_SHAPES[tag], None)
    if tag == "Labels":
        shape = _shape_for(root, to_name)
        return _regions(element, to_name, _SHAPES[shape.tag], shape.get("name"))
    if tag in _SHAPES:
        _check_covered_by_labels(element, root, to_name)
        return None
    match tag:
        case "Choices":
            return _choices(element, to_name)
        case "Taxonomy":
            return _taxonomy(element, to_name)
        case "TextArea":
            return _text(element, to_name)
        case "Number":
            return _count(element, to_name)
        case _:
            raise Unserved(_REASONS.get(tag, "this tag is not served yet"))


def _regions(element: Element, to_name: str, shape: Shape, shape_name: str | None) -> RegionTag:
    tasks = ("segment",) if shape.is_outline else ("detect", "ocr")
    is_ocr = task(element, tasks, tasks[0]) == "ocr"
    side = tile_px(element)
    if is_ocr and side is not None:
        raise Unserved("model_tile_px is for model_task=detect; remove one of them")
    _refuse_dynamic(element)
    return RegionTag(
        shape=shape,
        labels=flat_labels(element, "Label"),
        shape_name=shape_name,
        is_ocr=is_ocr,
        tile_px=side,
        **_any_tag(element, to_name),
    )


@lru_cache(maxsize=4)
def _shapes(root: Element) -> Mapping[str, Element]:
    """The shape of each image, looked for once: there may be thousands of tags that want it."""
    shapes: dict[str, Element] = {}
    for element in root.iter():
        if element.tag not in _SHAPES or not element.get("name") or is_skipped(element):
            continue
        for to_name in element.get("toName", "").split(","):
            first = shapes.setdefault(to_name, element)
            if element.tag == Shape.RECTANGLE != first.tag:
                shapes[to_name] = element
    return shapes


@lru_cache(maxsize=4)
def _labelled(root: Element) -> frozenset[str]:
    """The images that a `<Labels>` tag is about."""
    return frozenset(
        name for labels in root.iter("Labels") for name in labels.get("toName", "").split(",")
    )


def _shape_for(root: Element, to_name: str) -> Element:
    """The shape that `<Labels>` of an image are drawn with: a rectangle before all others."""
    first = _shapes(root).get(to_name)
    if first is None:
        raise Unserved(
            f"a <Labels> tag needs one of {', '.join(_SHAPES)} with the same toName to be drawn with"
        )
    return first


def _check_covered_by_labels(element: Element, root: Element, to_name: str) -> None:
    if to_name not in _labelled(root):
        raise Unserved(f"a <{element.tag}> needs a <Labels> tag with the same toName")
    shape = _shape_for(root, to_name)
    if shape is not element:
        raise Unserved(
            f"<Labels> are drawn as <{shape.tag} name={shape.get('name')!r}>; "
            "set model_skip on that to have this one"
        )


def _choices(element: Element, to_name: str) -> ChoicesTag:
    mode = element.get("choice", "single")
    if mode not in ("single", "single-radio", "multiple"):
        raise Unserved(f"expected choice=single, single-radio or multiple, got {mode!r}")
    task(element, ("classify",), "classify")
    nested = is_true(element, "allowNested")
    options_key = path_of(element.get("value", ""))
    labels: tuple[Label, ...] = ()
    if options_key is None:
        labels = tree_labels(element) if nested else flat_labels(element, "Choice")
    return ChoicesTag(
        labels=labels,
        multiple=mode == "multiple",
        nested=nested,
        options_key=options_key,
        prompt=prompt(element) if options_key is not None else None,
        per_region=per_region(element),
        per_item=is_true(element, "perItem"),
        **_any_tag(element, to_name),
    )


def _taxonomy(element: Element, to_name: str) -> TaxonomyTag:
    task(element, ("classify",), "classify")
    if element.get("apiUrl"):
        raise Unserved(
            "a taxonomy that is loaded from apiUrl is not served; list its <Choice> tags"
        )
    _refuse_dynamic(element)
    return TaxonomyTag(
        labels=tree_labels(element),
        leaves_only=is_true(element, "leafsOnly"),
        per_region=per_region(element),
        per_item=is_true(element, "perItem"),
        **_any_tag(element, to_name),
    )


def _text(element: Element, to_name: str) -> TextTag:
    regions = per_region(element)
    tasks = _IMAGE_TEXTS if regions is None else _REGION_TEXTS
    return TextTag(
        task=cast(TextTask, task(element, tasks, tasks[0])),
        per_region=regions,
        per_item=is_true(element, "perItem"),
        **_any_tag(element, to_name),
    )


def _count(element: Element, to_name: str) -> CountTag:
    task(element, ("count",), "count")
    if is_true(element, "perRegion"):
        raise Unserved("a count is of the whole image; remove perRegion")
    label = element.get("model_count", "").strip() or None
    asked: tuple[str, ...] = ()
    if label is not None:
        attributes = {"value": label}
        if "predicted_values" in element.attrib:
            attributes["predicted_values"] = element.attrib["predicted_values"]
        asked = phrases(Element("Number", attributes), prompt(element))
    return CountTag(
        label=label,
        phrases=asked,
        per_item=is_true(element, "perItem"),
        **_any_tag(element, to_name),
    )


def _any_tag(element: Element, to_name: str) -> dict[str, Any]:
    """What every control tag has."""
    return {
        "name": element.get("name", ""),
        "to_name": to_name,
        "score_threshold": threshold(element),
        "model_name": element.get("model_name"),
    }


def _refuse_dynamic(element: Element) -> None:
    if element.get("value", "").startswith("$"):
        raise Unserved(
            f"labels from the task (value={element.get('value')!r}) are served for <Choices> alone"
        )
