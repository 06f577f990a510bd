"""`python tests/screenshots`: makes the pictures of the README from the program at work on a sandbox.

`python tests/screenshots tour` makes only the animated one.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from screenshots.shots import take_all
from screenshots.tour import record

if __name__ == "__main__":
    pictures = Path(__file__).resolve().parents[2] / "screenshots"
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(record(Path(folder) / "tour", pictures))
        if sys.argv[1:] != ["tour"]:
            asyncio.run(take_all(Path(folder), pictures))
