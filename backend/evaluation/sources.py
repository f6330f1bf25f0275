"""Where labelled images come from, as a person names it: a project, an export, or a dataset in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.dataset.target_project import target_project
from backend.errors import BadRequest, FirstpassError
from backend.evaluation.label_studio import read_export, read_project
from backend.evaluation.labelled import LabelledSet
from backend.evaluation.names import config_for_classes
from backend.evaluation.thresholds import ThresholdChange, Written, in_file, in_project
from backend.images.fetch import ImageFetcher
from backend.images.reference import parse_image_ref
from backend.label_config.label_config_file import label_config_in
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.prediction.predictor import PredictorSettings, predictor_settings
from backend.queue.heads import HeadShelf
from backend.settings import Settings

__all__ = ["Source", "dataset_source", "export_source", "project_source"]

#: Writes thresholds to where the label config is kept.
Write = Callable[[Sequence[ThresholdChange], PredictorSettings], Written]


@dataclass(frozen=True, slots=True)
class Source:
    """Labelled images, the label config that asks of them, and the settings that read them."""

    labelled: LabelledSet
    label_config: str
    settings: Settings
    #: `None` where the label config is kept nowhere.
    write: Write | None = None
    #: What may help where no image can be had.
    hint: str = ""

    def fetcher(self) -> ImageFetcher:
        """Reads the images, within the bounds of the settings."""
        return ImageFetcher(self.settings, LabelStudioCredential.from_settings(self.settings))


def project_source(project: int, settings: Settings) -> Source:
    """A project of Label Studio: its annotations and its label config, through the API."""
    with LabelStudioApi.from_settings(settings) as api:
        predictors = predictor_settings(settings, HeadShelf(None, settings.home).card)
        target = target_project(
            api, project, predictors, shown_at=settings.label_studio_browser_url
        )
        labelled = read_project(api, target)

    def write(changes: Sequence[ThresholdChange], _: PredictorSettings) -> Written:
        with LabelStudioApi.from_settings(settings) as api:
            return in_project(api, target, changes)

    xml = target.project.label_config
    return Source(labelled, xml, settings, write)


def export_source(
    export: Path, images: Path | None, config: Path | None, settings: Settings
) -> Source:
    """An export of Label Studio; the labels of its boxes are asked where no label config is given."""
    labelled = read_export(export, images)
    xml = label_config_in(config) if config is not None else _config_of_export(labelled)
    if images is not None:
        settings = _of_folder(settings, images)
    hint = "" if images is not None else "--images FOLDER takes the files from a folder"
    return Source(labelled, xml, settings, _writer(config, xml), hint)


def dataset_source(
    images: Path,
    read: Callable[[Path], LabelledSet],
    config: Path | None,
    settings: Settings,
) -> Source:
    """A dataset in a folder; its classes are asked where no label config is given."""
    labelled = read(images)
    xml = label_config_in(config) if config is not None else config_for_classes(labelled.classes)
    return Source(labelled, xml, _of_folder(settings, images), _writer(config, xml))


def _of_folder(settings: Settings, folder: Path) -> Settings:
    """The settings with which local files are those of the folder, and nothing else is asked."""
    alone = {"label_studio_api_key": None, "label_studio_api_key_file": None}
    return settings.model_copy(
        update={"local_files_root": folder, "label_studio_url": None, **alone}
    )


def _writer(config: Path | None, measured: str) -> Write | None:
    if config is None:
        return None
    return lambda changes, predictors: in_file(config, measured, changes, predictors)


def _config_of_export(labelled: LabelledSet) -> str:
    """The label config of an export that comes without: a rectangle for each label of a box."""
    images = {name for task in labelled.tasks for name, truth in task.truths.items() if truth.boxes}
    keys = [key for key in labelled.tasks[0].data if _holds_images(labelled, key)]
    if len(images) > 1 or len(keys) != 1:
        raise BadRequest(
            f"expected --config FILE.xml, the project's label config: which of the task's data "
            f"({', '.join(map(str, labelled.tasks[0].data)) or 'none'}) is the image cannot be told without"
        )
    image = next(iter(images), "image")
    return config_for_classes(sorted(labelled.labels()), image=image, data_key=keys[0])


def _holds_images(labelled: LabelledSet, key: str) -> bool:
    for task in labelled.tasks:
        try:
            parse_image_ref(task.data.get(key), task_id=task.task_id or 0)
        except FirstpassError:
            return False
    return True
