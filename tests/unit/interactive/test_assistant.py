"""Gestures in, suggestions out, with models that answer by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from backend.errors import BadRequest, Failure, LabelConfigError, QueueUnavailable
from backend.interactive.assistant import Assistant
from backend.label_config.label_config import parse_label_config
from backend.label_studio.bodies import Prediction, Region, Task
from backend.label_studio.project_key import ProjectKey
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor, PredictorSettings, Slot
from backend.prediction.request import Answer, Outcome
from backend.queue.readiness import NotReady
from models.queries import Classify, Detect, Ground, InBox, PerBox, Query, ReadText, Tiling
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
    ModelOutput,
    Texts,
)
from tests.standin.queue import StandInQueue
from tests.unit.interactive.contexts import (
    SIZE,
    brush,
    context,
    keypoint,
    polygon,
    rectangle,
    region,
    text,
)

ENGINE = engine_for("florence-2-base,clip-vit-b-32")
LABELS = (
    '<Label value="Cat" predicted_values="cat,kitten"/><Label value="Dog" predicted_values="dog"/>'
)
BOXES = f'<RectangleLabels name="box" toName="img" smart="true">{LABELS}</RectangleLabels>'
MASKS = f'<BrushLabels name="brush" toName="img" smart="true">{LABELS}</BrushLabels>'
POLYGONS = f'<PolygonLabels name="poly" toName="img">{LABELS}</PolygonLabels>'
POINTS = f'<KeyPointLabels name="kp" toName="img" smart="true">{LABELS}</KeyPointLabels>'
PRINT = (
    '<RectangleLabels name="line" toName="img" model_task="ocr"><Label value="Text"/></RectangleLabels>'
    '<TextArea name="said" toName="img" perRegion="true" whenTagName="line" visibleWhen="region-selected"/>'
)
MOOD = '<Choices name="mood" toName="img" perRegion="true"><Choice value="calm"/><Choice value="wild"/></Choices>'
LOOKS = '<TextArea name="looks" toName="img" perRegion="true" model_task="describe"/>'
PROMPT = '<TextArea name="prompt" toName="img" smart="true"/>'

#: In an image of 200x100 pixels.
CAT = Detection(Box(20, 20, 60, 60), "cat", 0.9)
KITTEN = Detection(Box(30, 30, 46, 46), "kitten", 0.15)
DOG = Detection(Box(100, 20, 180, 90), "dog", 0.05)
LINE = Detection(Box(10, 80, 60, 90), "EXIT", 0.8)
PROJECT = ProjectKey(3, 1795207698)


class Models:
    """Answers every query about one image, and remembers those that it was asked."""

    def __init__(self, *found: Detection) -> None:
        self.found = found
        self.asked: list[Query] = []

    def __call__(self, request: ModelRequest) -> Outcome | None:
        self.asked += request.queries
        return Answer(SIZE, tuple(map(self.answer, request.queries)), "0" * 64)

    def answer(self, query: Query) -> ModelOutput:
        match query:
            case Ground() | ReadText():
                return self.boxes(query)
            case PerBox(boxes=boxes, ask=ask):
                sure = [one for one in self.boxes(boxes).items if (one.score or 0) >= 0.1]
                return BoxOutputs(tuple(BoxOutput(one, self.about(one.box, ask)) for one in sure))
            case InBox(box=box, ask=ask):
                return self.about(box, ask)
            case _:
                raise NotImplementedError(query)

    def boxes(self, query: Ground | ReadText | Detect) -> Detections:
        if isinstance(query, ReadText):
            return Detections(tuple(one for one in self.found if one.phrase.isupper()))
        if isinstance(query, Detect):
            return Detections(self.found)
        return Detections(tuple(one for one in self.found if one.phrase in query.phrases))

    def about(self, box: Box, ask: object) -> Classification | Detections | Texts:
        match ask:
            case Classify(candidates=candidates):
                shares = [0.1] * (len(candidates) - 1)
                return Classification(candidates, (*shares, 1 - sum(shares)))
            case "outline":
                points = ((box.x_min, box.y_min), (box.x_max, box.y_min), (box.x_max, box.y_max))
                return Detections((Detection(box, "", 0.7, polygon=points),))
            case _:
                return Texts((f"a {ask}",), 0.6)


class Notes:
    """Remembers what was asked."""

    def __init__(self) -> None:
        self.phrases: list[tuple[ProjectKey, str, str]] = []

    def asked(self, project: ProjectKey, label: str, phrase: str) -> None:
        self.phrases.append((project, label, phrase))


def predictor_for(tags: str, engine: str | None = None) -> tuple[Predictor, str]:
    xml = f'<View><Image name="img" value="$image"/>{tags}</View>'
    settings = PredictorSettings(engine_for(engine) if engine else ENGINE, 0.3, None)
    return settings.for_label_config(xml), xml


def task(**stored: Any) -> Task:
    return Task(id=7, data={"image": "https://a.example/1.png"}, **stored)


def slot_for(
    tags: str,
    drawn: dict[str, Any],
    models: Any,
    *,
    tasks: Sequence[Task] | None = None,
    **more: Any,
) -> Slot:
    predictor, xml = predictor_for(tags, more.pop("engine", None))
    assistant = Assistant(StandInQueue(models), wait_s=lambda: 1, phrases=more.pop("notes", None))
    return assistant.suggest(
        predictor, parse_label_config(xml), tasks or [task(**more)], drawn, PROJECT
    )


def suggested(tags: str, drawn: dict[str, Any], models: Any, **more: Any) -> list[Region]:
    slot = slot_for(tags, drawn, models, **more)
    assert isinstance(slot.prediction, Prediction)
    return slot.prediction.result


def percent(found: Region) -> tuple[float, ...]:
    return tuple(found["value"][key] for key in ("x", "y", "width", "height"))


# ---- a smart rectangle ----


def test_a_rectangle_is_tightened_to_the_thing_in_it() -> None:
    """Label and score are those of the detection."""
    (box,) = suggested(BOXES, context(rectangle(8, 15, 25, 50, "Cat")), Models(CAT, DOG))

    assert percent(box) == (10, 20, 20, 40)
    assert box["value"]["rectanglelabels"] == ["Cat"]
    assert box["score"] == 0.9
    assert box["id"] != "drawn"


def test_a_rectangle_without_a_label_takes_that_of_the_thing() -> None:
    """A score under every threshold does: a person says that something is there."""
    (box,) = suggested(BOXES, context(rectangle(48, 15, 45, 80)), Models(CAT, DOG))

    assert box["value"]["rectanglelabels"] == ["Dog"]
    assert box["score"] == 0.05


def test_the_chosen_label_decides_what_is_looked_for() -> None:
    """A dog is there, but the person says cat: so it stays as drawn, and nobody gives it a score."""
    (box,) = suggested(BOXES, context(rectangle(48, 15, 45, 80, "Cat")), Models(CAT, DOG))

    assert percent(box) == (48, 15, 45, 80)
    assert box["value"]["rectanglelabels"] == ["Cat"]
    assert "score" not in box


def test_a_rectangle_around_nothing_known_is_named_by_its_crop() -> None:
    """By CLIP, since no label was chosen; the last candidate is what the stand-in sees."""
    models = Models(CAT)

    (box,) = suggested(BOXES, context(rectangle(60, 50, 30, 40)), models)

    assert percent(box) == (60, 50, 30, 40)
    assert box["value"]["rectanglelabels"] == ["Dog"]
    assert "score" not in box
    assert models.asked[-1] == InBox(Box(120, 50, 180, 90), Classify(("cat", "kitten", "dog")))


def test_a_region_too_small_to_judge_needs_a_label() -> None:
    with pytest.raises(BadRequest, match=r"label to be chosen before drawing.*too small"):
        suggested(BOXES, context(rectangle(80, 80, 10, 10)), Models())


def test_without_a_classifier_a_region_of_something_else_needs_a_label() -> None:
    with pytest.raises(BadRequest, match=r"label to be chosen before drawing.*no loaded model"):
        suggested(BOXES, context(rectangle(50, 50, 40, 40)), Models(), engine="florence-2-base")


def test_every_tag_with_the_label_gets_its_part() -> None:
    """Box, polygon and mask of one thing, and what is per region beside each, with shared ids."""
    found = suggested(
        BOXES + POLYGONS + MASKS + MOOD + LOOKS,
        context(rectangle(8, 15, 25, 50, "Cat")),
        Models(CAT),
    )

    by_id: dict[str, list[str]] = {}
    for one in found:
        by_id.setdefault(one["id"], []).append(one["from_name"])
    assert list(by_id.values()) == [
        ["box", "mood", "looks"],
        ["poly", "mood", "looks"],
        ["brush", "mood", "looks"],
    ]


def test_what_the_prediction_said_of_the_box_is_not_asked_again() -> None:
    """The task's own prediction is one request; a box it knows needs no second."""
    models = Models(CAT)

    suggested(BOXES + MASKS + MOOD, context(rectangle(8, 15, 25, 50, "Cat")), models)

    assert not any(isinstance(query, InBox) for query in models.asked)


def test_a_box_that_the_prediction_passed_over_is_asked_about() -> None:
    """It asks about boxes of some score only."""
    models = Models(DOG)

    found = suggested(BOXES + MASKS + MOOD, context(rectangle(50, 20, 40, 70, "Dog")), models)

    assert {one["from_name"] for one in found} == {"box", "brush", "mood"}
    assert {query.ask for query in models.asked if isinstance(query, InBox)} == {
        "outline",
        Classify(("calm", "wild")),
    }


def test_attributes_of_another_label_are_left_alone() -> None:
    mood = MOOD.replace("perRegion", 'whenLabelValue="Dog" perRegion')

    found = suggested(BOXES + mood, context(rectangle(8, 15, 25, 50, "Cat")), Models(CAT))

    assert [one["from_name"] for one in found] == ["box"]


def test_a_rectangle_with_labels_comes_in_pairs() -> None:
    tags = f'<Rectangle name="rect" toName="img" smart="true"/><Labels name="lab" toName="img">{LABELS}</Labels>'
    shape = rectangle(8, 15, 25, 50, from_name="rect")
    label = region("labels", {**shape["value"], "labels": ["Cat"]}, from_name="lab")

    shape, label = suggested(tags, context(shape, label), Models(CAT))

    assert (shape["from_name"], label["from_name"]) == ("rect", "lab")
    assert shape["id"] == label["id"]
    assert label["value"]["labels"] == ["Cat"]


def test_a_label_that_is_left_to_the_annotator_brings_nothing() -> None:
    tags = BOXES.replace("</Rect", '<Label value="Mine" model_skip="true"/></Rect')

    assert suggested(tags, context(rectangle(8, 15, 25, 50, "Mine")), Models(CAT)) == []


def test_a_rectangle_around_print_gets_its_text() -> None:
    """Where the prediction read it; elsewhere it is read there and then."""
    box, said = suggested(
        PRINT, context(rectangle(4, 79, 27, 12, "Text", from_name="line")), Models(LINE)
    )
    other, read = suggested(
        PRINT, context(rectangle(50, 10, 30, 20, "Text", from_name="line")), Models(LINE)
    )

    assert (percent(box), said["value"]["text"]) == ((5, 80, 25, 10), ["EXIT"])
    assert (percent(other), read["value"]["text"]) == ((50, 10, 30, 20), ["a text"])


def test_text_is_read_by_the_model_of_its_tag() -> None:
    models = Models(LINE)
    named = PRINT.replace('name="line"', 'name="line" model_name="florence-2-large"')
    drawn = context(rectangle(50, 10, 30, 20, "Text", from_name="line"))

    suggested(named, drawn, models, engine="florence-2-base,florence-2-large")

    assert models.asked[-1] == InBox(Box(100, 10, 160, 30), "text", model="florence-2-large")


def test_a_polygon_that_means_nothing_known_stays_as_it_was_drawn() -> None:
    """Where the models give an outline, theirs is taken."""
    drawn = polygon([50, 50], [90, 50], [90, 90], label="Dog")
    models = Models()

    (theirs,) = suggested(POLYGONS, context(drawn), models)
    models.about = lambda box, ask: Detections(())  # type: ignore[method-assign]
    (own,) = suggested(POLYGONS, context(drawn), models)

    assert own["value"]["points"] == [[50, 50], [90, 50], [90, 90]]
    assert theirs["value"]["polygonlabels"] == own["value"]["polygonlabels"] == ["Dog"]


# ---- smart key points and brushes ----


def test_a_key_point_brings_the_smallest_thing_there() -> None:
    """The tag of key points is a tool where another has the label."""
    (box,) = suggested(BOXES + POINTS, context(keypoint(20, 40, "Cat")), Models(CAT, KITTEN))

    assert (box["from_name"], percent(box)) == ("box", (15, 30, 8, 16))


def test_a_negative_key_point_takes_it_away() -> None:
    points = keypoint(12, 22, "Cat", id="a"), keypoint(20, 40, "Cat", positive=False, id="b")

    assert suggested(BOXES + POINTS, context(*points), Models(CAT, KITTEN)) == []


def test_a_key_point_on_nothing_brings_nothing() -> None:
    assert suggested(BOXES + POINTS, context(keypoint(95, 5, "Cat")), Models(CAT)) == []


def test_key_points_alone_go_to_the_middle() -> None:
    (point,) = suggested(POINTS, context(keypoint(15, 30, "Cat")), Models(CAT))

    assert (point["value"]["x"], point["value"]["y"]) == (20, 40)


def test_a_tag_that_is_only_to_point_with_brings_what_others_have() -> None:
    """Its own labels need not be theirs; one that is theirs decides."""
    tool = POINTS.replace("<KeyPointLabels", '<KeyPointLabels model_skip="true"')
    tool = tool.replace(LABELS, '<Label value="here"/><Label value="Dog"/>')
    models = Models(CAT, Detection(Box(0, 0, 190, 95), "dog", 0.5))

    (here,) = suggested(BOXES + tool, context(keypoint(20, 40, "here")), models)
    (dog,) = suggested(BOXES + tool, context(keypoint(20, 40, "Dog")), models)

    assert here["value"]["rectanglelabels"] == ["Cat"]
    assert dog["value"]["rectanglelabels"] == ["Dog"]


def test_brush_strokes_bring_box_and_mask() -> None:
    drawn = brush("Cat", 25, 25, 50, 50)

    mask, box = suggested(BOXES + MASKS, context(drawn), Models(CAT, DOG))

    assert (box["from_name"], percent(box)) == ("box", (10, 20, 20, 40))
    assert mask["value"]["brushlabels"] == ["Cat"]
    assert mask["value"]["rle"] != drawn["value"]["rle"]


def test_a_mask_of_nothing_known_stays_as_it_was_painted() -> None:
    """Where the models give no outline for it."""
    models = Models()
    models.about = lambda box, ask: Detections(())  # type: ignore[method-assign]
    drawn = brush("Dog", 120, 30, 160, 70)

    mask, box = suggested(BOXES + MASKS, context(drawn), models)

    assert percent(box) == (60, 30, 20, 40)
    assert mask["value"]["rle"] == drawn["value"]["rle"]


# ---- a typed prompt ----


def test_a_prompt_brings_all_that_it_finds() -> None:
    """Each with the phrase as a note; what is under the threshold stays out."""
    red = [
        Detection(Box(10, 10, 30, 30), "red cats", 0.8),
        Detection(Box(50, 10, 90, 60), "red cats", 0.31),
    ]
    models, notes = Models(*red, Detection(Box(5, 5, 9, 9), "red cats", 0.2)), Notes()

    found = suggested(
        BOXES + MOOD + PROMPT, context(text("find all red cats")), models, notes=notes
    )

    boxes = [one for one in found if one["from_name"] == "box"]
    assert [percent(one) for one in boxes] == [(5, 10, 10, 20), (25, 10, 20, 50)]
    assert {one["value"]["rectanglelabels"][0] for one in boxes} == {"Cat"}
    assert {one["id"] for one in found if one["from_name"] == "mood"} == {
        one["id"] for one in boxes
    }
    assert all(one["meta"] == {"text": ["red cats"]} for one in found[:-1])
    assert found[-1]["from_name"] == "prompt"
    assert notes.phrases == [(PROJECT, "Cat", "red cats")]


def test_a_prompt_asks_nothing_but_its_phrase() -> None:
    """Not the task's whole prediction."""
    models = Models()

    suggested(BOXES + POLYGONS + PROMPT, context(text("wolves -> Dog")), models)

    ground = next(query for query in models.asked if isinstance(query, Ground))
    assert ground.phrases == ("wolves",)
    assert set(models.asked) == {ground, PerBox(ground, "outline")}


def test_a_prompt_that_finds_nothing_is_answered_so() -> None:
    slot = slot_for(BOXES + PROMPT, context(text("unicorns -> Dog")), Models(CAT))

    assert slot.prediction is not None
    (prompt,) = slot.prediction.result
    assert (prompt["from_name"], prompt["value"], slot.prediction.score) == (
        "prompt",
        {"text": []},
        None,
    )


def test_a_prompt_is_asked_of_the_model_of_each_tag() -> None:
    """Boxes and outlines alike."""
    models = Models(CAT)
    named = MASKS.replace('name="brush"', 'name="brush" model_name="florence-2-large"')
    engine = "florence-2-base,florence-2-large,clip-vit-b-32"

    suggested(BOXES + named + PROMPT, context(text("cat -> Cat")), models, engine=engine)

    by_first = Ground(("cat",), tiling=Tiling())
    by_other = replace(by_first, model="florence-2-large")
    assert models.asked == [by_first, by_other, PerBox(by_other, "outline", model=by_other.model)]


def test_what_was_drawn_is_outlined_by_the_model_of_its_tag() -> None:
    models = Models(CAT)
    named = MASKS.replace('name="brush"', 'name="brush" model_name="florence-2-large"')
    engine = "florence-2-base,florence-2-large,clip-vit-b-32"

    suggested(BOXES + named, context(rectangle(48, 15, 45, 80, "Dog")), models, engine=engine)

    drawn = models.asked[-1]
    assert isinstance(drawn, InBox)
    assert (drawn.ask, drawn.model) == ("outline", "florence-2-large")


# ---- what is there already ----


def test_what_is_stored_is_suggested_as_it_stands_there() -> None:
    """Predicted by this version, or in the last draft: it may have been deleted since, and has its id."""
    models = Models(CAT)
    predictor, _ = predictor_for(BOXES + PROMPT)
    stored = rectangle(10, 20, 20, 40.5, "Cat", id="p")
    del stored["origin"]
    rows = [{"id": 1, "model_version": predictor.version, "result": [stored]}]
    typed = context(text("cat"))

    def found(**more: Any) -> list[tuple[str, Any]]:
        regions = suggested(BOXES + PROMPT, typed, models, **more)
        return [(one["id"], one.get("origin")) for one in regions if one["from_name"] == "box"]

    assert found(predictions=rows) == [("p", "prediction")]
    assert found(drafts=rows) == [("p", None)]
    ((new, _),) = found(predictions=rows, drafts=[{"result": []}])
    assert new != "p"
    assert found(predictions=[{**rows[0], "model_version": "other"}]) == [(new, None)]


def test_the_context_says_what_is_left_of_the_label_that_was_drawn_with() -> None:
    """So what is stored of it and not there was deleted."""
    predictor, _ = predictor_for(BOXES)
    stored = rectangle(10, 20, 20, 40.5, "Cat", id="p")
    rows = [{"id": 1, "model_version": predictor.version, "result": [stored]}]
    drawn = rectangle(8, 15, 25, 50, "Cat")

    (again,) = suggested(BOXES, context(drawn), Models(CAT), predictions=rows)
    (same,) = suggested(BOXES, context(stored, drawn), Models(CAT), predictions=rows)

    assert again["id"] != "p"
    assert same == stored


def test_what_is_not_accepted_yet_is_suggested_again() -> None:
    """Label Studio shows the new suggestions alone, and takes away all that was drawn once accepted."""
    cat, dog = rectangle(8, 15, 25, 50, "Cat", id="a"), rectangle(48, 20, 42, 70, "Dog", id="b")
    once_more = rectangle(9, 18, 23, 45, "Cat", id="c")

    found = suggested(BOXES, context(cat, dog, once_more), Models(CAT, DOG))

    assert [one["value"]["rectanglelabels"] for one in found] == [["Cat"], ["Dog"]]


def test_an_older_region_that_cannot_be_hides_no_new_one() -> None:
    nothing = rectangle(10, 10, 0, 0, "Cat", id="a")

    assert suggested(BOXES, context(nothing, rectangle(8, 15, 25, 50, "Cat")), Models(CAT))
    with pytest.raises(BadRequest, match="with an area"):
        suggested(BOXES, context(rectangle(8, 15, 25, 50, "Cat", id="z"), nothing), Models(CAT))


def test_a_prediction_in_the_context_is_there_too() -> None:
    before = rectangle(10, 20, 20, 40, "Cat", id="before", origin="prediction")

    assert suggested(BOXES, context(before, rectangle(8, 15, 25, 50, "Cat")), Models(CAT)) == [
        before
    ]


# ---- what cannot be served ----


def test_a_prompt_in_a_tag_that_is_filled_in_is_refused() -> None:
    tags = BOXES + '<TextArea name="caption" toName="img"/>'

    with pytest.raises(BadRequest, match="model_task"):
        suggested(tags, context(text("red cats", from_name="caption")), Models())


def test_a_control_token_in_a_prompt_is_refused() -> None:
    with pytest.raises(BadRequest, match="control token"):
        suggested(BOXES + PROMPT, context(text("<loc_5> -> Cat")), Models())


def test_a_tag_that_is_gone_is_named() -> None:
    with pytest.raises(BadRequest, match="'old', which the label config has no more"):
        suggested(BOXES, context(rectangle(1, 1, 50, 50, from_name="old")), Models())


def test_an_image_that_nothing_is_asked_of_is_named() -> None:
    with pytest.raises(BadRequest, match="'second'"):
        suggested(BOXES, context(rectangle(1, 1, 50, 50, to_name="second")), Models())


def test_several_tasks_are_refused() -> None:
    with pytest.raises(BadRequest, match=r"one task with params\.context, got 2"):
        slot_for(BOXES, context(), Models(), tasks=[task(), task()])


def test_what_is_not_done_in_time_is_pending() -> None:
    slot = slot_for(BOXES, context(rectangle(8, 15, 25, 50, "Cat")), lambda request: None)

    assert slot.outcome == "pending"


def test_an_image_that_failed_says_why() -> None:
    gone = Failure("ImageNotFound", "it is not there", transient=False)
    slot = slot_for(BOXES, context(rectangle(8, 15, 25, 50, "Cat")), lambda request: gone)

    assert slot.failure == gone


def test_a_task_without_the_image_says_why() -> None:
    slot = slot_for(
        BOXES, context(rectangle(8, 15, 25, 50, "Cat")), Models(), tasks=[Task(id=1, data={})]
    )

    assert slot.outcome == "TaskError"


def test_gestures_overtake_all_bulk_work() -> None:
    predictor, xml = predictor_for(BOXES + PROMPT)
    queue = StandInQueue(Models(CAT))
    assistant = Assistant(queue, wait_s=lambda: 1)
    for drawn in (rectangle(8, 15, 25, 50, "Cat"), text("cats")):
        assistant.suggest(predictor, parse_label_config(xml), [task()], context(drawn))

    assert queue.interactive == [True, True]


def test_a_config_without_tags_for_regions_has_nothing_to_fill() -> None:
    scene = '<Choices name="scene" toName="img"><Choice value="in"/><Choice value="out"/></Choices>'

    with pytest.raises(BadRequest, match="a tag for regions of 'img'"):
        suggested(scene + PROMPT, context(text("cats")), Models())
    with pytest.raises(LabelConfigError):
        suggested(PROMPT, context(text("cats")), Models())


@pytest.mark.parametrize("page", [0, 1, 3])
def test_a_gesture_is_about_the_page_that_was_drawn_on(page: int) -> None:
    """That page is looked at and no other; the suggestion lies on it, and repeats none of another page."""
    xml = f'<View><Image name="img" valueList="$pages"/>{BOXES}</View>'
    pages = [f"https://a.example/{number}.png" for number in range(5)]
    stored = rectangle(10, 20, 20, 40, "Cat", id="there", item_index=2)
    rows = [{"model_version": "x", "result": [stored]}]
    queue = StandInQueue(Models(CAT))
    predictor = PredictorSettings(ENGINE, 0.3, None).for_label_config(xml)
    drawn = rectangle(8, 16, 26, 50, "Cat", item_index=page)

    slot = Assistant(queue, wait_s=lambda: 1).suggest(
        predictor,
        parse_label_config(xml),
        [Task.read({"id": 7, "data": {"pages": pages}, "drafts": rows})],
        context(drawn),
        PROJECT,
    )

    assert slot.prediction is not None
    assert [region["item_index"] for region in slot.prediction.result] == [page]
    asked = {request.image.location for jobs in queue.asked for request in jobs.values()}
    assert asked == {pages[page]}


# ---- the note ----

NOTE = '<TextArea name="note" toName="img" editable="false"/>'
CAR = rectangle(8, 15, 25, 50, "Cat")


def told(drawn: dict[str, Any], models: Any, **more: Any) -> str:
    """The sentence of an answer; it is the last entry, and what was typed is gone."""
    nobody = more.pop("nobody", lambda: None)
    predictor, xml = predictor_for(more.pop("tags", BOXES + PROMPT + NOTE))
    assistant = Assistant(StandInQueue(models), wait_s=lambda: 1, nobody=nobody)
    slot = assistant.suggest(predictor, parse_label_config(xml), [task(**more)], drawn, PROJECT)
    assert slot.prediction is not None
    *others, note = slot.prediction.result
    assert (note["from_name"], note["readonly"]) == ("note", True)
    typed = any(one["from_name"] == "prompt" for one in drawn["result"])
    assert [one["value"] for one in others if one["from_name"] == "prompt"] == [
        {"text": []}
    ] * typed
    (sentence,) = note["value"]["text"]
    return str(sentence)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("cat", '"cat": 1 found for Cat; 1 hidden by the threshold 0.3 (best 0.10).'),
        (
            "dog",
            '"dog": nothing found that is sure enough; 1 hidden by the threshold 0.3 (best 0.05).',
        ),
        ("unicorns -> Dog", '"unicorns": nothing like it found.'),
        (
            "cats -> Bus",
            "Not asked: expected one of the labels Cat, Dog behind the arrow, got 'Bus'.",
        ),
        (
            " ",
            "Not asked: expected a prompt that says what to find, as in 'find all red cars', got ' '.",
        ),
        ("a < b\u200f -> Dog", '"a < b\ufffd": nothing like it found.'),
    ],
)
def test_a_prompt_is_answered_with_a_sentence(prompt: str, sentence: str) -> None:
    less = replace(CAT, box=Box(100, 60, 120, 80), score=0.1)

    assert told(context(text(prompt)), Models(CAT, DOG, less)) == sentence


def test_a_prompt_for_what_is_there_says_so() -> None:
    drafts = [{"result": [rectangle(10, 20, 20, 40, "Cat", id="p")]}]
    more = replace(CAT, box=Box(100, 60, 120, 80))
    gone = "there already; accepting brings back only what you deleted"

    assert (
        told(context(text("cat")), Models(CAT), drafts=drafts) == f'"cat": 1 found for Cat, {gone}.'
    )
    assert told(context(text("cat")), Models(CAT, more), drafts=drafts) == (
        '"cat": 2 found for Cat, 1 of them there already.'
    )


@pytest.mark.parametrize(
    ("drawn", "sentence"),
    [
        ([CAR], "Cat (0.90): accept it in place of what you drew."),
        (
            [rectangle(48, 15, 45, 80, "Cat")],
            "Cat: nothing like it is seen there; accept to keep what you drew.",
        ),
        (
            [rectangle(10, 20, 20, 40, "Cat", id="p", origin="prediction"), CAR],
            "Cat: it is there already; accept to be rid of what you drew.",
        ),
        (
            [rectangle(10, 20, 25, 50, "Cat", id="p", origin="prediction"), CAR],
            "Cat (0.90): it is boxed already; accept to put this one in its place.",
        ),
        ([keypoint(95, 5, "Cat", from_name="box")], "Nothing is seen there."),
        (
            [rectangle(8, 15, 25, 50, "Mine")],
            "This label is left to you: Firstpass fills it in nowhere on this image.",
        ),
        (
            [rectangle(8, 15, 0, 0, "Cat")],
            "Not asked: expected a region with an area, got one without; draw it larger.",
        ),
    ],
)
def test_what_is_drawn_is_answered_with_a_sentence(drawn: list[Any], sentence: str) -> None:
    tags = BOXES.replace("</Rect", '<Label value="Mine" model_skip="true"/></Rect') + NOTE

    assert told(context(*drawn), Models(CAT), tags=tags) == sentence


def test_why_there_is_no_answer_is_said() -> None:
    """Late, nobody there, an image that failed, Redis away; and how the request went is told as before."""
    typed = context(text("cat"))
    nobody = NotReady("no worker is alive", "start one")
    gone = Failure("ImageNotFound", "it is not there", transient=False)

    def away(request: ModelRequest) -> Outcome:
        raise QueueUnavailable("Redis does not answer", "see whether it runs")

    assert told(typed, lambda request: None) == (
        "Not done in time. The work goes on: ask again in a moment."
    )
    assert told(typed, lambda request: None, nobody=lambda: nobody) == (
        'Nobody answers. Go on by hand, and tell whoever runs Firstpass: "no worker is alive; start one".'
    )
    assert told(typed, lambda request: gone) == "The image cannot be looked at: it is not there."
    assert told(typed, away) == (
        "Firstpass is offline. Go on by hand, and tell whoever runs Firstpass: "
        '"Redis does not answer; see whether it runs".'
    )
    assert told(typed, lambda request: None, nobody=lambda: NotReady("the worker loads")) == (
        "Not done yet: the worker loads. It answers by itself then: ask again in a moment."
    )
    slot = slot_for(BOXES + PROMPT + NOTE, typed, lambda request: gone)
    assert slot.failure == gone


def test_what_asks_nothing_is_not_answered() -> None:
    """A choice that is ticked, a caption that is mended: the editor sends them all, the typed prompt among them."""
    caption = '<TextArea name="caption" toName="img"/>'
    tags = BOXES + PROMPT + NOTE + caption
    prompt, gone = text("cat", id="a"), text(id="a")
    choice = region("choices", {"choices": ["calm"]}, from_name="scene", id="b")
    mended, note = text("a cat", from_name="caption", id="c"), text("x", from_name="note", id="d")

    assert suggested(tags, context(gone, choice, mended, note), Models(CAT)) == []
    assert told(context(prompt, choice, note), Models(CAT), tags=tags) == '"cat": 1 found for Cat.'
