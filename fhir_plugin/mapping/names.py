"""HumanName by nl-core-NameInformation ↔ PersonName.

Source: http://nictiz.nl/fhir/StructureDefinition/nl-core-NameInformation and …NameInformation.GivenName (zib2020).
"""

from __future__ import annotations

from typing import Any

from fhir_plugin.mapping.json import Json, listed, objects, put_text, text
from fhir_plugin.mapping.lens import ItemLens, Lens, merge_items
from fhir_plugin.model.identity import NameOrder, PersonName
from fhir_plugin.model.names import family_name, split_prefix

__all__ = ["NAME", "read_name"]

_HL7 = "http://hl7.org/fhir/StructureDefinition"
QUALIFIER = f"{_HL7}/iso21090-EN-qualifier"
ORDER = f"{_HL7}/humanname-assembly-order"
FAMILY_PARTS = {
    "own_prefix": f"{_HL7}/humanname-own-prefix",
    "own_name": f"{_HL7}/humanname-own-name",
    "partner_prefix": f"{_HL7}/humanname-partner-prefix",
    "partner_name": f"{_HL7}/humanname-partner-name",
}
_PART_OF = {url: part for part, url in FAMILY_PARTS.items()}
_MAIN_USES = ("official", "", "temp", "old", "maiden", "anonymous", "nickname", "usual")


def read_name(body: Json) -> PersonName:
    """The name of a RelatedPerson, Patient or Practitioner; empty when there is none."""
    names = objects(body, "name")
    main = _main(names)
    usual = _usual(names, main)
    call_name = " ".join(value for value, _ in _given(usual)) if usual else ""
    if main is None:
        return PersonName(call_name=call_name)
    given = _given(main)
    return PersonName(
        text=text(main, "text"),
        given=tuple(value for value, qualifier in given if qualifier in ("BR", "")),
        initials=tuple(value for value, qualifier in given if qualifier == "IN"),
        call_name=call_name or " ".join(value for value, qualifier in given if qualifier == "CL"),
        order=_order(main),
        **_family(main),
    )


def _write(body: Json, name: PersonName) -> None:
    names = list(listed(body, "name"))
    known = [item for item in names if isinstance(item, dict)]
    main = _main(known)
    usual = _usual(known, main)
    if not name.says_more_than_call_name:
        names = [item for item in names if item is not main]
        main = None
    elif main is None:
        main = {"use": "official"}
        names.append(main)
    if main is not None:
        _write_main(main, name)
    _write_call_name(names, main, usual, name.call_name)
    if names:
        body["name"] = names
    else:
        body.pop("name", None)


NAME: Lens[PersonName] = Lens("name", "name", read_name, _write)


def _write_main(main: Json, name: PersonName) -> None:
    put_text(main, "text", name.text)
    if _family(main) != _family_of(name):
        _write_family(main, name)
    if _order(main) != name.order:
        _put_extension(main, ORDER, "valueCode", name.order.value if name.order else "")
    held = _given(main)
    ours = [(value, qualifier) for value, qualifier in held if qualifier in ("BR", "", "IN")]
    given = tuple(value for value, qualifier in ours if qualifier != "IN")
    initials = tuple(value for value, qualifier in ours if qualifier == "IN")
    if (given, initials) != (name.given, name.initials):
        others = [(value, qualifier) for value, qualifier in held if qualifier not in ("BR", "", "IN")]
        wanted = [(value, "BR") for value in name.given] + [(value, "IN") for value in name.initials]
        _write_given(main, wanted + others)


def _write_call_name(names: list[Any], main: Json | None, usual: Json | None, call_name: str) -> None:
    in_given = [value for value, qualifier in _given(main) if qualifier == "CL"]
    held = " ".join(value for value, _ in _given(usual)) if usual else ""
    if (held or " ".join(in_given)) == call_name:
        return
    if main is not None and in_given:
        _write_given(main, [pair for pair in _given(main) if pair[1] != "CL"])
    if usual is not None and not call_name:
        names.remove(usual)
    elif call_name:
        if usual is None:
            usual = {"use": "usual"}
            names.append(usual)
        usual.pop("text", None)
        _write_given(usual, [(call_name, "")])


def _main(names: list[Json]) -> Json | None:
    for use in _MAIN_USES:
        for name in names:
            if text(name, "use") == use and not (use == "usual" and not _says_more_than_call_name(name)):
                return name
    return None


def _usual(names: list[Json], main: Json | None) -> Json | None:
    return next((name for name in names if text(name, "use") == "usual" and name is not main), None)


def _says_more_than_call_name(name: Json) -> bool:
    return bool(text(name, "family") or text(name, "text") or any(_family(name).values()) or len(_given(name)) > 1)


def _order(main: Json) -> NameOrder | None:
    for item in objects(main, "extension"):
        if item.get("url") == ORDER:
            return next((order for order in NameOrder if order.value == item.get("valueCode")), None)
    return None


def _given(name: Json | None) -> list[tuple[str, str]]:
    """Given names with their qualifier (BR, IN, CL or empty)."""
    values = name.get("given") if name else None
    companions = name.get("_given") if name else None
    if not isinstance(values, list):
        return []
    extra = companions if isinstance(companions, list) else []
    found: list[tuple[str, str]] = []
    for index, value in enumerate(values):
        if isinstance(value, str):
            companion = extra[index] if index < len(extra) else None
            qualifiers = [item for item in objects(companion, "extension") if item.get("url") == QUALIFIER]
            found.append((value, text(qualifiers[0], "valueCode") if qualifiers else ""))
    return found


def _write_given(name: Json, given: list[tuple[str, str]]) -> None:
    held = dict(zip(_given(name), _companions(name), strict=False))
    name.pop("given", None)
    name.pop("_given", None)
    if not given:
        return
    name["given"] = [value for value, _ in given]
    companions = [
        held.get(pair) or ({"extension": [{"url": QUALIFIER, "valueCode": pair[1]}]} if pair[1] else None)
        for pair in given
    ]
    if any(companions):
        name["_given"] = companions


def _companions(name: Json) -> list[Any]:
    values, companions = name.get("given"), name.get("_given")
    extra = companions if isinstance(companions, list) else []
    if not isinstance(values, list):
        return []
    padded = [*extra, *([None] * len(values))]
    return [companion for value, companion in zip(values, padded, strict=False) if isinstance(value, str)]


def _family(name: Json) -> dict[str, str]:
    parts = dict.fromkeys(FAMILY_PARTS, "")
    companion = name.get("_family")
    for item in objects(companion, "extension"):
        part = _PART_OF.get(text(item, "url"))
        if part and not parts[part]:
            parts[part] = text(item, "valueString")
    if not any(parts.values()) and text(name, "family"):
        parts["own_prefix"], parts["own_name"] = split_prefix(text(name, "family"))
    return parts


def _family_of(name: PersonName) -> dict[str, str]:
    return {part: getattr(name, part) for part in FAMILY_PARTS}


def _write_family(main: Json, name: PersonName) -> None:
    put_text_keeping_companion(main, "family", family_name(name))
    companion = main.get("_family")
    body: Json = companion if isinstance(companion, dict) else {}
    for part, url in FAMILY_PARTS.items():
        if (value := getattr(name, part)) or body:
            _put_extension(body, url, "valueString", value)
    if body:
        main["_family"] = body
    else:
        main.pop("_family", None)


def put_text_keeping_companion(body: Json, key: str, value: str) -> None:
    """Set or remove a string element, leaving its primitive extensions alone."""
    if value:
        body[key] = value
    else:
        body.pop(key, None)


def _put_extension(body: Json, url: str, key: str, value: str) -> None:
    item: ItemLens[str] = ItemLens(
        decode=lambda raw: text(raw, key) if raw.get("url") == url else None,
        encode=lambda new, base: {**(base or {"url": url}), key: new},
    )
    merged = merge_items(listed(body, "extension"), (value,) if value else (), item)
    if merged:
        body["extension"] = merged
    else:
        body.pop("extension", None)
