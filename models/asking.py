"""Queries put to Florence-2: the whole image, its tiles, and again what was cut short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PIL import Image

from models.answering import Answering
from models.boxes import moved
from models.clip.crops import crop_square
from models.clip.engine import ClipEngine
from models.florence2.engine import Ask, FlorenceEngine
from models.florence2.parsing import Answer
from models.gate import gated
from models.outputs import read_detections, read_texts
from models.postprocess import CleanRules, clean
from models.prompts import AnswerKind, Prompt, phrases_of
from models.protocols import ImageQueries
from models.queries import Detect, Ground, Query, Tiling
from models.tiling import Look, Tile, merged, quarters, tiles_of
from models.types import Box, Detection, Detections, ModelOutput

__all__ = ["Asking", "Step"]

#: How often what was cut short is asked again of smaller tiles: of the quarters, and of theirs.
_ROUNDS = 2
#: Tiles cut out and encoded at once: bounds the memory that pixels and features of tiles take.
_TILES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One query about one image, and the prompts it becomes."""

    item: ImageQueries
    query: Query
    prompts: tuple[Prompt, ...]

    @property
    def whole(self) -> Tile:
        """The whole image as a tile."""
        return Tile(0, 0, *self.item.image.size)

    @property
    def tiling(self) -> Tiling | None:
        """How the query's image may be cut into tiles."""
        return self.query.tiling if isinstance(self.query, Ground | Detect) else None

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles asked from the start."""
        if self.tiling is None or self.tiling.side_px is None:
            return ()
        return tiles_of(self.whole, self.tiling.side_px, self.tiling.overlap)


@dataclass(frozen=True, slots=True)
class _Put:
    """A prompt put about a tile of a step's image."""

    step: int
    tile: Tile
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, and whether it says all: it was not cut short, or smaller tiles were asked too."""

    put: _Put
    answer: Answer
    complete: bool


class Asking:
    """Answers Florence-2's queries; holds the engines and the rules."""

    def __init__(
        self,
        florence: FlorenceEngine,
        classifier: ClipEngine | None,
        answering: Answering,
        tidy: CleanRules,
    ) -> None:
        """Without a classifier nothing is gated."""
        self._florence = florence
        self._classifier = classifier
        self._answering = answering
        self._tidy = tidy

    def answer(self, steps: Mapping[int, Step]) -> dict[int, ModelOutput]:
        """Gives the output of each step, by its number; each has a prompt.

        Raises `PhraseRefused` for a prompt longer than the model can read.
        """
        told: dict[int, list[_Told]] = {number: [] for number in steps}
        pending = [
            _Put(number, tile, prompt)
            for number, step in steps.items()
            for tile in (step.whole, *step.tiles)
            for prompt in step.prompts
        ]
        for round_number in range(_ROUNDS + 1):
            again: list[_Put] = []
            for put, answer in zip(pending, self._ask(steps, pending), strict=True):
                step = steps[put.step]
                tiled = put.tile == step.whole and bool(step.tiles)
                smaller: tuple[Tile, ...] = ()
                if answer.truncated and step.tiling and not tiled and round_number < _ROUNDS:
                    smaller = quarters(put.tile, step.tiling.overlap)
                again += [replace(put, tile=tile) for tile in smaller]
                complete = not answer.truncated or tiled or bool(smaller)
                told[put.step].append(_Told(put, answer, complete))
            pending = again
        return {number: self._output(step, told[number]) for number, step in steps.items()}

    def _ask(self, steps: Mapping[int, Step], puts: Sequence[_Put]) -> list[Answer]:
        answers: list[Answer] = []
        for some in _by_tiles(steps, puts):
            cut: dict[str, Image.Image] = {}
            asks = []
            for put in some:
                key = _content_key(steps[put.step], put.tile)
                if key not in cut:
                    cut[key] = _cut_out(steps[put.step], put.tile)
                asks.append(Ask(cut[key], key, put.prompt))
            answers += self._florence.ask(asks, self._answering)
        return answers

    def _output(self, step: Step, told: Sequence[_Told]) -> ModelOutput:
        if step.prompts[0].answer is AnswerKind.TEXT:
            return read_texts([each.answer for each in told], self._florence.vocabulary)
        found = {
            tile: self._found(step, tile, [each for each in told if each.put.tile == tile])
            for tile in dict.fromkeys(each.put.tile for each in told)
        }
        truncated = not all(each.complete for each in told)
        if len(found) == 1:
            return Detections(tuple(found[step.whole]), truncated)
        looks: dict[Prompt, list[Look]] = {prompt: [] for prompt in step.prompts}
        for each in told:
            prompt, tile = each.put.prompt, each.put.tile
            said = Look(tile, _of(prompt, found[tile]), not each.answer.truncated)
            looks[prompt].append(said)
        items = [item for some in looks.values() for item in merged(some, step.whole.size)]
        return Detections(tuple(items), truncated)

    def _found(self, step: Step, tile: Tile, told: Sequence[_Told]) -> list[Detection]:
        """Gives what was found in a tile, in pixels of the whole image, past the gate."""
        found = [
            replace(detection, box=moved(detection.box, tile.left, tile.top))
            for each in told
            for detection in read_detections(
                each.put.prompt, each.answer, self._florence.vocabulary, tile.size
            )
        ]
        if self._classifier is not None and isinstance(step.query, Ground | Detect):
            agreement = partial(self._agreement, self._classifier, step, found)
            found = gated(
                found,
                tile.size,
                self._answering.gate,
                agreement,
                joined=_sharing_a_prompt(step.prompts),
            )
        if tile == step.whole:
            return found
        # What cannot be right in an image cannot be right in a tile; later none can say which it was.
        return list(clean(found, tile.size, self._tidy))

    def _agreement(
        self,
        classifier: ClipEngine,
        step: Step,
        found: Sequence[Detection],
        regions: Sequence[tuple[Box, str]],
    ) -> list[float | None]:
        """Gives what CLIP thinks of each region's phrase, among all asked (or else all found)."""
        rivals = phrases_of(step.query) or tuple(detection.phrase for detection in found)
        crops = [(crop_square(step.item.image, box), phrase) for box, phrase in regions]
        return classifier.agreement(crops, rivals)


def _of(prompt: Prompt, found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Gives the detections that answer a prompt: no two prompts of a query ask one phrase."""
    return tuple(each for each in found if not prompt.phrases or each.phrase in prompt.phrases)


def _sharing_a_prompt(prompts: Sequence[Prompt]) -> frozenset[str]:
    """Gives the phrases that were asked together with others."""
    return frozenset(
        phrase for prompt in prompts if len(prompt.phrases) > 1 for phrase in prompt.phrases
    )


def _content_key(step: Step, tile: Tile) -> str:
    """Names the pixels of a tile."""
    key = step.item.content_key
    if tile == step.whole:
        return key
    return f"{key} {tile.width}x{tile.height}+{tile.left}+{tile.top}"


def _cut_out(step: Step, tile: Tile) -> Image.Image:
    if tile == step.whole:
        return step.item.image
    right, bottom = tile.left + tile.width, tile.top + tile.height
    return step.item.image.crop((tile.left, tile.top, right, bottom))


def _by_tiles(steps: Mapping[int, Step], puts: Sequence[_Put]) -> Iterator[list[_Put]]:
    """Gives the prompts in groups of at most `_TILES_AT_ONCE` images or tiles of images."""
    group: list[_Put] = []
    keys: set[str] = set()
    for put in puts:
        key = _content_key(steps[put.step], put.tile)
        if key not in keys and len(keys) == _TILES_AT_ONCE:
            yield group
            group, keys = [], set()
        group.append(put)
        keys.add(key)
    if group:
        yield group
