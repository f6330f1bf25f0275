"""The suite is dealt out to several processes by names that exist."""

from __future__ import annotations

from pathlib import Path

from tests.scheduling import CONTRACT, LONG, OWN_LABEL_STUDIO, _rank, piece

REPOSITORY = Path(__file__).parents[2]


def test_every_file_and_folder_that_is_named_is_there() -> None:
    assert all((REPOSITORY / name).exists() for name in (*LONG, *OWN_LABEL_STUDIO, *CONTRACT))


def test_files_stay_together_and_so_does_all_that_shares_a_label_studio() -> None:
    assert piece("tests/unit/test_settings.py::test_one[a::b]") == "tests/unit/test_settings.py"
    assert piece("tests/e2e/test_doctor.py::test_one") == piece("tests/e2e/test_prune.py::test_two")
    for name in CONTRACT:
        assert piece(f"{name}::test_one[real]") == piece("tests/e2e/test_prune.py::test_two")
    assert piece("tests/e2e/test_demo.py::test_one") == "tests/e2e/test_demo.py"


def test_what_shares_a_label_studio_is_dealt_out_before_files_that_have_their_own() -> None:
    """It takes the longest by far; a short file before it would be waited for at the end."""
    names = ("e2e/test_prune.py", "e2e/test_demo.py", "hub/test_walk.py", "hub/test_pull.py")
    ranks = [_rank(f"tests/{name}::test_one") for name in (*names, "unit/test_settings.py")]
    assert ranks == sorted(set(ranks))


def test_a_file_that_is_dealt_out_alone_does_not_start_the_shared_label_studio() -> None:
    """What asks for it by a fixture would make a second one in its process."""
    for name in OWN_LABEL_STUDIO:
        text = (REPOSITORY / name).read_text()
        assert "NewProject" not in text
        assert "both: Running" not in text
