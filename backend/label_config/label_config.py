"""Label config XML -> the control tags that Firstpass serves, and by name those it does not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from backend.errors import LabelConfigError
from backend.label_config.attributes import Unserved, is_note, is_prompt, is_skipped
from backend.label_config.control_tags import (
    ChoicesTag,
    ControlTag,
    CountTag,
    LabelConfig,
    NoteTag,
    ObjectTag,
    PromptTag,
    RegionTag,
    TaxonomyTag,
    UnservedTag,
)
from backend.label_config.controls import control_of
from backend.label_config.labels import labels_left_out
from backend.label_config.value_expressions import is_expression, path_of

__all__ = ["parse_label_config", "read_xml"]

MAX_XML_CHARS = 500_000
#: Tags within tags: Label Studio's own configs have some ten.
MAX_DEPTH = 100
#: Control tags, each counted once per image that it is about: more are not looked at.
MOST_CONTROLS = 1000
#: Label configs of more characters than this are remembered in small number.
LARGE_XML_CHARS = 32_768
_REPEATED = (
    "it is in a <Repeater>, whose tags get other names in each task, and Label Studio drops predictions "
    'for names that its label config does not hold; <Image valueList="$pages"> is served'
)
_SECOND_NOTE = "people are answered in {!r}, the first note tag of its image; remove one of them"
_NOTHING_ASKED = (
    "there is nothing to answer: the label config has neither a TextArea to ask in "
    '(model_task="prompt") nor a tag for regions to draw with; add one, or remove the note tag'
)
#: Tags with a name and a toName that hold no result.
_NO_CONTROLS = {"Filter"}


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
    return (_config_of_large if len(xml) > LARGE_XML_CHARS else _config_of)(xml)


def _parsed(xml: str) -> LabelConfig:
    root = read_xml(xml)
    repeated = {id(inner) for outer in root.iter("Repeater") for inner in outer.iter()}
    images = tuple(_images(root, repeated))
    by_name = {image.name: image for image in images}
    controls: list[ControlTag] = []
    unserved: list[UnservedTag] = []
    prompts: list[PromptTag] = []
    notes: dict[str, tuple[Element, NoteTag]] = {}
    named = [
        (element, to_name)
        for element in root.iter()
        if element.get("name") and element.get("toName") and element.tag not in _NO_CONTROLS
        for to_name in dict.fromkeys(element.get("toName", "").split(","))
    ]
    for element, to_name in named[:MOST_CONTROLS]:
        try:
            if id(element) in repeated and not is_skipped(element):
                raise Unserved(_REPEATED)
            control = _control(element, root, to_name, by_name)
            if isinstance(control, NoteTag) and to_name in notes:
                raise Unserved(_SECOND_NOTE.format(notes[to_name][1].name))
        except Unserved as reason:
            unserved.append(_unserved(element, str(reason)))
        else:
            if isinstance(control, PromptTag):
                prompts.append(control)
            elif isinstance(control, NoteTag):
                notes[to_name] = (element, control)
            elif control is not None:
                controls.append(control)
                unserved += _labels_left_out(element, control)
    if len(named) > MOST_CONTROLS:
        first, _ = named[MOST_CONTROLS]
        many = f"expected at most {MOST_CONTROLS} control tags, got {len(named)}: it and those after it"
        unserved.append(UnservedTag(first.tag, first.get("name", ""), f"{many} are not looked at"))
    if not prompts and not any(isinstance(control, RegionTag) for control in controls):
        unserved += [_unserved(element, _NOTHING_ASKED) for element, _ in notes.values()]
        notes = {}
    return LabelConfig(
        images,
        tuple(controls),
        tuple(dict.fromkeys(unserved)),
        tuple(prompts),
        tuple(note for _, note in notes.values()),
        tuple(dict.fromkeys(_aliases(root))),
        tuple(
            (element.get("name", ""), head)
            for element, _ in named
            if (head := element.get("model_head"))
        ),
        tuple(dict.fromkeys(_by_example(element for element, _ in named))),
    )


#: Many of usual size are remembered, and few large ones: each may take megabytes.
_config_of = lru_cache(maxsize=256)(_parsed)
_config_of_large = lru_cache(maxsize=8)(_parsed)


def _control(
    element: Element, root: Element, to_name: str, images: Mapping[str, ObjectTag]
) -> ControlTag | PromptTag | NoteTag | None:
    """What one element is for one image; `None` where another element stands for it."""
    if is_skipped(element):
        raise Unserved("model_skip is set")
    if to_name not in images:
        raise Unserved(
            f'toName={to_name!r} is not an <Image> with value="$key"; only images are served'
        )
    if is_prompt(element):
        return PromptTag(element.get("name", ""), to_name)
    if is_note(element):
        name = element.get("name", "")
        # Shown all the same: of text areas the editor hides none, it only leaves this one's text out.
        hidden = (element.get("visibleWhen"), element.get("whenTagName"))
        return NoteTag(name, to_name, is_left_out=hidden == ("choice-selected", name))
    control = control_of(element, root, to_name)
    if control is not None and images[to_name].is_list and not _is_of_a_page(control):
        raise Unserved(
            "its image has pages (valueList) and it is about all of them together, which no model is "
            'shown; set perItem="true" to have it filled for each page'
        )
    return control


def _unserved(element: Element, reason: str, part: str = "") -> UnservedTag:
    wanted = not part and is_skipped(element)
    return UnservedTag(element.tag, element.get("name", ""), reason, part, is_wanted=wanted)


def _labels_left_out(element: Element, control: ControlTag) -> Iterator[UnservedTag]:
    if not control.labels:
        return
    is_tree = isinstance(control, TaxonomyTag) or (
        isinstance(control, ChoicesTag) and control.nested
    )
    for label in labels_left_out(element, is_tree=is_tree):
        yield _unserved(element, label.reason, label.what)


def _is_of_a_page(control: ControlTag) -> bool:
    """Whether its answer belongs to one page of an image that has several."""
    if isinstance(control, RegionTag) or control.per_item:
        return True
    return not isinstance(control, CountTag) and control.per_region is not None


def read_xml(xml: str) -> Element:
    """The root of a label config. Raises `LabelConfigError` as `parse_label_config` does."""
    if len(xml) > MAX_XML_CHARS:
        raise LabelConfigError(
            f"expected a label config of at most {MAX_XML_CHARS} characters, got {len(xml)}"
        )
    if not xml.strip():
        raise LabelConfigError(
            "the label config is not well-formed XML: it is empty; give the project one under Settings > "
            "Labeling Interface"
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
    if _is_deeper(root, MAX_DEPTH):
        raise LabelConfigError(f"expected at most {MAX_DEPTH} tags within each other, got more")
    return root


def _is_deeper(root: Element, depth: int) -> bool:
    level = [root]
    for _ in range(depth):
        level = [child for element in level for child in element]
    return bool(level)


def _images(root: Element, repeated: Collection[int]) -> Iterator[ObjectTag]:
    """The images that tasks bring; those in a `<Repeater>` have no name before a task is known."""
    for element in root.iter("Image"):
        name, pages = element.get("name"), element.get("valueList")
        value = element.get("value", "") if pages is None else pages
        if name and is_expression(value) and id(element) not in repeated:
            path = path_of(value)
            yield ObjectTag(
                name,
                value if path is None else path,
                is_list=pages is not None,
                is_text=path is None,
            )


def _aliases(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        alias, value = element.get("alias"), element.get("value")
        if element.tag in ("Label", "Choice") and alias and value:
            yield alias, value


def _by_example(tags: Iterable[Element]) -> Iterator[tuple[str, str]]:
    """Labels with `model_task="like"`, by the name of their tag and as regions carry them."""
    for tag in tags:
        for label in tag.iter("Label"):
            value = label.get("alias") or label.get("value")
            if value and label.get("model_task") == "like":
                yield tag.get("name", ""), value
