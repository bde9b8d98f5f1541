"""What reading and writing a Consent have in common, however a version of FHIR spells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping.consent_doubts import Doubts
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.mapping.lens import Lens, apply_lenses
from fhir_plugin.model.carried import Carried, copied
from fhir_plugin.model.consent import ConsentRecord, PolicyRule, Rule, Scope
from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.model.tangle import oversize

__all__ = ["COMMON", "Rules", "Spelling", "read_all", "write_one"]

COMMON = frozenset(
    {"resourceType", "id", "meta", "language", "text", "contained", "extension", "identifier", "category", "status"}
)
"""Elements that R4 and R5 spell alike; a consent that changes version takes them along as they are."""
Rules = tuple[PolicyRule | None, Rule | None]
"""Policy rule and root rule of a record."""
_MAX_BUNDLES = 4
_RENDERINGS = frozenset({"display", "userSelected", "version", "type"})
"""Members that only render or repeat what another member says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One version of FHIR.

    Attributes:
        known: every element of Consent that is read, or that cannot change a decision.
        lenses: the elements the record owns, but for the rules.
        rules: policy rule and root rule.
        examine: reads the rules and names everything in a body that is not understood.
        native: elements that only this version has; they tell which version a body is written in.
        template: what a new consent says besides its record.
    """

    known: frozenset[str]
    lenses: tuple[Lens[Any], ...]
    rules: Lens[Rules]
    examine: Callable[[Json, Doubts], Rules]
    native: frozenset[str]
    template: Json


def read_all(
    source: Any, spelling: Spelling, key: Callable[[Json], str] | None = None
) -> tuple[list[ConsentRecord], Report]:
    """Every Consent among resources or Bundles, as records, with a report."""
    issues: list[Issue] = []
    bodies = _Walk(issues).read(source)
    records = [_record(body, f"Consent[{at}]", issues, spelling, key) for at, body in enumerate(bodies)]
    return _without_contradictions(records, issues), Report(issues=tuple(issues))


def write_one(record: ConsentRecord, spelling: Spelling, other: Spelling) -> Json:
    """The resource of a record: what was read, with what differs written into it.

    Args:
        record: the consent.
        spelling: the version to write.
        other: the version it may have been read in.

    Raises:
        MappingError: something in it cannot be written without losing or inventing meaning.
    """
    if record.carried is None:
        return _written(_new(record, spelling), record, spelling, new=True)
    body = record.carried.body()
    if body.keys() & other.native and not body.keys() & spelling.native:
        return _converted(body, record, spelling, other)
    _guard(body, record, spelling)
    return _written(body, record, spelling)


def _written(body: Json, record: ConsentRecord, spelling: Spelling, *, new: bool = False) -> Json:
    apply_lenses(spelling.lenses, body, record, new=new)
    spelling.rules.put(body, (record.policy_rule, record.root))
    return body


def _converted(body: Json, record: ConsentRecord, spelling: Spelling, other: Spelling) -> Json:
    """A consent of the other version, rewritten; refused when anything of it would be lost.

    The profiles it claims are those of its own version and stay behind.
    """
    if record.not_understood:
        raise _not_kept(record.not_understood[0], "A consent that is not understood cannot change its version of FHIR.")
    common = {key: value for key, value in body.items() if key in COMMON}
    bare = replace(record, carried=None)
    same = _written({**_new(bare, other), **common}, bare, other)
    lost = sorted(set(_paths(body, "Consent")) - set(_paths(same, "Consent")))
    if lost:
        raise _not_kept(lost[0], "This element has no place in the other version of FHIR.")
    meta = common.pop("meta", None)
    rest = {key: value for key, value in meta.items() if key != "profile"} if isinstance(meta, dict) else meta
    kept = {"meta": rest} if rest else {}
    new = {key: value for key, value in _new(bare, spelling).items() if key != "meta"}
    return _written({**new, **common, **kept, "status": record.status.value}, bare, spelling)


def _new(record: ConsentRecord, spelling: Spelling) -> Json:
    if record.not_understood:
        raise _not_kept("Consent", "This consent was not understood and was too large to keep.")
    if record.scope is Scope.OTHER:
        raise MappingError(
            "A new consent needs a scope that FHIR knows.", code="consent-scope-unknown", remedy="Use patient-privacy."
        )
    known = {"id": record.id} if record.id and not record.id.startswith("urn:") else {}
    return {"resourceType": "Consent", **known, **copied(spelling.template), "status": record.status.value}


def _guard(body: Json, record: ConsentRecord, spelling: Spelling) -> None:
    """Refuse to write provisions anew of which something was not understood."""
    held = Doubts("")
    current = spelling.examine(body, held)
    rules = ("Consent.provision", "Consent.policyRule", "Consent.decision", "Consent.period")
    unclear = [path for path in held.unclear if path.startswith(rules)]
    if unclear and current != (record.policy_rule, record.root):
        raise _not_kept(unclear[0], "A provision that is not understood cannot be changed.")


def _not_kept(where: str, message: str) -> MappingError:
    return MappingError(message, code="consent-not-kept", where=where, remedy="Record a new consent instead.")


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _RENDERINGS:
                yield from _paths(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, path)
    else:
        yield path


class _Walk:
    """Finds the Consent bodies, out of Bundles too; every Bundle and list is entered once."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues
        self.entered: dict[int, Any] = {}

    def read(self, source: Any, depth: int = 0) -> Iterator[Json]:
        """The bodies, in order."""
        if isinstance(source, dict):
            if source.get("resourceType") == "Consent":
                yield source
            elif source.get("resourceType") == "Bundle" and depth < _MAX_BUNDLES and self._is_new(source):
                for entry in objects(source, "entry"):
                    yield from self.read(entry.get("resource"), depth + 1)
        elif isinstance(source, Iterable) and not isinstance(source, str | bytes) and depth < _MAX_BUNDLES:
            if self._is_new(source):
                for item in source:
                    yield from self.read(item, depth + 1)
        elif source is not None:
            self.issues.append(Issue(severity=Severity.ERROR, code="not-a-resource", expression="Consent"))

    def _is_new(self, source: Any) -> bool:
        if id(source) in self.entered:
            self.issues.append(Issue(severity=Severity.ERROR, code="bundle-circular", expression="Bundle"))
            return False
        self.entered[id(source)] = source
        return True


def _record(
    body: Json, place: str, issues: list[Issue], spelling: Spelling, key: Callable[[Json], str] | None
) -> ConsentRecord:
    doubts = Doubts(place)
    huge = oversize(body)
    if huge:
        doubts.doubt("Consent", "consent-too-large")
    doubts.unknown_members(body, spelling.known, "Consent")
    policy_rule, root = spelling.examine(body, doubts)
    issues.extend(doubts.issues)
    return ConsentRecord(
        **{lens.name: lens.get(body) for lens in spelling.lenses},
        id=text(body, "id") or (key(body) if key else ""),
        policy_rule=policy_rule,
        root=root,
        not_understood=tuple(doubts.unclear),
        carried=None if huge else Carried(body),
    )


def _without_contradictions(records: list[ConsentRecord], issues: list[Issue]) -> list[ConsentRecord]:
    """Records with one id but different content all become untrusted: which one holds cannot be told."""
    by_id: dict[str, list[ConsentRecord]] = {}
    for record in records:
        by_id.setdefault(record.id, []).append(record)
    split = {key for key, group in by_id.items() if key and any(each.carried != group[0].carried for each in group)}
    issues.extend(
        Issue(severity=Severity.ERROR, code="consent-contradictory", expression="Consent.id", source=f"Consent/{key}")
        for key in sorted(split)
    )
    return [
        replace(record, not_understood=(*record.not_understood, "Consent.id")) if record.id in split else record
        for record in records
    ]
