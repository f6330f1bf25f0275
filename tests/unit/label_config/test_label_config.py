"""Label config XML -> control tags."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import LabelConfigError
from backend.label_config.control_tags import (
    ChoicesTag,
    CountTag,
    LabelConfig,
    PerRegion,
    RegionTag,
    Shape,
    TaxonomyTag,
    TextTag,
)
from backend.label_config.label_config import parse_label_config

IMAGE = '<Image name="img" value="$image"/>'


def parse(body: str) -> LabelConfig:
    return parse_label_config(f"<View>{IMAGE}{body}</View>")


def test_rectangle_labels_are_served() -> None:
    """Each label asks for its own value when nothing else is said."""
    config = parse(
        '<RectangleLabels name="box" toName="img"><Label value="Red car"/><Label value="Dog"/></RectangleLabels>'
    )

    (control,) = config.controls
    assert isinstance(control, RegionTag)
    assert (control.kind, control.shape) == ("RectangleLabels", Shape.RECTANGLE)
    assert [(label.value, label.phrases) for label in control.labels] == [
        ("Red car", ("Red car",)),
        ("Dog", ("Dog",)),
    ]
    assert config.unserved == ()


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_is_served(shape: Shape) -> None:
    """With labels of its own, or paired with a Labels tag; both tags of a pair are accounted for."""
    config = parse(
        f'<{shape}Labels name="own" toName="img"><Label value="Text"/></{shape}Labels>'
        f'<{shape} name="shape" toName="img"/>'
        '<Labels name="lab" toName="img"><Label value="Text"/></Labels>'
    )

    own, paired = config.controls
    assert isinstance(own, RegionTag)
    assert isinstance(paired, RegionTag)
    assert (own.kind, own.shape, own.shape_name) == (f"{shape}Labels", shape, None)
    assert (paired.kind, paired.name, paired.shape_name) == (f"{shape} + Labels", "lab", "shape")
    assert config.unserved == ()


def test_labels_are_drawn_as_rectangles_where_they_can_be() -> None:
    """The other shapes are named, with what to do to have them."""
    tags = (
        '<Polygon name="poly" toName="img"/><Rectangle name="rect" toName="img"/>'
        '<Labels name="lab" toName="img"><Label value="a"/></Labels>'
    )
    with_both = parse(tags)
    skipped = parse(tags.replace('name="rect"', 'name="rect" model_skip="true"'))

    assert [control.kind for control in with_both.controls] == ["Rectangle + Labels"]
    assert [tag.name for tag in with_both.unserved] == ["poly"]
    assert "model_skip" in with_both.unserved[0].reason
    assert [control.kind for control in skipped.controls] == ["Polygon + Labels"]


def test_labels_on_several_images() -> None:
    """A toName that lists images is a control for each."""
    config = parse_label_config(
        '<View><Image name="a" value="$a"/><Image name="b" value="$b"/><Text name="t" value="$t"/>'
        '<RectangleLabels name="box" toName="a,b,t"><Label value="x"/></RectangleLabels></View>'
    )

    assert [(control.name, control.to_name) for control in config.controls] == [
        ("box", "a"),
        ("box", "b"),
    ]
    assert "'t' is not an <Image>" in config.unserved[0].reason


@pytest.mark.parametrize(
    ("mode", "multiple"),
    [
        ("", False),
        ('choice="single"', False),
        ('choice="single-radio"', False),
        ('choice="multiple"', True),
    ],
)
def test_choice_modes(mode: str, multiple: bool) -> None:
    """Only choice="multiple" allows several ticks."""
    config = parse(f'<Choices name="c" toName="img" {mode}><Choice value="a"/></Choices>')

    (control,) = config.controls
    assert isinstance(control, ChoicesTag)
    assert control.multiple is multiple


def test_predicted_values_are_the_phrases_and_alias_is_the_value() -> None:
    """What is asked, what is written and what is shown are three things."""
    config = parse(
        '<Choices name="c" toName="img">'
        '<Choice value="Vehicle" alias="veh" predicted_values="car, truck,car"/></Choices>'
    )

    (label,) = config.controls[0].labels
    assert (label.value, label.phrases) == ("veh", ("car", "truck"))


def test_thresholds_of_tag_and_label() -> None:
    """A label's own threshold stands beside its tag's."""
    config = parse(
        '<RectangleLabels name="box" toName="img" model_score_threshold="0.4">'
        '<Label value="a" model_score_threshold="0.9"/><Label value="b"/></RectangleLabels>'
    )

    (control,) = config.controls
    assert control.score_threshold == 0.4
    assert [label.score_threshold for label in control.labels] == [0.9, None]


def test_a_skipped_label_is_not_asked() -> None:
    """Its neighbours are; a tag with nothing but skipped labels is named as not served."""
    config = parse(
        '<RectangleLabels name="box" toName="img"><Label value="a"/>'
        '<Label value="b" model_skip="true"/></RectangleLabels>'
        '<Choices name="c" toName="img"><Choice value="x" model_skip="true"/></Choices>'
    )

    (control,) = config.controls
    assert [label.value for label in control.labels] == ["a"]
    assert [str(tag) for tag in config.unserved] == [
        "<Choices name='c'>: model_skip is set on each <Choice>"
    ]


def test_several_images() -> None:
    """Each control is bound to the image that it names."""
    config = parse_label_config(
        '<View><Image name="front" value="$front"/><Image name="back" value="$rear"/>'
        '<Choices name="f" toName="front"><Choice value="a"/></Choices>'
        '<Choices name="b" toName="back"><Choice value="a"/></Choices></View>'
    )

    assert [config.image(c.to_name).data_key for c in config.controls] == ["front", "rear"]


TREE = (
    '<Choice value="Animal"><Choice value="Dog" alias="d" predicted_values="dog,puppy"/>'
    '<Choice value="Cat"/></Choice><Choice value="Thing"/>'
)


def test_a_taxonomy_is_a_tree_of_paths() -> None:
    """Aliases stand in paths as the editor writes them, each node asks for itself."""
    config = parse(f'<Taxonomy name="t" toName="img" leafsOnly="true">{TREE}</Taxonomy>')

    (control,) = config.controls
    assert isinstance(control, TaxonomyTag)
    assert control.leaves_only
    assert [(label.path, label.phrases) for label in control.labels] == [
        (("Animal",), ("Animal",)),
        (("Animal", "d"), ("dog", "puppy")),
        (("Animal", "Cat"), ("Cat",)),
        (("Thing",), ("Thing",)),
    ]


def test_nested_choices_are_a_tree_only_where_the_editor_shows_one() -> None:
    """Without allowNested it shows the outer choices alone."""
    nested = parse(f'<Choices name="c" toName="img" allowNested="true">{TREE}</Choices>')
    flat = parse(f'<Choices name="c" toName="img"><View>{TREE}</View></Choices>')

    assert [label.path for label in nested.controls[0].labels][:2] == [
        ("Animal",),
        ("Animal", "d"),
    ]
    assert [label.value for label in flat.controls[0].labels] == ["Animal", "Thing"]


def test_a_branch_that_is_skipped_is_skipped_whole() -> None:
    """What is below it cannot be chosen without it."""
    tree = TREE.replace('value="Animal"', 'value="Animal" model_skip="true"')

    (control,) = parse(f'<Taxonomy name="t" toName="img">{tree}</Taxonomy>').controls

    assert [label.path for label in control.labels] == [("Thing",)]


def test_choices_of_the_task_are_read_from_its_data() -> None:
    """The key is known, the choices come with each task."""
    (control,) = parse(
        '<Choices name="c" toName="img" value="$options" model_prompt="a {} photo"/>'
    ).controls

    assert isinstance(control, ChoicesTag)
    assert (control.options_key, control.prompt, control.labels) == ("options", "a {} photo", ())


@pytest.mark.parametrize(
    ("attributes", "about"),
    [
        ("", PerRegion()),
        ('whenLabelValue="Car"', PerRegion(labels=("Car",))),
        ('whenLabelValue="Car, red,Bus"', PerRegion(labels=("Car, red,Bus", "Car", "red", "Bus"))),
        ('visibleWhen="region-selected" whenTagName="box"', PerRegion(tag_name="box")),
        ('visibleWhen="choice-selected" whenTagName="scene"', PerRegion()),
    ],
)
def test_what_is_per_region_says_for_which(attributes: str, about: PerRegion) -> None:
    """By the tag that draws them or by their labels; other conditions are the editor's."""
    choices = f'<Choices name="c" toName="img" perRegion="true" {attributes}><Choice value="a"/></Choices>'

    (control,) = parse(choices).controls

    assert isinstance(control, ChoicesTag)
    assert control.per_region == about


@pytest.mark.parametrize(
    ("attributes", "task", "per_region"),
    [
        ("", "caption", None),
        ('model_task="detailed_caption"', "detailed_caption", None),
        ('model_task="ocr"', "ocr", None),
        ('perRegion="true"', "ocr", PerRegion()),
        ('perRegion="true" model_task="describe"', "describe", PerRegion()),
    ],
)
def test_texts(attributes: str, task: str, per_region: PerRegion | None) -> None:
    """A caption of an image and the text in a region, where nothing else is said."""
    (control,) = parse(f'<TextArea name="t" toName="img" {attributes}/>').controls

    assert isinstance(control, TextTag)
    assert (control.task, control.per_region) == (task, per_region)


def test_counts() -> None:
    """Of everything, or of a label; what is asked for it may be said."""
    everything, cars = parse(
        '<Number name="all" toName="img"/>'
        '<Number name="cars" toName="img" model_count="Car" predicted_values="car,van"/>'
    ).controls

    assert isinstance(everything, CountTag)
    assert isinstance(cars, CountTag)
    assert (everything.label, everything.phrases) == (None, ())
    assert (cars.label, cars.phrases) == ("Car", ("car", "van"))


def test_prompts_of_a_tag_and_of_a_label() -> None:
    """A tag's is put around each phrase; a label's is asked as it stands, commas and all."""
    (control,) = parse(
        '<Choices name="c" toName="img" model_prompt="a photo in {} weather">'
        '<Choice value="Bad" predicted_values="rainy,foggy"/>'
        '<Choice value="Good" model_prompt="blue sky, no cloud"/></Choices>'
    ).controls

    assert [label.phrases for label in control.labels] == [
        ("a photo in rainy weather", "a photo in foggy weather"),
        ("blue sky, no cloud",),
    ]


def test_regions_of_text() -> None:
    """Boxes of printed words rather than of things."""
    (control,) = parse(
        '<RectangleLabels name="b" toName="img" model_task="ocr"><Label value="Text"/></RectangleLabels>'
    ).controls

    assert isinstance(control, RegionTag)
    assert control.is_ocr


@pytest.mark.parametrize(
    "attributes",
    ['name="prompt"', 'name="ask" smart="true"', 'name="ask" model_task="prompt"'],
)
def test_a_text_area_that_is_asked_in_is_no_caption(attributes: str) -> None:
    """It is known, but nothing is filled into it, and nobody is told that it is not served."""
    config = parse(f'<TextArea {attributes} toName="img"/>')

    assert not config.controls
    assert not config.unserved
    assert [prompt.to_name for prompt in config.prompts] == ["img"]


@pytest.mark.parametrize(
    "attributes",
    [
        'name="prompt" model_task="caption"',
        'name="said" smart="true" perRegion="true"',
        'name="said" smart="false"',
    ],
)
def test_a_text_area_that_says_otherwise_is_filled(attributes: str) -> None:
    config = parse(f'<TextArea {attributes} toName="img"/>')

    assert [type(control) for control in config.controls] == [TextTag]
    assert config.prompts == ()


BOX = '<RectangleLabels name="box" toName="img"><Label value="Cat"/></RectangleLabels>'


@pytest.mark.parametrize(
    ("attributes", "is_left_out"),
    [
        ('name="note"', False),
        ('name="told" model_task="note"', False),
        ('name="note" visibleWhen="choice-selected" whenTagName="note"', True),
        ('name="told" model_task="note" visibleWhen="choice-selected" whenTagName="note"', False),
    ],
)
def test_a_text_area_for_notes_is_no_caption(attributes: str, *, is_left_out: bool) -> None:
    """Label Studio keeps out of annotations what is in a tag that is shown for a choice of itself."""
    config = parse(f'<TextArea {attributes} toName="img"/>{BOX}')

    assert [control.name for control in config.controls] == ["box"]
    assert not config.unserved
    assert [note.is_left_out for note in config.notes] == [is_left_out]
    assert config.notes[0].name in config.names


@pytest.mark.parametrize(
    "attributes",
    ['name="note" model_task="caption"', 'name="note" perRegion="true"', 'name="told"'],
)
def test_a_text_area_that_says_it_is_no_note_is_filled(attributes: str) -> None:
    config = parse(f'<TextArea {attributes} toName="img"/>{BOX}')

    assert TextTag in [type(control) for control in config.controls]
    assert config.notes == ()


def test_a_second_note_tag_of_an_image_is_named() -> None:
    two = '<TextArea name="note" toName="img"/><TextArea name="b" model_task="note" toName="img"/>'

    config = parse(two + BOX)

    assert [note.name for note in config.notes] == ["note"]
    assert [str(tag) for tag in config.unserved] == [
        "<TextArea name='b'>: people are answered in 'note', the first note tag of its image; remove one of them"
    ]


def test_a_note_tag_where_nobody_can_ask_is_named() -> None:
    config = parse(
        '<TextArea name="note" toName="img"/>'
        '<Choices name="c" toName="img"><Choice value="a"/></Choices>'
    )

    assert config.notes == ()
    (tag,) = config.unserved
    assert "nothing to answer" in tag.reason


def test_each_image_has_its_note_tag_or_the_first() -> None:
    config = parse(
        f'<TextArea name="note" toName="img"/>{BOX}<Image name="two" value="$two"/>'
        '<TextArea name="other" model_task="note" toName="two"/>'
    )

    found = [config.note_for(name) for name in ("img", "two", "three", None)]

    assert [note.name for note in found if note] == ["note", "other", "note", "note"]


def test_every_control_tag_is_known_by_name() -> None:
    """Whatever was drawn with; an image is none."""
    config = parse(
        '<Rectangle name="shape" toName="img"/>'
        '<Labels name="lab" toName="img"><Label value="Cat" alias="c"/></Labels>'
        '<Rating name="stars" toName="img"/><TextArea name="prompt" toName="img"/>'
    )

    assert config.names == {"shape", "lab", "stars", "prompt"}
    assert config.aliases == (("c", "Cat"),)


def test_a_filter_is_no_control() -> None:
    """It has a name and a toName, and holds no result."""
    config = parse(
        '<Filter name="f" toName="c"/><Choices name="c" toName="img"><Choice value="a"/></Choices>'
    )

    assert config.unserved == ()


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ('<VectorLabels name="t" toName="img"><Label value="a"/></VectorLabels>', "not served"),
        ('<Rating name="t" toName="img"/>', "person's judgement"),
        ('<Ranker name="t" toName="img"/>', "person's judgement"),
        ('<Pairwise name="t" toName="img,img"/>', "person's judgement"),
        ('<DateTime name="t" toName="img"/>', "reads dates"),
        ('<VideoRectangle name="t" toName="video"/>', "only images"),
        (
            '<TextArea name="t" toName="img" model_task="translate"/>',
            "caption, detailed_caption, more_detailed_caption, ocr, got 'translate'",
        ),
        (
            '<TextArea name="t" toName="img" perRegion="true" model_task="caption"/>',
            "one of ocr, describe",
        ),
        (
            '<PolygonLabels name="t" toName="img" model_task="ocr"><Label value="a"/></PolygonLabels>',
            "one of segment",
        ),
        (
            '<RectangleLabels name="t" toName="img" model_task="ocr" model_tile_px="500"><Label value="a"/></RectangleLabels>',
            "model_tile_px",
        ),
        ('<Number name="t" toName="img" perRegion="true"/>', "whole image"),
        ('<Number name="t" toName="img" model_task="sum"/>', "one of count"),
        (
            '<Taxonomy name="t" toName="img" apiUrl="http://x/y"/>',
            "apiUrl",
        ),
        ('<Taxonomy name="t" toName="img" value="$tree"/>', "<Choices> alone"),
        ('<Taxonomy name="t" toName="img"/>', "no <Choice"),
        (
            '<Choices name="t" toName="img" model_prompt="a photo"><Choice value="a"/></Choices>',
            "hold {}",
        ),
        (
            '<Choices name="t" toName="img"><Choice value="a" model_prompt=" "/></Choices>',
            "model_prompt is empty",
        ),
        (
            '<Choices name="t" toName="img"><Choice value="a" model_prompt="b" predicted_values="c"/></Choices>',
            "keep one",
        ),
        ('<Choices name="t" toName="img" choice="many"><Choice value="a"/></Choices>', "'many'"),
        ('<RectangleLabels name="t" toName="img" value="$options"/>', "from the task"),
        ('<Choices name="t" toName="img"/>', "no <Choice"),
        ('<Choices name="t" toName="txt"><Choice value="a"/></Choices>', "'txt' is not an <Image>"),
        ('<Rectangle name="t" toName="img"/>', "needs a <Labels>"),
        ('<Labels name="t" toName="img"><Label value="a"/></Labels>', "needs one of Rectangle"),
        (
            '<RectangleLabels name="t" toName="img" model_skip="true"><Label value="a"/></RectangleLabels>',
            "model_skip",
        ),
        (
            '<RectangleLabels name="t" toName="img" model_score_threshold="high"><Label value="a"/></RectangleLabels>',
            "'high'",
        ),
        (
            '<RectangleLabels name="t" toName="img"><Label value="a" model_score_threshold="1.5"/></RectangleLabels>',
            "'1.5'",
        ),
        (
            '<RectangleLabels name="t" toName="img" model_tile_px="10"><Label value="a"/></RectangleLabels>',
            "at least 64",
        ),
        (
            '<RectangleLabels name="t" toName="img" model_tile_px="big"><Label value="a"/></RectangleLabels>',
            "'big'",
        ),
        (
            '<RectangleLabels name="t" toName="img"><Label value="a" predicted_values=" , "/></RectangleLabels>',
            "predicted_values is empty",
        ),
        ('<RectangleLabels name="t" toName="img"><Label value=" "/></RectangleLabels>', "no value"),
        (
            f'<RectangleLabels name="t" toName="img"><Label value="{"x" * 201}"/></RectangleLabels>',
            "200 characters",
        ),
        (
            '<RectangleLabels name="t" toName="img">'
            + "".join(f'<Label value="l{i}"/>' for i in range(501))
            + "</RectangleLabels>",
            "at most 500",
        ),
    ],
)
def test_a_tag_that_is_not_served_is_named_with_its_reason(tag: str, reason: str) -> None:
    """It never disappears silently, and the tags beside it are served all the same."""
    config = parse(f'{tag}<Choices name="ok" toName="img"><Choice value="a"/></Choices>')

    assert [control.name for control in config.controls] == ["ok"]
    (unserved,) = config.unserved
    assert unserved.name == "t"
    assert reason in unserved.reason


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<View>", "not well-formed"),
        ("", "not well-formed"),
        ("not xml", "not well-formed"),
        ("<Image/>", "expected a label config in <View>"),
        ('<!DOCTYPE v [<!ENTITY a "b">]><View>&a;</View>', "document type or entities"),
        (
            '<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]><View>&x;</View>',
            "document type or entities",
        ),
        ("<View>" + " " * 500_000 + "</View>", "at most 500000"),
        ("<View>\x00</View>", "not well-formed"),
        ("<View>" * 101 + "</View>" * 101, "at most 100 tags within each other"),
        ("<View>" * 30_000 + "</View>" * 30_000, "at most 100 tags within each other"),
    ],
)
def test_a_config_that_cannot_be_read_is_an_error(xml: str, reason: str) -> None:
    """The message says what is wrong; entities are never expanded."""
    with pytest.raises(LabelConfigError, match=reason):
        parse_label_config(xml)


@given(st.text(min_size=1, max_size=80).filter(lambda text: text.strip() and text.isprintable()))
def test_odd_label_names_come_through(name: str) -> None:
    """Any printable label is written into regions exactly as the config has it."""
    config = parse(
        f'<RectangleLabels name="box" toName="img"><Label value={quoteattr(name)}/></RectangleLabels>'
    )

    assert config.controls[0].labels[0].value == name


GOOD = '<Label value="circle"/>'


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("<Label/>", "no value"),
        ('<Label value=""/>', "no value"),
        ('<Label value="  "/>', "no value"),
        ('<Label alias="x"/>', "no value"),
        ('<Label value="b" predicted_values=""/>', "predicted_values is empty"),
        ('<Label value="b" predicted_values=" , "/>', "predicted_values is empty"),
        ('<Label value="b" model_prompt=" "/>', "model_prompt is empty"),
        ('<Label value="b" model_prompt="x" predicted_values="y"/>', "keep one of them"),
        ('<Label value="b" model_score_threshold="high"/>', "between 0 and 1"),
        ('<Label value="b" model_score_threshold="2"/>', "between 0 and 1"),
        (f'<Label value="{"b" * 5000}"/>', "at most"),
    ],
)
@pytest.mark.parametrize("kind", ["RectangleLabels", "BrushLabels"])
def test_a_label_that_cannot_be_asked_is_left_out_and_named(
    kind: str, label: str, reason: str
) -> None:
    """The others are asked."""
    config = parse(f'<{kind} name="b" toName="img">{GOOD}{label}</{kind}>')

    (control,) = config.controls
    (left_out,) = config.unserved
    assert [each.value for each in control.labels] == ["circle"]
    assert reason in left_out.reason
    assert left_out.part.startswith("<Label")
    assert f"of <{kind} name='b'>" in str(left_out)


@pytest.mark.parametrize(
    ("tag", "paths"),
    [
        ('Choices name="c" toName="img"', [()]),
        ('Choices name="c" toName="img" allowNested="true"', [("in",), ("in", "hall")]),
        ('Taxonomy name="c" toName="img"', [("in",), ("in", "hall")]),
    ],
)
def test_a_choice_that_cannot_be_asked_takes_only_what_is_below_it(
    tag: str, paths: list[tuple[str, ...]]
) -> None:
    tree = (
        '<Choice value="in"><Choice/><Choice value="hall"/></Choice>'
        '<Choice><Choice value="lost"/></Choice>'
    )
    config = parse(f"<{tag}>{tree}</{tag.split()[0]}>")

    (control,) = config.controls
    assert [label.path for label in control.labels] == paths
    assert [each.part for each in config.unserved][-1] == "<Choice> no. 2"
    assert all(each.reason.endswith("it has no value") for each in config.unserved)


def test_without_a_label_that_can_be_asked_the_tag_is_not_served() -> None:
    config = parse(
        '<RectangleLabels name="b" toName="img"><Label/><Label value=""/></RectangleLabels>'
    )

    (unserved,) = config.unserved
    assert (config.controls, unserved.part) == ((), "")
    assert "no value" in unserved.reason


def test_what_the_label_config_skips_is_wanted_so() -> None:
    config = parse(
        '<RectangleLabels name="b" toName="img" model_skip="true"><Label value="a"/></RectangleLabels>'
        '<Rating name="r" toName="img"/>'
    )

    assert [each.is_wanted for each in config.unserved] == [True, False]
    assert config.unserved[0].note.startswith("left to the annotator: ")
    assert config.unserved[1].note.startswith("not served: ")


REPEATER = (
    '<Repeater on="$pages" indexFlag="{{i}}" mode="pagination">'
    '<Image name="page_{{i}}" value="$pages[{{i}}].url"/><View>'
    '<RectangleLabels name="b_{{i}}" toName="page_{{i}}"><Label value="a"/></RectangleLabels>'
    '<Choices name="c_{{i}}" toName="page_{{i}}"><Choice value="x"/></Choices></View></Repeater>'
)


def test_what_is_in_a_repeater_is_named_with_the_true_reason() -> None:
    """Its names are known in a task alone; what stands beside it is served."""
    beside = '<RectangleLabels name="box" toName="img"><Label value="a"/></RectangleLabels>'

    config = parse(REPEATER + beside)

    assert [control.name for control in config.controls] == ["box"]
    assert [image.name for image in config.images] == ["img"]
    assert [unserved.name for unserved in config.unserved] == ["b_{{i}}", "c_{{i}}"]
    assert all("<Repeater>" in unserved.reason for unserved in config.unserved)


@pytest.mark.parametrize(
    ("tag", "is_served"),
    [
        ('<RectangleLabels name="t" toName="p"><Label value="a"/></RectangleLabels>', True),
        ('<Choices name="t" toName="p"><Choice value="a"/></Choices>', False),
        ('<Choices name="t" toName="p" perItem="true"><Choice value="a"/></Choices>', True),
        ('<Taxonomy name="t" toName="p"><Choice value="a"/></Taxonomy>', False),
        ('<Taxonomy name="t" toName="p" perItem="true"><Choice value="a"/></Taxonomy>', True),
        ('<TextArea name="t" toName="p"/>', False),
        ('<TextArea name="t" toName="p" perItem="true"/>', True),
        ('<Number name="t" toName="p" model_count="a"/>', False),
        ('<Number name="t" toName="p" model_count="a" perItem="true"/>', True),
        ('<TextArea name="prompt" toName="p"/>', True),
    ],
)
def test_of_an_image_with_pages_each_answer_belongs_to_one(tag: str, is_served: bool) -> None:
    config = parse_label_config(f'<View><Image name="p" valueList="$pages"/>{tag}</View>')

    assert bool(config.controls or config.prompts) is is_served
    assert all("perItem" in unserved.reason for unserved in config.unserved)


@pytest.mark.parametrize(
    ("attributes", "key", "expression"),
    [
        ('value="$image"', "image", "$image"),
        ('value="$photos[0].src"', "photos[0].src", "$photos[0].src"),
        ('valueList="$pages"', "pages", "$pages"),
        ('valueList="$scan.pages" value="$x"', "scan.pages", "$scan.pages"),
        ('value="https://host/$name"', "https://host/$name", "https://host/$name"),
    ],
)
def test_an_image_is_where_its_value_points_to(attributes: str, key: str, expression: str) -> None:
    (image,) = parse_label_config(f'<View><Image name="i" {attributes}/></View>').images

    assert (image.data_key, image.expression) == (key, expression)
    assert image.is_list is ("valueList" in attributes)
