"""``steunfiguren sync``: bring support figures from a list into client records; plan, look, apply."""

from __future__ import annotations

import click

from fhir_plugin.cli.lazy import LazyGroup

__all__ = ["sync_command"]

_ELSEWHERE = {
    "apply": "fhir_plugin.cli.sync_apply:apply",
    "export": "fhir_plugin.cli.sync_ehr:export_command",
    "init": "fhir_plugin.cli.sync_plan:init",
    "listen": "fhir_plugin.cli.sync_inbound:listen",
    "plan": "fhir_plugin.cli.sync_plan:plan",
    "poll": "fhir_plugin.cli.sync_inbound:poll",
    "resume": "fhir_plugin.cli.sync_apply:resume",
    "review": "fhir_plugin.cli.sync_review:review",
    "status": "fhir_plugin.cli.sync_runs:status",
    "subscribe": "fhir_plugin.cli.sync_inbound:subscribe",
    "undo": "fhir_plugin.cli.sync_runs:undo",
    "worklist": "fhir_plugin.cli.sync_ehr:worklist_command",
}


@click.group("sync", short_help="Plan, apply, resume and undo a sync.", cls=LazyGroup, elsewhere=_ELSEWHERE)
def sync_command() -> None:
    """Bring support figures from a list into client records: plan, look, apply.

    Nothing is written before `apply`; nothing is ever deleted. Exit codes: 0 fine, 1 something needs a person.
    """
