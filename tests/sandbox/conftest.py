from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.practice import PracticeXero, running_sandbox
from support.xero_calls import XeroCalls

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    """One process for all tests that only add their own contacts; syncs run only on request."""
    folder = tmp_path_factory.mktemp("practice")
    with running_sandbox(
        folder, "--contacts", "300", "--cycle", "5000", "--minute-limit", "100000", "--day-limit", "100000"
    ) as practice:
        yield practice


@pytest.fixture
def practice(shared_practice: PracticeXero) -> Iterator[PracticeXero]:
    yield shared_practice
    shared_practice.clear_faults()
    shared_practice.limits(minute=100_000, day=100_000, atOnce=5)


@pytest.fixture
def xero(practice: PracticeXero) -> XeroCalls:
    return XeroCalls.sign_in(practice)
