"""What outsiders may rely on: names, errors, sentences, commands."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Formatter

import pytest

import fhir_plugin
from fhir_plugin import errors
from fhir_plugin.cli.main import COMMANDS, steunfiguren
from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.texts import LANGUAGES, catalogue, render, sentence

ROOT = Path(__file__).resolve().parents[2]


def test_every_public_name_can_be_imported_and_no_other_is_promised():
    assert fhir_plugin.__all__ == sorted(fhir_plugin.__all__)
    assert set(fhir_plugin.__all__) == set(fhir_plugin._HOME)
    for name in fhir_plugin.__all__:
        assert getattr(fhir_plugin, name).__doc__


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, fhir_plugin; print([m for m in ('requests', 'flask', 'lxml', 'sqlalchemy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def tree(base=errors.SteunfigurenError):
    yield base
    for child in base.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_every_error_is_drawn_in_the_tree_and_exported():
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__)) | {"SteunfigurenError"}
    assert {error.__name__ for error in tree()} == drawn == set(errors.__all__)


def test_every_error_has_a_code_of_its_own_and_says_what_where_and_what_to_do():
    codes = [error.default_code for error in tree()]
    assert len(set(codes)) == len(codes)
    error = errors.InputError("This is not CSV.", where="figuren.csv:3", remedy="Save it as CSV.")
    assert str(error) == "figuren.csv:3: This is not CSV. Save it as CSV."


def fields_of(sentence):
    parts = [*Formatter().parse(sentence.text), *Formatter().parse(sentence.remedy)]
    return {field for _, field, _, _ in parts if field}


def test_dutch_and_english_say_the_same_things_with_the_same_parameters():
    dutch, english = (catalogue(language) for language in LANGUAGES)
    assert set(dutch) == set(english)
    assert [code for code in dutch if fields_of(dutch[code]) != fields_of(english[code])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_code_is_defined_twice(language):
    files = (ROOT / "fhir_plugin" / "texts" / language).glob("*.toml")
    codes = [code for file in files for code in tomllib.loads(file.read_text(encoding="utf-8"))]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize(("count", "said"), [("1", "1 cliënt geschreven"), ("2", "2 cliënten geschreven")])
def test_one_is_said_in_the_singular(count, said):
    found = sentence("sync-exported", "nl", (("count", count), ("file", "x.ndjson")))
    assert found is not None
    assert found.text.startswith(said)


def test_a_rule_without_a_sentence_of_ours_speaks_in_its_own_words():
    issue = Issue(severity=Severity.ERROR, code="vendor-1", params=(("text", "A rule of the vendor."),))
    assert render(issue, "nl").text == "A rule of the vendor."


def test_every_command_exists_explains_itself_and_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        command = steunfiguren.get_command(None, name)
        assert command is not None
        assert command.help
        assert command.name == name
        assert f"steunfiguren {name}" in readme


def test_public_modules_say_what_they_are_for():
    modules = [name for name in sys.modules if name.startswith(("fhir_plugin.", "smart_app."))]
    assert [name for name in modules if not inspect.getdoc(sys.modules[name])] == []
