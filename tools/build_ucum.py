"""Write fhir_plugin/packages/_base/ucum.txt: the units and prefixes of UCUM.

    mvn dependency:get -Dartifact=org.fhir:ucum:1.0.9        (any copy of ucum-essence.xml will do)
    unzip -j ~/.m2/repository/org/fhir/ucum/1.0.9/ucum-1.0.9.jar ucum-essence.xml -d /tmp
    python tools/build_ucum.py /tmp/ucum-essence.xml

Lines of ``prefix CODE FACTOR``, ``base CODE`` and ``unit CODE metric|plain FACTOR UNIT``; a unit on a scale of its own
(degrees Celsius, pH) has the factor ``special``. The same file gives the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

OUT = Path(__file__).resolve().parents[1] / "fhir_plugin" / "packages" / "_base" / "ucum.txt"


def main(source: Path) -> None:
    """Write the file and say how many lines."""
    root = ElementTree.parse(source).getroot()
    lines = [f"# ucum-essence {root.get('version')}", *_lines(root)]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(len(lines))


def _lines(root: ElementTree.Element) -> Iterator[str]:
    for one in root.iter():
        tag, code = one.tag.rpartition("}")[2], one.get("Code")
        value = next((part for part in one if part.tag.rpartition("}")[2] == "value"), None)
        if tag == "prefix" and value is not None:
            yield f"prefix {code} {value.get('value')}"
        elif tag == "base-unit":
            yield f"base {code}"
        elif tag == "unit" and value is not None:
            special = one.get("isSpecial") == "yes"
            factor = "special" if special else value.get("value")
            kind = "metric" if one.get("isMetric") == "yes" else "plain"
            yield f"unit {code} {kind} {factor} {value.get('Unit') or '1'}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
