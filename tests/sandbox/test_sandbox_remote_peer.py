"""A FHIR server no one here wrote as the sandbox's store: the PyPI package sekmet-fhir."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sandbox_support import BASE, Ehr, ids

sys.path.insert(0, str(Path(__file__).parents[1] / "ehr"))  # it is started there, once per run
from ehr_servers import sekmet_server


@pytest.fixture(scope="module")
def ehr():
    return Ehr(fhir_base=sekmet_server().base_url, seed=True)


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
