"""The command line. Each command has its own file, imported only when it runs."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from tui import __version__
from tui.cli.exit_codes import ExitCode
from tui.cli.shared_options import add_shared_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

_CHOOSE_HOME = "Check that you can write to it, or set RESHELVE_HOME to another folder."
# By `HomeProblem`, which is imported only if there is one.
_HOME_PROBLEMS = {
    "unprintable": "RESHELVE_HOME has unprintable characters.",
    "no_such_user": "RESHELVE_HOME is {}: that user doesn't exist.",
    "inside_a_file": "RESHELVE_HOME can't be used: {} is a file.",
    "unusable": "RESHELVE_HOME can't be used: {}.",
}
_CORRECT_HOME = "Set it to a folder that you can write to, or unset it."
# Where each command is, and its line in `reshelve --help`, which imports none of them.
_COMMANDS = {
    "open": ("tui.cli.open:open_", "Open an organisation, or connect the first one."),
    "demo": ("tui.cli.demo:demo", "Try Reshelve with a practice Xero; no account needed."),
    "connect": ("tui.cli.connect:connect", "Sign in to Xero and connect organisations."),
    "disconnect": ("tui.cli.connect:disconnect", "Disconnect from Xero and delete the sign-in."),
    "contacts": ("tui.cli.contacts:contacts", "List contacts."),
    "find": ("tui.cli.find:find", "Explain why an invoice fails in Re-Leased."),
    "duplicates": ("tui.cli.duplicates:duplicates", "List contacts that are probably in Xero twice."),
    "archive": ("tui.cli.change_contacts:archive", "Archive contacts in Xero."),
    "restore": (
        "tui.cli.change_contacts:restore",
        "Restore archived contacts, with links to finish it in Xero.",
    ),
    "tidy": ("tui.cli.tidy:tidy", "Archive unused contacts."),
    "undo": ("tui.cli.undo:undo", "Undo the last archive or restore."),
    "status": ("tui.cli.status:status", "Show what needs you, and what is pending sync."),
    "changes": ("tui.cli.changes:changes", "List archives and restores, and what became of them."),
    "refresh": ("tui.cli.refresh:refresh", "Read what has changed in Xero and Re-Leased, once."),
    "export": ("tui.cli.export:export", "Save contacts, changes or everything to a file."),
    "repair": ("tui.cli.repair:repair", "Repair the local database."),
    "compare": ("tui.cli.compare:compare", "Compare contacts exported from Re-Leased with Xero."),
    "re-leased": ("tui.cli.re_leased:re_leased", "Read Re-Leased's own contacts, to confirm changes."),
    "doctor": ("tui.cli.doctor:doctor", "Check this installation, for a support request."),
    "forget": ("tui.cli.forget:forget", "Remove an organisation's saved data from this computer."),
    "settings": ("tui.cli.settings:settings", "Show or change settings."),
    "completion": ("tui.cli.completion:completion", "Complete commands in your shell."),
    "serve": ("tui.cli.serve:serve", "Use Reshelve in a browser on this computer."),
    "sandbox": ("tui.cli.sandbox:sandbox", "Serve a practice Xero and Re-Leased to other programs."),
}
# Names of earlier versions, kept as aliases, and a command for those who package the program.
_OLD_NAMES = {"reconcile": "compare"}
_HIDDEN = {"man": ("tui.cli.man:man", "Write the manual pages.")}
# Set while a shell asks what to offer.
_COMPLETING = "_RESHELVE_COMPLETE"


class _LazyGroup(click.Group):
    """Lists commands by name and imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        cmd_name = _OLD_NAMES.get(cmd_name, cmd_name)
        return _load(cmd_name) if cmd_name in {**_COMMANDS, **_HIDDEN} else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a name that doesn't exist is an error that suggests a similar one."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands, without importing them, and the options."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; errors are shown as messages, never as a traceback."""
        for stream in (sys.stdout, sys.stderr):
            # A terminal with few characters shows the others as question marks.
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            with _closed_streams_replaced():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            # Click ends quietly when the reader of a pipe, such as `head`, is gone.
            raise
        except (KeyboardInterrupt, click.Abort):
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
        except Exception as error:
            raise _click_error(error) from error


@contextmanager
def _closed_streams_replaced() -> Iterator[None]:
    """Discard what goes to a standard stream that was closed at the start.

    Otherwise a file that is opened next would get its number, and with it what is printed.
    """
    modes = {"stdin": "r", "stdout": "w", "stderr": "w"}
    closed = [name for name in modes if getattr(sys, name) is None]
    with ExitStack() as opened:
        for name in closed:
            setattr(sys, name, opened.enter_context(open(os.devnull, modes[name], encoding="utf-8")))  # noqa: PTH123 - a device
        try:
            yield
        finally:
            for name in closed:
                setattr(sys, name, None)


def _click_error(error: Exception) -> click.ClickException:
    """Convert an error to what the command line prints; an unexpected one is logged."""
    from tui.cli.launch import command_error, to_click_error
    from tui.model.errors import BugError, ReshelveError
    from tui.system.paths import HomeFolderError

    if isinstance(error, ReshelveError):
        return to_click_error(error)
    if isinstance(error, HomeFolderError):
        return command_error(f"{_HOME_PROBLEMS[error.problem].format(error.detail)} {_CORRECT_HOME}")
    if isinstance(error, OSError) and (path := error.filename2 or error.filename) is not None:
        return command_error(f"Can't use {path}: {error.strerror}. {_CHOOSE_HOME}")
    return to_click_error(BugError(_logged(error)))


def _logged(error: Exception) -> str:
    """Log an unexpected error; return the log file, empty if there is none."""
    from tui.system.log import log_file, log_to, logger
    from tui.system.paths import HomeFolderError, Paths

    if not log_file():
        with suppress(HomeFolderError):
            log_to(Paths.find().logs)
    logger.error("unexpected error", exc_info=error)
    return log_file()


def _load(command: str) -> click.Command:
    module, name = {**_COMMANDS, **_HIDDEN}[command][0].split(":")
    loaded = add_shared_options(getattr(import_module(module), name))
    if _COMPLETING in os.environ:
        from tui.cli.completion import add_completions

        add_completions(loaded)
    return loaded


@click.group(
    cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="reshelve")
@click.option("--organisation", help="Open the organisation whose name contains this.")
@click.option("--read-only", is_flag=True, help="Read-only mode: no changes, no disconnecting.")
@click.pass_context
def main(context: click.Context, organisation: str | None, *, read_only: bool) -> None:
    """Browse, archive and restore Xero contacts, and track when the changes sync to Re-Leased.

    Without a command, opens your last organisation, or helps you connect the first one.
    """
    if context.invoked_subcommand is None:
        context.invoke(_load("open"), organisation=organisation, read_only=read_only)
    elif organisation is not None or read_only:
        # Silently ignoring --read-only would be unsafe.
        raise click.UsageError("Put options after the command name.")
