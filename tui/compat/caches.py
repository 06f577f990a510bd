"""Textual's caches that would keep closed screens in memory, replaced when this module is imported."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from textual._styles_cache import StylesCache
from textual.style import Style

if TYPE_CHECKING:
    from textual.color import Color

_MAX_CACHED: Final = 1_024


@lru_cache(_MAX_CACHED)
def _inner_and_outer(base_background: Color, background: Color) -> tuple[Style, Style]:
    return Style(background=base_background + background), Style(background=base_background)


# Textual caches the method, and with the results the last 1,024 widgets' painted lines: 50 MB after some
# hundred dialogs. The result only depends on the colours.
StylesCache.get_inner_outer = staticmethod(_inner_and_outer)  # type: ignore[assignment,method-assign] # same calls
