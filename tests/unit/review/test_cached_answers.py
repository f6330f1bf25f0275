"""What the models had found of regions that people added, from the workers' cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from backend.images.fetch import Validators
from backend.inference.output_cache import KnownContent, OutputCache
from backend.label_studio.bodies import Task
from backend.label_studio.records import TaskRow
from backend.prediction.engine import engine_for
from backend.prediction.predictor import Predictor, PredictorSettings, TaskRequests
from backend.prediction.step import LearnedPart
from backend.review.annotation_review import AddedRegion
from backend.review.cached_answers import CachedAnswers
from backend.review.result_content import content_of
from backend.review.tally import Found
from models.heads import HeadPart
from models.types import Box, Detection, Detections, ImageSize
from tests.reviewer import box

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car" model_score_threshold="0.5"/><Label value="person" model_score_threshold="0.5"/>'
    "</RectangleLabels></View>"
)
TASK = TaskRow.model_validate({"id": 1, "data": {"image": "http://images.example/1.png"}})
SIZE = ImageSize(200, 100)


class Kept:
    """A store that forgets nothing."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        return [self.values.get(name) for name in names]

    def put(self, values: Mapping[str, bytes]) -> None:
        self.values |= values


def predictor() -> Predictor:
    settings = PredictorSettings(engine_for("tiny"), None, None)
    return settings.for_label_config(CONFIG)


def cached(*found: tuple[str, Box, float], leaves_out: tuple[str, ...] = ()) -> CachedAnswers:
    """Answers from a cache in which these are, in pixels of an image of 200 x 100.

    A head of the label config leaves some boxes of the labels `leaves_out` out.
    """
    asked = predictor()
    if leaves_out:
        rules = HeadPart("box", (), 1.0, 1.0, 1.0, unwanted=tuple((one, 0.5) for one in leaves_out))
        learned = LearnedPart("0" * 32, 0, rules)
        steps = tuple(replace(step, learned=learned) for step in asked.plan.steps)
        asked = replace(asked, plan=replace(asked.plan, steps=steps))
    cache = OutputCache(Kept(), asked.settings.engine.fingerprint)
    requests = asked.requests(Task.of(TASK))
    assert isinstance(requests, TaskRequests)
    ((_, request),) = requests.values()
    cache.remember(request.image, KnownContent("0" * 64, SIZE, Validators()))
    output = Detections(tuple(Detection(where, phrase, score) for phrase, where, score in found))
    cache.put({("0" * 64, query): output for query in request.queries})
    return CachedAnswers(asked, cache)


def added(label: str, x: float, y: float, page: int = 0) -> AddedRegion:
    """A square of 20 % that a person drew."""
    drawn = {**box("n", label, x, y, 20, 20, None), "item_index": page}
    return AddedRegion(content_of([drawn]).things["n"])


#: The same place as 10, 10, 20, 20 in percent.
THERE = Box(20, 10, 60, 30)


def test_an_answer_below_the_threshold_was_hidden() -> None:
    answers = cached(("car", THERE, 0.22), ("car", Box(22, 10, 60, 30), 0.3))

    assert answers.look_up(TASK, [added("car", 10, 10)]) == [Found(0.3, shown=False)]


def test_one_that_reaches_it_now_is_told_apart() -> None:
    """The threshold was lowered since, or the region lay under another one."""
    assert cached(("car", THERE, 0.7)).look_up(TASK, [added("car", 10, 10)]) == [
        Found(0.7, shown=True)
    ]


def test_elsewhere_or_of_another_label_is_not_found() -> None:
    answers = cached(("car", THERE, 0.22), ("person", Box(100, 50, 140, 70), 0.4))

    looked_up = answers.look_up(TASK, [added("car", 70, 70), added("person", 10, 10)])

    assert looked_up == [Found(None), Found(None)]


def test_what_the_cache_does_not_hold_is_unknown() -> None:
    """Its content is not known, or not on this page, or the model's answers went."""
    asked = predictor()
    empty = CachedAnswers(asked, OutputCache(Kept(), asked.settings.engine.fingerprint))
    assert empty.look_up(TASK, [added("car", 10, 10)]) == [None]

    assert cached(("car", THERE, 0.2)).look_up(TASK, [added("car", 10, 10, page=1)]) == [None]

    forgetful = cached(("car", THERE, 0.2))
    store = forgetful._cache._store
    assert isinstance(store, Kept)
    store.values = {name: v for name, v in store.values.items() if not name.startswith("output:")}
    assert forgetful.look_up(TASK, [added("car", 10, 10)]) == [None]


def test_a_task_that_cannot_be_asked_is_unknown() -> None:
    """Its data has no image."""
    task = TaskRow.model_validate({"id": 1, "data": {"text": "a"}})

    assert cached().look_up(task, [added("car", 10, 10)]) == [None]
