"""Commands that advice names, as the pages give them."""

from __future__ import annotations

import doctest
from pathlib import Path

from backend import place
from backend.place import how_to_pull, how_to_set, how_to_start

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docker" / "README.md"


def test_the_compose_command_is_the_one_of_the_page() -> None:
    """Word for word, so that who follows either types the same."""
    command = how_to_pull(["florence-2-base", "clip-vit-b-32"], "compose").split("`")[1]

    assert command in PAGE.read_text().splitlines()


def test_in_kubernetes_the_workers_are_named_as_the_page_names_them() -> None:
    """The courier's pod says it too, and has no volume for models."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    pull = how_to_pull(["tiny-clip"], "kubernetes").split("`")[1]
    start = how_to_start("worker", "kubernetes").strip("`")

    assert f"`{pull.removesuffix(' tiny-clip')}`" in page
    assert start.removesuffix("1") in page
    assert how_to_start("courier", "kubernetes") == f"`{start.replace('worker', 'courier')}`"
    assert (
        f"name: {pull.split('/')[1].split()[0]} "
        in (ROOT / "docker" / "kubernetes" / "base" / "worker.yaml").read_text()
    )


def test_in_kubernetes_a_setting_is_applied_before_the_restart() -> None:
    """Pods read what was applied, with the commands of the page."""
    said = how_to_set("FIRSTPASS_LABEL_STUDIO_API_KEY", "courier", "kubernetes")
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    apply, edit, restart = said.split("`")[1::2]

    assert restart == "kubectl rollout restart -n firstpass deployment/firstpass-courier"
    assert f"`{apply}`" in page
    assert f"`{edit}`" in page
    assert (ROOT / apply.split()[-1] / "kustomization.yaml").is_file()


def test_examples() -> None:
    """Those of the docstrings run."""
    assert doctest.testmod(place).failed == 0
