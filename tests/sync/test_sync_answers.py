"""A word that means nothing as an answer is refused with its row, never passed over."""

from __future__ import annotations

import pytest

from fhir_plugin.errors import InputError
from fhir_plugin.sync.plans.codec import _figure_from

WHO = [{"target": "RelatedPerson/a", "figure": "tante Sam", "agrees": ["phone"]}]
QUESTION = {"row": "figuren.csv:2", "figure": "Sam", "action": "question", "who": WHO}
CONFLICT = {"element": "name.own_name", "source": "A", "ehr": "B"}


@pytest.mark.parametrize("answer", ["", "new", "RelatedPerson/a"])
def test_a_question_takes_a_candidate_or_new_or_stays_open(answer):
    assert _figure_from({**QUESTION, "answer": answer}).answer == answer


@pytest.mark.parametrize("answer", ["nieuw", "RelatedPerson/z", "yes"])
def test_any_other_answer_to_a_question_is_refused_with_its_row(answer):
    with pytest.raises(InputError, match="means nothing here"):
        _figure_from({**QUESTION, "answer": answer})


def test_a_conflict_takes_source_or_ehr_only():
    body = {**QUESTION, "action": "update", "answer": ""}
    assert _figure_from({**body, "conflicts": [{**CONFLICT, "answer": "ehr"}]}).conflicts[0].answer == "ehr"
    with pytest.raises(InputError, match="source, ehr"):
        _figure_from({**body, "conflicts": [{**CONFLICT, "answer": "bron"}]})
