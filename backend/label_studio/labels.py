"""The labels of one control tag: a list, or a tree with the path of each node. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from backend.label_studio.attributes import Unserved, is_skipped, phrases, prompt, threshold
from backend.label_studio.control_tags import Label
from models.queries import MAX_PHRASES

__all__ = ["flat_labels", "tree_labels"]


def flat_labels(element: Element, label_tag: str) -> tuple[Label, ...]:
    """The labels of a tag; of choices within choices the outer ones, as the editor shows them."""
    template = prompt(element)
    found = list(_outermost(element, label_tag))
    return _some(
        element,
        found,
        [_label(each, template) for each in found if not is_skipped(each)],
        label_tag,
    )


def tree_labels(element: Element) -> tuple[Label, ...]:
    """The choices of a tree, each before those within it."""
    template = prompt(element)
    found = list(_outermost(element, "Choice"))

    def below(choices: list[Element], path: tuple[str, ...]) -> Iterator[Label]:
        for choice in choices:
            if not is_skipped(choice):
                label = _label(choice, template, path)
                yield label
                yield from below(list(_outermost(choice, "Choice")), label.path)

    return _some(element, found, list(below(found, ())), "Choice")


def _outermost(element: Element, tag: str) -> Iterator[Element]:
    for child in element:
        if child.tag == tag:
            yield child
        else:
            yield from _outermost(child, tag)


def _some(
    element: Element, found: list[Element], labels: list[Label], label_tag: str
) -> tuple[Label, ...]:
    if not found:
        raise Unserved(f"it has no <{label_tag} value=...>")
    if not labels:
        raise Unserved(f"model_skip is set on each <{label_tag}>")
    asked = sum(len(label.phrases) for label in labels)
    if asked > MAX_PHRASES:
        raise Unserved(f"expected at most {MAX_PHRASES} phrases, its labels have {asked}")
    return tuple(labels)


def _label(element: Element, template: str | None, above: tuple[str, ...] | None = None) -> Label:
    """A label; with the values `above` it, one in a tree."""
    value = element.get("alias") or element.get("value")
    if not value or not element.get("value", "").strip():
        raise Unserved(f"a <{element.tag}> has no value")
    return Label(
        value=value,
        phrases=phrases(element, template),
        score_threshold=threshold(element),
        path=() if above is None else (*above, value),
    )
