"""What would break the editor is refused."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import InvalidPrediction
from backend.prediction.region_checks import validate_regions

VALUES: dict[str, dict[str, Any]] = {
    "rectangle": {"x": 1.0, "y": 1.0, "width": 10.0, "height": 10.0, "rotation": 0},
    "ellipse": {"x": 20, "y": 20, "radiusX": 20, "radiusY": 5, "rotation": 0},
    "keypoint": {"x": 0, "y": 100, "width": 0.5},
    "polygon": {"points": [[0, 0], [10, 0.5], [10, 10]], "closed": True},
    "brush": {"format": "rle", "rle": [0, 255, 7]},
    "choices": {"choices": ["a"]},
    "taxonomy": {"taxonomy": [["a", "b"]]},
    "textarea": {"text": ["a"]},
    "number": {"number": 3},
    "labels": {"x": 1.0, "y": 1.0, "width": 10.0, "height": 10.0, "labels": ["a"]},
}
VALUES |= {
    f"{shape}labels": {**VALUES[shape], f"{shape}labels": ["a"]}
    for shape in ("rectangle", "ellipse", "keypoint", "polygon", "brush")
}


def region(kind: str, **value: Any) -> dict[str, Any]:
    return {
        "id": "a",
        "from_name": "n",
        "to_name": "img",
        "type": kind,
        "value": {**VALUES[kind], **value},
    }


@pytest.mark.parametrize("kind", VALUES)
def test_every_type_that_we_write_is_known(kind: str) -> None:
    validate_regions([region(kind)])


def test_what_is_per_region_may_repeat_any_geometry() -> None:
    """Under the id of its region, by another tag."""
    for shape in ("rectangle", "ellipse", "keypoint", "polygon", "brush"):
        sibling = region("choices", **VALUES[shape])
        validate_regions([region(f"{shape}labels"), sibling | {"from_name": "other"}])


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        ([region("rectanglelabels", x=95.0)], "leaves the image"),
        ([region("rectanglelabels", x=-1.0)], "expected 0..100"),
        ([region("rectanglelabels", y=float("nan"))], "expected 0..100"),
        ([region("rectanglelabels", width="10")], "expected a number"),
        ([region("rectanglelabels", width=None)], "expected a number"),
        ([region("rectanglelabels", rectanglelabels="a")], "list of rectanglelabels"),
        ([region("rectanglelabels", rectanglelabels=[])], "list of rectanglelabels"),
        ([region("rectanglelabels") | {"score": "0.9"}], "expected a number"),
        ([region("rectanglelabels") | {"score": 1.5}], "expected 0..1"),
        ([region("rectanglelabels") | {"score": True}], "expected a number"),
        ([region("rectanglelabels")] * 2, "appears twice"),
        ([region("choices") | {"value": None}], "expected a value"),
        ([region("choices") | {"type": "video"}], "no check"),
        ([region("choices", choices="a")], "list of choices"),
        ([region("choices", choices=[])], "list of choices"),
        ([region("choices", choices=[3])], "list of choices"),
        ([region("choices", choices=[["a", 3]])], "list of choices"),
        ([region("choices", x=95.0, y=1, width=10.0, height=1)], "leaves the image"),
        ([region("taxonomy", taxonomy=["a"])], "list of paths"),
        ([region("taxonomy", taxonomy=[[]])], "list of paths"),
        ([region("textarea", text="a")], "list of text"),
        ([region("textarea", text=[""])], "list of text"),
        ([region("textarea", text=[None])], "list of text"),
        ([region("number", number="3")], "expected a number"),
        ([region("number", number=float("inf"))], "expected -inf..inf"),
        ([region("ellipselabels", radiusX=30)], "leaves the image"),
        ([region("ellipse", y=98)], "leaves the image"),
        ([region("ellipse", radiusX=-1)], "expected 0..100"),
        ([region("keypoint", x=101)], "expected 0..100"),
        ([region("polygon", points=[[0, 0], [1, 1]])], "at least three points"),
        ([region("polygon", points=[[0, 0], [1, 1], [2]])], "points of x and y"),
        ([region("polygon", points=[[0, 0], [1, 1], [2, 101]])], "expected 0..100"),
        ([region("polygon", points=[[0, 0], [1, 1], [2, "3"]])], "expected a number"),
        ([region("brush", rle=[0, 256])], "bytes of 0..255"),
        ([region("brush", rle=[0.5])], "bytes of 0..255"),
        ([region("brush", rle=[True])], "bytes of 0..255"),
        ([region("brush", rle=[])], "list of bytes"),
        ([region("brushlabels", format="png")], "format rle"),
    ],
)
def test_what_would_break_the_editor_is_refused(regions: list[dict[str, Any]], reason: str) -> None:
    """Label Studio's own check lets many of these through, and the editor then dies."""
    with pytest.raises(InvalidPrediction, match=reason):
        validate_regions(regions)
