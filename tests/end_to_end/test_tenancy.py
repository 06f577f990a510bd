"""Tenancy warnings on real parts: before the first archive, later ones, and those of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.house import open_house
from support.practice import running_sandbox
from support.xero_calls import XeroCalls

from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.tenancy.tenant_groups import TenantGroupsScreen
from tui.widgets.contact_table import ContactTable
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.house import House
    from support.practice import PracticeXero


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "60", "--cycle", "3600") as running:
        yield running


async def asked_to_archive(house: House, name: str) -> str:
    """Press the archive key on the contact of that name, and return the dialog's text."""
    await house.pilot.press("escape")
    await house.search(name.split(maxsplit=1)[0])
    table = house.app.screen.query_one(ContactTable)
    await house.until(lambda: (row := table.cursor_row) and row.name == name, f"{name} under the cursor")
    await house.pilot.press("a")
    await house.until_shown("Up to date with Xero.")
    await house.pilot.pause()
    assert isinstance(house.app.screen, ConfirmScreen)
    listed = (line.text for line in house.app.screen._lines)
    return "\n".join([*listed, *(plain.text for plain in house.app.screen.query(SafeLabel))])


async def test_the_first_archive_explains_and_a_marked_group_warns_each_time(
    practice: PracticeXero, tmp_path: Path
) -> None:
    joinery, bakery = practice.create("Quokka Joinery"), practice.create("Wombat Bakery")
    xero = XeroCalls.sign_in(practice)
    groups = xero.call("GET", "ContactGroups").json()["ContactGroups"]
    [group] = [each for each in groups if each["Name"] == "Tenants"]
    members = {"Contacts": [{"ContactID": each} for each in (joinery, bakery)]}
    assert xero.call("PUT", f"ContactGroups/{group['ContactGroupID']}/Contacts", members).status == 200
    async with open_house(practice, tmp_path / "home") as house:
        said = await asked_to_archive(house, "Quokka Joinery")
        assert "Billing Contact for Tenancy was Archived" in said
        assert "In “Tenants”" not in said
        await house.pilot.press("y")
        await house.until_shown("◷ Pending sync")

        await house.pilot.press("ctrl+g")
        await house.until_shown("[ ] Tenants")
        assert isinstance(house.app.screen, TenantGroupsScreen)
        await house.pilot.press("space")
        await house.until_shown("[✓] Tenants")
        await house.pilot.press("escape")

        for _ in range(2):
            said = await asked_to_archive(house, "Wombat Bakery")
            assert "Billing Contact for Tenancy was Archived" not in said
            assert "! In “Tenants”: if it is billed for a tenancy in Re-Leased" in said
            await house.pilot.press("escape")
    # After a restart, too.
    async with open_house(practice, tmp_path / "home") as house:
        said = await asked_to_archive(house, "Wombat Bakery")
        assert "Billing Contact for Tenancy was Archived" not in said
        assert "! In “Tenants”" in said
