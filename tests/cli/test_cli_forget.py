"""`reshelve forget`: names what goes and what stays, asks first, and never loses a change that isn't sent."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from store.store_samples import NOON, contact

from tui.cli import main
from tui.engine.account import ConnectionList, save_connections
from tui.engine.leader_lock import LOCK_NAME, LeaderLock
from tui.model.change import Action, State, Transition
from tui.model.contact import Organisation
from tui.store import Store, TransitionRequest
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TENANT, OTHER = "0000aaaa-1111-4222-8333-444455556666", "0000bbbb-1111-4222-8333-444455556666"
CONTACTS = 30


async def fill(folder: Path, *, is_sent: bool = True) -> None:
    """Save contacts, and archive five of them."""
    with closing(Store.open(folder)) as store:
        await store.save_contacts([contact(number) for number in range(CONTACTS)], NOON)
        await store.changes.add(Action.ARCHIVE, store.contacts([f"id-{number}" for number in range(5)]), NOON)
        changes = store.changes.in_states(State.QUEUED)
        for transition in (Transition.SEND, Transition.CONFIRM) if is_sent else ():
            await store.record_transitions(
                [TransitionRequest(change.change_id, transition) for change in changes], NOON
            )
        await store.maintenance.back_up(NOON)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Connect two organisations, and fill the first."""
    paths = Paths.under(tmp_path)
    organisations = (
        Organisation(TENANT, "Bayside [/x] Property", "!d"),
        Organisation(OTHER, "Bay Two", "!e"),
    )
    save_connections(paths.organisations_file, ConnectionList(organisations))
    asyncio.run(fill(paths.organisation(TENANT)))
    return paths


@pytest.fixture
def forget(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str, stdin: str = "") -> Result:
        env = {"RESHELVE_HOME": str(tmp_path)}
        return CliRunner().invoke(main, ["forget", *arguments], input=stdin, env=env)

    return run


def saved(folder: Path) -> tuple[int, int]:
    """Return how many contacts and changes are saved."""
    with closing(Store.open(folder)) as store:
        return store.counts().all, len(store.changes.in_states(*State))


def test_plan_is_shown_and_confirmed_before_contacts_are_removed(
    paths: Paths, forget: Callable[..., Result]
) -> None:
    done = forget("--organisation", "bayside", stdin="y\n")
    assert done.exit_code == 0, done.output
    before, _, after = done.output.partition("Remove it? [y/N]: y\n")
    removed, _, kept = before.partition("\nKept\n")
    assert removed.splitlines() == [
        "Bayside [/x] Property: removed from this computer",
        "  30 contacts",
        "  recent and saved searches",
    ]
    assert "the change log with 5 changes and its 1 backup\n" in kept
    assert "the connection to Xero, the settings" in kept
    assert "`reshelve disconnect`" in after
    assert saved(paths.organisation(TENANT)) == (0, 5)


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_removed_without_confirmation(
    paths: Paths, forget: Callable[..., Result], answer: str
) -> None:
    done = forget("--organisation", "bayside", stdin=answer)
    assert done.exit_code == 1
    assert "Nothing changed" in done.output
    assert saved(paths.organisation(TENANT)) == (CONTACTS, 5)


def test_change_log_goes_only_if_asked(paths: Paths, forget: Callable[..., Result]) -> None:
    done = forget("--organisation", "bayside", "--with-change-log", "--yes")
    assert done.exit_code == 0, done.output
    removed, _, kept = done.output.partition("\nKept\n")
    assert "the change log with 5 changes and its 1 backup, of which Xero has no copy" in removed
    assert "change log" not in kept
    assert not paths.organisation(TENANT).exists()


def test_unsent_changes_are_never_removed(paths: Paths, forget: Callable[..., Result]) -> None:
    folder = paths.organisation(OTHER)
    asyncio.run(fill(folder, is_sent=False))
    done = forget("--organisation", "Bay Two", "--with-change-log", "--yes")
    assert done.exit_code == 1
    assert "5 changes aren't in Xero yet. Nothing was removed. Open the organisation" in done.output
    assert saved(folder) == (CONTACTS, 5)


def test_an_organisation_that_is_open_is_left_alone(paths: Paths, forget: Callable[..., Result]) -> None:
    folder = paths.organisation(TENANT)
    lock = LeaderLock(folder / LOCK_NAME)
    assert lock.acquire()
    try:
        done = forget("--organisation", "bayside", "--yes")
    finally:
        lock.release()
    assert (done.exit_code, "open in another Reshelve" in done.output) == (5, True)
    assert saved(folder) == (CONTACTS, 5)


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        ((), "Choose one organisation with --organisation: Bayside [/x] Property, Bay Two.", 2),
        (("--organisation", "bay"), "Choose one organisation", 2),
        (("--organisation", "nowhere"), "No organisation matches nowhere.", 1),
        (("--organisation", "two"), "no saved data on this computer", 1),
    ],
    ids=["several", "ambiguous", "unknown", "never-opened"],
)
@pytest.mark.usefixtures("paths")
def test_one_organisation_has_to_be_meant(
    forget: Callable[..., Result], options: tuple[str, ...], said: str, code: int
) -> None:
    done = forget("--yes", *options)
    assert (done.exit_code, said in done.output) == (code, True), done.output


def test_data_of_a_disconnected_organisation_is_removed_by_its_tenant_id(
    paths: Paths, forget: Callable[..., Result]
) -> None:
    save_connections(paths.organisations_file, ConnectionList((Organisation(OTHER, "Bay Two", "!e"),)))
    listed = forget("--yes")
    assert (listed.exit_code, f"Disconnected, by tenant ID: {TENANT}." in listed.output) == (2, True)
    done = forget("--yes", "--organisation", TENANT)
    assert done.exit_code == 0, done.output
    assert "reshelve disconnect" not in done.output
    assert saved(paths.organisation(TENANT)) == (0, 5)


def test_nothing_to_forget_without_organisations(forget: Callable[..., Result]) -> None:
    done = forget("--yes")
    assert (done.exit_code, "nothing to remove" in done.output) == (1, True)
