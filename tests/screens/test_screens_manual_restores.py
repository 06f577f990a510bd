from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.sample_contacts import contact_id, contacts
from support.screen_test import Driver, browser_into, running

from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.errors import OfflineError, RejectedError
from tui.model.reasons import ContactReason, Notice, XeroReason
from tui.screens.manual_restores import ManualRestoresScreen, RestoreItem
from tui.widgets import clock
from tui.widgets.labels import Details, SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from datetime import datetime

    from textual.content import Content

pytestmark = pytest.mark.slow


@pytest.fixture
def waiting(backend: IdleEngine) -> IdleEngine:
    """Two restores that wait: Boulder Plumbing and Hamilton Smith Ltd."""
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.put_change(12, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    return backend


def waiting_for(count: int) -> IdleEngine:
    """An organisation with this many waiting restores."""
    backend = IdleEngine([replace(contact, status=ContactStatus.ARCHIVED) for contact in contacts(count)])
    backend.move_all(backend.request(Action.RESTORE, *range(count)), State.AWAITING_USER)
    backend.publish_changes()
    return backend


def listed(person: Driver) -> list[str]:
    screen = person.screen
    assert isinstance(screen, ManualRestoresScreen)
    assert screen.items_list.count == len(screen.finish.items)
    return [item.line(100, clock.now()).plain for item in screen.finish.items]


def about(person: Driver) -> str:
    """Return the text below the list, about the restore under the cursor, without line breaks."""
    shown = person.screen.query_one("#about", Details)
    return str(shown.content).replace("\n", "") if shown.display else ""


async def test_restores_are_listed_oldest_first_with_the_link_of_one(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h")
        first, second = listed(person)
        assert first.startswith("↗ Boulder Plumbing  click Restore in Xero, waiting since 12:40")
        assert "Hamilton Smith Ltd" in second
        assert waiting.contacts.url(contact_id(5)) in about(person)
        await person.press("down")
        assert waiting.contacts.url(contact_id(12)) in about(person)


async def test_restore_that_may_fail_has_its_reason(waiting: IdleEngine) -> None:
    waiting.edit(0, name="Hamilton Smith Ltd")
    async with running(waiting) as person:
        await person.press("h")
        first, second = listed(person)
        assert "!" not in first
        assert second.startswith("↗ ! Hamilton Smith Ltd")
        assert "active contact" not in about(person)
        await person.press("down")
        assert "named “Hamilton Smith Ltd”. Xero refuses this until you rename one." in about(person)


async def test_second_of_two_namesakes_is_told_before_it_fails(backend: IdleEngine) -> None:
    backend.edit(12, name="boulder plumbing")
    for number in (5, 12):
        backend.edit(number, status=ContactStatus.ARCHIVED)
        backend.put_change(number, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("h", "end")
        assert "!" not in listed(person)[0]
        assert "! " in listed(person)[-1]
        assert "has the same name" in about(person)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_links_are_shown_in_full_at_any_width(waiting: IdleEngine, width: int) -> None:
    async with running(waiting, (width, 24)) as person:
        await person.press("h")
        assert waiting.contacts.url(contact_id(5)) in about(person)
        shown = person.screen.query_one("#about", Details)
        assert person.screen.region.contains_region(shown.region)
        assert shown.region.height == str(shown.content).count("\n") + 1


async def test_polling_is_fast_only_while_the_list_is_open(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h")
        assert waiting.calls[-1] == ("set_fast_polling", True)
        await person.press("escape")
        assert waiting.calls[-1] == ("set_fast_polling", False)


async def test_restores_finished_in_xero_are_ticked_off(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h")
        waiting.move(waiting.changes_made[0], State.CONFIRMED)
        await person.hears_changes()
        first, second = listed(person)
        assert first == "✓ Boulder Plumbing  Restored"
        assert about(person) == ""
        assert second.startswith("↗")
        waiting.move(waiting.changes_made[1], State.CONFIRMED)
        await person.hears_changes()
        assert "All done" in person.screen.query_one("#why").render().plain  # type: ignore[union-attr]
        assert person.bottom_line == "esc Back"


async def test_restore_can_be_simulated_on_the_practice_page(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h")
        assert "p Simulate Restore" in person.bottom_line
        await person.press("down", "p")
        assert ("simulate_restore", contact_id(12)) in waiting.calls
        assert listed(person)[1] == "✓ Hamilton Smith Ltd  Restored"


async def test_restore_cannot_be_simulated_on_a_live_page(waiting: IdleEngine) -> None:
    waiting.is_sandbox = False
    async with running(waiting) as person:
        await person.press("h")
        assert "practice" not in person.bottom_line
        await person.press("p")
        assert person.bottom_line.startswith("This works in the demo only.")
        assert not [call for call in waiting.calls if call[0] == "simulate_restore"]


async def test_taken_name_is_shown_beside_the_restore(waiting: IdleEngine) -> None:
    waiting.fail(
        "simulate_restore",
        RejectedError(
            XeroReason.REJECTED,
            status=400,
            xero_message="An active contact has this name. Rename one of them.",
        ),
    )
    async with running(waiting) as person:
        await person.press("h", "p")
        assert "An active contact has this name. Rename one of them." in about(person)
        assert person.bottom_line.startswith("Refused by Xero: An active contact")


async def test_waiting_is_stopped_by_the_second_press(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h", "x")
        assert person.bottom_line.startswith("Press x again to stop waiting for Boulder Plumbing.")
        await person.press("down", "x")
        assert not [call for call in waiting.calls if call[0] == "dismiss"]
        await person.press("x")
        assert ("dismiss", contact_id(12)) in waiting.calls
        assert listed(person)[1].endswith("Hamilton Smith Ltd  Stopped waiting")


async def test_waiting_is_stopped_for_all_selected_restores(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h", "space")
        assert listed(person)[0].startswith("↗ Boulder Plumbing")
        assert person.screen.query_one(VirtualList).cursor == 1
        await person.press("space", "x")
        assert person.bottom_line.startswith("Press x again to stop waiting for 2 restores.")
        await person.press("x")
        assert [call[1] for call in waiting.calls if call[0] == "dismiss"] == [contact_id(5), contact_id(12)]
        assert all(line.endswith("Stopped waiting") for line in listed(person))


async def test_all_restores_are_selected_and_one_is_left_out(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h", "*", "space", "x", "x")
        assert [call[1] for call in waiting.calls if call[0] == "dismiss"] == [contact_id(12)]


async def test_the_link_can_be_copied_and_opened(
    waiting: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tui.system.browser.open_page", browser_into(opened))
    async with running(waiting) as person:
        await person.press("h", "Y")
        assert person.app.clipboard == waiting.contacts.url(contact_id(5))
        # The cursor moves to the next one.
        await person.press("o", "enter")
        assert opened == [waiting.contacts.url(contact_id(5)), waiting.contacts.url(contact_id(12))]


async def test_finished_restore_is_not_opened_again(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h", "p", "o")
        assert "already finished" in person.bottom_line


async def test_a_refusal_found_later_is_shown(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h")
        waiting.move(waiting.changes_made[0], State.REFUSED, notice=Notice(ContactReason.MERGED))
        await person.hears_changes()
        assert listed(person)[0].startswith("✗ Boulder Plumbing  Refused by Xero")
        assert "Merged into another contact" in about(person)


async def test_only_visible_entries_are_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = waiting_for(600)
    written: list[RestoreItem] = []
    line = RestoreItem.line

    def counted(item: RestoreItem, width: int, now: datetime, *, tick: str = "") -> Content:
        written.append(item)
        return line(item, width, now, tick=tick)

    monkeypatch.setattr(RestoreItem, "line", counted)
    async with running(backend) as person:
        await person.press("h")
        assert person.screen.query_one(VirtualList).count == 600
        person.paint()
        assert 0 < len(written) < 60
        written.clear()
        backend.move(backend.changes_made[0], State.CONFIRMED)
        await person.hears_changes()
        person.paint()
        assert 0 < len(written) < 60


async def test_the_next_five_are_opened_and_then_the_five_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tui.system.browser.open_page", browser_into(opened))
    backend = waiting_for(7)
    links = [backend.contacts.url(contact_id(number)) for number in range(7)]
    async with running(backend) as person:
        await person.press("h", "O")
        assert opened == links[:5]
        assert person.bottom_line == "Opened 5 pages."
        assert "Opened: click Restore there" in listed(person)[0]
        await person.press("O")
        assert opened == links
        await person.press("O")
        assert person.bottom_line.startswith("All pages are already open")
        await person.hears_changes()
        assert "Opened: click Restore there" in listed(person)[6]


async def test_all_links_are_copied_one_per_line(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h", "C")
        assert person.app.clipboard.split("\n") == [waiting.contacts.url(contact_id(n)) for n in (5, 12)]
        assert "2 links" in person.bottom_line


@pytest.mark.parametrize(
    ("key", "said"), [("o", "Press Y to copy this link"), ("O", "Press C to copy all links")]
)
async def test_without_a_browser_the_links_are_copied_instead(
    waiting: IdleEngine, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setattr("tui.system.browser.open_page", lambda _: False)
    async with running(waiting) as person:
        await person.press("h", key)
        assert said in person.bottom_line


@pytest.mark.parametrize("key", ["a", "r"])
async def test_keys_of_the_contacts_screen_say_where_they_work(waiting: IdleEngine, key: str) -> None:
    async with running(waiting) as person:
        await person.press("h", key)
        assert person.bottom_line.startswith(f"{key} works in the list of contacts, ")


async def test_all_done_is_shown_only_if_all_were_restored(waiting: IdleEngine) -> None:
    async with running(waiting) as person:
        await person.press("h")
        waiting.move(waiting.changes_made[0], State.CONFIRMED)
        waiting.move(waiting.changes_made[1], State.DISMISSED)
        await person.hears_changes()
        assert person.screen.query_one("#why", SafeLabel).text.startswith("Nothing left to finish.")


async def test_repeated_keys_simulate_restore_once(waiting: IdleEngine) -> None:
    waiting.xero.failures["look_up"] = OfflineError(XeroReason.OFFLINE)
    async with running(waiting) as person:
        await person.press("h", "p", "p")
        assert person.bottom_line.startswith("Restore is already clicked")
        assert len([call for call in waiting.calls if call[0] == "simulate_restore"]) == 1


async def test_messages_use_the_current_keys(waiting: IdleEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.system.browser.open_page", lambda _: False)
    keys = {
        "copy": "f6",
        "copy_all": "f7",
        "stop_waiting": "f8",
        "simulate_restore": "f9",
        "open_in_xero": "f4",
    }
    async with running(waiting) as person:
        person.app.set_keymap(keys | {"archive": "f2", "restore": "f3", "manual_restores": "f12"})
        await person.press("3", "home", "f2")
        assert "click Restore in Xero" in person.bottom_line
        assert "Press F12" in person.bottom_line
        await person.press("f4")
        assert person.bottom_line.startswith("No browser found. F6 copies the link: ")
        await person.press("2", "home", "f3")
        assert "Already active. Press F2" in person.bottom_line
        await person.press("f12")
        assert "press F9 to restore" in person.screen.query_one("#why", SafeLabel).text
        for pressed, said in (
            ("f4", "Press F6 to copy this link"),
            ("O", "Press F7 to copy all links"),
            ("f8", "Press F8 again to stop waiting"),
        ):
            await person.press(pressed)
            assert said in person.bottom_line
