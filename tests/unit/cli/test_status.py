"""What `firstpass status` says where there is nothing to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.errors import SettingsError


@pytest.mark.parametrize(
    ("runs_in", "remedy"),
    [
        ("host", "found neither: start `firstpass up`, or set FIRSTPASS_REDIS_URL"),
        ("container", "found neither: set FIRSTPASS_REDIS_URL"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do_there(
    tmp_path: Path, runs_in: str, remedy: str
) -> None:
    """Nobody starts `firstpass up` within a container."""
    environment = {"FIRSTPASS_HOME": str(tmp_path), "FIRSTPASS_RUNS_IN": runs_in}

    with pytest.raises(SettingsError) as caught:
        CliRunner().invoke(app, ["status"], env=environment, catch_exceptions=False)

    assert str(caught.value).endswith(remedy)
