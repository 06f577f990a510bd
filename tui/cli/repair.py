"""`reshelve repair`: repair a damaged local database."""

from __future__ import annotations

import click

from tui import messages
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import choose_organisation, command_error, confirm, to_click_error
from tui.engine.account import account as account_of
from tui.engine.maintenance import plan_repair, run_repair
from tui.model.errors import ReshelveError
from tui.settings import load
from tui.system.paths import Paths
from tui.widgets.text import safe


@click.command()
@click.option("--organisation", help="Repair the organisation whose name contains this.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
def repair(organisation: str | None, *, yes: bool) -> None:
    """Repair the local database.

    The change log is restored from its newest good backup plus whatever can still be read. Contacts are
    downloaded again from Xero. The damaged file is kept.

    \b
    Examples:
      $ reshelve repair
      $ reshelve repair --organisation "Harbour & Vine" --yes
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        account = account_of(load(paths.settings_file), paths)
        chosen = choose_organisation(account.connected, organisation)
        if chosen is None:
            raise command_error(
                "No organisation is connected yet. There is nothing to repair.", ExitCode.NOT_SIGNED_IN
            )
        plan = plan_repair(paths, chosen)
        click.echo(safe(f"{chosen.name}: {messages.in_full(plan.notice)}"))
        if not plan.is_needed:
            return
        if not yes and not confirm("Repair it?"):
            raise click.Abort
        click.echo(safe(" ".join(map(messages.in_full, run_repair(plan)))))
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException("Cancelled. Nothing changed.") from None
    except ReshelveError as error:
        raise to_click_error(error) from error
