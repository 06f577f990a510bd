"""Changes made in Xero to contacts with an open change here: the table of `change_log.conflicts`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from support.practice import running_sandbox

from tui.engine.clock import utc_now
from tui.engine.contact_sync import ManualRestorePoller
from tui.engine.outbox import Outbox, RestoreCapability
from tui.model.change import Action, Change, State
from tui.model.errors import XeroError
from tui.model.reasons import ChangeReason, ContactReason, Notice, Reason
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from support.practice import PracticeXero

    from tui.store import Store

ARCHIVE, RESTORE = Action.ARCHIVE, Action.RESTORE


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path_factory.mktemp("xero"), "--contacts", "20", "--cycle", "3600") as running:
        yield running


@pytest.fixture(scope="module")
def tokens(practice: PracticeXero, tmp_path_factory: pytest.TempPathFactory) -> TokenSource:
    folder = tmp_path_factory.mktemp("tokens")
    kept = FileTokenStore(folder / "tokens.json")
    kept.save(Tokens.from_refresh_token(practice.refresh_token, practice.client_id))
    return TokenSource(kept, folder / "tokens.lock", identity_url=practice.identity)


@pytest.fixture
async def xero(practice: PracticeXero, tokens: TokenSource) -> AsyncIterator[XeroClient]:
    client = XeroClient(api_url=practice.api, tenant_id=practice.tenant_id, tokens=tokens)
    yield client
    await client.aclose()


class Case:
    """One contact of the practice Xero, the stored copy of it, and the outbox between them."""

    def __init__(self, practice: PracticeXero, xero: XeroClient, store: Store) -> None:
        self.practice = practice
        self.xero = xero
        self.store = store
        self.later = timedelta()
        self.pusher = Outbox(
            store,
            xero,
            lambda: utc_now() + self.later,
            lambda _: None,
            lambda: (utc_now() + self.later).timestamp(),  # noqa: PLW0108 - each time anew
        )
        # Xero takes a name only once among active contacts.
        self.name = f"Bayside {uuid4().hex}"
        self.contact_id = practice.create(self.name)
        self.other_id = practice.create(f"Another {uuid4().hex}")
        self.writes_before = practice.status_writes()

    async def see(self) -> None:
        await self.store.save_contacts((await self.xero.look_up([self.contact_id])).contacts, utc_now())

    async def ask(self, action: Action) -> Change:
        [change] = await self.store.changes.add(action, self.store.contacts([self.contact_id]), utc_now())
        return change

    async def hand_off(self) -> Change:
        """Archive the contact in Xero, request its restore here, and let it wait for the user."""
        self.somebody("archive")
        await self.see()
        await RestoreCapability(self.store).record(utc_now())
        change = await self.ask(RESTORE)
        await self.pusher.run_until_empty()
        assert self.now(change).state is State.AWAITING_USER
        return change

    def somebody(self, deed: str, **body: str) -> None:
        self.practice.somebody(deed, self.contact_id, **body)

    def now(self, change: Change) -> Change:
        found = self.store.changes.get(change.change_id)
        assert found is not None
        return found

    def last_notice(self, change: Change) -> Notice | None:
        return self.store.changes.entries_of_change(change.change_id)[-1].notice

    def outcome(self, change: Change) -> tuple[State, str, Notice | None]:
        now = self.now(change)
        return now.state, now.message, now.notice

    @property
    def writes(self) -> int:
        return self.practice.status_writes() - self.writes_before


@pytest.fixture
async def case(practice: PracticeXero, xero: XeroClient, store: Store) -> Case:
    made = Case(practice, xero, store)
    await made.see()
    return made


# --- while it is queued ---


@pytest.mark.parametrize(
    ("deed", "reason"), [("archive", ChangeReason.ARCHIVED_FIRST), ("merge", ChangeReason.MERGED_AWAY)]
)
async def test_a_contact_archived_in_xero_first_is_confirmed_by_the_read_and_not_sent(
    case: Case, deed: str, reason: Reason
) -> None:
    change = await case.ask(ARCHIVE)
    case.somebody(deed, into=case.other_id)
    await case.see()
    assert (case.now(change).state, case.last_notice(change)) == (State.CONFIRMED, Notice(reason))
    await case.pusher.run_until_empty()
    assert case.writes == 0


async def test_restore_in_xero_after_the_archive_request_wins(case: Case) -> None:
    handed = await case.hand_off()
    archive = await case.ask(ARCHIVE)
    case.somebody("restore")
    await case.see()
    assert case.now(handed).state is State.CONFIRMED
    assert case.outcome(archive) == (State.REFUSED, "", Notice(ChangeReason.RESTORED_SINCE))
    await case.pusher.run_until_empty()
    assert case.writes == 0


async def test_an_archive_requested_after_the_restore_in_xero_is_sent(case: Case) -> None:
    await case.hand_off()
    case.practice.set_clock(ahead_seconds=-60)
    case.somebody("restore")
    archive = await case.ask(ARCHIVE)
    case.practice.set_clock(ahead_seconds=0)
    await case.see()
    assert case.now(archive).state is State.QUEUED
    assert case.last_notice(archive) == Notice(ChangeReason.RESTORED_BEFORE)
    await case.pusher.run_until_empty()
    assert case.now(archive).state is State.CONFIRMED
    assert case.writes == 1


async def test_gdpr_request_ends_queued_changes(case: Case) -> None:
    change = await case.ask(ARCHIVE)
    case.somebody("gdpr")
    await case.see()
    assert case.outcome(change) == (State.REFUSED, "", Notice(ContactReason.GDPR))
    await case.pusher.run_until_empty()
    assert case.writes == 0


async def test_rename_in_xero_does_not_affect_a_queued_change(case: Case) -> None:
    change = await case.ask(ARCHIVE)
    new = f"{case.name} & Sons"
    case.somebody("rename", Name=new)
    await case.see()
    assert (case.now(change).state, case.now(change).name) == (State.QUEUED, new)
    assert case.last_notice(change) == Notice(ChangeReason.RENAMED, {"old": case.name, "new": new})
    await case.see()
    assert [event.transition for event in case.store.changes.entries_of_change(change.change_id)] == [
        "requested",
        "renamed",
    ]
    await case.pusher.run_until_empty()
    assert case.now(change).state is State.CONFIRMED


# --- while it is being sent, and the reply is lost ---


@pytest.mark.parametrize("lost", ["drop-before", "drop-after"])
async def test_contact_archived_in_xero_meanwhile_is_confirmed(case: Case, lost: str) -> None:
    change = await case.ask(ARCHIVE)
    case.practice.fault(lost, count=1, method="POST")
    with pytest.raises(XeroError):
        await case.pusher.run_until_empty()
    if lost == "drop-before":
        case.somebody("archive")
    await case.pusher.run_until_empty()
    assert case.now(change).state is State.CONFIRMED
    assert case.writes == (lost == "drop-after")


async def test_a_contact_restored_in_xero_meanwhile_is_not_archived_twice(case: Case) -> None:
    change = await case.ask(ARCHIVE)
    case.practice.fault("drop-after", count=1, method="POST")
    with pytest.raises(XeroError):
        await case.pusher.run_until_empty()
    assert case.writes == 1
    case.somebody("restore")
    await case.pusher.run_until_empty()
    # Right after the request, a read may not show its effect yet.
    assert case.now(change).state is State.UNKNOWN
    case.later = timedelta(minutes=2)
    await case.pusher.run_until_empty()
    assert case.outcome(change) == (State.REFUSED, "", Notice(ChangeReason.CHANGED_SINCE))
    assert case.writes == 1
    [again] = await case.store.changes.retry([case.now(change)], utc_now())
    await case.pusher.run_until_empty()
    assert case.now(again).state is State.CONFIRMED


async def test_request_that_never_arrived_is_sent_again(case: Case) -> None:
    change = await case.ask(ARCHIVE)
    case.practice.fault("drop-before", count=1, method="POST")
    with pytest.raises(XeroError):
        await case.pusher.run_until_empty()
    await case.pusher.run_until_empty()
    assert case.now(change).state is State.CONFIRMED
    assert case.writes == 1


# --- while a manual restore waits ---


@pytest.mark.parametrize(
    ("deed", "state", "notice"),
    [
        ("restore", State.CONFIRMED, None),
        ("gdpr", State.REFUSED, Notice(ContactReason.GDPR)),
        ("rename", State.AWAITING_USER, None),
    ],
)
async def test_a_manual_restore_follows_what_happens_in_xero(
    case: Case, deed: str, state: State, notice: Notice | None
) -> None:
    change = await case.hand_off()
    case.somebody(deed, Name=f"{case.name} & Sons")
    await ManualRestorePoller(case.store, case.xero, utc_now, lambda _: None).poll()
    assert case.outcome(change) == (state, "", notice)
    assert case.now(change).name == (f"{case.name} & Sons" if deed == "rename" else case.name)


async def test_a_contact_merged_while_its_manual_restore_waits_is_refused(case: Case) -> None:
    change = await case.hand_off()
    case.somebody("restore")
    case.somebody("merge", into=case.other_id)
    await case.see()
    assert case.outcome(change) == (State.REFUSED, "", Notice(ContactReason.MERGED))
