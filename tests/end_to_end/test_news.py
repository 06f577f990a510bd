"""The list follows Xero on real parts: no key is pressed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.house import open_house
from support.practice import NO_DAILY_LIMIT, running_sandbox

if TYPE_CHECKING:
    from pathlib import Path


async def test_list_is_complete_after_the_first_sync_and_follows_xero(tmp_path: Path) -> None:
    with running_sandbox(
        tmp_path / "sandbox", "--contacts", "400", "--cycle", "3600", *NO_DAILY_LIMIT
    ) as practice:
        async with open_house(practice, tmp_path / "home", poll_seconds=1.0) as house:
            finder = house.app.screen.finder  # type: ignore[attr-defined]

            def is_whole() -> bool:
                found, total = finder.table.found, house.engine.snapshot.counts.all
                return (
                    # The screen has shown the end of the first sync.
                    not finder._is_initial_load
                    and house.engine.snapshot.last_refresh_at is not None
                    and found is not None
                    and list(found.rows.ids(0, total + 1))
                    == [row.contact_id for row in found.rows.window(0, total + 1)]
                    and len(found.rows) == total > 0
                )

            await house.until(is_whole, "showing every contact")
            first = house.shown().splitlines()[4][:30]
            assert first.startswith("▌")
            quokka = practice.create("!Quokka Joinery")
            await house.until_shown("!Quokka Joinery")
            assert first in house.shown()
            practice.somebody("archive", quokka)
            await house.until(
                lambda: "!Quokka Joinery Archived" in " ".join(house.shown().split()), "showing it archived"
            )
