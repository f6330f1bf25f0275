"""A choice for none of them, as the page of label configs has it, on a CLIP that has no floor of its own."""

from __future__ import annotations

import re

import pytest

from backend.demo.environment import repository
from backend.prediction.engine import engine_for
from models.catalogue import TINY_FOLDER
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import generate_scene
from tests.integration.test_label_configs import by_models, predicted

#: A checkpoint in a folder: nothing was measured of it.
MODEL = f"{TINY_FOLDER / 'florence2'},{TINY_FOLDER / 'clip'}"
PAGE = (repository() / "label_config" / "README.md").read_text(encoding="utf-8")
SEED = 9_200_000_000


@pytest.fixture(scope="module")
def runtime() -> LoadedRuntime:
    return load_runtime(MODEL, options=RuntimeOptions(cpu_threads=1))


def config_of_page(*, with_none: bool) -> str:
    (choices,) = re.findall(r'(<Choices name="scene".*?</Choices>)', PAGE, re.DOTALL)
    if not with_none:
        choices = re.sub(r'<Choice value="neither".*?/>', "", choices)
    return f'<View><Image name="image" value="$image"/>{choices}</View>'


def ticked(runtime: LoadedRuntime, seed: int, *, with_none: bool = True) -> str:
    config = config_of_page(with_none=with_none)
    (region,) = predicted(config, engine_for(MODEL), by_models(runtime, seed)).result
    (choice,) = region["value"]["choices"]
    return str(choice)


def test_a_choice_for_none_is_ticked_where_none_of_the_others_is_there(
    runtime: LoadedRuntime,
) -> None:
    """And where one of them is, that one is; without it one of the wrong ones always is."""
    scenes = {SEED + number: generate_scene(SEED + number).background for number in range(40)}
    right = {seed for seed, ground in scenes.items() if ground in ("snow", "night")}
    wrong = scenes.keys() - right
    assert len(right) >= 5

    assert [ticked(runtime, seed) for seed in right] == [scenes[seed] for seed in right]
    neither = [ticked(runtime, seed) == "neither" for seed in wrong]
    assert sum(neither) >= 0.9 * len(wrong)
    assert "neither" not in {ticked(runtime, seed, with_none=False) for seed in wrong}
