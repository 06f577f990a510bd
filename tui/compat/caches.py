"""Textual's caches that keep closed screens in memory, or leave cycles that only a collection frees.

Importing this module replaces the methods in question, for the whole process.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from textual._styles_cache import StylesCache
from textual.cache import LRUCache
from textual.strip import Strip
from textual.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.color import Color

_MAX_CACHED: Final = 1_024
_divide = Strip.divide


@lru_cache(_MAX_CACHED)
def _inner_and_outer(base_background: Color, background: Color) -> tuple[Style, Style]:
    return Style(background=base_background + background), Style(background=base_background)


def _divide_without_cycle(strip: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    """Cut a line of the screen into parts."""
    within = [cut for cut in cuts if cut <= strip.cell_length]
    return [strip] if within == [strip.cell_length] else _divide(strip, within)


def _unlink(cache: LRUCache[Any, Any]) -> None:
    """Empty a cache and undo the links between its entries."""
    for link in cache._cache.values():  # noqa: SLF001 - see above
        link.clear()
    cache._cache.clear()  # noqa: SLF001 - see above
    cache._full = False  # noqa: SLF001 - see above
    cache._head = []  # noqa: SLF001 - see above


# Textual caches the method, and with the results the painted lines of the last 1,024 widgets: some 50 MB. The
# result only depends on the colours.
StylesCache.get_inner_outer = staticmethod(_inner_and_outer)  # type: ignore[assignment] # called the same way
# A line that isn't cut would be cached in itself.
Strip.divide = _divide_without_cycle  # type: ignore[assignment,method-assign] # mypy binds it twice
# The entries of a cache form a ring, which would outlive it.
LRUCache.clear = _unlink  # type: ignore[assignment,method-assign] # as above
LRUCache.__del__ = _unlink  # type: ignore[attr-defined]
