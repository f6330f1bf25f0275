"""The labels of one control tag: a list, or a tree with the path of each node. Pure.

A label that cannot be asked is left out, with all below it; the others are asked all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from backend.label_config.attributes import (
    Unserved,
    calibration,
    is_skipped,
    phrases,
    prompt,
    threshold,
)
from backend.label_config.control_tags import Label
from models.queries import MAX_PHRASES

__all__ = ["LeftOut", "flat_labels", "labels_left_out", "tree_labels"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A label that is not asked: what it is, and why."""

    what: str
    reason: str


def flat_labels(element: Element, label_tag: str) -> tuple[Label, ...]:
    """The labels of a tag; of choices within choices the outer ones, as the editor shows them.

    Raises `Unserved` when none is left, or they ask too much.
    """
    return _some(element, label_tag, list(_walk(element, label_tag, is_tree=False)))


def tree_labels(element: Element) -> tuple[Label, ...]:
    """The choices of a tree, each before those within it. Raises as `flat_labels` does."""
    return _some(element, "Choice", list(_walk(element, "Choice", is_tree=True)))


def labels_left_out(element: Element, *, is_tree: bool) -> Iterator[LeftOut]:
    """Those that cannot be asked; not those that `model_skip` leaves out."""
    for label_tag in ("Label", "Choice"):
        for found in _walk(element, label_tag, is_tree=is_tree):
            if isinstance(found, LeftOut):
                yield found


def _walk(element: Element, label_tag: str, *, is_tree: bool) -> Iterator[Label | LeftOut]:
    template = prompt(element)

    def below(parent: Element, path: tuple[str, ...]) -> Iterator[Label | LeftOut]:
        for number, each in enumerate(_outermost(parent, label_tag), start=1):
            if is_skipped(each):
                continue
            try:
                label = _label(each, template, path if is_tree else None)
            except Unserved as reason:
                yield LeftOut(_named(each, number, path), str(reason))
                continue
            yield label
            if is_tree:
                yield from below(each, label.path)

    return below(element, ())


def _outermost(element: Element, tag: str) -> Iterator[Element]:
    for child in element:
        if child.tag == tag:
            yield child
        else:
            yield from _outermost(child, tag)


def _named(label: Element, number: int, path: tuple[str, ...]) -> str:
    value = label.get("value", "").strip()
    where = f" below {' / '.join(path)!r}" if path else ""
    return f"<{label.tag} value={value[:60]!r}>" if value else f"<{label.tag}> no. {number}{where}"


def _some(element: Element, label_tag: str, found: list[Label | LeftOut]) -> tuple[Label, ...]:
    labels = tuple(each for each in found if isinstance(each, Label))
    bad = next((each for each in found if isinstance(each, LeftOut)), None)
    if next(_outermost(element, label_tag), None) is None:
        raise Unserved(f"it has no <{label_tag} value=...>")
    if not labels and bad is not None:
        raise Unserved(f"it has no <{label_tag}> that can be asked; {bad.what}: {bad.reason}")
    if not labels:
        raise Unserved(f"model_skip is set on each <{label_tag}>")
    asked = sum(len(label.phrases) for label in labels)
    if asked > MAX_PHRASES:
        raise Unserved(f"expected at most {MAX_PHRASES} phrases, its labels have {asked}")
    return labels


def _label(element: Element, template: str | None, above: tuple[str, ...] | None = None) -> Label:
    """A label; with the values `above` it, one in a tree."""
    value = element.get("alias") or element.get("value")
    if not value or not element.get("value", "").strip():
        raise Unserved("it has no value")
    return Label(
        value=value,
        phrases=phrases(element, template),
        score_threshold=threshold(element),
        path=() if above is None else (*above, value),
        calibration=calibration(element) if element.tag == "Label" else None,
    )
