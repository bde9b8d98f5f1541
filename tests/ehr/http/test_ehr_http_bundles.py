"""Batches and transactions of an EHR that does them halfway, or not at all."""

from __future__ import annotations

import pytest
import responses
from http_answers import BASE, PERSON

from fhir_plugin.ehr import Entry, FhirClient
from fhir_plugin.errors import (
    EhrBusy,
    EhrProtocolError,
    EhrRejected,
)


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


def test_a_transaction_that_is_answered_in_another_order_is_not_acknowledged(
    ehr: responses.RequestsMock, client: FhirClient
) -> None:
    answered = [{"response": {"status": "201", "location": place}} for place in ("Consent/1", "RelatedPerson/2")]
    ehr.post(BASE, json={"resourceType": "Bundle", "type": "transaction-response", "entry": answered})
    with pytest.raises(EhrProtocolError, match="something else"):
        client.transaction([Entry.post({"resourceType": "RelatedPerson"}), Entry.post({"resourceType": "Consent"})])
