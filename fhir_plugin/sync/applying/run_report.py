"""What a run did, as text, JSON or a page: counts, and every client that needs a person."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from fhir_plugin.model.dates import AMSTERDAM
from fhir_plugin.sync.journals.journal import UNTRUE, WINDOW, Step
from fhir_plugin.sync.plans.planfile import Waiting
from fhir_plugin.texts import Language, words

__all__ = ["About", "RunReport", "Tally"]

_TROUBLE = ("changed", "failed", "unknown", "intent", "to-enter")


_SHOWN = 8
_STYLE = (
    "body{font:1rem/1.5 sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;overflow-wrap:anywhere}"
    "th,td{padding:.2rem 1rem .2rem 0;text-align:left;vertical-align:top}th{font-weight:normal}"
    "caption{font-weight:bold;text-align:left}table{margin:0 0 1.5rem}"
)


def _table(caption: str, rows: Iterable[tuple[str, object]]) -> str:
    """Rows of what is told and its value."""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>' for name, value in rows
    )
    head = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{head}{body}</table>" if body else ""


@dataclass(slots=True)
class Tally:
    """What became of the clients of a run, however many: counted, and the clients that need a person.

    Attributes:
        clients: how many.
        resources: how many were written.
        states: how many clients came to each state.
    """

    clients: int = 0
    resources: int = 0
    states: Counter[str] = field(default_factory=Counter)
    trouble: list[Step] = field(default_factory=list)

    def add(self, steps: Iterable[Step]) -> Tally:
        """Count some more; itself."""
        for step in steps:
            self.clients += 1
            self.resources += step.resources if step.state in ("done", "undone") else 0
            self.states[step.state] += 1
            if step.state in _TROUBLE or step.code:
                self.trouble.append(step)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a run was of, for a report that is kept.

    Attributes:
        plan: name of the file.
        started: an aware instant.
    """

    source: str
    ehr: str
    plan: str
    started: datetime

    def facts(self, language: Language) -> list[tuple[str, str]]:
        """Label and value, for people; the time as it is in the Netherlands."""
        values = {
            "source": self.source,
            "ehr": self.ehr,
            "plan": self.plan,
            "started": f"{self.started.astimezone(AMSTERDAM):%d-%m-%Y %H:%M}",
        }
        return [(words(f"sync-report-{name}", language), value) for name, value in values.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The outcome of one run.

    Attributes:
        about: what it was of; told in a report that is kept.
        seconds: wall time.
        noticed: what was found out about the EHR, as ``Journal.notice`` keeps it.
        waiting: questions and conflicts of the plan that nobody answered; they were left alone.
    """

    run: int
    did: Tally
    seconds: float
    about: About | None = None
    noticed: Mapping[str, int] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def untrue(self) -> list[str]:
        """Checks of the probe the EHR fails although it says it does this."""
        return sorted(code.removeprefix(UNTRUE) for code in self.noticed if code.startswith(UNTRUE))

    @property
    def resources(self) -> int:
        """How many resources were written."""
        return self.did.resources

    @property
    def clean(self) -> bool:
        """Whether no client needs a person, and the EHR does what it says."""
        return not self.untrue and not self.waiting and not self.did.trouble

    def text(self, language: Language, shown: int = _SHOWN) -> str:
        """For a terminal, with at most so many clients by name for each reason; 0 is all."""
        counts = [f"  {number:>7}  {name}" for name, number in self._counts(language)]
        return "\n".join([self._head(language), *counts, *self._notices(language), *self._list(language, shown)])

    def json(self) -> str:
        """For a program."""
        about = self.about
        body = {
            "run": self.run,
            **({**asdict(about), "started": about.started.isoformat(timespec="seconds")} if about else {}),
            "seconds": round(self.seconds, 3),
            "resources": self.resources,
            "states": dict(self.did.states),
            "lost-update-window": self.noticed.get(WINDOW, 0),
            "untrue": self.untrue,
            "unanswered": {"questions": self.waiting.questions, "conflicts": self.waiting.conflicts},
            "attention": [
                {"client": f"Patient/{step.patient}", "state": step.state, "code": step.code}
                for step in self.did.trouble
            ],
        }
        return json.dumps(body, ensure_ascii=False, indent=2)

    def html(self, language: Language) -> str:
        """A page of its own."""
        said = [line.strip(" !") for line in (*self._notices(language), *self._list(language))]
        calm = [] if said else [words("sync-report-calm", language)]
        parts = [
            f"<h1>{html.escape(self._head(language))}</h1>",
            _table("", self.about.facts(language) if self.about else []),
            _table(words("sync-report-clients", language), self._counts(language)),
            f"<h2>{html.escape(words('sync-report-attention', language))}</h2>",
            *(f"<p>{html.escape(line)}</p>" for line in (*said, *calm)),
        ]
        return (
            f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>'
            f"{html.escape(self._head(language))}</title><style>{_STYLE}</style><main>{''.join(parts)}</main></html>\n"
        )

    def in_form(self, suffix: str, language: Language) -> str:
        """By the ending of a file: ``.json``, ``.html``, or text."""
        if suffix == ".json":
            return self.json()
        if suffix == ".html":
            return self.html(language)
        facts = [f"{label}: {value}" for label, value in (self.about.facts(language) if self.about else ())]
        return "\n".join([*facts, self.text(language, shown=0), ""])

    def _head(self, language: Language) -> str:
        if not self.run:
            return words("sync-dry-head", language, seconds=f"{self.seconds:.1f}")
        rate = self.resources / self.seconds if self.seconds else 0.0
        return words(
            "sync-run-head",
            language,
            run=str(self.run),
            resources=str(self.resources),
            seconds=f"{self.seconds:.1f}",
            rate=f"{rate:.0f}",
        )

    def _counts(self, language: Language) -> list[tuple[str, int]]:
        return [(words(f"sync-state-{state}", language), number) for state, number in self.did.states.most_common()]

    def _notices(self, language: Language) -> list[str]:
        """What somebody should know about the EHR itself."""
        found = [
            f"  ! {words('ehr-untrue-check', language, check=words(f'probe-{name}', language))}" for name in self.untrue
        ]
        if self.noticed.get(WINDOW):
            found.append(f"  ! {words('lost-update-window', language, count=str(self.noticed[WINDOW]))}")
        if self.waiting:
            counts = {"questions": str(self.waiting.questions), "conflicts": str(self.waiting.conflicts)}
            found.append(f"  ! {words('sync-unanswered', language, **counts)}")
        return found

    def _list(self, language: Language, shown: int = 0) -> list[str]:
        """Who needs a person, those with the same reason together; of each at most so many by name, 0 is all."""
        alike: dict[tuple[str, str], list[str]] = {}
        for step in self.did.trouble:
            alike.setdefault((step.state, step.code), []).append(f"Patient/{step.patient}")
        return [
            f"  ! {_some(clients, shown, language)}: {words(f'sync-state-{state}', language)}. {words(code, language)}"
            for (state, code), clients in alike.items()
        ]


def _some(clients: list[str], shown: int, language: Language) -> str:
    if not shown or len(clients) <= shown:
        return ", ".join(clients)
    named, count = ", ".join(clients[:shown]), str(len(clients) - shown)
    return words("sync-report-more", language, clients=named, count=count)
