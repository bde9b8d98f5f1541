"""Entry point."""

from __future__ import annotations

import sys

import click

from fhir_plugin.cli.lazy import LazyGroup
from fhir_plugin.errors import SteunfigurenError

__all__ = ["main"]

COMMANDS = {
    "audit": "fhir_plugin.cli.audit:audit_command",
    "conformance": "fhir_plugin.cli.conformance:conformance_command",
    "consent": "fhir_plugin.cli.consent:consent_command",
    "demo": "fhir_plugin.cli.serve:demo_command",
    "issuers": "fhir_plugin.cli.issuers:issuers_command",
    "map": "fhir_plugin.cli.map:map_command",
    "package": "fhir_plugin.cli.package:package_command",
    "serve": "fhir_plugin.cli.serve:serve_command",
    "sync": "fhir_plugin.cli.sync:sync_command",
    "worker": "fhir_plugin.cli.worker:worker_command",
    "validate": "fhir_plugin.cli.validate:validate_command",
    "validate-server": "fhir_plugin.cli.serve:validate_server_command",
}


@click.group(cls=LazyGroup, elsewhere=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="steunfiguren", prog_name="steunfiguren")
def steunfiguren() -> None:
    """Support figures (steunfiguren) on FHIR: demo, validate, sync.

    Exit codes: 0 fine, 1 findings, 2 wrong usage or unreadable input, 3 refused or the EHR failed.
    """


def main() -> None:
    """Run the command; an error of ours is told on stderr in the language of the command and its exit code."""
    try:
        steunfiguren.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except SteunfigurenError as error:
        from fhir_plugin.cli.error_text import error_lines, language_of  # only where there is something to say

        lines = error_lines(error, language_of(steunfiguren, sys.argv[1:]))
        click.echo("\n".join([f"steunfiguren: {lines[0]}", *lines[1:]]), err=True)
        sys.exit(error.exit_code)
