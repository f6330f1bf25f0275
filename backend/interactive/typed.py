"""A typed prompt -> the phrase to look for, and the label that its hits get. Pure.

find all red cars           red cars, under the label that fits
red cars -> Car             red cars, under the label Car
more like this              what looks like the box that was drawn last, under its label
more like these -> Car      what looks like the boxes of Car
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_config.control_tags import Label
from models.queries import MAX_PHRASE_CHARS

__all__ = ["Prompt", "label_called", "label_for", "parse_prompt"]

_ARROW = re.compile(r"\s*(?:->|=>|→)\s*")
#: What people say before the thing itself.
_VERB = re.compile(
    r"(?:please\s+)?(?:find|locate|detect|mark|label|show)(?:\s+me)?"
    r"(?:\s+(?:all|each|every|any))?(?:\s+(?:of\s+)?the)?\s+",
    re.IGNORECASE,
)
_LIKE = re.compile(r"more\s+like\s+(?:this|that|these|those|it|them)", re.IGNORECASE)
_WORD = re.compile(r"\w+")
#: Labels named in an error.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to look for, and the label that was named for it, if any."""

    phrase: str
    label: str | None = None

    @property
    def is_by_example(self) -> bool:
        """Whether it is no phrase, but asks for more of what is boxed already.

        >>> Prompt("more like this").is_by_example, Prompt("more like a dog").is_by_example
        (True, False)
        """
        return _LIKE.fullmatch(self.phrase) is not None


def parse_prompt(text: str) -> Prompt:
    """The phrase and label of a text as it was typed.

    Raises `BadRequest` for a text without a phrase, or with one that is too long to ask.

    >>> parse_prompt("Find all red cars -> Car")
    Prompt(phrase='red cars', label='Car')
    >>> parse_prompt("the dog.")
    Prompt(phrase='the dog', label=None)
    """
    phrase, *named = _ARROW.split(text.strip())
    if len(named) > 1 or named == [""]:
        raise BadRequest(
            f"expected one label behind the arrow, as in 'red cars -> Car', got {text[:60]!r}"
        )
    phrase = phrase.strip(" \t\r\n.!?:")
    if " " in phrase:  # a label or a mark alone is a thing
        phrase = _VERB.sub("", f"{phrase} ", count=1)
    phrase = " ".join(phrase.split())
    if not phrase:
        raise BadRequest(
            f"expected a prompt that says what to find, as in 'find all red cars', got {text[:60]!r}"
        )
    if len(phrase) > MAX_PHRASE_CHARS:
        raise BadRequest(
            f"expected a prompt of at most {MAX_PHRASE_CHARS} characters, got {len(phrase)}; "
            "use a shorter one"
        )
    return Prompt(phrase, named[0] if named else None)


def label_for(
    prompt: Prompt, labels: Sequence[Label], aliases: Iterable[tuple[str, str]] = ()
) -> Label:
    """The label for a prompt's hits; `aliases` are the (alias, value) of labels that have both.

    That is the named one; else one that is called like the phrase, or asks it; else the only one there
    is; else the only one of whose names all words are in the phrase ("red cars": Car). Raises
    `BadRequest` where that leaves none or several: the message names the labels.
    """
    names = [_names(label, aliases) for label in labels]
    if prompt.label is not None:
        return label_called(prompt, labels, aliases)
    exact = _called(prompt.phrase, labels, aliases)
    if exact is not None:
        return exact
    shown = _shown(labels)
    if len(labels) == 1:
        return labels[0]
    words = _words(prompt.phrase)
    within = [
        label
        for label, known in zip(labels, names, strict=True)
        if any(part and part <= words for part in map(_words, known))
    ]
    if len(within) == 1:
        return within[0]
    raise BadRequest(
        f"{prompt.phrase[:60]!r} fits {'several' if within else 'none'} of the labels {shown}; "
        f"say which: '{prompt.phrase[:60]} -> {labels[0].value}'"
    )


def label_called(
    prompt: Prompt, labels: Sequence[Label], aliases: Iterable[tuple[str, str]] = ()
) -> Label:
    """The label that a prompt names behind its arrow. Raises `BadRequest` where none is called so."""
    named = prompt.label or ""
    found = _called(named, labels, aliases)
    if found is None:
        raise BadRequest(
            f"expected one of the labels {_shown(labels)} behind the arrow, got {named[:60]!r}"
        )
    return found


def _called(name: str, labels: Sequence[Label], aliases: Iterable[tuple[str, str]]) -> Label | None:
    known = list(aliases)
    return next(
        (
            label
            for label in labels
            if name.casefold() in (one.casefold() for one in _names(label, known))
        ),
        None,
    )


def _shown(labels: Sequence[Label]) -> str:
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return ", ".join(label.value for label in labels[:_NAMED]) + more


def _names(label: Label, aliases: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What people may call a label: what its regions carry, its value, what it asks."""
    values = (value for alias, value in aliases if alias == label.value)
    return (label.value, *values, *label.phrases)


def _words(text: str) -> frozenset[str]:
    """The words of a text without regard to case, and to a plural's s."""
    found = (word.casefold() for word in _WORD.findall(text))
    return frozenset(word.removesuffix("s") if len(word) > 3 else word for word in found)
