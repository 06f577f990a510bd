"""`reshelve re-leased`: connect an organisation to Re-Leased through Unified.to, test it, disconnect it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Final, TypeVar

import click

from tui import messages
from tui.cli import output, session
from tui.cli.connect import is_interactive
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import (
    NOT_CONNECTED,
    choose_organisation,
    command_error,
    confirm,
    join_names,
    report_keychain_wait,
    to_click_error,
)
from tui.engine.account import account as account_of
from tui.engine.clock import utc_now
from tui.engine.comparison import open_store, require_all_contacts
from tui.engine.engine_factory import contact_source
from tui.engine.re_leased_reader import try_connection
from tui.messages.formats import duration, pluralize
from tui.model.errors import ContactSourceError, KeychainError, ReshelveError
from tui.model.query import fold
from tui.model.reasons import ContactSourceReason
from tui.re_leased.unified import UnifiedKey, UnifiedSource
from tui.settings import find_key, load, load_report, set_values, unified_connection
from tui.settings.loader import validate_value
from tui.settings.schema import UNIFIED_KEY_VARIABLE, UNIFIED_URLS
from tui.system.keychain import keychain_name
from tui.system.paths import Paths
from tui.widgets.re_leased_format import report
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tui.cli.output import Progress
    from tui.model.contact import Organisation
    from tui.model.re_leased import ConnectionTest, ReLeasedCompany
    from tui.re_leased.source import OpenSource
    from tui.settings import Settings
    from tui.store import Store
    from tui.system.keychain import Secret

_T = TypeVar("_T")

_NOTHING_CHANGED: Final = "Nothing changed."
_NOTHING_RECORDED: Final = "Nothing was recorded."
_RESTART: Final = "If Reshelve is open, restart it."
_URL: Final = "re_leased.unified_url"
_LONGEST_NAME: Final = 80
# The app's messages for these announce a retry.
_RETRIED_BY_THE_APP: Final = frozenset(
    {
        ContactSourceReason.UNREACHABLE,
        ContactSourceReason.TIMED_OUT,
        ContactSourceReason.CUT_SHORT,
        ContactSourceReason.UNREADABLE,
        ContactSourceReason.HTTP_ERROR,
        ContactSourceReason.RATE_LIMITED,
        ContactSourceReason.INCOMPLETE,
    }
)
# Longer waits are shown in minutes or hours.
_MOST_SECONDS: Final = 90
_STEPS: Final = """\
Reshelve reads Re-Leased's contacts through Unified.to, with your own account there:

  1. In Unified.to, create a connection to Re-Leased. Allow it to read accounting contacts and organizations.
  2. Copy the connection's ID, and the API key of your workspace.
"""


@dataclass(frozen=True, slots=True)
class _Answers:
    """The checked answers. Without `company`, all companies are read; without `new_key`, the key stays."""

    base_url: str
    connection_id: str
    company: ReLeasedCompany | None
    new_key: Secret | None


@click.group()
def re_leased() -> None:
    """Read Re-Leased's own contacts, to confirm that it has your changes.

    Needs a connection to Re-Leased in Unified.to, which reads it. Nothing is changed in Re-Leased.

    \b
    Examples:
      $ reshelve re-leased connect
      $ reshelve re-leased test
      $ reshelve re-leased disconnect
    """  # noqa: D301 - click keeps the lines of what follows


# --- connect ---


@re_leased.command()
@click.option("--organisation", help="Connect the organisation whose name contains this.")
@click.option("--url", help="Region of your Unified.to account: us, eu, or its URL.")
@click.option("--connection-id", help="ID of the connection to Re-Leased in Unified.to.")
@click.option("--company", help="Company in Re-Leased, by name or ID.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
def connect(
    organisation: str | None, url: str | None, connection_id: str | None, company: str | None, *, yes: bool
) -> None:
    """Connect an organisation to its company in Re-Leased.

    Prompts for missing options; run it again to change the connection. The API key is prompted for or read
    from standard input, and stored in the system's keychain. For computers without a keychain: the
    environment variable RESHELVE_UNIFIED_API_KEY has the key.

    \b
    Examples:
      $ reshelve re-leased connect
      $ reshelve re-leased connect --url eu --connection-id 65f0c0ffee65f0c0ffee65f0 < key.txt
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        connected = account_of(settings, paths).connected
        chosen = _choose_organisation(connected, organisation)
        _refuse_other_source(settings)
        if connection_id is None:
            click.echo(_STEPS)
        base_url = _ask_url(settings, url)
        connection_id = _ask_connection_id(settings, chosen, connection_id)
        key, is_new_key = _ask_key(paths)
        click.echo("Checking the connection …", err=True)
        companies = asyncio.run(_companies(base_url, connection_id, key))
        found = _choose_company(settings, chosen, companies, company, yes=yes)
        if not yes:
            _confirm_company(settings, connected, chosen, found)
            _confirm_url(settings, connected, chosen, base_url)
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException(f"Cancelled. {_NOTHING_CHANGED}") from None
    except ReshelveError as error:
        raise _command_error(error, _NOTHING_CHANGED) from error
    _save(paths, chosen, _Answers(base_url, connection_id, found, key if is_new_key else None))


def _refuse_other_source(settings: Settings) -> None:
    """Raise `ClickException` if Re-Leased's contacts are read without Unified.to."""
    if settings.re_leased.source:
        raise click.ClickException(
            f"Re-Leased's contacts are read from another source: re_leased.source is "
            f"“{settings.re_leased.source}”. {_NOTHING_CHANGED} To use Unified.to, first run "
            "`reshelve settings re_leased.source --unset`."
        )


def _choose_organisation(organisations: Sequence[Organisation], wanted: str | None) -> Organisation:
    """Return the wanted organisation, or the only one; of several, ask."""
    if wanted is None and len(organisations) > 1:
        names = [_safe(listed.name) for listed in organisations]
        if not is_interactive():
            raise command_error(
                f"There are several organisations. Choose one with --organisation: {join_names(names)}.",
                ExitCode.USAGE,
            )
        click.echo("Organisation:")
        return organisations[_ask_number(names, default=None)]
    chosen = choose_organisation(organisations, wanted)
    if chosen is None:
        raise command_error(NOT_CONNECTED, ExitCode.NOT_SIGNED_IN)
    return chosen


def _ask_number(names: Sequence[str], default: int | None) -> int:
    """List the names, ask for one by its number, and return its index."""
    for number, name in enumerate(names, 1):
        click.echo(f"  {number}  {name}")
    kind = click.IntRange(1, len(names))
    answer: int = click.prompt("Which one?", type=kind, default=None if default is None else default + 1)
    return answer - 1


def _ask_url(settings: Settings, given: str | None) -> str:
    """Return the URL of a region."""
    if given is not None:
        return _validated(_URL, UNIFIED_URLS.get(given.lower(), given), "--url")
    current = settings.re_leased.unified_url
    if not is_interactive():
        return current
    regions = {url: region for region, url in UNIFIED_URLS.items()}
    answer: str = click.prompt(
        f"Region of your Unified.to account ({', '.join(UNIFIED_URLS)})",
        default=regions.get(current, current),
        value_proc=lambda text: _validated_prompt(
            _URL, UNIFIED_URLS.get(text.strip().lower(), text.strip()), "The region"
        ),
    )
    return answer


def _ask_connection_id(settings: Settings, organisation: Organisation, given: str | None) -> str:
    path = _path(organisation, "unified_connection_id")
    if given is not None:
        return _validated(path, given.strip(), "--connection-id")
    connection = unified_connection(settings, organisation.tenant_id)
    current = connection.connection_id if connection is not None else ""
    if not is_interactive():
        if not current:
            raise click.ClickException(
                f"The connection's ID is missing: add --connection-id. {_NOTHING_CHANGED}"
            )
        return current
    answer: str = click.prompt(
        "Connection ID",
        default=current or None,
        value_proc=lambda text: _validated_prompt(path, text.strip(), "The connection ID"),
    )
    return answer


def _validated(path: str, value: str, place: str) -> str:
    """Return a value of a setting. Raises `SettingsError`."""
    kept: str = validate_value(find_key(path), value, place)
    return kept


def _validated_prompt(path: str, value: str, place: str) -> str:
    """Return an answer; on a usage error click prompts again."""
    try:
        return _validated(path, value, place)
    except ReshelveError as error:
        raise click.UsageError(to_click_error(error).message) from None


def _ask_key(paths: Paths) -> tuple[Secret, bool]:
    """Return the API key, and whether it has yet to be stored."""
    stored = UnifiedKey(paths.data)
    if stored.is_in_environment:
        click.echo(f"The API key is taken from {UNIFIED_KEY_VARIABLE}, not from the keychain.")
        return stored.load(), False
    _require_keychain()
    current = _stored_key(stored)
    if is_interactive():
        question = "API key (hidden; Enter keeps the stored one)" if current else "API key (hidden)"
        text: str = click.prompt(
            question, hide_input=True, default="" if current else None, show_default=False
        )
    else:
        text = sys.stdin.readline()
    if current and not text.strip():
        return current, False
    return stored.parse(text), True


def _require_keychain() -> None:
    """Raise `ClickException` if there is no keychain, before anything is asked."""
    if not _wait_for_keychain(keychain_name):
        raise click.ClickException(
            f"No keychain found, so the API key can't be stored. {_NOTHING_CHANGED} Set the environment "
            f"variable {UNIFIED_KEY_VARIABLE} to the key, then run the command again."
        )


def _stored_key(stored: UnifiedKey) -> Secret | None:
    try:
        return _wait_for_keychain(stored.load)
    except ContactSourceError as error:
        if error.reason is not ContactSourceReason.NO_KEY:
            raise
        return None


def _wait_for_keychain(call: Callable[[], _T]) -> _T:
    """Return what the keychain returns; repeats the call while the keychain waits for the user."""
    is_reported = False
    while True:
        try:
            return call()
        except KeychainError as error:
            if not error.is_waiting:
                raise
        if not is_reported:
            report_keychain_wait(True)  # noqa: FBT003 - its only argument
            is_reported = True


async def _companies(base_url: str, connection_id: str, key: Secret) -> list[ReLeasedCompany]:
    """Return Re-Leased's companies, which also checks the key. Raises `ContactSourceError`."""
    source = UnifiedSource(base_url=base_url, connection_id=connection_id, api_key=lambda: key)
    async with aclosing(source):
        return await source.companies()


def _choose_company(
    settings: Settings,
    organisation: Organisation,
    companies: Sequence[ReLeasedCompany],
    wanted: str | None,
    *,
    yes: bool,
) -> ReLeasedCompany | None:
    """Return the company of an organisation; None for all, if Re-Leased returns none."""
    if wanted is not None:
        return company_named(companies, wanted)
    if not companies:
        click.echo("Re-Leased returned no companies, so the contacts of all companies will be read.")
        if not yes and not confirm("Connect without choosing a company?"):
            raise click.Abort
        return None
    if len(companies) == 1:
        click.echo(f"Re-Leased has one company: {_company_label(companies[0])}")
        if fold(companies[0].name) != fold(organisation.name):
            click.echo(f"Its name isn't {_safe(organisation.name)}: check that it is the right one.")
        return companies[0]
    labels = [_company_label(company) for company in companies]
    if not is_interactive():
        raise click.ClickException(
            f"Re-Leased has several companies. Choose one with --company: {join_names(labels)}. "
            f"{_NOTHING_CHANGED}"
        )
    click.echo(f"Company in Re-Leased that syncs with {_safe(organisation.name)}:")
    return companies[_ask_number(labels, _proposed(settings, organisation, companies))]


def company_named(companies: Sequence[ReLeasedCompany], wanted: str) -> ReLeasedCompany:
    """Return the company with this ID or name, or the only one whose name contains it.

    Raises `ClickException`.
    """
    for matches in (
        [company for company in companies if company.id == wanted],
        [company for company in companies if fold(company.name) == fold(wanted)],
        [company for company in companies if fold(wanted) in fold(company.name)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    problem = "Several companies in Re-Leased match" if matches else "No company in Re-Leased matches"
    labels = join_names([_company_label(company) for company in matches or companies])
    raise command_error(f"{problem} {_safe(wanted)}. {_NOTHING_CHANGED} Choose from: {labels or 'none'}.")


def _proposed(
    settings: Settings, organisation: Organisation, companies: Sequence[ReLeasedCompany]
) -> int | None:
    """Return the index of the company chosen before, else of the only one with the organisation's name."""
    own = settings.organisations.get(organisation.tenant_id)
    for index, company in enumerate(companies):
        if own is not None and company.id == own.re_leased_company_id:
            return index
    named = [
        index for index, company in enumerate(companies) if fold(company.name) == fold(organisation.name)
    ]
    return named[0] if len(named) == 1 else None


def _company_label(company: ReLeasedCompany) -> str:
    return f"{_safe(company.name) or 'no name'} ({_safe(company.id)})"


def _confirm_company(
    settings: Settings,
    connected: Sequence[Organisation],
    organisation: Organisation,
    company: ReLeasedCompany | None,
) -> None:
    """Ask before two organisations share a company: in Re-Leased, each company syncs with one."""
    for other in connected:
        own = settings.organisations.get(other.tenant_id)
        if company is None or own is None or other.tenant_id == organisation.tenant_id:
            continue
        if own.unified_connection_id and own.re_leased_company_id == company.id:
            click.echo(
                f"{_company_label(company)} is already the company of {_safe(other.name)}. In Re-Leased, a "
                "company syncs with one Xero organisation."
            )
            if not confirm(f"Use it for {_safe(organisation.name)} too?"):
                raise click.Abort


def _confirm_url(
    settings: Settings, connected: Sequence[Organisation], organisation: Organisation, base_url: str
) -> None:
    """Ask before a new region is used for other organisations."""
    others = _others(settings, connected, organisation)
    if others and base_url != settings.re_leased.unified_url:
        click.echo(f"The region is used for all organisations, so also for {join_names(others)}.")
        if not confirm(f"Use {base_url} for all of them?"):
            raise click.Abort


def _others(settings: Settings, connected: Sequence[Organisation], organisation: Organisation) -> list[str]:
    """Return the other organisations that use Unified.to, by name, or by ID if they aren't connected."""
    names = {listed.tenant_id: listed.name for listed in connected}
    return [
        _safe(names.get(tenant_id, tenant_id))
        for tenant_id, own in settings.organisations.items()
        if own.unified_connection_id and tenant_id != organisation.tenant_id
    ]


def _save(paths: Paths, organisation: Organisation, answers: _Answers) -> None:
    """Store the key and the settings, and print what is connected."""
    company_path = _path(organisation, "re_leased_company_id")
    company_id = "" if answers.company is None else answers.company.id
    try:
        # Before anything is stored: it comes from outside, and may not be valid in a setting.
        if company_id:
            _validated(company_path, company_id, "The company's ID")
        _store_key(paths, answers.new_key)
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException(f"Cancelled. {_NOTHING_CHANGED}") from None
    except ReshelveError as error:
        raise _command_error(error, _NOTHING_CHANGED) from error
    file = paths.settings_file
    # At once: a connection with the company of the one before would read another company's contacts.
    set_values(
        file,
        {
            company_path: company_id,
            _URL: "" if answers.base_url == find_key(_URL).default else answers.base_url,
            _path(organisation, "unified_connection_id"): answers.connection_id,
        },
    )
    label = "all companies" if answers.company is None else _company_label(answers.company)
    click.echo(f"Connected: {_safe(organisation.name)} to {label} in Re-Leased.")
    _warn_if_overridden(file, answers.base_url)
    click.echo(f"{_RESTART} Run `reshelve re-leased test` to see what the connection returns.")


def _store_key(paths: Paths, key: Secret | None) -> None:
    if key is not None:
        stored = UnifiedKey(paths.data)
        _wait_for_keychain(lambda: stored.save(key))


def _warn_if_overridden(file: Path, base_url: str) -> None:
    found, variable = load_report(file), find_key(_URL).variable
    if found.sources.get(_URL) == variable and found.settings.re_leased.unified_url != base_url:
        click.echo(f"{variable} is set and overrides the region in {file}.", err=True)


# --- test ---


@re_leased.command()
@click.option("--organisation", help="Test the connection of the organisation whose name contains this.")
@click.option("--show-values", is_flag=True, help="Show the values in the examples: data of real contacts.")
def test(organisation: str | None, *, show_values: bool) -> None:
    """Read all contacts from Re-Leased and show what came back.

    Nothing is recorded or changed.

    \b
    Examples:
      $ reshelve re-leased test
      $ reshelve re-leased test --show-values
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        connected = account_of(settings, paths).connected
        if not settings.re_leased.source:
            connected = _with_connection(settings, connected, organisation)
        chosen = _choose_organisation(connected, organisation)
        store = open_store(paths, chosen)
        try:
            found = _read(store, settings, paths, chosen)
        finally:
            store.close()
    except ReshelveError as error:
        raise _command_error(error, _NOTHING_RECORDED) from error
    hint = "Add --show-values to show them."
    for line in report(found, shows_values=show_values, how_to_show=hint):
        click.echo(line)


def _with_connection(
    settings: Settings, organisations: Sequence[Organisation], wanted: str | None
) -> Sequence[Organisation]:
    """Return the organisations that are connected to Re-Leased; all if one is wanted by its name.

    Raises `ClickException` if there are none.
    """
    if wanted is not None or not organisations:
        return organisations
    found = [one for one in organisations if unified_connection(settings, one.tenant_id) is not None]
    if not found:
        raise click.ClickException(
            "No organisation is connected to Re-Leased. Run `reshelve re-leased connect` first."
        )
    return found


def _read(store: Store, settings: Settings, paths: Paths, organisation: Organisation) -> ConnectionTest:
    """Read and compare all contacts. Raises `ReshelveError`."""
    require_all_contacts(store)
    source = contact_source(settings, paths, organisation)
    if not settings.re_leased.source:
        # The keychain's prompt, if there is one, comes before the first request.
        _wait_for_keychain(UnifiedKey(paths.data).load)
    with output.progress("Reading Re-Leased's contacts") as shown:
        return session.run(_read_and_compare(store, source, organisation.name, shown))


async def _read_and_compare(
    store: Store, source: OpenSource, organisation: str, shown: Progress
) -> ConnectionTest:
    def note_wait(error: ContactSourceError, seconds: float) -> None:
        shown.clear()
        output.note(f"{messages.message(error)} Reading continues in {_seconds(seconds)}.")

    async with aclosing(source):
        return await try_connection(
            store,
            source,
            organisation,
            utc_now(),
            lambda count: shown.update(count, None),
            on_wait=note_wait,
        )


# --- disconnect ---


@re_leased.command()
@click.option("--organisation", help="Disconnect the organisation whose name contains this.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
def disconnect(organisation: str | None, *, yes: bool) -> None:
    """Stop reading an organisation's contacts from Re-Leased.

    What was seen in Re-Leased stays recorded. The API key is removed from the keychain unless another
    organisation uses it.

    \b
    Examples:
      $ reshelve re-leased disconnect
      $ reshelve re-leased disconnect --organisation "Harbour & Vine" --yes
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        connected = account_of(settings, paths).connected
        chosen = _choose_organisation(_with_connection(settings, connected, organisation), organisation)
        if unified_connection(settings, chosen.tenant_id) is None:
            raise ContactSourceError(ContactSourceReason.NO_CONNECTION_ID)
        others = _others(settings, connected, chosen)
        click.echo(
            f"Reshelve will stop reading the contacts of {_safe(chosen.name)} from Re-Leased. "
            "What was seen there stays recorded."
        )
        if not yes and not confirm("Disconnect?"):
            raise click.Abort
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException(f"Cancelled. {_NOTHING_CHANGED}") from None
    except ReshelveError as error:
        raise to_click_error(error) from error
    removed = (_path(chosen, "unified_connection_id"), _path(chosen, "re_leased_company_id"))
    set_values(paths.settings_file, dict.fromkeys(removed, ""))
    click.echo(f"Disconnected from Re-Leased: {_safe(chosen.name)}. {_RESTART}")
    if others:
        click.echo(f"The API key is kept, as it is used for {join_names(others)}.")
    else:
        _remove_key(paths)


def _remove_key(paths: Paths) -> None:
    """Remove the key from the keychain. Raises `ClickException` if that fails."""
    stored = UnifiedKey(paths.data)
    if stored.is_in_environment:
        # There may be no keychain at all, and it isn't worth waiting for one that asks for a password.
        with suppress(KeychainError, ContactSourceError):
            stored.delete()
        click.echo(f"{UNIFIED_KEY_VARIABLE} is still set. Unset it yourself.")
        return
    try:
        _wait_for_keychain(stored.delete)
    except (KeyboardInterrupt, ReshelveError) as error:
        failure = (
            ContactSourceError(ContactSourceReason.KEY_NOT_REMOVED)
            if isinstance(error, KeyboardInterrupt)
            else error
        )
        raise to_click_error(failure) from error
    click.echo("The API key was removed from the keychain.")


def _path(organisation: Organisation, name: str) -> str:
    return f"organisations.{organisation.tenant_id}.{name}"


def _command_error(error: ReshelveError, unchanged: str) -> click.ClickException:
    """Return what a command prints for an error. Unlike the app, a command doesn't retry."""
    if not isinstance(error, ContactSourceError) or error.reason not in _RETRIED_BY_THE_APP:
        return to_click_error(error)
    wait = error.retry_after
    later = "later" if wait is None else f"in {_seconds(wait)}"
    return command_error(f"{messages.message(error)} {unchanged} Try again {later}.")


def _seconds(wait: float) -> str:
    return duration(timedelta(seconds=wait)) if wait > _MOST_SECONDS else pluralize(ceil(wait), "second")


def _safe(text: str) -> str:
    """Return external text made safe for the terminal and shortened."""
    return safe(text, _LONGEST_NAME)
