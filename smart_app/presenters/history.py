"""Who changed what and when, from Provenance; and who said what about the tie over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import CodeSystems
from smart_app.presenters.dates import moment_text
from smart_app.presenters.forms import FormContext
from smart_app.presenters.words import joined

__all__ = ["Event", "events"]

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change.

    Attributes:
        at: when, in words; ``moment`` for sorting, ISO text.
        who: who typed it.
        chosen_by: who decided, where that was recorded.
        what: kinds of things that were written.
    """

    moment: str
    at: str
    who: str
    chosen_by: str
    what: str
    created: bool


def events(provenances: Iterable[Json], context: FormContext) -> tuple[Event, ...]:
    """Newest first; what cannot be read is left out."""
    found = [_event(body, context) for body in provenances if body.get("resourceType") == "Provenance"]
    return tuple(sorted(found, key=lambda one: one.moment, reverse=True))


def _event(body: Json, context: FormContext) -> Event:
    t, recorded = context.t, str(body.get("recorded", ""))
    agents = [agent for agent in body.get("agent") or () if isinstance(agent, dict)]
    designators = [
        agent for agent in agents if any(_code(role, CodeSystems.DESIGNATOR) for role in agent.get("role") or ())
    ]
    typing = [agent for agent in agents if agent not in designators]
    kinds = {str(target.get("reference", "")).split("/")[0] for target in body.get("target") or ()}
    words = {
        "RelatedPerson": t("the person"),
        "CareTeam": t("the part in the care"),
        "Consent": t("the consent"),
        "Observation": t("the closeness"),
    }
    return Event(
        moment=recorded,
        at=_moment(recorded, context),
        who=joined([_name(agent, context) for agent in typing], t) or t("not known"),
        chosen_by=joined([_name(agent, context) for agent in designators], t),
        what=joined([text for kind, text in words.items() if kind in kinds], t),
        created="CREATE" in {str(one.get("code")) for one in (body.get("activity") or {}).get("coding") or ()},
    )


def _code(concept: Any, system: str) -> bool:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return any(isinstance(one, dict) and one.get("system") == system for one in codings or ())


def _name(agent: Json, context: FormContext) -> str:
    who = agent.get("who")
    if not isinstance(who, dict):
        return ""
    ref = Ref(reference=str(who.get("reference", "")), display=str(who.get("display", "")))
    return context.name_of(ref) or (context.t("a professional") if ref.type.startswith("Practitioner") else "")


def _moment(recorded: str, context: FormContext) -> str:
    try:
        moment = datetime.fromisoformat(recorded)
    except ValueError:
        return recorded
    return moment_text(moment, context.t) if moment.tzinfo else recorded
