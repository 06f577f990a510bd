"""A small Xero in this process, spoken to by the real client, whose answers can be made odd on their way."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx

from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource
from tui.xero.client import XeroClient
from tui.xero.rate_limiter import MinuteWindow, RateLimiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LONG_AGO_MS: Final = 1_700_000_000_000
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"


def id_of(number: int) -> str:
    return f"5f4cbf2c-0000-4000-8000-{number:012}"


def stamp(milliseconds: int) -> str:
    return f"/Date({milliseconds}+0000)/"


@dataclass
class OddXero:
    """Lists, finds and archives contacts. `change` may alter a correct reply."""

    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    change: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda _, answer: answer
    requests: list[httpx.Request] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    #: Whether writes are carried out, whatever the reply.
    carries_out: bool = True

    @classmethod
    def of(cls, count: int) -> OddXero:
        return cls(
            {
                id_of(number): {
                    "ContactID": id_of(number),
                    "ContactStatus": "ACTIVE",
                    "Name": f"Contact {number}",
                    "UpdatedDateUTC": stamp(LONG_AGO_MS + number),
                }
                for number in range(1, count + 1)
            }
        )

    def edit(self, number: int, **fields: Any) -> None:
        """Edit a contact in Xero, now."""
        now_ms = round(self.now().timestamp() * 1000)
        self.contacts[id_of(number)] |= {"UpdatedDateUTC": stamp(now_ms), **fields}

    @asynccontextmanager
    async def client(self, folder: Path) -> AsyncIterator[XeroClient]:
        tokens = FileTokenStore(folder / "tokens.json")
        tokens.save(Tokens.from_refresh_token("refresh", "client"))
        grant = {"access_token": "access", "refresh_token": "next", "expires_in": 1800}
        source = TokenSource(
            tokens,
            folder / "tokens.lock",
            identity_url="http://127.0.0.1:9/identity",
            transport=httpx.MockTransport(lambda _: httpx.Response(200, json=grant)),
        )
        client = XeroClient(
            api_url="http://127.0.0.1:9/api",
            tenant_id="tenant",
            tokens=source,
            transport=httpx.MockTransport(self._answer),
        )
        # No rate limit, as a test makes hundreds of requests.
        client._api.rate_limiter = RateLimiter(MinuteWindow(seconds=0))
        try:
            yield client
        finally:
            await client.aclose()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.change(request, self._due(request))

    def _due(self, request: httpx.Request) -> httpx.Response:
        last = request.url.path.rpartition("/")[2]
        if last == "Organisation":
            return httpx.Response(200, json={"Organisations": [{"Name": "Books"}]})
        if request.method == "POST":
            return self._write(json.loads(request.content)["Contacts"])
        if last != "Contacts":
            found = [self.contacts[last]] if last in self.contacts else []
            return httpx.Response(200 if found else 404, json={"Contacts": found})
        return self._list(request.url.params, request.headers.get("If-Modified-Since"))

    def _list(self, params: httpx.QueryParams, since: str | None) -> httpx.Response:
        found = [self.contacts[one] for one in sorted(self.contacts)]
        if "IDs" in params:
            found = [one for one in found if one["ContactID"] in params["IDs"].split(",")]
        if since:
            since_ms = datetime.fromisoformat(since).timestamp() * 1000
            found = [one for one in found if int(one["UpdatedDateUTC"][6:19]) >= since_ms]
        page, size = int(params["page"]), int(params["pageSize"])
        some = found[(page - 1) * size : page * size]
        pages = -(-len(found) // size)
        numbers = {"page": page, "pageSize": size, "pageCount": pages, "itemCount": len(found)}
        return httpx.Response(200, json={"pagination": numbers, "Contacts": some})

    def _write(self, wanted: list[dict[str, Any]]) -> httpx.Response:
        if any(one["ContactID"] not in self.contacts for one in wanted):
            return httpx.Response(404)
        elements = []
        for one in wanted:
            known = self.contacts[one["ContactID"]]
            if known["ContactStatus"] == "ARCHIVED":
                message = "Archived contacts cannot currently be edited via the API."
                errors = {"HasValidationErrors": True, "ValidationErrors": [{"Message": message}]}
                elements.append({"ContactID": _NO_ID, "StatusAttributeString": "ERROR", **errors})
            elif not self.carries_out:
                elements.append(known | {"ContactStatus": one["ContactStatus"]})
            else:
                self.edit(int(one["ContactID"][-12:]), ContactStatus=one["ContactStatus"])
                elements.append(known | {"StatusAttributeString": "OK"})
        return httpx.Response(200, json={"Contacts": elements})


def changed(answer: httpx.Response, do: Callable[[dict[str, Any]], None]) -> httpx.Response:
    """Let `do` change each contact of a reply."""
    body = answer.json()
    for contact in body["Contacts"]:
        do(contact)
    return httpx.Response(answer.status_code, json=body)
