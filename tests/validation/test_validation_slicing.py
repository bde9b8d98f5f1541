"""Slicing of every kind, of lists and of choices."""

from __future__ import annotations

import pytest
from profile_parts import BASE, FAX, MAIL, OURS, PHONE, element, person, profile, slicing


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
