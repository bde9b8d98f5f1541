"""Everything the demo EHR holds, with ages relative to the day it starts."""

from __future__ import annotations

from datetime import datetime

from fhir_plugin.model.dates import local_day
from smart_app.sandbox.fhir.outcome import Json
from smart_app.sandbox.seed.build import resources_of
from smart_app.sandbox.seed.older_stories import youths
from smart_app.sandbox.seed.professionals import professional_resources, shared_person
from smart_app.sandbox.seed.stories import children

__all__ = ["synthetic_resources"]


def synthetic_resources(now: datetime) -> list[Json]:
    """Resources in an order in which each refers only to earlier ones of its own record, the Person last."""
    today = local_day(now)
    found = professional_resources()
    for index, story in enumerate((*children(today), *youths(today))):
        found.extend(resources_of(story, index))
    return [*found, shared_person()]
