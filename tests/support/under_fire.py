"""Organisations at work with random faults: the engine's own parts, a real sandbox, and another user in Xero.

Nothing here waits: where the engine would back off, a job is tried again at once, and now and then it is
cancelled half-way, as when the program is closed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from support.practice import http

from tui.engine.clock import utc_now
from tui.engine.contact_sync import ContactSync, ManualRestorePoller
from tui.engine.outbox import Outbox
from tui.engine.services.contacts import block_reason
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.errors import XeroError
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from typing import Any

    from support.practice import PracticeXero
    from support.xero_books import Entry, XeroBooks

    from tui.store import Store
    from tui.xero.results import ContactsPage

# Small, so that a list has many pages, any of which can fail.
PAGE: Final = 20
_LONG_AGO: Final = timedelta(days=8)
_NAP: Final = 0.02
_LATER: Final = timedelta(minutes=10)
# One contact in four is left alone by everybody but us, and never restored.
_LEFT_ALONE: Final = tuple("0123")
_RARE_DEEDS: Final = ("balances", "repeating", "gdpr", "vanish", "merge")


class SmallPages(XeroClient):
    """Xero's client with more pages to a list."""

    async def contacts(
        self, page: int, *, page_size: int = PAGE, modified_since: datetime | None = None
    ) -> ContactsPage:
        del page_size
        return await super().contacts(page, page_size=PAGE, modified_since=modified_since)


@dataclass
class Desk:
    """One organisation: its store, its client, the engine's tasks, and a user who makes requests."""

    store: Store
    xero: XeroClient
    books: XeroBooks
    chance: random.Random
    errors: Counter[str]
    known: Sequence[str] = ()
    ahead: timedelta = timedelta()

    def __post_init__(self) -> None:
        self._begin()

    async def work(self) -> None:
        """Do everything at once, over and over, until cancelled."""
        jobs = (self._send, self._pull, self._look, *(self._check,) * 5)
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._again_and_again(job))

    async def settle(self) -> None:
        """Finish everything without faults, as after a restart; nothing may fail now."""
        self._begin()
        # Changes just sent or without a reply are resolved only by a later read.
        self.ahead += _LATER
        await self._drain()
        # An interrupted full sync resumes where it was, so its start can be days before its end.
        await self._puller.refresh()
        # Contacts that are gone are noticed when everything is read.
        # A contact missing from a reply is deleted once a later reply lacks it too.
        for _ in range(2):
            self.ahead += _LATER
            await self._let_a_week_go_by()
            await self._puller.refresh()
        await self._puller.refresh()
        await self._look_at_all()
        for _ in range(2):
            # Each as a new process, which doesn't wait for earlier failures.
            self._begin()
            self.ahead += _LATER
            await self._drain()

    def _now(self) -> datetime:
        return utc_now() + self.ahead

    def _begin(self) -> None:
        store, xero = self.store, self.xero
        self._pusher = Outbox(store, xero, self._now, lambda _: None)
        self._puller = ContactSync(store, xero, self._now, lambda _: None, lambda _: None)
        self._lookout = ManualRestorePoller(store, xero, self._now, lambda _: None)

    async def _again_and_again(self, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            patience = self.chance.uniform(0, _NAP) if self.chance.random() < 0.02 else None
            try:
                async with asyncio.timeout(patience):
                    await job()
            except XeroError as error:
                self.errors[type(error).__name__] += 1
            except TimeoutError:
                self.errors["cancelled"] += 1
                # A write that has begun continues: the program ends only after it.
                await self.store.set_sync_state("after.cancel", None)
            await asyncio.sleep(0)

    async def _send(self) -> None:
        await self._drain()
        is_restore = self.chance.random() < 0.2
        await self._ask(Action.RESTORE if is_restore else Action.ARCHIVE, self.chance.randint(1, 8))

    async def _drain(self) -> None:
        await self._pusher.recover()
        if self._pusher.has_work:
            await self._pusher.run_until_empty()

    async def _ask(self, action: Action, many: int) -> None:
        """Request what a user could: nothing that is already so or in progress."""
        if action is Action.RESTORE:
            many = 2 * many
        chosen = [
            contact
            for contact in self._some(4 * many)
            if not block_reason(action, contact)
            and not (action is Action.RESTORE and contact.contact_id.startswith(_LEFT_ALONE))
            and not any(change.state.is_open for change in self.store.changes.of_contact(contact.contact_id))
        ]
        if not chosen:
            self.known = [*await asyncio.to_thread(self.books.read)]
            await asyncio.sleep(_NAP)
        await self.store.changes.add(action, chosen[:many], utc_now())

    def _some(self, many: int) -> Sequence[Any]:
        return self.store.contacts(self.chance.sample(self.known, min(many, len(self.known))))

    async def _pull(self) -> None:
        if self.chance.random() < 0.02:
            await self._let_a_week_go_by()
        await self._puller.refresh()

    async def _let_a_week_go_by(self) -> None:
        if self.store.sync_state(FULL_SYNC_ENDED_AT) is not None:
            await self.store.set_sync_state(FULL_SYNC_ENDED_AT, (utc_now() - _LONG_AGO).isoformat())

    async def _look(self) -> None:
        await self._lookout.poll()
        await asyncio.sleep(_NAP)

    async def _look_at_all(self) -> None:
        for _ in range(0, len(self.store.changes.in_states(State.AWAITING_USER)) + 1, 50):
            await self._lookout.poll()

    async def _check(self) -> None:
        """Refresh some contacts, as a dialog does."""
        ids = [contact.contact_id for contact in self._some(3)]
        if ids:
            await self.store.save_contacts((await self.xero.look_up(ids)).contacts, utc_now())
        await asyncio.sleep(_NAP)


@dataclass
class Somebody:
    """Another user in Xero's pages, through practice controls."""

    practice: PracticeXero
    tenant_id: str
    desk: Desk
    chance: random.Random
    made: int = 0
    vanished: list[str] = field(default_factory=list)
    has_left: bool = False

    async def work(self) -> None:
        """Do one thing after another until stopped; finish what was begun."""
        while not self.has_left:
            books = await asyncio.to_thread(self.desk.books.read)
            for _ in range(10):
                await self._do_something(books)
                # At a user's pace: the program's requests are what is tested.
                await asyncio.sleep(_NAP)

    async def _do_something(self, books: dict[str, Entry]) -> None:
        chance = self.chance.random()
        if chance < 0.4:
            waiting = self.desk.store.changes.in_states(State.AWAITING_USER, limit=50)
            if waiting:
                await self._deed("restore", self.chance.choice(waiting).contact_id)
        elif chance < 0.65:
            await self._to_any(books, ContactStatus.ARCHIVED, "restore")
        elif chance < 0.7:
            await self._to_any(books, ContactStatus.ACTIVE, "archive")
        elif chance < 0.85:
            self.made += 1
            await self._post(f"contacts/{self.tenant_id}", {"Name": f"Made meanwhile {self.made}"})
        elif chance < 0.93:
            name = f"Renamed {self.chance.random()}"
            await self._to_any(books, ContactStatus.ACTIVE, "rename", Name=name)
        elif chance < 0.99:
            into = self.chance.choice([*books])
            await self._to_any(books, ContactStatus.ACTIVE, self.chance.choice(_RARE_DEEDS), into=into)
        else:
            await self._post("tokens", {"expireAccess": True})

    async def _to_any(self, books: dict[str, Entry], status: ContactStatus, deed: str, **body: str) -> None:
        possible = [
            key for key, one in books.items() if one.status == status and not key.startswith(_LEFT_ALONE)
        ]
        if possible:
            await self._deed(deed, self.chance.choice(possible), **body)

    async def _deed(self, deed: str, contact_id: str, **body: str) -> None:
        status = await self._post(f"contacts/{self.tenant_id}/{contact_id}/{deed}", body)
        if deed == "vanish" and status == 200:
            self.vanished.append(contact_id)

    async def _post(self, path: str, body: dict[str, Any]) -> int:
        url = f"{self.practice.api}/practice/{path}"
        reply = await asyncio.to_thread(http, "POST", url, json_body=body)
        # Refused if a name is taken or the contact has changed, which users meet, too.
        assert reply.status in {200, 201, 404, 409}, reply
        return reply.status


async def work_until(
    is_enough: Callable[[], bool], desks: Sequence[Desk], people: Sequence[Somebody]
) -> None:
    """Let all of them work until `enough`; an exception of one ends the run."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(desk.work()) for desk in desks]
        for somebody in people:
            group.create_task(somebody.work())
        while not await asyncio.to_thread(is_enough):  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(_NAP)
        for somebody in people:
            somebody.has_left = True
        for task in tasks:
            task.cancel()
