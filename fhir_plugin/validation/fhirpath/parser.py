"""From text to a syntax tree, by precedence climbing over http://hl7.org/fhirpath/N1/#grammar.

A tree is nested tuples whose first item names the construct::

    ("literal", value)   ("empty",)             ("variable", name)      ("special", "$this")
    ("name", name)       ("call", name, args)   ("dot", left, right)    ("index", left, right)
    ("sign", op, expr)   ("binary", op, l, r)   ("type", "is"|"as", expr, type name)
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir_plugin.validation.fhirpath.errors import FhirPathSyntaxError
from fhir_plugin.validation.fhirpath.values import Moment, Quantity

__all__ = ["Tree", "parse"]

Tree = tuple[Any, ...]

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/
    |(?P<date>@(?:T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?|\d{4}(?:-\d\d(?:-\d\d)?)?
        (?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?))
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<quoted>`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")
    |(?P<special>\$[a-z]+)
    |(?P<variable>%(?:[A-Za-z_][A-Za-z0-9_\-]*|`[^`]*`|'[^']*'|"[^"]*"))
    |(?P<op><=|>=|!=|!~|[()\[\]{}.,|+\-*/&=~<>])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"implies"}),
    frozenset({"or", "xor"}),
    frozenset({"and"}),
    frozenset({"in", "contains"}),
    frozenset({"=", "~", "!=", "!~"}),
    frozenset({"<=", "<", ">", ">="}),
    frozenset({"|"}),
    frozenset({"is", "as"}),
    frozenset({"+", "-", "&"}),
    frozenset({"*", "/", "div", "mod"}),
)
_UNITS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
_CALENDAR_UNITS = frozenset(unit + plural for unit in _UNITS for plural in ("", "s"))
_MAX_DEPTH = 200


@lru_cache(maxsize=1024)
def parse(text: str) -> Tree:
    """The syntax tree of an expression; remembered, because an invariant is looked at in more ways than one.

    Raises:
        FhirPathSyntaxError: the text is not one whole FHIRPath expression, or is nested too deeply.
    """
    parser = _Parser(text)
    try:
        tree = parser.expression(0)
    except RecursionError:
        raise FhirPathSyntaxError("nested too deeply") from None
    if parser.kind != "end":
        raise FhirPathSyntaxError(f"unexpected {parser.text!r} at {parser.position}")
    return tree


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(one, text)


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.next_start = 0
        self.depth = 0
        self.advance()

    def advance(self) -> None:
        """Move to the next token: ``kind``, ``text`` and ``position``."""
        while self.next_start < len(self.source):
            match = _TOKEN.match(self.source, self.next_start)
            if match is None:
                raise FhirPathSyntaxError(f"unexpected {self.source[self.next_start]!r} at {self.next_start}")
            self.position, self.next_start = self.next_start, match.end()
            if match.lastgroup:
                self.kind, self.text = match.lastgroup, match[0]
                return
        self.kind, self.text, self.position = "end", "", len(self.source)

    def accept(self, text: str) -> bool:
        if self.text != text or self.kind not in ("op", "name"):
            return False
        self.advance()
        return True

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise FhirPathSyntaxError(f"expected {text!r} at {self.position}")

    def expression(self, level: int) -> Tree:
        if level == len(_LEVELS):
            return self.unary()
        self.depth += 1
        if self.depth > _MAX_DEPTH * len(_LEVELS):
            raise FhirPathSyntaxError("nested too deeply")
        left = self.expression(level + 1)
        while self.kind in ("op", "name") and self.text in _LEVELS[level]:
            operator = self.text
            self.advance()
            if operator in ("is", "as"):
                left = ("type", operator, left, self.type_name())
            else:
                left = ("binary", operator, left, self.expression(level + 1))
        self.depth -= 1
        return left

    def type_name(self) -> str:
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return ".".join(parts)

    def identifier(self) -> str:
        if self.kind == "name":
            found = self.text
        elif self.kind == "quoted":
            found = _unescape(self.text[1:-1])
        else:
            raise FhirPathSyntaxError(f"expected a name at {self.position}")
        self.advance()
        return found

    def unary(self) -> Tree:
        if self.kind == "op" and self.text in "+-":
            operator = self.text
            self.advance()
            return ("sign", operator, self.unary())
        return self.postfix(self.term())

    def postfix(self, left: Tree) -> Tree:
        while self.kind == "op":
            if self.accept("."):
                left = ("dot", left, self.invocation())
            elif self.accept("["):
                left = ("index", left, self.expression(0))
                self.expect("]")
            else:
                break
        return left

    def invocation(self) -> Tree:
        if self.kind == "special":
            return self.special()
        name = self.identifier()
        if not self.accept("("):
            return ("name", name)
        arguments: list[Tree] = []
        if not self.accept(")"):
            arguments.append(self.expression(0))
            while self.accept(","):
                arguments.append(self.expression(0))
            self.expect(")")
        return ("call", name, tuple(arguments))

    def special(self) -> Tree:
        name = self.text
        if name not in ("$this", "$index", "$total"):
            raise FhirPathSyntaxError(f"unexpected {name!r} at {self.position}")
        self.advance()
        return ("special", name)

    def term(self) -> Tree:
        kind, text = self.kind, self.text
        if kind == "op" and self.accept("("):
            inner = self.expression(0)
            self.expect(")")
            return inner
        if kind == "op" and self.accept("{"):
            self.expect("}")
            return ("empty",)
        if kind == "variable":
            self.advance()
            return ("variable", text[1:].strip("`'\""))
        if kind in ("string", "number", "date"):
            self.advance()
            return self.literal(kind, text)
        if kind == "name" and text in ("true", "false"):
            self.advance()
            return ("literal", text == "true")
        return self.invocation()

    def literal(self, kind: str, text: str) -> Tree:
        if kind == "string":
            return ("literal", _unescape(text[1:-1]))
        if kind == "date":
            moment = Moment.literal(text[1:])
            if moment is None:
                raise FhirPathSyntaxError(f"{text} is not a date or time")
            return ("literal", moment)
        number: int | Decimal = Decimal(text) if "." in text else int(text)
        if self.kind == "string":
            unit = _unescape(self.text[1:-1])
            self.advance()
            return ("literal", Quantity(Decimal(number), unit))
        if self.kind == "name" and self.text in _CALENDAR_UNITS:
            unit = self.text
            self.advance()
            return ("literal", Quantity(Decimal(number), unit))
        return ("literal", number)
