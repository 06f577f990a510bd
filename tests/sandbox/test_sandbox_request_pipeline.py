"""Tokens, scopes, limits and idempotency keys, which apply to every request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from support.practice import http

from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET
from tui.sandbox.rate_limits import Exceeded, RateLimits

if TYPE_CHECKING:
    from support.practice import PracticeXero, Reply
    from support.xero_calls import XeroCalls


def _custom_token(practice: PracticeXero, scope: str) -> Reply:
    pair = base64.b64encode(f"{CUSTOM_CLIENT_ID}:{CUSTOM_CLIENT_SECRET}".encode()).decode()
    return http(
        "POST",
        f"{practice.identity}/connect/token",
        form={"grant_type": "client_credentials", "scope": scope},
        headers={"Authorization": f"Basic {pair}"},
    )


def test_request_without_a_token_is_a_401(xero: XeroCalls) -> None:
    xero.token = "made-up"
    assert xero.call("GET", "Contacts").status == 401


def test_expired_tokens_are_a_401(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.control("POST", "tokens", {"expireAccess": True})
    reply = xero.call("GET", "Contacts")
    assert reply.status == 401
    assert reply.json()["Detail"].startswith("TokenExpired: token expired at ")


@pytest.mark.parametrize("tenant", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_an_organisation_that_is_not_connected_is_a_403(xero: XeroCalls, tenant: str) -> None:
    xero.tenant_id = tenant
    reply = xero.call("GET", "Contacts")
    problem = reply.json()
    assert (reply.status, problem["Title"], problem["Detail"]) == (
        403,
        "Forbidden",
        "AuthenticationUnsuccessful",
    )
    assert problem["Type"] is None


def test_a_disconnected_organisation_is_a_403_until_it_is_back(
    practice: PracticeXero, xero: XeroCalls
) -> None:
    practice.control("POST", f"connections/{practice.tenant_id}", {"connected": False})
    assert xero.call("GET", "Contacts", page=1).status == 403
    practice.control("POST", f"connections/{practice.tenant_id}", {"connected": True})
    assert xero.call("GET", "Contacts", page=1).status == 200


def test_scopes_limit_what_a_token_can_do(practice: PracticeXero, xero: XeroCalls) -> None:
    xero.token = _custom_token(practice, "accounting.contacts.read").json()["access_token"]
    assert xero.call("GET", "Contacts", page=1).status == 200
    assert xero.call("PUT", "Contacts", {"Name": "Not allowed"}).status == 403
    assert xero.call("GET", "Organisation").status == 403


def test_a_custom_connection_needs_no_tenant_header(practice: PracticeXero, xero: XeroCalls) -> None:
    answer = _custom_token(practice, "accounting.contacts accounting.settings.read").json()
    xero.token, xero.tenant_id = answer["access_token"], ""
    organisation = xero.call("GET", "Organisation").json()["Organisations"][0]
    assert organisation["OrganisationID"] == practice.tenant_id
    assert "refresh_token" not in answer


def test_every_reply_has_the_calls_left(xero: XeroCalls) -> None:
    names = ("X-MinLimit-Remaining", "X-DayLimit-Remaining", "X-AppMinLimit-Remaining")
    first = xero.call("GET", "Contacts", page=1)
    second = xero.call("GET", "Contacts", where="nonsense")
    missing = xero.call("GET", "Contacts/nobody")
    for name in names:
        left = [int(reply.headers[name]) for reply in (first, second, missing)]
        assert left == [left[0], left[0] - 1, left[0] - 2]


@pytest.mark.parametrize(("limit", "problem", "longest"), [("minute", "minute", 60), ("day", "day", 86_400)])
def test_exhausted_limit_is_an_empty_429(
    practice: PracticeXero, xero: XeroCalls, limit: str, problem: str, longest: int
) -> None:
    practice.limits(**{limit: 2})
    assert [xero.call("GET", "Contacts", page=1).status for _ in range(2)] == [200, 200]
    reply = xero.call("GET", "Contacts", page=1)
    assert (reply.status, reply.body) == (429, b"")
    assert "Content-Type" not in reply.headers
    assert reply.headers["X-Rate-Limit-Problem"] == problem
    assert 0 < int(reply.headers["Retry-After"]) <= longest
    assert int(reply.headers[f"X-{'Min' if limit == 'minute' else 'Day'}Limit-Remaining"]) == 0
    xero.tenant_id = practice.organisations[1].tenant_id
    assert xero.call("GET", "Contacts", page=1).status == 200


def test_too_many_simultaneous_requests_are_a_429(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.limits(atOnce=0)
    reply = xero.call("GET", "Contacts", page=1)
    assert (reply.status, reply.body) == (429, b"")
    assert reply.headers["X-Rate-Limit-Problem"] == "concurrent"
    practice.limits(atOnce=1)
    assert [xero.call("GET", "Contacts", page=1).status for _ in range(2)] == [200, 200]


def test_simultaneous_requests_count_while_they_last() -> None:
    limits = RateLimits(at_once=2)
    with limits.running(1), limits.running(1):
        assert limits.acquire(1) == Exceeded("concurrent", 1)
        assert limits.acquire(2) is None
    assert limits.acquire(1) is None


def test_idempotency_key_replays_the_first_reply(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Once only")
    body = {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ARCHIVED"}]}
    key = {"Idempotency-Key": "once-only"}
    first = xero.call("POST", "Contacts", body, headers=key, summarizeErrors="false")
    again = xero.call("POST", "Contacts", body, headers=key, summarizeErrors="false")
    assert again.body == first.body
    assert again.json()["Contacts"][0]["StatusAttributeString"] == "OK"
    assert int(again.headers["X-DayLimit-Remaining"]) == int(first.headers["X-DayLimit-Remaining"]) - 1
    other = {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ACTIVE"}]}
    assert xero.call("POST", "Contacts", other, headers=key, summarizeErrors="false").status == 400


def test_errors_are_replayed_too(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Refused once")
    practice.somebody("repeating", contact_id)
    body = {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ARCHIVED"}]}
    key = {"Idempotency-Key": "refused-once"}
    first = xero.call("POST", "Contacts", body, headers=key)
    practice.somebody("repeating", contact_id, repeating=False)
    assert xero.call("POST", "Contacts", body, headers=key).body == first.body
    assert first.status == 400


def test_a_key_belongs_to_one_organisation(practice: PracticeXero, xero: XeroCalls) -> None:
    key = {"Idempotency-Key": "two-organisations"}
    assert xero.call("PUT", "Contacts", {"Name": "Keyed"}, headers=key).status == 200
    xero.tenant_id = practice.organisations[1].tenant_id
    assert xero.call("PUT", "Contacts", {"Name": "Keyed elsewhere"}, headers=key).status == 200


def test_keys_have_at_most_128_characters(xero: XeroCalls) -> None:
    reply = xero.call("PUT", "Contacts", {"Name": "Key too long"}, headers={"Idempotency-Key": "k" * 129})
    assert reply.status == 400
    assert (
        xero.call("PUT", "Contacts", {"Name": "Key fits"}, headers={"Idempotency-Key": "k" * 128}).status
        == 200
    )
