"""`reshelve completion`: the script that completes commands in a shell, and what it offers."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem, get_completion_class

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The environment variable by which the script asks the program what to offer.
VARIABLE: Final = "_RESHELVE_COMPLETE"
_SHELLS: Final = ("bash", "zsh", "fish", "powershell")
# Nothing that a shell would take for its own: names come from outside.
_WORD: Final = re.compile(r"[^\W_][\w-]*")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands in your shell.

    It completes commands, options, settings, search filters, and words of your organisations' names. To use
    it, add the line of your shell to its start-up file.

    \b
    ~/.bashrc, or ~/.zshrc after compinit:
      eval "$(reshelve completion bash)"
      eval "$(reshelve completion zsh)"

    \b
    ~/.config/fish/config.fish:
      reshelve completion fish | source

    \b
    PowerShell's $PROFILE:
      reshelve completion powershell | Out-String | Invoke-Expression

    \b
    Examples:
      $ reshelve completion bash
      $ reshelve completion powershell
    """  # noqa: D301 - click keeps the lines of what follows
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has all of these
    click.echo(kind(context.find_root().command, {}, "reshelve", VARIABLE).source(), nl=False)


class _Organisation(click.ParamType[str]):
    """Offers a word of each connected organisation's name that no other name contains."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        del ctx, param
        return [*_organisations(incomplete)]


class _Query(click.ParamType[str]):
    """Offers the filters of the search box, and their values."""

    name = "query"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from tui.model.qualifiers import QUALIFIERS

        del ctx, param
        name, colon, begun = incomplete.partition(":")
        if not colon:
            return [CompletionItem(f"{each}:") for each in QUALIFIERS if each.startswith(name)]
        qualifier = QUALIFIERS.get(name)
        values = qualifier.values if qualifier is not None and qualifier.is_listed else ()
        return [CompletionItem(f"{name}:{value}") for value in values if value.startswith(begun)]


class _Setting(click.ParamType[str]):
    """Offers the settings, with what they mean."""

    name = "setting"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from tui.messages.settings import description
        from tui.settings import KEYS

        del ctx, param
        return [
            CompletionItem(key.path, help=description(key.section, key.name))
            for key in KEYS
            if key.path.startswith(incomplete)
        ]


_TYPES: Final = {"organisation": _Organisation(), "query": _Query(), "key": _Setting()}


def add_completions(command: click.Command) -> click.Command:
    """Let the parameters of a command, or of a group's commands, be completed; returns it."""
    for part in command.commands.values() if isinstance(command, click.Group) else ():
        add_completions(part)
    for parameter in command.params:
        if parameter.name in _TYPES and parameter.type is click.STRING:
            parameter.type = _TYPES[parameter.name]
    return command


def _organisations(begun: str) -> Iterator[CompletionItem]:
    from tui.engine.account import decode_connections
    from tui.model.query import fold
    from tui.system.paths import HomeFolderError, Paths
    from tui.widgets.text import safe

    names: list[str] = []
    # Whatever is wrong with the list, a command says it; completion offers nothing.
    with suppress(OSError, HomeFolderError):
        known = decode_connections(Paths.find().organisations_file.read_bytes())
        names = [] if known is None else [organisation.name for organisation in known.organisations]
    for name in names:
        for word in _WORD.findall(name):
            is_only_here = sum(fold(word) in fold(other) for other in names) == 1
            if is_only_here and fold(word).startswith(fold(begun)):
                yield CompletionItem(word, help=safe(name))
                break
