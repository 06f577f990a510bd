"""`python tests/benchmarks`: how fast the program is, and how much it needs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.run import main

if __name__ == "__main__":
    main(prog_name="tests/benchmarks")
