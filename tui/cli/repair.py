"""`reshelve repair`: puts a damaged local copy right."""

from __future__ import annotations

import click

from tui.cli.launch import choose_organisation, confirm, to_click_error
from tui.engine.accounts.account import account as account_of
from tui.model.errors import ReshelveError
from tui.settings import load
from tui.system.paths import Paths


@click.command()
@click.option("--organisation", help="Repair the organisation whose name contains this.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def repair(organisation: str | None, *, yes: bool) -> None:
    """Put a damaged local copy right.

    The journal of changes comes back from its newest good backup and whatever can still be read of it; the
    contacts are read anew from Xero. The damaged file is kept.
    """
    from tui.engine.maintenance.repair import plan_repair, run_repair
    from tui.widgets.text import safe

    paths = Paths.find()
    try:
        account = account_of(load(paths.settings_file), paths)
        chosen = choose_organisation(account.connected, organisation)
        if chosen is None:
            raise ReshelveError("No organisation is connected yet.", "There is nothing to repair.")
        plan = plan_repair(paths, chosen)
        click.echo(f"{safe(chosen.name)}: {safe(plan.description)}")
        if not plan.is_needed:
            return
        if not yes and not confirm("Repair it?"):
            raise click.Abort
        click.echo(safe(run_repair(plan)))
    except (KeyboardInterrupt, click.Abort):
        raise to_click_error(ReshelveError("Cancelled.", "Everything is as it was.")) from None
    except ReshelveError as error:
        raise to_click_error(error) from error
