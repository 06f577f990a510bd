"""Parameter types for durations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from typing import Any


class SecondsParam(click.FloatRange):
    """A number of seconds within a range. Also rejects `nan`, which passes range checks."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds. Fails with click's own message if out of range."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value} isn't a number of seconds.", param, ctx)
        return seconds
