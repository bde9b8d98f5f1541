from __future__ import annotations

import pytest

from fhir_plugin.errors import UsageError
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.edit import add_figure, add_note, add_tie, end_bond, end_engagement
from fhir_plugin.model.figure import Engagement, Note, SupportFigure, Tie
from fhir_plugin.model.network import Child, SupportNetwork
from fhir_plugin.model.terms import FIGURE_IDENTIFIER, Function, NoteKind, TieQuality

TODAY = PartialDate(2026, 11, 23)
EMPTY = SupportNetwork(child=Child(id="p"))


def with_sam():
    engaged = Engagement(functions=(Function.EMOTIONAL,), period=Period(start=PartialDate(2026)))
    return add_figure(EMPTY, SupportFigure(own_label="tante Sam", engagement=engaged))


def test_a_name_or_only_a_label_is_enough_to_record_someone():
    (figure,) = add_figure(EMPTY, SupportFigure(own_label="de coach")).figures
    assert figure.id.startswith("urn:uuid:")
    assert [item.value for item in figure.identifiers if item.system == FIGURE_IDENTIFIER] == [figure.id]


def test_the_first_engagement_brings_a_team_and_a_bond_alone_does_not():
    assert with_sam().team is not None
    assert add_figure(EMPTY, SupportFigure(own_label="oma")).team is None


def test_ending_care_never_ends_the_bond():
    network = with_sam()
    (figure,) = end_engagement(network, network.figures[0].id, TODAY).figures
    assert figure.engagement.period == Period(start=PartialDate(2026), end=TODAY)
    assert figure.active
    assert figure.bond.end is None


def test_ending_the_bond_ends_the_engagement_too():
    network = with_sam()
    (figure,) = end_bond(network, network.figures[0].id, TODAY).figures
    assert not figure.active
    assert figure.bond.end == figure.engagement.period.end == TODAY


def test_dissent_is_recorded_without_removing_the_figure_and_ties_keep_their_history():
    network = with_sam()
    key = network.figures[0].id
    network = add_note(network, key, Note(text="Ik twijfel.", kind=NoteKind.DISSENT))
    network = add_tie(network, key, Tie(quality=TieQuality.TENSE, on=PartialDate(2025)))
    network = add_tie(network, key, Tie(quality=TieQuality.CLOSE, on=TODAY))
    (figure,) = network.figures
    assert [note.kind for note in figure.notes] == [NoteKind.DISSENT]
    assert [tie.quality for tie in figure.ties] == [TieQuality.TENSE, TieQuality.CLOSE]


def test_an_unknown_figure_is_named_as_such():
    with pytest.raises(UsageError, match="no such figure"):
        end_bond(EMPTY, "x", TODAY)
