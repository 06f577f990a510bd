from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.crash_plan import chains, submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from support.crash_chain import Tally

HERE = Path(__file__).parent
CHAINS = "test_crash_points.py"
# Each is mostly waiting: for a start, for a key to be painted, for the outbox.
AT_ONCE = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the chains of crashes be waited for last: they run beside the other tests of this folder."""
    places = [place for place, item in enumerate(items) if item.path.parent == HERE]
    ordered = sorted((items[place] for place in places), key=lambda item: item.path.name == CHAINS)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


@pytest.fixture(scope="session", autouse=True)
def tallies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Tally]]]:
    """Start the chains that are asked for at the first test of this folder."""
    asked_for = {
        item.callspec.params["chain"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path.name == CHAINS and hasattr(item, "callspec")
    }
    pool = ThreadPoolExecutor(AT_ONCE)
    every = chains(0)
    chosen = {name: every[name] for name in every if name in asked_for}
    yield submit(pool, tmp_path_factory.mktemp("crash"), chosen)
    pool.shutdown(cancel_futures=True)
