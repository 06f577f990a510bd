"""Hundreds of odd replies to a refresh, to a write, and to the read after a lost reply.

Only errors of our own leave the client, nothing is refused that Xero has carried out, and with the next
answers that are as they should be everything is as Xero has it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from support.effort import some
from support.odd_answers import oddities
from support.odd_xero import OddXero, id_of

from tui.engine.contact_sync import ContactSync
from tui.engine.outbox import Outbox
from tui.model.change import Action, Origin, State
from tui.model.errors import XeroError
from tui.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.odd_answers import Oddity

    from tui.xero.client import XeroClient

pytestmark = pytest.mark.slow

CASES = list(oddities())
OPERATIONS = 3


def chunks(operation: int) -> list[list[tuple[str, Oddity]]]:
    """Return the cases that an operation meets: each case meets one operation, or all if exhaustive.

    Each chunk has a store of its own, whose contacts the cases take in turn.
    """
    met = list(some([*CASES[operation:], *CASES[:operation]], OPERATIONS))
    return [met[start : start + 60] for start in range(0, len(met), 60)]


PULLED, WRITTEN, READ_AGAIN = map(chunks, range(OPERATIONS))
START = datetime(2026, 3, 3, 12, tzinfo=UTC)


class Office:
    """The engine's own refresh and outbox, over a real store and the real client."""

    def __init__(self, folder: Path, count: int) -> None:
        self.at = START
        self.xero = OddXero.of(count)
        self.xero.now = lambda: self.at
        self.store = Store.open(folder / "organisation")

    def open(self, client: XeroClient) -> None:
        def now() -> datetime:
            return self.at

        self.puller = ContactSync(self.store, client, now, lambda _: None, lambda _: None)
        self.pusher = Outbox(self.store, client, now, lambda _: None, lambda: self.at.timestamp())  # noqa: PLW0108 - the time moves on

    def states(self, number: int) -> list[tuple[Origin, State]]:
        return [(change.origin, change.state) for change in self.store.changes.of_contact(id_of(number))]

    def meets(self, odd: Oddity | None, method: str) -> None:
        """Make all replies to requests of this method odd from now on."""

        def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
            is_meant = odd is not None and request.method == method
            return odd(request, answer) if odd is not None and is_meant else answer

        self.xero.change = change

    async def send(self) -> None:
        self.at += timedelta(minutes=10)
        with suppress(XeroError):
            await self.pusher.run_until_empty()

    async def archive(self, number: int) -> None:
        await self.store.changes.add(Action.ARCHIVE, self.store.contacts([id_of(number)]), self.at)


@pytest.fixture
async def office(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    opened = Office(tmp_path, request.param)
    async with opened.xero.client(tmp_path) as client:
        opened.open(client)
        await opened.puller.refresh()
        yield opened
    opened.store.close()


one_contact_a_case = pytest.mark.parametrize("office", [max(map(len, WRITTEN + READ_AGAIN))], indirect=True)


def test_corpus_has_enough_odd_answers() -> None:
    names = [name for name, _ in CASES]
    assert len(set(names)) == len(names) >= 279
    assert {name for chunk in PULLED + WRITTEN + READ_AGAIN for name, _ in chunk} == set(names)


@pytest.mark.parametrize("office", [2], indirect=True)
@pytest.mark.parametrize("chunk", range(len(PULLED)))
async def test_a_refresh_survives_odd_replies(office: Office, chunk: int) -> None:
    for number, (_name, odd) in enumerate(PULLED[chunk]):
        office.meets(odd, "GET")
        if number % 2:
            await office.store.set_sync_state("contacts.full_sync_ended_at", None)
        with suppress(XeroError):
            await office.puller.refresh()
    office.meets(None, "GET")
    office.at += timedelta(days=8)
    await office.puller.refresh()
    assert office.store.counts().active == len(office.xero.contacts)
    assert not office.store.unreadable()


@one_contact_a_case
@pytest.mark.parametrize("chunk", range(len(WRITTEN)))
async def test_write_survives_odd_replies(office: Office, chunk: int) -> None:
    for number, (name, odd) in enumerate(WRITTEN[chunk], 1):
        await office.archive(number)
        office.meets(odd, "POST")
        await office.send()
        assert (Origin.RESHELVE, State.REFUSED) not in office.states(number), name
        office.meets(None, "POST")
        await office.send()
        assert office.states(number) == [(Origin.RESHELVE, State.CONFIRMED)], name


@one_contact_a_case
@pytest.mark.parametrize("chunk", range(len(READ_AGAIN)))
async def test_read_after_a_lost_reply_survives_odd_replies(office: Office, chunk: int) -> None:
    def lose(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadTimeout("lost")
        return answer

    for number, (name, odd) in enumerate(READ_AGAIN[chunk], 1):
        await office.archive(number)
        office.xero.change, office.xero.carries_out = lose, bool(number % 2)
        with suppress(XeroError):
            await office.pusher.run_until_empty()
        office.meets(odd, "GET")
        office.xero.carries_out = True
        await office.send()
        await office.send()
        assert (Origin.RESHELVE, State.REFUSED) not in office.states(number), name
        office.meets(None, "GET")
        await office.send()
        assert office.states(number) == [(Origin.RESHELVE, State.CONFIRMED)], name
