"""Write fhir_plugin/packages/_base/extensions.txt: extensions that HL7 published for R4 after R4 itself.

    npm pack hl7.fhir.uv.extensions.r4
    python tools/build_extension_names.py hl7.fhir.uv.extensions.r4-*.tgz

One name a line, after the file's source; the same package gives the same bytes. Only names: who wants such an
extension checked loads the package.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fhir_plugin.packages import read_package

OUT = Path(__file__).resolve().parents[1] / "fhir_plugin" / "packages" / "_base" / "extensions.txt"
PREFIX = "http://hl7.org/fhir/StructureDefinition/"


def main(source: Path) -> None:
    """Write the names and say how many."""
    package = read_package(source)
    urls = {str(one.body["url"]) for one in package.resources if one.body.get("type") == "Extension"}
    names = sorted(url.removeprefix(PREFIX) for url in urls if url.startswith(PREFIX))
    OUT.write_text("\n".join([f"# {package.name}#{package.version}", *names]) + "\n", encoding="utf-8")
    print(len(names))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
