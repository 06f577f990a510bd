"""Thousands of calls with random faults: every change ends where Xero says, and no limit is exceeded."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from support import random_faults
from support.effort import examples
from support.practice import running_sandbox
from support.under_fire import Desk, SmallPages, Somebody, work_until
from support.xero_books import XeroBooks, differences

from tui.model.change import State
from tui.model.contact import ContactStatus
from tui.store import Store
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource
from tui.xero.rate_limiter import MinuteWindow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.practice import PracticeXero

SEED = 20_260_303
CALLS = examples(2_500)
# The calls of a day as long as these runs.
PLENTY = 1_000_000


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    options = ("--contacts", "300", "--cycle", "5000", "--day-limit", str(PLENTY))
    with running_sandbox(tmp_path / "sandbox", *options) as running:
        yield running


@asynccontextmanager
async def desks_of(
    practice: PracticeXero, home: Path, *, calls: int, seconds: float
) -> AsyncIterator[list[Desk]]:
    """Open every organisation with one sign-in; their clients keep to this many calls in this time."""
    kept = FileTokenStore(home / "tokens.json")
    kept.save(Tokens.from_refresh_token(practice.refresh_token, practice.client_id))
    tokens = TokenSource(kept, home / "tokens.lock", identity_url=practice.identity)
    desks = []
    for number, one in enumerate(practice.organisations):
        client = SmallPages(api_url=practice.api, tenant_id=one.tenant_id, tokens=tokens)
        client.rate_limiter._window = MinuteWindow(calls=calls, seconds=seconds)
        books = XeroBooks(practice, one.tenant_id)
        chance = random.Random(SEED + number)  # noqa: S311 - repeatable on purpose
        desks.append(Desk(Store.open(home / one.tenant_id), client, books, chance, Counter()))
    try:
        yield desks
    finally:
        for desk in desks:
            await desk.xero.aclose()
            desk.store.close()


def calls_made(practice: PracticeXero) -> int:
    return sum(spent["calls"] for spent in practice.control("GET", "budget").values())


async def in_random_faults(
    practice: PracticeXero, desks: list[Desk], calls: int, *, vanished: int = 0
) -> list[Somebody]:
    """Let everybody work until this many calls have reached the sandbox, then end the faults.

    `vanished`: in each organisation, at least so many contacts were deleted by then.
    """
    tenants = [one.tenant_id for one in practice.organisations]
    people = [
        Somebody(practice, tenant_id, desk, random.Random(SEED))  # noqa: S311 - as above
        for tenant_id, desk in zip(tenants, desks, strict=True)
    ]

    def is_enough() -> bool:
        return calls_made(practice) >= calls and all(len(one.vanished) >= vanished for one in people)

    await work_until(is_enough, desks, people)
    practice.clear_faults()
    return people


def check_ends(desks: list[Desk], people: list[Somebody]) -> None:
    """Check that the local data and the change log agree with Xero."""
    for desk, somebody in zip(desks, people, strict=True):
        found = differences(desk.store, desk.books.read())
        assert not found, "\n".join(found)
        gone = desk.store.contacts(somebody.vanished)
        assert {contact.status for contact in gone} <= {ContactStatus.DELETED}


@pytest.mark.timeout(600)
async def test_thousands_of_requests_end_in_xeros_state(practice: PracticeXero, tmp_path: Path) -> None:
    minute = 60 * CALLS
    practice.limits(minute=minute, appMinute=PLENTY)
    async with desks_of(practice, tmp_path, calls=minute, seconds=60.0) as desks:
        random_faults.order(practice, SEED)
        people = await in_random_faults(practice, desks, CALLS, vanished=1)
        for desk in desks:
            await desk.settle()
        check_ends(desks, people)

        struck = Counter(one["fault"] for one in practice.requests() if one["path"].startswith("/api.xro/"))
        assert random_faults.kinds() == {kind for kind in struck if kind}
        assert sum(struck.values()) >= CALLS
        assert 0.2 < 1 - struck[None] / sum(struck.values()) < 0.4
        for one in practice.organisations:
            spent = practice.budget(one.tenant_id)
            assert spent["refused"] == {}
            assert spent["mostAtOnce"] <= 5
        # Enough has happened to both for the test to mean something.
        for desk in desks:
            totals = desk.store.changes.totals()
            assert totals[State.CONFIRMED] > CALLS / 20
            assert totals[State.REFUSED]
            assert desk.errors["ReplyLostError"] > CALLS / 100
            assert desk.errors["cancelled"] > CALLS / 1_000


async def test_rate_limit_is_kept_to_the_request(practice: PracticeXero, tmp_path: Path) -> None:
    # A minute of a second and a half; fewer calls in it than a slow machine can make.
    practice.limits(minute=15, minuteSeconds=1.5, appMinute=PLENTY)
    async with desks_of(practice, tmp_path, calls=15, seconds=1.5) as desks:
        random_faults.order(practice, SEED)
        # Slow enough for requests to overlap.
        practice.fault("slow", seconds=0.2)
        people = await in_random_faults(practice, desks, 300)
        for desk in desks:
            await desk.settle()
        check_ends(desks, people)
    for one in practice.organisations:
        spent = practice.budget(one.tenant_id)
        assert spent["refused"] == {}
        assert 10 < spent["mostInAMinute"] <= 15
        # Five if one of them was a write: the last slot is kept for those.
        assert 4 <= spent["mostAtOnce"] <= 5
