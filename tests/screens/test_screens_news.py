"""Updates from Xero appear without a key press, and move nothing that the user looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW, contact_id
from support.screen_test import running

from tui.model.columns import BY_NAME
from tui.model.contact import ContactStatus
from tui.model.snapshot import SyncProgress

if TYPE_CHECKING:
    from support.screen_test import Driver

    from tui.model.contact import Contact

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _news_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.screens.search_controller.UPDATE_INTERVAL", 0)


def in_order(known: dict[str, Contact]) -> dict[str, Contact]:
    return dict(sorted(known.items(), key=lambda item: item[1].name.casefold()))


def arrive(backend: IdleEngine, *names: str, status: ContactStatus = ContactStatus.ACTIVE) -> None:
    """Add contacts in Xero, in the order of the table."""
    some = next(iter(backend.known.values()))
    for name in names:
        known = replace(some, contact_id=f"new-{name}", name=name, status=status)
        backend.known[known.contact_id] = known
    backend.known = in_order(backend.known)


def rename(backend: IdleEngine, contact: str, name: str) -> None:
    backend.known[contact] = replace(backend.known[contact], name=name)
    backend.known = in_order(backend.known)


def lines(person: Driver) -> list[str]:
    """Return the visible names, with a mark at the cursor."""
    person.paint()
    table = person.main.table
    rows = [table.render_line(y).text for y in range(1, table.size.height)]
    return [text[:23].rstrip() for text in rows if text.strip()]


@pytest.fixture
def many() -> IdleEngine:
    backend = IdleEngine.with_contacts(200)
    backend.known = in_order(backend.known)
    return backend


async def test_last_page_of_the_first_sync_is_shown_without_a_key(backend: IdleEngine) -> None:
    everyone = in_order(backend.known)
    backend = IdleEngine(list(everyone.values())[15:])
    backend.publish(progress=SyncProgress(15, 30), last_refresh_at=None)
    async with running(backend) as person:
        assert person.shown == 15
        backend.known = everyone
        await person.hears_changes(progress=None, last_refresh_at=NOW)
        assert person.shown == 30
        # The cursor wasn't moved, so a list that fills starts at its top.
        assert person.cursor_name == "Abel Tasman Lettings"
        assert lines(person)[0].startswith("▌  Abel Tasman")
        arrive(backend, "Aaliyah Hill")
        await person.hears_changes()
        assert person.cursor_name == "Abel Tasman Lettings"
        assert lines(person)[0].strip().startswith("Aaliyah Hill")


@pytest.mark.parametrize("keys", [[], ["down"] * 20 + ["up"] * 5], ids=["at the top", "further down"])
async def test_first_rows_keep_cursor_and_view_on_their_contacts(many: IdleEngine, keys: list[str]) -> None:
    async with running(many, (120, 20)) as person:
        # They are read by their place, where another contact is once there is a new one above.
        person.main.finder.show_initial_rows(many.snapshot, BY_NAME)
        await person.press(*keys)
        before = lines(person)
        arrive(many, "!New")
        many.publish_changes()
        person.main.finder.apply_snapshot(many.snapshot)
        assert lines(person) == before
        await person.settle()
        assert lines(person) == (before if keys else ["   !New", *before[:-1]])


async def test_end_of_the_first_sync_is_shown_even_without_new_contacts(backend: IdleEngine) -> None:
    backend.known = in_order(backend.known)
    backend.publish(progress=SyncProgress(30, 30), last_refresh_at=None)
    async with running(backend) as person:
        first = person.cursor_name
        await person.hears(progress=None, last_refresh_at=NOW)
        arrive(backend, "!Quokka", "!Bilby")
        await person.hears_changes()
        assert person.cursor_name == first
        assert [line.strip() for line in lines(person)[:2]] == ["!Bilby", "!Quokka"]


@pytest.mark.parametrize("keys", [(), ("down", "up")], ids=["untouched", "touched"])
async def test_new_first_contacts_stay_visible_at_the_top(backend: IdleEngine, keys: tuple[str, ...]) -> None:
    async with running(backend) as person:
        await person.press(*keys)
        first = person.cursor_name
        for name in ("Aac", "Aab", "Aaa"):
            arrive(backend, name)
            await person.hears_changes()
            assert lines(person)[0].strip() == name
        assert person.cursor_name == first


async def test_page_arriving_while_the_list_loads_is_shown(backend: IdleEngine) -> None:
    """News during a search is looked at after it, whichever of search and worker ends first."""
    async with running(backend) as person:
        for number in range(5):
            arrive(backend, f"Aa {number}")
            backend.publish_changes()
        await person.settle()
        await person.settle()
        assert person.shown == 35


@pytest.mark.parametrize(
    ("keys", "words"), [("1", ""), ("2", ""), ("3", ""), ("1", "bay"), ("2", "is:customer")]
)
async def test_new_contacts_appear_in_every_tab_and_search(
    backend: IdleEngine, keys: str, words: str
) -> None:
    status = ContactStatus.ARCHIVED if keys == "3" else ContactStatus.ACTIVE
    async with running(backend) as person:
        await person.press(keys)
        if words:
            await person.press("/", *words, "enter")
        before, cursor = person.shown, person.cursor_name
        arrive(backend, "Bay Zebra", status=status)
        await person.hears_changes()
        assert person.shown == before + 1
        assert person.cursor_name == cursor
        assert any("Bay Zebra" in line for line in lines(person))


async def test_new_contacts_keep_view_cursor_and_selection(many: IdleEngine) -> None:
    async with running(many) as person:
        await person.press("pagedown", "pagedown", "space", "down", "down")
        before, selected = lines(person), person.main.table.selected
        arrive(many, "Aaa", "Abb", "zzz")
        await person.hears_changes()
        assert (lines(person), person.main.table.selected) == (before, selected)
        gone = next(iter(many.known))
        rename(many, gone, "zzzz")
        await person.hears_changes()
        assert lines(person) == before
        assert person.shown == 203


async def test_the_contact_at_the_top_of_the_view_stays_there(many: IdleEngine) -> None:
    async with running(many) as person:
        await person.press("pagedown", "pagedown", *["down"] * 5)
        top, cursor = lines(person)[0], person.cursor_name
        between = lines(person)[2].strip()
        arrive(many, f"{between} too")
        await person.hears_changes()
        assert lines(person)[0] == top
        assert lines(person)[3].strip() == f"{between} too"[:23].strip()
        assert person.cursor_name == cursor


async def test_view_scrolled_by_the_wheel_stays(many: IdleEngine) -> None:
    async with running(many) as person:
        person.main.table.scroll_to(y=50, animate=False)
        await person.settle()
        before = lines(person)
        arrive(many, "Aaa", "Abb")
        await person.hears_changes()
        assert lines(person) == before


async def test_renamed_contact_moves_alone(many: IdleEngine) -> None:
    async with running(many) as person:
        await person.press("pagedown", "pagedown", "down", "down")
        before, table = lines(person), person.main.table
        top = table._id_at(table.top_row)
        assert top is not None
        rename(many, top, "Zzz")
        await person.hears_changes()
        # The rest moves up by one line.
        assert set(before[2:]) <= set(lines(person))


async def test_at_the_very_top_a_new_first_contact_is_shown(many: IdleEngine) -> None:
    async with running(many) as person:
        await person.press("down", "up")
        first = person.cursor_name
        arrive(many, "Aaa")
        await person.hears_changes()
        assert lines(person)[0].strip() == "Aaa"
        assert lines(person)[1].startswith(f"▌  {first}")


async def test_contacts_that_left_the_tab_stay_dimmed_until_the_cursor_moves(many: IdleEngine) -> None:
    async with running(many) as person:
        await person.press("2", "pagedown", "down")
        before, total = lines(person), person.shown
        index = person.main.table._cursor
        for one in person.main.table._found.rows.ids(index - 1, index + 2):  # type: ignore[union-attr]
            many.known[one] = replace(many.known[one], status=ContactStatus.ARCHIVED)
        await person.hears_changes()
        arrive(many, "Aaa")
        await person.hears_changes()
        assert lines(person) == before
        table = person.main.table
        y = table._cursor - table.top_row + 2
        person.paint()
        assert any(part.style and part.style.italic for part in table.render_line(y))
        assert person.main.finder.tabs.text.split()[3] == str(total - 2)
        await person.press("down")
        assert person.shown == total - 2
        assert set(lines(person)) < {*before, *lines(person)}


async def test_returning_contact_is_listed_once(many: IdleEngine) -> None:
    async with running(many) as person:
        await person.press("2", "pagedown", "down")
        before, one, total = lines(person), person.main.table.cursor_id, person.shown
        assert one is not None
        for status in (ContactStatus.ARCHIVED, ContactStatus.ACTIVE):
            many.known[one] = replace(many.known[one], status=status)
            await person.hears_changes()
            assert lines(person) == before
        assert person.shown == total


async def test_an_empty_search_fills_when_something_matches(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"quokka", "enter")
        assert person.shown == 0
        arrive(backend, "Quokka Joinery")
        await person.hears_changes()
        assert person.cursor_name == "Quokka Joinery"


async def test_results_are_updated_about_twice_a_second(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync of many pages doesn't search again for each of them."""
    monkeypatch.setattr("tui.screens.search_controller.UPDATE_INTERVAL", 3600)
    async with running(backend) as person:
        person.main.finder._last_update_at = float("-inf")
        before = len(backend.calls)
        for number in range(20):
            backend.known[contact_id(number)] = replace(backend.known[contact_id(number)], name=f"B {number}")
            backend.publish_changes()
            await person.pilot.pause()
        assert sum(call[0] == "find" for call in backend.calls[before:]) <= 1
        person.main.workers.cancel_all()
