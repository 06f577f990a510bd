"""The client against the practice Xero in another process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from support.practice import PracticeXero, running_sandbox

from tui import messages
from tui.model.change import Action
from tui.model.contact import ContactStatus
from tui.model.errors import (
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReplyLostError,
    XeroError,
)
from tui.model.reasons import XeroReason
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource
from tui.xero.client import XeroClient
from tui.xero.connections import list_organisations
from tui.xero.web_urls import contact_url, simulate_restore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CONTACTS = "/api.xro/2.0/Contacts"
NEVER_ISSUED = "00000000-1111-4222-8333-444444444444"
ARCHIVED_WORDS = "Archived contacts cannot currently be edited via the API"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    folder = tmp_path_factory.mktemp("practice")
    with running_sandbox(folder, "--contacts", "230", "--cycle", "3600") as practice:
        FileTokenStore(folder / "tokens.json").save(
            Tokens.from_refresh_token(practice.refresh_token, practice.client_id)
        )
        yield practice


@pytest.fixture
def practice(running: PracticeXero) -> PracticeXero:
    """Clear faults and reset limits."""
    running.clear_faults()
    running.limits(minute=60)
    return running


def sign_in(practice: PracticeXero) -> TokenSource:
    return TokenSource(
        FileTokenStore(practice.folder / "tokens.json"),
        practice.folder / "tokens.lock",
        identity_url=practice.identity,
    )


@asynccontextmanager
async def connected(practice: PracticeXero, api_url: str | None = None) -> AsyncIterator[XeroClient]:
    client = XeroClient(
        api_url=api_url or practice.api, tenant_id=practice.tenant_id, tokens=sign_in(practice)
    )
    try:
        yield client
    finally:
        await client.aclose()


async def archive(client: XeroClient, *contact_ids: str, key: str = "") -> list[str]:
    """Archive, and return each message."""
    elements = await client.change_status(Action.ARCHIVE, contact_ids, idempotency_key=key or uuid4().hex)
    return [element.message for element in elements]


async def status(client: XeroClient, contact_id: str) -> ContactStatus:
    (contact,) = (await client.look_up([contact_id])).contacts
    return contact.status


async def test_sign_in_lists_its_organisations(practice: PracticeXero) -> None:
    found = await list_organisations(
        api_url=practice.api, tokens=sign_in(practice), sign_in="app", is_custom=False, is_read_only=False
    )
    assert [(one.tenant_id, one.name, one.short_code) for one in found] == [
        (one.tenant_id, one.name, one.short_code) for one in practice.organisations
    ]
    assert {(one.sign_in, one.timezone, one.is_demo) for one in found} == {
        ("app", "NEWZEALANDSTANDARDTIME", False)
    }


async def test_organisation_details_are_read(practice: PracticeXero) -> None:
    async with connected(practice) as client:
        details = await client.organisation()
    assert (details.name, details.short_code) == (
        practice.organisations[0].name,
        practice.organisations[0].short_code,
    )
    assert len(details.base_currency) == 3


async def test_pages_list_every_contact_once_ordered_by_id(practice: PracticeXero) -> None:
    async with connected(practice) as client:
        first = await client.contacts(1, page_size=100)
        rest = [await client.contacts(page, page_size=100) for page in range(2, first.page_count + 1)]
        beyond = await client.contacts(first.page_count + 1, page_size=100)
        assert client.calls_left.minute is not None
        assert client.calls_left.day is not None
        assert client.last_reply_at is not None
    ids = [contact.contact_id for page in (first, *rest) for contact in page.contacts]
    assert len(ids) == first.item_count >= 230
    assert ids == sorted(set(ids))
    assert beyond.contacts == ()
    statuses = {contact.status for page in (first, *rest) for contact in page.contacts}
    assert {ContactStatus.ACTIVE, ContactStatus.ARCHIVED} <= statuses
    assert any(contact.balances for contact in first.contacts)


async def test_archiving_twice_succeeds(practice: PracticeXero) -> None:
    contact_id = practice.create("Archive twice")
    async with connected(practice) as client:
        before = ((await client.look_up([contact_id])).contacts)[0]
        (element,) = await client.change_status(Action.ARCHIVE, [contact_id], idempotency_key=uuid4().hex)
        assert element.contact is not None
        assert (element.contact.status, element.message) == (ContactStatus.ARCHIVED, "")
        assert element.contact.updated_at > before.updated_at
        assert element.contact.name == "Archive twice"
        (words,) = await archive(client, contact_id)
        assert ARCHIVED_WORDS in words


async def test_restore_is_refused_for_each_contact_alone(practice: PracticeXero) -> None:
    ids = [practice.create(f"Restore {number}") for number in range(2)]
    practice.somebody("archive", ids[0])
    async with connected(practice) as client:
        first, second = await client.change_status(Action.RESTORE, ids, idempotency_key=uuid4().hex)
        assert (first.contact_id, first.contact) == (ids[0], None)
        assert ARCHIVED_WORDS in first.message
        assert second.contact is not None
        assert (second.contact.status, second.message) == (ContactStatus.ACTIVE, "")
        assert await status(client, ids[0]) is ContactStatus.ARCHIVED


async def test_a_contact_on_a_repeating_invoice_is_refused_and_the_others_are_not(
    practice: PracticeXero,
) -> None:
    ids = [practice.create(f"Repeating {number}") for number in range(3)]
    practice.somebody("repeating", ids[1], on=True)
    async with connected(practice) as client:
        words = await archive(client, *ids)
        assert (words[0], words[2]) == ("", "")
        assert "repeating" in words[1]
        assert await status(client, ids[1]) is ContactStatus.ACTIVE


async def test_fifty_contacts_are_one_request(practice: PracticeXero) -> None:
    ids = [practice.create(f"Fifty {number}") for number in range(50)]
    async with connected(practice) as client:
        await client.organisation()
        asked = len(practice.requests())
        assert await archive(client, *ids) == [""] * 50
        assert len(practice.requests()) == asked + 1
        fresh = (await client.look_up(ids)).contacts
    assert {contact.contact_id: contact.status for contact in fresh} == dict.fromkeys(
        ids, ContactStatus.ARCHIVED
    )


async def test_an_id_never_issued_refuses_the_whole_call(practice: PracticeXero) -> None:
    contact_id = practice.create("Beside an unknown one")
    async with connected(practice) as client:
        with pytest.raises(RejectedError) as refused:
            await archive(client, contact_id, NEVER_ISSUED)
        assert refused.value.status == 404
        assert await status(client, contact_id) is ContactStatus.ACTIVE
        assert (await client.look_up([NEVER_ISSUED])).unknown == (NEVER_ISSUED,)


async def test_the_same_key_brings_the_same_answer(practice: PracticeXero) -> None:
    contact_id, other, key = practice.create("Idempotent"), practice.create("Other"), uuid4().hex
    async with connected(practice) as client:
        assert await archive(client, contact_id, key=key) == [""]
        applied = practice.status_writes()
        assert await archive(client, contact_id, key=key) == [""]
        assert practice.status_writes() == applied
        with pytest.raises(RejectedError) as refused:
            await archive(client, other, key=key)
    assert refused.value.status == 400


async def test_reply_dropped_after_the_write_is_lost_and_the_write_is_done(practice: PracticeXero) -> None:
    contact_id = practice.create("Dropped after")
    practice.fault("drop-after", method="POST", path=CONTACTS, count=1)
    async with connected(practice) as client:
        with pytest.raises(ReplyLostError):
            await archive(client, contact_id)
        assert await status(client, contact_id) is ContactStatus.ARCHIVED


async def test_request_dropped_before_the_write_is_lost_and_nothing_is_written(
    practice: PracticeXero,
) -> None:
    contact_id, key = practice.create("Dropped before"), uuid4().hex
    practice.fault("drop-before", method="POST", path=CONTACTS, count=1)
    async with connected(practice) as client:
        with pytest.raises(ReplyLostError):
            await archive(client, contact_id, key=key)
        assert await status(client, contact_id) is ContactStatus.ACTIVE
        assert await archive(client, contact_id, key=key) == [""]


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        ("malformed", XeroReason.UNREADABLE_REPLY, None),
        ("html", XeroReason.UNREADABLE_REPLY, None),
        ("500", XeroReason.SERVER_MESSAGE, "An unexpected error occurred"),
        ("503", XeroReason.SERVER_MESSAGE, "Service Unavailable"),
        ("offline", XeroReason.SERVER_MESSAGE, "The Organisation is offline"),
    ],
)
async def test_connection_problem_has_its_reason_and_xeros_words(
    practice: PracticeXero, kind: str, reason: XeroReason, words: str | None
) -> None:
    practice.fault(kind, path=CONTACTS, count=2)
    async with connected(practice) as client:
        with pytest.raises(ReplyLostError) as lost:
            await client.contacts(1)
        assert lost.value.reason is reason
        assert lost.value.notice.params.get("xero_message") == words
        with pytest.raises(ReplyLostError):
            await archive(client, NEVER_ISSUED)
        assert (await client.contacts(1)).contacts


@pytest.mark.parametrize("problem", ["minute", "day"])
async def test_rate_limit_has_its_kind_and_wait(practice: PracticeXero, problem: str) -> None:
    contact_id = practice.create(f"Limited by {problem}")
    practice.fault(f"429-{problem}", path=CONTACTS, count=1, retryAfter=7)
    async with connected(practice) as client:
        with pytest.raises(RateLimitedError) as limited:
            await archive(client, contact_id)
        assert (limited.value.retry_after, limited.value.problem) == (7, problem)
        assert await status(client, contact_id) is ContactStatus.ACTIVE


async def test_twenty_simultaneous_requests_meet_no_rate_limit(practice: PracticeXero) -> None:
    # With fast replies, they would hardly overlap.
    practice.fault("slow", path=CONTACTS, seconds=0.1)
    async with connected(practice) as client:
        pages = await asyncio.gather(*(client.contacts(1, page_size=1) for _ in range(20)))
    assert len(pages) == 20
    assert 429 not in [request["status"] for request in practice.requests()[-20:]]


async def test_only_contacts_changed_since_are_read(practice: PracticeXero) -> None:
    async with connected(practice) as client:
        start = (await client.contacts(1, page_size=1)).answered_at
        contact_id = practice.create("Changed since")
        delta = await client.contacts(1, modified_since=start)
        assert contact_id in {contact.contact_id for contact in delta.contacts}
        assert all(contact.updated_at >= start.replace(microsecond=0) for contact in delta.contacts)
        later = await client.contacts(1, modified_since=datetime.now(UTC) + timedelta(hours=1))
    assert (later.contacts, later.item_count) == ((), 0)


async def test_history_has_the_archive(practice: PracticeXero) -> None:
    contact_id = practice.create("Has a history")
    async with connected(practice) as client:
        await archive(client, contact_id)
        lines = await client.history(contact_id)
        assert any("rchive" in line.event + line.details for line in lines)
        assert all(line.when for line in lines)
        with pytest.raises(RejectedError) as refused:
            await client.history(NEVER_ISSUED)
    assert refused.value.status == 404


async def test_merged_and_gdpr_contacts_are_distinguished(practice: PracticeXero) -> None:
    merged, into, gone = (practice.create(f"{kind} away") for kind in ("Merged", "Kept", "GDPR"))
    practice.somebody("merge", merged, into=into)
    practice.somebody("gdpr", gone)
    async with connected(practice) as client:
        found = {one.contact_id: one for one in (await client.look_up([merged, gone])).contacts}
    assert (found[merged].status, found[merged].merged_to) == (ContactStatus.ARCHIVED, into)
    assert found[gone].status is ContactStatus.GDPRREQUEST


async def test_disconnected_organisation_needs_a_new_sign_in(practice: PracticeXero) -> None:
    client = XeroClient(api_url=practice.api, tenant_id=NEVER_ISSUED, tokens=sign_in(practice))
    with pytest.raises(ReconnectError):
        await client.contacts(1)
    await client.aclose()


async def test_stopped_xero_is_offline_until_it_runs_again(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "3600") as practice:
        FileTokenStore(tmp_path / "tokens.json").save(
            Tokens.from_refresh_token(practice.refresh_token, practice.client_id)
        )
        contact_id = practice.create("Patience")
        async with connected(practice) as client:
            assert await status(client, contact_id) is ContactStatus.ACTIVE
            practice.stop()
            with pytest.raises(XeroError) as unreachable:
                await archive(client, contact_id)
            with pytest.raises(OfflineError):
                await archive(client, contact_id)
            assert unreachable.value.retryable
            practice.restart_same_port()
            assert await archive(client, contact_id) == [""]


async def test_the_practice_restore_button_does_what_the_api_refuses(practice: PracticeXero) -> None:
    contact_id = practice.create("Pressed")
    practice.somebody("archive", contact_id)
    async with connected(practice) as client:
        page = contact_url(practice.pages, practice.organisations[0].short_code, contact_id)
        await simulate_restore(page)
        assert await status(client, contact_id) is ContactStatus.ACTIVE
        # A second click, as by another user.
        await simulate_restore(page)
        assert await status(client, contact_id) is ContactStatus.ACTIVE


async def test_a_name_that_is_taken_is_refused_in_the_pages_own_words(practice: PracticeXero) -> None:
    contact_id = practice.create("Taken <by> another")
    practice.somebody("archive", contact_id)
    practice.create("Taken <by> another")
    page = contact_url(practice.pages, practice.organisations[0].short_code, contact_id)
    with pytest.raises(RejectedError) as refused:
        await simulate_restore(page)
    assert refused.value.status == 409
    assert refused.value.reason is XeroReason.REJECTED
    words = messages.message(refused.value)
    assert "name" in words
    assert "Nothing was changed." in words
    assert "&lt;" not in words


async def test_page_without_a_contact_is_refused(practice: PracticeXero) -> None:
    page = contact_url(practice.pages, practice.organisations[0].short_code, NEVER_ISSUED)
    with pytest.raises(RejectedError) as refused:
        await simulate_restore(page)
    assert refused.value.status == 404
