"""One installation of the program and one practice Xero, to be crashed again and again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.crash_audit import UNFINISHED, Asked, Audit, read_only, wreck
from support.crash_points import ORDERS, REACHED
from support.demo import environment
from support.house import settings_for
from support.practice import PracticeXero, http
from support.terminal import Terminal

from tui.engine.account import TOKENS_IN_FILE, XeroAccount
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from support.crash_points import Point

CHILD = "support.crash_child"
_TESTS = Path(__file__).parents[1]
# From this number on, the dialog requires typing it.
_TYPED_FROM = 26
_PATIENCE_SECONDS = 60
_BETWEEN_LOOKS_SECONDS = 2
_PLENTY = 1_000_000
PAUSED = "Sending paused"
_FAILED = "Something went wrong"
# Refreshes run only at the start and on F5: one in between could resolve an unknown change.
_POLL_SECONDS = 3600


@dataclass(slots=True)
class Site:
    """The place of one chain of crashes: files under `folder`, the practice Xero, and all requests."""

    folder: Path
    practice: PracticeXero
    asked: list[Asked] = field(default_factory=list)
    _words: int = 0
    _terminal: Terminal | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, contacts: int = 60) -> Iterator[Site]:
        """Start the practice Xero and sign in; nothing is stored yet."""
        options = ("--contacts", str(contacts), "--cycle", "86400", "--sync-seconds", "0")
        limits = ("--minute-limit", str(_PLENTY), "--day-limit", str(_PLENTY))
        practice = PracticeXero(folder / "practice", (*options, *limits))
        try:
            site = cls(folder, practice)
            site.sign_in()
            try:
                yield site
            finally:
                site.end()
        finally:
            practice.stop()

    @property
    def home(self) -> Path:
        """The program's files."""
        return self.folder / "home"

    @property
    def store(self) -> Path:
        """The organisation's database."""
        return Paths.under(self.home).organisation(self.practice.tenant_id) / "contacts.db"

    @property
    def log_of_writes(self) -> Path:
        """SQLite's write-ahead log, which exists until the last copy of the program has ended."""
        return self.store.with_name(f"{self.store.name}-wal")

    @property
    def books(self) -> Path:
        """The practice Xero's own data."""
        return Paths.under(self.practice.folder).sandbox / "practice.sqlite"

    def sign_in(self) -> None:
        """Connect the program to the practice Xero."""
        settings = settings_for(self.practice, poll_seconds=_POLL_SECONDS)
        account = XeroAccount(settings, Paths.under(self.home))
        asyncio.run(account.import_refresh_token(self.practice.refresh_token, self.practice.client_id))

    def start(self) -> Terminal:
        """Start the program, to be killed at `order`."""
        variables = {
            **environment(self.home),
            **self.practice.environment,
            "RESHELVE_XERO_TOKEN_STORE": TOKENS_IN_FILE,
            "RESHELVE_RE_LEASED_FEED_URL": self.practice.released,
            "RESHELVE_SYNC_POLL_SECONDS": str(_POLL_SECONDS),
            "PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(_TESTS)]),
            ORDERS: str(self._orders),
            REACHED: str(self._reached),
        }
        command = [sys.executable, "-P", "-m", CHILD, "open"]
        return Terminal(command, variables, patience=_PATIENCE_SECONDS)

    def program(self) -> Terminal:
        """Return the running program, started if necessary."""
        if self._terminal is None:
            self._terminal = self.start()
        return self._terminal

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition, or for the program to report a failure."""

        def is_over() -> bool:
            return bool(condition()) or _FAILED in terminal.screen.text

        terminal = self.program()
        try:
            terminal.until(is_over, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\nIts log:\n{self._log()}") from None
        assert _FAILED not in terminal.screen.text, f"a part of the program failed:\n{self._log()}"

    def end(self) -> None:
        """Remove the program, dead or alive."""
        if self._terminal is not None:
            self._terminal.__exit__(None, None, None)
            self._terminal = None

    def leave(self) -> None:
        """Quit the program as a user does."""
        terminal = self.program()
        terminal.until_shown("All ")
        terminal.write("\x03")
        assert terminal.wait() == 0, f"leaving went wrong. Shown:\n{terminal.screen.text}"
        self.end()

    def order(self, point: Point, nth: int) -> None:
        """Have the program killed when it reaches the point for the nth time from now on."""
        self._reached.unlink(missing_ok=True)
        new = self._orders.with_suffix(".new")
        new.write_text(f"{point} {nth}")
        new.replace(self._orders)

    def call_off(self) -> bool:
        """Cancel the order; return whether the program had been killed by it."""
        self._orders.unlink(missing_ok=True)
        return self._reached.exists()

    def fill(self, size: int, action: Action) -> str:
        """Create contacts in Xero for which the action is possible, and return the word that finds them."""
        word = f"wombat{_letters(self._words)}"
        self._words += 1
        names = [f"{word.capitalize()} {number:03}" for number in range(size)]
        made = self._write([{"Name": name} for name in names], "PUT")
        ids = tuple(one["ContactID"] for one in made)
        if action is Action.RESTORE:
            self._write([{"ContactID": one, "ContactStatus": "ARCHIVED"} for one in ids], "POST")
            self.practice.control("DELETE", "requests")
        self.asked.append(Asked(action, ids))
        return word

    def choose(self, word: str, size: int, action: Action, *, by: Terminal | None = None) -> None:
        """Search for the contacts, select them all, and open the dialog."""
        terminal = by or self.program()
        terminal.until_shown("All ")
        terminal.write("3" if action is Action.RESTORE else "1")
        # Ctrl-U, as an earlier search may still be there.
        terminal.write(f"/\x15{word}\r")
        terminal.until(_Looking(terminal, lambda: self._knows(word, size, action)), f"finding {size}")
        # By name, as the letters typed first may find as many contacts of an earlier request.
        terminal.until_shown(f"{word.capitalize()} 000 ")
        terminal.until_shown(f" {size} of ")
        terminal.write("*")
        self.press(size, action, by=terminal)

    def press(self, size: int, action: Action, *, by: Terminal | None = None) -> None:
        """Press the action's key on the selection, and wait for the dialog's precheck."""
        terminal = by or self.program()
        terminal.write("a" if action is Action.ARCHIVE else "r")
        name = action.value.capitalize()
        terminal.until_shown(f"{name} {size} contact")
        terminal.until_shown(f"y {name}" if size < _TYPED_FROM else f"Type {size} to confirm")

    def confirm(self, size: int, *, by: Terminal | None = None) -> None:
        """Confirm the dialog."""
        (by or self.program()).write("y" if size < _TYPED_FROM else f"{size}\r")

    def note_journalled(self) -> None:
        """Check whether the change log after a crash has the last request: all of it or nothing."""
        asked = self.asked[-1]
        known = {
            contact_id
            for contact_id, action, state in wreck(self.store)
            if contact_id in asked.contact_ids and action == asked.action and state != State.CANCELLED
        }
        assert len(known) in {0, len(asked.contact_ids)}, "a batch was journalled in part"
        asked.is_journalled = bool(known)

    def is_settled(self) -> bool:
        """Return whether all logged changes are finished, and all contacts are read."""
        cursors = dict(self._ask("SELECT name, value FROM sync_state"))
        is_read = "contacts.full_sync_ended_at" in cursors and "contacts.full_sync_page" not in cursors
        return is_read and self._are_finished([one for one in self.asked if one.is_journalled])

    def is_journalled(self, word: str) -> bool:
        """Return whether changes of the contacts with this word were requested."""
        return bool(self._ask("SELECT 1 FROM changes WHERE name LIKE ? || ' %' LIMIT 1", (word,)))

    def is_done(self) -> bool:
        """Return whether the last request is finished."""
        return self._are_finished(self.asked[-1:])

    def is_picked_up(self) -> bool:
        """Return whether all confirmed changes are synced."""
        sql = "SELECT 1 FROM changes WHERE state = 'confirmed' AND synced_ms IS NULL LIMIT 1"
        return not self._ask(sql)

    def states(self) -> set[State]:
        """Return the states of the last requested changes."""
        states = dict(self._ask("SELECT contact_id, state FROM changes ORDER BY change_id"))
        return {State(states[one]) for one in self.asked[-1].contact_ids if one in states}

    @property
    def is_paused(self) -> bool:
        """Whether the user has paused sending."""
        return bool(self._ask("SELECT 1 FROM sync_state WHERE name = 'outbox.paused_at'"))

    def toggle_pause(self) -> None:
        """Pause or resume sending."""
        terminal, was_paused = self.program(), self.is_paused
        terminal.until_shown("All ")
        terminal.write("P")
        if not was_paused:
            terminal.until_shown("y Pause")
            terminal.write("y")
        # Wait until it is shown, too, as the next key depends on it.
        self.until(
            lambda: was_paused not in {self.is_paused, PAUSED in terminal.screen.text},
            "pausing, or going on",
        )

    def settle(self) -> None:
        """Wait until all is finished and the local data is as in Xero."""
        self.until(self.is_settled, "settling")
        self.until(lambda: not self._audit().differences(), "the local copy being as Xero is")

    def check(self) -> list[str]:
        """Return what is wrong in the end."""
        return self._audit().check(self.asked)

    def kill(self) -> None:
        """End the program as a loss of power does."""
        self.program().send(signal.SIGKILL)
        self.program().wait()
        self.end()

    def _log(self) -> str:
        return "\n".join(file.read_text()[-3_000:] for file in Paths.under(self.home).logs.glob("*.log"))

    @property
    def _orders(self) -> Path:
        return self.folder / "orders"

    @property
    def _reached(self) -> Path:
        return self.folder / "reached"

    def _knows(self, word: str, size: int, action: Action) -> bool:
        status = (ContactStatus.ACTIVE if action is Action.ARCHIVE else ContactStatus.ARCHIVED).value
        sql = "SELECT count(*) FROM contacts WHERE name LIKE ? || ' %' AND status = ?"
        return self._ask(sql, (word, status)) == [(size,)]

    def _are_finished(self, asked: Sequence[Asked]) -> bool:
        # One query, as two could see different states.
        states = dict(self._ask("SELECT contact_id, state FROM changes ORDER BY change_id"))
        ids = (contact_id for one in asked for contact_id in one.contact_ids)
        return all(states.get(contact_id, State.QUEUED) not in UNFINISHED for contact_id in ids)

    def _ask(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        return read_only(self.store, sql, parameters)

    def _audit(self) -> Audit:
        return Audit(self.store, self.books, self.practice.tenant_id, self.practice.requests())

    def _write(self, contacts: list[dict[str, str]], method: str) -> list[dict[str, str]]:
        headers = {
            "Authorization": f"Bearer {self.practice.access_token()}",
            "xero-tenant-id": self.practice.tenant_id,
            "Accept": "application/json",
        }
        url = f"{self.practice.api}/api.xro/2.0/Contacts"
        reply = http(method, url, json_body={"Contacts": contacts}, headers=headers)
        assert reply.status == 200, reply.body
        made: list[dict[str, str]] = reply.json()["Contacts"]
        return made


class _Looking:
    """Looks for news until something is so.

    Again and again: a look that is under way answers the key, and may have read past what is awaited.
    """

    def __init__(self, terminal: Terminal, is_over: Callable[[], bool]) -> None:
        self._terminal, self._is_over, self._looked_at = terminal, is_over, float("-inf")

    def __call__(self) -> bool:
        if time.monotonic() - self._looked_at > _BETWEEN_LOOKS_SECONDS:
            self._terminal.write("\x1b[15~")
            self._looked_at = time.monotonic()
        return self._is_over()


def _letters(number: int) -> str:
    """Write a number in letters, so that no word is a prefix of another."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")
