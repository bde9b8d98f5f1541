"""A run that finds nothing to do loads nothing that only a run with work needs: it happens every night."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from sync_desk import CLIENT_SYSTEM
from sync_site import site

from fhir_plugin.cli.sync import sync_command
from fhir_plugin.sync.plans.planfile import PlanWriter

_RUN = """
import sys
from fhir_plugin.cli.main import main
try:
    main()
finally:
    print("loaded:", *sorted(sys.modules))
"""


def run(folder: Path, *words: str) -> tuple[str, set[str]]:
    """What a command says, and the modules it loaded."""
    line = [sys.executable, "-c", _RUN, *words]
    ended = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    said, _, loaded = ended.stdout.rpartition("loaded: ")
    return said, set(loaded.split())


def test_a_plan_without_work_is_applied_without_what_reads_and_writes_an_ehr(tmp_path: Path) -> None:
    writer = PlanWriter(
        tmp_path / "plan.json", ehr="http://127.0.0.1:9/fhir", source="lijst", file="lijst.csv", made=""
    )
    writer.close(0, (3, 12))
    said, loaded = run(tmp_path, "sync", "apply", "plan.json", "-q")
    assert "Run 1" in said
    assert not loaded & {"requests", "phonenumbers", "fhir_plugin.ehr", "fhir_plugin.mapping", "fhir_plugin.consent"}


def test_a_plan_that_passes_over_everybody_is_made_without_what_reads_rows_and_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with site(tmp_path, 2) as made:
        words = ("sync", "plan", "list.csv", "--fhir", made.fhir, "--client-system", CLIENT_SYSTEM, "-q")
        for command in (words[1:], ("apply", "sync-plan.json", "-q")):
            assert CliRunner().invoke(sync_command, command).exit_code == 0
        said, loaded = run(tmp_path, *words)
    assert "2  cliënten in het plan" in said
    assert not loaded & {
        "phonenumbers",
        "fhir_plugin.mapping.figure",
        "fhir_plugin.sync.deciding.decisions",
        "fhir_plugin.sync.sources.rows",
    }
