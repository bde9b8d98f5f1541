"""Options and opening of a source: a file, or the FHIR endpoint of another system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from fhir_plugin.cli.sync_options import Connection
from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.sync.sources.opening import is_fhir_source, open_table
from fhir_plugin.sync.sources.spool import SUBJECTS
from fhir_plugin.sync.sources.tables import Table
from fhir_plugin.texts import Language, words

if TYPE_CHECKING:
    from fhir_plugin.sync.sources.fhir_source import FhirSource

__all__ = ["SourceName", "SourceOptions", "header_of", "say_source", "sheet_option", "source_options"]

F = TypeVar("F", bound=Callable[..., Any])
TOKEN_VARIABLE = "STEUNFIGUREN_SOURCE_TOKEN"  # noqa: S105  the name of a variable
SCOPE = " ".join(f"system/{kind}.rs" for kind in SUBJECTS)


class SourceName(click.ParamType[str]):
    """A file that exists, or a URL."""

    name = "source"

    def convert(self, value: Any, *_context: Any) -> str:
        """Check it.

        Raises:
            UsageError: neither.
        """
        if not is_fhir_source(str(value)) and not Path(value).is_file():
            raise UsageError(
                "This is no file and no https:// address of a FHIR endpoint.",
                code="usage-source",
                where=str(value),
                remedy="Check the name.",
            )
        return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Which sheet of a workbook, and how to reach a FHIR server; the EHR's own credentials are never sent there."""

    sheet: str = ""
    bulk: bool = False
    client_id: str = ""
    key: Path | None = None
    token_url: str = ""
    scope: str = SCOPE

    @contextmanager
    def open(self, named: str, client_system: str) -> Iterator[tuple[Table, FhirSource | None]]:
        """The source as a list, and what is more to say of a FHIR server.

        Raises:
            InputError: a file that cannot be read, or half the settings of SMART Backend Services.
            EhrError: the server cannot be read in full.
        """
        if not is_fhir_source(named):
            if self.bulk:
                raise InputError("--source-bulk is for a FHIR server.", where=Path(named).name, remedy="Leave it out.")
            yield open_table(Path(named), self.sheet), None
            return
        from fhir_plugin.ehr.bulk import BulkExport  # mapping: not for a list
        from fhir_plugin.sync.sources.fhir_source import FhirSource, searched

        client = Connection(
            client_id=self.client_id, key=self.key, token_url=self.token_url, scope=self.scope, variable=TOKEN_VARIABLE
        ).client(named)
        source = FhirSource(base_url=client.base_url, client_system=client_system)
        found = (
            BulkExport(transport=client.transport, types=tuple(SUBJECTS)).resources() if self.bulk else searched(client)
        )
        try:
            yield source.read(found), source
        finally:
            source.close()


def header_of(named: str, client_system: str, sheet: str = "") -> tuple[tuple[str, ...], str]:
    """The columns of a source, and what it is called; a FHIR server need not be asked for that.

    Raises:
        InputError: a file that cannot be read.
    """
    if is_fhir_source(named):
        from fhir_plugin.sync.sources.fhir_source import FhirSource

        source = FhirSource(base_url=named, client_system=client_system)
        return source.header, source.name
    return open_table(Path(named), sheet).header, Path(named).stem


def say_source(source: FhirSource | None, language: Language) -> None:
    """What a FHIR source holds that a list has no place for."""
    if source is None:
        return
    if source.left_out:
        listed = ", ".join(
            f"{count} × {words(f'sync-left-{name}', language)}" for name, count in sorted(source.left_out.items())
        )
        click.echo(words("sync-left-out", language, what=listed))
    if source.orphans:
        click.echo(words("sync-orphans", language, count=str(source.orphans)))


sheet_option = click.option("--sheet", default="", help="Workbook: the sheet to read; else the first with a list.")


def source_options(command: F) -> F:
    """Adds the options that make ``SourceOptions``, passed as ``origin``."""

    @wraps(command)
    def wrapped(**given: Any) -> Any:
        names = ("bulk", "client_id", "key", "token_url", "scope")
        values = {name: given.pop(f"source_{name}") for name in names}
        return command(origin=SourceOptions(**values, sheet=given.pop("sheet")), **given)

    result: Any = wrapped
    options = (
        sheet_option,
        click.option("--source-bulk", is_flag=True, help="FHIR source: read it by Bulk Data export, not by search."),
        click.option("--source-client-id", default="", help="FHIR source: SMART Backend Services client id."),
        click.option(
            "--source-key", type=click.Path(exists=True, path_type=Path), help="FHIR source: private key, PEM or JWK."
        ),
        click.option(
            "--source-token-url", default="", help="FHIR source: token endpoint; found by discovery when not given."
        ),
        click.option("--source-scope", default=SCOPE, help="FHIR source: scopes to ask for."),
    )
    for option in reversed(options):
        result = option(result)
    return cast(F, result)
