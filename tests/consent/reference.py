"""A second decider, written from ``docs/consent.md`` by somebody who had not read ours. Plain and slow on purpose."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta

from reference_consent import Consent
from reference_words import HERE, YES, span, within


def reference_decide(request: dict, consents: list[dict], facts: dict) -> bool:
    """Whether the policy nl-jeugdwet (default choices) permits the request. consents: FHIR R4 Consent resources."""
    now = datetime.fromisoformat(request["at"])
    today = now.astimezone(HERE).date()
    figure = facts["figure"]
    if facts["child"] != request["child"] or figure["reference"] != request["actor"] or facts["safetyBlock"]:
        return False
    if not figure["active"] or not within(figure, today):
        return False
    signers = who_must_sign(facts, today)
    if not signers:
        return False
    teams = [item["team"] for item in figure["teams"] if within(item, today)]
    read = [Consent(body, consents, now) for body in consents]
    for asked in each_question(request):
        asked |= {"now": now, "teams": teams}
        words = [(consent, consent.word(asked)) for consent in read]
        for consent, word in words:
            if word == "deny" and any(consent.signed_by(who) for who in signers):
                return False
        for who in signers:
            if not any(word == "permit" and consent.signed_by(who) == YES for consent, word in words):
                return False
    return True


def each_question(request: dict) -> list[dict]:
    """One question per combination of class, code and item."""
    systems = {code["system"] for code in request["codes"]}
    axes = (request["classes"] or [None], request["codes"] or [None], request["data"] or [None])
    return [
        {**request, "class": kind, "code": code, "item": item, "systems": systems}
        for kind, code, item in itertools.product(*axes)
    ]


# --- Who must sign ---------------------------------------------------------------------------------------------------


def who_must_sign(facts: dict, today: date) -> list[str]:
    holders = [item["holder"] for item in facts["authority"] if within(item, today)]
    rows = {row(born, today) for born in possible_births(facts["birthDate"])}
    if len(rows) != 1:
        return []
    match rows.pop():
        case "under-12":
            return holders
        case "12-15":
            return [*holders, facts["child"]] if holders else []
        case "16-plus":
            return [facts["child"]]
    return []


def possible_births(text: str | None) -> list[date]:
    if text is None:
        return []
    first, last = span(text)
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def row(born: date, today: date) -> str:
    if born > today:
        return "unknown"
    if today < birthday(born, 12):
        return "under-12"
    return "12-15" if today < birthday(born, 16) else "16-plus"


def birthday(born: date, years: int) -> date:
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
