"""`python tests/screenshots`: makes the pictures of the README from the program at work on a sandbox."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from screenshots.shots import take_all

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(take_all(Path(folder), Path(__file__).resolve().parents[2] / "screenshots"))
