"""`firstpass doctor` before it gets anywhere."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.errors import BadRequest


def test_bad_settings_are_a_finding_like_any_other() -> None:
    """In JSON too; the exit code says that nothing could run so."""
    result = CliRunner().invoke(app, ["doctor", "--json"], env={"FIRSTPASS_DTYPE": "int8"})

    assert result.exit_code == 2
    (finding,) = json.loads(result.output)["findings"]
    assert finding["level"] == "error"
    assert "FIRSTPASS_DTYPE" in finding["what"]


def test_tabs_are_removed_in_one_project_only() -> None:
    """Without one the flag could do nothing, which nobody would notice."""
    with pytest.raises(BadRequest, match="expected --project with --remove-broken-tabs"):
        CliRunner().invoke(app, ["doctor", "--remove-broken-tabs"], catch_exceptions=False)
