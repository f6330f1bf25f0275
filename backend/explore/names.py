"""What clusters are called: by CLIP over a vocabulary, and by what people said of their images. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.explore.clusters import Cluster
from backend.explore.neighbours import Floats

__all__ = ["VOCABULARY", "ClusterName", "names_by_labels", "names_by_words"]

#: What a cluster may be called where nobody gives other words: where, when and how a picture was taken.
VOCABULARY = (
    "indoors", "outdoors", "a street", "a road with cars", "a building", "a room", "a kitchen", "an office",
    "a shop", "a factory", "a warehouse", "a forest", "trees", "grass", "a field", "a garden", "flowers",
    "mountains", "a desert", "a beach", "water", "the sea", "a river", "snow", "rain", "fog", "the sky", "clouds",
    "sunset", "night", "day", "bricks", "a wall", "a table", "food", "a person", "a crowd", "a face", "hands",
    "an animal", "a bird", "a dog", "a cat", "a car", "a truck", "a bicycle", "a boat", "an aeroplane", "a machine",
    "tools", "a screen", "a document", "text", "a map", "a drawing", "a close-up", "a view from above",
    "a blurred picture", "a dark picture", "a bright picture", "a black and white picture", "an empty picture",
)  # fmt: skip
#: Names that are told of a cluster.
TOLD = 3
#: A name is sure when it leads the next by this much of a cosine.
SURE_BY = 0.05


@dataclass(frozen=True, slots=True)
class ClusterName:
    """Words for a cluster, the fittest first, with how well they fit (-1 to 1) and by how much the first leads."""

    words: tuple[str, ...]
    scores: tuple[float, ...]
    lead: float

    @property
    def is_sure(self) -> bool:
        return self.lead >= SURE_BY

    @property
    def text(self) -> str:
        """
        >>> ClusterName(("night", "a dark picture"), (0.5, 0.48), 0.02).text
        'night or a dark picture'
        """
        return self.words[0] if self.is_sure else " or ".join(self.words[:2])


def names_by_words(
    middles: Floats, vectors: Floats, words: Sequence[str], texts: Floats
) -> list[ClusterName]:
    """Give each cluster's names; `texts` are the vectors of `words`, by the model of the images.

    What is common to all images is taken from the middles, and what is common to all words from the texts: images
    and texts lie apart, and a word that fits everything would name every cluster.
    """
    import numpy as np

    if len(words) < 2 or not len(middles):
        return []
    apart = _unit(middles - vectors.mean(axis=0))
    fit = apart @ _unit(texts - texts.mean(axis=0)).T
    order = np.argsort(-fit, axis=1, kind="stable")[:, :TOLD]
    return [
        ClusterName(
            tuple(words[place] for place in places),
            tuple(round(float(row[place]), 3) for place in places),
            round(float(row[places[0]] - row[places[1]]), 3),
        )
        for row, places in zip(fit, order, strict=True)
    ]


def names_by_labels(
    clusters: Sequence[Cluster], labels: Sequence[frozenset[str] | None]
) -> list[tuple[str, ...]]:
    """Give the labels that set each cluster apart from the others, at most three.

    By how often a label is there, and how rare it is elsewhere (class-based tf-idf).
    """
    counts = [
        Counter(label for item in one.items for label in labels[item] or ()) for one in clusters
    ]
    everywhere = sum(counts, Counter())
    if not everywhere:
        return [() for _ in clusters]
    mean = everywhere.total() / len(clusters)
    found = []
    for one, own in zip(clusters, counts, strict=True):
        size = max(1, len(one.items))
        weight = {
            label: times / size * math.log(1 + mean / everywhere[label])
            for label, times in own.items()
        }
        best = sorted(weight, key=lambda label: (-weight[label], label))
        found.append(tuple(best[:TOLD]))
    return found


def _unit(vectors: Floats) -> Floats:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = vectors / np.maximum(lengths, 1e-6)
    return found
