"""What the app tells the terminal: its title, and news while another window has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from rich.color import ColorType
from support.effort import some
from support.idle_engine import IdleEngine
from support.screen_test import Driver, running
from textual.events import AppBlur, AppFocus

from tui.app.app import ReshelveApp
from tui.app.change_notifier import ChangeNotifier, Outcomes, outcomes
from tui.model.change import Action, State
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.snapshot import ChangeSummary, ChangeView
from tui.widgets.status_badge import LEGEND
from tui.widgets.themes import THEME_NAMES

if TYPE_CHECKING:
    from rich.segment import Segment

    from tui.model.snapshot import Snapshot

pytestmark = pytest.mark.slow

ARCHIVE = Action.ARCHIVE
QUEUED, REFUSED, CONFIRMED = State.QUEUED, State.REFUSED, State.CONFIRMED
PENDING, MISSED, SYNCED = SyncStatus.PENDING, SyncStatus.MISSED, SyncStatus.SYNCED


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(ReshelveApp, "set_terminal_title", lambda _, title: found.append(title))
    return found


async def test_the_title_follows_the_pending_changes(backend: IdleEngine, titles: list[str]) -> None:
    async with running(backend) as person:
        assert titles[-1] == "Reshelve – Demo Company (NZ)"
        backend.put_change(0, ARCHIVE, CONFIRMED, SyncStatus.PENDING)
        await person.hears_changes()
        assert titles[-1] == "Reshelve – Demo Company (NZ) (1 pending)"


# --- news ---


class Terminal:
    """Records what is written, and runs timers on request."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.due: list[Any] = []

    def write_to_terminal(self, sequence: str) -> None:
        self.written.append(sequence)

    def set_timer(self, _: float, callback: Any) -> Any:
        self.due.append(callback)
        return callback

    def wait(self) -> list[str]:
        for callback in self.due:
            callback()
        self.due.clear()
        found, self.written = self.written, []
        return found


def summary_of(*statuses: SyncStatus | State) -> ChangeSummary:
    """Return the summary of changes with these statuses, one each, always the same changes."""
    backend = IdleEngine.with_contacts(len(statuses))
    views: dict[str, list[ChangeView]] = {"in_progress": [], "refused": [], "pending": [], "synced": []}
    for number, status in enumerate(statuses):
        state = status if isinstance(status, State) else CONFIRMED
        change = backend.put_change(number, ARCHIVE, state)
        if isinstance(status, SyncStatus):
            place = "pending" if status in {PENDING, MISSED, SyncStatus.STALLED} else "synced"
            views[place].append(ChangeView(change, StatusSince(status)))
        else:
            views["refused" if state is REFUSED else "in_progress"].append(ChangeView(change))
    return ChangeSummary(
        in_progress=tuple(views["in_progress"]),
        refused=tuple(views["refused"]),
        pending=tuple(views["pending"]),
        synced=tuple(views["synced"]),
        refused_total=len(views["refused"]),
        pending_total=len(views["pending"]),
        missed_total=statuses.count(MISSED),
        stalled_total=statuses.count(SyncStatus.STALLED),
        synced_total=len(views["synced"]),
    )


def snapshot_of(*statuses: SyncStatus | State, name: str = "Demo Company (NZ)") -> Snapshot:
    snapshot = IdleEngine.with_contacts(1).snapshot
    organisation = replace(snapshot.organisation, name=name)
    return replace(snapshot, organisation=organisation, summary=summary_of(*statuses))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (PENDING, SYNCED, Outcomes(synced=1)),
        (MISSED, SYNCED, Outcomes(synced=1)),
        (SyncStatus.EXPECTED, SYNCED, Outcomes(synced=1)),
        (PENDING, MISSED, Outcomes(missed=1)),
        (QUEUED, REFUSED, Outcomes(refused=1)),
        (QUEUED, PENDING, Outcomes()),
        # No claim without evidence.
        (PENDING, SyncStatus.EXPECTED, Outcomes()),
        (PENDING, SyncStatus.REPORTED, Outcomes()),
        (SYNCED, SYNCED, Outcomes()),
        # Missed since long ago: only the sync as a whole runs again.
        (SyncStatus.STALLED, MISSED, Outcomes()),
    ],
)
def test_outcomes_of_a_change(before: SyncStatus | State, after: SyncStatus | State, found: Outcomes) -> None:
    assert outcomes(summary_of(before), summary_of(after)) == found


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("bell", "\a"),
        ("osc9", "\x1b]9;Reshelve: Demo Company (NZ): 1 synced\x1b\\\a"),
        ("osc777", "\x1b]777;notify;Reshelve;Demo Company (NZ): 1 synced\x1b\\\a"),
    ],
)
def test_news_are_written_as_the_terminal_understands_them(kind: str, written: str) -> None:
    terminal = Terminal()
    notifier = ChangeNotifier(terminal, kind)
    notifier.receive(snapshot_of(PENDING), is_watched=False)
    notifier.receive(snapshot_of(SYNCED), is_watched=False)
    assert terminal.wait() == [written]


def test_news_of_a_moment_are_one_notification() -> None:
    terminal = Terminal()
    notifier = ChangeNotifier(terminal, "osc9")
    for refused in range(4):
        snapshot = snapshot_of(*[REFUSED] * refused, *[QUEUED] * (3 - refused))
        notifier.receive(snapshot, is_watched=False)
    assert terminal.wait() == ["\x1b]9;Reshelve: Demo Company (NZ): 3 refused by Xero\x1b\\\a"]
    assert terminal.wait() == []


def test_no_news_while_the_user_looks_or_once_they_are_back() -> None:
    terminal = Terminal()
    notifier = ChangeNotifier(terminal, "osc9")
    notifier.receive(snapshot_of(PENDING), is_watched=True)
    notifier.receive(snapshot_of(SYNCED), is_watched=True)
    assert terminal.wait() == []
    notifier.receive(snapshot_of(REFUSED), is_watched=False)
    notifier.forget()
    assert terminal.wait() == []


@pytest.mark.parametrize(("kind", "separators"), [("osc9", 1), ("osc777", 3)])
def test_hostile_names_stay_within_the_notification(kind: str, separators: int) -> None:
    terminal = Terminal()
    notifier = ChangeNotifier(terminal, kind)
    name = "\x1b\\\x1b]52;c;cm0=\x07;A;\x9c\n"
    for status in (PENDING, SYNCED):
        notifier.receive(snapshot_of(status, name=name), is_watched=False)
    [written] = terminal.wait()
    inner = written.removeprefix("\x1b]").removesuffix("\x1b\\\a")
    assert inner.isprintable()
    assert inner.count(";") == separators


async def test_the_app_announces_only_what_happens_without_the_focus(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.change_notifier._WAIT_SECONDS", 0.01)
    written: list[str] = []
    monkeypatch.setattr(ReshelveApp, "write_to_terminal", lambda _, sequence: written.append(sequence))
    async with running(backend, notifications="bell") as person:
        for event, number in ((AppFocus(), 0), (AppBlur(), 1)):
            person.app.post_message(event)
            await person.settle()
            change = backend.put_change(number, ARCHIVE, QUEUED)
            await person.hears_changes()
            backend.move(change, REFUSED)
            await person.hears_changes()
            await person.until(lambda number=number: len(written) == number)  # type: ignore[misc]
    assert written == ["\a"]


# --- colours ---


async def segments_of_a_busy_screen(person: Driver) -> list[Segment]:
    """Return what is painted with a selection, a message, an open tab and every kind of status."""
    await person.press("down", "space")
    person.main.flash("News")
    await person.pilot.pause()
    return [segment for strip in person.screen._compositor.render_strips() for segment in strip]


@pytest.mark.parametrize("theme", some([*THEME_NAMES], every=3))
async def test_every_theme_can_be_read(busy: IdleEngine, theme: str) -> None:
    async with running(busy) as person:
        person.app.theme = theme
        found = await segments_of_a_busy_screen(person)
        unreadable = [
            segment.text
            for segment in found
            if segment.text.strip() and segment.style and segment.style.color is not None
            # The terminal's own two colours differ.
            if segment.style.color.type is not ColorType.DEFAULT
            if segment.style.color == segment.style.bgcolor
        ]
        assert unreadable == []
        await person.press("a")
        assert person.app.theme == theme


async def test_no_color_leaves_words_signs_and_weights(
    busy: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(busy) as person:
        found = await segments_of_a_busy_screen(person)
        for segment in found:
            assert segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor):
                assert colour is None or colour.type is ColorType.DEFAULT, segment
        at_cursor = [segment.text for segment in found if segment.style and segment.style.reverse]
        assert "Akaroa Bakery 2" in "".join(at_cursor)
        assert any("✓" in segment.text for segment in found)
        [all_] = [segment for segment in found if segment.text == "All"]
        assert all_.style is not None
        assert all_.style.underline
        await person.press("ctrl+o")
        under = [
            segment.text
            for strip in person.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.underline
        ]
        assert "Demo Company" in "".join(under)


def test_every_status_has_a_sign_and_words_of_its_own() -> None:
    signs = [text.partition(" ")[0] for text, _ in LEGEND]
    words = [text.partition(" ")[2] for text, _ in LEGEND]
    assert len(set(signs)) == len(set(words)) == len(LEGEND)
