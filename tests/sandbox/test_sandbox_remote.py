"""Another FHIR server as the store: everything works through it, and the scopes hold in front of it."""

from __future__ import annotations

import pytest
from sandbox_support import BASE, Ehr, ids

from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox


@pytest.fixture(scope="module")
def elsewhere():
    """A FHIR server of its own on loopback, open and empty."""
    with running_sandbox(SandboxSettings(seed=False, open_access=True)) as other:
        yield other


@pytest.fixture(scope="module")
def ehr(elsewhere):
    return Ehr(fhir_base=elsewhere.issuer, seed=True)


@pytest.fixture(scope="module")
def noor(ehr):
    return ehr.token("noor")["access_token"]


def test_the_other_server_is_seeded_and_shows_in_the_pages(ehr):
    ehr.sign_in()
    assert "Noor" in ehr.http.get("/children", base_url=BASE).text
    assert "noor-tante-sam" in ehr.http.get("/children/noor/stored", base_url=BASE).text


def test_its_urls_never_show(ehr, noor, elsewhere):
    for path in ("Patient/noor", "RelatedPerson?_count=2", "RelatedPerson/noor-moeder/_history", "metadata"):
        assert elsewhere.base_url not in ehr.fhir("GET", path, noor).text


@pytest.mark.parametrize("place", ["Patient/daan", "RelatedPerson/daan-moeder", "RelatedPerson/daan-moeder/_history"])
def test_another_record_is_not_found(ehr, noor, place):
    assert ehr.fhir("GET", place, noor).status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Patient", {"noor"}),
        ("Patient?_id=daan", set()),
        ("RelatedPerson?patient=daan", set()),
        ("RelatedPerson?relationship=FTH", {"noor-vader"}),
        ("Person?link=RelatedPerson/mila-steungezin", set()),
        ("Provenance?target=RelatedPerson/noor-turnjuf", {"noor-turnjuf-herkomst"}),
        ("Provenance?target=RelatedPerson/daan-opa-henk", set()),
        ("CareTeam?_include=CareTeam:patient", {"noor-netwerk", "noor"}),
    ],
)
def test_searches_show_one_record_only(ehr, noor, query, expected):
    answer = ehr.fhir("GET", query, noor)
    assert answer.status_code == 200, answer.text
    assert set(ids(answer)) == expected


def test_a_total_never_counts_other_records(ehr, noor):
    assert ehr.fhir("GET", "RelatedPerson?_summary=count", noor).json["total"] == 5
    assert "total" not in ehr.fhir("GET", "Provenance?_summary=count", noor).json


def test_pages_go_on_through_us_and_belong_to_the_asker(ehr, noor):
    first = ehr.fhir("GET", "RelatedPerson?_count=2", noor).json
    following = next(link["url"] for link in first["link"] if link["relation"] == "next").removeprefix(f"{BASE}/fhir")
    assert len(ids(ehr.fhir("GET", following, noor))) == 2
    assert ehr.fhir("GET", following, ehr.token("daan")["access_token"]).status_code == 410


def test_writes_go_through_with_their_conditions(ehr, noor):
    aunt = ehr.fhir("GET", "RelatedPerson/noor-tante-sam", noor).json
    changed = {**aunt, "gender": "other"}
    assert ehr.fhir("PUT", "RelatedPerson/noor-tante-sam", noor, changed, If_Match='W/"9"').status_code == 412
    answer = ehr.fhir("PUT", "RelatedPerson/noor-tante-sam", noor, changed, If_Match='W/"1"')
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "RelatedPerson", {"patient": {"reference": "Patient/daan"}}, 403),
        ("PUT", "RelatedPerson/daan-opa-henk", {"id": "daan-opa-henk", "patient": {"reference": "Patient/noor"}}, 404),
        ("PUT", "RelatedPerson/noor-turnjuf", {"id": "noor-turnjuf", "patient": {"reference": "Patient/daan"}}, 403),
        ("DELETE", "RelatedPerson/daan-opa-henk", None, 404),
        ("DELETE", "RelatedPerson?_id=daan-opa-henk", None, 404),
        ("PUT", "RelatedPerson?_id=daan-opa-henk", {"patient": {"reference": "Patient/daan"}}, 403),
    ],
)
def test_nothing_is_written_outside_the_record(ehr, noor, method, path, body, status):
    sent = {"resourceType": "RelatedPerson", **body} if body else None
    assert ehr.fhir(method, path, noor, sent).status_code == status
    system = ehr.backend_token().json["access_token"]
    assert ehr.fhir("GET", "RelatedPerson/daan-opa-henk", system).json["meta"]["versionId"] == "1"


def transaction(*entries):
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def posted(kind, full_url, **body):
    return {"fullUrl": full_url, "resource": {"resourceType": kind, **body}, "request": {"method": "POST", "url": kind}}


def test_a_transaction_within_the_record_is_done_as_one(ehr, noor):
    body = transaction(
        posted("RelatedPerson", "urn:uuid:a", patient={"reference": "Patient/noor"}, name=[{"text": "nieuw"}]),
        posted("Provenance", "urn:uuid:b", target=[{"reference": "urn:uuid:a"}]),
    )
    answer = ehr.fhir("POST", "", noor, body)
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["201", "201"]
    assert all(entry["response"]["location"].startswith(f"{BASE}/fhir/") for entry in answer.json["entry"])


def test_a_transaction_with_one_foot_outside_writes_nothing(ehr, noor):
    body = transaction(
        posted("RelatedPerson", "urn:uuid:a", patient={"reference": "Patient/noor"}, name=[{"text": "half"}]),
        posted("Provenance", "urn:uuid:b", target=[{"reference": "RelatedPerson/daan-opa-henk"}]),
    )
    answer = ehr.fhir("POST", "", noor, body)
    assert answer.status_code == 403
    assert "Bundle.entry[1]" in answer.json["issue"][0]["diagnostics"]
    assert ehr.fhir("GET", "RelatedPerson?name=half", noor).json["total"] == 0


def test_a_condition_never_looks_in_another_record(ehr, noor):
    family = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/noor"}, "name": [{"text": "nieuw"}]}
    answer = ehr.fhir("PUT", "RelatedPerson?name=Henk", noor, family)
    assert answer.status_code == 201
    assert ehr.fhir("POST", "RelatedPerson", noor, family, If_None_Exist="name=Anja").status_code == 201
    body = transaction({"request": {"method": "DELETE", "url": "RelatedPerson?name=Henk"}})
    assert ehr.fhir("POST", "", noor, body).status_code == 404


def test_a_server_that_is_away_is_a_clear_502():
    ehr = Ehr(fhir_base="http://127.0.0.1:9/fhir", seed=False, open_access=True)
    answer = ehr.fhir("GET", "Patient/noor")
    assert answer.status_code == 502
    assert answer.json["resourceType"] == "OperationOutcome"
