from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.effort import examples
from support.idle_engine import IdleEngine
from support.notices import notice
from support.sample_contacts import NOW, contact_id, contacts
from support.screen_test import Driver, running
from textual.widgets import Input, OptionList, Static

from tui import __version__
from tui.model.change import Action, State
from tui.model.contact import Organisation
from tui.model.evidence import CompanyState, ReportKind, SyncStatus
from tui.model.re_leased import ContactRead, ContactReading, ReadCounts
from tui.model.snapshot import ConnectionStatus, ReLeasedStatus, SyncProgress, XeroStatus
from tui.screens.changes.changes import ChangesScreen
from tui.screens.dialogs.ask import AskScreen, ChooseScreen, FileNameScreen
from tui.screens.re_leased.formatting import OldestUnconfirmed, build_report
from tui.screens.re_leased.sync_start import SyncStartScreen
from tui.screens.re_leased.troubleshoot import TroubleshootScreen
from tui.widgets.inputs import TickBox

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.slow

SECRET = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjFDQUY4RTY2NzcyRDZEQzAyOEQ2NzI2RkQwMjYxNTgx"


def step(person: Driver, place: int) -> str:
    assert person.sees(TroubleshootScreen)
    parts = (person.screen.query_one(f"#{part}-{place - 1}", Static) for part in ("step", "findings"))
    return "\n".join(str(part.content) for part in parts)


async def test_no_problems_are_shown_as_such(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 1).startswith("✓ 1. Connection and settings")
        assert (
            "last reply at 12:41:07; last loaded 3 h ago; this connection can read and change contacts"
            in step(person, 1)
        )
        assert "“Successfully synced”, from its feed" in step(person, 1)
        assert "the company is connected to Demo Company (NZ)" in step(person, 1)
        assert step(person, 2).startswith("✓ 2. ")
        assert step(person, 3).startswith("✓ 3. ")
        assert "Next practice sync in 0:32" in step(person, 3)
        assert "through the help in Re-Leased" in step(person, 4)
        assert "@" not in step(person, 4)
        await person.press("q")
        assert person.is_home


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (
            XeroStatus(ConnectionStatus.RECONNECT, detail=notice("The sign-in to Xero has ended.")),
            "The sign-in to Xero has ended.",
        ),
        (
            XeroStatus(ConnectionStatus.OFFLINE, detail=notice("Xero can't be reached.")),
            "Xero can't be reached.",
        ),
    ],
)
async def test_problems_with_xero_are_shown(backend: IdleEngine, link: XeroStatus, said: str) -> None:
    async with running(backend) as person:
        await person.press("t")
        await person.hears(xero=link)
        assert step(person, 1).startswith("✗ 1. ")
        assert said in step(person, 1)
        assert ("c signs in" in step(person, 1)) == (link.status is ConnectionStatus.RECONNECT)


async def test_read_only_connection_is_shown() -> None:
    organisation = Organisation("t1", "Demo Company (NZ)", "!Qj35V", is_read_only=True)
    backend = IdleEngine.with_contacts(organisation=organisation)
    async with running(backend) as person:
        await person.press("t")
        assert "is read-only" in step(person, 1)


async def test_status_from_sync_overview_is_recorded() -> None:
    backend = IdleEngine.with_contacts(has_feed=False)
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 1).startswith("? 1. ")
        assert "not recorded yet" in step(person, 1)
        for state in CompanyState:
            await person.press("w")
            assert person.sees(ChooseScreen)
            answers = person.screen.query_one(OptionList)
            assert answers.option_count == len(CompanyState) + 1
            answers.highlighted = answers.get_option_index(state.value)
            await person.press("enter")
            assert ("report_company_state", state) in backend.calls
            assert f"“{state.value}”, recorded just now." in step(person, 1)
            works = state in {CompanyState.SYNCED, CompanyState.IN_PROGRESS}
            assert step(person, 1).startswith("✓" if works else "✗")


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_nothing_is_recorded_without_a_choice(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await person.press("t", "w")
        assert person.sees(ChooseScreen)
        await person.press(key)
    assert not [call for call in backend.calls if call[0] == "report_company_state"]


async def test_refusals_have_xeros_message(backend: IdleEngine) -> None:
    for number in range(5):
        backend.put_change(number, Action.ARCHIVE, State.REFUSED, words="On a repeating invoice [/].")
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 2).startswith("✗ 2. ")
        assert "On a repeating invoice [/]." in step(person, 2)
        assert "and 2 more" in step(person, 2)
        for key in ("l", "enter"):
            await person.press(key)
            assert person.sees(ChangesScreen)
            await person.press("escape")


async def test_pending_step_names_the_oldest_and_overdue_changes(backend: IdleEngine) -> None:
    at = NOW - timedelta(days=4)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.MISSED, at=at)
    for number in range(1, 12):
        backend.put_change(number, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 3).startswith("✗ 3. ")
        assert "1 missed the last sync: it ran without it. 11 changes pending sync." in step(person, 3)
        assert (
            "Longest without confirmation: Abel Tasman Lettings, archive confirmed by Xero 4 days ago."
            in step(person, 3)
        )
        await person.press("m")
        assert person.sees(SyncStartScreen)


async def test_expected_changes_are_called_expected() -> None:
    backend = IdleEngine.with_contacts(has_feed=False)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, at=NOW - timedelta(days=1))
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 3).startswith("~ 3. ")
        assert "No changes pending sync." in step(person, 3)
        assert "Should be synced: a nightly sync was due by 5 Mar" in step(person, 3)


async def test_nothing_is_claimed_before_changes_are_loaded(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend._publisher, "_summary", lambda: None)
    backend.publish()
    async with running(backend) as person:
        await person.press("t")
        for place in (2, 3):
            assert step(person, place).startswith("?")
        await person.press("Y")
        assert person.app.clipboard


@pytest.fixture
def telltale(backend: IdleEngine) -> IdleEngine:
    """A refusal whose message has text that must not get out."""
    words = f"Abel Tasman Lettings and “Bayside Club” of pat@firm.example, Bearer {SECRET}"
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words=words)
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes(
        xero=XeroStatus(ConnectionStatus.OFFLINE, detail=notice("Refused for pat@firm.example."))
    )
    return backend


async def test_report_has_no_names(telltale: IdleEngine) -> None:
    async with running(telltale) as person:
        await person.press("t", "Y")
        shown = person.app.clipboard
        for kept in (
            __version__,
            contact_id(0),
            contact_id(1),
            "1 refused, 1 pending sync",
            "offline",
            "archive",
        ):
            assert kept in shown
        for private in ("Abel", "Aroha", "Bayside", "Demo Company", "@", SECRET):
            assert private not in shown
        assert "Check it before you send it" in person.bottom_line


async def test_report_has_the_clock_offset(telltale: IdleEngine) -> None:
    telltale.publish(clock_ahead=timedelta(minutes=-10))
    async with running(telltale) as person:
        await person.press("t", "Y")
        assert "This computer's clock is 600 s behind Xero's" in person.app.clipboard


async def test_report_has_names_on_request(telltale: IdleEngine) -> None:
    async with running(telltale) as person:
        await person.press("t")
        person.screen.query_one(TickBox).value = True
        await person.press("Y")
        for wanted in ("Abel Tasman Lettings", "Aroha Tamihana", "Demo Company (NZ)"):
            assert wanted in person.app.clipboard
        for secret in ("@", SECRET):
            assert secret not in person.app.clipboard


async def test_the_report_is_written_to_a_file(telltale: IdleEngine, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    async with running(telltale) as person:
        await person.press("t", "Y", "e")
        assert person.sees(FileNameScreen)
        person.screen.query_one(Input).value = str(file)
        await person.press("enter")
        assert person.bottom_line.startswith("Report saved to ")
        assert file.read_text(encoding="utf-8") == person.app.clipboard
        assert file.stat().st_mode & 0o777 == 0o600


async def test_unwritable_report_file_is_reported(
    telltale: IdleEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with running(telltale) as person:
        await person.press("t", "e")
        person.screen.query_one(Input).value = str(tmp_path / "report.txt")
        monkeypatch.setattr("tui.system.paths.os.fsync", full)
        await person.press("enter")
        assert "No space left on device" in person.bottom_line
        assert "Nothing was saved." in person.bottom_line
        assert "another location" in person.bottom_line


async def test_refresh_key_refreshes(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("t", "f5")
        assert ("refresh",) in backend.calls


# --- each step in each of its states ---


@pytest.mark.parametrize(
    ("parts", "sign", "said"),
    [
        ({"last_refresh_at": None}, "?", "nothing loaded since Reshelve started"),
        ({"last_refresh_at": None, "progress": SyncProgress(1, 2)}, "?", "contacts are loading"),
        ({"last_refresh_at": NOW}, "✓", "last loaded just now"),
        ({"last_refresh_at": NOW - timedelta(days=3)}, "?", "last loaded 3 days ago"),
        ({"xero": XeroStatus()}, "?", "Xero: connecting"),
        (
            {"xero": XeroStatus(ConnectionStatus.REMOVED, detail=notice("It is gone."))},
            "✗",
            "c signs in to Xero again",
        ),
        ({"xero": XeroStatus(ConnectionStatus.STANDBY)}, "✗", "open in another Reshelve"),
        (
            {"xero": XeroStatus(ConnectionStatus.LIMITED, detail=notice("Used up."))},
            "✗",
            "rate limit reached",
        ),
        ({"storage_problem": notice("The disk is full.")}, "✗", "The disk is full."),
        (
            {"clock_ahead": timedelta(minutes=10)},
            "✗",
            "This computer's clock is 10 minutes ahead of Xero's. Correct it. Until then,",
        ),
        (
            {"clock_ahead": timedelta(hours=-13), "storage_problem": notice("The disk is full.")},
            "✗",
            "The disk is full.\nThis computer's clock is 13 hours behind Xero's",
        ),
        ({"clock_ahead": timedelta(seconds=20)}, "✓", "last loaded"),
        ({"re_leased": ReLeasedStatus(has_feed=True)}, "?", "its feed doesn't show"),
        (
            {"re_leased": ReLeasedStatus(has_feed=True, problem=notice("It is silent."))},
            "✗",
            "can't be read: It is silent.",
        ),
    ],
)
async def test_every_connection_state_is_shown(
    backend: IdleEngine, parts: dict[str, Any], sign: str, said: str
) -> None:
    backend.publish(**parts)
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 1).startswith(f"{sign} 1. ")
        assert said in step(person, 1)


async def test_old_good_status_is_questioned() -> None:
    backend = IdleEngine.with_contacts(has_feed=False)
    backend.report(ReportKind.STATE, NOW - timedelta(days=3), state="Successfully synced")
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 1).startswith("? 1. ")
        assert "recorded 3 days ago. It may have changed since." in step(person, 1)


async def test_read_only_start_is_shown_beside_the_connections_rights(backend: IdleEngine) -> None:
    backend.is_read_only = True
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words="No.")
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert "can read and change contacts, but Reshelve was started with --read-only" in step(person, 1)
        assert "retries" not in step(person, 2)
        await person.press("R")
        assert not [call for call in backend.calls if call[0] == "retry"]
        assert "--read-only" in person.bottom_line


async def test_paused_sending_is_shown_as_a_cause(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert "paused" not in step(person, 1)
        assert "not in Xero yet" in step(person, 3)
        assert "✓" not in step(person, 3)
        backend.publish(is_paused=True)
        await person.settle()
        assert "Sending to Xero is paused" in step(person, 1)


async def test_refused_changes_are_retried_from_here(backend: IdleEngine) -> None:
    for number in (0, 1, 2, 3, 4, 6, 7):
        backend.put_change(number, Action.ARCHIVE, State.REFUSED, words="On a repeating invoice [/].")
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert "R retries; l lists every change." in step(person, 2)
        await person.press("R")
        assert person.sees(AskScreen)
        await person.press("enter")
        assert not [call for call in backend.calls if call[0] == "retry"]
        await person.press("R", "y")
        [tried] = [call[1] for call in backend.calls if call[0] == "retry"]
        assert len(tried) == 7
        assert person.bottom_line == "Retrying 7 changes."
        assert step(person, 2).startswith("✓ 2. ")
        await person.press("R")
        assert "Nothing to retry" in person.bottom_line


@pytest.mark.parametrize(
    ("grades", "sign", "said"),
    [
        ([], "✓", "No changes pending sync.\n"),
        ([SyncStatus.PENDING], "◷", "1 change pending sync."),
        ([SyncStatus.MISSED, SyncStatus.MISSED], "✗", "2 missed the last sync: it ran without them."),
        ([SyncStatus.STALLED], "✗", "1 not syncing: Re-Leased isn't connected, or its sync has errors."),
        ([SyncStatus.EXPECTED], "~", "Should be synced: a nightly sync was due by"),
        ([SyncStatus.REPORTED], "~", "Reported synced: you recorded a sync without errors"),
        ([SyncStatus.SYNCED], "✓", "No changes pending sync"),
    ],
)
async def test_pending_step_is_shown_in_every_state(grades: list[SyncStatus], sign: str, said: str) -> None:
    is_expected = SyncStatus.EXPECTED in grades
    backend = IdleEngine.with_contacts(has_feed=not is_expected)
    for number, grade in enumerate(grades):
        at = NOW - timedelta(days=1) if is_expected else None
        change = backend.put_change(number, Action.ARCHIVE, State.CONFIRMED, grade, at=at)
        assert change.confirmed_at
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 3).startswith(f"{sign} 3. ")
        assert said in step(person, 3)


async def test_recorded_sync_is_asked_about_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = IdleEngine.with_contacts(has_feed=False)
    backend.report(ReportKind.SYNC_STARTED, NOW)
    async with running(backend) as person:
        await person.press("t")
        assert "You recorded a Re-Leased sync started at 12:41. Press m when" in step(person, 3)
        monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW + timedelta(days=1))
        await person.hears_changes()
        assert "Record how the sync of 5 Mar 12:41 ended: press m." in step(person, 3)


async def test_hints_use_the_current_keys(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED)
    backend.publish_changes()
    async with running(backend) as person:
        keys = {
            "manual_sync": "f7",
            "sync_overview": "W",
            "copy_report": "f8",
            "retry": "f9",
            "refresh": "f10",
        }
        person.app.set_keymap(keys)
        await person.press("t")
        shown = "".join(step(person, place) for place in (1, 2, 3, 4))
        for words in ("W records", "F10 refreshes", "F9 retries", "F7 records", "F8 copies"):
            assert words in shown
        await person.press("f8")
        assert person.app.clipboard


async def test_unchanged_texts_are_not_rewritten_each_second(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.publish(re_leased=ReLeasedStatus())
    async with running(backend) as person:
        await person.press("t")
        screen = person.screen
        assert isinstance(screen, TroubleshootScreen)
        written: list[str | None] = []
        update = Static.update

        def noted(one: Static, *arguments: Any, **more: Any) -> None:
            written.append(one.id)
            update(one, *arguments, **more)

        monkeypatch.setattr(Static, "update", noted)
        screen.tick()
        assert written == []
        person.backend.publish(re_leased=ReLeasedStatus(next_sync_at=NOW + timedelta(hours=5)))
        screen.tick()
        assert written == ["step-2", "findings-2"]


# --- the report, for any content ---

NAMES = st.sampled_from(
    ["Zanzibar Quux", "quux@firm.example", "Quux (Zanzibar)", "a [/x] Quux", "QUUX\x1b[2J"]
)
ADDRESSES = st.sampled_from(
    [
        "pat@firm.example", "Pat.Quux+1@firm.example", '"pat quux"@firm.example', "pat @ firm.example",
        "pat%40firm.example", "<pat@firm.example>", "mailto:pat@firm.example", "pat＠firm.example",
        "pat\u200b@firm.example", "PAT@FIRM.EXAMPLE", "x'pat@firm.example", "pat&#64;firm.example",
    ]
)  # fmt: skip
TOKENS = st.sampled_from(
    [SECRET, f"Bearer {SECRET}", f"access_token={SECRET[:20]}", f'"refresh_token": "{SECRET[:12]}"',
     f"Authorization: Bearer {SECRET[:16]}", f"client_secret = {SECRET[:16]}"]
)  # fmt: skip


@settings(max_examples=examples(300))
@given(
    name=NAMES,
    words=st.lists(
        st.sampled_from(["refused for", "{name}", "“{name}”", "{address}", "{token}", "\n"]), max_size=6
    ),
    address=ADDRESSES,
    token=TOKENS,
    with_names=st.booleans(),
)
def test_report_never_has_tokens_addresses_or_unwanted_names(
    *, name: str, words: list[str], address: str, token: str, with_names: bool
) -> None:
    said = " ".join(words).format(name=name, address=address, token=token)
    first, *others = contacts(3)
    backend = IdleEngine(
        [replace(first, name=name), *others], organisation=Organisation("t1", name, "!Qj35V")
    )
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words=said)
    waiting = backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes(
        xero=XeroStatus(ConnectionStatus.OFFLINE, detail=notice(said)),
        storage_problem=notice(said),
        re_leased=ReLeasedStatus(
            has_feed=True, problem=notice(said), state=said, contacts=ContactReading(problem=notice(said))
        ),
    )
    text = build_report(
        backend.snapshot, OldestUnconfirmed(backend.view(waiting)), NOW, with_names=with_names
    )
    assert not re.search("@|＠|%40|&#64;|firm.example", text, re.IGNORECASE)
    assert "Re-Leased's contacts: " in text
    assert SECRET[:12] not in text
    assert "\x1b" not in text
    if not with_names:
        assert "zanzibar" not in text.lower()
        assert "quux" not in text.lower()
    assert contact_id(0) in text


async def test_longest_pending_contact_can_be_looked_up_in_re_leased(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("t", "i")
        assert "External ID" not in step(person, 3)
        assert person.bottom_line == "Every change is confirmed."
        await person.press("q")
        backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
        backend.publish_changes()
        await person.press("t")
        assert "Sync Results, entity Contacts, search by External ID" in step(person, 3)
        assert "i copies its External ID" in step(person, 3)
        await person.press("i")
        assert person.app.clipboard == contact_id(0)


@pytest.mark.parametrize(
    ("status", "is_asked"),
    [
        (ReLeasedStatus(zone=ZoneInfo("Pacific/Kiritimati")), True),
        (ReLeasedStatus(zone=ZoneInfo("Pacific/Kiritimati"), is_zone_chosen=True), False),
        (ReLeasedStatus(zone=ZoneInfo("Pacific/Kiritimati"), has_feed=True), False),
        # Unknown in Xero, or to Reshelve.
        (ReLeasedStatus(), True),
        # That of this computer, where the person is.
        (ReLeasedStatus(zone=NOW.astimezone().tzinfo), False),
    ],
)
async def test_sync_zone_is_asked_about_if_it_may_differ(
    backend: IdleEngine,
    status: ReLeasedStatus,
    is_asked: bool,  # noqa: FBT001 - pytest hands it over like this
) -> None:
    backend.is_sandbox = False
    backend.publish(re_leased=status)
    async with running(backend) as person:
        await person.press("t")
        asked = "Is the company in Re-Leased in " in step(person, 3)
        assert (
            asked
            == is_asked
            == (f"organisations.{backend.snapshot.organisation.tenant_id}.zone" in step(person, 3))
        )


@pytest.mark.parametrize(
    ("zone", "is_chosen", "company_zone", "is_named"),
    [
        ("Australia/Sydney", False, "Pacific/Auckland", True),
        # The user's own choice may be wrong, too.
        ("Australia/Sydney", True, "Pacific/Auckland", True),
        ("Pacific/Auckland", False, "Pacific/Auckland", False),
        # Two names for the same time, and two zones that differ in summer only.
        ("Australia/Melbourne", False, "Australia/Sydney", False),
        ("Australia/Brisbane", True, "Australia/Sydney", True),
    ],
)
async def test_company_zone_is_named_if_the_night_uses_another(
    backend: IdleEngine, *, zone: str, is_chosen: bool, company_zone: str, is_named: bool
) -> None:
    backend.is_sandbox = False
    contacts = ContactReading(ContactRead(NOW, ReadCounts(), company_zone))
    status = ReLeasedStatus(zone=ZoneInfo(zone), is_zone_chosen=is_chosen, contacts=contacts)
    backend.publish(re_leased=status)
    async with running(backend) as person:
        await person.press("t")
        setting = f"organisations.{backend.snapshot.organisation.tenant_id}.zone {company_zone}"
        assert (setting in " ".join(step(person, 3).split())) is is_named
        # What Re-Leased says isn't asked about.
        assert "Is the company in Re-Leased in " not in step(person, 3)
