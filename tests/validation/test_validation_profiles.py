"""What profiles may ask: slicing of every kind, fixed and pattern, bounds, targets, stacked and imposed profiles."""

from __future__ import annotations

import json

import pytest

from fhir_plugin.validation import Policy, Validator

BASE = "http://hl7.org/fhir/StructureDefinition/"
OURS = "https://profielen.voorbeeld.nl/"


def profile(name, kind, *elements, **more):
    return {
        "resourceType": "StructureDefinition",
        "url": OURS + name,
        "version": more.pop("version", "1.0"),
        "name": name,
        "status": "active",
        "kind": "resource"
        if kind[0].isupper() and kind not in ("HumanName", "Extension", "Coding")
        else "complex-type",
        "abstract": False,
        "type": kind,
        "baseDefinition": BASE + kind,
        "derivation": "constraint",
        "differential": {"element": [{"id": kind, "path": kind}, *elements]},
        **more,
    }


def element(id_, **facts):
    path = ".".join(part.partition(":")[0] for part in id_.split("."))
    name = id_.rpartition(".")[2].partition(":")[2]
    return {"id": id_, "path": path, **({"sliceName": name} if name else {}), **facts}


def slicing(id_, *discriminators, rules="open", ordered=False, **facts):
    found = [{"type": kind, "path": path} for kind, path in discriminators]
    return element(id_, slicing={"discriminator": found, "rules": rules, "ordered": ordered}, **facts)


@pytest.fixture
def check(tmp_path):
    """Errors of a resource against the first of the given profiles."""

    def run(resource, *profiles, policy=None):
        for number, one in enumerate(profiles):
            (tmp_path / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
        report = Validator.load([tmp_path], policy=policy).validate(json.dumps(resource), [profiles[0]["url"]])
        return {(issue.code, issue.expression) for issue in report.of("error", "fatal")}

    return run


def person(**more):
    return {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/kind"}, **more}


PHONE, MAIL, FAX = ({"system": system, "value": "1"} for system in ("phone", "email", "fax"))


def telecom_slices(rules="open", ordered=False, **phone):
    return (
        slicing("RelatedPerson.telecom", ("value", "system"), rules=rules, ordered=ordered),
        element("RelatedPerson.telecom:phone", **{"min": 1, "max": "1", **phone}),
        element("RelatedPerson.telecom:phone.system", min=1, fixedCode="phone"),
        element("RelatedPerson.telecom:mail", min=0, max="1"),
        element("RelatedPerson.telecom:mail.system", min=1, fixedCode="email"),
    )


@pytest.mark.parametrize(
    ("rules", "ordered", "values", "expected"),
    [
        ("open", False, [PHONE, MAIL, FAX], set()),
        ("open", False, [MAIL], {("slice-min", "RelatedPerson")}),
        ("open", False, [PHONE, PHONE], {("cardinality-max", "RelatedPerson")}),
        ("closed", False, [PHONE, FAX], {("slice-closed", "RelatedPerson.telecom[1]")}),
        ("openAtEnd", False, [PHONE, FAX], set()),
        ("openAtEnd", False, [FAX, PHONE], {("slice-after-open", "RelatedPerson.telecom[1]")}),
        ("open", True, [MAIL, PHONE], {("slice-order", "RelatedPerson.telecom[1]")}),
        ("open", True, [PHONE, MAIL], set()),
    ],
)
def test_slices_are_counted_closed_and_ordered_as_the_profile_says(check, rules, ordered, values, expected):
    assert check(person(telecom=values), profile("t", "RelatedPerson", *telecom_slices(rules, ordered))) == expected


def test_a_slice_asks_only_of_its_own_values(check):
    asked = element("RelatedPerson.telecom:phone.use", min=1)
    slices = list(telecom_slices(max="*"))
    slices.insert(3, asked)
    found = check(person(telecom=[PHONE, MAIL, {**PHONE, "use": "home"}]), profile("t", "RelatedPerson", *slices))
    assert found == {("cardinality-min", "RelatedPerson.telecom[0]")}


def test_a_slice_of_a_slice_counts_for_both(check):
    slices = (
        slicing("RelatedPerson.telecom", ("value", "system")),
        {**slicing("RelatedPerson.telecom:phone", ("value", "use")), "min": 0, "max": "2"},
        element("RelatedPerson.telecom:phone.system", min=1, fixedCode="phone"),
        element("RelatedPerson.telecom:phone/home", min=1, max="1"),
        element("RelatedPerson.telecom:phone/home.use", min=1, fixedCode="home"),
    )
    asked = profile("t", "RelatedPerson", *slices)
    assert check(person(telecom=[{**PHONE, "use": "home"}, {**PHONE, "use": "work"}]), asked) == set()
    assert check(person(telecom=[{**PHONE, "use": "work"}]), asked) == {("slice-min", "RelatedPerson")}


def test_a_pattern_slice_accepts_a_value_with_more_codings(check):
    def coding(code):
        return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}]}

    asked = profile(
        "t",
        "RelatedPerson",
        slicing("RelatedPerson.relationship", ("pattern", "$this"), rules="closed"),
        element("RelatedPerson.relationship:uncle", min=1, max="1", patternCodeableConcept=coding("UNCLE")),
    )
    both = {"coding": [*coding("EXT")["coding"], *coding("UNCLE")["coding"]], "text": "oom"}
    assert check(person(relationship=[both]), asked) == set()
    assert check(person(relationship=[coding("EXT")]), asked) == {
        ("slice-closed", "RelatedPerson.relationship[0]"),
        ("slice-min", "RelatedPerson"),
    }


def test_exists_tells_slices_apart(check):
    asked = profile(
        "t",
        "RelatedPerson",
        slicing("RelatedPerson.identifier", ("exists", "period"), rules="closed"),
        element("RelatedPerson.identifier:old", min=0, max="1"),
        element("RelatedPerson.identifier:old.period", min=1),
        element("RelatedPerson.identifier:current", min=1, max="1"),
        element("RelatedPerson.identifier:current.period", max="0"),
    )
    old, current = {"value": "1", "period": {"end": "2020"}}, {"value": "2"}
    assert check(person(identifier=[old, current]), asked) == set()
    assert check(person(identifier=[old]), asked) == {("slice-min", "RelatedPerson")}


def test_a_type_slice_works_through_resolve(check):
    asked = profile(
        "t",
        "CareTeam",
        slicing("CareTeam.participant", ("type", "member.resolve()")),
        element("CareTeam.participant:person", min=0, max="1"),
        element(
            "CareTeam.participant:person.member",
            min=1,
            type=[{"code": "Reference", "targetProfile": [BASE + "RelatedPerson"]}],
        ),
    )
    team = {"resourceType": "CareTeam", "participant": [{"member": {"reference": "RelatedPerson/a"}}]}
    assert check(team, asked) == set()
    team["participant"].append({"member": {"type": "RelatedPerson", "display": "b"}})
    assert check(team, asked) == {("cardinality-max", "CareTeam")}


def test_a_profile_slice_works_through_resolve(check):
    named = profile("named", "RelatedPerson", element("RelatedPerson.name", min=1))
    asked = profile(
        "t",
        "CareTeam",
        slicing("CareTeam.participant", ("profile", "member.resolve()"), rules="closed"),
        element("CareTeam.participant:named", min=1, max="1"),
        element(
            "CareTeam.participant:named.member",
            min=1,
            type=[{"code": "Reference", "targetProfile": [OURS + "named"]}],
        ),
    )
    team = {
        "resourceType": "CareTeam",
        "contained": [{**person(name=[{"text": "Kees"}]), "id": "a"}],
        "participant": [{"member": {"reference": "#a"}}],
    }
    assert check(team, asked, named) == set()
    del team["contained"][0]["name"]
    assert ("slice-closed", "CareTeam.participant[0]") in check(team, asked, named)


def test_a_choice_is_sliced_and_limited_by_type(check):
    asked = profile(
        "t",
        "Observation",
        slicing(
            "Observation.value[x]", ("type", "$this"), rules="closed", type=[{"code": "Quantity"}, {"code": "string"}]
        ),
        element("Observation.value[x]:valueQuantity", min=0, max="1", type=[{"code": "Quantity"}]),
        element("Observation.value[x]:valueQuantity.code", min=1, fixedCode="kg"),
    )

    def seen(**value):
        return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **value}

    grams = {"value": 1, "system": "http://unitsofmeasure.org", "code": "g"}
    assert check(seen(valueQuantity={**grams, "code": "kg"}), asked) == set()
    assert check(seen(valueQuantity=grams), asked) == {("fixed-value", "Observation.value.ofType(Quantity).code")}
    assert ("type-not-allowed", "Observation.value.ofType(boolean)") in check(seen(valueBoolean=True), asked)


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
