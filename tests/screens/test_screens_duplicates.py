"""Possible duplicates: the search, the groups side by side, and what their keys do."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import UUID

import pytest
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.sample_contacts import NOW, contact_id
from support.screen_test import Driver, browser_into, running

from tui.model.activity import Transaction, TransactionKind, TransactionState
from tui.model.change import Action
from tui.model.contact import ContactStatus
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.model.snapshot import SyncProgress
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.duplicates.duplicates import DuplicatesScreen
from tui.screens.main import MainScreen
from tui.system import browser

pytestmark = pytest.mark.slow

SIZES = [(40, 15), (60, 20), (80, 24), (120, 36)]


def with_duplicates(**options: object) -> IdleEngine:
    """Two groups: the better one shares its e-mail, the other one has three contacts."""
    backend = IdleEngine.with_contacts(**options)  # type: ignore[arg-type]
    backend.edit(1, name="Abel Tasman Lettings Limited", email="accounts@abel.example")
    backend.edit(0, email="accounts@abel.example")
    backend.edit(2, name="Featherstone, Anna", email="anna@home.example")
    backend.edit(3, name="Anna Featherstone", email="anna@home.example")
    backend.edit(4, name="A Featherstone", email="anna@home.example")
    return backend


@pytest.fixture
def backend() -> IdleEngine:
    return with_duplicates()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    pages: list[str] = []
    monkeypatch.setattr(browser, "open_page", browser_into(pages))
    return pages


def shown(person: Driver) -> str:
    return text_of(person.screen)


def row(person: Driver, number: int) -> str:
    return " ".join(shown(person).splitlines()[1 + number].split())


async def test_the_best_group_is_first_and_what_matches_is_marked(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("D")
        assert person.sees(DuplicatesScreen)
        assert "Possible duplicates: 2 groups." in shown(person)
        assert "95 % Abel Tasman Lettings accounts@abel.example" in row(person, 0)
        assert "Abel Tasman Lettings Limited" in row(person, 1)
        text = shown(person)
        assert "= accounts@abel.example" in text
        assert "= Abel Tasman Lettings Limited" in text
        assert "In common: same name without Ltd or the like, same e-mail." in text
        assert "= +64" not in text
        assert "Xero's API can't merge contacts. To merge, open them in Xero (O):" in text
        assert backend.contacts.url(contact_id(1)) in text


async def test_the_last_use_of_each_is_side_by_side(backend: IdleEngine) -> None:
    async with running(backend, (160, 48)) as person:
        await person.press("D")
        assert "Last activity" not in shown(person)
        await person.press("escape")
        invoice = Transaction(
            str(UUID(int=1)),
            contact_id(0),
            TransactionKind.INVOICE,
            TransactionState.POSTED,
            date(2024, 3, 12),
        )
        await backend._store.activity.save_page([invoice], None, read_until=NOW)
        await person.press("D")
        [line] = [line for line in shown(person).splitlines() if "Last activity" in line]
        assert "invoice, 12 Mar 2024 (1 transaction)" in line
        assert "never used" in line


async def test_the_contact_under_the_cursor_is_archived_the_ordinary_way(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("D", "down", "a")
        assert person.sees(ConfirmScreen)
        await person.press("y")
        [change] = backend.changes_made
        assert (change.contact_id, change.action) == (contact_id(1), Action.ARCHIVE)
        assert person.sees(DuplicatesScreen)
        backend.edit(1, status=ContactStatus.ARCHIVED)
        await person.hears_changes()
        assert "Archived" in row(person, 1)
        assert "Active" in row(person, 0)


async def test_not_duplicates_is_remembered_and_can_be_undone(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("D", "X")
        assert "Not duplicates" in row(person, 0)
        assert "Not duplicates" in row(person, 1)
        assert "Press X again to undo" in person.bottom_line
        assert backend.duplicates.dismissed() == {(contact_id(0), contact_id(1))}
        await person.press("X")
        assert "Active" in row(person, 0)
        assert not backend.duplicates.dismissed()
        await person.press("X", "escape", "D")
        assert "Possible duplicates: 1 group." in shown(person)


async def test_all_contacts_of_a_larger_group_are_dismissed(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("D", "end", "X")
        assert len(backend.duplicates.dismissed()) == 3


async def test_a_page_is_opened_or_all_of_the_group(backend: IdleEngine, opened: list[str]) -> None:
    async with running(backend) as person:
        await person.press("D", "down", "o")
        assert opened == [backend.contacts.url(contact_id(1))]
        await person.press("O")
        assert len(opened) == 3
        await person.press("enter")
        assert person.sees(ContactScreen)


async def test_without_a_browser_links_can_be_copied(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "open_page", lambda _: False)
    async with running(backend) as person:
        await person.press("D", "O")
        assert "No browser found. Press C to copy the links" in person.bottom_line
        await person.press("C")
        assert person.app.clipboard.splitlines() == [
            backend.contacts.url(contact_id(number)) for number in (0, 1)
        ]


async def test_no_duplicates() -> None:
    async with running(IdleEngine.with_contacts()) as person:
        await person.press("D")
        assert "No possible duplicates among the active contacts. Press esc to go back." in shown(person)
        for key in ("a", "X", "o", "O", "C", "Y"):
            await person.press(key)
            assert "There is no contact here." in person.bottom_line
        await person.press("escape")
        assert person.sees(MainScreen)


async def test_the_search_can_be_cancelled(backend: IdleEngine) -> None:
    gate = backend.gates["find"] = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("D")
        await person.pilot.pause()
        assert "Comparing contacts… 0 %. Press esc to cancel." in shown(person)
        assert "esc Cancel" in person.bottom_line
        await person.pilot.press("escape")
        await person.pilot.pause()
        assert person.sees(MainScreen)
        gate.set()


async def test_archived_and_merged_contacts_are_left_out(backend: IdleEngine) -> None:
    backend.edit(1, status=ContactStatus.ARCHIVED)
    backend.edit(2, 3, status=ContactStatus.ARCHIVED, merged_to=contact_id(4))
    async with running(backend) as person:
        await person.press("D")
        assert "No possible duplicates" in shown(person)


async def test_it_says_if_not_all_contacts_are_loaded(backend: IdleEngine) -> None:
    backend.publish(progress=SyncProgress(5, 30))
    async with running(backend, (120, 36)) as person:
        await person.press("D")
        assert "2 groups. Not all contacts are loaded yet." in shown(person)


async def test_a_failed_mark_is_shown(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        backend.fail("dismiss", StoreError(StoreReason.NEWER_VERSION))
        await person.press("D", "X")
        assert "Active" in row(person, 0)


async def test_read_only_mode_can_look_but_not_mark(backend: IdleEngine) -> None:
    backend.is_read_only = True
    async with running(backend, (120, 36)) as person:
        await person.press("D", "X")
        assert "Active" in row(person, 0)
        assert "Not duplicates" not in person.bottom_line
        assert not backend.duplicates.dismissed()


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_do_no_harm(size: tuple[int, int]) -> None:
    backend = with_duplicates()
    backend.edit(0, name="\x1b[31m[red]Evil\u202e Ltd\n" + "x" * 300, email="a\x07@b")
    backend.edit(1, name="\x1b[31m[red]Evil\u202e Limited\n" + "x" * 300, email="a\x07@b")
    async with running(backend, size) as person:
        await person.press("D", *["down"] * 4, "up")
        assert "\x1b" not in shown(person)
        assert "\u202e" not in shown(person)
        assert all(len(line) <= size[0] for line in shown(person).splitlines())
