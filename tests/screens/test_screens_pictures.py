"""Pictures of every screen. After an intended change, look at them, then use `--snapshot-update`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.notices import notice
from support.pictures import SIZES, picture
from support.sample_contacts import NOW

from tui.model.change import Action, State
from tui.model.contact import Balances, ContactStatus
from tui.model.errors import OfflineError
from tui.model.evidence import SyncStatus
from tui.model.query import Query
from tui.model.reasons import XeroReason
from tui.model.snapshot import ConnectionStatus, SyncProgress, XeroStatus
from tui.screens.dialogs.help import BugReportScreen

if TYPE_CHECKING:
    from support.pictures import Compare


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36), (160, 48)])
def test_main(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, size=size, as_text=False)


def test_main_on_a_tiny_terminal(snap_compare: Compare, busy: IdleEngine) -> None:
    assert picture(snap_compare, busy, size=(40, 15))


@pytest.mark.parametrize("theme", ["reshelve-light", "reshelve-contrast"])
def test_main_themes(snap_compare: Compare, busy: IdleEngine, theme: str) -> None:
    assert picture(snap_compare, busy, "down", "space", theme=theme)


@pytest.mark.parametrize("size", SIZES)
def test_searching(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "/", *"bay", size=size)


def test_nothing_found(snap_compare: Compare, busy: IdleEngine) -> None:
    assert picture(snap_compare, busy, "/", *"zzz", as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_first_sync(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = IdleEngine.with_contacts(12)
    backend.publish(progress=SyncProgress(12, 1631), last_refresh_at=None)
    assert picture(snap_compare, backend, size=size)


def test_no_contacts_yet(snap_compare: Compare) -> None:
    backend = IdleEngine(())
    backend.publish(progress=SyncProgress(0, None), last_refresh_at=None, xero=XeroStatus())
    assert picture(snap_compare, backend, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_flash(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.fail("refresh", OfflineError(XeroReason.OFFLINE))
    assert picture(snap_compare, busy, "f5", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_offline(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    link = XeroStatus(
        ConnectionStatus.OFFLINE,
        retry_at=NOW + timedelta(seconds=24),
        detail=notice("Xero can't be reached. What is queued is sent later."),
    )
    busy.publish(xero=link)
    assert picture(snap_compare, busy, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_confirm_archive(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    first, *_, last = busy.contacts.first_rows(Query()).rows.ids(1, 4)
    busy.known[first] = replace(busy.known[first], balances=Balances(123450, 20000))
    busy.known[last] = replace(busy.known[last], status=ContactStatus.ARCHIVED)
    assert picture(snap_compare, busy, "down", "space", "space", "space", "a", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_confirm_many(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "2", "asterisk", "a", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_confirm_restore(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.xero.failures["look_up"] = TimeoutError()
    assert picture(snap_compare, busy, "3", "home", "down", "r", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_manual_restores(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.put_change(19, Action.RESTORE, State.AWAITING_USER, words="Two contacts have this name in Xero.")
    busy.publish_changes()
    assert picture(snap_compare, busy, "h", "p", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_manual_restores_done(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "h", "p", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_contact(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.edit(13, groups=("Tenants", "Karori"))
    assert picture(snap_compare, busy, "/", *"hoyt", "enter", "enter", size=size)


@pytest.mark.parametrize("size", [(80, 24), *SIZES])
def test_change_keys(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "K", "down", size=size)


def test_new_key(snap_compare: Compare, busy: IdleEngine) -> None:
    assert picture(snap_compare, busy, "K", "enter", "u", as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_help(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "question_mark", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_bug_report(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, size=size, after=lambda app: app.push_screen(BugReportScreen()))


@pytest.mark.parametrize("size", SIZES)
def test_sign_in_ended(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.publish(xero=XeroStatus(ConnectionStatus.RECONNECT, detail=notice("The sign-in to Xero has ended.")))
    assert picture(snap_compare, busy, size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_read_only(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.is_read_only = True
    assert picture(snap_compare, busy, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_reminder(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, size=size, is_opening=True, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_changes(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    for number in range(20, 60):
        state = State.CANCELLED if number % 5 == 0 else State.CONFIRMED
        busy.put_change(number, Action.ARCHIVE, state, SyncStatus.SYNCED if number % 5 else None)
    busy.publish_changes()
    assert picture(snap_compare, busy, "l", "down", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_changes_none(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, IdleEngine.with_contacts(), "l", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_export(
    snap_compare: Compare, busy: IdleEngine, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: Path("/"))
    assert picture(snap_compare, busy, "l", "e", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_export_contacts(
    snap_compare: Compare, busy: IdleEngine, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: Path("/"))
    assert picture(snap_compare, busy, "space", "e", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_undo(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    confirmed, refused, _, sent, changed = busy.request(Action.ARCHIVE, 20, 21, 22, 23, 24)
    busy.move(confirmed, State.CONFIRMED)
    busy.move(refused, State.REFUSED)
    busy.move(sent, State.SENDING)
    busy.move(changed, State.CONFIRMED)
    busy.edit(24, status=ContactStatus.ACTIVE)
    assert picture(snap_compare, busy, "u", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_paused(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    busy.publish(is_paused=True)
    assert picture(snap_compare, busy, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_manual_restore_that_may_fail(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    archived = range(40, 250, 7)
    busy.move_all(busy.request(Action.RESTORE, *archived), State.AWAITING_USER)
    busy.edit(0, name="Hamilton Smith Ltd")
    busy.publish_changes()
    assert picture(snap_compare, busy, "h", size=size, as_text=True)
