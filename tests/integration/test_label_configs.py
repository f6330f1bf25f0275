"""Each template in `label_config/`: it plans as the golden plan says, is predicted, and the rows are valid.

Rows are checked by us and by Label Studio's own strict check, in its own environment.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from backend.label_config.control_tags import RegionTag
from backend.label_studio.bodies import Prediction, Task
from backend.prediction.engine import Engine, engine_for
from backend.prediction.plan import Plan, Step, plan_label_config
from backend.prediction.predictor import PredictorSettings
from backend.prediction.request import Answer, encode_query
from models.catalogue import TINY_FOLDER
from models.protocols import ImageQueries
from models.queries import Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import SHAPES, generate_scene
from models.types import ImageSize, ModelOutput
from tests.conftest import missing
from tests.standin.answers import SIZE, answer

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "label_config"
TEMPLATES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.xml"))}
LABEL_STUDIO_PYTHON = REPOSITORY / ".venv-label-studio" / "bin" / "python"

ATTRIBUTES = {
    "model_count",
    "model_name",
    "model_prompt",
    "model_score_threshold",
    "model_skip",
    "model_task",
    "model_tile_px",
    "predicted_values",
}
REAL = engine_for("florence-2-base,clip-vit-b-32")
#: Tags that a template leaves to the annotator on purpose.
LEFT_ALONE = {"damage_inspection": ["confidence"]}
#: As a folder, the tiny weights are asked everything, also what they never learnt.
ASKED_EVERYTHING = f"{TINY_FOLDER / 'florence2'},tiny-clip"

#: Label config and predictions in, the errors of each prediction out.
STRICT_CHECK = """
import json, sys
from label_studio_sdk.label_interface import LabelInterface
errors = []
for config, predictions in json.load(sys.stdin):
    interface = LabelInterface(config)
    interface.validate()
    for prediction in predictions:
        errors += interface.validate_prediction(prediction, return_errors=True)
json.dump(errors, sys.stdout)
"""

Answering = Callable[[tuple[Query, ...]], tuple[ImageSize, tuple[ModelOutput, ...]]]


def by_stand_in(queries: tuple[Query, ...]) -> tuple[ImageSize, tuple[ModelOutput, ...]]:
    return SIZE, tuple(answer(query) for query in queries)


def by_models(runtime: LoadedRuntime, seed: int) -> Answering:
    """What loaded models say of one scene."""
    image = generate_scene(seed).image

    def ask(queries: tuple[Query, ...]) -> tuple[ImageSize, tuple[ModelOutput, ...]]:
        (outputs,) = runtime.run([ImageQueries(image, f"scene {seed}", queries)])
        return ImageSize(*image.size), outputs

    return ask


def predicted(config: str, engine: Engine, answering: Answering) -> Prediction:
    """The prediction for a task with whatever the templates read from one."""
    url = "http://images.example/1.png"
    options = [{"value": "shirt"}, {"value": "red circle"}]
    data = {"image": url, "front": url, "back": url + "?2", "options": options}
    predictor = PredictorSettings(engine, 0.3, None).for_label_config(config)
    requests = predictor.requests(Task(id=1, data=data))
    assert isinstance(requests, dict)
    outcomes = {
        job_id: Answer(*answering(request.queries), "0" * 64)
        for job_id, request in requests.values()
    }
    slot = predictor.slot(1, requests, outcomes)
    assert slot.prediction is not None, slot.failure
    return slot.prediction


def strict_errors(predictions: Sequence[tuple[str, Sequence[Prediction]]]) -> list[str]:
    """What Label Studio's own check finds wrong with the configs and predictions."""
    if not LABEL_STUDIO_PYTHON.is_file():
        missing(f"no Label Studio at {LABEL_STUDIO_PYTHON}; `make setup` installs it")
    rows = [(config, [row.model_dump() for row in some]) for config, some in predictions]
    done = subprocess.run(
        [LABEL_STUDIO_PYTHON, "-c", STRICT_CHECK],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    errors: list[str] = json.loads(done.stdout)
    return errors


def as_read(plan: Plan) -> dict[str, Any]:
    """A plan as a person compares it."""
    return {
        "steps": [_step_as_read(step) for step in plan.steps],
        "unserved": [str(tag) for tag in plan.unserved],
    }


def _step_as_read(step: Step) -> dict[str, Any]:
    control = step.control
    return {
        "tag": f"{control.kind} {control.name} on {control.to_name}",
        "query": json.loads(encode_query(step.query)),
        "of": [base.control.name for base in step.bases],
        "labels": [
            {
                "value": " / ".join(label.path) or label.value,
                "phrases": list(label.phrases),
                "threshold": step.threshold(label),
            }
            for label in control.labels
        ],
    }


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_plans_as_it_did(
    name: str, golden_folder: Path, request: pytest.FixtureRequest
) -> None:
    """A change of what is asked shows in the golden file's diff."""
    golden = golden_folder / "plans" / f"{name}.json"

    plan = as_read(plan_label_config(TEMPLATES[name], 0.3, REAL))

    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(json.dumps(plan, indent=1, ensure_ascii=False) + "\n")
    assert plan == json.loads(golden.read_text())


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_tag_of_a_template_is_served(name: str) -> None:
    """By models that answer everything; the tiny ones serve a part of each."""
    plan = plan_label_config(TEMPLATES[name], 0.3, REAL)

    assert [tag.name for tag in plan.unserved] == LEFT_ALONE.get(name, [])
    assert plan_label_config(TEMPLATES[name], 0.3, engine_for("tiny")).steps


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_says_what_it_is_for(name: str) -> None:
    """In a comment at its top; the README of the folder lists it."""
    assert TEMPLATES[name].startswith("<!-- ")
    assert f"`{name}.xml`" in (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TEMPLATES)
def test_answers_fill_every_tag(name: str) -> None:
    """Whatever the plan asks for comes back as a region of its tag."""
    plan = plan_label_config(TEMPLATES[name], 0.3, REAL)

    prediction = predicted(TEMPLATES[name], REAL, by_stand_in)

    names = {step.control.name for step in plan.steps}
    names |= {
        step.control.shape_name
        for step in plan.steps
        if isinstance(step.control, RegionTag) and step.control.shape_name
    }
    assert {region["from_name"] for region in prediction.result} == names
    assert prediction.score is not None


def test_label_studio_takes_what_fills_every_tag() -> None:
    """Its strict check finds nothing wrong with any template's rows, nor with a template."""
    rows = [(xml, [predicted(xml, REAL, by_stand_in)]) for xml in TEMPLATES.values()]

    assert strict_errors(rows) == []


def test_label_studios_check_would_notice() -> None:
    """It is not content with anything: a label that the config lacks is an error."""
    xml = TEMPLATES["object_detection"]
    row = predicted(xml, REAL, by_stand_in)
    row.result[0]["value"]["rectanglelabels"] = ["Nobody"]

    assert "Nobody" in strict_errors([(xml, [row])])[0]


def in_tiny_words(config: str) -> str:
    """The same label config with labels that ask for shapes: the tiny models know no other things."""
    root = ElementTree.fromstring(config)
    labels = [label for label in root.iter("Label") if label.get("model_skip") is None]
    for number, label in enumerate(labels):
        label.attrib.pop("model_prompt", None)
        label.set("predicted_values", ",".join(SHAPES[number % 3 :: 3]))
    return ElementTree.tostring(root, encoding="unicode")


@pytest.mark.parametrize("setting", ["tiny", ASKED_EVERYTHING], ids=["tiny", "asked everything"])
def test_templates_are_predicted_by_the_tiny_models(setting: str) -> None:
    """Every row is valid, whatever they say: also where they are asked what they never learnt."""
    runtime = load_runtime(setting, options=RuntimeOptions(cpu_threads=1))
    engine = engine_for(setting)
    rows = [
        (xml, [predicted(xml, engine, by_models(runtime, seed)) for seed in (1, 2)])
        for config in TEMPLATES.values()
        for xml in (config, in_tiny_words(config))
    ]

    assert strict_errors(rows) == []
    assert sum(len(row.result) for _, some in rows for row in some) > 100


def test_the_readme_lists_every_attribute_that_templates_use() -> None:
    """And none that we do not know."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\b(model_\w+|predicted_values)=", "".join(TEMPLATES.values())))

    assert used <= ATTRIBUTES
    assert all(f"`{attribute}`" in readme for attribute in ATTRIBUTES)
