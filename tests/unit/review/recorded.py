"""What a real Label Studio exported of 500 annotations by the scripted reviewer, and the counts of a report."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from backend.label_studio.api import LabelStudioApi
from backend.label_studio.reviewed_tasks import reviewed_tasks
from backend.plain import Json
from backend.review.reading import count_reviews
from backend.review.tally import Reviews
from tests.reviewer import CONFIG, EDITS, Edit, Expected, expected_of
from tests.standin.label_studio import StandInLabelStudio

RECORDED = Path(__file__).parents[2] / "contract" / "reviews.json.gz"


@cache
def recorded() -> dict[str, Any]:
    """`before` and `after` the predictions were removed, the `rows`, and the `kinds` of what was done."""
    found: dict[str, Any] = json.loads(gzip.decompress(RECORDED.read_bytes()))
    return found


def expected() -> Expected:
    """Of all 500."""
    by_name: dict[str, Edit] = {edit.name: edit for edit in EDITS}
    return expected_of([by_name.get(kind, kind) for kind in recorded()["kinds"]])


def stand_in(tasks: list[Json], rows: list[Json]) -> StandInLabelStudio:
    """A Label Studio that holds them."""
    found = StandInLabelStudio(label_config=CONFIG)
    found.put(*({**task, "predictions": []} for task in tasks))
    for row in rows:
        found.keep(row, row["id"])
    return found


def counted(
    api: LabelStudioApi, *versions: str, since: datetime | None = None, project: int = 4
) -> Reviews:
    """What is counted of a project, read as the command reads it."""
    reviews = Reviews(versions)
    count_reviews(reviewed_tasks(api, project, sleep=lambda _: None), reviews, since)
    return reviews


def boxes_of(reviews: Reviews) -> Counter[tuple[str, str]]:
    """Regions by label and fate, as `Expected.boxes` has them."""
    found: Counter[tuple[str, str]] = Counter()
    for (_, label), counts in reviews.labels.items():
        found.update({(label, fate.value): count for fate, count in counts.fates.items()})
        found[label, "added"] += counts.added
    return +found
