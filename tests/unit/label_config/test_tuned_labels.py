"""What `firstpass tune` writes into a label config, and takes back byte for byte."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest
from backend.label_config.calibration import Calibration
from backend.label_config.label_config import parse_label_config
from backend.label_config.tuned_labels import TunedLabel, as_before_tuning, with_tuned

CONFIG = (
    '<View>\n  <Image name="i" value="$i"/>\n  <RectangleLabels name=\'box\' toName="i">'
    "<Label hotkey='1' value='car'/>\n<Label value=\"a dog\" alias=\"d\" model_score_threshold = '0.30' />"
    '<Label value="cat"/></RectangleLabels></View>\n'
)
CHANGES = [
    TunedLabel("box", "car", 0.45, Calibration(1.5, -0.25)),
    TunedLabel("box", "d", 0.2),
]


def labels(xml: str) -> dict[str, tuple[float | None, Calibration | None]]:
    control = parse_label_config(xml).controls[0]
    return {one.value: (one.score_threshold, one.calibration) for one in control.labels}


def test_what_is_written_is_what_is_read() -> None:
    changed = with_tuned(CONFIG, CHANGES)

    assert labels(changed) == {
        "car": (0.45, Calibration(1.5, -0.25)),
        "d": (0.2, None),
        "cat": (None, None),
    }
    assert changed.replace(" model_tuned_from", "").count("\n") == CONFIG.count("\n")


def test_it_is_taken_back_byte_for_byte() -> None:
    before, taken = as_before_tuning(with_tuned(CONFIG, CHANGES))

    assert before == CONFIG
    assert [(one.label, one.threshold_now, one.threshold) for one in taken] == [
        ("car", "0.45", ""),
        ("d", "0.2", "0.30"),
    ]


@pytest.mark.parametrize("threshold", [" 0.30 ", "0.30  ", "", " "])
def test_blanks_in_what_stood_there_come_back(threshold: str) -> None:
    """And an attribute that said nothing."""
    config = CONFIG.replace("'0.30'", f"'{threshold}'")

    before, taken = as_before_tuning(with_tuned(config, CHANGES))

    assert before == config
    assert taken[1].threshold == threshold.strip()


def test_the_last_change_alone_is_taken_back() -> None:
    once = with_tuned(CONFIG, CHANGES)
    twice = with_tuned(once, [TunedLabel("box", "car", 0.5)])

    before, taken = as_before_tuning(twice)

    assert labels(before) == labels(once)
    assert [one.label for one in taken] == ["car"]
    assert as_before_tuning(before) == (before, ())


def test_only_the_label_of_that_very_name_changes() -> None:
    """Another one whose name differs in case alone, or that has it as its value, is left as it is."""
    config = (
        '<View><Image name="i" value="$i"/><RectangleLabels name="box" toName="i">'
        '<Label value="x1" alias="Car"/><Label value="car"/><Label value="Car" alias="y1"/></RectangleLabels></View>'
    )

    changed = with_tuned(config, [TunedLabel("box", "Car", 0.2)])

    assert labels(changed) == {"Car": (0.2, None), "car": (None, None), "y1": (None, None)}
    assert as_before_tuning(changed)[0] == config


def test_two_labels_of_one_name_have_back_what_each_of_them_had() -> None:
    config = (
        '<View><Image name="i" value="$i"/><RectangleLabels name="box" toName="i">'
        '<Label value="car" model_score_threshold="0.4"/><Label value="car" model_score_threshold="0.6"/>'
        "</RectangleLabels></View>"
    )

    changed = with_tuned(config, [TunedLabel("box", "car", 0.2)])

    assert changed.count('model_score_threshold="0.2"') == 2
    assert as_before_tuning(changed)[0] == config


def test_a_label_that_is_gone_is_told() -> None:
    with pytest.raises(BadRequest, match="no label 'bus' in 'box' any more"):
        with_tuned(CONFIG, [TunedLabel("box", "bus", 0.5)])


@pytest.mark.parametrize("text", ["", "1", "0 1", "-1 0", "nan 0", "1 inf", "1 2 3", "a b", "99 0"])
def test_a_calibration_that_is_none_leaves_its_label_out(text: str) -> None:
    """And says so: its scores would else mean something else than the label config says."""
    config = CONFIG.replace("value='car'", f"value='car' model_calibration='{text}'")

    found = parse_label_config(config)

    assert "car" not in labels(config)
    (left_out,) = found.unserved
    assert "expected model_calibration as two numbers" in left_out.reason
