"""What change log, store, practice Xero and its request log have to agree on in the end."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.model.change import Action, State, Transition, next_state

if TYPE_CHECKING:
    from collections.abc import Sequence

UNFINISHED = (State.QUEUED, State.SENDING, State.UNKNOWN)
# Entries of the change log that are no transition.
_BEGINNINGS = {"requested": State.QUEUED, "detected": State.CONFIRMED}
_BACKUPS_KEPT = 5
_DEEDS = {Action.ARCHIVE: "Archived", Action.RESTORE: "Restored"}
_HISTORY = "SELECT contact_id, changes FROM history JOIN contacts ON history.contact = contacts.id"
# Entries without a transition, each with the changes that must have one.
_NOTES = {
    "synced": "SELECT change_id FROM changes WHERE synced_ms IS NOT NULL",
    "retried": "SELECT retry_of_id FROM changes WHERE retry_of_id IS NOT NULL",
}
_CHANGES = "SELECT contact_id, action, state FROM changes ORDER BY change_id"


def read_only(file: Path, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
    """Ask a database that the program has open, without ever being the one that tidies it up."""
    if not file.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", timeout=10, uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise


def wreck(file: Path) -> list[tuple[str, str, str]]:
    """Look at what a killed program has left: each change's contact, action and state, oldest first.

    Works on a copy, so that the program finds its file as it was left and mends it itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for suffix in ("", "-wal"):
            left = file.with_name(file.name + suffix)
            if left.exists():
                shutil.copyfile(left, copy.with_name(copy.name + suffix))
        if not copy.exists():
            return []
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'changes'").fetchall():
                return []
            return connection.execute(_CHANGES).fetchall()


@dataclass(slots=True)
class Asked:
    """Contacts for which a person has asked for the same thing at once.

    `ends_as` is how it has to end; None where that is Xero's to say.
    """

    action: Action
    contact_ids: tuple[str, ...]
    is_journalled: bool = False
    ends_as: State | None = None


@dataclass(slots=True)
class Audit:
    """Compares; each finding is a sentence. Without findings, all is well."""

    store: Path
    practice: Path
    tenant_id: str
    calls: list[dict[str, Any]]
    findings: list[str] = field(default_factory=list)

    def check(self, asked: Sequence[Asked]) -> list[str]:
        """Return what is wrong."""
        self._files_are_whole()
        self._events_lead_to_states()
        self._are_done_once(asked)
        self._nobody_else_is_blamed(asked)
        self._calls_are_journalled()
        self._tallies_are_true()
        self.findings += self.differences()
        return self.findings

    def differences(self) -> list[str]:
        """Compare the local data with the practice Xero's own."""
        local = {
            contact_id: (name, status)
            for contact_id, name, status in self._rows("SELECT contact_id, name, status FROM contacts")
        }
        there = {
            contact_id: (name, status)
            for contact_id, name, status in read_only(
                self.practice,
                "SELECT contact_id, c.name, status FROM contacts c JOIN organisations USING (org)"
                " WHERE tenant_id = ?",
                (self.tenant_id,),
            )
        }
        return [
            f"{key}: stored as {local.get(key)}, in Xero {there.get(key)}"
            for key in local.keys() | there.keys()
            if local.get(key) != there.get(key)
        ]

    def _files_are_whole(self) -> None:
        for file in (self.store, self.practice):
            if read_only(file, "PRAGMA integrity_check") != [("ok",)]:
                self.findings.append(f"{file.name} is damaged")
        backups = sorted((self.store.parent / "backups").glob("change-log-*.db"))
        if len(backups) > _BACKUPS_KEPT:
            self.findings.append(f"{len(backups)} backups are kept")
        for backup in backups:
            if read_only(backup, "PRAGMA integrity_check") != [("ok",)]:
                self.findings.append(f"the backup {backup.name} is damaged")

    def _events_lead_to_states(self) -> None:
        states = dict(self._rows("SELECT change_id, state FROM changes"))
        reached: dict[int, State] = {}
        for change_id, event, state in self._rows(
            "SELECT change_id, transition, state FROM transitions ORDER BY transition_id"
        ):
            if event in _BEGINNINGS:
                if change_id in reached:
                    self.findings.append(f"change {change_id} begins twice")
                reached[change_id] = _BEGINNINGS[event]
            elif event not in _NOTES:
                reached[change_id] = next_state(reached[change_id], Transition(event))
            if reached[change_id] != state:
                self.findings.append(f"change {change_id}: {event} is logged as {state}")
        if reached != states:
            self.findings.append(f"the log leads to {reached}, the changes say {states}")
        for event, sql in _NOTES.items():
            logged = self._rows("SELECT change_id FROM transitions WHERE transition = ?", (event,))
            if sorted(logged) != sorted(self._rows(sql)):
                self.findings.append(f"{event} is logged of {logged}, the changes say otherwise")
        stuck = Counter(state for state in states.values() if state in UNFINISHED)
        if stuck:
            self.findings.append(f"stuck: {dict(stuck)}")

    def _are_done_once(self, all_asked: Sequence[Asked]) -> None:
        changes, deeds = defaultdict(list), defaultdict(list)
        for contact_id, action, state, words in self._rows(
            "SELECT contact_id, action, state, message FROM changes WHERE origin = 'reshelve'"
            # A refused change that was retried is requested by another change.
            " AND NOT (state = 'refused' AND superseded) ORDER BY change_id"
        ):
            changes[contact_id, action].append((state, words))
        for contact_id, deed in read_only(self.practice, _HISTORY):
            deeds[contact_id].append(deed)
        for asked in all_asked:
            for contact_id in asked.contact_ids:
                ours = changes[contact_id, asked.action]
                done = deeds[contact_id].count(_DEEDS[asked.action])
                expected = self._expected(asked, ours)
                if expected is None:
                    self.findings.append(f"{contact_id}: {asked.action} ended as {ours}")
                elif done != expected:
                    self.findings.append(f"{contact_id}: {asked.action} done {done} times, journal: {ours}")

    def _expected(self, asked: Asked, changes: Sequence[tuple[str, str]]) -> int | None:
        """Return how often Xero must have done it; None if the change log itself is wrong."""
        if asked.ends_as is not None and (not changes or changes[-1][0] != asked.ends_as):
            return None
        if asked.ends_as is not State.CANCELLED:
            # A cancelled change was never sent.
            changes = [change for change in changes if change[0] != State.CANCELLED]
        elif len(changes) == 1:
            return 0
        if not asked.is_journalled:
            return None if changes else 0
        if len(changes) != 1:
            return None
        state, words = changes[0]
        if state == State.CONFIRMED:
            return 1
        is_excused = (state == State.REFUSED and words) or (
            state == State.AWAITING_USER and asked.action is Action.RESTORE
        )
        return 0 if is_excused else None

    def _nobody_else_is_blamed(self, asked: Sequence[Asked]) -> None:
        first: dict[str, Action] = {}
        for one in asked:
            for contact_id in one.contact_ids:
                first.setdefault(contact_id, one.action)
        for contact_id, action in self._rows("SELECT contact_id, action FROM changes WHERE origin = 'xero'"):
            # Contacts to restore were archived in Xero by the site, which the program may have seen.
            is_the_sites = first.get(contact_id) is Action.RESTORE and action == Action.ARCHIVE
            if contact_id in first and not is_the_sites:
                self.findings.append(f"{contact_id}: our own {action} is put down to somebody in Xero")

    def _calls_are_journalled(self) -> None:
        """Check that every write has a logged key, and changed everything it was meant to, or nothing."""
        sent: Counter[str] = Counter()
        for (detail,) in self._rows("SELECT detail FROM transitions WHERE transition = 'send'"):
            sent[json.loads(detail)["idempotency_key"]] += 1
        refused: Counter[str] = Counter(
            key for (key,) in self._rows("SELECT idempotency_key FROM changes WHERE state = 'refused'")
        )
        writes = [call for call in self.calls if call["method"] == "POST" and "/Contacts" in call["path"]]
        for key, times in Counter(call["idempotencyKey"] for call in writes if call["status"] != 401).items():
            if key not in sent:
                self.findings.append(f"a call with the key {key} was never journalled")
            if times > 1:
                self.findings.append(f"the call with the key {key} was made {times} times")
        for call in writes:
            key = call["idempotencyKey"]
            meant = 0 if self._is_restore(key) else sent[key] - refused[key]
            # An archived contact can't be archived again, so a request without effect was sent twice.
            if call["status"] == 200 and call["statusWrites"] != meant:
                self.findings.append(f"{meant} were sent, Xero did otherwise: {call}")

    def _is_restore(self, key: str) -> bool:
        found = self._rows(
            "SELECT DISTINCT action FROM changes JOIN transitions USING (change_id)"
            " WHERE transition = 'send' AND json_extract(detail, '$.idempotency_key') = ?",
            (key,),
        )
        return found == [("restore",)]

    def _tallies_are_true(self) -> None:
        tallied = {name: total for name, total in self._rows("SELECT name, total FROM row_counts") if total}
        counted = {
            f"contacts:{status}": total
            for status, total in self._rows("SELECT status, count(*) FROM contacts GROUP BY status")
        }
        for name, total in counted.items():
            if tallied.get(name) != total:
                self.findings.append(f"{name} is tallied as {tallied.get(name)}, there are {total}")

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        return read_only(self.store, sql, parameters)
