"""Consent first: what a source's claim becomes, and whether a figure may take part in the care team.

Taking part in the team is what gives a figure access in an EHR. So nobody is put into it without a ``Permit``, decided
on all consents as they will be; a withdrawal ends it in the same transaction (docs/sync.md, docs/consent.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fhir_plugin.consent import Policy, facts_of, required_grantors
from fhir_plugin.consent.granting import Grant, expire, grant
from fhir_plugin.errors import UsageError
from fhir_plugin.model.consent import ConsentRecord, Effect, Status
from fhir_plugin.model.dates import Period, midnight
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Identifier, Ref
from fhir_plugin.model.network import Person, SupportNetwork
from fhir_plugin.model.terms import (
    CONSENT_IDENTIFIER,
    SNOMED,
    V3_ROLE_CODE,
    InformationCategory,
)
from fhir_plugin.sync.deciding.adopting import meet
from fhir_plugin.sync.sources.wanted import ConsentClaim

__all__ = ["PURPOSE", "Claimed", "apply_claim", "end_consents", "grantor_word", "is_about", "is_ours"]

PURPOSE = "FAMRQT"
"""What a list's consent is for: the family asks for it, as in the app; nothing wider is ever recorded."""
_MOTHERS = frozenset({(V3_ROLE_CODE, code) for code in ("MTH", "NMTH", "ADOPTM")} | {(SNOMED, "72705000")})
_FATHERS = frozenset({(V3_ROLE_CODE, code) for code in ("FTH", "NFTH", "ADOPTF")} | {(SNOMED, "66839005")})
_ALL = tuple(InformationCategory)
_STANDS = "consent-stands:sync-consent-stands"
_BESIDE = "consent-beside:sync-consent-beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The network after a claim.

    Attributes:
        effect: ``record``, ``withdraw``, ``adopt`` (the record holds it already; nothing is written) or empty.
        note: what a person should know, as kind and code: why a claim was not recorded, or what stands beside it.
        recorded: whether an earlier run recorded this very claim.
    """

    network: SupportNetwork
    effect: str = ""
    note: str = ""
    recorded: bool = False


def apply_claim(
    network: SupportNetwork,
    figure: SupportFigure,
    claim: ConsentClaim,
    identity: str,
    policy: Policy,
    over: Iterable[ConsentRecord] = (),
) -> Claimed:
    """The network with a claim about one figure worked into its consents.

    Args:
        network: as it will be, with the figure in it.
        figure: whom it is about.
        claim: what the source says.
        identity: the figure's ``urn:uuid:`` identity.
        policy: whose signatures are needed.
        over: consents ended in this very decision, because whom they name is in the record no longer.
    """
    mine = [record for record in network.consents if is_ours(record) and is_about(record, figure)]
    theirs = [record for record in network.consents if not is_ours(record)]
    if claim.state != "given" or claim.since is None:
        return replace(
            _withdrawn(network, mine), note=_STANDS if any(_permits(item, figure) for item in theirs) else ""
        )
    wanted = _consent_identifier(identity, claim)
    if (replaced := next((record for record in over if wanted in record.identifiers), None)) is not None:
        wanted = _consent_identifier(f"{identity}|{replaced.id}", claim)
    if any(wanted in record.identifiers for record in network.consents):
        return Claimed(network=network, recorded=True)  # what became of it in the EHR since then stands
    at, facts = midnight(claim.since.first_day()), facts_of(network, figure.id)
    needed = required_grantors(facts, policy, at).references
    signed = dict.fromkeys(ref for who in claim.by for ref in _who(who, network))
    grantors = tuple(ref for ref in signed if ref.reference in needed)  # who has no say is no grantor (co-1)
    asked = Grant(
        child=network.child.ref,
        figure=figure.ref,
        signed_by=grantors,
        categories=claim.categories or _ALL,
        valid=Period(start=claim.since, end=claim.until),
        at=at,
        purposes=(PURPOSE,),
    )
    entry, named = f"urn:uuid:{_uuid(f'entry|{wanted.value}')}", (wanted,)
    try:
        record = grant(asked, facts, policy, record_id=entry, identifiers=named)
    except UsageError as error:
        return Claimed(network=network, note=f"not-recorded:{error.code}")
    found = meet(record, theirs, facts.figure) if theirs and facts.figure else None
    if found and found.over:
        return replace(_withdrawn(network, mine), note="not-recorded:sync-consent-ended")
    if found and not any(record.status is Status.ACTIVE for record in mine):
        if not found.missing:
            return Claimed(network=network, effect="adopt")
        asked = replace(asked, signed_by=found.missing)
        record = grant(asked, facts, policy, record_id=entry, identifiers=named)
    kept = _ended(network, mine).consents
    changed = replace(network, consents=(*kept, record))
    return Claimed(network=changed, effect="record", note=_BESIDE if found and found.beside else "")


def end_consents(network: SupportNetwork, figure: SupportFigure) -> tuple[SupportNetwork, tuple[ConsentRecord, ...]]:
    """The network without what lists' consents permit to a figure, and the consents that were active until now."""
    mine = (record for record in network.consents if is_ours(record) and is_about(record, figure))
    over = tuple(record for record in mine if record.status is Status.ACTIVE)
    return _ended(network, over), over


def _withdrawn(network: SupportNetwork, mine: list[ConsentRecord]) -> Claimed:
    changed = _ended(network, mine)
    return Claimed(network=changed, effect="withdraw" if changed != network else "")


def _ended(network: SupportNetwork, records: Iterable[ConsentRecord]) -> SupportNetwork:
    over = {record.id: expire(record)[0] for record in records if record.status is Status.ACTIVE}
    if not over:
        return network
    return replace(network, consents=tuple(over.get(record.id, record) for record in network.consents))


def is_ours(record: ConsentRecord) -> bool:
    """Whether a list brought a consent, and not people or another system."""
    return any(identifier.system == CONSENT_IDENTIFIER for identifier in record.identifiers)


def _permits(record: ConsentRecord, figure: SupportFigure) -> bool:
    """Whether a consent still permits something to this figure."""
    is_permit = record.root is not None and record.root.effect is Effect.PERMIT
    return record.status is Status.ACTIVE and is_permit and is_about(record, figure)


def is_about(record: ConsentRecord, figure: SupportFigure) -> bool:
    """Whether a consent names this figure as whom it permits or denies."""
    key = figure.ref.key
    actors = record.root.actors if record.root else ()
    return any(actor.ref is not None and actor.ref.key == key for actor in actors)


def _consent_identifier(identity: str, claim: ConsentClaim) -> Identifier:
    said = "|".join([identity, str(claim.since), str(claim.until), *sorted(claim.by), *sorted(claim.categories)])
    return Identifier(system=CONSENT_IDENTIFIER, value=f"urn:uuid:{_uuid(said)}")


def _uuid(text: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, text)


def _who(who: str, network: SupportNetwork) -> Iterator[Ref]:
    """The people a word for a grantor means in this record."""
    if who == "youth":
        yield network.child.ref
    for person in network.people:
        if person.active and _means(who, person):
            yield person.ref


def grantor_word(grantor: Ref, network: SupportNetwork) -> str:
    """The word by which a list names exactly this grantor; empty where no word means this person alone."""
    for who in ("youth", "mother", "father", "guardian"):
        if [ref.reference for ref in _who(who, network)] == [grantor.reference]:
            return who
    return ""


def _means(who: str, person: Person) -> bool:
    if who == "authority":
        return person.holds_authority
    codes = {coding.key for coding in person.relations}
    match who:
        case "mother":
            return bool(codes & _MOTHERS)
        case "father":
            return bool(codes & _FATHERS)
        case "guardian":
            return person.holds_authority and not codes & (_MOTHERS | _FATHERS)
    return False
