from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.sample_contacts import contact_id, contacts
from support.screen_test import Driver, running
from textual.widgets import Input, Static

from tui import messages
from tui.model.change import Action, State
from tui.model.contact import Balances
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.model.snapshot import SyncProgress
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.dialogs.contact_lines import Columns, ContactLine
from tui.screens.tenancy.tenant_groups import TenantGroupsScreen, TickList
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.content import Content

pytestmark = pytest.mark.slow

TENANTS = "Tenants"


def with_groups(*groups: tuple[str, ...], count: int = 30) -> IdleEngine:
    """Put the contacts into these groups in turn, without balances."""
    return IdleEngine(
        [
            replace(contact, groups=groups[number % len(groups)], balances=None)
            for number, contact in enumerate(contacts(count))
        ]
    )


@pytest.fixture
def backend() -> IdleEngine:
    return with_groups((TENANTS,), ("Owners",), ("Former tenants", "Trades"))


def words(person: Driver) -> str:
    labels = [plain.text for plain in person.screen.query(SafeLabel) if plain.display]
    return "\n".join([*lines(person), *labels] if person.sees(ConfirmScreen) else labels)


def lines(person: Driver) -> list[str]:
    """The lines of the confirmation without their columns, whether or not they are scrolled to."""
    assert isinstance(person.screen, ConfirmScreen)
    summary = person.screen.query_one("#tenants", SafeLabel).text
    return [*filter(None, [summary]), *(line.text for line in person.screen._lines)]


def rows(person: Driver) -> list[str]:
    strips = person.screen._compositor.render_strips()
    region = person.screen.query_one(TickList).content_region
    return [" ".join(strip.crop(region.x, region.right).text.split()) for strip in strips][
        region.y : region.bottom
    ]


def marks(backend: IdleEngine) -> Sequence[tuple[str, bool]]:
    return [call[1:] for call in backend.calls if call[0] == "mark_tenants"]


# --- the list of groups ---


async def test_space_and_enter_toggle_a_group(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+g")
        assert person.sees(TenantGroupsScreen)
        assert len(rows(person)) == len(await backend.tenancy.groups())
        first, second = rows(person)[:2]
        assert "[ ] Former tenants 8 " in first
        assert "[ ] Tenants 9 " in second
        assert "“Former tenants” and “Tenants” look like tenant groups" in words(person)
        assert person.bottom_line.startswith("space Choose  A Protect  esc Close")
        await person.press("down", "space")
        assert "“Tenants” now shows a warning" in person.bottom_line
        assert "[✓] Tenants " in rows(person)[1]
        await person.press("enter")
        assert "“Tenants” no longer shows a warning" in person.bottom_line
        await person.press("escape")
        assert person.is_home
    assert marks(backend) == [(TENANTS, True), (TENANTS, False)]


async def test_fast_key_presses_are_all_saved(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+g")
        await person.pilot.press("space", "space", "down", "space", "escape")
        await person.settle()
        assert person.is_home
    assert marks(backend) == [("Former tenants", True), ("Former tenants", False), (TENANTS, True)]
    assert backend.marked == {TENANTS}


async def test_click_toggles_a_group(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+g")
        for _ in range(2):
            await person.pilot.click(TickList, offset=(6, 2))
            await person.settle()
        await person.pilot.click(TickList, offset=(6, 1), times=1)
        await person.settle()
    assert marks(backend) == [("Owners", True), ("Owners", False), (TENANTS, True)]


async def test_tick_that_cannot_be_saved_is_reverted(backend: IdleEngine) -> None:
    error = StoreError(StoreReason.DISK_FULL)
    backend.fail("mark_tenants", error)
    async with running(backend) as person:
        await person.press("ctrl+g", "space")
        assert person.bottom_line == messages.in_full(error)
        assert "[ ] Former tenants 8 " in rows(person)[0]
        await person.press("escape")
        assert person.is_home


async def test_empty_list_explains_groups_and_where_to_create_them() -> None:
    async with running(with_groups(())) as person:
        await person.press("ctrl+g")
        assert "No contact is in a contact group" in words(person)
        assert "Contacts › All contacts › New group" in words(person)
        await person.press("space", "enter", "down")
        assert person.sees(TenantGroupsScreen)


async def test_groups_appear_once_all_contacts_are_read(backend: IdleEngine) -> None:
    known, backend = backend.known, IdleEngine(())
    backend.publish(progress=SyncProgress(0, None))
    async with running(backend) as person:
        await person.press("ctrl+g")
        assert "when all contacts are loaded" in words(person)
        backend.known = known
        await person.hears_changes(progress=None)
        assert "[ ] Former tenants 8 " in rows(person)[0]
        await person.press("space")
    assert marks(backend) == [("Former tenants", True)]


async def test_nothing_is_marked_in_read_only_mode(backend: IdleEngine) -> None:
    backend.is_read_only = True
    async with running(backend) as person:
        await person.press("ctrl+g", "space")
    assert marks(backend) == []


async def test_groups_with_odd_names_are_shown_as_text() -> None:
    names = ("[red]", "\x1b[31mred\x1b[0m", "x" * 10_000, "")
    backend = with_groups(*((name,) for name in names))
    backend.mark(*names)
    async with running(backend, (60, 20)) as person:
        await person.press("ctrl+g", "space", "space", "down", "space", "end", "space", "escape")
        await person.press("asterisk", "a")
        assert person.sees(ConfirmScreen)


# --- before an archive ---


async def test_first_archive_explains_tenancies_and_later_ones_are_brief(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("a")
        said = words(person)
        for part in (
            "Check Re-Leased first",
            "Only Re-Leased knows.",
            "Re-Leased's Archived tab",
            "Billing Contact for Tenancy was Archived",
            "The contact must be un-archived before creating new invoices or credit notes.",
            "change the tenancy's Xero Invoice contact in Re-Leased, or restore the contact",
            "choose your tenant groups",
        ):
            assert part in said
        await person.press("escape")
        backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
        await person.press("a")
        assert "its invoices will fail after the next sync" in words(person).splitlines()[-1]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36)], ids=str)
async def test_the_first_archive_is_explained_without_scrolling(
    backend: IdleEngine, size: tuple[int, int]
) -> None:
    async with running(backend, size) as person:
        await person.press("a")
        text = person.screen.query_one("#text")
        assert not text.max_scroll_y
        assert text.region.contains_region(text.query(".note").last().region)


async def test_restoring_does_not_mention_tenancies(backend: IdleEngine) -> None:
    backend.mark(TENANTS, "Owners", "Trades")
    async with running(backend) as person:
        await person.press("3", "home", "r")
        assert person.sees(ConfirmScreen)
        assert "tenan" not in words(person).casefold()
        assert "Tenants" not in person.bottom_line
        await person.press("ctrl+g")
        assert person.sees(ConfirmScreen)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 15)])
async def test_buttons_stay_visible_below_long_text(backend: IdleEngine, size: tuple[int, int]) -> None:
    backend.mark(TENANTS, "Owners")
    async with running(backend, size) as person:
        await person.press("asterisk", "a")
        screen = person.screen
        for name in ("#cancel", "#confirm", "#number"):
            region = screen.query_one(name).region
            assert screen.query_one(".dialog").content_region.contains_region(region)
        said = screen.query_one("#text")
        assert said.max_scroll_y
        await person.press(*["pagedown"] * 30)
        assert said.scroll_y == said.max_scroll_y


async def test_marked_group_warns_at_every_archive(backend: IdleEngine) -> None:
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    backend.mark(TENANTS)
    async with running(backend) as person:
        for _ in range(2):
            await person.press("a")
            contact, warning = lines(person)
            assert contact == "• Abel Tasman Lettings"
            assert warning.startswith("! In “Tenants”: ")
            await person.press("escape")
        await person.press("down", "a")
        assert lines(person) == ["• Aroha Tamihana"]


async def test_among_several_the_tenants_come_first_and_are_counted(backend: IdleEngine) -> None:
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    backend.mark(TENANTS, "Former tenants")
    backend.edit(1, balances=Balances(500, 0))
    async with running(backend) as person:
        await person.press(*["space"] * 4, "a")
        warning, *contacts = lines(person)
        assert warning.startswith("! 3 of these are in “Tenants” and “Former tenants”.")
        assert contacts == [
            "• Abel Tasman Lettings",
            "! In “Tenants”.",
            "• Bayside Club",
            "! In “Former tenants”.",
            "• Bayside Fish & Chips",
            "! In “Tenants”.",
            "• Aroha Tamihana",
        ]
        screen = person.screen
        assert isinstance(screen, ConfirmScreen)
        assert screen._format_line(6, 60)[0].plain.split() == [
            "•",
            "Aroha",
            "Tamihana",
            "AC-00001",
            "5.00",
            "Owners",
        ]


async def test_of_a_thousand_warnings_only_the_visible_lines_are_formatted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = with_groups((TENANTS,), count=1000)
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    backend.mark(TENANTS)
    formatted: list[ContactLine] = []
    row = Columns.row

    def counted(columns: Columns, line: ContactLine) -> Content:
        formatted.append(line)
        return row(columns, line)

    monkeypatch.setattr(Columns, "row", counted)
    async with running(backend) as person:
        await person.press("2", "asterisk", "a")
        said = lines(person)
        count = len(person.main.table.selected)
        assert said[0].startswith(f"! All {count} are in “Tenants”.")
        assert len(said) == 1 + 2 * count
        person.paint()
        assert 0 < len(formatted) < 60


async def test_marking_groups_from_the_dialog_updates_its_warnings(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("a")
        assert lines(person) == ["• Abel Tasman Lettings"]
        await person.press("ctrl+g", "down", "space", "escape")
        assert person.sees(ConfirmScreen)
        assert lines(person)[1].startswith("! In “Tenants”")
        await person.press("ctrl+g", "space", "escape")
        assert person.sees(ConfirmScreen)
        assert len([call for call in backend.calls if call[0] == "precheck"]) == 1
        await person.press("y")
        assert ("request", Action.ARCHIVE, (contact_id(0),)) in backend.calls


async def test_group_marked_during_the_precheck_counts(backend: IdleEngine) -> None:
    backend.xero.gate = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("a")
        await person.pilot.pause()
        await person.pilot.press("ctrl+g")
        await person.until(lambda: person.sees(TenantGroupsScreen) and bool(backend.calls))
        await person.until(lambda: bool(person.screen.query_one(TickList).count))
        await person.pilot.press("down", "space", "escape")
        await person.until(lambda: person.sees(ConfirmScreen))
        backend.xero.gate.set()
        await person.settle()
        assert lines(person)[1].startswith("! In “Tenants”")


async def test_groups_can_be_marked_while_a_number_is_typed() -> None:
    backend = with_groups((TENANTS,), count=60)
    async with running(backend) as person:
        await person.press("2", "asterisk", "a")
        number = person.screen.query_one("#number", Input)
        await person.press("1", "ctrl+g")
        assert person.sees(TenantGroupsScreen)
        await person.press("space", "escape")
        assert lines(person)[0].startswith("! All")
        assert number.value == "1"
        assert number.has_focus


# --- elsewhere ---


async def test_contact_page_shows_the_tenant_mark(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter")
        assert person.sees(ContactScreen)
        assert "Tenant group" not in str(person.screen.query_one("#details", Static).content)
        await person.press("ctrl+g", "down", "space", "escape")
        assert "! Tenant group: “Tenants”" in str(person.screen.query_one("#details", Static).content)


async def test_redoing_an_archive_warns_of_tenants_too(backend: IdleEngine) -> None:
    backend.mark(TENANTS)
    backend.request(Action.ARCHIVE, 1, 3)
    async with running(backend) as person:
        await person.press("u", "y", "U")
        assert person.sees(AskScreen)
        said = words(person)
        assert "! In “Tenants”: if it is billed for a tenancy in Re-Leased" in said
        assert said.index("Fish & Chips: archived, in “Tenants”") < said.index("Tamihana: archived")
        assert "Check Re-Leased first" not in said


async def test_undoing_a_restore_explains_tenancies_at_the_first_archive(backend: IdleEngine) -> None:
    backend.mark(TENANTS)
    backend.put_change(19, Action.RESTORE, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("u")
        assert "Billing Contact for Tenancy was Archived" in words(person)
        assert "! In" not in words(person)
        await person.press("escape")
        backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
        await person.press("u")
        assert "enanc" not in words(person)
