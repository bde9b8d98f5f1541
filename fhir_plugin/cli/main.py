"""Entry point. Each command has its own module, imported only when asked for, so that start-up stays fast."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from fhir_plugin.errors import SteunfigurenError

__all__ = ["main"]

COMMANDS = {
    "audit": "fhir_plugin.cli.audit",
    "conformance": "fhir_plugin.cli.conformance",
    "consent": "fhir_plugin.cli.consent",
    "demo": "fhir_plugin.cli.serve",
    "issuers": "fhir_plugin.cli.issuers",
    "map": "fhir_plugin.cli.map",
    "package": "fhir_plugin.cli.package",
    "serve": "fhir_plugin.cli.serve",
    "sync": "fhir_plugin.cli.sync",
    "worker": "fhir_plugin.cli.worker",
    "validate": "fhir_plugin.cli.validate",
    "validate-server": "fhir_plugin.cli.serve",
}
"""Command name → module with its click command in a variable of that name (``-`` as ``_``) and ``_command``."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(module), f"{cmd_name.replace('-', '_')}_command")
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
