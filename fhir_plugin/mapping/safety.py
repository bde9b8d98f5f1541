"""Flag ↔ SafetyBlock. Profile: https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportSafetyBlock.

A Flag of its own, not a mark on the team or the child: who may not know of the block must be able to read those. It
carries the security labels V (very restricted) and NOPAT (not for patient, family or caregivers) for the EHR to heed.
"""

from __future__ import annotations

from typing import Any

from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.mapping.json import (
    Json,
    codings,
    period_of,
    put_claim,
    put_period,
    reference_of,
    reference_to_json,
    text,
)
from fhir_plugin.mapping.lens import Lens, apply_lenses
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.tangle import oversize
from fhir_plugin.model.terms import V3_ACT_CODE, V3_CONFIDENTIALITY, CodeSystems, Extensions, Profiles

__all__ = ["BLOCK_CODE", "BLOCK_LENSES", "block_from", "block_onto", "is_block"]

BLOCK_CODE = Coding(system=CodeSystems.SAFETY_BLOCK, code="no-sharing")
_CATEGORY = Coding(
    system="http://terminology.hl7.org/CodeSystem/flag-category",
    code="safety",
    display="Safety",
)
_LABELS = (
    Coding(system=V3_CONFIDENTIALITY, code="V", display="very restricted"),
    Coding(
        system=V3_ACT_CODE,
        code="NOPAT",
        display="no disclosure to patient, family or caregivers without attending provider's authorization",
    ),
)
_OVER = frozenset({"inactive", "entered-in-error"})


def _write_status(body: Json, active: bool) -> None:
    body["status"] = "active" if active else "inactive"


def _write_author(body: Json, by: Ref | None) -> None:
    if by is None:
        body.pop("author", None)
    else:
        body["author"] = reference_to_json(by)


BLOCK_LENSES: tuple[Lens[Any], ...] = (
    # whatever is not plainly over counts as a block: a status nobody can read must not open anything
    Lens("active", "status", lambda body: text(body, "status") not in _OVER, _write_status),
    Lens(
        "period",
        "period",
        lambda body: period_of(body, "period"),
        lambda body, value: put_period(body, "period", value),
    ),
    Lens("by", "author", lambda body: reference_of(body.get("author")), _write_author),
    ext.single_text("why", f"extension('{Extensions.BLOCK_REASON}')", Extensions.BLOCK_REASON),
    ext.single_text("lifted_why", f"extension('{Extensions.BLOCK_LIFTED}')", Extensions.BLOCK_LIFTED),
)
"""Every element of the Flag this product owns."""


def is_block(body: Json) -> bool:
    """Whether a Flag is a safety block, current or over."""
    return body.get("resourceType") == "Flag" and any(
        coding.key == BLOCK_CODE.key for coding in codings(body.get("code"))
    )


def block_from(body: Json, *, block_id: str) -> SafetyBlock:
    """The safety block a Flag describes; total over any JSON object."""
    values = {lens.name: lens.get(body) for lens in BLOCK_LENSES}
    return SafetyBlock(id=block_id, carried=Carried(body, tangled=oversize(body)), **values)


def block_onto(block: SafetyBlock, patient: Ref) -> Json:
    """The Flag of a safety block: the body it came from with what differs rewritten, or a new one."""
    if block.carried is None:
        body: Json = {
            "resourceType": "Flag",
            "meta": {"security": [coding_to_json(label) for label in _LABELS]},
            "status": "active",
            "category": [{"coding": [coding_to_json(_CATEGORY)]}],
            "code": {"coding": [coding_to_json(BLOCK_CODE)]},
            "subject": reference_to_json(patient),
        }
        if block.id and not block.id.startswith("urn:"):
            body["id"] = block.id
    else:
        body = block.carried.body()
    changed = apply_lenses(BLOCK_LENSES, body, block)
    if changed or block.carried is None:
        put_claim(body, Profiles.SAFETY_BLOCK, holds=_satisfies_profile(block))
    return body


def _satisfies_profile(block: SafetyBlock) -> bool:
    told = block.active or bool(block.period.end and block.lifted_why)
    return bool(block.period.start and block.by and block.why) and told
