from __future__ import annotations

import asyncio
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from engine.model_xero import START

from tui import messages
from tui.engine.services import contacts
from tui.engine.services.changes import ChangeService
from tui.engine.services.contacts import ContactRefresher, RefreshResult
from tui.model.change import Action
from tui.model.contact import Contact, ContactStatus
from tui.model.reasons import ContactReason, Notice
from tui.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest


async def test_precheck_does_not_wait_for_a_slow_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = asyncio.Event()

    class SlowXero:
        async def look_up(self, _: object) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.set()

    monkeypatch.setattr(contacts, "TIMEOUT_SECONDS", 0.0)
    connectors = cast("Any", SimpleNamespace(xero=SlowXero()))
    unused, connection = cast("Any", None), cast("Any", SimpleNamespace(attempt=lambda: 1))
    refresher = ContactRefresher(
        store=unused,
        clients=connectors,
        connection=connection,
        publisher=unused,
        scheduler=unused,
        now=lambda: START,
    )
    reason = await refresher.refresh(["a"])
    assert reason.stale_reason == Notice(ContactReason.SLOW_REPLY)
    assert given_up.is_set()


# --- the same contact in other organisations ---


async def stores(folder: Path, **named: Sequence[str]) -> list[tuple[str, Path]]:
    """Make organisations with active contacts of these names."""
    for organisation, names in named.items():
        with closing(Store.open(folder / organisation)) as store:
            contacts = [
                Contact(f"{organisation}-{number}", name, ContactStatus.ACTIVE, START)
                for number, name in enumerate(names)
            ]
            await store.save_contacts(contacts, START)
    return [(organisation, folder / organisation) for organisation in named]


class Refreshed:
    """Stands in for the refresh from Xero."""

    async def refresh(self, _: object) -> RefreshResult:
        return RefreshResult()


def service(store: Store, others: list[tuple[str, Path]]) -> ChangeService:
    unused = cast("Any", None)
    return ChangeService(
        store=store,
        publisher=unused,
        scheduler=unused,
        refresher=cast("Any", Refreshed()),
        now=lambda: START,
        access=unused,
        others=lambda: others,
    )


async def test_a_change_names_other_organisations_that_have_the_contact(tmp_path: Path) -> None:
    others = await stores(tmp_path, a=["Power Co"], b=["POWER CO"], c=["Powér Co"], d=["Power Co"], e=["Bay"])
    with closing(Store.open(tmp_path / "ours")) as store:
        ours = [
            Contact("1", "Power Co", ContactStatus.ACTIVE, START),
            Contact("2", "Nobody", ContactStatus.ACTIVE, START),
            Contact("3", "Bay", ContactStatus.ARCHIVED, START),
        ]
        await store.save_contacts(ours, START)
        desk = service(store, others)
        found = await desk.precheck(Action.ARCHIVE, ["1", "2", "3"])
        [warning] = found.lines[0].warnings
        assert warning == Notice(ContactReason.ACTIVE_ELSEWHERE, {"organisations": "a, b, c", "more": 1})
        said = messages.in_full(warning)
        assert said.startswith("Also active in a, b, c and 1 more.")
        assert "several companies" in said
        # No other organisation has it, or it can't be archived.
        assert [line.warnings for line in found.lines[1:]] == [(), ()]
        [restored] = (await desk.precheck(Action.RESTORE, ["3"])).lines
        assert restored.warnings == (
            Notice(ContactReason.ACTIVE_ELSEWHERE, {"organisations": "e", "more": 0}),
        )
        assert [
            line.warnings for line in (await service(store, others[:1]).precheck(Action.ARCHIVE, ["1"])).lines
        ] == [(Notice(ContactReason.ACTIVE_ELSEWHERE, {"organisations": "a", "more": 0}),)]
        assert [
            line.warnings for line in (await service(store, []).precheck(Action.ARCHIVE, ["1"])).lines
        ] == [()]
