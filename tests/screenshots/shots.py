"""The steps through the program on which the pictures are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from support.house import House, open_house
from support.practice import PracticeXero, http, running_sandbox

from tui.app.app import ReshelveApp
from tui.engine.account import XeroAccount
from tui.settings import Settings
from tui.system.paths import Paths
from tui.widgets import clock

if TYPE_CHECKING:
    from pathlib import Path

_OPTIONS = ("--cycle", "45", "--sync-seconds", "4")


@dataclass(frozen=True, slots=True)
class Camera:
    """Takes pictures of an open app."""

    house: House
    folder: Path

    async def take(self, name: str, *, shows: str) -> None:
        """Wait until the words are shown, and take the picture."""
        await self.house.until_shown(shows)
        await self.house.pilot.pause()
        self.house.app.save_screenshot(f"{name}.svg", path=str(self.folder))

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.house.pilot.press(*keys)

    async def search(self, words: str) -> None:
        """Search, and show the results in the table."""
        await self.press("escape", "escape", "/", *words, "enter")
        await self.house.until_shown(" of 1,6")


async def take_all(work: Path, folder: Path) -> None:
    """Take all pictures, replacing those in the folder."""
    await _connect(work, folder)
    with running_sandbox(work / "sandbox", *_OPTIONS) as practice:
        async with open_house(practice, work / "home") as house:
            camera = Camera(house, folder)
            await _tabs(camera)
            await _archive(camera, practice)
            await _restore(camera, practice)
            await _changes(camera)
            await _organisations(camera)
            await _released(camera, practice)
            await _offline(camera, practice)
    with running_sandbox(work / "nights", *_OPTIONS) as practice:
        await _nights(practice, work, folder)


async def _connect(work: Path, folder: Path) -> None:
    """Show the first start."""
    app = ReshelveApp(XeroAccount(Settings(), Paths.under(work / "nobody")))
    async with app.run_test(size=(120, 36)) as pilot:
        camera = Camera(House(pilot), folder)
        await camera.take("welcome", shows="Try the demo")
        await camera.press("c")
        await camera.take("connect", shows="Client ID")


async def _tabs(camera: Camera) -> None:
    await camera.take("all", shows="Aaliyah Hill")
    await camera.press("2", "pagedown")
    await camera.take("active", shows="No changes in progress")
    await camera.press("3", "home")
    await camera.take("archived", shows="No changes in progress")
    await camera.press("1", "/", *"plumb ltd")
    await camera.take("search", shows=" of 1,6")


async def _archive(camera: Camera, practice: PracticeXero) -> None:
    for name, owed in (("Rātā Joinery", 0), ("Rātā Lift Services", 480), ("Rātā Window Cleaning", 0)):
        contact_id = practice.create(name, EmailAddress="accounts@rata.example")
        practice.somebody("balances", contact_id, AccountsReceivable={"Outstanding": owed, "Overdue": owed})
    await camera.press("f5")
    await camera.search("rata.example")
    await camera.house.until_shown("3 of")
    await camera.press("*", "a")
    await camera.house.until_shown("Up to date with Xero")
    await camera.take("dialog-archive", shows="overdue")
    await camera.press("y")
    await camera.take("pane-pending", shows="◷ Pending sync")
    await camera.house.until(lambda: camera.house.pane.pending_total == 3, "three pending")
    practice.sync_released()
    await camera.press("f5")
    await camera.take("pane-syncing", shows="syncing")
    await camera.take("pane-synced", shows="✓ Synced")


async def _restore(camera: Camera, practice: PracticeXero) -> None:
    refused = practice.create("Kōwhai Concrete", EmailAddress="jobs@kowhai.example")
    practice.somebody("repeating", refused)
    practice.create("Kōwhai Fencing", ContactStatus="ARCHIVED", EmailAddress="hello@kowhai.example")
    await camera.press("f5")
    await camera.search("kowhai.example concrete")
    await camera.house.until_shown("1 of")
    await camera.press("a")
    await camera.house.until_shown("Up to date with Xero")
    await camera.press("y")
    await camera.house.until(lambda: camera.house.pane.refused_total == 1, "the refusal")
    await camera.search("kowhai.example")
    await camera.house.until_shown("2 of")
    await camera.press("end", "r")
    await camera.take("dialog-restore", shows="Restore 1 contact?")
    await camera.house.until_shown("Up to date with Xero")
    await camera.press("y")
    await camera.take("manual-restores", shows="Restore in Xero")
    await camera.press("escape")
    await camera.take("pane-restore", shows="1 refused")
    await camera.press("enter")
    await camera.take("contact", shows="Timeline")
    await camera.press("escape")


async def _changes(camera: Camera) -> None:
    await camera.press("u")
    await camera.take("undo", shows="Undo 1")
    await camera.press("escape", "l")
    await camera.take("changes", shows="Kōwhai Concrete")
    await camera.press("escape")


async def _organisations(camera: Camera) -> None:
    await camera.press("ctrl+o")
    await camera.take("organisations", shows="Up to date")
    await camera.press("escape")


async def _released(camera: Camera, practice: PracticeXero) -> None:
    unlinked = practice.create("Tūī Signs", EmailAddress="studio@tui.example")
    http(
        "POST",
        f"{practice.released}/companies/{practice.tenant_id}/contacts/{unlinked}/unlink",
        json_body={},
    )
    await camera.press("f5")
    await camera.search("tui.example")
    await camera.house.until_shown("1 of")
    practice.somebody("archive", unlinked)
    await camera.press("f5")
    await camera.house.until(lambda: camera.house.pane.pending_total == 1, "a change made in Xero")
    practice.sync_released()
    await camera.press("f5")
    await camera.take("pane-missed", shows="! Missed last sync")
    practice.set_released_state("Needs reconnecting")
    await camera.press("f5")
    await camera.take("pane-not-running", shows="reconnect")
    await camera.press("t")
    await camera.take("troubleshoot", shows="4. ")
    await camera.press("escape")
    practice.set_released_state("Successfully synced")


async def _offline(camera: Camera, practice: PracticeXero) -> None:
    await camera.search("plumbing")
    practice.stop()
    await camera.press("a")
    await camera.house.until_shown("Cancel")
    await camera.house.until_shown("next sync")
    await camera.press("y")
    await camera.house.until(lambda: camera.house.engine.snapshot.xero.status == "offline", "being offline")
    await camera.take("pane-offline", shows="◌ Queued")


async def _nights(practice: PracticeXero, work: Path, folder: Path) -> None:
    """Without a feed, only the time counts: show tonight, and tomorrow after the window."""
    home = work / "nights-home"
    contact_id = practice.create("Mānuka Roofing", EmailAddress="office@manuka.example")
    async with open_house(practice, home, has_feed=False) as house:
        camera = Camera(house, folder)
        practice.somebody("archive", contact_id)
        await camera.press("f5")
        await camera.search("manuka.example")
        await camera.take("pane-nightly", shows="◷ Pending sync")

    def in_two_days() -> datetime:
        return datetime.now(UTC) + timedelta(days=2)

    present, clock.now = clock.now, in_two_days
    try:
        async with open_house(practice, home, has_feed=False, now=in_two_days) as house:
            camera = Camera(house, folder)
            # Xero's clock counts, so it has to move forward too.
            practice.set_clock(ahead_seconds=timedelta(days=2).total_seconds())
            await camera.press("f5")
            await camera.search("manuka.example")
            await camera.take("pane-expected", shows="~ Should be synced")
    finally:
        clock.now = present
