"""Consent.provision → Rule, for R4 and R5 alike: the conditions are the same, their spelling differs.

Sources: https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision,
https://hl7.org/fhir/R5/consent-definitions.html#Consent.provision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir_plugin.mapping.consent_dialect import DOCUMENT_TYPES, R4, Dialect
from fhir_plugin.mapping.consent_doubts import BACKBONE, Doubts
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.consent import Actor, DataRef, Effect, Rule
from fhir_plugin.model.identity import Coding
from fhir_plugin.model.terms import (
    CONSENT_ACTION,
    RESOURCE_TYPES,
    V3_CONFIDENTIALITY,
    V3_PARTICIPATION,
    CodeSystems,
    InformationCategory,
)

__all__ = ["read_rule"]

MAX_RULES = 5_000
MAX_LEVELS = 31
_ACTOR = BACKBONE | {"role", "reference"}
_DATA = BACKBONE | {"meaning", "reference"}
_MEANINGS = frozenset({"instance", "related", "dependents", "authoredby"})
_UNRESOLVABLE = frozenset({"Group"})
"""Actors whose members nobody here can know."""
_UNDERSTOOD = {
    "classes": frozenset({RESOURCE_TYPES, DOCUMENT_TYPES}),
    "security_labels": frozenset({V3_CONFIDENTIALITY}),
}
"""Conditions that are evaluated only for codes of these systems."""
_CODES: dict[str, frozenset[str]] = {
    CONSENT_ACTION: frozenset({"collect", "access", "use", "disclose", "correct"}),
    CodeSystems.INFORMATION_CATEGORY: frozenset(InformationCategory),
}
"""Systems of which every code is known; another code there is met by no request, and is worth a warning."""
_CONFIDENTIALITIES = frozenset("ULMNRV")


@dataclass(slots=True)
class _Reader:
    dialect: Dialect
    doubts: Doubts
    rules: int = 0

    def rule(self, raw: Any, path: str, level: int, effect: Effect | None) -> Rule:
        """A provision; whatever is not readable about it is in the doubts."""
        self.rules += 1
        if not isinstance(raw, dict):
            self.doubts.doubt(path)
            return Rule(effect=effect or Effect.DENY)
        self.doubts.unknown_members(raw, self.dialect.known, path)
        if self.dialect.typed:
            effect = self._effect(raw, path, level)
        return Rule(
            effect=effect,
            period=self.doubts.interval(raw, "period", path),
            actors=self.doubts.items(raw, "actor", path, self._actor),
            **self._coded(raw, path),
            data_period=self.doubts.interval(raw, "dataPeriod", path),
            data=self.doubts.items(raw, "data", path, self._data),
            exceptions=self._exceptions(raw, path, level, effect),
        )

    def _effect(self, raw: Json, path: str, level: int) -> Effect | None:
        if "type" not in raw and "_type" not in raw:
            if level:
                self.doubts.doubt(f"{path}.type")
                return Effect.DENY
            return None
        if raw.get("type") in ("permit", "deny"):
            return Effect(raw["type"])
        self.doubts.doubt(f"{path}.type")
        return Effect.DENY

    def _coded(self, raw: Json, path: str) -> dict[str, Any]:
        found: dict[str, tuple[Coding, ...]] = {}
        for name, key, is_concept, _ in self.dialect.coded:
            if is_concept:
                groups = self.doubts.items(raw, key, path, self.doubts.concept)
                values = tuple(coding for group in groups for coding in group)
            else:
                values = self.doubts.items(raw, key, path, self.doubts.coding)
            if not self._evaluated(name, values):
                self.doubts.doubt(f"{path}.{key}", "consent-code-not-understood")
                values = ()
            if any(coding.code not in _CODES.get(coding.system, (coding.code,)) for coding in values):
                self.doubts.warn(f"{path}.{key}", "consent-code-unknown")
            found[name] = found.get(name, ()) + values
        return found

    def _evaluated(self, name: str, values: Sequence[Coding]) -> bool:
        systems = _UNDERSTOOD.get(name)
        if systems is None:
            return True
        known = all(coding.system in systems for coding in values)
        return known and (name != "security_labels" or all(coding.code in _CONFIDENTIALITIES for coding in values))

    def _actor(self, raw: Any, path: str) -> Actor | None:
        if not isinstance(raw, dict):
            self.doubts.doubt(path)
            return None
        self.doubts.unknown_members(raw, _ACTOR, path)
        role = self.doubts.concept(raw["role"], f"{path}.role") if "role" in raw else None
        ref = self.doubts.reference(raw["reference"], f"{path}.reference") if "reference" in raw else None
        missing = [key for key, value in (("role", role), ("reference", ref)) if value is None]
        if (missing and (self.dialect.strict_actor or len(missing) == 2)) or any(key in raw for key in missing):
            self.doubts.doubt(f"{path}.{missing[0]}")
            return None
        if ref is not None and ref.type in _UNRESOLVABLE:
            self.doubts.doubt(f"{path}.reference", "consent-actor-unresolvable")
            return None
        return Actor(role=_recipient_first(role), ref=ref)

    def _data(self, raw: Any, path: str) -> DataRef | None:
        if not isinstance(raw, dict) or text(raw, "meaning") not in _MEANINGS:
            self.doubts.doubt(path)
            return None
        self.doubts.unknown_members(raw, _DATA, path)
        ref = self.doubts.reference(raw.get("reference"), f"{path}.reference")
        return DataRef(meaning=raw["meaning"], ref=ref) if ref else None

    def _exceptions(self, raw: Json, path: str, level: int, effect: Effect | None) -> tuple[Rule, ...]:
        if "provision" not in raw:
            return ()
        nested = raw["provision"]
        if not isinstance(nested, list) or not nested or level >= MAX_LEVELS:
            self.doubts.doubt(f"{path}.provision")
            return ()
        opposite = Effect.DENY if effect is Effect.PERMIT else Effect.PERMIT
        found = []
        for index, item in enumerate(nested):
            if self.rules >= MAX_RULES:
                self.doubts.doubt(f"{path}.provision[{index}]", "consent-too-large")
                break
            found.append(self.rule(item, f"{path}.provision[{index}]", level + 1, opposite))
        return tuple(found)


def read_rule(
    raw: Any, doubts: Doubts, dialect: Dialect = R4, *, path: str = "Consent.provision", effect: Effect | None = None
) -> Rule:
    """A provision and everything below it.

    Args:
        raw: the JSON, of whatever type.
        doubts: collects what is not understood.
        dialect: R4 or R5.
        path: FHIRPath of the provision.
        effect: its effect, where the dialect does not state one.
    """
    return _Reader(dialect, doubts).rule(raw, path, 0, effect)


def _recipient_first(role: tuple[Coding, ...] | None) -> Coding | None:
    """One coding of a role concept: its codings are translations, so the recipient is looked for first."""
    if not role:
        return None
    return next((coding for coding in role if coding.key == (V3_PARTICIPATION, "IRCP")), role[0])
