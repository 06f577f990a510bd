from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.effort import some
from support.idle_engine import IdleEngine
from support.notices import notice
from support.pictures import text_of
from support.screen_test import Driver, running
from textual.widgets import Static

from tui.actions import ACTIONS
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.errors import OfflineError
from tui.model.reasons import XeroReason
from tui.model.snapshot import ConnectionStatus, SyncProgress, XeroStatus
from tui.screens.changes.change_controller import blocked_reason
from tui.screens.connect.connect import ConnectScreen
from tui.screens.dialogs.help import BugReportScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import TermList

if TYPE_CHECKING:
    from textual.binding import Binding

pytestmark = pytest.mark.slow

EVERYWHERE = [
    (),
    ("a",),
    ("enter",),
    ("h",),
    ("?",),
    ("ctrl+o",),
    ("c",),
    ("ctrl+o", "d"),
    ("l",),
    ("l", "e"),
]


@pytest.fixture
def reader(backend: IdleEngine) -> IdleEngine:
    """A read-only organisation with a waiting restore."""
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    backend.is_read_only = True
    return backend


@pytest.mark.parametrize("size", some([(40, 15), (60, 20), (120, 36)], 3))
async def test_practice_is_marked_on_every_screen(backend: IdleEngine, size: tuple[int, int]) -> None:
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend, size=size) as person:
        for keys in EVERYWHERE:
            await person.press(*keys)
            assert person.marks == ["PRACTICE"], keys
            assert text_of(person.screen).count("PRACTICE") == 1, keys
            bar = person.screen.query_one(KeyBar)
            assert len(bar.text.split("\n")[-1]) == bar.size.width, keys
            bar.flash("A very long piece of news " * 20)
            assert person.marks == ["PRACTICE"], keys
            await person.go_home()


async def test_bug_screen_is_marked_too(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.app.push_screen(BugReportScreen())
        await person.settle()
        assert person.marks == ["PRACTICE"]


async def test_live_organisation_has_no_mark(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.is_sandbox = False
        await person.press("?", "escape")
        assert person.marks == []


def offered(person: Driver) -> str:
    return person.bottom_line


async def test_read_only_offers_nothing_that_writes(reader: IdleEngine) -> None:
    async with running(reader) as person:
        assert person.marks == ["PRACTICE", "READ ONLY"]
        person.main.key_bar.end_flash()
        assert "Archive" not in offered(person)
        assert "Open" in offered(person)
        await person.press("?")
        said = [str(part.visual) for part in person.screen.query(Static)]
        assert not any(item.help in said for item in ACTIONS if item.writes)
        await person.press("escape", "ctrl+p")
        options = person.screen.query_one("CommandList")
        shown = [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]  # type: ignore[attr-defined]
        assert not any("Restore the contact" in line for line in shown)


@pytest.mark.parametrize("key", ["a", "r"])
async def test_read_only_mode_explains_itself(reader: IdleEngine, key: str) -> None:
    async with running(reader) as person:
        await person.press(key)
        assert "Started with --read-only" in person.bottom_line
    organisation = replace(reader.snapshot.organisation, is_read_only=True)
    other = IdleEngine.with_contacts(organisation=organisation)
    async with running(other) as person:
        await person.press("enter", key)
        assert person.bottom_line.startswith("Read-only connection")
    assert not [call for call in reader.calls + other.calls if call[0] == "precheck"]


async def test_read_only_mode_neither_dismisses_nor_simulates_restores(reader: IdleEngine) -> None:
    async with running(reader) as person:
        await person.press("h")
        assert "Stop waiting" not in offered(person)
        assert "Simulate Restore" not in offered(person)
        for key in ("x", "x", "p"):
            await person.press(key)
            assert "--read-only" in person.bottom_line
    assert not [call for call in reader.calls if call[0] in {"dismiss", "simulate_restore"}]


@pytest.mark.parametrize("link", [ConnectionStatus.RECONNECT, ConnectionStatus.REMOVED])
async def test_ended_sign_in_offers_connecting_first(backend: IdleEngine, link: ConnectionStatus) -> None:
    async with running(backend) as person:
        assert "Connect" not in person.bottom_line
        await person.hears(xero=XeroStatus(link, detail=notice("The sign-in to Xero has ended.")))
        assert person.bottom_line.startswith("c Connect")
        await person.press("c")
        assert person.sees(ConnectScreen)
        await person.press("escape")
        await person.hears(xero=XeroStatus(ConnectionStatus.ONLINE))
        assert person.bottom_line.startswith("a Archive")


@pytest.mark.parametrize("keys", [(), ("enter",), ("h",), ("ctrl+o",)])
async def test_connecting_is_reachable_from_every_screen(backend: IdleEngine, keys: tuple[str, ...]) -> None:
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press(*keys, "c")
        assert person.sees(ConnectScreen)


async def test_loading_can_be_paused_and_resumed(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f6")
        assert person.bottom_line.startswith("Nothing to pause")
        await person.hears(progress=SyncProgress(1000, 5000))
        person.main.key_bar.end_flash()
        assert "F6 Pause loading" in person.bottom_line
        await person.press("f6")
        assert person.bottom_line.startswith("Loading pauses")
        person.main.key_bar.end_flash()
        assert "F6 Resume loading" in person.bottom_line
        await person.press("f6")
        assert person.bottom_line.startswith("Loading resumed")
    assert [call for call in backend.calls if call[0] == "pause_sync"] == [
        ("pause_sync", True),
        ("pause_sync", False),
    ]


async def test_contact_is_refreshed_once_when_opened(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter")
        await person.hears_changes()
        assert [call[0] for call in backend.calls].count("refresh_one") == 1
        await person.press("f5")
        assert [call[0] for call in backend.calls].count("refresh_one") == 2


async def test_failed_refresh_of_balances_shows_no_message(backend: IdleEngine) -> None:
    backend.fail("refresh_one", OfflineError(XeroReason.OFFLINE))
    async with running(backend) as person:
        await person.press("enter")
        assert "Can't reach" not in person.bottom_line
        assert "Loaded from Xero 3 h ago" in str(person.screen.query_one("#balances", Static).visual)


async def test_contact_deleted_in_xero_cannot_be_changed() -> None:
    for action in Action:
        assert "No longer in Xero" in blocked_reason(action, ContactStatus.DELETED, None, is_merged=False)


async def test_help_shows_the_current_keys(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.app.set_keymap({"archive": "ctrl+k", "table.select": "v", "organisations": "f9"})
        await person.press("?")
        lines = {
            " ".join(line.split())
            for terms in person.screen.query(TermList)
            for line in str(terms.render()).splitlines()
        }
        assert "^k Archive the contact, or all selected ones" in lines
        assert "v Select or deselect" in lines
        assert "F9 Show all organisations and switch to another" in lines


async def test_every_action_on_every_screen_can_be_given_another_key(backend: IdleEngine) -> None:
    known = {item.binding_id for item in ACTIONS}
    actions = {item.id for item in ACTIONS}
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        for keys in EVERYWHERE:
            await person.press(*keys)
            bound: list[Binding] = [
                binding for group in person.screen._bindings.key_to_bindings.values() for binding in group
            ]
            assert all(binding.id in known for binding in bound if binding.action in actions), keys
            assert any(binding.id in known for binding in bound), keys
            await person.go_home()
