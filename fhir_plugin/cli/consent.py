"""``steunfiguren consent check``: may this figure have this, and why (not)."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click

from fhir_plugin.cli.consent_output import Outcome, as_json, as_text
from fhir_plugin.cli.language import language_option
from fhir_plugin.cli.reading import read_json
from fhir_plugin.consent import (
    AccessRequest,
    Action,
    Authority,
    Confidentiality,
    Facts,
    Lapse,
    Permit,
    Policy,
    Refusal,
    decide,
    explain,
    facts_of,
    lapses,
    load_policy,
)
from fhir_plugin.errors import UsageError
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.model.dates import AMSTERDAM
from fhir_plugin.model.identity import Coding, Ref
from fhir_plugin.model.issues import Report
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.terms import CodeSystems, InformationCategory
from fhir_plugin.texts import Language

__all__ = ["consent_command"]

_FIRST_YEAR, _LAST_YEAR = 1900, 2200
"""Years in which somebody can decide about somebody."""


@click.group("consent", short_help="Decide over consents, explained.")
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
@language_option
def check_command(bundle: Path, **options: Any) -> None:
    """Decide one request over the FHIR R4 BUNDLE (a file, or - for standard input) and explain the answer.

    The bundle holds the Patient, the RelatedPersons, the CareTeam and the Consents of one child.

    Exit codes: 0 permitted, 2 wrong usage or unreadable input, 3 refused.
    """
    network, report = _network(bundle, options["child"].removeprefix("Patient/"))
    figure = _figure(options["figure"], network, bundle)
    policy = load_policy(options["policy"], choose=_choices(options["choose"]))
    facts = facts_of(
        network,
        figure,
        authority=[Authority(holder=Ref(reference=each)) for each in options["authority"]] or None,
        safety_block=options["safety_block"],
    )
    request = AccessRequest(
        child=network.child.ref,
        actor=Ref(reference=f"RelatedPerson/{figure}"),
        action=Action(options["action"]),
        purpose=options["purpose"],
        at=_moment(options["at"]),
        classes=options["classes"],
        codes=tuple(map(_code, options["codes"])),
        label=Confidentiality(options["label"]),
    )
    answer = decide(request, network.consents, facts, policy)
    outcome = Outcome(
        answer=answer,
        lines=explain(request, network.consents, facts, policy),
        lapses=_coming(answer, network, facts, policy),
        report=report,
    )
    language = cast("Language", options["lang"])
    if options["format_name"] == "json":
        click.echo(json.dumps(as_json(outcome, language), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(as_text(outcome, language)))
    sys.exit(0 if answer else 3)


def _network(path: Path, child: str) -> tuple[SupportNetwork, Report]:
    mapped = from_fhir(read_json(path), patient_id=child or None)
    if not mapped.network.child.id:
        raise UsageError(
            "The bundle does not say whose data it holds, or holds those of several patients.",
            code="no-patient",
            where=str(path),
            remedy="Name the child with --child.",
        )
    return mapped.network, mapped.report


def _figure(named: str, network: SupportNetwork, path: Path) -> str:
    """The id of who asks: a typing error must not read as a refusal."""
    figure = named.removeprefix("RelatedPerson/")
    known = {each.ref.reference for each in network.figures} | {each.ref.reference for each in network.people}
    if f"RelatedPerson/{figure}" not in known:
        raise UsageError(
            "--figure is no RelatedPerson of this child in the bundle.",
            code="no-figure",
            where=str(path),
            remedy="Write it as RelatedPerson/ and the id in the bundle.",
        )
    return figure


def _coming(answer: Permit | Refusal, network: SupportNetwork, facts: Facts, policy: Policy) -> tuple[Lapse, ...]:
    """When the consents that a permit stands on will lapse."""
    if isinstance(answer, Refusal):
        return ()
    standing = {ground.consent for ground in answer.grounds}
    found = lapses(network.consents, facts, policy, after=answer.request.at)
    return tuple(lapse for lapse in found if lapse.consent in standing)


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise UsageError("--at is not a date and time.", code="not-a-moment", remedy="Write it as 2026-06-15T12:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=AMSTERDAM)


def _code(text: str) -> Coding:
    system, bar, code = text.rpartition("|")
    if not bar and code not in frozenset(InformationCategory):
        raise UsageError(
            "--code is no information category.",
            code="unknown-category",
            remedy=f"Choose from {', '.join(InformationCategory)}, or write system|code.",
        )
    return Coding(system=system if bar else CodeSystems.INFORMATION_CATEGORY, code=code)


def _choices(pairs: tuple[str, ...]) -> dict[str, str]:
    return {name: option for name, _, option in (pair.partition("=") for pair in pairs)}
