"""Tidy up: choose the months, review, keep, exclude, and archive the rest."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine, at_once
from support.pictures import text_of
from support.sample_contacts import NOW, contact_id, contacts
from support.screen_test import Driver, running

from tui.model.activity import Transaction, TransactionKind, TransactionState
from tui.model.contact import Balances
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.tidy.tidy import TidyScreen

TIDY, KEEP, PROTECT = "Z", "z", "A"


def idle_engine(count: int = 12) -> IdleEngine:
    """Return an engine whose contacts have no balances, and are idle for three years except the first."""
    return IdleEngine(
        [
            replace(
                one,
                balances=Balances(),
                updated_at=NOW - timedelta(days=3 * 366 + number if number else 5),
            )
            for number, one in enumerate(contacts(count))
        ]
    )


def rows(person: Driver) -> list[str]:
    assert isinstance(person.screen, TidyScreen)
    return [one.contact_id for one in person.screen._candidates]


def shown(person: Driver) -> str:
    return " ".join(text_of(person.screen).split())


def requested(backend: IdleEngine) -> list[tuple[str, ...]]:
    return [call[2] for call in backend.calls if call[0] == "request"]


async def test_contacts_are_reviewed_and_archived() -> None:
    backend = idle_engine()
    # 5 is archived, 0 was changed lately, and 1 has a balance.
    backend.edit(1, balances=Balances(payable=100))
    async with running(backend) as person:
        await person.press(TIDY)
        assert "Idle for 24 months 9 contacts" in shown(person)
        assert "Idle for 60 months none" in shown(person)
        assert "Left out: 1 changed in Xero in the last 24 months, 1 with a balance." in shown(person)
        assert "last activity isn't known" in shown(person)
        await person.press("enter")
        listed = rows(person)
        assert set(listed) == {contact_id(number) for number in (*range(2, 5), *range(6, 12))}
        # The longest idle is first.
        assert listed[0] == contact_id(11)
        await person.press("space")
        assert "9 contacts without a balance and unchanged for 24 months · 1 excluded" in shown(person)
        await person.press(KEEP)
        assert backend._store.marks.all().kept == {listed[1]}
        assert rows(person) == [listed[0], *listed[2:]]
        await person.press("a")
        assert person.sees(ConfirmScreen)
        await person.press("y")
        assert set(requested(backend)[0]) == set(listed[2:])
        # They aren't suggested again; the excluded one is.
        assert person.sees(TidyScreen)
        assert rows(person) == [listed[0]]
        assert "7 archived or restored in the last 90 days" in shown(person)


async def test_with_transactions_it_shows_when_a_contact_was_last_used() -> None:
    backend = idle_engine()
    used = [
        Transaction(f"t{number}", contact_id(number), TransactionKind.BILL, state, day)
        for number, state, day in (
            (2, TransactionState.POSTED, date(2023, 5, 1)),
            (3, TransactionState.REPEATING, None),
            (4, TransactionState.POSTED, NOW.date()),
        )
    ]
    at_once(backend._store.activity.save_page(used, None, read_until=NOW))
    async with running(backend) as person:
        await person.press(TIDY, "enter")
        assert "Left out: 2 used in the last 24 months, 1 with a repeating invoice." in shown(person)
        assert "Idle since its last invoice" in shown(person)
        assert "last used 1 May 2023" in shown(person)
        assert "never used" in shown(person)
        assert "isn't known" not in shown(person)


async def test_protected_contacts_and_tenant_groups_leave_the_list() -> None:
    backend = idle_engine()
    backend.mark("Tenants")
    async with running(backend) as person:
        await person.press(TIDY, "enter")
        listed = rows(person)
        assert set(listed) == {contact_id(number) for number in (2, 4, 6, 8, 10)}
        await person.press(PROTECT)
        assert rows(person) == listed[1:]
        assert "1 protected, 5 in a tenant group" in shown(person)


async def test_details_go_through_the_list_and_lead_back() -> None:
    async with running(idle_engine()) as person:
        await person.press(TIDY, "enter", "enter")
        assert person.sees(ContactScreen)
        await person.press("right_square_bracket", "escape")
        assert person.sees(TidyScreen)
        assert person.screen.query_one("#rows").cursor == 1  # type: ignore[attr-defined]
        await person.press("escape")
        assert "1 of 2" in shown(person)
        await person.press("escape")
        assert person.is_home


async def test_everything_excluded_archives_nothing() -> None:
    backend = idle_engine(3)
    async with running(backend) as person:
        await person.press(TIDY, "enter", "space", "space", "a")
        assert person.bottom_line == "All contacts in this list are excluded."
        assert not requested(backend)


async def test_an_exclusion_can_be_taken_back() -> None:
    async with running(idle_engine(3)) as person:
        await person.press(TIDY, "enter", "space", "home", "space")
        assert "excluded" not in shown(person)


@pytest.mark.parametrize("keys", [(), ("end", "enter")], ids=["months", "review"])
@pytest.mark.parametrize("key", ["a", "space", KEEP, PROTECT, "o"])
async def test_every_key_says_why_it_does_nothing(key: str, keys: tuple[str, ...]) -> None:
    backend = idle_engine(1)
    async with running(backend) as person:
        await person.press(TIDY, *keys)
        person.screen.query_one("KeyBar").end_flash()  # type: ignore[attr-defined]
        await person.press(key)
        expected = "No contacts have been idle for that long." if keys else "review the contacts first"
        assert expected in person.bottom_line


async def test_without_contacts_it_says_so() -> None:
    async with running(IdleEngine(())) as person:
        await person.press(TIDY, "enter")
        assert "No active contacts." in shown(person)


@pytest.mark.parametrize("size", [(40, 15), (60, 20), (80, 24), (200, 40)], ids=lambda size: f"{size[0]}")
async def test_it_fits_every_size_and_hostile_names(size: tuple[int, int]) -> None:
    backend = idle_engine()
    backend.edit(11, name="\x1b[31mمرحبا [b]x[/b] " + "家族" * 60)
    async with running(backend, size) as person:
        await person.press(TIDY)
        assert "Idle for 24" in shown(person)
        await person.press("enter")
        text = text_of(person.screen)
        assert "[✓]" in text
        assert "\x1b" not in text
        assert "[b]x" in text or size[0] < 60
