"""The own store as an EHR that gives no access: what a search finds, however many clients there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.records.no_access import OwnEhr
from fhir_plugin.sync.records.own_store import OwnStore, open_own_store

BASE = "none://proef/fhir"
SEARCHES = (
    ("Patient", "_id=1"),
    ("Patient", "_id=1,2,9"),
    ("Patient", "identifier=urn:n|7"),
    ("Patient", "identifier=urn:other|7"),
    ("Patient", "identifier=7,urn:n|8"),
    ("RelatedPerson", "patient=1"),
    ("RelatedPerson", "patient=Patient/2,Patient/1"),
    ("RelatedPerson", "patient=Patient/1&identifier=urn:f|b"),
    ("CareTeam", "subject=Patient/1"),
    ("CareTeam", "_lastUpdated=ge2000-01-01T00:00:00Z"),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OwnStore]:
    with open_own_store(tmp_path / "own.sqlite", Vault(key=b"0" * 32), BASE) as opened:
        yield opened


def fill(ehr: MemoryEhr) -> None:
    for number in (7, 8):
        ehr.add({"resourceType": "Patient", "identifier": [{"system": "urn:n", "value": str(number)}]})
    for key, child in (("a", 1), ("b", 1), ("b", 2)):
        body = {"resourceType": "RelatedPerson", "identifier": [{"system": "urn:f", "value": key}]}
        ehr.add({**body, "patient": {"reference": f"Patient/{child}"}})
    ehr.add({"resourceType": "CareTeam", "subject": {"reference": "Patient/1"}})
    moved = next(body for body in ehr.all("RelatedPerson") if body["identifier"][0]["value"] == "a")
    ehr.add({**moved, "patient": {"reference": "Patient/2"}})


def found(ehr: MemoryEhr, kind: str, query: str) -> list[str]:
    _, answer = ehr.handle("GET", f"/{kind}", query, {}, b"")
    return sorted(entry["resource"]["id"] for entry in answer["entry"])


@pytest.mark.parametrize(("kind", "query"), SEARCHES)
def test_the_own_store_finds_what_an_ehr_that_looks_at_everything_finds(kind: str, query: str, store: OwnStore) -> None:
    plain, own = MemoryEhr(base_url=BASE), OwnEhr(store, BASE)
    for ehr in (plain, own):
        fill(ehr)

    expected = found(plain, kind, query)

    assert found(own, kind, query) == expected
    assert found(OwnEhr(store, BASE), kind, query) == expected, "as opened again"


def test_a_search_by_client_looks_at_no_record_of_another(store: OwnStore, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnEhr(store, BASE)
    for number in range(50):
        own.add({"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/k{number}"}})
    looked: list[str] = []
    monkeypatch.setattr(
        "fhir_plugin.sync.records.no_access.matches",
        lambda body, _params: bool(looked.append(body["patient"]["reference"])) or True,
    )

    found(own, "RelatedPerson", "patient=Patient/k7")

    assert looked == ["Patient/k7"]
