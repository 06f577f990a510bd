"""Re-Leased's own contacts: Xero's as the last sync found them, and some that Xero doesn't have.

`re_leased_contacts` has a row for each contact of each company. What the real Re-Leased returns through an
API isn't known, so the sample contacts differ: `status_told` is where the status is (`is_active`, `raw`, or
empty for nowhere), and `xero_id` is empty if Xero's ContactID isn't returned. Contacts that a sync adds later
have all fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tui.sandbox.database import SandboxDatabase

BASE_CURRENCY: Final = "NZD"
#: The name of a contact that was deleted in Re-Leased (its help centre).
DELETED: Final = "Deleted Contact"

_COPIED = (
    "active", "name", "name_key", "first_name", "last_name", "email", "account_number", "is_customer",
    "is_supplier", "currency",
)  # fmt: skip
_COLUMNS = ("contact", "org", *_COPIED, "created", "updated", "xero_id", "status_told")
_IN_XERO = f"""
SELECT id AS contact, org, active, name, name_key, first_name, last_name, email, account_number,
    json_extract(CAST(document AS TEXT), '$.IsCustomer') AS is_customer,
    json_extract(CAST(document AS TEXT), '$.IsSupplier') AS is_supplier,
    coalesce(json_extract(CAST(document AS TEXT), '$.DefaultCurrency'), '{BASE_CURRENCY}') AS currency,
    created, updated, contact_id, released_active, released_linked
FROM contacts
"""  # noqa: S608 - our own words
_INSERT = f"INSERT INTO re_leased_contacts ({', '.join(_COLUMNS)})"
_PICK_UP = (
    f"{_INSERT} VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (contact) DO UPDATE SET "
    f"{', '.join(f'{column} = excluded.{column}' for column in (*_COPIED, 'updated'))}"
)

# Of twenty sample contacts, one has its status only in the vendor's own fields, and one has none. One in
# three lacks Xero's ContactID, and so do unlinked ones.
_FILL = f"""
{_INSERT} SELECT {", ".join(_COLUMNS[:-2])},
    CASE WHEN released_linked AND contact % 3 THEN contact_id END,
    CASE contact % 20 WHEN 6 THEN 'raw' WHEN 12 THEN '' ELSE 'is_active' END
FROM ({_IN_XERO} ORDER BY id)
"""  # noqa: S608 - as above
_ONLY_IN_RE_LEASED = f"""
{_INSERT} SELECT NULL, org, ?, ?, ?, NULL, NULL, ?, NULL, 1, 0, ?, created, created, NULL, 'is_active'
FROM organisations ORDER BY org
"""  # noqa: S608 - as above


def fill(connection: sqlite3.Connection) -> None:
    """Give both companies their sample contacts, after those of Xero."""
    connection.execute(_FILL)
    for name, email, currency, is_active in (
        (DELETED, None, BASE_CURRENCY, False),
        (DELETED, None, BASE_CURRENCY, False),
        # Contacts in a foreign currency are never synced to Xero.
        ("Yarra Signage Pty", "accounts@yarra-signage.example", "AUD", True),
    ):
        values = (is_active, name, name.casefold(), email, currency)
        connection.execute(_ONLY_IN_RE_LEASED, values)
    # A contact that belongs to two companies is one contact with one id, listed by both.
    connection.execute(
        "UPDATE re_leased_contacts SET shared_id = first.id FROM re_leased_contacts AS first "
        "WHERE re_leased_contacts.org = 2 AND first.org = 1 AND first.contact IS NOT NULL AND first.active "
        "AND re_leased_contacts.contact = (SELECT min(id) FROM contacts WHERE org = 2) "
        "AND re_leased_contacts.name_key = first.name_key"
    )


def changed_in_xero(database: SandboxDatabase, org: int) -> list[sqlite3.Row]:
    """Return the linked contacts that differ from what Re-Leased shows, oldest change first."""
    linked = f"{_IN_XERO} WHERE org = ? AND released_linked AND"
    return database.all(
        f"{linked} released_active IS NOT active UNION {linked} released_changed ORDER BY updated, contact",
        (org, org),
    )


def copy_from_xero(database: SandboxDatabase, rows: Iterable[sqlite3.Row], now: int) -> None:
    """Show contacts as `changed_in_xero` returned them from `now` on (milliseconds since 1970)."""
    # One may have been deleted since, and another contact may have its row.
    is_there = "SELECT 1 FROM contacts WHERE id = ? AND contact_id = ?"
    rows = [row for row in rows if database.one(is_there, (row["contact"], row["contact_id"]))]
    database.executemany(
        _PICK_UP,
        [
            (*(row[column] for column in _COLUMNS[:-4]), now, now, row["contact_id"], "is_active")
            for row in rows
        ],
    )
    # Changes since they were read wait for the next sync.
    database.executemany(
        "UPDATE contacts SET released_active = ?, released_changed = updated IS NOT ? WHERE id = ?",
        [(row["active"], row["updated"], row["contact"]) for row in rows],
    )
