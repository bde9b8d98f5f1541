"""Reading consent JSON that may be anything, without losing what is not understood.

Whatever could change a decision and cannot be read ends up in ``ConsentRecord.not_understood`` *and* in the report. The
condition it belongs to is then left out as a whole: a permit in such a consent counts for nothing anyway, and a refusal
reaches further rather than less far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fhir_plugin.mapping.consent_dates import read_interval, read_span
from fhir_plugin.mapping.json import Json, text
from fhir_plugin.model.consent import Interval
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.issues import Issue, Severity

__all__ = ["BACKBONE", "ELEMENT", "Doubts"]

ELEMENT = frozenset({"id", "extension"})
"""Members of every element; a plain extension never changes the meaning of what it extends."""
BACKBONE = ELEMENT | {"modifierExtension"}
_CODING = ELEMENT | {"system", "version", "code", "display", "userSelected"}
_CONCEPT = ELEMENT | {"coding", "text"}
_REFERENCE = ELEMENT | {"reference", "type", "identifier", "display"}
_PERIOD = ELEMENT | {"start", "end"}

T = TypeVar("T")


@dataclass(slots=True)
class Doubts:
    """What could not be read in one consent.

    Attributes:
        source: which consent, for the report.
        unclear: FHIRPath of everything that could change the decision.
    """

    source: str
    unclear: list[str] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def doubt(self, path: str, code: str = "consent-element-not-understood") -> None:
        """Something here could change the decision and is not understood."""
        if path not in self.unclear:
            self.unclear.append(path)
        self.issues.append(Issue(severity=Severity.ERROR, code=code, expression=path, source=self.source))

    def warn(self, path: str, code: str) -> None:
        """Something here is wrong or odd; no permit is wider for it."""
        self.issues.append(Issue(severity=Severity.WARNING, code=code, expression=path, source=self.source))

    def unknown_members(self, body: Json, known: Iterable[str], path: str) -> None:
        """Every member that is not known here: other versions, other specifications, modifier extensions."""
        known = frozenset(known)
        for key, value in body.items():
            if key == "modifierExtension":
                if value:
                    self.doubt(f"{path}.modifierExtension", "consent-modifier-extension")
            elif key not in known and not _companion(key, known, body):
                self.doubt(f"{path}.{key}")

    def items(self, body: Json, key: str, path: str, read: Callable[[Any, str], T | None]) -> tuple[T, ...]:
        """The items of a repeating condition; none at all when any of them cannot be read."""
        if key not in body:
            return ()
        raw = body[key]
        if not isinstance(raw, list) or not raw:
            self.doubt(f"{path}.{key}")
            return ()
        found = [read(item, f"{path}.{key}[{index}]") for index, item in enumerate(raw)]
        return tuple(item for item in found if item is not None) if None not in found else ()

    def coding(self, raw: Any, path: str) -> Coding | None:
        """A Coding with system and code."""
        if not isinstance(raw, dict) or not text(raw, "system") or not text(raw, "code"):
            self.doubt(path)
            return None
        self.unknown_members(raw, _CODING, path)
        return Coding(system=text(raw, "system"), code=text(raw, "code"), display=text(raw, "display"))

    def concept(self, raw: Any, path: str) -> tuple[Coding, ...] | None:
        """The codings of a CodeableConcept: translations of one meaning. A mere text is not understood."""
        if not isinstance(raw, dict):
            self.doubt(path)
            return None
        self.unknown_members(raw, _CONCEPT, path)
        if "coding" not in raw:
            self.doubt(path)
            return None
        return self.items(raw, "coding", path, self.coding) or None

    def reference(self, raw: Any, path: str) -> Ref | None:
        """A literal reference to a resource outside this one."""
        reference = text(raw, "reference")
        if not isinstance(raw, dict) or not reference or reference.startswith("#"):
            self.doubt(path)
            return None
        self.unknown_members(raw, _REFERENCE, path)
        return Ref(reference=reference, display=text(raw, "display"))

    def interval(self, body: Json, key: str, path: str) -> Interval | None:
        """A Period that restricts; None where there is none, or where it cannot be read."""
        if key not in body:
            return None
        raw, path = body[key], f"{path}.{key}"
        if not isinstance(raw, dict):
            self.doubt(path)
            return None
        self.unknown_members(raw, _PERIOD, path)
        if any(name.startswith("_") and name[1:] not in raw for name in raw):
            self.doubt(path)
            return None
        found = read_interval(raw)
        if found is None:
            self.doubt(path, "consent-date-unreadable")
        elif found.start is not None and found.end is not None and found.end <= found.start:
            self.doubt(path, "consent-period-reversed")
            return None
        return found

    def moment(self, body: Json, key: str, path: str) -> Any:
        """The first instant a date or dateTime can mean; None with a warning where it cannot be read."""
        if key not in body:
            return None
        span = read_span(body[key])
        if span is None:
            self.warn(f"{path}.{key}", "consent-date-unreadable")
            return None
        return span[0]


def _companion(key: Any, known: frozenset[str], body: Json) -> bool:
    """Whether this is the ``_name`` companion of a primitive that is there (ids and extensions only)."""
    return isinstance(key, str) and key.startswith("_") and key[1:] in known and key[1:] in body
