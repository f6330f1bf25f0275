"""`firstpass tune` over a stand-in Label Studio: what is found, written and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from backend.cli.tune import TuneOptions
from backend.cli.tune_run import take_back_through, tuned_through
from backend.errors import BadRequest, LabelConfigError
from backend.plain import Json
from backend.settings import Settings
from backend.tuning.figures import LabelTuning, TuneReport
from backend.tuning.report_rows import ending, tune_summary
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.tuning.projects import CONFIG, NUMBER, annotated, project_of

SETTINGS = Settings(model="tiny")
#: Cars are right from 0.9 on and wrong at 0.4, where they are shown; persons were reviewed five times.
CARS = [
    annotated(
        n,
        [("car", 0.9, True), ("car", 0.4, False), *([("person", 0.5, True)] if n <= 5 else [])],
    )
    for n in range(1, 41)
]


def tune(label_studio: StandInLabelStudio, **options: Any) -> TuneReport:
    return tuned_through(
        label_studio.api(), NUMBER, TuneOptions(**options), SETTINGS, lambda predictor: None
    )


def label(report: TuneReport, name: str) -> LabelTuning:
    (found,) = (one for one in report.labels if one.label == name)
    return found


def words(report: TuneReport) -> str:
    summary = tune_summary(report)
    cells = [cell for table in summary.tables for row in table.rows for cell in row]
    return " | ".join([*summary.about, *map(str, cells), *summary.notes, ending(report)])


def test_a_threshold_that_reviews_show_to_be_low_is_raised() -> None:
    label_studio = project_of(CARS)

    report = tune(label_studio)

    car = label(report, "car")
    assert (car.threshold, car.best, car.changes, car.reviewed) == (0.3, 0.405, True, 80)
    assert (car.hidden, car.hidden_right) == (40, 0)
    assert report.changed == {("box", "car")}
    assert not label_studio.writes
    said = words(report)
    assert "40, of which 0 right" in said
    assert (
        f"Nothing was written. `firstpass tune --project {NUMBER} --apply` would change 1 label"
        in said
    )
    assert "too few: 25 reviewed boxes are missing" in said


def test_what_is_written_is_the_label_config_alone_and_is_taken_back() -> None:
    """Byte for byte; the versions that are told are those that it makes."""
    label_studio = project_of(CARS)

    report = tune(label_studio, apply=True)

    written = label_studio.found["label_config"]
    assert written == CONFIG.replace(
        '<Label value="car"/>',
        '<Label value="car" model_score_threshold="0.405" model_tuned_from="-; -"/>',
    )
    assert [method for method, path, _ in label_studio.writes] == ["PATCH"]
    assert report.applied
    assert report.facts.version_now != report.facts.version_tuned
    assert f"`firstpass tune --project {NUMBER} --undo` takes it back" in ending(report)
    assert tune(label_studio).facts.version_now == report.facts.version_tuned

    lines = take_back_through(label_studio.api(), NUMBER, SETTINGS)

    assert label_studio.found["label_config"] == CONFIG
    assert lines[0] == "car (box): threshold 0.405 -> none of its own"
    assert f"{report.facts.version_tuned} -> {report.facts.version_now}" in lines[-1]
    with pytest.raises(BadRequest, match="nothing to take back"):
        take_back_through(label_studio.api(), NUMBER, SETTINGS)


def test_applying_where_nothing_changes_writes_nothing() -> None:
    right = [annotated(n, [("car", 0.9, True)]) for n in range(1, 41)]
    label_studio = project_of(right)

    report = tune(label_studio, apply=True)

    assert (report.changes, report.applied, label_studio.writes) == (0, False, [])
    assert report.facts.version_now == report.facts.version_tuned
    assert ending(report).startswith("Nothing to change")


def test_scores_that_say_too_much_are_calibrated() -> None:
    """What tells right from wrong is in no threshold: half of the boxes with each score are wrong."""
    half = [
        annotated(n, [("car", 0.9, n % 2 == 0), ("car", 0.8, n % 3 == 0)]) for n in range(1, 61)
    ]
    label_studio = project_of(half)

    report = tune(label_studio, apply=True)

    (curves,) = report.calibrations
    assert set(curves.new) == {"car"}
    assert "model_calibration=" in label_studio.found["label_config"]
    assert label_studio.found["label_config"].count("model_score_threshold") == 1
    assert not tune(label_studio).changes  # what was written now is as good as any


def test_boxes_hidden_by_the_threshold_are_unknown_without_the_cache() -> None:
    """Nothing below what people saw is proposed, however many they added."""
    low = [annotated(n, [("car", 0.9, True)], added=["car"]) for n in range(1, 41)]

    report = tune(
        project_of(low, CONFIG.replace('value="car"', 'value="car" model_score_threshold="0.9"'))
    )

    car = label(report, "car")
    assert (car.changes, car.known, car.observable) == (False, 0, 0.9)
    assert "is not in the workers' cache (any more) for 40 of 40" in words(report)


def test_a_version_of_before_says_nothing_below_what_it_showed() -> None:
    """Its threshold is not known, but of the one that the last change replaced."""
    old = [annotated(n, [("car", 0.9, True)], added=["car"]) for n in range(1, 41)]

    car = label(tune(project_of(old)), "car")

    assert (car.changes, car.best, car.observable) == (False, 0.3, 0.3)
    label_studio = project_of(CARS)
    before = tune(label_studio, apply=True).facts.version_now
    mine = [{**one, "annotations": [{**one["annotations"][0]}]} for one in CARS]
    for one in mine:
        one["annotations"][0]["prediction"] = {
            **one["annotations"][0]["prediction"], "model_version": before
        }  # fmt: skip
    again = tune(project_of(mine, label_studio.found["label_config"]))
    assert label(again, "car").observable == 0.3


def test_a_precision_or_costs_may_be_what_is_sought() -> None:
    label_studio = project_of(CARS)

    assert label(tune(label_studio, precision="0.9"), "car").best == 0.405
    assert label(tune(label_studio, cost="add=1,delete=0.3"), "car").best == 0.405
    assert "sought: the least threshold of a precision of 0.9" in words(
        tune(label_studio, precision="0.9")
    )
    assert "fewest edits" in words(tune(label_studio, cost="add=1,delete=0.3"))


def test_the_phrases_of_a_label_are_compared_only_where_the_cache_tells_them() -> None:
    stars = [annotated(n, [("star", 0.9, True)]) for n in range(1, 4)]

    report = tune(project_of(stars))

    assert [(one.phrase, one.right.of, one.unknown) for one in report.phrases] == [
        ("star", 0, 3),
        ("heart", 0, 3),
    ]


def test_a_label_that_is_gone_is_named_and_left_alone() -> None:
    buses = [annotated(n, [("bus", 0.9, False), ("car", 0.9, True)]) for n in range(1, 41)]

    report = tune(project_of(buses))

    assert {one.label for one in report.labels} == {"car", "person", "star"}
    assert "the label config has no such label any more: bus" in words(report)


def test_a_project_that_shows_no_version_is_told_what_that_costs() -> None:
    assert "shows no version of predictions" in words(tune(project_of(CARS, shown="")))


def test_five_boxes_change_nothing_and_say_how_many_are_missing() -> None:
    five = [annotated(n, [("car", 0.4, False)]) for n in range(1, 6)]

    report = tune(project_of(five))

    assert not report.changes
    assert label(report, "car").why == "too few: 25 reviewed boxes are missing"
    assert "only 5 predicted regions were reviewed" in words(report)


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([], "there is no annotation; review some predictions in Label Studio"),
        ([{"id": 1, "data": {"image": "http://i/1.png"}}], "there is no annotation"),
        (
            [annotated(1, [], added=["car"], parent_prediction=None, prediction={})],
            "1 drawn where there was no prediction",
        ),
        (
            [annotated(n, [("car", 0.9, True)], version="yolo-v8") for n in (1, 2)],
            "began from a prediction of tiny; there are some from yolo-v8 (2)",
        ),
        (
            [annotated(1, [("car", 0.9, True)], version="small-0123456789")],
            "there are some from small-0123456789 (1); --version NAME counts one of these",
        ),
        ([annotated(1, [], was_cancelled=True)], "1 skipped"),
    ],
)
def test_nothing_to_learn_from_is_one_sentence(tasks: list[Json], said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        tune(project_of(tasks))

    assert said in str(refused.value)


def test_reviews_of_other_models_do_not_count_and_are_named() -> None:
    """Their scores are others; of those that can be asked for the note says how."""
    others = [
        annotated(first + n, [("car", 0.4, True)] * 3, version=version)
        for first, version in ((100, "small-0123456789"), (200, "yolo-v8"))
        for n in range(40)
    ]

    report = tune(project_of([*CARS, *others]))

    assert label(report, "car").best == 0.405
    assert "not counted, since their predictions are not of tiny" in words(report)
    assert "small-0123456789 (40)" in words(report)
    assert "; --version NAME counts one, of Firstpass's" in words(report)
    assert label(tune(project_of(others), version=["small-0123456789"]), "car").reviewed == 120


def test_a_version_of_another_tool_is_refused() -> None:
    with pytest.raises(BadRequest, match="expected --version as a version of Firstpass"):
        tune(project_of(CARS), version=["yolo-v8"])


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        ("<View><", LabelConfigError, "XML"),
        ('<View><Image name="i" value="$image"/></View>', LabelConfigError, "nothing"),
        (
            '<View><Image name="i" value="$image"/><Choices name="c" toName="i"><Choice value="a"/>'
            '<Choice value="b"/></Choices></View>',
            BadRequest,
            "has no label of a tag for regions that Firstpass fills",
        ),
    ],
)
def test_a_label_config_without_such_labels_is_told(
    config: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        tune(project_of(CARS, config))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "90"}, "expected --precision as a share"),
        ({"cost": "add=1"}, "expected --cost add=1,delete=0.3"),
        ({"since": "yesterday"}, "expected --since as a date"),
        ({"since": "2026-11-25"}, "there is no annotation made since 2026-11-25"),
    ],
)
def test_options_that_cannot_be_meant_are_told(options: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        tune(project_of(CARS), **options)


def test_a_label_config_that_somebody_changes_meanwhile_is_left_as_it_is() -> None:
    label_studio = project_of(CARS)
    changed = CONFIG.replace('value="car"', 'value="car" hotkey="9"')

    def at_the_second_look(look: Callable[[int], Any]) -> Callable[[int], Any]:
        looks = iter([None, changed])

        def project(number: int) -> Any:
            config = next(looks, None)
            if config is not None:
                label_studio.found["label_config"] = config
            return look(number)

        return project

    api = label_studio.api()
    object.__setattr__(api, "project", at_the_second_look(api.project))
    with pytest.raises(BadRequest, match="was changed meanwhile: nothing is written"):
        tuned_through(api, NUMBER, TuneOptions(apply=True), SETTINGS, lambda predictor: None)

    assert label_studio.found["label_config"] == changed
    assert not label_studio.writes


def test_every_figure_is_json() -> None:
    told = json.loads(tune(project_of(CARS)).to_json())

    assert told["changes"] == 1
    assert told["applied"] is False
    (car, *_) = told["labels"]
    assert (car["label"], car["threshold"], car["best"], car["kept"]["value"]) == (
        "car", 0.3, 0.405, 40,
    )  # fmt: skip
