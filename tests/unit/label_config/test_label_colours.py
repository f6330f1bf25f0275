"""Colours of labels are those that Label Studio shows."""

from __future__ import annotations

import pytest

from backend.label_config.label_colours import label_backgrounds, usual_colour
from backend.pages.colours import as_hex

#: What the editor of Label Studio 1.23.2 itself makes of these labels, read out of it.
OF_LABEL_STUDIO = {
    "car": "#72bf9c", "tree": "#72bfaf", "circle": "#8772bf", "ring": "#72a0bf", "star": "#9f72bf",
    "Größe": "#b1bf72", "日本": "#72bf76", "<script>": "#bfa972", "a": "#a272bf",
}  # fmt: skip


@pytest.mark.parametrize(("label", "colour"), OF_LABEL_STUDIO.items())
def test_a_label_without_a_background_has_the_colour_that_its_name_has_there(
    label: str, colour: str
) -> None:
    assert as_hex(usual_colour(label)) == colour


def test_backgrounds_are_found_by_what_regions_carry() -> None:
    """By alias where there is one, for each control tag alone; Label Studio's own default counts as none."""
    xml = (
        '<View><RectangleLabels name="b" toName="i"><Label value="Car" alias="car" background="red"/>'
        '<Label value="x" background="#36B37E"/><Label value="y"/></RectangleLabels>'
        '<Choices name="c" toName="i"><Choice value="Car" background="#010203"/></Choices></View>'
    )

    assert label_backgrounds(xml) == {("b", "car"): "red", ("c", "Car"): "#010203"}
