"""A consent decision for people, in Dutch or English, and for programs, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_plugin.consent import Lapse, Line, Permit, Refusal
from fhir_plugin.model.issues import Report
from fhir_plugin.texts import Language, Sentence, render, sentence

__all__ = ["Outcome", "as_json", "as_text"]

_WORDS: dict[Language, dict[str, str]] = {
    "nl": {
        "permit": "JA",
        "refusal": "NEE",
        "policy": "Beleid",
        "required": "Moeten tekenen",
        "missing": "Geen toestemming hiervoor van",
        "signed": "getekend door",
        "authority": "gezag",
        "youth": "de jongere zelf",
        "until": "Tot",
    },
    "en": {
        "permit": "YES",
        "refusal": "NO",
        "policy": "Policy",
        "required": "Must sign",
        "missing": "No consent to this from",
        "signed": "signed by",
        "authority": "authority",
        "youth": "the youth",
        "until": "Until",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A decision with everything that explains it.

    Attributes:
        lines: what each consent contributes.
        lapses: when the consents a permit stands on will lapse.
        report: what was noticed while reading.
    """

    answer: Permit | Refusal
    lines: tuple[Line, ...]
    lapses: tuple[Lapse, ...]
    report: Report

    @property
    def code(self) -> str:
        """Code of the reason, or ``consent-permitted``."""
        return self.answer.reason.value if isinstance(self.answer, Refusal) else "consent-permitted"

    @property
    def must_audit(self) -> bool:
        """Whether an audit record is a condition."""
        return isinstance(self.answer, Permit) and self.answer.must_audit


def as_json(outcome: Outcome, language: Language) -> dict[str, Any]:
    """The outcome as a JSON object; texts are in the language, everything else is stable."""
    answer, required = outcome.answer, outcome.answer.requirement
    grantors = required.grantors if required else ()
    return {
        "decision": "permit" if answer else "refusal",
        "reason": outcome.code,
        "text": _sentence(outcome.code, language).text,
        "mustAudit": outcome.must_audit,
        "policy": answer.policy,
        "at": answer.request.at.isoformat(),
        "ageBasis": required.age_basis if required else None,
        "articles": list(required.articles) if required else [],
        "required": [{"grantor": each.ref.reference, "signer": each.signer.value} for each in grantors],
        "missing": [ref.reference for ref in answer.missing] if isinstance(answer, Refusal) else [],
        "grounds": [ground._asdict() for ground in answer.grounds],
        "consents": [_line_json(line, language) for line in outcome.lines],
        "lapses": [
            {"consent": lapse.consent, "day": lapse.day.isoformat(), "reason": lapse.reason.value, "age": lapse.age}
            for lapse in outcome.lapses
        ],
        "issues": [
            {"severity": issue.severity.value, "code": issue.code, "source": issue.source, "path": issue.expression}
            for issue in outcome.report
        ],
    }


def as_text(outcome: Outcome, language: Language) -> Iterator[str]:
    """The outcome as lines of text."""
    answer, words = outcome.answer, _WORDS[language]
    found = _sentence(outcome.code, language)
    yield f"{words['permit' if answer else 'refusal']}: {found.text}"
    if found.remedy:
        yield f"  → {found.remedy}"
    if outcome.must_audit:
        yield f"  → {_sentence('consent-must-audit', language).text}"
    yield f"{words['policy']}: {answer.policy}"
    if answer.requirement:
        signers = (f"{each.ref.reference} ({words[each.signer.value]})" for each in answer.requirement.grantors)
        yield f"{words['required']}: {', '.join(signers) or '?'} [{'; '.join(answer.requirement.articles)}]"
    if isinstance(answer, Refusal) and answer.missing:
        yield f"{words['missing']}: {', '.join(ref.reference for ref in answer.missing)}"
    for line in outcome.lines:
        place = f" ({line.provision})" if line.provision else ""
        unclear = f" [{', '.join(line.unclear)}]" if line.unclear else ""
        signed = f"; {words['signed']} {', '.join(line.grantors)}" if line.grantors else ""
        said = _sentence(line.says.value, language).text
        yield f"- {_name(line.consent, line.version)}: {said}{place}{unclear}{signed}"
    for lapse in outcome.lapses:
        why = _sentence(lapse.reason.value, language, (("age", str(lapse.age)),)).text
        yield f"{words['until']} {lapse.day.isoformat()}: {_name(lapse.consent, lapse.version)}: {why}"
    for issue in outcome.report:
        yield f"! {issue.source} {issue.expression}: {render(issue, language).text}"


def _line_json(line: Line, language: Language) -> dict[str, Any]:
    return {
        "consent": line.consent,
        "version": line.version,
        "says": line.says.value,
        "text": _sentence(line.says.value, language).text,
        "grantors": list(line.grantors),
        "provision": line.provision,
        "notUnderstood": list(line.unclear),
    }


def _name(consent: str, version: str) -> str:
    return f"Consent/{consent}/_history/{version}" if version else f"Consent/{consent}"


def _sentence(code: str, language: Language, params: tuple[tuple[str, str], ...] = ()) -> Sentence:
    return sentence(code, language, params) or Sentence(text=code)
