"""What others did to a record between the read a decision was made on and the look at it after the write.

No condition guards what a transaction does not write, and some EHRs claim to look at If-Match and do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fhir_plugin.consent import Ask, Policy, access_permit
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.sync.applying.ways.dividing import ends_only
from fhir_plugin.sync.applying.ways.tasks import Task, content_of

__all__ = ["Overwritten", "access_ended", "overwritten"]

_FEW = 9


def access_ended(network: SupportNetwork, permits: Iterable[Ask], policy: Policy, at: datetime) -> bool:
    """Whether somebody was given a place in the team of whom the record now says that they may not have it."""
    actors = {ask.request.actor.key for ask in permits}
    opened = (figure for figure in network.figures if figure.ref.key in actors)
    return any(not isinstance(access_permit(network, figure, policy, at), Ask) for figure in opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwritten:
    """An update that went over a version somebody wrote after the one it was made on.

    Attributes:
        task: the update.
        version: the version it got.
        theirs: what it went over, with its version.
    """

    task: Task = field(repr=False)
    version: str
    theirs: Json = field(repr=False)

    def put_back(self) -> Task:
        """What somebody wrote, as a new version: but what the update ended, by a withdrawal, stays ended."""
        ended = ends_only(replace(self.task, before=self.theirs))
        body = ended.body if ended else self.theirs
        if self.task.type == "Consent" and text(self.theirs, "status") == "active":
            body = {**body, "status": text(self.task.body, "status")}
        return Task(body=body, before=self.task.body, version=self.version, patient=self.task.patient)


def overwritten(client: FhirClient, tasks: Iterable[Task], versions: Mapping[str, str]) -> list[Overwritten]:
    """The updates that went over somebody's version.

    Looked for where an EHR numbers its versions and a few were skipped. One that says the same came of a request that
    was delivered twice; one the EHR does not give is no version of this resource.

    Args:
        client: of the EHR.
        tasks: what was written.
        versions: reference → version it got.
    """
    found = []
    for task in tasks:
        version = versions.get(f"{task.type}/{task.id}", "")
        if task.is_new or not (task.version.isdecimal() and version.isdecimal()):
            continue
        skipped = range(int(version) - 1, int(task.version), -1)
        if len(skipped) > _FEW:
            continue
        others = (_of_others(client, task, str(each)) for each in skipped)
        theirs = next((body for body in others if body is not None), None)
        if theirs is not None:
            found.append(Overwritten(task=task, version=version, theirs=theirs))
    return found


def _of_others(client: FhirClient, task: Task, version: str) -> Json | None:
    try:
        held = client.read(task.type, task.id, version=version)
    except EhrError:
        return None
    return held if content_of(held) != content_of(task.body) else None
