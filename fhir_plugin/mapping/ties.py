"""Observation (or an extension on the participant) ↔ Tie: how close a tie is, as someone judged it on a day.

Profile: https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportTie. ``focus`` is the figure, ``performer`` who
judged, components hold ring and quality. Where an EHR takes no Observation the same facts stand in an extension on
CareTeam.participant.
"""

from __future__ import annotations

from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.displays import coding_to_json
from fhir_plugin.mapping.engagement import same_member
from fhir_plugin.mapping.json import Json, codings, date_of, objects, prune, reference_of, reference_to_json, text
from fhir_plugin.mapping.lens import ItemLens, Lens
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.figure import Tie
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.terms import CodeSystems, Extensions, NetworkRing, Profiles, TieQuality

__all__ = ["TIES_ON_PARTICIPANT", "TIE_CODE", "is_tie", "new_tie", "tie_about", "tie_from"]

TIE_CODE = Coding(system=CodeSystems.TIE, code="tie")
_RING = Coding(system=CodeSystems.TIE, code="ring")
_QUALITY = Coding(system=CodeSystems.TIE, code="quality")
_DISCARDED = ("entered-in-error", "cancelled")


def is_tie(body: Json) -> bool:
    """Whether an Observation is a judged tie that still counts."""
    return (
        body.get("resourceType") == "Observation"
        and text(body, "status") not in _DISCARDED
        and any(coding.key == TIE_CODE.key for coding in codings(body.get("code")))
    )


def tie_about(body: Json, member: str, server: str = "") -> bool:
    """Whether an Observation is about this RelatedPerson; ``server``: see ``engagement.same_member``."""
    return any(same_member(item, member, server) for item in objects(body, "focus"))


def tie_from(body: Json, *, reference: str = "") -> Tie:
    """The tie an Observation describes; what cannot be read is left out."""
    performers = objects(body, "performer")
    carried = Carried(body)
    return Tie(
        ring=ext.read_code(_component(body, _RING, CodeSystems.NETWORK_RING), NetworkRing),
        quality=ext.read_code(_component(body, _QUALITY, CodeSystems.TIE_QUALITY), TieQuality),
        by=reference_of(performers[0]) if performers else None,
        on=date_of(body.get("effectiveDateTime")),
        ref=Ref(reference=carried.reference or reference),
        carried=carried,
    )


def new_tie(tie: Tie, *, patient: Ref, figure: Ref) -> Json:
    """The Observation of a tie. Judgements are history: a changed opinion is a new Observation, never an edited one.

    The profile is claimed only by a judgement that says who judged and on which day.
    """
    judged = [(_RING, CodeSystems.NETWORK_RING, tie.ring), (_QUALITY, CodeSystems.TIE_QUALITY, tie.quality)]
    components = [(code, system, value) for code, system, value in judged if value is not None]
    return prune(
        {
            "resourceType": "Observation",
            "meta": {"profile": [Profiles.TIE]} if tie.by and tie.on and components else {},
            "status": "final",
            "code": {"coding": [coding_to_json(TIE_CODE)]},
            "subject": reference_to_json(patient),
            "focus": [reference_to_json(figure)],
            "effectiveDateTime": str(tie.on) if tie.on else "",
            "performer": [reference_to_json(tie.by)] if tie.by else [],
            "component": [
                {
                    "code": {"coding": [coding_to_json(code)]},
                    "valueCodeableConcept": {"coding": [coding_to_json(Coding(system=system, code=value.value))]},
                }
                for code, system, value in components
            ],
        }
    )


def _component(body: Json, code: Coding, system: str) -> str:
    for component in objects(body, "component"):
        if any(coding.key == code.key for coding in codings(component.get("code"))):
            values = codings(component.get("valueCodeableConcept"))
            return next((coding.code for coding in values if coding.system == system), "")
    return ""


def _decode(raw: Json) -> Tie | None:
    tie = Tie(
        ring=ext.read_code(text(ext.sub(raw, "ring"), "valueCode"), NetworkRing),
        quality=ext.read_code(text(ext.sub(raw, "quality"), "valueCode"), TieQuality),
        by=ext.ref_of(raw, "by"),
        on=ext.on_of(raw),
    )
    return tie if tie.ring or tie.quality else None


_ITEM: ItemLens[Tie] = ext.complex_item(
    _decode,
    lambda tie: {
        "ring": {"valueCode": tie.ring.value} if tie.ring else {},
        "quality": {"valueCode": tie.quality.value} if tie.quality else {},
        "by": ext.ref_member(tie.by),
        "on": ext.date_member(tie.on),
    },
)
TIES_ON_PARTICIPANT: Lens[tuple[Tie, ...]] = ext.repeating(
    "ties", f"extension('{Extensions.TIE}')", Extensions.TIE, _ITEM
)
"""The ties kept on a CareTeam participant, where the EHR takes no Observation."""
