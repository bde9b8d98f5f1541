"""The degradation matrix of docs/sync.md, row by row: what each kind of EHR gets that no other does."""

from __future__ import annotations

from typing import Any

import pytest
from sync_desk import row

from fhir_plugin.ehr import FhirClient
from fhir_plugin.errors import EhrForbidden
from fhir_plugin.model.terms import CONSENT_IDENTIFIER, FIGURE_IDENTIFIER
from fhir_plugin.sync.applying.ways.tasks import own_identifier


def test_without_access_nothing_can_be_planned_and_the_error_says_so(play: Any) -> None:
    with pytest.raises(EhrForbidden):
        play("no access").desk.plan([row()])


def test_read_only_everything_is_on_the_work_list_until_the_ehr_shows_it(play: Any) -> None:
    played = play("read-only")
    assert played.states(played.row()) == [("to-enter", "sync-to-enter")]
    (item,) = played.worklist()
    assert {change["element"] for change in item.content["plan"]["figures"][0]["changes"]} >= {
        "name.own_name",
        "telecoms",
    }
    body = next(body for body in item.content["resources"] if body["resourceType"] == "RelatedPerson")
    with played.unhindered() as eyes:
        eyes.create({key: value for key, value in body.items() if key != "identifier"})
    played.states(row(played.number, "F1", **dict.fromkeys(("Functie", "Inzet"), "")))
    assert played.worklist() == []


def test_create_only_changes_go_to_the_work_list_and_nothing_is_posted_twice(play: Any) -> None:
    played = play("create only")
    played.states(played.row())
    assert played.states(played.row("changed")) == [("to-enter", "sync-to-enter")]
    (item,) = played.worklist()
    assert [change["element"] for change in item.content["plan"]["figures"][0]["changes"]] == ["telecoms"]
    assert len(played.held("RelatedPerson")) == 1
    assert [step.code for step in played.desk.undo(played.desk.last_run() - 1)] == ["sync-undo-by-hand"]
    assert played.states(played.row("withdrawn")) == [("to-enter", "sync-to-enter")]
    assert played.worklist()[0].content["plan"]["figures"][0]["consent"] == "withdraw"


def test_patch_only_an_edit_in_the_meantime_is_a_conflict_and_stays(play: Any) -> None:
    played = play("PATCH only")
    played.states(played.row())
    played.desk.plan([played.row("changed")])
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        eyes.update({**figure, "telecom": [{"system": "phone", "value": "+31201234567"}]})
    assert [step.state for step in played.desk.apply()] == ["changed"]
    assert played.held("RelatedPerson")[0]["telecom"] == [{"system": "phone", "value": "+31201234567"}]


def test_without_if_match_the_lost_update_window_is_reported(play: Any) -> None:
    played = play("update, no If-Match")
    played.states(played.row())
    assert played.desk.noticed() == {}
    played.states(played.row("changed"))
    assert played.desk.noticed() == {"lost-update-window": 1}


def test_without_conditions_a_double_is_put_in_quarantine_and_nothing_more_is_written(play: Any) -> None:
    played = play("no conditional operations")
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        double = eyes.create({key: value for key, value in figure.items() if key not in ("id", "meta")})
    versions = played.versions()
    assert [code for _, code in played.states(played.row("changed"))] == ["sync-quarantine"]
    assert played.versions() == versions
    with played.unhindered() as eyes:
        eyes.update({**eyes.read("RelatedPerson", double.id), "active": False})
    assert played.states(played.row("changed")) == [("done", "")]


def test_without_consents_the_consent_is_kept_here_and_a_document_tells_of_it(play: Any) -> None:
    played = play("no Consent")
    played.states(played.row())
    (consent,) = played.kept("Consent")
    assert consent["status"] == "active"
    (document,) = played.held("DocumentReference")
    assert document["type"]["coding"][0]["code"] == "64292-6"
    assert document["identifier"][0]["system"] == CONSENT_IDENTIFIER
    assert document["status"] == "current"
    played.states(played.row("withdrawn"))
    assert [body["status"] for body in played.kept("Consent")] == ["inactive"]
    assert [body["status"] for body in played.held("DocumentReference")] == ["superseded"]


def test_without_care_team_writes_the_person_is_in_the_ehr_and_the_place_in_the_team_is_kept_here(play: Any) -> None:
    played = play("no CareTeam write")
    played.states(played.row())
    assert played.held("CareTeam") == []
    (figure,) = played.held("RelatedPerson")
    assert figure["relationship"]
    (team,) = played.kept("CareTeam")
    assert team["participant"][0]["member"]["reference"].endswith(figure["id"])


def test_without_related_person_writes_a_contact_is_proposed_and_never_written(play: Any) -> None:
    played = play("no RelatedPerson write")
    assert played.states(played.row()) == [("to-enter", "sync-to-enter")]
    (item,) = played.worklist()
    (contact,) = item.content["contacts"]
    assert contact["name"]["family"] == "Amrani"
    assert contact["telecom"][0]["value"] == "+31612345601"
    with played.unhindered() as eyes:
        assert "contact" not in eyes.read("Patient", played.child)
    assert played.held("Consent") == played.held("CareTeam") == []


def test_server_assigned_ids_are_remembered_and_found_again_without_our_identifier(play: Any) -> None:
    played = play("server-assigned ids")
    played.states(played.row())
    (figure,) = played.held("RelatedPerson")
    with played.unhindered() as eyes:
        kept = [item for item in figure["identifier"] if item["system"] != FIGURE_IDENTIFIER]
        eyes.update({**figure, "identifier": kept})
    played.states(played.row("changed"))
    found = list(played.eyes.search("RelatedPerson", {"patient": f"Patient/{played.child}"}))
    assert len(found) == 2
    assert "+31612345677" in str(next(body for body in found if body["id"] == figure["id"]))


def test_stu3_resources_are_written_as_stu3(play: Any) -> None:
    played = play("STU3")
    played.states(played.row())
    raw = FhirClient(played.sandbox.issuer)
    subject = {"patient": f"Patient/{played.child}"}
    (team,) = raw.search("CareTeam", subject)
    assert all(isinstance(item["role"], dict) for item in team["participant"])
    (consent,) = raw.search("Consent", subject)
    assert consent["except"][0]["type"] == "permit"
    figures = [body for body in raw.search("RelatedPerson", subject) if own_identifier(body)]
    assert isinstance(figures[0]["relationship"], dict)


def test_an_stu3_ehr_is_given_every_relationship_of_a_person(play: Any) -> None:
    played = play("STU3")
    assert played.states(played.row(Relatie="tante en pleegmoeder")) == [("done", "")]
    (figure,) = played.held("RelatedPerson")
    assert {coding["code"] for concept in figure["relationship"] for coding in concept["coding"]} >= {"AUNT", "MTHFOST"}
    versions = played.versions()
    played.states(played.row(Relatie="tante en pleegmoeder"))
    assert played.versions() == versions
