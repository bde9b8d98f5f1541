"""Which addresses the client goes to, and what stands in them."""

from __future__ import annotations

import logging

import pytest
import responses
from http_answers import BASE, PERSON, outcome

from fhir_plugin.ehr import FhirClient
from fhir_plugin.errors import (
    EhrNotFound,
    EhrProtocolError,
    UsageError,
)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/fhir?page=2",
        "http://ehr.example.nl/fhir?page=2",
        "https://ehr.example.nl:8443/fhir?page=2",
        "//evil.example/x",
        "https://ehr.example.nl@evil.example/",
        "https://ehr.example.nl:70000/fhir",
        "https://[ehr.example.nl/fhir",
    ],
)
def test_a_next_page_on_another_origin_is_never_followed(
    ehr: responses.RequestsMock, client: FhirClient, link: str
) -> None:
    page = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": link}]}
    ehr.get(f"{BASE}/RelatedPerson", json=page)
    with pytest.raises(EhrProtocolError, match="another server"):
        list(client.search("RelatedPerson", {}))
    assert len(ehr.calls) == 1


def test_a_redirect_is_not_followed(ehr: responses.RequestsMock) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(EhrProtocolError, match="elsewhere"):
        FhirClient(BASE, token=lambda _: "t").read("RelatedPerson", "7")
    assert len(ehr.calls) == 1


def test_a_relative_next_link_is_followed(ehr: responses.RequestsMock, client: FhirClient) -> None:
    page = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": "RelatedPerson?p=2"}]}
    ehr.get(f"{BASE}/RelatedPerson", json=page, match=[responses.matchers.query_param_matcher({})])
    ehr.get(f"{BASE}/RelatedPerson?p=2", json={**page, "link": [], "entry": [{"resource": PERSON}]})
    assert [body["id"] for body in client.search("RelatedPerson", {})] == ["7"]


def test_pages_in_a_circle_end_with_an_error(ehr: responses.RequestsMock, client: FhirClient) -> None:
    link = [{"relation": "next", "url": f"{BASE}/RelatedPerson?page=1"}]
    ehr.get(f"{BASE}/RelatedPerson", json={"resourceType": "Bundle", "type": "searchset", "link": link})
    with pytest.raises(EhrProtocolError, match="circle"):
        list(client.search("RelatedPerson", {}))


def test_an_outcome_among_the_matches_is_not_a_match(ehr: responses.RequestsMock, client: FhirClient) -> None:
    entries = [{"resource": outcome("informational"), "search": {"mode": "outcome"}}, {"resource": PERSON}]
    ehr.get(f"{BASE}/RelatedPerson", json={"resourceType": "Bundle", "type": "searchset", "entry": entries})
    assert [body["id"] for body in client.search("RelatedPerson", {})] == ["7"]


def test_an_address_without_fhir_is_named(ehr: responses.RequestsMock, client: FhirClient) -> None:
    ehr.get(f"{BASE}/metadata", status=404, body="<html>")
    with pytest.raises(EhrNotFound) as caught:
        client.capabilities()
    assert caught.value.code == "ehr-no-endpoint"
    assert str(caught.value).startswith(f"GET {BASE}/metadata: There is no FHIR endpoint at this address.")


def test_a_private_search_leaves_no_value_in_the_url_or_the_log(
    ehr: responses.RequestsMock, client: FhirClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ehr.post(f"{BASE}/Patient/_search", json={"resourceType": "Bundle", "type": "searchset"})
    list(client.search("Patient", {"identifier": "http://fhir.nl/fhir/NamingSystem/bsn|999990019"}, private=True))
    assert ehr.calls[0].request.url == f"{BASE}/Patient/_search"
    assert "999990019" not in caplog.text


@pytest.mark.parametrize("resource_id", ["", "../Patient/1", "1?x=y", ".", "..", "a/b", "\uff11", "1\n"])
def test_an_id_cannot_steer_the_url(client: FhirClient, resource_id: str) -> None:
    with pytest.raises(UsageError):
        client.read("RelatedPerson", resource_id)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/fhir",
        "ehr.example.nl/fhir",
        "https://user:secret@ehr.example.nl/fhir",
        "https://h:secret/fhir",
        "https://[secret/fhir",
    ],
)
def test_a_base_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        FhirClient(url)
    assert "secret" not in str(caught.value)
