"""Asking every image in every way once: ledger, resume, seconds, failures; without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from backend.bulk.tally import Tally, tally_of
from backend.evaluation.asking import ENCODED_TWICE, Asker, WaysHandler
from backend.evaluation.coco import read_coco
from backend.evaluation.evaluated import seen_in
from backend.evaluation.items import Items, items_of
from backend.evaluation.names import config_for_classes
from backend.evaluation.run import Run, Selected
from backend.evaluation.ways import AS_PREDICTED, Way
from backend.images.fetch import ImageFetcher
from backend.inference.batch_size import BatchSizer
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.runs.ledger import Ledger
from backend.runs.ledger_file import open_ledger
from backend.runs.progress import Progress
from backend.settings import Settings, load_settings
from models.protocols import ImageQueries
from models.queries import Detect, Ground
from models.types import Box, Detection, Detections, ImageSize, ModelOutput
from tests.unit.evaluation.sets import coco_at, image_at

DETECT = Way("detect", "detect")
NAMES = [f"{number}.png" for number in range(6)]
CAR = {"category_id": 1, "bbox": [10, 10, 20, 20]}


@dataclass
class StandInModels:
    """A car where it is, for each image; a first look costs ten seconds of `clock`, an answer one."""

    now: float = 0.0
    encoded: set[str] = field(default_factory=set)
    batches: list[list[ImageQueries]] = field(default_factory=list)
    stops_at: int | None = None
    broken: bool = False
    fingerprint: str = "f"
    device: str = "a stand-in"

    @property
    def asked(self) -> list[str]:
        return [item.content_key for batch in self.batches for item in batch]

    def clock(self) -> float:
        return self.now

    def run_raw(self, batch: Sequence[ImageQueries]) -> list[tuple[ModelOutput, ...]]:
        if self.stops_at is not None and len(self.batches) >= self.stops_at:
            raise KeyboardInterrupt
        if self.broken and len(self.batches) > 1:
            raise RuntimeError("out of luck")
        self.batches.append(list(batch))
        for item in batch:
            self.now += 1 if item.content_key in self.encoded else 11
            self.encoded.add(item.content_key)
        return [tuple(self._answer(query) for query in item.queries) for item in batch]

    @staticmethod
    def _answer(query: object) -> ModelOutput:
        match query:
            case Ground():
                return Detections((Detection(Box(10, 10, 30, 30), "car", 0.9),))
            case Detect():
                return Detections((Detection(Box(10, 10, 30, 30), "old cars", 0.4),))
            case other:
                raise NotImplementedError(other)

    @staticmethod
    def tidy(output: ModelOutput, size: ImageSize) -> ModelOutput:
        return output


@pytest.fixture
def items(tmp_path: Path) -> Items:
    """Six images, each with a car; no two alike, or they would be one to the models."""
    folder = tmp_path / "images"
    for number, name in enumerate(NAMES):
        image_at(folder / name)
        with Image.open(folder / name) as image:
            image.putpixel((0, 0), (number, 0, 0))
            image.save(folder / name)
    marked = [{**CAR, "image_id": number} for number in range(1, 7)]
    coco_at(folder / "annotations.json", NAMES, marked)
    return read_items(folder)


def read_items(folder: Path) -> Items:
    labelled = read_coco(folder, None)
    config = config_for_classes(labelled.classes)
    predictor = PredictorSettings(engine_for("tiny"), None, None).for_label_config(config)
    return items_of(labelled, predictor, config)


def run_of(items: Items, *ways: Way, limit: int | None = None) -> Run:
    return Run(
        items, Selected(limit).of(items.items), ways or (AS_PREDICTED,), Progress(lambda _: None)
    )


def ask(run: Run, models: StandInModels, home: Path) -> None:
    """One start of the command, as far as asking goes."""
    settings = load_settings(home=home, local_files_root=home / "images")
    with open_ledger(home, run.key, "evaluate") as ledger, ImageFetcher(settings, None) as fetcher:
        run.note(ledger)
        ask_with(run, ledger, fetcher, models, settings)


def ask_with(
    run: Run, ledger: Ledger, fetcher: ImageFetcher, models: StandInModels, settings: Settings
) -> None:
    ways = [(way, models) for way in run.ways]
    handler = WaysHandler(fetcher, ways, settings.image_max_pixels, clock=models.clock)
    run.ask(ledger, Asker(handler, BatchSizer(2, 60)))


def tally_after(run: Run, home: Path) -> Tally:
    with open_ledger(home, run.key, "evaluate") as ledger:
        run.note(ledger)
        return tally_of(ledger, this_start=True)


def test_each_image_is_asked_once_and_a_second_start_asks_nothing(
    items: Items, tmp_path: Path
) -> None:
    """But for the first one, which warms up."""
    first, second = StandInModels(), StandInModels()

    ask(run_of(items), first, tmp_path)
    ask(run_of(items), second, tmp_path)

    assert first.asked[0] == "warm-up"
    assert sorted(first.asked[1:]) == sorted(set(first.asked[1:]))
    assert len(first.asked) == 1 + len(NAMES)
    assert second.asked == []


def test_a_run_that_was_stopped_goes_on_where_it_was(items: Items, tmp_path: Path) -> None:
    stopped, rest = StandInModels(stops_at=3), StandInModels()

    with pytest.raises(KeyboardInterrupt):
        ask(run_of(items), stopped, tmp_path)
    before = tally_after(run_of(items), tmp_path).predicted
    ask(run_of(items), rest, tmp_path)

    assert 0 < before < len(NAMES)
    assert not set(stopped.asked[1:]) & set(rest.asked[1:])
    assert tally_after(run_of(items), tmp_path).predicted == len(NAMES)


def test_an_image_that_changed_and_a_label_config_that_asks_otherwise_are_asked_anew(
    items: Items, tmp_path: Path
) -> None:
    ask(run_of(items), StandInModels(), tmp_path)

    image_at(tmp_path / "images" / NAMES[0], (100, 50))
    Image.new("RGB", (100, 50), "red").save(tmp_path / "images" / NAMES[0])
    changed = StandInModels()
    ask(run_of(read_items(tmp_path / "images")), changed, tmp_path)
    assert len(changed.asked) == 2

    config = config_for_classes(["car", "dog", "cat"])
    predictor = PredictorSettings(engine_for("tiny"), None, None).for_label_config(config)
    other = StandInModels()
    ask(run_of(items_of(items.labelled, predictor, config)), other, tmp_path)
    assert len(other.asked) == 1 + len(NAMES)


def test_other_annotations_and_thresholds_ask_nothing(items: Items, tmp_path: Path) -> None:
    ask(run_of(items), StandInModels(), tmp_path)

    folder = tmp_path / "images"
    coco_at(folder / "annotations.json", NAMES, [{**CAR, "image_id": 1}])
    labelled = read_coco(folder, None)
    config = config_for_classes(labelled.classes).replace(
        "<Label ", '<Label model_score_threshold="0.7" '
    )
    predictor = PredictorSettings(engine_for("tiny"), 0.5, None).for_label_config(config)
    again = StandInModels()
    run = run_of(items_of(labelled, predictor, config))
    ask(run, again, tmp_path)

    assert again.asked == []
    assert sum(len(item.truth.boxes) for item in run.chosen) == 1


def test_every_way_asks_of_the_same_decoded_image_and_answers_apart(
    items: Items, tmp_path: Path
) -> None:
    run, models = run_of(items, AS_PREDICTED, DETECT), StandInModels()
    ask(run, models, tmp_path)

    with open_ledger(tmp_path, run.key, "evaluate") as ledger:
        run.note(ledger)
        now, detect = seen_in(run.answers(ledger), 2, Tally())

    images = {id(item.image) for batch in models.batches for item in batch}
    assert len(images) == len(NAMES)
    scores = [
        {found.score for some in seen.boxes.values() for one in some for found in one.found}
        for seen in (now, detect)
    ]
    assert scores == [{0.9}, {0.4}]
    assert now.images == detect.images == tuple(NAMES)


def test_every_way_is_charged_for_encoding_though_only_the_first_one_does_it(
    items: Items, tmp_path: Path
) -> None:
    """Ten seconds to encode, and one to answer, whichever way goes first; measured on a few images."""
    run, models = run_of(items, AS_PREDICTED, DETECT), StandInModels()
    ask(run, models, tmp_path)

    with open_ledger(tmp_path, run.key, "evaluate") as ledger:
        run.note(ledger)
        answers = list(run.answers(ledger))
        now, detect = seen_in(answers, 2, Tally())

    assert (now.seconds, detect.seconds) == (11.0, 11.0)
    twice = [answered.encoding_s for answered in answers if answered.encoding_s is not None]
    assert ENCODED_TWICE <= len(twice) < len(NAMES)
    assert set(twice) == {10.0}
    assert now.device == "a stand-in"


def test_images_fail_alone_and_each_with_its_reason(items: Items, tmp_path: Path) -> None:
    (tmp_path / "images" / NAMES[0]).write_bytes(b"not an image")
    (tmp_path / "images" / NAMES[1]).unlink()
    folder_items = read_items(tmp_path / "images")

    ask(run_of(folder_items), StandInModels(), tmp_path)

    tally = tally_after(run_of(folder_items), tmp_path)
    assert (tally.predicted, tally.failed) == (4, 2)
    assert {one.kind for one in tally.failures()} == {"ImageUnreadable", "ImageNotFound"}


def test_a_model_that_raises_fails_the_images_and_not_the_run(items: Items, tmp_path: Path) -> None:
    ask(run_of(items), StandInModels(broken=True), tmp_path)

    tally = tally_after(run_of(items), tmp_path)
    assert tally.failed + tally.predicted == len(NAMES)
    assert {one.kind for one in tally.failures()} == {"InferenceFailed"}


def test_an_image_of_another_shape_than_the_annotated_one_is_left_out(
    items: Items, tmp_path: Path
) -> None:
    image_at(tmp_path / "images" / NAMES[0], (50, 100))
    run = run_of(read_items(tmp_path / "images"))
    ask(run, StandInModels(), tmp_path)

    tally = Tally()
    with open_ledger(tmp_path, run.key, "evaluate") as ledger:
        run.note(ledger)
        (seen,) = seen_in(run.answers(ledger), 1, tally)

    assert seen.images == tuple(NAMES[1:])
    (failure,) = tally.failures()
    assert "annotated as 100x50" in failure.examples[0].message


def test_a_limit_takes_the_first_and_a_sample_the_same_ones_each_time(items: Items) -> None:
    assert [item.key for item in Selected(limit=2).of(items.items)] == NAMES[:2]
    some = Selected(sample=3, seed=5).of(items.items)
    assert some == Selected(sample=3, seed=5).of(items.items)
    assert len(some) == 3


def test_a_larger_limit_goes_on_from_the_smaller_one(items: Items, tmp_path: Path) -> None:
    first, more = StandInModels(), StandInModels()
    ask(run_of(items, limit=2), first, tmp_path)
    ask(run_of(items, limit=4), more, tmp_path)

    assert len(more.asked) == 1 + 2
    assert tally_after(run_of(items, limit=2), tmp_path).predicted == 2
