from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.contact import ContactGroup, current_tenant_groups, sort_groups, tenant_groups_among

NAMES = st.sampled_from(["Tenants", "tenants", "Owners", "", "👪"])


@given(st.lists(st.tuples(NAMES, st.booleans())))
def test_last_mark_of_each_name_counts(words: list[tuple[str, bool]]) -> None:
    marked = current_tenant_groups(words)
    for name in {name for name, _ in words}:
        said = [is_tenants for said_of, is_tenants in words if said_of == name]
        assert (name in marked) is said[-1]
    assert marked <= {name for name, _ in words}


@given(st.lists(st.tuples(NAMES, st.booleans())), st.lists(NAMES, unique=True))
def test_repeating_a_mark_changes_nothing(words: list[tuple[str, bool]], groups: list[str]) -> None:
    marked = current_tenant_groups(words)
    assert current_tenant_groups([*words, *((name, name in marked) for name in groups)]) == marked
    assert set(tenant_groups_among(groups, marked)) == marked & set(groups)


@pytest.mark.parametrize(
    "name", ["Tenants", "Ex-TENANTS", "Tenancies", "Lessees 2024", "Renters", "Occupiers", "Leaseholders"]
)
def test_names_that_suggest_tenants_are_recognised_but_not_marked(name: str) -> None:
    group = ContactGroup(name, 1)
    assert group.sounds_like_tenants
    assert not group.is_tenants


@pytest.mark.parametrize("name", ["Owners", "Landlords", "Trades", "", "Ten", "Lenders"])
def test_other_names_do_not_suggest_tenants(name: str) -> None:
    assert not ContactGroup(name, 1).sounds_like_tenants


def test_marked_groups_come_first_then_names_that_suggest_tenants() -> None:
    marked = ContactGroup("Zone 4", 1, is_tenants=True)
    groups = [ContactGroup(name, 1) for name in ("Trades", "tenants", "Owners", "Lessees")]
    assert [each.name for each in sort_groups([*groups, marked])] == [
        "Zone 4",
        "Lessees",
        "tenants",
        "Owners",
        "Trades",
    ]
