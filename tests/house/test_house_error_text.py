"""Errors on stderr speak the language of the command."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from fhir_plugin import errors
from fhir_plugin.cli.error_text import dutch, error_lines, language_of
from fhir_plugin.cli.main import main

SOURCES = "\n".join(
    file.read_text(encoding="utf-8")
    for package in ("fhir_plugin", "smart_app")
    for file in (Path(errors.__file__).parents[1] / package).rglob("*.py")
)


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("map to-fhir x.json", "nl"),
        ("map to-fhir x.json --lang en", "en"),
        ("map to-fhir --lang=en x.json", "en"),
        ("validate --lang en --lang nl x.json", "nl"),
        ("", "nl"),
    ],
)
def test_the_language_is_the_one_asked_for_or_dutch(line: str, language: str) -> None:
    assert language_of(line.split()) == language


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    """Exit code and stderr of the command."""
    monkeypatch.setattr(sys, "argv", ["steunfiguren", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "place", "sentence"),
    [
        ("sync plan --nothing", "--nothing", "Deze optie bestaat niet."),
        ("package build --out", "--out", "Deze waarde kan hier niet."),
        ("sync plan {file}", "--fhir", "Dit ontbreekt in het commando."),
        ("serve", "SETTINGS", "Dit ontbreekt in het commando."),
        ("serve {file}.toml", "SETTINGS", "Dit bestand of deze map is er niet"),
        ("serve {file} --port x", "--port", "Hieronder staat welk getal hier past."),
        ("serve {file} --port 99999", "--port", "Hieronder staat welk getal hier past."),
        ("sync init {file} --lang fr", "--lang", "Hieronder staat waaruit je kunt kiezen."),
        ("sync plan weg.csv --fhir x", "weg.csv", "Dit is geen bestand, en geen https://-adres"),
        ("package build --out {folder}/no/x.tgz", "{folder}/no", "Deze map is er niet."),
        ("issuers chek", "", "Dit commando kan zo niet worden uitgevoerd."),
        ("issuers check {file} more", "", "Dit commando kan zo niet worden uitgevoerd."),
    ],
)
def test_a_wrong_command_line_is_told_in_dutch_with_where_and_with_what_click_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    place: str,
    sentence: str,
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("a;b\n", encoding="utf-8")
    names = {"file": str(file), "folder": str(tmp_path)}
    code, told = said(monkeypatch, capsys, *(word.format(**names) for word in line.split()))
    first, second, *_ = told.splitlines()
    assert code == 2
    assert first.startswith(f"steunfiguren: {place.format(**names)}")
    assert sentence in first
    assert second.startswith("  (")


def test_a_wrong_command_line_is_told_in_english_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = said(monkeypatch, capsys, "serve", "--lang", "en")
    assert told == "steunfiguren: SETTINGS: Missing argument 'SETTINGS'. steunfiguren serve --help\n"


@pytest.mark.parametrize(
    ("number", "sentence"), [(errno.ENOSPC, "De schijf is vol."), (errno.EROFS, "mag niet worden gebruikt")]
)
def test_a_full_or_closed_disk_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, sentence: str
) -> None:
    def fails() -> None:
        raise OSError(number, "no", "/somewhere/plan.json")

    monkeypatch.setattr("fhir_plugin.cli.package.list_cached", fails)
    code, told = said(monkeypatch, capsys, "package", "list")
    assert code == 3
    assert "steunfiguren: plan.json: " in told
    assert sentence in told


def test_a_failure_nobody_foresaw_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr("fhir_plugin.cli.package.list_cached", fails)
    monkeypatch.setattr(sys, "argv", ["steunfiguren", "package", "list"])
    with pytest.raises(OSError, match="no"):
        main()


def test_ctrl_c_says_how_a_run_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fhir_plugin.cli.package.list_cached", fails)
    assert said(monkeypatch, capsys, "package", "list") == (130, "\nGestopt.\n")
    monkeypatch.setattr("fhir_plugin.cli.sync_apply.PlanReader", fails)
    code, told = said(monkeypatch, capsys, "sync", "apply", __file__)
    assert code == 130
    assert "`steunfiguren sync resume PLAN` gaat verder" in told


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
