"""Files deleted under a running engine: it reports this, refuses writes, and restores the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine.test_engine_scheduler import LiveXero, house

from tui.engine import scheduler as loops_module
from tui.model.change import Action, State
from tui.model.errors import ReshelveError
from tui.model.reasons import StoreReason
from tui.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.reasons import Notice


def delete(folder: Path) -> None:
    for part in folder.glob("contacts.db*"):
        part.unlink()


async def test_displaced_store_is_reported_refused_and_put_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Notice | None] = []
    monkeypatch.setattr("tui.engine.snapshot_publisher._COALESCE", 0)
    monkeypatch.setattr(loops_module, "_LOCK_CHECK_SECONDS", 0.02)
    folder = store._database.file.parent
    async with house(store, LiveXero("a", "b")) as home:
        await home.until(lambda it: it.last_refresh_at)
        await home.engine.changes.pause_sending(on=True)
        await home.engine.changes.request(Action.ARCHIVE, ["a"])
        home.engine.subscribe(lambda it: shown.append(it.storage_problem))
        delete(folder)
        with pytest.raises(ReshelveError, match=StoreReason.DISPLACED):
            await home.engine.changes.request(Action.ARCHIVE, ["b"])
        await home.until(lambda it: not it.storage_problem and any(shown))
        assert any(StoreReason.DISPLACED in str(each) for each in shown)
        assert await home.engine.changes.request(Action.ARCHIVE, ["b"]) == 1
    again = Store.open(folder)
    assert len(again.changes.in_states(State.QUEUED)) == 2
    again.close()


async def test_quitting_right_after_the_store_was_deleted_loses_nothing(store: Store) -> None:
    folder = store._database.file.parent
    async with house(store, LiveXero("a")) as home:
        await home.until(lambda it: it.last_refresh_at)
        await home.engine.changes.pause_sending(on=True)
        await home.engine.changes.request(Action.ARCHIVE, ["a"])
        delete(folder)
    again = Store.open(folder)
    assert len(again.changes.in_states(State.QUEUED)) == 1
    again.close()
