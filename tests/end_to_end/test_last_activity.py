"""Transactions of 20,000 contacts are read once, whatever happens meanwhile, and then only what changes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from support.activity_child import MINUTE_SECONDS, FixedToken, client, read
from support.crash_audit import read_only
from support.practice import PracticeXero, running_sandbox
from support.xero_calls import XeroCalls

from tui.model.activity import ACTIVITY_SCOPES, ActivityAccess, TransactionKind
from tui.sandbox import books
from tui.sandbox.context import NEWEST_MS
from tui.store import Store
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tui.xero.client import XeroClient

# Slower than any other test on a busy machine.
pytestmark = pytest.mark.timeout(600)
_LISTS = ("Invoices", "CreditNotes", "Payments", "BankTransactions", "RepeatingInvoices")
_PATIENCE = 60.0
_KILLED_AFTER = 60
# 20,000 contacts have 209,641 invoices and bills, and 324,830 transactions in all.
_INVOICE_PAGES = 210
_ALL_PAGES = 327
_INVOICE = "7d6f0000-0000-4000-8000-000000000001"
# When the newest transactions are from.
_NOW = datetime.fromtimestamp(NEWEST_MS / 1000, UTC)
_DATE_MS = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp()) * 1000


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    options = ("--contacts", "20000", "--cycle", "5000")
    with running_sandbox(tmp_path_factory.mktemp("practice"), *options) as running:
        # Xero's limits, with a minute of four seconds.
        running.limits(minute=60, minuteSeconds=MINUTE_SECONDS)
        yield running
        assert running.budget(running.tenant_id)["mostInAMinute"] <= 60
        assert running.budget(running.tenant_id)["refused"] == {}


@asynccontextmanager
async def opened(
    practice: PracticeXero, token: str, folder: Path, scopes: frozenset[str] = frozenset(ACTIVITY_SCOPES)
) -> AsyncIterator[tuple[Store, XeroClient]]:
    store, xero = Store.open(folder), client(practice.api, practice.tenant_id, FixedToken(token, scopes))
    try:
        yield store, xero
    finally:
        await xero.aclose()
        store.close()


def pages(practice: PracticeXero) -> Counter[tuple[str, str]]:
    """Count the requests of each page of each list."""
    asked: Counter[tuple[str, str]] = Counter()
    for entry in practice.requests():
        name = entry["path"].rpartition("/")[2]
        if name in _LISTS:
            asked[name, parse_qs(entry["query"]).get("page", [""])[0]] += 1
    return asked


def read_until_killed(practice: PracticeXero, folder: Path, token: str) -> Counter[tuple[str, str]]:
    """Kill a process that reads transactions in the middle, and return the pages it asked for."""
    command = [sys.executable, "-m", "support.activity_child", str(folder), practice.api, practice.tenant_id]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    begun = time.monotonic()
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        child.stdin.write(f"{token}\n")
        child.stdin.close()
        while sum(pages(practice).values()) < _KILLED_AFTER:
            assert child.poll() is None
            assert time.monotonic() - begun < _PATIENCE
        child.kill()
    # The next process doesn't know of its calls.
    time.sleep(MINUTE_SECONDS)
    return pages(practice)


@pytest.fixture(scope="module")
def token(practice: PracticeXero) -> str:
    return practice.access_token("refresh_token_with_activity")


@pytest.fixture(scope="module")
def killed(
    practice: PracticeXero, token: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Counter[tuple[str, str]]]:
    folder = tmp_path_factory.mktemp("store")
    practice.control("DELETE", "requests")
    return folder, read_until_killed(practice, folder, token)


async def test_each_page_of_two_hundred_thousand_invoices_is_read_once_despite_a_kill(
    practice: PracticeXero, token: str, killed: tuple[Path, Counter[tuple[str, str]]]
) -> None:
    folder, before = killed
    async with opened(practice, token, folder) as (store, xero):
        was_known = store.activity.is_known
        await read(store, xero)
        asked = pages(practice)
        by_list = Counter(name for name, _ in asked)
        assert (was_known, store.activity.is_known) == (False, True)
        assert _KILLED_AFTER <= sum(before.values()) < sum(asked.values())
        # One page was being read, or was read and not saved.
        assert sum(asked.values()) - len(asked) <= 1
        # 1,000 a call: less than a twelfth of the calls of a day.
        assert by_list["Invoices"] == _INVOICE_PAGES
        assert sum(asked.values()) <= _ALL_PAGES + 1

        known = [row["ContactID"] for row in XeroCalls(practice, token, practice.tenant_id).contacts(page=3)]
        found = store.activity.of(known)
        assert len(found) == len(known)
        assert any(one.is_never_used for one in found.values())
        assert any(one.last_at is not None and one.last_at < date(2024, 1, 1) for one in found.values())


async def test_later_reads_take_a_call_for_each_list_and_follow_every_change(
    practice: PracticeXero, token: str, killed: tuple[Path, Counter[tuple[str, str]]]
) -> None:
    async with opened(practice, token, killed[0]) as (store, xero):
        await read(store, xero)
        first, second = (
            row["ContactID"] for row in XeroCalls(practice, token, practice.tenant_id).contacts(page=1)[:2]
        )
        was = store.activity.of([first, second])
        practice.control("DELETE", "requests")
        for contact_id, status in ((first, "AUTHORISED"), (second, "AUTHORISED"), (second, "VOIDED")):
            practice.somebody(
                "transaction", contact_id, id=_INVOICE, type="ACCPAY", date=_DATE_MS, status=status
            )
            await read(store, xero)
            found = store.activity.of([first, second])
            other = second if contact_id == first else first
            assert found[other] == was[other]
            if status == "AUTHORISED":
                now = found[contact_id]
                assert (now.last_at, now.kind) == (date(2026, 8, 1), TransactionKind.BILL)
                assert now.count == was[contact_id].count + 1
        assert store.activity.of([first, second]) == was
        assert sum(pages(practice).values()) == 3 * len(_LISTS)


async def test_tidy_up_suggests_what_the_transactions_in_xero_leave(
    practice: PracticeXero, token: str, killed: tuple[Path, Counter[tuple[str, str]]]
) -> None:
    practice.control("DELETE", "requests")
    async with opened(practice, token, killed[0]) as (store, xero):
        await read(store, xero)
        number, count = 1, 1
        while number <= count:
            page = await xero.contacts(number)
            await store.save_contacts(page.contacts, page.answered_at)
            number, count = number + 1, page.page_count
        # Besides the transactions: 1,000 contacts a call.
        asked = [entry for entry in practice.requests() if entry["path"].endswith("/Contacts")]
        assert len(asked) == count == 20
        survey = await store.tidy_survey(_NOW)
    assert survey.knows_activity
    used = transactions_in_xero(practice)
    never = (None, False)
    # The balances are Xero's own, too: those of an invoice that isn't paid.
    assert {one.contact_id: one.last_used for one in survey.candidates} == {
        contact_id: used.get(contact_id, never)[0]
        for contact_id, has_balance in active_in_xero(practice)
        if not has_balance and not used.get(contact_id, never)[1]
    }
    idle = survey.idle(24, _NOW)
    assert 500 < len(idle) < len(survey.candidates) < survey.active
    two_years_ago = date(_NOW.year - 2, _NOW.month, _NOW.day)
    found = {one.contact_id for one in idle if one.last_used is not None}
    dated = {one.contact_id: one.last_used for one in survey.candidates if one.last_used is not None}
    assert found == {contact_id for contact_id, day in dated.items() if day < two_years_ago}


def transactions_in_xero(practice: PracticeXero) -> dict[str, tuple[date | None, bool]]:
    """Return the date of each contact's last use, and whether it has drafts or repeating invoices."""
    posted = "resource <> 'RepeatingInvoices' AND t.status IN ('AUTHORISED', 'PAID')"
    sql = f"""
        SELECT contact_id, max(CASE WHEN {posted} THEN t.date END),
            max(resource = 'RepeatingInvoices' OR t.status IN ('DRAFT', 'SUBMITTED'))
        FROM transactions AS t JOIN contacts AS c ON c.id = t.contact
        WHERE c.org = (SELECT min(org) FROM contacts) GROUP BY contact_id
    """  # noqa: S608 - our own words
    return {
        contact_id: (None if at is None else datetime.fromtimestamp(at / 1000, UTC).date(), bool(is_busy))
        for contact_id, at, is_busy in read_only(stored(practice), sql)
    }


def active_in_xero(practice: PracticeXero) -> list[tuple[str, bool]]:
    """Return the active contacts, and whether they have a balance."""
    sql = """
        SELECT contact_id, document FROM contacts
        WHERE status = 'ACTIVE' AND org = (SELECT min(org) FROM contacts)
    """
    found = read_only(stored(practice), sql)
    return [(contact_id, "Balances" in books.read(document)) for contact_id, document in found]


def stored(practice: PracticeXero) -> Path:
    return Paths.under(practice.folder).sandbox / "practice.sqlite"


async def test_without_the_scope_nothing_is_requested(practice: PracticeXero, tmp_path: Path) -> None:
    practice.control("DELETE", "requests")
    async with opened(practice, practice.access_token(), tmp_path, frozenset()) as (store, xero):
        [*_, shown] = await read(store, xero)
        assert (shown.access, sum(pages(practice).values())) == (ActivityAccess.NOT_ALLOWED, 0)
        assert (store.activity.of(["any"]), store.activity.is_known) == ({}, False)


async def test_refusal_for_a_missing_scope_ends_the_read(practice: PracticeXero, tmp_path: Path) -> None:
    practice.control("DELETE", "requests")
    # The scopes that the sign-in is thought to have aren't those that it has.
    async with opened(practice, practice.access_token(), tmp_path) as (store, xero):
        [*_, shown] = await read(store, xero)
        assert (shown.access, sum(pages(practice).values())) == (ActivityAccess.NOT_ALLOWED, 1)
