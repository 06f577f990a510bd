"""`reshelve settings`: show each setting with its value, source and allowed values, or change one."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import click

from tui.cli.launch import (
    command_error,
    format_error,
    key_problems,
    theme_problem,
    to_click_error,
    without_unknown,
)
from tui.messages.settings import allowed_values, description
from tui.model.errors import ReshelveError
from tui.settings import KEYS, SECTIONS, Settings, find_key, load_report, set_value, unset
from tui.settings.loader import validate_value
from tui.settings.schema import KEY_BINDINGS, ORGANISATIONS, current_path, key_binding, organisation_keys
from tui.settings.validators import printable
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.settings import SettingKey, SettingsReport

_COLUMNS: Final = 80
_INDENT: Final = "    "
_ABOUT_ORGANISATIONS: Final = (
    "Overrides for one organisation, by tenant ID: window_start, window_end and zone. Example:"
    " `reshelve settings organisations.TENANT-ID.zone Pacific/Auckland`."
)
_THEME: Final = "screen.theme"


@click.command()
@click.argument("key", required=False)
@click.argument("value", required=False)
@click.option("--unset", "is_unset", is_flag=True, help="Reset KEY to its default.")
@click.option("--demo", "is_demo", is_flag=True, help="Use the settings of `reshelve demo`, kept separately.")
def settings(key: str | None, value: str | None, *, is_unset: bool, is_demo: bool) -> None:
    """Show or change settings.

    Without KEY, shows all settings. KEY is a setting, such as xero.client_id, or a section. With VALUE, saves
    the setting to the file; comments in the file are lost.

    \b
    Examples:
      $ reshelve settings
      $ reshelve settings re_leased
      $ reshelve settings screen.theme nord
      $ reshelve settings keys.archive f2
      $ reshelve settings screen.theme --unset
    """  # noqa: D301 - click keeps the lines of what follows
    if is_unset and (key is None or value is not None):
        raise click.UsageError("--unset takes one KEY and no VALUE.")
    paths = Paths.find()
    file = (paths.demo if is_demo else paths).settings_file
    try:
        if key is not None and is_unset:
            _unset(file, key)
        elif key is not None and value is not None:
            _set(file, key, value)
        else:
            _show(file, key)
    except ReshelveError as error:
        raise to_click_error(error) from error


def _unset(file: Path, path: str) -> None:
    was_set = unset(file, path)
    click.echo(f"{printable(path)} {'removed from' if was_set else 'is not set in'} {file}.")


def _set(file: Path, path: str, value: str) -> None:
    key = find_key(path)
    kept = validate_value(key, value, path) if value else key.default
    if value and key.section == KEY_BINDINGS:
        _check_keys(file, key.name, kept)
    elif value and path == _THEME and (problem := theme_problem(kept, path)):
        raise click.ClickException(problem)
    set_value(file, path, value)
    click.echo(f"{file}: {key.path} is now {_written(kept)}.")
    if key.variable in load_report(file).sources.values():
        click.echo(f"{key.variable} is set and overrides the file.", err=True)


def _check_keys(file: Path, action: str, own: str) -> None:
    """Check the shortcut against the others in the file, ignoring problems the file already has."""
    others = {name: keys for name, keys in load_report(file).settings.keys.items() if name != action}
    # First, so that a conflict is reported for this one.
    keys = {action: own, **others}
    for about, problem in key_problems(keys):
        if about == action:
            raise command_error(problem)


def _show(file: Path, wanted: str | None) -> None:
    found = load_report(file)
    wanted = wanted if wanted is None else current_path(wanted)
    if wanted is None:
        click.echo(f"{file}{'' if file.exists() else ' (not created yet)'}\n")
        for section in SECTIONS:
            _show_section(section, found)
        if found.unknown_variables:
            names = ", ".join(map(printable, found.unknown_variables))
            click.echo(f"{_wrapped(f'Unknown environment variables: {names}.')}\n")
    elif wanted in SECTIONS:
        _show_section(wanted, found)
    else:
        _show_key(find_key(wanted), found)
    _, unknown = without_unknown(found.settings, file)
    for problem in found.problems:
        click.echo(_wrapped(f"Invalid: {format_error(problem)}"), err=True)
    for warning in (*map(format_error, found.warnings), *unknown):
        click.echo(_wrapped(f"Ignored: {warning}"), err=True)
    for notice in found.notices:
        click.echo(_wrapped(f"Note: {format_error(notice)}"), err=True)
    if found.problems:
        raise click.ClickException(
            "Reshelve can't start while settings are invalid."
            " Correct them with `reshelve settings KEY VALUE`, or reset them with `--unset KEY`."
        )


def _show_section(section: str, found: SettingsReport) -> None:
    click.echo(f"[{section}]\n")
    if section == KEY_BINDINGS:
        from tui.actions import ACTIONS

        click.echo(
            f"{_wrapped('Custom shortcuts. Example: `reshelve settings keys.archive f2,ctrl+a`.', _INDENT)}"
            f"\n{_wrapped('Actions: ' + ', '.join(one.id for one in ACTIONS) + '.', _INDENT)}\n"
        )
    if section == ORGANISATIONS:
        click.echo(f"{_wrapped(_ABOUT_ORGANISATIONS, _INDENT)}\n")
    own = (key for item in found.settings.organisations for key in organisation_keys(item))
    for key in (*KEYS, *map(key_binding, found.settings.keys), *own):
        if key.section.partition(".")[0] == section:
            _show_key(key, found)


def _show_key(key: SettingKey, found: SettingsReport) -> None:
    click.echo(f"{key.path} = {_written(_value(key, found.settings))}")
    for line in _about(key, found):
        click.echo(_wrapped(line, _INDENT))
    click.echo()


def _about(key: SettingKey, found: SettingsReport) -> Iterator[str]:
    yield description(key.section, key.name)
    yield f"Allowed: {_allowed(key)}."
    source = found.sources.get(key.path)
    origin = f"Set in {source}. Default: {_written(key.default)}." if source else "This is the default."
    yield f"{origin} Environment variable: {key.variable}." if key.variable else origin


def _allowed(key: SettingKey) -> str:
    if key.path != _THEME:
        return allowed_values(key.validator.allowed)
    from tui.widgets.themes import THEME_NAMES

    return "one of " + ", ".join(f'"{name}"' for name in THEME_NAMES)


def _value(key: SettingKey, found: Settings) -> str | float:
    value: str | float
    if key.section == KEY_BINDINGS:
        value = found.keys.get(key.name, "")
    elif not key.variable:
        value = getattr(found.organisations.get(key.section.partition(".")[2]), key.name, "")
    else:
        value = getattr(getattr(found, key.section), key.name)
    return value


def _written(value: str | float) -> str:
    """Format a value as TOML; validation made sure that it is printable."""
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
