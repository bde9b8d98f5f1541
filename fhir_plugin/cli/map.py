"""``steunfiguren map``: between FHIR and the neutral model, on a file or on stdin."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir_plugin.cli.language import language_option
from fhir_plugin.cli.reading import read_json
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.dates import PartialDate

if TYPE_CHECKING:
    from fhir_plugin.mapping.views import ViewName
    from fhir_plugin.texts import Language

__all__ = ["map_command"]


@click.group(name="map", short_help="Read a Bundle, or write another dialect.")
def map_command() -> None:
    """Read a child's network from FHIR, or write it back, and say what was noticed."""


@map_command.command(name="from-fhir")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--patient", help="Logical id of the Patient whose network is meant.")
@language_option
def from_fhir_command(path: Path, patient: str | None, lang: str) -> None:
    """Show the support network a Bundle (or one resource) holds, as JSON; findings go to stderr.

    Exit 1 when something was found that is an error.
    """
    from fhir_plugin.mapping.network import from_fhir

    mapped = from_fhir(read_json(path), patient_id=patient)
    click.echo(json.dumps(_plain(mapped.network), ensure_ascii=False, indent=2))
    _tell(mapped.report, lang)
    sys.exit(1 if mapped.report.has_errors else 0)


@map_command.command(name="to-fhir")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--patient", help="Logical id of the Patient whose network is meant.")
@language_option
@click.option(
    "--view",
    type=click.Choice(["r4", "koppeltaal", "zib2024", "stu3"]),
    default="r4",
    show_default=True,
    help="Which dialect to write.",
)
def to_fhir_command(path: Path, patient: str | None, lang: str, view: ViewName) -> None:
    """Read a Bundle and write the same network in another dialect; what it cannot carry goes to stderr."""
    from fhir_plugin.mapping.network import from_fhir
    from fhir_plugin.mapping.views import write_view

    mapped = from_fhir(read_json(path), patient_id=patient)
    bundle, report = write_view(mapped.network, view)
    click.echo(json.dumps(bundle, ensure_ascii=False, indent=2))
    whole = mapped.report.merged(report)
    _tell(whole, lang)
    sys.exit(1 if whole.has_errors else 0)


def _tell(report: Any, lang: str) -> None:
    from fhir_plugin.texts import render, sentence

    language: Language = "en" if lang == "en" else "nl"
    for issue in report:
        said, level = render(issue, language), sentence(f"severity-{issue.severity.value}", language)
        click.echo(
            f"{level.text if level else issue.severity.value}: {issue.expression}: {said.text} {said.remedy}".rstrip(),
            err=True,
        )


def _plain(value: Any) -> Any:
    """A model value as JSON, without what it was read from and without what is empty."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, PartialDate):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value if not isinstance(item, Carried)]
    if dataclasses.is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        plain = {name: _plain(item) for name, item in pairs if not isinstance(item, Carried)}
        return {name: item for name, item in plain.items() if item not in (None, "", [], {})}
    return value
