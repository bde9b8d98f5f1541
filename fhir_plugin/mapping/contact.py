"""ContactPoint and Address by nl-core ↔ Telecom and Address.

Sources: http://nictiz.nl/fhir/StructureDefinition/nl-core-ContactInformation-TelephoneNumbers, …-E-mailAddresses,
…/nl-core-AddressInformation. Mobile is not ``use`` mobile but ext-CodeSpecification MC on ``system``.
"""

from __future__ import annotations

import re

from fhir_plugin.mapping.json import Json, codings, objects, prune, put_text, text
from fhir_plugin.mapping.lens import ItemLens, Lens, list_lens
from fhir_plugin.model.identity import Address, Telecom, TelecomUse
from fhir_plugin.model.terms import V3_ADDRESS_USE

__all__ = ["ADDRESSES", "TELECOMS"]

CODE_SPECIFICATION = "http://nictiz.nl/fhir/StructureDefinition/ext-CodeSpecification"
_ADXP = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-"
_LINE = re.compile(r"(?P<street>.*\S)\s+(?P<number>\d{1,5})(?:[\s-]*(?P<addition>[A-Za-z0-9 ]{1,12}))?")
_MOBILE: Json = {
    "url": CODE_SPECIFICATION,
    "valueCodeableConcept": {"coding": [{"system": V3_ADDRESS_USE, "code": "MC"}]},
}


def _read_telecom(raw: Json) -> Telecom | None:
    system, value, use = text(raw, "system"), text(raw, "value"), text(raw, "use")
    if not system or not value or use == "old":
        return None
    if use == "mobile" or _is_mobile(raw):
        return Telecom(system=system, value=value, use=TelecomUse.MOBILE)
    return Telecom(
        system=system, value=value, use=TelecomUse(use) if use in ("home", "work", "temp") else TelecomUse.UNKNOWN
    )


def _write_telecom(value: Telecom, base: Json | None) -> Json:
    body: Json = dict(base or {})
    body.update(system=value.system, value=value.value)
    companion = body.get("_system")
    marks = [item for item in objects(companion, "extension") if not _marks_mobile(item)]
    kept: Json = dict(companion) if isinstance(companion, dict) else {}
    mobile = value.use is TelecomUse.MOBILE
    body["_system"] = prune({**kept, "extension": [*marks, _MOBILE] if mobile else marks})
    put_text(body, "use", "" if mobile else value.use.value)
    return prune(body)


def _is_mobile(raw: Json) -> bool:
    return any(_marks_mobile(item) for item in objects(raw.get("_system"), "extension"))


def _marks_mobile(item: Json) -> bool:
    return item.get("url") == CODE_SPECIFICATION and any(
        coding.key == (V3_ADDRESS_USE, "MC") for coding in codings(item.get("valueCodeableConcept"))
    )


def _read_address(raw: Json) -> Address | None:
    if text(raw, "use") == "old":
        return None
    street, number, addition = _read_line(raw)
    address = Address(
        street=street,
        house_number=number,
        addition=addition,
        postcode=text(raw, "postalCode"),
        city=text(raw, "city"),
        country=text(raw, "country"),
    )
    return address if address != Address() else None


def _read_line(raw: Json) -> tuple[str, str, str]:
    companions = raw.get("_line")
    parts: dict[str, list[str]] = {}
    for companion in companions if isinstance(companions, list) else []:
        for item in objects(companion, "extension"):
            url = text(item, "url")
            if url.startswith(_ADXP):
                parts.setdefault(url.removeprefix(_ADXP), []).append(text(item, "valueString"))
    if parts.keys() & {"streetName", "houseNumber", "buildingNumberSuffix"}:
        suffix = " ".join(parts.get("buildingNumberSuffix", []))
        return "".join(parts.get("streetName", [])[:1]), "".join(parts.get("houseNumber", [])[:1]), suffix
    lines = raw.get("line")
    written = ", ".join(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ""
    match = _LINE.fullmatch(written)
    return (match["street"], match["number"], match["addition"] or "") if match else (written, "", "")


def _write_address(value: Address, base: Json | None) -> Json:
    body: Json = dict(base or {"use": "home", "type": "both"})
    if _read_line(body) != (value.street, value.house_number, value.addition):
        _write_line(body, value)
    for key, new in (("postalCode", value.postcode), ("city", value.city), ("country", value.country)):
        if text(body, key) != new:
            put_text(body, key, new)
            body.pop(f"_{key}", None)
    body.pop("text", None)
    return body


def _write_line(body: Json, value: Address) -> None:
    written = " ".join(part for part in (value.street, value.house_number, value.addition) if part)
    body.pop("line", None)
    body.pop("_line", None)
    if not written:
        return
    parts = (
        ("streetName", value.street),
        ("houseNumber", value.house_number),
        ("buildingNumberSuffix", value.addition),
    )
    body["line"] = [written]
    body["_line"] = [{"extension": [{"url": _ADXP + name, "valueString": part} for name, part in parts if part]}]


TELECOMS: Lens[tuple[Telecom, ...]] = list_lens(
    "telecoms",
    "telecom",
    "telecom",
    ItemLens(_read_telecom, _write_telecom, replaces=lambda old, new: old.system == new.system),
)
ADDRESSES: Lens[tuple[Address, ...]] = list_lens(
    "addresses", "address", "address", ItemLens(_read_address, _write_address)
)
