"""Datasets, read back with supervision's own loaders."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import supervision as sv
from PIL import Image

from backend.bulk.dataset import MARKER, DatasetTarget, dataset_classes
from backend.bulk.dataset_files import DatasetFormat
from backend.bulk.task_file import OutputUnwritable
from backend.errors import BadRequest
from backend.label_studio.bodies import Region
from backend.prediction.engine import engine_for
from backend.prediction.plan import plan_label_config
from backend.settings import Settings
from tests.unit.bulk.rows import choice, polygon, rectangle
from tests.unit.images.pictures import corner_colours, corners, exif

CLASSES = {"car": 0, "tree": 1}
FORMATS = list(DatasetFormat)
CAR = rectangle("a", "car", 0.5, x=12.3, y=21.7)
#: In pixels of 200x100: CAR.
CAR_XYXY = (24.6, 21.7, 104.6, 51.7)
TREE = polygon("b", "tree", (50, 50), (90, 50), (50, 90))
TREE_XYXY = (100, 50, 180, 90)


def picture(**options: Any) -> bytes:
    buffer = io.BytesIO()
    corners(200, 100).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def write(
    tmp_path: Path,
    format_name: DatasetFormat,
    rows: dict[str, list[Region]],
    image: bytes | None = None,
    *,
    outlines: bool = True,
    share: float | None = None,
) -> Path:
    """The dataset's folder, for images that are all the same."""
    folder, out = tmp_path / "folder", tmp_path / "out"
    for path in rows:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(image or picture())
    target = DatasetTarget(out, format_name, CLASSES, outlines=outlines, share=share)
    written = target.write(
        folder,
        [(path, json.dumps({"result": result})) for path, result in rows.items()],
        Settings(),
    )
    assert written == len(rows)
    return out


def load(out: Path, format_name: DatasetFormat, *, masks: bool = False) -> Any:
    images = str(out / "images")
    match format_name:
        case DatasetFormat.COCO:
            return sv.DetectionDataset.from_coco(images, str(out / "annotations.json"), masks)
        case DatasetFormat.YOLO:
            yaml = str(out / "data.yaml")
            return sv.DetectionDataset.from_yolo(images, str(out / "labels"), yaml, masks)
        case DatasetFormat.VOC:
            return sv.DetectionDataset.from_pascal_voc(images, str(out / "annotations"), masks)


def boxes(dataset: Any, name: str) -> list[tuple[str, Any]]:
    """Class and box of each object of the image with that file name."""
    (found,) = [one for path, one in dataset.annotations.items() if Path(path).name == name]
    ids = found.class_id.tolist()
    return [(dataset.classes[number], box) for number, box in zip(ids, found.xyxy, strict=True)]


@pytest.mark.parametrize("format_name", FORMATS)
def test_boxes_come_back_within_a_pixel(tmp_path: Path, format_name: DatasetFormat) -> None:
    """Under their labels; a choice beside them is left out, an image without boxes is there."""
    out = write(tmp_path, format_name, {"a.jpg": [CAR, choice("c", "street")], "none.jpg": []})

    dataset = load(out, format_name)

    ((label, box),) = boxes(dataset, "a.jpg")
    assert label == "car"
    assert np.abs(box - CAR_XYXY).max() < 1
    assert boxes(dataset, "none.jpg") == []


@pytest.mark.parametrize("format_name", FORMATS)
def test_polygons_and_boxes_stand_side_by_side(tmp_path: Path, format_name: DatasetFormat) -> None:
    """A polygon keeps its outline; the box beside it stays a box."""
    out = write(tmp_path, format_name, {"a.jpg": [TREE, CAR]})

    found = dict(boxes(load(out, format_name), "a.jpg"))
    assert np.abs(found["car"] - CAR_XYXY).max() < 1.01
    assert np.abs(found["tree"] - TREE_XYXY).max() < 1.01

    dataset = load(out, format_name, masks=True)
    (detections,) = dataset.annotations.values()
    (mask,) = detections.mask[detections.class_id == dataset.classes.index("tree")]
    assert mask.sum() == pytest.approx(80 * 40 / 2, rel=0.08)
    assert mask[55, 110]
    assert not mask[85, 170]


@pytest.mark.parametrize("format_name", FORMATS)
def test_many_images_come_out_as_one_dataset(tmp_path: Path, format_name: DatasetFormat) -> None:
    """Each id once."""
    out = write(tmp_path, format_name, {f"{number}.jpg": [CAR, TREE] for number in range(5)})

    dataset = load(out, format_name)

    assert len(dataset) == 5
    assert sorted(dataset.classes) == sorted(CLASSES)
    if format_name is DatasetFormat.COCO:
        body = json.loads((out / "annotations.json").read_text())
        assert [image["id"] for image in body["images"]] == [1, 2, 3, 4, 5]
        assert [annotation["id"] for annotation in body["annotations"]] == list(range(1, 11))
        assert body["licenses"] == []


@pytest.mark.parametrize("format_name", FORMATS)
def test_images_of_the_same_name_in_several_folders_stay_apart(
    tmp_path: Path, format_name: DatasetFormat
) -> None:
    """Also where only their suffix or the case of a letter differs."""
    rows = {"a/x.jpg": [CAR], "b/x.jpg": [], "b/x.png": [TREE], "B/X.jpg": [], "b__x.jpg": []}

    dataset = load(write(tmp_path, format_name, rows), format_name)

    names = {Path(path).name for path in dataset.image_paths}
    assert len({Path(name).stem.casefold() for name in names}) == 5
    assert [label for label, _ in boxes(dataset, "a__x.jpg")] == ["car"]


def test_a_turned_photo_lies_upright_in_the_dataset(tmp_path: Path) -> None:
    """Boxes are of the upright image, and some tools overlook EXIF; other photos are copied as they are."""
    turned = picture(exif=exif(6))
    out = write(tmp_path, DatasetFormat.YOLO, {"a.jpg": [CAR]}, turned)

    (file,) = (out / "images").iterdir()
    with Image.open(file) as image:
        assert (image.format, image.size) == ("PNG", (100, 200))
        assert corner_colours(image)[0] == corner_colours(corners(200, 100))[2]

    plain = picture()
    out = write(tmp_path / "2", DatasetFormat.YOLO, {"a.jpeg": []}, plain)
    assert (out / "images" / "a.jpg").read_bytes() == plain


def test_long_names_are_cut_from_the_left(tmp_path: Path) -> None:
    """Names of deep folders run together would be too long for the file system."""
    path = "/".join(["ordner-ä" * 8] * 6) + "/bild.jpg"

    out = write(tmp_path, DatasetFormat.YOLO, {path: [CAR]})

    (file,) = (out / "images").iterdir()
    assert file.name.endswith("bild.jpg")


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    """An empty one is taken, and one of ours is replaced whole."""
    (tmp_path / "out").mkdir()
    write(tmp_path, DatasetFormat.YOLO, {"a.jpg": [CAR], "b.jpg": []})
    out = write(tmp_path, DatasetFormat.COCO, {"a.jpg": [CAR]})
    assert sorted(path.name for path in out.iterdir()) == ["annotations.json", MARKER, "images"]
    assert len(list((out / "images").iterdir())) == 1

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(BadRequest, match="neither"):
        DatasetTarget(tmp_path / "mine", DatasetFormat.COCO, CLASSES)


def test_an_image_that_is_gone_leaves_the_old_dataset_alone(tmp_path: Path) -> None:
    """And nothing half-made beside it."""
    out = write(tmp_path, DatasetFormat.COCO, {"a.jpg": [CAR]})
    before = (out / "annotations.json").read_text()
    target = DatasetTarget(out, DatasetFormat.COCO, CLASSES)

    with pytest.raises(OutputUnwritable, match=r"gone\.jpg"):
        target.write(tmp_path / "folder", [("gone.jpg", '{"result": []}')], Settings())

    assert (out / "annotations.json").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "out"]


def odd_apng() -> bytes:
    """A PNG that announces an animation of no frames: browsers show it, OpenCV reads nothing."""
    buffer = io.BytesIO()
    corners(200, 100).save(buffer, "PNG")
    data, body = buffer.getvalue(), b"acTL" + bytes(8)
    chunk = struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


@pytest.mark.filterwarnings("ignore:Invalid APNG")
@pytest.mark.parametrize("format_name", FORMATS)
def test_a_picture_that_writers_cannot_read_is_made_one_that_they_can(
    tmp_path: Path, format_name: DatasetFormat
) -> None:
    """It costs itself a conversion, and the others nothing."""
    assert cv2.imdecode(np.frombuffer(odd_apng(), np.uint8), cv2.IMREAD_COLOR) is None
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "odd.png").write_bytes(odd_apng())
    (folder / "good.jpg").write_bytes(picture())
    rows = [(name, json.dumps({"result": [CAR]})) for name in ("good.jpg", "odd.png")]

    target = DatasetTarget(tmp_path / "out", format_name, CLASSES)
    assert target.write(folder, rows, Settings()) == 2

    assert target.left_out == {}
    found = load(tmp_path / "out", format_name)
    for name in ("good.jpg", "odd.png"):
        ((label, box),) = boxes(found, name)
        assert label == "car"
        assert box == pytest.approx(CAR_XYXY, abs=1)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    "content", [b"", b"x", picture()[:200], b"<svg/>", None], ids=["0", "x", "cut", "svg", "gone"]
)
def test_a_picture_that_nobody_can_read_is_left_out_with_its_reason(
    tmp_path: Path, format_name: DatasetFormat, content: bytes | None
) -> None:
    """It was predicted, and changed since."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.jpg").write_bytes(picture())
    if content is not None:
        (folder / "bad.jpg").write_bytes(content)
    rows = [(name, json.dumps({"result": [CAR]})) for name in ("bad.jpg", "good.jpg")]

    target = DatasetTarget(tmp_path / "out", format_name, CLASSES)
    assert target.write(folder, rows, Settings()) == 1

    assert list(target.left_out) == ["bad.jpg"]
    assert target.left_out["bad.jpg"]
    assert [path.name for path in (tmp_path / "out" / "images").iterdir()] == ["good.jpg"]


def config(*controls: str) -> str:
    return f'<View><Image name="image" value="$image"/>{"".join(controls)}</View>'


BOXES = (
    '<RectangleLabels name="box" toName="image"><Label value="Car" alias="c"/><Label value="Tree"/>'
    "</RectangleLabels>"
)
CHOICES = '<Choices name="scene" toName="image"><Choice value="night"/></Choices>'


def classes_of(xml: str, format_name: DatasetFormat = DatasetFormat.YOLO) -> dict[str, int]:
    return dataset_classes(plan_label_config(xml, 0.3, engine_for("tiny")), xml, format_name)


def test_the_classes_are_the_labels_as_the_regions_have_them() -> None:
    """Numbered as Label Studio's export numbers them: those of choices, too."""
    assert classes_of(config(CHOICES, BOXES)) == {"Tree": 0, "c": 1, "night": 2}


def test_a_config_without_boxes_is_refused() -> None:
    with pytest.raises(BadRequest, match="has neither"):
        classes_of(config(CHOICES))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (
            '<Label value="a" category="1"/><Label value="b" category="1"/>',
            "gives 1 to 'a' and 'b'",
        ),
        ('<Label value="a" category="-1"/>', "gives -1 to 'a'"),
        ('<Label value="a" category="999999999"/>', "below 10,000"),
    ],
)
def test_numbers_that_a_reader_would_mix_up_are_refused(labels: str, reason: str) -> None:
    """Before anything is predicted. Pascal VOC has names alone."""
    xml = config(f'<RectangleLabels name="box" toName="image">{labels}</RectangleLabels>')

    with pytest.raises(BadRequest, match=reason):
        classes_of(xml)
    assert classes_of(xml, DatasetFormat.VOC)


def test_a_turned_webp_lies_in_the_dataset_as_browsers_show_it(tmp_path: Path) -> None:
    """As it is stored, without the orientation that some tools would apply."""
    buffer = io.BytesIO()
    corners(200, 100).save(buffer, "WEBP", exif=exif(6))

    out = write(tmp_path, DatasetFormat.YOLO, {"a.webp": [CAR]}, buffer.getvalue())

    (file,) = (out / "images").iterdir()
    with Image.open(file) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("PNG", (200, 100), {})


def test_a_bound_above_pillows_own_holds_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was predicted is written: there is one bound, ours."""
    for format_name in FORMATS:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        out = write(tmp_path / format_name, format_name, {"a.jpg": [CAR]}, share=0.5)
        assert len(list((out / "images").iterdir())) == 1
