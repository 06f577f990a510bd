"""Searching with qualifiers on real parts, compared with Xero's own contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.house import open_house
from support.practice import http, running_sandbox
from textual import events

from tui.widgets.search_box import QueryHint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.practice import PracticeXero


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "400", "--cycle", "3600") as running:
        yield running


def in_xero(practice: PracticeXero) -> list[dict[str, Any]]:
    """Return all contacts in full from the sandbox itself, not through the program under test."""
    headers = {
        "Authorization": f"Bearer {practice.access_token()}",
        "xero-tenant-id": practice.tenant_id,
        "Accept": "application/json",
    }
    url = f"{practice.api}/api.xro/2.0/Contacts?page=1&pageSize=1000&includeArchived=true"
    contacts: list[dict[str, Any]] = http("GET", url, headers=headers).json()["Contacts"]
    return contacts


def outstanding(contact: dict[str, Any], side: str) -> float:
    return float(contact.get("Balances", {}).get(side, {}).get("Outstanding", 0))


_ASKED: dict[str, Callable[[dict[str, Any]], bool]] = {
    "is:customer": lambda one: bool(one.get("IsCustomer")),
    "is:supplier -is:customer": lambda one: bool(one.get("IsSupplier")) and not one.get("IsCustomer"),
    "is:archived": lambda one: one["ContactStatus"] == "ARCHIVED",
    "owes:>0": lambda one: outstanding(one, "AccountsReceivable") > 0,
    "owed:>=100": lambda one: outstanding(one, "AccountsPayable") >= 100,
    "currency:aud": lambda one: one.get("DefaultCurrency") == "AUD",
    "-currency:aud": lambda one: one.get("DefaultCurrency") != "AUD",
    'group:"Tenants"': lambda one: any(group["Name"] == "Tenants" for group in one.get("ContactGroups", ())),
}


async def test_qualifiers_find_contacts_by_xeros_data(practice: PracticeXero, tmp_path: Path) -> None:
    everyone = in_xero(practice)
    async with open_house(practice, tmp_path / "home") as house:
        for typed, is_asked_for in _ASKED.items():
            expected = sorted(one["ContactID"] for one in everyone if is_asked_for(one))
            assert 0 < len(expected) < len(everyone), typed
            assert sorted(row.contact_id for row in await house.find(typed)) == expected, typed
            await house.pilot.press("/", *typed)
            await house.until_shown(f"{len(expected)} of {len(everyone)}")
            assert not house.app.screen.query_one(QueryHint).display
            await house.pilot.press("escape", "escape")


async def test_search_follows_a_change_through_its_sync_statuses(
    practice: PracticeXero, tmp_path: Path
) -> None:
    practice.create("Quokka Joinery")
    async with open_house(practice, tmp_path / "home") as house:
        await house.archive("Quokka Joinery")

        await house.pilot.press("/", "escape", *"sync:pending changed:<1h", "enter")
        await house.until_shown("1 of 401")
        await house.until_shown("Quokka Joinery")
        assert [row.name for row in await house.find("sync:never")] == ["Quokka Joinery"]
        assert [row.name for row in await house.find("by:me")] == ["Quokka Joinery"]
        assert not await house.find("by:xero")
        practice.sync_released()
        await house.pilot.press("f5")
        # The row stays where it is until the user moves, and the count follows.
        await house.until_shown("✓ Synced")
        await house.until_shown("0 of 401")
        assert not await house.find("sync:never")
        await house.pilot.press("/", "escape", *"sync:read", "enter")
        await house.until_shown("1 of 401")


async def test_pasted_message_lists_the_contacts_that_it_names(
    practice: PracticeXero, tmp_path: Path
) -> None:
    for name in ("Quokka Joinery", "Quokka", "Wombat & Sons (NZ)"):
        practice.create(name)
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("/")
        message = "Validation error:\nContacts QUOKKA JOINERY,\n\t“Wombat & Sons (NZ)” have been archived."
        house.app.post_message(events.Paste(message))
        await house.until_shown("2 of 403")
        await house.until_shown("Contacts named in this text.")
        await house.until_shown("Quokka Joinery")
        await house.until_shown("Wombat & Sons (NZ)")
        await house.pilot.press("escape")
        await house.until(lambda: not house.app.screen.query_one(QueryHint).display, "no note")
