"""Prints: keyed hashes by which a run sees, without deciding anything, that nothing changed since the last one.

A decision for which nothing was left to do does not depend on the day: consents are only looked at when somebody is
about to take part. So the same rows, read in the same way, and the same versions in the EHR, come to the same: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_plugin.sync.deciding.decisions import Context
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.records.population import Json, versions_of
from fhir_plugin.sync.sources.wanted import Wanted

__all__ = ["client_print", "is_print_of", "rows_print", "said_print"]


def rows_print(rows: Sequence[Wanted], context: Context, vault: Vault) -> str:
    """The print of what the source says of one client."""
    return said_print("\x1e".join("\x1f".join(row.cells) for row in rows), context, vault)


def said_print(said: str, context: Context, vault: Vault) -> str:
    """The print of what a source says, and of how it is read."""
    return vault.fingerprint("\x1e".join([context.source, context.dialect, context.policy.label, said]))


def client_print(rows: str, bodies: list[Json], vault: Vault) -> str:
    """The print of what the source says (``rows_print``) with what the EHR holds; empty without versions."""
    versions = versions_of(bodies)
    return f"{rows}.{vault.fingerprint(versions)}" if rows and versions else ""


def is_print_of(mark: str, rows: str) -> bool:
    """Whether a ``client_print`` is one of these rows, whatever the EHR held."""
    return bool(rows) and mark.startswith(f"{rows}.")
