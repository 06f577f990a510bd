"""The paths of the Accounting API."""

from __future__ import annotations

import re

from starlette.routing import Route, compile_path

from tui.sandbox.accounting import groups, listing, resources, writing
from tui.sandbox.accounting.request_pipeline import (
    CONTACTS_READ,
    CONTACTS_WRITE,
    SETTINGS_READ,
    Operation,
    endpoint_for,
)

BASE = "/api.xro/2.0"

_CONTACT_GROUP = "/ContactGroups/{group_id}"

_ORGANISATION = {"GET": Operation(resources.get_organisation, SETTINGS_READ)}

_PATHS: dict[str, dict[str, Operation]] = {
    "/Organisation": _ORGANISATION,
    "/Organisations": _ORGANISATION,
    "/Contacts": {
        "GET": Operation(listing.list_contacts, CONTACTS_READ),
        "PUT": Operation(writing.create_contacts, CONTACTS_WRITE, writes=True),
        "POST": Operation(writing.update_or_create_contacts, CONTACTS_WRITE, writes=True),
    },
    "/Contacts/{contact_id}": {
        "GET": Operation(resources.get_contact, CONTACTS_READ),
        "POST": Operation(writing.update_contact, CONTACTS_WRITE, writes=True),
    },
    "/Contacts/{contact_id}/History": {
        "GET": Operation(resources.get_history, CONTACTS_READ),
        "PUT": Operation(resources.put_history, CONTACTS_WRITE, writes=True),
    },
    "/ContactGroups": {
        "GET": Operation(groups.list_groups, CONTACTS_READ),
        "PUT": Operation(groups.create_groups, CONTACTS_WRITE, writes=True),
    },
    _CONTACT_GROUP: {
        "GET": Operation(groups.get_group, CONTACTS_READ),
        "POST": Operation(groups.update_group, CONTACTS_WRITE, writes=True),
    },
    f"{_CONTACT_GROUP}/Contacts": {
        "PUT": Operation(groups.add_members, CONTACTS_WRITE, writes=True),
        "DELETE": Operation(groups.remove_members, CONTACTS_WRITE, writes=True),
    },
    f"{_CONTACT_GROUP}/Contacts/{{contact_id}}": {
        "DELETE": Operation(groups.remove_members, CONTACTS_WRITE, writes=True),
    },
}


def _route(path: str, operations: dict[str, Operation]) -> Route:
    """Return a route whose path is case-insensitive, as on the live service."""
    route = Route(f"{BASE}{path}", endpoint_for(operations), methods=list(operations))
    below = compile_path(path)[0].pattern.removeprefix("^")
    route.path_regex = re.compile(f"^{re.escape(BASE)}(?i:{below})")
    return route


ROUTES = [_route(path, operations) for path, operations in _PATHS.items()]
