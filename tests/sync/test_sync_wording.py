"""Codes become words where people read them; the files that programs read keep the codes."""

from __future__ import annotations

import pytest
from sync_desk import CONSENT, Desk, row
from test_sync_command import Command, command, plan

from fhir_plugin.mapping.displays import display_in
from fhir_plugin.model import terms
from fhir_plugin.sync.deciding.elements import ELEMENTS
from fhir_plugin.sync.plans.rendering import element_words
from fhir_plugin.sync.plans.wording import value_words
from fhir_plugin.texts import LANGUAGES, Language

__all__ = ["command"]


@pytest.mark.parametrize(
    ("element", "value", "dutch", "english"),
    [
        ("kinds", "significant-adult, jim", "belangrijke volwassene, JIM", "significant adult, JIM"),
        ("engagement.involvement", "advice-only", "geeft alleen advies", "advice only"),
        ("relations", "AUNT, OTH", "tante, anders", "aunt, other"),
        ("roles", "19", "buur", "neighbour"),
        ("designations", "youth 2026-01-02", "jongere 2026-01-02", "youth 2026-01-02"),
        ("agreement", "yes 2026-01-02 informed 2026-01-03", "ja 2026-01-02 geïnformeerd op 2026-01-03",
         "yes 2026-01-02 informed on 2026-01-03"),
        ("agreement", "informed 2026-01-03", "geïnformeerd op 2026-01-03", "informed on 2026-01-03"),
        ("active", "false", "nee", "no"),
        ("gender", "female", "vrouw", "female"),
        ("status", "inactive", "beëindigd", "ended"),
        ("kinds", "—", "—", "—"),
    ],
)  # fmt: skip
def test_codes_are_words_of_the_readers_language(element: str, value: str, dutch: str, english: str) -> None:
    assert (value_words(element, value, "nl"), value_words(element, value, "en")) == (dutch, english)


@pytest.mark.parametrize("element", ["own_label", "notes", "name.own_name", "telecoms"])
def test_what_people_wrote_is_never_taken_for_a_code(element: str) -> None:
    assert value_words(element, "jim, yes, AUNT", "nl") == "jim, yes, AUNT"


def test_a_display_of_another_code_system_stays_as_the_record_has_it() -> None:
    assert value_words("relations", "Tante, moederszijde", "nl") == "Tante, moederszijde"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_ours_has_a_word_in_both_languages(language: Language) -> None:
    systems = terms.CodeSystems
    for codes, system in ((terms.BondKind, systems.KIND), (terms.Involvement, systems.INVOLVEMENT)):
        assert all(display_in(system, code.value, language) for code in codes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_element_has_a_name_in_both_languages(language: Language) -> None:
    assert [item.path for item in ELEMENTS if element_words(item.path, language).startswith("sync-")] == []


def test_the_plan_shows_words_and_its_file_keeps_codes(command: Command, desk: Desk) -> None:
    plan(command, desk, [row(**CONSENT)])
    command("apply", "sync-plan.json", "-q")
    shown = plan(command, desk, [row(Soort="maatje", Inzet="adviseert", Relatie="oom", **CONSENT)]).output
    assert "Cliënt p1001" in shown
    assert "soort: JIM → vrijwillige mentor" in shown
    assert "familierelatie: tante → oom" in shown
    assert "inzet: voert mee uit → geeft alleen advies" in shown
    held = (desk.folder / "sync-plan.json").read_text(encoding="utf-8")
    assert '"to": "volunteer-mentor"' in held


def test_why_a_consent_cannot_be_recorded_is_told_once_with_what_to_do(command: Command, desk: Desk) -> None:
    for person in desk.ehr.all("RelatedPerson"):
        desk.edit(person, active=False)
    told = plan(command, desk, [row(**CONSENT)]).output
    assert told.count("Het is niet bekend wie gezag heeft.") == 1
    assert "toestemming niet vast te leggen: Het is niet bekend wie gezag heeft. Leg vast wie gezag heeft" in told
