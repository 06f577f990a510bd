"""`reshelve tidy`: archive unused contacts."""

from __future__ import annotations

from typing import Any, Final

import click

from tui.cli.change_contacts import ChangeRequest, change_options, start
from tui.model.change import Action

_MONTHS: Final = 24
_LONGEST: Final = 1_200


@click.command()
@click.option(
    "--idle",
    "idle_months",
    type=click.IntRange(1, _LONGEST),
    default=_MONTHS,
    metavar="MONTHS",
    help=f"Only those that have been idle for MONTHS. Default: {_MONTHS}.",
)
@change_options
def tidy(**options: Any) -> None:
    """Archive unused contacts, after showing which.

    Suggests active contacts that have been idle for MONTHS and have no balance, in either direction. Leaves
    out contacts that you keep or protected, that are in a tenant group, that have drafts or repeating
    invoices, or that were archived or restored in the last 90 days. Says so if last activity isn't known:
    idle then means not changed in Xero. Otherwise as `reshelve archive`, with the same exit codes.

    \b
    Examples:
      $ reshelve tidy --dry-run
      $ reshelve tidy --idle 36 --skip-warnings --yes --json
    """  # noqa: D301 - click keeps the lines of what follows
    start(ChangeRequest(Action.ARCHIVE, **options))
