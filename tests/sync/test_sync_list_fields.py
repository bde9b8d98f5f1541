"""What a list may hold is told where people look: in the docs, in a new mapping file, and in what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir_plugin.sync.sources.columns import propose_columns, to_toml
from fhir_plugin.sync.sources.list_fields import fields_page
from fhir_plugin.sync.sources.problems import describe
from fhir_plugin.sync.sources.values import BadCell, Words
from fhir_plugin.sync.sources.vocabulary import FIELDS, meaning_of, tables, words_for, words_of
from fhir_plugin.sync.sources.wanted import Place, Problem
from fhir_plugin.texts import LANGUAGES, Language

PAGE = Path(__file__).parents[2] / "docs" / "sync-lists.md"


def test_the_page_of_fields_is_what_the_vocabulary_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == fields_page()


def test_a_new_mapping_file_names_every_field() -> None:
    text = to_toml(propose_columns(("Naam", "iets"), "jim"))
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    assert [name for name in FIELDS if name not in comments] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", tables())
def test_each_word_that_a_refusal_proposes_is_understood_as_another_code(table: str, language: Language) -> None:
    meant = [meaning_of(table, word, {}) for word in words_of(table, language)]
    assert meant == list(words_for(table))


def test_a_refused_word_is_answered_with_words_of_the_readers_language() -> None:
    with pytest.raises(BadCell) as refused:
        Words("supports", {}).one("buurman")
    place = Place(file="lijst.csv", sheet="", line=2)
    problem = Problem(place=place, column="Steunt", code=refused.value.code, params=refused.value.params)
    assert "Kies uit: kind, jongere, ouder, of geef je eigen woord" in describe(problem, "nl")
    assert "child, youth, parent" in describe(problem, "en")


def test_a_refused_word_is_not_answered_with_a_page_of_words() -> None:
    place, params = Place(file="lijst.csv", line=2), (("table", "relation"),)
    problem = Problem(place=place, column="Relatie", code="sync-unknown-word", params=params)
    told = describe(problem, "nl")
    assert "tante, oom, oma" in told
    assert "…" in told
    assert "[values.relation]" in told
    assert len(told) < 300
