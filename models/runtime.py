"""Loaded models behind `protocols.Runtime`: batches of images and queries in, outputs in order.

A further kind of model takes a `protocols.QueryEngine`, a row of `LOADERS` and one of the catalogue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import torch

from models.answering import Overrides
from models.asking import Asking
from models.catalogue import Kind
from models.clip.engine import ClipEngine, ClipOptions
from models.devices import device_words, pick_device
from models.eye import Eye
from models.florence2.engine import FlorenceEngine, FlorenceOptions
from models.hub.cache import located
from models.per_box import asked_first, collected, questions
from models.postprocess import CleanRules, clean
from models.protocols import (
    HeadSource,
    ImageQueries,
    ImageQuery,
    IndexSearch,
    PhraseRefused,
    QueryEngine,
    UnsupportedQuery,
    VectorStore,
)
from models.queries import PerBox, Query, kind_of
from models.registry import (
    NO_MODEL,
    Entry,
    asked_of,
    asked_otherwise,
    fingerprint,
    reason_not_served,
    resolve,
    serves,
)
from models.types import Detections, ImageSize, ModelOutput

__all__ = ["LOADERS", "LoadedRuntime", "Loading", "RuntimeOptions", "load_runtime"]


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


@dataclass(frozen=True, slots=True)
class Loading:
    """How and where models are loaded, and those that are loaded already: classifiers come first."""

    device: torch.device
    dtype: str
    options: RuntimeOptions
    vectors: VectorStore | None
    heads: HeadSource | None = None
    search: IndexSearch | None = None
    loaded: dict[str, QueryEngine] = field(default_factory=dict)


#: Loads a model from its folder.
Loader: TypeAlias = Callable[[Entry, Path, Loading], QueryEngine]


def _load_florence(entry: Entry, folder: Path, how: Loading) -> QueryEngine:
    florence = FlorenceEngine.load(
        entry, folder, device=how.device, dtype=how.dtype, options=how.options.florence
    )
    return Asking(
        florence,
        next((engine for engine in how.loaded.values() if isinstance(engine, ClipEngine)), None),
        entry.answering,
        how.options.clean,
        queries=entry.queries,
        question_prefix=entry.question_prefix,
    )


def _load_clip(entry: Entry, folder: Path, how: Loading) -> QueryEngine:
    return ClipEngine.load(
        entry,
        folder,
        device=how.device,
        dtype=how.dtype,
        options=how.options.clip,
        vectors=how.vectors,
        heads=how.heads,
        search=how.search,
    )


LOADERS: dict[Kind, Loader] = {
    "florence2": _load_florence,
    "clip": _load_clip,
    "siglip": _load_clip,
}


def load_runtime(
    model_setting: str,
    device: str = "auto",
    dtype: str = "auto",
    options: RuntimeOptions | None = None,
    vectors: VectorStore | None = None,
    heads: HeadSource | None = None,
    search: IndexSearch | None = None,
) -> LoadedRuntime:
    """Loads every model that a setting names (see `registry.resolve`), without network.

    `device`: auto, cpu, cuda, cuda:1, mps. `dtype`: auto, float32, bfloat16, float16. `vectors`
    keeps image vectors beyond this process, `heads` finds what was learned of projects, and `search` what an
    index holds.

    Raises `ModelNotAvailable` when a model is unknown, not on disk or not as it should be, and
    `ValueError` for a device or number format that cannot be had.
    """
    options = options or RuntimeOptions()
    if options.cpu_threads is not None:
        torch.set_num_threads(options.cpu_threads)
    entries = resolve(model_setting, options.overrides)
    how = Loading(pick_device(device), dtype, options, vectors, heads, search)
    folders = zip(entries, located(entries), strict=True)
    for entry, folder in sorted(folders, key=lambda pair: not pair[0].is_classifier):
        how.loaded[entry.name] = LOADERS[entry.kind](entry, folder, how)
    return LoadedRuntime(entries, how.device, how.loaded, options)


class LoadedRuntime:
    """The `Runtime` that runs. Used by one thread at a time."""

    def __init__(
        self,
        entries: Sequence[Entry],
        device: torch.device,
        engines: Mapping[str, QueryEngine],
        options: RuntimeOptions,
    ) -> None:
        """Takes loaded engines by name, one for each entry; `load_runtime` is the usual way in."""
        self._entries = tuple(entries)
        self._device = device
        self._options = options
        self._fingerprint = fingerprint(entries)
        self.engines = {entry.name: engines[entry.name] for entry in entries}
        self._eye = Eye()

    def variant(self, *, num_beams: int | None = None, gated: bool | None = None) -> LoadedRuntime:
        """Gives the same loaded engines and their caches, asked otherwise; `None`: as this one is.

        Not `gated`, CLIP has no say in boxes.
        """
        overrides = Overrides(num_beams, gate="off" if gated is False else None)
        entries = [asked_otherwise(entry, overrides) for entry in self._entries]
        engines = {
            entry.name: self.engines[entry.name].asked_by(entry.answering) for entry in entries
        }
        return LoadedRuntime(entries, self._device, engines, self._options)

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
        return tuple(engine.dtype for engine in self.engines.values())

    def run(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        """Gives `run_raw`'s outputs made tidy."""
        return [
            tuple(
                outputs if item.size is None else (self.tidy(each, item.size) for each in outputs)
            )
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
        outputs = [
            {query: item.known[query] for query in queries if query in item.known}
            for item, queries in zip(batch, asked, strict=True)
        ]
        put: defaultdict[str, list[tuple[int, ImageQuery]]] = defaultdict(list)
        for number, (item, queries) in enumerate(zip(batch, asked, strict=True)):
            for query in queries:
                if query not in item.known:
                    put[self._model_for(query)].append((number, ImageQuery(item, query)))
        looks = put.pop("", [])
        # No model waits for them, nor they for a model.
        with self._eye.beside([question for _, question in looks]) as looked:
            for model, some in put.items():
                answered = self.engines[model].answer([question for _, question in some])
                _note(outputs, some, answered)
            _note(outputs, looks, looked())
        return outputs

    def _model_for(self, query: Query) -> str:
        """Gives the name of the model that answers a query which is served; empty where none is needed."""
        if kind_of(query) in NO_MODEL:
            return ""
        asked = (entry.name for entry in asked_of(self._entries, query.model))
        return next(name for name in asked if kind_of(query) in self.engines[name].queries)

    def _check_served(self, query: Query) -> None:
        reason = reason_not_served(self._entries, query)
        if reason is not None:
            # Of a query that is served in general, only a phrase can be the trouble.
            phrased = kind_of(query) in serves(asked_of(self._entries, query.model)) and query.words
            raise PhraseRefused(reason) if phrased else UnsupportedQuery(reason)


def _note(
    outputs: Sequence[dict[Query, ModelOutput]],
    asked: Sequence[tuple[int, ImageQuery]],
    answered: Sequence[ModelOutput],
) -> None:
    """Puts answers where they belong: each question has the number of its image."""
    for (number, question), output in zip(asked, answered, strict=True):
        outputs[number][question.query] = output
