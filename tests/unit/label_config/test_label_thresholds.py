"""Thresholds written into a label config, byte for byte as it was otherwise."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest, LabelConfigError
from backend.label_config.label_thresholds import LabelThreshold, with_thresholds

CONFIG = (
    '<View>\n  <Image name="i" value="$i"/> <!-- <Label value="car"/> -->\n'
    "  <RectangleLabels name='box' toName='i'><Label hotkey='1' value='car'/><Label value=\"ä dog\" alias=\"d\""
    '/></RectangleLabels>\n  <PolygonLabels name="line" toName="i">\n'
    "    <Label value=\"car\" model_score_threshold = '0.5' /></PolygonLabels></View>\n"
)


def test_each_goes_to_the_label_of_its_own_tag() -> None:
    wanted = [LabelThreshold("box", "car", 0.35), LabelThreshold("line", "Car", 0.4)]

    changed = with_thresholds(CONFIG, wanted)

    assert changed == CONFIG.replace(
        "value='car'/>", "value='car' model_score_threshold=\"0.35\"/>"
    ).replace("'0.5'", "'0.4'")
    assert with_thresholds(changed, wanted) == changed


@pytest.mark.parametrize("name", ["ä dog", "d", "D"])
def test_a_label_goes_by_value_or_alias(name: str) -> None:
    changed = with_thresholds(CONFIG, [LabelThreshold("box", name, 0.0)])

    assert '<Label value="ä dog" model_score_threshold="0" alias="d"/>' in changed


def test_none_changes_nothing_and_a_label_that_is_gone_is_told() -> None:
    assert with_thresholds(CONFIG, []) == CONFIG
    with pytest.raises(BadRequest, match="no label 'bus' in 'box'"):
        with_thresholds(CONFIG, [LabelThreshold("box", "bus", 0.5)])
    with pytest.raises(LabelConfigError):
        with_thresholds("<View>", [])


def test_labels_that_differ_in_case_alone_have_each_its_own() -> None:
    xml = (
        '<View><Labels name="b" toName="i"><Label value="Bus"/><Label value="bus"/></Labels></View>'
    )

    written = with_thresholds(
        xml, [LabelThreshold("b", "Bus", 0.2), LabelThreshold("b", "bus", 0.6)]
    )

    assert 'value="Bus" model_score_threshold="0.2"' in written
    assert 'value="bus" model_score_threshold="0.6"' in written
