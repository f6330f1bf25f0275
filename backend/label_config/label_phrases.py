"""Phrases of a label put into a label config, or taken out, as `predicted_values` of its start tag. Pure.

Nothing else of the text changes: comments, indentation, quotes and the order of attributes stay, byte for
byte, since people keep their label configs by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backend.errors import BadRequest
from backend.label_config.label_tags import LabelTag, label_tags, with_attribute
from models.queries import MAX_PHRASE_CHARS

__all__ = ["with_phrase", "without_phrase"]

ATTRIBUTE = "predicted_values"


def with_phrase(xml: str, label: str, phrase: str, control: str | None = None) -> str:
    """The label config in which a label asks a phrase, too: in every tag for regions that has the label.

    A label that only choices have is one of those. `control` names one tag. Raises `BadRequest` for a
    label that is not there and a phrase that cannot be, `LabelConfigError` for XML that cannot be read.

    >>> with_phrase('<View><Labels><Label value="Car" hotkey="c"/></Labels></View>', "car", "red car")
    '<View><Labels><Label value="Car" predicted_values="Car,red car" hotkey="c"/></Labels></View>'
    """
    phrase = _checked(phrase)

    def more(tag: LabelTag) -> list[str] | None:
        return None if phrase in _phrases(tag) else [*_phrases(tag), phrase]

    return _changed(xml, label, control, more, f"asks {phrase!r} already")


def without_phrase(xml: str, label: str, phrase: str, control: str | None = None) -> str:
    """The label config in which a label does not ask a phrase. Raises as `with_phrase` does.

    >>> without_phrase('<View><Label value="Car" predicted_values="Car,red car"/></View>', "Car", "red car")
    '<View><Label value="Car"/></View>'
    """
    phrase = phrase.strip()

    def fewer(tag: LabelTag) -> list[str] | None:
        if phrase not in _phrases(tag):
            return None
        left = [each for each in _phrases(tag) if each != phrase]
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
    phrases: Callable[[LabelTag], list[str] | None],
    otherwise: str,
) -> str:
    tags = _called(label_tags(xml), label, control)
    wanted = [(tag, found) for tag in tags if (found := phrases(tag)) is not None]
    if not wanted:
        asked = ", ".join(repr(phrase) for phrase in _phrases(tags[0]))
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


def _called(tags: Sequence[LabelTag], label: str, control: str | None) -> list[LabelTag]:
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


def _rewritten(text: bytes, tag: LabelTag, phrases: Sequence[str]) -> bytes:
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
    listed = None if list(phrases) == [value] else ",".join(phrases)
    return with_attribute(text, tag, ATTRIBUTE, listed)


def _phrases(tag: LabelTag) -> list[str]:
    """What a label asks, as `predicted_values` would list it."""
    listed = tag.attributes.get(ATTRIBUTE)
    if listed is None:
        return [tag.attributes.get("value", "").strip()]
    return list(dict.fromkeys(part.strip() for part in listed.split(",") if part.strip()))
