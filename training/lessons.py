"""Prompts and answers to learn from, as token ids with what each part is about.

The sentences are those of `models.prompts`. Every answer token knows the object it writes and the
phrase it copies, and every phrase of a prompt knows its place and its objects: the supervised attention
of the language stage needs that.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES
from training.pools import SceneFacts
from training.vocabulary import BOS, EOS, NUMBERS, OTHER_THINGS, plural

__all__ = ["Kind", "Lesson", "Lessons", "PhraseSpan"]

Kind = Literal["detect", "one phrase", "joined", "region", "caption"]
_COLOR_NAMES = tuple(COLORS)
_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwz", "aeiou"
_PHRASES_JOINED = (1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5)


@dataclass(frozen=True, slots=True)
class PhraseSpan:
    """A phrase's tokens in a prompt, from `start` up to `end`, and the objects that it names."""

    start: int
    end: int
    objects: tuple[int, ...]


@dataclass(slots=True)
class Lesson:
    """One prompt and its answer, both with their first and last marks.

    For each answer token, `objects` and `copied` give the number of the object it is part of and of
    the phrase it belongs to, -1 for none.
    """

    kind: Kind
    prompt: list[int]
    answer: list[int] = field(default_factory=lambda: [BOS])
    objects: list[int] = field(default_factory=lambda: [-1])
    copied: list[int] = field(default_factory=lambda: [-1])
    phrases: list[PhraseSpan] = field(default_factory=list)

    def write(self, tokens: Iterable[int], *, thing: int = -1, phrase: int = -1) -> None:
        """Adds tokens to the answer."""
        for token in tokens:
            self.answer.append(token)
            self.objects.append(thing)
            self.copied.append(phrase)


#: Colour and shape asked for; `None` stands for any, -1 for one that no scene has.
_Wanted = tuple[int | None, int | None]


class Lessons:
    """Makes lessons about scenes with a tokenizer and a source of chance."""

    def __init__(self, tokenizer: Any, seed: int) -> None:
        """Takes the tokenizer of the checkpoint; the same seed gives the same lessons."""
        self._tokenizer = tokenizer
        self._chance = random.Random(seed)  # noqa: S311 - picks lessons, guards nothing
        self._known: dict[str, tuple[int, ...]] = {}
        self.first_location: int = tokenizer.convert_tokens_to_ids("<loc_0>")

    def make(self, kind: Kind, facts: SceneFacts) -> Lesson:
        """Gives a lesson of that kind about a scene that has objects."""
        match kind:
            case "detect":
                lesson = Lesson(
                    kind, self._prompt("Locate the objects with category name in the image.")
                )
                for number in range(len(facts.kinds)):
                    lesson.write(self._ids(_name(facts, number)), thing=number)
                    lesson.write(self._places(facts.boxes[number]), thing=number)
            case "one phrase" | "joined":
                lesson = self._grounding(kind, facts)
            case "region":
                lesson = self._region(facts)
            case "caption":
                lesson = Lesson(kind, self._prompt("What does the image describe?"))
                lesson.write(self._ids(_caption(facts)))
        lesson.prompt.append(EOS)
        lesson.write([EOS])
        return lesson

    def _grounding(self, kind: Kind, facts: SceneFacts) -> Lesson:
        joined = kind == "joined"
        start = "Locate the phrases in the caption:" if joined else "Locate"
        lesson = Lesson(kind, self._prompt(start))
        asked = self._several(facts) if joined else dict([self._phrase(facts, absent=0.45)])
        separator = "." if self._chance.random() < 0.85 else ","
        ends = self._chance.random() < 0.3
        for number, (text, things) in enumerate(asked.items()):
            words = self._ids(" " + text)
            at = len(lesson.prompt)
            lesson.phrases.append(PhraseSpan(at, at + len(words), things))
            lesson.prompt.extend(words)
            if joined and (ends or number < len(asked) - 1):
                lesson.prompt.extend(self._ids(separator))
        if not joined:
            lesson.prompt.extend(self._ids(" in the image."))
        for number, (text, things) in enumerate(asked.items()):
            if things:
                lesson.write(self._ids(text), thing=things[0], phrase=number)
            for thing in things:
                lesson.write(self._places(facts.boxes[thing]), thing=thing, phrase=number)
        return lesson

    def _region(self, facts: SceneFacts) -> Lesson:
        number = self._chance.randrange(len(facts.kinds))
        x_min, y_min, x_max, y_max = facts.boxes[number].tolist()
        wide, high = 0.04 * (x_max - x_min), 0.04 * (y_max - y_min)
        about = [
            value + self._chance.gauss(0, spread)
            for value, spread in zip(
                (x_min, y_min, x_max, y_max), (wide, high, wide, high), strict=True
            )
        ]
        places = self._places(about)
        lesson = Lesson("region", self._prompt("What is the region") + list(self._ids(" ")))
        lesson.prompt.extend([*places, *self._ids("?")])
        lesson.write([*self._ids(_name(facts, number)), *places], thing=number)
        return lesson

    def _several(self, facts: SceneFacts) -> dict[str, tuple[int, ...]]:
        """Gives phrases with their objects: mostly a few of any kind, now and then a label set."""
        luck = self._chance.random()
        if luck < 0.06:
            shapes = self._chance.sample(range(len(SHAPES)), self._chance.randint(5, len(SHAPES)))
            return {SHAPES[shape]: _matching(facts, (None, shape)) for shape in shapes}
        if luck < 0.12:
            return {
                _counted(kind, len(things)): tuple(things)
                for kind, things in _groups(facts).items()
            }
        chosen: dict[str, tuple[int, ...]] = {}
        for _ in range(self._chance.choice(_PHRASES_JOINED)):
            text, things = self._phrase(facts, absent=0.4)
            chosen.setdefault(text, things)
        return chosen

    def _phrase(self, facts: SceneFacts, *, absent: float) -> tuple[str, tuple[int, ...]]:
        """Gives a phrase and its objects, none with a chance of `absent`."""
        if self._chance.random() < absent:
            return self._absent(facts), ()
        color, shape = facts.kinds[self._chance.randrange(len(facts.kinds))].tolist()
        luck = self._chance.random()
        wanted: _Wanted = (
            (color, shape) if luck < 0.68 else (None, shape) if luck < 0.93 else (color, None)
        )
        return self._text(wanted), _matching(facts, wanted)

    def _absent(self, facts: SceneFacts) -> str:
        """Gives a phrase for nothing here: other words, or nearly something that is here."""
        luck = self._chance.random()
        if luck < 0.14:
            word = self._chance.choice(OTHER_THINGS) if luck < 0.07 else self._made_up()
            colored = self._chance.random() < 0.3
            return f"{self._chance.choice(_COLOR_NAMES)} {word}" if colored else word
        for _ in range(12):
            wanted = self._nearly(facts)
            if not _matching(facts, wanted):
                return self._text(wanted)
        return OTHER_THINGS[0]

    def _nearly(self, facts: SceneFacts) -> _Wanted:
        """Gives a colour and shape, mostly with one or both of objects that are here."""
        chance = self._chance
        color, shape = chance.randrange(len(COLORS)), chance.randrange(len(SHAPES))
        luck = chance.random()
        one = facts.kinds[chance.randrange(len(facts.kinds))].tolist()
        other = facts.kinds[chance.randrange(len(facts.kinds))].tolist()
        if luck < 0.3:
            color = one[0]
        elif luck < 0.6:
            shape = one[1]
        elif luck < 0.8:
            color, shape = one[0], other[1]
        luck = chance.random()
        return (color, shape) if luck < 0.66 else (None, shape) if luck < 0.95 else (color, None)

    def _made_up(self) -> str:
        chance = self._chance
        syllables = [
            chance.choice(_CONSONANTS) + chance.choice(_VOWELS) for _ in range(chance.randint(1, 4))
        ]
        return "".join(syllables) + chance.choice(["", chance.choice(_CONSONANTS)])

    def _text(self, wanted: _Wanted) -> str:
        color, shape = wanted
        if shape is None:
            noun = self._chance.choice(("object", "shape"))
            return noun if color is None else f"{_COLOR_NAMES[color]} {noun}"
        return SHAPES[shape] if color is None else f"{_COLOR_NAMES[color]} {SHAPES[shape]}"

    def _prompt(self, text: str) -> list[int]:
        return [BOS, *self._ids(text)]

    def _ids(self, text: str) -> tuple[int, ...]:
        found = self._known.get(text)
        if found is None:
            found = tuple(self._tokenizer(text, add_special_tokens=False).input_ids)
            if len(self._known) < 20_000:
                self._known[text] = found
        return found

    def _places(self, box: Sequence[float]) -> list[int]:
        return [self.first_location + min(999, max(0, int(value * 1000))) for value in box]


def _name(facts: SceneFacts, number: int) -> str:
    color, shape = facts.kinds[number]
    return f"{_COLOR_NAMES[color]} {SHAPES[shape]}"


def _matching(facts: SceneFacts, wanted: _Wanted) -> tuple[int, ...]:
    color, shape = wanted
    return tuple(
        number
        for number, kind in enumerate(facts.kinds.tolist())
        if (color is None or kind[0] == color) and (shape is None or kind[1] == shape)
    )


def _groups(facts: SceneFacts) -> dict[tuple[int, int], list[int]]:
    groups: dict[tuple[int, int], list[int]] = {}
    for number, (color, shape) in enumerate(facts.kinds.tolist()):
        groups.setdefault((color, shape), []).append(number)
    return groups


def _counted(kind: tuple[int, int], count: int) -> str:
    color, shape = _COLOR_NAMES[kind[0]], SHAPES[kind[1]]
    if count == 1:
        return f"{'an' if color[0] in _VOWELS else 'a'} {color} {shape}"
    return f"{NUMBERS[count]} {color} {plural(shape)}"


def _caption(facts: SceneFacts) -> str:
    *first, last = [_counted(kind, len(things)) for kind, things in _groups(facts).items()]
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"{listed} on {BACKGROUND_NAMES[facts.background]}"
