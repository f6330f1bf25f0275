"""Where one prediction says two things that cannot both be right. Pure.

At least one of the two then needs a correction, however sure the models were of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from xml.etree.ElementTree import Element

from backend.errors import LabelConfigError
from backend.label_config.label_config import read_xml
from backend.review.result_content import DrawnThing, Statement, overlap

__all__ = ["Disagreement", "Meanings", "disagreements", "meanings_of"]

#: Boxes that overlap so much are of one thing.
ONE_PLACE_IOU = 0.7
#: More boxes than these are not compared with each other: it takes the square of their number.
MOST_THINGS = 300


@dataclass(frozen=True, slots=True)
class Meanings:
    """What a label config's tags mean for each other.

    `counted`: the label that a number counts, `None` for all. `choices`: those of a tag that are also labels.
    """

    counted: Mapping[str, str | None] = field(default_factory=dict)
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two things said: `words` tell which, `parts` are the numbers of the regions and statements."""

    words: str
    things: tuple[int, ...] = ()
    statements: tuple[int, ...] = ()


def meanings_of(label_config: str) -> Meanings:
    """What its tags mean for each other; nothing where it cannot be read."""
    try:
        root = read_xml(label_config)
    except LabelConfigError:
        return Meanings()
    labels = {
        _plain(label.get("alias") or label.get("value"))
        for labels in root.iter()
        if labels.tag.endswith("Labels")
        for label in labels.iter("Label")
    } - {""}
    images = [tag for tag in root.iter("Image") if tag.get("name")]
    if not labels or len(images) > 1:  # what is said of one image says nothing of another
        return Meanings()
    counted = {
        tag.get("name", ""): _plain(tag.get("model_count")) or None
        for tag in _of_the_image(root, "Number")
        if _plain(tag.get("model_count")) in {"", *labels}
    }
    choices = {
        tag.get("name", ""): frozenset(
            _plain(choice.get("alias") or choice.get("value")) for choice in tag.iter("Choice")
        )
        & labels
        for tag in _of_the_image(root, "Choices")
    }
    return Meanings(counted, {name: offered for name, offered in choices.items() if offered})


def disagreements(
    things: Sequence[DrawnThing], statements: Sequence[Statement], meanings: Meanings
) -> list[Disagreement]:
    """All that a prediction with these regions and statements has."""
    found = [*_in_one_place(things[:MOST_THINGS])]
    for number, said in enumerate(statements):
        if said.control in meanings.counted:
            found += _miscounted(things, number, said, meanings.counted[said.control])
        elif said.control in meanings.choices:
            found += _not_drawn(things, number, said, meanings.choices[said.control])
    return found


def _of_the_image(root: Element, tag: str) -> Iterator[Element]:
    """Tags of that kind that say something of the whole image."""
    for element in root.iter(tag):
        if not {"perregion", "peritem"} & {name.casefold() for name in element.keys()}:  # noqa: SIM118
            yield element


def _in_one_place(things: Sequence[DrawnThing]) -> Iterator[Disagreement]:
    """Regions of one tag over each other: another label, or the same thing twice."""
    for (first, one), (second, other) in combinations(enumerate(things), 2):
        if one.control != other.control or one.box is None or other.box is None:
            continue
        shared = overlap(one, other)
        if shared is None or shared < ONE_PLACE_IOU:
            continue
        if one.label == other.label:
            words = f"{one.label or 'a region'} twice in one place"
        else:
            words = f"{one.label} and {other.label} in one place"
        yield Disagreement(words, (first, second))


def _miscounted(
    things: Sequence[DrawnThing], number: int, said: Statement, label: str | None
) -> Iterator[Disagreement]:
    counted = [n for n, one in enumerate(things) if label is None or label in _labels(one)]
    try:
        told = float(said.values[0])
    except ValueError:
        return
    if told != len(counted):
        what = label or "regions"
        yield Disagreement(
            f"{said.control} says {told:g}, {len(counted)} {what} drawn", (*counted,), (number,)
        )


def _not_drawn(
    things: Sequence[DrawnThing], number: int, said: Statement, offered: frozenset[str]
) -> Iterator[Disagreement]:
    """Choices named as labels are: what is said is drawn, and what is drawn is said."""
    told = {_plain(value.rpartition(" > ")[2]) for value in said.values} & offered
    drawn: dict[str, list[int]] = {}
    for place, one in enumerate(things):
        for label in _labels(one):
            drawn.setdefault(label, []).append(place)
    for label in sorted(told - drawn.keys()):
        yield Disagreement(f"{said.control} says {label}, none drawn", (), (number,))
    for label in sorted((drawn.keys() & offered) - told):
        yield Disagreement(f"{label} drawn, {said.control} lacks it", (*drawn[label],), (number,))


def _labels(thing: DrawnThing) -> Iterable[str]:
    """Several labels of one region are one text."""
    return map(_plain, thing.label.split(", ")) if thing.label else ()


def _plain(name: str | None) -> str:
    return (name or "").strip().casefold()
