"""Profiles in a line or two."""

from __future__ import annotations

BASE = "http://hl7.org/fhir/StructureDefinition/"
OURS = "https://profielen.voorbeeld.nl/"


def profile(name, kind, *elements, **more):
    return {
        "resourceType": "StructureDefinition",
        "url": OURS + name,
        "version": more.pop("version", "1.0"),
        "name": name,
        "status": "active",
        "kind": "resource"
        if kind[0].isupper() and kind not in ("HumanName", "Extension", "Coding")
        else "complex-type",
        "abstract": False,
        "type": kind,
        "baseDefinition": BASE + kind,
        "derivation": "constraint",
        "differential": {"element": [{"id": kind, "path": kind}, *elements]},
        **more,
    }


def element(id_, **facts):
    path = ".".join(part.partition(":")[0] for part in id_.split("."))
    name = id_.rpartition(".")[2].partition(":")[2]
    return {"id": id_, "path": path, **({"sliceName": name} if name else {}), **facts}


def slicing(id_, *discriminators, rules="open", ordered=False, **facts):
    found = [{"type": kind, "path": path} for kind, path in discriminators]
    return element(id_, slicing={"discriminator": found, "rules": rules, "ordered": ordered}, **facts)


def person(**more):
    return {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/kind"}, **more}


PHONE, MAIL, FAX = ({"system": system, "value": "1"} for system in ("phone", "email", "fax"))
