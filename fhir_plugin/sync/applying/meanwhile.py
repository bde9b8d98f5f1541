"""What others did to a record between the read a decision was made on and the look at it after the write.

No condition guards what a transaction does not write, and some EHRs claim to look at If-Match and do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from fhir_plugin.consent import Ask, Policy, access_permit
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError
from fhir_plugin.mapping.json import Json
from fhir_plugin.sync.applying.ways.tasks import Task, content_of
from fhir_plugin.sync.records.population import network_of

__all__ = ["access_ended", "overwrote"]

_FEW = 9


def access_ended(bodies: Sequence[Json], patient: str, permits: Iterable[Ask], policy: Policy, at: datetime) -> bool:
    """Whether somebody was given a place in the team of whom the record now says that they may not have it."""
    network = network_of(list(bodies), patient)
    actors = {ask.request.actor.key for ask in permits}
    opened = (figure for figure in network.figures if figure.ref.key in actors)
    return any(not isinstance(access_permit(network, figure, policy, at), Ask) for figure in opened)


def overwrote(client: FhirClient, task: Task, version: str) -> bool:
    """Whether an update went over a version that somebody wrote after the one it was made on.

    Looked for where an EHR numbers its versions and a few were skipped. One that says the same came of a request that
    was delivered twice; one the EHR does not give is no version of this resource.
    """
    if task.is_new or not (task.version.isdecimal() and version.isdecimal()):
        return False
    skipped = range(int(task.version) + 1, int(version))
    return len(skipped) <= _FEW and any(_is_of_others(client, task, str(each)) for each in skipped)


def _is_of_others(client: FhirClient, task: Task, version: str) -> bool:
    try:
        held = client.read(task.type, task.id, version=version)
    except EhrError:
        return False
    return content_of(held) != content_of(task.body)
