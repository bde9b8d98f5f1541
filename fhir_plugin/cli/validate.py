"""``steunfiguren validate``: is this FHIR, and does it hold to the profiles."""

from __future__ import annotations

import os
import sys
from typing import cast

import click

from fhir_plugin.cli.language import language_option
from fhir_plugin.cli.progress import Progress
from fhir_plugin.model.issues import Severity
from fhir_plugin.texts import Language
from fhir_plugin.validation import Policy, Validator
from fhir_plugin.validation.batch import Batch
from fhir_plugin.validation.inputs import bytes_in, inputs
from fhir_plugin.validation.outputs import FORMATS, Summary, make_output
from fhir_plugin.validation.terminology import TerminologyServer

__all__ = ["tx_policy_option", "unknown_extensions_option", "validate_command", "validation_policy"]

tx_policy_option = click.option(
    "--tx-policy",
    type=click.Choice(["warn", "ignore", "error"]),
    default="warn",
    show_default=True,
    help="What to say of codes that cannot be decided offline.",
)
unknown_extensions_option = click.option(
    "--unknown-extensions",
    type=click.Choice(["error", "warn", "ignore"]),
    default="error",
    show_default=True,
    help="What an extension is whose definition is not known.",
)


def validation_policy(tx_policy: str, unknown_extensions: str) -> Policy:
    """The policy of these two options."""
    return Policy(unknown_codes=tx_policy, unknown_extensions=unknown_extensions)  # type: ignore[arg-type]  # click.Choice


@click.command("validate")
@click.argument("paths", nargs=-1, required=True)
@click.option("--profile", "profiles", multiple=True, help="Canonical every resource must satisfy; may be repeated.")
@click.option("--package", "packages", multiple=True, help="A FHIR package: .tgz, folder, or name#version.")
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@language_option
@click.option("--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True)
@click.option("--jobs", type=click.IntRange(0), default=1, show_default=True, help="Processes; 0 is one per core.")
@tx_policy_option
@unknown_extensions_option
@click.option(
    "--fhir-version", default="", help="STU3, R4, R4B, R5 or a version; by default that of the packages, or R4."
)
@click.option("--tx-server", default="", help="FHIR base of a terminology server, asked what is not known here.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def validate_command(
    paths: tuple[str, ...],
    profiles: tuple[str, ...],
    packages: tuple[str, ...],
    format_name: str,
    lang: str,
    fail_on: str,
    jobs: int,
    tx_policy: str,
    unknown_extensions: str,
    fhir_version: str,
    tx_server: str,
    quiet: bool,
) -> None:
    """Validate FHIR R4 resources offline.

    PATHS are files (JSON, XML, NDJSON), folders, patterns, or - for standard input. Base R4, the profiles in
    meta.profile and those of --profile are checked; our own package is always known.

    Exit codes: 0 no findings at or above --fail-on, 1 findings, 2 wrong usage or nothing to read.
    """
    policy = validation_policy(tx_policy, unknown_extensions)
    validator = Validator.load(
        packages, policy=policy, fhir_version=fhir_version, terminology_server=_server(tx_server)
    )
    output = make_output(format_name, sys.stdout.write, cast("Language", lang))
    summary = Summary()
    progress = Progress(bytes_in(paths)) if sys.stderr.isatty() and not quiet else None
    parts = Batch(validator, output, profiles).run(inputs(paths), jobs or os.cpu_count() or 1)
    for part in progress.done(parts) if progress else parts:
        summary.merge(part.summary)
        output.add(part.texts)
    output.finish(summary)
    warned = fail_on == "warning" and summary.severities[Severity.WARNING]
    sys.exit(1 if summary.errors or warned else 0)


def _server(address: str) -> TerminologyServer | None:
    if not address:
        return None
    from fhir_plugin.ehr.terminology import HttpTerminologyServer  # requests only where it is asked for

    return HttpTerminologyServer(address)
