"""Requests of the user and the change log, below the screens."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from engine.model_xero import START, Clock, ModelXero, contact

from tui import messages
from tui.engine.outbox import Outbox
from tui.engine.services import WriteAccess
from tui.engine.services.changes import COLUMNS, ChangeLog, ChangeService, ManualRestoreService, UndoService
from tui.model.change import Action, Change, State, Transition
from tui.model.change_list import ChangeGroup, ChangeQuery, UndoOutcome
from tui.model.contact import ContactStatus
from tui.model.errors import ReshelveError
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.reasons import ContactReason, Notice
from tui.model.snapshot import ChangeView
from tui.screens.changes.formatting import entry_text
from tui.store import Store, TransitionRequest
from tui.system.user_files import csv_safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tui.engine.scheduler import Scheduler
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.xero.client import ContactWriteResult


@dataclass
class Told:
    """Replaces publisher and scheduler, and records their calls."""

    news: int = 0
    wakes: int = 0
    grades: dict[int, StatusSince] = field(default_factory=dict)

    def rows_changed(self) -> None:
        self.news += 1

    def wake(self) -> None:
        self.wakes += 1

    def grade(self, change: Change) -> StatusSince | None:
        return self.grades.get(change.change_id)

    def view(self, change: Change) -> ChangeView:
        return ChangeView(change, self.grade(change))


class Bench:
    """The services that concern changes, over a store and a model Xero."""

    def __init__(self, store: Store) -> None:
        self.told = Told()
        self.clock = Clock()
        self.xero = ModelXero(clock=self.clock)
        self._store = store
        publisher, scheduler = cast("SnapshotPublisher", self.told), cast("Scheduler", self.told)
        unused, access = (
            cast("Any", None),
            WriteAccess(is_read_only=False, is_read_only_connection=lambda: False),
        )
        self.changes = ChangeService(
            store=store,
            publisher=publisher,
            scheduler=scheduler,
            refresher=unused,
            now=self.clock,
            access=access,
        )
        self.undo = UndoService(store, publisher, scheduler, self.clock, access)
        self.change_log = ChangeLog(store, publisher)
        self.manual_restores = ManualRestoreService(
            store=store,
            clients=unused,
            publisher=publisher,
            scheduler=scheduler,
            refresher=unused,
            now=self.clock,
            access=access,
        )
        self.pusher = Outbox(store, self.xero.client, self.clock, lambda _: None)

    async def have(self, *ids: str, status: ContactStatus = ContactStatus.ACTIVE) -> None:
        self.xero.contacts_now |= {each: contact(each, status) for each in ids}
        await self._store.save_contacts(list(self.xero.contacts_now.values()), self.clock())

    def states(self) -> dict[str, State]:
        return {each.contact_id: each.state for each in self._store.changes.in_states(*State)}


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


async def test_a_pause_keeps_queued_changes_and_verifies_unknown_ones(bench: Bench, store: Store) -> None:
    await bench.have("a", "b")
    await bench.changes.request(Action.ARCHIVE, ["a"])
    [doubtful] = store.changes.in_states(State.QUEUED)
    await store.record_transitions([TransitionRequest(doubtful.change_id, Transition.SEND)], START)
    await bench.changes.request(Action.ARCHIVE, ["b"])
    bench.xero.set_status("a", ContactStatus.ARCHIVED)
    await bench.changes.pause_sending(on=True)
    await bench.pusher.recover()
    await bench.pusher.run_until_empty()
    assert bench.states() == {"a": State.CONFIRMED, "b": State.QUEUED}
    assert bench.xero.writes == []
    await bench.changes.pause_sending(on=False)
    await bench.pusher.run_until_empty()
    assert bench.states() == {"a": State.CONFIRMED, "b": State.CONFIRMED}


async def test_a_pause_between_two_batches_stops_the_second(bench: Bench) -> None:
    ids = [f"{number:03}" for number in range(60)]
    await bench.have(*ids)
    await bench.changes.request(Action.ARCHIVE, ids)
    answer = bench.xero.change_status

    async def answer_and_pause(
        action: Action, contact_ids: Sequence[str], *, idempotency_key: str
    ) -> list[ContactWriteResult]:
        await bench.changes.pause_sending(on=True)
        return await answer(action, contact_ids, idempotency_key=idempotency_key)

    bench.xero.change_status = answer_and_pause  # type: ignore[method-assign]
    await bench.pusher.run_until_empty()
    assert len(bench.xero.writes) == 1
    assert sorted(bench.states().values()) == [State.CONFIRMED] * 50 + [State.QUEUED] * 10


async def test_every_request_is_published_and_wakes_the_outbox(bench: Bench, store: Store) -> None:
    await bench.have("a", "b")
    assert await bench.changes.request(Action.ARCHIVE, ["a", "b"]) == 2
    [first] = store.changes.in_states(State.QUEUED, limit=1)
    await bench.changes.cancel(first)
    [left] = store.changes.in_states(State.QUEUED)
    await store.record_transitions(
        [TransitionRequest(left.change_id, Transition.REFUSE, message="no")], START
    )
    assert await bench.changes.retry([left]) == 1
    plan = await bench.undo.plan_undo()
    assert plan is not None
    assert [line.outcome for line in (await bench.undo.apply(plan)).lines] == [UndoOutcome.CANCEL]
    again = await bench.undo.plan_redo()
    assert again is not None
    assert [line.outcome for line in (await bench.undo.apply(again)).lines] == [UndoOutcome.ARCHIVE]
    assert (bench.told.news, bench.told.wakes) == (5, 4)


# --- the list of changes ---


async def test_changes_are_listed_newest_first_a_window_at_a_time(bench: Bench) -> None:
    ids = [f"{number:03}" for number in range(30)]
    await bench.have(*ids)
    await bench.changes.request(Action.ARCHIVE, ids)
    found = await bench.change_log.page(ChangeQuery(), 5, 8)
    assert found.total == 30
    assert [view.change.contact_id for view in found.changes] == ["024", "023", "022"]
    assert (await bench.change_log.page(ChangeQuery(), 28, 40)).changes[-1].change.contact_id == "000"


async def test_changes_are_found_by_group_and_words(bench: Bench, store: Store) -> None:
    bench.xero.contacts_now["x"] = contact("x", name="Café Ōtautahi")
    await bench.have("a", "b")
    await bench.changes.request(Action.ARCHIVE, ["a", "b", "x"])
    first = store.changes.in_states(State.QUEUED)[0]
    await store.record_transitions(
        [TransitionRequest(first.change_id, Transition.REFUSE, message="on a repeating invoice")], START
    )

    async def found(group: ChangeGroup, text: str = "") -> list[str]:
        answer = await bench.change_log.page(ChangeQuery.parse(group, text, messages.reasons_with), 0, 10)
        assert answer.total == len(answer.changes)
        return [view.change.contact_id for view in answer.changes]

    assert await found(ChangeGroup.REFUSED) == ["a"]
    assert await found(ChangeGroup.OPEN) == ["x", "b"]
    assert await found(ChangeGroup.ALL, "cafe OTAUTAHI") == ["x"]
    assert await found(ChangeGroup.ALL, "repeating archive") == ["a"]
    assert await found(ChangeGroup.PENDING) == []
    # By the words of our own reasons, unless Xero's message is shown instead.
    [second] = store.changes.of_contact("b")
    notice = Notice(ContactReason.MERGED)
    await store.record_transitions(
        [TransitionRequest(second.change_id, Transition.REFUSE, notice=notice)], START
    )
    assert await found(ChangeGroup.REFUSED, "MERGED into") == ["b"]
    assert await found(ChangeGroup.REFUSED, "merged invoice") == []
    assert await found(ChangeGroup.ALL, "archive undone") == ["b"]


async def test_each_group_matches_the_model(bench: Bench, store: Store) -> None:
    ids = [f"{number:03}" for number in range(12)]
    await bench.have(*ids)
    await bench.changes.request(Action.ARCHIVE, ids)
    changes = store.changes.in_states(State.QUEUED)
    steps = [
        (Transition.SEND, Transition.CONFIRM),
        (Transition.REFUSE,),
        (Transition.CANCEL,),
        (Transition.SEND, Transition.REPLY_LOST),
        (),
    ]
    for number, change in enumerate(changes):
        for event in steps[number % len(steps)]:
            await store.record_transitions([TransitionRequest(change.change_id, event)], START)
    await bench.changes.retry([changes[1]])
    everything = (await bench.change_log.page(ChangeQuery(), 0, 100)).changes
    for group in ChangeGroup:
        found = await bench.change_log.page(ChangeQuery(group), 0, 100)
        assert found.changes == tuple(view for view in everything if group.contains(view.change))
        assert found.total == len(found.changes) > 0


async def test_a_manual_restore_names_why_it_may_fail(bench: Bench, store: Store) -> None:
    bench.xero.contacts_now["twin"] = contact("twin", name="CONTACT A")
    await bench.have("a", "b")
    await bench.changes.request(Action.ARCHIVE, ["a", "b"])
    await bench.pusher.run_until_empty()
    await bench.changes.request(Action.RESTORE, ["a", "b"])
    queued = store.changes.in_states(State.QUEUED)
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.AWAIT_USER) for change in queued], START
    )
    first, second = await bench.manual_restores.pending()
    assert first.expected_refusal == Notice(ContactReason.NAME_TAKEN, {"name": "CONTACT A"})
    assert second.expected_refusal is None


async def test_history_of_a_change_is_oldest_first(bench: Bench, store: Store) -> None:
    await bench.have("a")
    await bench.changes.request(Action.ARCHIVE, ["a"])
    await bench.pusher.run_until_empty()
    [change] = store.changes.in_states(State.CONFIRMED)
    assert [entry_text(entry) for entry in await bench.change_log.timeline(change)] == [
        "Archive requested in Reshelve",
        "Archive sent to Xero",
        "Archive confirmed by Xero",
    ]


# --- export ---


async def test_the_list_is_exported_as_csv(bench: Bench, store: Store, tmp_path: Path) -> None:
    bench.xero.contacts_now["x"] = contact("x", name='=cmd|"/c calc"!A1, “Ōtautahi”')
    await bench.have("a")
    await bench.changes.request(Action.ARCHIVE, ["a", "x"], note="=1+1, a duplicate")
    await bench.pusher.run_until_empty()
    [first, _] = store.changes.in_states(State.CONFIRMED)
    bench.told.grades[first.change_id] = StatusSince(SyncStatus.SYNCED, START)
    file = tmp_path / "changes.csv"
    assert await bench.change_log.export(ChangeQuery(), file, messages.why) == 2
    with file.open(encoding="utf-8-sig", newline="") as stream:
        header, newest, oldest = csv.reader(stream)
    assert tuple(header) == COLUMNS
    assert newest == [
        "2026-03-03 12:00:00", "'=cmd|\"/c calc\"!A1, “Ōtautahi”", "x",
        "archive", "reshelve", "confirmed", "", "", "'=1+1, a duplicate",
    ]  # fmt: skip
    assert oldest[-2] == "read 2026-03-03 12:00:00"


async def test_exported_reasons_use_the_words_on_screen(bench: Bench, store: Store, tmp_path: Path) -> None:
    await bench.have("a", "b")
    await bench.changes.request(Action.ARCHIVE, ["a", "b"])
    first, second = store.changes.in_states(State.QUEUED)
    await store.record_transitions(
        [
            TransitionRequest(first.change_id, Transition.REFUSE, message="Xero’s own"),
            TransitionRequest(second.change_id, Transition.REFUSE, notice=Notice(ContactReason.GDPR)),
        ],
        START,
    )
    await bench.change_log.export(ChangeQuery(), file := tmp_path / "changes.csv", messages.why)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        _, newest, oldest = csv.reader(stream)
    assert "privacy request" in newest[6]
    assert oldest[6] == "Xero’s own"


async def test_failed_export_is_reported(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReshelveError, match="file_not_saved"):
        await bench.change_log.export(ChangeQuery(), tmp_path / "file" / "changes.csv", messages.why)


# Every form of the signs, after every character that a spreadsheet drops or breaks a line at.
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"
BEFORE = (
    *(
        "",
        " ",
        "\t",
        "\r",
        "\n",
        "\N{NO-BREAK SPACE}",
        "\N{IDEOGRAPHIC SPACE}",
        "\0",
        "\x1b",
        "\x7f",
        "\ufeff",
    ),
    *(
        "\u200b",
        "\u202e",
        '"',
        ' "',
        "x;",
        "x; ",
        'x;"',
        "x\t",
        "x\n",
        "x\r\n",
        "x|",
        "x,",
        ";;",
        "x;\0\u2066",
    ),
)


@pytest.mark.parametrize("sign", SIGNS)
def test_exported_cells_are_no_formulas_with_any_delimiter(sign: str) -> None:
    for before in BEFORE:
        line = io.StringIO()
        csv.writer(line).writerow(["a", csv_safe(f"{before}{sign}1+2;"), "b"])
        for delimiter in ",;\t|":
            for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
                [cells] = csv.reader([line.getvalue()], delimiter=delimiter, quoting=quoting)
                starts = [unicodedata.normalize("NFKC", cell).strip(' "')[:1] for cell in cells]
                assert not {*starts} & {*"=+-@−"}, (before, cells)


@pytest.mark.parametrize("delimiter", ";\t|\n")
async def test_formula_after_another_delimiter_is_neutralised_too(
    bench: Bench, tmp_path: Path, delimiter: str
) -> None:
    bench.xero.contacts_now["a"] = contact("a", name=f"x{delimiter}=1+2{delimiter}")
    await bench.changes.request(Action.ARCHIVE, ["a"])
    await bench.change_log.export(ChangeQuery(), file := tmp_path / "changes.csv", messages.why)
    for line in file.read_text("utf-8-sig").splitlines():
        assert not any(cell.startswith("=") for cell in line.split(delimiter))


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("Bay\x1b[31mside\x07", "Bay[31mside"),
        ("a\tb\r\nc\x0bd\u2028e", "a b c d e"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("\x80\x9b1m", "1m"),
    ],
)
def test_controls_are_dropped_and_text_stays_on_one_line(cell: str, shown: str) -> None:
    assert csv_safe(cell) == shown


@pytest.mark.parametrize(
    "cell",
    ["", "Bayside Club", "a=b", "1-2", "O'Neil", "Smith - Jones", "a@b.example", "नि\u200dक", "Zoë 東"],
)
def test_other_text_stays_as_it_is(cell: str) -> None:
    assert csv_safe(cell) == cell
