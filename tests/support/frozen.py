"""A fixed time, in a time zone that is the same on every computer."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.idle_engine import close_all
from support.sample_contacts import NOW

from tui.widgets import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


@contextmanager
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    close_all()
    monkeypatch.undo()
    time.tzset()
