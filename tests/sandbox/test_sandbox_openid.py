"""Scopes, ID tokens and discovery: what clients of the live service sign in with."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from support.practice import Reply, http

from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls

REDIRECT = "http://localhost:8742/callback"
VERIFIER = "another-verifier-of-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
# Scopes of Xero's own command line and MCP server, before and after the split of 2026.
COMMAND_LINE = (
    "openid profile email offline_access accounting.contacts accounting.settings accounting.invoices "
    "accounting.payments accounting.banktransactions accounting.manualjournals accounting.reports.aged.read "
    "accounting.reports.balancesheet.read accounting.reports.profitandloss.read "
    "accounting.reports.trialbalance.read accounting.budgets.read accounting.attachments"
)
MCP_BEFORE = (
    "accounting.transactions accounting.contacts accounting.settings accounting.reports.read "
    "payroll.settings payroll.employees payroll.timesheets"
)
MCP_AFTER = (
    "accounting.invoices accounting.payments accounting.banktransactions accounting.manualjournals "
    "accounting.reports.aged.read accounting.reports.balancesheet.read "
    "accounting.reports.profitandloss.read accounting.reports.trialbalance.read accounting.contacts "
    "accounting.settings payroll.settings payroll.employees payroll.timesheets"
)
OTHERS = (
    "openid accounting.invoices.read accounting.payments.read accounting.banktransactions.read "
    "accounting.manualjournals.read accounting.attachments.read accounting.journals.read "
    "accounting.reports.banksummary.read accounting.reports.budgetsummary.read "
    "accounting.reports.executivesummary.read accounting.reports.taxreports.read "
    "accounting.reports.tenninetynine.read files assets.read projects payroll.payslip.read payroll.payruns "
    "finance.statements.read paymentservices bankfeeds practicemanager.client.read practicemanager.read"
)


def _asked(practice: PracticeXero, scope: str, **other: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": practice.client_id,
        "redirect_uri": REDIRECT,
        "scope": scope,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | other


def _decided(practice: PracticeXero, scope: str, **other: str) -> Reply:
    form = _asked(practice, scope, **other) | {"tenant": practice.tenant_id, "decision": "allow"}
    return http("POST", f"{practice.login}/identity/connect/authorize", form=form)


def _token(practice: PracticeXero, **form: str) -> dict[str, Any]:
    reply = http("POST", f"{practice.identity}/connect/token", form={"client_id": practice.client_id} | form)
    assert reply.status == 200, reply.body
    tokens: dict[str, Any] = reply.json()
    return tokens


def _signed_in(practice: PracticeXero, scope: str, **other: str) -> dict[str, Any]:
    reply = _decided(practice, scope, **other)
    [code] = parse_qs(urlsplit(reply.headers["Location"]).query)["code"]
    return _token(
        practice, grant_type="authorization_code", code=code, redirect_uri=REDIRECT, code_verifier=VERIFIER
    )


def _configuration(practice: PracticeXero) -> dict[str, Any]:
    reply = http("GET", f"{practice.identity}/.well-known/openid-configuration")
    assert reply.status == 200
    found: dict[str, Any] = reply.json()
    return found


def _claims(practice: PracticeXero, id_token: str) -> dict[str, Any]:
    """Check the signature with the published key, as any client does."""
    keys = KeySet.import_key_set(http("GET", _configuration(practice)["jwks_uri"]).json())
    decoded = jwt.decode(id_token, keys, algorithms=["RS256"])
    assert decoded.header["kid"] == keys.keys[0].kid
    return decoded.claims


@pytest.mark.parametrize("scope", [COMMAND_LINE, MCP_BEFORE, MCP_AFTER, OTHERS])
def test_real_scopes_are_granted_in_both_kinds_of_sign_in(
    practice: PracticeXero, xero: XeroCalls, scope: str
) -> None:
    shown = http("GET", f"{practice.login}/identity/connect/authorize?{urlencode(_asked(practice, scope))}")
    assert shown.status == 200
    tokens = _signed_in(practice, scope)
    assert tokens["scope"] == scope
    secret = {"client_id": CUSTOM_CLIENT_ID, "client_secret": CUSTOM_CLIENT_SECRET}
    custom = _token(practice, grant_type="client_credentials", scope=scope, **secret)
    assert set(custom["scope"].split()) == set(scope.split()) - {"offline_access"}
    for given in (tokens, custom):
        xero.token = given["access_token"]
        # The other scopes have no effect here.
        is_open = "accounting.contacts" in scope.split()
        assert xero.call("GET", "Contacts", page=1).status == (200 if is_open else 403)


@pytest.mark.parametrize(
    "scope", ["openid  profile\taccounting.contacts", " openid profile\n accounting.contacts "]
)
def test_scopes_are_returned_with_single_spaces(practice: PracticeXero, scope: str) -> None:
    assert _signed_in(practice, scope)["scope"] == "openid profile accounting.contacts"


@pytest.mark.parametrize(
    "invented",
    [
        "accounting.everything",
        "accounting",
        "accounting.invoices.write",
        "accounting.reports.balancesheets.read",
        "accounting.reports.",
        "Accounting.Contacts",
        "openid.read",
        "offline",
        "payroll",
        "read",
    ],
)
def test_invented_scopes_are_refused(practice: PracticeXero, invented: str) -> None:
    scope = f"offline_access accounting.contacts {invented}"
    for reply in (
        http("GET", f"{practice.login}/identity/connect/authorize?{urlencode(_asked(practice, scope))}"),
        _decided(practice, scope),
    ):
        assert (reply.status, reply.headers["Location"]) == (302, "/identity/error?errorId=scope")
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_id": CUSTOM_CLIENT_ID,
        "client_secret": CUSTOM_CLIENT_SECRET,
    }
    refused = http("POST", f"{practice.identity}/connect/token", form=form)
    assert (refused.status, refused.json()) == (400, {"error": "invalid_scope"})


def test_discovery_lists_working_addresses(practice: PracticeXero) -> None:
    found = _configuration(practice)
    assert found["issuer"] == practice.identity
    known = set(found["scopes_supported"])
    assert known >= set(f"{COMMAND_LINE} {MCP_BEFORE} {MCP_AFTER} {OTHERS}".split())
    consent = http("GET", f"{found['authorization_endpoint']}?{urlencode(_asked(practice, 'openid'))}")
    assert b"Allow access" in consent.body
    assert http("POST", found["token_endpoint"], form={}).json() == {"error": "invalid_client"}
    assert http("POST", found["revocation_endpoint"], form={"token": "none"}).status == 200
    [key] = http("GET", found["jwks_uri"]).json()["keys"]
    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert not {"d", "p", "q"} & set(key)


def test_discovery_follows_the_requested_host_name(practice: PracticeXero) -> None:
    url = f"{practice.identity}/.well-known/openid-configuration"
    found = http("GET", url, headers={"Host": "identity.xero.com"}).json()
    assert found["issuer"] == "https://identity.xero.com"
    assert found["authorization_endpoint"] == "https://login.xero.com/identity/connect/authorize"
    assert found["token_endpoint"] == "https://identity.xero.com/connect/token"


def test_id_token_names_the_user_and_the_app(practice: PracticeXero) -> None:
    tokens = _signed_in(practice, "openid profile email offline_access accounting.contacts", nonce="n-0S6&W")
    claims = _claims(practice, tokens["id_token"])
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (
        practice.identity,
        practice.client_id,
        "n-0S6&W",
    )
    assert claims["exp"] - claims["iat"] == 300
    assert claims["nbf"] <= claims["iat"]
    assert claims["auth_time"] <= claims["iat"]
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert claims["global_session_id"] == claims["sid"]
    assert {"sub", "xero_userid", "sid", "given_name", "family_name", "preferred_username", "email"} <= set(
        claims
    )


def test_id_token_is_renewed_at_a_refresh(practice: PracticeXero) -> None:
    first = _signed_in(practice, "openid offline_access accounting.contacts")
    second = _token(practice, grant_type="refresh_token", refresh_token=first["refresh_token"])
    before, after = (_claims(practice, one["id_token"]) for one in (first, second))
    assert (after["sub"], after["sid"]) == (before["sub"], before["sid"])
    # Neither was requested.
    assert not {"nonce", "email", "name"} & (set(before) | set(after))


@pytest.mark.parametrize("scope", ["accounting.contacts", "profile email offline_access accounting.contacts"])
def test_there_is_no_id_token_without_openid(practice: PracticeXero, scope: str) -> None:
    assert "id_token" not in _signed_in(practice, scope)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("scope", ["openid", "openid email accounting.contacts", "openid profile email"])
def test_user_info_matches_the_id_token(practice: PracticeXero, method: str, scope: str) -> None:
    tokens = _signed_in(practice, scope)
    url = _configuration(practice)["userinfo_endpoint"]
    told = http(method, url, headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert told.items() <= _claims(practice, tokens["id_token"]).items()
    assert ("sub" in told, "email" in told, "name" in told) == (True, "email" in scope, "profile" in scope)


def test_user_info_requires_an_openid_token(practice: PracticeXero, xero: XeroCalls) -> None:
    url = f"{practice.identity}/connect/userinfo"
    assert http("GET", url).json()["Detail"] == "AuthenticationUnsuccessful"
    refused = http("GET", url, headers={"Authorization": f"Bearer {xero.token}"})
    assert (refused.status, refused.json()) == (403, {"error": "insufficient_scope"})


def test_altered_id_token_is_detected(practice: PracticeXero) -> None:
    head, body, signature = _signed_in(practice, "openid")["id_token"].split(".")
    other = body[:-2] + ("AA" if body[-2:] != "AA" else "BB")
    with pytest.raises(Exception, match="signature"):
        _claims(practice, f"{head}.{other}.{signature}")


def test_access_tokens_are_as_long_as_live_ones(practice: PracticeXero, xero: XeroCalls) -> None:
    tokens = _signed_in(practice, "offline_access accounting.contacts")
    refreshed = _token(practice, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    secret = {"client_id": CUSTOM_CLIENT_ID, "client_secret": CUSTOM_CLIENT_SECRET}
    custom = _token(practice, grant_type="client_credentials", **secret)
    for one in (tokens, refreshed, custom):
        assert len(one["access_token"]) > 1000
        xero.token = one["access_token"]
        assert xero.call("GET", "Contacts", page=1).status == 200
    assert len(tokens["refresh_token"]) < 100


def test_a_401_says_why_and_when(practice: PracticeXero, xero: XeroCalls) -> None:
    before = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    practice.control("POST", "tokens", {"expireAccess": True})
    connections = f"{practice.api}/connections"
    bearer = {"Authorization": f"Bearer {xero.token}"}
    for reply in (
        xero.call("GET", "Contacts"),
        xero.call("POST", "Contacts", {}),
        http("GET", connections, headers=bearer),
        http("DELETE", f"{connections}/{practice.tenant_id}", headers=bearer),
    ):
        problem = reply.json()
        assert (reply.status, problem["Title"], problem["Status"]) == (401, "Unauthorized", 401)
        assert (problem["Type"], problem["Extensions"]) == (None, {})
        when = re.fullmatch(
            r"TokenExpired: token expired at (\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)", problem["Detail"]
        )
        assert when is not None, problem["Detail"]
        moment = datetime.strptime(when[1], "%m/%d/%Y %H:%M:%S")  # noqa: DTZ007 - Xero names no zone
        assert before <= moment <= datetime.now(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("authorization", ["Bearer made-up", "Bearer ", "Basic abc", ""])
def test_foreign_token_is_a_401(practice: PracticeXero, authorization: str) -> None:
    for path in ("api.xro/2.0/Contacts", "connections"):
        reply = http("GET", f"{practice.api}/{path}", headers={"Authorization": authorization})
        assert (reply.status, reply.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


def test_revoked_token_is_not_reported_as_expired(practice: PracticeXero, xero: XeroCalls) -> None:
    tokens = _signed_in(practice, "offline_access accounting.contacts")
    form = {"token": tokens["refresh_token"]}
    assert http("POST", f"{practice.identity}/connect/revocation", form=form).status == 200
    xero.token = tokens["access_token"]
    assert xero.call("GET", "Contacts").json()["Detail"] == "AuthenticationUnsuccessful"
