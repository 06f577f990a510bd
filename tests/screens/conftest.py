from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.fake_backend import FakeBackend
from support.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _frozen_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with frozen(monkeypatch):
        yield


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend.with_contacts()
