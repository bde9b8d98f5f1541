"""Errors on stderr speak the language of the command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fhir_plugin import errors
from fhir_plugin.cli.error_text import dutch, error_lines, language_of
from fhir_plugin.cli.main import main, steunfiguren

SOURCES = "\n".join(file.read_text(encoding="utf-8") for file in Path(errors.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("map to-fhir x.json", "nl"),
        ("map to-fhir x.json --lang en", "en"),
        ("map to-fhir --lang=en x.json", "en"),
        ("validate --lang en --lang nl x.json", "nl"),
        ("sync plan x.csv", "nl"),
        ("issuers check x.toml", "en"),
        ("", "en"),
        ("nothing", "en"),
    ],
)
def test_the_language_is_that_of_the_command(line: str, language: str) -> None:
    assert language_of(steunfiguren, line.split()) == language


def test_an_error_is_told_in_dutch_with_what_only_its_message_knows() -> None:
    error = errors.EhrRejected("It says no. HTTP 422 (invariant).", where="POST Consent", remedy="See the codes.")
    first, second = error_lines(error, "nl")
    assert first.startswith("POST Consent: Het EPD neemt niet aan")
    assert "HTTP 422 (invariant)" in second
    assert error_lines(error, "en") == [str(error)]


def test_an_error_without_a_dutch_sentence_is_told_as_it_is() -> None:
    error = errors.UsageError("This is wrong.", code="not-in-the-list", remedy="Do it right.")
    assert error_lines(error, "nl") == [str(error)]


def test_every_failure_of_an_ehr_has_a_dutch_sentence_and_no_sentence_is_of_an_error_that_is_not_raised() -> None:
    assert {kind.default_code for kind in errors.EhrError.__subclasses__()} <= set(dutch())
    assert [code for code in dutch() if f'"{code}"' not in SOURCES] == []


def test_the_command_tells_a_dutch_reader_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.json"
    file.write_text("{", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["steunfiguren", "map", "to-fhir", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"steunfiguren: {file}: Dit is geen JSON. Kijk het na" in capsys.readouterr().err
