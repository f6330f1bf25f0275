"""Whether images can be read: one of each kind among the first tasks, fetched as a worker fetches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from backend.errors import FirstpassError, ImageRefused, TaskError
from backend.images.decode import decode_image
from backend.images.fetch import ImageFetcher
from backend.images.reference import ImageKind, ImageRef, parse_image_ref, stored_prefix
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.bodies import Task
from backend.prediction.pages import Blank, Page, pages_of
from backend.prediction.plan import Plan
from backend.projects.finding import Finding, Level
from backend.settings import Settings

__all__ = ["check_images"]

#: Label Studio let us in; what is refused is the bucket's own address, or the image. The error says which.
_BUCKET_REFUSED = (
    "do as that says; or, where the storage hands out pre-signed URLs, which are followed from here, "
    "switch pre-signed URLs off in its settings, and Label Studio passes the images on"
)


def check_images(
    tasks: Sequence[Task], plan: Plan, fetcher: ImageFetcher, settings: Settings
) -> Iterator[Finding]:
    """A finding per kind of reference; reading from elsewhere than a worker may fare otherwise."""
    if not tasks:
        yield Finding(
            Level.WARNING, "the project has no tasks, so no image was tried", "import some"
        )
        return
    kinds: dict[ImageKind, ImageRef] = {}
    refused: dict[tuple[Level, str], Finding] = {}
    for task in tasks:
        images = list(_images(task, plan, settings))
        for found in images:
            if isinstance(found, ImageRef):
                kinds.setdefault(found.kind, found)
                continue
            # A task is predicted without its blank images, as long as it has one that is not.
            is_blank = isinstance(found, TaskError) and len(images) > 1
            others = is_blank and any(isinstance(each, ImageRef) for each in images)
            level = Level.WARNING if others else Level.ERROR
            what = f"task {task.id}: {found}"
            refused.setdefault(
                (level, found.kind), Finding(level, what, None if others else _data_remedy(found))
            )
    yield from _prefixes(tasks, plan, settings)
    for ref in kinds.values():
        yield _tried(ref, fetcher, settings)
    yield from refused.values()


def _images(task: Task, plan: Plan, settings: Settings) -> Iterator[ImageRef | FirstpassError]:
    """Each image of a task, and each page of one that has pages; an error for one that cannot be."""
    if task.failure is not None:
        yield TaskError(task.failure.message)
        return
    for image in plan.images:
        try:
            pages = pages_of(image, task.data)
        except FirstpassError as error:
            yield error
            continue
        for page in pages:
            try:
                if isinstance(page, Blank):
                    raise TaskError(page.words)
                yield parse_image_ref(
                    page.value, task_id=task.id, label_studio_url=settings.label_studio_url
                )
            except FirstpassError as error:
                yield error


def _prefixes(tasks: Sequence[Task], plan: Plan, settings: Settings) -> Iterator[Finding]:
    """A word on a sub-path that Label Studio stores and our address for it lacks; images are read without."""
    url = settings.label_studio_url
    if url is None:
        return
    values = (
        page.value
        for task in tasks
        for image in plan.images
        for page in _pages(image, task)
        if isinstance(page, Page)
    )
    prefix = next(filter(None, (stored_prefix(value, url) for value in values)), None)
    if prefix is not None:
        yield Finding(
            Level.WARNING,
            f"Label Studio stores its files under {prefix}, the path of its LABEL_STUDIO_HOST, which "
            f"FIRSTPASS_LABEL_STUDIO_URL ({url}) has not; it is dropped when images are read",
            "nothing while images are read; else set FIRSTPASS_LABEL_STUDIO_URL to an address that ends in "
            f"{prefix}",
        )


def _pages(image: ObjectTag, task: Task) -> Sequence[Page | Blank]:
    try:
        return pages_of(image, task.data)
    except FirstpassError:
        return ()


def _tried(ref: ImageRef, fetcher: ImageFetcher, settings: Settings) -> Finding:
    kind = ref.kind.replace("_", " ")
    try:
        image = decode_image(fetcher.fetch(ref).data, settings.image_max_pixels)
    except FirstpassError as error:
        refused = ref.kind == "cloud" and isinstance(error, ImageRefused)
        remedy = _BUCKET_REFUSED if refused else _remedy(ref.kind)
        return Finding(Level.ERROR, f"{kind}: {error.kind}: {error}", remedy)
    return Finding(Level.OK, f"{kind}: {ref.display} is an image of {image.width} x {image.height}")


def _data_remedy(error: FirstpassError) -> str:
    if isinstance(error, TaskError):
        return "import tasks whose data has an address where <Image value> or valueList points to"
    return "import the image as an upload, or with an http(s) address"


def _remedy(kind: ImageKind) -> str:
    match kind:
        case "upload" | "label_studio":
            return (
                "the token's user must see the project, and the file be on Label Studio's disk: open the "
                "task there, and import it anew if its image does not show"
            )
        case "local_file":
            return (
                "start Label Studio with LOCAL_FILES_SERVING_ENABLED=true and LOCAL_FILES_DOCUMENT_ROOT, give "
                "the project a local-files storage for that folder, or mount it here and set "
                "FIRSTPASS_LOCAL_FILES_ROOT"
            )
        case "cloud":
            return (
                "Label Studio fetches it: under Settings > Cloud Storage the project needs a storage for "
                "that bucket, with credentials that may read it"
            )
        case "http":
            return (
                "the address must answer from here; if it is a private one, name its host in "
                "FIRSTPASS_IMAGE_ALLOW"
            )
        case "data":
            return "import the image anew: the text in the task is damaged"
        case _:
            assert_never(kind)
