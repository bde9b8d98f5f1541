"""What the EHR of these tests answers with."""

from __future__ import annotations

from typing import Any

BASE = "https://ehr.example.nl/fhir"
PERSON = {"resourceType": "RelatedPerson", "id": "7", "meta": {"versionId": "2"}}


def outcome(*codes: str) -> dict[str, Any]:
    issues = [{"severity": "error", "code": code, "diagnostics": "Sanne de Vries, 999990019"} for code in codes]
    return {"resourceType": "OperationOutcome", "issue": issues}
