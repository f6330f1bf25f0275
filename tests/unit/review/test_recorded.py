"""All counts are exact over what a real Label Studio exported of the scripted reviewer's 500 annotations."""

from __future__ import annotations

import copy

import pytest

from backend.plain import Json
from backend.review.annotation_review import Beginning
from backend.review.tally import Reviews
from tests.reviewer import OURS
from tests.unit.review.recorded import boxes_of, counted, expected, recorded, stand_in


def check_all_but_unseen(reviews: Reviews) -> None:
    """Against the counts that the reviewer's script writes down edit by edit."""
    wanted = expected()
    began = reviews.began
    assert (began[Beginning.PREDICTION], began[Beginning.SKIPPED], began[Beginning.NOTHING]) == (
        wanted.reviewed,
        wanted.skipped,
        wanted.nothing,
    )
    assert began[Beginning.LOST] == 0
    assert boxes_of(reviews) == wanted.boxes
    assert reviews.total.edits == wanted.edits
    assert reviews.tags["scene"].fates == wanted.choices
    assert reviews.tags["plate"].fates == wanted.texts
    assert reviews.confusion == {("car", "person"): wanted.boxes["car", "relabelled"]}


def test_every_count_is_exact() -> None:
    """Two annotators, all kinds of edits, float noise, edits after submission, bulk accepts, skips."""
    reviews = counted(stand_in(recorded()["before"], recorded()["rows"]).api())

    assert len(recorded()["kinds"]) == 500
    check_all_but_unseen(reviews)
    unseen = expected().unseen
    assert (reviews.began[Beginning.UNSEEN], reviews.untold) == (unseen, 0)
    assert reviews.labels["box", "car"].unseen == 2 * unseen
    assert reviews.labels["box", "person"].unseen == unseen
    assert len(reviews.by_annotator) == 2


def test_they_are_after_the_predictions_were_removed() -> None:
    """The copies tell all but what was accepted in bulk, of which Label Studio keeps none."""
    reviews = counted(stand_in(recorded()["after"], []).api())

    check_all_but_unseen(reviews)
    unseen = expected().unseen
    assert (reviews.began[Beginning.UNSEEN], reviews.untold) == (unseen, unseen)


def test_they_are_after_one_prediction_was_removed() -> None:
    """Label Studio empties the parent of those annotations, and keeps the copy."""
    first = recorded()["rows"][0]
    tasks = copy.deepcopy(recorded()["before"])
    for task in tasks:
        for annotation in task["annotations"]:
            if annotation["parent_prediction"] == first["id"]:
                annotation["parent_prediction"] = None

    check_all_but_unseen(counted(stand_in(tasks, recorded()["rows"][1:]).api()))


def test_moved_boxes_tell_how_far_and_scores_are_those_of_the_predictions() -> None:
    """A shift by 8 of 20 leaves an overlap of 12 in 28; a changed region keeps its score in the annotation."""
    reviews = counted(stand_in(recorded()["before"], recorded()["rows"]).api())

    assert list(reviews.labels["box", "car"].moved_ious) == pytest.approx(
        [12 / 28] * expected().boxes["car", "moved"]
    )
    wanted = expected()
    of_nine, of_six, of_four = (reviews.scores.counts[number] for number in (9, 6, 4))
    assert of_nine == of_six == of_four == wanted.reviewed
    relabelled, deleted = wanted.boxes["car", "relabelled"], wanted.boxes["car", "deleted"]
    assert reviews.scores.right[9] == wanted.reviewed - relabelled - deleted
    assert reviews.scores.right[6] == wanted.reviewed
    assert reviews.scores.right[4] == wanted.reviewed - wanted.boxes["person", "deleted"]


def test_where_another_version_was_shown_the_row_tells_what_an_annotation_began_from() -> None:
    """The copy is of the version that the project shows; the parent is what the person had open."""
    other: Json = {"id": 999_999, "model_version": "yolo-v8", "result": [], "score": None}
    tasks = copy.deepcopy(recorded()["before"])
    for task in tasks:
        for annotation in task["annotations"]:
            if annotation["prediction"]:
                annotation["prediction"] = other

    check_all_but_unseen(counted(stand_in(tasks, recorded()["rows"]).api()))

    gone = counted(stand_in(tasks, []).api())
    assert gone.began[Beginning.PREDICTION] == 0
    assert gone.began[Beginning.LOST] == expected().reviewed


def test_nothing_is_written() -> None:
    """No request but GET."""
    label_studio = stand_in(recorded()["before"], recorded()["rows"])

    counted(label_studio.api())

    assert label_studio.writes == []


def test_a_version_is_counted_when_it_is_named() -> None:
    """Without, those that are Firstpass's own by their shape."""
    tasks = copy.deepcopy(recorded()["before"])
    rows = [{**row, "model_version": "yolo-v8"} for row in recorded()["rows"]]
    for task in tasks:
        for annotation in task["annotations"]:
            if annotation["prediction"]:
                annotation["prediction"]["model_version"] = "yolo-v8"

    ours = counted(stand_in(tasks, rows).api())
    assert ours.total.annotations == 0
    assert ours.by_version["yolo-v8"].annotations == expected().reviewed

    check_all_but_unseen(counted(stand_in(tasks, rows).api(), "yolo-v8"))
    assert counted(stand_in(tasks, rows).api(), OURS).total.annotations == 0


def test_a_task_that_cannot_be_exported_is_one_less_and_the_rest_is_counted() -> None:
    """Half an emoji in its data has Label Studio answer 500 to every export that holds it."""
    label_studio = stand_in(recorded()["before"], recorded()["rows"])
    label_studio.unlistable = {recorded()["before"][5]["id"]}

    reviews = counted(label_studio.api())

    assert reviews.unread == 1
    assert 498 <= reviews.began.total() < 500
