from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.fake_backend import NOW, FakeBackend, contact_id
from support.screen_test import Driver, running
from textual.widgets import Input, OptionList, Static

from tui import __version__
from tui.model.change import Action, State
from tui.model.contact import Organisation
from tui.model.evidence import Grade
from tui.model.snapshot import Link, ReleasedLink, XeroLink
from tui.model.telling import CompanyState
from tui.screens.activity import ActivityScreen
from tui.screens.choosing import ChoosingScreen
from tui.screens.naming import NameScreen
from tui.screens.sync_start import SyncStartScreen
from tui.screens.troubleshoot import TroubleshootScreen
from tui.widgets.choice import Choice

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjFDQUY4RTY2NzcyRDZEQzAyOEQ2NzI2RkQwMjYxNTgx"


def step(person: Driver, place: int) -> str:
    assert person.sees(TroubleshootScreen)
    return str(person.screen.query_one(f"#step-{place - 1}", Static).content)


async def test_all_is_well(backend: FakeBackend) -> None:
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 1).startswith("✓ 1. Connection and settings")
        assert (
            "answered at 12:41:07; last read 3 h ago; this connection may read and change contacts"
            in step(person, 1)
        )
        assert "“Successfully synced”, as its feed says" in step(person, 1)
        assert "the one tied to Demo Company (NZ)" in step(person, 1)
        assert step(person, 2).startswith("✓ 2. ")
        assert step(person, 3).startswith("✓ 3. ")
        assert "Next practice sync in 0:32" in step(person, 3)
        assert "from within Re-Leased" in step(person, 4)
        assert "@" not in step(person, 4)
        await person.press("q")
        assert person.is_home


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (XeroLink(Link.RECONNECT, detail="The sign-in to Xero has ended."), "The sign-in to Xero has ended."),
        (XeroLink(Link.OFFLINE, detail="Xero can't be reached."), "Xero can't be reached."),
    ],
)
async def test_trouble_with_xero(backend: FakeBackend, link: XeroLink, said: str) -> None:
    async with running(backend) as person:
        await person.press("t")
        await person.hears(xero=link)
        assert step(person, 1).startswith("✗ 1. ")
        assert said in step(person, 1)
        assert ("c signs in" in step(person, 1)) == (link.link is Link.RECONNECT)


async def test_a_connection_that_may_only_read(backend: FakeBackend) -> None:
    backend.publish(organisation=Organisation("t1", "Demo Company (NZ)", "!Qj35V", is_read_only=True))
    async with running(backend) as person:
        await person.press("t")
        assert "may only read" in step(person, 1)


@pytest.mark.parametrize("state", CompanyState)
async def test_what_sync_overview_shows_is_told(backend: FakeBackend, state: CompanyState) -> None:
    backend.publish(released=ReleasedLink())
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 1).startswith("? 1. ")
        assert "nobody has said yet" in step(person, 1)
        await person.press("w")
        assert person.sees(ChoosingScreen)
        answers = person.screen.query_one(OptionList)
        assert answers.option_count == len(CompanyState) + 1
        answers.highlighted = answers.get_option_index(state.value)
        await person.press("enter")
        assert ("tell_state", state) in backend.calls
        assert f"“{state.value}”, told just now." in step(person, 1)
        works = state in {CompanyState.SYNCED, CompanyState.IN_PROGRESS}
        assert step(person, 1).startswith("✓" if works else "✗")


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_nothing_is_told_unless_it_is_chosen(backend: FakeBackend, key: str) -> None:
    async with running(backend) as person:
        await person.press("t", "w")
        assert person.sees(ChoosingScreen)
        await person.press(key)
    assert not [call for call in backend.calls if call[0] == "tell_state"]


async def test_refusals_stand_in_xeros_words(backend: FakeBackend) -> None:
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
            assert person.sees(ActivityScreen)
            await person.press("escape")


async def test_waiting_names_the_oldest_and_what_is_overdue(backend: FakeBackend) -> None:
    for number in range(12):
        backend.put_change(number, Action.ARCHIVE, State.CONFIRMED, Grade.OVERDUE if number == 3 else None)
    oldest = backend.changes_made[0]
    backend.changes_made[0] = replace(oldest, confirmed_at=NOW - timedelta(days=4))
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 3).startswith("✗ 3. ")
        assert "1 overdue: a sync without errors left it out. 11 changes pending." in step(person, 3)
        assert "longest: Abel Tasman Lettings, archive confirmed by Xero 4 days ago. It waits" in step(
            person, 3
        )
        await person.press("m")
        assert person.sees(SyncStartScreen)


async def test_what_is_only_expected_is_called_so(backend: FakeBackend) -> None:
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, Grade.EXPECTED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t")
        assert step(person, 3).startswith("~ 3. ")
        assert "Nothing is pending, overdue or stalled." in step(person, 3)
        assert "It is expected: a nightly sync was due by 5 Mar" in step(person, 3)


async def test_before_the_journal_is_read_nothing_is_claimed(backend: FakeBackend) -> None:
    backend.publish(pane=None)
    async with running(backend) as person:
        await person.press("t")
        for place in (2, 3):
            assert step(person, place).startswith("?")
        await person.press("y")
        assert person.app.clipboard


@pytest.fixture
def telltale(backend: FakeBackend) -> FakeBackend:
    """A refusal whose words hold what must not get out."""
    words = f"Abel Tasman Lettings and “Bayside Club” of pat@firm.example, Bearer {SECRET}"
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words=words)
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes(xero=XeroLink(Link.OFFLINE, detail="Refused for pat@firm.example."))
    return backend


async def test_the_report_names_nobody(telltale: FakeBackend) -> None:
    async with running(telltale) as person:
        await person.press("t", "y")
        report = person.app.clipboard
        for kept in (__version__, contact_id(0), contact_id(1), "1 refused, 1 waiting", "offline", "archive"):
            assert kept in report
        for private in ("Abel", "Aroha", "Bayside", "Demo Company", "@", SECRET):
            assert private not in report
        assert "Read it before you send it" in person.bottom_line


async def test_the_report_has_names_where_they_are_wanted(telltale: FakeBackend) -> None:
    async with running(telltale) as person:
        await person.press("t")
        person.screen.query_one(Choice).value = True
        await person.press("y")
        for wanted in ("Abel Tasman Lettings", "Aroha Tamihana", "Demo Company (NZ)"):
            assert wanted in person.app.clipboard
        for secret in ("@", SECRET):
            assert secret not in person.app.clipboard


async def test_the_report_is_written_to_a_file(telltale: FakeBackend, tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    async with running(telltale) as person:
        await person.press("t", "y", "e")
        assert person.sees(NameScreen)
        person.screen.query_one(Input).value = str(file)
        await person.press("enter")
        assert person.bottom_line.startswith("The report is written to ")
        assert file.read_text(encoding="utf-8") == person.app.clipboard


async def test_a_file_that_cannot_be_written_is_said(
    telltale: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with running(telltale) as person:
        await person.press("t", "e")
        person.screen.query_one(Input).value = str(tmp_path / "report.txt")
        monkeypatch.setattr("pathlib.Path.write_text", full)
        await person.press("enter")
        assert person.bottom_line == "The report can't be written: No space left on device. e asks again."


async def test_news_is_looked_for(backend: FakeBackend) -> None:
    async with running(backend) as person:
        await person.press("t", "f5")
        assert ("refresh",) in backend.calls
