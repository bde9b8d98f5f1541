"""What an EHR can be trusted with: what it says (CapabilityStatement) less what the write probe found to be otherwise.

Everything that chooses a way of writing chooses by ``Abilities``; nothing else looks at claims or findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fhir_plugin.ehr.capabilities import Capabilities
from fhir_plugin.wire import JSON_PATCH

__all__ = ["WRITTEN", "Abilities", "abilities_of"]

WRITTEN = ("RelatedPerson", "Consent", "CareTeam", "Provenance", "DocumentReference")
"""The types a run writes."""
_PASSED = "passed"
_CLAIMED_BY = {
    "stale-if-match": "update",
    "conditional-create": "conditional-create",
    "transaction": "transaction",
    "atomic": "transaction",
    "update": "update",
    "patch": "patch",
    "participants": "care-team",
    "team-update": "team-update",
    "consent": "consent",
    "read-back": "create",
    "versions": "update",
}
"""Check of the probe → what the CapabilityStatement says when it claims the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What may be asked of an EHR.

    Attributes:
        fhir_version: as it says; ``3.0.2`` and the like are STU3.
        software: name and version of the software these were established for.
        creates, updates, patches: types it takes such writes of.
        conditional: types it creates only once per identifier (If-None-Exist).
        transaction: whether a Bundle is written as a whole or not at all.
        if_match: whether a write on an outdated version is refused.
        untrue: checks of the probe that came out otherwise than the EHR says.
    """

    fhir_version: str = "4.0.1"
    software: str = ""
    creates: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
    patches: frozenset[str] = frozenset()
    conditional: frozenset[str] = frozenset()
    transaction: bool = False
    if_match: bool = True
    untrue: tuple[str, ...] = ()

    @property
    def is_stu3(self) -> bool:
        """Whether it speaks FHIR STU3 (3.0.x)."""
        return self.fhir_version.startswith("3.0")

    @property
    def writes_nothing(self) -> bool:
        """Whether it can only be read."""
        return not (self.creates | self.updates | self.patches) & {"RelatedPerson", "Consent", "CareTeam"}

    @property
    def takes_everything(self) -> bool:
        """Whether what a sync writes goes to it in transactions; nothing is kept elsewhere or left to a person."""
        written = ("RelatedPerson", "CareTeam", "Consent", "Provenance")
        return self.transaction and all(
            kind in self.creates and (self.if_match if kind in self.updates else kind not in self.patches)
            for kind in written
        )


def abilities_of(claims: Capabilities, findings: Mapping[str, str] | None = None) -> Abilities:
    """Reduce claims and findings to what can be relied on.

    Args:
        claims: the CapabilityStatement.
        findings: check of the probe → ``passed``, ``failed`` or ``refused``; None when it was not probed.
    """
    found = dict(findings or {})
    wrong = {check for check, outcome in found.items() if outcome != _PASSED}
    creates, updates = _claimed(claims, "create"), _claimed(claims, "update")
    patches = _claimed(claims, "patch") if _json_patch(claims) else frozenset()
    creates = _tried(creates, found, {"read-back": "RelatedPerson", "participants": "CareTeam", "consent": "Consent"})
    updates = _tried(updates, found, {"update": "RelatedPerson", "team-update": "CareTeam"})
    patches = _tried(patches, found, {"patch": "RelatedPerson"})
    if "patch" in wrong:
        patches = frozenset()
    lost = {kind for check, kind in (("participants", "CareTeam"), ("consent", "Consent")) if check in wrong}
    updates, patches = updates - lost, patches - lost
    if claims.fhir_version.startswith("3.0"):
        creates -= {"DocumentReference"}  # STU3 wants elements of it that nobody here knows
    conditional = frozenset(
        kind for kind in WRITTEN if claims.of(kind).conditional_create and "identifier" in claims.of(kind).search_params
    )
    versions = {claims.of(kind).versioning for kind in ("RelatedPerson", "Consent", "CareTeam")}
    return Abilities(
        fhir_version=claims.fhir_version or "4.0.1",
        software=software_of(claims),
        creates=creates,
        updates=updates,
        patches=patches,
        conditional=frozenset() if "conditional-create" in wrong else conditional,
        transaction="transaction" in claims.system and not wrong & {"transaction", "atomic"},
        if_match="no-version" not in versions and not wrong & {"stale-if-match", "versions"},
        untrue=tuple(sorted(check for check in wrong if _claims(claims, check))),
    )


def software_of(claims: Capabilities) -> str:
    """Name and version of the EHR's software, as findings are kept for."""
    return f"{claims.software_name} {claims.software_version}".strip()


def _claimed(claims: Capabilities, interaction: str) -> frozenset[str]:
    """The types an interaction is claimed for; all of them where the statement names no types at all."""
    if not claims.types:
        return frozenset(WRITTEN)
    return frozenset(kind for kind in claims.types if claims.supports(kind, interaction))


def _tried(claimed: frozenset[str], found: Mapping[str, str], by_check: Mapping[str, str]) -> frozenset[str]:
    """What is claimed, with what was seen to work and without what was seen not to."""
    works = {kind for check, kind in by_check.items() if found.get(check) == _PASSED}
    fails = {kind for check, kind in by_check.items() if found.get(check, _PASSED) != _PASSED}
    return (claimed | works) - fails


def _json_patch(claims: Capabilities) -> bool:
    return any(form in (JSON_PATCH, "json-patch", "application/json-patch") for form in claims.patch_formats)


def _claims(claims: Capabilities, check: str) -> bool:
    """Whether the EHR says that it does what a check tries."""
    person = claims.of("RelatedPerson")
    match _CLAIMED_BY.get(check, ""):
        case "update":
            return "update" in person.interactions and (
                check != "stale-if-match" or person.versioning == "versioned-update"
            )
        case "conditional-create":
            return person.conditional_create
        case "transaction":
            return "transaction" in claims.system
        case "patch":
            return "patch" in person.interactions and _json_patch(claims)
        case "care-team":
            return claims.supports("CareTeam", "create")
        case "team-update":
            return claims.supports("CareTeam", "update")
        case "consent":
            return claims.supports("Consent", "create")
        case "create":
            return "create" in person.interactions
    return False
