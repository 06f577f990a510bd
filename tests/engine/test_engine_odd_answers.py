"""Histories of odd replies to a write and the reads after it: the record matches what Xero did.

A real client and a real store; Xero is a function whose replies the test decides.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import pytest
from engine.model_xero import START, Clock, contact
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.effort import examples

from tui import messages
from tui.engine.contact_sync import ManualRestorePoller
from tui.engine.outbox import Outbox, RestoreCapability
from tui.engine.services.changes import withdraw
from tui.engine.services.contacts import ContactRefresher, build_precheck
from tui.model.change import Action, Change, Origin, State, Transition
from tui.model.contact import ContactStatus
from tui.model.errors import XeroError
from tui.model.reasons import ChangeReason, ContactReason, Notice
from tui.store import Store, TransitionRequest
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.xero.auth.tokens import TokenSource

T = TypeVar("T")
ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
HTML = "<html><h1>Not this way</h1></html>"
ID = "5f4cbf2c-0000-4000-8000-00000000000a"
# Reads lag writes by less than this.
LAG = timedelta(seconds=50)
REFUSAL = "Archived contacts cannot currently be edited via the API."


class Write(StrEnum):
    """How a write is answered."""

    FINE = "fine"
    LOST = "carried out, no answer"
    NOT_SENT = "never arrived, no answer"
    BROKEN = "carried out, the element makes no sense"
    STUB = "carried out, the element is an error"
    PAGE = "carried out, answered by a gateway's page"
    BARE = "carried out, answered by a bare status"
    ECHO = "carried out, the element shows the contact as it was"
    REASON = "carried out, the element has an error in words"


ODD_ELEMENTS: dict[Write, dict[str, Any]] = {
    Write.BROKEN: {"ContactStatus": "ODD", "ValidationErrors": []},
    Write.STUB: {"ContactStatus": "", "ValidationErrors": [], "HasValidationErrors": True},
    Write.REASON: {"ContactStatus": "", "ValidationErrors": [{"Message": "Odd"}]},
}


class Read(StrEnum):
    """How a read is answered."""

    FINE = "fine"
    UNREADABLE = "a contact that makes no sense"
    EMPTY = "an empty page"
    NOTHING = "an empty list without a count"
    PARTIAL = "less than it says"
    PAGES = "one of several pages"
    PAGE_404 = "a gateway's 404"
    OTHER = "another contact"
    STALE = "as it was a moment ago"
    DROPPED = "no answer"


class OddXero:
    """Gives the ordered replies, one per request, and correct ones afterwards."""

    def __init__(self, clock: Clock, status: ContactStatus = ACTIVE, *ids: str) -> None:
        self.clock = clock
        self.contacts = {one: (status, START - timedelta(days=30)) for one in ids or (ID,)}
        self.before = dict(self.contacts)
        self.writes: list[Write] = []
        self.reads: list[Read] = []
        self.calls: list[str] = []

    def set_status(self, contact_id: str, status: ContactStatus) -> None:
        self.before[contact_id] = self.contacts[contact_id]
        self.contacts[contact_id] = (status, self.clock())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.method)
        if request.method == "POST":
            return self._write(request, self.writes.pop(0) if self.writes else Write.FINE)
        return self._read(request, self.reads.pop(0) if self.reads else Read.FINE)

    def _write(self, request: httpx.Request, how: Write) -> httpx.Response:
        ids = [one["ContactID"] for one in json.loads(request.content)["Contacts"]]
        if how is Write.NOT_SENT:
            raise httpx.ReadTimeout("")
        if not self.contacts.keys() >= set(ids):
            return httpx.Response(404, html="")
        elements = []
        as_before = [self._element(one) for one in ids]
        for one in ids:
            if self.contacts[one][0] is ACTIVE:
                self.set_status(one, ARCHIVED)
                elements.append(self._element(one))
            else:
                elements.append({"ContactID": one, "ValidationErrors": [{"Message": REFUSAL}]})
        match how:
            case Write.LOST:
                raise httpx.ReadTimeout("")
            case Write.PAGE:
                return httpx.Response(400, html=HTML)
            case Write.BARE:
                return httpx.Response(499)
            case Write.ECHO:
                elements = as_before
            case _:
                elements = [each | ODD_ELEMENTS.get(how, {}) for each in elements]
        return httpx.Response(200, json={"Contacts": elements})

    def _read(self, request: httpx.Request, how: Read) -> httpx.Response:
        is_list = "IDs" in request.url.params
        asked = request.url.params["IDs"].split(",") if is_list else [request.url.path.rsplit("/", 1)[1]]
        there = [one for one in asked if one in self.contacts]
        elements = [self._element(one) for one in there]
        pages = 1
        match how:
            case Read.DROPPED:
                raise httpx.ReadTimeout("")
            case Read.PAGE_404:
                return httpx.Response(404, html=HTML)
            case Read.UNREADABLE:
                elements = [each | {"ContactStatus": "ODD"} for each in elements]
            case Read.EMPTY:
                elements = []
            case Read.NOTHING:
                return httpx.Response(200, json={"Contacts": []})
            case Read.OTHER:
                elements = [each | {"ContactID": ID[:-1] + "f"} for each in elements]
            case Read.STALE:
                elements = [self._element(one, is_stale=True) for one in there]
            case Read.PAGES:
                pages, elements = 3, []
            case _ if not there and not is_list:
                return httpx.Response(404, html="")
            case _:
                pass
        count = len(elements) + 1 if how is Read.PARTIAL else len(elements)
        shown = [] if how is Read.PARTIAL else elements
        numbers = {"page": 1, "pageSize": 50, "pageCount": pages, "itemCount": count}
        return httpx.Response(200, json={"Contacts": shown, "pagination": numbers})

    def _element(self, contact_id: str, *, is_stale: bool = False) -> dict[str, Any]:
        status, updated_at = self.contacts[contact_id]
        if is_stale and self.clock() - updated_at < LAG:
            status, updated_at = self.before[contact_id]
        stamp = f"/Date({round(updated_at.timestamp() * 1000)})/"
        return {"ContactID": contact_id, "ContactStatus": status.value, "UpdatedDateUTC": stamp}


class Office:
    """The outbox, the check of manual restores and the dialog's precheck, over one store."""

    def __init__(self, folder: Path, status: ContactStatus = ACTIVE, *ids: str) -> None:
        self.clock = Clock()
        self.store = Store.open(folder)
        self.xero = OddXero(self.clock, status, *ids)
        tokens = SimpleNamespace(access_token=_token, invalidate=lambda: None)
        self.client = XeroClient(
            api_url="http://127.0.0.1:9",
            tenant_id="t",
            tokens=cast("TokenSource", tokens),
            transport=httpx.MockTransport(self.xero),
        )
        self.pusher = self.restarted()
        self.lookout = ManualRestorePoller(self.store, self.client, self.clock, lambda _: None)

    def restarted(self) -> Outbox:
        return Outbox(self.store, self.client, self.clock, lambda _: None, lambda: self.clock().timestamp())

    async def ask(self, action: Action) -> list[Change]:
        await self.see()
        return await self.store.changes.add(
            action, self.store.contacts(list(self.xero.contacts)), self.clock()
        )

    async def see(self) -> None:
        """Let a refresh show every contact as it is."""
        known = [contact(one, status, updated_at=at) for one, (status, at) in self.xero.contacts.items()]
        await self.store.save_contacts(known, self.clock())

    async def work(self, seconds: float = 0) -> None:
        self.clock.forward(seconds=seconds)
        with suppress(XeroError):
            await self.pusher.recover()
            await self.pusher.run_until_empty()

    def changes(self) -> list[Change]:
        return self.store.changes.in_states(*State)

    async def close(self) -> None:
        await self.client.aclose()
        self.store.close()


async def _token(**_: object) -> str:
    return "token"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "organisation")
    yield made
    made.store.close()


def in_an_office(history: Any, *arguments: Any) -> None:
    """Run a history in an office of its own, which Hypothesis needs for each example."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            office = Office(Path(folder))
            try:
                await history(office, *arguments)
            finally:
                await office.close()

    asyncio.run(run())


STEPS = st.tuples(
    st.integers(0, 25), st.lists(st.sampled_from(Read), max_size=4), st.booleans(), st.booleans()
)


# Xero's verdict, until a later read shows better.
VERDICTS = [Write.ECHO, Write.REASON]
LEAVE_IT_OPEN = [each for each in Write if each not in VERDICTS]


@settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(LEAVE_IT_OPEN), max_size=4), st.lists(STEPS, max_size=8))
def test_a_completed_archive_is_never_refused_nor_credited_to_another_user(
    writes: list[Write], steps: list[tuple[int, list[Read], bool, bool]]
) -> None:
    in_an_office(_a_done_archive, writes, steps)


async def _a_done_archive(
    office: Office, writes: list[Write], steps: list[tuple[int, list[Read], bool, bool]]
) -> None:
    await office.ask(Action.ARCHIVE)
    office.xero.writes = writes
    for seconds, reads, is_restart, is_pulled in steps:
        office.xero.reads = list(reads)
        if is_restart:
            office.pusher = office.restarted()
        await office.work(seconds)
        if is_pulled:
            await office.see()
        is_done = office.xero.contacts[ID][0] is ARCHIVED
        [change] = office.changes()
        assert change.origin is Origin.RESHELVE
        assert change.state is not State.REFUSED
        assert change.state is not State.CONFIRMED or is_done
    office.xero.reads, office.xero.writes = [], []
    for _ in range(4):
        await office.work(400)
    [change] = office.changes()
    assert (change.state, change.origin) == (State.CONFIRMED, Origin.RESHELVE)
    assert change.confirmed_at == office.xero.contacts[ID][1]


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([Write.FINE, Write.NOT_SENT]), max_size=2), st.lists(STEPS, max_size=4))
def test_a_contact_that_xero_does_not_have_is_refused_in_the_end(
    writes: list[Write], steps: list[tuple[int, list[Read], bool, bool]]
) -> None:
    in_an_office(_an_unknown_contact, writes, steps)


async def _an_unknown_contact(
    office: Office, writes: list[Write], steps: list[tuple[int, list[Read], bool, bool]]
) -> None:
    [change] = await office.ask(Action.ARCHIVE)
    del office.xero.contacts[ID]
    office.xero.writes = writes
    for seconds, reads, _, _ in steps:
        office.xero.reads = list(reads)
        await office.work(seconds)
    office.xero.reads, office.xero.writes = [], []
    for _ in range(4):
        await office.work(400)
    [after] = office.changes()
    assert (after.change_id, after.state) == (change.change_id, State.REFUSED)
    assert after.notice == Notice(ContactReason.DELETED)


@pytest.mark.parametrize("write", [Write.LOST, Write.BROKEN, Write.STUB, Write.PAGE, Write.BARE])
@pytest.mark.parametrize("read", [each for each in Read if each is not Read.FINE])
async def test_no_single_reply_resolves_a_change_wrongly(office: Office, write: Write, read: Read) -> None:
    [change] = await office.ask(Action.ARCHIVE)
    office.xero.writes = [write]
    # Single contacts get odd replies, too.
    office.xero.reads = [read, read]
    await office.work()
    await office.work()
    [now] = office.changes()
    assert now.change_id == change.change_id
    assert now.state is not State.REFUSED
    office.xero.reads = []
    for _ in range(3):
        await office.work(120)
    await office.see()
    [now] = office.changes()
    assert (now.change_id, now.state, now.origin) == (change.change_id, State.CONFIRMED, Origin.RESHELVE)


@pytest.mark.parametrize(
    ("status", "is_done"),
    [
        *((each, True) for each in (400, 403, 404, 405, 408, 413, 421, 422, 425, 451, 499, 502)),
        *((each, False) for each in (400, 403, 404, 405, 407, 408, 413, 421, 422, 425, 451, 499, 502)),
    ],
)
@pytest.mark.parametrize("body", [HTML, "", '{"message": "blocked"}'])
async def test_gateways_reply_to_a_write_decides_nothing(
    office: Office, status: int, body: str, *, is_done: bool
) -> None:
    [change] = await office.ask(Action.ARCHIVE)
    usual = office.xero._write

    def gateway(request: httpx.Request, how: Write) -> httpx.Response:
        office.xero._write = usual  # type: ignore[method-assign]
        if is_done:
            usual(request, how)
        return httpx.Response(status, text=body)

    office.xero._write = gateway  # type: ignore[method-assign]
    await office.work()
    assert office.changes()[0].state is not State.REFUSED
    for _ in range(3):
        await office.work(120)
    [now] = office.changes()
    assert (now.change_id, now.state) == (change.change_id, State.CONFIRMED)
    assert office.xero.calls.count("POST") == (1 if is_done else 2)


async def test_unreadable_contact_delays_no_other(tmp_path: Path) -> None:
    ids = [ID[:-1] + letter for letter in "abc"]
    office = Office(tmp_path / "organisation", ACTIVE, *ids)
    first, *others = await office.ask(Action.ARCHIVE)
    for change in others:
        await withdraw(office.store, change, Transition.CANCEL, State.QUEUED, office.clock())
    office.xero.writes = [Write.LOST]
    office.xero.reads = [Read.UNREADABLE] * 100
    await office.work()
    # No refresh comes between that shows what became of it.
    await office.store.changes.add(Action.ARCHIVE, office.store.contacts(ids), office.clock())
    for _ in range(20):
        await office.work(2)
    states = {
        each.contact_id: each.state for each in office.store.changes.in_states(State.UNKNOWN, State.CONFIRMED)
    }
    assert states == {ids[0]: State.UNKNOWN, ids[1]: State.CONFIRMED, ids[2]: State.CONFIRMED}
    # It is read again at growing intervals.
    looks = office.xero.calls.count("GET")
    for _ in range(60):
        await office.work(60)
    assert looks < office.xero.calls.count("GET") <= looks + 20
    office.xero.reads = []
    await office.work(600)
    assert office.store.changes.of_contact(first.contact_id)[0].state is State.CONFIRMED
    await office.close()


async def test_stale_reads_still_end_in_the_requested_change(office: Office) -> None:
    """Recorded as refused at first, then found to have been carried out."""
    [change] = await office.ask(Action.ARCHIVE)
    office.xero.writes = [Write.LOST]
    office.xero.before = dict(office.xero.contacts)
    office.xero._element = lambda one, **_: _as_before(office.xero, one)  # type: ignore[method-assign]
    for _ in range(8):
        await office.work(60)
    [refused] = office.changes()
    assert refused.state is State.REFUSED
    await office.see()
    [now] = office.changes()
    assert (now.change_id, now.state, now.origin) == (change.change_id, State.CONFIRMED, Origin.RESHELVE)
    assert now.confirmed_at == office.xero.contacts[ID][1]
    assert (now.message, now.notice) == ("", None)
    events = [each.transition for each in office.store.changes.entries_of_change(change.change_id)]
    assert events[-1] == "confirm"


@pytest.mark.parametrize("write", VERDICTS)
@pytest.mark.parametrize("is_retried", [True, False])
async def test_a_refusal_of_a_request_that_was_carried_out_credits_no_other_user(
    office: Office, write: Write, *, is_retried: bool
) -> None:
    [change] = await office.ask(Action.ARCHIVE)
    office.xero.writes, office.xero.reads = [write], [Read.STALE]
    await office.work()
    assert office.changes()[0].state is State.REFUSED
    if is_retried:
        await office.store.changes.pause(office.clock(), on=True)
        await office.store.changes.retry(office.changes(), office.clock())
    office.clock.forward(minutes=5)
    await office.see()
    last = office.changes()[-1]
    assert (last.state, last.origin) == (State.CONFIRMED, Origin.RESHELVE)
    assert is_retried or last.change_id == change.change_id
    events = office.store.changes.entries_of_change(last.change_id)
    assert events[-1].notice == Notice(ChangeReason.CONFIRMED_LATE)


@pytest.mark.parametrize("ending", [State.CANCELLED, State.DISMISSED])
@pytest.mark.parametrize("is_by_hand", [True, False])
async def test_dismissed_restore_is_ours_only_by_its_date(
    tmp_path: Path, ending: State, *, is_by_hand: bool
) -> None:
    office = Office(tmp_path / "organisation", ARCHIVED)
    # Archived just before, by its date.
    office.xero.contacts[ID] = (ARCHIVED, office.clock())
    [change] = await office.ask(Action.RESTORE)
    store, now = office.store, office.clock
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.SEND, idempotency_key="key")], now()
    )
    if not is_by_hand:
        now.forward(seconds=1)
        office.xero.set_status(ID, ACTIVE)
    now.forward(seconds=2)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.REPLY_LOST)], now())
    event = Transition.REQUEUE if ending is State.CANCELLED else Transition.AWAIT_USER
    await store.record_transitions([TransitionRequest(change.change_id, event)], now())
    event = Transition.CANCEL if ending is State.CANCELLED else Transition.DISMISS
    await store.record_transitions([TransitionRequest(change.change_id, event)], now())
    now.forward(minutes=5)
    if is_by_hand:
        office.xero.contacts[ID] = (ACTIVE, office.xero.contacts[ID][1])
    await office.see()
    last = office.changes()[-1]
    assert (last.state, last.origin) == (State.CONFIRMED, Origin.XERO if is_by_hand else Origin.RESHELVE)
    await office.close()


def _as_before(xero: OddXero, contact_id: str) -> dict[str, Any]:
    status, at = xero.before[contact_id]
    stamp = f"/Date({round(at.timestamp() * 1000)})/"
    return {"ContactID": contact_id, "ContactStatus": status.value, "UpdatedDateUTC": stamp}


@pytest.mark.parametrize("ending", [State.REFUSED, State.CANCELLED])
async def test_later_archive_in_xero_is_not_credited_to_ours(office: Office, ending: State) -> None:
    await office.ask(Action.ARCHIVE)
    office.xero.writes = [Write.NOT_SENT]
    with suppress(XeroError):
        await office.pusher.run_until_empty()
    await office.store.changes.pause(office.clock(), on=True)
    await office.work(5)
    [queued] = office.changes()
    assert queued.state is State.QUEUED
    if ending is State.CANCELLED:
        await withdraw(office.store, queued, Transition.CANCEL, State.QUEUED, office.clock())
    else:
        office.clock.forward(minutes=2)
        await office.store.save_contacts([], office.clock(), deleted=[ID])
    office.clock.forward(minutes=10)
    office.xero.set_status(ID, ARCHIVED)
    await office.see()
    assert [(each.state, each.origin) for each in office.changes()] == [
        (ending, Origin.RESHELVE),
        (State.CONFIRMED, Origin.XERO),
    ]


# --- manual restores, and changes queued beside them ---


@pytest.mark.parametrize("read", [each for each in Read if each is not Read.FINE])
async def test_one_odd_reply_ends_no_manual_restore_and_no_queued_change(tmp_path: Path, read: Read) -> None:
    ids = [f"5f4cbf2c-0000-4000-8000-{number:012}" for number in range(6)]
    office = Office(tmp_path / "organisation", ARCHIVED, *ids)
    await RestoreCapability(office.store).record(office.clock())
    await office.ask(Action.RESTORE)
    await office.work()
    office.xero.contacts[ID] = (ACTIVE, START - timedelta(days=9))
    await office.store.changes.pause(office.clock(), on=True)
    await office.see()
    await office.store.changes.add(Action.ARCHIVE, office.store.contacts([ID]), office.clock())
    before = [(each.change_id, each.state) for each in office.changes()]
    assert [state for _, state in before] == [State.AWAITING_USER] * 6 + [State.QUEUED]
    for _ in range(3):
        office.xero.reads = [read] * 3
        with suppress(XeroError):
            await office.lookout.poll()
        office.xero.reads = [read] * 3
        await look_fresh(office, *ids, ID)
        office.clock.forward(minutes=1)
    assert [(each.change_id, each.state) for each in office.changes()] == before
    # Once they can be read again, those that the user restored are confirmed.
    office.xero.reads = []
    office.xero.set_status(ids[0], ACTIVE)
    await office.lookout.poll()
    assert office.changes()[0].state is State.CONFIRMED
    await office.close()


async def test_a_manual_restore_of_a_contact_that_xero_does_not_have_ends(tmp_path: Path) -> None:
    ids = [f"5f4cbf2c-0000-4000-8000-{number:012}" for number in range(4)]
    office = Office(tmp_path / "organisation", ARCHIVED, *ids)
    await RestoreCapability(office.store).record(office.clock())
    await office.ask(Action.RESTORE)
    await office.work()
    for one in ids[:3]:
        del office.xero.contacts[one]
    for _ in range(3):
        await office.lookout.poll()
    assert [each.state for each in office.changes()] == [State.REFUSED] * 3 + [State.AWAITING_USER]
    await office.close()


async def test_a_restore_of_a_contact_not_stored_yet_waits_for_the_user(tmp_path: Path) -> None:
    """As after a repair, which downloads the contacts again and keeps what was requested."""
    office = Office(tmp_path / "organisation", ARCHIVED)
    await RestoreCapability(office.store).record(office.clock())
    await office.ask(Action.RESTORE)
    database = office.store._database
    await database.write(lambda connection: connection.execute("DELETE FROM contacts").rowcount)
    await office.work()
    assert [each.state for each in office.changes()] == [State.AWAITING_USER]
    await office.close()


# --- the dialog ---


async def look_fresh(office: Office, *ids: str) -> Any:
    connectors = cast("Any", SimpleNamespace(xero=office.client))
    quiet = cast("Any", SimpleNamespace(record_write=lambda _: None, record_reply=lambda *_: None))
    refresher = ContactRefresher(
        store=office.store,
        clients=connectors,
        connection=cast("Any", SimpleNamespace(attempt=lambda: 1)),
        publisher=quiet,
        scheduler=quiet,
        now=office.clock,
    )
    fresh = await refresher.refresh(ids)
    return build_precheck(office.store, Action.ARCHIVE, ids, fresh)


@pytest.mark.parametrize("read", [each for each in Read if each not in {Read.FINE, Read.STALE}])
async def test_the_dialog_names_contacts_that_could_not_be_read(office: Office, read: Read) -> None:
    await office.see()
    office.xero.reads = [read, read]
    looked = await look_fresh(office, ID)
    [line] = looked.lines
    assert looked.stale_reason is not None
    assert line.blocked_reason is None
    assert "know" not in "".join(map(messages.in_full, (looked.stale_reason, *line.warnings)))


async def test_the_dialog_says_which_of_several_could_not_be_read(tmp_path: Path) -> None:
    ids = [ID[:-1] + letter for letter in "abcd"]
    office = Office(tmp_path / "organisation", ACTIVE, *ids)
    await office.see()
    usual = office.xero._element

    def odd(one: str, **options: bool) -> dict[str, Any]:
        return usual(one, **options) | ({"ContactStatus": "ODD"} if one == ids[1] else {})

    office.xero._element = odd  # type: ignore[assignment, method-assign]
    looked = await look_fresh(office, *ids)
    assert looked.stale_reason == Notice(ContactReason.SOME_UNREADABLE, {"count": 1, "total": 4})
    assert "1 of 4 contacts" in messages.in_full(looked.stale_reason)
    assert [bool(line.warnings) for line in looked.lines] == [False, True, False, False]
    del office.xero.contacts[ids[2]]
    office.xero._element = usual  # type: ignore[method-assign]
    looked = await look_fresh(office, *ids)
    assert looked.stale_reason is None
    assert [bool(line.blocked_reason) for line in looked.lines] == [False, False, True, False]
    await office.close()
