"""Writing the audit trail after the page has been sent: in the EHR where it takes AuditEvents, else in the local log.

It never stands in the way of care: nobody waits for it, and its failures fail no page. It is never silently lost: until
it is written it waits in a journal on disk, what the EHR does not take goes to the local log, and what that does not
take is an error for the operator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Flask, Response, g

from fhir_plugin.errors import SteunfigurenError
from fhir_plugin.mapping.audit import AuditedAct, audit_event
from smart_app.audit.acts import acts_of
from smart_app.audit.journal import Journal
from smart_app.audit.log import AuditLog
from smart_app.launch.phases import ActiveLaunch
from smart_app.launch.scopes import resource_scopes
from smart_app.logs import reference
from smart_app.settings import Settings

__all__ = ["Auditor", "install"]

Json = dict[str, Any]

log = logging.getLogger(__name__)


class Auditor:
    """Keeps the audit trail of one app.

    Args:
        local: where events go that an EHR does not take.
        journal: where events are until they are in the trail.
        to_ehr: whether EHRs are offered them at all.
    """

    def __init__(self, local: AuditLog, journal: Journal, *, to_ehr: bool) -> None:
        self._local = local
        self._journal = journal
        self._to_ehr = to_ehr
        self._offers: dict[str, bool] = {}
        self._lock = Lock()

    def announce(self, acts: tuple[AuditedAct, ...], launch: ActiveLaunch) -> Callable[[], None]:
        """Keep acts on disk before their answer is sent; gives what writes them into the trail and raises nothing."""
        events = [audit_event(act) for act in acts]
        try:
            note = self._journal.note(launch.issuer_key, events)
        except OSError as error:
            log.error("audit journal not written", exc_info=error, extra={"issuer": launch.issuer_key})  # noqa: TRY400  never by message
            note = None
        return lambda: self._record(events, launch, note)

    def recover(self) -> None:
        """Put what a process left behind into the local log: whether the EHR has it is not known."""
        for note, issuer, events in self._journal.left_behind():
            if all(self._keep(event, issuer, "interrupted", waits=True) for event in events):
                self._journal.done(note)

    def _record(self, events: list[Json], launch: ActiveLaunch, note: Path | None) -> None:
        kept = []
        for event in events:
            try:
                reason = self._offered(launch) or self._sent(event, launch)
            except Exception as error:
                log.error("audit event not sent", exc_info=error, extra={"issuer": launch.issuer_key})  # noqa: TRY400  never by message
                reason = "not-sent"
            kept.append(not reason or self._keep(event, launch.issuer_key, reason, waits=note is not None))
        if note is not None and all(kept):
            self._journal.done(note)
        self.recover()

    def _keep(self, event: Json, issuer: str, reason: str, *, waits: bool) -> bool:
        """Whether the local log took it; what it did not take is tried again as long as a note of it waits."""
        try:
            self._local.append(event, issuer=issuer, reason=reason)
        except Exception as error:
            lost = "audit event waits" if waits else "audit event lost"
            log.critical(lost, exc_info=error, extra={"issuer": issuer})
            return False
        return True

    def _offered(self, launch: ActiveLaunch) -> str:
        """Why this launch's EHR need not be asked; empty where it may take events."""
        if not self._to_ehr:
            return "not-wanted"
        scopes = resource_scopes(launch.scopes)
        if not any(scope.resource in ("AuditEvent", "*") and "c" in scope.actions for scope in scopes):
            return "not-granted"
        with self._lock:
            offers = self._offers.get(launch.issuer_key)
        if offers is None:
            try:
                offers = launch.aside.capabilities().supports("AuditEvent", "create")
            except SteunfigurenError as error:
                return error.code
            with self._lock:
                self._offers[launch.issuer_key] = offers
        return "" if offers else "not-offered"

    @staticmethod
    def _sent(event: Json, launch: ActiveLaunch) -> str:
        """Why the EHR did not take it; empty where it did."""
        try:
            launch.aside.create(event)
        except SteunfigurenError as error:
            log.warning("audit event kept here", extra={"issuer": launch.issuer_key, "code": error.code})
            return error.code
        return ""


def install(app: Flask, settings: Settings) -> None:
    """Audit every answer of a launch, once it has been sent."""
    folder = settings.data_dir / "audit"
    years = settings.audit.retention_years
    local = AuditLog(folder, retention_years=years, clock=lambda: app.config.get("CLOCK", _now)())
    auditor = Auditor(local, Journal(settings.data_dir / "audit-waiting"), to_ehr=settings.audit.to_ehr)
    app.extensions["steunfiguren.auditor"] = auditor
    auditor.recover()

    @app.after_request
    def audit(response: Response) -> Response:
        try:
            acts = acts_of(response)
            if acts:
                response.call_on_close(auditor.announce(acts, g.launch))
        except Exception as error:
            log.critical("audit event lost", exc_info=error, extra={"reference": reference()})
        return response


def _now() -> datetime:
    return datetime.now(UTC)
