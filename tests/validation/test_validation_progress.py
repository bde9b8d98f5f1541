"""How far a long run is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from click.testing import CliRunner

from fhir_plugin.cli.progress import Progress
from fhir_plugin.cli.validate import validate_command
from fhir_plugin.validation.batch import Part
from fhir_plugin.validation.inputs import bytes_in
from fhir_plugin.validation.outputs import Summary


def ticking(seconds: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += seconds


def shown(total: int, seconds: float, count: int = 6) -> list[str]:
    lines: list[str] = []
    clock = ticking(seconds)
    progress = Progress(total, lines.append, lambda: next(clock))
    assert len(list(progress.done(Part([""], Summary(inputs=1), 100) for _ in range(count)))) == count
    return lines


def test_a_short_run_says_nothing() -> None:
    assert shown(600, 0.1) == []


def test_a_long_run_says_how_fast_it_goes_and_what_is_left() -> None:
    assert shown(1000, 1.0)[:2] == ["3 (1/s), 30 %, 0:07 left", "4 (1/s), 40 %, 0:06 left"]


def test_of_standard_input_only_the_rate_is_known() -> None:
    assert shown(0, 1.0)[0] == "3 (1/s)"


def test_the_size_of_what_is_to_be_read_is_that_of_its_files(tmp_path) -> None:
    (tmp_path / "a.json").write_bytes(b"x" * 10)
    (tmp_path / "b.ndjson").write_bytes(b"x" * 20)
    (tmp_path / "c.txt").write_bytes(b"x" * 40)
    assert bytes_in([str(tmp_path)]) == 30
    assert bytes_in([str(tmp_path), "-"]) == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_a_terminal(tmp_path, monkeypatch, terminal) -> None:
    for number in range(3):
        (tmp_path / f"{number}.json").write_text('{"resourceType": "Patient"}', encoding="utf-8")
    clock = ticking(2.0)
    monkeypatch.setattr("fhir_plugin.cli.validate.Progress", partial(Progress, clock=lambda: next(clock)))
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _self: terminal, raising=False)
    runner = CliRunner()
    result = runner.invoke(validate_command, [str(tmp_path)])
    assert ("left" in result.stderr) == terminal
    assert "left" not in result.stdout
