"""The README's example of a sync is what a newcomer sees who types it over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fhir_plugin.cli.sync import sync_command
from smart_app.sandbox import SandboxSettings
from smart_app.sandbox.testing import running_sandbox

ROOT = Path(__file__).parents[2]
_VARIES = re.compile(r"localhost:\d+|gemaakt op \S+|in [\d.,]+ s \(.*|Kolommen: .*")


@pytest.fixture
def fhir() -> Iterator[str]:
    with running_sandbox(SandboxSettings(open_access=True)) as sandbox:
        yield f"{sandbox.base_url}/fhir"


def steady(line: str) -> str:
    return _VARIES.sub("~", line.rstrip())


def shown(command: str) -> list[str]:
    """What the README shows of a command, without what it says it leaves out."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(
        rf"^\$ steunfiguren {re.escape(command)}(?:[^\n]*\\\n)?[^\n]*\n(.*?)(?=^\$ |^```)", readme, re.M | re.S
    )
    assert found is not None, command
    return [steady(line) for line in found[1].splitlines() if line.strip() and line != "…"]


def test_plan_and_apply_say_what_the_readme_shows(fhir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = str(ROOT / "examples" / "steunfiguren.csv")
    system = "https://zandkasteel.example/clientnummer"
    planned = CliRunner().invoke(sync_command, ["plan", source, "--fhir", fhir, "--client-system", system, "-q"])
    applied = CliRunner().invoke(sync_command, ["apply", "sync-plan.json", "-q"])
    for command, result in (("sync plan", planned), ("sync apply", applied)):
        said = [steady(line) for line in result.output.splitlines()]
        assert [line for line in shown(command) if line not in said] == []
        assert result.exit_code == 1
