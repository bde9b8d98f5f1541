"""What the client makes of an answer: the resource, or the one error that fits."""

from __future__ import annotations

import pytest
import responses
from http_answers import BASE, PERSON, outcome

from fhir_plugin.ehr import FhirClient
from fhir_plugin.errors import (
    EhrBusy,
    EhrConflict,
    EhrFailed,
    EhrForbidden,
    EhrNotFound,
    EhrProtocolError,
    EhrRejected,
    EhrUnauthorized,
)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, EhrRejected),
        (401, EhrUnauthorized),
        (403, EhrForbidden),
        (404, EhrNotFound),
        (409, EhrConflict),
        (410, EhrNotFound),
        (412, EhrConflict),
        (422, EhrRejected),
        (429, EhrBusy),
        (500, EhrFailed),
        (503, EhrBusy),
    ],
)
def test_each_status_is_its_own_error_and_quotes_nothing_of_the_outcome(
    ehr: responses.RequestsMock, client: FhirClient, status: int, error: type[Exception]
) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", json=outcome("conflict", "Sanne de Vries"), status=status)
    with pytest.raises(error) as caught:
        client.read("RelatedPerson", "7")
    assert type(caught.value) is error
    assert caught.value.status == status  # type: ignore[attr-defined]
    assert caught.value.issue_codes == ("conflict",)  # type: ignore[attr-defined]
    assert "Vries" not in str(caught.value)
    assert "99999" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"<html><body>Log in</body></html>", "HTML"),
        (b'{"resourceType": "RelatedPerson", "id": ', "cut off"),
        (b"[]", "not a FHIR resource"),
        (b"\xff\xfe", "not a FHIR resource"),
    ],
)
def test_an_answer_that_is_not_fhir_is_named_for_what_it_is(
    ehr: responses.RequestsMock, client: FhirClient, body: bytes, named: str
) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", body=body, content_type="text/plain")
    with pytest.raises(EhrProtocolError, match=named):
        client.read("RelatedPerson", "7")


def test_another_resource_than_was_asked_for_is_never_used(ehr: responses.RequestsMock, client: FhirClient) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", json={**PERSON, "id": "8"})
    with pytest.raises(EhrProtocolError):
        client.read("RelatedPerson", "7")


def test_an_answer_over_the_size_limit_is_not_read_to_the_end(ehr: responses.RequestsMock) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", body=b"{" + b" " * 2000)
    with pytest.raises(EhrProtocolError, match="larger"):
        FhirClient(BASE, max_bytes=1000).read("RelatedPerson", "7")


def test_a_write_that_went_elsewhere_is_not_acknowledged(ehr: responses.RequestsMock, client: FhirClient) -> None:
    ehr.put(f"{BASE}/RelatedPerson/7", json={**PERSON, "id": "9"})
    with pytest.raises(EhrProtocolError):
        client.update(PERSON)


def test_a_minimal_answer_to_a_write_is_read_from_its_headers(ehr: responses.RequestsMock, client: FhirClient) -> None:
    headers = {"Location": f"{BASE}/RelatedPerson/7/_history/3", "ETag": 'W/"3"'}
    ehr.post(f"{BASE}/RelatedPerson", status=201, headers=headers)
    written = client.create({"resourceType": "RelatedPerson"})
    assert (written.id, written.version, written.body) == ("7", "3", None)


def test_a_decimal_of_another_system_keeps_its_digits(ehr: responses.RequestsMock, client: FhirClient) -> None:
    exact = b'{"resourceType":"RelatedPerson","id":"7","extension":[{"url":"https://x.nl","valueDecimal":1.10}]}'
    ehr.get(f"{BASE}/RelatedPerson/7", body=exact)
    sent = ehr.put(f"{BASE}/RelatedPerson/7", body=exact)
    client.update(client.read("RelatedPerson", "7"))
    assert b'"valueDecimal":1.10' in (sent.calls[0].request.body or b"")
