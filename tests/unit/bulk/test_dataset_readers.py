"""Datasets as those read them who did not write them: ultralytics, pycocotools, a reader of Pascal VOC."""

from __future__ import annotations

import importlib
import json
import unicodedata
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image

from backend.bulk.dataset import DatasetTarget
from backend.bulk.dataset_files import DatasetFormat
from backend.evaluation.coco import read_coco
from backend.evaluation.labelled import ANY_IMAGE, LabelledSet
from backend.evaluation.voc import read_voc
from backend.evaluation.yolo import read_yolo
from backend.label_studio.bodies import Region
from backend.settings import Settings
from tests.unit.bulk.rows import polygon, rectangle
from tests.unit.images.pictures import encoded

CLASSES = {"ring": 0, "cross: 1": 1, "circle": 2, 'quote "\u2028\x85': 4}
RING = rectangle("a", "ring", 0.5, x=12.3, y=21.7)
CIRCLE = polygon("b", "circle", (50, 50), (90, 50), (50, 90), (-1, 70))


def picture(colour: int, format_name: str = "PNG", **options: Any) -> bytes:
    return encoded(Image.new("RGB", (200, 100), (colour, 40, 90)), format_name, **options)


def written(
    tmp_path: Path,
    format_name: DatasetFormat,
    pictures: dict[str, tuple[bytes, list[Region]]],
    *,
    outlines: bool = False,
    share: float | None = None,
) -> Path:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, (data, _) in pictures.items():
        (folder / name).write_bytes(data)
    rows = [(name, json.dumps({"result": result})) for name, (_, result) in pictures.items()]
    target = DatasetTarget(out, format_name, CLASSES, outlines=outlines, share=share)
    assert target.write(folder, rows, Settings()) == len(rows)
    return out


# ---- YOLO, by the rules of ultralytics' check_det_dataset and of its reader of labels ----


def check_det_dataset(path: Path) -> dict[str, Any]:
    """As ultralytics 8.4 checks a detection dataset, with its own words for what it does."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"train", "val", "names"} <= data.keys()
    names = data["names"] if isinstance(data["names"], dict) else dict(enumerate(data["names"]))
    names = {int(number): str(name) for number, name in names.items()}
    assert data.get("nc", len(names)) == len(names)
    # check_class_names
    assert max(names) < len(names)
    assert min(names) >= 0
    root = Path(data.get("path") or path.parent)
    for side in ("train", "val"):
        data[side] = (root / data[side]).resolve()
        assert data[side].exists()
    return {**data, "names": names, "path": root}


def images_of(place: Path) -> list[Path]:
    """Its `get_img_files`: a folder, or a list with paths beside it."""
    if place.is_dir():
        return sorted(place.rglob("*.*"))
    lines = place.read_text(encoding="utf-8").strip().splitlines()
    return [place.parent / line.removeprefix("./") for line in lines]


def labels_of(image: Path, classes: int) -> tuple[list[int], Any, int]:
    """Its `verify_image_label`: classes, boxes as middle and size, and how many outlines there are."""
    head, _, tail = str(image).rpartition("/images/")
    text = Path(f"{head}/labels/{tail}").with_suffix(".txt").read_text()
    rows = [line.split() for line in text.strip().splitlines() if line]
    numbers = [int(row[0]) for row in rows]
    segments = [np.array(row[1:], float).reshape(-1, 2) for row in rows]
    if any(len(row) > 6 for row in rows):
        corners = [(each.min(0), each.max(0)) for each in segments]
        boxes = np.array([[*((low + high) / 2), *(high - low)] for low, high in corners])
    else:
        segments = []
        boxes = np.array([row[1:] for row in rows], float).reshape(-1, 4)
    assert boxes.shape[1:] == (4,) or not rows
    assert all(number < classes for number in numbers)
    assert (boxes >= 0).all()
    assert (boxes <= 1).all()
    return numbers, boxes, len(segments)


def test_yolo_is_loaded_as_it_stands(tmp_path: Path) -> None:
    """Numbers without a label have a stand-in, for a reader wants a name for each."""
    out = written(
        tmp_path, DatasetFormat.YOLO, {"a.png": (picture(1), [RING]), "b.png": (picture(2), [])}
    )

    data = check_det_dataset(out / "data.yaml")

    assert {name: number for number, name in data["names"].items() if name in CLASSES} == CLASSES
    assert data["names"][3] == "unused 3"
    for side in ("train", "val"):
        assert [path.name for path in images_of(data[side])] == ["a.png", "b.png"]
    numbers, boxes, outlines = labels_of(out / "images" / "a.png", 5)
    assert (numbers, outlines) == ([0], 0)
    assert boxes[0] == pytest.approx([0.323, 0.367, 0.4, 0.3], abs=1e-5)
    assert labels_of(out / "images" / "b.png", 5)[0] == []


def test_a_yolo_dataset_may_be_moved(tmp_path: Path) -> None:
    out = written(tmp_path, DatasetFormat.YOLO, {"a.png": (picture(1), [RING])}, share=0.5)

    data = check_det_dataset(out.rename(tmp_path / "elsewhere") / "data.yaml")

    assert all(path.is_file() for side in ("train", "val") for path in images_of(data[side]))


def test_where_there_are_outlines_boxes_have_one_too(tmp_path: Path) -> None:
    """The reader takes each row of a file for an outline once one is, and drops all where some lack one."""
    pictures = {
        "both.png": (picture(1), [RING, CIRCLE]),
        "box.png": (picture(2), [RING]),
        "outline.png": (picture(3), [CIRCLE]),
    }
    out = written(tmp_path, DatasetFormat.YOLO, pictures, outlines=True)

    found = {name: labels_of(out / "images" / name, 5) for name in pictures}

    assert [len(numbers) == outlines for numbers, _, outlines in found.values()] == [True] * 3
    numbers, boxes, _ = found["both.png"]
    assert numbers == [0, 2]
    assert boxes[0] == pytest.approx([0.323, 0.367, 0.4, 0.3], abs=1e-5)
    assert boxes[1] == pytest.approx([0.45, 0.7, 0.9, 0.4], abs=1e-5)


@pytest.mark.ultralytics
def test_ultralytics_itself_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wants torchvision, which nothing else here does; its schema above is held in every run."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    utils = importlib.import_module("ultralytics.data.utils")
    pictures = {f"{n}.png": (picture(n), [RING, CIRCLE]) for n in range(12)}
    out = written(tmp_path, DatasetFormat.YOLO, pictures, outlines=True, share=0.7)

    data = utils.check_det_dataset(str(out / "data.yaml"), autodownload=False)

    assert data["nc"] == 5
    assert Path(data["train"]).is_file()


# ---- COCO, as pycocotools indexes it ----


@pytest.mark.parametrize("name", ["annotations.json", "train.json", "val.json"])
def test_coco_is_indexed(tmp_path: Path, name: str) -> None:
    """Every id is known and each only once; numbers are those of the label config."""
    pictures = {f"{n}.png": (picture(n), [RING, CIRCLE]) for n in range(12)}
    out = written(tmp_path, DatasetFormat.COCO, pictures, outlines=True, share=0.5)

    body = json.loads((out / name).read_text())

    categories = {entry["id"]: entry["name"] for entry in body["categories"]}
    images = {entry["id"]: entry for entry in body["images"]}
    assert categories == {number: label for label, number in CLASSES.items()}
    assert len(images) == len(body["images"]) > 0
    assert len({entry["id"] for entry in body["annotations"]}) == 2 * len(images)
    for entry in body["annotations"]:
        assert entry["category_id"] in categories
        assert images[entry["image_id"]]["width"] == 200
        assert {"bbox", "area", "segmentation", "iscrowd"} <= entry.keys()
    assert all((out / "images" / entry["file_name"]).is_file() for entry in images.values())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of numpy 2
@pytest.mark.parametrize("module", ["faster_coco_eval", "pycocotools.coco"])
def test_coco_is_indexed_by_its_own_tools(tmp_path: Path, module: str) -> None:
    coco = importlib.import_module(module)
    out = written(
        tmp_path, DatasetFormat.COCO, {"a.png": (picture(1), [RING, CIRCLE])}, outlines=True
    )

    index = coco.COCO(str(out / "annotations.json"))

    assert index.getCatIds(catNms=["circle"]) == [2]
    (annotation,) = index.loadAnns(index.getAnnIds(catIds=[2]))
    assert index.annToMask(annotation).sum() > 0


# ---- Pascal VOC, as the devkit's own readers parse it ----


def parse_rec(path: Path) -> list[dict[str, Any]]:
    """The reader that detection code has copied from py-faster-rcnn ever since."""
    objects = []
    for thing in ElementTree.parse(path).findall("object"):
        found = {name: thing.find(name) for name in ("name", "pose", "truncated", "difficult")}
        box = thing.find("bndbox")
        assert box is not None
        assert all(each is not None for each in found.values())
        objects.append(
            {
                "name": text(found["name"]),
                "pose": text(found["pose"]),
                "truncated": int(text(found["truncated"])),
                "difficult": int(text(found["difficult"])),
                "bbox": [int(text(box.find(side))) for side in ("xmin", "ymin", "xmax", "ymax")],
            }
        )
    return objects


def text(element: ElementTree.Element | None) -> str:
    assert element is not None
    return element.text or ""


def test_voc_is_parsed_by_the_common_reader(tmp_path: Path) -> None:
    out = written(
        tmp_path, DatasetFormat.VOC, {"a.png": (picture(1), [RING, CIRCLE])}, outlines=True
    )

    ring, circle = parse_rec(out / "annotations" / "a.xml")

    assert ring == {
        "name": "ring",
        "pose": "Unspecified",
        "truncated": 0,
        "difficult": 0,
        "bbox": [26, 23, 105, 52],
    }
    assert circle["name"] == "circle"


def test_voc_says_nothing_that_is_not_so(tmp_path: Path) -> None:
    """No origin that nobody knows; a name that needs escaping comes back."""
    name = 'a<b> & "c" é.png'
    out = written(tmp_path, DatasetFormat.VOC, {name: (picture(1), [RING])})

    (path,) = (out / "annotations").iterdir()
    root = ElementTree.parse(path).getroot()

    assert root.findtext("source/database") == "Unknown"
    assert root.findtext("filename") == name
    assert [root.findtext(f"size/{side}") for side in ("width", "height", "depth")] == [
        "200",
        "100",
        "3",
    ]
    assert root.findtext("segmented") == "0"


@pytest.mark.parametrize("place", [(0, 0, 100, 100), (99.9, 99.9, 0.1, 0.1), (0, 0, 0.1, 0.1)])
def test_a_voc_box_lies_on_its_image(tmp_path: Path, place: tuple[float, ...]) -> None:
    """From 1 to the last pixel, and never backwards, however small or far out it is."""
    value = {"rotation": 0, "rectanglelabels": ["ring"]}
    value |= dict(zip(("x", "y", "width", "height"), place, strict=True))
    out = written(tmp_path, DatasetFormat.VOC, {"a.png": (picture(1), [{**RING, "value": value}])})

    ((left, top, right, bottom),) = [
        each["bbox"] for each in parse_rec(out / "annotations" / "a.xml")
    ]

    assert 1 <= left <= right <= 200
    assert 1 <= top <= bottom <= 100


# ---- a split, by what images show ----


def sides_of(out: Path, format_name: DatasetFormat) -> dict[str, set[str]]:
    """The stems on each side, as a reader of the format finds them."""
    match format_name:
        case DatasetFormat.YOLO:
            data = check_det_dataset(out / "data.yaml")
            return {
                side: {path.stem for path in images_of(data[side])} for side in ("train", "val")
            }
        case DatasetFormat.VOC:
            lists = out / "ImageSets" / "Main"
            return {
                side: set(map(str.strip, (lists / f"{side}.txt").read_text().splitlines()))
                for side in ("train", "val")
            }
        case DatasetFormat.COCO:
            bodies = {
                side: json.loads((out / f"{side}.json").read_text()) for side in ("train", "val")
            }
            return {
                side: {Path(image["file_name"]).stem for image in body["images"]}
                for side, body in bodies.items()
            }


@pytest.mark.parametrize("format_name", list(DatasetFormat))
def test_copies_stay_on_one_side(tmp_path: Path, format_name: DatasetFormat) -> None:
    """Under whatever name, and as whatever kind of file that keeps the pixels."""
    pictures = {}
    for number in range(40):
        pictures[f"{number}.png"] = (picture(number), [RING])
        pictures[f"{number}-copy.png"] = (picture(number), [RING])
        pictures[f"{number}-other.bmp"] = (picture(number, "BMP"), [RING])
        pictures[f"{number}-packed.webp"] = (picture(number, "WEBP", lossless=True), [RING])
    out = written(tmp_path, format_name, pictures, share=0.75)

    sides = sides_of(out, format_name)

    stems = {Path(name).stem for name in pictures}
    assert sides["train"] | sides["val"] == stems
    assert not sides["train"] & sides["val"]
    assert 20 * 4 <= len(sides["train"]) <= 38 * 4
    for side in sides.values():
        assert {stem.partition("-")[0] for stem in side} == {
            stem for stem in side if "-" not in stem
        }


ODD_NAMES = (
    *(
        "a\nb.png",
        "a\rb.png",
        "a\x01b.png",
        "a\x1cb.png",
        "a\x85b.png",
        "a\u2028b.png",
        "a\ufffeb.png",
    ),
    *(
        " lead.png",
        "trail .png",
        " .png",
        "a..png",
        'a&<b>".png',
        "a#b?.png",
        "\u65e5\U0001f600.png",
    ),
    *("\u00e9.png", "e\u0301.png", "A.PNG", "a.png", "a_b.png", "x\ufeff.png"),
)


@pytest.mark.parametrize("format_name", list(DatasetFormat))
def test_every_image_is_found_by_its_readers_whatever_it_is_called(
    tmp_path: Path, format_name: DatasetFormat
) -> None:
    """Lists of names are read line by line, and XML takes no control characters."""
    pictures = {name: (picture(number), [RING]) for number, name in enumerate(ODD_NAMES)}
    out = written(tmp_path, format_name, pictures, share=0.5)

    files = {path.stem for path in (out / "images").iterdir()}
    sides = sides_of(out, format_name)

    assert len(files) == len(ODD_NAMES)
    assert len({unicodedata.normalize("NFC", name).casefold() for name in files}) == len(files)
    assert sides["train"] | sides["val"] == files
    if format_name is DatasetFormat.VOC:
        assert all(parse_rec(path) for path in (out / "annotations").iterdir())


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_neither_side_is_empty(tmp_path: Path, share: float) -> None:
    pictures = {f"{number}.png": (picture(number), [RING]) for number in range(2)}
    out = written(tmp_path, DatasetFormat.YOLO, pictures, share=share)

    assert [len(side) for side in sides_of(out, DatasetFormat.YOLO).values()] == [1, 1]


@pytest.mark.parametrize(
    ("colours", "share", "in_vain"),
    [((), 0.5, False), ((1,), 0.5, True), ((1, 1, 1), 0.9, True), ((1, 2), 0.5, False)],
)
def test_a_single_picture_is_known_to_be_on_both_sides(
    tmp_path: Path, colours: tuple[int, ...], share: float, in_vain: bool
) -> None:
    """What is measured on it then says nothing, and people are told."""
    rows = []
    for number, colour in enumerate(colours):
        (tmp_path / f"{number}.png").write_bytes(picture(colour))
        rows.append((f"{number}.png", json.dumps({"result": [RING]})))
    target = DatasetTarget(tmp_path / "out", DatasetFormat.YOLO, CLASSES, share=share)
    target.write(tmp_path, rows, Settings())

    assert target.is_split_in_vain is in_vain


def test_an_image_stays_on_its_side_when_the_folder_grows(tmp_path: Path) -> None:
    few = {f"{number}.png": (picture(number), [RING]) for number in range(20)}
    many = few | {f"{number}.png": (picture(number), [RING]) for number in range(20, 60)}
    for name in ("few", "many"):
        (tmp_path / name).mkdir()

    before = sides_of(
        written(tmp_path / "few", DatasetFormat.YOLO, few, share=0.8), DatasetFormat.YOLO
    )
    after = sides_of(
        written(tmp_path / "many", DatasetFormat.YOLO, many, share=0.8), DatasetFormat.YOLO
    )

    assert before["train"] <= after["train"]
    assert before["val"] <= after["val"]


# ---- our own reader, which is the other half ----


@pytest.mark.parametrize("format_name", list(DatasetFormat))
@pytest.mark.parametrize("outlines", [False, True])
def test_what_is_written_is_what_evaluate_reads(
    tmp_path: Path, format_name: DatasetFormat, outlines: bool
) -> None:
    """All of it, and each side of a split."""
    found = [RING, CIRCLE] if outlines else [RING]
    pictures = {f"{number}.png": (picture(number), found) for number in range(12)}
    out = written(tmp_path, format_name, pictures, outlines=outlines, share=0.5)

    sides = [labelled(out, format_name, side) for side in (None, "train", "val")]

    everything, train, validate = (boxes_by_image(each) for each in sides)
    assert everything.keys() == pictures.keys()
    assert train | validate == everything
    assert not train.keys() & validate.keys()
    for boxes in everything.values():
        assert [label for label, _ in boxes] == ["ring", "circle"][: len(found)]
        assert boxes[0][1] == pytest.approx((0.123, 0.217, 0.523, 0.517), abs=0.008)


def labelled(out: Path, format_name: DatasetFormat, side: str | None) -> LabelledSet:
    match format_name:
        case DatasetFormat.YOLO:
            return read_yolo(out, None, side)
        case DatasetFormat.VOC:
            return read_voc(out, None, side)
        case DatasetFormat.COCO:
            return read_coco(out / "images", out / f"{side or 'annotations'}.json")


def boxes_by_image(read: LabelledSet) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    boxes: dict[str, list[tuple[str, tuple[float, ...]]]] = {}
    for task in read.tasks:
        assert task.failure is None, task.failure
        truth = task.truths[ANY_IMAGE]
        boxes[Path(task.key).name] = [
            (each.label, (each.box.x_min, each.box.y_min, each.box.x_max, each.box.y_max))
            for each in truth.boxes
        ]
    return boxes
