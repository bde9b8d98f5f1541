"""XML resources as the JSON values they stand for (http://hl7.org/fhir/R4/xml.html): one validator serves both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from fhir_plugin.model.issues import Issue, Severity
from fhir_plugin.validation.parsing.jsonplaces import json_steps
from fhir_plugin.validation.parsing.result import Parsed, Place, failed
from fhir_plugin.validation.parsing.xmltree import FHIR_SPACE, XHTML_SPACE, XmlElement, XmlError, read_tree
from fhir_plugin.validation.schema import Field, Schema
from fhir_plugin.validation.scope import Path, render_path

__all__ = ["read_xml"]

Json = dict[str, Any]
_MOST = 20_000
"""Issues that are kept of one text."""
_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_SCHEMA_LOCATION = "http://www.w3.org/2001/XMLSchema-instance schemaLocation"


def read_xml(source: bytes | str, schema: Schema) -> Parsed:
    """Parse one XML resource."""
    try:
        found = read_tree(source)
    except XmlError as error:
        return failed(error.code, error.line, error.column)
    except RecursionError:
        return failed("too-deep")
    root = found.root
    if root.space != FHIR_SPACE:
        return failed("xml-namespace", root.line, root.column, name=root.name[:64])
    reader = _Reader(schema)
    path: Path = (None, root.name, None)
    tree = reader.resource(root, path)
    for code, line, column in found.flaws:
        reader.report(code, XmlElement(root.name, root.space, {}, line, column), path)
    return Parsed(tree=tree, issues=tuple(reader.issues), locate=_Places(root))


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.issues: list[Issue] = []

    def report(self, code: str, where: XmlElement, path: Path, **params: str) -> None:
        if len(self.issues) >= _MOST:
            return
        self.issues.append(
            Issue(
                severity=Severity.ERROR,
                code=code,
                expression=render_path(path),
                params=tuple(params.items()),
                line=where.line,
                column=where.column,
            )
        )

    def resource(self, element: XmlElement, path: Path) -> Json:
        body: Json = {"resourceType": element.name}
        body.update(self.attributes(element, path))
        if not element.children:
            self.report("object-empty", element, path)
        self.fill(body, element, element.name, path)
        return body

    def fill(self, body: Json, element: XmlElement, type_key: str, path: Path) -> None:
        """Put the children of an element into a JSON object."""
        fields = self.schema.fields(type_key)
        order = {name: place for place, name in enumerate(fields)}
        last, counts = -1, dict.fromkeys(fields, 0)
        if element.text:
            self.report("xml-text", element, path)
        for child in element.children:
            if child.space not in (FHIR_SPACE, XHTML_SPACE):
                self.report("xml-namespace", child, path, name=child.name[:64])
                continue
            spec = fields.get(child.name)
            if child.name == "resourceType" or child.name.startswith("_") or self.is_attribute(child.name, type_key):
                self.report("element-unknown", child, path, name=child.name[:64])
                continue
            if spec is None:
                body[child.name] = _plain(child)
                continue
            if order[child.name] < last:
                self.report("xml-order", child, path, name=child.name)
            last = max(last, order[child.name])
            here = (path, spec.segment, counts[child.name] if spec.is_list else None)
            counts[child.name] += 1
            if counts[child.name] > 1 and not spec.is_list:
                count = str(counts[child.name])
                self.report("cardinality-max", child, path, element=f"{type_key}.{spec.name}", max="1", found=count)
                continue
            self.add(body, child, spec, here)

    def is_attribute(self, name: str, type_key: str) -> bool:
        """Whether XML has a property as an attribute: ``id`` (not of resources) and the url of extensions."""
        return (name == "id" and self.schema.kind(type_key) != "resource") or (name, type_key) == ("url", "Extension")

    def attributes(self, element: XmlElement, path: Path, *known: str) -> Iterator[tuple[str, str]]:
        """The attributes that an element may have; any other is reported, but for where a schema is found."""
        for name, value in element.attributes.items():
            if name in known:
                yield name, value
            elif name != _SCHEMA_LOCATION:
                self.report("xml-attribute", element, path, name=name[-64:])

    def add(self, body: Json, child: XmlElement, spec: Field, path: Path) -> None:
        """Put one child into the object, repeated ones into a list."""
        extra: Json | None = None
        value: Any
        if spec.type_key == "xhtml":
            value = child.markup
        elif spec.is_primitive:
            value, extra = self.primitive(child, spec, path)
        elif spec.type_key == "Resource":
            value = self.nested(child, path)
        else:
            value = self.complex(child, spec.type_key, path)
        if not spec.is_list:
            if value is not None:
                body[spec.json_name] = value
            if extra:
                body[f"_{spec.json_name}"] = extra
            return
        values = body.setdefault(spec.json_name, [])
        values.append(value)
        under = f"_{spec.json_name}"
        if extra or under in body:
            extras = body.setdefault(under, [None] * (len(values) - 1))
            extras += [None] * (len(values) - 1 - len(extras)) + [extra]

    def nested(self, child: XmlElement, path: Path) -> Any:
        if len(child.children) != 1:
            self.report("xml-one-resource", child, path)
        return self.resource(child.children[0], path) if child.children else {}

    def complex(self, element: XmlElement, type_key: str, path: Path) -> Json:
        body: Json = {}
        known = ("id", "url") if type_key == "Extension" else ("id",)
        body.update(self.attributes(element, path, *known))
        self.fill(body, element, type_key, path)
        return body

    def primitive(self, element: XmlElement, spec: Field, path: Path) -> tuple[Any, Json | None]:
        extra: Json = {}
        value: Any = None
        for name, text in self.attributes(element, path, "value", "id"):
            if name == "value":
                value = _converted(text, spec.type_key)
            else:
                extra["id"] = text
        self.fill(extra, element, "Element", path)
        if value is None and not extra:
            self.report("value-missing", element, path)
        return value, extra or None


def _plain(element: XmlElement) -> Any:
    """An element of no known type as the values it seems to hold: it is reported, or read by whoever knows it."""
    if not element.children:
        return element.attributes.get("value", {})
    body: Json = {}
    for child in element.children:
        value = _plain(child)
        found = body.setdefault(child.name, value)
        if found is not value:
            body[child.name] = [*found, value] if type(found) is list else [found, value]
    return body


def _converted(text: str, type_name: str) -> Any:
    """A JSON value where the text has the form of one; else the text, which the type then refuses."""
    if type_name == "boolean" and text in ("true", "false"):
        return text == "true"
    if type_name in ("integer", "positiveInt", "unsignedInt") and _INTEGER.fullmatch(text):
        return int(text)
    if type_name == "decimal" and _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


class _Places:
    """Line and column of elements, by walking the XML tree along the path."""

    def __init__(self, root: XmlElement) -> None:
        self._root = root

    def __call__(self, paths: Sequence[Path]) -> list[Place]:
        """Places of paths; of the nearest element around where there is none."""
        return [self._place(json_steps(path)) for path in paths]

    def _place(self, steps: list[str | int]) -> Place:
        element = self._root
        for place, step in enumerate(steps):
            if isinstance(step, int):
                continue
            wanted = steps[place + 1] if place + 1 < len(steps) else 0
            index = wanted if isinstance(wanted, int) else 0
            same_name = [child for child in element.children if child.name == step]
            if index >= len(same_name):
                break
            element = same_name[index]
            if step in ("contained", "resource") and element.children:
                element = element.children[0]
        return element.line, element.column
