"""``steunfiguren consent check`` answers in words people understand, and in exit codes programs understand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from consent_cases import consent

from fhir_plugin.cli.consent import consent_command
from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.model.terms import ROL_VEKTIS, CodeSystems

Check = Callable[..., Result]


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def related(name: str, *concepts: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "RelatedPerson",
        "id": name,
        "active": True,
        "patient": {"reference": "Patient/child"},
        "relationship": list(concepts),
    }


@pytest.fixture
def check(tmp_path: Path) -> Check:
    mother = related(
        "mother", concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH"), concept(ROL_VEKTIS, "24")
    )
    people = [
        {"resourceType": "Patient", "id": "child", "birthDate": "2017-01-20"},
        related("aunt", concept(CodeSystems.KIND, "jim")),
        mother,
    ]

    def run(*arguments: str, consents: list[dict[str, Any]] | None = None) -> Result:
        entries = people + ([consent()] if consents is None else consents)
        file = tmp_path / "bundle.json"
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in entries]}
        file.write_text(json.dumps(bundle), encoding="utf-8")
        at = () if "--at" in arguments else ("--at", "2026-06-15T12:00")
        line = ["check", str(file), "--figure", "RelatedPerson/aunt", "--class", "CarePlan", *at, *arguments]
        return CliRunner().invoke(consent_command, line)

    return run


def test_a_permit_is_explained_and_exits_with_0(check: Check) -> None:
    result = check()

    assert result.exit_code == 0
    assert "JA: Dit mag" in result.output
    assert "RelatedPerson/mother (gezag)" in result.output
    assert "Consent/consent-0/_history/1: geeft toestemming (Consent.provision)" in result.output


def test_a_permit_tells_until_when(check: Check) -> None:
    assert "Tot 2029-01-20: Consent/consent-0/_history/1: Het kind wordt 12" in check().output
    assert json.loads(check("--format", "json").output)["lapses"] == [
        {"consent": "consent-0", "day": "2029-01-20", "reason": "consent-lapse-age", "age": 12}
    ]


def test_a_bundle_of_nobody_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "empty.json"
    file.write_text('{"resourceType": "Bundle", "type": "collection"}', encoding="utf-8")
    result = CliRunner().invoke(consent_command, ["check", str(file), "--figure", "aunt"])

    assert isinstance(result.exception, UsageError)


def test_a_refusal_says_why_what_to_do_and_exits_with_3(check: Check) -> None:
    result = check("--at", "2029-06-15T12:00")

    assert result.exit_code == 3
    assert "NEE: Niet iedereen die moet tekenen" in result.output
    assert "Geen toestemming hiervoor van: Patient/child" in result.output


def test_the_answer_is_there_in_english(check: Check) -> None:
    result = check("--lang", "en", consents=[consent(), consent(1, says="deny")])

    assert "NO: Someone who decides about this has refused." in result.output
    assert "Consent/consent-1/_history/1: refuses (Consent.provision)" in result.output


def test_the_answer_is_there_as_json(check: Check) -> None:
    result = check("--format", "json", "--purpose", "BTG", consents=[consent(purpose=["BTG"])])
    answer = json.loads(result.output)

    assert result.exit_code == 0
    assert answer["decision"] == "permit"
    assert answer["mustAudit"] is True
    assert answer["policy"] == "nl-jeugdwet 2026.1"
    assert answer["grounds"][0]["consent"] == "consent-0"
    assert answer["consents"][0]["says"] == "consent-line-permits"


def test_what_is_not_understood_is_shown_with_its_place(check: Check) -> None:
    result = check(consents=[consent() | {"implicitRules": "urn:x"}])

    assert result.exit_code == 3
    assert "Consent.implicitRules" in result.output


def test_authority_safety_and_the_policy_can_be_given(check: Check) -> None:
    assert check("--authority", "RelatedPerson/father").exit_code == 3
    assert check("--safety-block").exit_code == 3
    youth_alone = ("--at", "2029-06-15T12:00", "--choose", "third-party-12-15=youth-alone")
    assert check(*youth_alone, consents=[consent(by=["child"])]).exit_code == 0


def test_somebody_who_is_no_support_figure_is_refused(check: Check) -> None:
    result = check("--figure", "RelatedPerson/mother")

    assert result.exit_code == 3
    assert "geen steunfiguur" in result.output


@pytest.mark.parametrize("named", ["RelatedPerson/nobody", "Patient/child", ""])
def test_who_is_not_in_the_bundle_is_wrong_usage_and_not_a_refusal(check: Check, named: str) -> None:
    result = check("--figure", named)

    assert isinstance(result.exception, UsageError)
    assert result.exception.code == "no-figure"
    assert "NEE" not in result.output


def test_a_code_may_be_a_category_or_of_any_system(check: Check) -> None:
    assert check("--code", "progress", consents=[consent(code=["progress"])]).exit_code == 0
    assert check("--code", "http://snomed.info/sct|1", consents=[consent(code=["progress"])]).exit_code == 3


def test_wrong_usage_is_told_apart_from_a_refusal(check: Check, tmp_path: Path) -> None:
    assert isinstance(check("--at", "yesterday").exception, UsageError)
    assert isinstance(check("--policy", "other").exception, UsageError)
    assert check("--action", "destroy").exit_code == 2
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    result = CliRunner().invoke(consent_command, ["check", str(broken), "--figure", "aunt"])
    assert isinstance(result.exception, InputError)


EXAMPLE = Path(__file__).parents[2] / "examples/valid/bundle-network-sanne.json"


@pytest.mark.parametrize(
    ("asked", "exit_code", "said"),
    [
        (["--code", "appointments", "--at", "2026-06-15T12:00"], 0, "JA:"),
        (["--code", "appointments", "--at", "2026-10-15T12:00"], 3, "NEE:"),
        (["--class", "CarePlan", "--at", "2026-06-15T12:00"], 3, "NEE:"),
    ],
)
def test_the_sample_in_the_documentation_answers_as_it_says_there(asked: list[str], exit_code: int, said: str) -> None:
    line = ["check", str(EXAMPLE), "--figure", "RelatedPerson/sanne-jim", *asked]
    result = CliRunner().invoke(consent_command, line)
    assert (result.exit_code, said in result.output) == (exit_code, True)


def test_who_signed_something_else_is_never_said_not_to_have_signed() -> None:
    line = ["check", str(EXAMPLE), "--figure", "RelatedPerson/sanne-jim", "--at", "2026-10-15T12:00"]
    result = CliRunner().invoke(consent_command, [*line, "--code", "appointments"])
    assert "Tekende niet" not in result.output
    assert "getekend door RelatedPerson/sanne-moeder" in result.output


def test_a_code_that_is_no_category_is_wrong_usage_and_the_categories_are_named(check: Check) -> None:
    result = check("--code", "foo")
    assert isinstance(result.exception, UsageError)
    assert "appointments" in result.exception.remedy
    assert check("--code", "https://elders.example|foo").exit_code == 0
