"""Examines this installation for `reshelve doctor`, without changing anything.

What it returns names no organisation, contact, sign-in or token: see `tui.model.doctor`.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tui import __version__
from tui.engine.account import ConnectionList, decode_connections
from tui.engine.clock import utc_now
from tui.engine.engine_factory import TOKENS_IN_FILE, token_source, token_store
from tui.engine.leader_lock import LOCK_NAME
from tui.engine.maintenance import saved_organisations
from tui.model.doctor import Check, Health, HealthFinding, Result
from tui.model.errors import KeychainError, ReconnectError, ReshelveError
from tui.model.reasons import Notice
from tui.settings import load_report, unified_connection
from tui.store.maintenance.health import CURRENT_VERSION, SQLITE_VERSION, read_health
from tui.system.keychain import keychain_name
from tui.system.locks import is_locked
from tui.system.paths import without_home
from tui.system.platform import is_open_to_others, lock_holder
from tui.system.terminal import read_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import Organisation
    from tui.model.reasons import Param
    from tui.settings import Settings, SettingsReport
    from tui.system.paths import Paths

#: The least room, in bytes, for a large organisation's database and its copies: below the first, a warning.
_LITTLE_ROOM, _NO_ROOM = 1_000_000_000, 100_000_000
_LEAST_COLUMNS, _LEAST_LINES = 80, 24
_ACCESS_LASTS: Final = timedelta(minutes=30)
_SIGN_IN_LASTS: Final = timedelta(days=60)
# Warn while there is still time to open Reshelve, which renews it.
_RENEWED_LATE: Final = timedelta(days=50)
_CLOCK_TOLERANCE: Final = timedelta(minutes=1)
# A scope is text from outside.
_SCOPE: Final = re.compile(r"[a-z][a-z._]{0,60}")
# The texts among an error's parameters that name nothing: not a host, a file, or what Xero says.
_PLAIN_PARAMS: Final = frozenset({"service", "source", "scheme", "status"})
# A code of our own, rather than a message of the system.
_CODE: Final = re.compile(r"[a-z_]{1,20}")


async def examine(
    paths: Paths, *, is_online: bool, ignored_settings: int = 0, now: Callable[[], datetime] = utc_now
) -> list[HealthFinding]:
    """Return all findings; with `is_online`, Xero is asked once for each sign-in.

    `ignored_settings` counts those that only the screens know to be invalid.
    """
    doctor = _Doctor(paths, load_report(paths.settings_file), _connections(paths), ignored_settings, now)
    findings = await asyncio.to_thread(lambda: [*doctor.findings()])
    if is_online:
        findings += await doctor.ask_xero()
    return findings


def _connections(paths: Paths) -> ConnectionList | None:
    """Return the list of organisations; None if it can't be read. It isn't moved aside, as a start would."""
    try:
        return decode_connections(paths.organisations_file.read_bytes())
    except FileNotFoundError:
        return ConnectionList(())
    except OSError:
        return None


class _Doctor:
    """Makes the findings, in the order in which they are shown."""

    def __init__(
        self,
        paths: Paths,
        report: SettingsReport,
        connections: ConnectionList | None,
        ignored_settings: int,
        now: Callable[[], datetime],
    ) -> None:
        self._paths = paths
        self._report = report
        self._settings: Settings = report.settings
        self._has_list = connections is not None
        self._connections = connections or ConnectionList(())
        self._ignored_settings = ignored_settings
        self._now = now

    def findings(self) -> Iterator[HealthFinding]:
        """Yield every finding that needs no network. Blocks; no failure of a check ends the others."""
        yield from _versions()
        yield from self._folders()
        yield from _guarded(Check.DISK, lambda: _disk(self._paths.data))
        yield from _guarded(Check.SETTINGS, self._settings_finding)
        yield from _guarded(Check.TERMINAL, _terminal)
        yield from _guarded(Check.KEYCHAIN, self._keychain)
        yield from _guarded(Check.PROXY, self._proxy)
        yield from _guarded(Check.CERTIFICATES, _certificates)
        yield from _guarded(Check.CONNECTIONS, self._connected)
        for number, sign_in in enumerate(self._connections.sign_ins, 1):
            yield from _guarded(Check.SIGN_IN, partial(self._sign_in, sign_in), number)
        for number, organisation in enumerate(self._connections.organisations, 1):
            folder = self._paths.organisation(organisation.tenant_id)
            yield from _guarded(Check.DATABASE, partial(_database, folder), number)
            yield from _guarded(Check.LOCK, partial(_lock, folder / LOCK_NAME), number)
            yield from _guarded(Check.RE_LEASED, partial(self._re_leased, organisation), number)

    async def ask_xero(self) -> list[HealthFinding]:
        """Ask Xero for the connections of each sign-in, and compare the clocks."""
        findings: list[HealthFinding] = []
        aheads: list[timedelta] = []
        for number, sign_in in enumerate(self._connections.sign_ins, 1):
            try:
                findings.append(await self._ask_xero(sign_in, number, aheads))
            except ReshelveError as error:
                findings.append(_failed(Check.XERO, error, number))
        return [*findings, _clock(aheads)]

    def _folders(self) -> Iterator[HealthFinding]:
        for check, folder in (
            (Check.SETTINGS_FOLDER, self._paths.config),
            (Check.DATA_FOLDER, self._paths.data),
            (Check.LOG_FOLDER, self._paths.logs),
        ):
            yield from _guarded(check, partial(_folder, check, folder))

    def _settings_finding(self) -> Iterator[HealthFinding]:
        found = self._report
        lesser = len(found.warnings) + len(found.notices) + self._ignored_settings
        if found.problems:
            params: dict[str, Param] = {"count": len(found.problems)}
            yield HealthFinding(Check.SETTINGS, Health.PROBLEM, Result.SETTINGS_INVALID, params)
        elif lesser:
            yield HealthFinding(Check.SETTINGS, Health.WARNING, Result.SETTINGS_IGNORED, {"count": lesser})
        else:
            yield HealthFinding(
                Check.SETTINGS, Health.OK, Result.SETTINGS_READ, {"count": len(found.sources)}
            )

    def _keychain(self) -> Iterator[HealthFinding]:
        is_needed = self._settings.xero.token_store != TOKENS_IN_FILE
        try:
            name = keychain_name()
        except KeychainError:
            yield HealthFinding(
                Check.KEYCHAIN, Health.WARNING if is_needed else Health.OK, Result.KEYCHAIN_ASKS
            )
            return
        if name:
            result = Result.KEYCHAIN if is_needed else Result.KEYCHAIN_UNUSED
            yield HealthFinding(Check.KEYCHAIN, Health.OK, result, {"name": name})
        elif is_needed:
            yield HealthFinding(Check.KEYCHAIN, Health.WARNING, Result.NO_KEYCHAIN)
        else:
            yield HealthFinding(Check.KEYCHAIN, Health.OK, Result.NO_KEYCHAIN_NEEDED)

    def _proxy(self) -> Iterator[HealthFinding]:
        from tui.net.environment import describe_proxy

        facts = describe_proxy(self._settings.xero.api_url)
        if facts is None:
            yield HealthFinding(Check.PROXY, Health.OK, Result.NO_PROXY)
            return
        params: dict[str, Param] = {
            "scheme": facts.scheme,
            "source": facts.source,
            "has_login": facts.has_login,
        }
        yield HealthFinding(Check.PROXY, Health.OK, Result.PROXY, params)

    def _connected(self) -> Iterator[HealthFinding]:
        known = self._connections
        if not self._has_list:
            yield HealthFinding(Check.CONNECTIONS, Health.PROBLEM, Result.LIST_DAMAGED)
        elif not known.organisations:
            yield HealthFinding(Check.CONNECTIONS, Health.WARNING, Result.NOT_CONNECTED)
        else:
            tenants = {organisation.tenant_id for organisation in known.organisations}
            gone = len(tenants & known.gone)
            params: dict[str, Param] = {
                "organisations": len(known.organisations),
                "sign_ins": len(known.sign_ins),
                "gone": gone,
            }
            yield HealthFinding(
                Check.CONNECTIONS, Health.WARNING if gone else Health.OK, Result.CONNECTED, params
            )
        connected = {organisation.tenant_id for organisation in known.organisations}
        kept = [tenant for tenant in saved_organisations(self._paths) if tenant not in connected]
        if kept and self._has_list:
            yield HealthFinding(Check.CONNECTIONS, Health.OK, Result.DISCONNECTED_DATA, {"count": len(kept)})

    def _sign_in(self, sign_in: str) -> Iterator[HealthFinding]:
        organisations = self._connections.of(sign_in)
        in_file = self._settings.xero.token_store == TOKENS_IN_FILE
        if in_file and is_open_to_others(self._paths.token_file(sign_in)):
            yield HealthFinding(Check.SIGN_IN, Health.PROBLEM, Result.TOKENS_NOT_PRIVATE)
        tokens = token_store(self._settings, self._paths, sign_in).load()
        params: dict[str, Param] = {
            "organisations": len(organisations),
            "is_read_only": not tokens.can_write,
            "stored": "a file" if in_file else "the keychain",
            "scopes": " ".join(scope for scope in tokens.scope.split() if _SCOPE.fullmatch(scope)),
            "days": _SIGN_IN_LASTS.days,
        }
        is_old = False
        renewed_at = tokens.expires_at - _ACCESS_LASTS
        if tokens.access_token:
            params["renewed_at"] = renewed_at
            # A custom connection's secret gets new access at any time.
            is_old = not tokens.client_secret and self._now() - renewed_at > _RENEWED_LATE
        health, result = (Health.WARNING, Result.SIGN_IN_OLD) if is_old else (Health.OK, Result.SIGNED_IN)
        yield HealthFinding(Check.SIGN_IN, health, result, params)

    def _re_leased(self, organisation: Organisation) -> Iterator[HealthFinding]:
        settings = self._settings
        result = Result.NO_SOURCE
        if settings.re_leased.source:
            result = Result.OWN_SOURCE
            from tui.re_leased.source import installed_sources

            if settings.re_leased.source not in installed_sources():
                yield HealthFinding(Check.RE_LEASED, Health.PROBLEM, Result.SOURCE_NOT_INSTALLED)
                return
        elif unified_connection(settings, organisation.tenant_id) is not None:
            from tui.re_leased.unified import UnifiedKey

            UnifiedKey(self._paths.data).load()
            result = Result.UNIFIED
        elif settings.re_leased.feed_url:
            result = Result.FEED
        yield HealthFinding(Check.RE_LEASED, Health.OK, result)

    async def _ask_xero(self, sign_in: str, number: int, aheads: list[timedelta]) -> HealthFinding:
        from tui.xero.connections import connected_tenants

        listed = await connected_tenants(
            api_url=self._settings.xero.api_url,
            tokens=token_source(self._settings, self._paths, sign_in),
            on_server_time=lambda date, took: aheads.append(
                # Xero's date was that at some time during the request.
                self._now() - date - timedelta(seconds=took / 2)
            ),
        )
        known = self._connections.of(sign_in)
        # Xero may not list custom connections.
        lacking = 0 if known[0].is_custom else len({each.tenant_id for each in known} - listed)
        if lacking:
            params: dict[str, Param] = {"count": lacking}
            return HealthFinding(Check.XERO, Health.WARNING, Result.XERO_LACKS_ORGANISATIONS, params, number)
        return HealthFinding(
            Check.XERO, Health.OK, Result.XERO_ANSWERED, {"organisations": len(listed)}, number
        )


def _guarded(
    check: Check, make: Callable[[], Iterator[HealthFinding]], number: int = 0
) -> list[HealthFinding]:
    """Return what a check finds; a failure is a finding, too."""
    found: list[HealthFinding] = []
    try:
        found += make()
    except ReshelveError as error:
        found.append(_failed(check, error))
    except Exception as error:  # noqa: BLE001 - what fails here is what the user wants to know
        found.append(HealthFinding(check, Health.PROBLEM, Result.NOT_CHECKED, {"kind": type(error).__name__}))
    return [replace(finding, number=number) for finding in found]


def _failed(check: Check, error: ReshelveError, number: int = 0) -> HealthFinding:
    params = {name: _plain(name, value) for name, value in error.notice.params.items()}
    notice = Notice(error.notice.reason, params)
    health = Health.WARNING if isinstance(error, KeychainError) else Health.PROBLEM
    result = Result.SIGNED_OUT if isinstance(error, ReconnectError) else Result.FAILED
    return HealthFinding(check, health, result, number=number, notice=notice)


def _plain(name: str, value: Param) -> Param:
    """Return a parameter of an error, or a mark in its place if it could contain a name."""
    is_plain = not isinstance(value, str) or not value or name in _PLAIN_PARAMS
    return value if is_plain or (name == "problem" and _CODE.fullmatch(str(value))) else "…"


def _versions() -> Iterator[HealthFinding]:
    from importlib.metadata import version

    for check, value in (
        (Check.RESHELVE, __version__),
        (Check.PYTHON, f"{platform.python_version()} ({platform.python_implementation()})"),
        (Check.TEXTUAL, version("textual")),
        (Check.SQLITE, SQLITE_VERSION),
        (Check.SYSTEM, platform.platform()),
    ):
        yield HealthFinding(check, Health.OK, Result.VALUE, {"value": value})


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest parent that exists."""
    return next(part for part in (folder, *folder.parents) if part.exists())


def _folder(check: Check, folder: Path) -> Iterator[HealthFinding]:
    health, result = Health.OK, Result.FOLDER
    nearest = _existing(folder)
    if not nearest.is_dir():
        health, result = Health.PROBLEM, Result.NOT_A_FOLDER
    elif not os.access(nearest, os.W_OK | os.X_OK):
        health, result = Health.PROBLEM, Result.FOLDER_NOT_WRITABLE
    elif nearest != folder:
        result = Result.FOLDER_NEW
    elif check is Check.DATA_FOLDER and is_open_to_others(folder):
        health, result = Health.WARNING, Result.FOLDER_NOT_PRIVATE
    shown = nearest if result is Result.NOT_A_FOLDER else folder
    yield HealthFinding(check, health, result, {"path": without_home(str(shown))})


def _disk(folder: Path) -> Iterator[HealthFinding]:
    free = shutil.disk_usage(_existing(folder)).free
    health = Health.PROBLEM if free < _NO_ROOM else Health.WARNING if free < _LITTLE_ROOM else Health.OK
    result = Result.DISK_FREE if health is Health.OK else Result.DISK_LOW
    yield HealthFinding(Check.DISK, health, result, {"free": free})


def _terminal() -> Iterator[HealthFinding]:
    facts = read_terminal()
    params: dict[str, Param] = {
        "term": facts.term or "TERM isn't set",
        "program": facts.program,
        "columns": facts.columns,
        "lines": facts.lines,
        "colours": facts.colours,
        "has_no_colour": facts.has_no_colour,
        "has_all_keys": facts.has_all_keys,
    }
    if not facts.is_there:
        yield HealthFinding(Check.TERMINAL, Health.OK, Result.NO_TERMINAL)
    elif facts.is_dumb:
        yield HealthFinding(Check.TERMINAL, Health.WARNING, Result.TERMINAL_DUMB, params)
    elif facts.columns < _LEAST_COLUMNS or facts.lines < _LEAST_LINES:
        yield HealthFinding(Check.TERMINAL, Health.WARNING, Result.TERMINAL_SMALL, params)
    else:
        yield HealthFinding(Check.TERMINAL, Health.OK, Result.TERMINAL, params)
    encoding: dict[str, Param] = {"encoding": facts.encoding}
    if facts.is_unicode:
        yield HealthFinding(Check.ENCODING, Health.OK, Result.ENCODING, encoding)
    else:
        yield HealthFinding(Check.ENCODING, Health.WARNING, Result.ENCODING_POOR, encoding)


def _certificates() -> Iterator[HealthFinding]:
    from tui.net.environment import describe_certificates

    variables = " and ".join(describe_certificates())
    yield HealthFinding(Check.CERTIFICATES, Health.OK, Result.CERTIFICATES, {"variables": variables})


def _database(folder: Path) -> Iterator[HealthFinding]:
    health = read_health(folder)
    if health is None:
        yield HealthFinding(Check.DATABASE, Health.OK, Result.NOTHING_SAVED)
        return
    params: dict[str, Param] = {
        "size": health.size,
        "version": health.version,
        "current": CURRENT_VERSION,
        "contacts": health.contacts,
        "changes": health.changes,
        "open": health.open_changes,
        "damage": health.damage,
        "problem": health.problem,
    }
    if health.last_backup is not None:
        params["last_backup"] = health.last_backup
    state, result = Health.OK, Result.DATABASE
    if health.damage:
        state, result = Health.PROBLEM, Result.DATABASE_DAMAGED
    elif health.problem:
        state, result = Health.WARNING, Result.DATABASE_UNREADABLE
    elif health.version > CURRENT_VERSION:
        state, result = Health.PROBLEM, Result.DATABASE_NEWER
    elif health.changes and health.last_backup is None:
        state, result = Health.WARNING, Result.DATABASE_NOT_BACKED_UP
    yield HealthFinding(Check.DATABASE, state, result, params)


def _lock(file: Path) -> Iterator[HealthFinding]:
    # Asked first: where the system tells who holds it, the lock needn't be tried.
    process = lock_holder(file)
    if process is not None or is_locked(file):
        yield HealthFinding(Check.LOCK, Health.OK, Result.LOCK_HELD, {"process": process or 0})
    else:
        yield HealthFinding(Check.LOCK, Health.OK, Result.LOCK_FREE)


def _clock(aheads: Sequence[timedelta]) -> HealthFinding:
    """Compare this computer's clock with what Xero said, at the reply that agrees best."""
    if not aheads:
        return HealthFinding(Check.CLOCK, Health.WARNING, Result.CLOCK_UNKNOWN)
    ahead = min(aheads, key=abs)
    if abs(ahead) <= _CLOCK_TOLERANCE:
        return HealthFinding(Check.CLOCK, Health.OK, Result.CLOCK_RIGHT)
    params: dict[str, Param] = {"by": abs(ahead), "is_ahead": ahead > timedelta()}
    return HealthFinding(Check.CLOCK, Health.PROBLEM, Result.CLOCK_WRONG, params)
