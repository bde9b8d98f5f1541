"""Faults an EHR in the field may have, each by name, all off by default.

What each does in detail stands in the texts (``fault-<name>``); this module says which there are and which are on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from fhir_plugin.errors import UsageError

__all__ = ["FAULTS", "PROFILES", "FaultSwitch"]

FAULTS = (
    "no-nonce",
    "no-kid",
    "opaque-token",
    "changed-patient-on-refresh",
    "wrong-aud",
    "expired-id-token",
    "rotated-keys",
    "unknown-kid",
    "mix-up-iss",
    "slow",
    "401-mid-session",
    "429-retry-after",
    "500",
    "lost-response-after-write",
    "stale-if-match-ignored",
    "transaction-refused",
    "no-conditional",
    "no-consent",
    "no-care-team-write",
    "read-only",
    "drops-related-person-participants",
    "koppeltaal-noop",
    "no-access",
    "create-only",
    "patch-only",
    "no-if-match",
    "server-ids",
    "no-related-person-write",
    "stu3",
    "hides-safety-block",
)
"""Names, in the order of the design; `no-care-team-write` and friends behave like servers seen in the field."""
PROFILES = {
    "no access": ("no-access",),
    "read-only": ("read-only",),
    "create only": ("create-only",),
    "PATCH only": ("patch-only",),
    "update, no If-Match": ("no-if-match",),
    "no conditional operations": ("no-conditional",),
    "no transaction": ("transaction-refused",),
    "server-assigned ids": ("server-ids",),
    "no Consent": ("no-consent",),
    "no CareTeam write": ("no-care-team-write",),
    "no RelatedPerson write": ("no-related-person-write",),
    "STU3": ("stu3",),
}
"""The EHRs of the degradation matrix (docs/sync.md), each by the faults that make the sandbox play it."""


class FaultSwitch:
    """Which faults are on; shared by the authorization server, the FHIR server and the pages.

    Raises:
        UsageError: a name is not a fault.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._on: set[str] = set()
        for name in names:
            self.turn(name, on=True)

    def active(self, name: str) -> bool:
        """Whether it is on."""
        return name in self._on

    def turn(self, name: str, *, on: bool) -> None:
        """Switch one."""
        if name not in FAULTS:
            raise UsageError(
                f"There is no fault named '{name[:40]}'.",
                code="unknown-fault",
                remedy=f"Choose from: {', '.join(FAULTS)}.",
            )
        with self._lock:
            (self._on.add if on else self._on.discard)(name)

    def names(self) -> tuple[str, ...]:
        """Those that are on, in the order of ``FAULTS``."""
        return tuple(name for name in FAULTS if name in self._on)
