from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.fake_account import FakeAccount, organisation
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW
from support.screen_test import Driver, running
from textual.events import AppBlur, AppFocus
from textual.widgets import OptionList, Static

from tui.actions import ActionCommands, current_key
from tui.app.app import ReshelveApp
from tui.model.account import OrganisationSummary
from tui.model.errors import OfflineError
from tui.model.reasons import SignInReason, XeroReason
from tui.model.snapshot import ReLeasedStatus
from tui.screens.connect.connect import ConnectScreen
from tui.screens.connect.formatting import line
from tui.screens.connect.organisations import OrganisationsScreen
from tui.screens.connect.welcome import WelcomeScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.main import MainScreen
from tui.widgets import clock
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui.model.contact import Organisation

pytestmark = pytest.mark.slow

OTHERS = (
    OrganisationSummary(organisation(2, "Kererū Management", sign_in="a"), 3, 2),
    OrganisationSummary(organisation(3, "Bay Lettings", sign_in="a", is_read_only=True)),
    OrganisationSummary(organisation(4, "Old Mill Trust", sign_in="b"), 0, 0, is_removed=True),
)


def lines(person: Driver) -> list[str]:
    options = person.screen.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]


def state(person: Driver) -> str:
    return person.screen.query_one("#state", SafeLabel).text


def current(person: Driver) -> str:
    screen = person.screen
    assert isinstance(screen, OrganisationsScreen)
    return screen._current.organisation.name if screen._current else ""


async def open_list(person: Driver, *others: OrganisationSummary) -> None:
    person.account.listed += others
    await person.press("ctrl+o")


async def test_every_organisation_shows_its_status(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.is_sandbox = False
        await open_list(person, *OTHERS)
        here, kereru, bay, old = lines(person)
        assert here.startswith("● Demo Company (NZ)")
        assert "nothing pending" in here
        assert kereru.startswith("○ Kererū Management")
        assert kereru.endswith("3 pending sync, 2 not in Xero")
        assert bay.endswith("read-only  not opened yet")
        assert old.startswith("✗ Old Mill Trust")
        assert old.endswith("removed in Xero")
        assert state(person) == "Up to date."


async def test_list_opens_with_known_organisations_and_follows_xero(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.look_gate.clear()
        await person.pilot.press("ctrl+o")
        await person.until(lambda: person.sees(OrganisationsScreen) and len(lines(person)) == 1)
        assert state(person).startswith("Refreshing from Xero")
        person.account.connects(organisation(7, "New Zealand Villas"))
        person.account.look_gate.set()
        await person.until(lambda: len(lines(person)) == 2)


async def test_names_are_shown_before_the_counts(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.count_gate.clear()
        person.account.listed += OTHERS
        await person.pilot.press("ctrl+o")
        await person.until(lambda: person.sees(OrganisationsScreen) and len(lines(person)) == 4)
        assert lines(person)[1].endswith(" …")
        assert lines(person)[3].endswith("removed in Xero")
        person.account.count_gate.set()
        await person.until(lambda: lines(person)[1].endswith("3 pending sync, 2 not in Xero"))


async def test_list_stays_while_offline(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.fail("refresh", OfflineError(XeroReason.OFFLINE))
        await open_list(person, *OTHERS)
        assert "saved data" in state(person)
        assert len(lines(person)) == 4


async def test_enter_opens_an_organisation_and_the_key_reopens_the_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, *OTHERS)
        await person.press("down", "enter")
        assert person.is_home
        assert "Kererū Management" in person.title
        await person.press("ctrl+o")
        assert current(person) == "Kererū Management"
        await person.press("home", "enter")
        assert "Demo Company (NZ)" in person.title


async def test_opened_organisation_counts_as_attended(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, OTHERS[0])
        await person.press("down", "enter")
        assert person.account.backends[OTHERS[0].organisation.tenant_id].attended == 1


async def test_click_opens_an_organisation(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, *OTHERS)
        await person.pilot.click("#list", offset=(5, 1))
        await person.settle()
        assert "Kererū Management" in person.title


async def test_a_click_on_the_name_in_the_title_shows_all(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.pilot.click("TitleBar", offset=(person.title.index("Demo") + 1, 0))
        await person.settle()
        assert person.sees(OrganisationsScreen)


async def test_choosing_the_open_organisation_changes_nothing(backend: IdleEngine) -> None:
    async with running(backend) as person:
        before = person.main
        await open_list(person)
        await person.press("enter")
        assert person.main is before
    assert person.account.calls.count(("open", "t1")) == 1


async def test_each_organisation_has_its_own_clock(backend: IdleEngine) -> None:
    async with running(backend) as person:
        backend.publish(clock_ahead=timedelta(minutes=10))
        first = person.main
        await open_list(person, OTHERS[0])
        await person.press("down", "enter")
        second = person.main
        other = person.account.backends[OTHERS[0].organisation.tenant_id]
        other.publish(clock_ahead=timedelta(minutes=-3))
        for _ in range(3):
            for screen in (first, second):
                screen.tick()
                assert first.now() == NOW - timedelta(minutes=10)
                assert second.now() == NOW + timedelta(minutes=3)


async def test_hidden_screens_do_not_update_the_time(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticked: set[Screen[None]] = set()
    monkeypatch.setattr(MainScreen, "tick", lambda screen: ticked.add(screen))  # noqa: PLW0108 - a method
    async with running(backend) as person:
        first = person.main
        await open_list(person, OTHERS[0])
        person.app._tick()
        # It is still visible behind the list.
        assert ticked == {first}
        await person.press("down", "enter")
        ticked.clear()
        person.app._tick()
        assert person.main is not first
        assert ticked == {person.main}
        assert not [timer for timer in first._timers if timer._active.is_set()]


@pytest.mark.parametrize(("minutes", "expected"), [(3, 20), (50, 4)], ids=["seconds", "minutes"])
async def test_times_are_formatted_each_second_only_for_a_countdown_of_seconds(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch, minutes: int, expected: int
) -> None:
    seconds = 0
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=seconds))
    async with running(backend) as person:
        backend.publish(re_leased=ReLeasedStatus(next_sync_at=NOW + timedelta(minutes=minutes)))
        await person.settle()
        formatted: list[object] = []
        monkeypatch.setattr(TitleBar, "update_from", lambda *shown: formatted.append(shown))
        for seconds in range(1, 21):  # noqa: B007 - read by the clock
            person.app._tick()
    assert len(formatted) == expected


async def test_a_terminal_without_the_focus_counts_more_slowly(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[Screen[None]] = []
    monkeypatch.setattr(MainScreen, "tick", lambda screen: ticks.append(screen))  # noqa: PLW0108 - a method

    async def ticks_of(person: Driver, event: AppFocus | AppBlur) -> int:
        person.app.post_message(event)
        await person.settle()
        ticks.clear()
        for _ in range(20):
            person.app._tick()
        return len(ticks)

    async with running(backend) as person:
        assert await ticks_of(person, AppBlur()) == 2
        person.app.post_message(AppFocus())
        await person.settle()
        # At once, when it has the focus again.
        assert ticks
        assert await ticks_of(person, AppFocus()) == 20


async def test_the_engine_is_told_whether_the_terminal_has_the_focus(backend: IdleEngine) -> None:
    async with running(backend) as person:
        for event in (AppBlur(), AppBlur(), AppFocus(), AppBlur()):
            person.app.post_message(event)
            await person.settle()
        # A key proves the focus, even if the terminal doesn't report it.
        await person.press("down")
        assert backend.focus_reports == [False, True, False, True]


async def test_a_terminal_that_never_reports_the_focus_is_taken_to_have_it(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("down", "l", "escape")
        assert backend.focus_reports == []


async def test_screen_shown_again_is_up_to_date(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, OTHERS[0])
        await person.press("down", "enter")
        backend.publish(is_paused=True)
        await person.press("ctrl+o", "home", "enter")
        assert person.main.query_one(PausedBanner).display


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_escape_closes_the_list(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await open_list(person, *OTHERS)
        await person.press(key)
        assert person.is_home


async def test_list_opens_from_the_search_box_and_from_dialogs(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "ctrl+o")
        assert person.sees(OrganisationsScreen)
        await person.press("escape", "escape", "escape", "enter", "ctrl+o")
        assert person.sees(OrganisationsScreen)


async def test_many_organisations_can_be_searched(backend: IdleEngine) -> None:
    many = [OrganisationSummary(organisation(number, f"Trust {number}")) for number in range(10, 210)]
    async with running(backend) as person:
        await open_list(person, *OTHERS, *many)
        assert len(lines(person)) == 204
        await person.press("/", *"kereru")
        assert [each.split()[1] for each in lines(person)] == ["Kererū"]
        await person.press("escape")
        assert len(lines(person)) == 204
        await person.press("/", *"trust 205", "down")
        assert person.app.focused is person.screen.query_one(OptionList)
        await person.press("enter")
        assert "Trust 205" in person.title


async def test_search_without_matches_opens_nothing(backend: IdleEngine) -> None:
    many = [OrganisationSummary(organisation(number)) for number in range(10, 30)]
    async with running(backend) as person:
        await open_list(person, *many)
        await person.press("/", *"zzz", "enter")
        assert person.sees(OrganisationsScreen)
        assert person.bottom_line == "No organisation to open."
        await person.press("escape", "escape")
        assert person.is_home


async def test_few_organisations_have_no_search_box(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, *OTHERS)
        assert not person.screen.query_one("#filter").display
        await person.press("/")
        assert person.app.focused is person.screen.query_one(OptionList)


async def test_another_organisation_is_connected_from_the_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, *OTHERS)
        await person.press("c")
        assert person.sees(ConnectScreen)
        person.account.connects(organisation(8, "Added since"))
        await person.press("escape")
        assert any("Added since" in each for each in lines(person))


async def test_disconnecting_names_all_affected_organisations_and_asks(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person, *OTHERS)
        await person.press("down", "d")
        assert person.sees(AskScreen)
        said = [part.text for part in person.screen.query(SafeLabel)]
        assert "• Kererū Management" in said
        assert "• Bay Lettings" in said
        assert not any("Old Mill" in words for words in said)
        assert "change logs stay" in said[-1]
        await person.press("enter")
        assert ("disconnect", "a") not in person.account.calls
        await person.press("d", "y")
        assert ("disconnect", "a") in person.account.calls
        assert len(lines(person)) == 2
        assert person.bottom_line.startswith("Disconnected 2 organisations.")


async def test_failed_disconnection_is_reported(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.account.fail("disconnect", OfflineError(SignInReason.SERVICE_UNREACHABLE, is_retried=False))
        await open_list(person, *OTHERS)
        await person.press("down", "d", "y")
        assert person.bottom_line.startswith("Can't reach Xero's sign-in service. Nothing changed.")
        assert len(lines(person)) == 4


@pytest.mark.parametrize("way", ["key", "click", "palette"])
async def test_read_only_mode_has_no_disconnection(backend: IdleEngine, way: str) -> None:
    async with running(backend) as person:
        person.account.is_read_only = True
        await open_list(person, *OTHERS)
        assert "Disconnect" not in person.bottom_line
        assert "Connect another" in person.bottom_line
        assert "READ ONLY" in person.screen.query_one(KeyBar).text
        assert current_key(person.app, "disconnect") == ""
        if way == "key":
            await person.press("d")
        elif way == "click":
            await person.app.run_action("simulate_key('d')")
        else:
            assert "disconnect" not in [each.id for each, _ in ActionCommands(person.screen)._offered()]
            await person.app.run_action("disconnect", person.screen)
        await person.settle()
        assert person.sees(OrganisationsScreen)
        assert "--read-only" in person.bottom_line
        await person.press("?")
        assert "Disconnect the sign-in" not in " ".join(
            str(part.content) for part in person.screen.query(Static)
        )
    assert ("disconnect", "a") not in person.account.calls


async def test_a_connection_that_is_read_only_can_be_disconnected_here() -> None:
    """Its permissions come from Xero; they don't protect it from being disconnected."""
    backend = IdleEngine.with_contacts(organisation=organisation(1, is_read_only=True))
    async with running(backend) as person:
        await open_list(person)
        assert "Disconnect" in person.bottom_line
        await person.press("d", "y")
        assert [call for call in person.account.calls if call[0] == "disconnect"]


async def test_read_only_mode_shows_before_anything_is_connected() -> None:
    account = FakeAccount(is_read_only=True)
    app = ReshelveApp(account, None)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "READ ONLY" in app.screen.query_one(KeyBar).text
        account.release()


async def test_disconnecting_the_last_organisation_opens_the_welcome(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await open_list(person)
        await person.press("d", "y")
        assert lines(person) == []
        assert person.bottom_line.startswith("Disconnected 1 organisation.")
        await person.press("d")
        assert person.bottom_line == "No organisation to disconnect."
        await person.press("escape")
        assert person.sees(WelcomeScreen)


@pytest.mark.parametrize("width", [28, 46, 70, 96])
@pytest.mark.parametrize(
    "one",
    [
        organisation(1, "A"),
        organisation(
            2, "[b]物件管理[/b] \x1b[31mred and very long indeed " * 3, is_demo=True, is_read_only=True
        ),
    ],
)
def test_lines_are_as_wide_as_the_list(one: Organisation, width: int) -> None:
    for pending, is_practice in ((1402, True), (None, False)):
        shown = line(
            OrganisationSummary(one, pending, None if pending is None else 12),
            width,
            is_open=False,
            is_practice=is_practice,
        )
        assert shown.cell_length <= width
        assert "\x1b" not in shown.plain
        if width > 60:
            assert shown.cell_length == width


async def test_each_organisation_keeps_its_search_and_mark() -> None:
    demo = IdleEngine.with_contacts(is_sandbox=False, organisation=organisation(1, is_demo=True))
    async with running(demo) as person:
        person.account.is_sandbox = False
        await person.press("/", *"bay")
        assert person.marks == ["DEMO COMPANY"]
        await open_list(person, OrganisationSummary(organisation(2, "Real Books")))
        await person.press("down", "enter")
        assert person.marks == []
        await person.press("ctrl+o", "home", "enter")
        assert person.main.search.text == "bay"
        assert person.marks == ["DEMO COMPANY"]
