"""Definitions that are circular, incomplete or malformed: a named issue where they are used, and the rest goes on."""

from __future__ import annotations

import json

import pytest

from fhir_plugin.validation import Validator

BASE = "https://example.com/"
CORE = "http://hl7.org/fhir/StructureDefinition/"
A = BASE + "a"
PATIENT = {"resourceType": "Patient", "active": "x", "name": [{"family": "A"}]}
REST = ("primitive-format", "Patient.active")
"""What is wrong with the patient itself: found whatever the state of the profile."""


def profile(name="a", *elements, of="Patient", base=None, **more):
    listed = [{"id": one["path"], **one} for one in ({"path": of}, *elements)]
    return {
        "resourceType": "StructureDefinition", "url": BASE + name, "name": name, "status": "active", "kind": "resource",
        "abstract": False, "type": of, "baseDefinition": base or CORE + of, "derivation": "constraint",
        "differential": {"element": listed}, **more,
    }  # fmt: skip


def found(folder, definitions, resource=PATIENT, *profiles):
    for number, one in enumerate(definitions):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    report = Validator.load([folder]).validate(json.dumps(resource), profiles)
    return [
        (one.code, one.expression, one.param("reason")) for one in report.of("error", "fatal", "warning")
        if one.code not in ("dom-6", "binding-extensible")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("definitions", "reason"),
    [
        ([profile(base=BASE + "b"), profile("b", base=A)], "snapshot-circular"),
        ([profile(base=A)], "snapshot-circular"),
        ([profile(base=BASE + "nobody")], "snapshot-base-unknown"),
        ([profile(base=CORE + "Observation")], "snapshot-base-type"),
        ([profile(snapshot=None)], "snapshot-malformed"),
        ([profile(snapshot=[])], "snapshot-malformed"),
        ([profile(snapshot={"element": []})], "snapshot-malformed"),
        ([profile(snapshot={"element": [{}, {}]})], "snapshot-malformed"),
        ([profile(snapshot={"element": ["x"]})], "snapshot-malformed"),
        ([profile("a", {"path": "Patient.name", "min": "one"})], "snapshot-malformed"),
        ([profile("a", {"path": "Patient.name", "max": "many"})], "snapshot-malformed"),
        ([profile("a", {"path": "Patient.name", "type": {"code": "HumanName"}})], "snapshot-malformed"),
        ([profile("a", {"path": "Patient", "constraint": "x"})], "snapshot-malformed"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named_and_the_rest_goes_on(tmp_path, definitions, reason):
    issues = found(tmp_path, definitions, PATIENT, A)
    assert (*REST, "") in issues
    assert ("profile-broken", "Patient", reason) in issues
    assert len(issues) == 2


def test_a_discriminator_that_is_none_breaks_the_profile(tmp_path):
    slicing = {"rules": "closed", "discriminator": "x"}
    piece = {"id": "Patient.name:x", "path": "Patient.name", "sliceName": "x"}
    issues = found(tmp_path, [profile("a", {"path": "Patient.name", "slicing": slicing}, piece)], PATIENT, A)
    assert ("profile-broken", "Patient", "snapshot-malformed") in issues
    assert (*REST, "") in issues


@pytest.mark.parametrize("path", ["Patient.nonsense", "Observation.code"])
def test_an_element_that_does_not_exist_is_a_warning(tmp_path, path):
    issues = found(tmp_path, [profile("a", {"path": path, "min": 1}, {"path": "Patient.photo", "min": 1})], PATIENT, A)
    assert ("profile-element-unknown", "Patient", "") in issues
    assert ("cardinality-min", "Patient", "") in issues


@pytest.mark.parametrize("expression", ["name.exists( and", "name.frobnicate()", "(" * 3000 + "true" + ")" * 3000])
def test_an_invariant_that_cannot_be_read_is_undecided(tmp_path, expression):
    rule = {"key": "x-1", "severity": "error", "human": "h", "expression": expression}
    issues = found(tmp_path, [profile("a", {"path": "Patient", "constraint": [rule]})], PATIENT, A)
    assert sorted(issues) == [("invariant-undecided", "Patient", ""), (*REST, "")]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], ("profile-unknown", "")),
        ([profile("b", base=BASE + "nobody")], ("profile-broken", "snapshot-base-unknown")),
    ],
)
def test_the_profile_of_a_target_that_is_not_there_is_a_warning_at_the_reference(tmp_path, more, expected):
    target = {"path": "Patient.link.other", "type": [{"code": "Reference", "targetProfile": [BASE + "b"]}]}
    resource = PATIENT | {
        "contained": [{"resourceType": "Patient", "id": "c", "gender": "female"}],
        "link": [{"other": {"reference": "#c"}, "type": "refer"}],
    }
    code, reason = expected
    assert (code, "Patient.link[0].other", reason) in found(tmp_path, [profile("a", target), *more], resource, A)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"baseDefinition": BASE + "nobody"}, ("profile-broken", "Patient.extension[0]", "snapshot-base-unknown")),
        ({"snapshot": []}, ("profile-broken", "Patient.extension[0]", "snapshot-malformed")),
        ({"context": "Patient", "contextInvariant": "x"}, None),
    ],
)
def test_an_extension_that_cannot_be_used_is_named_where_it_stands(tmp_path, change, expected):
    extension = profile("e", of="Extension", kind="complex-type") | change
    resource = PATIENT | {"extension": [{"url": BASE + "e", "valueString": "x"}]}
    expected = [expected] if expected else []
    assert sorted(found(tmp_path, [extension], resource)) == sorted([*expected, (*REST, "")])


@pytest.mark.parametrize(
    "definition",
    [
        {"resourceType": "ImplementationGuide", "url": BASE + "ig", "global": "x"},
        profile("p", extension="x"),
        {**profile("p"), "url": CORE + "Patient", "derivation": "specialization"},
        {**profile("p", of="HumanName"), "url": CORE + "HumanName", "snapshot": {"element": [{"path": "HumanName"}]}},
    ],
)
def test_what_a_package_says_beside_the_profile_does_no_harm(tmp_path, definition):
    profiles = [BASE + "p"] if definition["url"] == BASE + "p" else []
    assert found(tmp_path, [definition], PATIENT, *profiles) == [(*REST, "")]


def test_a_value_set_that_cannot_be_read_decides_nothing(tmp_path):
    binding = {"strength": "required", "valueSet": BASE + "v"}
    value_set = {"resourceType": "ValueSet", "url": BASE + "v", "status": "active", "compose": {"include": "x"}}
    shape = profile("a", {"path": "Patient.maritalStatus", "binding": binding})
    resource = PATIENT | {"maritalStatus": {"coding": [{"system": BASE + "c", "code": "z"}]}}
    issues = found(tmp_path, [shape, value_set], resource, A)
    assert ("binding-undecided", "Patient.maritalStatus", "") in issues
    assert all(code != "binding-required" for code, _, _ in issues)


def test_an_invariant_about_an_element_that_does_not_exist_is_named_and_judged_as_if_it_were_empty(tmp_path):
    constraint = {"key": "c-1", "severity": "error", "human": "a number", "expression": "telephone.exists()"}
    shape = profile("a", {"path": "Patient.contact", "constraint": [constraint]})
    resource = PATIENT | {"contact": [{"name": {"family": "B"}}]}
    (tmp_path / "a.json").write_text(json.dumps(shape), encoding="utf-8")
    report = Validator.load([tmp_path]).validate(json.dumps(resource), [A])
    unknown = next(one for one in report if one.code == "invariant-element-unknown")
    assert (unknown.expression, unknown.severity.value, unknown.source) == ("Patient.contact[0]", "warning", A)
    assert (unknown.param("key"), unknown.param("element"), unknown.param("type")) == (
        "c-1",
        "telephone",
        "Patient.contact",
    )
    assert "c-1" in {one.code for one in report.of("error")}


def test_an_invariant_on_a_choice_may_be_about_any_of_its_types(tmp_path):
    constraint = {
        "key": "c-1",
        "severity": "error",
        "human": "dated",
        "expression": "$this is dateTime or start.exists()",
    }
    element = {"path": "Observation.effective[x]", "constraint": [constraint]}
    resource = {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"}, "effectiveDateTime": "2020",
    }  # fmt: skip
    assert found(tmp_path, [profile("a", element, of="Observation")], resource, A) == []
