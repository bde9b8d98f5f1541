"""What people and programs get to see of a report."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

import fhir_plugin.validation
from fhir_plugin.cli.validate import validate_command
from fhir_plugin.texts import LANGUAGES, catalogue
from fhir_plugin.validation.outputs import FORMATS, Result, Summary, make_output, operation_outcome

BAD = {"resourceType": "RelatedPerson", "gender": "m"}
GOOD = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/kind"}, "text": {"status": "generated"}}
GOOD["text"]["div"] = '<div xmlns="http://www.w3.org/1999/xhtml">tante</div>'


def written(name, validator, *resources, language="nl"):
    stream, summary = io.StringIO(), Summary()
    output = make_output(name, stream.write, language)
    for number, resource in enumerate(resources):
        report = validator.validate(json.dumps(resource))
        summary.add(report)
        output.add([output.part(Result(name=f"{number}.json", report=report))])
    output.finish(summary)
    return stream.getvalue()


def test_text_gives_place_sentence_and_remedy_in_dutch(validator):
    text = written("text", validator, BAD)
    assert "0.json" in text
    assert "RelatedPerson.patient komt 0 keer voor; minstens 1 is nodig." in text
    assert "→ Voeg het element toe." in text
    assert "1:" in text


def test_text_gives_english_on_request_and_counts_what_is_frequent(validator):
    text = written("text", validator, BAD, BAD, language="en")
    assert "Checked: 2, with errors: 2." in text
    assert "2 × binding-required" in text


def test_text_tells_once_in_a_run_what_is_not_at_hand_and_counts_the_rest(validator):
    claims = {**GOOD, "meta": {"profile": ["https://nergens.example/a"]}}
    other = {**GOOD, "meta": {"profile": ["https://nergens.example/b"]}}
    text = written("text", validator, claims, claims, other, language="en")
    assert [text.count(f"https://nergens.example/{name} is not known here") for name in "ab"] == [2, 1]  # with "Most"
    assert "1.json" not in text
    assert "Not shown again: 1 times" in text
    assert "warnings: 3" in text


def test_text_never_leaves_out_an_error_that_comes_again(validator):
    text = written("text", validator, BAD, BAD)
    assert text.count("RelatedPerson.patient komt 0 keer voor") >= 2
    assert "0.json" in text
    assert "1.json" in text
    assert "Niet nog eens getoond: 1 keer" in text  # dom-6


def test_json_is_an_operation_outcome_that_is_valid_itself(validator):
    outcome = json.loads(written("json", validator, BAD))
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["expression"]
    assert not validator.validate(outcome).has_errors


def test_json_of_several_inputs_is_a_bundle_that_is_valid_itself(validator):
    bundle = json.loads(written("json", validator, BAD, GOOD))
    assert [one["resource"]["resourceType"] for one in bundle["entry"]] == ["OperationOutcome"] * 2
    assert not validator.validate(bundle).has_errors


def test_a_clean_report_is_an_outcome_that_says_so(validator):
    outcome = operation_outcome(validator.validate(GOOD))
    assert [(one["severity"], one["code"]) for one in outcome["issue"]] == [("information", "informational")]


def test_sarif_names_rule_file_and_place(validator):
    (run,) = json.loads(written("sarif", validator, BAD))["runs"]
    first = run["results"][0]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "0.json"
    assert {one["ruleId"] for one in run["results"]} == {one["id"] for one in run["tool"]["driver"]["rules"]}


def test_junit_has_a_case_per_input_and_a_failure_per_bad_one(validator):
    root = ET.fromstring(written("junit", validator, BAD, GOOD))
    cases = list(root.iter("testcase"))
    assert [one.find("failure") is not None for one in cases] == [True, False]


def test_ndjson_has_a_line_per_issue(validator):
    lines = [json.loads(line) for line in written("ndjson", validator, BAD).splitlines()]
    assert {"file", "line", "column", "code", "text", "remedy", "expression"} <= lines[0].keys()


REPORTING = re.compile(r'(?:error|warn|inform|failed|report|_error)\(\s*(?:scope, )?"([a-z0-9-]+)"')


def test_every_code_that_is_reported_has_a_sentence_in_both_languages():
    folder = Path(fhir_plugin.validation.__file__).parent
    codes = {code for path in folder.rglob("*.py") for code in REPORTING.findall(path.read_text(encoding="utf-8"))}
    assert len(codes) > 60
    for language in LANGUAGES:
        assert codes <= set(catalogue(language))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "bad.json").write_text(json.dumps(BAD), encoding="utf-8")
    (tmp_path / "good.json").write_text(json.dumps(GOOD), encoding="utf-8")
    (tmp_path / "note.txt").write_text("geen FHIR", encoding="utf-8")
    lines = "\n".join(json.dumps(one) for one in (GOOD, BAD, GOOD))
    (tmp_path / "many.ndjson").write_text(lines + "\n", encoding="utf-8")
    return tmp_path


def run(*arguments, **more):
    return CliRunner().invoke(validate_command, [*map(str, arguments), "-q"], **more)


def test_the_command_ends_in_0_for_good_and_1_for_bad(folder):
    assert run(folder / "good.json").exit_code == 0
    assert run(folder / "bad.json").exit_code == 1
    assert run(folder / "*.json").exit_code == 1


def test_a_folder_is_read_whole_and_ndjson_line_by_line(folder):
    result = run(folder, "--lang", "en")
    assert result.exit_code == 1
    assert "Checked: 5, with errors: 2." in result.output
    assert "many.ndjson:2" in result.output


def test_standard_input_may_be_one_resource_or_many(folder):
    many = (folder / "many.ndjson").read_text(encoding="utf-8")
    assert "Checked: 3," in run("-", "--lang", "en", input=many).output
    assert "Checked: 1," in run("-", "--lang", "en", input=json.dumps(BAD, indent=1)).output


def test_more_jobs_give_the_same_results_in_the_same_order(folder):
    alone, together = (run(folder, "--format", "ndjson", "--jobs", jobs) for jobs in (1, 2))
    assert alone.output == together.output != ""


def test_warnings_count_when_asked(folder):
    bare = {name: value for name, value in GOOD.items() if name != "text"}
    (folder / "bare.json").write_text(json.dumps(bare), encoding="utf-8")
    assert run(folder / "bare.json").exit_code == 0
    assert run(folder / "bare.json", "--fail-on", "warning").exit_code == 1


def test_a_profile_can_be_asked_for(folder):
    profile = "https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure"
    assert run(folder / "good.json", "--profile", profile).exit_code == 1


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_written(folder, name):
    assert run(folder, "--format", name).output


def test_a_path_that_leads_nowhere_is_wrong_usage(folder):
    result = run(folder / "weg.json")
    assert result.exception.exit_code == 2
