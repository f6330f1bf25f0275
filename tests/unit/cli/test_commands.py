"""The command line, run in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from backend.cli.main import app
from backend.errors import BadRequest, InferenceFailed, LabelConfigError, ModelUnavailable
from models.catalogue import REGISTRY, TINY_FOLDER
from models.tiny.scenes import generate_scene

DEMO = Path(__file__).parents[3] / "label_config" / "demo.xml"


def run(*arguments: str) -> str:
    """What the command prints; its own errors come out as exceptions."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_plan_shows_label_phrases_and_threshold(tmp_path: Path) -> None:
    """And names what is not served, and the version."""
    config = tmp_path / "config.xml"
    config.write_text(
        '<View><Image name="img" value="$image"/><Rating name="note" toName="img"/>'
        '<RectangleLabels name="box" toName="img" model_score_threshold="0.45">'
        '<Label value="Vehicle" predicted_values="car,truck"/></RectangleLabels>'
        '<Choices name="state" toName="img" perRegion="true"><Choice value="new"/></Choices></View>'
    )

    printed = run("plan", str(config), "--model", "tiny")

    for expected in (
        "Vehicle",
        "car, truck",
        "0.45",
        "Choices 'state'",
        "for each region of 'box': asked by Ground, then Classify of each box",
        "<Rating name='note'>",
        "model_version tiny-",
    ):
        assert expected in printed


@pytest.mark.parametrize("is_left_out", [True, False])
def test_plan_says_where_people_are_answered(tmp_path: Path, *, is_left_out: bool) -> None:
    """And whether that gets into annotations, with what to write instead; which does as it says."""
    remedy = 'visibleWhen="choice-selected" whenTagName="note"'
    config = tmp_path / "config.xml"
    config.write_text(
        f'<View><Image name="img" value="$image"/><TextArea name="note" toName="img" {remedy * is_left_out}/>'
        '<RectangleLabels name="box" toName="img"><Label value="star"/></RectangleLabels></View>'
    )

    printed = run("plan", str(config), "--model", "tiny")

    assert (
        "TextArea 'note' on 'img': what became of a prompt or a drawn shape is said there"
        in printed
    )
    assert (remedy in printed) is not is_left_out
    assert "not served" not in printed


def test_plan_says_that_what_was_learned_is_not_there_and_gives_the_version_without_it(
    tmp_path: Path,
) -> None:
    """The version is the one that would be served."""
    files = []
    for name, head in (("plain", ""), ("learned", f'model_head="{"0" * 32}"')):
        files.append(tmp_path / f"{name}.xml")
        files[-1].write_text(
            f'<View><Image name="img" value="$image"/><RectangleLabels name="box" toName="img" {head}>'
            '<Label value="star"/></RectangleLabels></View>'
        )

    plain, learned = (run("plan", str(file), "--model", "tiny") for file in files)

    assert "is not used (model_head=" not in plain
    assert "is not used (model_head=" in learned
    assert plain.splitlines()[-1] == learned.splitlines()[-1]


def test_plan_of_a_config_without_a_servable_tag_says_why(tmp_path: Path) -> None:
    """Like /setup does."""
    config = tmp_path / "config.xml"
    config.write_text("<View/>")

    with pytest.raises(LabelConfigError, match="no control tag"):
        run("plan", str(config), "--model", "tiny")


def test_predict_finds_what_the_scene_holds(tmp_path: Path) -> None:
    """As JSON: boxes in pixels near the truth, the scene's choice on top; and a drawn picture."""
    scene = generate_scene(3)
    picture, drawn = tmp_path / "scene.png", tmp_path / "drawn.png"
    scene.image.save(picture)
    labels = sorted({f"{item.color} {item.shape}" for item in scene.objects})

    (report,) = json.loads(
        run(
            *("predict", str(picture), "--model", "tiny", "--json", "--out", str(drawn)),
            *("--labels", ",".join(labels), "--choices", "grass,desert,water,night,snow,bricks"),
        )
    )

    assert (report["width"], report["height"]) == scene.image.size
    assert max(report["choices"], key=report["choices"].get) == scene.background
    assert {found["label"] for found in report["detections"]} <= set(labels)
    assert len(report["detections"]) >= 1
    with Image.open(drawn) as result:
        assert result.size == scene.image.size
        assert result.convert("RGB").tobytes() != scene.image.tobytes()


def test_predict_prints_a_table(tmp_path: Path) -> None:
    """With the label, its score and its box."""
    picture = tmp_path / "scene.png"
    generate_scene(3).image.save(picture)

    printed = run("predict", str(picture), "--model", "tiny", "--labels", "heart,triangle")

    assert "x_min" in printed


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "--labels"),
        (("--labels", " , "), "--labels"),
        (("--labels", "x" * 300), "200 characters"),
        (("--labels", "car <loc_5>"), "control token"),
    ],
)
def test_predict_says_what_is_wrong_with_its_phrases(
    tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    """Before anything is loaded."""
    with pytest.raises(BadRequest, match=reason):
        run("predict", str(tmp_path / "none.png"), "--model", "tiny", *arguments)


def test_names_of_models_stay_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of usual width, for whoever copies one."""
    monkeypatch.setenv("COLUMNS", "80")

    printed = run("models", "list")

    assert all(f"│ {name} " in printed for name in REGISTRY)


def test_an_overflow_names_the_image_and_the_number_format_that_helps(tmp_path: Path) -> None:
    """A model whose numbers are too large for float16 answers in float32, as the sentence says."""
    folder, picture = tmp_path / "large", tmp_path / "scene.png"
    shutil.copytree(TINY_FOLDER / "florence2", folder)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("image_projection.weight"))
    weights[name] = weights[name] * 50_000
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    generate_scene(3).image.save(picture)
    asked = ("predict", str(picture), "--model", str(folder), "--labels", "star", "--device", "cpu")

    with pytest.raises(InferenceFailed, match=r"scene\.png: .*float16.*--dtype float32"):
        run(*asked, "--dtype", "float16")

    run(*asked, "--dtype", "float32")


def test_a_model_that_is_not_here_names_the_remedies() -> None:
    """`pull` and the bundled models; never a silent fallback."""
    with pytest.raises(ModelUnavailable, match="models pull florence-2-base") as caught:
        run("models", "check", "florence-2-base")

    assert "--model tiny" in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_folder_with_a_half_written_file_is_one_sentence(tmp_path: Path, name: str) -> None:
    """Which file, and what to do; for every command that would load it."""
    folder = tmp_path / "mine"
    shutil.copytree(TINY_FOLDER / "florence2", folder)
    half = (folder / name).read_bytes()
    (folder / name).write_bytes(half[: len(half) // 2])
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    for command in (
        ("models", "check", str(folder)),
        ("predict", str(tmp_path / "a.png"), "--labels", "star", "--model", str(folder)),
        ("up", "--model", str(folder), "--home", str(tmp_path / "home")),
    ):
        with pytest.raises(ModelUnavailable, match=name) as caught:
            run(*command)
        assert "point to a" in str(caught.value)


def test_one_query_is_said_as_one(tmp_path: Path) -> None:
    file = tmp_path / "one.xml"
    file.write_text(
        '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
        '<Label value="star"/></RectangleLabels></View>'
    )

    assert "1 query per task; model_version tiny-" in run("plan", str(file), "--model", "tiny")


def test_models_list_names_them_all() -> None:
    """With what each answers, and whether it is here."""
    printed = run("models", "list")

    assert "tiny-clip" in printed
    assert "bundled" in printed


def test_models_list_breaks_no_word_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name, repository and kind of answer stands there in one piece."""
    monkeypatch.setenv("COLUMNS", "80")
    words = set(run("models", "list").replace(",", " ").split())

    for entry in REGISTRY.values():
        kinds = {query.__name__ for query in entry.queries}
        assert {entry.name, *kinds, *filter(None, [entry.repository])} <= words


def test_models_check_loads_and_asks() -> None:
    """What each model was asked, device, dtype, seconds and memory are printed."""
    printed = run("models", "check", "tiny")

    for expected in (
        "device",
        "cpu",
        "float32",
        "Ground (tiny-florence2)",
        "Classify (tiny-clip)",
        "MiB",
    ):
        assert expected in printed


def test_the_demo_config_is_served_whole() -> None:
    """Nothing of it is left to the annotator."""
    assert "not served" not in run("plan", str(DEMO), "--model", "tiny")
