"""Bulk Data export: waits as asked, reads line by line, takes no token elsewhere, never gives a part for the whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses

from fhir_plugin.ehr import FhirClient, Retry
from fhir_plugin.ehr.bulk import BulkExport
from fhir_plugin.errors import EhrBusy, EhrError, EhrFailed, EhrForbidden, EhrProtocolError, EhrUnreachable

BASE = "https://other.example/fhir"
JOB = f"{BASE}/jobs/1"
FILE = f"{BASE}/files/patients"
PATIENTS = b'{"resourceType":"Patient","id":"a"}\n\n{"resourceType":"Patient","id":"b"}'


@pytest.fixture
def server() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{BASE}/$export", status=202, headers={"Content-Location": JOB})
        mock.delete(JOB, status=202)
        yield mock


@pytest.fixture
def export() -> Callable[..., BulkExport]:
    def make(**options: Any) -> BulkExport:
        tokens = iter(["first", *["fresh"] * 10])
        client = FhirClient(BASE, token=lambda _force: next(tokens), retry=Retry(sleep=lambda _: None))
        return BulkExport(transport=client.transport, types=("Patient",), sleep=lambda _: None, **options)

    return make


def manifest(*urls: str, **more: Any) -> dict[str, Any]:
    return {"output": [{"type": "Patient", "url": url} for url in urls], "error": [], **more}


def test_every_line_of_every_file_is_a_resource_and_the_export_is_taken_away(server: Any, export: Any) -> None:
    server.get(JOB, json=manifest(FILE))
    server.get(FILE, body=PATIENTS)
    assert [body["id"] for body in export().resources()] == ["a", "b"]
    assert [call.request.method for call in server.calls] == ["GET", "GET", "GET", "DELETE"]
    assert server.calls[0].request.headers["Prefer"] == "respond-async"
    assert server.calls[2].request.headers["Accept"] == "application/fhir+ndjson"


def test_polling_waits_as_long_as_the_server_asks(server: Any, export: Any) -> None:
    waits: list[float] = []
    server.get(JOB, status=202, headers={"Retry-After": "7"})
    server.get(JOB, json=manifest())
    found = BulkExport(transport=export().transport, types=("Patient",), sleep=waits.append)
    assert list(found.resources()) == []
    assert waits == [7.0]


def test_a_server_that_never_gets_ready_is_left_after_a_while(server: Any, export: Any) -> None:
    now = iter(range(0, 100_000, 600))
    server.get(JOB, status=202)
    with pytest.raises(EhrBusy):
        list(export(clock=lambda: float(next(now)), patience=3000.0).resources())
    assert server.calls[-1].request.method == "DELETE"


def test_a_file_that_needs_no_token_gets_none(server: Any, export: Any) -> None:
    server.get(JOB, json=manifest(FILE, requiresAccessToken=False))
    server.get(FILE, body=PATIENTS)
    assert len(list(export().resources())) == 2
    assert "Authorization" not in server.calls[2].request.headers


def test_a_token_that_ended_on_the_way_is_renewed_once(server: Any, export: Any) -> None:
    server.get(JOB, json=manifest(FILE))
    server.get(FILE, status=401)
    server.get(FILE, body=PATIENTS)
    assert len(list(export().resources())) == 2
    assert server.calls[3].request.headers["Authorization"] == "Bearer fresh"


def test_a_file_on_another_server_is_never_fetched(server: Any, export: Any) -> None:
    server.get(JOB, json=manifest("https://evil.example/files/1"))
    with pytest.raises(EhrProtocolError):
        list(export().resources())
    assert all(call.request.url.startswith(BASE) for call in server.calls)


def test_an_export_that_says_it_failed_gives_nothing(server: Any, export: Any) -> None:
    errors = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    server.get(JOB, json=manifest(FILE, error=[{"type": "OperationOutcome", "url": f"{BASE}/files/errors"}]))
    server.get(f"{BASE}/files/errors", body=json.dumps(errors))
    server.get(FILE, body=PATIENTS)
    given: list[Any] = []
    with pytest.raises(EhrFailed):
        given.extend(export().resources())
    assert given == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"{cut off", EhrProtocolError),
        (200, b"[]", EhrProtocolError),
        (403, b"", EhrForbidden),
        (410, b"", EhrError),
    ],
)
def test_a_file_that_cannot_be_read_is_a_named_failure(
    server: Any, export: Any, status: int, body: bytes, error: type[EhrError]
) -> None:
    server.get(JOB, json=manifest(FILE))
    server.get(FILE, body=body, status=status)
    with pytest.raises(error):
        list(export().resources())
    assert server.calls[-1].request.method == "DELETE"


def test_a_connection_that_breaks_inside_a_file_is_no_complete_answer(server: Any, export: Any) -> None:
    server.get(JOB, json=manifest(FILE))
    server.get(FILE, body=requests.ConnectionError("cut"))
    with pytest.raises(EhrUnreachable):
        list(export().resources())


def test_a_server_without_exports_is_named_with_what_to_do(export: Any) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{BASE}/$export", json={"resourceType": "Bundle"}, status=200)
        with pytest.raises(EhrProtocolError) as raised:
            list(export().resources())
    assert "--source-bulk" in raised.value.remedy


@pytest.mark.parametrize("body", [{"output": "x"}, {"output": [{"type": "Patient"}]}, {"output": [3]}])
def test_a_manifest_of_another_shape_is_refused(server: Any, export: Any, body: dict[str, Any]) -> None:
    server.get(JOB, json=body)
    with pytest.raises(EhrProtocolError):
        list(export().resources())
