"""The safety block (L11): where sharing would endanger the child, sharing and export are off."""

from __future__ import annotations

from dataclasses import dataclass, field

from fhir_plugin.model.carried import Carried
from fhir_plugin.model.dates import Period
from fhir_plugin.model.identity import Ref

__all__ = ["SafetyBlock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyBlock:
    """A professional's decision that nothing of this child is shared. For the eyes of professionals only.

    Attributes:
        id: logical id of the Flag; ``urn:uuid:`` while new.
        active: only lifting it ends it; a day in ``period`` never does.
        period: since when, and until when once it is lifted.
        by: who decided.
        why: the reason; also what was said when it was lifted.
    """

    id: str = ""
    active: bool = True
    period: Period = field(default_factory=Period)
    by: Ref | None = None
    why: str = field(default="", repr=False)
    lifted_why: str = field(default="", repr=False)
    carried: Carried | None = field(default=None, compare=False, repr=False)

    @property
    def version(self) -> str:
        """Version as last read; empty for a new one."""
        return self.carried.version if self.carried else ""
