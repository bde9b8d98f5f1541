"""What profiles may ask: fixed and pattern, bounds, targets, stacked and imposed profiles."""

from __future__ import annotations

import pytest
from profile_parts import BASE, OURS, PHONE, element, person, profile

from fhir_plugin.validation import Policy


@pytest.mark.parametrize(
    ("facts", "value", "expected"),
    [
        ({"fixedHumanName": {"use": "official"}}, {"use": "official"}, set()),
        (
            {"fixedHumanName": {"use": "official"}},
            {"use": "official", "text": "x"},
            {("fixed-extra", "RelatedPerson.name[0].text")},
        ),
        (
            {"fixedHumanName": {"use": "official", "text": "x"}},
            {"use": "official"},
            {("fixed-missing", "RelatedPerson.name[0]")},
        ),
        ({"patternHumanName": {"given": ["a"]}}, {"given": ["b", "a"], "text": "x"}, set()),
        ({"patternHumanName": {"given": ["a"]}}, {"given": ["b"]}, {("pattern-value", "RelatedPerson.name[0]")}),
    ],
)
def test_fixed_is_exact_and_a_pattern_is_a_part(check, facts, value, expected):
    assert (
        check(person(name=[value]), profile("t", "RelatedPerson", element("RelatedPerson.name", **facts))) == expected
    )


@pytest.mark.parametrize(
    ("id_", "facts", "body", "expected"),
    [
        ("birthDate", {"minValueDate": "2000-01-01"}, {"birthDate": "1999"}, "value-below-minimum"),
        ("birthDate", {"maxValueDate": "2000-01-01"}, {"birthDate": "2000-01-02"}, "value-above-maximum"),
        ("telecom.value", {"maxLength": 3}, {"telecom": [{"system": "phone", "value": "1234"}]}, "max-length"),
        ("telecom", {"max": "0"}, {"telecom": [PHONE]}, "cardinality-max"),
        ("gender", {"min": 1}, {}, "cardinality-min"),
    ],
)
def test_bounds_lengths_and_cardinalities_are_kept(check, id_, facts, body, expected):
    found = check(person(**body), profile("t", "RelatedPerson", element(f"RelatedPerson.{id_}", **facts)))
    assert {code for code, _ in found} == {expected}


def test_a_maximum_with_another_unit_is_converted(check):
    bound = {"value": 1, "system": "http://unitsofmeasure.org", "code": "kg"}
    asked = profile("t", "Observation", element("Observation.value[x]", maxValueQuantity=bound))
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert check({**body, "valueQuantity": {**bound, "value": 1100, "code": "g"}}, asked)
    assert not check({**body, "valueQuantity": {**bound, "value": 900, "code": "g"}}, asked)


def test_min_zero_over_a_base_minimum_does_not_loosen(check):
    asked = profile("t", "RelatedPerson", element("RelatedPerson.patient", min=0))
    assert check({"resourceType": "RelatedPerson"}, asked) == {("cardinality-min", "RelatedPerson")}


def test_a_contained_target_must_satisfy_the_target_profile(check):
    named = profile("named", "Patient", element("Patient.name", min=1))
    target = [{"code": "Reference", "targetProfile": [OURS + "named"]}]
    asked = profile("t", "RelatedPerson", element("RelatedPerson.patient", type=target))
    body = {
        "resourceType": "RelatedPerson",
        "contained": [{"resourceType": "Patient", "id": "k"}],
        "patient": {"reference": "#k"},
    }
    assert check(body, asked, named) == {("reference-target-profile", "RelatedPerson.patient")}
    body["contained"][0]["name"] = [{"text": "Sam"}]
    assert check(body, asked, named) == set()
    assert check(person(), asked, named) == set()


def test_an_imposed_profile_is_asked_too(check):
    named = profile("named", "RelatedPerson", element("RelatedPerson.name", min=1))
    impose = [{"url": f"{BASE}structuredefinition-imposeProfile", "valueCanonical": OURS + "named"}]
    asked = profile("t", "RelatedPerson", extension=impose)
    assert check(person(), asked, named) == {("cardinality-min", "RelatedPerson")}


def test_a_claimed_profile_counts_and_an_unknown_one_is_a_warning(check, validator):
    named = profile("named", "RelatedPerson", element("RelatedPerson.name", min=1))
    free = profile("t", "RelatedPerson")
    assert check(person(meta={"profile": [OURS + "named|1.0"]}), free, named) == {("cardinality-min", "RelatedPerson")}
    report = validator.validate(person(meta={"profile": ["https://weg.voorbeeld.nl/p"]}))
    assert [issue.code for issue in report.of("warning") if issue.param("profile")] == ["profile-unknown"]


def test_profiles_that_point_at_each_other_end(check):
    target = [{"code": "Reference", "targetProfile": [OURS + "t"]}]
    asked = profile(
        "t", "CareTeam", element("CareTeam.participant.member", type=target), element("CareTeam.name", min=1)
    )
    team = {
        "resourceType": "CareTeam",
        "id": "a",
        "name": "n",
        "contained": [{"resourceType": "CareTeam", "id": "b", "name": "m"}],
    }
    team["participant"] = [{"member": {"reference": "#b"}}]
    team["contained"][0]["participant"] = [{"member": {"reference": "#"}}]
    assert not {code for code, _ in check(team, asked)} & {"internal", "too-deep"}


def test_an_invariant_of_a_profile_speaks_with_its_key_and_severity(check):
    rules = [
        {"key": "t-1", "severity": "error", "human": "Een naam.", "expression": "name.exists()"},
        {"key": "t-2", "severity": "warning", "human": "Een foto.", "expression": "photo.exists()"},
        {"key": "t-3", "severity": "error", "human": "Kapot.", "expression": "name.nope("},
    ]
    asked = profile("t", "RelatedPerson", {"id": "RelatedPerson", "path": "RelatedPerson", "constraint": rules})
    asked["differential"]["element"].pop(0)
    assert check(person(), asked) == {("t-1", "RelatedPerson")}


def test_policy_decides_what_an_undecidable_code_is(check):
    binding = {"strength": "required", "valueSet": "https://weg.voorbeeld.nl/vs"}
    asked = profile("t", "RelatedPerson", element("RelatedPerson.relationship", binding=binding))
    body = person(relationship=[{"coding": [{"system": "https://weg.voorbeeld.nl/cs", "code": "x"}]}])
    assert check(body, asked) == set()
    assert check(body, asked, policy=Policy(unknown_codes="error")) == {
        ("binding-undecided", "RelatedPerson.relationship[0]")
    }


def test_a_filter_on_a_supplied_code_system_is_decided(check):
    system = {
        "resourceType": "CodeSystem", "url": OURS + "cs", "status": "active", "content": "complete",
        "concept": [{"code": "dier", "concept": [{"code": "hond"}, {"code": "kat"}]}, {"code": "plant"}],
    }  # fmt: skip
    values = {
        "resourceType": "ValueSet", "url": OURS + "vs", "status": "active",
        "compose": {
            "include": [{"system": OURS + "cs", "filter": [{"property": "concept", "op": "is-a", "value": "dier"}]}],
            "exclude": [{"system": OURS + "cs", "concept": [{"code": "kat"}]}],
        },
    }  # fmt: skip
    binding = {"strength": "required", "valueSet": OURS + "vs"}
    asked = profile("t", "RelatedPerson", element("RelatedPerson.relationship", binding=binding))

    def said(code):
        body = person(relationship=[{"coding": [{"system": OURS + "cs", "code": code}]}])
        return {code for code, _ in check(body, asked, system, values)}

    assert said("hond") == set()
    assert said("kat") == said("plant") == {"binding-required"}
    assert said("vis") == {"binding-required", "code-unknown"}


def test_what_a_profile_asks_of_an_element_holds_where_it_recurs(check):
    asked = profile("t", "Consent", element("Consent.provision.type", min=1))
    body = {
        "resourceType": "Consent", "status": "active", "scope": {"text": "x"}, "category": [{"text": "x"}],
        "policyRule": {"text": "x"},
        "provision": {"type": "permit", "provision": [{"type": "deny", "provision": [{"code": [{"text": "x"}]}]}]},
    }  # fmt: skip
    assert check(body, asked) == {("cardinality-min", "Consent.provision.provision[0].provision[0]")}
