"""The synthetic clients, with ages relative to a day."""

from __future__ import annotations

from datetime import date, datetime

from fhir_plugin.model.dates import birthday, local_day
from smart_app.sandbox.fhir.outcome import Json

__all__ = ["synthetic_resources"]


def synthetic_resources(now: datetime) -> list[Json]:
    """Everything the demo EHR holds."""
    today = local_day(now)
    born = {"noor": 8, "daan": 13, "lotte": 16, "sem": 17, "mila": 10, "finn": 12, "yara": 15, "bram": 9}
    return [
        {
            "resourceType": "Patient",
            "id": identity,
            "name": [{"text": identity.title()}],
            "birthDate": str(date(today.year - age, 1, 1)),
        }
        for identity, age in born.items()
    ]


_ = birthday
