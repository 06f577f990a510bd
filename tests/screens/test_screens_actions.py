"""Every action of the registry is run by its key in the app, and does what it is for.

An action without a scenario fails by its name. A scenario has to run its action with the key that it has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from support.comparisons import exported
from support.fake_account import FakeAccount
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW, contact_id
from support.screen_test import Driver, browser_into, running
from textual.actions import parse
from textual.command import CommandPalette
from textual.widgets import Input, OptionList, Static

from tui.actions import ACTIONS, current_keys, spec
from tui.app.app import ReshelveApp
from tui.app.keymap import _make_bindings
from tui.model.change import Action, State
from tui.model.contact import Balances, ContactStatus
from tui.model.query import Tab
from tui.model.re_leased import ConnectionTest, ContactReading, ReadCounts, ReLeasedContact
from tui.model.snapshot import ReLeasedStatus, SyncProgress
from tui.screens.changes.changes import ChangesScreen
from tui.screens.changes.year import YearScreen
from tui.screens.columns import ColumnsScreen
from tui.screens.compare.choose_file import ChooseFileScreen
from tui.screens.compare.compare import CompareScreen
from tui.screens.connect.connect import ConnectScreen
from tui.screens.connect.instructions import AppInstructionsScreen
from tui.screens.connect.organisations import OrganisationsScreen
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.dialogs.help import HelpScreen
from tui.screens.dialogs.keys import KeysScreen
from tui.screens.duplicates.duplicates import DuplicatesScreen
from tui.screens.invoice_check import InvoiceCheckScreen
from tui.screens.manual_restores import ManualRestoresScreen
from tui.screens.re_leased.troubleshoot import ConnectionTestScreen, TroubleshootScreen
from tui.screens.tenancy.tenant_groups import TenantGroupsScreen
from tui.screens.tidy.tidy import TidyScreen
from tui.system import browser

if TYPE_CHECKING:
    from tui.model.columns import ShownColumn

pytestmark = pytest.mark.slow


@dataclass
class User:
    """The user of the demo, whose first contact is active and whose sixth is archived."""

    person: Driver
    backend: IdleEngine
    opened: list[str]
    ran: list[str] = field(default_factory=list)

    async def use(self, action_id: str, *then: str) -> None:
        """Press the key that an action has now, and more keys."""
        first = next(iter(_make_bindings(current_keys(self.person.app, spec(action_id)))))
        await self.person.press(first.key, *then)

    async def press(self, *keys: str) -> None:
        """Press keys, to get where an action works."""
        await self.person.press(*keys)

    def sees(self, kind: Any) -> bool:
        return self.person.sees(kind)

    @property
    def says(self) -> str:
        return self.person.bottom_line

    @property
    def clipboard(self) -> str:
        return self.person.app.clipboard

    @property
    def selected(self) -> int:
        return len(self.person.main.table.selected)

    @property
    def columns(self) -> tuple[ShownColumn, ...]:
        return self.person.main.table.list_layout.columns

    @property
    def screen_year(self) -> int:
        screen = self.person.screen
        assert isinstance(screen, YearScreen)
        assert screen._summary is not None
        return screen._summary.year

    def called(self, name: str) -> bool:
        return any(call[0] == name for call in self.backend.calls)

    def state(self) -> State:
        """The state of the newest change."""
        return self.backend.changes_made[-1].state


Scenario: TypeAlias = Callable[[User], Awaitable[None]]
Prepare: TypeAlias = Callable[[IdleEngine], object]
SCENARIOS: Final[dict[str, tuple[Prepare, Scenario]]] = {}


def scenario(action_id: str, prepare: Prepare = lambda _: None) -> Callable[[Scenario], Scenario]:
    """Declare what an action does; `prepare` changes the organisation before it is opened."""

    def declared(run: Scenario) -> Scenario:
        assert action_id not in SCENARIOS, action_id
        SCENARIOS[action_id] = prepare, run
        return run

    return declared


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("action_id", [item.id for item in ACTIONS])
async def test_action_is_run_by_its_key(action_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert action_id in SCENARIOS, f"{action_id} has no scenario"
    prepare, run = SCENARIOS[action_id]
    backend = IdleEngine.with_contacts()
    prepare(backend)
    backend.publish_changes()
    user_ran: list[str] = []
    run_action = ReshelveApp.run_action

    async def recorded(app: ReshelveApp, action: Any, *where: Any, **named: Any) -> bool:
        is_handled = await run_action(app, action, *where, **named)
        if is_handled:
            user_ran.append(parse(action)[1] if isinstance(action, str) else action[1])
        return is_handled

    monkeypatch.setattr(ReshelveApp, "run_action", recorded)
    opened: list[str] = []
    monkeypatch.setattr(browser, "open_page", browser_into(opened))
    async with running(backend, (140, 40)) as person:
        await run(User(person, backend, opened, user_ran))
    assert action_id in user_ran


def test_every_scenario_is_of_an_action() -> None:
    assert set(SCENARIOS) == {item.id for item in ACTIONS}


# --- how organisations are prepared ---


def change(state: State, action: Action = Action.ARCHIVE, number: int = 0, count: int = 1) -> Prepare:
    """Contacts from this one on have a change in this state."""
    return lambda backend: [
        backend.put_change(each, action, state, words="On a repeating invoice")
        for each in range(number, number + count)
    ]


def restores(backend: IdleEngine) -> None:
    """Two restores wait for a click in Xero."""
    for number in (5, 12):
        backend.put_change(number, Action.RESTORE, State.AWAITING_USER)


def connection(backend: IdleEngine) -> None:
    """The organisation is connected to Re-Leased."""
    found = ConnectionTest(
        "Demo", NOW, ReadCounts(total=3), confirmable=2, examples=(ReLeasedContact("1", raw={"a": "b"}),)
    )

    async def read(_: object) -> ConnectionTest:
        return found

    vars(backend.comparison)["test_connection"] = read
    backend.publish(re_leased=ReLeasedStatus(contacts=ContactReading()))


async def compare(user: User) -> None:
    await user.press("f", "ctrl+u", *"~/x.csv", "enter")
    assert user.sees(CompareScreen)


# --- contacts ---


@scenario("archive")
async def _(user: User) -> None:
    await user.use("archive", "y")
    assert ("request", Action.ARCHIVE, (contact_id(0),)) in user.backend.calls


@scenario("restore")
async def _(user: User) -> None:
    await user.press("3")
    await user.use("restore", "y")
    assert user.backend.changes_made[-1].action is Action.RESTORE


@scenario("open")
async def _(user: User) -> None:
    await user.use("open")
    assert user.sees(ContactScreen)


@scenario("select")
async def _(user: User) -> None:
    await user.use("select")
    assert user.person.main.table.selected == {contact_id(0)}


@scenario("extend")
async def _(user: User) -> None:
    await user.press("shift+down", "shift+down")
    assert user.selected == 3


@scenario("select_all")
async def _(user: User) -> None:
    await user.use("select_all")
    assert user.selected == 30


@scenario("invert")
async def _(user: User) -> None:
    await user.press("space")
    await user.use("invert")
    assert user.selected == 29


@scenario("show_selected")
async def _(user: User) -> None:
    await user.press("space")
    await user.use("show_selected")
    assert user.person.shown == 1


@scenario("columns")
async def _(user: User) -> None:
    await user.use("columns")
    assert user.sees(ColumnsScreen)


@scenario("column_left")
async def _(user: User) -> None:
    await user.press("s", "down")
    await user.use("column_left")
    first = user.columns[0].key
    assert first != "name"


@scenario("column_right")
async def _(user: User) -> None:
    await user.press("s")
    await user.use("column_right")
    assert user.columns[1].key == "name"


@scenario("wider")
async def _(user: User) -> None:
    await user.press("s", "down")
    await user.use("wider")
    wide = user.columns[1].width
    await user.use("wider")
    assert user.columns[1].width == wide + 2


@scenario("narrower")
async def _(user: User) -> None:
    await user.press("s", "down", "plus")
    wide = user.columns[1].width
    await user.use("narrower")
    assert user.columns[1].width == wide - 2


@scenario("usual_columns")
async def _(user: User) -> None:
    await user.press("s", "plus")
    assert user.columns
    await user.use("usual_columns")
    assert not user.columns


@scenario("open_in_xero")
async def _(user: User) -> None:
    await user.use("open_in_xero")
    assert user.opened == [user.backend.contacts.url(contact_id(0))]


@scenario("next_contact")
async def _(user: User) -> None:
    await user.press("enter")
    await user.use("next_contact")
    await user.press("escape")
    assert user.person.cursor_name == "Aroha Tamihana"


@scenario("previous_contact")
async def _(user: User) -> None:
    await user.press("down", "enter")
    await user.use("previous_contact")
    await user.press("escape")
    assert user.person.cursor_name == "Abel Tasman Lettings"


@scenario(
    "open_survivor",
    lambda backend: backend.edit(0, status=ContactStatus.ARCHIVED, merged_to=contact_id(2)),
)
async def _(user: User) -> None:
    await user.use("open_survivor")
    assert "Bayside Club" in str(user.person.screen.query_one("#heading", Static).content)


@scenario("copy_field")
async def _(user: User) -> None:
    await user.press("enter")
    await user.use("copy_field", "enter")
    assert user.clipboard == "Abel Tasman Lettings"


@scenario("copy")
async def _(user: User) -> None:
    await user.use("copy")
    assert user.clipboard == user.backend.contacts.url(contact_id(0))


@scenario("copy_contact_id")
async def _(user: User) -> None:
    await user.press("enter")
    await user.use("copy_contact_id")
    assert user.clipboard == contact_id(0)


# --- search and refresh ---


@scenario("search")
async def _(user: User) -> None:
    await user.use("search", *"bay")
    assert user.person.shown == 3


@scenario("search_everywhere")
async def _(user: User) -> None:
    await user.press("/", *"bay")
    await user.use("search_everywhere", "down", "enter")
    assert user.person.cursor_name.startswith("Bay")
    assert user.person.shown == 3


def years(backend: IdleEngine) -> None:
    """A change was confirmed this year, and one the year before."""
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    backend._store._database._writer.execute(
        "UPDATE changes SET confirmed_ms = confirmed_ms - 366 * 86400000 WHERE change_id = 1"
    )


@scenario("year", years)
async def _(user: User) -> None:
    await user.press("l")
    await user.use("year")
    assert user.sees(YearScreen)


@scenario("previous_year", years)
async def _(user: User) -> None:
    await user.press("l", "B")
    await user.use("previous_year")
    assert user.screen_year == NOW.astimezone().year - 1


@scenario("next_year", years)
async def _(user: User) -> None:
    await user.press("l", "B", "[")
    await user.use("next_year")
    assert user.screen_year == NOW.astimezone().year


@scenario("invoice_check")
async def _(user: User) -> None:
    await user.use("invoice_check", *"boulder")
    assert user.sees(InvoiceCheckScreen)
    assert ("check_invoice", "boulder", 20) in user.person.account.calls


@scenario("approve_drafts")
async def _(user: User) -> None:
    await user.press("F", *"boulder", "enter")
    await user.use("approve_drafts")
    assert user.says.startswith("Kept on this computer")
    assert user.person.account.approved


async def save_search(user: User) -> None:
    """Save the search for "bay" under this name."""
    await user.press("/", *"bay")
    await user.use("saved_searches", "enter", "enter")


@scenario("saved_searches")
async def _(user: User) -> None:
    await save_search(user)
    await user.press("escape", "escape")
    await user.use("saved_searches", "1")
    assert user.person.main.search.text == "bay"
    assert user.person.shown == 3


@scenario("rename_search")
async def _(user: User) -> None:
    await save_search(user)
    await user.use("rename_search", *"Bays", "enter")
    assert [each.name for each in user.person.main.finder.saved_searches.searches] == ["Bays"]


@scenario("delete_search")
async def _(user: User) -> None:
    await save_search(user)
    await user.use("delete_search", "y")
    assert user.person.main.finder.saved_searches.searches == ()


@scenario("clear")
async def _(user: User) -> None:
    await user.press("space")
    await user.use("clear")
    assert user.selected == 0
    await user.use("clear")
    assert user.says.startswith("Nothing to clear")


@scenario("tab_all")
async def _(user: User) -> None:
    await user.press("2")
    await user.use("tab_all")
    assert user.person.tab is Tab.ALL


@scenario("tab_active")
async def _(user: User) -> None:
    await user.use("tab_active")
    assert user.person.tab is Tab.ACTIVE
    await user.use("tab_active")
    assert user.says == "This tab is already open."
    await user.press("3")
    assert "already open" not in user.says


@scenario("tab_archived")
async def _(user: User) -> None:
    await user.use("tab_archived")
    assert user.person.tab is Tab.ARCHIVED


@scenario("refresh")
async def _(user: User) -> None:
    await user.use("refresh")
    assert user.called("refresh")


@scenario("pause_sync", lambda backend: backend.publish(progress=SyncProgress(12, 30)))
async def _(user: User) -> None:
    await user.use("pause_sync")
    progress = user.backend.snapshot.progress
    assert progress is not None
    assert progress.is_paused


# --- changes ---


@scenario("undo", change(State.QUEUED))
async def _(user: User) -> None:
    await user.use("undo", "y")
    assert user.state() is State.CANCELLED


@scenario("redo", change(State.QUEUED))
async def _(user: User) -> None:
    await user.press("u", "y")
    await user.use("redo", "y")
    assert user.state() is State.QUEUED


@scenario("changes")
async def _(user: User) -> None:
    await user.use("changes")
    assert user.sees(ChangesScreen)


@scenario("pause")
async def _(user: User) -> None:
    await user.use("pause", "y")
    assert user.backend.snapshot.is_paused


@scenario("retry_contact", change(State.REFUSED))
async def _(user: User) -> None:
    await user.use("retry_contact")
    assert user.says == "Retrying."
    assert user.state() is State.QUEUED


def _group(action_id: str, state: State, *, is_there: bool = True) -> None:
    @scenario(action_id, change(state))
    async def _(user: User) -> None:
        await user.press("l", "5" if action_id == "group_all" else "1")
        await user.use(action_id)
        screen = user.person.screen
        assert isinstance(screen, ChangesScreen)
        assert screen.list.window.total == is_there
        assert screen.groups.group == action_id.removeprefix("group_")


_group("group_all", State.QUEUED)
_group("group_open", State.QUEUED)
_group("group_refused", State.REFUSED)
_group("group_pending", State.CONFIRMED)
_group("group_done", State.CANCELLED)


@scenario("retry", change(State.REFUSED))
async def _(user: User) -> None:
    await user.press("l")
    await user.use("retry")
    assert user.says == "Retrying."
    assert user.state() is State.QUEUED


@scenario("cancel_change", change(State.QUEUED))
async def _(user: User) -> None:
    await user.press("l")
    await user.use("cancel_change", "y")
    assert user.state() is State.CANCELLED


@scenario("export", change(State.CONFIRMED))
async def _(user: User) -> None:
    await user.press("l")
    await user.use("export", "enter")
    [file] = Path.home().glob("*.csv")
    assert "Abel Tasman Lettings" in file.read_text("utf-8-sig")


# --- restores to finish ---


@scenario("manual_restores", restores)
async def _(user: User) -> None:
    await user.use("manual_restores")
    assert user.sees(ManualRestoresScreen)


def duplicates(backend: IdleEngine) -> None:
    """The first contact is there twice."""
    backend.edit(1, name="Abel Tasman Lettings Limited")


@scenario("duplicates", duplicates)
async def _(user: User) -> None:
    await user.use("duplicates")
    assert user.sees(DuplicatesScreen)


@scenario("not_duplicates", duplicates)
async def _(user: User) -> None:
    await user.press("D")
    await user.use("not_duplicates")
    assert user.backend.duplicates.dismissed() == {(contact_id(0), contact_id(1))}


@scenario("open_group", duplicates)
async def _(user: User) -> None:
    await user.press("D")
    await user.use("open_group")
    assert sorted(user.opened) == [user.backend.contacts.url(contact_id(number)) for number in (0, 1)]


@scenario("copy_group", duplicates)
async def _(user: User) -> None:
    await user.press("D")
    await user.use("copy_group")
    assert len(user.clipboard.splitlines()) == 2


@scenario("open_next", restores)
async def _(user: User) -> None:
    await user.press("h")
    await user.use("open_next")
    assert len(user.opened) == 2


@scenario("copy_all", restores)
async def _(user: User) -> None:
    await user.press("h")
    await user.use("copy_all")
    assert len(user.clipboard.splitlines()) == 2


@scenario("simulate_restore", restores)
async def _(user: User) -> None:
    await user.press("h")
    await user.use("simulate_restore")
    assert user.backend.known[contact_id(5)].status is ContactStatus.ACTIVE


@scenario("stop_waiting", restores)
async def _(user: User) -> None:
    await user.press("h")
    await user.use("stop_waiting")
    await user.use("stop_waiting")
    assert user.backend.changes_made[0].state is State.DISMISSED
    assert user.says == "Stopped waiting for 1 restore. Nothing changed in Xero."


# --- Re-Leased ---


@scenario("manual_sync")
async def _(user: User) -> None:
    await user.use("manual_sync", "enter")
    assert user.backend.snapshot.re_leased.reported_sync_since is not None


@scenario("troubleshoot")
async def _(user: User) -> None:
    await user.use("troubleshoot")
    assert user.sees(TroubleshootScreen)


@scenario("sync_overview")
async def _(user: User) -> None:
    await user.press("t")
    await user.use("sync_overview", "g", "g", "enter")
    assert user.called("report_company_state")


@scenario("test_connection", connection)
async def _(user: User) -> None:
    await user.press("t")
    await user.use("test_connection")
    assert user.sees(ConnectionTestScreen)


@scenario("show_values", connection)
async def _(user: User) -> None:
    await user.press("t", "T")
    report = user.person.screen.query_one("#report", Static)
    before = str(report.content)
    await user.use("show_values")
    assert str(report.content) != before


@scenario("copy_report")
async def _(user: User) -> None:
    await user.press("t")
    await user.use("copy_report")
    assert "Reshelve" in user.clipboard


@scenario("save_report")
async def _(user: User) -> None:
    await user.press("t")
    await user.use("save_report", "enter")
    assert [*Path.home().glob("*.txt")]


@scenario("compare")
async def _(user: User) -> None:
    await user.use("compare")
    assert user.sees(ChooseFileScreen)


@scenario("mark_synced", exported)
async def _(user: User) -> None:
    await compare(user)
    await user.use("mark_synced", "y")
    assert user.called("record_matches")
    assert user.says.startswith("Recorded: ")


def _kind(action_id: str) -> None:
    @scenario(action_id, exported)
    async def _(user: User) -> None:
        await compare(user)
        await user.press("2" if action_id == "kind_differ" else "1")
        await user.use(action_id)
        screen = user.person.screen
        assert isinstance(screen, CompareScreen)
        assert screen.lines.kind == action_id.removeprefix("kind_")


for _item in ACTIONS:
    if _item.id.startswith("kind_"):
        _kind(_item.id)


@scenario("mark_checked", change(State.CONFIRMED))
async def _(user: User) -> None:
    await user.press("enter")
    await user.use("mark_checked", "y")
    assert user.called("report_contact_checked")


@scenario("mark_not_linked")
async def _(user: User) -> None:
    await user.press("enter")
    await user.use("mark_not_linked", "g", "g", "enter")
    assert user.called("report_unlinked")


@scenario("tenant_groups")
async def _(user: User) -> None:
    await user.use("tenant_groups", "space")
    assert user.sees(TenantGroupsScreen)
    assert user.backend.marked == {"Tenants"}


@scenario("tidy")
async def _(user: User) -> None:
    await user.use("tidy")
    assert user.sees(TidyScreen)


@scenario("keep")
async def _(user: User) -> None:
    await user.use("keep")
    assert user.backend._store.marks.all().kept == {contact_id(0)}


@scenario("protect")
async def _(user: User) -> None:
    await user.use("protect")
    assert user.backend._store.marks.all().protected == {contact_id(0)}


@scenario("leave_out")
async def _(user: User) -> None:
    user.backend.edit(0, balances=Balances(receivable=100))
    await user.press("a")
    await user.use("leave_out")
    assert "Leave out" not in user.says
    assert "Include 1 with a warning" in user.says


# --- organisations ---


@scenario("organisations")
async def _(user: User) -> None:
    await user.use("organisations")
    assert user.sees(OrganisationsScreen)
    await user.use("organisations")
    assert user.says == "This is the list of organisations."


@scenario("connect")
async def _(user: User) -> None:
    await user.use("connect")
    assert user.sees(ConnectScreen)


@scenario("disconnect")
async def _(user: User) -> None:
    await user.press("ctrl+o")
    await user.use("disconnect", "y")
    assert isinstance(user.person.account, FakeAccount)
    assert any(call[0] == "disconnect" for call in user.person.account.calls)


@scenario("preview")
async def _(user: User) -> None:
    await user.use("preview")
    assert user.person.main.table.list_layout.has_preview
    assert user.person.main.query_one("#preview").display


@scenario("app_instructions")
async def _(user: User) -> None:
    # The practice Xero needs no app.
    user.person.account.is_sandbox = False
    await user.press("c")
    await user.use("app_instructions")
    assert user.sees(AppInstructionsScreen)


@scenario("copy_instructions")
async def _(user: User) -> None:
    # The practice Xero needs no app.
    user.person.account.is_sandbox = False
    await user.press("c", "f7")
    await user.use("copy_instructions")
    assert "redirect URI" in user.clipboard


@scenario("save_instructions")
async def _(user: User) -> None:
    # The practice Xero needs no app.
    user.person.account.is_sandbox = False
    await user.press("c", "f7")
    await user.use("save_instructions", "enter")
    saved = [file.read_text(encoding="utf-8") for file in Path.home().glob("*.txt")]
    assert any("redirect URI" in text for text in saved)


@scenario("copy_address")
async def _(user: User) -> None:
    # The practice Xero needs no app.
    user.person.account.is_sandbox = False
    await user.press("c", "f7")
    await user.use("copy_address")
    assert user.clipboard == user.person.account.redirect_uri


# --- dialogs ---


@scenario("confirm")
async def _(user: User) -> None:
    await user.press("P")
    await user.use("confirm")
    assert user.backend.snapshot.is_paused


@scenario("cancel")
async def _(user: User) -> None:
    await user.press("a")
    assert user.sees(ConfirmScreen)
    await user.use("cancel")
    assert user.person.is_home
    assert not user.backend.changes_made


@scenario("back")
async def _(user: User) -> None:
    await user.press("l")
    await user.use("back")
    assert user.person.is_home


# --- everywhere ---


@scenario("help")
async def _(user: User) -> None:
    await user.use("help")
    assert user.sees(HelpScreen)


@scenario("command_palette")
async def _(user: User) -> None:
    await user.use("command_palette")
    assert user.sees(CommandPalette)


@scenario("change_keys")
async def _(user: User) -> None:
    await user.use("change_keys")
    assert user.sees(KeysScreen)


@scenario("reset_keys")
async def _(user: User) -> None:
    await user.press("K", "/", "a", "enter", "enter", "J", "enter")
    assert current_keys(user.person.app, spec("archive")) == "J"
    await user.use("reset_keys")
    assert current_keys(user.person.app, spec("archive")) == "a"


@scenario("change_theme")
async def _(user: User) -> None:
    # It has no key: the palette runs it.
    await user.press("ctrl+p", *"change colours")
    await user.person.until(lambda: bool(user.person.screen.query_one(OptionList).option_count))
    await user.press("enter")
    await user.person.until(lambda: user.sees(CommandPalette))
    assert "theme" in user.person.screen.query_one(Input).placeholder


@scenario("quit")
async def _(user: User) -> None:
    await user.person.pilot.press("q")
    assert user.person.app._exit


@scenario("interrupt")
async def _(user: User) -> None:
    await user.press("P")
    assert user.sees(AskScreen)
    await user.person.pilot.press("ctrl+c")
    assert user.person.app._exit
