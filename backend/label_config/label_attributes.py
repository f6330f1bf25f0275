"""Attributes of labels put into a label config, or taken out of it; all else stays byte for byte. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_config.label_tags import LabelTag, label_tags, with_attribute

__all__ = ["LabelAttributes", "with_label_attributes"]


@dataclass(frozen=True, slots=True)
class LabelAttributes:
    """What the attributes of a label or choice of a control tag become; `None` takes one out."""

    control: str
    label: str
    values: Mapping[str, str | None]


def with_label_attributes(
    xml: str,
    wanted: Iterable[LabelAttributes],
    noted: Callable[[LabelTag], Mapping[str, str | None]] = lambda tag: {},
) -> str:
    """The label config in which labels have these attributes, and what is `noted` of each start tag that changes.

    A label goes by its name as regions carry it; where none has that, by value or alias, whatever their case. Raises `BadRequest` for a label that is not there, `LabelConfigError` for XML that cannot be read.
    """
    tags = label_tags(xml)
    at: dict[int, tuple[LabelTag, Mapping[str, str | None]]] = {}
    for one in wanted:
        own = [tag for tag in tags if tag.control == one.control]
        exactly = [tag for tag in own if tag.shown == one.label]
        exactly = exactly or [tag for tag in own if tag.attributes.get("value") == one.label]
        found = exactly or [tag for tag in own if tag.is_called(one.label.casefold())]
        if not found:
            raise BadRequest(
                f"the label config has no label {one.label!r} in {one.control!r} any more"
            )
        at |= {tag.at: (tag, one.values) for tag in found}
    text = xml.encode()
    for place in sorted(at, reverse=True):
        tag, values = at[place]
        for name, value in {**noted(tag), **values}.items():
            text = with_attribute(text, tag, name, value)
    return text.decode()
