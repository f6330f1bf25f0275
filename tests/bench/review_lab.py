"""A lab for the review loop: scenes, the bundled models' predictions of them, and reviews by a scripted person.

Everything runs in this process: the worker's handler, the predictor and the cache of raw answers are
the product's own, without Redis and without Label Studio. What comes out is what commands read from Label
Studio: tasks as JSON, or `TaskRow`s with their predictions and annotations. Raw answers stay in `.cache/`,
by the bytes of the image and the models' fingerprint, so that a second run asks the models nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from backend.demo.review_scenes import DOMAINS, PLAIN, Domain, label_config, picture_of, truth_of
from backend.demo.scene_reviewer import SceneReviewer
from backend.errors import Failure, ImageNotFound
from backend.images.fetch import FetchedImage, Validators
from backend.images.reference import ImageRef
from backend.inference.handler import PredictHandler, PreparedImage
from backend.inference.output_cache import OutputCache
from backend.label_studio.bodies import Task
from backend.label_studio.records import TaskRow
from backend.plain import Json
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, PredictorSettings
from backend.prediction.request import Outcome
from backend.review.annotation_review import AnnotationReview
from backend.review.cached_answers import CachedAnswers
from backend.review.comparison import base_of, review_of
from backend.tuning.writing import tidy
from models.measures import Counts, count_boxes
from models.runtime import RuntimeOptions, load_runtime
from models.types import Box, Detection
from tests.bench.kept_answers import KeptAnswers

__all__ = ["ReviewLab", "boxes_in", "seeds_of"]

#: Scenes that the tiny models were never trained on; each seed of a benchmark has its own.
FIRST_SEED = 7_500_000_000
#: Images in one call of the models.
BATCH = 16
#: Nobody serves it: the lab paints what it is asked for.
HOME = "https://scenes.invalid"


def seeds_of(run: int, count: int, *, part: int = 0) -> range:
    """The scenes of one run; another `part` has others, such as those that are held out."""
    first = FIRST_SEED + run * 1_000_000 + part * 100_000
    return range(first, first + count)


class _Painter:
    """Paints the scene that a reference names, where a worker would fetch it."""

    def fetch(self, ref: ImageRef) -> FetchedImage:
        domain, _, seed = ref.location.removeprefix(f"{HOME}/").removesuffix(".png").partition("/")
        if domain not in _ADDRESSED:
            raise ImageNotFound(f"no scene is called {ref.display}")
        data = picture_of(int(seed), _ADDRESSED[domain])
        return FetchedImage(data, sha256(data).hexdigest(), Validators())

    def fetch_if_changed(self, ref: ImageRef, validators: Validators) -> FetchedImage | None:
        return None  # a scene never changes


_ADDRESSED = {name.replace(" ", "-"): domain for name, domain in DOMAINS.items()}


@lru_cache(maxsize=4)
def _handler(model: str) -> PredictHandler:
    """The worker's handler with loaded models; what they answered once is not asked again."""
    runtime = load_runtime(model, "cpu", options=RuntimeOptions(cpu_threads=1))
    cache = OutputCache(KeptAnswers.of_scenes(), runtime.fingerprint)
    return PredictHandler(_Painter(), runtime, cache, max_pixels=10_000_000)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ReviewLab:
    """One project: a domain and a label config, of which thresholds may be planted."""

    domain: Domain = PLAIN
    xml: str = ""
    model: str = "tiny"
    predictor: Predictor = field(init=False)

    def __post_init__(self) -> None:
        settings = PredictorSettings(engine_for(self.model), None, None)
        object.__setattr__(self, "predictor", settings.for_label_config(self.config))

    @property
    def config(self) -> str:
        """The project's label config."""
        return self.xml or label_config(self.domain)

    @property
    def answers(self) -> CachedAnswers:
        """What the models had found of regions that people added, as `firstpass review` looks it up."""
        return CachedAnswers(self.predictor, _handler(self.model).cache)

    @property
    def tidy_answers(self) -> CachedAnswers:
        """The same, without repeats, as `firstpass tune` takes it."""
        return CachedAnswers(self.predictor, _handler(self.model).cache, tidy)

    def predicted(self, seeds: Iterable[int]) -> list[Json]:
        """A task for each scene, with its prediction; its id is its place among them, from 1."""
        tasks = [self._task(number, seed) for number, seed in enumerate(seeds, start=1)]
        rows = [Task.read(task) for task in tasks]
        requests = [self.predictor.requests(row) for row in rows]
        jobs = {
            name: request
            for asked in requests
            if not isinstance(asked, Failure)
            for name, request in asked.values()
        }
        outcomes = dict(_answered(_handler(self.model), jobs))
        for task, asked in zip(tasks, requests, strict=True):
            prediction = self.predictor.slot(task["id"], asked, outcomes).prediction
            if prediction is None:
                raise ValueError(f"no prediction for {task['data']['image']}")
            task["predictions"] = [{"id": task["id"], **prediction.model_dump()}]
        return tasks

    def reviewed(self, seeds: Sequence[int], reviewer: SceneReviewer | None = None) -> list[Json]:
        """The same tasks, each with the annotation that a person made of its prediction."""
        person = reviewer or SceneReviewer([label.value for label in self.domain.labels])
        tasks = self.predicted(seeds)
        for task, seed in zip(tasks, seeds, strict=True):
            number, row = task["id"], task["predictions"][0]
            task["annotations"] = [
                {
                    "id": number, "task": number, "completed_by": 1, "lead_time": person.lead_time_s,
                    "created_at": f"2026-11-{1 + number % 28:02}T08:00:00Z", "parent_prediction": number,
                    "result": person.submitted(seed, row["result"], truth_of(seed, self.domain)),
                    "prediction": row,
                }
            ]  # fmt: skip
        return tasks

    def counts(self, seeds: Sequence[int], least_iou: float = 0.5) -> dict[str, Counts]:
        """How right the predictions of these scenes are, label by label, against what was drawn."""
        found: dict[str, Counts] = {label.value: Counts() for label in self.domain.labels}
        for task, seed in zip(self.predicted(seeds), seeds, strict=True):
            boxes, there = boxes_in(task["predictions"][0]["result"]), truth_of(seed, self.domain)
            for label in found:
                found[label] += count_boxes(
                    [one for one in boxes if one.phrase == label],
                    [one for one in there.boxes if one[0] == label],
                    least_iou=least_iou,
                )
        return found

    @staticmethod
    def reviews(tasks: Iterable[Json]) -> Iterator[tuple[AnnotationReview, TaskRow]]:
        """What became of each prediction, as `Reviews.add` takes it."""
        for task in map(TaskRow.model_validate, tasks):
            rows = {row.id: row for row in task.predictions}
            for annotation in task.annotations:
                yield review_of(annotation, base_of(annotation, rows)), task

    def _task(self, number: int, seed: int) -> Json:
        name = self.domain.name.replace(" ", "-")
        return {"id": number, "data": {"image": f"{HOME}/{name}/{seed}.png"}}


def boxes_in(result: Iterable[Json]) -> list[Detection]:
    """The boxes of a `result` in percent of the image, by label, with their scores."""
    found = []
    for region in result:
        value = region["value"]
        if "rectanglelabels" in value:
            left, top = value["x"], value["y"]
            box = Box(left, top, left + value["width"], top + value["height"])
            found.append(Detection(box, value["rectanglelabels"][0], region.get("score")))
    return found


def _answered(
    handler: PredictHandler, jobs: Mapping[str, ModelRequest]
) -> Iterator[tuple[str, Outcome]]:
    """Each request's answer, of the models or of the cache."""
    waiting: list[tuple[str, PreparedImage]] = []
    for name, request in jobs.items():
        prepared = handler.prepare(handler.fetch(request))
        if isinstance(prepared, PreparedImage):
            waiting.append((name, prepared))
        else:
            yield name, prepared
        if len(waiting) == BATCH:
            yield from _run(handler, waiting)
            waiting = []
    yield from _run(handler, waiting)


def _run(
    handler: PredictHandler, waiting: Sequence[tuple[str, PreparedImage]]
) -> Iterator[tuple[str, Outcome]]:
    if waiting:
        answers = handler.infer([prepared for _, prepared in waiting])
        yield from zip((name for name, _ in waiting), answers, strict=True)
