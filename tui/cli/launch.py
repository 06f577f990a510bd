"""Open the app on one organisation."""

from __future__ import annotations

import gc
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from tui import messages
from tui.cli.exit_codes import ExitCode
from tui.cli.shared_options import has_colour
from tui.compat.terminal_output import ignore_terminal_write_errors
from tui.messages.formats import pluralize
from tui.messages.settings import did_you_mean
from tui.model.errors import BugError, OfflineError, ReconnectError, ReshelveError, SettingsError
from tui.model.query import fold
from tui.model.reasons import SignInReason, StoreReason, SystemReason
from tui.settings import ScreenSettings, find_key, load_report, set_value
from tui.settings.schema import closest
from tui.settings.validators import printable
from tui.system.log import log_file
from tui.system.search_history import SearchHistory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tui.app.app import ReshelveApp
    from tui.engine.account import XeroAccount
    from tui.model.contact import Organisation
    from tui.settings import Settings
    from tui.system.paths import Paths


#: Why Xero isn't called although it could be reached: the sign-in can't be locked or saved on this computer.
LOCAL_PROBLEMS: Final = frozenset(
    {SystemReason.CANNOT_LOCK, SignInReason.UNUSABLE, SignInReason.NOT_SAVED, SignInReason.NOT_REMOVED}
)
NOT_CONNECTED: Final = "No organisation is connected yet. Run `reshelve connect` first."
_MOST_NAMED: Final = 10
# If these are set, Textual never notices the terminal's real size or that it changes.
_SIZE: Final = ("COLUMNS", "LINES")
# Set by `reshelve serve` for the programs that it starts.
_DRIVER, _IN_BROWSER = "TEXTUAL_DRIVER", ":WebDriver"
_IGNORED: Final = "{} ignored. To see why, quit and run `reshelve settings`."


def run(settings: Settings, paths: Paths, account: XeroAccount, wanted: str | None = None) -> bool:
    """Open the app; return, when it is closed, whether the user chose to try the demo.

    Raises `ClickException` or `ReshelveError` if it can't. `wanted` is part of an organisation's name;
    without it the last organisation is opened again, and with none connected the welcome. Ignored settings
    are shown as warnings.
    """
    require_terminal()
    organisation = choose_organisation(account.connected, wanted)
    # Both make startup and each key press faster. Textual reads the variable at import and paints at most
    # this often: with 60 or 120, a paint that follows another would wait up to 17 ms for the next tick.
    os.environ.setdefault("TEXTUAL_FPS", "1000")
    gc.disable()
    # Seconds that a key waits for its turn while a thread is busy, such as the one that compares contacts: up
    # to once for each row that it reads. Python's own 0.005 can be felt.
    sys.setswitchinterval(0.0001)
    for name in () if _is_in_browser() else _SIZE:
        os.environ.pop(name, None)
    if has_colour():
        # Set and empty, it means colours; Textual only checks whether it is set.
        os.environ.pop("NO_COLOR", None)
    else:
        os.environ["NO_COLOR"] = "1"

    from tui.app.app import ReshelveApp

    settings, unknown = without_unknown(settings, paths.settings_file)
    found = load_report(paths.settings_file)
    warnings = (*map(format_error, found.warnings), *unknown)
    # Still visible once the app has closed.
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
    for notice in found.notices:
        click.echo(f"Note: {format_error(notice)}", err=True)
    ignore_terminal_write_errors()
    app = ReshelveApp(
        account,
        organisation if wanted is not None else account.last_opened,
        keys=settings.keys,
        save_keys=lambda action, keys: set_value(paths.settings_file, f"keys.{action}", keys),
        theme=settings.screen.theme,
        notifications=settings.screen.notifications,
        on_theme=partial(_save_theme, paths.settings_file),
        searches=lambda opened: SearchHistory(paths.searches(opened.tenant_id)),
        saved_searches=lambda opened: paths.saved_searches(opened.tenant_id),
        warning=_IGNORED.format(pluralize(len(warnings), "invalid setting")) if warnings else "",
    )
    signal.signal(signal.SIGINT, partial(_on_interrupt, app))
    app.run()
    # Closing takes a moment, and Ctrl-C must not interrupt it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if app.has_crashed:
        raise BugError(log_file())
    return app.is_demo_requested


def _on_interrupt(app: ReshelveApp, *_: object) -> None:
    """Quit on SIGINT, which Ctrl-C sends before the app takes over the terminal and after restoring it."""
    if app.is_leaving:
        return
    if not app.is_running:
        raise KeyboardInterrupt
    app.exit()


def _is_in_browser() -> bool:
    """Whether this program paints to a page of `reshelve serve`, instead of a terminal."""
    return os.environ.get(_DRIVER, "").endswith(_IN_BROWSER)


def require_terminal() -> None:
    """Raise `ClickException` if there is no terminal, before anything is started."""
    if not _is_in_browser() and not (os.isatty(0) and os.isatty(2)):
        raise click.ClickException(
            "Reshelve needs a terminal. Run it in a terminal, without redirecting its input."
        )


def choose_organisation(organisations: Sequence[Organisation], wanted: str | None) -> Organisation | None:
    """Return the first organisation whose name contains `wanted`; without it the first, or None."""
    for organisation in organisations:
        if wanted is None or fold(wanted) in fold(organisation.name):
            return organisation
    if wanted is None:
        return None
    if not organisations:
        raise command_error(NOT_CONNECTED, ExitCode.NOT_SIGNED_IN)
    raise no_such_organisation(wanted, organisations)


def no_such_organisation(wanted: str, organisations: Sequence[Organisation]) -> click.ClickException:
    """Return an error that suggests the closest name, or lists the organisations."""
    names = [organisation.name for organisation in organisations]
    advice = did_you_mean(closest(wanted, names)) or f"Connected: {join_names(names)}."
    return command_error(f"No organisation matches {wanted}. {advice}")


def join_names(names: Sequence[str]) -> str:
    """Join names with commas; a long list is cut with the number left out."""
    more = len(names) - _MOST_NAMED
    shown_names = ", ".join(names[:_MOST_NAMED])
    return f"{shown_names} and {more} more" if more > 0 else shown_names


def without_unknown(settings: Settings, file: Path) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings with unknown themes and keys reset to default, and messages about the resets."""
    from tui.widgets.text import safe

    problem = theme_problem(settings.screen.theme, _theme_source(file))
    problems = [problem] if problem else []
    screen = replace(settings.screen, theme=ScreenSettings().theme) if problem else settings.screen
    keys = dict(settings.keys)
    # Dropping one shortcut restores another action's default, which may conflict in turn.
    while found := [*key_problems(keys)]:
        problems += [f"{file}: {problem}" for _, problem in found]
        keys = {action: own for action, own in keys.items() if action not in {about for about, _ in found}}
    return replace(settings, screen=screen, keys=keys), tuple(map(safe, problems))


def theme_problem(theme: str, source: str) -> str:
    """Describe an unknown theme, given where it is set; "" if the theme exists."""
    from tui.widgets.themes import THEME_NAMES

    if theme in THEME_NAMES:
        return ""
    advice = did_you_mean(closest(theme, THEME_NAMES)) or f"Choose from {', '.join(THEME_NAMES)}."
    return f'{source} is "{printable(theme)}", which isn\'t a theme. {advice}'


def key_problems(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the action of each invalid custom shortcut, and the problem."""
    if keys:
        from tui.app.keymap import problems

        for action, message, next_step in problems(keys):
            yield action, f"{message} {next_step}"


def _theme_source(file: Path) -> str:
    variable = find_key("screen.theme").variable
    return variable if os.environ.get(variable) else f"{file}: screen.theme"


def report_keychain_wait(is_waiting: bool) -> None:  # noqa: FBT001 - as accounts call it
    """Print that the command is waiting for the keychain."""
    if is_waiting:
        click.echo("Waiting for the keychain: check for its prompt. Ctrl-C cancels.", err=True)


def confirm(question: str) -> bool:
    """Ask a yes/no question. Raises `ClickException` if the input ends without an answer."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:
        if sys.stdin.isatty():
            raise
        raise click.ClickException(
            f"Cancelled: no answer to “{question}” Nothing changed."
            " Run the command in a terminal, or with --yes."
        ) from abort


def to_click_error(error: ReshelveError) -> click.ClickException:
    """Convert an error to the command line's output, with its exit code."""
    codes = {ReconnectError: ExitCode.NOT_SIGNED_IN, OfflineError: ExitCode.UNREACHABLE}
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), ExitCode.FAILED)
    if error.reason is StoreReason.OPEN_ELSEWHERE:
        code = ExitCode.LOCKED
    elif error.reason in LOCAL_PROBLEMS:
        code = ExitCode.FAILED
    return command_error(messages.in_full(error), code)


def command_error(text: str, code: ExitCode = ExitCode.FAILED) -> click.ClickException:
    """Return an error, with its text made safe for the terminal."""
    from tui.widgets.text import safe

    error = click.ClickException(safe(text))
    error.exit_code = code  # type: ignore[misc] # annotated as a class variable, and read from the instance
    return error


def format_error(error: ReshelveError) -> str:
    """Format an error: what happened, then what to do."""
    from tui.widgets.text import safe

    return safe(messages.in_full(error))


def _save_theme(file: Path, name: str) -> None:
    try:
        set_value(file, "screen.theme", name)
    except (OSError, SettingsError):
        # The theme still applies until Reshelve closes; not worth an error.
        return
