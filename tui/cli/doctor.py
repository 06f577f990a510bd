"""`reshelve doctor`: check this installation and say what to do."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from tui.cli import output, session
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import without_unknown
from tui.cli.shared_options import is_accessible
from tui.engine.doctor import examine
from tui.messages.doctor import HEALTH, label, text_of
from tui.messages.formats import pluralize
from tui.model.doctor import Health, count_health
from tui.settings import load_report
from tui.system.paths import Paths, without_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.doctor import HealthFinding

_WIDTH: Final = 100
_INDENT: Final = "         "


@click.command()
@click.option("--online", is_flag=True, help="Ask Xero, too: once for each sign-in.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
def doctor(*, online: bool, is_json: bool) -> None:
    """Check this installation, for a support request.

    Checks versions, folders, the terminal, the keychain, the network's settings, sign-ins, and each
    organisation's database, and says what to do. Changes nothing. The output has no names of organisations or
    contacts, no tokens and no client IDs: organisations are numbered. Returns 1 if it finds a problem.

    \b
    Examples:
      $ reshelve doctor
      $ reshelve doctor --online
      $ reshelve doctor --json
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    _, ignored = without_unknown(load_report(paths.settings_file).settings, paths.settings_file)
    findings = session.run(examine(paths, is_online=online, ignored_settings=len(ignored)))
    problems = count_health(findings, Health.PROBLEM)
    if is_json:
        sys.stdout.buffer.write(_as_json(findings))
        sys.stdout.buffer.flush()
    else:
        for line in _labelled(findings) if is_accessible() else _lines(findings):
            output.print_line(line)
        output.print_line(_summary(problems, count_health(findings, Health.WARNING)))
    click.get_current_context().exit(ExitCode.FAILED if problems else ExitCode.DONE)


def _texts(finding: HealthFinding) -> tuple[str, str]:
    """Return what was found and what to do, without the name of the user's home folder."""
    text = text_of(finding)
    return without_home(text.message), without_home(text.next_step)


def _lines(findings: Sequence[HealthFinding]) -> Iterator[str]:
    for finding in findings:
        message, next_step = _texts(finding)
        start = f"{HEALTH[finding.health]:{len(_INDENT)}}"
        yield from _wrapped(f"{label(finding)}: {message}", start)
        if next_step:
            yield from _wrapped(next_step, _INDENT)


def _labelled(findings: Sequence[HealthFinding]) -> Iterator[str]:
    for finding in findings:
        message, next_step = _texts(finding)
        yield f"{HEALTH[finding.health]}: {label(finding)}: {message}"
        if next_step:
            yield f"What to do: {next_step}"


def _wrapped(text: str, start: str) -> list[str]:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    return textwrap.wrap(
        text,
        min(columns, _WIDTH),
        initial_indent=start,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _summary(problems: int, warnings: int) -> str:
    found = [pluralize(problems, "problem")] if problems else []
    found += [pluralize(warnings, "warning")] if warnings else []
    return f"{' and '.join(found) or 'No problems'} found."


def _as_json(findings: Sequence[HealthFinding]) -> bytes:
    """Encode the findings: their codes for programs, their sentences for people."""
    rows: list[dict[str, Any]] = []
    for finding in findings:
        message, next_step = _texts(finding)
        rows.append(
            {
                "check": finding.check,
                "number": finding.number or None,
                "result": finding.health,
                "label": label(finding),
                "message": message,
                "next_step": next_step,
            }
        )
    found = {
        "problems": count_health(findings, Health.PROBLEM),
        "warnings": count_health(findings, Health.WARNING),
        "findings": rows,
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
