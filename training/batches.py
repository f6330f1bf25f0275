"""Lessons put together into the arrays of one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.lessons import Lesson
from training.vocabulary import EOS, PAD

__all__ = ["Batch", "collate"]

#: A cell of the background counts this much; the cells of one object count 1 together.
_BACKGROUND_WEIGHT = 0.01
_IGNORED = -100

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Batch:
    """n prompts over c image tokens (the first for the whole image) and p prompt tokens.

    Supervision of attention comes as row numbers and, for each row, what it may look at.
    """

    image_tokens: Tensor
    prompts: Tensor
    #: (n, c + p): 1 for what is there.
    mask: Tensor
    answers: Tensor
    #: Where an answer goes on with another box of the phrase it was at.
    another: Tensor
    #: Places in the answers that write an object (row, token), and that object's cells.
    writing: tuple[Tensor, Tensor]
    written_cells: Tensor
    #: Places in the answers that belong to a phrase, and that phrase's tokens among all (c + p).
    copying: tuple[Tensor, Tensor]
    copied_tokens: Tensor
    #: Places in the answers right after a token of a phrase, and that phrase's tokens.
    amid: tuple[Tensor, Tensor]
    amid_tokens: Tensor
    #: Every place but the first, and what the next box is read off: the cells of the object to be
    #: written, or the prompt's end mark where a phrase has no further box.
    deciding: tuple[Tensor, Tensor]
    deciding_looks: Tensor
    #: Lessons about phrases, and for each of their cells: weight, phrases' tokens (or the end mark),
    #: whether any phrase names it, and which: (g, cells, most phrases + 1), the last for none.
    grounded: Tensor
    cell_weights: Tensor
    cell_tokens: Tensor
    cell_named: Tensor
    cell_phrases: Tensor
    #: (g, most phrases, c + p): shares of a phrase's mean; zero rows where there are fewer phrases.
    phrase_means: Tensor
    #: Phrase tokens (row, token among c + p), the cells of their objects (or the end mark), and the
    #: other tokens of their phrase.
    phrase_tokens: tuple[Tensor, Tensor]
    phrase_cells: Tensor
    phrase_mates: Tensor


def collate(
    lessons: Sequence[Lesson], image_tokens: Tensor, cells: Sequence[Bools], first_location: int
) -> Batch:
    """Gives the batch of lessons with image tokens (n, c, width) and cells of objects (k, c - 1)."""
    seen = image_tokens.shape[1]
    longest_prompt = max(len(lesson.prompt) for lesson in lessons)
    longest_answer = max(len(lesson.answer) for lesson in lessons)
    size = seen + longest_prompt
    prompts = np.full((len(lessons), longest_prompt), PAD)
    mask = np.zeros((len(lessons), size), np.int64)
    mask[:, :seen] = 1
    answers = np.full((len(lessons), longest_answer), _IGNORED)
    another = np.zeros(answers.shape, np.bool_)
    writing: list[tuple[int, int]] = []
    copying: list[tuple[int, int]] = []
    amid: list[tuple[int, int]] = []
    deciding: list[tuple[int, int]] = []
    written, copied, amid_tokens, looks = [], [], [], []
    for row, lesson in enumerate(lessons):
        prompts[row, : len(lesson.prompt)] = lesson.prompt
        mask[row, seen : seen + len(lesson.prompt)] = 1
        answers[row, : len(lesson.answer)] = lesson.answer
        another[row, _further_boxes(lesson.answer, first_location)] = True
        for at, (thing, phrase) in enumerate(zip(lesson.objects, lesson.copied, strict=True)):
            if thing >= 0:
                writing.append((row, at))
                written.append(cells[row][thing])
            if phrase >= 0:
                span = lesson.phrases[phrase]
                copying.append((row, at))
                copied.append(_between(size, seen + span.start, seen + span.end))
            if at > 0 and lesson.copied[at - 1] >= 0:
                span = lesson.phrases[lesson.copied[at - 1]]
                amid.append((row, at))
                amid_tokens.append(_between(size, seen + span.start, seen + span.end))
            if at > 0 and (thing >= 0 or lesson.answer[at] == EOS):
                begins_phrase = at > 1 and phrase != lesson.copied[at - 1]
                nothing = thing < 0 or begins_phrase
                deciding.append((row, at))
                looks.append(
                    _end_mark(size, seen, lesson) if nothing else _cells(size, cells[row][thing])
                )
    grounding = _Grounding(lessons, cells, seen=seen, size=size)
    return Batch(
        image_tokens=image_tokens,
        prompts=torch.from_numpy(prompts),
        mask=torch.from_numpy(mask),
        answers=torch.from_numpy(answers),
        another=torch.from_numpy(another),
        writing=_places(writing),
        written_cells=_stacked(written, seen - 1),
        copying=_places(copying),
        copied_tokens=_stacked(copied, size),
        amid=_places(amid),
        amid_tokens=_stacked(amid_tokens, size),
        deciding=_places(deciding),
        deciding_looks=_stacked(looks, size),
        grounded=torch.tensor(grounding.rows, dtype=torch.long),
        cell_weights=torch.from_numpy(grounding.weights),
        cell_tokens=torch.from_numpy(grounding.tokens),
        cell_named=torch.from_numpy(grounding.phrases[..., :-1].any(-1)),
        cell_phrases=torch.from_numpy(grounding.phrases),
        phrase_means=torch.from_numpy(grounding.means),
        phrase_tokens=_places(grounding.places),
        phrase_cells=_stacked(grounding.looks, size),
        phrase_mates=_stacked(grounding.mates, size),
    )


class _Grounding:
    """What lessons about phrases say of cells and phrases."""

    def __init__(
        self, lessons: Sequence[Lesson], cells: Sequence[Bools], *, seen: int, size: int
    ) -> None:
        self.rows = [row for row, lesson in enumerate(lessons) if lesson.phrases]
        most = max((len(lessons[row].phrases) for row in self.rows), default=0)
        count = len(self.rows)
        self.weights = np.full((count, seen - 1), _BACKGROUND_WEIGHT, np.float32)
        self.tokens = np.zeros((count, seen - 1, size), np.bool_)
        self.phrases = np.zeros((count, seen - 1, most + 1), np.bool_)
        self.means = np.zeros((count, most, size), np.float32)
        self.places: list[tuple[int, int]] = []
        self.looks: list[Bools] = []
        self.mates: list[Bools] = []
        for place, row in enumerate(self.rows):
            self._take(place, row, lessons[row], cells[row], seen)

    def _take(self, place: int, row: int, lesson: Lesson, cells: Bools, seen: int) -> None:
        size = self.tokens.shape[2]
        end = seen + len(lesson.prompt) - 1
        for of_object in cells:
            self.weights[place, of_object] = 1 / of_object.sum()
        for number, span in enumerate(lesson.phrases):
            start, stop = seen + span.start, seen + span.end
            self.means[place, number, start:stop] = 1 / (stop - start)
            looks = _between(size, end, end + 1)
            if span.objects:
                named = cells[list(span.objects)].any(0)
                self.phrases[place, named, number] = True
                self.tokens[place, named, start:stop] = True
                looks = np.zeros(size, np.bool_)
                looks[1:seen] = named
            for at in range(start, stop):
                mates = _between(size, start, stop)
                mates[at] = stop - start == 1
                self.places.append((row, at))
                self.looks.append(looks)
                self.mates.append(mates)
        unnamed = ~self.phrases[place].any(-1)
        self.phrases[place, unnamed, -1] = True
        self.tokens[place, unnamed, end] = True
        if lesson.prompt[-1] != EOS:
            raise ValueError("expected a prompt that ends with the end mark")


def _further_boxes(answer: Sequence[int], first_location: int) -> list[int]:
    """Gives where a box begins right after another.

    >>> _further_boxes([0, 50, 101, 102, 103, 104, 101, 102, 103, 104, 2], 100)
    [6]
    """
    places = []
    run = 0
    for at, token in enumerate(answer):
        run = run + 1 if token >= first_location else 0
        if run > 1 and run % 4 == 1:
            places.append(at)
    return places


def _between(size: int, start: int, stop: int) -> Bools:
    row = np.zeros(size, np.bool_)
    row[start:stop] = True
    return row


def _end_mark(size: int, seen: int, lesson: Lesson) -> Bools:
    end = seen + len(lesson.prompt)
    return _between(size, end - 1, end)


def _cells(size: int, cells: Bools) -> Bools:
    row = np.zeros(size, np.bool_)
    row[1 : 1 + len(cells)] = cells
    return row


def _places(pairs: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    table = torch.tensor(list(pairs), dtype=torch.long).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _stacked(rows: Sequence[Bools], width: int) -> Tensor:
    return torch.from_numpy(np.stack(rows) if rows else np.zeros((0, width), np.bool_))
