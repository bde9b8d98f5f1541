"""The parts of one embedded EHR, reachable from its requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, current_app

from smart_app.sandbox.auth.server import SandboxServer
from smart_app.sandbox.faults import FaultSwitch
from smart_app.sandbox.fhir.disturbance import Disturbance
from smart_app.sandbox.fhir.export_jobs import ExportJobs
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend
from smart_app.sandbox.fhir.notify import Notifier
from smart_app.sandbox.people import People
from smart_app.sandbox.settings import SandboxSettings

__all__ = ["Sandbox", "here", "parts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The parts.

    Attributes:
        rights: from an Authorization header to a guard; raises FhirError 401.
    """

    settings: SandboxSettings
    backend: Backend
    server: SandboxServer
    people: People
    faults: FaultSwitch
    disturbance: Disturbance
    notifier: Notifier
    rights: Callable[[str | None], Guard]
    exports: ExportJobs = field(default_factory=ExportJobs)


def parts_of(app: Flask) -> Sandbox:
    """The parts of an app that ``create_sandbox`` made."""
    found: Sandbox = app.extensions["sandbox"]
    return found


def here() -> Sandbox:
    """The parts of the app that answers this request."""
    return parts_of(current_app)
