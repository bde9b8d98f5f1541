"""The page to check a resource on, as a browser without scripts uses it."""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from smart_app.api.refusals import Refused

PATIENT = '{\n  "resourceType": "Patient",\n  "gender": "m"\n}'


def _send(client: FlaskClient, path: str = "/validate?lang=en", **fields: Any) -> Any:
    return client.post(path, data=fields, content_type="multipart/form-data")


def test_the_page_offers_our_profiles_and_takes_a_file(client: FlaskClient) -> None:
    page = client.get("/validate?lang=en").text
    assert "https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure" in page
    assert 'type="file"' in page
    assert "At most 2 MB" in page
    assert client.get("/").headers["Location"] == "/validate"


@pytest.mark.parametrize(("language", "title"), [("nl", "Steunfiguur"), ("en", "Support figure")])
def test_profiles_are_offered_by_their_title_in_the_language_of_the_page(
    client: FlaskClient, language: str, title: str
) -> None:
    page = client.get(f"/validate?lang={language}").text
    assert f'StructureDefinition/SupportFigure">{title}</option>' in page


def test_a_finding_stands_at_its_line_and_in_the_list_on_top(client: FlaskClient) -> None:
    page = _send(client, source=PATIENT).text
    assert "1 error" in page
    assert '<a href="#finding-2">line 3: ' in page
    line = page.index('id="line-3"')
    assert line < page.index('id="finding-2"') < page.index('id="line-4"')
    assert "Patient.gender" in page
    assert page.count('id="source"') == 1
    assert "&#34;gender&#34;: &#34;m&#34;" in page, "what was typed is still in the form"


@pytest.mark.parametrize("sent", ["source", "file"])
def test_pasting_and_giving_a_file_are_the_same(client: FlaskClient, sent: str) -> None:
    xml = '<Patient xmlns="http://hl7.org/fhir">\n<gender value="m"/></Patient>'
    value: Any = xml if sent == "source" else (BytesIO(xml.encode()), "patient.xml")
    page = _send(client, **{sent: value}).text
    assert "line 2: " in page
    assert ("patient.xml" in page) == (sent == "file")


def test_a_file_goes_before_what_is_pasted(client: FlaskClient) -> None:
    page = _send(client, source=PATIENT, file=(BytesIO(b'{"resourceType": "Basic"}'), "basic.json")).text
    assert "Basic.code" in page
    assert "Patient.gender" not in page


def test_the_chosen_profile_and_another_one_both_count(client: FlaskClient) -> None:
    page = _send(
        client,
        source='{"resourceType": "RelatedPerson", "patient": {"reference": "Patient/1"}}',
        profile="https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure",
        other="https://nobody.example/profile",
    ).text
    assert "slice-min" in page
    assert "profile-unknown" in page
    assert 'SupportFigure" selected' in page


def test_markup_in_a_resource_is_shown_and_not_run(client: FlaskClient) -> None:
    page = _send(client, source='{"resourceType": "Patient", "<script>alert(1)</script>": "</textarea><b>"}').text
    assert "<script>alert" not in page
    assert "</textarea><b>" not in page
    assert "&lt;script&gt;" in page


def test_sending_nothing_says_what_to_do(client: FlaskClient) -> None:
    response = _send(client, source=" ")
    assert response.status_code == 400
    assert "Paste a resource, or choose a file." in response.text
    assert "<title>Error: " in response.text


def test_switching_the_language_keeps_what_was_typed(client: FlaskClient) -> None:
    empty = _send(client, "/validate?lang=en", source="", switch="en", other="https://x.example/p")
    assert empty.status_code == 200
    assert 'value="https://x.example/p"' in empty.text
    assert 'lang="en"' in empty.text
    assert "1 fout" in _send(client, "/validate?lang=nl", source=PATIENT, switch="nl").text


def test_parameters_are_a_resource_like_any_other_on_the_page(client: FlaskClient) -> None:
    page = _send(client, source='{"resourceType": "Parameters", "parameter": [{"name": 1}]}').text
    assert "Parameters.parameter[0].name" in page


def test_a_file_that_is_too_large_is_refused(make_client: Any) -> None:
    client = make_client(body_bytes=5000)
    for size in (5001, 200_000):
        response = _send(client, file=(BytesIO(b" " * size), "big.json"))
        assert response.status_code == 413
        assert "5000" in response.text
    assert _send(client, source="x" * 5001).status_code == 413


def test_nothing_that_is_sent_reaches_a_disk(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a temporary file")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    body = BytesIO(b'{"resourceType": "Basic", "id": "' + b"x" * 1_000_000 + b'"}')
    response = _send(client, file=(body, "basic.json"))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def test_a_form_of_another_site_is_refused(client: FlaskClient) -> None:
    response = client.post("/validate", data={"source": PATIENT}, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 400


def test_what_cannot_be_answered_says_why_and_keeps_what_was_typed(make_client: Any) -> None:
    class Costly:
        def run(self, job: object) -> Any:
            raise Refused("operation-too-costly", seconds="10")

    response = _send(make_client(Costly()), source=PATIENT)
    assert response.status_code == 422
    assert "was stopped after at most 10 seconds" in response.text
    assert "&#34;gender&#34;" in response.text


def test_too_many_of_one_address_is_a_page_too(make_client: Any) -> None:
    client = make_client(requests_per_minute=1)
    assert _send(client, source=PATIENT).status_code == 200
    response = _send(client, source=PATIENT)
    assert response.status_code == 429
    assert "Wait a minute." in response.text


def test_of_a_long_source_the_lines_around_findings_are_shown(client: FlaskClient) -> None:
    names = [{"family": f"n{number}"} for number in range(600)]
    names[300] = {"family": 1}  # type: ignore[dict-item]  # that is the mistake
    source = json.dumps({"resourceType": "Patient", "name": names}, indent=1)
    page = _send(client, source=source).text
    assert "lines without findings" in page
    assert page.count("<li") < 100
    assert "Patient.name[300].family" in page


def test_of_a_long_line_the_part_around_the_finding_is_shown(client: FlaskClient) -> None:
    names = [{"family": f"family-{number}"} for number in range(2000)]
    source = json.dumps({"resourceType": "Patient", "name": names, "gender": "nobody-knows"})
    page = _send(client, source=source).text
    excerpt = page[page.index('class="excerpt"') :]
    assert "nobody-knows" in page[: page.index("<textarea")]
    assert "…" in excerpt
