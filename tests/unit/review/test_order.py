"""What to review first: chances of a correction, contradictions, and the order that comes of them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.label_studio.records import AnnotationRow, PredictionRow
from backend.plain import Json
from backend.review.annotation_review import AnnotationReview
from backend.review.comparison import review_of
from backend.review.disagreements import Meanings, disagreements, meanings_of
from backend.review.edit_chances import ENOUGH, Curve, EditChances, EditCounts
from backend.review.order_report import OrderReport, chances_in_words, order_lines, order_notes
from backend.review.result_content import content_of
from backend.review.task_doubts import TaskDoubts, doubts_of
from backend.review.task_order import column_values, in_order
from tests.reviewer import box

CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="Car"/><Label value="person"/></RectangleLabels>'
    '<Choices name="seen" toName="image"><Choice value="car"/><Choice value="tree"/></Choices>'
    '<Number name="cars" toName="image" model_count="Car"/></View>'
)


def choice(*values: str, tag: str = "seen", score: float = 0.9) -> Json:
    return {
        "id": f"c{tag}", "from_name": tag, "to_name": "image", "type": "choices", "score": score,
        "value": {"choices": [*values]},
    }  # fmt: skip


def number(value: float) -> Json:
    return {
        "id": "n", "from_name": "cars", "to_name": "image", "type": "number", "score": 0.9,
        "value": {"number": value},
    }  # fmt: skip


def row(*result: Json) -> PredictionRow:
    return PredictionRow.model_validate({"id": 1, "model_version": "v", "result": [*result]})


def reviewed(base: PredictionRow, result: list[Json], **fields: Any) -> AnnotationReview:
    """An annotation that began from it."""
    annotation = AnnotationRow.model_validate(
        {"id": 1, "result": result, "lead_time": 9.0, "parent_prediction": 1, **fields}
    )
    return review_of(annotation, base)


def words(*result: Json, meanings: Meanings | None = None) -> list[str]:
    content = content_of([*result])
    found = disagreements(
        content.all_things,
        list(content.statements.values()),
        meanings_of(CONFIG) if meanings is None else meanings,
    )
    return [one.words for one in found]


def counts_where(chance: Curve, of: int, label: str = "car", seed: int = 1) -> EditCounts:
    """So many reviewed boxes whose scores stand anywhere, deleted as often as the curve says."""
    drawn, counts = random.Random(seed), EditCounts()
    for _ in range(of):
        score = drawn.uniform(0.1, 0.95)
        base = row(box("a", label, 10, 10, 20, 20, score))
        gone = drawn.random() < chance.chance(score)
        kept = [] if gone else [{**base.result[0], "origin": "prediction"}]  # type: ignore[index]
        counts.add(reviewed(base, kept))
    return counts


def test_without_evidence_the_chance_is_what_the_score_lacks_to_one() -> None:
    chances = EditCounts().fitted()

    assert not chances.calibrated
    assert chances.of_region(("box", "car"), 0.9) == pytest.approx(0.1)
    assert chances.of_region(("box", "car"), None) == 0.5
    assert "0 predicted regions and tags were reviewed so far" in chances_in_words(chances)


def test_a_calibration_changes_no_chance() -> None:
    """What was learned from raw scores holds for raw scores, whatever the regions show."""
    meta = {"meta": {"raw_score": 0.9}}
    raw = row(box("a", "car", 10, 10, 20, 20, 0.9))
    calibrated = row({**box("a", "car", 10, 10, 20, 20, 0.2), **meta})
    chances = counts_where(Curve(1.0, 2.0), 100).fitted()

    one, other = (doubts_of(1, each, chances, Meanings()).expected for each in (raw, calibrated))
    assert one == other
    counts = [EditCounts(), EditCounts()]
    for count, base in zip(counts, (raw, calibrated), strict=True):
        for _ in range(ENOUGH):
            count.add(reviewed(base, []))
    assert counts[0].fitted() == counts[1].fitted()


def test_a_little_evidence_is_not_used_and_enough_is() -> None:
    always = Curve(1.0, 50.0)

    few, enough = (counts_where(always, of).fitted() for of in (ENOUGH - 1, ENOUGH))

    assert few.of_region(("box", "car"), 0.9) == pytest.approx(0.1)
    assert enough.of_region(("box", "car"), 0.9) > 0.5
    assert f"as {ENOUGH} reviewed regions and tags bear them out" in chances_in_words(enough)


@pytest.mark.parametrize("truth", [Curve(1.0, 2.0), Curve(0.4, -1.0), Curve(2.0, 0.0)])
def test_the_curve_that_people_follow_is_found(truth: Curve) -> None:
    chances = counts_where(truth, 3000).fitted()

    for score in (0.2, 0.5, 0.8):
        assert chances.of_region(("box", "car"), score) == pytest.approx(
            truth.chance(score), abs=0.06
        )


def test_a_label_of_which_little_is_known_goes_by_all_of_them() -> None:
    """And one of which nothing is known, wholly."""
    often = counts_where(Curve(1.0, 3.0), 400)
    often.regions[("box", "bus")] = counts_where(Curve(1.0, -9.0), 1, "bus").regions["box", "bus"]
    chances = often.fitted()

    assert chances.of_region(("box", "bus"), 0.5) > 0.7
    assert chances.of_region(("box", "van"), 0.5) == pytest.approx(
        chances.of_region(("box", "car"), 0.5), abs=0.05
    )


def test_what_nobody_looked_at_tells_nothing() -> None:
    """Accepted in bulk, skipped, and submitted untouched in under two seconds."""
    base, counts = row(box("a", "car", 10, 10, 20, 20, 0.9)), EditCounts()
    same = [{**one, "origin": "prediction"} for one in base.result or ()]
    counts.add(reviewed(base, same, lead_time=1.0))
    counts.add(reviewed(base, [], was_cancelled=True))
    bare = [{name: value for name, value in one.items() if name != "origin"} for one in same]
    counts.add(reviewed(base, bare, lead_time=None))

    assert counts.fitted() == EditCounts().fitted()


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["kept", "gone"])), min_size=ENOUGH, max_size=60
    )
)
def test_any_evidence_gives_chances(scored: list[tuple[float, str]]) -> None:
    """Also where all were kept, or all had one score."""
    counts = EditCounts()
    for score, fate in scored:
        base = row(box("a", "car", 10, 10, 20, 20, score))
        kept = [{**one, "origin": "prediction"} for one in base.result or ()]
        counts.add(reviewed(base, kept if fate == "kept" else []))
    chances = counts.fitted()

    assert all(0 <= chances.of_region(("box", "car"), score / 10) <= 1 for score in range(11))


def test_people_who_add_regions_are_expected_to() -> None:
    """To an empty prediction as often as they did to empty ones."""
    counts = EditCounts()
    drawn = {**box("new", "car", 50, 50, 20, 20, None), "origin": "manual"}
    for _ in range(10):
        counts.add(reviewed(row(), [drawn, {**drawn, "id": "new2", "value": {**drawn["value"], "x": 5}}]))  # fmt: skip
        full = row(box("a", "car", 10, 10, 20, 20, 0.9))
        counts.add(reviewed(full, [{**one, "origin": "prediction"} for one in full.result or ()]))
    chances = counts.fitted()

    assert (chances.added_to_nothing, chances.added) == (2.0, 0.0)
    assert doubts_of(1, row(), chances, Meanings()).reasons == ((2.0, "nothing found"),)


def test_what_cannot_both_be_right_is_named() -> None:
    car = box("a", "Car", 10, 10, 20, 20, 0.9)

    assert words(car, box("b", "person", 11, 10, 20, 20, 0.9)) == ["Car and person in one place"]
    assert words(car, box("b", "Car", 11, 10, 20, 20, 0.9)) == ["Car twice in one place"]
    assert words(car, box("b", "person", 60, 10, 20, 20, 0.9)) == []
    assert words(car, number(3)) == ["cars says 3, 1 car drawn"]
    assert words(car, number(1), choice("car")) == []
    assert words(choice("car")) == ["seen says car, none drawn"]
    assert words(car, choice("tree")) == ["car drawn, seen lacks it"]
    assert words(choice("tree")) == []


def test_tags_of_several_images_or_of_regions_are_not_held_against_each_other() -> None:
    two = CONFIG.replace("<View>", '<View><Image name="other" value="$other"/>')
    per_region = CONFIG.replace("<Choices ", '<Choices perRegion="true" ')

    assert meanings_of(two) == Meanings()
    assert meanings_of("<View") == Meanings()
    assert meanings_of(per_region).choices == {}
    assert meanings_of(CONFIG).choices == {"seen": frozenset({"car"})}
    assert meanings_of(CONFIG).counted == {"cars": "car"}


def test_a_contradiction_is_worth_what_the_scores_do_not_say() -> None:
    """Both boxes are sure, so only the contradiction is a doubt; it comes first among the reasons."""
    sure = (box("a", "Car", 10, 10, 20, 20, 0.98), box("b", "person", 10, 10, 20, 20, 0.98))

    doubts = doubts_of(1, row(*sure), EditChances(), meanings_of(CONFIG))

    assert doubts.reasons[0][1] == "Car and person in one place"
    assert doubts.expected == pytest.approx(0.5, abs=0.01)
    assert doubts.labels == {"Car", "person"}


def test_how_often_contradictions_were_corrected_is_learned() -> None:
    counts = EditCounts(meanings_of(CONFIG))
    base = row(box("a", "Car", 10, 10, 20, 20, 0.9), box("b", "person", 10, 10, 20, 20, 0.9))
    kept = [{**one, "origin": "prediction"} for one in base.result or ()]
    for _ in range(18):
        counts.add(reviewed(base, kept))
    counts.add(reviewed(base, kept[:1]))

    assert counts.fitted().disagreement == pytest.approx(2 / 21)


def doubt(task: int, expected: float, *labels: str) -> TaskDoubts:
    return TaskDoubts(task, expected, ((expected, "unsure"),), frozenset(labels))


def test_the_most_expected_corrections_come_first() -> None:
    tasks = [doubt(task, task / 10, f"label {task}") for task in range(1, 10)]

    assert [one.task for one in in_order(tasks)] == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_the_front_is_spread_over_label_sets() -> None:
    """A single task of another kind, expected to take a little less, comes before the tenth of one kind."""
    cars = [doubt(task, 1.0, "car") for task in range(1, 11)]

    ordered = [one.task for one in in_order([*cars, doubt(99, 0.9, "bicycle")])]

    assert ordered[0] == 1
    assert ordered.index(99) < 5
    assert in_order([*cars, doubt(99, 0.7, "bicycle")])[-1].task == 99


def test_a_rare_label_counts_a_little() -> None:
    tasks = [doubt(task, 0.5, "car", "tree") for task in range(1, 200)]

    first, *_ = in_order([*tasks, doubt(500, 0.4, "car", "bicycle")])

    assert first.task == 500
    assert first.reasons == ("unsure", "rare: bicycle, in 1 of 200 tasks")


@given(
    st.dictionaries(
        st.integers(1, 10**6),
        st.tuples(st.floats(0, 20), st.sets(st.sampled_from("abcd"))),
        max_size=60,
    )
)
def test_every_task_is_in_the_order_once(tasks: dict[int, tuple[float, set[str]]]) -> None:
    found = in_order(doubt(task, expected, *labels) for task, (expected, labels) in tasks.items())

    assert sorted(one.task for one in found) == sorted(tasks)


@given(st.integers(0, 3000))
def test_column_values_stand_in_the_order_of_text_and_are_few(count: int) -> None:
    ids = [*range(count, 0, -1)]

    values = column_values(ids)

    assert len(values) <= 100
    assert [task for some in values.values() for task in some] == ids
    assert [*values] == sorted(values, reverse=True)
    assert all("." in value and len(value) == 4 for value in values)
    assert count <= 100 or len(values) <= 60
    assert [task for some in [*values.values()][:20] for task in some] == ids[:20]
    assert count > 100 or all(len(some) == 1 for some in values.values())


def test_people_and_programs_read_the_same() -> None:
    found = in_order([doubt(7, 1.26, "car"), doubt(8, 0.0, "car")])
    notes = tuple(order_notes(EditChances(), found, 2))
    report = OrderReport(
        4, "project 4", "http://ls/projects/4/data", "now", "tiny-0", False, 0, notes, tuple(found)
    )

    (first, why), _ = order_lines(report)

    assert first == " 1  1.3 corrections expected  http://ls/projects/4/data?task=7"
    assert why == "unsure"
    assert '"url": "http://ls/projects/4/data?task=8"' in report.to_json()
    assert any("Label Studio cannot list them: 2 tasks" in note for note in notes)
    assert any("no index of images" in note for note in notes)
