"""What the client does when an EHR answers badly, slowly, or with something that should not be followed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses

from fhir_plugin.ehr import Entry, FhirClient, RateLimit, Retry
from fhir_plugin.ehr.retry import parse_retry_after
from fhir_plugin.errors import (
    EhrBusy,
    EhrConflict,
    EhrFailed,
    EhrForbidden,
    EhrNotFound,
    EhrProtocolError,
    EhrRejected,
    EhrUnauthorized,
    EhrUnreachable,
    UsageError,
)

BASE = "https://ehr.example.nl/fhir"
PERSON = {"resourceType": "RelatedPerson", "id": "7", "meta": {"versionId": "2"}}


@pytest.fixture
def ehr() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> FhirClient:
    return FhirClient(BASE, retry=Retry(sleep=waits.append, chance=lambda: 1.0))


def outcome(*codes: str) -> dict[str, Any]:
    issues = [{"severity": "error", "code": code, "diagnostics": "Sanne de Vries, 999990019"} for code in codes]
    return {"resourceType": "OperationOutcome", "issue": issues}


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


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_read_is_asked_again_after_a_passing_failure(
    ehr: responses.RequestsMock, client: FhirClient, waits: list[float], status: int
) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", status=status)
    ehr.get(f"{BASE}/RelatedPerson/7", json=PERSON)
    assert client.read("RelatedPerson", "7")["id"] == "7"
    assert waits == [0.5]


def test_waits_grow_and_end(ehr: responses.RequestsMock, client: FhirClient, waits: list[float]) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", body=requests.ConnectionError())
    with pytest.raises(EhrUnreachable):
        client.read("RelatedPerson", "7")
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_create_is_never_sent_twice(
    ehr: responses.RequestsMock, client: FhirClient, waits: list[float], status: int
) -> None:
    sent = ehr.post(f"{BASE}/RelatedPerson", status=status)
    with pytest.raises((EhrFailed, EhrBusy, EhrRejected)):
        client.create({"resourceType": "RelatedPerson"})
    assert sent.call_count == 1
    assert waits == []


def test_a_create_without_an_answer_is_never_sent_twice(ehr: responses.RequestsMock, client: FhirClient) -> None:
    sent = ehr.post(f"{BASE}/RelatedPerson", body=requests.exceptions.ReadTimeout())
    with pytest.raises(EhrUnreachable):
        client.create({"resourceType": "RelatedPerson"})
    assert sent.call_count == 1


def test_a_write_that_was_put_off_by_429_is_sent_again(
    ehr: responses.RequestsMock, client: FhirClient, waits: list[float]
) -> None:
    ehr.post(f"{BASE}/RelatedPerson", status=429, headers={"Retry-After": "3"})
    ehr.post(f"{BASE}/RelatedPerson", json=PERSON, status=201)
    assert client.create({"resourceType": "RelatedPerson"}).id == "7"
    assert waits == [3.0]


def test_retry_after_is_waited_for_and_never_undercut(
    ehr: responses.RequestsMock, client: FhirClient, waits: list[float]
) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", status=503, headers={"Retry-After": "120"})
    ehr.get(f"{BASE}/RelatedPerson/7", json=PERSON)
    client.read("RelatedPerson", "7")
    assert waits == [120.0]


def test_an_ehr_that_asks_for_more_than_five_minutes_is_left_alone(
    ehr: responses.RequestsMock, client: FhirClient, waits: list[float]
) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", status=503, headers={"Retry-After": "301"})
    with pytest.raises(EhrBusy) as caught:
        client.read("RelatedPerson", "7")
    assert caught.value.retry_after == 301
    assert waits == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None), (None, None), ("-3", None)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header) == seconds


def test_an_expired_token_is_renewed_once(ehr: responses.RequestsMock) -> None:
    tokens = iter(["old", "new"])
    held = [next(tokens)]
    asked: list[bool] = []

    def token(force: bool) -> str:
        asked.append(force)
        if force:
            held[0] = next(tokens)
        return held[0]

    ehr.post(
        f"{BASE}/RelatedPerson", status=401, match=[responses.matchers.header_matcher({"Authorization": "Bearer old"})]
    )
    ehr.post(
        f"{BASE}/RelatedPerson",
        json=PERSON,
        status=201,
        match=[responses.matchers.header_matcher({"Authorization": "Bearer new"})],
    )
    assert FhirClient(BASE, token=token).create({"resourceType": "RelatedPerson"}).id == "7"
    assert asked == [False, True]


def test_a_token_that_stays_refused_is_not_renewed_forever(ehr: responses.RequestsMock) -> None:
    asked: list[bool] = []

    def token(force: bool) -> str:
        asked.append(force)
        return "t"

    ehr.get(f"{BASE}/RelatedPerson/7", status=401)
    with pytest.raises(EhrUnauthorized):
        FhirClient(BASE, token=token).read("RelatedPerson", "7")
    assert asked == [False, True]


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


def test_an_answer_over_the_size_limit_is_not_read_to_the_end(ehr: responses.RequestsMock) -> None:
    ehr.get(f"{BASE}/RelatedPerson/7", body=b"{" + b" " * 2000)
    with pytest.raises(EhrProtocolError, match="larger"):
        FhirClient(BASE, max_bytes=1000).read("RelatedPerson", "7")


def test_a_private_search_leaves_no_value_in_the_url_or_the_log(
    ehr: responses.RequestsMock, client: FhirClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ehr.post(f"{BASE}/Patient/_search", json={"resourceType": "Bundle", "type": "searchset"})
    list(client.search("Patient", {"identifier": "http://fhir.nl/fhir/NamingSystem/bsn|999990019"}, private=True))
    assert ehr.calls[0].request.url == f"{BASE}/Patient/_search"
    assert "999990019" not in caplog.text


def test_an_ehr_without_batch_gets_the_reads_one_by_one(ehr: responses.RequestsMock, client: FhirClient) -> None:
    refused = ehr.post(BASE, status=404)
    ehr.get(f"{BASE}/RelatedPerson/7", json=PERSON)
    ehr.get(f"{BASE}/RelatedPerson/8", status=404)
    for _ in range(2):
        answers = client.batch([Entry.get("RelatedPerson/7"), Entry.get("RelatedPerson/8")])
        assert [answer.status for answer in answers] == [200, 404]
    assert refused.call_count == 1


def test_a_batch_of_reads_is_repeated_but_one_with_writes_is_not(
    ehr: responses.RequestsMock, client: FhirClient, waits: list[float]
) -> None:
    sent = ehr.post(BASE, status=503)
    with pytest.raises(EhrBusy):
        client.batch([Entry.get("RelatedPerson/7"), Entry.post({"resourceType": "RelatedPerson"})])
    assert sent.call_count == 1
    with pytest.raises(EhrBusy):
        client.batch([Entry.get("RelatedPerson/7")])
    assert sent.call_count == 5


def test_an_ehr_without_transactions_says_so_by_code(ehr: responses.RequestsMock, client: FhirClient) -> None:
    ehr.post(BASE, status=405)
    with pytest.raises(EhrRejected) as caught:
        client.transaction([Entry.post({"resourceType": "RelatedPerson"})])
    assert caught.value.code == "transaction-unsupported"


def test_a_transaction_that_was_done_by_halves_is_named(ehr: responses.RequestsMock, client: FhirClient) -> None:
    answered = [{"response": {"status": "201 Created", "location": "RelatedPerson/1"}}, {"response": {"status": "422"}}]
    ehr.post(BASE, json={"resourceType": "Bundle", "type": "transaction-response", "entry": answered})
    with pytest.raises(EhrProtocolError) as caught:
        client.transaction([Entry.post({"resourceType": "RelatedPerson"})] * 2)
    assert caught.value.code == "transaction-not-atomic"


def test_a_write_that_went_elsewhere_is_not_acknowledged(ehr: responses.RequestsMock, client: FhirClient) -> None:
    ehr.put(f"{BASE}/RelatedPerson/7", json={**PERSON, "id": "9"})
    with pytest.raises(EhrProtocolError):
        client.update(PERSON)


def test_a_transaction_that_is_answered_in_another_order_is_not_acknowledged(
    ehr: responses.RequestsMock, client: FhirClient
) -> None:
    answered = [{"response": {"status": "201", "location": place}} for place in ("Consent/1", "RelatedPerson/2")]
    ehr.post(BASE, json={"resourceType": "Bundle", "type": "transaction-response", "entry": answered})
    with pytest.raises(EhrProtocolError, match="something else"):
        client.transaction([Entry.post({"resourceType": "RelatedPerson"}), Entry.post({"resourceType": "Consent"})])


def test_a_minimal_answer_to_a_write_is_read_from_its_headers(ehr: responses.RequestsMock, client: FhirClient) -> None:
    headers = {"Location": f"{BASE}/RelatedPerson/7/_history/3", "ETag": 'W/"3"'}
    ehr.post(f"{BASE}/RelatedPerson", status=201, headers=headers)
    written = client.create({"resourceType": "RelatedPerson"})
    assert (written.id, written.version, written.body) == ("7", "3", None)


@pytest.mark.parametrize("resource_id", ["", "../Patient/1", "1?x=y", "..", "a/b"])
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


def test_a_decimal_of_another_system_keeps_its_digits(ehr: responses.RequestsMock, client: FhirClient) -> None:
    exact = b'{"resourceType":"RelatedPerson","id":"7","extension":[{"url":"https://x.nl","valueDecimal":1.10}]}'
    ehr.get(f"{BASE}/RelatedPerson/7", body=exact)
    sent = ehr.put(f"{BASE}/RelatedPerson/7", body=exact)
    client.update(client.read("RelatedPerson", "7"))
    assert b'"valueDecimal":1.10' in (sent.calls[0].request.body or b"")


def test_requests_are_spaced_by_the_shared_rate_limit() -> None:
    now = [0.0]
    waited: list[float] = []
    limit = RateLimit(per_second=10, clock=lambda: now[0], sleep=waited.append)
    for _ in range(3):
        limit.take()
    assert waited == pytest.approx([0.1, 0.2])
