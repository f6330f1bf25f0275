"""How the evaluation asks scenes, and what it makes of choices and texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from models.clip.crops import crop_square
from models.protocols import ImageQueries
from models.queries import Caption, Classify, InBox, Query
from models.runtime import LoadedRuntime
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES, Scene
from models.types import Classification, ModelOutput, Texts

__all__ = ["NAMES", "Figures", "classification", "rounded", "run_each", "texts"]

Figures: TypeAlias = dict[str, object]
#: Every colour and shape: `red circle`.
NAMES = tuple(f"{color} {shape}" for color in COLORS for shape in SHAPES)
_BATCH = 16


def run_each(
    runtime: LoadedRuntime, scenes: Sequence[Scene], queries: Sequence[Query]
) -> list[ModelOutput]:
    """Gives the output of one query for each scene."""
    outputs: list[ModelOutput] = []
    for start in range(0, len(scenes), _BATCH):
        pairs = zip(scenes[start : start + _BATCH], queries[start : start + _BATCH], strict=True)
        # The scenes outlive the evaluation, so that an id names one image.
        batch = [
            ImageQueries(scene.image, f"scene {id(scene.image)}", (query,))
            for scene, query in pairs
        ]
        outputs.extend(output for (output,) in runtime.run(batch))
    return outputs


def classification(runtime: LoadedRuntime, scenes: Sequence[Scene]) -> Figures:
    outputs = run_each(runtime, scenes, [Classify(BACKGROUND_NAMES)] * len(scenes))
    several = run_each(runtime, scenes, [Classify(BACKGROUND_NAMES, multi=True)] * len(scenes))
    right = [
        _best(output) == scene.background for output, scene in zip(outputs, scenes, strict=True)
    ]
    exactly = [
        _over_half(output) == {scene.background}
        for output, scene in zip(several, scenes, strict=True)
    ]
    crops = [
        (Scene(crop_square(scene.image, thing.box), scene.background, ()), thing)
        for scene in scenes
        for thing in scene.objects
    ]
    figures: Figures = {
        "scene accuracy": _share(right),
        "scene accuracy, any number": _share(exactly),
        "crops": len(crops),
    }
    images = [crop for crop, _ in crops]
    for label, candidates in (("shape", SHAPES), ("color", tuple(COLORS)), ("name", NAMES)):
        # Other crops than the scenes' own keys: see `run_each`.
        outputs = _classify_crops(runtime, images, candidates)
        right = [
            _best(output) == getattr(thing, label)
            for output, (_, thing) in zip(outputs, crops, strict=True)
        ]
        figures[f"crop accuracy, {label}"] = _share(right)
    return figures


def _classify_crops(
    runtime: LoadedRuntime, crops: Sequence[Scene], candidates: tuple[str, ...]
) -> list[ModelOutput]:
    batch = [
        ImageQueries(crop.image, f"crop {number}", (Classify(candidates),))
        for number, crop in enumerate(crops)
    ]
    return [output for (output,) in runtime.run(batch)]


def texts(runtime: LoadedRuntime, scenes: Sequence[Scene]) -> Figures:
    captions = run_each(runtime, scenes, [Caption()] * len(scenes))
    named = [
        isinstance(output, Texts) and output.texts[0].endswith(f" on {scene.background}")
        for output, scene in zip(captions, scenes, strict=True)
    ]
    filled = [scene for scene in scenes if scene.objects]
    regions = run_each(
        runtime, filled, [InBox(scene.objects[0].box, "category") for scene in filled]
    )
    right = [
        isinstance(output, Texts) and output.texts[0] == scene.objects[0].name
        for output, scene in zip(regions, filled, strict=True)
    ]
    return {"caption names the scene": _share(named), "region category": _share(right)}


def _best(output: ModelOutput) -> str | None:
    if not isinstance(output, Classification):
        return None
    best = max(output.probabilities)
    return output.candidates[output.probabilities.index(best)]


def _over_half(output: ModelOutput) -> set[str]:
    if not isinstance(output, Classification):
        return set()
    pairs = zip(output.candidates, output.probabilities, strict=True)
    return {candidate for candidate, probability in pairs if probability > 0.5}


def _share(right: Sequence[bool]) -> float:
    return round(sum(right) / max(1, len(right)), 4)


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
