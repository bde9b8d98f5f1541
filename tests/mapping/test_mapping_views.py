"""Other dialects: what they carry, what they refuse, and that nothing missing is ever invented."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from fhir.resources.STU3 import get_fhir_model_class
from hypothesis import given, settings
from mapping_strategies import networks as all_networks

from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.mapping.views import ViewName, to_koppeltaal, to_stu3, to_zib2024, write_view
from fhir_plugin.mapping.views.koppeltaal import KT2_CARE_TEAM, KT2_RELATED_PERSON
from fhir_plugin.mapping.views.stu3 import (
    ROLE_EXTENSION,
    care_team_down,
    care_team_up,
    related_person_down,
    related_person_up,
)
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import Engagement, SupportFigure, Tie
from fhir_plugin.model.identity import Coding, Identifier, PersonName
from fhir_plugin.model.network import Child, SupportNetwork, Team
from fhir_plugin.model.terms import ROL_VEKTIS, SNOMED, V3_ROLE_CODE, BondKind, Function, TieQuality
from fhir_plugin.validation import Policy, Validator

EXAMPLES = Path(__file__).parents[2] / "examples/valid"
SAM = SupportFigure(
    id="sam",
    identifiers=(Identifier(system="https://example.org/figuur", value="1"),),
    own_label="tante Sam",
    name=PersonName(own_prefix="de", own_name="Zwart", given=("Sam",)),
    gender="female",
    birth_date=PartialDate(1980, 7, 29),
    relations=(Coding(system=V3_ROLE_CODE, code="AUNT"),),
    roles=(Coding(system=ROL_VEKTIS, code="20"),),
    kinds=(BondKind.JIM,),
    engagement=Engagement(
        functions=(Function.EMOTIONAL, Function.PRACTICAL),
        access_roles=(Coding(system=SNOMED, code="125677006"),),
    ),
    ties=(Tie(quality=TieQuality.CLOSE),),
)
NETWORK = SupportNetwork(child=Child(id="p"), figures=(SAM,), team=Team(id="t"))


def resources(bundle, kind):
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def with_figure(**changes):
    return replace(NETWORK, figures=(replace(SAM, **changes),))


def test_koppeltaal_gets_closed_relationship_concepts_with_exact_displays_and_no_extension_of_ours():
    bundle, report = to_koppeltaal(NETWORK)
    (body,) = resources(bundle, "RelatedPerson")
    assert body["meta"]["profile"] == [KT2_RELATED_PERSON]
    relation, role = body["relationship"]
    assert relation["coding"][0]["code"] == "AUNT"
    assert [coding["code"] for coding in role["coding"]] == ["20", "jim"]
    assert role["coding"][0]["display"] == "Vriend(in)/kennis"
    assert "extension" not in body
    lost = {issue.param("element") for issue in report if issue.code == "view-cannot-carry"}
    assert lost == {"own_label", "ties", "functions"}


def test_the_koppeltaal_team_has_one_access_role_per_person_and_none_of_the_forbidden_elements():
    bundle, _ = to_koppeltaal(NETWORK)
    (team,) = resources(bundle, "CareTeam")
    assert team["meta"]["profile"] == [KT2_CARE_TEAM]
    assert not {"category", "note", "reasonCode", "reasonReference", "telecom", "encounter"} & set(team)
    (participant,) = team["participant"]
    assert "period" not in participant
    assert [coding["display"] for role in participant["role"] for coding in role["coding"]] == ["Naaste"]


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"gender": ""}, "gender"),
        ({"birth_date": None}, "birthDate"),
        ({"identifiers": ()}, "identifier"),
        ({"relations": (), "roles": ()}, "relationship"),
        ({"name": PersonName()}, "name"),
    ],
)
def test_what_koppeltaal_requires_and_is_not_known_is_reported_and_never_invented(change, element):
    bundle, report = to_koppeltaal(with_figure(**change))
    assert not resources(bundle, "RelatedPerson")
    assert [(issue.code, issue.param("element")) for issue in report] == [("koppeltaal-missing", element)]


def test_who_is_no_longer_engaged_is_left_out_of_koppeltaal():
    ended = replace(SAM.engagement, period=Period(end=PartialDate(2026, 11, 22)))
    bundle, _ = to_koppeltaal(with_figure(engagement=ended), today=date(2026, 11, 23))
    assert not resources(bundle, "RelatedPerson")
    assert resources(to_koppeltaal(with_figure(engagement=ended), today=date(2026, 11, 22))[0], "RelatedPerson")


def test_a_neighbour_moves_from_role_to_relation_in_zib2024():
    bundle, report = to_zib2024(with_figure(roles=(Coding(system=ROL_VEKTIS, code="19"),)))
    (body,) = resources(bundle, "RelatedPerson")
    codes = [coding["code"] for concept in body["relationship"] for coding in concept["coding"]]
    assert codes == ["25211005", "427568008", "jim"]
    assert not report.issues


def test_a_lossy_code_keeps_the_original_beside_it_and_says_so():
    bundle, report = to_zib2024(NETWORK)
    (body,) = resources(bundle, "RelatedPerson")
    assert [coding["code"] for coding in body["relationship"][1]["coding"]] == ["48385004", "20", "jim"]
    assert [(issue.code, issue.param("from")) for issue in report] == [("view-lossy-code", "20")]


@pytest.mark.parametrize("code", ["24", "23"])
def test_a_code_that_could_only_be_guessed_is_not_translated(code):
    bundle, report = to_zib2024(with_figure(roles=(Coding(system=ROL_VEKTIS, code=code),), kinds=()))
    (body,) = resources(bundle, "RelatedPerson")
    assert [coding["code"] for coding in body["relationship"][1]["coding"]] == ["OTH", code]
    assert [issue.code for issue in report] == ["view-no-code"]


def test_stu3_has_one_relationship_and_roles_without_leading_zero_in_an_extension():
    bundle, _ = to_stu3(with_figure(roles=(Coding(system=ROL_VEKTIS, code="01"),), kinds=()))
    (body,) = resources(bundle, "RelatedPerson")
    assert body["relationship"]["coding"][0]["code"] == "AUNT"
    (role,) = [item for item in body["extension"] if item["url"] == ROLE_EXTENSION]
    assert role["valueCodeableConcept"]["coding"][0]["code"] == "1"


def test_stu3_keeps_a_second_relationship_and_says_of_nothing_that_it_is_lost():
    relations = (Coding(system=V3_ROLE_CODE, code="AUNT"), Coding(system=V3_ROLE_CODE, code="MTHFOST"))
    bundle, report = to_stu3(with_figure(relations=relations, roles=(), kinds=()))
    (body,) = resources(bundle, "RelatedPerson")
    assert codes(body["relationship"]) == ["AUNT"]
    assert [code for concept in related_person_up(body)["relationship"] for code in codes(concept)] == [
        "AUNT",
        "MTHFOST",
    ]
    assert ("element", "relationship") not in [param for issue in report for param in issue.params]


def codes(concept):
    return [coding["code"] for coding in concept["coding"]]


networks = all_networks.map(lambda network: replace(network, safety_blocks=()))
"""While sharing is off there is no view (tests/mapping/test_mapping_safety.py)."""


@given(networks)
@settings(max_examples=60, deadline=None)
def test_what_goes_down_to_stu3_comes_up_as_it_was(network):
    for entry in to_fhir(network, ties="participant")["entry"]:
        body = entry["resource"]
        if body["resourceType"] == "RelatedPerson":
            up = related_person_up(related_person_down(body))
            assert sorted_relationship(up) == sorted_relationship(body)
        if body["resourceType"] == "CareTeam":
            assert care_team_up(care_team_down(body)) == body


def sorted_relationship(body):
    return {**body, "relationship": sorted(body.get("relationship", []), key=str)}


@given(networks)
@settings(max_examples=30, deadline=None)
def test_typed_stu3_models_accept_what_goes_down(network):
    bundle, _ = to_stu3(network)
    for entry in bundle["entry"]:
        body = entry["resource"]
        get_fhir_model_class(body["resourceType"]).model_validate(body)


def test_koppeltaal_gets_nobody_whose_bond_is_over():
    assert not resources(to_koppeltaal(with_figure(active=False))[0], "RelatedPerson")


BUNDLES = sorted(EXAMPLES.glob("bundle-*.json"))


@pytest.mark.parametrize("view", get_args(ViewName))
@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_what_a_view_writes_of_an_example_is_fhir_with_a_full_url_at_every_entry(path, view, validator):
    mapped = from_fhir(json.loads(path.read_bytes()))
    bundle, _ = write_view(mapped.network, view)
    assert all(entry["fullUrl"] for entry in bundle.get("entry", []))
    if view == "stu3":
        get_fhir_model_class("Bundle").model_validate(bundle)
    else:
        assert [issue for issue in validator.validate(bundle) if issue.severity in ("error", "fatal")] == []


@pytest.mark.parametrize("view", get_args(ViewName))
def test_what_a_view_writes_of_a_team_and_people_that_are_not_recorded_yet_is_fhir(view, validator):
    new = replace(
        NETWORK,
        figures=(replace(SAM, id="urn:uuid:7c4ecf62-9f9c-4f4c-b2b6-0f8e7b0c4a11"),),
        team=Team(id="urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"),
    )
    bundle, _ = write_view(new, view)
    assert all(entry["fullUrl"] for entry in bundle["entry"])
    if view == "stu3":
        get_fhir_model_class("Bundle").model_validate(bundle)
    else:
        assert [issue for issue in validator.validate(bundle) if issue.severity in ("error", "fatal")] == []


@pytest.mark.parametrize("view", get_args(ViewName))
def test_a_view_of_nobody_is_a_bundle_without_entries(view):
    assert write_view(SupportNetwork(child=Child(id="")), view)[0] == {"resourceType": "Bundle", "type": "collection"}


def test_a_team_that_koppeltaal_gets_before_the_record_has_it_is_named_the_same_each_time():
    named = {entry["fullUrl"] for _ in range(2) for entry in to_koppeltaal(replace(NETWORK, team=None))[0]["entry"]}
    assert len(named) == 2


@pytest.fixture(scope="module")
def validator():
    return Validator.load(policy=Policy(unknown_extensions="ignore"))


def test_a_stu3_reference_has_no_type_and_where_only_that_told_what_it_led_to_it_is_said():
    told = {"reference": "Organization/o", "type": "Organization"}
    only = {"identifier": {"system": "urn:x", "value": "1"}, "type": "Organization"}
    child = {"resourceType": "Patient", "id": "p", "managingOrganization": told, "generalPractitioner": [only]}
    bundle, report = to_stu3(from_fhir(child).network)
    (body,) = resources(bundle, "Patient")
    assert body["managingOrganization"] == {"reference": "Organization/o"}
    assert body["generalPractitioner"] == [{"identifier": only["identifier"]}]
    assert [(issue.expression, issue.param("element")) for issue in report] == [("Patient/p", "Reference.type")]
