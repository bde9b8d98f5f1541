"""Batches and transactions: references between entries, conditions, and all or nothing."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_support import Ehr


def entry(method, url, resource=None, full_url="", **conditions):
    found = {"request": {"method": method, "url": url, **conditions}}
    if resource is not None:
        found["resource"] = resource
    return {**found, "fullUrl": full_url} if full_url else found


def bundle(*entries, kind="transaction"):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def patient(**more):
    return {"resourceType": "Patient", **more}


def aunt(of, **more):
    return {"resourceType": "RelatedPerson", "patient": {"reference": of}, **more}


def everything(store):
    return {kind: store.fhir("GET", f"{kind}?_count=1000").json["total"] for kind in ("Patient", "RelatedPerson")}


def test_entries_refer_to_each_other_by_urn_wherever_they_stand(store):
    answer = store.fhir(
        "POST",
        "",
        body=bundle(
            entry("POST", "Provenance", {"resourceType": "Provenance", "target": [{"reference": "urn:uuid:aunt"}]}),
            entry("POST", "RelatedPerson", aunt("urn:uuid:child"), "urn:uuid:aunt"),
            entry("POST", "Patient", patient(), "urn:uuid:child"),
        ),
    )
    places = [item["response"]["location"].split("/fhir/")[1].split("/_history")[0] for item in answer.json["entry"]]
    provenance, related, child = (store.fhir("GET", place).json for place in places)
    assert provenance["target"][0]["reference"] == f"RelatedPerson/{related['id']}"
    assert related["patient"]["reference"] == f"Patient/{child['id']}"
    assert [item["response"]["status"] for item in answer.json["entry"]] == ["201"] * 3
    assert [item["response"]["etag"] for item in answer.json["entry"]] == ['W/"1"'] * 3


def test_a_reference_to_an_entry_that_is_not_there_undoes_everything(store):
    answer = store.fhir(
        "POST",
        "",
        body=bundle(entry("POST", "Patient", patient()), entry("POST", "RelatedPerson", aunt("urn:uuid:nobody"))),
    )
    assert answer.status_code == 400
    assert "Bundle.entry[1]" in answer.json["issue"][0]["diagnostics"]
    assert everything(store) == {"Patient": 0, "RelatedPerson": 0}


def test_a_stale_if_match_in_one_entry_undoes_all_others(store):
    store.fhir("PUT", "Patient/noor", body=patient(id="noor"))
    answer = store.fhir(
        "POST",
        "",
        body=bundle(
            entry("POST", "RelatedPerson", aunt("Patient/noor")),
            entry("PUT", "Patient/noor", patient(id="noor", active=True), ifMatch='W/"7"'),
        ),
    )
    assert answer.status_code == 412
    assert everything(store) == {"Patient": 1, "RelatedPerson": 0}
    assert store.fhir("GET", "Patient/noor").json["meta"]["versionId"] == "1"


def test_conditional_entries_are_judged_by_what_was_there_before(store):
    store.fhir("PUT", "Patient/noor", body=patient(id="noor", identifier=[{"system": "urn:x", "value": "1"}]))
    body = bundle(
        entry("POST", "Patient", patient(), "urn:uuid:child", ifNoneExist="identifier=urn:x|1"),
        entry("POST", "RelatedPerson", aunt("urn:uuid:child")),
        entry("POST", "RelatedPerson", aunt("Patient?identifier=urn:x|1")),
        entry("GET", "RelatedPerson?patient=noor"),
    )
    answer = store.fhir("POST", "", body=body)
    assert [item["response"]["status"] for item in answer.json["entry"]] == ["200", "201", "201", "200"]
    assert answer.json["entry"][3]["resource"]["total"] == 2
    assert everything(store) == {"Patient": 1, "RelatedPerson": 2}


@pytest.mark.parametrize("criteria", ["Patient?identifier=urn:x|2", "Patient?active=true"])
def test_a_conditional_reference_that_does_not_mean_exactly_one_undoes_everything(store, criteria):
    for name in ("a", "b"):
        store.fhir("PUT", f"Patient/{name}", body=patient(id=name, active=True))
    assert store.fhir("POST", "", body=bundle(entry("POST", "RelatedPerson", aunt(criteria)))).status_code == 412
    assert everything(store)["RelatedPerson"] == 0


def test_two_entries_never_write_the_same_resource(store):
    body = bundle(*(entry("PUT", "Patient/noor", patient(id="noor")) for _ in range(2)))
    assert store.fhir("POST", "", body=body).status_code == 400


def test_a_batch_goes_on_after_a_failure(store):
    body = bundle(
        entry("PUT", "Patient/noor", patient(id="noor")),
        entry("GET", "Patient/nobody"),
        entry("PUT", "Patient/noor", patient(id="noor"), ifMatch='W/"9"'),
        entry("GET", "Patient?_id=noor"),
        kind="batch",
    )
    answered = store.fhir("POST", "", body=body).json
    assert answered["type"] == "batch-response"
    assert [item["response"]["status"] for item in answered["entry"]] == ["201", "404", "412", "200"]
    assert answered["entry"][1]["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_deletes_come_before_creates(store):
    store.fhir("PUT", "Patient/noor", body=patient(id="noor"))
    body = bundle(
        entry("PUT", "Patient/daan", patient(id="daan")), entry("DELETE", "Patient/noor"), entry("GET", "Patient")
    )
    answered = store.fhir("POST", "", body=body).json
    assert answered["entry"][2]["resource"]["total"] == 1
    assert store.fhir("GET", "Patient/noor").status_code == 410


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Bundle", "type": "document"},
        {"resourceType": "Bundle", "type": "transaction", "entry": {}},
        {"resourceType": "Bundle", "type": "transaction", "entry": [{}]},
        {"resourceType": "Bundle", "type": "transaction", "entry": ["x"]},
        {"resourceType": "Bundle", "type": "transaction", "entry": [entry("TRACE", "Patient")]},
        {"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient/x/y/z", {})]},
    ],
    ids=str,
)
def test_a_bundle_that_cannot_be_read_is_refused_whole(store, body):
    assert store.fhir("POST", "", body=body).status_code == 400


def test_a_bundle_has_a_limit(store):
    body = bundle(*(entry("GET", "Patient") for _ in range(5001)))
    assert store.fhir("POST", "", body=body).status_code == 413


_STEP = st.sampled_from(["create", "update", "stale", "delete", "dangling", "wrong type"])


@settings(max_examples=40, deadline=None)
@given(st.lists(_STEP, min_size=1, max_size=6))
def test_a_transaction_is_all_or_nothing_whatever_is_in_it(steps):
    store = Ehr(seed=False, open_access=True)
    made = {
        "create": lambda i: entry("POST", "Patient", patient()),
        "update": lambda i: entry("PUT", f"Patient/p{i}", patient(id=f"p{i}", active=True), ifMatch='W/"1"'),
        "stale": lambda i: entry("PUT", f"Patient/p{i}", patient(id=f"p{i}"), ifMatch='W/"2"'),
        "delete": lambda i: entry("DELETE", f"Patient/p{i}"),
        "dangling": lambda i: entry("POST", "RelatedPerson", aunt("urn:uuid:nobody")),
        "wrong type": lambda i: entry("POST", "RelatedPerson", patient()),
    }
    for index in range(len(steps)):
        store.fhir("PUT", f"Patient/p{index}", body=patient(id=f"p{index}"))
    before = store.fhir("GET", "Patient?_count=1000").json
    answer = store.fhir("POST", "", body=bundle(*(made[step](index) for index, step in enumerate(steps))))
    bad = {"stale", "dangling", "wrong type"} & set(steps)
    assert (answer.status_code == 200) == (not bad)
    if bad:
        assert store.fhir("GET", "Patient?_count=1000").json == before


@pytest.mark.parametrize(
    "criteria", ["identifier=urn:x|1&colour=red", "identifier=urn:x|1&patient=,", "identifier:near=urn:x|1"]
)
def test_a_condition_that_is_not_understood_is_refused_though_nobody_has_its_identifier(store, criteria):
    body = bundle(entry("POST", "RelatedPerson", aunt("Patient/noor"), ifNoneExist=criteria))
    assert store.fhir("POST", "", body=body).status_code == 400


def test_a_condition_finds_what_an_entry_before_it_in_a_batch_has_made(store):
    made = {"identifier": [{"system": "urn:x", "value": "1"}]}
    entries = [
        entry("POST", "Patient", patient(**made), ifNoneExist=f"identifier={value}") for value in ("urn:x|1", "1")
    ]
    answered = store.fhir("POST", "", body=bundle(*entries, *entries, kind="batch")).json
    assert [item["response"]["status"] for item in answered["entry"]] == ["201", "200", "200", "200"]


def test_a_conditional_reference_finds_what_the_transaction_itself_made(store):
    known = patient(identifier=[{"system": "urn:x", "value": "1"}])
    body = bundle(entry("POST", "Patient", known), entry("POST", "RelatedPerson", aunt("Patient?identifier=urn:x|1")))
    assert store.fhir("POST", "", body=body).status_code == 200


def test_the_garbage_collector_works_again_after_a_bundle_also_one_that_is_refused(store):
    for body in (bundle(entry("POST", "Patient", patient())), {"resourceType": "Bundle", "type": "nothing"}):
        store.fhir("POST", "", body=body)
        assert gc.isenabled()
