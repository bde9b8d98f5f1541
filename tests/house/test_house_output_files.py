"""A file that cannot be written is refused before the work begins: nothing is done, read or applied for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.main import main, steunfiguren

WRITTEN = {"output", "out", "report", "problems"}


def options(command: click.Command, name: str = "steunfiguren") -> Iterator[tuple[str, click.Parameter]]:
    yield from ((f"{name} {option.name}", option) for option in command.params)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from options(found, f"{name} {inner}")


def test_every_option_that_names_a_file_to_write_is_looked_at_first() -> None:
    found = {place: option for place, option in options(steunfiguren) if option.name in WRITTEN}
    assert len(found) > 8
    assert [place for place, option in found.items() if not isinstance(option.type, OutputFile)] == []


def test_a_folder_that_is_not_there_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "no" / "package.tgz"
    monkeypatch.setattr("sys.argv", ["steunfiguren", "package", "build", "--out", str(there)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"There is no folder '{there.parent}'. Make it first" in " ".join(capsys.readouterr().err.split())


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="is a directory"):
        OutputFile().convert(str(tmp_path), None, None)
