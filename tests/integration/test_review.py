"""`firstpass review` as a process, over HTTP, without Redis: the stand-in Label Studio stands in for the real one."""

from __future__ import annotations

from collections import Counter

from tests.bench.bench_review import measured, serving
from tests.reviewer import EDITS, expected_of


def test_the_command_counts_exactly_what_the_bench_plants() -> None:
    """Three pages of the export: what is told as JSON is what was done."""
    count = 250
    with serving(count) as url:
        report, *_ = measured(url)

    wanted = expected_of([EDITS[number % len(EDITS)] for number in range(count)])
    found: Counter[tuple[str, str]] = Counter()
    for one in report["labels"]:
        for fate in ("kept", "moved", "relabelled", "replaced", "deleted"):
            found[one["label"], fate] += one[fate]["count"]
        found[one["label"], "added"] += one["added"]
    assert +found == wanted.boxes
    assert report["reviewed"] == count
    assert sum(one["annotations"] for one in report["by_time"]) == count
    assert report["total"]["hidden"]["unknown"] == wanted.boxes["car", "added"]
