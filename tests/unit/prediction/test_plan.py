"""Label config -> what to ask."""

from __future__ import annotations

import pytest

from backend.errors import LabelConfigError, TaskError
from backend.images.reference import ImageRef, parse_image_ref
from backend.prediction.engine import engine_for
from backend.prediction.plan import ModelRequest, Plan, plan_label_config, requests_for_task
from models.queries import Classify, Ground, Tiling

TINY = engine_for("tiny")
CONFIG = """
<View>
  <Image name="img" value="$image"/>
  <RectangleLabels name="box" toName="img">
    <Label value="Vehicle" predicted_values="car,truck"/><Label value="dog" model_score_threshold="0.8"/>
  </RectangleLabels>
  <Choices name="scene" toName="img"><Choice value="indoor"/><Choice value="outdoor"/></Choices>
  <Choices name="tags" toName="img" choice="multiple"><Choice value="day"/></Choices>
</View>
"""


def planned(xml: str = CONFIG, score_threshold: float = 0.3) -> Plan:
    return plan_label_config(xml, score_threshold, TINY)


def parse_ref(value: object) -> ImageRef:
    return parse_image_ref(value, task_id=1, label_studio_url="http://label-studio:8080")


def test_each_tag_becomes_a_query() -> None:
    """Boxes are grounded by phrase, choices classified, one-of-many or several."""
    assert [step.query for step in planned().steps] == [
        Ground(("car", "truck", "dog"), tiling=Tiling()),
        Classify(("indoor", "outdoor"), multi=False),
        Classify(("day",), multi=True),
    ]


def test_a_phrase_belongs_to_its_label() -> None:
    """What is found for a phrase is written under the label that asked for it."""
    step = planned().steps[0]

    found = [step.label_for(phrase) for phrase in ("car", "truck", "dog", "cat")]

    assert [label.value if label else None for label in found] == [
        "Vehicle",
        "Vehicle",
        "dog",
        None,
    ]


def test_thresholds_fall_back_from_label_to_tag_to_default() -> None:
    """A label's own comes first; single choices always answer, several-of-many need more than half."""
    boxes, scene, tags = planned().steps

    assert [boxes.threshold(label) for label in boxes.control.labels] == [0.3, 0.8]
    assert scene.threshold(scene.control.labels[0]) == 0.0
    assert tags.threshold(tags.control.labels[0]) == 0.5


def test_all_queries_of_an_image_go_in_one_request() -> None:
    """The image is fetched and encoded once, whatever the number of tags."""
    requests = requests_for_task(planned(), {"image": "http://images.example/1.png"}, parse_ref)

    (request,) = requests.values()
    assert len(request.queries) == 3


def test_a_request_knows_what_its_answers_are_for() -> None:
    """The steps stay with whoever asks: they are no part of the work, nor of what makes it equal."""
    (request,) = requests_for_task(
        planned(), {"image": "http://images.example/1.png"}, parse_ref
    ).values()

    assert request.steps == planned().steps
    assert request == ModelRequest(request.image, request.queries)


def test_thresholds_and_label_names_do_not_reach_the_query() -> None:
    """Changing them must ask the models nothing."""
    renamed = CONFIG.replace('"Vehicle"', '"Fahrzeug"').replace("0.8", "0.7")

    assert [s.query for s in planned(renamed).steps] == [s.query for s in planned().steps]


@pytest.mark.parametrize(
    ("before", "after"),
    [('"Vehicle"', '"Fahrzeug"'), ("0.8", "0.7"), ("car,truck", "car"), ("$image", "$photo")],
)
def test_the_digest_changes_when_regions_would(before: str, after: str) -> None:
    """Label names, thresholds, phrases and the image's key all show in it."""
    assert planned(CONFIG.replace(before, after)).digest() != planned().digest()


def test_the_digest_ignores_what_does_not_matter() -> None:
    """White space and hints leave it as it is."""
    assert planned(CONFIG.replace("<View>", '<View style="x">\n\n')).digest() == planned().digest()


def test_the_default_threshold_shows_in_the_digest() -> None:
    """The setting changes answers, so it changes the version."""
    assert planned(score_threshold=0.4).digest() != planned().digest()


def test_a_tag_may_ask_for_tiles() -> None:
    """Large images with small objects are asked in parts; it changes the answers, so the version too."""
    tiled = planned(CONFIG.replace('name="box"', 'name="box" model_tile_px="800"'))

    assert tiled.steps[0].query == Ground(("car", "truck", "dog"), tiling=Tiling(800))
    assert tiled.digest() != planned().digest()


def test_two_tags_that_ask_the_same_share_a_query() -> None:
    """The second costs nothing."""
    tag = '<RectangleLabels name="{}" toName="img"><Label value="dog"/></RectangleLabels>'
    plan = planned(
        f'<View><Image name="img" value="$image"/>{tag.format("a")}{tag.format("b")}</View>'
    )

    assert len(plan.steps) == 2
    assert plan.queries(plan.images[0]) == (Ground(("dog",), tiling=Tiling()),)


def test_what_the_engine_cannot_answer_is_named() -> None:
    """Without a CLIP, choices are left to the annotator, and said so."""
    plan = plan_label_config(CONFIG, 0.3, engine_for("tiny-florence2"))

    assert [step.control.name for step in plan.steps] == ["box"]
    assert [tag.name for tag in plan.unserved] == ["scene", "tags"]
    assert "Classify" in plan.unserved[0].reason


def test_a_phrase_that_cannot_be_asked_is_named() -> None:
    """A label that holds the model's own location tokens would be answered with nonsense."""
    config = CONFIG.replace("car,truck", "car &lt;loc_5&gt;")

    plan = planned(config)

    assert [step.control.name for step in plan.steps] == ["scene", "tags"]
    assert "<loc_5>" in plan.unserved[0].reason


def test_nothing_to_serve_is_an_error_that_names_each_tag() -> None:
    """The annotator's project is told which tags it has and why none is served."""
    with pytest.raises(LabelConfigError, match="Rating name='t'"):
        planned('<View><Image name="img" value="$image"/><Rating name="t" toName="img"/></View>')


def test_a_config_without_tags_is_an_error() -> None:
    """Label Studio's empty default config cannot be served."""
    with pytest.raises(LabelConfigError, match="no control tag"):
        planned("<View></View>")


@pytest.mark.parametrize("data", [{}, {"text": "x"}, {"image": None}, {"image": ""}])
def test_a_task_without_its_image_is_an_error_that_says_what_it_has(
    data: dict[str, object],
) -> None:
    """The message names the key that was looked for and the keys that were there."""
    with pytest.raises(TaskError, match="'image'"):
        requests_for_task(planned(), data, parse_ref)
