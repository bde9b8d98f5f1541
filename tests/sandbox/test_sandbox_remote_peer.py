"""A FHIR server no one here wrote as the sandbox's store: the PyPI package sekmet-fhir."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sandbox_support import BASE, Ehr, ids

sys.path.insert(0, str(Path(__file__).parents[1] / "ehr"))  # how to start it is known there
from ehr_servers import sekmet_server


@pytest.fixture(scope="module")
def ehr():
    alone = sekmet_server.__wrapped__()  # the contract suite fills the shared one with children of its own
    return Ehr(fhir_base=alone.base_url, seed=True)


def test_it_is_seeded_and_shows_in_the_pages(ehr):
    ehr.sign_in()
    assert "Noor Yilmaz" in ehr.http.get("/children", base_url=BASE).text
    assert "noor-tante-sam" in ehr.http.get("/children/noor/stored", base_url=BASE).text


def test_an_app_reads_and_writes_one_record_through_us(ehr):
    token = ehr.token("noor")["access_token"]
    assert ids(ehr.fhir("GET", "Patient", token)) == ["noor"]
    assert set(ids(ehr.fhir("GET", "RelatedPerson?patient=noor&relationship=FTH", token))) == {"noor-vader"}
    assert ids(ehr.fhir("GET", "RelatedPerson?patient=daan", token)) == []
    assert ehr.fhir("GET", "RelatedPerson/daan-opa-henk", token).status_code == 404
    aunt = ehr.fhir("GET", "RelatedPerson/noor-tante-sam", token).json
    stale = ehr.fhir("PUT", "RelatedPerson/noor-tante-sam", token, {**aunt, "gender": "other"}, If_Match='W/"99"')
    assert stale.status_code in (409, 412)
    answer = ehr.fhir("PUT", "RelatedPerson/noor-tante-sam", token, {**aunt, "gender": "other"}, If_Match='W/"1"')
    assert answer.status_code == 200
    outside = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/daan"}}
    assert ehr.fhir("POST", "RelatedPerson", token, outside).status_code == 403


def test_versions_of_another_record_under_the_same_id_stay_hidden(ehr):
    """That server lets an id be taken over after a deletion; we cannot forbid that there, but we hide the past."""
    system = ehr.backend_token().json["access_token"]
    token = ehr.token("noor")["access_token"]
    theirs = {
        "resourceType": "Task",
        "id": "t",
        "status": "draft",
        "intent": "plan",
        "for": {"reference": "Patient/daan"},
    }
    assert ehr.fhir("PUT", "Task/t", system, theirs).status_code == 201
    assert ehr.fhir("DELETE", "Task/t", system).status_code in (200, 204)
    mine = {**theirs, "for": {"reference": "Patient/noor"}}
    assert ehr.fhir("PUT", "Task/t", token, mine).status_code in (200, 201)
    history = ehr.fhir("GET", "Task/t/_history", token)
    assert history.status_code == 200
    assert "Patient/noor" in history.text
    assert "daan" not in history.text
    assert ehr.fhir("GET", "Task/t/_history/1", token).status_code == 404
