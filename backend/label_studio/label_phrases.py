"""Phrases of a label put into a label config, or taken out, as `predicted_values` of its start tag. Pure.

Nothing else of the text changes: comments, indentation, quotes and the order of attributes stay, byte for
byte, since people keep their label configs by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from backend.errors import BadRequest
from backend.label_studio.label_config import parse_label_config
from models.queries import MAX_PHRASE_CHARS

__all__ = ["with_phrase", "without_phrase"]

ATTRIBUTE = "predicted_values"
_START_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, slots=True)
class _LabelTag:
    """One `<Label>` or `<Choice>`: where its start tag begins, in bytes, and the tag it is of."""

    kind: str
    attributes: dict[str, str]
    control: str
    at: int

    @property
    def phrases(self) -> list[str]:
        """What it asks, as `predicted_values` would list it."""
        listed = self.attributes.get(ATTRIBUTE)
        if listed is None:
            return [self.attributes.get("value", "").strip()]
        return list(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))

    def is_called(self, name: str) -> bool:
        known = (self.attributes.get("value", ""), self.attributes.get("alias", ""))
        return name in (each.casefold() for each in known)


def with_phrase(xml: str, label: str, phrase: str, control: str | None = None) -> str:
    """The label config in which a label asks a phrase, too: in every tag for regions that has the label.

    A label that only choices have is one of those. `control` names one tag. Raises `BadRequest` for a
    label that is not there and a phrase that cannot be, `LabelConfigError` for XML that cannot be read.

    >>> with_phrase('<View><Labels><Label value="Car" hotkey="c"/></Labels></View>', "car", "red car")
    '<View><Labels><Label value="Car" predicted_values="Car,red car" hotkey="c"/></Labels></View>'
    """
    phrase = _checked(phrase)

    def more(tag: _LabelTag) -> list[str] | None:
        return None if phrase in tag.phrases else [*tag.phrases, phrase]

    return _changed(xml, label, control, more, f"asks {phrase!r} already")


def without_phrase(xml: str, label: str, phrase: str, control: str | None = None) -> str:
    """The label config in which a label does not ask a phrase. Raises as `with_phrase` does.

    >>> without_phrase('<View><Label value="Car" predicted_values="Car,red car"/></View>', "Car", "red car")
    '<View><Label value="Car"/></View>'
    """
    phrase = phrase.strip()

    def fewer(tag: _LabelTag) -> list[str] | None:
        if phrase not in tag.phrases:
            return None
        left = [each for each in tag.phrases if each != phrase]
        if not left:
            raise BadRequest(
                f"{phrase!r} is the only phrase of label {label!r}; add another one first, or set "
                "model_skip on the label to leave it to the annotator"
            )
        return left

    return _changed(xml, label, control, fewer, f"does not ask {phrase!r}")


def _changed(
    xml: str,
    label: str,
    control: str | None,
    phrases: Callable[[_LabelTag], list[str] | None],
    otherwise: str,
) -> str:
    tags = _called(_label_tags(xml), label, control)
    wanted = [(tag, found) for tag in tags if (found := phrases(tag)) is not None]
    if not wanted:
        asked = ", ".join(repr(phrase) for phrase in tags[0].phrases)
        raise BadRequest(f"label {label!r} {otherwise}; it asks {asked}")
    text = xml.encode()
    for tag, listed in reversed(wanted):
        text = _rewritten(text, tag, listed)
    return text.decode()


def _checked(phrase: str) -> str:
    phrase = " ".join(phrase.split())
    if not phrase or "," in phrase or len(phrase) > MAX_PHRASE_CHARS:
        raise BadRequest(
            f"expected a phrase of 1 to {MAX_PHRASE_CHARS} characters without commas (they stand between "
            f"phrases), got {phrase[:60]!r}"
        )
    return phrase


def _called(tags: Sequence[_LabelTag], label: str, control: str | None) -> list[_LabelTag]:
    """The labels of that name, those of regions before choices."""
    of_control = [tag for tag in tags if control in (None, tag.control)]
    called = [tag for tag in of_control if tag.is_called(label.casefold())]
    if not called:
        names = dict.fromkeys(tag.attributes.get("value", "") for tag in of_control)
        where = f"in {control!r} " if control is not None else ""
        raise BadRequest(
            f"expected a label {where}of {', '.join(names) or '(there are none)'}, got {label!r}"
        )
    return [tag for tag in called if tag.kind == "Label"] or called


def _label_tags(xml: str) -> list[_LabelTag]:
    parse_label_config(xml)  # refuses what is not well-formed, and every document type and entity
    parser = expat.ParserCreate("UTF-8")
    controls: list[str] = [""]
    found: list[_LabelTag] = []

    def start(kind: str, attributes: dict[str, str]) -> None:
        if kind in ("Label", "Choice"):
            found.append(_LabelTag(kind, attributes, controls[-1], parser.CurrentByteIndex))
        named = "toName" in attributes
        controls.append(attributes.get("name", "") if named else controls[-1])

    def end(kind: str) -> None:
        controls.pop()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(xml.encode(), True)
    return found


def _rewritten(text: bytes, tag: _LabelTag, phrases: Sequence[str]) -> bytes:
    """The text with these phrases for a label; without the attribute where it says nothing more."""
    value = tag.attributes.get("value", "").strip()
    if "model_prompt" in tag.attributes:
        raise BadRequest(
            f"label {value!r} asks one phrase by model_prompt; write it as {ATTRIBUTE} to ask several"
        )
    if "," in value and value in phrases:
        raise BadRequest(
            f"label {value!r} asks its own name, which has a comma, so it cannot stand in a list; "
            f"write {ATTRIBUTE} by hand"
        )
    match = _START_TAG.match(text, tag.at)
    if match is None:
        raise BadRequest(f"cannot find the start tag of label {value!r}; edit {ATTRIBUTE} by hand")
    places = {each[1].decode(): each for each in _ATTRIBUTE.finditer(match[0])}
    old = places.get(ATTRIBUTE)
    if list(phrases) == [value]:
        new = b""
    else:
        quote = old[2][:1] if old is not None else b'"'
        joined = _escaped(",".join(phrases), quote.decode()).encode()
        lead = (
            match[0][old.start() : old.start(2)] if old is not None else f" {ATTRIBUTE}=".encode()
        )
        new = lead + quote + joined + quote
    after = old if old is not None else places["value"]
    first = tag.at + (after.start() if old is not None else after.end())
    return text[:first] + new + text[tag.at + after.end() :]


def _escaped(text: str, quote: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace(quote, "&quot;" if quote == '"' else "&apos;")
