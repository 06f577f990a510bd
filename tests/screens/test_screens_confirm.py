from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.sample_contacts import contact_id
from support.screen_test import Driver, running
from textual.widgets import Button, Input

from tui import messages
from tui.model.change import Action, State
from tui.model.contact import Balances, ContactStatus
from tui.model.errors import OfflineError, StoreError
from tui.model.reasons import StoreReason, XeroReason
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.dialogs.contact_lines import ConfirmationLines
from tui.widgets.labels import SafeLabel


def words(person: Driver) -> str:
    """Everything the dialog says; of contacts, the names without their columns."""
    return "\n".join([*listed(person), *(plain.text for plain in person.screen.query(SafeLabel))])


def listed(person: Driver) -> list[str]:
    assert isinstance(person.screen, ConfirmScreen)
    return [line.text for line in person.screen._lines]


def rows(person: Driver) -> list[str]:
    """The visible lines of the list, with single spaces."""
    found = person.screen.query_one(ConfirmationLines)
    return [" ".join(found.render_line(y).text.split()) for y in range(found.size.height)]


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
        assert said.index("Aroha") < said.index("Abel")
        assert "They owe" in words(person)
        assert "• Aroha Tamihana AC-00001 1,234.50 200.00 Tenants" in rows(person)
        await person.pilot.resize_terminal(40, 24)
        await person.pilot.pause()
        assert "• Aroha Tamihana\n! They owe 1,234.50" in words(person)


async def test_every_contact_is_listed_with_a_total(backend: IdleEngine) -> None:
    backend.edit(2, balances=Balances(1_000, 0))
    backend.edit(0, balances=Balances(100, 0))
    backend.edit(1, balances=Balances(123_400, 48_000))
    async with running(backend) as person:
        await person.press("space", "space", "space", "a")
        assert "3 contacts · they owe 1,245.00 · overdue 480.00" in words(person)
        assert listed(person) == ["• Abel Tasman Lettings", "• Aroha Tamihana", "• Bayside Club"]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_last_of_many_contacts_is_reached_with_the_keys(backend: IdleEngine, width: int) -> None:
    async with running(backend, (width, 24)) as person:
        await person.press("asterisk", "a")
        assert not any("DIISR" in row for row in rows(person))
        last = words(person).splitlines()[len(listed(person)) - 1]
        await person.press(*["pagedown"] * 30)
        screen = person.screen
        assert (
            screen.query_one(ConfirmationLines).scroll_offset.y
            == screen.query_one(ConfirmationLines).max_scroll_y
        )
        assert any(last.split()[-1] in row for row in rows(person))
        await person.press(*["pageup"] * 60)
        assert rows(person)[0].startswith(f"{listed(person)[0].split('  ')[0][:10]}")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_namesakes_are_told_apart(backend: IdleEngine, width: int) -> None:
    for number in (0, 1):
        backend.edit(number, name="Abel", account_number="", email=f"abel{number}@b.example")
    async with running(backend, (width, 30)) as person:
        await person.press("space", "space", "a")
        assert all(any(f"abel{number}@b.example" in row for row in rows(person)) for number in (0, 1))


async def test_saved_data_is_listed_during_the_check_with_xero(backend: IdleEngine) -> None:
    backend.xero.gate = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("a")
        await person.until(lambda: bool(listed(person)))
        assert listed(person) == ["• Abel Tasman Lettings"]
        assert "Checking with Xero…" in words(person)
        assert person.screen.query_one("#confirm", Button).disabled


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
        assert len(listed(person)) >= count
        await person.press("escape")
        await person.press("a", "tab", "y")
        assert person.sees(ConfirmScreen)
        number = person.screen.query_one("#number", Input)
        number.focus()
        await person.press("7", "enter")
        assert person.sees(ConfirmScreen)
        assert person.bottom_line.startswith(f"You typed 7. Type {count} to confirm, or press esc to cancel.")
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


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 30), (120, 36)])
async def test_the_warning_is_in_sight_below_a_long_list(size: tuple[int, int]) -> None:
    async with running(IdleEngine.with_contacts(1200), size) as person:
        await person.press("2", "asterisk", "a")
        assert "Check Re-Leased first" in text_of(person.screen)
