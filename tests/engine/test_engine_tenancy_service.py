"""Groups of tenants, from the mark to the warning before an archive."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from engine.model_xero import START, Clock, contact
from engine.released_house import SilentPublisher
from msgspec.structs import replace

from tui.engine.services import WriteAccess
from tui.engine.services.contacts import ContactService, RefreshResult, TenancyService, build_precheck
from tui.model.change import Action
from tui.model.contact import ContactStatus

if TYPE_CHECKING:
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.store import Store


class Desk(TenancyService):
    """The service, with a publisher without listeners."""

    def __init__(self, store: Store, publisher: SilentPublisher) -> None:
        self.publisher = publisher
        super().__init__(
            store,
            cast("SnapshotPublisher", publisher),
            Clock(),
            WriteAccess(is_read_only=False, is_read_only_connection=lambda: False),
        )


@pytest.fixture
async def desk(store: Store) -> Desk:
    """Make a service over two active contacts, in groups, and an archived one."""
    await store.save_contacts(
        [
            replace(contact("a"), groups=("Owners", "Tenants")),
            replace(contact("b"), groups=("Trades",)),
            replace(contact("c", ContactStatus.ARCHIVED), groups=("Tenants",)),
        ],
        START,
    )
    return Desk(store, SilentPublisher())


def contacts_of(store: Store) -> ContactService:
    """Return a service that can only read the local database."""
    unused = cast("Any", None)
    publisher = cast("Any", SimpleNamespace(grade=lambda _: None))
    return ContactService(
        store=store,
        clients=unused,
        connection=unused,
        publisher=publisher,
        scheduler=unused,
        now=unused,
        refresher=unused,
    )


async def test_a_marked_group_warns_each_time_and_only_before_an_archive(desk: Desk, store: Store) -> None:
    await desk.mark_tenants("Tenants", on=True)
    for _ in range(2):
        found = build_precheck(store, Action.ARCHIVE, ["a", "b", "c"], RefreshResult())
        # The last is archived already, so it is left out.
        assert [line.tenant_groups for line in found.lines] == [("Tenants",), (), ()]
        await store.changes.add(Action.ARCHIVE, store.contacts(["b"]), START)
    assert [
        line.tenant_groups for line in build_precheck(store, Action.RESTORE, ["c"], RefreshResult()).lines
    ] == [()]
    await desk.mark_tenants("Tenants", on=False)
    assert [
        line.tenant_groups for line in build_precheck(store, Action.ARCHIVE, ["a"], RefreshResult()).lines
    ] == [()]


async def test_only_the_first_archive_is_the_first(desk: Desk, store: Store) -> None:
    del desk
    assert build_precheck(store, Action.ARCHIVE, ["a"], RefreshResult()).is_first_archive
    assert not build_precheck(store, Action.RESTORE, ["c"], RefreshResult()).is_first_archive
    await store.changes.add(Action.ARCHIVE, store.contacts(["a"]), START)
    assert not build_precheck(store, Action.ARCHIVE, ["b"], RefreshResult()).is_first_archive


async def test_a_check_follows_what_is_marked_after_it(desk: Desk, store: Store) -> None:
    del desk
    found = build_precheck(store, Action.ARCHIVE, ["a", "c"], RefreshResult()).with_tenant_groups(
        frozenset({"Tenants", "Owners"})
    )
    assert [line.tenant_groups for line in found.lines] == [("Owners", "Tenants"), ()]
    assert (
        found.with_tenant_groups(frozenset()).lines
        == build_precheck(store, Action.ARCHIVE, ["a", "c"], RefreshResult()).lines
    )
    restoring = build_precheck(store, Action.RESTORE, ["c"], RefreshResult())
    assert restoring.with_tenant_groups(frozenset({"Tenants"})) == restoring


async def test_a_contact_page_has_its_tenant_groups_and_a_mark_is_published_once(
    desk: Desk, store: Store
) -> None:
    assert (await contacts_of(store).details("a")).tenant_groups == ()
    await desk.mark_tenants("Tenants", on=True)
    await desk.mark_tenants("Tenants", on=True)
    assert (await contacts_of(store).details("a")).tenant_groups == ("Tenants",)
    assert desk.publisher.versions == 1
    assert [(each.name, each.active, each.is_tenants) for each in await desk.groups()] == [
        ("Tenants", 1, True),
        ("Owners", 1, False),
        ("Trades", 1, False),
    ]
