"""A terminology server: asked only what is not known here, only about codes, and never waited for without end."""

from __future__ import annotations

import json

import pytest
import requests
import responses

from fhir_plugin.ehr.terminology import HttpTerminologyServer
from fhir_plugin.errors import UsageError
from fhir_plugin.validation import Validator

BASE = "https://tx.example/fhir"
IN_SET, IN_SYSTEM = f"{BASE}/ValueSet/$validate-code", f"{BASE}/CodeSystem/$validate-code"
SNOMED = "http://snomed.info/sct"


def result(value, *more):
    return {"resourceType": "Parameters", "parameter": [{"name": "result", "valueBoolean": value}, *more]}


def observation(code, name="Jan Jansen"):
    """A body site that R4 binds as an example: the system alone decides."""
    coding = {"system": SNOMED, "code": code, "display": "arm"}
    return {"resourceType": "Observation", "status": "final", "code": {"text": "a"},
            "subject": {"display": name}, "bodySite": {"coding": [coding]}}  # fmt: skip


@pytest.fixture
def web():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_a_code_that_the_server_does_not_have_is_an_error_and_one_it_has_is_none(web):
    web.post(IN_SYSTEM, json=result(False))
    validator = Validator.load(terminology_server=HttpTerminologyServer(BASE))
    found = validator.validate(observation("123"))
    assert [(one.code, one.expression) for one in found.of("error")] == [
        ("code-unknown", "Observation.bodySite.coding[0].code")
    ]
    web.replace(responses.POST, IN_SYSTEM, json=result(True))
    assert not validator.validate(observation("456")).has_errors


def test_a_value_set_that_is_not_known_here_is_asked_for(web, tmp_path):
    values = "https://example.com/ValueSet/far"
    binding = {"path": "Observation.bodySite", "binding": {"strength": "required", "valueSet": values}}
    profile = {"resourceType": "StructureDefinition", "url": "https://example.com/StructureDefinition/o", "name": "O",
               "status": "active", "kind": "resource", "abstract": False, "type": "Observation",
               "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Observation", "derivation": "constraint",
               "differential": {"element": [binding]}}  # fmt: skip
    (tmp_path / "o.json").write_text(json.dumps(profile), encoding="utf-8")
    web.post(IN_SYSTEM, json=result(True))
    web.post(IN_SET, json=result(False))
    validator = Validator.load([tmp_path], terminology_server=HttpTerminologyServer(BASE))
    report = validator.validate(observation("123"), [profile["url"]])
    assert [one.code for one in report.of("error")] == ["binding-required"]


def test_only_codes_leave_the_house_and_nothing_is_in_an_address(web):
    web.post(IN_SYSTEM, json=result(True))
    Validator.load(terminology_server=HttpTerminologyServer(BASE)).validate(observation("123"))
    (call,) = web.calls
    sent = json.loads(call.request.body)["parameter"]
    assert sent == [{"name": "url", "valueUri": SNOMED}, {"name": "code", "valueCode": "123"}]
    assert call.request.url == IN_SYSTEM


def test_the_same_question_is_asked_once(web):
    web.post(IN_SYSTEM, json=result(True))
    validator = Validator.load(terminology_server=HttpTerminologyServer(BASE))
    for _ in range(3):
        validator.validate(observation("123"))
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"resourceType": "OperationOutcome"}, "status": 404},
        {"json": {"resourceType": "Parameters"}},
        {"body": "<html>"},
        {"json": []},
        {"body": requests.ConnectTimeout()},
        {"status": 503},
        {"status": 302, "headers": {"Location": "https://elsewhere.example"}},
        {"body": "x" * 300_000},
        {"json": result(False, {"name": "x-caused-by-unknown-system", "valueCanonical": SNOMED})},
    ],
)
def test_whatever_goes_wrong_means_that_it_cannot_be_known(web, answer):
    web.post(IN_SYSTEM, **answer)
    assert HttpTerminologyServer(BASE).in_code_system(SNOMED, "123") is None
    assert len(web.calls) == 1


def test_a_server_that_keeps_failing_is_left_alone(web):
    web.post(IN_SYSTEM, status=500)
    server = HttpTerminologyServer(BASE)
    assert [server.in_code_system(SNOMED, str(number)) for number in range(10)] == [None] * 10
    assert len(web.calls) == 3


def test_answers_together_take_no_longer_than_they_may(web):
    web.post(IN_SYSTEM, json=result(True))
    times = iter(range(0, 1000, 25))
    server = HttpTerminologyServer(BASE, budget=60, clock=lambda: next(times))
    found = [server.in_code_system(SNOMED, str(number)) for number in range(10)]
    assert found == [True, True, True, *[None] * 7]


def test_an_address_that_is_none_is_wrong_usage():
    with pytest.raises(UsageError):
        HttpTerminologyServer("tx.example")


def test_without_a_server_nothing_is_asked(web):
    Validator.load().validate(observation("123"))
    assert len(web.calls) == 0


def test_no_password_of_a_netrc_file_goes_to_the_server(web, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine tx.example login me password secret", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    web.post(IN_SYSTEM, json=result(True))
    Validator.load(terminology_server=HttpTerminologyServer(BASE)).validate(observation("789"))
    assert web.calls
    assert all("Authorization" not in call.request.headers for call in web.calls)
