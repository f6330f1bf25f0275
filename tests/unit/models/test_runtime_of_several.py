"""Several models of a kind in one runtime: each query is answered by the model that it names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from models.asking import Asking
from models.protocols import ImageQueries, UnsupportedQuery
from models.queries import Caption, Classify, Ground, PerBox, Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import SHAPES, Scene
from models.types import BoxOutputs, Detections, ModelOutput
from tests.standin.checkpoints import other_clip, other_florence

NIGHT = ("night", "snow", "grass")


class Several(NamedTuple):
    """A runtime of two Florence-2 and two CLIP, and the names of those that are no defaults."""

    runtime: LoadedRuntime
    florence: str
    clip: str


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Several:
    folder = tmp_path_factory.mktemp("checkpoints")
    florence, clip = other_florence(folder / "florence"), other_clip(folder / "clip")
    return Several(loaded(f"tiny,{florence},{clip}"), florence, clip)


def loaded(setting: str) -> LoadedRuntime:
    return load_runtime(setting, device="cpu", options=RuntimeOptions(cpu_threads=1))


def run(runtime: LoadedRuntime, scene: Scene, *queries: Query) -> tuple[ModelOutput, ...]:
    (outputs,) = runtime.run([ImageQueries(scene.image, scene.image.tobytes().hex()[:99], queries)])
    return outputs


def test_each_model_answers_as_if_it_were_alone(
    several: Several, scenes: tuple[Scene, ...]
) -> None:
    """All asked at once, in any order. Doubtful and contested boxes are judged by the first CLIP.

    The runtimes are fresh: texts encoded together with others differ in the last digits.
    """
    florence, clip = several.florence, several.clip
    named = (Classify(NIGHT, model=clip), Ground(SHAPES, model=florence), Caption(model=florence))
    unnamed = (Classify(NIGHT), Ground(SHAPES), Caption())

    together = run(several.runtime, scenes[0], *named, *unnamed)

    first = run(loaded("tiny"), scenes[0], *unnamed)
    (second_class,) = run(loaded(clip), scenes[0], Classify(NIGHT))
    second = (second_class, *run(loaded(f"{florence},tiny-clip"), scenes[0], *unnamed[1:]))
    assert together == (*second, *first)
    assert second[0] != first[0]
    assert second[1] != first[1]


def test_boxes_of_one_model_are_asked_about_by_another(
    several: Several, scenes: tuple[Scene, ...]
) -> None:
    boxes = Ground(SHAPES, model=several.florence)
    by_first, by_other = (
        PerBox(boxes, Classify(NIGHT)),
        PerBox(boxes, Classify(NIGHT), model=several.clip),
    )

    found, first, other = run(several.runtime, scenes[0], boxes, by_first, by_other)

    assert isinstance(found, Detections)
    assert isinstance(first, BoxOutputs)
    assert isinstance(other, BoxOutputs)
    places = [item.detection for item in first.items]
    assert places
    assert set(places) <= set(found.items)
    assert [item.detection for item in other.items] == places
    assert [item.output for item in other.items] != [item.output for item in first.items]


def test_an_image_is_encoded_once_by_each_model_that_is_asked(
    tmp_path: Path, scenes: tuple[Scene, ...]
) -> None:
    """And not at all by one that is not."""
    asked, idle = other_florence(tmp_path / "asked"), other_florence(tmp_path / "idle")
    runtime = loaded(f"tiny,{asked},{idle}")
    boxes = Ground(SHAPES, model=asked)

    run(
        runtime, scenes[0], Caption(), Ground(SHAPES), boxes, PerBox(boxes, "category", model=asked)
    )

    encoded = {
        name: engine.florence.images_encoded
        for name, engine in runtime.engines.items()
        if isinstance(engine, Asking)
    }
    assert encoded == {"tiny-florence2": 1, asked: 1, idle: 0}


def test_the_first_of_a_kind_may_be_named_too(several: Several, scenes: tuple[Scene, ...]) -> None:
    named, unnamed = run(
        several.runtime, scenes[0], Classify(NIGHT, model="tiny-clip"), Classify(NIGHT)
    )

    assert named == unnamed


@pytest.mark.parametrize("query", [Caption(model="tiny-clip"), Ground(("star",), model="/etc")])
def test_a_model_that_is_not_loaded_or_not_able_is_refused(
    several: Several, scenes: tuple[Scene, ...], query: Query
) -> None:
    with pytest.raises(UnsupportedQuery, match="tiny-florence2"):
        run(several.runtime, scenes[0], query)
