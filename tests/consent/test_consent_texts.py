"""Every code the consent packages give has a sentence, in Dutch and in English."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

import fhir_plugin
from fhir_plugin.consent import LapseReason, Reason, Says
from fhir_plugin.texts import LANGUAGES, Language, sentence

ROOT = Path(str(files(fhir_plugin)))
SOURCES = [*(ROOT / "consent").glob("*.py"), *(ROOT / "mapping").glob("consent*.py")]
CODE = re.compile(r'"((?:consent|permit|policy)-[a-z0-9-]+|co-\d)"')
CODES = sorted(
    {code for file in SOURCES for code in CODE.findall(file.read_text(encoding="utf-8"))}
    | {member.value for codes in (Reason, Says, LapseReason) for member in codes}
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_sentence(code: str, language: Language) -> None:
    found = sentence(code, language, (("age", "12"),))

    assert found is not None
    assert found.text
    assert "{" not in found.text
