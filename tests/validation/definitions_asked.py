"""Definitions for a test, and what a validator that loaded them says."""

from __future__ import annotations

import json

from fhir_plugin.validation import Validator

BASE = "https://example.com/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"


def profile(name, *elements, of="Patient", **more):
    return {
        "resourceType": "StructureDefinition", "url": BASE + name, "name": name.title(), "status": "active",
        "kind": "resource", "abstract": False, "type": of, "baseDefinition": CORE + of, "derivation": "constraint",
        "differential": {"element": [{"path": of}, *elements]}, **more,
    }  # fmt: skip


def loaded(folder, *definitions):
    for number, one in enumerate(definitions):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    return Validator.load([folder])


def errors(validator, resource, *profiles):
    return [
        (one.code, one.expression) for one in validator.validate(json.dumps(resource), profiles).of("error", "fatal")
    ]
