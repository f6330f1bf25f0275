"""What is to be known of a review besides its figures, a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from xml.etree.ElementTree import Element

from backend.errors import LabelConfigError
from backend.label_config.label_config import read_xml
from backend.label_studio.records import Project
from backend.review.annotation_review import Beginning
from backend.review.sample import SampleFigures
from backend.review.tally import Reviews
from backend.wording import tasks

__all__ = ["ENOUGH", "remarks", "why_nothing"]

#: Reviewed regions of which shares mean something.
ENOUGH = 30
_SHOWN = 5


def remarks(
    reviews: Reviews,
    project: Project,
    sample: SampleFigures | None = None,
    hasty: str = "counted as kept",
) -> Iterator[str]:
    """What was not counted and why, and what makes figures uncertain; `hasty`: what became of hasty ones."""
    if sample is not None:
        yield from _of_the_sample(sample)
    began, total = reviews.began, reviews.total
    others = sorted(reviews.by_version.items(), key=lambda each: -each[1].annotations)
    left_out = [(name, each) for name, each in others if not reviews.is_counted(name)]
    if left_out:
        named = ", ".join(
            f"{name or 'without a version'} ({each.annotations:,})"
            for name, each in left_out[:_SHOWN]
        )
        why = "not Firstpass's" if reviews.engine is None else f"not of {reviews.engine}"
        why = "not of the versions asked for" if reviews.versions else why
        remedy = _remedy(reviews, [name for name, _ in left_out], "counts one")
        yield f"not counted, since their predictions are {why}: annotations from {named}{remedy}"
    if began[Beginning.UNSEEN]:
        yield (
            f"accepted unseen: {began[Beginning.UNSEEN]:,} annotations were made from predictions in bulk, or "
            f"imported, so nobody judged them; of {reviews.untold:,} it is not known what they began from"
        )
    if reviews.hasty:
        yield f"submitted untouched in under 2 s: {reviews.hasty:,} annotations, {hasty}"
    if lost := began[Beginning.LOST]:
        yield (
            f"not counted: {lost:,} annotations began from predictions that are stored no more and of which "
            "Label Studio kept no copy"
        )
    if total.annotations and total.predicted < ENOUGH:
        yield (
            f"only {total.predicted} predicted regions were reviewed: the intervals say how little that tells "
            f"({ENOUGH} or more tell something)"
        )
    yield from _of_the_project(reviews, project)
    if reviews.unread:
        yield f"left out, since they cannot be read: {reviews.unread:,} annotations or tasks"


def _remedy(reviews: Reviews, names: Collection[str], counts: str) -> str:
    """How one of these versions is counted all the same; empty where none of them can be."""
    can = [name for name in names if reviews.can_count(name)]
    which = "" if len(can) == len(names) else ", of Firstpass's"
    return f"; --version NAME {counts}{which}" if can else ""


def _of_the_sample(sample: SampleFigures) -> Iterator[str]:
    if sample.otherwise:
        were, tell = ("was", "tells") if sample.otherwise == 1 else ("were", "tell")
        yield (
            f"of the sample {tasks(sample.otherwise)} {were} skipped, accepted unseen or begun from nothing that is "
            f"known or from a version that is not counted, and {tell} nothing"
        )
    if sample.open:
        are, until = ("is", "it is") if sample.open == 1 else ("are", "they are")
        yield (
            f"{tasks(sample.open)} of the sample {are} not reviewed yet: until {until}, the share is that of those "
            "that people came to first"
        )


def why_nothing(
    reviews: Reviews, project: Project, since: str | None, sample: SampleFigures | None = None
) -> str:
    """Why no annotation can be compared with a prediction, and what to do."""
    if sample is not None and not (reviews.began.total() or reviews.by_version):
        none = "the task" if sample.drawn == 1 else f"none of the {tasks(sample.drawn)}"
        return (
            f"{none} of the sample is {'not ' if sample.drawn == 1 else ''}reviewed yet; open the tab "
            '"Firstpass: sample", choose Label Tasks As Displayed, and run this again'
        )
    began = reviews.began
    others = {name: each.annotations for name, each in reviews.by_version.items()}
    when = f" made since {since}" if since else ""
    if others:
        named = ", ".join(f"{name or '(no version)'} ({count:,})" for name, count in others.items())
        wanted = ", ".join(reviews.versions) or reviews.engine or "Firstpass"
        remedy = _remedy(reviews, others, "counts one of these")
        return f"no annotation{when} began from a prediction of {wanted}; there are some from {named}{remedy}"
    if not began.total():
        return f"there is no annotation{when}; review some predictions in Label Studio, and submit them"
    counts = {
        "skipped": began[Beginning.SKIPPED],
        "made in bulk or imported": began[Beginning.UNSEEN],
        "drawn where there was no prediction": began[Beginning.NOTHING],
        "from predictions that are gone": began[Beginning.LOST],
    }
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return (
        f"none of the {began.total():,} annotations{when} shows what a person made of a prediction: {said}; "
        f"predict the tasks before people open them (firstpass prelabel project {project.id})"
    )


def _of_the_project(reviews: Reviews, project: Project) -> Iterator[str]:
    if not project.model_version:
        yield (
            f"project {project.id} shows no version of predictions, so Label Studio keeps no copy of what an "
            "annotation began from: pruned predictions are then lost to this report; `firstpass connect "
            f"--project {project.id}` sets one"
        )
    gone = _gone({label for _, label in reviews.labels}, project.label_config)
    if gone:
        named = ", ".join(gone[:_SHOWN]) + (", ..." if len(gone) > _SHOWN else "")
        yield f"the label config has no such label any more: {named}"
    found = [one for each in reviews.found.values() for one in each]
    unknown = sum(one is None for one in found)
    if unknown:
        yield (
            f"of {unknown:,} of {len(found):,} added regions it is not known what the models had found: their "
            "answers are not in the cache (any more)"
        )


def _gone(labels: Collection[str], label_config: str) -> list[str]:
    """The labels that the label config does not have; none where it cannot be read, or tasks bring labels."""
    try:
        root = read_xml(label_config)
    except LabelConfigError:
        return []
    if any(element.get("value", "").startswith("$") for element in root.iter() if _lists(element)):
        return []
    known = {
        name
        for element in root.iter("Label")
        for name in (element.get("value"), element.get("alias"))
        if name
    }
    # Several labels of one region are one text.
    return sorted(
        label
        for label in labels
        if label and label not in known and not known.issuperset(label.split(", "))
    )


def _lists(element: Element) -> bool:
    return element.tag.endswith("Labels")
