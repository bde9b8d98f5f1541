"""What the sync benchmark measured, and its page: ``docs/sync-speed.md``."""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

LOAD, AFTER, LATER = "first load", "no change, straight after", "no change, later"
CHANGED, WHOLE = "1 % of the rows changed", "no change, everything read (once a week)"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One command: seconds of wall and of processor, the largest process in MB, the server's idle part and seconds."""

    wall: float
    processor: float
    memory: float
    idle: float
    server: float

    @classmethod
    def median(cls, runs: Sequence[Ran]) -> Ran:
        return cls(**{each.name: statistics.median(getattr(run, each.name) for run in runs) for each in fields(cls)})

    def __str__(self) -> str:
        return f"{self.wall:.1f} s wall, {self.processor:.1f} s processor, {self.memory:.0f} MB"


@dataclass(kw_only=True)
class Result:
    """What was measured on one server; plan and apply by name."""

    server: str
    clients: int
    figures: int
    plain: float = math.nan
    fhirpy: float = math.nan
    resources: int = 0
    plan_file: int = 0
    journal: int = 0
    runs: dict[str, tuple[Ran, Ran]] = field(default_factory=dict)

    def wall(self, name: str) -> float:
        return sum(ran.wall for ran in self.runs[name])

    def each(self, name: str, part: int, what: str = "processor") -> float:
        """Milliseconds per client."""
        found: float = getattr(self.runs[name][part], what)
        return 1000 * found / self.clients


def page(results: Sequence[Result], lists: Sequence[tuple[int, float, float]], options: argparse.Namespace,
         minutes: float) -> str:  # fmt: skip
    servers = "".join(f" --server {name}" for name in options.server or ())
    load = os.getloadavg()[0]
    lines = [
        "# Speed of the sync", "",
        f"Made by `python benchmarks/sync.py --clients {options.clients} --write{servers}`; do not edit.",
        f"{options.clients:,} clients × {options.figures} figures, each with a consent and a place in the team, in "
        f"{options.workers} processes; the server on the",
        "same machine. The first load and the whole reading are measured once, all else is the median of three. "
        f"{platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}",
        f"at the end; the whole took {minutes:.0f} minutes. Compare within the page: machines differ.", "",
    ]  # fmt: skip
    for result in results:
        lines += _server(result)
    if lists:
        lines += ["## The list by itself", "", "| clients | rows | our processor | rows/s | largest process |",
                  "|---|---|---|---|---|"]  # fmt: skip
        lines += [f"| {n:,} | {4 * n:,} | {s:.1f} s | {4 * n / s:,.0f} | {mb:.0f} MB |" for n, s, mb in lists] + [""]
    lines += _sizing(results[0])
    return "\n".join(lines) + "\n"


def _server(result: Result) -> list[str]:
    first = result.runs[LOAD]
    applied = result.resources / first[1].wall
    lines = [
        f"## {result.server}", "", "| writing | resources/s | beside ours |", "|---|---|---|",
        f"| `sync apply`, read back | {applied:,.0f} | 1 |",
        f"| `sync plan` and `sync apply` | {result.resources / result.wall(LOAD):,.0f} | |",
    ]  # fmt: skip
    peers = (("a loop of conditional PUTs", result.plain), ("fhirpy, conditional updates", result.fhirpy))
    lines += [f"| {name} | {rate:,.0f} | {applied / rate:.1f}× |" for name, rate in peers if rate == rate]
    lines += ["", f"While applying, the server waited for us {first[1].idle:.0%} of the time.", "",
              "| run | plan: wall, processor | apply: wall, processor | largest process | server's processor "
              "| faster than the first load |", "|---|---|---|---|---|---|"]  # fmt: skip
    for name, (plan, apply) in result.runs.items():
        lines.append(
            f"| {name} | {plan.wall:.1f} s, {plan.processor:.1f} s | {apply.wall:.1f} s, {apply.processor:.1f} s "
            f"| {plan.memory:.0f} MB, {apply.memory:.0f} MB | {plan.server + apply.server:.1f} s "
            f"| {result.wall(LOAD) / result.wall(name):.1f}× |"
        )
    return [*lines, ""]


def _sizing(result: Result) -> list[str]:
    """Measured per client, and the same times more clients: nothing but multiplied, and told as such."""
    rows: list[tuple[str, float, str]] = []
    for name in result.runs:
        rows.append((f"{name}: our processor", result.each(name, 0) + result.each(name, 1), "ms"))
        rows.append((f"{name}: the server's", result.each(name, 0, "server") + result.each(name, 1, "server"), "ms"))
    rows += [("plan file of the first load", result.plan_file / result.clients / 1000, "kB")]
    rows += [("journal after the first load", result.journal / result.clients / 1000, "kB")]
    lines = [
        "## Sizing", "",
        f"Measured per client on {result.server} ({result.clients:,} clients, the start of the commands included), and "
        "that times the number of clients:",
        "the last two columns are calculated, for one core on each side, not measured.", "",
        "| | per client, measured | 50,000 clients | 500,000 clients |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {name} | {each:.2f} {unit} | {_large(each * 50_000, unit)} | {_large(each * 500_000, unit)} |"
        for name, each, unit in rows
    ]
    return lines


def _large(value: float, unit: str) -> str:
    if unit == "kB":
        return f"{value / 1e6:.1f} GB"
    seconds = value / 1000
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
