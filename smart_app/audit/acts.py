"""What the answer to a request means for the audit trail: what was seen, changed or refused, in whose record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Response, current_app, g, request

from fhir_plugin.ehr.answers import Written
from fhir_plugin.mapping.audit import AuditedAct, Outcome, Purpose
from smart_app.launch.phases import ActiveLaunch
from smart_app.logs import reference
from smart_app.presenters.access import Rights, Viewer
from smart_app.settings import Settings

__all__ = ["acts_of", "note_refusal", "note_written"]

SILENT = frozenset({"launch.look", "launch.sign_out"})
"""Pages of a launch that show nothing of a record."""
PURPOSES: dict[Viewer, Purpose | None] = {
    Viewer.PROFESSIONAL: Purpose.CARE,
    Viewer.YOUTH: Purpose.OWN_REQUEST,
    Viewer.PARENT: Purpose.FAMILY_REQUEST,
    Viewer.FIGURE: Purpose.FAMILY_REQUEST,
    Viewer.NOBODY: None,
}


def note_written(written: Iterable[Written]) -> None:
    """Remember what this request wrote, until its answer is there."""
    g.audited = [*g.get("audited", ()), *written]


def note_refusal(code: str) -> None:
    """Remember why this request was refused or failed."""
    g.refusal = code


def acts_of(response: Response) -> tuple[AuditedAct, ...]:
    """The acts behind an answer; none where nobody saw or tried anything of a record."""
    launch: ActiveLaunch | None = g.get("launch")
    if launch is None or request.endpoint in SILENT:
        return ()
    rights: Rights | None = g.desk.rights if "desk" in g else None
    act = _act(launch, rights)
    done = [
        replace(act, action="C" if one.status == 201 else "U", what=f"{one.type}/{one.id}")
        for one in g.get("audited", ())
        if one.type != "Provenance"
    ]
    if response.status_code >= 400 and response.status_code != 422:
        outcome = Outcome.FAILED if response.status_code >= 500 else Outcome.REFUSED
        why = g.get("refusal") or f"http-{response.status_code}"
        action = act.action if request.method == "GET" else "U"
        return (*done, replace(act, action=action, outcome=outcome, why_not=why))
    if 300 <= response.status_code < 400:
        return tuple(done)
    if rights is not None and not (rights.network or rights.figure_id):
        return (*done, replace(act, outcome=Outcome.REFUSED, why_not="nothing-to-see"))
    return (*done, act)


def _act(launch: ActiveLaunch, rights: Rights | None) -> AuditedAct:
    settings: Settings = current_app.extensions["steunfiguren.settings"]
    viewer = rights.viewer if rights else None
    clock = current_app.config.get("CLOCK")
    return AuditedAct(
        action="R",
        patient_id=launch.patient_id,
        what=_what(launch),
        user=launch.user.reference,
        role=viewer.value if viewer else launch.user.kind.value,
        purpose=PURPOSES[viewer] if viewer else None,
        recorded=clock() if clock else datetime.now(UTC),
        client_id=launch.issuer.client_id,
        client_host=urlsplit(settings.public_url).netloc,
        server=launch.issuer.iss,
        trace=reference(),
    )


def _what(launch: ActiveLaunch) -> str:
    """The figure a page is about, if it is one of this child; never an id that only stood in an address."""
    figure_id = (request.view_args or {}).get("figure_id", "")
    known = g.desk.network.figure(figure_id) if figure_id and "desk" in g else None
    return str(known.ref.reference) if known else f"Patient/{launch.patient_id}"
