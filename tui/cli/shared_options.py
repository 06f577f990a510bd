"""Options that every command has: they are about its output, not about what it does.

They follow the command's name. `tui.cli` adds them when a command is loaded: no command declares them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_META: Final = "tui.cli.shared_options"
#: Commands that fill the terminal: they print no lines that could be made accessible.
_SCREENS: Final = frozenset({"open", "demo"})


def add_shared_options(command: click.Command) -> click.Command:
    """Add the options to a command, or to the commands of a group; returns it."""
    if isinstance(command, click.Group):
        for part in command.commands.values():
            add_shared_options(part)
        return command
    present = {option.name for option in command.params}
    for option in _options():
        is_shown = option.name not in {"accessible", "verbose"} or command.name not in _SCREENS
        if is_shown and option.name not in present:
            command.params.append(option)
    return command


def is_set(name: str) -> bool:
    """Whether the command that runs was given a shared option, such as `no_color`."""
    context = click.get_current_context(silent=True)
    return context is not None and name in context.meta.get(_META, ())


def is_accessible() -> bool:
    """Whether output is for a screen reader: labelled lines, nothing repainted, words instead of signs."""
    return is_set("accessible") or os.environ.get("ACCESSIBLE", "") not in {"", "0"}


def has_colour() -> bool:
    """Whether output to a terminal may have colours."""
    return not (is_set("no_color") or os.environ.get("NO_COLOR"))


def _options() -> tuple[click.Option, ...]:
    return (
        _flag("--no-color", _remember, "Print without colours, as NO_COLOR=1 does."),
        _flag("--accessible", _remember, "Print labelled lines for screen readers, as ACCESSIBLE=1 does."),
        _flag("--verbose", _log_to_stderr, "Print the log to standard error as well."),
        click.Option(
            ["--log-file"],
            type=click.Path(dir_okay=False),
            metavar="FILE",
            expose_value=False,
            is_eager=True,
            callback=_log_to_file,
            help="Append the log to FILE as well.",
        ),
    )


def _flag(
    name: str, callback: Callable[[click.Context, click.Parameter, Any], None], about: str
) -> click.Option:
    return click.Option(
        [name], is_flag=True, expose_value=False, is_eager=True, callback=callback, help=about
    )


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value:
        context.meta.setdefault(_META, set()).add(option.name)
        if option.name == "no_color":
            context.color = False


def _log_to_stderr(_: click.Context, __: click.Parameter, value: Any) -> None:
    if value:
        from tui.system.log import log_also_to_stderr

        log_also_to_stderr()


def _log_to_file(_: click.Context, __: click.Parameter, value: Any) -> None:
    if value:
        from tui.system.log import log_also_to_file

        try:
            log_also_to_file(value)
        except OSError as error:
            raise click.BadParameter(f"Can't write to it: {error.strerror}.") from error
