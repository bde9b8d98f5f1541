"""One child's network in an EHR: read in one round trip, written in one transaction.

Safety: the Patient that comes back must be the one that was asked for; a write names the version it was made on and
carries its Provenance; where a safety block may be and cannot be read, sharing is off; when two people make a child's
first team in the same moment, both end up in one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from fhir_plugin.consent import Ask, Policy, access_permit, demand, load_policy, newly_opened, without_lapsed_access
from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.errors import EhrConflict, EhrProtocolError, EhrRejected, PermitRequired
from fhir_plugin.mapping.changes import ResourceChange, changes_between
from fhir_plugin.mapping.engagement import participants, same_member
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.mapping.network import Mapped, TiePlace, from_fhir
from fhir_plugin.mapping.provenance import Author, provenance_of
from fhir_plugin.mapping.reading import collect
from fhir_plugin.mapping.team import is_network_team
from fhir_plugin.model.dates import local_day
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import CodeSystems

__all__ = ["Committed", "NetworkGateway"]

_PAGE = 200
_PARTS = ("RelatedPerson", "CareTeam", "Consent", "Observation", "Flag")
_NOT_OFFERED = frozenset({403, 404, 405, 501})
_NO_SUCH_TYPE = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What was written.

    Attributes:
        written: one per resource, in the order of the transaction; the Provenance is the last.
        ids: ``urn:uuid:`` of a new resource → its id in the EHR.
    """

    written: tuple[Written, ...] = ()
    ids: dict[str, str]


class NetworkGateway:
    """Reads and writes networks through one client.

    Args:
        client: a client for one EHR, with the user's token.
        clock: aware current instant; injected.
        ties: where new ties are kept in this EHR.
        policy: whose signatures open access; ``nl-jeugdwet`` when not given.
    """

    def __init__(
        self,
        client: FhirClient,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ties: TiePlace = "observation",
        policy: Policy | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._ties: TiePlace = ties
        self._policy = policy or load_policy()

    def read(self, patient_id: str) -> Mapped:
        """The network of one child, in one batch.

        Raises:
            EhrNotFound: no such patient, or not for this user.
            EhrProtocolError: the EHR answered with another patient.
            EhrError: any part that is needed could not be read.
        """
        resources, missing = self._fetch(patient_id)
        mapped = from_fhir(resources, patient_id=patient_id, base=self._client.base_url)
        unknown = any(issue.code == "safety-unknown" for issue in missing)
        network = replace(mapped.network, safety_unknown=True) if unknown else mapped.network
        return Mapped(network=network, report=mapped.report.merged(missing))

    def _fetch(self, patient_id: str) -> tuple[list[Json], list[Issue]]:
        answers = self._client.batch([Entry.get(url) for url in _searches(patient_id)])
        patient, *searches = answers
        patient.raise_for_status("GET Patient")
        if patient.body is None or patient.body.get("id") != patient_id:
            raise EhrProtocolError(
                "The EHR answered with another patient than was asked for.",
                code="wrong-patient",
                where="GET Patient",
                remedy="Close this and open it again from the record; report it to the EHR's manager.",
            )
        resources: list[Json] = [patient.body]
        missing: list[Issue] = []
        for kind, answer in zip(_PARTS, searches, strict=True):
            if kind == "Flag" and answer.status >= 400 and answer.status not in _NO_SUCH_TYPE:
                missing.append(_SAFETY_UNKNOWN)
            elif kind != "RelatedPerson" and answer.status in _NOT_OFFERED:
                missing.append(_unavailable(kind))
            else:
                answer.raise_for_status(f"search {kind}")
                resources += self._client.pages(answer.body, f"search {kind}")
        return resources, missing

    def commit(self, before: SupportNetwork, after: SupportNetwork, author: Author) -> Committed:
        """Bring the EHR from ``before`` to ``after``: all of it or nothing.

        Raises:
            EhrConflict: somebody changed one of the resources since ``before`` was read; nothing was written.
            MappingError: ``after`` is not a state of the same child, or something disappeared from it.
            PermitRequired: a figure would get a role that carries access, and the consents do not permit any.
            EhrError: the EHR did not take it.
        """
        asks = self._permits(before, after)
        after = without_lapsed_access(before, after, self._policy, self._clock())
        changes = changes_between(before, after, ties=self._ties)
        if not changes:
            return Committed(ids={})
        for ask in asks:
            demand(ask.permit, replace(ask.request, at=self._clock()))
        written = self._write(changes, author)
        ids = {change.full_url: result.id for change, result in zip(changes, written, strict=False) if change.full_url}
        if any(change.type == "CareTeam" and change.is_new for change in changes):
            self._settle_teams(after.child.id, author)
        return Committed(written=tuple(written), ids=ids)

    def _permits(self, before: SupportNetwork, after: SupportNetwork) -> list[Ask]:
        """Access never precedes consent: decided here, on the consents as they will be; no caller can forget it."""
        now = self._clock()
        asks: list[Ask] = []
        for figure in newly_opened(before, after):
            ask = access_permit(after, figure, self._policy, now)
            if not isinstance(ask, Ask):
                raise PermitRequired(
                    "This would give a support figure access without a consent that permits it.",
                    code=ask,
                    where="CareTeam.participant.role",
                    remedy="Record the consent first, or leave the role out.",
                )
            asks.append(ask)
        return asks

    def _write(self, changes: Sequence[ResourceChange], author: Author) -> list[Written]:
        entries = [_entry(change) for change in changes]
        entries.append(Entry.post(provenance_of(changes, author, self._clock())))
        try:
            return self._client.transaction(entries)
        except EhrRejected:
            plain = [replace(entry, if_none_exist=None) for entry in entries]
            if plain == entries or self._client.capabilities().of("RelatedPerson").conditional_create:
                raise
            return self._client.transaction(plain)  # nothing was done; who calls has just looked whether it is new

    def _settle_teams(self, patient_id: str, author: Author) -> None:
        """Somebody may have made the child's first team in the same moment: the team with the lowest id stays.

        Whoever sees two teams moves the engagements of the others into it and ends them; a conflict on the way means
        that the other one is doing just that.
        """
        resources, _ = self._fetch(patient_id)
        found = collect(resources, patient_id, self._client.base_url)
        own = found.of("CareTeam")  # an EHR may pass over the search and give everybody's
        teams = sorted((body for body in own if _is_active_network(body)), key=lambda body: str(body["id"]))
        if len(teams) < 2:
            return
        kept, *others = teams
        today = local_day(self._clock())
        moved = [_change(_joined(kept, others, found.base)), *(_change(_ended(team, today)) for team in others)]
        with suppress(EhrConflict):
            self._write(moved, author)


def _change(body: Json) -> ResourceChange:
    return ResourceChange(body=body, version=text(body.get("meta"), "versionId"))


def _joined(kept: Json, others: list[Json], server: str) -> Json:
    """A team with the participants of the others whose member it does not have yet, whole as they were."""
    held = participants(kept)
    new = [
        participant
        for team in others
        for participant in participants(team)
        if isinstance(participant, dict) and not _has(held, text(participant.get("member"), "reference"), server)
    ]
    return {**kept, "participant": [*held, *new]}


def _has(held: list[Any], reference: str, server: str) -> bool:
    return any(isinstance(item, dict) and same_member(item.get("member"), reference, server) for item in held)


def _is_active_network(body: Json) -> bool:
    return body.get("status") == "active" and is_network_team(body)


def _ended(team: Json, today: date) -> Json:
    period = team.get("period")
    return {**team, "status": "inactive", "period": {**(period if isinstance(period, dict) else {}), "end": str(today)}}


def _searches(patient_id: str) -> list[str]:
    patient = f"Patient/{patient_id}"
    return [
        patient,
        f"RelatedPerson?patient={patient}&_count={_PAGE}",
        f"CareTeam?patient={patient}&_count={_PAGE}",
        f"Consent?patient={patient}&_count={_PAGE}",
        f"Observation?patient={patient}&code={CodeSystems.TIE}%7Ctie&_count={_PAGE}",
        f"Flag?patient={patient}&_count={_PAGE}",
    ]


_SAFETY_UNKNOWN = Issue(severity=Severity.ERROR, code="safety-unknown", expression="Flag")
"""An EHR that has Flags and does not show them may hold a safety block: then sharing is off (L11). Where it has no such
resource there is no place for a block either."""


def _unavailable(kind: str) -> Issue:
    """A part the EHR does not have, or not for this user: said, so that it is never read as "there is none"."""
    return Issue(severity=Severity.WARNING, code="part-unavailable", expression=kind, params=(("kind", kind),))


def _entry(change: ResourceChange) -> Entry:
    if change.is_new:
        return Entry.post(change.body, full_url=change.full_url, if_none_exist=change.if_none_exist or None)
    if not change.version:
        raise EhrConflict(
            f"The EHR gives no version of this {change.type}, so a change by someone else cannot be seen.",
            code="no-version",
            where=f"PUT {change.type}",
            remedy="Run `steunfiguren conformance` to see what this EHR supports.",
        )
    return Entry.put(change.body, if_match=change.version)
