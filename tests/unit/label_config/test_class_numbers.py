"""Labels have the numbers that Label Studio's own converter gives them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from backend.label_config.class_numbers import class_numbers
from tests.conftest import missing

REPOSITORY = Path(__file__).parents[3]
PYTHON = REPOSITORY / ".venv-label-studio" / "bin" / "python"
#: One process for all: it takes seconds to import.
SCRIPT = """
import json, logging, sys
from label_studio_sdk.converter import Converter
logging.disable()
found = []
for xml in json.load(sys.stdin):
    found.append(Converter(xml, project_dir=None, download_resources=False)._get_labels()[1])
print(json.dumps(found))
"""


def boxes(*labels: str, name: str = "b", tag: str = "RectangleLabels") -> str:
    return f'<{tag} name="{name}" toName="img">{"".join(labels)}</{tag}>'


def label(value: str, **attributes: str) -> str:
    more = "".join(f' {name}="{content}"' for name, content in attributes.items())
    return f'<Label value="{value}"{more}/>'


CONFIGS = {
    "by name": boxes(*map(label, ("ring", "circle", "Zebra", "äpfel", "10", "9"))),
    "by category": boxes(
        label("circle", category="2"), label("ring", category="0"), label("cross", category="1")
    ),
    "some by category": boxes(
        label("z"), label("y", category="0"), label("a"), label("b", category="3")
    ),
    "sparse": boxes(label("a", category="10"), label("b", category="7"), label("c")),
    "negative": boxes(label("a", category="-1"), label("b")),
    "no number": boxes(
        label("a", category="first"), label("b", category=""), label("c", category="1.5")
    ),
    "odd numbers": boxes(
        label("a", category=" 3 "), label("b", category="+1"), label("c", category="0_2")
    ),
    "one number twice": boxes(label("b", category="1"), label("a", category="1"), label("c")),
    "aliases": boxes(label("Car", alias="z"), label("Bus", alias="a"), label("m")),
    "labels of several tags": boxes(label("b"), label("c"))
    + boxes(label("a"), label("b", category="5"), name="p", tag="PolygonLabels"),
    "choices among them": boxes(label("m"))
    + '<Choices name="c" toName="img"><Choice value="a"/><View><Choice value="z" category="0"/></View></Choices>',
    "a taxonomy": boxes(label("m"))
    + '<Taxonomy name="t" toName="img"><Choice value="a"><Choice value="z"/></Choice></Taxonomy>',
    "tags that are not served": boxes(label("m"))
    + '<Labels name="l" toName="img"><Label value="a"/></Labels>'
    + boxes(label("k"), name="s", tag="BitmaskLabels"),
    "skipped labels count": boxes(label("a", model_skip="true"), label("b")),
    "a label that cannot be asked": boxes("<Label/>", '<Label value=""/>', label("a")),
    "labels outside of a control": label("lost") + boxes(label("a")),
    "one label twice in a tag": boxes(label("a", category="4"), label("a"), label("b")),
    "a filter is no control": '<Filter name="f" toName="b"/>' + boxes(label("a")),
    "case decides": boxes(*map(label, ("b", "B", "a", "A"))),
}


@pytest.fixture(scope="module")
def converted() -> dict[str, dict[str, int]]:
    """What Label Studio's converter says of each config."""
    if not PYTHON.exists():
        missing("Label Studio is not installed in .venv-label-studio")
    given = json.dumps([whole(body) for body in CONFIGS.values()])
    ran = subprocess.run(
        [PYTHON, "-c", SCRIPT], input=given, capture_output=True, text=True, check=True
    )
    return dict(zip(CONFIGS, json.loads(ran.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("name", CONFIGS)
def test_numbers_are_those_of_label_studios_export(
    name: str, converted: dict[str, dict[str, int]]
) -> None:
    assert class_numbers(whole(CONFIGS[name])) == converted[name]


def test_the_templates_are_numbered_alike() -> None:
    """By name, for none of them has categories."""
    for path in (REPOSITORY / "label_config").glob("*.xml"):
        numbers = class_numbers(path.read_text())
        assert list(numbers) == sorted(numbers)
        assert list(numbers.values()) == list(range(len(numbers)))


def whole(body: str) -> str:
    return f'<View><Image name="img" value="$image"/>{body}</View>'
