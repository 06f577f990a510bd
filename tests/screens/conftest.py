from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from support.fake_backend import NOW, FakeBackend
from tui.widgets import clock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _frozen_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend.with_contacts()
