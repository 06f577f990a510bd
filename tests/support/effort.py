"""How much random work the tests do: `RESHELVE_TEST_EFFORT=4` tries four times as many cases as CI."""

from __future__ import annotations

import os
from typing import Final

EFFORT: Final = float(os.environ.get("RESHELVE_TEST_EFFORT", "1"))


def examples(number: int) -> int:
    """Return how many cases to try instead of this many."""
    return max(1, round(number * EFFORT))
