"""The vocabulary: canonicals, code systems and our own coded values, each in one place.

Values of our own code systems are enums; their Dutch and English displays live in ``profiles/`` (CodeSystem resources),
and a test keeps both in step. Facts: BGZJ definition of *vertrouwenspersoon-steunfiguur*.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AUTHORITY_CODES",
    "BASE",
    "BIOLOGICAL_PARENT_CODES",
    "BSN_SYSTEMS",
    "AgeBasis",
    "BondKind",
    "CodeSystems",
    "Context",
    "Designator",
    "Extensions",
    "Function",
    "InformationCategory",
    "Involvement",
    "LifeDomain",
    "Mandate",
    "NetworkRing",
    "ParentAccord",
    "Profiles",
    "Supports",
    "TaskStep",
    "TieQuality",
]

BASE = "https://w3id.org/steunfiguren/fhir"
"""Canonical base of everything this project defines; a package can be rebuilt on another base."""

SNOMED = "http://snomed.info/sct"
V3_ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
V3_NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
V3_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
V3_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
V3_ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
V3_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
V3_ADDRESS_USE = "http://terminology.hl7.org/CodeSystem/v3-AddressUse"
CONSENT_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
CONSENT_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"
LOINC = "http://loinc.org"
PROVENANCE_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"

ROL_VEKTIS = "urn:oid:2.16.840.1.113883.2.4.3.11.22.472"
"""RolCodelijst, the part kept by Vektis (COD472-VEKT)."""
ROL_NICTIZ = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.23.1"
"""RolCodelijst, the part kept by Nictiz (100001 Mantelzorger and further)."""

BSN_SYSTEMS = frozenset({"http://fhir.nl/fhir/NamingSystem/bsn", "urn:oid:2.16.840.1.113883.2.4.6.3"})
"""Identifier systems of the Dutch citizen service number; never allowed on a support figure (L8)."""

BIOLOGICAL_PARENT_CODES = frozenset(
    {
        (V3_ROLE_CODE, "FTH"),
        (V3_ROLE_CODE, "MTH"),
        (V3_ROLE_CODE, "NFTH"),
        (V3_ROLE_CODE, "NMTH"),
        (V3_ROLE_CODE, "NPRN"),
        (SNOMED, "66839005"),
        (SNOMED, "72705000"),
    }
)
"""A biological parent is part of the network but never a support figure (BGZJ; invariant sf-2)."""

PROFESSIONAL_ROLE_CODES = frozenset({(ROL_VEKTIS, "07"), (ROL_VEKTIS, "21")})
"""Hulpverlener and Cliëntondersteuner: professionals, so not support figures (invariant sf-4)."""

LEGAL_ROLE_CODES = frozenset({(ROL_VEKTIS, code) for code in ("03", "11", "14", "15", "24")})
"""Roles that a court or the law gives: they imply a formal mandate (invariant sf-5)."""


FIGURE_TAG = {"system": f"{BASE}/CodeSystem/record-tag", "code": "support-figure"}
"""``meta.tag`` that marks a draft as a support figure as long as nothing else in it does."""


FIGURE_IDENTIFIER = f"{BASE}/NamingSystem/support-figure"
"""Identifier system of a figure × client: a ``urn:uuid:`` given by whoever recorded the figure first."""
CONSENT_IDENTIFIER = f"{BASE}/NamingSystem/support-consent"
"""Identifier system of a consent that a source of the sync engine reported."""
URI_IDENTIFIER = "urn:ietf:rfc:3986"
"""Identifier.system of a value that is a URI itself (https://hl7.org/fhir/R4/identifier-registry.html)."""
NETWORK_IDENTIFIER = f"{BASE}/NamingSystem/support-network"
"""Identifier system of a child's network: the EHR's own Patient id, so that there is one network per child."""

AUTHORITY_CODES = frozenset(
    {(ROL_VEKTIS, "24"), (ROL_VEKTIS, "11"), (SNOMED, "310401000146108"), (SNOMED, "394619001")}
)
"""Wettelijke vertegenwoordiger, Voogd (2020); Ouderlijk gezag, Voogd (2024): who holds *gezag* over a minor."""


class CodeSystems:
    """Canonicals of our own code systems."""

    KIND = f"{BASE}/CodeSystem/support-figure-kind"
    FUNCTION = f"{BASE}/CodeSystem/support-function"
    INVOLVEMENT = f"{BASE}/CodeSystem/support-involvement"
    CONTEXT = f"{BASE}/CodeSystem/support-context"
    DESIGNATOR = f"{BASE}/CodeSystem/designator"
    SUPPORTS = f"{BASE}/CodeSystem/supports"
    MANDATE = f"{BASE}/CodeSystem/mandate"
    PARENT_ACCORD = f"{BASE}/CodeSystem/parent-accord"
    LIFE_DOMAIN = f"{BASE}/CodeSystem/life-domain"
    NETWORK_RING = f"{BASE}/CodeSystem/network-ring"
    TIE_QUALITY = f"{BASE}/CodeSystem/tie-quality"
    TIE = f"{BASE}/CodeSystem/tie"
    TASK_STEP = f"{BASE}/CodeSystem/task-step"
    INFORMATION_CATEGORY = f"{BASE}/CodeSystem/information-category"
    AGE_BASIS = f"{BASE}/CodeSystem/age-basis"
    NOTE_KIND = f"{BASE}/CodeSystem/note-kind"
    RECORD_TAG = f"{BASE}/CodeSystem/record-tag"
    SAFETY_BLOCK = f"{BASE}/CodeSystem/safety-block"
    YES_NO_UNKNOWN = f"{BASE}/CodeSystem/yes-no-unknown"


class Profiles:
    """Canonicals of our own profiles."""

    FIGURE = f"{BASE}/StructureDefinition/SupportFigure"
    NETWORK = f"{BASE}/StructureDefinition/SupportNetwork"
    CONSENT = f"{BASE}/StructureDefinition/SupportConsent"
    DESIGNATION = f"{BASE}/StructureDefinition/SupportDesignation"
    TIE = f"{BASE}/StructureDefinition/SupportTie"
    SAFETY_BLOCK = f"{BASE}/StructureDefinition/SupportSafetyBlock"
    NL_CORE_CONTACT_PERSON = "http://nictiz.nl/fhir/StructureDefinition/nl-core-ContactPerson"


class Extensions:
    """Canonicals of the extensions on RelatedPerson, CareTeam.participant, Consent and Flag.

    ``sub`` names in the docstrings are the urls of the nested extensions of a complex one.
    """

    OWN_LABEL = f"{BASE}/StructureDefinition/own-label"
    """RelatedPerson, 0..1, valueString: what the family calls this person."""
    DESIGNATION = f"{BASE}/StructureDefinition/designation"
    """RelatedPerson, 0..*, sub: by (valueCode, designator), who (valueReference), on (valueDate)."""
    BOND_OF_TRUST = f"{BASE}/StructureDefinition/bond-of-trust"
    """RelatedPerson, 0..1, sub: confirmed (valueBoolean), on (valueDate)."""
    MANDATE = f"{BASE}/StructureDefinition/mandate"
    """RelatedPerson, 0..1, sub: kind (valueCode, mandate), order (valueReference to the court order)."""
    SUPPORTS = f"{BASE}/StructureDefinition/supports"
    """RelatedPerson, 0..*, valueCode (supports)."""
    LIFE_DOMAIN = f"{BASE}/StructureDefinition/life-domain"
    """RelatedPerson, 0..*, valueCode (life-domain)."""
    ADULT = f"{BASE}/StructureDefinition/adult"
    """RelatedPerson, 0..1, valueCode (yes-no-unknown)."""
    PARENT_ACCORD = f"{BASE}/StructureDefinition/parent-accord"
    """RelatedPerson, 0..1, valueCode (parent-accord)."""
    AGREEMENT = f"{BASE}/StructureDefinition/figure-agreement"
    """RelatedPerson, 0..1, sub: agreed (valueBoolean), on, informedOn (valueDate), exception (valueString)."""
    VOG_SEEN = f"{BASE}/StructureDefinition/vog-seen"
    """RelatedPerson, 0..1, sub: seen (valueBoolean), on (valueDate)."""
    PROGRAMME = f"{BASE}/StructureDefinition/programme"
    """RelatedPerson, 0..1, valueReference to Organization, or only its display."""
    NOTE = f"{BASE}/StructureDefinition/figure-note"
    """RelatedPerson, 0..*, sub: kind (valueCode, note-kind), author (valueReference), on (valueDateTime),
    text (valueString)."""
    BLOCK_REASON = f"{BASE}/StructureDefinition/safety-block-reason"
    """Flag, 0..1, valueString: why nothing may be shared."""
    BLOCK_LIFTED = f"{BASE}/StructureDefinition/safety-block-lifted"
    """Flag, 0..1, valueString: why it may be shared again."""
    CONTEXT = f"{BASE}/StructureDefinition/participant-context"
    """CareTeam.participant, 0..*, valueCode (support-context)."""
    TIE = f"{BASE}/StructureDefinition/tie"
    """CareTeam.participant, 0..*: a tie where the EHR takes no Observation; sub: ring, quality (valueCode), by
    (valueReference), on (valueDate)."""
    AGE_BASIS = f"{BASE}/StructureDefinition/age-basis"
    """Consent, 0..1, valueCode (age-basis): which signature rule the consent was recorded under."""


class BondKind(StrEnum):
    """Kinds of support figure the founding texts name (``support-figure-kind``)."""

    JIM = "jim"
    NATURAL_MENTOR = "natural-mentor"
    SIGNIFICANT_ADULT = "significant-adult"
    RESOURCE_GROUP_MEMBER = "resource-group-member"
    SUPPORT_FAMILY = "support-family"
    FOSTER = "foster"
    CITIZEN_GUARDIAN = "citizen-guardian"
    VOLUNTEER_MENTOR = "volunteer-mentor"
    YOUTH_WORK_VOLUNTEER = "youth-work-volunteer"
    OTHER = "other"


class Designator(StrEnum):
    """Who may name a support figure: never a professional (``designator``)."""

    CHILD = "child"
    YOUTH = "youth"
    PARENT = "parent"


class Mandate(StrEnum):
    """``formal`` is given by a court, everything else is ``informal``."""

    FORMAL = "formal"
    INFORMAL = "informal"


class Function(StrEnum):
    """What kind of support the person gives (``support-function``)."""

    EMOTIONAL = "emotional"
    PRACTICAL = "practical"
    INFORMATIONAL = "informational"
    COMPANY = "company"
    OTHER = "other"


class Context(StrEnum):
    """In which part of care the person is engaged (``support-context``)."""

    PREVENTION = "prevention"
    GUIDANCE = "guidance"
    TREATMENT = "treatment"
    CLOSED_YOUTH_CARE = "closed-youth-care"
    TRANSITION_18 = "transition-18"


class Involvement(StrEnum):
    """How the person takes part; ``advice-only`` means no direct contact with professionals."""

    DECISION_MAKING = "decision-making"
    EXECUTION = "execution"
    ADVICE_ONLY = "advice-only"


class Supports(StrEnum):
    """Whom the person supports (``supports``)."""

    CHILD = "child"
    YOUTH = "youth"
    PARENT = "parent"


class LifeDomain(StrEnum):
    """Where in daily life the person stands (``life-domain``)."""

    HOME = "home"
    FAMILY = "family"
    SCHOOL = "school"
    WORK = "work"
    LEISURE_SPORT = "leisure-sport"
    NEIGHBOURHOOD = "neighbourhood"
    ONLINE = "online"
    CARE = "care"
    OTHER = "other"


class RecordTag(StrEnum):
    """Marks in ``meta.tag`` (``record-tag``)."""

    SUPPORT_FIGURE = "support-figure"


class Adult(StrEnum):
    """Whether the figure is a (young) adult; no birth date is needed to say so."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class ParentAccord(StrEnum):
    """Whether the parents agree with the choice: recorded, never blocking."""

    YES = "yes"
    RELUCTANT = "reluctant"
    NO = "no"
    NOT_ASKED = "not-asked"


class NetworkRing(StrEnum):
    """Closeness in the ecogram: 1 is nearest to the child."""

    INNER = "1"
    MIDDLE = "2"
    OUTER = "3"


class TieQuality(StrEnum):
    """Quality of a tie as someone judged it."""

    CLOSE = "close"
    ORDINARY = "ordinary"
    DISTANT = "distant"
    TENSE = "tense"


class NoteKind(StrEnum):
    """A remark, or disagreement recorded without removing the figure."""

    NOTE = "note"
    DISSENT = "dissent"


class TaskStep(StrEnum):
    """Steps with a support figure; every one can be skipped with a reason (``task-step``)."""

    WHO_QUESTION = "who-question"
    ASK_FIGURE = "ask-figure"
    AGREE_ROLE = "agree-role"
    CONFIRM = "confirm"
    REVIEW = "review"
    HAND_OVER = "hand-over"


class AgeBasis(StrEnum):
    """The signature rule a consent is recorded under (Jeugdwet 7.3.5)."""

    UNDER_12 = "under-12"
    FROM_12_TO_15 = "12-15"
    FROM_16 = "16-plus"


class InformationCategory(StrEnum):
    """What a consent may open, in words a family uses (``information-category``)."""

    CONTACT = "contact-details"
    APPOINTMENTS = "appointments"
    PLAN_AND_GOALS = "plan-and-goals"
    PROGRESS = "progress"
    SCHOOL = "school"
    HEALTH = "health"
    WHOLE_FILE = "whole-file"
