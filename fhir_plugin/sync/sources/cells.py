"""A support figure as the row of a list: the inverse of ``building``, so that a FHIR server is a source like any list.

What a list has no column for is not carried over, and is counted by name: never a silent loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from fhir_plugin.consent.request import Action, Confidentiality
from fhir_plugin.model.consent import ConsentRecord, Effect, Interval, Rule, Status
from fhir_plugin.model.dates import AMSTERDAM, PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import PersonName, Ref, Telecom, TelecomUse
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import ROL_NICTIZ, CodeSystems
from fhir_plugin.sync.deciding.sharing import PURPOSE, grantor_word

__all__ = ["FIGURE_HEADERS", "NOT_EXPRESSIBLE", "cells_of", "left_out"]

FIGURE_HEADERS = (
    "key", "own_label", "text", "given", "initials", "call_name", "own_prefix", "own_name", "partner_prefix",
    "partner_name", "gender", "birth_date", "phone", "phone (2)", "mobile", "mobile (2)", "email", "email (2)",
    "street", "house_number", "addition", "postcode", "city", "relation", "role", "kind", "functions", "involvement",
    "contexts", "supports", "life_domains", "designated_by", "designated_on", "bond_of_trust", "bond_of_trust_on",
    "mandate", "adult", "parent_accord", "agreed", "agreed_on", "informed_on", "vog_seen", "vog_seen_on", "programme",
    "bond_since", "bond_until", "engaged_since", "engaged_until", "consent", "consent_by", "consent_since",
    "consent_until", "consent_for",
)  # fmt: skip
"""Columns of a FHIR source: the fields themselves, a second one where there may be two."""

NOT_EXPRESSIBLE = "sync-consent-not-expressible"
"""Fault of a consent that says more than a row can: it is refused, never simplified."""

_YES_NO = {True: "yes", False: "no", None: ""}
_BETWEEN = "; "


def cells_of(network: SupportNetwork, figure: SupportFigure) -> tuple[dict[str, str], dict[str, str]]:
    """The cells of a figure, and the faults of cells that cannot be filled in (header → code)."""
    agreement, engagement = figure.agreement, figure.engagement
    first = figure.designations[0] if figure.designations else None
    cells = {
        "key": figure.id,
        "own_label": figure.own_label,
        **_name(figure.name),
        "gender": figure.gender,
        "birth_date": _date(figure.birth_date),
        **_reached(figure.telecoms),
        **_lives(figure),
        "relation": _joined(coding.code for coding in figure.relations),
        "role": _joined(f"{'N' if coding.system == ROL_NICTIZ else 'V'}{coding.code}" for coding in figure.roles),
        "kind": _joined(figure.kinds),
        "supports": _joined(figure.supports),
        "life_domains": _joined(figure.life_domains),
        "designated_by": _joined(dict.fromkeys(item.by for item in figure.designations)),
        "designated_on": _date(first.on) if first else "",
        "bond_of_trust": _YES_NO[figure.bond_of_trust.confirmed if figure.bond_of_trust else None],
        "bond_of_trust_on": _date(figure.bond_of_trust.on) if figure.bond_of_trust else "",
        "mandate": figure.mandate.kind if figure.mandate else "",
        "adult": figure.adult or "",
        "parent_accord": figure.parent_accord or "",
        "agreed": _YES_NO[agreement.agreed if agreement else None],
        "agreed_on": _date(agreement.on) if agreement else "",
        "informed_on": _date(agreement.informed_on) if agreement else "",
        "vog_seen": _YES_NO[figure.vog_seen.seen if figure.vog_seen else None],
        "vog_seen_on": _date(figure.vog_seen.on) if figure.vog_seen else "",
        "programme": figure.programme.display if figure.programme else "",
        "bond_since": _date(figure.bond.start),
        "bond_until": _date(figure.bond.end),
    }
    if engagement:
        cells |= {
            "functions": _joined(engagement.functions),
            "involvement": _joined(engagement.involvement),
            "contexts": _joined(engagement.contexts),
            "engaged_since": _date(engagement.period.start),
            "engaged_until": _date(engagement.period.end),
        }
    consent, faults = _consent(network, figure)
    return cells | consent, faults


def left_out(figure: SupportFigure) -> Iterator[str]:
    """What of a figure a row has no place for, by element."""
    phones = [item for item in figure.telecoms if item.system == "phone"]
    mobiles = sum(1 for item in phones if item.use is TelecomUse.MOBILE)
    emails = sum(1 for item in figure.telecoms if item.system == "email")
    others = len(figure.telecoms) - len(phones) - emails
    if others or mobiles > 2 or len(phones) - mobiles > 2 or emails > 2:
        yield "telecom"
    if len(figure.addresses) > 1:
        yield "address"
    if figure.ties:
        yield "tie"
    if figure.notes:
        yield "note"
    if figure.unmapped:
        yield "unmapped"


def _name(name: PersonName) -> dict[str, str]:
    return {
        "text": "" if name.own_name else name.text,
        "given": " ".join(name.given),
        "initials": " ".join(name.initials),
        "call_name": name.call_name,
        "own_prefix": name.own_prefix,
        "own_name": name.own_name,
        "partner_prefix": name.partner_prefix,
        "partner_name": name.partner_name,
    }


def _reached(telecoms: Iterable[Telecom]) -> dict[str, str]:
    held: dict[str, list[str]] = {"phone": [], "mobile": [], "email": []}
    for item in telecoms:
        kind = "mobile" if item.system == "phone" and item.use is TelecomUse.MOBILE else item.system
        if kind in held:
            held[kind].append(item.value)
    return {
        header: value
        for kind, values in held.items()
        for header, value in zip((kind, f"{kind} (2)"), values, strict=False)
    }


def _lives(figure: SupportFigure) -> dict[str, str]:
    if not figure.addresses:
        return {}
    first = figure.addresses[0]
    return {name: getattr(first, name) for name in ("street", "house_number", "addition", "postcode", "city")}


def _consent(network: SupportNetwork, figure: SupportFigure) -> tuple[dict[str, str], dict[str, str]]:
    """What the consents about a figure come to, where a row can say it; the newest stands."""
    mine = [record for record in network.consents if _names(record, figure.ref)]
    active = [record for record in mine if record.status is Status.ACTIVE]
    if not active:
        return ({"consent": "withdrawn"} if any(r.status is Status.INACTIVE for r in mine) else {}), {}
    if len(active) == 1:
        record = active[0]
        if record.root and record.root.effect is Effect.DENY and not record.root.exceptions:
            return {"consent": "refused"}, {}
        told = _given(record, network)
        if told:
            return told, {}
    return {}, {"consent": NOT_EXPRESSIBLE}


def _given(record: ConsentRecord, network: SupportNetwork) -> dict[str, str]:
    """A plain permit to one figure as cells; empty when it says anything a row cannot."""
    rule = record.root
    if rule is None or rule.effect is not Effect.PERMIT or record.not_understood or not _is_plain(rule):
        return {}
    words = [grantor_word(ref, network) for ref in record.grantors]
    if not words or not all(words) or rule.period is None:
        return {}
    since, until = _days(rule.period)
    if not (since and until):
        return {}
    return {
        "consent": "given",
        "consent_by": _joined(dict.fromkeys(words)),
        "consent_since": since,
        "consent_until": until,
        "consent_for": _joined(coding.code for coding in rule.codes),
    }


def _is_plain(rule: Rule) -> bool:
    """Whether what a row would record (``Grant`` with its defaults) is no wider than the rule."""
    narrowed = rule.classes or rule.data_period or rule.data or rule.exceptions or len(rule.actors) != 1
    return not narrowed and all(
        (
            all(coding.system == CodeSystems.INFORMATION_CATEGORY for coding in rule.codes),
            not rule.purposes or PURPOSE in {coding.code for coding in rule.purposes},
            not rule.actions or Action.ACCESS in {coding.code for coding in rule.actions},
            not rule.security_labels or {coding.code for coding in rule.security_labels} == {Confidentiality.NORMAL},
        )
    )


def _names(record: ConsentRecord, figure: Ref) -> bool:
    actors = record.root.actors if record.root else ()
    nested = [actor for rule in (record.root.exceptions if record.root else ()) for actor in rule.actors]
    return any(actor.ref is not None and actor.ref.id == figure.id for actor in (*actors, *nested))


def _days(period: Interval) -> tuple[str, str]:
    """First and last day of an interval whose end is exclusive."""
    start = period.start.astimezone(AMSTERDAM).date().isoformat() if period.start else ""
    last = period.end.astimezone(AMSTERDAM) - timedelta(microseconds=1) if period.end else None
    return start, last.date().isoformat() if last else ""


def _date(value: PartialDate | None) -> str:
    return str(value) if value else ""


def _joined(values: Iterable[str]) -> str:
    return _BETWEEN.join(str(value) for value in values)
