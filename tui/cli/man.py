"""`reshelve man`: write manual pages, made from the commands' help. For those who package the program."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tui import __version__
from tui.cli import output
from tui.cli.exit_codes import ExitCode
from tui.messages.formats import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROGRAM: Final = "reshelve"
# Click's mark before a paragraph whose lines stay as they are.
_AS_WRITTEN: Final = "\b\n"
_EXAMPLES: Final = "Examples:\n"
_CODES: Final = "Exit codes"
_CODE: Final = re.compile(r"`([^`]+)`")
_EXIT_CODES: Final = {
    ExitCode.DONE: "Done.",
    ExitCode.FAILED: "An error, or Xero refused some of the changes.",
    ExitCode.USAGE: "The command can't be understood. Nothing changed.",
    ExitCode.NOT_SIGNED_IN: "Not signed in to Xero.",
    ExitCode.UNREACHABLE: "Xero can't be reached. What was requested is queued.",
    ExitCode.LOCKED: "Another running copy of Reshelve has the organisation.",
    ExitCode.INTERRUPTED: "Interrupted.",
}
_VARIABLES: Final = {
    "RESHELVE_HOME": "The folder with all of Reshelve's files, instead of the system's folders.",
    "NO_COLOR": "Without colours, as with --no-color.",
    "ACCESSIBLE": "Labelled lines for screen readers, as with --accessible.",
}


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def man(context: click.Context, folder: Path) -> None:
    """Write the manual pages into FOLDER, one for each command.

    \b
    Examples:
      $ reshelve man ~/.local/share/man/man1
    """  # noqa: D301 - click keeps the lines of what follows
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, (page, described) in enumerate(_pages(_context_of(context.find_root().command, None)), 1):  # noqa: B007 - the last number is the result
        (folder / f"{page}.1").write_text("\n".join(_page(page, described)) + "\n", encoding="utf-8")
    output.print_line(f"{pluralize(count, 'page')} written to {folder}.")


def _context_of(command: click.Command, parent: click.Context | None) -> click.Context:
    name = _PROGRAM if parent is None else command.name
    return click.Context(command, info_name=name, parent=parent, **command.context_settings)


def _pages(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Yield the page of a command and those of its commands."""
    yield context.command_path.replace(" ", "-"), context
    for _, part in _parts(context):
        yield from _pages(_context_of(part, context))


def _parts(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            part = context.command.get_command(context, name)
            if part is not None and not part.hidden:
                yield name, part


def _page(page: str, context: click.Context) -> Iterator[str]:
    """Write one page in the language of man."""
    [summary, *paragraphs] = _paragraphs(context.command)
    # Without a date: the same version is the same page.
    yield f'.TH "{page.upper()}" "1" "" "Reshelve {__version__}" "Reshelve manual"'
    yield from (".SH NAME", f"{_text(page)} \\- {_inline(summary.rstrip('.'))}")
    usage = " ".join(context.command.collect_usage_pieces(context))
    yield from (".SH SYNOPSIS", f"\\fB{_text(context.command_path)}\\fR {_text(usage)}")
    examples = [each for each in paragraphs if each.startswith(_AS_WRITTEN + _EXAMPLES)]
    codes = [each for each in paragraphs if each.startswith(_AS_WRITTEN + _CODES)]
    yield from (".SH DESCRIPTION", _inline(summary))
    for paragraph in paragraphs:
        if paragraph not in (*examples, *codes):
            yield ".PP"
            yield from _paragraph(paragraph)
    records = (each.get_help_record(context) for each in context.command.get_params(context))
    yield from _definitions("OPTIONS", [record for record in records if record is not None])
    parts = [*_parts(context)]
    yield from _definitions("COMMANDS", [(name, part.get_short_help_str(1_000)) for name, part in parts])
    for paragraph in examples:
        yield ".SH EXAMPLES"
        yield from _as_written(paragraph.removeprefix(_AS_WRITTEN + _EXAMPLES))
    for paragraph in codes:
        yield ".SH EXIT STATUS"
        # Without the title.
        yield from _as_written(paragraph.removeprefix(_AS_WRITTEN).partition("\n")[2])
    if not codes:
        usual = [(str(code.value), meaning) for code, meaning in _EXIT_CODES.items()]
        yield from _definitions("EXIT STATUS", usual)
    yield from _definitions("ENVIRONMENT", [*_VARIABLES.items()])
    related = [_related(context, name) for name, _ in parts] or [_related(context.parent, "")]
    yield from (".SH SEE ALSO", ",\n".join(filter(None, related)))


def _definitions(title: str, terms: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Write a section of terms and what they mean, if there are any."""
    if terms:
        yield f".SH {title}"
    for term, meaning in terms:
        yield from (".TP", f"\\fB{_text(term)}\\fR", _inline(meaning))


def _related(context: click.Context | None, name: str) -> str:
    if context is None:
        return ""
    page = f"{context.command_path} {name}".strip().replace(" ", "-")
    return f"\\fB{_text(page)}\\fR(1)"


def _paragraphs(command: click.Command) -> list[str]:
    return inspect.cleandoc(command.help or "").split("\n\n")


def _paragraph(paragraph: str) -> Iterator[str]:
    if paragraph.startswith(_AS_WRITTEN):
        yield from _as_written(paragraph.removeprefix(_AS_WRITTEN))
    else:
        yield _inline(" ".join(paragraph.split()))


def _as_written(lines: str) -> Iterator[str]:
    yield ".nf"
    yield from (_line(_text(line)) for line in lines.splitlines())
    yield ".fi"


def _inline(text: str) -> str:
    """Write a sentence, with its code in bold."""
    return _line(_CODE.sub(r"\\fB\1\\fR", _text(" ".join(text.split()))))


def _line(written: str) -> str:
    """Return a line that isn't an instruction: those begin with a dot or an apostrophe."""
    return f"\\&{written}" if written.startswith((".", "'")) else written


def _text(text: str) -> str:
    """Escape what man takes for its own."""
    return text.replace("\\", "\\e").replace("-", "\\-")
