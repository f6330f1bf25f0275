"""Loaded models behind `protocols.Runtime`: batches of images and queries in, outputs in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from models.checkpoint import locate
from models.clip.engine import ClipEngine, ClipOptions
from models.devices import device_words, pick_device
from models.florence2.engine import Ask, FlorenceEngine, FlorenceOptions
from models.outputs import read_detections, read_texts
from models.postprocess import CleanRules, clean
from models.prompts import AnswerKind, Prompt, prompts_for, reason_refused
from models.protocols import ImageQueries, PhraseRefused, UnsupportedQuery
from models.registry import Entry, fingerprint, reason_not_served, resolve
from models.types import (
    Classification,
    Classify,
    Detections,
    Ground,
    ImageSize,
    ModelOutput,
    Query,
    Segment,
)

__all__ = ["LoadedRuntime", "RuntimeOptions", "load_runtime"]


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """Bounds on memory and answers, and what is cleared away."""

    florence: FlorenceOptions = field(default_factory=FlorenceOptions)
    clip: ClipOptions = field(default_factory=ClipOptions)
    clean: CleanRules = field(default_factory=CleanRules)
    #: Threads of one operation on a CPU; `None` leaves them as they are.
    cpu_threads: int | None = None


def load_runtime(
    model_setting: str,
    device: str = "auto",
    dtype: str = "auto",
    options: RuntimeOptions | None = None,
) -> LoadedRuntime:
    """Loads every model that a setting names (see `registry.resolve`), without network.

    `device`: auto, cpu, cuda, cuda:1, mps. `dtype`: auto, float32, bfloat16, float16.

    Raises `ModelNotAvailable` when a model is unknown, not on disk or not as it should be, and
    `ValueError` for a device or number format that cannot be had.
    """
    options = options or RuntimeOptions()
    if options.cpu_threads is not None:
        torch.set_num_threads(options.cpu_threads)
    entries = resolve(model_setting)
    place = pick_device(device)
    florence: FlorenceEngine | None = None
    classifier: ClipEngine | None = None
    for entry in entries:
        folder = locate(entry)
        if entry.kind == "florence2":
            florence = FlorenceEngine.load(
                entry, folder, device=place, dtype=dtype, options=options.florence
            )
        else:
            classifier = ClipEngine.load(
                entry, folder, device=place, dtype=dtype, options=options.clip
            )
    return LoadedRuntime(entries, place, florence, classifier, options)


class LoadedRuntime:
    """The `Runtime` that runs. Used by one thread at a time."""

    def __init__(
        self,
        entries: Sequence[Entry],
        device: torch.device,
        florence: FlorenceEngine | None,
        classifier: ClipEngine | None,
        options: RuntimeOptions,
    ) -> None:
        """Takes loaded engines; `load_runtime` is the usual way in."""
        self._entries = tuple(entries)
        self._device = device
        self._options = options
        self._fingerprint = fingerprint(entries)
        self.florence = florence
        self.classifier = classifier

    @property
    def fingerprint(self) -> str:
        """What the models' answers depend on; see `registry.fingerprint`."""
        return self._fingerprint

    @property
    def device(self) -> str:
        """Where it runs, in words: `cpu`, `cuda:0 (NVIDIA H200)`."""
        return device_words(self._device)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Number format of each loaded model, in the order of the entries."""
        engines = (self.florence, self.classifier)
        return tuple(str(engine.dtype).removeprefix("torch.") for engine in engines if engine)

    def run(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        """Gives one output per query, in the order asked; each image is encoded once.

        Detections are raw down to a low score: thresholds are the caller's. Boxes are xyxy pixels
        of the image given.

        Raises `UnsupportedQuery` for a query that no loaded model serves and `PhraseRefused` for a
        phrase that cannot be asked faithfully; nothing of the batch is answered then.
        """
        for item in batch:
            for query in item.queries:
                self._check(query)
        plans = [self._prompts(item) for item in batch]
        classified = self._classify(batch)
        places = {
            (image, number): prompts
            for image, plan in enumerate(plans)
            for number, prompts in enumerate(plan)
        }
        answers = self._ask(batch, places)
        outputs: list[tuple[ModelOutput, ...]] = []
        for image, item in enumerate(batch):
            outputs.append(
                tuple(
                    classified.get((image, number)) or answers[image, number]
                    for number in range(len(item.queries))
                )
            )
        return outputs

    def _check(self, query: Query) -> None:
        reason = reason_not_served(self._entries, query)
        if reason is not None:
            raise UnsupportedQuery(reason)
        phrases: tuple[str, ...] = ()
        match query:
            case Ground(phrases=phrases):
                pass
            case Segment(phrase=phrase):
                phrases = (phrase,)
            case _:
                pass
        for phrase in phrases:
            refused = reason_refused(phrase)
            if refused is not None:
                raise PhraseRefused(refused)

    def _prompts(self, item: ImageQueries) -> list[tuple[Prompt, ...]]:
        size = ImageSize(*item.image.size)
        return [
            () if isinstance(query, Classify) else prompts_for(query, size)
            for query in item.queries
        ]

    def _classify(self, batch: Sequence[ImageQueries]) -> dict[tuple[int, int], Classification]:
        asked = {
            (image, number): (item.image, item.content_key, query)
            for image, item in enumerate(batch)
            for number, query in enumerate(item.queries)
            if isinstance(query, Classify)
        }
        if not asked or self.classifier is None:
            return {}
        return dict(zip(asked, self.classifier.classify(list(asked.values())), strict=True))

    def _ask(
        self,
        batch: Sequence[ImageQueries],
        places: dict[tuple[int, int], tuple[Prompt, ...]],
    ) -> dict[tuple[int, int], ModelOutput]:
        if self.florence is None:
            return {}
        asks = [
            Ask(batch[image].image, batch[image].content_key, prompt)
            for (image, _), prompts in places.items()
            for prompt in prompts
        ]
        answers = iter(self.florence.ask(asks))
        vocabulary = self.florence.vocabulary
        outputs: dict[tuple[int, int], ModelOutput] = {}
        for (image, number), prompts in places.items():
            pairs = [(prompt, next(answers)) for prompt in prompts]
            if not pairs:
                continue
            if pairs[0][0].answer is AnswerKind.TEXT:
                outputs[image, number] = read_texts([answer for _, answer in pairs], vocabulary)
                continue
            size = ImageSize(*batch[image].image.size)
            found = [
                detection
                for prompt, answer in pairs
                for detection in read_detections(prompt, answer, vocabulary, size)
            ]
            outputs[image, number] = Detections(
                clean(found, size, self._options.clean),
                truncated=any(answer.truncated for _, answer in pairs),
            )
        return outputs
