"""Label config XML -> the control tags that Firstpass serves, and by name those it does not.

The attributes follow Label Studio's YOLO example: `predicted_values` (what to ask for a label, commas
between), `model_score_threshold` and `model_skip` (leave it alone), each on the tag or on one label; and
`model_tile_px` on a tag for boxes (ask a large image in tiles of that side, too).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from backend.errors import LabelConfigError
from backend.label_studio.control_tags import (
    ControlKind,
    ControlTag,
    Label,
    LabelConfig,
    ObjectTag,
    UnservedTag,
)
from models.types import MAX_PHRASE_CHARS, MAX_PHRASES, MIN_TILE_PX

__all__ = ["parse_label_config"]

MAX_XML_CHARS = 2_000_000


@lru_cache(maxsize=256)
def parse_label_config(xml: str) -> LabelConfig:
    """Read a label config; memoised by its text, since every request carries it.

    Raises `LabelConfigError` when the XML does not parse, defines entities, or is not a `<View>`.

    >>> config = parse_label_config(
    ...     '<View><Image name="img" value="$image"/>'
    ...     '<Choices name="scene" toName="img"><Choice value="indoor"/></Choices></View>'
    ... )
    >>> config.controls[0].labels[0].phrases
    ('indoor',)
    """
    root = _parse_xml(xml)
    images = tuple(_images(root))
    image_names = {image.name for image in images}
    controls: list[ControlTag] = []
    unserved: list[UnservedTag] = []
    for element in root.iter():
        if not (element.get("name") and element.get("toName")):
            continue
        try:
            control = _control(element, root, image_names)
        except _Unserved as reason:
            unserved.append(UnservedTag(element.tag, element.get("name", ""), str(reason)))
        else:
            if control is not None:
                controls.append(control)
    return LabelConfig(images, tuple(controls), tuple(unserved))


class _Unserved(Exception):
    """Why this one tag is left to the annotator; the others are served all the same."""


def _parse_xml(xml: str) -> Element:
    if len(xml) > MAX_XML_CHARS:
        raise LabelConfigError(
            f"expected a label config of at most {MAX_XML_CHARS} characters, got {len(xml)}"
        )
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except ParseError as error:
        raise LabelConfigError(f"the label config is not well-formed XML: {error}") from error
    except DefusedXmlException as error:
        raise LabelConfigError(
            "the label config has a document type or entities; Label Studio needs neither, remove them"
        ) from error
    except ValueError as error:
        raise LabelConfigError(f"the label config is not readable as XML: {error}") from error
    if root.tag != "View":
        raise LabelConfigError(f"expected a label config in <View>, got <{root.tag}>")
    return root


def _images(root: Element) -> Iterator[ObjectTag]:
    for element in root.iter("Image"):
        name, value = element.get("name"), element.get("value", "")
        if name and value.startswith("$") and len(value) > 1:
            yield ObjectTag(name, value[1:])


def _control(element: Element, root: Element, image_names: set[str]) -> ControlTag | None:
    """The control for one element; `None` for a `<Rectangle>` whose `<Labels>` stand for it."""
    if _is_skipped(element):
        raise _Unserved("model_skip is set")
    to_name = element.get("toName", "")
    if to_name not in image_names:
        raise _Unserved(
            f'toName={to_name!r} is not an <Image> with value="$key"; only images are served'
        )
    match element.tag:
        case "RectangleLabels":
            return _labelled(element, ControlKind.RECTANGLE_LABELS, "Label")
        case "Labels":
            return _labelled(
                element,
                ControlKind.RECTANGLE_AND_LABELS,
                "Label",
                rectangle_name=_rectangle_for(element, root),
            )
        case "Rectangle":
            if any(labels.get("toName") == to_name for labels in root.iter("Labels")):
                return None
            raise _Unserved("a <Rectangle> needs a <Labels> tag with the same toName")
        case "Choices":
            return _choices(element)
        case _:
            raise _Unserved("this tag is not served yet")


def _rectangle_for(labels: Element, root: Element) -> str:
    for rectangle in root.iter("Rectangle"):
        if rectangle.get("toName") == labels.get("toName") and rectangle.get("name"):
            return rectangle.get("name", "")
    raise _Unserved("a <Labels> tag needs a <Rectangle> with the same toName")


def _choices(element: Element) -> ControlTag:
    mode = element.get("choice", "single")
    if mode not in ("single", "single-radio", "multiple"):
        raise _Unserved(f"expected choice=single, single-radio or multiple, got {mode!r}")
    if element.get("perRegion", "").lower() == "true":
        raise _Unserved("perRegion choices are not served yet")
    if any(child.find(".//Choice") is not None for child in element.iter("Choice")):
        raise _Unserved("nested choices are not served yet")
    return _labelled(element, ControlKind.CHOICES, "Choice", multiple=mode == "multiple")


def _labelled(
    element: Element,
    kind: ControlKind,
    label_tag: str,
    *,
    multiple: bool = False,
    rectangle_name: str | None = None,
) -> ControlTag:
    if element.get("value", "").startswith("$"):
        raise _Unserved(f"labels from the task (value={element.get('value')!r}) are not served yet")
    children = list(element.iter(label_tag))
    if not children:
        raise _Unserved(f"it has no <{label_tag} value=...>")
    labels = tuple(_label(child) for child in children if not _is_skipped(child))
    if not labels:
        raise _Unserved(f"model_skip is set on each <{label_tag}>")
    asked = sum(len(label.phrases) for label in labels)
    if asked > MAX_PHRASES:
        raise _Unserved(f"expected at most {MAX_PHRASES} phrases, its labels have {asked}")
    return ControlTag(
        kind=kind,
        name=element.get("name", ""),
        to_name=element.get("toName", ""),
        labels=labels,
        score_threshold=_threshold(element),
        multiple=multiple,
        rectangle_name=rectangle_name,
        tile_px=_tile_px(element),
    )


def _is_skipped(element: Element) -> bool:
    return element.get("model_skip", "").lower() in ("true", "1", "yes")


def _label(element: Element) -> Label:
    title = element.get("value", "").strip()
    value = element.get("alias") or element.get("value")
    if not value or not title:
        raise _Unserved(f"a <{element.tag}> has no value")
    given = element.get("predicted_values")
    phrases = tuple(
        dict.fromkeys(part.strip() for part in (given or "").split(",") if part.strip())
    )
    if given is not None and not phrases:
        raise _Unserved(f"label {title!r}: predicted_values is empty")
    for phrase in phrases or (title,):
        if len(phrase) > MAX_PHRASE_CHARS:
            raise _Unserved(
                f"expected phrases of at most {MAX_PHRASE_CHARS} characters, label {title[:40]!r} "
                f"asks one of {len(phrase)}"
            )
    return Label(value=value, phrases=phrases or (title,), score_threshold=_threshold(element))


def _tile_px(element: Element) -> int | None:
    given = element.get("model_tile_px")
    if given is None:
        return None
    if not (given.isdecimal() and int(given) >= MIN_TILE_PX):
        raise _Unserved(f"expected model_tile_px of at least {MIN_TILE_PX} pixels, got {given!r}")
    return int(given)


def _threshold(element: Element) -> float | None:
    given = element.get("model_score_threshold")
    if given is None:
        return None
    try:
        threshold = float(given)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise _Unserved(f"expected model_score_threshold between 0 and 1, got {given!r}")
    return threshold
