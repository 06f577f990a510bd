from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.notices import notice
from support.pictures import text_of
from support.sample_contacts import NOW, contact_id, contacts
from support.screen_test import browser_into, running
from textual import events

from tui import messages
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.errors import OfflineError
from tui.model.evidence import SyncStatus
from tui.model.query import Tab
from tui.model.reasons import XeroReason
from tui.model.snapshot import ConnectionStatus, SyncProgress, XeroStatus
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.manual_restores import ManualRestoresScreen
from tui.widgets.banners import SyncProgressBar
from tui.widgets.labels import StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.tab_bar import TabBar

pytestmark = pytest.mark.slow

# Numbers in the fake: 5 is archived ("Boulder Plumbing"), 2 is active ("Bayside Club").


async def test_contacts_are_shown_before_the_engine_starts(backend: IdleEngine) -> None:
    async with running(backend) as person:
        assert person.cursor_name == "Abel Tasman Lettings"
        assert person.main.finder.tabs.text.split() == ["All", "30", "Active", "26", "Archived", "4"]
        assert ("run",) in backend.calls


async def test_number_keys_open_tabs_and_keep_the_cursor_on_its_contact(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("down", "2")
        assert person.tab == "active"
        assert person.cursor_name == "Aroha Tamihana"
        await person.press("3")
        assert len(person.main.table.selected) == 0
        assert person.cursor_name in {contact.name for contact in backend.known.values()}
        await person.press("1")
        assert person.tab == "all"


async def test_tabs_can_be_clicked(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.pilot.click(TabBar, offset=(30, 0))
        await person.settle()
        assert person.main.finder.tabs.tab is Tab.ARCHIVED


async def test_typing_searches_and_counts_each_tab(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay")
        assert person.main.search.text == "bay"
        assert person.main.finder.tabs.text.split() == ["All", "3", "Active", "3", "Archived", "0"]
        assert person.main.search.query_one("#tally", StaticLine).text.strip() == "3 of 30"
        assert person.bottom_line.startswith("enter Go to list")


async def test_letters_in_the_search_box_are_typed_not_run(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"aqr123?")
        assert person.main.search.text == "aqr123?"
        assert person.is_home


async def test_escape_clears_the_words_and_then_goes_to_the_contacts(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "escape")
        assert person.main.search.text == ""
        assert person.main.finder.tabs.text.split()[1] == "30"
        assert not person.main.table.has_focus
        await person.press("escape")
        assert person.main.table.has_focus


@pytest.mark.parametrize("key", ["down", "enter"])
async def test_leaving_the_search_box_keeps_the_words(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", key)
        assert person.main.table.has_focus
        assert person.main.search.text == "bay"
        await person.press("escape")
        assert person.main.search.text == ""


async def test_no_matches_are_reported_with_a_key(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"zzz")
        assert person.main.table.empty_text.endswith("Press esc to clear the search.")


async def test_archiving_asks_and_then_logs_the_change(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("down", "a")
        assert person.sees(ConfirmScreen)
        await person.press("y")
        assert ("request", Action.ARCHIVE, (contact_id(1),)) in backend.calls
        assert person.bottom_line == "Archiving 1 contact."
        assert "1 sending" in person.pane


async def test_selected_contacts_are_archived_together_and_unselected_then(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("space", "space", "space")
        assert person.bottom_line.startswith("a Archive 3  r Restore 3")
        await person.press("a", "y")
        assert ("request", Action.ARCHIVE, tuple(contact_id(n) for n in range(3))) in backend.calls
        assert not person.main.table.selected


async def test_escape_clears_the_selection(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("asterisk")
        assert len(person.main.table.selected) == 30
        await person.press("escape")
        assert not person.main.table.selected


async def test_key_that_cannot_be_used_explains_why(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("3", "home", "a")
        assert person.bottom_line.startswith("Already archived.")
        await person.press("2", "home", "r")
        assert person.bottom_line.startswith("Already active.")
        await person.press("h")
        assert "No restores" in person.bottom_line


async def test_contact_with_an_open_change_is_left_alone(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.SENDING)
    async with running(backend) as person:
        await person.press("a")
        assert "already being archived" in person.bottom_line


async def test_waiting_restore_points_to_the_manual_restores(backend: IdleEngine) -> None:
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    async with running(backend) as person:
        await person.press("3", "home", "r")
        assert "click Restore in Xero" in person.bottom_line
        assert "Press h" in person.bottom_line


async def test_merged_and_gdpr_contacts_cannot_be_changed(backend: IdleEngine) -> None:
    backend.edit(0, status=ContactStatus.ARCHIVED, merged_to=contact_id(1))
    backend.edit(1, status=ContactStatus.GDPRREQUEST)
    async with running(backend) as person:
        await person.press("r")
        assert "Merged into another" in person.bottom_line
        await person.press("down", "r")
        assert "privacy request" in person.bottom_line


async def test_archiving_without_contacts_does_nothing() -> None:
    async with running(IdleEngine(())) as person:
        await person.press("a")
        assert person.bottom_line == "This list has no contacts."
        await person.press("o")
        assert person.bottom_line == "This list has no contacts."


async def test_restore_that_needs_the_user_opens_the_manual_restores(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("3", "home", "r", "y")
        assert person.is_home
        backend.move(backend.changes_made[-1], State.AWAITING_USER)
        await person.hears_changes()
        assert person.sees(ManualRestoresScreen)


async def test_manual_restore_not_requested_here_opens_nothing(backend: IdleEngine) -> None:
    async with running(backend) as person:
        backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
        await person.hears_changes()
        assert person.is_home
        await person.press("h")
        assert person.sees(ManualRestoresScreen)


async def test_enter_opens_the_contact(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter")
        assert person.sees(ContactScreen)
        await person.press("escape")
        assert person.is_home


async def test_copying_uses_the_terminal_clipboard(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("Y")
        assert person.app.clipboard == backend.contacts.url(contact_id(0))
        assert person.bottom_line.startswith("Copied: https://")


async def test_without_a_browser_the_link_is_shown(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.system.browser.open_page", lambda _: False)
    async with running(backend) as person:
        await person.press("o")
        link = backend.contacts.url(contact_id(0))[:50]
        assert person.bottom_line.startswith(f"No browser found. Y copies the link: {link}")


async def test_with_a_browser_the_page_is_opened(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tui.system.browser.open_page", browser_into(opened))
    async with running(backend) as person:
        await person.press("o")
        assert opened == [backend.contacts.url(contact_id(0))]
        assert person.bottom_line == "Opened in your browser."


async def test_in_a_browser_the_page_opens_in_a_new_tab(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tui.system.browser.open_page", lambda _: pytest.fail("not on this computer"))
    async with running(backend) as person:
        monkeypatch.setattr(type(person.app), "is_web", True)
        monkeypatch.setattr(person.app, "open_url", opened.append)
        await person.press("o")
        assert opened == [backend.contacts.url(contact_id(0))]
        assert person.bottom_line == "Opened in a new tab. If there is none, allow pop-ups for this page."


@pytest.mark.parametrize("key", ["f5", "ctrl+r"])
async def test_refresh_key_refreshes(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await person.press(key)
        assert ("refresh",) in backend.calls


async def test_failures_are_reported(backend: IdleEngine) -> None:
    error = OfflineError(XeroReason.OFFLINE)
    backend.fail("refresh", error)
    async with running(backend) as person:
        await person.press("f5")
        assert person.bottom_line == messages.in_full(error)


async def test_background_change_moves_nothing_until_the_user_moves(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("2")
        backend.move(backend.put_change(4, Action.ARCHIVE, State.SENDING), State.CONFIRMED)
        await person.hears_changes()
        assert person.main.finder.tabs.text.split()[3] == "25"
        assert person.shown == 26
        await person.press("down")
        assert person.shown == 25
        assert person.cursor_name == "Aroha Tamihana"


async def test_the_table_fills_by_itself_while_the_first_pages_arrive(backend: IdleEngine) -> None:
    everybody, backend = backend.known, IdleEngine(())
    async with running(backend) as person:
        await person.hears_changes(progress=SyncProgress(0, None), last_refresh_at=None)
        assert person.main.table.empty_text == "Loading contacts from Xero…"
        assert person.main.query_one(SyncProgressBar).text == "Loading contacts from Xero…"
        backend.known.update(everybody)
        await person.hears_changes(progress=SyncProgress(30, 1631))
        assert person.shown == 30
        assert "30 of 1,631" in person.main.query_one(SyncProgressBar).text
        assert "rate limit" not in person.main.query_one(SyncProgressBar).text
        await person.hears_changes(
            xero=XeroStatus(ConnectionStatus.ONLINE, minute_full_until=NOW + timedelta(seconds=9))
        )
        said = person.main.query_one(SyncProgressBar).text
        assert said.endswith("30 of 1,631, Xero's rate limit, resumes in 9 s")
        await person.hears_changes(progress=None)
        assert not person.main.query_one(SyncProgressBar).display


async def test_empty_tabs_explain_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = IdleEngine([replace(contact, status=ContactStatus.ACTIVE) for contact in contacts()])
    async with running(backend) as person:
        await person.press("3")
        assert person.main.table.empty_text == "No archived contacts.\nPress 1 to show all."
        # Contacts that are counted and not listed yet: the table doesn't say that there are none.
        monkeypatch.setattr("tui.screens.search_controller.UPDATE_INTERVAL", 3600)
        backend.edit(5, status=ContactStatus.ARCHIVED)
        await person.pilot.pause()
        assert person.main.table.empty_text == "Loading contacts from Xero…"
        person.main.workers.cancel_all()


async def test_title_shows_the_connection_status(backend: IdleEngine) -> None:
    async with running(backend) as person:
        assert person.title.startswith(" Reshelve  Demo Company (NZ)  ")
        assert "Xero ● 12:41:07" in person.title
        await person.hears(
            xero=XeroStatus(ConnectionStatus.RECONNECT, detail=notice("The sign-in has ended."))
        )
        assert "Xero ! sign in again" in person.title
        assert "The sign-in has ended." in person.pane


async def test_the_pane_follows_a_change_to_its_end(backend: IdleEngine) -> None:
    async with running(backend) as person:
        assert "No changes in progress. Archive with a, restore with r." in " ".join(person.pane.split())
        change = backend.move(backend.put_change(2, Action.ARCHIVE, State.SENDING), State.CONFIRMED)
        await person.hears_changes()
        assert "1 pending" in person.pane
        assert "Pending sync 12:41" in person.pane
        backend.grade(change, SyncStatus.SYNCED)
        await person.hears_changes()
        assert "Nothing pending" in person.pane
        assert "Synced 12:41" in person.pane


async def test_manual_restore_in_the_pane_can_be_clicked(backend: IdleEngine) -> None:
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        lines = person.pane.split("\n")
        row = next(index for index, line in enumerate(lines) if "Boulder" in line)
        await person.pilot.click("#sync", offset=(6, row))
        await person.settle()
        assert person.sees(ManualRestoresScreen)


async def test_keys_in_the_bottom_line_can_be_clicked(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.pilot.click("KeyBar", offset=(person.bottom_line.index("/ Search") + 2, 0))
        await person.settle()
        assert person.main.query_one(SearchBox).has_focus_within


@pytest.mark.parametrize("size", [(40, 15), (60, 20), (80, 24), (120, 36), (200, 60), (20, 8)])
async def test_every_size_of_terminal_works(backend: IdleEngine, size: tuple[int, int]) -> None:
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend, size) as person:
        await person.press("down", "space", "/", *"bay", "enter", "a")
        assert person.sees(ConfirmScreen)
        await person.press("escape")
        assert all(len(line) <= size[0] for line in person.pane.split("\n"))


async def test_fast_typing_reaches_the_search_box(backend: IdleEngine) -> None:
    async with running(backend) as person:
        for char in "//bay":
            person.app.post_message(events.Key("slash" if char == "/" else char, char))
        await person.settle()
        assert person.main.search.text == "bay"


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 36), (200, 60)])
async def test_unreadable_contacts_are_counted_while_there_are_any(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    async with running(backend, size) as person:
        bar = person.main.unreadable_bar
        assert not bar.display
        await person.hears(unreadable=1)
        assert bar.region.height == 1
        assert person.app.screen.region.contains_region(bar.region)
        assert bar.text.startswith("1 contact couldn't be read")
        await person.hears(unreadable=1_234)
        assert bar.text.startswith("1,234 contacts couldn't be read")
        assert "reshelve.log" in bar.text
        await person.hears(unreadable=0)
        assert not bar.display


async def test_long_message_is_shown_in_full(backend: IdleEngine) -> None:
    words = " ".join(f"word{number}" for number in range(30))
    async with running(backend, (80, 24)) as person:
        bar = person.main.key_bar
        person.main.flash(words)
        await person.settle()
        assert person.bottom_line == words
        assert bar.size.height == 4
        assert person.main.table.size.height > 0
        bar.end_flash()
        await person.settle()
        assert bar.size.height == 1
        person.main.flash(words * 20)
        await person.settle()
        assert bar.size.height == 4
        assert person.bottom_line.endswith("…")


async def test_a_merged_contact_in_the_list_leads_to_the_one_that_is_left(backend: IdleEngine) -> None:
    backend.edit(0, status=ContactStatus.ARCHIVED, merged_to=contact_id(2))
    async with running(backend) as person:
        await person.press("down", "M")
        assert "wasn't merged" in person.bottom_line
        await person.press("up", "M")
        assert person.sees(ContactScreen)
        assert "Bayside Club" in text_of(person.screen)
        await person.press("escape")
        backend.edit(0, merged_to=contact_id(999))
        await person.press("M")
        assert "isn't loaded" in person.bottom_line
