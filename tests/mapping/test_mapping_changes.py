"""What is written for a change: only what differs, on the version it was made on, with its provenance."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from mapping_strategies import figures, networks

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.changes import changes_between
from fhir_plugin.mapping.figure import figure_onto
from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.mapping.provenance import Author, provenance_of
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.consent import ConsentRecord, Status
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.edit import add_figure, add_tie, end_engagement, replace_figure
from fhir_plugin.model.figure import Designation, Engagement, SupportFigure, Tie
from fhir_plugin.model.identity import PersonName, Ref
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.terms import CodeSystems, Designator, Extensions, Function, Profiles, TieQuality

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHILD = {"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}}
SAM = {
    "resourceType": "RelatedPerson",
    "id": "sam",
    "meta": {"versionId": "4"},
    "patient": {"reference": "Patient/p"},
    "extension": [{"url": Extensions.OWN_LABEL, "valueString": "tante Sam"}, {"url": "https://v.example/x"}],
}
TEAM = {
    "resourceType": "CareTeam",
    "id": "team",
    "meta": {"versionId": "7", "profile": [Profiles.NETWORK]},
    "status": "active",
    "subject": {"reference": "Patient/p"},
    "participant": [
        {"member": {"reference": "Practitioner/wit"}, "role": [{"text": "behandelaar"}]},
        {
            "member": {"reference": "RelatedPerson/sam"},
            "role": [{"coding": [{"system": CodeSystems.FUNCTION, "code": "emotional"}]}],
        },
    ],
}


@pytest.fixture
def network():
    return from_fhir([CHILD, SAM, TEAM], patient_id="p").network


def test_no_change_writes_nothing(network):
    assert changes_between(network, network) == ()


def test_an_edit_names_the_version_it_was_made_on_and_keeps_what_others_wrote(network):
    figure = replace(network.figures[0], name=PersonName(text="Sam de Zwart"))
    (change,) = changes_between(network, replace_figure(network, figure))
    assert (change.type, change.version, change.is_new) == ("RelatedPerson", "4", False)
    assert change.body["extension"] == SAM["extension"]


def test_a_value_that_goes_takes_what_was_said_about_it_along(network):
    told = {**SAM, "gender": "female", "_gender": {"extension": [{"url": "https://v.example/self-reported"}]}}
    before = from_fhir([CHILD, told, TEAM], patient_id="p").network
    (change,) = changes_between(before, replace_figure(before, replace(before.figures[0], gender="")))
    assert not {"gender", "_gender"} & change.body.keys()


def test_ending_an_engagement_touches_only_that_participant(network):
    (change,) = changes_between(network, end_engagement(network, "sam", PartialDate(2026, 11, 23)))
    assert change.type == "CareTeam"
    assert change.body["participant"][0] == TEAM["participant"][0]
    assert change.body["participant"][1]["period"] == {"end": "2026-11-23"}


def test_a_new_figure_comes_with_its_participant_and_is_created_only_once(network):
    after = add_figure(network, SupportFigure(own_label="coach", engagement=Engagement(functions=(Function.COMPANY,))))
    person, team = changes_between(network, after)
    assert person.is_new
    assert person.if_none_exist.startswith("identifier=")
    assert team.body["participant"][:2] == TEAM["participant"]
    assert team.body["participant"][2]["member"]["reference"] == person.full_url


def test_what_others_refer_to_is_written_first(network):
    after = add_figure(network, SupportFigure(own_label="coach", engagement=Engagement(functions=(Function.COMPANY,))))
    after = add_tie(after, "sam", Tie(quality=TieQuality.CLOSE))
    new = ConsentRecord(id="urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e", subject=Ref(reference="Patient/p"))
    after = replace(after, consents=(new,), safety_blocks=(SafetyBlock(id="urn:uuid:1", why="gevaar"),))
    kinds = [change.type for change in changes_between(network, after)]
    assert sorted(kinds[:2]) == ["Flag", "RelatedPerson"]
    assert kinds[2:] == ["Consent", "CareTeam", "Observation"]


def test_a_new_tie_is_a_new_observation_and_the_old_one_stays(network):
    (change,) = changes_between(network, add_tie(network, "sam", Tie(quality=TieQuality.CLOSE)))
    assert (change.type, change.is_new) == ("Observation", True)


def test_nothing_is_ever_deleted(network):
    with pytest.raises(MappingError, match="nothing is deleted"):
        changes_between(network, replace(network, figures=()))


def test_two_states_of_different_children_are_never_compared(network):
    with pytest.raises(MappingError, match="not about the same child"):
        changes_between(network, replace(network, child=replace(network.child, id="q")))


@pytest.mark.parametrize("elsewhere", ["Patient/q", "https://other.example/fhir/Patient/q"])
def test_a_body_about_another_child_is_never_written_whatever_network_it_got_into(network, elsewhere):
    theirs = {**SAM, "id": "bep", "patient": {"reference": elsewhere}}
    stranger = SupportFigure(id="bep", own_label="tante Bep", carried=Carried(theirs))
    with pytest.raises(MappingError) as raised:
        changes_between(network, replace(network, figures=(*network.figures, stranger)))
    assert raised.value.code == "other-child"
    consent = ConsentRecord(id="urn:uuid:1", subject=Ref(reference=elsewhere))
    with pytest.raises(MappingError) as raised:
        changes_between(network, replace(network, consents=(consent,)))
    assert raised.value.code == "other-child"


def test_provenance_says_who_typed_and_who_decided_and_never_that_a_professional_decided(network):
    figure = replace(network.figures[0], name=PersonName(text="Sam"))
    changes = changes_between(network, replace_figure(network, figure))
    author = Author(
        enterer=Ref(reference="Practitioner/wit"),
        designations=(
            Designation(by=Designator.CHILD, who=Ref(reference="Patient/p")),
            Designation(by=Designator.PARENT),
        ),
    )
    body = provenance_of(changes, author, NOW)
    assert body["recorded"] == "2026-11-23T12:00:00.000Z"
    assert body["target"] == [{"reference": "RelatedPerson/sam"}]
    assert [agent["who"]["reference"] for agent in body["agent"]] == ["Patient/p", "Practitioner/wit"]
    assert body["meta"]["profile"] == [Profiles.DESIGNATION]


@pytest.mark.parametrize("meta", ["text", [], {"tag": "text"}, {"tag": {}}])
def test_a_meta_of_another_shape_is_never_replaced_by_a_mark(meta: object) -> None:
    body = {"resourceType": "RelatedPerson", "id": "a", "patient": {"reference": "Patient/p"}, "meta": meta}
    figure = SupportFigure(id="a", name=PersonName(text="Sam"), carried=Carried(body))
    with pytest.raises(MappingError):
        figure_onto(figure, Ref(reference="Patient/p"))


@given(networks, figures)
@settings(max_examples=60, deadline=None)
def test_what_both_states_share_is_not_looked_at_and_makes_no_difference(network, other):
    before = from_fhir(to_fhir(network)).network
    kept = (
        replace(other, id=f.id, carried=f.carried, engagement=f.engagement, ties=f.ties) for f in before.figures[:1]
    )
    after = replace(before, figures=(*kept, *before.figures[1:]))

    assert changes_between(before, after) == changes_between(before, copy.deepcopy(after))


def test_of_two_consents_with_one_id_the_one_that_stayed_is_looked_at_too():
    consent = {"resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": "Patient/p"}}
    before = from_fhir([CHILD, consent, {**consent, "language": "nl"}], patient_id="p").network
    first, second = before.consents
    after = replace(before, consents=(replace(first, status=Status.INACTIVE), second))

    assert changes_between(before, after) == changes_between(before, copy.deepcopy(after))
