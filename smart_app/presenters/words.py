"""Plain words for coded values: what the codes of ``fhir_plugin.model.terms`` are called at the kitchen table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from fhir_plugin.model.identity import Coding, NameOrder
from fhir_plugin.model.network import Standing
from fhir_plugin.model.terms import (
    ROL_NICTIZ,
    ROL_VEKTIS,
    SNOMED,
    V3_NULL_FLAVOR,
    V3_ROLE_CODE,
    Adult,
    BondKind,
    Context,
    Designator,
    Function,
    InformationCategory,
    Involvement,
    LifeDomain,
    Mandate,
    NetworkRing,
    NoteKind,
    ParentAccord,
    Supports,
    TieQuality,
)
from smart_app.i18n import Message, Translator, msg

__all__ = ["FUNCTION_LETTERS", "HINTS", "RELATION_CHOICES", "WORDS", "coding_word", "hint", "joined", "word", "words"]

WORDS: Mapping[type[StrEnum], Mapping[StrEnum, Message]] = {
    BondKind: {
        BondKind.JIM: msg("JIM: mentor chosen by the youth"),
        BondKind.NATURAL_MENTOR: msg("Natural mentor"),
        BondKind.SIGNIFICANT_ADULT: msg("Important adult"),
        BondKind.RESOURCE_GROUP_MEMBER: msg("Member of the resource group (RACT)"),
        BondKind.SUPPORT_FAMILY: msg("Support family"),
        BondKind.FOSTER: msg("Foster parent"),
        BondKind.CITIZEN_GUARDIAN: msg("Citizen guardian"),
        BondKind.VOLUNTEER_MENTOR: msg("Volunteer mentor"),
        BondKind.YOUTH_WORK_VOLUNTEER: msg("Volunteer in youth work"),
        BondKind.OTHER: msg("Another kind of support figure"),
    },
    Designator: {
        Designator.CHILD: msg("the child"),
        Designator.YOUTH: msg("the young person"),
        Designator.PARENT: msg("a parent"),
    },
    Mandate: {
        Mandate.FORMAL: msg("Formal: appointed by a court"),
        Mandate.INFORMAL: msg("Informal: agreed with each other"),
    },
    Function: {
        Function.EMOTIONAL: msg("Emotional"),
        Function.PRACTICAL: msg("Practical"),
        Function.INFORMATIONAL: msg("Advice"),
        Function.COMPANY: msg("Company"),
        Function.OTHER: msg("Other support"),
    },
    Context: {
        Context.PREVENTION: msg("Prevention"),
        Context.GUIDANCE: msg("Guidance"),
        Context.TREATMENT: msg("Treatment"),
        Context.CLOSED_YOUTH_CARE: msg("Closed youth care"),
        Context.TRANSITION_18: msg("Turning 18"),
    },
    Involvement: {
        Involvement.DECISION_MAKING: msg("Helps to decide"),
        Involvement.EXECUTION: msg("Helps to carry out the plan"),
        Involvement.ADVICE_ONLY: msg("Only gives advice"),
    },
    Supports: {
        Supports.CHILD: msg("the child itself"),
        Supports.YOUTH: msg("the young person themselves"),
        Supports.PARENT: msg("a parent or foster parent"),
    },
    LifeDomain: {
        LifeDomain.HOME: msg("At home"),
        LifeDomain.FAMILY: msg("Family"),
        LifeDomain.SCHOOL: msg("School"),
        LifeDomain.WORK: msg("Work"),
        LifeDomain.LEISURE_SPORT: msg("Leisure and sport"),
        LifeDomain.NEIGHBOURHOOD: msg("Neighbourhood"),
        LifeDomain.ONLINE: msg("Online"),
        LifeDomain.CARE: msg("Care"),
        LifeDomain.OTHER: msg("Elsewhere"),
    },
    Adult: {
        Adult.YES: msg("Yes"),
        Adult.NO: msg("No"),
        Adult.UNKNOWN: msg("Not known"),
    },
    ParentAccord: {
        ParentAccord.YES: msg("Yes, they agree"),
        ParentAccord.RELUCTANT: msg("They have doubts"),
        ParentAccord.NO: msg("No, they do not agree"),
        ParentAccord.NOT_ASKED: msg("Not asked yet"),
    },
    NetworkRing: {
        NetworkRing.INNER: msg("Very close"),
        NetworkRing.MIDDLE: msg("Close by"),
        NetworkRing.OUTER: msg("Further away"),
    },
    TieQuality: {
        TieQuality.CLOSE: msg("Strong bond"),
        TieQuality.ORDINARY: msg("Ordinary bond"),
        TieQuality.DISTANT: msg("Weak bond"),
        TieQuality.TENSE: msg("Tense bond"),
    },
    NoteKind: {
        NoteKind.NOTE: msg("Note"),
        NoteKind.DISSENT: msg("Different opinion"),
    },
    InformationCategory: {
        InformationCategory.CONTACT: msg("Contact details"),
        InformationCategory.APPOINTMENTS: msg("Appointments"),
        InformationCategory.PLAN_AND_GOALS: msg("Plan and goals"),
        InformationCategory.PROGRESS: msg("How it is going"),
        InformationCategory.SCHOOL: msg("School"),
        InformationCategory.HEALTH: msg("Health"),
        InformationCategory.WHOLE_FILE: msg("The whole file"),
    },
    Standing: {
        Standing.CANDIDATE: msg("In the record, not a support figure"),
        Standing.PARENT: msg("Parent"),
        Standing.LEGAL: msg("Legal representative"),
        Standing.PROFESSIONAL: msg("Professional"),
    },
    NameOrder: {
        NameOrder.OWN: msg("Own name only"),
        NameOrder.PARTNER: msg("Partner's name only"),
        NameOrder.PARTNER_OWN: msg("Partner's name, then own name"),
        NameOrder.OWN_PARTNER: msg("Own name, then partner's name"),
    },
}
"""Every coded value a person can meet, by its enumeration (codes such as ``other`` occur in several)."""

HINTS: Mapping[type[StrEnum], Mapping[StrEnum, Message]] = {
    BondKind: {
        BondKind.NATURAL_MENTOR: msg("Someone who was already there and gives advice and support"),
        BondKind.SUPPORT_FAMILY: msg("A family where young people or their parents are welcome"),
        BondKind.CITIZEN_GUARDIAN: msg("A citizen who has guardianship, appointed by the court"),
    },
    Function: {
        Function.EMOTIONAL: msg("Listens, comforts, gives confidence"),
        Function.PRACTICAL: msg("Helps with things: a lift, homework, a meal"),
        Function.INFORMATIONAL: msg("Gives advice, knows the way"),
        Function.COMPANY: msg("Does fun things together"),
    },
    Involvement: {
        Involvement.DECISION_MAKING: msg("Is there when plans are made"),
        Involvement.ADVICE_ONLY: msg("Has no direct contact with professionals"),
    },
    TieQuality: {
        TieQuality.CLOSE: msg("Thick double line"),
        TieQuality.ORDINARY: msg("Thin line"),
        TieQuality.DISTANT: msg("Broken line"),
        TieQuality.TENSE: msg("Zigzag line"),
    },
}

FUNCTION_LETTERS: Mapping[Function, Message] = {
    Function.EMOTIONAL: msg("E"),
    Function.PRACTICAL: msg("P"),
    Function.INFORMATIONAL: msg("A"),
    Function.COMPANY: msg("C"),
    Function.OTHER: msg("O"),
}
"""The letters of the ecogram; in Dutch E, P, A, G (gezelschap) and O."""

RELATION_CHOICES: Mapping[tuple[str, str], Message] = {
    (V3_ROLE_CODE, "GRMTH"): msg("Grandmother"),
    (V3_ROLE_CODE, "GRFTH"): msg("Grandfather"),
    (V3_ROLE_CODE, "AUNT"): msg("Aunt"),
    (V3_ROLE_CODE, "UNCLE"): msg("Uncle"),
    (V3_ROLE_CODE, "SIS"): msg("Sister"),
    (V3_ROLE_CODE, "BRO"): msg("Brother"),
    (V3_ROLE_CODE, "COUSN"): msg("Cousin"),
    (V3_ROLE_CODE, "NIECE"): msg("Niece"),
    (V3_ROLE_CODE, "NEPHEW"): msg("Nephew"),
    (V3_ROLE_CODE, "STPMTH"): msg("Stepmother"),
    (V3_ROLE_CODE, "STPFTH"): msg("Stepfather"),
    (V3_ROLE_CODE, "MTHFOST"): msg("Foster mother"),
    (V3_ROLE_CODE, "FTHFOST"): msg("Foster father"),
    (V3_ROLE_CODE, "GGRMTH"): msg("Great-grandmother"),
    (V3_ROLE_CODE, "GGRFTH"): msg("Great-grandfather"),
    (ROL_VEKTIS, "20"): msg("Friend or acquaintance"),
    (ROL_VEKTIS, "19"): msg("Neighbour"),
    (ROL_NICTIZ, "100001"): msg("Informal carer"),
    (ROL_VEKTIS, "11"): msg("Guardian"),
    (ROL_VEKTIS, "15"): msg("Mentor appointed by a court"),
    (V3_NULL_FLAVOR, "OTH"): msg("Someone else"),
}
"""What a person can be to the child, in the order offered. Biological parents are not offered (BGZJ; sf-2)."""

_OTHER_CODINGS: Mapping[tuple[str, str], Message] = {
    (V3_ROLE_CODE, "MTH"): msg("Mother"),
    (V3_ROLE_CODE, "FTH"): msg("Father"),
    (V3_ROLE_CODE, "NMTH"): msg("Mother"),
    (V3_ROLE_CODE, "NFTH"): msg("Father"),
    (V3_ROLE_CODE, "NPRN"): msg("Parent"),
    (V3_ROLE_CODE, "ADOPTM"): msg("Adoptive mother"),
    (V3_ROLE_CODE, "ADOPTF"): msg("Adoptive father"),
    (SNOMED, "72705000"): msg("Mother"),
    (SNOMED, "66839005"): msg("Father"),
    (SNOMED, "310401000146108"): msg("Holds parental authority"),
    (ROL_VEKTIS, "01"): msg("First contact person"),
    (ROL_VEKTIS, "02"): msg("Second contact person"),
    (ROL_VEKTIS, "07"): msg("Professional"),
    (ROL_VEKTIS, "21"): msg("Client supporter"),
    (ROL_VEKTIS, "23"): msg("Contact person"),
    (ROL_VEKTIS, "24"): msg("Legal representative"),
}


def word(value: StrEnum, t: Translator) -> str:
    """The plain word for a coded value."""
    return t(WORDS[type(value)][value])


def hint(value: StrEnum, t: Translator) -> str:
    """What a coded value means, where its word needs explaining; else empty."""
    message = HINTS.get(type(value), {}).get(value)
    return t(message) if message else ""


def words(values: Iterable[StrEnum], t: Translator) -> str:
    """Several plain words as one list in a sentence: only the first keeps its capital."""
    said = [word(value, t) for value in values]
    return joined([*said[:1], *(_lowered(text) for text in said[1:])], t)


def coding_word(coding: Coding, t: Translator) -> str:
    """What someone is to the child: our word, else the record's own display, else nothing."""
    message = RELATION_CHOICES.get(coding.key) or _OTHER_CODINGS.get(coding.key)
    return t(message) if message else coding.display


def joined(parts: Iterable[str], t: Translator) -> str:
    """``a, b and c`` without empty parts."""
    kept = [part for part in parts if part]
    if len(kept) < 2:
        return "".join(kept)
    return t("%(first)s and %(last)s", first=", ".join(kept[:-1]), last=kept[-1])


def _lowered(text: str) -> str:
    """Without its capital, unless it is an abbreviation (``JIM``)."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
