"""Each fault does what it says, and nothing happens without one."""

from __future__ import annotations

import pytest
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sandbox_support import BASE, Ehr, query_of

from fhir_plugin.errors import UsageError
from fhir_plugin.texts import LANGUAGES, catalogue
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.faults import FAULTS
from smart_app.sandbox.testing import running_sandbox

LISTED = [
    "no-nonce",
    "no-kid",
    "opaque-token",
    "changed-patient-on-refresh",
    "wrong-aud",
    "expired-id-token",
    "rotated-keys",
    "unknown-kid",
    "mix-up-iss",
    "slow",
    "401-mid-session",
    "429-retry-after",
    "500",
    "lost-response-after-write",
    "stale-if-match-ignored",
    "transaction-refused",
    "no-conditional",
    "no-consent",
    "no-care-team-write",
    "read-only",
    "drops-related-person-participants",
    "koppeltaal-noop",
    "no-access",
    "create-only",
    "patch-only",
    "no-if-match",
    "server-ids",
    "no-related-person-write",
    "stu3",
    "hides-safety-block",
]
AUNT = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/noor"}}


def keys_of(ehr):
    return KeySet.import_key_set(ehr.browser().get("/auth/jwks", base_url=BASE).json)


def id_token(ehr, token, keys=None):
    return jwt.decode(token["id_token"], keys or keys_of(ehr), algorithms=["RS256"])


def test_every_fault_of_the_design_exists_and_is_explained_in_both_languages():
    assert set(FAULTS) == set(LISTED)
    for language in LANGUAGES:
        assert {f"fault-{name}" for name in FAULTS} <= set(catalogue(language))


def test_a_fault_that_does_not_exist_is_named_with_those_that_do(ehr):
    with pytest.raises(UsageError, match=r"no-such-fault.*koppeltaal-noop"):
        Ehr(faults=frozenset({"no-such-fault"}))


def test_faults_are_switched_from_the_start_and_on_the_page():
    ehr = Ehr(faults=frozenset({"no-kid"}))
    page = ehr.http.get("/faults", base_url=BASE)
    form = {"fault": ["slow", "500"], "form_token": ehr.form_token(page)}
    assert ehr.http.post("/faults", data={**form, "form_token": "forged"}, base_url=BASE).status_code == 400
    assert ehr.parts.faults.names() == ("no-kid",)
    assert "Opgeslagen" in ehr.http.post("/faults", data=form, base_url=BASE).text
    assert ehr.parts.faults.names() == ("slow", "500")


def test_no_nonce(ehr):
    ehr.fault("no-nonce")
    assert "nonce" not in id_token(ehr, ehr.token(nonce="n")).claims


def test_no_kid(ehr):
    ehr.fault("no-kid")
    assert "kid" not in id_token(ehr, ehr.token(), keys_of(ehr).keys[0]).header


def test_opaque_token(ehr):
    assert ehr.token()["access_token"].count(".") == 2
    ehr.fault("opaque-token")
    token = ehr.token()["access_token"]
    assert token.count(".") == 0
    assert ehr.fhir("GET", "Patient/noor", token).status_code == 200


def test_changed_patient_on_refresh(ehr):
    token = ehr.token("noor")
    ehr.fault("changed-patient-on-refresh")
    fresh = ehr.refresh(token["refresh_token"]).json
    assert fresh["patient"] not in ("noor", None)
    assert ehr.fhir("GET", "Patient/noor", fresh["access_token"]).status_code == 404
    assert ehr.fhir("GET", f"Patient/{fresh['patient']}", fresh["access_token"]).status_code == 200


def test_wrong_aud(ehr):
    ehr.fault("wrong-aud")
    assert id_token(ehr, ehr.token()).claims["aud"] != "app"


def test_expired_id_token(ehr):
    ehr.fault("expired-id-token")
    assert id_token(ehr, ehr.token()).claims["exp"] < ehr.clock().timestamp() - 600


def test_rotated_keys(ehr):
    before = keys_of(ehr)
    ehr.fault("rotated-keys")
    token = ehr.token()
    with pytest.raises((JoseError, ValueError)):
        id_token(ehr, token, before)
    assert id_token(ehr, token).claims["aud"] == "app"


def test_unknown_kid(ehr):
    ehr.fault("unknown-kid")
    with pytest.raises((JoseError, ValueError)):
        id_token(ehr, ehr.token())


def test_mix_up_iss(ehr):
    ehr.fault("mix-up-iss")
    ehr.sign_in()
    assert query_of(ehr.authorize(launch=ehr.launch("noor")))["iss"] != f"{BASE}/fhir"


def test_slow():
    waited = []
    ehr = Ehr(pause=waited.append)
    token = ehr.token()["access_token"]
    assert waited == []
    ehr.fault("slow")
    ehr.fhir("GET", "Patient/noor", token)
    ehr.token()
    assert waited == [3.0, 3.0]


def test_401_mid_session(ehr):
    token = ehr.token()
    ehr.fault("401-mid-session")
    answers = [ehr.fhir("GET", "Patient/noor", token["access_token"]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    fresh = ehr.refresh(token["refresh_token"]).json
    assert ehr.fhir("GET", "Patient/noor", fresh["access_token"]).status_code == 200


def test_429_retry_after(store):
    store.fault("429-retry-after")
    answers = [store.fhir("GET", "Patient") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 200, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"


def test_500_is_html_as_in_the_field(store):
    store.fault("500")
    answer = store.fhir("GET", "Patient")
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert store.fhir("GET", "metadata").status_code == 200


def test_lost_response_after_write():
    settings = SandboxSettings(open_access=True, faults=frozenset({"lost-response-after-write"}))
    with running_sandbox(settings) as running:
        url = f"{running.issuer}/RelatedPerson"
        with pytest.raises(requests.ConnectionError):
            requests.post(url, json={**AUNT, "name": [{"text": "lost"}]}, timeout=5)
        assert requests.get(f"{url}?name=lost", timeout=5).json()["total"] == 1
        assert requests.post(url, json=AUNT, timeout=5).status_code == 201


def test_stale_if_match_ignored():
    ehr = Ehr(open_access=True, faults=frozenset({"stale-if-match-ignored"}))
    body = {"resourceType": "Patient", "id": "noor"}
    assert ehr.fhir("PUT", "Patient/noor", body=body, If_Match='W/"99"').status_code == 200


def test_transaction_refused(store):
    store.fault("transaction-refused")
    for kind, status in (("transaction", 400), ("batch", 200)):
        assert store.fhir("POST", "", body={"resourceType": "Bundle", "type": kind}).status_code == status
    [rest] = store.fhir("GET", "metadata").json["rest"]
    assert rest["interaction"] == [{"code": "batch"}]


def test_no_conditional(store):
    store.fault("no-conditional")
    assert store.fhir("POST", "Patient", body={"resourceType": "Patient"}, If_None_Exist="_id=x").status_code == 400
    assert store.fhir("PUT", "Patient?_id=x", body={"resourceType": "Patient"}).status_code == 400
    assert store.fhir("DELETE", "Patient?_id=x").status_code == 400
    assert store.fhir("PUT", "Patient/x", body={"resourceType": "Patient", "id": "x"}).status_code == 201


def test_no_consent():
    ehr = Ehr(open_access=True, faults=frozenset({"no-consent"}))
    assert ehr.fhir("GET", "Consent?patient=noor").status_code == 404
    types = [resource["type"] for resource in ehr.fhir("GET", "metadata").json["rest"][0]["resource"]]
    assert "Consent" not in types
    assert "CareTeam" in types


def test_no_care_team_write():
    ehr = Ehr(open_access=True, faults=frozenset({"no-care-team-write"}))
    team = ehr.fhir("GET", "CareTeam/noor-netwerk").json
    assert ehr.fhir("PUT", "CareTeam/noor-netwerk", body=team).status_code == 405
    assert ehr.fhir("POST", "RelatedPerson", body=AUNT).status_code == 201


def test_read_only():
    ehr = Ehr(open_access=True, faults=frozenset({"read-only"}))
    assert ehr.fhir("POST", "RelatedPerson", body=AUNT).status_code == 405
    assert ehr.fhir("GET", "Patient/noor").status_code == 200


def test_drops_related_person_participants():
    ehr = Ehr(open_access=True, faults=frozenset({"drops-related-person-participants"}))
    team = ehr.fhir("GET", "CareTeam/noor-netwerk").json
    entries = [
        {"fullUrl": "urn:uuid:a", "resource": AUNT, "request": {"method": "POST", "url": "RelatedPerson"}},
        {
            "resource": {**team, "participant": [*team["participant"], {"member": {"reference": "urn:uuid:a"}}]},
            "request": {"method": "PUT", "url": "CareTeam/noor-netwerk"},
        },
    ]
    answer = ehr.fhir("POST", "", body={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200
    kept = ehr.fhir("GET", "CareTeam/noor-netwerk").json["participant"]
    assert [item["member"]["reference"] for item in kept] == ["PractitionerRole/joke-de-vries"]


def test_koppeltaal_launches_by_form_with_a_signed_message_and_gives_no_data_token(ehr):
    ehr.fault("koppeltaal-noop")
    ehr.sign_in()
    page = ehr.http.get("/children/noor/launch/signer", base_url=BASE).text
    launch = page.split('name="launch" value="')[1].split('"')[0]
    message = jwt.decode(launch, keys_of(ehr), algorithms=["RS256"]).claims
    assert (message["sub"], message["patient"]) == ("Practitioner/joke-de-vries", "Patient/noor")
    system = ehr.backend_token().json["access_token"]
    assert ehr.fhir("GET", message["resource"], system).json["for"]["reference"] == "Patient/noor"
    assert ehr.fhir("GET", f"ActivityDefinition?url={message['definition']}", system).json["total"] == 1
    introspect = {"token": launch, **ehr.assertion()}
    told = ehr.browser().post("/auth/introspect", data=introspect, base_url=BASE).json
    assert told["active"] is True
    assert told["resource"] == message["resource"]
    asked = {"client_id": "signer", "launch": launch, "scope": "launch openid fhirUser"}
    assert query_of(ehr.authorize(**{**asked, "scope": "launch openid patient/*.rs"}))["error"] == "invalid_scope"
    code = query_of(ehr.authorize(**asked))["code"]
    token = ehr.redeem(code, client_id=None, **ehr.assertion()).json
    assert token["access_token"] == "NOOP"
    assert "refresh_token" not in token
    assert {"resource", "definition", "sub", "patient", "intent", "id_token"} <= set(token)
    assert ehr.fhir("GET", "Patient/noor", "NOOP").status_code == 401
    after = ehr.browser().post("/auth/introspect", data={**introspect, **ehr.assertion()}, base_url=BASE).json
    assert after == {"active": False}
    assert "context-ehr-hti" in ehr.fhir("GET", ".well-known/smart-configuration").json["capabilities"]


def test_a_launch_by_form_keeps_patients_out_of_urls(ehr):
    ehr.fault("koppeltaal-noop")
    ehr.sign_in()
    answer = ehr.http.get("/children/noor/launch/app", base_url=BASE)
    assert answer.status_code == 200
    assert 'method="post" action="http://localhost:8401/launch"' in answer.text
