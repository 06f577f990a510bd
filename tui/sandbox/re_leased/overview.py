"""A page to view and control the practice Re-Leased."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tui.sandbox.clock import human
from tui.sandbox.context import services_of
from tui.sandbox.re_leased.company import STATES
from tui.sandbox.responses import button, details, isolated, page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tui.sandbox.books import SandboxOrganisation
    from tui.sandbox.context import SandboxServices

_LATEST = 10
_MOST_UNLINKED = 20


async def overview(request: Request) -> Response:
    """Show each company with its state, schedule, latest synced and unlinked contacts."""
    services = services_of(request)
    companies = "".join(_company(services, organisation) for organisation in services.books.organisations)
    body = f"<h1>Practice Re-Leased: Sync Overview</h1>{companies}"
    return page("Practice Re-Leased", body)


def _company(services: SandboxServices, organisation: SandboxOrganisation) -> str:
    base = f"/released/companies/{organisation.tenant_id}"
    row = services.companies.row(organisation.org)
    state = services.companies.display_state(organisation.org)
    last = f"{human(row['last_finished'])}: {escape(row['last_outcome'])}" if row["last_run"] else "not yet"
    choices = "".join(
        f"<option{' selected' if choice == row['state'] else ''}>{escape(choice)}</option>"
        for choice in STATES
    )
    return (
        f"<h2>{isolated(organisation.name)}</h2>"
        + details(
            [
                ("State", f'<span class="badge">{escape(state)}</span>'),
                ("Last sync", last),
                ("Next sync", human(row["next_sync"])),
                ("Pending sync", str(_waiting(services, organisation))),
            ]
        )
        + button(f"{base}/sync", "Start sync", is_primary=True)
        + f'<form class="row" method="post" action="{base}/state"><select name="state" aria-label="State">'
        f"{choices}</select><button>Set state</button></form>"
        + _due(services, organisation, base)
        + _picked_up(services, organisation)
        + _unlinked(services, organisation, base)
    )


def _waiting(services: SandboxServices, organisation: SandboxOrganisation) -> int:
    count: int = services.database.value(
        "SELECT count(*) FROM contacts WHERE org = ? AND released_linked AND released_active IS NOT active",
        (organisation.org,),
    )
    return count


def _due(services: SandboxServices, organisation: SandboxOrganisation, base: str) -> str:
    rows = services.database.all(
        "SELECT contact_id, name, active FROM contacts "
        "WHERE org = ? AND released_linked AND released_active IS NOT active LIMIT ?",
        (organisation.org, _LATEST),
    )
    lines = "".join(
        f"<tr><td>{isolated(row['name'])}</td><td>{'Active' if row['active'] else 'Archived'}</td>"
        f"<td>{button(base + '/contacts/' + row['contact_id'] + '/unlink', 'Unlink')}</td></tr>"
        for row in rows
    )
    return f"<h3>Pending sync</h3><table>{lines}</table>" if lines else ""


def _picked_up(services: SandboxServices, organisation: SandboxOrganisation) -> str:
    rows = services.database.all(
        "SELECT f.picked_up, f.state, f.run, c.name FROM feed f "
        "JOIN contacts c ON c.org = f.org AND c.contact_id = f.contact_id "
        "WHERE f.org = ? ORDER BY f.seq DESC LIMIT ?",
        (organisation.org, _LATEST),
    )
    lines = "".join(
        f"<tr><td>{human(row['picked_up'])}</td><td>{isolated(row['name'])}</td>"
        f"<td>{escape(row['state'].title())}</td><td>Sync {row['run']}</td></tr>"
        for row in rows
    )
    return f"<h3>Recently synced</h3><table>{lines}</table>" if lines else ""


def _unlinked(services: SandboxServices, organisation: SandboxOrganisation, base: str) -> str:
    rows = services.database.all(
        "SELECT contact_id, name FROM contacts WHERE org = ? AND NOT released_linked "
        "ORDER BY name_key LIMIT ?",
        (organisation.org, _MOST_UNLINKED),
    )
    lines = "".join(
        f"<tr><td>{isolated(row['name'])}</td>"
        f"<td>{button(base + '/contacts/' + row['contact_id'] + '/link', 'Link again')}</td></tr>"
        for row in rows
    )
    return f"<h3>Not linked: left out of every sync</h3><table>{lines}</table>" if lines else ""
