"""Queries put to Florence-2: the whole image, its tiles, and again what was cut short."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PIL import Image

from models.answering import Answering
from models.boxes import moved
from models.budget import TokenBudget
from models.catalogue import FLORENCE_QUERIES
from models.clip.crops import SMALLEST_SIDE, crop_square
from models.clip.engine import ClipEngine, Cut
from models.florence2.engine import Ask, FlorenceEngine
from models.florence2.parsing import Answer
from models.gate import Opinions, gated, judged
from models.outputs import read_detections, read_texts
from models.postprocess import CleanRules, clean
from models.prompts import AnswerKind, Prompt, prompts_for
from models.protocols import ImageQuery
from models.puts import Put, Step, by_tiles, content_key, cut_out
from models.queries import Detect, Ground, InBox, QueryKind, Segment
from models.tiling import Look, Tile, merged, quarters
from models.types import Box, Detection, Detections, ImageSize, ModelOutput

__all__ = ["Asking"]

#: How often what was cut short is asked again of smaller tiles: of the quarters, and of theirs.
_ROUNDS = 2
#: Most tokens of an answer about one box; a query may ask about fifty.
_REGION_TOKENS = 512


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, and whether it says all: it was not cut short, or smaller tiles were asked too."""

    put: Put
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
        *,
        queries: frozenset[QueryKind] = FLORENCE_QUERIES,
        question_prefix: str | None = None,
    ) -> None:
        """Without a classifier nothing is gated. `question_prefix`: see `Entry`."""
        self.florence = florence
        self.queries = queries
        self._classifier = classifier
        self._answering = answering
        self._tidy = tidy
        self._question_prefix = question_prefix

    @property
    def dtype(self) -> str:
        """Number format of the weights: `float32`."""
        return str(self.florence.dtype).removeprefix("torch.")

    def asked_by(self, answering: Answering) -> Asking:
        """Gives the same loaded model and its features, asked by these rules."""
        return Asking(
            self.florence,
            self._classifier,
            answering,
            self._tidy,
            queries=self.queries,
            question_prefix=self._question_prefix,
        )

    def answer(self, questions: Sequence[ImageQuery]) -> list[ModelOutput]:
        """Gives the output of each question, in order.

        Raises `PhraseRefused` for a prompt longer than the model can read.
        """
        steps = {number: self._step(question) for number, question in enumerate(questions)}
        told: dict[int, list[_Told]] = {number: [] for number in steps}
        budgets = {number: TokenBudget.of(self._most(step)) for number, step in steps.items()}
        pending = {
            number: [Put(number, tile, prompt) for tile in step.asked for prompt in step.prompts]
            for number, step in steps.items()
        }
        for last_round in (*[False] * _ROUNDS, True):
            answers = iter(self._ask(steps, pending, budgets))
            for number, puts in pending.items():
                answered = [(put, next(answers)) for put in puts]
                budgets[number].spend([answer for _, answer in answered])
                again = [] if last_round else self._again(steps[number], answered, budgets[number])
                told[number] += [
                    _Told(put, answer, complete=_is_complete(steps[number], put, answer, again))
                    for put, answer in answered
                ]
                pending[number] = [put for _, smaller in again for put in smaller]
        return [self._output(step, told[number]) for number, step in steps.items()]

    def _step(self, question: ImageQuery) -> Step:
        item, query = question.item, question.query
        size = ImageSize(*item.image.size)
        return Step(item, query, prompts_for(query, size, self._question_prefix))

    def _most(self, step: Step) -> int:
        """Gives how many tokens one answer of a step may have."""
        most = self._answering.max_new_tokens
        return min(most, _REGION_TOKENS) if isinstance(step.query, InBox) else most

    def _again(
        self, step: Step, answered: Sequence[tuple[Put, Answer]], budget: TokenBudget
    ) -> list[tuple[Put, list[Put]]]:
        """Gives what is asked again of quarters: each answer that was cut short, with what replaces it.

        An answer without a single place in it went astray, and would in a quarter too.
        """
        again: list[tuple[Put, list[Put]]] = []
        left = budget.affordable
        for put, answer in answered:
            if not answer.truncated or step.tiling is None or _is_tiled(step, put):
                continue
            smaller = [replace(put, tile=tile) for tile in quarters(put.tile, step.tiling.overlap)]
            if not smaller or len(smaller) > left or not self._places(step, put, answer):
                continue
            left -= len(smaller)
            again.append((put, smaller))
        return again

    def _places(self, step: Step, put: Put, answer: Answer) -> bool:
        vocabulary = self.florence.vocabulary
        return bool(read_detections(put.prompt, answer, vocabulary, put.tile.size))

    def _ask(
        self,
        steps: Mapping[int, Step],
        pending: Mapping[int, Sequence[Put]],
        budgets: Mapping[int, TokenBudget],
    ) -> list[Answer]:
        limits = {number: budgets[number].limit(len(puts)) for number, puts in pending.items()}
        answers: list[Answer] = []
        for some in by_tiles(steps, [put for puts in pending.values() for put in puts]):
            cut: dict[str, Image.Image] = {}
            asks = []
            for put in some:
                key = content_key(steps[put.step], put.tile)
                if key not in cut:
                    cut[key] = cut_out(steps[put.step], put.tile)
                asks.append(Ask(cut[key], key, put.prompt, limits[put.step]))
            answers += self.florence.ask(asks, self._answering)
        return answers

    def _output(self, step: Step, told: Sequence[_Told]) -> ModelOutput:
        if step.prompts[0].answer is AnswerKind.TEXT:
            return read_texts([each.answer for each in told], self.florence.vocabulary)
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
                each.put.prompt, each.answer, self.florence.vocabulary, tile.size
            )
        ]
        found = self._past_gate(step, tile, found)
        if tile == step.whole:
            return found
        # What cannot be right in an image cannot be right in a tile; later none can say which it was.
        return list(clean(found, tile.size, self._tidy))

    def _past_gate(self, step: Step, tile: Tile, found: list[Detection]) -> list[Detection]:
        rules, classifier = self._answering.gate, self._classifier
        if classifier is None or rules.judged == "off":
            return found
        if rules.judged == "every" and isinstance(step.query, Ground | Segment):
            return judged(found, self._opinions(step, found, classifier.standing))
        if not isinstance(step.query, Ground | Detect):
            return found
        agreement = self._opinions(step, found, classifier.agreement)
        joined = _sharing_a_prompt(step.prompts)
        return gated(found, tile.size, rules, agreement, joined=joined)

    def _opinions(
        self,
        step: Step,
        found: Sequence[Detection],
        ask: Callable[[Sequence[tuple[Cut, str]], Sequence[str]], list[float | None]],
    ) -> Opinions:
        """Gives what tells CLIP's opinion of regions, the rivals being all phrases asked (or else found)."""
        rivals = step.query.words or tuple(detection.phrase for detection in found)

        def opinions(regions: Sequence[tuple[Box, str]]) -> list[float | None]:
            image = step.item.image
            crops = [
                (partial(crop_square, image, box, least_side=SMALLEST_SIDE), phrase)
                for box, phrase in regions
            ]
            return ask(crops, rivals)

        return opinions


def _is_tiled(step: Step, put: Put) -> bool:
    """Says whether tiles were asked from the start of what was put."""
    return put.tile == step.whole and bool(step.tiles)


def _is_complete(
    step: Step, put: Put, answer: Answer, again: Sequence[tuple[Put, Sequence[Put]]]
) -> bool:
    asked_again = any(put == other for other, _ in again)
    return not answer.truncated or _is_tiled(step, put) or asked_again


def _of(prompt: Prompt, found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Gives the detections that answer a prompt: no two prompts of a query ask one phrase."""
    return tuple(each for each in found if not prompt.phrases or each.phrase in prompt.phrases)


def _sharing_a_prompt(prompts: Sequence[Prompt]) -> frozenset[str]:
    """Gives the phrases that were asked together with others."""
    return frozenset(
        phrase for prompt in prompts if len(prompt.phrases) > 1 for phrase in prompt.phrases
    )
