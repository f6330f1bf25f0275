"""The lab with a head: what `firstpass learn` does with reviewed scenes, and predictions with what it learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from backend.demo.review_scenes import label_config
from backend.errors import Failure
from backend.inference.handler import PredictHandler
from backend.inference.output_cache import OutputCache
from backend.label_config.named_heads import with_head
from backend.label_studio.bodies import Task
from backend.label_studio.records import TaskRow
from backend.learning.asking import AskedImage, answered, images_of, label_texts, learnable
from backend.learning.evidence import Observed, TagEvidence
from backend.learning.head_file import head_bytes, most_examples
from backend.learning.learned_tag import LearnedTag, learned_tag
from backend.learning.observing import in_order, observed_in
from backend.learning.verified import Verified
from backend.plain import Json
from backend.prediction.engine import engine_for
from backend.prediction.learned import classifier_of
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Answer, Outcome
from models.heads import HeadCard, read_card
from models.runtime import RuntimeOptions, load_runtime
from tests.bench.kept_answers import KeptAnswers
from tests.bench.review_lab import ReviewLab, _answered, _Painter

__all__ = ["HandlerWindow", "LearnLab", "Learned", "edits_of", "lab_handler"]

#: Heads that the models of this process know, by fingerprint.
HEADS: dict[str, bytes] = {}


@lru_cache(maxsize=2)
def lab_handler(model: str = "tiny") -> PredictHandler:
    """The worker's handler with loaded models that find the heads of this process."""
    options = RuntimeOptions(cpu_threads=1)
    runtime = load_runtime(model, "cpu", options=options, heads=HEADS.get)
    cache = OutputCache(KeptAnswers.of_scenes(), runtime.fingerprint)
    return PredictHandler(_Painter(), runtime, cache, max_pixels=10_000_000)  # type: ignore[arg-type]


@dataclass
class HandlerWindow:
    """What `firstpass learn` asks, answered in this process."""

    handler: PredictHandler
    asked: dict[str, ModelRequest] = field(default_factory=dict)

    def add(self, requests: Mapping[str, ModelRequest]) -> None:
        self.asked.update(requests)

    def collect(self, wait_s: float) -> dict[str, Outcome]:
        asked, self.asked = self.asked, {}
        about_texts = {name: one for name, one in asked.items() if one.subject is None}
        found: dict[str, Outcome] = {}
        for name, request in about_texts.items():
            prepared = self.handler.prepare(self.handler.fetch(request))
            if isinstance(prepared, Answer):
                found[name] = prepared
            else:
                (found[name],) = self.handler.infer([prepared])
        rest = {name: one for name, one in asked.items() if one.subject is not None}
        return found | dict(_answered(self.handler, rest))


@dataclass(frozen=True)
class Learned:
    """What was learned of reviewed scenes, and the lab that predicts with it."""

    tags: Sequence[LearnedTag]
    lab: LearnLab
    bytes: int


@dataclass(frozen=True)
class LearnLab(ReviewLab):
    """A lab that finds heads, and learns from reviewed tasks."""

    def __post_init__(self) -> None:
        xml = self.xml or label_config(self.domain)
        object.__setattr__(self, "predictor", _settings(self.model).for_label_config(xml))

    def predicted(self, seeds: Sequence[int]) -> list[Json]:  # type: ignore[override]
        """As the lab's, with the heads that the label config names."""
        tasks = [self._task(number, seed) for number, seed in enumerate(seeds, start=1)]
        requests = [self.predictor.requests(Task.read(task)) for task in tasks]
        jobs = {
            name: request
            for asked in requests
            if not isinstance(asked, Failure)
            for name, request in asked.values()
        }
        outcomes = dict(_answered(lab_handler(self.model), jobs))
        for task, asked in zip(tasks, requests, strict=True):
            slot = self.predictor.slot(task["id"], asked, outcomes)
            assert slot.prediction is not None, slot.failure
            task["predictions"] = [{"id": task["id"], **slot.prediction.model_dump()}]
        return tasks

    def learned(self, tasks: Sequence[Json]) -> Learned:
        """What these reviewed tasks teach, and the lab whose label config names it."""
        predictor, window = self.predictor, HandlerWindow(lab_handler(self.model))
        verified = Verified()
        found_in: dict[tuple[int, int], list[tuple[str, Observed]]] = {}

        def images() -> Iterator[AskedImage]:
            for task in map(TaskRow.model_validate, tasks):
                annotation = verified.of(task)
                if annotation is not None:
                    found = images_of(task, annotation, predictor)
                    assert not isinstance(found, Failure), found
                    yield from found

        fingerprint = predictor.settings.engine.fingerprint
        for one in answered(images(), window, fingerprint):
            if one is not None:
                image, outcome = one
                assert isinstance(outcome, Answer), outcome
                found_in[image.at] = list(observed_in(image, outcome))
        observed = in_order(found_in)
        steps = learnable(predictor)
        texts = label_texts(steps, predictor, window)
        evidence = [TagEvidence.of_tag(step.control, texts, observed) for step in steps]
        tags = [learned_tag(one, most_examples(one.width, len(evidence))) for one in evidence]
        xml = self.xml or label_config(self.domain)
        made = head_bytes(classifier_of(predictor.settings.engine) or "", tags)
        if made is None:
            return Learned(tags, self, 0)
        name, data = made
        HEADS[name] = data
        named = with_head(xml, [one.part.tag for one in tags if one.is_on], name)
        return Learned(tags, replace(self, xml=named), len(data))


def _settings(model: str) -> PredictorSettings:
    return PredictorSettings(engine_for(model), None, None, heads=_card)


def _card(fingerprint: str) -> HeadCard:
    return read_card(HEADS[fingerprint], fingerprint)


def edits_of(tasks: Sequence[Json]) -> float:
    """Edits per image, as `firstpass review` counts them."""
    edits = [review.edits for review, _ in ReviewLab.reviews(tasks)]
    return sum(edits) / len(edits)
