"""Which row is which figure: identities, what was agreed before, and who is linked without asking."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fhir_plugin.mapping.figure import figure_from
from fhir_plugin.mapping.json import Json
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier
from fhir_plugin.model.names import folded
from fhir_plugin.model.network import Standing, SupportNetwork
from fhir_plugin.model.terms import FIGURE_IDENTIFIER
from fhir_plugin.sync.deciding.elements import ELEMENTS
from fhir_plugin.sync.matching.match import match
from fhir_plugin.sync.sources.wanted import Wanted

__all__ = [
    "Answers",
    "Others",
    "Remembered",
    "identifiers_of",
    "identity_of",
    "known_parents",
    "known_people",
    "link_rows",
    "new_figure",
]

_NAMESPACE = uuid.UUID("9a5d3b0e-7f0c-5a52-9a3c-6c1d2e9b7a44")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What was agreed about one figure at the end of the last run.

    Attributes:
        identity: the figure's ``urn:uuid:``.
        target: logical id of the RelatedPerson; a ``urn:uuid:`` until it is written.
        said: what the source said.
        held: what the EHR held.
        known: paths of the elements this is about.
        disputed: paths whose value in the EHR was not agreed: in conflict, or changed there by somebody. What was
            agreed about them stays as it was, so that a later change in the source is a conflict, never overwriting.
        frozen: ``said`` and ``held`` as the journal keeps them (``codec.freeze``), where they are at hand.
    """

    identity: str
    target: str
    said: SupportFigure
    held: SupportFigure
    known: frozenset[str]
    disputed: frozenset[str] = frozenset()
    frozen: tuple[Json | None, Json | None] = field(default=(None, None), repr=False, compare=False)

    def refreshed(self, now: SupportFigure) -> Remembered:
        """The same agreement with what the EHR holds now, but for what is disputed."""
        held = now
        for element in ELEMENTS if self.disputed else ():
            if element.path in self.disputed:
                held = element.put(held, element.get(self.held))
        return replace(self, target=now.id, held=held, frozen=(self.frozen[0], None))


Others = Mapping[str, tuple[Remembered, ...]]
"""RelatedPerson id → what other lists agreed about the same person with the same EHR."""
Answers = Mapping[str, str]
"""What a person answered: ``row`` → reference or ``new``; ``row|element`` → ``source`` or ``ehr``."""


def identity_of(source: str, patient_id: str, wanted: Wanted) -> str:
    """The ``urn:uuid:`` of a figure × client: the same each time the source names the same figure."""
    name = wanted.figure.name
    own = wanted.key or folded(
        "|".join([name.own_prefix, name.own_name, *name.given, *name.initials, name.text, wanted.figure.own_label])
    )
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{source}|{patient_id}|{own}')}"


def new_figure(identity: str) -> SupportFigure:
    """A figure that is not in the record yet.

    Its place in the transaction has another name than its identifier: some EHRs replace the first wherever it stands.
    """
    entry = uuid.uuid5(_NAMESPACE, f"entry|{identity}")
    return SupportFigure(id=f"urn:uuid:{entry}", identifiers=(Identifier(system=FIGURE_IDENTIFIER, value=identity),))


def known_people(network: SupportNetwork) -> list[SupportFigure]:
    """Everyone a row may mean: the figures, and contacts that are no figure yet."""
    return [*network.figures, *_described(network, Standing.CANDIDATE)]


def known_parents(network: SupportNetwork) -> list[SupportFigure]:
    """Those the record knows as a parent, whom no row may mean."""
    return _described(network, Standing.PARENT)


def _described(network: SupportNetwork, standing: Standing) -> list[SupportFigure]:
    return [
        figure_from(person.carried.body())
        for person in network.people
        if person.standing is standing and person.carried and person.carried.resource_type == "RelatedPerson"
    ]


def link_rows(
    free: list[SupportFigure], identities: Mapping[str, Wanted], memory: Mapping[str, Remembered], answers: Answers
) -> dict[str, SupportFigure]:
    """Who is who without asking: by answer, by what was agreed before, by identifier; only then by strong keys.

    Args:
        free: everyone who may be meant; those who are linked are taken out.
        identities: the rows, by identity.
        memory: what was agreed before.
        answers: what a person answered.
    """
    found: dict[str, SupportFigure] = {}
    by_id = {figure.id: figure for figure in free}
    for identity, wanted in identities.items():
        answered = answers.get(str(wanted.place), "").removeprefix("RelatedPerson/")
        agreed = memory[identity].target if identity in memory else ""
        known = by_id.get(answered) or by_id.get(agreed)
        if known is not None and known in free:
            found[identity] = known
            free.remove(known)
    for only_identifier in (True, False):
        for identity, wanted in identities.items():
            if identity in found or answers.get(str(wanted.place)) == "new":
                continue
            figure = match(wanted.figure, identifiers_of(identity, wanted), free).figure
            if figure is not None and (not only_identifier or _shares_identifier(identity, wanted, figure)):
                found[identity] = figure
                free.remove(figure)
    return found


def identifiers_of(identity: str, wanted: Wanted) -> tuple[Identifier, ...]:
    """The business identifiers that mean a row's figure: ours, and the source's own."""
    return (Identifier(system=FIGURE_IDENTIFIER, value=identity), *wanted.figure.identifiers)


def _shares_identifier(identity: str, wanted: Wanted, figure: SupportFigure) -> bool:
    return bool(set(figure.identifiers) & set(identifiers_of(identity, wanted)))
