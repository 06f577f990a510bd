"""How much random work the tests do, by Hypothesis profile.

`quick` is for ordinary runs, `thorough` for the slower tests and CI; `pytest --hypothesis-profile=exhaustive`
tries many times as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

_Case = TypeVar("_Case")

# Examples of a property that doesn't ask for a number of its own.
_WHOLE: Final = 100
_PROFILES: Final = {"quick": 20, "thorough": 40, "exhaustive": 4 * _WHOLE}


def register_profiles() -> None:
    """Let Hypothesis know the profiles. No example has a time limit: CI machines are slow at times."""
    for name, number in _PROFILES.items():
        settings.register_profile(name, max_examples=number, deadline=None)


def examples(number: int) -> int:
    """Return how many examples the profile tries of a property that is worth this many."""
    return max(1, round(number * settings.default.max_examples / _WHOLE))  # type: ignore[union-attr]


def some(cases: Sequence[_Case], every: int) -> Sequence[_Case]:
    """Return every so-many-th of the cases; all of them in the exhaustive profile."""
    is_exhaustive = examples(100) > _WHOLE
    return cases if is_exhaustive else cases[::every]
