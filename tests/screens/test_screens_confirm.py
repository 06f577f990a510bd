from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.sample_contacts import contact_id
from support.screen_test import Driver, running
from textual.widgets import Button, Input

from tui import messages
from tui.model.change import Action, State
from tui.model.contact import Balances, ContactStatus
from tui.model.errors import OfflineError, StoreError
from tui.model.reasons import StoreReason, XeroReason
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    import pytest


def words(person: Driver) -> str:
    assert person.sees(ConfirmScreen)
    return "\n".join(plain.text for plain in person.screen.query(SafeLabel))


def in_xero(backend: IdleEngine, number: int, status: ContactStatus) -> None:
    """Give a contact this status in Xero, which isn't known here yet."""
    one = contact_id(number)
    backend.known[one] = replace(backend.known[one], status=status)


async def test_dialog_opens_at_once_and_can_be_cancelled_during_the_precheck(
    backend: IdleEngine,
) -> None:
    backend.xero.gate = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("a")
        await person.pilot.pause()
        assert "Checking with Xero…" in words(person)
        await person.pilot.press("y")
        await person.pilot.pause()
        assert person.bottom_line == "Still checking with Xero."
        await person.press("escape")
        assert person.is_home
        assert not [call for call in backend.calls if call[0] == "request"]


async def test_precheck_result_is_shown_when_it_arrives(backend: IdleEngine) -> None:
    backend.xero.gate = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("a")
        await person.pilot.pause()
        assert person.screen.query_one("#confirm", Button).disabled
        backend.xero.gate.set()
        await person.settle()
        assert "Up to date with Xero." in words(person)
        assert "• Abel Tasman Lettings" in words(person)
        assert not person.screen.query_one("#confirm", Button).disabled


async def test_enter_cancels(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("a", "enter")
        assert person.is_home
        assert not [call for call in backend.calls if call[0] == "request"]


async def test_n_cancels_too(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("a", "n")
        assert person.is_home


async def test_buttons_can_be_clicked(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("a")
        await person.pilot.click("#confirm")
        await person.settle()
        assert ("request", Action.ARCHIVE, (contact_id(0),)) in backend.calls


async def test_archiving_warns_of_tenancies_and_restoring_of_the_click_in_xero(backend: IdleEngine) -> None:
    # The first archive is explained at length.
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    async with running(backend) as person:
        await person.press("a")
        assert "If this contact is billed for an active tenancy" in words(person)
        await person.press("escape", "3", "home", "r")
        assert "Xero's API may refuse to restore it." in words(person)


async def test_warnings_are_shown_with_their_contact(backend: IdleEngine) -> None:
    backend.edit(1, balances=Balances(123450, 20000))
    async with running(backend) as person:
        await person.press("space", "space", "a")
        said = words(person)
        assert "• Aroha Tamihana\n! They owe 1,234.50" in said
        assert said.index("Aroha") < said.index("Abel")


async def test_blocked_contacts_are_left_out_with_a_reason(backend: IdleEngine) -> None:
    in_xero(backend, 0, ContactStatus.GDPRREQUEST)
    async with running(backend) as person:
        await person.press("space", "space", "a")
        assert "Left out:\n✗ Abel Tasman Lettings\n" in words(person)
        assert "privacy request" in words(person)
        await person.press("y")
        assert ("request", Action.ARCHIVE, (contact_id(1),)) in backend.calls


async def test_dialog_cannot_be_confirmed_if_every_contact_is_blocked(backend: IdleEngine) -> None:
    in_xero(backend, 0, ContactStatus.ARCHIVED)
    async with running(backend) as person:
        await person.press("a")
        assert "Can't be changed:" in words(person)
        await person.press("y")
        assert "None of these" in person.bottom_line


async def test_precheck_from_saved_data_says_so(backend: IdleEngine) -> None:
    backend.xero.failures["look_up"] = TimeoutError()
    async with running(backend) as person:
        await person.press("a")
        assert "Xero is slow to respond." in words(person)
        assert words(person).count("Showing saved data.") == 1


async def test_failed_precheck_shows_its_reason(backend: IdleEngine) -> None:
    error = OfflineError(XeroReason.OFFLINE)
    backend.fail("precheck", error)
    async with running(backend) as person:
        await person.press("a")
        assert messages.message(error) in words(person)
        assert person.screen.query_one("#confirm", Button).disabled


async def test_more_than_25_contacts_require_typing_the_number() -> None:
    backend = IdleEngine.with_contacts(60)
    async with running(backend) as person:
        await person.press("2", "asterisk", "a")
        count = len(person.main.table.selected)
        assert count > 25
        assert "and " in words(person)
        await person.press("escape")
        await person.press("a", "tab", "y")
        assert person.sees(ConfirmScreen)
        number = person.screen.query_one("#number", Input)
        number.focus()
        await person.press("7", "enter")
        assert person.sees(ConfirmScreen)
        await person.press("backspace", *str(count), "enter")
        (request,) = (call for call in backend.calls if call[0] == "request")
        assert len(request[2]) == count


async def test_names_that_look_like_markup_are_shown_as_text(backend: IdleEngine) -> None:
    for number, name in enumerate(("a [/x] b", "\x1b[31mred\x1b[0m", "x" * 10_000)):
        backend.edit(number, name=name)
    # Its name is taken, which is shown with the name.
    backend.edit(5, name="a [/x] b")
    async with running(backend) as person:
        await person.press("asterisk", "a")
        assert person.sees(ConfirmScreen)
        await person.press("escape", "home", "enter", "escape")
        assert person.is_home
        await person.press("escape", "3", "home", "r")
        assert "a [/x] b" in words(person)


async def test_change_log_error_is_shown(backend: IdleEngine, caplog: pytest.LogCaptureFixture) -> None:
    del caplog
    error = StoreError(StoreReason.DISK_FULL)
    backend.fail("request", error)
    async with running(backend) as person:
        await person.press("a", "y")
        assert person.bottom_line == messages.in_full(error)


async def test_title_counts_contacts_that_can_be_changed(backend: IdleEngine) -> None:
    async with running(backend) as person:
        in_xero(backend, 0, ContactStatus.GDPRREQUEST)
        await person.press("asterisk", "a")
        # Four are archived already.
        assert person.screen.query_one(".dialog").border_title == "Archive 25 of 30 contacts?"
