"""Signing in at the practice Xero."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.practice import Reply, http

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
    return http("POST", f"{practice.identity}/connect/token", form={"client_id": practice.client_id, **form})


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


def test_a_code_is_exchanged_once(practice: PracticeXero) -> None:
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
def test_a_code_must_match_in_everything(practice: PracticeXero, wrong: dict[str, str]) -> None:
    back = _answer(_decide(practice, [practice.tenant_id]))
    form = {"code": back["code"], "redirect_uri": REDIRECT, "code_verifier": VERIFIER} | wrong
    reply = _token(practice, grant_type="authorization_code", **form)
    assert (reply.status, reply.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(("decision", "chosen"), [("deny", True), ("allow", False)])
def test_a_person_can_say_no(practice: PracticeXero, decision: str, chosen: bool) -> None:  # noqa: FBT001 - a parameter of the case
    back = _answer(_decide(practice, [practice.tenant_id] if chosen else [], decision))
    assert back == {"error": "access_denied", "state": "s&<t>ate"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "http://127.0.0.1:8742/callback"},
        {"redirect_uri": "http://evil.example/"},
        {"client_id": "x"},
    ],
)
def test_nothing_is_sent_to_an_address_that_cannot_be_registered(
    practice: PracticeXero, wrong: dict[str, str]
) -> None:
    query = urlencode(_question(practice, **wrong))
    assert http("GET", f"{practice.login}/identity/connect/authorize?{query}").status == 400
    assert _decide(practice, [practice.tenant_id], **wrong).status == 400


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scope": "accounting.everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_question_goes_back_with_its_error(
    practice: PracticeXero, wrong: dict[str, str], error: str
) -> None:
    query = urlencode(_question(practice, **wrong))
    assert _answer(http("GET", f"{practice.login}/identity/connect/authorize?{query}"))["error"] == error


def test_refresh_tokens_rotate_and_the_previous_one_still_works(practice: PracticeXero) -> None:
    first = practice.refresh_token
    second = _token(practice, grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    assert second != first
    assert _token(practice, grant_type="refresh_token", refresh_token=first).status == 200
    assert _token(practice, grant_type="refresh_token", refresh_token=second).status == 200


def test_revoking_ends_a_sign_in(practice: PracticeXero) -> None:
    back = _answer(_decide(practice, [practice.tenant_id]))
    tokens = _token(
        practice,
        grant_type="authorization_code",
        code=back["code"],
        redirect_uri=REDIRECT,
        code_verifier=VERIFIER,
    ).json()
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


def test_connections_can_be_told_apart_and_taken_away(practice: PracticeXero) -> None:
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
