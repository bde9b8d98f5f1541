"""What decisions depend on besides the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fhir_plugin.consent import Policy

__all__ = ["Context"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What decisions depend on besides the record.

    Attributes:
        source: name of the source.
        at: aware moment of the run.
        dialect: how the source is read; another reading of the same cells is another statement.
    """

    source: str
    policy: Policy
    at: datetime
    dialect: str = ""

    @property
    def how(self) -> tuple[str, ...]:
        """How a source is read and judged; what is read otherwise is another statement (``prints.rows_print``)."""
        return self.source, self.dialect, self.policy.label
