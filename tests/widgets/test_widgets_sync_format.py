from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from support.frozen import frozen
from support.idle_engine import IdleEngine
from support.notices import notice
from support.sample_contacts import NOW

from tui import messages
from tui.messages import formats
from tui.messages.formats import pluralize
from tui.model.change import Action, Precheck, State
from tui.model.evidence import SyncStatus
from tui.model.re_leased import ContactRead, ContactReading, ReadCounts
from tui.model.snapshot import ConnectionStatus, ReLeasedStatus, SyncProgress, XeroStatus
from tui.screens.dialogs.confirm import freshness
from tui.screens.re_leased.formatting import sync_overview
from tui.widgets import sync_pane
from tui.widgets.banners import wait_reason
from tui.widgets.sync_format import calls_left, next_sync, problem_text, symbols, totals, xero_problem
from tui.widgets.title_bar import title, xero_status_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.model.snapshot import ChangeSummary, Snapshot

FEED = ReLeasedStatus(
    has_feed=True,
    state="Successfully synced",
    next_sync_at=NOW + timedelta(seconds=32),
    cycle_started_at=NOW - timedelta(seconds=32),
)


@pytest.fixture(autouse=True)
def _frozen_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with frozen(monkeypatch):
        yield


def pane_of(backend: IdleEngine) -> ChangeSummary:
    pane = backend.snapshot.summary
    assert pane is not None
    return pane


def published(backend: IdleEngine) -> Snapshot:
    backend.publish_changes()
    return backend.snapshot


def said(released: ReLeasedStatus, *, is_practice: bool = False) -> str:
    return next_sync(released, NOW, is_practice=is_practice).text


def test_next_sync_of_a_feed_is_counted_down() -> None:
    assert said(FEED) == "Next Re-Leased sync in 0:32"
    assert said(FEED, is_practice=True) == "Next practice sync in 0:32"
    assert next_sync(FEED, NOW, is_practice=False).fraction == pytest.approx(0.5)


def test_late_sync_is_due_and_not_counted_backwards() -> None:
    late = replace(FEED, next_sync_at=NOW - timedelta(seconds=5))
    assert "due now" in said(late)


def test_running_sync_is_shown() -> None:
    assert said(replace(FEED, is_syncing=True, state="In progress")) == "Re-Leased is syncing"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("Needs reconnecting", "Nothing syncs until someone reconnects it in Re-Leased"),
        ("Not connected", "Nothing syncs until someone connects it"),
        ("Sync has errors", "Check Sync Results in Re-Leased"),
        ("Incomplete onboarding", "onboarding isn't complete"),
        ("Incomplete pipeline", "pipeline isn't complete"),
        ("Something new [/]", "Re-Leased shows: Something new [/]."),
    ],
)
def test_stalled_company_has_no_countdown(state: str, words: str) -> None:
    stalled = next_sync(replace(FEED, state=state), NOW, is_practice=False)
    assert words in stalled.text
    assert stalled.fraction is None
    assert stalled.style == "error"


def test_unreadable_feed_has_no_countdown() -> None:
    broken = next_sync(replace(FEED, problem=notice("The address doesn't answer.")), NOW, is_practice=False)
    assert broken.text.startswith("Re-Leased's feed can't be read: The address doesn't answer.")
    assert broken.fraction is None


def test_without_a_feed_only_the_nightly_window_is_expected() -> None:
    night = ReLeasedStatus(next_sync_at=NOW + timedelta(hours=17, minutes=19))
    assert "by 06:00, in 17 h 19 min" in said(night)
    assert "isn't connected to Re-Leased" in said(night)
    assert "isn't connected" not in said(replace(night, contacts=ContactReading()))
    assert "doesn't say when" in said(ReLeasedStatus(has_feed=True))


def test_countdown_is_in_the_organisations_zone_named_if_different() -> None:
    end = NOW + timedelta(hours=5, minutes=19)
    night = ReLeasedStatus(next_sync_at=end, zone=ZoneInfo("Pacific/Auckland"))
    words = next_sync(night, NOW, is_practice=False)
    assert "by 07:00 (Pacific/Auckland), in 5 h 19 min" in words.text
    assert words.brief == "nightly sync by 07:00 (Auckland)"
    here = replace(night, zone=ZoneInfo("Etc/UTC"))
    assert "Etc/UTC" not in said(here)
    unknown = replace(night, zone=None, zone_note=notice("The zone isn't known."))
    assert said(unknown).endswith("The zone isn't known.")


def test_recorded_sync_is_shown_as_recorded() -> None:
    running = replace(ReLeasedStatus(next_sync_at=NOW), reported_sync_since=NOW - timedelta(minutes=7))
    words = next_sync(running, NOW, is_practice=False)
    assert "started at 12:34. Press m" in words.text
    assert (words.brief, words.fraction) == ("sync started 12:34", None)


def test_recorded_state_is_shown_with_its_time() -> None:
    told = ReLeasedStatus(state="Needs reconnecting", state_reported_at=NOW - timedelta(days=2))
    assert said(told).endswith("Recorded 3 Mar 12:41.")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_stalled_changes_are_not_counted_as_pending(width: int) -> None:
    backend = IdleEngine.with_contacts(3)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.STALLED)
    backend.publish_changes(re_leased=replace(FEED, problem=notice("It fell silent.")))
    line = title(backend.snapshot, NOW, width).plain
    assert ("‖ 1 not syncing" if width >= 50 else "‖ 1") in line
    assert "pending" not in line
    assert [words for words, _ in totals(pane_of(backend))] == ["1 not syncing"]
    assert symbols(pane_of(backend)) == [("‖ 1", "error")]


def test_title_shows_a_recorded_sync() -> None:
    backend = IdleEngine.with_contacts(3)
    backend.publish(re_leased=replace(FEED, reported_sync_since=NOW))
    assert title(backend.snapshot, NOW, 120).plain.endswith("nothing pending, sync started ")


@pytest.mark.parametrize("grade", [grade for grade in SyncStatus if grade is not SyncStatus.SUPERSEDED])
def test_every_sync_status_has_a_line_in_the_pane_with_its_age(grade: SyncStatus) -> None:
    is_expected = grade is SyncStatus.EXPECTED
    backend = IdleEngine.with_contacts(3, has_feed=not is_expected)
    at = NOW - timedelta(days=1) if is_expected else None
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, grade, at=at)
    [line] = sync_pane.changes(published(backend), NOW, 38, 5)
    # A feed says only from now on that its syncs don't work.
    seen = {SyncStatus.EXPECTED: "5 Mar", SyncStatus.STALLED: "12:41"}.get(grade, "12:40")
    assert line.plain.rstrip().endswith(seen)


@pytest.mark.parametrize(
    ("minute", "day", "said"),
    [
        (57, 4_812, ""),
        (9, 4_812, "Xero calls left: 9 this minute"),
        (57, 1, "Xero calls left: 1 today"),
        (0, 499, "Xero calls left: 0 this minute, 499 today"),
        (None, 120, "Xero calls left: 120 today"),
        (None, None, ""),
    ],
)
def test_calls_left_are_shown_once_they_are_few(minute: int | None, day: int | None, said: str) -> None:
    xero = XeroStatus(ConnectionStatus.ONLINE, minute_calls_left=minute, day_calls_left=day)
    assert calls_left(xero, NOW) == said
    assert calls_left(XeroStatus(minute_calls_left=minute, day_calls_left=day), NOW) == ""


LEFT = XeroStatus(ConnectionStatus.ONLINE, last_reply_at=NOW, minute_calls_left=57, day_calls_left=4812)
FEW = replace(LEFT, minute_calls_left=3, day_calls_left=120)
SOON = NOW + timedelta(seconds=40)


@pytest.mark.parametrize(
    ("xero", "hidden"),
    [
        (replace(FEW, minute_full_until=SOON), "this minute"),
        *(
            (replace(FEW, status=link, retry_at=SOON), "left")
            for link in ConnectionStatus
            if link is not ConnectionStatus.ONLINE
        ),
    ],
)
def test_calls_left_are_shown_only_while_connected(xero: XeroStatus, hidden: str) -> None:
    assert hidden in calls_left(FEW, NOW)
    assert hidden not in calls_left(xero, NOW)


def test_slow_reply_is_shown_instead_of_the_time() -> None:
    silent = replace(LEFT, no_reply_since=NOW - timedelta(seconds=48))
    assert xero_status_text(LEFT, NOW) != xero_status_text(silent, NOW) == "no reply for 0:48"
    assert xero_status_text(silent, NOW, short=True) == "waiting"
    backend = IdleEngine.with_contacts(3)
    backend.publish(xero=silent)
    for width in (40, 60, 80, 120):
        line = title(backend.snapshot, NOW, width)
        assert "●" not in line.plain.partition("Re-Leased")[0]
        assert "$text-success" not in [span.style for span in line.spans if line.plain[span.start] == "◌"]


@pytest.mark.parametrize(
    ("link", "words", "brief"),
    [
        (ConnectionStatus.STARTING, "connecting", "connecting"),
        (ConnectionStatus.OFFLINE, "offline, retry in 0:24", "offline"),
        (ConnectionStatus.LIMITED, "rate limit reached, retry in 0:24", "limit"),
        (ConnectionStatus.UNAVAILABLE, "not responding, retry in 0:24", "no reply"),
        (ConnectionStatus.RECONNECT, "sign in again", "sign in"),
        (ConnectionStatus.REMOVED, "not connected", "not connected"),
        (ConnectionStatus.STANDBY, "open in another Reshelve", "elsewhere"),
        (ConnectionStatus.ONLINE, "12:41:07", "12:41"),
    ],
)
def test_every_connection_state_has_a_text(link: ConnectionStatus, words: str, brief: str) -> None:
    xero = XeroStatus(link, last_reply_at=NOW, retry_at=NOW + timedelta(seconds=24))
    assert xero_status_text(xero, NOW) == words
    assert xero_status_text(xero, NOW, short=True) == brief


OFFLINE = XeroStatus(
    ConnectionStatus.OFFLINE, detail=notice("Xero can't be reached."), retry_at=NOW + timedelta(seconds=24)
)


@pytest.mark.parametrize(
    ("link", "said", "seconds", "words"),
    [
        (
            ConnectionStatus.OFFLINE,
            "Xero can't be reached.",
            24,
            "Xero can't be reached. Next retry in 0:24.",
        ),
        (
            ConnectionStatus.UNAVAILABLE,
            "The Organisation is offline",
            300,
            "The Organisation is offline. Next retry in 5:00.",
        ),
        (ConnectionStatus.LIMITED, "Used up.", 59, "Used up. Resumes in 0:59."),
        (ConnectionStatus.LIMITED, "Used up.", 7_200, "Used up. Resumes at 14:41, in 2 h 00 min."),
        (ConnectionStatus.ONLINE, "Kept for you.", 3_599, "Kept for you. Next refresh in 59 min."),
        (ConnectionStatus.RECONNECT, "Connect again.", 60, "Connect again."),
        (ConnectionStatus.REMOVED, "Press c.", 600, "Press c."),
        (ConnectionStatus.ONLINE, "", 600, ""),
    ],
)
def test_waits_are_shown_with_their_end(link: ConnectionStatus, said: str, seconds: int, words: str) -> None:
    detail = notice(said) if said else None
    xero = XeroStatus(link, detail=detail, retry_at=NOW + timedelta(seconds=seconds))
    assert xero_problem(xero, NOW) == words


def test_storage_problems_come_before_connection_problems() -> None:
    snapshot = replace(IdleEngine.with_contacts(1).snapshot, xero=OFFLINE)
    assert problem_text(snapshot, NOW).startswith("Xero can't be reached.")
    full = replace(snapshot, storage_problem=notice("The disk is full. Free some space."))
    assert "disk is full" in problem_text(full, NOW)
    assert "The disk is full" in sync_pane.single(full, NOW, 120, is_practice=False).plain
    lines = sync_pane.tall(full, NOW, 40, 30, is_practice=False)
    assert any("The disk is full" in line.plain for line in lines)


def test_wrong_clock_is_shown_if_nothing_else_is_wrong() -> None:
    said = "This computer's clock is 10 minutes behind Xero's. Correct it."
    snapshot = replace(IdleEngine.with_contacts(1).snapshot, clock_ahead=timedelta(minutes=-10))
    assert problem_text(snapshot, NOW) == said
    assert said in sync_pane.single(snapshot, NOW, 120, is_practice=False).plain
    assert problem_text(replace(snapshot, xero=OFFLINE), NOW).startswith("Xero can't be reached.")
    assert problem_text(replace(snapshot, clock_ahead=timedelta(seconds=50)), NOW) == ""


def test_rate_limit_wait_is_shown_if_no_other_line_is() -> None:
    full = XeroStatus(ConnectionStatus.ONLINE, minute_full_until=NOW + timedelta(seconds=23))
    snapshot = replace(IdleEngine.with_contacts(1).snapshot, xero=full)
    assert "limit per minute" in problem_text(snapshot, NOW)
    assert "in 0:23" in problem_text(snapshot, NOW)
    assert problem_text(snapshot, NOW + timedelta(seconds=23)) == ""
    assert problem_text(replace(snapshot, progress=SyncProgress(1, 2)), NOW) == ""


@pytest.mark.parametrize(
    ("pull", "xero", "words"),
    [
        (SyncProgress(1, 2), XeroStatus(ConnectionStatus.ONLINE), ""),
        (SyncProgress(1, 2, is_paused=True), OFFLINE, "paused"),
        (
            SyncProgress(1, 2),
            XeroStatus(ConnectionStatus.ONLINE, minute_full_until=NOW + timedelta(seconds=23)),
            "Xero's rate limit, resumes in 23 s",
        ),
        (
            SyncProgress(1, 2),
            XeroStatus(ConnectionStatus.ONLINE, minute_full_until=NOW - timedelta(seconds=1)),
            "",
        ),
        (SyncProgress(1, 2), OFFLINE, "resumes in 0:24"),
        # No time ends these.
        *(
            (SyncProgress(1, 2), replace(OFFLINE, status=status), words)
            for status, words in (
                (ConnectionStatus.RECONNECT, "resumes when you sign in again"),
                (ConnectionStatus.REMOVED, "resumes when connected again"),
                (ConnectionStatus.STANDBY, "continues in another Reshelve"),
            )
        ),
    ],
)
def test_paused_loading_shows_its_reason_and_end(pull: SyncProgress, xero: XeroStatus, words: str) -> None:
    assert wait_reason(pull, xero, NOW) == words


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 72, 80, 100, 120, 200])
def test_the_title_fits_every_width(width: int) -> None:
    backend = IdleEngine.with_contacts(3)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.MISSED)
    backend.publish_changes()
    organisation = replace(backend.snapshot.organisation, name="A very long name of a company [/] " * 3)
    snapshot = replace(backend.snapshot, organisation=organisation)
    assert title(snapshot, NOW, width).cell_length <= width


def test_title_counts_only_overdue_changes_as_overdue() -> None:
    backend = IdleEngine.with_contacts(3)
    assert title(backend.snapshot, NOW, 120).plain.endswith("○ nothing pending ")
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.MISSED)
    backend.publish_changes()
    for width in (80, 120):
        assert title(backend.snapshot, NOW, width).plain.endswith("◐ 1 missed last sync ")


@pytest.mark.parametrize("height", range(1, 30))
def test_pane_fits_its_space_and_counts_what_it_omits(height: int) -> None:
    backend = IdleEngine.with_contacts(160)
    archived = backend.request(Action.RESTORE, *range(5, 145, 7))
    backend.move_all(archived, State.AWAITING_USER)
    refused = backend.request(Action.ARCHIVE, *range(6, 146, 7))
    backend.move_all(refused, State.REFUSED, words="Because of this and that. " * 5)
    lines = sync_pane.changes(published(backend), NOW, 40, height, hint=True)
    assert len(lines) <= height
    assert all(line.cell_length <= 40 for line in lines)
    assert lines[-1].plain.startswith("and ")


def test_pane_lists_what_needs_the_user_first() -> None:
    backend = IdleEngine.with_contacts(10)
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED, SyncStatus.MISSED)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    backend.put_change(2, Action.ARCHIVE, State.SENDING)
    backend.put_change(3, Action.ARCHIVE, State.REFUSED)
    backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
    backend.put_change(4, Action.ARCHIVE, State.CONFIRMED, SyncStatus.SYNCED)
    lines = [
        line
        for line in sync_pane.changes(published(backend), NOW, 50, 20)
        if line.plain[:2] in {"↗ ", "✗ ", "… ", "! ", "◷ ", "✓ "}
    ]
    names = [line.plain[2:].split("  ")[0].strip() for line in lines]
    numbers = [next(i for i, one in enumerate(backend.known.values()) if one.name == name) for name in names]
    assert sorted(numbers[3:5]) == [0, 1]
    assert [*numbers[:3], numbers[5]] == [5, 3, 2, 4]


def test_durations_are_written_plainly() -> None:
    assert formats.countdown(NOW + timedelta(seconds=245), NOW) == "4:05"
    assert formats.countdown(NOW - timedelta(seconds=1), NOW) == "0:00"
    assert formats.countdown(NOW + timedelta(seconds=599), NOW) == "9:59"
    assert formats.countdown(NOW + timedelta(seconds=600), NOW) == "10 min"
    assert formats.countdown(NOW + timedelta(seconds=3599), NOW) == "59 min"
    assert formats.countdown(NOW + timedelta(seconds=3600), NOW) == "1 h 00 min"
    assert formats.ago(NOW - timedelta(seconds=5), NOW) == "just now"
    assert formats.ago(NOW - timedelta(minutes=5), NOW) == "5 min ago"
    assert formats.ago(NOW - timedelta(days=1), NOW) == "yesterday"
    assert formats.ago(NOW - timedelta(days=12), NOW) == "12 days ago"
    assert pluralize(1, "contact") == "1 contact"
    assert pluralize(1402, "contact") == "1,402 contacts"


def test_feed_not_polled_yet_is_not_reported_as_unreachable() -> None:
    waiting, asked = (ReLeasedStatus(has_feed=True, is_polled=is_polled) for is_polled in (False, True))
    assert "Loading" in next_sync(waiting, NOW, is_practice=False).text
    assert "loading" in sync_overview(waiting, NOW)
    assert "doesn't say" in next_sync(asked, NOW, is_practice=False).text
    assert "doesn't show" in sync_overview(asked, NOW)


@pytest.mark.parametrize("words", ["Service Unavailable", "The Organisation is offline"])
def test_outside_messages_end_with_a_full_stop(words: str) -> None:
    assert messages.message(notice(words)) == f"{words}."
    assert messages.message(notice(f"{words}.")) == f"{words}."
    assert freshness(Precheck(Action.ARCHIVE, (), stale_reason=notice(words)))[0].startswith(f"{words}. ")


@pytest.mark.parametrize(
    ("seconds", "every"), [(45, "45 seconds"), (1, "1 second"), (3600, "60 minutes"), (14_400, "4 hours")]
)
def test_syncs_around_the_clock_have_no_countdown(seconds: int, every: str) -> None:
    status = ReLeasedStatus(sync_interval=timedelta(seconds=seconds))
    assert said(status) == f"Re-Leased syncs every {every}."
    assert said(status, is_practice=True) == f"The practice Re-Leased syncs every {every}."
    assert next_sync(status, NOW, is_practice=False).fraction is None


@pytest.mark.parametrize(
    ("counts", "end"),
    [
        (None, "Reading Re-Leased's contacts: 0 so far."),
        (
            ReadCounts(total=1601, with_status=1521),
            "Re-Leased last read 12:41, 80 contacts without a status.",
        ),
        (ReadCounts(total=2, with_status=1), "Re-Leased last read 12:41, 1 contact without a status."),
        (ReadCounts(total=1601, with_status=1601), "Re-Leased last read 12:41."),
        (
            ReadCounts(total=5),
            "Re-Leased doesn't return which contacts are archived, so changes can't be confirmed.",
        ),
    ],
    ids=["not read yet", "some", "one", "none", "all"],
)
def test_how_many_contacts_came_without_a_status_is_said_once_it_is_known(
    counts: ReadCounts | None, end: str
) -> None:
    read = None if counts is None else ContactRead(NOW, counts)
    assert said(ReLeasedStatus(contacts=ContactReading(read))).endswith(end)
