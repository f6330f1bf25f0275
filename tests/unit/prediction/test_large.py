"""However large a label config, what it costs is bounded: a plan, its name, and a job in the queue."""

from __future__ import annotations

import json

import pytest

from backend.errors import FirstpassError
from backend.images.reference import parse_image_ref
from backend.label_config.label_config import MAX_XML_CHARS, MOST_CONTROLS, parse_label_config
from backend.prediction.engine import engine_for
from backend.prediction.plan import MOST_NAMED, ModelRequest, Plan, plan_label_config
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import request_id
from backend.prediction.rules import MOST_TEXTS
from backend.queue.payload import encode_request

IMAGE = '<Image name="i" value="$image"/>'
ENGINE = engine_for("florence-2-base,clip-vit-b-32")


def _labels(count: int) -> str:
    return "".join(f'<Label value="label {number}"/>' for number in range(count))


def _boxes(number: int, labels: int) -> str:
    return f'<RectangleLabels name="b{number}" toName="i">{_labels(labels)}</RectangleLabels>'


def _choices(number: int) -> str:
    choices = '<Choice value="x"/><Choice value="y"/>'
    return f'<Choices name="c{number}" toName="i" perRegion="true">{choices}</Choices>'


def _view(*parts: str) -> str:
    return f"<View>{IMAGE}{''.join(parts)}</View>"


#: Label configs that ask for much in few characters.
LARGE = {
    "500 labels, 500 choices of each region": _view(_boxes(0, 500), *map(_choices, range(500))),
    "125 tags for regions, 125 choices of each": _view(
        *(_boxes(number, 1) for number in range(125)), *map(_choices, range(125))
    ),
    "900 tags for regions": _view(*(_boxes(number, 20) for number in range(900))),
    "many counts of many": _view(
        *(_boxes(number, 1) for number in range(400)),
        *(f'<Number name="n{number}" toName="i"/>' for number in range(400)),
    ),
    "one tag over many images": "<View>"
    + "".join(f'<Image name="i{number}" value="$i{number}"/>' for number in range(900))
    + '<RectangleLabels name="b" toName="'
    + ",".join(f"i{number}" for number in range(900))
    + f'">{_labels(400)}</RectangleLabels></View>',
    "more tags than are looked at": _view(
        *(_boxes(number, 1) for number in range(MOST_CONTROLS + 50))
    ),
    "texts of each region": _view(
        _boxes(0, 500),
        *(f'<TextArea name="t{n}" toName="i" perRegion="true"/>' for n in range(300)),
    ),
    "outlines": _view(
        *(
            f'<PolygonLabels name="p{n}" toName="i">{_labels(300)}</PolygonLabels>'
            for n in range(50)
        )
    ),
    "trees": _view(
        *(
            f'<Taxonomy name="t{n}" toName="i">' + 400 * '<Choice value="x"/>' + "</Taxonomy>"
            for n in range(60)
        )
    ),
    "choices of the image": _view(
        *(
            f'<Choices name="c{n}" toName="i">'
            + "".join(f'<Choice value="x {m}"/>' for m in range(370))
            + "</Choices>"
            for n in range(55)
        )
    ),
}


def _texts(plan: Plan) -> int:
    """Texts in the JSON of all that is asked of one image."""
    ref = parse_image_ref("/data/upload/1/a.png", task_id=1)
    sent = encode_request(ModelRequest(ref, plan.queries(plan.images[0]), plan.steps))
    return sum(len(part.split('",')) for part in json.dumps(sent).split("["))


@pytest.mark.parametrize("what", LARGE)
def test_a_plan_is_bounded_and_what_is_beyond_is_named(what: str) -> None:
    """The first tags are served; each that is left out says so."""
    config = parse_label_config(LARGE[what])
    plan = plan_label_config(LARGE[what], None, ENGINE)

    assert plan.steps
    assert len(plan.steps) <= MOST_TEXTS / 2
    assert _texts(plan) <= 2 * MOST_TEXTS
    served = {(step.control.name, step.control.to_name) for step in plan.steps}
    assert len(served) <= MOST_CONTROLS
    for tag in plan.unserved:
        assert "at most" in tag.reason
    if len(served) < len(config.controls):
        assert plan.unserved


def test_a_usual_large_config_is_served_whole() -> None:
    """Five hundred labels with ten questions about each region."""
    plan = plan_label_config(_view(_boxes(0, 500), *map(_choices, range(10))), None, ENGINE)

    assert plan.unserved == ()
    assert len(plan.steps) == 11


def test_what_stands_in_a_plan_many_times_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest's work grows with the plan's own size, not with what it repeats."""
    from backend import plain

    made = 0
    fields_of = plain._fields_of

    def counted(value: object, kind: type, known: dict[int, object]) -> dict[str, object]:
        nonlocal made
        made += 1
        return fields_of(value, kind, known)

    monkeypatch.setattr(plain, "_fields_of", counted)
    settings = PredictorSettings(ENGINE, 0.31, None)
    twenty = _view(_boxes(0, 400), *map(_choices, range(20)))
    predictor = settings.for_label_config(twenty)
    first = made
    assert settings.for_label_config(twenty).version == predictor.version
    assert made == first  # its name is remembered
    assert first < 20 * 500

    made = 0
    ref = parse_image_ref("/data/upload/1/a.png", task_id=1)
    for number in range(50):
        image = parse_image_ref(f"/data/upload/1/{number}.png", task_id=1)
        request_id(ModelRequest(image, predictor.plan.queries(predictor.plan.images[0])), "e")
    assert made < 500  # once, rather than once an image
    assert request_id(ModelRequest(ref, ()), "e") != request_id(ModelRequest(ref, ()), "f")


def test_names_of_requests_and_versions_are_what_they_were() -> None:
    """Else all that is predicted would be predicted again."""
    plan = plan_label_config(_view(_boxes(0, 3), _choices(0)), 0.3, ENGINE)
    ref = parse_image_ref("/data/upload/1/a.png", task_id=1)

    assert plan.digest() == "d69aa98c6497"
    assert request_id(ModelRequest(ref, plan.queries(plan.images[0])), "e")[:12] == "32eddd571380"


def test_reasons_of_hundreds_of_tags_are_a_short_error() -> None:
    videos = "".join(f'<Video name="v{number}" toName="i"/>' for number in range(900))

    with pytest.raises(FirstpassError, match=f"and {900 - MOST_NAMED} more") as error:
        plan_label_config(_view(videos), None, ENGINE)
    assert len(str(error.value)) < 4000


def test_a_config_of_more_characters_is_refused() -> None:
    with pytest.raises(FirstpassError, match=f"at most {MAX_XML_CHARS} characters"):
        plan_label_config(_view(" " * MAX_XML_CHARS), None, ENGINE)
