"""Reading and writing single resources, as https://hl7.org/fhir/R4/http.html says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

NOOR = {"resourceType": "Patient", "name": [{"family": "Yılmaz"}], "birthDate": "2018-03-04"}


def created(store, body=NOOR):
    answer = store.fhir("POST", body["resourceType"], body=body)
    assert answer.status_code == 201, answer.text
    return answer


def test_create_gives_an_id_a_version_and_a_location(store):
    answer = created(store, {**NOOR, "id": "my-own"})
    assert answer.json["id"] != "my-own"
    assert answer.json["meta"]["versionId"] == "1"
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Location"].endswith(f"/fhir/Patient/{answer.json['id']}/_history/1")
    assert answer.headers["Last-Modified"].endswith("GMT")
    assert answer.mimetype == "application/fhir+json"


def test_everything_sent_is_kept_in_the_order_it_was_sent(store):
    body = {**NOOR, "extension": [{"url": "urn:x", "valueDecimal": 1.10}], "_birthDate": {"id": "b"}}
    read = store.fhir("GET", f"Patient/{created(store, body).json['id']}").json
    assert {name: value for name, value in read.items() if name not in ("id", "meta")} == body
    assert list(read)[3:] == list(body)[1:]


def test_update_makes_a_version_and_history_keeps_all_of_them(store):
    identity = created(store).json["id"]
    second = {**NOOR, "id": identity, "gender": "female"}
    assert store.fhir("PUT", f"Patient/{identity}", body=second).headers["ETag"] == 'W/"2"'
    assert "gender" not in store.fhir("GET", f"Patient/{identity}/_history/1").json
    history = store.fhir("GET", f"Patient/{identity}/_history").json
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    assert store.fhir("GET", f"Patient/{identity}/_history/3").status_code == 404


def test_update_creates_where_nothing_was(store):
    answer = store.fhir("PUT", "Patient/noor", body={**NOOR, "id": "noor"})
    assert answer.status_code == 201
    assert answer.json["id"] == "noor"


@pytest.mark.parametrize(("etag", "status"), [('W/"1"', 200), ('"1"', 200), ('W/"2"', 412), ("*", 412), ("", 412)])
def test_if_match_lets_only_the_current_version_be_changed(store, etag, status):
    identity = created(store).json["id"]
    answer = store.fhir("PUT", f"Patient/{identity}", body={**NOOR, "id": identity, "active": True}, If_Match=etag)
    assert answer.status_code == status
    assert store.fhir("GET", f"Patient/{identity}").json["meta"]["versionId"] == ("2" if status == 200 else "1")


def test_if_match_on_something_that_is_not_there_fails(store):
    answer = store.fhir("PUT", "Patient/noor", body={**NOOR, "id": "noor"}, If_Match='W/"1"')
    assert answer.status_code == 412


def test_if_none_match_star_only_creates(store):
    store.fhir("PUT", "Patient/noor", body={**NOOR, "id": "noor"})
    assert store.fhir("PUT", "Patient/noor", body={**NOOR, "id": "noor"}, If_None_Match="*").status_code == 412


def test_a_read_of_an_unchanged_version_is_empty(store):
    identity = created(store).json["id"]
    answer = store.fhir("GET", f"Patient/{identity}", If_None_Match='W/"1"')
    assert answer.status_code == 304
    assert answer.data == b""


def test_create_if_none_exist_creates_once(store):
    body = {**NOOR, "identifier": [{"system": "urn:x", "value": "7"}]}
    answers = [store.fhir("POST", "Patient", body=body, If_None_Exist="identifier=urn:x|7") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json["id"] == answers[1].json["id"]


def test_create_if_none_exist_refuses_to_choose_between_two(store):
    body = {**NOOR, "identifier": [{"system": "urn:x", "value": "7"}]}
    created(store, body)
    created(store, body)
    assert store.fhir("POST", "Patient", body=body, If_None_Exist="identifier=urn:x|7").status_code == 412


def test_an_empty_condition_is_refused_because_it_would_mean_everything(store):
    assert store.fhir("POST", "Patient", body=NOOR, If_None_Exist="").status_code == 412
    assert store.fhir("PUT", "Patient", body=NOOR).status_code == 412
    assert store.fhir("DELETE", "Patient").status_code == 412


def test_conditional_update_creates_updates_and_refuses_to_choose(store):
    body = {**NOOR, "identifier": [{"system": "urn:x", "value": "7"}]}
    where = "Patient?identifier=urn:x|7"
    assert store.fhir("PUT", where, body=body).status_code == 201
    again = store.fhir("PUT", where, body={**body, "active": True})
    assert (again.status_code, again.json["meta"]["versionId"]) == (200, "2")
    created(store, body)
    assert store.fhir("PUT", where, body=body).status_code == 412


def test_json_patch_changes_what_it_says_under_if_match(store):
    identity = created(store).json["id"]
    operations = [{"op": "replace", "path": "/birthDate", "value": "2018-03-05"}]

    def patch(version: str, body: object):
        return store.browser().patch(
            f"/fhir/Patient/{identity}",
            json=body,
            headers={"Content-Type": "application/json-patch+json", "If-Match": version},
        )

    assert patch('W/"1"', operations).json["birthDate"] == "2018-03-05"
    assert patch('W/"1"', operations).status_code == 412
    assert patch('W/"2"', [{"op": "test", "path": "/birthDate", "value": "x"}]).status_code == 409
    assert patch('W/"2"', [{"op": "remove", "path": "/nothing"}]).status_code == 422
    assert patch('W/"2"', [{"op": "replace", "path": "/resourceType", "value": "Person"}]).status_code == 400
    assert patch('W/"2"', {"op": "remove"}).status_code == 400
    assert store.fhir("GET", f"Patient/{identity}").json["meta"]["versionId"] == "2"


def test_a_deleted_resource_is_gone_but_its_history_is_not(store):
    identity = created(store).json["id"]
    assert store.fhir("DELETE", f"Patient/{identity}").status_code == 204
    assert store.fhir("GET", f"Patient/{identity}").status_code == 410
    assert store.fhir("GET", "Patient").json["total"] == 0
    assert store.fhir("GET", f"Patient/{identity}/_history/1").status_code == 200
    assert store.fhir("PUT", f"Patient/{identity}", body={**NOOR, "id": identity}).headers["ETag"] == 'W/"3"'


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "Patient/nobody", None, 404),
        ("GET", "Banana/1", None, 404),
        ("GET", "Patient/1/$everything", None, 400),
        ("POST", "Patient", {"resourceType": "Person"}, 400),
        ("POST", "Patient", [], 400),
        ("POST", "Patient", {"resourceType": "Patient", "meta": "x"}, 422),
        ("PUT", "Patient/1", {"resourceType": "Patient", "id": "2"}, 400),
        ("PUT", "Patient/not_an_id", {"resourceType": "Patient", "id": "not_an_id"}, 400),
    ],
)
def test_what_cannot_be_is_an_operation_outcome(store, method, path, body, status):
    answer = store.fhir(method, path, body=body)
    assert answer.status_code == status
    assert answer.json["resourceType"] == "OperationOutcome"
    assert answer.json["issue"][0]["severity"] == "error"


def test_a_broken_body_is_named_by_line_and_column(store):
    answer = store.browser().post("/fhir/Patient", data='{\n "resourceType": }', content_type="application/fhir+json")
    assert answer.status_code == 400
    assert "line 2" in answer.json["issue"][0]["diagnostics"]


def test_only_json_is_spoken(store):
    http = store.browser()
    assert http.get("/fhir/Patient", headers={"Accept": "application/fhir+xml"}).status_code == 406
    assert http.get("/fhir/Patient?_format=xml").status_code == 406
    assert http.get("/fhir/Patient?_format=json", headers={"Accept": "text/html"}).status_code == 200
    assert http.post("/fhir/Patient", data="<Patient/>", content_type="application/fhir+xml").status_code == 415


def test_a_body_that_is_too_large_is_refused(make_ehr):
    store = make_ehr(seed=False, open_access=True, max_body=2000)
    answer = store.fhir("POST", "Patient", body={**NOOR, "language": "x" * 3000})
    assert answer.status_code == 413
    assert answer.json["issue"][0]["code"] == "too-long"


@pytest.mark.parametrize(
    ("prefer", "holds"), [("return=minimal", ""), ("return=OperationOutcome", "OperationOutcome"), ("", "Patient")]
)
def test_a_client_chooses_what_a_write_gives_back(store, prefer, holds):
    answer = store.fhir("POST", "Patient", body=NOOR, Prefer=prefer)
    assert answer.status_code == 201
    assert (answer.json["resourceType"] if answer.data else "") == holds


def test_a_resource_never_moves_to_another_record(store):
    for name in ("noor", "daan"):
        store.fhir("PUT", f"Patient/{name}", body={"resourceType": "Patient", "id": name})
    aunt = {"resourceType": "RelatedPerson", "id": "aunt", "patient": {"reference": "Patient/noor"}}
    store.fhir("PUT", "RelatedPerson/aunt", body=aunt)
    moved = {**aunt, "patient": {"reference": "Patient/daan"}}
    assert store.fhir("PUT", "RelatedPerson/aunt", body=moved).status_code == 422
    assert store.fhir("GET", "RelatedPerson/aunt").json["patient"] == aunt["patient"]


def test_the_capability_statement_says_what_is_there_and_is_open_to_all(ehr):
    statement = ehr.fhir("GET", "metadata").json
    types = {resource["type"]: resource for resource in statement["rest"][0]["resource"]}
    assert statement["fhirVersion"] == "4.0.1"
    assert {"name": "patient", "type": "reference"} in types["RelatedPerson"]["searchParam"]
    assert {item["code"] for item in statement["rest"][0]["interaction"]} == {"batch", "transaction"}
    assert "oauth-uris" in statement["rest"][0]["security"]["extension"][0]["url"]


def test_discovery_says_what_the_authorization_server_demands(ehr):
    found = ehr.fhir("GET", ".well-known/smart-configuration").json
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["issuer"] == "http://localhost:8400/fhir"
    assert {"launch-ehr", "permission-v2", "client-confidential-asymmetric"} <= set(found["capabilities"])
    openid = ehr.fhir("GET", ".well-known/openid-configuration").json
    assert openid["jwks_uri"] == found["jwks_uri"]


def test_a_store_on_disk_is_there_after_a_restart(make_ehr, tmp_path):
    file = str(tmp_path / "ehr.sqlite")
    first = make_ehr(database=file, open_access=True)
    first.fhir("PUT", "Patient/noor", body={**first.fhir("GET", "Patient/noor").json, "active": False})
    second = make_ehr(database=file, open_access=True)
    assert second.fhir("GET", "Patient/noor").json["meta"]["versionId"] == "2"
    assert second.fhir("GET", "Patient?_summary=count").json["total"] == 8


def test_of_many_who_change_one_version_at_once_exactly_one_wins(store):
    store.fhir("PUT", "Patient/noor", body={**NOOR, "id": "noor"})

    def change(number: int) -> int:
        body = {**NOOR, "id": "noor", "multipleBirthInteger": number}
        return store.fhir("PUT", "Patient/noor", body=body, If_Match='W/"1"').status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, range(16))) == [200] + [412] * 15
    assert store.fhir("GET", "Patient/noor").json["meta"]["versionId"] == "2"


def test_an_ehr_that_validates_takes_only_what_is_valid(make_ehr):
    ehr = make_ehr(open_access=True, validate=True)
    team = ehr.fhir("GET", "CareTeam/noor-netwerk").json
    assert ehr.fhir("PUT", "CareTeam/noor-netwerk", body=team).status_code == 200
    wrong = {**team, "status": "bogus"}
    answer = ehr.fhir("PUT", "CareTeam/noor-netwerk", body=wrong)
    assert answer.status_code == 422
    assert "CareTeam.status" in answer.json["issue"][0]["diagnostics"]
    entry = {"resource": wrong, "request": {"method": "PUT", "url": "CareTeam/noor-netwerk"}}
    answer = ehr.fhir("POST", "", body={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status_code == 422
    assert "Bundle.entry[0]" in answer.json["issue"][0]["diagnostics"]
