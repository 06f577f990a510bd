"""The command line. Each command has its own file, imported only when it runs."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

import click

from tui import __version__
from tui.model.errors import BugError, ReshelveError

_CHOOSE_HOME = "Check that you can write to it, or set RESHELVE_HOME to another folder."
_COMMANDS = {
    "open": "tui.cli.open:open_",
    "demo": "tui.cli.demo:demo",
    "connect": "tui.cli.connect:connect",
    "disconnect": "tui.cli.disconnect:disconnect",
    "repair": "tui.cli.repair:repair",
    "compare": "tui.cli.compare:compare",
    "settings": "tui.cli.settings:settings",
    "sandbox": "tui.cli.sandbox:sandbox",
}
# Names of earlier versions, kept as aliases.
_OLD_NAMES = {"reconcile": "compare"}


class _LazyGroup(click.Group):
    """Lists commands by name and imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        cmd_name = _OLD_NAMES.get(cmd_name, cmd_name)
        return _load(cmd_name) if cmd_name in _COMMANDS else None

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; unhandled errors are shown as messages, never as a traceback."""
        try:
            return super().invoke(ctx)
        except ReshelveError as error:
            raise _to_click_error(error) from error
        except OSError as error:
            path = error.filename2 or error.filename
            if path is None:
                raise _bug(error) from error
            raise _to_click_error(
                ReshelveError(f"Can't use {path}: {error.strerror}.", _CHOOSE_HOME)
            ) from error
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            raise _unexpected(error) from error


def _unexpected(error: Exception) -> click.ClickException:
    from tui.system.paths import HomeFolderError

    return click.ClickException(str(error)) if isinstance(error, HomeFolderError) else _bug(error)


def _bug(error: Exception) -> click.ClickException:
    """Log an unexpected error and return a message that names the log file."""
    from tui.system.log import log_file, log_to, logger
    from tui.system.paths import HomeFolderError, Paths

    if not log_file():
        with suppress(HomeFolderError):
            log_to(Paths.find().logs)
    logger.error("unexpected error", exc_info=error)
    return _to_click_error(BugError(log_file()))


def _to_click_error(error: ReshelveError) -> click.ClickException:
    from tui.cli.launch import to_click_error

    return to_click_error(error)


def _load(command: str) -> click.Command:
    module, name = _COMMANDS[command].split(":")
    loaded: click.Command = getattr(import_module(module), name)
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
