"""Control tags -> queries, with models that answer everything and with those that do not."""

from __future__ import annotations

import pytest

from backend.prediction.engine import Engine, engine_for
from backend.prediction.options import resolved
from backend.prediction.plan import Plan, plan_label_config
from models.queries import Caption, Classify, Ground, PerBox, Query, ReadText, Tiling

REAL = engine_for("florence-2-base,clip-vit-b-32")
TINY = engine_for("tiny")
SEVERAL = engine_for("florence-2-base,florence-2-large,clip-vit-b-32,siglip2-base")
CARS = Ground(("car",), tiling=Tiling())
BOXES = '<RectangleLabels name="box" toName="img"><Label value="car"/></RectangleLabels>'
OCR = '<RectangleLabels name="line" toName="img" model_task="ocr"><Label value="Text"/></RectangleLabels>'
COLOURS = (
    '<Choices name="colour" toName="img" perRegion="true"{}>'
    '<Choice value="red"/><Choice value="blue"/></Choices>'
)


def planned(tags: str, engine: Engine = REAL) -> Plan:
    return plan_label_config(f'<View><Image name="img" value="$image"/>{tags}</View>', 0.3, engine)


def queries(tags: str, engine: Engine = REAL) -> list[Query]:
    return [step.query for step in planned(tags, engine).steps]


@pytest.mark.parametrize("shape", ["Ellipse", "KeyPoint"])
def test_shapes_made_of_boxes_ask_for_boxes(shape: str) -> None:
    """They share the query with rectangles of the same labels."""
    tags = f'<{shape}Labels name="e" toName="img"><Label value="car"/></{shape}Labels>'

    assert queries(tags + BOXES) == [CARS, CARS]


@pytest.mark.parametrize("shape", ["Polygon", "Brush"])
def test_outlines_are_asked_of_each_box(shape: str) -> None:
    """So the boxes' scores say which are drawn, and a thing that is absent has no outline."""
    tags = f'<{shape}Labels name="e" toName="img"><Label value="car"/></{shape}Labels>'

    (step,) = planned(tags).steps

    assert step.query == PerBox(CARS, "outline")
    assert step.queries == (CARS, PerBox(CARS, "outline"))


def test_attributes_are_asked_of_the_boxes_of_each_tag() -> None:
    """Two tags for regions, two sets of boxes, one tag for attributes: a step for each."""
    dogs = BOXES.replace("car", "dog").replace('"box"', '"dogs"')
    colours = Classify(("red", "blue"))

    plan = planned(COLOURS.format("") + BOXES + dogs)

    first, second, boxes, others = plan.steps
    assert first.query == PerBox(CARS, colours)
    assert second.query == PerBox(Ground(("dog",), tiling=Tiling()), colours)
    assert (first.bases, second.bases) == ((boxes,), (others,))


def test_attributes_may_be_of_one_tag_alone() -> None:
    """whenTagName names the tag for regions, or the shape that is paired with Labels."""
    pair = '<Rectangle name="rect" toName="img"/><Labels name="lab" toName="img"><Label value="dog"/></Labels>'
    when = ' visibleWhen="region-selected" whenTagName="{}"'

    for name, base in (("box", "box"), ("lab", "lab"), ("rect", "lab")):
        plan = planned(BOXES + pair + COLOURS.format(when.format(name)))
        (step,) = (step for step in plan.steps if step.bases)
        assert step.bases[0].control.name == base


def test_boxes_are_asked_before_what_depends_on_them_and_once() -> None:
    """One request holds everything about an image."""
    plan = planned(
        COLOURS.format("") + '<TextArea name="t" toName="img" perRegion="true"/>' + BOXES
    )

    assert plan.queries(plan.images[0]) == (
        CARS,
        PerBox(CARS, Classify(("red", "blue"))),
        PerBox(CARS, "text"),
    )


def test_text_that_was_read_with_its_place_is_not_read_again() -> None:
    """The transcript of a text box is what the box was found by; its attributes are asked of it."""
    tags = OCR + '<TextArea name="t" toName="img" perRegion="true"/>' + COLOURS.format("")

    assert queries(tags) == [ReadText(), ReadText(), PerBox(ReadText(), Classify(("red", "blue")))]


@pytest.mark.parametrize(
    ("attributes", "query"),
    [
        ("", Caption("short")),
        ('model_task="detailed_caption"', Caption("detailed")),
        ('model_task="more_detailed_caption"', Caption("more_detailed")),
        ('model_task="ocr"', ReadText()),
    ],
)
def test_texts_about_the_image(attributes: str, query: Query) -> None:
    assert queries(f'<TextArea name="t" toName="img" {attributes}/>') == [query]


def test_descriptions_of_regions() -> None:
    tags = BOXES + '<TextArea name="t" toName="img" perRegion="true" model_task="describe"/>'

    assert queries(tags) == [CARS, PerBox(CARS, "description")]


def test_a_tree_is_one_query_with_every_node() -> None:
    """Its branches are compared among themselves afterwards."""
    tree = '<Choice value="a"><Choice value="b"/><Choice value="c"/></Choice><Choice value="d"/>'

    assert queries(f'<Taxonomy name="t" toName="img">{tree}</Taxonomy>') == [
        Classify(("a", "b", "c", "d"))
    ]
    nested = '<Choices name="c" toName="img" allowNested="true" {}>' + tree + "</Choices>"
    assert queries(nested.format("")) == [Classify(("a", "b", "c", "d"))]
    assert queries(nested.format('choice="multiple"')) == [Classify(("b", "c", "d"), multi=True)]


def test_counts_share_the_boxes() -> None:
    """Of the boxes themselves, also where outlines are drawn of them."""
    polygons = '<PolygonLabels name="p" toName="img"><Label value="car"/></PolygonLabels>'

    plan = planned(polygons + '<Number name="n" toName="img" model_count="car"/>')

    assert [step.query for step in plan.steps] == [PerBox(CARS, "outline"), CARS]
    assert len(plan.queries(plan.images[0])) == 2


def test_a_count_may_stand_alone() -> None:
    """Nothing is drawn then, and what to count is asked for."""
    (step,) = planned(
        '<Number name="n" toName="img" model_count="Car" predicted_values="car,van"/>'
    ).steps

    assert step.query == Ground(("car", "van"), tiling=Tiling())


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ('<Number name="t" toName="img" model_count="bus"/>', "(car), got 'bus'"),
        (
            COLOURS.format(' visibleWhen="region-selected" whenTagName="lab"').replace(
                "colour", "t"
            ),
            "regions of 'lab'",
        ),
        (
            '<Choices name="t" toName="img" model_name="clip-vit-l-14"><Choice value="a"/></Choices>',
            "one of florence-2-base, clip-vit-b-32, got 'clip-vit-l-14'",
        ),
        (
            '<Choices name="t" toName="img" model_name="florence-2-base"><Choice value="a"/></Choices>',
            "answers Classify",
        ),
    ],
)
def test_a_tag_that_cannot_be_served_is_named_with_what_could(tags: str, reason: str) -> None:
    plan = planned(BOXES + tags)

    assert [step.control.name for step in plan.steps] == ["box"]
    (unserved,) = plan.unserved
    assert unserved.name == "t"
    assert reason in unserved.reason


@pytest.mark.parametrize(
    "tag",
    [
        COLOURS.format("").replace("colour", "t"),
        '<TextArea name="t" toName="img" perRegion="true"/>',
        '<Number name="t" toName="img"/>',
    ],
)
def test_what_needs_regions_is_named_where_there_are_none(tag: str) -> None:
    plan = planned('<TextArea name="ok" toName="img"/>' + tag)

    assert [step.control.name for step in plan.steps] == ["ok"]
    assert "regions" in plan.unserved[0].reason


def test_a_model_may_be_named() -> None:
    """One of those that are loaded, for what it answers; colours of boxes are CLIP's."""
    named = COLOURS.format(' model_name="clip-vit-b-32"')

    assert queries(BOXES.replace('name="box"', 'name="box" model_name="florence-2-base"') + named)
    assert planned(BOXES + named).unserved == ()


def test_another_than_the_first_model_is_named_in_the_query() -> None:
    """For boxes and outlines alike; what is per region names its own."""
    boxes = Ground(("car",), tiling=Tiling(), model="florence-2-large")
    colours = Classify(("red", "blue"))
    tags = BOXES.replace('name="box"', 'name="box" model_name="florence-2-large"')
    masks = tags.replace("Rectangle", "Polygon")
    texts = '<TextArea name="t" toName="img" model_name="florence-2-large"{}/>'

    assert queries(tags + COLOURS.format(""), SEVERAL) == [boxes, PerBox(boxes, colours)]
    assert queries(tags + COLOURS.format(' model_name="siglip2-base"'), SEVERAL) == [
        boxes,
        PerBox(boxes, colours, model="siglip2-base"),
    ]
    assert queries(masks, SEVERAL) == [PerBox(boxes, "outline", model="florence-2-large")]
    assert queries(texts.format(""), SEVERAL) == [Caption(model="florence-2-large")]
    assert queries(texts.format(' model_task="ocr"'), SEVERAL) == [
        ReadText(model="florence-2-large")
    ]
    whole = COLOURS.replace(' perRegion="true"', "").format(' model_name="siglip2-base"')
    assert queries(whole, SEVERAL) == [Classify(("red", "blue"), model="siglip2-base")]


def test_the_first_model_by_its_name_asks_the_same_as_without() -> None:
    named = BOXES.replace('name="box"', 'name="box" model_name="florence-2-base"')
    text = '<TextArea name="t" toName="img" perRegion="true"{}/>'

    assert queries(named, SEVERAL) == [CARS]
    assert queries(OCR + text.format(' model_name="florence-2-base"')) == [ReadText(), ReadText()]


def test_text_in_boxes_is_read_again_by_another_model_that_is_named() -> None:
    text = '<TextArea name="t" toName="img" perRegion="true"{}/>'
    by_other = text.format(' model_name="florence-2-large"')

    assert queries(OCR + by_other, SEVERAL)[1] == PerBox(
        ReadText(), "text", model="florence-2-large"
    )
    line = OCR.replace('name="line"', 'name="line" model_name="florence-2-large"')
    assert queries(line + text.format(""), SEVERAL) == [ReadText(model="florence-2-large")] * 2


def test_choices_of_the_task_are_asked_of_the_model_that_is_named() -> None:
    """Also once they stand in place of the stand-in."""
    tag = '<Choices name="c" toName="img" value="$options" model_name="siglip2-base"/>'
    plan = planned(tag, SEVERAL)
    data = {"options": [{"value": "a"}, {"value": "b"}]}

    step = resolved(plan.steps[0], data)

    assert step is not None
    assert step.query == Classify(("a", "b"), model="siglip2-base")


def test_a_count_counts_what_the_model_of_its_boxes_finds() -> None:
    """Alone it names its own; beside boxes of another model it cannot."""
    count = '<Number name="n" toName="img" model_count="car" model_name="florence-2-large"/>'
    boxes = Ground(("car",), tiling=Tiling(), model="florence-2-large")

    assert queries(count, SEVERAL) == [boxes]
    assert queries(
        BOXES.replace("toName", 'model_name="florence-2-large" toName', 1) + count, SEVERAL
    ) == [boxes, boxes]
    (unserved,) = planned(BOXES + count, SEVERAL).unserved
    assert "counts what 'box' finds" in unserved.reason


def test_what_the_tiny_models_never_learnt_is_named() -> None:
    """Boxes, what is made of them, and short captions are served; outlines and reading are not."""
    tags = (
        BOXES
        + COLOURS.format("")
        + '<TextArea name="c" toName="img"/><TextArea name="long" toName="img" model_task="detailed_caption"/>'
        + '<TextArea name="ocr" toName="img" model_task="ocr"/>'
        + '<TextArea name="read" toName="img" perRegion="true"/>'
        + '<TextArea name="say" toName="img" perRegion="true" model_task="describe"/>'
        + '<BrushLabels name="brush" toName="img"><Label value="car"/></BrushLabels>'
    )

    plan = planned(tags, TINY)

    assert [step.control.name for step in plan.steps] == ["box", "colour", "c"]
    assert [tag.name for tag in plan.unserved] == ["brush", "long", "ocr", "read", "say"]
    assert all("tiny-florence2" in tag.reason for tag in plan.unserved)


def test_the_digest_tells_tasks_and_conditions_apart() -> None:
    """All of these give other regions from the same answers, or ask something else."""
    text = '<TextArea name="t" toName="img" perRegion="true" {}/>'
    digests = {
        planned(BOXES + text.format(attributes)).digest()
        for attributes in ("", 'model_task="describe"', 'whenLabelValue="car"')
    }
    shapes = {
        planned(BOXES.replace("Rectangle", shape)).digest()
        for shape in ("Rectangle", "Ellipse", "KeyPoint", "Polygon", "Brush")
    }

    assert len(digests) == 3
    assert len(shapes) == 5
