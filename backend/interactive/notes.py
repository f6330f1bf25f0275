"""What people read in the note tag: a sentence for each prompt and each thing drawn. Pure.

Label Studio shows the text of a reply at once, with nothing to accept. A typed prompt stands in the editor
until its text area is answered with no text, so it is: prompts neither pile up nor are submitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backend.errors import (
    Failure,
    FirstpassError,
    InternalError,
    ModelUnavailable,
    OutOfMemory,
    QueueUnavailable,
    TookTooLong,
)
from backend.interactive.repeats import Fate
from backend.label_config.control_tags import LabelConfig, NoteTag
from backend.label_studio.bodies import Region
from backend.prediction.read_regions import ReadRegion
from backend.queue.readiness import NotReady
from backend.wording import printable

__all__ = [
    "ELSEWHERE",
    "NOWHERE",
    "emptied",
    "note_region",
    "of_alike",
    "of_drawn",
    "of_failure",
    "of_late",
    "of_search",
]

NOWHERE = "Nothing is seen there."
ELSEWHERE = "This label is left to you: Firstpass fills it in nowhere on this image."
#: Of a phrase or label in a sentence, and of a sentence, in characters.
MOST_QUOTED = 60
MOST_TOLD = 400
_BEGINNINGS = {
    "BadRequest": "Not asked",
    "QueryUnsupported": "Not asked",
    "QueueFull": "Firstpass is busy",
}


def _kinds(family: type[FirstpassError]) -> Iterator[str]:
    yield family.__name__
    for inner in family.__subclasses__():
        yield from _kinds(inner)


#: What no annotator can mend, by the kind of error.
_FOR_OPERATORS = {
    kind: what
    for family, what in (
        (QueueUnavailable, "Firstpass is offline"),
        (ModelUnavailable, "Firstpass lacks its models"),
        (OutOfMemory, "This image is too much for Firstpass"),
        (TookTooLong, "This image is too much for Firstpass"),
        (InternalError, "Firstpass failed"),
    )
    for kind in _kinds(family)
}


def note_region(note: NoteTag, sentence: str) -> Region:
    """The entry that shows a sentence; nobody can change it."""
    return {
        "id": f"note-{note.name}",
        "from_name": note.name,
        "to_name": note.to_name,
        "type": "textarea",
        "value": {"text": [printable(sentence)[:MOST_TOLD]]},
        "readonly": True,
    }


def emptied(config: LabelConfig, asked: ReadRegion | None) -> list[Region]:
    """The entry that takes a typed prompt out of the editor; none for a region that is no prompt."""
    if asked is None or asked.from_name not in {prompt.name for prompt in config.prompts}:
        return []
    names = {"id": asked.id, "from_name": asked.from_name, "to_name": asked.to_name}
    return [{**names, "type": "textarea", "value": {"text": []}}]


def of_search(
    phrase: str, label: str, fates: Sequence[Fate], hidden: Sequence[float], threshold: float
) -> str:
    """What a phrase found; `hidden` are the scores of what its label's threshold keeps out.

    >>> of_search("red cars", "Car", [Fate.NEW, Fate.THERE], [0.31, 0.2], 0.4)
    '"red cars": 2 found for Car, 1 of them there already; 2 hidden by the threshold 0.4 (best 0.31).'
    >>> of_search("elephants", "Animal", [], [], 0.3)
    '"elephants": nothing like it found.'
    """
    there = sum(fate is Fate.THERE for fate in fates)
    parts = []
    if fates:
        parts.append(f"{len(fates)} found for {_quoted(label)}")
        if there == len(fates):
            parts[0] += ", there already; accepting brings back only what you deleted"
        elif there:
            parts[0] += f", {there} of them there already"
    elif not hidden:
        parts.append("nothing like it found")
    else:
        parts.append("nothing found that is sure enough")
    if hidden:
        best = f"best {max(hidden):.2f}"
        parts.append(f"{len(hidden)} hidden by the threshold {threshold:g} ({best})")
    return f'"{_quoted(phrase)}": {"; ".join(parts)}.'


def of_alike(label: str, examples: int, fates: Sequence[Fate]) -> str:
    """What was found by example.

    >>> of_alike("Car", 1, [Fate.NEW, Fate.NEW, Fate.THERE])
    'Like the box of Car: 3 found, 1 of them there already.'
    >>> of_alike("Car", 2, [])
    'Like the 2 boxes of Car: nothing else is seen.'
    """
    there = sum(fate is Fate.THERE for fate in fates)
    found = f"{len(fates)} found" if fates else "nothing else is seen"
    more = f", {there} of them there already" if there else ""
    boxes = "the box" if examples == 1 else f"the {examples} boxes"
    return f"Like {boxes} of {_quoted(label)}: {found}{more}."


def of_drawn(label: str, fate: Fate, score: float | None) -> str:
    """What became of something drawn.

    >>> of_drawn("Car", Fate.BETTER, 0.62)
    'Car (0.62): it is boxed already; accept to put this one in its place.'
    """
    named = _quoted(label) + ("" if score is None else f" ({score:.2f})")
    match fate:
        case Fate.THERE:
            return f"{_quoted(label)}: it is there already; accept to be rid of what you drew."
        case Fate.BETTER:
            return f"{named}: it is boxed already; accept to put this one in its place."
        case _ if score is None:
            return f"{named}: nothing like it is seen there; accept to keep what you drew."
        case _:
            return f"{named}: accept it in place of what you drew."


def of_failure(failure: Failure) -> str:
    """Why there is no suggestion.

    >>> of_failure(Failure("BadRequest", "expected a phrase, got none", transient=False))
    'Not asked: expected a phrase, got none.'
    """
    for_operators = _FOR_OPERATORS.get(failure.kind)
    if for_operators is not None:
        return _to_pass_on(for_operators, failure.message)
    beginning = _BEGINNINGS.get(failure.kind, "The image cannot be looked at")
    return f"{beginning}: {failure.message.rstrip('.')}."


def of_late(nobody: NotReady | None) -> str:
    """What is said where the workers are not done in time; `nobody` tells why none would be.

    >>> of_late(None)
    'Not done in time. The work goes on: ask again in a moment.'
    >>> of_late(NotReady("no worker is alive", "start one"))
    'Nobody answers. Go on by hand, and tell whoever runs Firstpass: "no worker is alive; start one".'
    """
    if nobody is None:
        return "Not done in time. The work goes on: ask again in a moment."
    if not nobody.remedy:
        return f"Not done yet: {nobody.reason}. It answers by itself then: ask again in a moment."
    return _to_pass_on("Nobody answers", nobody.sentence)


def _to_pass_on(what: str, message: str) -> str:
    """A sentence that an annotator can follow, with the words for whoever can mend it."""
    told = message.rstrip(".")
    return f'{what}. Go on by hand, and tell whoever runs Firstpass: "{told}".'


def _quoted(text: str) -> str:
    return text if len(text) <= MOST_QUOTED else f"{text[: MOST_QUOTED - 1]}…"
