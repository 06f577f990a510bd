from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.pictures import text_of
from support.sample_contacts import NOW, contact_id
from support.screen_test import Driver, running
from textual.widgets import Static

from tui.model.activity import ActivityAccess, ActivityStatus, TransactionKind
from tui.model.change import Action, State
from tui.model.contact import Balances, ContactStatus
from tui.model.errors import OfflineError
from tui.model.evidence import SyncStatus
from tui.model.reasons import ContactReason, Notice, XeroReason
from tui.model.snapshot import SyncProgress
from tui.screens import contact
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.widgets import clock

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine


def words(person: Driver, part: str) -> str:
    assert person.sees(ContactScreen)
    return str(person.screen.query_one(f"#{part}", Static).content)


async def test_contact_page_shows_xeros_data(backend: IdleEngine) -> None:
    balances = Balances(23_400, 12_000, read_at=NOW - timedelta(hours=3))
    backend.edit(0, groups=("Tenants",), balances=balances)
    async with running(backend) as person:
        await person.press("enter")
        assert words(person, "heading") == "Abel Tasman Lettings   Active"
        assert "Account number   AC-00000" in words(person, "details")
        assert "Groups           Tenants" in words(person, "details")
        assert "They owe         234.00  120.00 overdue" in words(person, "balances")
        assert "Loaded from Xero just now." in words(person, "balances")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ActivityStatus(), "Not known: transactions haven't been read."),
        (ActivityStatus(ActivityAccess.NOT_ALLOWED), "Not known: no access to transactions."),
        (
            ActivityStatus(ActivityAccess.ALLOWED, None, TransactionKind.BILL, SyncProgress(10, 30)),
            "Not known yet. Reading bills: 10 of 30.",
        ),
        (ActivityStatus(ActivityAccess.ALLOWED, NOW), ""),
    ],
    ids=["unread", "no access", "being read", "read since"],
)
async def test_contact_page_says_why_last_activity_is_not_known(
    backend: IdleEngine, status: ActivityStatus, said: str
) -> None:
    async with running(backend) as person:
        backend._publisher.update_activity(status)
        await person.press("enter")
        shown = " ".join(words(person, "details").split())
        assert ("Last activity" in shown) is bool(said)
        assert said in shown


async def test_contact_page_opens_before_xeros_history_arrives(backend: IdleEngine) -> None:
    backend.xero.gate = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("enter")
        await person.pilot.pause()
        assert "Loading from Xero…" in words(person, "history")
        backend.xero.gate.set()
        await person.settle()
        assert "Edited  by Robin Hale" in words(person, "history")


async def test_failed_history_shows_its_reason_and_can_be_retried(
    backend: IdleEngine,
) -> None:
    backend.xero.failures["history"] = OfflineError(XeroReason.OFFLINE)
    async with running(backend) as person:
        await person.press("enter")
        assert "Can't reach Xero." in words(person, "history")
        backend.xero.failures.clear()
        await person.press("f5")
        assert "Robin Hale" in words(person, "history")


async def test_changes_and_timeline_follow(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter")
        assert "None yet." in words(person, "changes")
        await person.press("a")
        assert person.sees(ConfirmScreen)
        await person.press("y")
        assert "Archive requested in Reshelve" in words(person, "changes")
        assert "Archive requested in Reshelve" in words(person, "timeline")
        await person.press("a")
        assert "already being archived" in person.bottom_line


async def test_our_reason_is_shown_under_a_change_without_xeros_message(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, notice=Notice(ContactReason.GDPR))
    async with running(backend) as person:
        await person.press("enter")
        said = words(person, "changes")
        assert "privacy request" in said
        assert "Retrying won't help." in said
        assert "Archive refused by Xero: Locked in Xero" in words(person, "timeline")


async def test_xeros_message_is_shown_under_a_refused_change(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words="It is on a repeating invoice [/].")
    async with running(backend) as person:
        await person.press("enter")
        assert "Refused by Xero" in words(person, "changes")
        assert "It is on a repeating invoice [/]." in words(person, "changes")


async def test_keys_work_on_the_contact_page(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter", "r")
        assert person.bottom_line.startswith("Already active.")
        await person.press("Y")
        assert person.app.clipboard == backend.contacts.url(contact_id(0))
        await person.press("q")
        assert person.is_home


async def test_the_contact_id_is_copied_for_a_search_in_re_leased(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter", "i")
        assert person.app.clipboard == contact_id(0)
        assert "External ID" in person.bottom_line


async def test_after_a_restore_that_re_leased_has_the_drafts_are_approved(backend: IdleEngine) -> None:
    backend.put_change(0, Action.RESTORE, State.CONFIRMED, SyncStatus.SYNCED)
    async with running(backend) as person:
        await person.press("enter")
        assert "approve the Drafts that failed" in words(person, "changes")
    # A later archive ends that.
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.SYNCED)
    async with running(backend) as person:
        await person.press("enter")
        assert "Drafts" not in words(person, "changes")


RECORD = b"""{
    "Phones": [
        {"PhoneType": "MOBILE", "PhoneCountryCode": "64", "PhoneAreaCode": "21", "PhoneNumber": "5550100"},
        {"PhoneType": "FAX"}
    ],
    "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 Quay St",
         "City": "Auckland", "PostalCode": "1010"}],
    "ContactPersons": [{"FirstName": "Ana", "EmailAddress": "ana@club.example"}],
    "TaxNumber": "49-091-850", "DefaultCurrency": "AUD", "Website": 5
}"""


async def test_the_page_shows_all_of_xeros_fields(backend: IdleEngine) -> None:
    backend.edit(0, raw=RECORD)
    async with running(backend, (120, 36)) as person:
        await person.press("enter")
        shown = words(person, "details")
        for text in (
            "Mobile",
            "64 21 5550100",
            "1 Quay St, Auckland 1010",
            "Ana, ana@club.example",
            "49-091-850",
            "AUD",
        ):
            assert text in shown
        assert "Fax" not in shown
        assert "Website" not in shown


async def test_next_and_previous_follow_the_list(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("down", "enter", "right_square_bracket")
        assert "Bayside Club" in words(person, "heading")
        await person.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert "Abel Tasman Lettings" in words(person, "heading")
        assert "No more contacts" in person.bottom_line
        await person.press("escape")
        assert person.cursor_name == "Abel Tasman Lettings"


async def test_going_through_the_list_asks_xero_only_where_the_user_stays(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> int:
        return sum(call[0] in {"history", "refresh_one"} for call in backend.calls)

    async with running(backend, (120, 36)) as person:
        await person.press("enter")
        before = asked()
        assert before == 2
        monkeypatch.setattr(contact, "REST_SECONDS", 3600)
        await person.pilot.press(*["right_square_bracket"] * 5)
        await person.until(lambda: person.cursor_name in words(person, "heading"))
        assert asked() == before
        monkeypatch.setattr(contact, "REST_SECONDS", 0)
        await person.press("right_square_bracket")
        assert asked() == before + 2
        assert "Robin Hale" in words(person, "history")


async def test_the_age_of_the_balances_grows(backend: IdleEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.edit(0, balances=Balances(23_400, read_at=NOW))
    async with running(backend) as person:
        await person.press("enter")
        assert "Loaded from Xero just now." in words(person, "balances")
        later = clock.now() + timedelta(minutes=2)
        monkeypatch.setattr(clock, "now", lambda: later)
        assert isinstance(person.screen, ContactScreen)
        person.screen.tick()
        assert " min ago." in words(person, "balances")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
async def test_the_bottom_line_always_leads_to_all_keys(backend: IdleEngine, width: int) -> None:
    async with running(backend, (width, 36)) as person:
        await person.press("enter")
        assert person.bottom_line.endswith("? Help  esc Back")
        assert person.bottom_line.startswith("a Archive  r Restore")
        wanted = {120: ("] Next", "C Copy…", "i Copy ID"), 160: ("Y Copy link", "z Keep")}
        for part in wanted.get(width, ()):
            assert part in person.bottom_line


async def test_a_merged_contact_leads_to_the_one_that_is_left(backend: IdleEngine) -> None:
    backend.edit(0, status=ContactStatus.ARCHIVED, merged_to=contact_id(2))
    async with running(backend, (120, 36)) as person:
        await person.press("enter")
        assert "Merged into      Bayside Club" in words(person, "details")
        await person.press("M")
        assert "Bayside Club" in words(person, "heading")
        await person.press("M")
        assert "wasn't merged" in person.bottom_line


async def test_a_field_is_chosen_and_copied(backend: IdleEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(backend, (120, 36)) as person:
        copied: list[str] = []
        monkeypatch.setattr(person.app, "copy_to_clipboard", copied.append)
        await person.press("enter", "C", "down", "down", "enter")
        assert copied == ["+64 4 555 0000"]
        assert "Phone copied." in person.bottom_line
        await person.press("C", "escape")
        assert len(copied) == 1


@pytest.mark.parametrize("size", [(40, 36), (60, 36), (80, 36), (120, 36), (160, 48)], ids=str)
async def test_a_long_value_goes_on_below_its_beginning(backend: IdleEngine, size: tuple[int, int]) -> None:
    groups = tuple(f"Tenants of the long street {number}" for number in range(5))
    backend.edit(0, groups=groups)
    backend._publisher.update_activity(ActivityStatus(read_until=NOW))
    async with running(backend, size) as person:
        await person.press("enter")
        section = person.screen.query_one("#details")
        left, top, width, height = section.content_region
        shown = [
            line[left : left + width] for line in text_of(person.screen).splitlines()[top : top + height]
        ]
        at = next(place for place, line in enumerate(shown) if line.startswith("Groups"))
        below = [line for line in shown[at + 1 :] if not line[:1].isalpha()]
        assert all(line.startswith(" " * 17) for line in below if line.strip())
        value = " ".join(line[17:].strip() for line in [shown[at], *below])
        assert value.strip() == ", ".join(groups)
