"""What a labelled set is asked."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest
from backend.evaluation.items import items_of
from backend.evaluation.labelled import LabelledSet
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings

PAGES = (
    '<View><Image name="scan" valueList="$pages"/><RectangleLabels name="box" toName="scan">'
    '<Label value="car"/></RectangleLabels></View>'
)


def test_images_with_pages_are_refused_rather_than_compared_with_each_other() -> None:
    predictor = PredictorSettings(engine_for("tiny"), 0.3, None).for_label_config(PAGES)

    with pytest.raises(BadRequest, match=r"reads 'scan' from valueList='\$pages'"):
        items_of(LabelledSet("here", "here", ()), predictor, PAGES)
