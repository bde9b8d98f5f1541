"""FHIR elements the Dutch way, for the synthetic clients.

Sources: nl-core-NameInformation, nl-core-ContactInformation, nl-core-AddressInformation (zib2020).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from fhir_plugin.model.terms import V3_ADDRESS_USE
from smart_app.sandbox.fhir.outcome import Json

__all__ = ["address", "born", "bsn", "complex_extension", "concept", "email", "extension", "mobile", "name"]

_HL7 = "http://hl7.org/fhir/StructureDefinition"
_MOBILE = {
    "url": "http://nictiz.nl/fhir/StructureDefinition/ext-CodeSpecification",
    "valueCodeableConcept": {"coding": [{"system": V3_ADDRESS_USE, "code": "MC"}]},
}


def name(given: str, prefix: str, family: str, call_name: str = "") -> list[Json]:
    """An official name in parts, and the name someone goes by where it differs."""
    full_family = f"{prefix} {family}".strip()
    parts = [{"url": f"{_HL7}/humanname-own-prefix", "valueString": prefix}] if prefix else []
    parts.append({"url": f"{_HL7}/humanname-own-name", "valueString": family})
    official: Json = {
        "use": "official",
        "text": f"{given} {full_family}",
        "family": full_family,
        "_family": {"extension": parts},
        "given": given.split(),
        "_given": [{"extension": [{"url": f"{_HL7}/iso21090-EN-qualifier", "valueCode": "BR"}]} for _ in given.split()],
    }
    return [official, {"use": "usual", "given": [call_name]}] if call_name else [official]


def mobile(number: str) -> Json:
    """A mobile number: not ``use`` mobile but an extension on ``system``, as nl-core has it."""
    return {"system": "phone", "_system": {"extension": [_MOBILE]}, "value": number}


def email(text: str) -> Json:
    """A private e-mail address."""
    return {"system": "email", "value": text, "use": "home"}


def address(street: str, number: str, postcode: str, city: str) -> Json:
    """A home address in parts."""
    parts = {"streetName": street, "houseNumber": number}
    return {
        "use": "home",
        "type": "both",
        "line": [f"{street} {number}"],
        "_line": [
            {
                "extension": [
                    {"url": f"{_HL7}/iso21090-ADXP-{part}", "valueString": value} for part, value in parts.items()
                ]
            }
        ],
        "postalCode": postcode,
        "city": city,
        "country": "Nederland",
    }


def concept(*codings: tuple[str, str, str]) -> Json:
    """A CodeableConcept of (system, code, display)."""
    return {"coding": [_coding(*item) for item in codings]}


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display} if display else {"system": system, "code": code}


def extension(url: str, **value: Any) -> Json:
    """A simple extension."""
    return {"url": url, **value}


def complex_extension(url: str, **parts: Json) -> Json:
    """An extension with nested ones, by their urls; empty parts are left out."""
    return {"url": url, "extension": [{"url": part, **value} for part, value in parts.items() if value]}


def bsn(index: int) -> str:
    """The index-th citizen service number of the range that is never given out (9999…), passing the eleven-test."""
    found = [number for number in range(999990000, 999990000 + 11 * (index + 2)) if _passes(str(number))]
    return str(found[index])


def _passes(number: str) -> bool:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, number, strict=True)) % 11 == 0


def born(today: date, years: int, days: int) -> date:
    """The birth date of someone who turned ``years`` so many days ago (negative: will turn in so many days).

    Only for birthdays that exist: 29 February becomes 28 February, or 1 March for a birthday still to come, so that
    the age is right whatever day it is.
    """
    anniversary = today - timedelta(days=days)
    try:
        return anniversary.replace(year=anniversary.year - years)
    except ValueError:
        return date(anniversary.year - years, 2, 28) if days >= 0 else date(anniversary.year - years, 3, 1)
