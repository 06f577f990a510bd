"""Why an invoice may fail, by an organisation's saved data."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from store.store_samples import ARCHIVED, NOON, contact

from tui.messages.invoice_check import problems, status_sentence, steps
from tui.model.change import Action, Origin, State
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncKnowledge, SyncStatus
from tui.model.invoice_check import ContactFinding, NamedContact
from tui.model.organisation_search import SearchState
from tui.model.query import Tab
from tui.model.query_parser import parse_message
from tui.store import Store
from tui.store.read_only_search import SearchMoment, explain_contacts
from tui.store.sync_state import FULL_SYNC_ENDED_AT

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = SearchMoment(NOON, lambda _: SyncKnowledge())
MESSAGE = (
    "Invoice INV-0042 for Tūī Kereru Trust could not be sent: The contact with the specified contact details"
    " has been archived. The contact must be un-archived before creating new invoices or credit notes."
)
CONTACTS = (
    contact(1, name="Bayside Plumbing"),
    contact(2, ARCHIVED, name="Tūī Kereru Trust", updated_at=NOON - timedelta(days=3)),
    contact(3, ARCHIVED, name="Merged Away", merged_to=contact(1).contact_id),
    contact(4, ARCHIVED, name="BAYSIDE plumbing"),
    contact(5, ContactStatus.GDPRREQUEST, name="Somebody Private"),
)


async def fill(folder: Path) -> Store:
    store = Store.open(folder)
    await store.save_contacts(CONTACTS, NOON - timedelta(days=2))
    await store.set_sync_state(FULL_SYNC_ENDED_AT, NOON.isoformat())
    return store


def found(folder: Path, text: str, most: int = 20) -> tuple[SearchState, list[ContactFinding]]:
    matches, findings = explain_contacts(
        folder, parse_message(Tab.ALL, text), most, MOMENT, is_cancelled=lambda: False
    )
    return matches.state, list(findings)


@pytest.mark.parametrize("text", [MESSAGE, "kereru trust", MESSAGE.replace(" ", "\n"), "Trust\x1b[2J kereru"])
async def test_a_message_or_a_name_finds_the_contact(tmp_path: Path, text: str) -> None:
    with closing(await fill(tmp_path)):
        state, [finding] = found(tmp_path, text.replace("\x1b[2J", ""))
        assert (state, finding.name, finding.status) == (SearchState.SEARCHED, "Tūī Kereru Trust", ARCHIVED)
        assert finding.last is None
        assert finding.can_be_restored
        assert "isn't in the change log" in status_sentence(finding, NOON)


async def test_a_message_with_filters_in_it_is_still_a_message(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        _, [finding] = found(tmp_path, "Error is:active -code owes:>5 for Tūī Kereru Trust")
        assert finding.name == "Tūī Kereru Trust"


async def test_a_long_message_is_no_problem(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        words = " ".join(f"word{number}" for number in range(1_500))
        _, [finding] = found(tmp_path, f"Tūī Kereru Trust {words}")
        assert finding.name == "Tūī Kereru Trust"


async def test_the_namesake_that_blocks_a_restore_is_found(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        _, findings = found(tmp_path, "bayside plumbing")
        by_status = {finding.status: finding for finding in findings}
        assert by_status[ARCHIVED].namesake == NamedContact(CONTACTS[0].contact_id, "Bayside Plumbing")
        assert "Xero refuses this" in " ".join(problems(by_status[ARCHIVED]))
        assert by_status[ContactStatus.ACTIVE].namesake is None


async def test_a_merged_contact_leads_to_its_survivor(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        _, [finding] = found(tmp_path, "merged away")
        assert finding.survivor == NamedContact(CONTACTS[0].contact_id, "Bayside Plumbing")
        assert not finding.can_be_restored
        first, *_ = steps(finding, NOON)
        assert first.is_done is None
        assert "Xero Invoice contact to “Bayside Plumbing”" in first.text


async def test_a_privacy_request_cannot_be_restored(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        _, [finding] = found(tmp_path, "private")
        assert not finding.can_be_restored
        assert "privacy request" in " ".join(problems(finding))


async def test_what_the_change_log_knows_is_said(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)) as store:
        restored = replace(CONTACTS[1], status=ContactStatus.ACTIVE, updated_at=NOON - timedelta(hours=3))
        await store.save_contacts([restored], NOON - timedelta(hours=2))
        _, [finding] = found(tmp_path, "kereru trust")
        assert finding.last is not None
        assert (finding.last.change.action, finding.last.change.origin) == (Action.RESTORE, Origin.XERO)
        assert "restored in Xero" in status_sentence(finding, NOON)
        assert [step.is_done for step in steps(finding, NOON)] == [True, False, False]
        assert steps(finding, NOON)[1].note == "Pending sync"


async def test_an_open_change_is_said_and_nothing_more_is_requested(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)) as store:
        await store.changes.add(Action.RESTORE, [CONTACTS[1]], NOON)
        _, [finding] = found(tmp_path, "kereru trust")
        assert finding.open_change is not None
        assert finding.open_change.state is State.QUEUED
        assert not finding.can_be_restored
        assert list(problems(finding)) == ["In progress: restore (Queued)."]


@pytest.mark.parametrize(
    ("status", "is_synced"),
    [
        (SyncStatus.PENDING, False),
        (SyncStatus.EXPECTED, False),
        (SyncStatus.REPORTED, False),
        (SyncStatus.CHECKED, True),
        (SyncStatus.SYNCED, True),
    ],
)
async def test_only_evidence_ticks_the_sync(tmp_path: Path, status: SyncStatus, *, is_synced: bool) -> None:
    with closing(await fill(tmp_path)) as store:
        restored = replace(CONTACTS[1], status=ContactStatus.ACTIVE, updated_at=NOON - timedelta(hours=3))
        await store.save_contacts([restored], NOON - timedelta(hours=2))
        _, [finding] = found(tmp_path, "kereru trust")
    assert finding.last is not None
    assert finding.last.sync is not None
    sync = replace(finding.last.sync, status=status)
    finding = replace(finding, last=replace(finding.last, sync=sync))
    assert steps(finding, NOON)[1].is_done is is_synced


@pytest.mark.parametrize(("hours", "is_approved"), [(4, False), (1, True)], ids=["before", "after"])
async def test_drafts_count_as_approved_only_after_the_restore(
    tmp_path: Path, hours: int, *, is_approved: bool
) -> None:
    with closing(await fill(tmp_path)) as store:
        restored = replace(CONTACTS[1], status=ContactStatus.ACTIVE, updated_at=NOON - timedelta(hours=3))
        await store.save_contacts([restored], NOON - timedelta(hours=2))
        _, [finding] = found(tmp_path, "kereru trust")
    finding = replace(finding, approved_at=NOON - timedelta(hours=hours))
    assert steps(finding, NOON)[-1].is_done is is_approved


async def test_no_contact_is_found_without_a_store_or_a_text(tmp_path: Path) -> None:
    assert found(tmp_path / "none", "x") == (SearchState.NOT_LOADED, [])
    with closing(await fill(tmp_path)):
        assert found(tmp_path, "zzz") == (SearchState.SEARCHED, [])
