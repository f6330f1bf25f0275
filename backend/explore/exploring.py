"""Asks all questions of a set of images, and gives the answers as they are kept: JSON that names rows of the index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from backend.explore.clusters import Clusters, clustered
from backend.explore.copies import find_copies
from backend.explore.drift import drift
from backend.explore.findings import QUESTIONS, Question
from backend.explore.gaps import gaps
from backend.explore.image_set import ImageSet
from backend.explore.map import image_map
from backend.explore.names import ClusterName, names_by_labels, names_by_words
from backend.explore.neighbours import Floats
from backend.explore.odd_boxes import oddness
from backend.explore.outliers import outliers
from backend.explore.quality import quality_hints
from backend.explore.ranked import Ranked
from backend.plain import Json

__all__ = ["Exploring", "Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """Words that clusters may be called, with their vectors by the model of the images."""

    words: Sequence[str]
    vectors: Floats


@dataclass(slots=True)
class Exploring:
    """The questions of one set. `other` is what it is held against, `words` gives what clusters are called by.

    `note` takes a sentence for each thing that could not be told.
    """

    images: ImageSet
    seed: int = 0
    other: ImageSet | None = None
    other_name: str = ""
    words: Callable[[], Words | None] = lambda: None
    threads: int = 1
    notes: list[str] = field(default_factory=list)
    _clusters: Clusters | None = None
    _names: list[Json] | None = None

    def answers(self, only: Collection[Question] = QUESTIONS) -> Iterator[tuple[Question, Json]]:
        """Give the answer to each question, as it is found."""
        asks: Mapping[Question, Callable[[], Json]] = {
            "copies": self._copies, "clusters": self._told_clusters, "gaps": self._gaps,
            "outliers": self._outliers, "quality": self._quality, "map": self._map, "boxes": self._boxes,
        }  # fmt: skip
        for question in QUESTIONS:
            if question not in only:
                continue
            if question != "drift":
                yield question, asks[question]()
            elif self.other is not None:
                found = self._drift(self.other)
                if found is not None:
                    yield question, found

    def _row(self, place: int) -> int:
        return self.images.rows[place].row

    def _rows(self, places: Sequence[int]) -> list[int]:
        return [self._row(place) for place in places]

    def _copies(self) -> Json:
        found = find_copies(self.images.facts, self.images.signs(), self.images.picture)
        if found.left:
            self.notes.append(
                f"{found.left:,} pairs that may be copies were not compared: the {found.compared:,} likeliest were"
            )
        groups = [
            {
                "rows": self._rows(group.items),
                "conflict": group.conflict,
                "leak": group.leak,
                "score": group.score,
                "reason": group.reason,
                "pairs": [
                    {**asdict(pair), "one": self._row(pair.one), "other": self._row(pair.other)}
                    for pair in group.pairs
                ],
            }
            for group in found.groups
        ]
        return {"groups": groups, "compared": found.compared, "left": found.left}

    @property
    def clusters(self) -> Clusters:
        if self._clusters is None:
            self._clusters = clustered(self.images.vectors, self.images.any_labels, seed=self.seed)
        return self._clusters

    def _named(self) -> list[Json]:
        """Each cluster's names: in words of a vocabulary, and by labels."""
        if self._names is None:
            found = self.clusters
            words = self.words()
            named: list[ClusterName | None] = [None] * len(found.found)
            if words is not None and len(found.found) > 1:
                named = list(
                    names_by_words(found.middles, self.images.vectors, words.words, words.vectors)
                )
            by_labels = names_by_labels(found.found, self.images.any_labels)
            self._names = [
                _name(number, name, labels)
                for number, (name, labels) in enumerate(zip(named, by_labels, strict=True), 1)
            ]
        return self._names

    def _told_clusters(self) -> Json:
        found = self.clusters
        clusters = [
            {
                **name,
                "size": len(one.items),
                "label": one.label,
                "purity": one.purity,
                "rows": self._rows(one.items),
            }
            for one, name in zip(found.found, self._named(), strict=True)
        ]
        return {"silhouette": found.silhouette, "clusters": clusters}

    def _gaps(self) -> Json:
        labels, whose = self.images.labels, "annotated"
        if not any(labels):
            labels, whose = self.images.any_labels, "predicted"
        whose = whose if any(labels) else ""
        scenes = self.images.scenes()
        if scenes is not None:
            by, values = scenes
            # A choice is a label of the image, too: it is no gap that no night is by day.
            own = {value for value in values if value is not None}
            labels = [None if each is None else each - own for each in labels]
        else:
            by = ""
            names = [name["name"] for name in self._named()]
            values = [names[number] for number in self.clusters.of]
        found, looked = gaps(labels, values)
        return {
            "scenes": by,
            "labels": whose,
            "looked": looked,
            "gaps": [{**asdict(one), "reason": one.reason} for one in found],
        }

    def _outliers(self) -> Json:
        return {"images": self._ranked(outliers(self.images.vectors))}

    def _quality(self) -> Json:
        return {"hints": self._ranked(quality_hints(self.images.looks))}

    def _ranked(self, found: Sequence[Ranked]) -> list[Json]:
        return [
            {"row": self._row(one.item), "score": one.score, "kind": one.kind, "reason": one.reason, "group": one.group}
            for one in found
        ]  # fmt: skip

    def _drift(self, other: ImageSet) -> Json | None:
        found = drift(
            self.images.vectors, other.vectors, *_content_groups(self.images, other), seed=self.seed
        )
        if found is None:
            self.notes.append(
                f"nothing is told of drift: both sets need 10 images, these have {len(self.images)} and {len(other)}"
            )
            return None
        clusters = [
            {
                "share": one.share,
                "other_share": one.other_share,
                "z": one.z,
                "reason": one.reason,
                "rows": self._rows(one.items),
                "other_rows": [other.rows[place].row for place in one.others],
            }
            for one in found.clusters
        ]
        return {
            "against": self.other_name,
            "auroc": found.auroc,
            "low": found.low,
            "high": found.high,
            "told_apart": found.is_told_apart,
            "images": found.images,
            "others": found.others,
            "reason": found.reason,
            "clusters": clusters,
        }

    def _boxes(self) -> Json:
        """How unlike others of its label each box is: pages show the oddest first."""
        regions = self.images.index.regions()
        rows = [one.row for one in regions]
        vectors = self.images.index.vectors(rows)
        found = oddness(vectors, [one.label for one in regions])
        return {"rows": rows, "oddness": [round(float(one), 4) for one in found]}

    def _map(self) -> Json:
        places = image_map(self.images.vectors, seed=self.seed, threads=self.threads)
        return {
            "rows": [row.row for row in self.images.rows],
            "x": places[:, 0].tolist(),
            "y": places[:, 1].tolist(),
            "cluster": self.clusters.of.tolist(),
        }


def _name(number: int, name: ClusterName | None, labels: Sequence[str]) -> Json:
    """By words where they are sure, else by labels, else by words that may be it."""
    told = ""
    if name is not None and name.is_sure:
        told = name.text
    elif labels:
        told = labels[0]
    elif name is not None:
        told = name.text
    return {
        "number": number,
        "name": f"{number} {told}".strip() if told else f"cluster {number}",
        "words": list(name.words) if name is not None else [],
        "fits": list(name.scores) if name is not None else [],
        "sure": name.is_sure if name is not None else False,
        "labels": list(labels),
    }


def _content_groups(one: ImageSet, other: ImageSet) -> tuple[Floats, Floats]:
    """A number for each image, the same for images of equal pixels in either set."""
    import numpy as np

    numbers: dict[str, int] = {}
    found = [
        np.array([numbers.setdefault(row.looks.pixels_sha256, len(numbers)) for row in each.rows])
        for each in (one, other)
    ]
    return found[0], found[1]
