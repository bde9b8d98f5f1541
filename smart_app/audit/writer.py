"""Writing the audit trail after the page has been sent: in the EHR where it takes AuditEvents, else in the local log.

It never stands in the way of care: nobody waits for it, and its failures fail no page. It is never silently lost: what
the EHR does not take goes to the local log, and what that does not take is an error for the operator.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from threading import Lock

from flask import Flask, Response, g

from fhir_plugin.errors import SteunfigurenError
from fhir_plugin.mapping.audit import AuditedAct, audit_event
from smart_app.audit.acts import acts_of
from smart_app.audit.log import AuditLog
from smart_app.launch.phases import ActiveLaunch
from smart_app.launch.scopes import resource_scopes
from smart_app.logs import reference
from smart_app.settings import Settings

__all__ = ["Auditor", "install"]

log = logging.getLogger(__name__)


class Auditor:
    """Keeps the audit trail of one app.

    Args:
        local: where events go that an EHR does not take.
        to_ehr: whether EHRs are offered them at all.
    """

    def __init__(self, local: AuditLog, *, to_ehr: bool) -> None:
        self._local = local
        self._to_ehr = to_ehr
        self._offers: dict[str, bool] = {}
        self._lock = Lock()

    def record(self, acts: tuple[AuditedAct, ...], launch: ActiveLaunch) -> None:
        """Write acts down, wherever that is possible; raises nothing."""
        for act in acts:
            try:
                event = audit_event(act)
                reason = self._offered(launch) or self._sent(event, launch)
                if reason:
                    self._local.append(event, issuer=launch.issuer_key, reason=reason)
            except Exception as error:
                log.critical("audit event lost", exc_info=error, extra={"issuer": launch.issuer_key})

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
                offers = launch.ehr.capabilities().supports("AuditEvent", "create")
            except SteunfigurenError as error:
                return error.code
            with self._lock:
                self._offers[launch.issuer_key] = offers
        return "" if offers else "not-offered"

    @staticmethod
    def _sent(event: dict[str, object], launch: ActiveLaunch) -> str:
        """Why the EHR did not take it; empty where it did."""
        try:
            launch.ehr.create(event)
        except SteunfigurenError as error:
            log.warning("audit event kept here", extra={"issuer": launch.issuer_key, "code": error.code})
            return error.code
        return ""


def install(app: Flask, settings: Settings) -> None:
    """Audit every answer of a launch, once it has been sent."""
    folder = settings.data_dir / "audit"
    years = settings.audit.retention_years
    local = AuditLog(folder, retention_years=years, clock=lambda: app.config.get("CLOCK", _now)())
    auditor = app.extensions["steunfiguren.auditor"] = Auditor(local, to_ehr=settings.audit.to_ehr)

    @app.after_request
    def audit(response: Response) -> Response:
        try:
            acts = acts_of(response)
        except Exception as error:
            log.critical("audit event lost", exc_info=error, extra={"reference": reference()})
            return response
        if acts:
            launch: ActiveLaunch = g.launch
            response.call_on_close(lambda: auditor.record(acts, launch))
        return response


def _now() -> datetime:
    return datetime.now(UTC)
