"""Figures, rows and plans as JSON and back. Figures travel as the FHIR the mapping makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fhir_plugin.errors import InputError
from fhir_plugin.mapping.engagement import engagement_of, participants, put_engagement
from fhir_plugin.mapping.figure import figure_from, figure_onto
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.terms import InformationCategory
from fhir_plugin.sync.deciding.decided import Action, ClientPlan, Conflict, ElementChange, FigurePlan, Possible
from fhir_plugin.sync.sources.naming import ClientKey
from fhir_plugin.sync.sources.wanted import ConsentClaim, Place, Wanted

__all__ = ["answers_in", "freeze", "plan_from", "plan_json", "row_from", "row_json", "thaw"]

Json = dict[str, Any]


def freeze(figure: SupportFigure) -> Json:
    """A figure as FHIR: its RelatedPerson and its participant, only what this product owns."""
    bare = replace(figure, carried=None, ties=()) if figure.carried or figure.ties else figure
    team: Json = {}
    if figure.engagement is not None:
        put_engagement(team, Ref(reference="RelatedPerson/x"), figure.engagement)
    person = figure_onto(bare, Ref(reference="Patient/x"))
    return {"person": person, **({"participant": participants(team)[0]} if team else {})}


def thaw(body: Json) -> SupportFigure:
    """The figure ``freeze`` was given, without what the EHR held besides."""
    engagement = engagement_of(body["participant"]) if "participant" in body else None
    return figure_from(body["person"], engagement=engagement, carry=False)


def row_json(wanted: Wanted) -> Json:
    """A row, without how its source named the client."""
    place, claim = wanted.place, wanted.consent
    return {
        "file": place.file,
        "sheet": place.sheet,
        "line": place.line,
        **({"resource": place.resource} if place.resource else {}),
        "key": wanted.key,
        "provided": sorted(wanted.provided),
        "figure": freeze(wanted.figure),
        "consent": None
        if claim is None
        else {
            "state": claim.state,
            "by": list(claim.by),
            "since": str(claim.since) if claim.since else None,
            "until": str(claim.until) if claim.until else None,
            "categories": [item.value for item in claim.categories],
        },
    }


def row_from(body: Json) -> Wanted:
    """The row of ``row_json``."""
    claim = body["consent"]
    return Wanted(
        place=Place(file=body["file"], sheet=body["sheet"], line=body["line"], resource=body.get("resource", "")),
        client=ClientKey(system="", value=""),
        key=body["key"],
        figure=thaw(body["figure"]),
        frozen=body["figure"],
        provided=frozenset(body["provided"]),
        consent=None
        if claim is None
        else ConsentClaim(
            state=claim["state"],
            by=tuple(claim["by"]),
            since=PartialDate.parse(claim["since"]) if claim["since"] else None,
            until=PartialDate.parse(claim["until"]) if claim["until"] else None,
            categories=tuple(InformationCategory(code) for code in claim["categories"]),
        ),
    )


def plan_json(plan: ClientPlan) -> Json:
    """What happens to one client, for people and for comparison."""
    return {"patient": plan.patient, "figures": [_figure_json(figure) for figure in plan.figures]}


def _figure_json(figure: FigurePlan) -> Json:
    body: Json = {"row": figure.row, "figure": figure.label, "action": figure.action.value}
    if figure.target:
        body["target"] = figure.target
    if figure.changes:
        body["changes"] = [{"element": c.element, "from": c.before, "to": c.after} for c in figure.changes]
    if figure.edits:
        body["edited"] = [{"element": e.element, "from": e.before, "to": e.after} for e in figure.edits]
    if figure.conflicts:
        body["conflicts"] = [_conflict_json(conflict) for conflict in figure.conflicts]
    if figure.consent:
        body["consent"] = figure.consent
    if figure.notes:
        body["notes"] = list(figure.notes)
    if figure.action is Action.QUESTION:
        body["says"] = dict(figure.says)
        body["who"] = [_possible_json(item) for item in figure.candidates]
        body["answer"] = figure.answer
    return body


def plan_from(body: Json) -> ClientPlan:
    """The plan of ``plan_json``.

    Raises:
        InputError: the body was changed into something that is no plan.
    """
    try:
        return ClientPlan(
            patient=str(body["patient"]), figures=tuple(_figure_from(figure) for figure in body["figures"])
        )
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "This part of the plan cannot be read.", code="sync-plan-broken", remedy="Make the plan again."
        ) from None


def _figure_from(body: Json) -> FigurePlan:
    return FigurePlan(
        row=body["row"],
        label=body["figure"],
        action=Action(body["action"]),
        target=body.get("target", ""),
        changes=tuple(
            ElementChange(element=c["element"], before=c["from"], after=c["to"]) for c in body.get("changes", ())
        ),
        edits=tuple(
            ElementChange(element=e["element"], before=e["from"], after=e["to"]) for e in body.get("edited", ())
        ),
        conflicts=tuple(_conflict_from(body, c) for c in body.get("conflicts", ())),
        consent=body.get("consent", ""),
        notes=tuple(body.get("notes", ())),
        candidates=tuple(_possible_from(body, item) for item in body.get("who", ())),
        says=tuple(body.get("says", {}).items()),
        answer=_answer(body, body, "new", *(c["target"] for c in body.get("who", ()))),
    )


def _conflict_json(conflict: Conflict) -> Json:
    sides = {"source": conflict.source, "ehr": conflict.ehr}
    return {"element": conflict.element, **sides, "answer": conflict.answer}


def _conflict_from(figure: Json, body: Json) -> Conflict:
    answer = _answer(figure, body, "source", "ehr")
    return Conflict(element=body["element"], source=body["source"], ehr=body["ehr"], answer=answer)


def _possible_json(item: Possible) -> Json:
    body: Json = {"target": item.target, "figure": item.label, "agrees": list(item.agrees), "holds": dict(item.holds)}
    if item.changes:
        body["then"] = [{"element": c.element, "from": c.before, "to": c.after} for c in item.changes]
    if item.conflicts:
        body["then-conflicts"] = [_conflict_json(conflict) for conflict in item.conflicts]
    if item.consent:
        body["then-consent"] = item.consent
    return body


def _possible_from(figure: Json, body: Json) -> Possible:
    return Possible(
        target=body["target"],
        label=body["figure"],
        agrees=tuple(body["agrees"]),
        holds=tuple(body.get("holds", {}).items()),
        changes=tuple(
            ElementChange(element=c["element"], before=c["from"], after=c["to"]) for c in body.get("then", ())
        ),
        conflicts=tuple(_conflict_from(figure, c) for c in body.get("then-conflicts", ())),
        consent=body.get("then-consent", ""),
    )


def _answer(figure: Json, holder: Json, *allowed: str) -> str:
    """What a person filled in: one of the words that mean something, or nothing; never a word that is passed over."""
    answer = str(holder.get("answer", ""))
    if answer and answer not in allowed:
        raise InputError(
            "This answer in the plan means nothing here.",
            code="sync-plan-answer-unknown",
            where=str(figure["row"]),
            remedy=f"Fill in one of: {', '.join(allowed)}; or leave it empty.",
        )
    return answer


def answers_in(plan: ClientPlan) -> Mapping[str, str]:
    """What a person filled in."""
    found: dict[str, str] = {}
    for figure in plan.figures:
        if figure.answer:
            found[figure.row] = figure.answer
        asked = (*figure.conflicts, *figure.next_conflicts)
        found |= {f"{figure.row}|{c.element}": c.answer for c in asked if c.answer}
    return found
