"""A consent that says everything that can be said."""

from __future__ import annotations

from typing import Any

from consent_cases import consent

from fhir_plugin.model.terms import Extensions


def full() -> dict[str, Any]:
    """A consent that uses every element the model knows, and much that it does not."""
    body = consent(
        1,
        action=["access", "use"],
        purpose=["FAMRQT"],
        code=["progress"],
        label=["N"],
        **{"class": ["CarePlan"], "from": "2026-01", "until": "2026-12-31"},
        data_from="2025",
        data=[{"meaning": "instance", "reference": "CarePlan/plan"}],
        exceptions=[{"says": "deny", "label": ["R"]}],
    )
    body |= {
        "language": "nl",
        "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>ja</div>"},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Instelling"}],
        "extension": [
            {"url": "urn:other", "valueString": "kept"},
            {"url": Extensions.AGE_BASIS, "valueCode": "under-12"},
        ],
        "identifier": [{"system": "urn:forms", "value": "F-1", "use": "official"}],
        "organization": [{"reference": "Organization/jeugdhulp", "display": "Jeugdhulp"}],
        "sourceReference": {"reference": "DocumentReference/form"},
        "verification": [
            {"verified": True, "verifiedWith": {"reference": "RelatedPerson/mother"}, "verificationDate": "2026-01-11"}
        ],
        "dateTime": "2026-01-10T10:00:00+01:00",
        "_dateTime": {"extension": [{"url": "urn:precision", "valueCode": "clock"}]},
    }
    body["provision"]["extension"] = [{"url": "urn:note", "valueString": "kept"}]
    body["provision"]["actor"][0]["reference"]["display"] = "tante"
    return body
