"""Pictures of tenant groups: the list, the warnings and the first archive."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.pictures import SIZES, Compare, picture
from support.sample_contacts import contacts

from tui.model.change import Action, State
from tui.model.contact import Balances

TENANTS = "Tenants"


def with_groups(*groups: tuple[str, ...], count: int = 30) -> IdleEngine:
    """Put the contacts into these groups in turn, without balances."""
    return IdleEngine(
        [
            replace(contact, groups=groups[number % len(groups)], balances=None)
            for number, contact in enumerate(contacts(count))
        ]
    )


def several() -> IdleEngine:
    return with_groups((TENANTS,), ("Owners", "Body corporate"), ("Former tenants",), ("Trades",))


@pytest.mark.parametrize("size", SIZES)
def test_no_group_marked(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, several(), "ctrl+g", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_a_selected_group_and_an_empty_one(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = several()
    backend.mark(TENANTS, "Lessees 2019")
    assert picture(snap_compare, backend, "ctrl+g", "down", "down", "space", size=size)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_no_groups(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, with_groups(()), "ctrl+g", size=size)


@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
def test_many_groups_with_long_names(snap_compare: Compare, size: tuple[int, int]) -> None:
    names = [(f"{number} {'Tenants of the long street ' * 3}",) for number in range(60)]
    assert picture(snap_compare, with_groups(*names, count=60), "ctrl+g", "end", "space", size=size)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_the_first_archive(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups((TENANTS,))
    assert picture(snap_compare, backend, "a", size=size)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
def test_the_first_archive_further_down(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups((TENANTS,))
    assert picture(snap_compare, backend, "a", *["down"] * 12, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_the_first_archive_of_many_tenants(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups((TENANTS,), ("Owners",))
    backend.mark(TENANTS)
    backend.edit(0, balances=Balances(123450, 20000))
    assert picture(snap_compare, backend, "asterisk", "a", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_a_tenant_is_archived_later(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups((TENANTS,))
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    backend.mark(TENANTS)
    assert picture(snap_compare, backend, "a", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_many_tenants_are_archived_later(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups((TENANTS,), ("Owners",), (TENANTS, "Former tenants"), count=300)
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    backend.mark(TENANTS, "Former tenants")
    assert picture(snap_compare, backend, "2", "asterisk", "a", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_the_page_of_a_tenant(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups((TENANTS, "Quarterly"))
    backend.mark(TENANTS)
    assert picture(snap_compare, backend, "enter", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_redoing_archives_of_tenants(snap_compare: Compare, size: tuple[int, int]) -> None:
    backend = with_groups(("Owners",), (TENANTS,))
    backend.mark(TENANTS)
    backend.request(Action.ARCHIVE, *range(4))
    assert picture(snap_compare, backend, "u", "y", "U", size=size)
