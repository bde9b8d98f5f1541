"""The safety block (L11): read so that it can never be missed, written for professionals only, in nobody's view."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapping_strategies import blocks, networks

from fhir_plugin.consent import facts_of
from fhir_plugin.mapping.changes import changes_between
from fhir_plugin.mapping.network import from_fhir, to_fhir
from fhir_plugin.mapping.safety import block_from, block_onto
from fhir_plugin.mapping.views import to_koppeltaal, to_stu3, to_zib2024, write_view
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.network import Child, SupportNetwork
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.terms import CodeSystems, Profiles
from fhir_plugin.validation import Validator

PATIENT = Ref(reference="Patient/p")
BLOCK = SafetyBlock(
    id="urn:uuid:8a1f5b1e-3c0f-4a36-9d3b-1c8f4b1f7b11",
    period=Period(start=PartialDate(2026, 6, 1)),
    by=Ref(reference="Practitioner/kim"),
    why="Het adres is geheim.",
)
NETWORK = SupportNetwork(child=Child(id="p"), safety_blocks=(BLOCK,))
FLAG: dict[str, Any] = {
    "resourceType": "Flag",
    "id": "f",
    "code": {"coding": [{"system": CodeSystems.SAFETY_BLOCK, "code": "no-sharing"}]},
    "subject": {"reference": "Patient/p"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator.load()


@given(blocks)
def test_what_was_put_is_read_and_putting_it_back_changes_nothing(block: SafetyBlock) -> None:
    body = block_onto(block, PATIENT)
    read = block_from(body, block_id=block.id)
    assert read == block
    assert block_onto(read, PATIENT) == body


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("status", "period", "author", "extension", "meta"), JSON)))
def test_reading_is_total_and_keeps_what_others_wrote(parts: dict[str, Any]) -> None:
    body = {**FLAG, **parts}
    (entry,) = to_fhir(from_fhir([body], patient_id="p").network)["entry"]
    assert entry["resource"] == body


@pytest.mark.parametrize("status", ["active", "", "on-hold", None, 3, ["inactive"]])
def test_a_block_whose_status_nobody_can_read_counts(status: object) -> None:
    network = from_fhir([{**FLAG, "status": status}], patient_id="p").network
    assert network.sharing_is_off
    assert facts_of(network).safety_block


@pytest.mark.parametrize("status", ["inactive", "entered-in-error"])
def test_a_block_that_was_lifted_or_a_mistake_does_not(status: str) -> None:
    assert not from_fhir([{**FLAG, "status": status}], patient_id="p").network.sharing_is_off


def test_a_period_that_is_over_does_not_lift_a_block() -> None:
    body = {**FLAG, "status": "active", "period": {"end": "2020-01-01"}}
    assert from_fhir([body], patient_id="p").network.sharing_is_off


def test_the_block_of_another_child_is_not_this_childs() -> None:
    mapped = from_fhir([{**FLAG, "status": "active", "subject": {"reference": "Patient/q"}}], patient_id="p")
    assert not mapped.network.sharing_is_off
    assert [issue.code for issue in mapped.report] == ["other-patient"]


def test_another_flag_is_kept_and_no_block() -> None:
    body = {**FLAG, "code": {"text": "Let op de trap"}}
    network = from_fhir([body], patient_id="p").network
    assert network.safety_blocks == ()
    assert [carried.body() for carried in network.rest] == [body]


def test_a_new_block_is_labelled_and_claims_its_profile(validator: Validator) -> None:
    body = block_onto(BLOCK, PATIENT)
    assert [label["code"] for label in body["meta"]["security"]] == ["V", "NOPAT"]
    assert body["meta"]["profile"] == [Profiles.SAFETY_BLOCK]
    assert not validator.validate(body).has_errors
    lifted = replace(
        block_from(body, block_id="f"),
        active=False,
        lifted_why="Veilig.",
        period=Period(start=PartialDate(2026, 6, 1), end=PartialDate(2026, 9, 1)),
    )
    assert not validator.validate(block_onto(lifted, PATIENT)).has_errors


def test_a_block_without_a_reason_does_not_claim_the_profile() -> None:
    assert "profile" not in block_onto(replace(BLOCK, why=""), PATIENT)["meta"]


def test_setting_a_block_writes_one_flag_and_lifting_it_edits_that_one() -> None:
    (change,) = changes_between(replace(NETWORK, safety_blocks=()), NETWORK)
    assert (change.type, change.is_new) == ("Flag", True)
    held = {**change.body, "id": "f", "meta": {**change.body["meta"], "versionId": "1"}}
    before = from_fhir([held], patient_id="p").network
    after = replace(before, safety_blocks=(replace(before.safety_blocks[0], active=False),))
    (change,) = changes_between(before, after)
    assert (change.reference, change.version, change.body["status"]) == ("Flag/f", "1", "inactive")


@given(networks)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_view_leaves_while_sharing_is_off(network: SupportNetwork) -> None:
    for blocked in (replace(network, safety_blocks=(BLOCK,)), replace(network, safety_blocks=(), safety_unknown=True)):
        for write in (to_koppeltaal, to_stu3, to_zib2024, lambda it: write_view(it, "r4")):
            bundle, report = write(blocked)
            assert bundle == {"resourceType": "Bundle", "type": "collection"}
            assert [issue.code for issue in report] == ["consent-safety-block"]


@pytest.mark.parametrize("write", [to_koppeltaal, to_stu3, to_zib2024])
def test_a_lifted_block_is_in_nobodys_view_and_that_is_said(write: Any) -> None:
    over = replace(BLOCK, id="f", active=False)
    bundle, report = write(replace(NETWORK, safety_blocks=(over,)))
    assert "Flag" not in {entry["resource"]["resourceType"] for entry in bundle.get("entry", ())}
    assert "view-leaves-out-safety" in {issue.code for issue in report}
