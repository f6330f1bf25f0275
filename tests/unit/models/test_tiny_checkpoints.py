"""The bundled weights still find what is on held-out scenes, well under what they were measured at.

The full measurement is `make eval-tiny`; its figures are in `models/tiny/README.md`.
"""

from __future__ import annotations

from typing import Any

import pytest

from models.catalogue import TINY_FOLDER
from models.queries import Classify
from models.runtime import LoadedRuntime
from models.tiny.scenes import BACKGROUND_NAMES, generate_scene
from models.types import Classification, ModelOutput
from training.evaluate import evaluate
from training.export import MOST_BYTES
from training.judging import run_each

SCENES = 40
SEED = 8_000_000_000


@pytest.fixture(scope="module")
def figures(tiny: LoadedRuntime) -> Any:
    return evaluate(tiny, n=SCENES, seed=SEED)


@pytest.mark.parametrize("name", ["florence2", "clip"])
def test_weights_are_under_12_mebibytes(name: str) -> None:
    assert 0 < (TINY_FOLDER / name / "model.safetensors").stat().st_size < MOST_BYTES


def test_detection_finds_and_names_nearly_everything(figures: Any) -> None:
    assert figures["detection"]["f1@0.5"] > 0.92
    assert figures["detection"]["f1@0.75"] > 0.85


@pytest.mark.parametrize("kind", ["colour and shape", "shape"])
def test_a_phrase_finds_what_it_names_and_nothing_where_it_names_nothing(
    figures: Any, kind: str
) -> None:
    assert figures["one phrase"][kind]["f1@0.5"] > 0.93
    assert figures["one phrase"][kind]["absent phrases boxed, share"] <= 0.05


def test_phrases_in_one_prompt_keep_their_boxes_apart(figures: Any) -> None:
    assert figures["joined"]["f1@0.5"] > 0.82
    assert figures["joined"]["precision@0.5"] > 0.9


def test_a_label_set_finds_every_shape(figures: Any) -> None:
    assert figures["labels: 7 shapes"]["f1@0.5"] > 0.91


@pytest.mark.parametrize("task", ["detection", "joined", "labels: 7 shapes"])
def test_scores_are_about_as_high_as_boxes_are_right(figures: Any, task: str) -> None:
    """Of 40 scenes three or four boxes are false: too few to ask how well scores tell them apart."""
    assert figures[task]["score ece"] < 0.12


def test_scenes_and_crops_are_told_apart(figures: Any) -> None:
    assert figures["classification"]["scene accuracy"] > 0.95
    assert figures["classification"]["crop accuracy, name"] > 0.92


def test_texts_name_the_scene_and_the_region(figures: Any) -> None:
    assert figures["texts"]["caption names the scene"] > 0.95
    assert figures["texts"]["region category"] > 0.93


def test_of_choices_none_of_which_is_there_none_fits(tiny: LoadedRuntime) -> None:
    """And where the right one is among them it does."""
    scenes = [generate_scene(SEED + number) for number in range(SCENES)]
    grounds = [tuple(name for name in BACKGROUND_NAMES if name != one.background) for one in scenes]
    absent = run_each(tiny, scenes, [Classify(names) for names in grounds])
    present = run_each(tiny, scenes, [Classify(BACKGROUND_NAMES)] * SCENES)

    assert sum(none_fits(output) for output in absent) >= SCENES - 2
    assert not any(map(none_fits, present))


def none_fits(output: ModelOutput) -> bool:
    assert isinstance(output, Classification)
    return output.none_fits
