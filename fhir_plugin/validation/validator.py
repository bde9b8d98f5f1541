"""The validator: from text or JSON value to a report. Nothing that is validated can make it raise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from fhir_plugin.model.issues import Issue, Report, Severity
from fhir_plugin.packages import Definitions, load_definitions
from fhir_plugin.validation.engine import Engine
from fhir_plugin.validation.parsing import Parsed, parse
from fhir_plugin.validation.parsing.result import Place
from fhir_plugin.validation.policy import Policy
from fhir_plugin.validation.schema import DefinitionSource, Schema
from fhir_plugin.validation.scope import Finding, Path, Scope, render_path
from fhir_plugin.validation.terminology import TerminologyServer

__all__ = ["Validator"]

_MOST = 20_000
"""Findings of one resource; what is broken in more places is broken as a whole."""


class Validator:
    """Validates FHIR resources against base R4, our own package and any other package.

    One validator may be used by several threads at once: what it compiles along the way is the same for all of them.

    Args:
        definitions: where structures, value sets and code systems come from.
        policy: switches for what the specification leaves open.
        terminology_server: asked about codes that the definitions cannot decide; nobody by default.
    """

    def __init__(
        self,
        definitions: DefinitionSource,
        policy: Policy | None = None,
        terminology_server: TerminologyServer | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.engine = Engine(definitions, self.policy, terminology_server)

    @classmethod
    def load(
        cls,
        packages: Sequence[FilePath | str] = (),
        *,
        policy: Policy | None = None,
        fhir_version: str = "",
        terminology_server: TerminologyServer | None = None,
    ) -> Validator:
        """A validator over base R4, our own package and the packages given.

        Args:
            packages: each a ``.tgz``, a folder, or a folder of loose conformance resources (JSON or XML).
            policy: switches for what the specification leaves open.
            fhir_version: ``STU3``, ``R4B``, ``R5`` or a version number, whose core package is among the packages or
                in the FHIR cache; a core package among the packages decides by itself.
            terminology_server: asked about codes that the packages cannot decide (``fhir_plugin.ehr.terminology``).

        Raises:
            PackageError: a package cannot be read at all, or the FHIR version is nowhere.
        """
        definitions = load_definitions(packages, read_xml=_read_xml_definition, fhir_version=fhir_version)
        return cls(definitions, policy, terminology_server)

    def validate(self, resource: bytes | str | dict[str, Any], profiles: Iterable[str] = ()) -> Report:
        """Everything that is wrong with one resource.

        Args:
            resource: JSON or XML as bytes or text, or JSON that was read already.
            profiles: canonicals it must satisfy besides those it claims in ``meta.profile``.
        """
        parsed = self.read(resource)
        if parsed.tree is None:
            return Report(issues=parsed.issues)
        return self._report(parsed, self._check(parsed.tree, tuple(profiles)))

    def read(self, resource: bytes | str | dict[str, Any]) -> Parsed:
        """The JSON values of a resource, with what is wrong with its text; see :meth:`validate_parameter`."""
        return parse(resource, self.engine.schema, self.policy.max_bytes)

    def validate_parameter(self, parsed: Parsed, index: int, profiles: Iterable[str] = ()) -> Report:
        """As :meth:`validate`, of the resource in one parameter of a Parameters resource.

        Expressions begin at that resource; lines and columns are those of the whole text.

        Args:
            parsed: what :meth:`read` made of the Parameters.
            index: position in ``Parameters.parameter`` of the parameter that holds a resource.
            profiles: canonicals it must satisfy besides those it claims in ``meta.profile``.
        """
        if parsed.tree is None:
            return Report(issues=parsed.issues)
        resource = parsed.tree["parameter"][index]["resource"]
        root: Path = (((None, "Parameters", None), "parameter", index), "resource", None)

        def locate(paths: Sequence[Path]) -> list[Place]:
            return parsed.locate([_below(path, root) for path in paths])

        type_name, within = str(resource.get("resourceType"))[:64], render_path(root)
        issues = tuple(
            replace(issue, expression=type_name + issue.expression.removeprefix(within))
            if issue.expression == within or issue.expression.startswith(f"{within}.")
            else issue
            for issue in parsed.issues
        )
        part = Parsed(tree=resource, issues=issues, locate=locate)
        return self._report(part, self._check(resource, tuple(profiles)))

    def _check(self, tree: dict[str, Any], profiles: tuple[str, ...]) -> list[Finding]:
        path = (None, str(tree.get("resourceType") or "Resource")[:64], None)
        findings: list[Finding] = _Bounded()
        scope = Scope(self.engine, findings, tree, path, element_ids={}, verdicts={})
        try:
            self.engine.check_resource(scope, profiles)
        except _TooMany:
            findings[_MOST:] = [Finding(Severity.FATAL, "too-many-issues", path, (("limit", str(_MOST)),))]
        except RecursionError:
            findings.append(Finding(Severity.FATAL, "too-deep", path))
        except Exception as error:  # noqa: BLE001  the promise of this class: what is validated never makes it raise
            kind = type(error).__name__
            findings.append(Finding(Severity.FATAL, "internal", path, (("kind", kind),)))
        return findings

    def _report(self, parsed: Parsed, findings: list[Finding]) -> Report:
        if not findings:
            return Report(issues=parsed.issues)
        places = parsed.locate([finding.at or finding.path for finding in findings])
        known: dict[int, str] = {}
        issues = dict.fromkeys(
            Issue(
                severity=finding.severity,
                code=finding.code,
                expression=render_path(finding.path, known),
                params=finding.params,
                line=place[0] if place else None,
                column=place[1] if place else None,
                source=finding.source,
            )
            for finding, place in zip(findings, places, strict=True)
        )
        return Report(issues=parsed.issues + tuple(issues))


class _TooMany(Exception):
    """There are so many findings that more say nothing."""


class _Bounded(list[Finding]):
    """Findings, up to a number that still fits in memory whatever is validated."""

    def append(self, finding: Finding) -> None:
        super().append(finding)
        if len(self) > _MOST:
            raise _TooMany


def _below(path: Path, root: Path) -> Path:
    """A path whose first segment is what ``root`` leads to."""
    return root if path[0] is None else (_below(path[0], root), path[1], path[2])


def _read_xml_definition(content: bytes) -> dict[str, Any] | None:
    """A conformance resource in XML as JSON values, None for XML of another kind.

    Raises:
        ValueError: it is not well formed.
    """
    parsed = parse(content, Schema(Definitions()), len(content))
    if parsed.tree is None:
        code = parsed.issues[0].code if parsed.issues else "xml-syntax"
        if code == "xml-namespace":
            return None
        raise ValueError(code)
    return parsed.tree
