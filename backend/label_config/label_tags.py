"""The start tags of labels and of control tags in a label config's text, found and changed in place. Pure.

Nothing else of the text changes: comments, indentation, quotes and the order of attributes stay, byte for
byte, since people keep their label configs by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers import expat

from backend.errors import BadRequest
from backend.label_config.label_config import parse_label_config

__all__ = ["LabelTag", "control_start_tags", "label_tags", "with_attribute"]

_START_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, slots=True)
class LabelTag:
    """One `<Label>`, `<Choice>` or control tag: where it begins, in bytes; `control` names the tag it is of, or is."""

    kind: str
    attributes: dict[str, str]
    control: str
    at: int

    @property
    def shown(self) -> str:
        """The label's name as regions carry it."""
        return self.attributes.get("alias") or self.attributes.get("value", "")

    def is_called(self, name: str) -> bool:
        """Whether its value or alias is that name, in lower case."""
        known = (self.attributes.get("value", ""), self.attributes.get("alias", ""))
        return name in (each.casefold() for each in known)


def label_tags(xml: str) -> list[LabelTag]:
    """All labels of a label config, in order. Raises `LabelConfigError` for XML that cannot be read."""
    return [tag for tag in _start_tags(xml) if tag.kind in ("Label", "Choice")]


def control_start_tags(xml: str) -> list[LabelTag]:
    """All control tags of a label config, in order. Raises `LabelConfigError` for XML that cannot be read."""
    tags = _start_tags(xml)
    return [tag for tag in tags if "toName" in tag.attributes and tag.attributes.get("name")]


def _start_tags(xml: str) -> list[LabelTag]:
    parse_label_config(xml)  # refuses what is not well-formed, and every document type and entity
    parser = expat.ParserCreate("UTF-8")
    controls: list[str] = [""]
    found: list[LabelTag] = []

    def start(kind: str, attributes: dict[str, str]) -> None:
        named = "toName" in attributes
        controls.append(attributes.get("name", "") if named else controls[-1])
        found.append(LabelTag(kind, attributes, controls[-1], parser.CurrentByteIndex))

    def end(kind: str) -> None:
        controls.pop()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(xml.encode(), True)
    return found


def with_attribute(text: bytes, tag: LabelTag, name: str, value: str | None) -> bytes:
    """The text with that attribute of a tag; without it where `value` is `None`.

    Of several tags change the last first: `at` counts from the beginning. Raises `BadRequest` where the
    start tag is written in a way that cannot be followed.
    """
    match = _START_TAG.match(text, tag.at)
    if match is None:
        title = (tag.attributes.get("value") or tag.control).strip()
        raise BadRequest(f"cannot find the start tag of {tag.kind} {title!r}; edit {name} by hand")
    places = {each[1].decode(): each for each in _ATTRIBUTE.finditer(match[0])}
    old = places.get(name)
    if value is None:
        new = b""
    else:
        quote = old[2][:1] if old is not None else b'"'
        lead = match[0][old.start() : old.start(2)] if old is not None else f" {name}=".encode()
        new = lead + quote + _escaped(value, quote.decode()).encode() + quote
    after = old or (places["value"] if tag.kind in ("Label", "Choice") else places["name"])
    first = tag.at + (after.start() if old is not None else after.end())
    return text[:first] + new + text[tag.at + after.end() :]


def _escaped(text: str, quote: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace(quote, "&quot;" if quote == '"' else "&apos;")
