"""Other web pages can't reach endpoints without tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.practice import http

if TYPE_CHECKING:
    from support.practice import PracticeXero

REBOUND = {"Host": "evil.example"}
FORGED = {"Origin": "https://evil.example"}
SANDBOXED = {"Origin": "null"}


def _places(practice: PracticeXero) -> list[tuple[str, str]]:
    contact = f"/app/{practice.organisations[0].short_code}/contacts/contact/x/restore"
    return [
        ("POST", "/practice/limits"),
        ("GET", "/practice/requests"),
        ("POST", f"/released/companies/{practice.tenant_id}/sync"),
        ("POST", contact),
        ("POST", "/identity/connect/authorize"),
    ]


@pytest.mark.parametrize("headers", [REBOUND, FORGED, SANDBOXED], ids=["rebound", "forged", "null"])
def test_foreign_hosts_and_origins_are_refused(practice: PracticeXero, headers: dict[str, str]) -> None:
    for method, path in _places(practice):
        reply = http(method, f"{practice.api}{path}", json_body={}, headers=headers)
        assert reply.status == 403, path


def test_our_own_pages_and_a_proxy_are_accepted(practice: PracticeXero) -> None:
    contact_id = practice.create("Restored by its own page")
    practice.somebody("archive", contact_id)
    address = f"{practice.pages}/app/{practice.organisations[0].short_code}/contacts/contact/{contact_id}"
    proxied = {"Host": "go.xero.com", "Origin": "https://go.xero.com"}
    assert http("POST", f"{address}/restore", form={}, headers=proxied).status == 303
    own = {"Origin": practice.pages}
    assert http("POST", f"{address}/archive", form={}, headers=own).status == 303
    assert http("GET", f"{practice.api}/practice/requests", headers={"Host": "go.xero.com"}).status == 403
    local = {"Host": f"localhost:{practice.port}"}
    assert http("GET", f"{practice.api}/practice/requests", headers=local).status == 200
