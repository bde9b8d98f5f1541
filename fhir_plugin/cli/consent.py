"""``steunfiguren consent check``: may this figure have this, and why (not)."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click

from fhir_plugin.consent import (
    AccessRequest,
    Action,
    Authority,
    Confidentiality,
    Line,
    Permit,
    Refusal,
    decide,
    explain,
    facts_of,
    load_policy,
)
from fhir_plugin.errors import InputError, UsageError
from fhir_plugin.mapping.network import Mapped, from_fhir
from fhir_plugin.model.dates import AMSTERDAM
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.terms import CodeSystems
from fhir_plugin.texts import Language, render, sentence

__all__ = ["consent_command"]


@click.group("consent")
def consent_command() -> None:
    """Decide about consent."""


@consent_command.command("check")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--figure", required=True, help="Who asks: RelatedPerson/<id>.")
@click.option("--child", default="", help="Whose data: Patient/<id>; needed when the bundle holds several patients.")
@click.option("--action", type=click.Choice([each.value for each in Action]), default="access", show_default=True)
@click.option("--purpose", default="FAMRQT", show_default=True, help="v3-ActReason code; BTG is break-glass.")
@click.option("--class", "classes", multiple=True, help="Resource type; may be repeated.")
@click.option("--code", "codes", multiple=True, help="Information category, or system|code; may be repeated.")
@click.option("--label", type=click.Choice([each.value for each in Confidentiality]), default="N", show_default=True)
@click.option("--at", default="", help="Moment of decision, such as 2026-06-15T12:00 (Dutch time); now by default.")
@click.option("--authority", multiple=True, help="Who holds authority, where the bundle does not say; may be repeated.")
@click.option("--safety-block", is_flag=True, help="Sharing would endanger the child.")
@click.option("--policy", default="nl-jeugdwet", show_default=True, help="Name or path of the age policy.")
@click.option("--choose", multiple=True, metavar="ALTERNATIVE=OPTION", help="An alternative of the policy.")
@click.option("--format", "format_name", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True, help="Language of the text.")
def check_command(bundle: Path, **options: Any) -> None:
    """Decide one request over the FHIR R4 BUNDLE (a file, or - for standard input) and explain the answer.

    The bundle holds the Patient, the RelatedPersons, the CareTeam and the Consents of one child.

    Exit codes: 0 permitted, 2 wrong usage or unreadable input, 3 refused.
    """
    mapped = from_fhir(_read(bundle), patient_id=options["child"].removeprefix("Patient/") or None)
    network = mapped.network
    policy = load_policy(options["policy"], choose=_choices(options["choose"]))
    facts = facts_of(
        network,
        options["figure"].removeprefix("RelatedPerson/"),
        authority=[Authority(holder=Ref(reference=each)) for each in options["authority"]] or None,
        safety_block=options["safety_block"],
    )
    request = AccessRequest(
        child=network.child.ref,
        actor=Ref(reference=f"RelatedPerson/{options['figure'].removeprefix('RelatedPerson/')}"),
        action=Action(options["action"]),
        purpose=options["purpose"],
        at=_moment(options["at"]),
        classes=options["classes"],
        codes=tuple(map(_code, options["codes"])),
        label=Confidentiality(options["label"]),
    )
    answer = decide(request, network.consents, facts, policy)
    lines = explain(request, network.consents, facts, policy)
    language = cast("Language", options["lang"])
    if options["format_name"] == "json":
        click.echo(json.dumps(_as_json(answer, lines, mapped, language), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_as_text(answer, lines, mapped, language)))
    sys.exit(0 if answer else 3)


def _read(path: Path) -> Any:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(
            "This is not FHIR in JSON.", code="not-json", where=str(path), remedy="Give a Bundle in JSON."
        ) from error


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            "--at is not a date and time.", code="not-a-moment", remedy="Write it as 2026-06-15T12:00."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=AMSTERDAM)


def _code(text: str) -> Coding:
    system, bar, code = text.rpartition("|")
    return Coding(system=system if bar else CodeSystems.INFORMATION_CATEGORY, code=code)


def _choices(pairs: tuple[str, ...]) -> dict[str, str]:
    return {name: option for name, _, option in (pair.partition("=") for pair in pairs)}


def _as_json(answer: Permit | Refusal, lines: tuple[Line, ...], mapped: Mapped, language: Language) -> dict[str, Any]:
    required = answer.requirement
    return {
        "decision": "permit" if answer else "refusal",
        "reason": answer.reason.value if isinstance(answer, Refusal) else "consent-permitted",
        "text": _text(answer.reason.value if isinstance(answer, Refusal) else "consent-permitted", language),
        "mustAudit": isinstance(answer, Permit) and answer.must_audit,
        "policy": answer.policy,
        "at": answer.request.at.isoformat(),
        "ageBasis": required.age_basis if required else None,
        "articles": list(required.articles) if required else [],
        "required": [
            {"grantor": each.ref.reference, "signer": each.signer.value}
            for each in (required.grantors if required else ())
        ],
        "missing": [ref.reference for ref in answer.missing] if isinstance(answer, Refusal) else [],
        "grounds": [ground._asdict() for ground in answer.grounds],
        "consents": [
            {
                "consent": line.consent,
                "version": line.version,
                "says": line.says.value,
                "text": _text(line.says.value, language),
                "grantors": list(line.grantors),
                "provision": line.provision,
                "notUnderstood": list(line.unclear),
            }
            for line in lines
        ],
        "issues": [
            {
                "severity": issue.severity.value,
                "code": issue.code,
                "source": issue.source,
                "expression": issue.expression,
            }
            for issue in mapped.report
        ],
    }


def _as_text(answer: Permit | Refusal, lines: tuple[Line, ...], mapped: Mapped, language: Language) -> list[str]:
    words = _WORDS[language]
    code = answer.reason.value if isinstance(answer, Refusal) else "consent-permitted"
    found = sentence(code, language)
    said = [f"{words['permit'] if answer else words['refusal']}: {found.text if found else code}"]
    if found and found.remedy:
        said.append(f"  → {found.remedy}")
    if isinstance(answer, Permit) and answer.must_audit:
        said.append(f"  → {_text('consent-must-audit', language)}")
    said.append(f"{words['policy']}: {answer.policy}")
    required = answer.requirement
    if required:
        signers = ", ".join(f"{each.ref.reference} ({words[each.signer.value]})" for each in required.grantors)
        said.append(f"{words['required']}: {signers or '?'} [{'; '.join(required.articles)}]")
    if isinstance(answer, Refusal) and answer.missing:
        said.append(f"{words['missing']}: {', '.join(ref.reference for ref in answer.missing)}")
    for line in lines:
        place = f" ({line.provision})" if line.provision else ""
        unclear = f" [{', '.join(line.unclear)}]" if line.unclear else ""
        version = f"/_history/{line.version}" if line.version else ""
        said.append(f"- Consent/{line.consent}{version}: {_text(line.says.value, language)}{place}{unclear}")
    said += [f"! {issue.source} {issue.expression}: {render(issue, language).text}" for issue in mapped.report]
    return said


def _text(code: str, language: Language) -> str:
    found = sentence(code, language)
    return found.text if found else code


_WORDS: dict[Language, dict[str, str]] = {
    "nl": {
        "permit": "JA",
        "refusal": "NEE",
        "policy": "Beleid",
        "required": "Moeten tekenen",
        "missing": "Tekende niet",
        "authority": "gezag",
        "youth": "de jongere zelf",
    },
    "en": {
        "permit": "YES",
        "refusal": "NO",
        "policy": "Policy",
        "required": "Must sign",
        "missing": "Did not sign",
        "authority": "authority",
        "youth": "the youth",
    },
}
