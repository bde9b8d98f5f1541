"""Entry point."""

from __future__ import annotations

import os
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
    """Run the command; an error is told on stderr in the language of the command, and gives its exit code."""
    try:
        steunfiguren.main(prog_name="steunfiguren", standalone_mode=False)
    except click.Abort:
        _say_stopped()
        sys.exit(130)
    except BrokenPipeError:  # who read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (click.ClickException, SteunfigurenError, OSError) as error:
        told = _as_ours(error)
        if told is None:
            raise
        from fhir_plugin.cli.error_text import language_of, tell_error

        tell_error(told, language_of(sys.argv[1:]))
        sys.exit(told.exit_code)


def _as_ours(error: Exception) -> SteunfigurenError | None:
    """Any error as one of ours; None where it is not foreseen."""
    from fhir_plugin.cli.usage_text import disk_error, usage_error  # only where there is something to say

    if isinstance(error, click.ClickException):
        return usage_error(error)
    return disk_error(error) if isinstance(error, OSError) else error if isinstance(error, SteunfigurenError) else None


def _say_stopped() -> None:
    from fhir_plugin.cli.error_text import language_of
    from fhir_plugin.texts import words

    code = "stopped-sync" if sys.argv[1:2] == ["sync"] and sys.argv[2:3] in (["apply"], ["resume"]) else "stopped"
    click.echo(words(code, language_of(sys.argv[1:])), err=True)
