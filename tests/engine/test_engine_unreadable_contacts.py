"""Unreadable contacts are counted while they are unreadable, and are requested again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.odd_xero import LONG_AGO_MS, OddXero, changed, id_of, stamp

from tui.engine.contact_sync import ContactSync
from tui.model.errors import ReplyLostError
from tui.model.query import Query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from tui.store import Store
    from tui.xero.client import XeroClient


class Pull:
    """The engine's own refresh over the real client and a Xero in this process."""

    def __init__(self, store: Store, xero: OddXero, client: XeroClient) -> None:
        self.store, self.xero, self.client = store, xero, client
        self.is_sparing = False
        self.restart()

    def restart(self) -> None:
        self._puller = ContactSync(
            self.store,
            self.client,
            lambda: datetime.now(UTC),
            lambda _: None,
            lambda _: None,
            may_call=lambda: not self.is_sparing,
        )

    async def __call__(self) -> int:
        """Refresh once; return how many contacts can't be read."""
        await self._puller.refresh()
        return len(self.store.unreadable())

    def damage(self, damage: dict[int, Callable[[dict[str, Any]], None]]) -> None:
        """Change these contacts in every reply from now on."""
        by_id = {id_of(number): do for number, do in damage.items()}

        def change(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
            return changed(answer, lambda one: by_id.get(one["ContactID"], _leave)(one))

        self.xero.change = change

    def listed(self) -> Sequence[str]:
        return self.store.search.first(Query()).rows.ids(0, 100)


@pytest.fixture
async def pull(store: Store, tmp_path: Path) -> AsyncIterator[Pull]:
    xero = OddXero.of(5)
    async with xero.client(tmp_path) as client:
        yield Pull(store, xero, client)


def _leave(_: dict[str, Any]) -> None:
    pass


def no_status(contact: dict[str, Any]) -> None:
    contact["ContactStatus"] = "UNHEARD OF"


def no_date(contact: dict[str, Any]) -> None:
    contact["UpdatedDateUTC"] = "/Date(253402300799999)/"


def no_id(contact: dict[str, Any]) -> None:
    contact["ContactID"] = None


DAMAGE = [no_status, no_date, no_id]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_the_count_is_right_after_several_reads_and_vanishes(
    pull: Pull, damage: Callable[[dict[str, Any]], None]
) -> None:
    pull.damage({2: damage})
    assert [await pull() for _ in range(3)] == [1, 1, 1]
    assert id_of(2) not in pull.listed()
    pull.restart()
    assert await pull() == 1
    # The contact itself was never edited, so no refresh lists it.
    pull.damage({})
    assert await pull() == 0
    assert id_of(2) in pull.listed()


@pytest.mark.parametrize("damage", DAMAGE)
async def test_contact_made_readable_by_an_edit_is_no_longer_counted(
    pull: Pull, damage: Callable[[dict[str, Any]], None]
) -> None:
    pull.damage({2: damage, 4: no_status})
    assert await pull() == 2
    pull.damage({4: no_status})
    pull.xero.edit(2, Name="Edited")
    assert await pull() == 1
    assert pull.store.contacts([id_of(2)])[0].name == "Edited"


async def test_a_contact_that_becomes_unreadable_stays_as_it_was_and_is_counted(pull: Pull) -> None:
    assert await pull() == 0
    pull.damage({3: no_status})
    pull.xero.edit(3)
    assert [await pull() for _ in range(2)] == [1, 1]
    assert pull.store.contacts([id_of(3)])[0].name == "Contact 3"


async def test_a_contact_that_xero_no_longer_has_is_not_counted(pull: Pull) -> None:
    pull.damage({3: no_status})
    assert await pull() == 1
    del pull.xero.contacts[id_of(3)]
    await pull.store.set_sync_state("contacts.full_sync_ended_at", None)
    assert await pull() == 0


async def test_identical_unreadable_contacts_are_counted_separately(pull: Pull) -> None:
    def change(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        body = answer.json()
        return httpx.Response(200, json={**body, "Contacts": [*body["Contacts"], None, None]})

    pull.xero.change = change
    assert [await pull() for _ in range(4)] == [2, 2, 2, 2]


async def test_contacts_that_stay_unreadable_cost_few_calls(pull: Pull) -> None:
    pull.damage(dict.fromkeys(range(1, 6), no_status))
    assert await pull() == 5
    pull.xero.requests.clear()
    for _ in range(30):
        await pull()
    again = [one for one in pull.xero.requests if "IDs" in one.url.params]
    assert 5 <= len(again) <= 9
    assert len(pull.xero.requests) == 30 + len(again)


async def test_reserved_calls_are_not_spent_on_unreadable_contacts(pull: Pull) -> None:
    pull.damage({2: no_status})
    assert await pull() == 1
    pull.is_sparing = True
    pull.xero.requests.clear()
    await pull()
    assert not [one for one in pull.xero.requests if "IDs" in one.url.params]


async def test_only_the_id_of_an_unreadable_contact_is_logged(
    pull: Pull, caplog: pytest.LogCaptureFixture
) -> None:
    pull.damage({2: no_status})
    await pull()
    assert id_of(2) in caplog.text
    assert "Contact 2" not in caplog.text


# --- replies that lack contacts ---


def _counted(contacts: list[Any], **numbers: int) -> dict[str, Any]:
    pagination = {"page": 1, "pageSize": 1000, "pageCount": 1, "itemCount": 5} | numbers
    return {"Contacts": contacts, "pagination": pagination}


PARTIAL: dict[str, Callable[[list[Any]], dict[str, Any]]] = {
    "nothing, uncounted": lambda _: {"Contacts": []},
    "some, uncounted": lambda contacts: {"Contacts": contacts[:2]},
    "some": lambda contacts: _counted(contacts[:2]),
    "one several times": lambda contacts: _counted(contacts[:1] * 5),
    "another page": lambda contacts: _counted(contacts[:2], page=2),
    "a page that nothing follows": lambda contacts: _counted(contacts[:2], pageSize=2),
    "no pages": lambda contacts: _counted(contacts[:2], pageCount=0),
}


@pytest.mark.parametrize("kind", PARTIAL)
@pytest.mark.parametrize("is_first", [True, False])
async def test_reply_with_missing_contacts_is_not_complete(pull: Pull, kind: str, *, is_first: bool) -> None:
    if not is_first:
        await pull()
        for number in range(1, 6):
            pull.xero.edit(number, Name="Edited")
    since = pull.store.sync_state("contacts.refreshed_until")
    pull.xero.change = lambda _, answer: httpx.Response(200, json=PARTIAL[kind](answer.json()["Contacts"]))
    with pytest.raises(ReplyLostError):
        await pull()
    assert pull.store.sync_state("contacts.refreshed_until") == since
    pull.xero.change = lambda _, answer: answer
    await pull()
    found = pull.store.contacts([id_of(number) for number in range(1, 6)])
    assert [one.name == "Edited" for one in found] == [not is_first] * 5


@pytest.mark.parametrize("kind", ["some, uncounted", "some", "no pages"])
async def test_repeatedly_incomplete_reply_is_accepted_in_the_end(pull: Pull, kind: str) -> None:
    pull.xero.change = lambda _, answer: httpx.Response(200, json=PARTIAL[kind](answer.json()["Contacts"]))
    for _ in range(3):
        with pytest.raises(ReplyLostError):
            await pull()
    await pull()
    assert len(pull.listed()) == 2


async def test_full_sync_restarts_if_its_stored_page_no_longer_exists(pull: Pull) -> None:
    await pull.store.set_sync_state("contacts.full_sync_page", "900000")
    await pull.store.set_sync_state("contacts.full_sync_count", "5")
    await pull()
    assert len(pull.listed()) == 5


async def test_a_sync_state_dated_ahead_hides_no_change(pull: Pull) -> None:
    await pull()
    ahead = datetime.now(UTC) + timedelta(days=400)
    await pull.store.set_sync_state("contacts.refreshed_until", ahead.isoformat())
    pull.xero.contacts[id_of(3)] |= {"Name": "Edited", "UpdatedDateUTC": stamp(LONG_AGO_MS + 5_000)}
    await pull()
    [one] = pull.store.contacts([id_of(3)])
    assert one.name == "Edited"
