"""A token for one child never shows, changes or betrays anything of another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_support import BASE, Ehr, ids

CHILDREN = ("bram", "daan", "finn", "lotte", "mila", "sem", "yara")
TYPES = ("Patient", "RelatedPerson", "CareTeam", "Consent", "Observation", "Provenance", "Person", "Task", "AuditEvent")


@pytest.fixture(scope="module")
def noor():
    """A sandbox and a token for Noor's record that may do everything in it."""
    ehr = Ehr()
    return ehr, ehr.token("noor")["access_token"]


def mentions_others(answer) -> bool:
    text = answer.text
    return any(f'"{child}' in text or f"/{child}" in text for child in CHILDREN)


@pytest.mark.parametrize("kind", TYPES)
def test_a_search_without_criteria_shows_one_record_only(noor, kind):
    ehr, token = noor
    answer = ehr.fhir("GET", f"{kind}?_count=1000", token)
    assert answer.status_code == 200
    assert not mentions_others(answer)


@pytest.mark.parametrize(
    "query",
    [
        "RelatedPerson?patient=daan",
        "RelatedPerson?_id=daan-moeder",
        "RelatedPerson?patient.name=daan",
        "RelatedPerson?patient:Patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn|",
        "Patient?_id=daan,noor",
        "CareTeam?participant=RelatedPerson/daan-coach-youssef",
        "CareTeam?_include=CareTeam:participant&_revinclude=Provenance:target",
        "Patient?_revinclude=RelatedPerson:patient&_revinclude:iterate=Person:link&_include:iterate=Person:link",
        "Person?link=RelatedPerson/mila-steungezin",
        "Practitioner?_revinclude=PractitionerRole:practitioner&_revinclude:iterate=CareTeam:participant",
        "Organization?_revinclude=Patient:organization",
    ],
)
def test_no_query_reaches_another_record(noor, query):
    ehr, token = noor
    answer = ehr.fhir("GET", query, token)
    assert answer.status_code == 200, answer.text
    assert not [name for name in ids(answer) if name.startswith(CHILDREN)]


@pytest.mark.parametrize(
    ("criteria", "found"),
    [("name=Youssef", 0), ("_id=daan-coach-youssef", 0), ("patient.name=daan", 0), ("_id=noor-tante-sam", 1)],
)
def test_a_chain_tells_nothing_of_another_record_that_ones_own_refers_to(ehr, criteria, found):
    token = ehr.token("noor")["access_token"]
    members = [{"member": {"reference": "RelatedPerson/daan-coach-youssef"}}]
    team = {"resourceType": "CareTeam", "subject": {"reference": "Patient/noor"}, "participant": members}
    assert ehr.fhir("POST", "CareTeam", token, team).status_code == 201
    answer = ehr.fhir("GET", f"CareTeam?participant:RelatedPerson.{criteria}", token)
    assert (answer.status_code, answer.json["total"]) == (200, found)


def test_a_chain_asks_nothing_of_a_type_without_a_scope(ehr):
    token = ehr.token("noor", scope="launch patient/RelatedPerson.rs")["access_token"]
    assert ehr.fhir("GET", "RelatedPerson?patient=noor", token).json["total"]
    assert ehr.fhir("GET", "RelatedPerson?patient.birthdate=gt2000", token).status_code == 403


def test_a_condition_on_a_type_without_a_scope_does_not_tell_whether_anybody_has_an_identifier(ehr):
    system = "https://zandkasteel.example/clientnummer"
    known = ehr.fhir("GET", f"Patient?identifier={system}|", ehr.token("daan")["access_token"]).json["entry"][0]
    (number,) = [item["value"] for item in known["resource"]["identifier"] if item["system"] == system]
    token = ehr.token("noor", scope="launch patient/RelatedPerson.cruds")["access_token"]
    answers = []
    for value in (number, "nobody"):
        aunt = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient?identifier={system}|{value}"}}
        entry = {"resource": aunt, "request": {"method": "POST", "url": "RelatedPerson"}}
        body = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        answer = ehr.fhir("POST", "", token, body)
        answers.append((answer.status_code, answer.json))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


def test_post_search_is_no_back_door(noor):
    ehr, token = noor
    for kind in ("RelatedPerson", "Patient", "Consent"):
        answer = ehr.browser().post(
            f"/fhir/{kind}/_search",
            data={"_id": "daan,daan-moeder,daan-opa-henk-toestemming-1"},
            headers={"Authorization": f"Bearer {token}"},
            base_url=BASE,
        )
        assert answer.json["total"] == 0


@pytest.mark.parametrize("place", ["Patient/daan", "RelatedPerson/daan-moeder", "CareTeam/daan-netwerk"])
def test_another_record_looks_the_same_as_one_that_does_not_exist(noor, place):
    ehr, token = noor
    kind = place.split("/")[0]
    for path in (place, f"{place}/_history", f"{place}/_history/1"):
        missing = ehr.fhir("GET", path.replace(place, f"{kind}/nobody"), token)
        other = ehr.fhir("GET", path, token)
        assert (other.status_code, other.json) == (missing.status_code, missing.json)
        assert other.status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_record_cannot_be_written(noor, method):
    ehr, token = noor
    body = {"resourceType": "RelatedPerson", "id": "daan-opa-henk", "patient": {"reference": "Patient/noor"}}
    headers = {"Authorization": f"Bearer {token}"}
    if method == "PATCH":
        operations = [{"op": "replace", "path": "/patient/reference", "value": "Patient/noor"}]
        headers["Content-Type"] = "application/json-patch+json"
        answer = ehr.browser().patch(
            "/fhir/RelatedPerson/daan-opa-henk", data=json.dumps(operations), headers=headers, base_url=BASE
        )
    else:
        answer = ehr.fhir(method, "RelatedPerson/daan-opa-henk", token, body if method == "PUT" else None)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/daan"}},
        {"resourceType": "RelatedPerson", "patient": {"display": "nobody"}},
        {"resourceType": "RelatedPerson"},
        {"resourceType": "Consent", "patient": {"reference": f"{BASE}/fhir/Patient/daan"}},
        {"resourceType": "Provenance", "target": [{"reference": "RelatedPerson/daan-opa-henk"}]},
        {
            "resourceType": "Provenance",
            "target": [{"reference": "RelatedPerson/noor-moeder"}, {"reference": "RelatedPerson/daan-opa-henk"}],
        },
        {"resourceType": "Patient", "name": [{"text": "a new child"}]},
        {"resourceType": "Practitioner", "name": [{"text": "a new professional"}]},
    ],
    ids=lambda body: body["resourceType"],
)
def test_nothing_can_be_created_outside_the_record(noor, body):
    ehr, token = noor
    answer = ehr.fhir("POST", body["resourceType"], token, body)
    assert answer.status_code == 403
    assert not mentions_others(answer)


def test_a_transaction_with_one_foot_in_another_record_writes_nothing(noor):
    ehr, token = noor
    entries = [
        {
            "request": {"method": "POST", "url": "RelatedPerson"},
            "resource": {
                "resourceType": "RelatedPerson",
                "name": [{"text": "halfway"}],
                "patient": {"reference": child},
            },
        }
        for child in ("Patient/noor", "Patient/daan")
    ]
    answer = ehr.fhir("POST", "", token, {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 403
    assert ehr.fhir("GET", "RelatedPerson?name=halfway", token).json["total"] == 0


def test_a_conditional_reference_finds_nobody_elsewhere(noor):
    ehr, token = noor
    entry = {
        "request": {"method": "POST", "url": "RelatedPerson"},
        "resource": {"resourceType": "RelatedPerson", "patient": {"reference": "Patient?_id=daan"}},
    }
    answer = ehr.fhir("POST", "", token, {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status_code == 412


def test_a_batch_reads_no_further_than_single_requests(noor):
    ehr, token = noor
    urls = ("Patient/daan", "RelatedPerson?patient=daan", "RelatedPerson/daan-moeder/_history/1")
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    answer = ehr.fhir("POST", "", token, {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert [entry["response"]["status"] for entry in answer.json["entry"]] == ["404", "200", "404"]
    assert answer.json["entry"][1]["resource"]["total"] == 0


def test_pages_belong_to_who_asked_for_the_first(noor):
    ehr, token = noor
    first = ehr.fhir("GET", "RelatedPerson?_count=2", token).json
    following = next(link["url"] for link in first["link"] if link["relation"] == "next").removeprefix(f"{BASE}/fhir")
    other = ehr.token("daan")["access_token"]
    assert ehr.fhir("GET", following, token).status_code == 200
    assert ehr.fhir("GET", following, other).status_code == 410


def test_the_id_of_something_deleted_is_not_taken_over_to_read_its_past(ehr):
    system = ehr.backend_token().json["access_token"]
    assert ehr.fhir("DELETE", "RelatedPerson/daan-opa-henk", system).status_code == 204
    token = ehr.token("noor")["access_token"]
    mine = {"resourceType": "RelatedPerson", "id": "daan-opa-henk", "patient": {"reference": "Patient/noor"}}
    assert ehr.fhir("PUT", "RelatedPerson/daan-opa-henk", token, mine).status_code == 404
    assert ehr.fhir("PUT", "RelatedPerson/daan-opa-henk", system, mine).status_code == 422
    again = {**mine, "patient": {"reference": "Patient/daan"}}
    assert ehr.fhir("PUT", "RelatedPerson/daan-opa-henk", system, again).status_code == 201
    for path in ("RelatedPerson/daan-opa-henk/_history", "RelatedPerson/daan-opa-henk/_history/1"):
        assert ehr.fhir("GET", path, token).status_code == 404


def test_a_figure_of_two_siblings_betrays_neither(ehr):
    token = ehr.token("mila")["access_token"]
    family = ehr.fhir("GET", "RelatedPerson/mila-steungezin", token)
    assert family.status_code == 200
    assert "finn" not in family.text
    assert ehr.fhir("GET", "Person?link=RelatedPerson/mila-steungezin", token).json["total"] == 0
    assert ehr.fhir("GET", "Person/anja-de-wit", token).status_code == 404


def test_user_scopes_of_a_youth_stay_within_their_own_record(ehr):
    token = ehr.token("lotte", user="lotte", scope="launch user/Patient.rs user/RelatedPerson.rs")["access_token"]
    assert ids(ehr.fhir("GET", "Patient", token)) == ["lotte"]
    assert ehr.fhir("GET", "RelatedPerson/noor-moeder", token).status_code == 404


def test_user_scopes_of_a_professional_reach_every_record(ehr):
    token = ehr.token("noor", scope="launch user/Patient.rs")["access_token"]
    assert len(ids(ehr.fhir("GET", "Patient", token))) == 8


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("patient/Patient.r", "GET", "Patient/noor", 200),
        ("patient/Patient.r", "GET", "Patient", 403),
        ("patient/Patient.s", "GET", "Patient", 200),
        ("patient/Patient.s", "GET", "Patient/noor", 403),
        ("patient/Patient.r", "GET", "RelatedPerson/noor-moeder", 403),
        ("patient/Patient.read", "GET", "Patient", 200),
        ("patient/Patient.read", "DELETE", "Patient/noor", 403),
        ("patient/RelatedPerson.rs", "DELETE", "RelatedPerson/noor-turnjuf", 403),
        ("patient/RelatedPerson.d", "DELETE", "RelatedPerson/noor-turnjuf", 204),
        ("patient/RelatedPerson.write", "DELETE", "RelatedPerson/noor-turnjuf", 204),
        ("patient/Practitioner.rs", "GET", "Practitioner/joke-de-vries", 200),
        ("patient/Practitioner.cruds", "DELETE", "Practitioner/joke-de-vries", 404),
        ("patient/Observation.rs?code=tie", "GET", "Observation/noor-tante-sam-band-1", 200),
        ("patient/Observation.rs?code=weight", "GET", "Observation/noor-tante-sam-band-1", 404),
        ("openid", "GET", "Patient/noor", 403),
    ],
)
def test_each_letter_of_a_scope_opens_what_it_stands_for(ehr, scope, method, path, status):
    token = ehr.token("noor", scope=f"launch {scope}")["access_token"]
    assert ehr.fhir(method, path, token).status_code == status


def test_without_a_token_nothing_is_told(ehr):
    answer = ehr.fhir("GET", "Patient/noor")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert ehr.fhir("GET", "Patient", "made-up").status_code == 401


def test_a_refresh_token_is_no_access_token(ehr):
    assert ehr.fhir("GET", "Patient", ehr.token()["refresh_token"]).status_code == 401


_PARAMS = st.sampled_from(
    [
        "_id=daan",
        "patient=daan",
        "patient:missing=true",
        "name=a",
        "name:contains=e",
        "_sort=-_lastUpdated",
        "_count=1000",
        "active=true",
        "active:not=true",
        "_include=*:*",
        "_include=Provenance:target",
        "_revinclude=Provenance:target",
        "_revinclude=Person:link",
        "_revinclude:iterate=RelatedPerson:patient",
        "_include:iterate=RelatedPerson:patient",
        "_include:iterate=Person:link",
        "target=RelatedPerson/daan-opa-henk",
        "subject=Patient/daan",
        "_elements=id",
        "patient.birthdate=lt2030",
        "_lastUpdated=gt2000",
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(TYPES), st.lists(_PARAMS, max_size=4))
def test_no_mix_of_parameters_shows_another_record(noor, kind, params):
    ehr, token = noor
    answer = ehr.fhir("GET", f"{kind}?{'&'.join(params)}", token)
    if answer.status_code == 200:
        assert not [name for name in ids(answer) if name.startswith(CHILDREN)]
    else:
        assert answer.status_code == 400
