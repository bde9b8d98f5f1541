"""What one consent says to a question, for the reference decider."""

from __future__ import annotations

from datetime import datetime

from reference_words import MAY, NO, YES, bounds, concepts, depth, has_modifier, moments, same, size, walk

LADDER = "ULMNRV"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"
CATEGORY = "https://w3id.org/steunfiguren/fhir/CodeSystem/information-category"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
CLASS = "http://hl7.org/fhir/resource-types"
STATUSES = ("draft", "proposed", "active", "rejected", "inactive", "entered-in-error")
DIRECTIVES = ("nl-core-TreatmentDirective", "nl-core-TreatmentDirective2", "nl-core-AdvanceDirective")
DEPTH, SIZE = 31, 5_000


class Consent:
    """One consent and what it says to a question."""

    def __init__(self, body: dict, beside: list[dict], now: datetime) -> None:
        self.body = body
        self.unclear = False
        self.only_refuses = any(other.get("id") == body.get("id") and other != body for other in beside)
        self.counts = self._counts()
        self._given(now)
        if "implicitRules" in body or has_modifier(body):
            self.unclear = True
        self.root = body.get("provision")
        if isinstance(self.root, dict) and (size(self.root) > SIZE or depth(self.root) > DEPTH):
            self.unclear = True

    def _counts(self) -> bool:
        status = self.body.get("status")
        if status not in STATUSES:
            self.unclear = True
        elif status != "active":
            return False
        scopes = [(item.get("system"), item.get("code")) for item in self.body.get("scope", {}).get("coding", [])]
        if (SCOPE, "patient-privacy") not in scopes:
            return False
        claims = [claim.split("|")[0].rsplit("/", 1)[-1] for claim in self.body.get("meta", {}).get("profile", [])]
        return not any(claim in DIRECTIVES for claim in claims)

    def _given(self, now: datetime) -> None:
        if "dateTime" in self.body:
            try:
                self.only_refuses |= moments(self.body["dateTime"])[0] > now
            except ValueError:
                self.unclear = True

    def signed_by(self, who: str) -> int:
        return max((same(item["reference"], who) for item in self.body.get("performer", [])), default=NO)

    def word(self, asked: dict) -> str | None:
        """permit, deny, or None for silence."""
        about = same(self.body.get("patient", {}).get("reference", ""), asked["child"])
        if not self.counts or about == NO:
            return None
        only_refuses = self.only_refuses or about == MAY or self.unclear or self._is_unclear(asked)
        word = self._outcome(asked, only_refuses)
        return None if word == "permit" and only_refuses else word

    def _is_unclear(self, asked: dict) -> bool:
        if self.root is None:
            return self._policy() is None
        holds = [Provision(each, asked).unclear for each in walk(self.root)]
        untyped = any("type" not in each for each in walk(self.root) if each is not self.root)
        return any(holds) or untyped or ("type" not in self.root and self._policy() is None)

    def _policy(self) -> str | None:
        """OPTIN where nothing is said; None where what is said is not understood."""
        if "policyRule" not in self.body:
            return "OPTIN"
        codings = self.body["policyRule"].get("coding", [])
        codes = {item.get("code") for item in codings if item.get("system") == f"{V3}ActCode"}
        known = {"OPTOUT" if code == "OPTOUTE" else code for code in codes & {"OPTIN", "OPTOUT", "OPTOUTE"}}
        return known.pop() if len(known) == 1 else None

    def _outcome(self, asked: dict, only_refuses: bool) -> str | None:
        by_rule = "deny" if self._policy() == "OPTOUT" else None
        if self.root is None:
            return by_rule
        applies = Provision(self.root, asked).applies
        if applies == NO:
            return None
        word = outcome(self.root, asked, only_refuses, by_rule, on_btg_path=False)
        return word if applies == YES or word == "deny" else None


def outcome(body: dict, asked: dict, only_refuses: bool, effect: str | None, *, on_btg_path: bool) -> str | None:
    btg = on_btg_path or any(
        (item.get("system"), item.get("code")) == (f"{V3}ActReason", "BTG") for item in body.get("purpose", [])
    )
    inner = [
        (Provision(each, asked, nested=True).applies, outcome(each, asked, only_refuses, "deny", on_btg_path=btg))
        for each in body.get("provision", [])
    ]
    if any(applies != NO and word == "deny" for applies, word in inner):
        return "deny"
    if not only_refuses and any(applies == YES and word == "permit" for applies, word in inner):
        return "permit"
    own = body["type"] if body.get("type") in ("permit", "deny") else effect
    if own == "permit" and asked["purpose"] == "BTG" and not btg:
        return None
    return own


class Provision:
    """Whether one provision applies: YES, MAY or NO; and whether something in it cannot be read."""

    def __init__(self, body: dict, asked: dict, *, nested: bool = False) -> None:
        self.refuses = body.get("type", "deny" if nested else "permit") == "deny"
        self.body, self.asked = body, asked
        self.unclear = body.get("type", "permit") not in ("permit", "deny")
        tests = (
            self.period, self.actor, self.action, self.purpose, self.kind, self.code, self.label, self.data_period,
            self.data,
        )  # fmt: skip
        self.applies = min(test() for test in tests)

    def unreadable(self) -> int:
        self.unclear = True
        return YES

    def period(self) -> int:
        if "period" not in self.body:
            return YES
        try:
            start, end = bounds(self.body["period"])
        except ValueError:
            return self.unreadable()
        return YES if (not start or start <= self.asked["now"]) and (not end or self.asked["now"] < end) else NO

    def actor(self) -> int:
        if not self.body.get("actor"):
            return YES
        found = NO
        for actor in self.body["actor"]:
            target = actor.get("reference", {}).get("reference")
            roles = [(item.get("system"), item.get("code")) for item in actor.get("role", {}).get("coding", [])]
            if not target or not roles:
                return self.unreadable()
            meant = max(same(target, who) for who in (self.asked["actor"], *self.asked["teams"]))
            receives = (f"{V3}ParticipationType", "IRCP") in roles
            found = max(found, meant if receives else min(meant, MAY))
        return found

    def action(self) -> int:
        return self.among(concepts(self.body.get("action")), ACTION, self.asked["action"], {ACTION})

    def purpose(self) -> int:
        system = f"{V3}ActReason"
        return self.among(self.body.get("purpose"), system, self.asked["purpose"], {system})

    def kind(self) -> int:
        return self.among(self.body.get("class"), CLASS, self.asked["class"], {CLASS})

    def code(self) -> int:
        held = concepts(self.body.get("code"))
        if held and any((item.get("system"), item.get("code")) == (CATEGORY, "whole-file") for item in held):
            return YES
        asked = self.asked["code"]
        if held and asked and (asked["system"], asked["code"]) == (CATEGORY, "whole-file"):
            return MAY
        system, code = (asked["system"], asked["code"]) if asked else ("", None)
        return self.among(held, system, code, self.asked["systems"])

    def among(self, held: list[dict] | None, system: str, code: str | None, spoken: set[str]) -> int:
        """A code among those listed; one in a system the request does not speak may mean it."""
        if not held:
            return YES
        if any(not item.get("system") or not item.get("code") for item in held):
            return self.unreadable()
        if code is None:
            return MAY
        if any((item["system"], item["code"]) == (system, code) for item in held):
            return YES
        return MAY if any(item["system"] not in spoken for item in held) else NO

    def label(self) -> int:
        held = self.body.get("securityLabel")
        if not held:
            return YES
        if any(item.get("system") != f"{V3}Confidentiality" or item.get("code") not in LADDER for item in held):
            return self.unreadable()
        levels, wanted = [LADDER.index(item["code"]) for item in held], LADDER.index(self.asked["label"])
        if self.refuses:
            return YES if wanted >= min(levels) else NO
        return YES if wanted <= max(levels) else NO

    def data_period(self) -> int:
        if "dataPeriod" not in self.body:
            return YES
        try:
            start, end = bounds(self.body["dataPeriod"])
        except ValueError:
            return self.unreadable()
        if not self.asked["dataPeriod"]:
            return MAY
        first, last = bounds(self.asked["dataPeriod"])
        if (start and last and last <= start) or (end and first and end <= first):
            return NO
        inside = (not start or (first and start <= first)) and (not end or (last and last <= end))
        return YES if inside else MAY

    def data(self) -> int:
        held = self.body.get("data")
        if not held:
            return YES
        return max(self.datum(entry) for entry in held)

    def datum(self, entry: dict) -> int:
        target = entry.get("reference", {}).get("reference")
        ties = {"instance": None, "related": "referredBy", "dependents": "refersTo", "authoredby": "authors"}
        if not target or entry.get("meaning") not in ties:
            return self.unreadable()
        item = self.asked["item"]
        if item is None:
            return MAY
        itself = same(target, item["reference"]) if entry["meaning"] != "authoredby" else NO
        tie = ties[entry["meaning"]]
        if tie is None or itself == YES:
            return itself
        if item.get(tie) is None:
            return MAY
        return max([itself, *(same(target, other) for other in item[tie])])
