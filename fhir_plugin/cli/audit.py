"""``steunfiguren audit``: read and check the audit log that the app keeps where an EHR takes no AuditEvents."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

__all__ = ["audit_command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_OUTCOMES = {"0": "done", "4": "refused", "8": "failed", "12": "failed"}
_DID = {"R": ("saw", "tried to see"), "C": ("made", "tried to make"), "U": ("changed", "tried to change")}
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group("audit", short_help="Read and check the app's own audit log.")
def audit_command() -> None:
    """Read and check the app's audit log: the folder ``audit`` in its data_dir."""


@audit_command.command("show")
@click.argument("folder", type=_FOLDER)
@click.option("--patient", metavar="ID", help="Only this child's record.")
@click.option("--user", metavar="REFERENCE", help="Only what this user did, such as Practitioner/12.")
@click.option("--since", type=_DAY, help="From this day on (UTC).")
@click.option("--until", type=_DAY, help="Up to this day, itself included (UTC).")
@click.option("--format", "form", type=click.Choice(["text", "ndjson"]), default="text", show_default=True)
def show(
    folder: Path, patient: str | None, user: str | None, since: datetime | None, until: datetime | None, form: str
) -> None:
    """Say who saw or changed what, of whom, when and why; ndjson gives the AuditEvents themselves."""
    from smart_app.audit.log import entries

    for entry in entries(folder):
        event = entry.event
        if not event:
            continue
        day = datetime.fromisoformat(event["recorded"]).astimezone(UTC).date()
        outside = (since and day < since.date()) or (until and day > until.date())
        if outside or (patient and _of(event, "1") != f"Patient/{patient}") or (user and _user(event) != user):
            continue
        click.echo(json.dumps(event, ensure_ascii=False) if form == "ndjson" else _line(event, entry.issuer))


@audit_command.command("verify")
@click.argument("folder", type=_FOLDER)
@click.option("--holds", metavar="HASH", help="Also check that a hash that was noted earlier is still in the log.")
def verify_log(folder: Path, holds: str | None) -> None:
    """Check that no line of the log was changed, left out or put in since it was written.

    Note the hash that is printed in another place: with --holds it shows later that nothing was cut off at the end.
    Exit codes: 0 whole, 1 not whole, 2 there is no log.
    """
    from smart_app.audit.log import verify

    found = verify(folder)
    for fault in found.faults:
        click.echo(fault)
    lost = holds is not None and holds not in found.hashes
    if lost:
        click.echo("The hash that was noted is not in the log (any more): lines were cut off, or are past retention.")
    click.echo(f"{found.count} events, {'not whole' if found.faults or lost else 'whole'}; last hash {found.head}")
    sys.exit(1 if found.faults or lost else 0)


def _of(event: dict[str, Any], kind: str) -> str:
    """Reference of the entity of a kind: 1 the patient, 2 the resource."""
    return next((str(one["what"].get("reference", "")) for one in event["entity"] if one["type"]["code"] == kind), "")


def _person(event: dict[str, Any]) -> dict[str, Any]:
    return next((agent for agent in event["agent"] if agent.get("requestor")), {})


def _user(event: dict[str, Any]) -> str:
    return str(_person(event).get("who", {}).get("reference", ""))


def _line(event: dict[str, Any], issuer: str) -> str:
    person = _person(event)
    why = next((one["coding"][0]["code"] for one in person.get("purposeOfUse", ())), "-")
    role = next((one["text"] for one in person.get("role", ())), "-")
    done = event["outcome"] == "0"
    did = _DID[event["action"]][0 if done else 1]
    how = _OUTCOMES[event["outcome"]] + (f" ({event['outcomeDesc']})" if "outcomeDesc" in event else "")
    trace = next((one["what"]["identifier"]["value"] for one in event["entity"] if "identifier" in one["what"]), "")
    who = _user(event) or "somebody"
    return (
        f"{event['recorded']}  {issuer}  {who} ({role}, {why})  {did} {_of(event, '2')}  "
        f"of {_of(event, '1')}  {how}  {trace}"
    )
