"""When the client asks again, and when it must not."""

from __future__ import annotations

import pytest
import requests
import responses
from http_answers import BASE, PERSON

from fhir_plugin.ehr import FhirClient, RateLimit
from fhir_plugin.ehr.retry import parse_retry_after
from fhir_plugin.errors import (
    EhrBusy,
    EhrFailed,
    EhrRejected,
    EhrUnauthorized,
    EhrUnreachable,
)


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


def test_requests_are_spaced_by_the_shared_rate_limit() -> None:
    now = [0.0]
    waited: list[float] = []
    limit = RateLimit(per_second=10, clock=lambda: now[0], sleep=waited.append)
    for _ in range(3):
        limit.take()
    assert waited == pytest.approx([0.1, 0.2])
