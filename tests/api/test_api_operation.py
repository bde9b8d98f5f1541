"""``$validate`` over HTTP: what it takes, what it gives, what it refuses."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir_plugin.errors import InputError
from fhir_plugin.validation import Validator
from fhir_plugin.validation.outputs import operation_outcome
from smart_app.api.refusals import REFUSALS, Refused
from smart_app.api.settings import ValidatorSettings
from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.settings_file import load_settings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(one for one in EXAMPLES.rglob("*") if one.suffix in (".json", ".xml"))
JSON = "application/fhir+json"
XML = "application/fhir+xml"
FIGURE = "https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure"
PATIENT = {"resourceType": "Patient", "gender": "m", "birthDate": "2015-02-30"}


def _post(client: FlaskClient, body: Any, path: str = "/$validate", kind: str = JSON, **headers: str) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=data, headers={"Content-Type": kind, **named})


def _codes(response: Any) -> set[str]:
    return {one["details"]["coding"][0]["code"] for one in response.get_json(force=True)["issue"]}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_answer_is_what_the_library_says(client: FlaskClient, validator: Validator, language: Any) -> None:
    assert len(FILES) > 100
    client.application.extensions["steunfiguren.validation"].admits = lambda _: True
    for file in FILES[:: 1 if language == "nl" else 10]:
        data = file.read_bytes()
        kind = XML if file.suffix == ".xml" else JSON
        response = _post(client, data, kind=kind, Accept=JSON, Accept_Language=language)
        assert response.status_code == 200
        assert response.get_json(force=True) == operation_outcome(validator.validate(data), language), file.name


def test_the_resource_in_parameters_is_judged_as_it_would_be_alone(client: FlaskClient) -> None:
    alone = _post(client, PATIENT, "/Patient/$validate").get_json(force=True)["issue"]
    inside = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": PATIENT}]}
    found = _post(client, inside, "/Patient/$validate").get_json(force=True)["issue"]
    assert [one["details"] for one in found] == [one["details"] for one in alone]
    assert [one.get("expression") for one in found] == [one.get("expression") for one in alone]


def test_lines_of_a_resource_in_parameters_are_those_of_the_body(client: FlaskClient) -> None:
    json_body = b'{"resourceType": "Parameters", "parameter": [\n{"name": "mode", "valueCode": "create"},\n' + (
        b'{"name": "resource", "resource": {"resourceType": "Patient",\n"gender": "m"}}]}'
    )
    xml_body = (
        b'<Parameters xmlns="http://hl7.org/fhir">\n<parameter><name value="mode"/><valueCode value="create"/>'
        b'</parameter>\n<parameter><name value="resource"/><resource><Patient>\n<gender value="m"/></Patient>'
        b"</resource></parameter></Parameters>"
    )
    for body, kind in ((json_body, JSON), (xml_body, XML)):
        issues = _post(client, body, kind=kind, Accept=JSON).get_json(force=True)["issue"]
        wrong = next(one for one in issues if one["severity"] == "error")
        assert wrong["expression"] == ["Patient.gender"]
        assert wrong["extension"][0]["valueInteger"] == 4


@pytest.mark.parametrize("element", ["valueUri", "valueCanonical"])
def test_a_profile_can_be_asked_for_in_the_address_and_in_parameters(client: FlaskClient, element: str) -> None:
    body = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/1"}}
    asked = _post(client, body, f"/RelatedPerson/$validate?profile={FIGURE}")
    inside = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": body},
            {"name": "profile", element: FIGURE},
            {"name": "mode", "valueCode": "profile"},
        ],
    }
    again = _post(client, inside)
    assert "slice-min" in _codes(asked) & _codes(again)
    assert "slice-min" not in _codes(_post(client, body))
    unknown = _post(client, body, "/$validate?profile=https://nobody.example/p")
    assert unknown.status_code == 200
    assert "profile-unknown" in _codes(unknown)


@pytest.mark.parametrize("body", [b"{", b"no", b"<a>", b'{"resourceType": "Zaak"}', b"[1]", b"{}", b'"\xff"'])
def test_what_cannot_be_read_is_a_finding_with_a_place(client: FlaskClient, body: bytes) -> None:
    response = _post(client, body, kind=XML if body.startswith(b"<") else JSON, Accept=JSON)
    assert response.status_code == 200
    assert any(one["severity"] in ("error", "fatal") for one in response.get_json(force=True)["issue"])


@pytest.mark.parametrize(
    ("path", "kind", "accept", "given"),
    [
        ("/$validate", JSON, None, JSON),
        ("/$validate", "application/json;charset=UTF-8", "*/*", JSON),
        ("/$validate", f"{JSON}; fhirVersion=4.0", XML, XML),
        ("/$validate", JSON, "text/html,application/xml;q=0.9,*/*;q=0.8", XML),
        ("/$validate", JSON, f"{XML};q=0.2, {JSON};q=0.4", JSON),
        ("/$validate", JSON, f"{JSON}; fhirVersion=4.0", JSON),
        ("/$validate?_format=xml", JSON, JSON, XML),
        ("/$validate?_format=application/fhir+xml", JSON, JSON, XML),
        ("/$validate?_format=application%2Ffhir%2Bjson", JSON, XML, JSON),
    ],
)
def test_the_answer_has_the_format_that_is_asked_for(
    client: FlaskClient, validator: Validator, path: str, kind: str, accept: str | None, given: str
) -> None:
    response = _post(client, PATIENT, path, kind, **({"Accept": accept} if accept else {}))
    assert response.status_code == 200
    assert response.mimetype == given
    assert not validator.validate(response.data).has_errors


def test_xml_gets_xml_and_says_the_same(client: FlaskClient, validator: Validator) -> None:
    body = b'<Patient xmlns="http://hl7.org/fhir"><gender value="m"/><birthDate value="2015-02-30"/></Patient>'
    response = _post(client, body, "/Patient/$validate", XML)
    assert response.mimetype == XML
    as_json = _post(client, body, "/Patient/$validate", XML, Accept=JSON).get_json(force=True)
    assert validator.read(response.data).tree == as_json


REFUSED = [
    ("operation-body-missing", "/$validate", b" ", JSON, {}),
    ("operation-body-type", "/$validate", b'{"resourceType": "Patient"}', XML, {}),
    ("operation-body-type", "/$validate", b"<Patient/>", JSON, {}),
    ("operation-resource-missing", "/$validate", {"resourceType": "Parameters"}, JSON, {}),
    ("operation-resource-missing", "/$validate", {"resourceType": "Parameters", "parameter": 1}, JSON, {}),
    ("operation-parameter-unknown", "/$validate?patient=1", PATIENT, JSON, {}),
    ("operation-parameter-value", "/$validate?lang=fr", PATIENT, JSON, {}),
    ("operation-parameter-value", "/$validate?_pretty=yes", PATIENT, JSON, {}),
    ("operation-parameter-value", "/$validate?profile=", PATIENT, JSON, {}),
    ("operation-parameter-twice", "/$validate?mode=create&mode=update", PATIENT, JSON, {}),
    ("operation-mode-unknown", "/$validate?mode=try", PATIENT, JSON, {}),
    ("operation-mode-delete", "/Patient/1/$validate?mode=delete", PATIENT, JSON, {}),
    ("operation-profile-missing", "/$validate?mode=profile", PATIENT, JSON, {}),
    ("operation-type-differs", "/RelatedPerson/$validate", PATIENT, JSON, {}),
    ("operation-id-differs", "/Patient/2/$validate", {**PATIENT, "id": "1"}, JSON, {}),
    ("operation-type-unknown", "/Zaak/$validate", PATIENT, JSON, {}),
    ("operation-type-unknown", "/HumanName/$validate", PATIENT, JSON, {}),
    ("operation-media-type", "/$validate", PATIENT, "text/plain", {}),
    ("operation-media-type", "/$validate", PATIENT, "multipart/form-data; boundary=x", {}),
    ("operation-media-type", "/$validate", PATIENT, f"{JSON}; fhirVersion=5.0", {}),
    ("operation-media-type", "/$validate", PATIENT, f"{JSON}; charset=latin1", {}),
    ("operation-coding", "/$validate", PATIENT, JSON, {"Content_Encoding": "gzip"}),
    ("operation-accept", "/$validate", PATIENT, JSON, {"Accept": "text/html"}),
    ("operation-accept", "/$validate", PATIENT, JSON, {"Accept": f"{JSON};q=0"}),
    ("operation-accept", "/$validate?_format=html", PATIENT, JSON, {}),
]


@pytest.mark.parametrize(("code", "path", "body", "kind", "headers"), REFUSED)
def test_a_request_that_asks_for_nothing_is_refused_in_fhir(
    client: FlaskClient, validator: Validator, code: str, path: str, body: Any, kind: str, headers: dict[str, str]
) -> None:
    response = _post(client, body, path, kind, **headers)
    assert response.status_code == REFUSALS[code].status
    assert not validator.validate(response.data).has_errors
    if response.mimetype == JSON:
        assert _codes(response) == {code}
        assert response.get_json(force=True)["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("operation-parameter-unknown", [{"name": "patient", "valueString": "1"}]),
        ("operation-parameter-unknown", ["resource"]),
        ("operation-parameter-value", [{"name": "resource", "valueString": "{}"}]),
        ("operation-parameter-value", [{"name": "profile", "valueBoolean": True}]),
        ("operation-parameter-value", [{"name": "mode", "valueString": "create"}]),
        ("operation-parameter-twice", [{"name": "resource", "resource": PATIENT}] * 2),
        ("operation-parameter-twice", [{"name": "mode", "valueCode": "create"}] * 2),
        ("operation-mode-unknown", [{"name": "mode", "valueCode": "try"}]),
        ("operation-profile-missing", [{"name": "mode", "valueCode": "profile"}]),
        ("operation-resource-missing", [{"name": "mode", "valueCode": "create"}]),
    ],
)
def test_parameters_that_mean_nothing_are_refused(client: FlaskClient, code: str, parameters: list[Any]) -> None:
    response = _post(client, {"resourceType": "Parameters", "parameter": parameters})
    assert response.status_code == REFUSALS[code].status
    assert _codes(response) == {code}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
def test_another_method_is_refused_and_the_right_one_named(client: FlaskClient, method: str) -> None:
    response = client.open("/Patient/$validate", method=method)
    assert response.status_code == 405
    assert response.headers["Allow"] == "OPTIONS, POST"
    assert _codes(response) == {"operation-method"}
    assert client.post("/metadata").status_code == 405


def test_a_body_over_the_limit_is_refused_unread(make_client: Any) -> None:
    client = make_client(body_bytes=2000)
    assert _post(client, b" " * 2000 + b"{}").status_code == 413
    response = _post(client, {**PATIENT, "id": "a" * 3000})
    assert response.status_code == 413
    assert _codes(response) == {"operation-too-large"}
    assert _post(client, PATIENT).status_code == 200


def test_one_address_has_its_share_of_a_minute(make_client: Any) -> None:
    client = make_client(requests_per_minute=2)
    assert [_post(client, PATIENT).status_code for _ in range(3)] == [200, 200, 429]
    response = _post(client, PATIENT)
    assert _codes(response) == {"operation-throttled"}
    assert response.headers["Retry-After"] == "60"
    assert client.get("/metadata").status_code == 200, "what costs nothing goes on"


def test_a_refusal_of_the_processes_reaches_the_caller(make_client: Any) -> None:
    class Busy:
        def run(self, job: object) -> Any:
            raise Refused("operation-busy")

    response = _post(make_client(Busy()), PATIENT)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert _codes(response) == {"operation-busy"}


def test_an_answer_has_a_bounded_number_of_issues_errors_first(make_client: Any) -> None:
    client = make_client(max_issues=10)
    bad = {"resourceType": "Patient", "name": [{"use": "x"}] * 50, "communication": [{"language": {"text": "nl"}}]}
    issues = _post(client, bad, Accept_Language="en").get_json(force=True)["issue"]
    assert len(issues) == 11
    assert all(one["severity"] == "error" for one in issues[:10])
    assert issues[-1]["severity"] == "information"


def test_nothing_of_the_body_reaches_a_log_or_a_cache(client: FlaskClient, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    secret = {
        "resourceType": "Patient",
        "identifier": [{"value": "999911120", "x": 1}],
        "name": [{"family": "Zonneveld"}],
    }
    response = _post(client, secret, "/Patient/$validate?profile=https://zonneveld.example/p")
    assert response.headers["Cache-Control"] == "no-store"
    assert "onneveld" not in caplog.text.replace("Zonneveld.example", "")
    assert "999911120" not in caplog.text
    assert "999911120" not in response.text


def test_another_origin_reads_nothing_unless_it_is_named(make_client: Any) -> None:
    closed = make_client().options("/$validate", headers={"Origin": "https://tool.example"})
    assert "Access-Control-Allow-Origin" not in closed.headers
    client = make_client(cors_origins=("https://tool.example",))
    preflight = client.options("/Patient/$validate", headers={"Origin": "https://tool.example"})
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://tool.example"
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    other = _post(client, PATIENT, Origin="https://other.example")
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Origin" in other.headers["Vary"]
    assert (
        "Access-Control-Allow-Origin" not in client.get("/validate", headers={"Origin": "https://tool.example"}).headers
    )


@pytest.mark.parametrize("wanted", [JSON, XML])
def test_the_capability_statement_is_valid_and_names_the_operation(
    client: FlaskClient, validator: Validator, wanted: str
) -> None:
    response = client.get("/metadata", headers={"Accept": wanted})
    assert response.mimetype == wanted
    assert not validator.validate(response.data).has_errors
    tree = validator.read(response.data).tree
    assert tree is not None
    assert tree["rest"][0]["operation"][0]["name"] == "validate"
    assert tree["fhirVersion"] == "4.0.1"


def test_the_settings_file_sets_the_limits_and_can_leave_it_out(tmp_path: Path) -> None:
    text = (EXAMPLES / "settings.toml").read_text(encoding="utf-8")
    key = "A" * 43
    environ = {"STEUNFIGUREN_ENCRYPTION_KEYS": key, "STEUNFIGUREN_CLIENT_SECRET_ZUID": "x"}
    place = text.index("[[issuers]]")

    def read(table: str) -> Any:
        file = tmp_path / "settings.toml"
        file.write_text(text[:place] + table + text[place:], encoding="utf-8")
        return load_settings(file, environ).validator

    assert read("") == ValidatorSettings()
    assert read("[validator]\nseconds = 3\npackages = ['a.tgz']\n") == ValidatorSettings(seconds=3, packages=("a.tgz",))
    assert read("[validator]\nenabled = false\n") is None
    with pytest.raises(InputError, match="workers"):
        read("[validator]\nworkers = 0\n")


def test_the_app_has_the_operation_unless_the_settings_leave_it_out(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path)
    with_it, without = (create_app(one).test_client() for one in (settings, replace(settings, validator=None)))
    assert with_it.get("/metadata").get_json(force=True)["implementation"]["url"] == settings.public_url
    assert with_it.get("/validate").status_code == 200
    assert without.get("/validate").status_code == 404
    assert without.post("/$validate").status_code == 404
