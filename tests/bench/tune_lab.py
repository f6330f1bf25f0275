"""`firstpass tune` in the lab: what it proposes for reviewed scenes, and what that is worth on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from backend.demo.review_scenes import Domain, label_config
from backend.label_config.label_thresholds import LabelThreshold, with_thresholds
from backend.label_config.tuned_labels import with_tuned
from backend.plain import Json
from backend.review.tally import Reviews
from backend.tuning.aim import Aim
from backend.tuning.evidence import Evidence, LabelKey, OnImage
from backend.tuning.figures import CalibrationFigures, LabelTuning
from backend.tuning.proposals import calibrations, tunable, tuned_labels
from backend.tuning.writing import changes_of
from models.measures import Counts
from tests.bench.review_lab import ReviewLab

__all__ = ["Tuned", "evidence_of", "planted", "tune"]


@dataclass(frozen=True, slots=True)
class Tuned:
    """A project before and after, and what was said of each label and tag."""

    before: ReviewLab
    after: ReviewLab
    labels: tuple[LabelTuning, ...]
    calibrations: tuple[CalibrationFigures, ...]

    @property
    def changed(self) -> list[LabelTuning]:
        """Labels whose threshold changed."""
        return [one for one in self.labels if one.changes]

    def f1s(self, held_out: Sequence[int]) -> dict[str, tuple[float, float]]:
        """F1 before and after on scenes that nobody reviewed, of each label and of all (``)."""
        before, after = self.before.counts(held_out), self.after.counts(held_out)
        named = {name: (before[name].f1, after[name].f1) for name in before}
        return {**named, "": (_all(before).f1, _all(after).f1)}


def planted(domain: Domain, thresholds: Mapping[str, float]) -> ReviewLab:
    """A project whose labels have these thresholds."""
    wanted = [LabelThreshold("box", label, least) for label, least in thresholds.items()]
    return ReviewLab(domain, with_thresholds(label_config(domain), wanted))


def evidence_of(lab: ReviewLab, tasks: Iterable[Json]) -> Mapping[LabelKey, Sequence[OnImage]]:
    """What the command gathers of these tasks."""
    keys = frozenset(tunable(lab.predictor))
    evidence = Evidence(Reviews(), keys, lab.tidy_answers)
    for one, task in lab.reviews(tasks):
        evidence.add(one, task)
    return evidence.found


def tune(lab: ReviewLab, tasks: Iterable[Json], *, curves: bool = False) -> Tuned:
    """The project as `firstpass tune --apply` leaves it; calibrated only with `curves`."""
    found, labels = evidence_of(lab, tasks), tunable(lab.predictor)
    tuned = tuned_labels(labels, found, Aim(), {lab.predictor.version: labels})
    curved = calibrations(labels, found, tuned) if curves else ()
    after = replace(lab, xml=with_tuned(lab.config, changes_of(tuned, curved)))
    return Tuned(lab, after, tuned, curved)


def _all(counts: Mapping[str, Counts]) -> Counts:
    return sum(counts.values(), Counts())
