"""``steunfiguren conformance``: what an EHR says it can do, and with ``--probe-client`` what it really does."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click

from fhir_plugin.cli.files import OutputFile
from fhir_plugin.cli.sync_ehr import way_lines
from fhir_plugin.cli.sync_options import Connection, connection_options, language_option
from fhir_plugin.conformance.probe import Finding, Outcome, Probe
from fhir_plugin.ehr.abilities import abilities_of, software_of
from fhir_plugin.ehr.capabilities import Capabilities
from fhir_plugin.sync.records.findings import findings_path, store_findings
from fhir_plugin.texts import Language, words

__all__ = ["conformance_command"]

_NEEDS = {
    "Patient": ("read", "search-type"),
    "RelatedPerson": ("read", "search-type", "create", "update"),
    "CareTeam": ("read", "search-type", "create", "update"),
    "Consent": ("read", "search-type", "create", "update"),
    "Provenance": ("create",),
}
"""What the app and the sync engine ask of an EHR."""
_OPTIONAL = frozenset({"patch"})
"""Checks of what only matters where something else is missing."""
_SIGNS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.REFUSED: "–"}


@click.command("conformance", short_help="What a FHIR server really does.")
@click.argument("url")
@click.option("--probe-client", default="", help="Patient id of a test client: writes are really tried on it.")
@click.option("-o", "--output", type=OutputFile(), help="Write the outcome there too, as JSON.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    default=Path("var/sync.sqlite"),
    show_default=True,
    help="Journal of `sync`: what is found is kept beside it, for the version of the EHR's software.",
)
@language_option
@connection_options
def conformance_command(
    connection: Connection, url: str, probe_client: str, output: Path | None, journal: Path, lang: str
) -> None:
    """Look at the FHIR endpoint URL: its claims, with --probe-client its deeds, and how `sync` writes to it.

    Exit code 0 when all that is needed is there, 1 when something is missing or wrong.
    """
    language = cast(Language, lang)
    client = connection.client(url)
    claims = client.capabilities()
    missing = [f"{kind}.{name}" for kind, names in _NEEDS.items() for name in names if not claims.supports(kind, name)]
    click.echo(_head(claims))
    for name in missing:
        click.echo(f"  ✗ {words('conformance-not-claimed', language, name=name)}")
    findings: list[Finding] = []
    if probe_client:
        for finding in Probe(client, f"Patient/{probe_client.removeprefix('Patient/')}").run():
            findings.append(finding)
            click.echo(_line(finding, language))
        checks = {finding.check: finding.outcome.value for finding in findings}
        store_findings(findings_path(journal), client.base_url, software_of(claims), checks, datetime.now(UTC))
        click.echo(f"  {words('conformance-stored', language, file=findings_path(journal).name)}")
    else:
        click.echo(f"  {words('conformance-claims-only', language)}")
    found = {finding.check: finding.outcome.value for finding in findings} or None
    abilities = abilities_of(claims, found)
    for name in abilities.untrue:
        click.echo(f"  ! {words('ehr-untrue-check', language, check=words(f'probe-{name}', language))}")
    for line in way_lines(abilities, language):
        click.echo(f"  → {line}")
    if output is not None:
        output.write_text(_json(claims, missing, findings), encoding="utf-8")
    wrong = [item for item in findings if item.outcome is not Outcome.PASSED and item.check not in _OPTIONAL]
    sys.exit(1 if missing or wrong or abilities.untrue else 0)


def _line(finding: Finding, language: Language) -> str:
    text, outcome = (words(f"probe-{name}", language) for name in (finding.check, finding.outcome.value))
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"  {_SIGNS[finding.outcome]} {text}: {outcome}{detail}"


def _head(claims: Capabilities) -> str:
    system = ", ".join(sorted(claims.system)) or "—"
    return f"{claims.software_name} {claims.software_version}, FHIR {claims.fhir_version}; {system}"


def _json(claims: Capabilities, missing: list[str], findings: list[Finding]) -> str:
    body = {
        "software": claims.software_name,
        "version": claims.software_version,
        "fhirVersion": claims.fhir_version,
        "notClaimed": missing,
        "probe": {item.check: {"outcome": item.outcome.value, "detail": item.detail} for item in findings},
    }
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
