"""Where runs keep what they must remember: files, for one run at a time, or a database, for any number of workers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from fhir_plugin.sync.journals.journal import Journal
from fhir_plugin.sync.journals.opening import open_database, open_journal
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.records.findings import Findings, findings_path, load_findings
from fhir_plugin.sync.records.own_store import OwnStore, open_own_database, open_own_store, own_path

__all__ = ["Storage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The journal, the own store and the findings of the write probe.

    Attributes:
        file: of the journal; what the write probe found stands beside it.
        database: PostgreSQL URL; where it is given the journal and the own store are there, not in files.
        found: findings to go by, instead of those beside the file: a run has one way of writing, wherever it is done.
    """

    file: Path = Path()
    database: str = ""
    found: Findings | None = None

    def journal(self, ehr: str, source: str, *, beside: bool = False) -> AbstractContextManager[Journal]:
        """Open the journal; see ``open_journal`` and ``open_database``."""
        if self.database:
            return open_database(self.database, ehr, source)
        return open_journal(self.file, ehr, source, beside=beside)

    def own_store(self, ehr: str, vault: Vault) -> AbstractContextManager[OwnStore]:
        """Open the own store; see ``open_own_store`` and ``open_own_database``."""
        if self.database:
            return open_own_database(self.database, vault, ehr)
        return open_own_store(own_path(self.file), vault, ehr)

    def findings(self, ehr: str) -> Findings | None:
        """What the write probe found about an EHR; None when it was never probed."""
        return self.found or load_findings(findings_path(self.file), ehr)
