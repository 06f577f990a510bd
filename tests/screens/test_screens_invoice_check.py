"""Why does my invoice fail? From a pasted message to the restore, and what is to be done in Re-Leased."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.fake_account import organisation
from support.idle_engine import IdleEngine
from support.sample_contacts import contact_id
from support.screen_test import Driver, running
from textual import events

from tui.messages.invoice_check import status_words
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.invoice_check import ContactFinding
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.invoice_check import InvoiceCheckScreen
from tui.widgets.labels import Details

pytestmark = pytest.mark.slow

KERERU = organisation(2, "Kererū Management")
EMPTY = organisation(3, "Bay of Plenty Holdings")
MESSAGE = (
    "INV-0042: Boulder Plumbing\nThe contact with the specified contact details has been archived.\n"
    "The contact must be un-archived before creating new invoices or credit notes."
)
HOSTILE = "Boulder \x1b]0;owned\x07[red]Plumbing[/]"


def connect(person: Driver) -> None:
    """Connect a second organisation that has contacts, and a third without any saved."""
    person.account.backends["t2"] = IdleEngine.with_contacts(organisation=KERERU)
    person.account.connects(KERERU, EMPTY)


def lines(person: Driver) -> list[str]:
    screen = person.screen
    assert isinstance(screen, InvoiceCheckScreen)
    width = screen.rows.line_width
    return [screen._format_row(index, width)[0].plain.rstrip() for index in range(screen.rows.count)]


def story(person: Driver) -> str:
    return str(person.screen.query_one(Details).content)


async def test_a_pasted_message_finds_the_contact_in_every_organisation(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("F")
        person.screen.focused.post_message(events.Paste(MESSAGE))  # type: ignore[union-attr]
        await person.settle()
        first, second, empty = lines(person)
        assert first.startswith("Boulder Plumbing")
        assert first.endswith("Archived")
        assert "Kererū Management" in second
        assert empty == "Bay of Plenty Holdings: not loaded yet"
        assert "isn't in the change log" in story(person)
        assert "[ ] 1. Restore the contact in Xero" in story(person)


async def test_restore_opens_the_organisation_and_asks_as_usual(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("F", *"boulder", "enter", "down", "r")
        assert "Kererū Management" in person.title
        assert isinstance(person.screen, ConfirmScreen)
        await person.press("y")
        made = person.account.backends["t2"].changes_made
        assert [(change.name, change.action) for change in made] == [("Boulder Plumbing", Action.RESTORE)]


async def test_enter_opens_the_contact_without_restoring(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter", "enter")
        assert person.sees(type(person.main))
        assert person.cursor_name == "Boulder Plumbing"


async def test_an_active_contact_is_not_restored(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("F", *"bay", "enter", "r")
        assert person.sees(InvoiceCheckScreen)
        assert "active already" in person.bottom_line


async def test_read_only_mode_explains_why_it_does_not_restore(backend: IdleEngine) -> None:
    backend.is_read_only = True
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter", "r")
        assert not backend.changes_made
        assert person.sees(InvoiceCheckScreen)


async def test_drafts_are_ticked_by_the_user_alone_and_can_be_unticked(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter")
        assert "[ ] 3. Approve" in story(person)
        await person.press("w")
        assert "[x] 3. Approve" in story(person)
        assert "[ ] 1. Restore" in story(person)
        await person.press("w")
        assert "[ ] 3. Approve" in story(person)


async def test_a_namesake_that_blocks_the_restore_is_named(backend: IdleEngine) -> None:
    backend.edit(0, name="Boulder plumbing")
    backend.load()
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter")
        archived = [index for index, line in enumerate(lines(person)) if line.endswith("Archived")]
        person.screen.rows.put_cursor(archived[0])  # type: ignore[attr-defined]
        await person.settle()
        assert "Another active contact is named “Boulder plumbing”" in story(person)


async def test_a_merged_contact_leads_to_its_survivor(backend: IdleEngine) -> None:
    number = next(n for n in range(30) if backend.known[contact_id(n)].name == "Boulder Plumbing")
    backend.edit(number, merged_to=contact_id(0))
    backend.load()
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter")
        assert "M Merged into" in person.bottom_line
        await person.press("M")
        assert person.is_home
        assert person.cursor_name == backend.known[contact_id(0)].name
        # Another one says why there is nowhere to go.
        await person.press("F", "ctrl+u", *"bay", "enter", "M")
        assert person.bottom_line == "This contact wasn't merged into another one."


async def test_a_restore_under_way_is_not_offered_again(backend: IdleEngine) -> None:
    number = next(n for n in range(30) if backend.known[contact_id(n)].name == "Boulder Plumbing")
    backend.put_change(number, Action.RESTORE, State.AWAITING_USER)
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter", "r")
        assert "In progress: restore (Restore in Xero)." in story(person)
        assert person.sees(InvoiceCheckScreen)


async def test_a_hostile_name_is_harmless(backend: IdleEngine) -> None:
    number = next(n for n in range(30) if backend.known[contact_id(n)].name == "Boulder Plumbing")
    backend.edit(number, name=HOSTILE)
    backend.load()
    async with running(backend) as person:
        await person.press("F", *"boulder", "enter")
        assert "\x1b" not in story(person) + lines(person)[0]
        assert "[red]" in story(person)


async def test_nothing_found_is_said_and_nothing_typed_explained(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("F")
        screen = person.screen
        assert isinstance(screen, InvoiceCheckScreen)
        assert screen.rows.empty_text.startswith("Paste Re-Leased's error message")
        await person.press(*"zzz")
        assert screen.rows.empty_text == "No contacts match in any organisation."


async def test_nothing_found_is_said_beside_what_could_not_be_searched(backend: IdleEngine) -> None:
    async with running(backend) as person:
        connect(person)
        await person.press("F", *"zzz")
        assert lines(person) == ["Bay of Plenty Holdings: not loaded yet"]
        assert story(person) == "No contacts match in any organisation."


async def test_it_starts_with_what_is_searched_for_and_goes_back(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"boulder", "enter", "F")
        assert lines(person)[0].startswith("Boulder Plumbing")
        await person.press("escape", "escape", "escape")
        assert person.sees(type(person.main))


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (60, 20), (80, 24)], ids=str)
async def test_any_terminal_shows_it(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size) as person:
        await person.press("F", *"boulder", "enter")
        assert lines(person)[0].startswith("Boulder")


def test_a_status_is_never_left_out() -> None:
    finding = ContactFinding("1", "x", ContactStatus.ACTIVE)
    assert all(status_words(replace(finding, status=status)) for status in ContactStatus)
