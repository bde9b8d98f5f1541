"""SARIF as a library no one here wrote reads it (the schema itself is in no package that was found)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fhir_plugin.cli.validate import validate_command

pytestmark = pytest.mark.peer
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_sarif_of_all_examples_is_read_without_a_complaint() -> None:
    sarif = pytest.importorskip("sarif_pydantic", reason="sarif-pydantic is not installed; make peers installs it")
    written = CliRunner().invoke(validate_command, [str(EXAMPLES), "--format", "sarif", "-q"]).output
    log = sarif.Sarif.model_validate_json(written)
    (run,) = log.runs
    assert len(run.results) == len(json.loads(written)["runs"][0]["results"]) > 100
    assert run.tool.driver.name == "steunfiguren validate"
