"""`firstpass doctor` before it gets anywhere."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from backend.cli.main import app


def test_bad_settings_are_a_finding_like_any_other() -> None:
    """In JSON too; the exit code says that nothing could run so."""
    result = CliRunner().invoke(app, ["doctor", "--json"], env={"FIRSTPASS_DTYPE": "int8"})

    assert result.exit_code == 2
    (finding,) = json.loads(result.output)["findings"]
    assert finding["level"] == "error"
    assert "FIRSTPASS_DTYPE" in finding["what"]
