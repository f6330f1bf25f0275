"""Ways of asking: what is asked in place of what, and how answers are read back."""

from __future__ import annotations

from backend.evaluation.ways import AS_PREDICTED, Way, ways_for
from backend.prediction.engine import engine_for
from models.answering import Overrides
from models.queries import Classify, Detect, Ground, PerBox, Tiling
from models.types import Box, Detection, Detections
from tests.unit.bulk.folders import predictor

GROUND = Ground(("car", "dog"), tiling=Tiling(None))
BOX = Box(0, 0, 9, 9)


def test_each_way_changes_one_thing() -> None:
    assert AS_PREDICTED.asked(GROUND) == GROUND
    assert Way("", "joined").asked(GROUND) == Ground(GROUND.phrases, "joined", Tiling(None))
    assert Way("", "detect").asked(GROUND) == Detect(Tiling(None))
    assert Way("", tile_px=160).asked(GROUND) == Ground(GROUND.phrases, tiling=Tiling(160))
    assert Way("", "joined").asked(Classify(("a",))) == Classify(("a",))


def test_what_is_asked_of_each_box_is_asked_of_the_same_boxes() -> None:
    outline = PerBox(GROUND, "outline")

    assert Way("", "joined").asked(outline) == PerBox(
        Ground(GROUND.phrases, "joined", Tiling(None)), "outline"
    )
    assert Way("", "detect").asked(outline) == outline


def test_what_the_model_names_goes_by_the_label_that_has_its_words() -> None:
    names = ("red car", "Dogs", "house")
    said = Detections(tuple(Detection(BOX, name, 0.5) for name in names))

    read = Way("", "detect").read(GROUND, said)

    assert isinstance(read, Detections)
    assert [found.phrase for found in read.items] == ["car", "dog"]
    assert AS_PREDICTED.read(GROUND, said) == said


def test_one_label_alone_does_not_take_every_name() -> None:
    said = Detections((Detection(BOX, "house", 0.5), Detection(BOX, "a dog", 0.5)))

    read = Way("", "detect").read(Ground(("dog",)), said)

    assert isinstance(read, Detections)
    assert [found.phrase for found in read.items] == ["dog"]


def test_only_ways_that_differ_are_compared() -> None:
    """For one label there is nothing to join, and without CLIP no gate; choices are asked one way."""
    several = predictor(
        '<View><Image name="i" value="$i"/><RectangleLabels name="b" toName="i"><Label value="x"/>'
        '<Label value="y"/></RectangleLabels></View>'
    ).plan
    one = predictor().plan
    choices = predictor(
        '<View><Image name="i" value="$i"/><Choices name="c" toName="i"><Choice value="x"/></Choices></View>'
    ).plan
    both, alone = engine_for("tiny").entries, engine_for("tiny-florence2").entries

    def names(plan: object, entries: object) -> list[str]:
        return [way.name for way in ways_for(plan, entries)]  # type: ignore[arg-type]

    assert names(several, both) == [
        "now",
        "joined",
        "detect",
        "3 beams",
        "gate off",
        "tiles of 160 px",
    ]
    assert names(one, alone) == ["now", "detect", "3 beams", "tiles of 160 px"]
    assert names(choices, both) == ["now"]


def test_beams_are_compared_with_what_the_checkpoint_does() -> None:
    hub = engine_for("florence-2-base").entries

    assert "1 beam" in [way.name for way in ways_for(predictor().plan, hub)]


def test_a_way_says_how_one_has_it_or_nothing() -> None:
    settings = {
        way.name: way.setting for way in ways_for(predictor().plan, engine_for("tiny").entries)
    }

    assert settings["3 beams"] == "FIRSTPASS_NUM_BEAMS=3"
    assert "model_tile_px" in settings["tiles of 160 px"]
    assert settings["detect"] == ""
    assert settings["gate off"] == "FIRSTPASS_GATE=off"


def test_where_the_gate_is_off_already_it_is_no_way_of_its_own() -> None:
    without = engine_for("tiny", Overrides(gate="off"))

    assert "gate off" not in [way.name for way in ways_for(predictor().plan, without.entries)]
