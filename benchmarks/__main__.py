"""Run every benchmark, one after the other, each in a process of its own: ``python -m benchmarks [name …]``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(file.stem for file in HERE.glob("[a-z]*.py"))


def main(wanted: list[str]) -> int:
    """Run the wanted ones; answers how many failed."""
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(f"There is no benchmark named {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}.")
        return 2
    failed = 0
    for name in wanted or NAMES:
        print(f"\n== {name} ==", flush=True)
        failed += subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
