"""Loaded models behind `protocols.Runtime`: batches of images and queries in, outputs in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image

from models.answering import Overrides
from models.asking import Asking
from models.clip.crops import crop_square
from models.clip.engine import ClipEngine, ClipOptions
from models.devices import device_words, pick_device
from models.florence2.engine import FlorenceEngine, FlorenceOptions
from models.hub.cache import located
from models.per_box import asked_first, collected, questions
from models.postprocess import CleanRules, clean
from models.prompts import Prompt, phrases_of, prompts_for
from models.protocols import ImageQueries, PhraseRefused, UnsupportedQuery, VectorStore
from models.puts import Step
from models.queries import Classify, InBox, PerBox, Query
from models.registry import (
    Entry,
    asked_of,
    asked_otherwise,
    fingerprint,
    reason_not_served,
    resolve,
    serves,
)
from models.types import Detections, ImageSize, ModelOutput

#: Regions cut out of images at once: bounds the memory that they take.
_CROPS_AT_ONCE = 16

__all__ = ["LoadedRuntime", "RuntimeOptions", "load_runtime"]


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """Bounds on memory and answers, and what is cleared away."""

    florence: FlorenceOptions = field(default_factory=FlorenceOptions)
    clip: ClipOptions = field(default_factory=ClipOptions)
    clean: CleanRules = field(default_factory=CleanRules)
    #: What is asked otherwise than the checkpoints say.
    overrides: Overrides = field(default_factory=Overrides)
    #: Threads of one operation on a CPU; `None` leaves them as they are.
    cpu_threads: int | None = None


def load_runtime(
    model_setting: str,
    device: str = "auto",
    dtype: str = "auto",
    options: RuntimeOptions | None = None,
    vectors: VectorStore | None = None,
) -> LoadedRuntime:
    """Loads every model that a setting names (see `registry.resolve`), without network.

    `device`: auto, cpu, cuda, cuda:1, mps. `dtype`: auto, float32, bfloat16, float16. `vectors`
    keeps image vectors beyond this process.

    Raises `ModelNotAvailable` when a model is unknown, not on disk or not as it should be, and
    `ValueError` for a device or number format that cannot be had.
    """
    options = options or RuntimeOptions()
    if options.cpu_threads is not None:
        torch.set_num_threads(options.cpu_threads)
    entries = resolve(model_setting, options.overrides)
    place = pick_device(device)
    florences: dict[str, FlorenceEngine] = {}
    classifiers: dict[str, ClipEngine] = {}
    for entry, folder in zip(entries, located(entries), strict=True):
        if entry.kind == "florence2":
            florences[entry.name] = FlorenceEngine.load(
                entry, folder, device=place, dtype=dtype, options=options.florence
            )
        else:
            classifiers[entry.name] = ClipEngine.load(
                entry, folder, device=place, dtype=dtype, options=options.clip, vectors=vectors
            )
    return LoadedRuntime(entries, place, florences, classifiers, options)


class LoadedRuntime:
    """The `Runtime` that runs. Used by one thread at a time."""

    def __init__(
        self,
        entries: Sequence[Entry],
        device: torch.device,
        florences: Mapping[str, FlorenceEngine],
        classifiers: Mapping[str, ClipEngine],
        options: RuntimeOptions,
    ) -> None:
        """Takes loaded engines by name, each kind's default first; `load_runtime` is the usual way in."""
        self._entries = tuple(entries)
        self._device = device
        self._options = options
        self._fingerprint = fingerprint(entries)
        self.florences = dict(florences)
        self.classifiers = dict(classifiers)
        answering = {entry.name: entry.answering for entry in entries}
        self._askings = {
            name: Asking(engine, self.classifier, answering[name], options.clean)
            for name, engine in florences.items()
        }

    def variant(self, *, num_beams: int | None = None, gated: bool | None = None) -> LoadedRuntime:
        """Gives the same loaded engines and their caches, asked otherwise; `None`: as this one is.

        Not `gated`, CLIP has no say in boxes.
        """
        overrides = Overrides(num_beams, gate="off" if gated is False else None)
        entries = [asked_otherwise(entry, overrides) for entry in self._entries]
        return LoadedRuntime(entries, self._device, self.florences, self.classifiers, self._options)

    @property
    def fingerprint(self) -> str:
        """What the models' answers depend on; see `registry.fingerprint`."""
        return self._fingerprint

    @property
    def device(self) -> str:
        """Where it runs, in words: `cpu`, `cuda:0 (NVIDIA H200)`."""
        return device_words(self._device)

    @property
    def florence(self) -> FlorenceEngine | None:
        """The Florence-2 that is asked where none is named."""
        return next(iter(self.florences.values()), None)

    @property
    def classifier(self) -> ClipEngine | None:
        """The CLIP or SigLIP that is asked where none is named, and of doubtful boxes."""
        return next(iter(self.classifiers.values()), None)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Number format of each loaded model, in the order of the entries."""
        engines: list[FlorenceEngine | ClipEngine] = [*self.florences.values()]
        engines += self.classifiers.values()
        return tuple(str(engine.dtype).removeprefix("torch.") for engine in engines)

    def run(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        """Gives `run_raw`'s outputs made tidy."""
        return [
            tuple(self.tidy(output, ImageSize(*item.image.size)) for output in outputs)
            for item, outputs in zip(batch, self.run_raw(batch), strict=True)
        ]

    def tidy(self, output: ModelOutput, size: ImageSize) -> ModelOutput:
        """Gives an output about an image of that size without repeats and impossible boxes.

        Which those are the options say; runs no model.
        """
        if not isinstance(output, Detections):
            return output
        return Detections(clean(output.items, size, self._options.clean), output.truncated)

    def run_raw(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        """Gives one output per query, in the order asked; a model encodes each image once.

        Detections are raw down to a low score: thresholds are the caller's. Boxes are xyxy pixels
        of the image given.

        Raises `UnsupportedQuery` for a query that no loaded model serves and `PhraseRefused` for a
        phrase that cannot be asked faithfully; nothing of the batch is answered then.
        """
        for item in batch:
            for query in item.queries:
                self._check_served(query)
        answers = self._answers(batch, [asked_first(item.queries) for item in batch])
        boxes = [self._boxes(item, known) for item, known in zip(batch, answers, strict=True)]
        said = self._answers(batch, [questions(found) for found in boxes])
        return [
            tuple(
                collected(query, found[query], told) if isinstance(query, PerBox) else known[query]
                for query in item.queries
            )
            for item, known, found, told in zip(batch, answers, boxes, said, strict=True)
        ]

    def _boxes(
        self, item: ImageQueries, known: Mapping[Query, ModelOutput]
    ) -> dict[PerBox, Detections]:
        """Gives the tidy boxes that each `PerBox` of an item asks about."""
        boxes = {}
        for query in item.queries:
            if isinstance(query, PerBox):
                found = self.tidy(known[query.boxes], ImageSize(*item.image.size))
                if not isinstance(found, Detections):
                    raise TypeError(f"expected boxes to ask about, got a {type(found).__name__}")
                boxes[query] = found
        return boxes

    def _answers(
        self, batch: Sequence[ImageQueries], asked: Sequence[Sequence[Query]]
    ) -> list[dict[Query, ModelOutput]]:
        """Gives the outputs of the queries asked of each image, those known among them."""
        steps = [
            Step(item, query, self._prompts(item, query))
            for item, queries in zip(batch, asked, strict=True)
            for query in queries
            if query not in item.known
        ]
        outputs = self._by_model(steps)
        numbers = iter(range(len(steps)))
        return [
            {
                query: item.known[query] if query in item.known else outputs[next(numbers)]
                for query in queries
            }
            for item, queries in zip(batch, asked, strict=True)
        ]

    def _by_model(self, steps: Sequence[Step]) -> dict[int, ModelOutput]:
        """Gives the output of each step, by its number, from the model that it is asked of."""
        put: defaultdict[str, dict[int, Step]] = defaultdict(dict)
        for number, step in enumerate(steps):
            model = step.query.model
            if model is None:
                model = next(iter(self._askings if step.prompts else self.classifiers))
            put[model][number] = step
        outputs: dict[int, ModelOutput] = {}
        for model, asked in put.items():
            if model in self._askings:
                outputs |= self._askings[model].answer(asked)
            else:
                outputs |= _classified(self.classifiers[model], asked)
        return outputs

    def _check_served(self, query: Query) -> None:
        reason = reason_not_served(self._entries, query)
        if reason is not None:
            # Of a query that is served in general, only a phrase can be the trouble.
            served = serves(asked_of(self._entries, query.model))
            phrased = type(query) in served and phrases_of(query)
            raise PhraseRefused(reason) if phrased else UnsupportedQuery(reason)

    def _prompts(self, item: ImageQueries, query: Query) -> tuple[Prompt, ...]:
        match query:
            case Classify() | InBox(ask=Classify()):
                return ()
            case _:
                return prompts_for(query, ImageSize(*item.image.size))


def _classified(classifier: ClipEngine, steps: Mapping[int, Step]) -> dict[int, ModelOutput]:
    numbers = list(steps)
    outputs: dict[int, ModelOutput] = {}
    for start in range(0, len(numbers), _CROPS_AT_ONCE):
        some = numbers[start : start + _CROPS_AT_ONCE]
        asks = [_shown(steps[number]) for number in some]
        outputs.update(zip(some, classifier.classify(asks), strict=True))
    return outputs


def _shown(step: Step) -> tuple[Image.Image, str, Classify]:
    """Gives what a classifier is shown, the name of these pixels, and what it is asked."""
    image, key = step.item.image, step.item.content_key
    match step.query:
        case Classify() as ask:
            return image, key, ask
        case InBox(box=box, ask=Classify() as ask):
            sides = f"{box.x_min},{box.y_min},{box.x_max},{box.y_max}"
            return crop_square(image, box), f"{key} box {sides}", ask
        case other:
            raise TypeError(f"expected a query with candidates, got {type(other).__name__}")
