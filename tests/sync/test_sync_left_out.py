"""A column the list does not have is not touched: not asked about, and not lost by an answer or a later change."""

from __future__ import annotations

from typing import Any

import pytest
from sync_desk import Desk, row

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import Agreement, BondOfTrust, Mandate, MandateFact, VogSeen
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import BASE
from fhir_plugin.sync.deciding.elements import completed

DAY, LATER = PartialDate(2026, 7, 9), PartialDate(2026, 8, 1)
ORDER = Ref(reference="DocumentReference/beschikking")
BOND = f"{BASE}/StructureDefinition/bond-of-trust"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BondOfTrust(confirmed=True), BondOfTrust(confirmed=True, on=DAY)),
        (VogSeen(seen=True), VogSeen(seen=True, on=DAY)),
        (MandateFact(kind=Mandate.FORMAL), MandateFact(kind=Mandate.FORMAL, order=ORDER)),
        (Agreement(agreed=True), Agreement(agreed=True, on=DAY, informed_on=LATER)),
        (Agreement(informed_on=LATER), Agreement(agreed=False, on=DAY, informed_on=LATER)),
        (Agreement(agreed=True), Agreement(agreed=True, exception="disproportionate")),
    ],
)
def test_what_the_list_leaves_out_is_as_the_ehr_has_it(ours: Any, theirs: Any) -> None:
    assert completed(ours, theirs, None) == theirs


def test_another_answer_has_not_the_day_of_the_old_one_but_keeps_what_stands_by_itself() -> None:
    refused, informed = Agreement(agreed=False), Agreement(agreed=True, on=DAY, informed_on=LATER)
    assert completed(refused, informed, None) == Agreement(agreed=False, informed_on=LATER)
    assert completed(BondOfTrust(confirmed=False), BondOfTrust(confirmed=True, on=DAY), None).on is None


def test_a_day_the_list_gave_and_took_out_is_taken_out() -> None:
    dated = BondOfTrust(confirmed=True, on=DAY)
    assert completed(BondOfTrust(confirmed=True), dated, dated).on is None


def bond(desk: Desk) -> dict[str, Any]:
    (figure,) = desk.figures()
    (found,) = (item for item in figure["extension"] if item["url"] == BOND)
    return {part["url"]: part.get("valueDate", part.get("valueBoolean")) for part in found["extension"]}


def test_a_day_somebody_recorded_is_no_conflict_with_a_list_without_days_and_outlasts_it(desk: Desk) -> None:
    desk.sync([row()])
    (figure,) = desk.figures()
    dated = {"url": BOND, "extension": [{"url": "confirmed", "valueBoolean": True}, {"url": "on", "valueDate": "2026"}]}
    others = [item for item in figure["extension"] if item["url"] != BOND]
    desk.edit({**figure, "extension": [*others, dated]})
    for cells in ({}, {"Hoe_noemt_het_kind": "Sam"}, {"E-mail": "s@example.nl"}):
        plan = desk.plan([row(**cells)])
        assert plan.totals.get("conflict", 0) == 0
        desk.apply()
        assert bond(desk) == {"confirmed": True, "on": "2026"}
    other_list = Desk(folder=desk.folder, ehr=desk.ehr, client=desk.client, source="another")
    assert other_list.plan([row(Geboortedatum="01-02-1980")]).totals.get("conflict", 0) == 0
    other_list.apply()
    assert bond(desk) == {"confirmed": True, "on": "2026"}


def test_a_role_somebody_recorded_outlasts_a_list_that_writes_friends_in_the_column_of_relatives(desk: Desk) -> None:
    def codes() -> list[str]:
        (figure,) = desk.figures()
        return sorted(coding["code"] for concept in figure["relationship"] for coding in concept["coding"])

    desk.sync([row()])
    (figure,) = desk.figures()
    contact = {"coding": [{"system": "urn:oid:2.16.840.1.113883.2.4.3.11.22.472", "code": "23"}]}
    desk.edit({**figure, "relationship": [*figure["relationship"], contact]})
    desk.sync([row(Relatie="tante en buurvrouw")])
    assert {"AUNT", "19", "23"} <= set(codes())
    desk.sync([row(Relatie="vriendin")])
    assert {"20", "23"} <= set(codes())
    assert not {"AUNT", "19"} & set(codes())
