"""Label config XML -> control tags."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import LabelConfigError
from backend.label_studio.control_tags import ControlKind, LabelConfig
from backend.label_studio.label_config import parse_label_config

IMAGE = '<Image name="img" value="$image"/>'


def parse(body: str) -> LabelConfig:
    return parse_label_config(f"<View>{IMAGE}{body}</View>")


def test_rectangle_labels_are_served() -> None:
    """Each label asks for its own value when nothing else is said."""
    config = parse(
        '<RectangleLabels name="box" toName="img"><Label value="Red car"/><Label value="Dog"/></RectangleLabels>'
    )

    (control,) = config.controls
    assert control.kind is ControlKind.RECTANGLE_LABELS
    assert [(label.value, label.phrases) for label in control.labels] == [
        ("Red car", ("Red car",)),
        ("Dog", ("Dog",)),
    ]
    assert config.unserved == ()


def test_rectangle_and_labels_are_paired() -> None:
    """A Labels tag is served through the Rectangle of the same image, and both are accounted for."""
    config = parse(
        '<Rectangle name="rect" toName="img"/>'
        '<Labels name="lab" toName="img"><Label value="Text"/></Labels>'
    )

    (control,) = config.controls
    assert (control.kind, control.name, control.rectangle_name) == (
        ControlKind.RECTANGLE_AND_LABELS,
        "lab",
        "rect",
    )
    assert config.unserved == ()


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

    assert config.controls[0].multiple is multiple


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


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ('<BrushLabels name="t" toName="img"><Label value="a"/></BrushLabels>', "not served yet"),
        ('<TextArea name="t" toName="img"/>', "not served yet"),
        (
            '<Choices name="t" toName="img" perRegion="true"><Choice value="a"/></Choices>',
            "perRegion",
        ),
        ('<Choices name="t" toName="img" choice="many"><Choice value="a"/></Choices>', "'many'"),
        ('<Choices name="t" toName="img" value="$options"/>', "from the task"),
        ('<Choices name="t" toName="img"/>', "no <Choice"),
        (
            '<Choices name="t" toName="img"><Choice value="a"><Choice value="b"/></Choice></Choices>',
            "nested",
        ),
        ('<Choices name="t" toName="txt"><Choice value="a"/></Choices>', "'txt' is not an <Image>"),
        ('<Rectangle name="t" toName="img"/>', "needs a <Labels>"),
        ('<Labels name="t" toName="img"><Label value="a"/></Labels>', "needs a <Rectangle>"),
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
        ("<View>" + " " * 2_000_000 + "</View>", "at most 2000000"),
        ("<View>\x00</View>", "not well-formed"),
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
