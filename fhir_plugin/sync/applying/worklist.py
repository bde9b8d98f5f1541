"""What a person has to enter because the EHR does not let us: which figures, which elements, and what they were to be.

An item is made anew at every run and goes when the EHR shows what it asked for; nobody has to tick it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from fhir_plugin.mapping.json import Json, objects, prune, text
from fhir_plugin.sync.applying.ways.tasks import Task, references
from fhir_plugin.sync.deciding.decided import ClientPlan, FigurePlan
from fhir_plugin.sync.deciding.decisions import Decided
from fhir_plugin.sync.matching.linking import Remembered
from fhir_plugin.sync.plans.codec import plan_json

__all__ = ["Left", "contact_of"]

_OWN_ELEMENT = "identifiers"
"""Ours alone: it is never asked of a person, who would not know what to do with it."""
_ENGAGEMENT = "engagement."


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What of one client's decision was left to a person.

    Attributes:
        plan: the figures, and of each the elements, that wait.
        tasks: the resources as they were to be.
    """

    plan: ClientPlan
    tasks: tuple[Task, ...] = field(default=(), repr=False)
    _unheld: frozenset[str] = frozenset()
    _unengaged: frozenset[str] = frozenset()

    @classmethod
    def of(cls, decided: Decided, tasks: Sequence[Task]) -> Left:
        """From the tasks nothing in the EHR takes."""
        persons = frozenset(
            task.full_url or f"RelatedPerson/{task.id}" for task in tasks if task.type == "RelatedPerson"
        )
        elsewhere = frozenset(ref for task in tasks if task.type != "RelatedPerson" for ref in _newly_named(task))
        figures: list[FigurePlan] = []
        unheld = {key for key in persons if key.startswith("urn:")}
        for figure in decided.plan.figures:
            key = _key(decided.figures.get(figure.row, ""))
            rest = _rest(figure, person=key in persons, team=key in elsewhere)
            if rest is not None:
                figures.append(rest)
                unheld |= {key} & persons
        plan = ClientPlan(patient=decided.plan.patient, figures=tuple(figures))
        return cls(plan=plan, tasks=tuple(tasks), _unheld=frozenset(unheld), _unengaged=elsewhere)

    @property
    def asks(self) -> bool:
        """Whether a person has anything to do."""
        return bool(self.plan.figures)

    def agreed(self, items: Iterable[Remembered]) -> tuple[Remembered, ...]:
        """Of what is to be remembered, what the EHR does hold: not what waits here."""
        held = (item for item in items if _key(item.target) not in self._unheld)
        return tuple(_without_engagement(item) if _key(item.target) in self._unengaged else item for item in held)

    def content(self) -> Json:
        """For the own store: the plan, the resources, and proposals for Patient.contact."""
        new = [task.body for task in self.tasks if task.type == "RelatedPerson" and task.is_new]
        return {
            "plan": plan_json(self.plan),
            "resources": [task.body for task in self.tasks],
            "contacts": [contact_of(body) for body in new],
        }


def contact_of(body: Json) -> Json:
    """A RelatedPerson as a Patient.contact (https://hl7.org/fhir/R4/patient-definitions.html#Patient.contact).

    A proposal for a person: it has no identifier, so nothing could be recognised or ended later.
    """
    names, addresses = objects(body, "name"), objects(body, "address")
    return prune(
        {
            "relationship": objects(body, "relationship"),
            "name": names[0] if names else {},
            "telecom": objects(body, "telecom"),
            "address": addresses[0] if addresses else {},
            "gender": text(body, "gender"),
            "period": body.get("period") or {},
        }
    )


def _rest(figure: FigurePlan, *, person: bool, team: bool) -> FigurePlan | None:
    """What of a figure waits; None when nothing does."""
    changes = tuple(
        change
        for change in figure.changes
        if change.element != _OWN_ELEMENT and (person if not change.element.startswith(_ENGAGEMENT) else team or person)
    )
    consent = figure.consent if figure.writes_consent and (team or person) else ""
    return replace(figure, changes=changes, consent=consent) if changes or consent else None


def _newly_named(task: Task) -> set[str]:
    """Whom a team or consent says something new about."""
    if task.type == "Consent":
        provision = task.body.get("provision")
        return set(references(provision.get("actor"))) if isinstance(provision, dict) else set()
    held = objects(task.before, "participant") if task.before else []
    return {ref for item in objects(task.body, "participant") if item not in held for ref in references(item)}


def _key(figure_id: str) -> str:
    return figure_id if figure_id.startswith("urn:") or not figure_id else f"RelatedPerson/{figure_id}"


def _without_engagement(item: Remembered) -> Remembered:
    return replace(item, known=frozenset(path for path in item.known if not path.startswith(_ENGAGEMENT)))
