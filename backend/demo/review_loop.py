"""The review loop, shown: predict, review, tune, learn, predict again; and what that was worth.

Scenes of a domain that the models were not made for are predicted. A scripted person corrects most of them, as
Label Studio's editor would submit it, with a session of their own: Firstpass itself writes no annotation. Then
come the very commands that people run. The rest of the scenes nobody reviews: of them it is counted what a
person would have to change, before and after.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from backend.demo.environment import Running, Say
from backend.demo.review_scenes import Domain, label_config, picture_of, truth_of
from backend.demo.scene_reviewer import SceneReviewer
from backend.errors import OperatorError
from backend.label_studio.records import AnnotationRow, PredictionRow
from backend.pages.summary import Figure
from backend.plain import Json
from backend.processes.stack import settings_environment
from backend.review.annotation_review import AnnotationReview, Fate
from backend.review.comparison import review_of

__all__ = ["Loop", "LoopFigures", "Needed"]

#: Scenes that neither the models nor any benchmark has seen.
FIRST_SEED = 8_100_000_000
#: Files in one upload; Label Studio takes 100.
UPLOADED = 50
#: What is shown of a command's answer: people can run it again to see all of it.
SHOWN_LINES = 12
TITLE = "Firstpass review loop"
#: Nobody works here who takes time.
LEAD_TIME_S = 8.0


@dataclass(frozen=True, slots=True)
class Needed:
    """What a person would have to do with predictions: `edits` on `images`, and how many of `regions` stay."""

    images: int
    edits: int
    regions: int
    kept: int

    @classmethod
    def of(cls, reviews: Sequence[AnnotationReview]) -> Needed:
        """The counts of these reviews."""
        regions = [one for review in reviews for one in review.regions]
        return cls(
            images=len(reviews),
            edits=sum(review.edits for review in reviews),
            regions=len(regions),
            kept=sum(one.fate is Fate.KEPT for one in regions),
        )

    @property
    def per_image(self) -> float:
        """Edits per image."""
        return self.edits / self.images if self.images else 0.0


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """On the scenes that nobody reviewed, before anything was tuned or learned and after."""

    reviewed: int
    before: Needed
    after: Needed
    version_before: str
    version_after: str

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What people read of it."""
        before, after = self.before, self.after
        saved = 1 - after.per_image / before.per_image if before.edits else 0.0
        return (
            Figure("reviewed images", str(self.reviewed)),
            Figure("images looked at, unreviewed", str(before.images)),
            Figure("edits per image", f"{before.per_image:.2f} -> {after.per_image:.2f}"),
            Figure("fewer edits", f"{saved:.0%}"),
            Figure("boxes right as they are", f"{_share(before)} -> {_share(after)}"),
            Figure("model_version", f"{self.version_before} -> {self.version_after}"),
        )


class Loop:
    """A project of one domain: `reviewed` of its scenes are corrected, `held_out` are not."""

    def __init__(
        self, both: Running, domain: Domain, reviewed: int, held_out: int, say: Say
    ) -> None:
        """Make the project, with Firstpass connected. Raises `LabelStudioUnavailable`."""
        self._both, self._domain, self._say = both, domain, say
        seeds = range(FIRST_SEED, FIRST_SEED + reviewed + held_out)
        client = both.client
        self.project = client.create_project(TITLE, label_config(domain))
        tasks: list[int] = []
        for some in _in_uploads(seeds):
            pictures = {f"scene-{seed}.png": picture_of(seed, domain) for seed in some}
            tasks += client.upload(self.project, pictures)
        scenes = list(zip(tasks, seeds, strict=True))
        self._reviewed, self._held_out = dict(scenes[:reviewed]), dict(scenes[reviewed:])
        client.connect(self.project, both.backend)
        say(f"project {self.project}: {len(scenes)} scenes of the domain {domain.name!r}")

    def run(self) -> LoopFigures:
        """Go round once. Raises `OperatorError` where a command fails, `LabelStudioUnavailable`."""
        project = str(self.project)
        self._firstpass("prelabel", "project", project)
        version, rows = self._version(), self._rows()
        for task, seed in self._reviewed.items():
            self._review(task, seed, rows[task])
        before = self._needed(rows)
        self._say(f"a scripted person has reviewed {len(self._reviewed)} of them")
        self._firstpass("review", "--project", project)
        self._firstpass("tune", "--project", project, "--apply")
        self._firstpass("learn", "--project", project, "--apply")
        self._firstpass("connect", "--project", project, "--no-tabs")
        self._firstpass("prelabel", "project", project)
        after = self._needed(self._rows())
        return LoopFigures(len(self._reviewed), before, after, version, self._version())

    def _firstpass(self, *arguments: str) -> None:
        """The command as people run it; the first of what it says is shown under it."""
        self._say(f"$ firstpass {' '.join(arguments)}")
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}  # noqa: TID251 (handed on)
        done = subprocess.run(  # noqa: S603 (our own interpreter and command)
            [sys.executable, "-m", "backend.cli.main", *arguments],
            env={**kept, "COLUMNS": "100", **settings_environment(self._both.settings)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OperatorError(
                f"firstpass {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}"
            )
        for line in islice(filter(str.strip, done.stdout.splitlines()), SHOWN_LINES):
            self._say(f"  {line}")

    def _version(self) -> str:
        return str(self._both.client.project(self.project)["model_version"])

    def _rows(self) -> Mapping[int, Json]:
        """The stored prediction of each task, of the version that the project shows."""
        shown, rows = self._version(), self._both.client.predictions(self.project)
        return {int(row["task"]): row for row in rows if row["model_version"] == shown}

    def _submitted(self, seed: int, row: Json) -> list[Json]:
        labels = [label.value for label in self._domain.labels]
        return SceneReviewer(labels).submitted(seed, row["result"], truth_of(seed, self._domain))

    def _review(self, task: int, seed: int, row: Json) -> None:
        """Submit what a person makes of the prediction."""
        body = {"lead_time": LEAD_TIME_S, "parent_prediction": row["id"]}
        result = self._submitted(seed, row)
        self._both.client.post(f"/api/tasks/{task}/annotations/", {**body, "result": result})

    def _needed(self, rows: Mapping[int, Json]) -> Needed:
        """What a person would make of the predictions of scenes that nobody reviewed."""
        reviews = []
        for task, seed in self._held_out.items():
            row = rows[task]
            annotation: Json = {"lead_time": LEAD_TIME_S, "parent_prediction": row["id"]}
            annotation["result"] = self._submitted(seed, row)
            reviews.append(
                review_of(
                    AnnotationRow.model_validate(annotation), PredictionRow.model_validate(row)
                )
            )
        return Needed.of(reviews)


def _in_uploads(seeds: Sequence[int]) -> Iterator[Sequence[int]]:
    """As many as go into one upload."""
    for first in range(0, len(seeds), UPLOADED):
        yield seeds[first : first + UPLOADED]


def _share(needed: Needed) -> str:
    return f"{needed.kept} of {needed.regions}"
