"""Questions about each box, with the tiny models: what is told of which box, and what it costs."""

from __future__ import annotations

import pytest

from models.catalogue import TINY_FOLDER
from models.protocols import ImageQueries, UnsupportedQuery
from models.queries import Classify, Ground, InBox, PerBox, Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import COLORS, SHAPES, Scene
from models.types import BoxOutputs, Classification, Detections, ModelOutput, Texts
from tests.engines import florence_of

BOXES = Ground(SHAPES)
COLOURS = Classify(tuple(f"{colour} shape" for colour in COLORS))


def run(runtime: LoadedRuntime, scene: Scene, *queries: Query) -> tuple[ModelOutput, ...]:
    (outputs,) = runtime.run([ImageQueries(scene.image, scene.image.tobytes().hex()[:99], queries)])
    return outputs


def per_box(output: ModelOutput) -> BoxOutputs:
    assert isinstance(output, BoxOutputs)
    return output


def test_attributes_of_boxes_are_those_of_the_objects(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    """CLIP says the colour of each box, Florence-2 what it is; both are right about nearly all."""
    asked = right_colour = right_name = 0
    for scene in scenes:
        colours, names = run(tiny, scene, PerBox(BOXES, COLOURS), PerBox(BOXES, "category"))
        truth = {thing.name for thing in scene.objects}
        for item in per_box(colours).items:
            assert isinstance(item.output, Classification)
            best = max(zip(item.output.probabilities, COLORS, strict=True))[1]
            asked += 1
            right_colour += f"{best} {item.detection.phrase}" in truth
        for item in per_box(names).items:
            assert isinstance(item.output, Texts)
            right_name += item.output.texts[0] in truth

    assert asked > 20
    assert right_colour >= 0.9 * asked
    assert right_name >= 0.9 * asked


def test_outputs_belong_to_the_boxes_found(tiny: LoadedRuntime, scenes: tuple[Scene, ...]) -> None:
    """The detections are those that the boxes' own query gives, in its order."""
    boxes, colours = run(tiny, scenes[0], BOXES, PerBox(BOXES, COLOURS))

    assert isinstance(boxes, Detections)
    large = [
        found for found in boxes.items if found in [i.detection for i in per_box(colours).items]
    ]
    assert [item.detection for item in per_box(colours).items] == large
    assert large


def test_an_image_is_encoded_once_for_boxes_and_what_is_asked_of_them(
    scenes: tuple[Scene, ...],
) -> None:
    """Florence-2's features serve the second round too."""
    runtime = load_runtime("tiny", device="cpu", options=RuntimeOptions(cpu_threads=1))

    run(runtime, scenes[0], BOXES, PerBox(BOXES, "category"), PerBox(BOXES, COLOURS))

    assert florence_of(runtime).images_encoded == 1


def test_boxes_known_from_before_are_not_found_again(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    """Only they are asked about: none known, none asked."""
    item = ImageQueries(
        scenes[0].image, "known", (PerBox(BOXES, COLOURS),), known={BOXES: Detections(())}
    )

    assert tiny.run_raw([item]) == [(BoxOutputs(()),)]


def test_one_box_may_be_asked_about_by_itself(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...]
) -> None:
    """The same answer as among all boxes."""
    (all_boxes,) = run(tiny, scenes[0], PerBox(BOXES, COLOURS))
    first = per_box(all_boxes).items[0]

    (alone,) = run(tiny, scenes[0], InBox(first.detection.box, COLOURS))

    assert isinstance(alone, Classification)
    assert isinstance(first.output, Classification)
    assert alone.probabilities == pytest.approx(first.output.probabilities, abs=1e-4)


@pytest.mark.parametrize("task", ["outline", "text", "description"])
def test_what_the_tiny_model_never_learnt_is_refused_before_anything_runs(
    tiny: LoadedRuntime, scenes: tuple[Scene, ...], task: str
) -> None:
    query = PerBox(BOXES, task)  # type: ignore[arg-type]

    with pytest.raises(UnsupportedQuery, match=f"the {task} of a region"):
        run(tiny, scenes[0], query)


def test_a_model_that_writes_no_outlines_gives_none(scenes: tuple[Scene, ...]) -> None:
    """Asked all the same, as a folder, the tiny weights answer with something: no outline comes of it
    that does not fit its box.
    """
    runtime = load_runtime(
        f"{TINY_FOLDER / 'florence2'},tiny-clip", options=RuntimeOptions(cpu_threads=1)
    )

    (output,) = run(runtime, scenes[0], PerBox(BOXES, "outline"))

    assert per_box(output).items
    for item in per_box(output).items:
        assert isinstance(item.output, Detections)
        for part in item.output.items:
            assert part.polygon is not None
            assert len(part.polygon) >= 3
