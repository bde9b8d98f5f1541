"""Changes come back: polling finds every one, whatever notifications are lost, late, doubled or made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sync_desk import Desk, row

from fhir_plugin.ehr import FhirClient
from fhir_plugin.errors import EhrError, EhrForbidden, EhrNotFound, EhrRejected, EhrUnreachable, StoreError
from fhir_plugin.mapping.safety import block_onto
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.sync.inbound.changes import ChangeKind
from fhir_plugin.sync.inbound.polling import Poller
from fhir_plugin.sync.inbound.store import InboundStore, open_inbound_store

FIGURE = "RelatedPerson"


def phone_of(desk: Desk, value: str) -> None:
    [figure] = desk.figures()
    desk.edit({**figure, "telecom": [{"system": "phone", "value": value}]})


def test_the_first_poll_reads_everything_and_calls_nothing_a_change(poller: Poller) -> None:
    result = poller.poll()
    assert (result.first, result.changes, result.settled) == (True, (), True)
    assert result.read > 3
    assert poller.poll().changed == 0


def test_an_edit_by_a_professional_comes_back_with_both_values(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-01"})
    [change] = poller.poll().changes
    assert (change.kind, change.patient, change.element) == (ChangeKind.EDITED, "Patient/p1001", "birth_date")
    assert (change.before, change.after) == ("—", "1980-02-01")
    assert poller.poll().changes == ()


def test_a_stop_on_sharing_comes_back_without_its_reason_and_so_does_its_end(desk: Desk, poller: Poller) -> None:
    poller.poll()
    block = SafetyBlock(
        period=Period(start=PartialDate(2026, 6, 1)), by=Ref(reference="Practitioner/kim"), why="Geheim adres"
    )
    flag = {**block_onto(block, Ref(reference="Patient/p1001")), "id": "block"}
    desk.edit(flag)
    stopped = poller.poll()
    desk.edit({**flag, "status": "inactive"})
    lifted = poller.poll()

    told = [[(each.kind, each.patient, each.before, each.after) for each in poll.changes] for poll in (stopped, lifted)]
    assert told == [
        [(ChangeKind.SHARING, "Patient/p1001", "on", "off")],
        [(ChangeKind.SHARING, "Patient/p1001", "off", "on")],
    ]
    kept = repr(poller.store.records(poller.client.base_url, {"p1001"}))
    assert "block" in kept
    assert not [word for word in ("Geheim", "kim") if word in kept]


@pytest.mark.parametrize("answer", [EhrForbidden, EhrNotFound, EhrRejected])
def test_an_ehr_that_has_or_shows_no_flags_is_polled_without(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch, answer: type[EhrError]
) -> None:
    search = FhirClient.search

    def refuse(self: FhirClient, kind: str, *args: Any, **more: Any) -> Any:
        if kind == "Flag":
            raise answer("No.", code="test")
        return search(self, kind, *args, **more)

    monkeypatch.setattr(FhirClient, "search", refuse)
    assert poller.poll().settled
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-01"})
    assert [change.kind for change in poller.poll(full=True).changes] == [ChangeKind.EDITED]


def test_what_a_patient_of_another_server_brings_is_not_polled_for_the_child_with_the_same_id(
    desk: Desk, poller: Poller
) -> None:
    poller.poll()
    patient = {"reference": "https://elsewhere.example/fhir/Patient/p1001"}
    desk.edit(desk.figures()[0], id="theirs", identifier=[], patient=patient)
    assert poller.poll().changes == ()


def test_a_new_figure_an_ended_bond_and_a_withdrawn_consent_come_back(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    desk.edit({**figure, "id": "new", "name": [{"text": "Nieuw"}]})
    desk.edit({**figure, "active": False})
    found = {(change.kind, change.element) for change in poller.poll().changes}
    assert found == {(ChangeKind.ADDED, ""), (ChangeKind.EDITED, "active")}


def test_a_deleted_figure_is_found_by_a_full_poll_only(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    desk.ehr.store[FIGURE].pop(figure["id"])
    assert poller.poll().changes == ()
    assert [change.kind for change in poller.poll(full=True).changes] == [ChangeKind.GONE]
    assert poller.poll(full=True).changes == ()


def test_what_a_search_leaves_out_but_the_ehr_still_holds_is_not_gone(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.poll()
    search = FhirClient.search
    without = lambda self, kind, params, **more: iter(list(search(self, kind, params, **more))[:-1])  # noqa: E731
    monkeypatch.setattr(FhirClient, "search", without)
    assert poller.poll(full=True).changes == ()


def test_a_change_that_shows_late_under_an_early_instant_is_still_found(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    latest = max(body["meta"]["lastUpdated"] for body in desk.ehr.all(FIGURE))
    desk.edit({**figure, "birthDate": "1981"})
    [late] = desk.figures()
    late["meta"]["lastUpdated"] = _earlier(latest, 60)
    _overwrite(desk, late)
    assert [change.element for change in poller.poll().changes] == ["birth_date"]


def test_a_resource_that_slips_away_between_two_pages_is_found_by_the_next_pass(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one is edited while the first page is read: the pages move up, and one resource is on neither."""
    poller.poll()
    for number in range(3):
        [figure] = [body for body in desk.figures() if not body["id"].startswith("x")]
        desk.edit({**figure, "id": f"x{number}", "name": [{"text": f"Naam {number}"}]})
    search, passes = FhirClient.search, []

    def slipping(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        found = list(search(self, kind, params, **more))
        if kind == FIGURE:
            passes.append(kind)
            found = [body for body in found if len(passes) > 1 or body["id"] != "x1"]
        return iter(found)

    monkeypatch.setattr(FhirClient, "search", slipping)
    added = [change.resource for change in poller.poll().changes if change.kind is ChangeKind.ADDED]
    assert sorted(added) == [f"{FIGURE}/x{number}" for number in range(3)]


def test_an_ehr_that_never_comes_to_rest_leaves_the_cursor_where_it_was(
    desk: Desk, poller: Poller, store: InboundStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.poll()
    before = store.cursor(desk.client.base_url, FIGURE)
    search, counter = FhirClient.search, iter(range(1000))

    def restless(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        for body in search(self, kind, params, **more):
            yield {**body, "meta": {**body["meta"], "versionId": str(next(counter))}} if kind == FIGURE else body

    monkeypatch.setattr(FhirClient, "search", restless)
    assert not poller.poll().settled
    assert store.cursor(desk.client.base_url, FIGURE) == before


def test_a_poll_that_fails_half_way_changes_nothing_in_the_store(
    desk: Desk, poller: Poller, store: InboundStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.poll()
    phone_of(desk, "+31612345677")
    search = FhirClient.search

    def failing(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        if kind == "Consent":
            raise EhrUnreachable("gone", where="search Consent")
        return search(self, kind, params, **more)

    with monkeypatch.context() as patch:
        patch.setattr(FhirClient, "search", failing)
        with pytest.raises(EhrError):
            poller.poll()
    assert [change.element for change in poller.poll().changes] == ["telecoms"]


def test_an_ehr_without_versions_or_instants_is_compared_by_content(
    desk: Desk, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = FhirClient.search

    def bare(self: FhirClient, kind: str, params: Any, **more: Any) -> Iterator[dict[str, Any]]:
        for body in search(self, kind, params, **more):
            yield {name: value for name, value in body.items() if name != "meta"} | {
                "meta": {"tag": body["meta"]["tag"]} if "tag" in body["meta"] else {}
            }

    monkeypatch.setattr(FhirClient, "search", bare)
    poller.poll()
    phone_of(desk, "+31612345677")
    assert [change.element for change in poller.poll().changes] == ["telecoms"]


def test_the_store_tells_nothing_without_its_key(desk: Desk, poller: Poller, tmp_path: Path) -> None:
    poller.poll()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("inbound.sqlite*") if not path.name.endswith(".key"))
    assert b"Amrani" not in raw
    assert b"+3161" not in raw
    assert (tmp_path / "inbound.sqlite").stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inbound.sqlite").write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(StoreError), open_inbound_store(tmp_path / "inbound.sqlite"):
        pass


def test_an_edit_in_the_ehr_stands_in_the_next_plan(desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980")])
    [figure] = desk.figures()
    desk.edit({**figure, "birthDate": "1980-02-11"})
    [planned] = desk.plan([row(Geboortedatum="01-02-1980")]).clients()
    [edit] = planned.plan.figures[0].edits
    assert (edit.element, edit.before, edit.after) == ("birth_date", "1980-02-01", "1980-02-11")
    assert desk.apply()[0].state == "same"
    assert desk.figures()[0]["birthDate"] == "1980-02-11"


def _earlier(instant: str, seconds: int) -> str:
    return (datetime.fromisoformat(instant) - timedelta(seconds=seconds)).isoformat()


def _overwrite(desk: Desk, body: dict[str, Any]) -> None:
    """Put a version in place as it is, with its own instant."""
    versions = desk.ehr.store[body["resourceType"]][body["id"]]
    versions[-1] = body


def test_somebody_new_who_is_inactive_already_is_shown_as_such(desk: Desk, poller: Poller) -> None:
    poller.poll()
    [figure] = desk.figures()
    twin = {name: value for name, value in figure.items() if name not in ("id", "meta", "identifier", "active")}
    desk.ehr.add({**twin, "id": "later", "active": False})
    changes = [change for change in poller.poll().changes if change.resource == "RelatedPerson/later"]
    assert [(each.kind, each.element, each.after) for each in changes] == [(ChangeKind.ADDED, "active", "false")]
