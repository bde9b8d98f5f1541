"""The search index of the store: made anew for a file of an older layout, and untouched by what failed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sandbox_support import ids

OLDER_LAYOUT = """
DROP TABLE term; DROP TABLE date; DROP TABLE place; DROP TABLE compartment;
CREATE TABLE token (key, code); CREATE TABLE date (key, param, low, high); CREATE TABLE compartment (key, patient);
PRAGMA user_version = 0;
"""
ASKED = ("RelatedPerson?patient=bram", "Consent?date=ge2020&_sort=date", "Patient?name=yilm", "Provenance")


def provenance_of_noor(ehr):
    return ids(ehr.fhir("GET", "Provenance", ehr.token("noor")["access_token"]))


def test_a_store_of_an_older_layout_is_searched_like_a_new_one(make_ehr, tmp_path):
    file = str(tmp_path / "ehr.sqlite")
    first = make_ehr(database=file, open_access=True)
    first.fhir("DELETE", "RelatedPerson/bram-vader")
    before = [ids(first.fhir("GET", path)) for path in ASKED]
    in_record = provenance_of_noor(make_ehr(database=file, seed=False))
    assert all((*before, in_record))
    with closing(sqlite3.connect(file)) as old:
        old.executescript(OLDER_LAYOUT)
    second = make_ehr(database=file, open_access=True, seed=False)
    assert [ids(second.fhir("GET", path)) for path in ASKED] == before
    assert provenance_of_noor(make_ehr(database=file, seed=False)) == in_record


def test_a_system_first_met_in_a_transaction_that_failed_can_be_searched_for_later(store):
    new = {"resourceType": "Patient", "identifier": [{"system": "urn:new", "value": "1"}]}
    aunt = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient?identifier=urn:new|2"}}
    requests = [{"method": "POST", "url": kind} for kind in ("Patient", "RelatedPerson")]
    entries = [{"resource": body, "request": request} for body, request in zip((new, aunt), requests, strict=True)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert store.fhir("POST", "", body=bundle).status_code == 412
    for _ in range(2):
        store.fhir("POST", "Patient", body=new, If_None_Exist="identifier=urn:new|1")
    assert len(ids(store.fhir("GET", "Patient?identifier=urn:new|1"))) == 1


def test_ids_that_are_given_out_later_sort_later(store):
    given = []
    for _ in range(20):
        given.append(store.fhir("POST", "Patient", body={"resourceType": "Patient"}).json["id"])
        store.clock.forward(milliseconds=1)
    assert given == sorted(given)
