"""Signing in at the practice Xero."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.practice import Reply, http
from support.xero_calls import XeroCalls

from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET

if TYPE_CHECKING:
    from support.practice import PracticeXero

REDIRECT = "http://localhost:8742/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def _question(practice: PracticeXero, **other: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": practice.client_id,
        "redirect_uri": REDIRECT,
        "scope": "offline_access accounting.contacts accounting.settings.read",
        "state": "s&<t>ate",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | other


def _decide(practice: PracticeXero, tenants: list[str], decision: str = "allow", **other: str) -> Reply:
    form = [*_question(practice, **other).items(), *(("tenant", one) for one in tenants)]
    return http("POST", f"{practice.login}/identity/connect/authorize", form=[*form, ("decision", decision)])


def _answer(reply: Reply) -> dict[str, str]:
    assert reply.status == 302
    address = reply.headers["Location"]
    assert address.startswith(f"{REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def _token(practice: PracticeXero, **form: str) -> Reply:
    return http("POST", f"{practice.identity}/connect/token", form={"client_id": practice.client_id} | form)


def _connections(practice: PracticeXero, token: str, query: str = "") -> list[dict[str, Any]]:
    reply = http("GET", f"{practice.api}/connections{query}", headers={"Authorization": f"Bearer {token}"})
    assert reply.status == 200
    found: list[dict[str, Any]] = reply.json()
    return found


def test_the_consent_page_lists_the_organisations(practice: PracticeXero) -> None:
    reply = http("GET", f"{practice.login}/identity/connect/authorize?{urlencode(_question(practice))}")
    text = reply.body.decode()
    assert reply.status == 200
    assert text.count('type="checkbox"') == 2
    assert "Harbour &amp; Vine" in text
    assert "s&amp;&lt;t&gt;ate" in text
    assert "form-action 'self' http://localhost:8742;" in reply.headers["Content-Security-Policy"]


def _signed_in(practice: PracticeXero, **other: str) -> dict[str, Any]:
    back = _answer(_decide(practice, [practice.tenant_id], **other))
    tokens: dict[str, Any] = _token(
        practice,
        grant_type="authorization_code",
        code=back["code"],
        redirect_uri=REDIRECT,
        code_verifier=VERIFIER,
    ).json()
    return tokens


def _custom_token(practice: PracticeXero) -> str:
    form = {"grant_type": "client_credentials", "client_secret": CUSTOM_CLIENT_SECRET}
    token: str = _token(practice, client_id=CUSTOM_CLIENT_ID, **form).json()["access_token"]
    return token


def test_code_can_be_exchanged_only_once(practice: PracticeXero) -> None:
    back = _answer(_decide(practice, [practice.tenant_id]))
    assert back["state"] == "s&<t>ate"
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    tokens = _token(practice, **form).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 1800)
    assert tokens["refresh_token"]
    assert len(_connections(practice, tokens["access_token"])) == 2
    again = _token(practice, **form)
    assert (again.status, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "x" * 43}, {"redirect_uri": f"{REDIRECT}/"}, {"code": "made-up"}]
)
def test_code_must_match_in_every_parameter(practice: PracticeXero, wrong: dict[str, str]) -> None:
    back = _answer(_decide(practice, [practice.tenant_id]))
    form = {"code": back["code"], "redirect_uri": REDIRECT, "code_verifier": VERIFIER} | wrong
    reply = _token(practice, grant_type="authorization_code", **form)
    assert (reply.status, reply.json()) == (400, {"error": "invalid_grant"})


def test_user_can_refuse_access(practice: PracticeXero) -> None:
    back = _answer(_decide(practice, [practice.tenant_id], "deny"))
    assert back == {"error": "access_denied", "state": "s&<t>ate"}


def test_allowing_access_requires_an_organisation(practice: PracticeXero) -> None:
    reply = _decide(practice, [])
    text = reply.body.decode()
    assert reply.status == 200
    assert "Choose at least one organisation" in text
    assert (text.count('type="checkbox"'), text.count(" checked")) == (2, 0)


def _mistake(practice: PracticeXero, reply: Reply) -> str:
    """Follow the redirect to the error page, which like Xero's doesn't lead back to the app."""
    assert reply.status == 302
    assert urlsplit(reply.headers["Location"]).path == "/identity/error"
    page = http("GET", f"{practice.login}{reply.headers['Location']}")
    assert page.status == 500
    return page.body.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"client_id": "x"}, "unauthorized_client : Unknown client or client not enabled"),
        ({"redirect_uri": "http://127.0.0.1:8742/callback"}, "Invalid redirect_uri"),
        ({"redirect_uri": "http://localhost:8742/elsewhere"}, "Invalid redirect_uri"),
        ({"redirect_uri": "http://localhost:x/callback"}, "Invalid redirect_uri"),
        ({"redirect_uri": "http://evil.example/callback"}, "Invalid redirect_uri"),
        ({"scope": "accounting.everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_invalid_authorisation_request_shows_the_error_page(
    practice: PracticeXero, wrong: dict[str, str], words: str
) -> None:
    query = urlencode(_question(practice, **wrong))
    asked = http("GET", f"{practice.login}/identity/connect/authorize?{query}")
    assert words in _mistake(practice, asked)
    assert words in _mistake(practice, _decide(practice, [practice.tenant_id], **wrong))


def test_refresh_tokens_rotate_and_the_previous_one_still_works(practice: PracticeXero) -> None:
    first = practice.refresh_token
    second = _token(practice, grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    assert second != first
    assert _token(practice, grant_type="refresh_token", refresh_token=first).status == 200
    assert _token(practice, grant_type="refresh_token", refresh_token=second).status == 200


def test_a_refresh_keeps_the_scopes(practice: PracticeXero) -> None:
    scope = "offline_access accounting.contacts.read accounting.settings.read"
    first = _signed_in(practice, scope=scope)
    assert first["scope"] == scope
    second = _token(practice, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["scope"] == scope
    xero = XeroCalls(practice, second["access_token"], practice.tenant_id)
    contact_id = xero.contacts(pageSize=1, page=1)[0]["ContactID"]
    assert xero.set_status(contact_id).status == 403


def test_every_token_and_code_can_be_recognised(practice: PracticeXero) -> None:
    back = _answer(_decide(practice, [practice.tenant_id]))
    assert back["code"].startswith("practice_code_")
    tokens = _signed_in(practice)
    assert tokens["access_token"].startswith("practice_access_")
    assert tokens["refresh_token"].startswith("practice_refresh_")
    assert practice.refresh_token.startswith("practice_refresh_")
    assert _custom_token(practice).startswith("practice_access_")


def test_custom_connection_sees_only_its_own_organisation(practice: PracticeXero) -> None:
    token = _custom_token(practice)
    assert [one["tenantId"] for one in _connections(practice, token)] == [practice.tenant_id]
    bearer = {"Authorization": f"Bearer {token}"}
    others = _connections(practice, practice.access_token())[1]
    url = f"{practice.api}/connections/{others['id']}"
    assert http("DELETE", url, headers=bearer).status == 404
    for tenant_id in ({}, {"xero-tenant-id": practice.tenant_id}):
        reply = http("GET", f"{practice.api}/api.xro/2.0/Organisation", headers=bearer | tenant_id)
        assert reply.json()["Organisations"][0]["OrganisationID"] == practice.tenant_id


def test_user_can_disconnect_one_organisation(practice: PracticeXero) -> None:
    token = practice.access_token()
    [first, second] = _connections(practice, token)
    shown = http("GET", f"{practice.login}/identity/apps").body.decode()
    assert shown.count("Disconnect<") == 2
    assert f'action="/identity/apps/{second["id"]}"' in shown
    assert http("POST", f"{practice.login}/identity/apps/{second['id']}").status == 303
    assert _connections(practice, token) == [first]
    practice.control("POST", f"connections/{second['tenantId']}", {"connected": True})


def test_revoking_ends_a_sign_in(practice: PracticeXero) -> None:
    tokens = _signed_in(practice)
    form = {"token": tokens["refresh_token"]}
    assert http("POST", f"{practice.identity}/connect/revocation", form=form).status == 200
    reply = _token(practice, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert reply.json() == {"error": "invalid_grant"}
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http("GET", f"{practice.api}/connections", headers=bearer).status == 401


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "client_id": "x"}, "invalid_client"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
    ],
)
def test_refusals_have_their_standard_names(practice: PracticeXero, form: dict[str, str], error: str) -> None:
    reply = _token(practice, **form)
    assert (reply.status, reply.json()) == (400, {"error": error})


def test_connections_have_ids_and_can_be_removed(practice: PracticeXero) -> None:
    token = practice.access_token()
    [first, second] = _connections(practice, token)
    assert (first["tenantType"], first["tenantId"]) == ("ORGANISATION", practice.tenant_id)
    _decide(practice, [second["tenantId"]])
    event = _connections(practice, token)[1]["authEventId"]
    assert event != second["authEventId"]
    assert [one["id"] for one in _connections(practice, token, f"?authEventId={event}")] == [second["id"]]
    bearer = {"Authorization": f"Bearer {token}"}
    url = f"{practice.api}/connections/{second['id']}"
    assert [http("DELETE", url, headers=bearer).status for _ in range(2)] == [204, 404]
    assert [one["id"] for one in _connections(practice, token)] == [first["id"]]
    practice.control("POST", f"connections/{second['tenantId']}", {"connected": True})
