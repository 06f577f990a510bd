"""`/ContactGroups`: named lists of contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.sandbox.accounting.where import CONTACT_GROUP, as_sql, parse, parse_order
from tui.sandbox.accounting.writing import parse_elements
from tui.sandbox.books import new_id
from tui.sandbox.database import parse_guid
from tui.sandbox.responses import (
    ApiResponse,
    UnknownIdError,
    encode,
    envelope,
    invalid_elements,
    validation,
)

if TYPE_CHECKING:
    import sqlite3

    from tui.sandbox.accounting.routes import ApiCall
    from tui.sandbox.books import Document

# Xero's own messages: seen on a live organisation, and in its OpenAPI description, v16.1.
ARCHIVED_MEMBER = "Unable to assign an Archived contact."
TOO_MANY = "You’ve reached the limit of 100 contact groups."
_MOST = 100
_ORDERS = {"name": "name", "status": "status", "contactgroupid": "group_id"}


def list_groups(call: ApiCall) -> ApiResponse:
    """`GET /ContactGroups`: active groups, without their contacts."""
    order = parse_order(call.parameter("order"), _ORDERS, "ContactGroup") or {"name": "ASC"}
    where = parse(call.parameter("where").strip() or "true", CONTACT_GROUP, "ContactGroup").matches
    rows = call.practice.database.all(
        f"SELECT * FROM groups WHERE org = ? AND status = 'ACTIVE' AND {where.sql} ORDER BY {as_sql(order)}",  # noqa: S608 - our own conditions
        (call.org, *where.parameters),
    )
    return envelope(call.now, "ContactGroups", [encode(_shown(row)) for row in rows])


def get_group(call: ApiCall) -> ApiResponse:
    """`GET /ContactGroups/{ContactGroupID}`: one group with its contacts."""
    return _answer(call, _group(call))


def create_groups(call: ApiCall) -> ApiResponse:
    """`PUT /ContactGroups`: names are unique among active groups."""
    elements = parse_elements(call.body, "ContactGroups")
    made: list[Document] = []
    errors: list[Document] = []
    database = call.practice.database
    count = database.value("SELECT count(*) FROM groups WHERE org = ? AND status = 'ACTIVE'", (call.org,))
    names: set[str] = set()
    for element in elements:
        name = element.get("Name")
        if not isinstance(name, str) or not name.strip() or _named(call, name) or name.casefold() in names:
            errors.append(_refused(element, "The contact group name must be given and be unique."))
        elif count + len(made) >= _MOST:
            errors.append(_refused(element, TOO_MANY))
        else:
            names.add(name.casefold())
            made.append(group_document(new_id(), name))
    if errors:
        return invalid_elements(errors)
    with database.transaction():
        database.executemany(
            "INSERT INTO groups VALUES (?, ?, ?, 'ACTIVE')",
            [(group["ContactGroupID"], call.org, group["Name"]) for group in made],
        )
    return envelope(call.now, "ContactGroups", [encode(group) for group in made])


def update_group(call: ApiCall) -> ApiResponse:
    """`POST /ContactGroups/{ContactGroupID}`: a new name, or `Status` `DELETED`."""
    group = _group(call)
    element = parse_elements(call.body, "ContactGroups")[0]
    name = element.get("Name", group["name"])
    status = element.get("Status", group["status"])
    holder = _named(call, name) if isinstance(name, str) and name.strip() else None
    is_free = holder is None or holder["group_id"] == group["group_id"]
    if status not in ("ACTIVE", "DELETED") or not isinstance(name, str) or not name.strip() or not is_free:
        return invalid_elements([_refused(element, "The contact group can't be changed like that.")])
    database = call.practice.database
    with database.transaction():
        members = _members(call, group["group_id"])
        database.execute(
            "UPDATE groups SET name = ?, status = ? WHERE group_id = ?", (name, status, group["group_id"])
        )
        if status == "DELETED":
            database.execute("DELETE FROM group_members WHERE group_id = ?", (group["group_id"],))
        for member in members:
            _rewrite(call, member)
    changed = database.one("SELECT * FROM groups WHERE group_id = ?", (group["group_id"],))
    return envelope(call.now, "ContactGroups", [encode(_shown(changed or group))])


def add_members(call: ApiCall) -> ApiResponse:
    """`PUT /ContactGroups/{ContactGroupID}/Contacts`: add contacts to a group, all or none.

    An archived contact is refused (seen), though one that is archived later stays in its groups.
    """
    group, database = _group(call), call.practice.database
    if group["status"] != "ACTIVE":
        raise validation("Contacts can't be added to a deleted contact group.")
    rows = [_contact(call, element.get("ContactID")) for element in parse_elements(call.body)]
    if archived := [row for row in rows if not row["active"]]:
        errors = {"HasValidationErrors": True, "ValidationErrors": [{"Message": ARCHIVED_MEMBER}]}
        return invalid_elements([_name_only(row) | errors for row in archived])
    with database.transaction():
        for row in rows:
            database.execute(
                "INSERT OR IGNORE INTO group_members VALUES (?, ?)", (group["group_id"], row["id"])
            )
            _rewrite(call, row)
    return envelope(call.now, "Contacts", [encode(_name_only(row)) for row in rows])


def remove_members(call: ApiCall) -> ApiResponse:
    """`DELETE /ContactGroups/{ContactGroupID}/Contacts[/{ContactID}]`: remove one or all from a group."""
    group, database = _group(call), call.practice.database
    if "contact_id" in call.path:
        rows = [_contact(call, call.path["contact_id"])]
    else:
        rows = _members(call, group["group_id"])
    with database.transaction():
        for row in rows:
            database.execute(
                "DELETE FROM group_members WHERE group_id = ? AND contact = ?", (group["group_id"], row["id"])
            )
            _rewrite(call, row)
    return ApiResponse(204, b"", None)


def _group(call: ApiCall) -> sqlite3.Row:
    row = call.practice.database.one(
        "SELECT * FROM groups WHERE org = ? AND group_id = ?",
        (call.org, parse_guid(call.path["group_id"])),
    )
    if row is None:
        raise UnknownIdError
    return row


def _named(call: ApiCall, name: str) -> sqlite3.Row | None:
    return call.practice.database.one(
        "SELECT * FROM groups WHERE org = ? AND name = ? COLLATE NOCASE AND status = 'ACTIVE'",
        (call.org, name),
    )


def _contact(call: ApiCall, contact_id: Any) -> sqlite3.Row:
    row = call.books.find(call.org, contact_id) if isinstance(contact_id, str) else None
    if row is None:
        raise UnknownIdError
    return row


def _members(call: ApiCall, group_id: str) -> list[sqlite3.Row]:
    return call.practice.database.all(
        "SELECT c.* FROM group_members m JOIN contacts c ON c.id = m.contact WHERE group_id = ? "
        "ORDER BY name_key",
        (group_id,),
    )


def _rewrite(call: ApiCall, row: sqlite3.Row) -> None:
    groups = call.practice.database.all(
        "SELECT g.* FROM group_members m JOIN groups g USING (group_id) WHERE m.contact = ? ORDER BY g.name",
        (row["id"],),
    )
    call.books.set_groups(row, [group_document(group["group_id"], group["name"]) for group in groups])


def group_document(group_id: str, name: str) -> Document:
    """Return a group as shown in contacts."""
    return {
        "ContactGroupID": group_id,
        "Name": name,
        "Status": "ACTIVE",
        "Contacts": [],
        "HasValidationErrors": False,
    }


def _shown(row: sqlite3.Row) -> Document:
    return group_document(row["group_id"], row["name"]) | {"Status": row["status"]}


def _answer(call: ApiCall, group: sqlite3.Row) -> ApiResponse:
    members = [_name_only(row) for row in _members(call, group["group_id"])]
    return envelope(call.now, "ContactGroups", [encode(_shown(group) | {"Contacts": members})])


def _name_only(row: sqlite3.Row) -> Document:
    empty: Document = {"Addresses": [], "Phones": [], "ContactGroups": [], "ContactPersons": []}
    named = {"ContactID": row["contact_id"], "Name": row["name"]}
    return named | empty | {"HasValidationErrors": False}


def _refused(element: Document, message: str) -> Document:
    echoed = {key: element[key] for key in ("ContactGroupID", "Name") if isinstance(element.get(key), str)}
    error = {"HasValidationErrors": True, "ValidationErrors": [{"Message": message}]}
    return echoed | {"Contacts": []} | error
