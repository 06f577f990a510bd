"""How much random work the tests do: `RESHELVE_TEST_EFFORT=4` tries four times as many cases as CI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_Case = TypeVar("_Case")

EFFORT: Final = float(os.environ.get("RESHELVE_TEST_EFFORT", "1"))


def examples(number: int) -> int:
    """Return how many cases to try instead of this many."""
    return max(1, round(number * EFFORT))


def some(cases: Sequence[_Case], every: int) -> Sequence[_Case]:
    """Return every so-many-th of the cases; all of them with more effort than CI's."""
    return cases if EFFORT > 1 else cases[::every]
