"""The safety block (L11) as a page asks and shows it: set and lifted with a reason, by professionals only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.network import SupportNetwork
from fhir_plugin.model.safety import SafetyBlock
from smart_app.presenters.dates import date_text
from smart_app.presenters.forms import FormContext

__all__ = ["Shown", "lifted", "set_block", "shown", "token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A block in words."""

    since: str
    by: str
    why: str


def shown(network: SupportNetwork, context: FormContext) -> Shown | None:
    """The block that is on; None where there is none."""
    block = network.safety_block
    if block is None:
        return None
    since = date_text(block.period.start, context.t) if block.period.start else ""
    return Shown(since=since, by=context.name_of(block.by) if block.by else "", why=block.why)


def token(network: SupportNetwork) -> str:
    """What a form was made on: the blocks that are on, with their versions."""
    return " ".join(f"{block.id}/{block.version}" for block in network.safety_blocks if block.active) or "none"


def set_block(network: SupportNetwork, why: str, context: FormContext, urn: str) -> SupportNetwork:
    """The network with sharing off from today."""
    today = PartialDate.of(context.today)
    new = SafetyBlock(id=urn, period=Period(start=today), by=context.user, why=why)
    return replace(network, safety_blocks=(*network.safety_blocks, new))


def lifted(network: SupportNetwork, why: str, context: FormContext) -> SupportNetwork:
    """The network with every block lifted today. No access comes back by itself: that is decided anew."""
    today = PartialDate.of(context.today)
    blocks = tuple(
        replace(block, active=False, period=replace(block.period, end=today), lifted_why=why) if block.active else block
        for block in network.safety_blocks
    )
    return replace(network, safety_blocks=blocks)
