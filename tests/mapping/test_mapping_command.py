"""``steunfiguren map``: the network as JSON, or in another dialect, with what was noticed on stderr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fhir_plugin.cli.map import map_command
from fhir_plugin.mapping.safety import BLOCK_CODE
from fhir_plugin.model.terms import Extensions

CHILD = {"resourceType": "Patient", "id": "p", "birthDate": "2015-04-03"}
SAM = {
    "resourceType": "RelatedPerson",
    "id": "sam",
    "patient": {"reference": "Patient/p"},
    "extension": [{"url": Extensions.OWN_LABEL, "valueString": "tante Sam"}],
}
THEIRS = {**SAM, "id": "bep", "patient": {"reference": "Patient/q"}}
BLOCK = {
    "resourceType": "Flag",
    "id": "f",
    "status": "active",
    "code": {"coding": [{"system": BLOCK_CODE.system, "code": BLOCK_CODE.code}]},
    "subject": {"reference": "Patient/p"},
}


def run(path: Path, command: str, *bodies: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
    file = path / "in.json"
    file.write_text(json.dumps(bodies), encoding="utf-8")
    return CliRunner().invoke(map_command, [command, str(file), *options])


def test_the_network_is_shown_without_what_is_empty_or_belongs_to_others(tmp_path: Path) -> None:
    result = run(tmp_path, "from-fhir", CHILD, SAM)

    assert result.exit_code == 0
    network = json.loads(result.stdout)
    assert network["figures"] == [{"id": "sam", "own_label": "tante Sam", "active": True}]
    assert network["child"]["birth_date"] == "2015-04-03"
    assert "carried" not in result.stdout


def test_somebody_of_another_child_is_told_of_and_not_shown(tmp_path: Path) -> None:
    result = run(tmp_path, "from-fhir", CHILD, SAM, THEIRS, options=("--patient", "p"))

    assert result.exit_code == 1
    assert [figure["id"] for figure in json.loads(result.stdout)["figures"]] == ["sam"]
    assert "fout: RelatedPerson[2]" in result.stderr
    assert "bep" not in result.output


@pytest.mark.parametrize("view", ["r4", "koppeltaal", "zib2024", "stu3"])
def test_no_dialect_is_written_while_sharing_is_off(tmp_path: Path, view: str) -> None:
    result = run(tmp_path, "to-fhir", CHILD, SAM, BLOCK, options=("--view", view))

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"resourceType": "Bundle", "type": "collection"}
    assert "fout: Flag" in result.stderr


def test_a_bundle_is_written_in_the_dialect_that_is_asked_for(tmp_path: Path) -> None:
    result = run(tmp_path, "to-fhir", CHILD, SAM, THEIRS, options=("--patient", "p"))

    kinds = [entry["resource"]["id"] for entry in json.loads(result.stdout)["entry"]]
    assert sorted(kinds) == ["p", "sam"]
