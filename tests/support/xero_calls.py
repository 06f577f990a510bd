"""A minimal client of the practice Accounting API, which shares no code with Reshelve's own."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.practice import Reply, http

if TYPE_CHECKING:
    from support.practice import PracticeXero


@dataclass(slots=True)
class XeroCalls:
    """Calls in one organisation with one access token."""

    practice: PracticeXero
    token: str
    tenant_id: str

    @classmethod
    def sign_in(cls, practice: PracticeXero) -> XeroCalls:
        return cls(practice, practice.access_token(), practice.tenant_id)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        url = f"{self.practice.api}/api.xro/2.0/{path}"
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        base = {
            "Authorization": f"Bearer {self.token}",
            "xero-tenant-id": self.tenant_id,
            "Accept": "application/json",
        }
        return http(method, url, json_body=body, headers=base | (headers or {}))

    def contacts(self, headers: dict[str, str] | None = None, **query: Any) -> list[dict[str, Any]]:
        reply = self.call("GET", "Contacts", headers=headers, **query)
        assert reply.status == 200, reply.body
        found: list[dict[str, Any]] = reply.json()["Contacts"]
        return found

    def contact(self, contact_id: str) -> dict[str, Any]:
        reply = self.call("GET", f"Contacts/{contact_id}")
        assert reply.status == 200, reply.body
        found: dict[str, Any] = reply.json()["Contacts"][0]
        return found

    def set_status(self, *contact_ids: str, status: str = "ARCHIVED", **query: Any) -> Reply:
        elements = [{"ContactID": one, "ContactStatus": status} for one in contact_ids]
        return self.call("POST", "Contacts", {"Contacts": elements}, **({"summarizeErrors": "false"} | query))

    def archive(self, *contact_ids: str) -> list[dict[str, Any]]:
        reply = self.set_status(*contact_ids)
        assert reply.status == 200, reply.body
        elements: list[dict[str, Any]] = reply.json()["Contacts"]
        return elements
