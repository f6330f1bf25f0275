"""What a pass did, as people read it and as programs do."""

from __future__ import annotations

import json

from backend.indexing.index_run import PassFigures
from backend.indexing.report import IndexReport, index_summary
from backend.vectors.records import FailedItem
from backend.vectors.rows import IndexCounts

DID = PassFigures(
    total=5, indexed=4, failed=1, seconds=2.0,
    images_by_source={"annotation": 1, "prediction": 2, "asked": 1},
    regions_by_source={"annotation": 3, "prediction": 4, "asked": 2},
)  # fmt: skip
REPORT = IndexReport(
    "project 3 (Cars)",
    "/home/index",
    IndexCounts(4, 9, 1),
    DID,
    [FailedItem("7", "", "ImageNotFound", "it is not there")],
    "tiny-1",
    "tiny-0",
    ["ba9876543210"],
)


def test_it_says_where_regions_are_from_and_what_failed() -> None:
    notes = list(index_summary(REPORT).notes)
    assert notes == [
        "3 regions of 1 image are from annotations.",
        "4 regions of 2 images are from stored predictions of tiny-0: nobody has submitted anything there.",
        "2 regions of 1 image were asked for by the label config as it is now (tiny-1).",
        "Failed: 7: it is not there",
        "The same command tries them again.",
        "There is an index of another model, too (ba9876543210): it stays as it is, and is not asked. Delete its "
        "folder if it is needed no more.",
        "It is in /home/index",
    ]


def test_programs_get_every_figure() -> None:
    told = json.loads(REPORT.to_json())
    assert told["did"]["regions_by_source"] == DID.regions_by_source
    assert told["counts"] == {"images": 4, "regions": 9, "failed": 1}
    assert told["failures"][0]["reason"] == "it is not there"
