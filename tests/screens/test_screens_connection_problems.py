"""From Xero's reply to the words on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from support.pictures import text_of
from support.sample_contacts import NOW
from support.screen_test import running

from tui.engine.connectivity import ConnectionState
from tui.widgets.sync_format import xero_problem
from tui.xero.errors import error_for

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

    from tui.model.snapshot import XeroStatus

pytestmark = pytest.mark.slow

UNAUTHORISED = {"Title": "Unauthorized", "Status": 401}
NO_SCOPE = {"permission (scope)"}
EXPIRED = {"is no longer valid"}
ANSWERS = [
    (
        httpx.Response(401, json={**UNAUTHORISED, "Detail": "insufficient_scope"}),
        "sign in",
        NO_SCOPE,
        EXPIRED,
    ),
    (httpx.Response(401, json={**UNAUTHORISED, "Detail": "Scope missing"}), "sign in", NO_SCOPE, EXPIRED),
    (
        httpx.Response(403, json={"Detail": "Needs the scope accounting.contacts"}),
        "sign in",
        NO_SCOPE,
        EXPIRED,
    ),
    (httpx.Response(401, json={**UNAUTHORISED, "Detail": "TokenExpired"}), "sign in", EXPIRED, NO_SCOPE),
    (httpx.Response(422, json={"Title": "Odd", "Detail": "Modified"}), "unexpected", {"Modified"}, EXPIRED),
    (httpx.Response(422, html="<h1>No</h1>"), "unexpected", {"proxy or gateway", "422"}, EXPIRED),
    (httpx.Response(413, html="<h1>No</h1>"), "unexpected", {"proxy or gateway", "413"}, EXPIRED),
    (httpx.Response(400, json={"Message": "A bad filter"}), "unexpected", {"A bad filter"}, EXPIRED),
    (httpx.Response(503, html="<h1>No</h1>"), "no", {"503"}, EXPIRED),
]


def link_after(response: httpx.Response) -> XeroStatus:
    connection = ConnectionState(lambda: NOW, lambda: None)
    connection.record_failure(error_for(response))
    return connection.xero_status


async def test_each_connection_problem_is_named(backend: IdleEngine) -> None:
    async with running(backend, (80, 36)) as person:
        for response, title, words, others in ANSWERS:
            link = link_after(response)
            said = xero_problem(link, NOW)
            assert all(part in said for part in words)
            assert not any(part in said for part in others - words)
            await person.hears(xero=link)
            shown = person.title.split(" Xero ")[1]
            assert title in shown
            assert ("no reply" in shown or "not responding" in shown) is (response.status_code >= 500)
            await person.press("t")
            assert max(words, key=len).split()[0] in " ".join(text_of(person.screen).split())
            await person.press("escape")
