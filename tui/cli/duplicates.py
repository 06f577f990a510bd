"""`reshelve duplicates`: list contacts that are probably in Xero twice."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import click
from msgspec.structs import replace

from tui.cli import output, session
from tui.cli.exit_codes import ExitCode
from tui.messages.duplicates import reasons_text
from tui.messages.formats import pluralize
from tui.model.duplicates import find_duplicates, pair_of
from tui.model.tables import TableColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.engine.account import XeroAccount
    from tui.engine.engine import Engine
    from tui.model.contact import Organisation
    from tui.model.duplicates import ContactFacts, DuplicatePair
    from tui.model.tables import TableFormat

_CONTACT: Final = (
    TableColumn("organisation", "Organisation"),
    TableColumn("name", "Contact"),
    TableColumn("email", "E-mail"),
    TableColumn("contact_id", "Xero ContactID"),
)
_OTHER: Final = tuple(TableColumn(f"other_{column.key}", f"Other {column.title}") for column in _CONTACT)
_MATCH: Final = (TableColumn("score", "Score"), TableColumn("reasons", "In common"))
#: What people are shown; other programs get every column.
_FOR_PEOPLE: Final = ("score", "name", "other_name", "reasons")
_FOR_PEOPLE_EVERYWHERE: Final = (
    "score", "organisation", "name", "other_organisation", "other_name", "reasons",
)  # fmt: skip
# Between the id of an organisation and that of a contact; neither has one.
_SEPARATOR: Final = "/"


@click.command()
@click.option("--organisation", metavar="NAME", help="Compare the organisation whose name contains NAME.")
@click.option(
    "--all-organisations",
    is_flag=True,
    help="Compare the contacts of every connected organisation, also with those of the others.",
)
@click.option(
    "--offline", is_flag=True, help="Compare saved contacts, without asking Xero for changes first."
)
@output.format_options
def duplicates(
    organisation: str | None, *, all_organisations: bool, offline: bool, table_format: TableFormat | None
) -> None:
    """List active contacts that are probably the same, in pairs, the most probable first.

    Pairs that you marked as not duplicates in the app are left out. Nothing is changed. Archive the one you
    don't need, or merge them in Xero.

    \b
    Examples:
      $ reshelve duplicates
      $ reshelve duplicates --offline --json
      $ reshelve duplicates --all-organisations --csv
    """  # noqa: D301 - click keeps the lines of what follows
    if organisation is not None and all_organisations:
        raise click.UsageError("Use either --organisation or --all-organisations.")
    account = session.open_account()
    chosen = session.connected(account) if all_organisations else [session.choose_one(account, organisation)]
    code = session.run(_list(account, chosen, table_format, is_offline=offline))
    click.get_current_context().exit(code)


async def _list(
    account: XeroAccount,
    organisations: Sequence[Organisation],
    table_format: TableFormat | None,
    *,
    is_offline: bool,
) -> ExitCode:
    code = ExitCode.DONE
    contacts: list[ContactFacts] = []
    dismissed: set[tuple[str, str]] = set()
    async with AsyncExitStack() as stack:
        for organisation in organisations:
            engine, outcome = await stack.enter_async_context(
                session.up_to_date(account, organisation, is_offline=is_offline)
            )
            code = max(code, outcome)
            found, pairs = await _read(engine, organisation)
            contacts += found
            dismissed |= pairs
    with output.progress(f"Comparing {pluralize(len(contacts), 'contact')}") as shown:
        matches = find_duplicates(contacts, dismissed, report=shown.update)
    names = {organisation.tenant_id: organisation.name for organisation in organisations}
    _print(matches, {one.key: one for one in contacts}, names, table_format)
    if not matches:
        output.note("No probable duplicates.")
    return code


async def _read(
    engine: Engine, organisation: Organisation
) -> tuple[Sequence[ContactFacts], set[tuple[str, str]]]:
    """Return an organisation's contacts, and the pairs dismissed, by keys that no other organisation has."""

    def key(contact_id: str) -> str:
        return f"{organisation.tenant_id}{_SEPARATOR}{contact_id}"

    contacts = [replace(one, key=key(one.key)) for one in await engine.duplicates.facts()]
    return contacts, {pair_of(key(one), key(other)) for one, other in engine.duplicates.dismissed()}


def _print(
    pairs: Sequence[DuplicatePair],
    contacts: dict[str, ContactFacts],
    names: dict[str, str],
    table_format: TableFormat | None,
) -> None:
    columns = (*_MATCH, *_CONTACT, *_OTHER)
    is_for_people = output.is_for_people(table_format)
    chosen = tuple(column.key for column in columns)
    if is_for_people:
        chosen = _FOR_PEOPLE if len(names) == 1 else _FOR_PEOPLE_EVERYWHERE
    places = [next(place for place, each in enumerate(columns) if each.key == key) for key in chosen]

    def side(key: str) -> tuple[str, str, str, str]:
        tenant_id, _, contact_id = key.partition(_SEPARATOR)
        return names[tenant_id], contacts[key].name, contacts[key].email, contact_id

    def rows() -> Iterator[Sequence[str]]:
        for pair in pairs:
            common = reasons_text(pair.reasons) if is_for_people else " ".join(pair.reasons)
            cells = (f"{pair.score}", common, *side(pair.first), *side(pair.second))
            yield [cells[place] for place in places]

    output.print_rows([columns[place] for place in places], rows(), table_format)
