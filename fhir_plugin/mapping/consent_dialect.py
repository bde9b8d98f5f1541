"""How R4 and R5 spell the conditions of a provision."""

from __future__ import annotations

from dataclasses import dataclass, field

from fhir_plugin.mapping.consent_doubts import BACKBONE
from fhir_plugin.model.terms import RESOURCE_TYPES

__all__ = ["DOCUMENT_TYPES", "R4", "R5", "Dialect"]

DOCUMENT_TYPES = "urn:ietf:bcp:13"
"""Media types of documents, the other half of value set consent-content-class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a version of FHIR spells a provision.

    Attributes:
        coded: (field of Rule, element, whether it is a CodeableConcept, code systems that belong there; None: any).
        typed: provisions state their effect; otherwise each nesting turns it around.
        strict_actor: role and reference of an actor are required.
        known: every element of a provision that is evaluated.
    """

    coded: tuple[tuple[str, str, bool, frozenset[str] | None], ...]
    typed: bool
    strict_actor: bool

    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = {"period", "actor", "dataPeriod", "data", "provision", *(key for _, key, _, _ in self.coded)}
        object.__setattr__(self, "known", BACKBONE | names | ({"type"} if self.typed else set()))


_COMMON = (
    ("actions", "action", True, None),
    ("purposes", "purpose", False, None),
    ("codes", "code", True, None),
    ("security_labels", "securityLabel", False, None),
)
R4 = Dialect(coded=(*_COMMON, ("classes", "class", False, None)), typed=True, strict_actor=True)
R5 = Dialect(
    coded=(
        *_COMMON,
        ("classes", "resourceType", False, frozenset({RESOURCE_TYPES})),
        ("classes", "documentType", False, frozenset({DOCUMENT_TYPES})),
    ),
    typed=False,
    strict_actor=False,
)
