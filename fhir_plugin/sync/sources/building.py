"""From the values of a row to a figure and a consent claim; what the row does not say stays empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_plugin.model.dates import Period
from fhir_plugin.model.figure import (
    Agreement,
    BondOfTrust,
    Designation,
    Engagement,
    MandateFact,
    Note,
    SupportFigure,
    VogSeen,
)
from fhir_plugin.model.identity import Address, Coding, Identifier, PersonName, Ref, Telecom
from fhir_plugin.model.names import split_prefix
from fhir_plugin.model.terms import (
    LEGAL_ROLE_CODES,
    ROL_NICTIZ,
    ROL_VEKTIS,
    V3_NULL_FLAVOR,
    V3_ROLE_CODE,
    Adult,
    BondKind,
    Context,
    Designator,
    Function,
    InformationCategory,
    Involvement,
    LifeDomain,
    Mandate,
    ParentAccord,
    Supports,
)
from fhir_plugin.sync.sources.wanted import ConsentClaim

__all__ = ["Cells", "claim_of", "figure_of", "role_of"]

Cells = dict[str, Any]
"""Field → value read."""

_ADDRESS = ("street", "house_number", "addition", "postcode", "city")


def figure_of(cells: Cells, identifiers: tuple[Identifier, ...]) -> SupportFigure:
    """The figure of a row; a legal role implies a formal mandate (invariant sf-5)."""
    get = cells.get
    roles = tuple(role_of(code) for code in get("role", ()))
    mandate = get("mandate") or ("formal" if any(role.key in LEGAL_ROLE_CODES for role in roles) else "")
    supports = tuple(Supports(code) for code in get("supports", ()))
    trust = get("bond_of_trust")
    agreed, informed = get("agreed"), get("informed_on")
    agreement = Agreement(agreed=agreed, on=get("agreed_on"), informed_on=informed)
    return SupportFigure(
        identifiers=identifiers,
        own_label=get("own_label", ""),
        name=_name(cells),
        gender=get("gender", ""),
        birth_date=get("birth_date"),
        telecoms=_telecoms(cells),
        addresses=_addresses(cells),
        relations=tuple(_relation(code) for code in get("relation", ())),
        roles=roles,
        kinds=tuple(BondKind(code) for code in get("kind", ())),
        bond=Period(start=get("bond_since"), end=get("bond_until")),
        designations=tuple(Designation(by=Designator(by), on=get("designated_on")) for by in get("designated_by", ())),
        bond_of_trust=None if trust is None else BondOfTrust(confirmed=trust, on=get("bond_of_trust_on")),
        mandate=MandateFact(kind=Mandate(mandate)) if mandate else None,
        supports=supports,
        life_domains=tuple(LifeDomain(code) for code in get("life_domains", ())),
        adult=_enum(Adult, get("adult")),
        parent_accord=_enum(ParentAccord, get("parent_accord")),
        agreement=None if agreed is None and informed is None else agreement,
        vog_seen=VogSeen(seen=cells["vog_seen"], on=get("vog_seen_on")) if "vog_seen" in cells else None,
        programme=Ref(display=cells["programme"]) if get("programme") else None,
        notes=(Note(text=cells["note"]),) if get("note") else (),
        engagement=_engagement(cells),
    )


def _engagement(cells: Cells) -> Engagement | None:
    found = Engagement(
        functions=tuple(Function(code) for code in cells.get("functions", ())),
        involvement=tuple(Involvement(code) for code in cells.get("involvement", ())),
        contexts=tuple(Context(code) for code in cells.get("contexts", ())),
        period=Period(start=cells.get("engaged_since"), end=cells.get("engaged_until")),
    )
    return None if found == Engagement() else found


def _name(cells: Cells) -> PersonName:
    get = cells.get
    prefix, own = get("own_prefix", ""), get("own_name", "")
    if own and not prefix:
        prefix, own = split_prefix(own)
    return PersonName(
        text="" if own else get("text", ""),
        given=tuple(get("given", "").split()),
        initials=_initials(get("initials", "")),
        call_name=get("call_name", ""),
        own_prefix=prefix if own else "",
        own_name=own,
        partner_prefix=get("partner_prefix", ""),
        partner_name=get("partner_name", ""),
    )


def _initials(text: str) -> tuple[str, ...]:
    letters = [part for part in text.replace(".", " ").split() if part]
    if len(letters) == 1 and letters[0].isupper():
        letters = list(letters[0])
    return tuple(f"{letter}." for letter in letters)


def _telecoms(cells: Cells) -> tuple[Telecom, ...]:
    found = (item for name in ("phone", "mobile", "email") for item in cells.get(name, ()))
    return tuple(dict.fromkeys(found))


def _addresses(cells: Cells) -> tuple[Address, ...]:
    found = Address(**{name: cells.get(name, "") for name in _ADDRESS})
    return () if found == Address() else (found,)


def _relation(code: str) -> Coding:
    system = V3_NULL_FLAVOR if code == "OTH" else V3_ROLE_CODE
    return Coding(system=system, code=code)


def role_of(code: str) -> Coding:
    """The RolCodelijst coding of a vocabulary code."""
    system = ROL_VEKTIS if code[0] == "V" else ROL_NICTIZ
    return Coding(system=system, code=code[1:])


def claim_of(cells: Cells) -> ConsentClaim | None:
    """What a row claims about consent, or None."""
    if "consent" not in cells:
        return None
    since, until = cells.get("consent_since"), cells.get("consent_until")
    return ConsentClaim(
        state=cells["consent"],
        by=tuple(cells.get("consent_by", ())),
        since=since,
        until=until,
        categories=tuple(InformationCategory(code) for code in cells.get("consent_for", ())),
    )


def _enum(kind: Callable[[str], Any], code: str | None) -> Any:
    return kind(code) if code else None
