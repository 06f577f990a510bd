"""`reshelve repair`: asks first, keeps what is damaged, and says what it did."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from store.damage import spoil, spoil_header
from store.store_samples import contact

from tui.cli import main
from tui.engine.account import ConnectionList, save_connections
from tui.engine.leader_lock import LeaderLock
from tui.model.change import Action, State
from tui.model.contact import Organisation
from tui.store import Store
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = "0000aaaa-1111-4222-8333-444455556666"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Connect one organisation with 300 queued changes, and back up its change log."""
    paths = Paths.under(tmp_path)
    save_connections(
        paths.organisations_file, ConnectionList((Organisation(TENANT, "Demo [/x] Company", "!d"),))
    )
    folder = paths.organisation(TENANT)

    async def fill() -> None:
        store = Store.open(folder)
        await store.save_contacts([contact(each) for each in range(300)], NOW)
        await store.changes.add(Action.ARCHIVE, store.contacts([f"id-{each}" for each in range(300)]), NOW)
        await store.maintenance.back_up(NOW)
        store.close()

    asyncio.run(fill())
    return folder


@pytest.fixture
def repair(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str, stdin: str = "") -> Result:
        env = {"RESHELVE_HOME": str(tmp_path)}
        return CliRunner().invoke(main, ["repair", *arguments], input=stdin, env=env)

    return run


def stands(folder: Path) -> list[State]:
    store = Store.open(folder)
    try:
        return [change.state for change in store.changes.in_states(*State)]
    finally:
        store.close()


def test_sound_files_are_left_alone(folder: Path, repair: Callable[..., Result]) -> None:
    done = repair()
    assert (done.exit_code, "nothing to repair" in done.output) == (0, True)
    assert list(folder.glob("damaged-*")) == []


def test_repair_does_nothing_without_confirmation(folder: Path, repair: Callable[..., Result]) -> None:
    spoil_header(folder / "contacts.db")
    before = (folder / "contacts.db").read_bytes()
    done = repair(stdin="n\n")
    assert done.exit_code == 1
    assert "The backup of" in done.output
    assert "Nothing changed" in done.output
    assert (folder / "contacts.db").read_bytes() == before


def test_a_damaged_change_log_is_restored_from_its_backup(
    folder: Path, repair: Callable[..., Result]
) -> None:
    spoil_header(folder / "contacts.db")
    done = repair("--organisation", "demo", stdin="y\n")
    assert done.exit_code == 0, done.output
    assert "change-log-20260301T120000Z.db was restored" in done.output
    assert "300 changes with an unknown result will be checked with Xero" in done.output
    assert len(list(folder.glob("damaged-*.db"))) == 1
    assert stands(folder) == [State.UNKNOWN] * 300


def test_readable_rows_are_kept_without_a_backup(folder: Path, repair: Callable[..., Result]) -> None:
    for backup in (folder / "backups").iterdir():
        backup.unlink()
    spoil(folder / "contacts.db", "changes")
    done = repair(stdin="y\n")
    assert done.exit_code == 0, done.output
    assert "There is no good backup." in done.output
    assert "added from the damaged file" in done.output
    assert 0 < len(stands(folder)) < 300


def test_a_missing_change_log_is_reported_and_restored(folder: Path, repair: Callable[..., Result]) -> None:
    (folder / "contacts.db").unlink()
    done = repair(stdin="y\n")
    assert done.exit_code == 0, done.output
    assert "change log are missing. The backup of" in done.output
    assert "change-log-20260301T120000Z.db was restored. Changes logged since then are not" in done.output
    assert "damaged file" not in done.output
    assert stands(folder) == [State.UNKNOWN] * 300


def test_a_change_log_of_a_newer_version_is_left_alone(folder: Path, repair: Callable[..., Result]) -> None:
    with closing(sqlite3.connect(folder / "contacts.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    spoil(folder / "contacts.db", "changes")
    done = repair("--yes")
    assert (done.exit_code, "Update Reshelve" in done.output) == (1, True)
    assert list(folder.glob("damaged-*")) == []


def test_damaged_contacts_leave_the_change_log_alone(folder: Path, repair: Callable[..., Result]) -> None:
    spoil(folder / "contacts.db", "contacts")
    done = repair("--yes")
    assert "change log is unchanged" in done.output
    assert stands(folder) == [State.QUEUED] * 300


def test_an_organisation_that_is_open_is_not_repaired(folder: Path, repair: Callable[..., Result]) -> None:
    spoil(folder / "contacts.db", "contacts")
    lease = LeaderLock(folder / "lease")
    assert lease.acquire()
    done = repair("--yes")
    lease.release()
    assert done.exit_code == 5
    assert "another Reshelve" in done.output


@pytest.mark.usefixtures("folder")
def test_an_unknown_name_is_reported(repair: Callable[..., Result]) -> None:
    done = repair("--organisation", "nobody")
    assert (done.exit_code, "No organisation matches nobody" in done.output) == (1, True)


def test_nothing_to_repair_without_organisations(repair: Callable[..., Result]) -> None:
    done = repair()
    assert (done.exit_code, "nothing to repair" in done.output) == (3, True)
