"""Whose resources enter the network, and what the others are: parents, professionals, candidates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fhir.resources.R4B.bundle import Bundle

from fhir_plugin.consent import facts_of
from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.mapping.safety import block_onto
from fhir_plugin.mapping.ties import new_tie
from fhir_plugin.model.figure import Engagement, Tie
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import SafetyBlock, Standing
from fhir_plugin.model.terms import (
    BSN_SYSTEMS,
    ROL_VEKTIS,
    V3_ROLE_CODE,
    CodeSystems,
    Extensions,
    Function,
    Profiles,
    TieQuality,
)

CHILD = {"resourceType": "Patient", "id": "p"}
LABEL = {"extension": [{"url": Extensions.OWN_LABEL, "valueString": "tante Sam"}]}


def related(identity, patient="p", codes=(), **more):
    concepts = [{"coding": [{"system": system, "code": code}]} for system, code in codes]
    return {
        "resourceType": "RelatedPerson",
        "id": identity,
        "patient": {"reference": f"Patient/{patient}"},
        **({"relationship": concepts} if concepts else {}),
        **more,
    }


def codes_of(report):
    return [issue.code for issue in report]


def test_a_resource_about_another_child_never_enters_the_network_and_is_not_lost():
    theirs = related("x", patient="other", **LABEL)
    mapped = from_fhir([CHILD, theirs, related("s", **LABEL)], patient_id="p")
    assert [figure.id for figure in mapped.network.figures] == ["s"]
    assert codes_of(mapped.report) == ["other-patient"]
    assert theirs in [entry["resource"] for entry in to_fhir(mapped.network)["entry"]]


def test_without_a_patient_asked_for_two_patients_give_no_network_at_all():
    mapped = from_fhir([CHILD, {"resourceType": "Patient", "id": "q"}, related("s", **LABEL)])
    assert mapped.network.figures == ()
    assert codes_of(mapped.report) == ["several-patients"]


@pytest.mark.parametrize("reference", ["https://ehr.example/fhir/Patient/p", "Patient/p/_history/3", "Patient/p"])
def test_absolute_and_versioned_references_are_about_the_same_child(reference):
    body = related("s", **LABEL) | {"patient": {"reference": reference}}
    assert len(from_fhir([CHILD, body], patient_id="p").network.figures) == 1


OURS, THEIRS = "https://ehr.example/fhir", "https://other.example/fhir"


def elsewhere(key, server, **more):
    return related(key, **LABEL) | {"patient": {"reference": f"{server}/Patient/p"}} | more


def bundle(*bodies, server=OURS):
    entries = [{"fullUrl": f"{server}/{body['resourceType']}/{body['id']}", "resource": body} for body in bodies]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


BORN = {"birthDate": "2001-01-01"}
NEWER = {"meta": {"lastUpdated": "2026-11-01T10:00:00Z"}}


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ([CHILD, related("s", **LABEL), elsewhere("x", THEIRS)], {"base": OURS}),
        (bundle(CHILD, related("s", **LABEL), elsewhere("x", THEIRS)), {}),
        ([bundle(CHILD, related("s", **LABEL)), bundle(related("x", **LABEL), server=THEIRS)], {}),
        ([bundle(CHILD, related("s", **LABEL)), bundle(related("s", **LABEL, **NEWER), server=THEIRS)], {}),
        (
            [bundle(CHILD, related("s", **LABEL)), bundle(CHILD | BORN, related("x", **LABEL), server=THEIRS)],
            {"base": OURS},
        ),
    ],
)
def test_a_patient_of_another_server_with_the_same_id_is_another_child(source, asked):
    mapped = from_fhir(source, patient_id="p", **asked)
    assert [figure.id for figure in mapped.network.figures] == ["s"]
    assert codes_of(mapped.report) == ["other-patient"]
    assert mapped.network.child.carried.body() == CHILD


@pytest.mark.parametrize("patient_id", ["p", None])
@pytest.mark.parametrize("other", [related("s", **LABEL), elsewhere("s", "https://third.example/fhir")])
def test_where_nobody_can_tell_whose_server_a_patient_is_of_there_is_no_network_at_all(other, patient_id):
    mapped = from_fhir([CHILD, other, elsewhere("x", THEIRS)], patient_id=patient_id)
    assert mapped.network.figures == ()
    assert codes_of(mapped.report) == ["several-servers"]


@pytest.mark.parametrize("server", [OURS, f"{OURS}/", OURS.replace("https", "http")])
def test_a_server_that_names_itself_in_full_is_itself(server):
    body = elsewhere("s", server.rstrip("/"))
    assert len(from_fhir([CHILD, body, related("t", **LABEL)], patient_id="p", base=f"{OURS}/").network.figures) == 2


@pytest.mark.parametrize("asked", [{"base": OURS}, {}])
def test_a_safety_block_counts_whatever_server_it_names(asked):
    block = block_onto(SafetyBlock(id="b"), Ref(reference=f"{THEIRS}/Patient/p")) | {"id": "b"}
    mapped = from_fhir([CHILD, related("s", **LABEL), block], patient_id="p", **asked)
    assert mapped.network.sharing_is_off
    assert [figure.id for figure in mapped.network.figures] == ["s"]


def test_a_biological_parent_is_part_of_the_network_but_never_a_figure():
    mother = related("m", codes=[(V3_ROLE_CODE, "MTH"), (ROL_VEKTIS, "24")], meta={"profile": [Profiles.FIGURE]})
    network = from_fhir([CHILD, mother], patient_id="p").network
    assert not network.figures
    (person,) = network.people
    assert (person.standing, person.holds_authority) == (Standing.PARENT, True)


def test_a_record_that_is_not_active_gives_nobody_authority():
    guardian = related("gi", codes=[(ROL_VEKTIS, "24")])
    for active, holders in ((True, ["RelatedPerson/gi"]), (False, [])):
        network = from_fhir([CHILD, guardian | {"active": active}], patient_id="p").network
        assert [person.active for person in network.people] == [active]
        assert [each.holder.reference for each in facts_of(network).authority] == holders


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_judgement_that_was_recorded_in_error_is_no_tie_and_is_kept(status):
    tie = {
        **new_tie(
            Tie(quality=TieQuality.TENSE), patient=Ref(reference="Patient/p"), figure=Ref(reference="RelatedPerson/s")
        ),
        "id": "o",
    }
    for given, ties in (("final", 1), (status, 0)):
        network = from_fhir([CHILD, related("s", **LABEL), tie | {"status": given}], patient_id="p").network
        assert len(network.figures[0].ties) == ties
        assert tie | {"status": given} in [entry["resource"] for entry in to_fhir(network)["entry"]]


@pytest.mark.parametrize(
    ("code", "standing", "authority"),
    [
        ((ROL_VEKTIS, "07"), Standing.PROFESSIONAL, False),
        ((ROL_VEKTIS, "21"), Standing.PROFESSIONAL, False),
        ((ROL_VEKTIS, "11"), Standing.LEGAL, True),
        ((ROL_VEKTIS, "15"), Standing.LEGAL, False),
        ((ROL_VEKTIS, "20"), Standing.CANDIDATE, False),
        ((V3_ROLE_CODE, "AUNT"), Standing.CANDIDATE, False),
    ],
)
def test_others_are_recognised_for_what_they_are(code, standing, authority):
    (person,) = from_fhir([CHILD, related("x", codes=[code])], patient_id="p").network.people
    assert (person.standing, person.holds_authority) == (standing, authority)


def test_a_contact_on_the_patient_is_a_candidate_unless_it_points_to_someone_already_there():
    url = "http://hl7.org/fhir/StructureDefinition/patient-relatedPerson"
    linked = {"extension": [{"url": url, "valueReference": {"reference": "RelatedPerson/x"}}]}
    child = CHILD | {"contact": [{"name": {"text": "Opa Jan"}}, linked]}
    people = from_fhir([child, related("x")], patient_id="p").network.people
    assert [person.ref.reference for person in people] == ["RelatedPerson/x", "Patient/p#contact-0"]


def test_team_members_are_professionals_each_once():
    member = {"member": {"reference": "Practitioner/a", "display": "J. de Wit"}}
    team = {"resourceType": "CareTeam", "id": "t", "subject": {"reference": "Patient/p"}}
    past = {"member": {"reference": "Practitioner/b"}, "period": {"end": "2020"}}
    people = from_fhir([CHILD, team | {"participant": [member, member, past]}], patient_id="p").network.people
    assert [(person.ref.reference, person.name.text) for person in people] == [("Practitioner/a", "J. de Wit")]


@pytest.mark.parametrize("system", sorted(BSN_SYSTEMS))
def test_a_bsn_on_a_figure_is_an_error_that_does_not_repeat_it_and_never_reaches_the_model(system):
    body = related("s", **LABEL, identifier=[{"system": system, "value": "999990019"}])
    mapped = from_fhir([CHILD, body], patient_id="p")
    (issue,) = mapped.report
    assert (issue.code, issue.expression) == ("sf-1", "RelatedPerson.identifier[0]")
    assert "999990019" not in repr(mapped)
    assert mapped.network.figures[0].identifiers == ()


def test_unknown_codes_and_modifier_extensions_are_kept_and_reported():
    body = related(
        "s",
        extension=[*LABEL["extension"], {"url": Extensions.SUPPORTS, "valueCode": "pet"}],
        modifierExtension=[{"url": "https://vendor.example/x", "valueBoolean": True}],
    )
    mapped = from_fhir([CHILD, body], patient_id="p")
    assert codes_of(mapped.report) == ["modifier-extension-kept", "unknown-code-kept"]
    assert body in [entry["resource"] for entry in to_fhir(mapped.network)["entry"]]


def test_a_repr_of_a_network_shows_no_name_and_no_number():
    body = related(
        "s",
        **LABEL,
        name=[{"text": "Sam Zwart"}],
        telecom=[{"system": "phone", "value": "0612345678"}],
        address=[{"city": "Delft", "line": ["Markt 1"]}],
    )
    shown = repr(from_fhir([CHILD | {"birthDate": "2018-03-01"}, body], patient_id="p"))
    for secret in ("Sam", "Zwart", "0612345678", "Delft", "Markt", "2018"):
        assert secret not in shown


def test_typed_models_are_read_like_their_json():
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": CHILD}, {"resource": related("s", **LABEL)}],
    }
    typed = Bundle.model_validate(bundle)
    assert from_fhir(typed).network == from_fhir(bundle).network


def test_a_koppeltaal_related_person_is_a_candidate_until_somebody_names_them():
    profile = "http://koppeltaal.nl/fhir/StructureDefinition/KT2RelatedPerson"
    body = related(
        "kt2",
        codes=[(V3_ROLE_CODE, "DAUC"), (ROL_VEKTIS, "23")],
        meta={"profile": [profile]},
        identifier=[{"system": "https://irma.app", "value": "1"}],
        name=[{"text": "M. Buurvrouw"}],
        gender="female",
        birthDate="1980-07-29",
    )
    network = from_fhir([CHILD, body], patient_id="p").network
    assert not network.figures
    assert [person.standing for person in network.people] == [Standing.CANDIDATE]


HELPING = [{"coding": [{"system": CodeSystems.INVOLVEMENT, "code": "execution"}]}]


def team_with(member, subject="Patient/p"):
    place = {"member": {"reference": member}, "role": HELPING}
    return {"resourceType": "CareTeam", "id": "t", "subject": {"reference": subject}, "participant": [place]}


@pytest.mark.parametrize("asked", [{"base": OURS}, {}])
def test_a_place_in_the_team_of_somebody_of_another_server_with_the_same_id_is_not_our_figures(asked):
    team = team_with(f"{THEIRS}/RelatedPerson/s")
    network = from_fhir([CHILD, related("s", **LABEL), team], patient_id="p", **asked).network
    assert network.figure("s").engagement is None
    engaged = replace(network.figure("s"), engagement=Engagement(functions=(Function.PRACTICAL,)))
    after = replace(network, figures=(engaged,))
    (body,) = [
        entry["resource"] for entry in to_fhir(after)["entry"] if entry["resource"]["resourceType"] == "CareTeam"
    ]
    assert body["participant"][0] == team["participant"][0]
    assert body["participant"][1]["member"]["reference"] == "RelatedPerson/s"


@pytest.mark.parametrize("source", [[CHILD], [bundle(CHILD)]])
@pytest.mark.parametrize("member", [f"{OURS}/RelatedPerson/s", "RelatedPerson/s/_history/4"])
def test_a_place_of_our_own_figure_is_theirs_also_where_it_is_named_in_full(member, source):
    asked = {"base": OURS} if source == [CHILD] else {}
    network = from_fhir([*source, related("s", **LABEL), team_with(member)], patient_id="p", **asked).network
    assert network.figure("s").engagement is not None
    gone = replace(network, figures=(replace(network.figure("s"), engagement=None),))
    (body,) = [entry["resource"] for entry in to_fhir(gone)["entry"] if entry["resource"]["resourceType"] == "CareTeam"]
    assert "participant" not in body


def test_a_tie_of_somebody_of_another_server_with_the_same_id_is_not_our_figures():
    tie = new_tie(Tie(quality=TieQuality.CLOSE), patient=Ref(reference="Patient/p"), figure=Ref(reference="x"))
    theirs = {**tie, "id": "o", "focus": [{"reference": f"{THEIRS}/RelatedPerson/s"}]}
    network = from_fhir([CHILD, related("s", **LABEL), theirs], patient_id="p", base=OURS).network
    assert network.figure("s").ties == ()
    ours = {**theirs, "focus": [{"reference": f"{OURS}/RelatedPerson/s"}]}
    network = from_fhir([CHILD, related("s", **LABEL), ours], patient_id="p", base=OURS).network
    assert len(network.figure("s").ties) == 1
